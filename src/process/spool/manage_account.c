/* Readiness of connectors, alarms, and what connector tests found; asked by the administrator. */
#include "base/moment.h"
#include "process/spool/state.h"

#include <stdio.h>
#include <stdlib.h>

enum { DAYS = 30, MAX_DAYS = 3660, MAX_SUMMARY = 256 * 1024 };
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static const char *const direction_words[] = {[RECEIPT_IN] = "inbound", [RECEIPT_OUT] = "outbound"};

/* Organisation and connector of a request; false: answered. */
static bool connector_arguments(
	struct spool_request *request, const char **ret_organisation, const char **ret_name)
{
	*ret_organisation = spool_argument(request, "organisation");
	*ret_name = spool_argument(request, "connector");
	if (*ret_organisation != NULL && *ret_name != NULL)
		return true;
	spool_answer_error(request, ERR_SYNTAX, "organisation, connector: expected");
	return false;
}

static const struct policy_outcome_row *outcome_of(const char *token)
{
	for (int i = 0; token != NULL && i < POLICY_OUTCOME_MAX; i++)
		if (strcmp(policy_outcome_row((enum policy_outcome)i)->token, token) == 0)
			return policy_outcome_row((enum policy_outcome)i);
	return NULL;
}

/* ---- readiness ---------------------------------------------------------------------------------
 */

struct asked {
	struct spool_request *request;
	const struct model_connector *connector; /* of the snapshot at the time of the answer */
	const struct store_readiness *found;
	int64_t days;
};

/* 1203 as "1,203". */
static const char *number(int64_t value, char ret[32])
{
	char plain[24];
	size_t n = (size_t)snprintf(plain, sizeof(plain), "%lld", (long long)value), to = 0;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			ret[to++] = ',';
		ret[to++] = plain[i];
	}
	ret[to] = '\0';
	return ret;
}

static const char *plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

/* One line that says what a switch to enforcing would mean, and on how much it rests. */
static json_t *verdict(const struct asked *a, int direction, bool is_report)
{
	const int64_t *totals = a->found->totals[direction];
	int64_t unmet = totals[is_report ? STORE_TALLY_WOULD : STORE_TALLY_REFUSED];
	int64_t hosts =
		a->found->hosts[direction][is_report ? STORE_TALLY_WOULD : STORE_TALLY_REFUSED];
	int64_t all = totals[STORE_TALLY_OK] + totals[STORE_TALLY_WOULD];
	const char *words = direction_words[direction],
		   *from = direction == RECEIPT_IN ? "from" : "to";
	char n[32], of[32], line[256];

	if (all == 0 && unmet == 0)
		snprintf(line, sizeof(line),
			"no %s mail of this connector was seen in %lld day%s: nothing can be said",
			words, (long long)a->days, plural(a->days));
	else if (is_report && unmet == 0)
		snprintf(line, sizeof(line),
			"switching %s to enforce would have refused none of %s message%s", words,
			number(all, of), plural(all));
	else if (is_report)
		snprintf(line, sizeof(line),
			"switching %s to enforce would have refused %s of %s message%s %s %lld "
			"host%s",
			words, number(unmet, n), number(all, of), plural(all), from,
			(long long)hosts, plural(hosts));
	else
		snprintf(line, sizeof(line),
			"%s is enforced: %s message%s complied, %s refused (%s %lld host%s)", words,
			number(all, of), plural(all), number(unmet, n), from, (long long)hosts,
			plural(hosts));
	return json_string(line);
}

static json_t *reason_json(const struct store_readiness_row *row)
{
	static const char *const tallies[] = {[STORE_TALLY_OK] = "ok",
		[STORE_TALLY_WOULD] = "would-refuse",
		[STORE_TALLY_REFUSED] = "refused"};
	const struct policy_outcome_row *outcome = outcome_of(row->token);
	char id[WIRE_ID_TEXT] = "";

	if (row->sample != 0)
		wire_id_format(row->sample, id);
	return json_pack("{s:o,s:s,s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o}", "token",
		spool_text_json(row->token), "kind", tallies[row->tally], "host",
		spool_text_json(row->host), "name", spool_text_json(row->name), "count",
		(json_int_t)row->count, "first", spool_moment_json(row->first_ms), "last",
		spool_moment_json(row->last_ms), "sample",
		row->sample != 0 ? json_string(id) : json_null(), "meaning",
		spool_text_json(outcome != NULL ? outcome->text : NULL), "remedy",
		spool_text_json(outcome != NULL ? outcome->remedy : NULL));
}

static json_t *direction_json(const struct asked *a, int direction)
{
	const struct model_connector *c = a->connector;
	const struct store_readiness *found = a->found;
	json_t *reasons = json_array();
	int mode = direction == RECEIPT_IN ? (c->inbound != NULL ? c->inbound->mode : -1)
					   : (c->outbound != NULL ? c->outbound->mode : -1);

	for (size_t i = 0; i < found->count; i++)
		if (found->rows[i].direction == direction)
			json_array_append_new(reasons, reason_json(&found->rows[i]));
	return json_pack("{s:o,s:I,s:I,s:I,s:o,s:o,s:o}", "mode",
		mode >= 0 ? json_string(model_mode_names[mode]) : json_null(), "ok",
		(json_int_t)found->totals[direction][STORE_TALLY_OK], "would_refuse",
		(json_int_t)found->totals[direction][STORE_TALLY_WOULD], "refused",
		(json_int_t)found->totals[direction][STORE_TALLY_REFUSED], "counted_since",
		spool_moment_json(found->first_ms[direction]), "reasons", reasons, "verdict",
		mode >= 0 ? verdict(a, direction, mode == MODEL_REPORT) : json_null());
}

static void readiness_found(void *context, enum err e, const struct store_readiness *found)
{
	struct spool_request *request = context;
	const char *organisation = spool_argument(request, "organisation");
	const char *name = spool_argument(request, "connector");
	struct asked a = {.request = request, .found = found, .days = (int64_t)request->left};
	json_t *in;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the counts could not be read: %s", err_text(e));
		return;
	}
	a.connector = policy_connector(request->spool->snapshot, organisation, name);
	if (a.connector == NULL) {
		spool_answer_error(
			request, ERR_UNKNOWN, "there is no connector %s/%s", organisation, name);
		return;
	}
	in = direction_json(&a, RECEIPT_IN);
	spool_answer(request,
		json_pack("{s:s,s:s,s:b,s:I,s:o,s:o}", "organisation", organisation, "connector",
			name, "enabled", a.connector->enabled, "days", (json_int_t)a.days,
			"inbound", in, "outbound", direction_json(&a, RECEIPT_OUT)));
}

void spool_manage_readiness(struct spool_request *request)
{
	const json_t *days = json_object_get(request->arguments, "days");
	int64_t count = json_is_integer(days) ? json_integer_value(days) : DAYS;
	const char *organisation, *name;

	if (!connector_arguments(request, &organisation, &name))
		return;
	if (count < 1 || count > MAX_DAYS) {
		spool_answer_error(request, ERR_RANGE, "days: expected 1 to %d", MAX_DAYS);
		return;
	}
	request->left = (size_t)count;
	/* Today counts as one. */
	store_readiness(request->spool->store, organisation, name,
		request->spool->now_ms() - (count - 1) * day_ms, readiness_found, request);
}

/* ---- alarms ------------------------------------------------------------------------------------
 */

static json_t *alarm_json(const struct store_alarm *a)
{
	return json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "id", (json_int_t)a->id,
		"kind", spool_text_json(a->kind), "organisation", spool_text_json(a->organisation),
		"subject", spool_text_json(a->subject), "text", spool_text_json(a->text), "first",
		spool_moment_json(a->first_ms), "last", spool_moment_json(a->last_ms), "count",
		(json_int_t)a->count, "over", spool_moment_json(a->over_ms), "acknowledged",
		spool_moment_json(a->acknowledged_ms), "acknowledged_by",
		spool_text_json(a->acknowledged_by));
}

static void ask_alarms(struct spool_request *request);

/* Of others' alarms nothing is told: pages of the store are asked for until ours is full.  The
 * items had are in `result`, the last alarm looked at in `cursor`. */
static void alarms_found(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool_request *request = context;
	json_t *items = json_object_get(request->result, "items");

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the alarms could not be read: %s", err_text(e));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!spool_is_asked_by(request, alarms[i].organisation))
			continue;
		if (json_array_size(items) == request->left) {
			json_object_set_new(request->result, "next",
				json_sprintf("%lld", (long long)request->cursor));
			count = 0;
			break;
		}
		json_array_append_new(items, alarm_json(&alarms[i]));
		request->cursor = alarms[i].id;
	}
	if (count < STORE_MAX_LIST) {
		spool_answer(request, json_incref(request->result));
		return;
	}
	request->place = alarms[count - 1].id;
	ask_alarms(request);
}

static void ask_alarms(struct spool_request *request)
{
	const struct store_alarm_query query = {
		.organisation = spool_argument(request, "organisation"),
		.all = json_is_true(json_object_get(request->arguments, "all")),
		.before = request->place,
	};

	store_alarms(request->spool->store, &query, alarms_found, request);
}

/* The argument "cursor" where that is a number; 0: absent.  False: answered. */
static bool take_cursor(struct spool_request *request, int64_t *ret)
{
	const char *text = spool_argument(request, "cursor");
	uint64_t value = 0;

	*ret = 0;
	if (text != NULL &&
		(!str_to_u64(str_of(text), &value) || value == 0 || value > INT64_MAX)) {
		spool_answer_error(request, ERR_SYNTAX, "cursor: not one of an earlier answer");
		return false;
	}
	*ret = (int64_t)value;
	return true;
}

/* {organisation, all, cursor, limit}: those raised last come first. */
void spool_manage_alarms_list(struct spool_request *request)
{
	if (!take_cursor(request, &request->cursor))
		return;
	request->left = spool_limit(json_object_get(request->arguments, "limit"));
	request->place = request->cursor;
	request->result = json_pack("{s:[],s:n}", "items", "next");
	ask_alarms(request);
}

static void acknowledged(void *context, enum err e)
{
	struct spool_request *request = context;

	/* Who manages several organisations has one of them after the other looked for it. */
	if (e == ERR_UNKNOWN && request->is_limited && request->left < request->organisations.count)
		spool_manage_alarms_acknowledge(request);
	else if (e == ERR_UNKNOWN)
		spool_answer_error(request, e, "there is no such alarm");
	else if (e != ERR_OK)
		spool_answer_error(request, e, "the alarm could not be changed: %s", err_text(e));
	else
		spool_answer(request, json_object());
}

void spool_manage_alarms_acknowledge(struct spool_request *request)
{
	const json_t *id = json_object_get(request->arguments, "id");
	struct store_acknowledgement a = {.id = json_integer_value(id),
		.organisation = spool_argument(request, "organisation"),
		.by = request->actor,
		.at_ms = request->spool->now_ms()};

	if (!json_is_integer(id)) {
		spool_answer_error(request, ERR_SYNTAX, "id: expected a number");
		return;
	}
	if (request->is_limited && a.organisation == NULL)
		a.organisation = request->organisations.items[request->left++];
	store_alarm_acknowledge(request->spool->store, &a, acknowledged, request);
}

static void alarms_counted(
	void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool_request *request = context;
	json_t *result = spool_status(request->spool);

	(void)alarms;
	/* Counters without the alarms are better than none. */
	if (e == ERR_OK)
		json_object_set_new(result, "alarms", json_integer((json_int_t)count));
	spool_answer(request, result);
}

void spool_manage_status(struct spool_request *request)
{
	store_alarms(request->spool->store, &(struct store_alarm_query){.limit = 0}, alarms_counted,
		request);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void test_kept(void *context, enum err e)
{
	struct spool_request *request = context;

	if (e != ERR_OK)
		spool_answer_error(request, e, "the test could not be kept: %s", err_text(e));
	else
		spool_answer(request, json_object());
}

/* {organisation, connector, direction: "inbound" | "outbound", ok, summary: any JSON}. */
void spool_manage_test_record(struct spool_request *request)
{
	const char *direction = spool_argument(request, "direction");
	struct store_test test = {.at_ms = request->spool->now_ms(),
		.direction = direction != NULL && strcmp(direction, "inbound") == 0 ? RECEIPT_IN
										    : RECEIPT_OUT,
		.actor = request->actor,
		.ok = json_is_true(json_object_get(request->arguments, "ok"))};
	char *summary;

	if (!connector_arguments(request, &test.organisation, &test.connector))
		return;
	summary = json_dumps(
		json_object_get(request->arguments, "summary"), JSON_COMPACT | JSON_ENCODE_ANY);
	test.summary = arena_text(request->arena, summary);
	free(summary);
	if (test.summary == NULL || strlen(test.summary) > MAX_SUMMARY)
		spool_answer_error(request, ERR_RANGE, "summary: expected JSON of at most %d bytes",
			MAX_SUMMARY);
	else
		store_test_put(request->spool->store, &test, test_kept, request);
}

static json_t *test_json(const struct store_test *test)
{
	json_t *summary = json_loads(test->summary, JSON_DECODE_ANY, NULL);

	return json_pack("{s:I,s:o,s:o,s:o,s:s,s:o,s:b,s:o}", "id", (json_int_t)test->id, "at",
		spool_moment_json(test->at_ms), "organisation", spool_text_json(test->organisation),
		"connector", spool_text_json(test->connector), "direction",
		direction_words[test->direction == RECEIPT_IN ? RECEIPT_IN : RECEIPT_OUT], "actor",
		spool_text_json(test->actor), "ok", test->ok, "summary",
		summary != NULL ? summary : json_null());
}

/* No more than one answer holds; the rest is another page. */
static void tests_found(void *context, enum err e, const struct store_test *tests, size_t count)
{
	struct spool_request *request = context;
	size_t room = WIRE_MAX_PAYLOAD / 2, shown = 0;
	json_t *array, *next = json_null();

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the tests could not be read: %s", err_text(e));
		return;
	}
	array = json_array();
	for (; shown < count && shown < request->left && strlen(tests[shown].summary) < room;
		shown++) {
		room -= strlen(tests[shown].summary);
		json_array_append_new(array, test_json(&tests[shown]));
	}
	if (shown > 0 && shown < count)
		next = json_sprintf("%lld", (long long)tests[shown - 1].id);
	spool_answer(request, json_pack("{s:o,s:o}", "items", array, "next", next));
}

/* {organisation, connector, cursor, limit}: newest first. */
void spool_manage_test_list(struct spool_request *request)
{
	struct store_test_query query = {.organisation = NULL};

	if (!connector_arguments(request, &query.organisation, &query.connector) ||
		!take_cursor(request, &query.before))
		return;
	/* No connector keeps as many tests as a page can have. */
	request->left = spool_limit(json_object_get(request->arguments, "limit"));
	query.limit = request->left + 1;
	store_tests(request->spool->store, &query, tests_found, request);
}

static void last_found(void *context, enum err e, const struct store_test *tests, size_t count)
{
	struct spool_request *request = context;
	json_t *array, *next = json_null();

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the tests could not be read: %s", err_text(e));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < count && i < request->left; i++)
		json_array_append_new(array,
			json_pack("{s:I,s:o,s:s,s:s,s:s,s:o,s:b}", "id", (json_int_t)tests[i].id,
				"at", spool_moment_json(tests[i].at_ms), "organisation",
				tests[i].organisation, "connector", tests[i].connector, "direction",
				direction_words[tests[i].direction == RECEIPT_IN ? RECEIPT_IN
										 : RECEIPT_OUT],
				"actor", spool_text_json(tests[i].actor), "ok", tests[i].ok));
	if (count > request->left)
		count = request->left;
	else if (count < STORE_MAX_LIST)
		count = 0; /* there is no more */
	if (count > 0)
		next = json_sprintf(
			"%s/%s", tests[count - 1].organisation, tests[count - 1].connector);
	spool_answer(request, json_pack("{s:o,s:o}", "items", array, "next", next));
}

/* {cursor?: "organisation/connector", limit}: the last one of each connector. */
void spool_manage_test_last(struct spool_request *request)
{
	const char *after = spool_argument(request, "cursor");
	struct str name = str_of(after != NULL ? after : ""), organisation = str_cut(&name, '/');
	struct store_last_tests_query query = {.organisations = spool_organisations(request),
		.organisation = arena_text_of(request->arena, organisation),
		.connector = arena_text_of(request->arena, name)};

	request->left = spool_limit(json_object_get(request->arguments, "limit"));
	query.limit = request->left + 1;
	store_last_tests(request->spool->store, &query, last_found, request);
}
