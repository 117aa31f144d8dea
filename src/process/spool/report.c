/* Reports, asked by the administrator: what of the store's counts each one shows, and how. */
#include "port/store/report.h"

#include "base/moment.h"
#include "port/store/chain.h"
#include "process/spool/state.h"

#include <string.h>

enum { DAYS = 30, ENDING_DAYS = 90, MAX_DAYS = 3660 };

static const char *const direction_words[] = {[RECEIPT_IN] = "inbound", [RECEIPT_OUT] = "outbound"};
static const char *const step_words[] = {"hour", "day", "total", NULL};

enum column {
	TIME,
	DIRECTION,
	ORGANISATION,
	CONNECTOR,
	KIND,
	TOKEN,
	LEVEL,
	VERSION,
	CIPHER,
	GROUP,
	DOMAIN,
	HOST,
	RECIPIENTS,
	MESSAGES,
	BYTES,
	FIRST,
	LAST,
	MESSAGE,
	END,
};
static const char *const column_words[] = {"time", "direction", "organisation", "connector",
	"outcome", "token", "level", "version", "suite", "group", "domain", "host", "recipients",
	"messages", "bytes", "first", "last", "message"};

static const struct kind {
	const char *name, *doc;
	int of;
	unsigned by;
	int step; /* unless another is asked for */
	enum column columns[12];
} kinds[] = {
	{"tls", "TLS versions, suites and groups of mail over the network.", STORE_REPORT_HOPS,
		STORE_BY_VERSION | STORE_BY_CIPHER | STORE_BY_GROUP, STORE_STEP_DAY,
		{TIME, DIRECTION, VERSION, CIPHER, GROUP, RECIPIENTS, MESSAGES, END}},
	{"protection", "Mail by level: forced, verified, encrypted, clear; by connector.",
		STORE_REPORT_HOPS, STORE_BY_ORGANISATION | STORE_BY_CONNECTOR | STORE_BY_LEVEL,
		STORE_STEP_DAY,
		{TIME, DIRECTION, ORGANISATION, CONNECTOR, LEVEL, RECIPIENTS, MESSAGES, END}},
	{"outcomes", "What became of mail, by kind and reason.", STORE_REPORT_EVENTS,
		STORE_BY_KIND | STORE_BY_TOKEN, STORE_STEP_DAY,
		{TIME, DIRECTION, KIND, TOKEN, RECIPIENTS, MESSAGES, END}},
	{"clear", "Destinations and senders' domains whose mail went or came without TLS.",
		STORE_REPORT_CLEAR, STORE_BY_ORGANISATION | STORE_BY_DOMAIN, STORE_STEP_TOTAL,
		{TIME, DIRECTION, ORGANISATION, DOMAIN, HOST, RECIPIENTS, FIRST, LAST, MESSAGE,
			END}},
	{"volume", "Messages, recipients and bytes, by connector.", STORE_REPORT_PASSED,
		STORE_BY_ORGANISATION | STORE_BY_CONNECTOR | STORE_BY_KIND, STORE_STEP_DAY,
		{TIME, DIRECTION, ORGANISATION, CONNECTOR, KIND, RECIPIENTS, MESSAGES, BYTES, END}},
};

struct asked {
	struct spool_request *request;
	const struct kind *kind;
	struct store_report_query query;
};

/* ---- the answer -------------------------------------------------------------------------------
 */

static json_t *word(const char *text)
{
	return text != NULL && text[0] != '\0' ? spool_text_json(text) : json_null();
}

static json_t *id_json(int64_t id)
{
	char text[WIRE_ID_TEXT];

	if (id == 0)
		return json_null();
	wire_id_format(id, text);
	return json_string(text);
}

static json_t *cell(const struct store_report_row *row, enum column column)
{
	switch (column) {
	case TIME:
		return spool_moment_json(row->at_ms);
	case DIRECTION:
		return json_string(direction_words[row->direction == RECEIPT_OUT]);
	case ORGANISATION:
		return word(row->organisation);
	case CONNECTOR:
		return word(row->connector);
	case KIND:
		return word(row->kind);
	case TOKEN:
		return word(row->token);
	case LEVEL:
		return word(row->level);
	case VERSION:
		return word(row->version);
	case CIPHER:
		return word(row->cipher);
	case GROUP:
		return word(row->group);
	case DOMAIN:
		return word(row->domain);
	case HOST:
		return word(row->host);
	case RECIPIENTS:
		return json_integer((json_int_t)row->recipients);
	case MESSAGES:
		return json_integer((json_int_t)row->messages);
	case BYTES:
		return json_integer((json_int_t)row->bytes);
	case FIRST:
		return spool_moment_json(row->first_ms);
	case LAST:
		return spool_moment_json(row->last_ms);
	default:
		return id_json(row->sample);
	}
}

static json_t *columns_json(const struct kind *kind)
{
	json_t *columns = json_array();

	for (size_t i = 0; kind->columns[i] != END; i++)
		json_array_append_new(columns, json_string(column_words[kind->columns[i]]));
	return columns;
}

static void reported(
	void *context, enum err e, const struct store_report_row *rows, size_t count, bool crowded)
{
	struct asked *asked = context;
	const struct kind *kind = asked->kind;
	json_t *array;

	if (e != ERR_OK) {
		spool_answer_error(
			asked->request, e, "the report could not be made: %s", err_text(e));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *cells = json_array();

		for (size_t k = 0; kind->columns[k] != END; k++)
			json_array_append_new(cells, cell(&rows[i], kind->columns[k]));
		json_array_append_new(array, cells);
	}
	spool_answer(
		asked->request, json_pack("{s:s,s:o,s:o,s:s,s:o,s:o,s:b}", "report", kind->name,
					"since", spool_moment_json(asked->query.since_ms), "until",
					spool_moment_json(asked->query.until_ms), "step",
					step_words[asked->query.step], "columns",
					columns_json(kind), "rows", array, "crowded", crowded));
}

/* ---- the question -----------------------------------------------------------------------------
 */

static bool take_moment(struct spool_request *request, const char *name, int64_t *ret_ms)
{
	const char *text = spool_argument(request, name);

	if (text == NULL || moment_parse_rfc3339(str_of(text), ret_ms))
		return true;
	spool_answer_error(request, ERR_SYNTAX,
		"%s: expected a moment such as 2026-11-21T21:43:04Z, found %s", name, text);
	return false;
}

static bool take_times(struct asked *asked)
{
	struct store_report_query *q = &asked->query;

	q->until_ms = asked->request->spool->now_ms();
	if (!take_moment(asked->request, "until", &q->until_ms))
		return false;
	q->since_ms = q->until_ms - DAYS * (int64_t)MOMENT_DAY_MS;
	if (!take_moment(asked->request, "since", &q->since_ms))
		return false;
	if (q->since_ms >= 0 && q->since_ms < q->until_ms &&
		q->until_ms - q->since_ms <= MAX_DAYS * (int64_t)MOMENT_DAY_MS)
		return true;
	spool_answer_error(asked->request, ERR_RANGE,
		"since: expected a moment before until, at most %d days", MAX_DAYS);
	return false;
}

static bool take_step(struct asked *asked)
{
	const char *text = spool_argument(asked->request, "step");

	asked->query.step = asked->kind->step;
	if (text == NULL)
		return true;
	for (int i = 0; step_words[i] != NULL; i++)
		if (strcmp(step_words[i], text) == 0) {
			asked->query.step = i;
			return true;
		}
	spool_answer_error(
		asked->request, ERR_SYNTAX, "step: expected hour, day or total, found %s", text);
	return false;
}

static bool take_direction(struct asked *asked)
{
	const char *text = spool_argument(asked->request, "direction");

	asked->query.direction = -1;
	for (int i = RECEIPT_IN; text != NULL && i <= RECEIPT_OUT; i++)
		if (strcmp(text, direction_words[i]) == 0 ||
			strcmp(text, receipt_direction_names[i]) == 0)
			asked->query.direction = i;
	if (text == NULL || asked->query.direction >= 0)
		return true;
	spool_answer_error(asked->request, ERR_SYNTAX,
		"direction: expected inbound or outbound, found %s", text);
	return false;
}

/* "organisation/name", or a name alone. */
static bool take_connector(struct asked *asked)
{
	struct store_report_query *q = &asked->query;
	const char *text = spool_argument(asked->request, "connector");
	struct str rest = str_of(text), first;

	q->organisation = spool_argument(asked->request, "organisation");
	q->connector = text;
	if (text == NULL || str_find(rest, '/', 0) >= rest.n)
		return true;
	if (asked->kind->of == STORE_REPORT_CLEAR) {
		spool_answer_error(asked->request, ERR_SYNTAX,
			"connector: this report does not tell connectors apart");
		return false;
	}
	first = str_cut(&rest, '/');
	q->organisation = arena_text_of(asked->request->arena, first);
	q->connector = arena_text_of(asked->request->arena, rest);
	if (spool_is_asked_by(asked->request, q->organisation))
		return true;
	spool_answer_error(asked->request, ERR_REFUSED, "you do not manage this organisation");
	return false;
}

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* {name, since, until, step, organisation, connector, direction}. */
void spool_manage_report(struct spool_request *request)
{
	const char *name = spool_argument(request, "name");
	struct asked *asked = arena_alloc(request->arena, sizeof(*asked));

	asked->request = request;
	asked->kind = kind_of(name);
	if (asked->kind == NULL) {
		spool_answer_error(request, ERR_UNKNOWN,
			"there is no report %s: tls, protection, outcomes, clear, volume, expiring",
			name != NULL ? name : "");
		return;
	}
	asked->query.of = asked->kind->of;
	asked->query.by = asked->kind->by;
	asked->query.organisations = spool_organisations(request);
	if (take_times(asked) && take_step(asked) && take_direction(asked) && take_connector(asked))
		store_report(request->spool->store, &asked->query, reported, asked);
}

/* ---- certificates that end --------------------------------------------------------------------
 */

static const char *const ending_columns[] = {"ends", "days", "whose", "direction", "organisation",
	"connector", "name", "subject", "sha256"};

struct ending {
	struct spool_request *request;
	int64_t until_ms;
};

static json_t *ending_row(const struct store_chain *c, int64_t now_ms)
{
	const struct wire_chain *w = &c->wire;
	const char *subject = w->facts.count > 0 ? w->facts.items[0].subject : NULL;

	return json_pack("[o,I,s,s,o,o,o,o,o]", spool_moment_json(c->not_after_ms),
		(json_int_t)((c->not_after_ms - now_ms) / MOMENT_DAY_MS), "partner",
		direction_words[w->direction == RECEIPT_OUT], word(w->organisation),
		word(w->connector), word(w->host), word(subject), word(w->sha256));
}

static void endings_found(void *context, enum err e, const struct store_chain *chains, size_t count)
{
	struct ending *ending = context;
	int64_t now_ms = ending->request->spool->now_ms();
	json_t *columns = json_array(), *rows = json_array();

	for (size_t i = 0; i < ARRAY_LENGTH(ending_columns); i++)
		json_array_append_new(columns, json_string(ending_columns[i]));
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		json_array_append_new(rows, ending_row(&chains[i], now_ms));
	if (e == ERR_OK) {
		spool_answer(ending->request,
			json_pack("{s:s,s:o,s:o,s:s,s:o,s:o,s:b}", "report", "expiring", "since",
				spool_moment_json(now_ms), "until",
				spool_moment_json(ending->until_ms), "step", "total", "columns",
				columns, "rows", rows, "crowded", count == STORE_MAX_LIST));
		return;
	}
	json_decref(columns);
	json_decref(rows);
	spool_answer_error(ending->request, e, "the chains could not be read: %s", err_text(e));
}

/* {until, organisation, connector}: of partners; what has ended is among it. */
void spool_manage_report_expiring(struct spool_request *request)
{
	struct ending *ending = arena_alloc(request->arena, sizeof(*ending));
	struct store_chain_query query = {.organisations = spool_organisations(request),
		.organisation = spool_argument(request, "organisation"),
		.connector = spool_argument(request, "connector"),
		.newest = true};
	struct str rest = str_of(query.connector);

	ending->request = request;
	ending->until_ms = request->spool->now_ms() + ENDING_DAYS * (int64_t)MOMENT_DAY_MS;
	if (!take_moment(request, "until", &ending->until_ms))
		return;
	if (query.connector != NULL && str_find(rest, '/', 0) < rest.n) {
		query.organisation = arena_text_of(request->arena, str_cut(&rest, '/'));
		query.connector = arena_text_of(request->arena, rest);
	}
	query.ends_before_ms = ending->until_ms;
	store_chain_list(request->spool->store, &query, endings_found, ending);
}

/* {}: which reports there are. */
void spool_manage_report_list(struct spool_request *request)
{
	json_t *items = json_array();

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		json_array_append_new(
			items, json_pack("{s:s,s:s,s:o}", "name", kinds[i].name, "doc",
				       kinds[i].doc, "columns", columns_json(&kinds[i])));
	json_array_append_new(
		items, json_pack("{s:s,s:s,s:[s,s,s,s,s,s,s,s,s]}", "name", "expiring", "doc",
			       "Certificates that end soon: partners' and our own.", "columns",
			       ending_columns[0], ending_columns[1], ending_columns[2],
			       ending_columns[3], ending_columns[4], ending_columns[5],
			       ending_columns[6], ending_columns[7], ending_columns[8]));
	spool_answer(request, json_pack("{s:o}", "items", items));
}
