/* The audit log, and the pulse by which others notice that something is new. */
#include "base/moment.h"
#include "port/secret/secret.h"
#include "process/spool/accounts.h"

enum { MAX_DOMAINS_LOOKED_AT = 1000 };

struct account_entry spool_audit_entry(
	const struct spool_request *request, const char *action, const char *object)
{
	const char *via = spool_argument(request, "via");

	return (struct account_entry){
		.at_ms = request->spool->now_ms(),
		.actor = request->actor[0] != '\0' ? request->actor : "?",
		.via = via != NULL ? via : "socket",
		.address = spool_argument(request, "address"),
		.action = action,
		.object = object,
		.result = "ok",
	};
}

/* ---- changes of the configuration -------------------------------------------------------------
 */

static const char *owner_of_domain(
	const struct spool *spool, const struct model_config *config, const char *domain)
{
	const struct model_domain *known = policy_accepted(spool->snapshot, domain);

	if (known != NULL)
		return known->organisation;
	/* It came with the same change. */
	for (size_t i = 0; i < config->domains.count && i < MAX_DOMAINS_LOOKED_AT; i++)
		if (str_equal_nocase(str_of(config->domains.items[i].name), str_of(domain)))
			return config->domains.items[i].organisation;
	return NULL;
}

static const char *owner_of(const struct spool *spool, const struct model_config *config,
	enum model_kind kind, const void *object)
{
	const char *at;

	switch (kind) {
	case MODEL_ORGANISATION:
		return ((const struct model_organisation *)object)->name;
	case MODEL_DOMAIN:
		return ((const struct model_domain *)object)->organisation;
	case MODEL_CONNECTOR:
		return ((const struct model_connector *)object)->organisation;
	case MODEL_RULE:
		return ((const struct model_rule *)object)->organisation;
	case MODEL_RECIPIENT:
		at = strrchr(((const struct model_recipient *)object)->address, '@');
		return at != NULL ? owner_of_domain(spool, config, at + 1) : NULL;
	default:
		return NULL;
	}
}

static const char *object_value(enum model_kind kind, const void *object, struct arena *arena)
{
	json_t *json = object != NULL
			       ? record_to_json(model_kinds[kind].desc, object, RECORD_JSON_FULL)
			       : NULL;
	const char *value = account_entry_value(json, secret_sha256, arena);

	json_decref(json);
	return value;
}

struct store_audited spool_audit_config(const struct spool_request *request,
	const struct model_config *config, const struct model_change *changes, size_t count,
	struct arena *arena)
{
	static const char *const verbs[] = {
		[MODEL_ADDED] = "add", [MODEL_CHANGED] = "change", [MODEL_REMOVED] = "remove"};
	struct account_entry *entries = arena_array(arena, count, sizeof(*entries));

	for (size_t i = 0; i < count; i++) {
		const struct model_change *c = &changes[i];

		entries[i] = spool_audit_entry(request,
			arena_format(arena, "%s.%s", model_kinds[c->kind].singular, verbs[c->type]),
			c->key);
		entries[i].organisation = owner_of(
			request->spool, config, c->kind, c->after != NULL ? c->after : c->before);
		entries[i].before = object_value(c->kind, c->before, arena);
		entries[i].after = object_value(c->kind, c->after, arena);
	}
	return (struct store_audited){entries, count};
}

/* ---- adding -----------------------------------------------------------------------------------
 */

static void added(void *context, enum err e)
{
	struct spool_request *request = context;

	if (e != ERR_OK)
		spool_answer_error(
			request, e, "the audit log could not be written: %s", err_text(e));
	else
		spool_answer(request, json_object());
}

void spool_manage_audit_add(struct spool_request *request)
{
	const char *result = spool_argument(request, "result");
	struct account_entry entry = spool_audit_entry(
		request, spool_argument(request, "action"), spool_argument(request, "object"));
	struct store_access_change change = {.audited = {&entry, 1}};
	struct err_info info = {0};

	entry.organisation = spool_argument(request, "organisation");
	entry.before = account_entry_value(
		json_object_get(request->arguments, "before"), secret_sha256, request->arena);
	entry.after = account_entry_value(
		json_object_get(request->arguments, "after"), secret_sha256, request->arena);
	if (result != NULL)
		entry.result = result;
	if (account_entry_check(&entry, &info) != ERR_OK)
		spool_answer_error(request, ERR_SYNTAX, "%s", info.text);
	else
		store_access_apply(request->spool->store, &change, added, request);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* False: answered. */
static bool moment_argument(struct spool_request *request, const char *name, int64_t *ret_ms)
{
	const char *text = spool_argument(request, name);

	if (text == NULL || moment_parse_rfc3339(str_of(text), ret_ms))
		return true;
	spool_answer_error(request, ERR_SYNTAX,
		"%s: expected a moment such as 2026-11-21T21:43:04Z, found %s", name, text);
	return false;
}

/* False: answered. */
static bool number_argument(struct spool_request *request, const char *name, int64_t *ret)
{
	const char *text = spool_argument(request, name);
	uint64_t value = 0;

	if (text == NULL)
		return true;
	if (!str_to_u64(str_of(text), &value) || value == 0 || value >= INT64_MAX) {
		spool_answer_error(request, ERR_SYNTAX, "%s: expected a number", name);
		return false;
	}
	*ret = (int64_t)value;
	return true;
}

static void listed(
	void *context, enum err e, const struct account_entry *entries, size_t count, int64_t next)
{
	struct spool_request *request = context;
	json_t *items;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the audit log could not be read: %s", err_text(e));
		return;
	}
	items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, account_entry_json(&entries[i]));
	spool_answer(request, json_pack("{s:o,s:o}", "items", items, "next",
				      next > 0 ? json_string(arena_format(
							 request->arena, "%lld", (long long)next))
					       : json_null()));
}

void spool_manage_audit_list(struct spool_request *request)
{
	struct store_audit_query query = {
		.actor = spool_argument(request, "actor"),
		.action = spool_argument(request, "action"),
		.object = spool_argument(request, "object"),
		.organisations = spool_organisations(request),
		.limit = spool_limit(json_object_get(request->arguments, "limit")),
	};

	if (moment_argument(request, "since", &query.since_ms) &&
		moment_argument(request, "until", &query.until_ms) &&
		number_argument(request, "cursor", &query.before))
		store_audit(request->spool->store, &query, listed, request);
}

static void got(
	void *context, enum err e, const struct account_entry *entries, size_t count, int64_t next)
{
	struct spool_request *request = context;

	(void)next;
	if (e != ERR_OK)
		spool_answer_error(request, e, "the audit log could not be read: %s", err_text(e));
	else if (count == 0 || entries[0].id != request->cursor)
		spool_answer_error(request, ERR_UNKNOWN, "there is no entry %lld in the audit log",
			(long long)request->cursor);
	else
		spool_answer(request, account_entry_json(&entries[0]));
}

void spool_manage_audit_get(struct spool_request *request)
{
	struct store_audit_query query = {
		.organisations = spool_organisations(request), .limit = 1};

	if (!number_argument(request, "id", &request->cursor))
		return;
	query.before = request->cursor + 1;
	store_audit(request->spool->store, &query, got, request);
}

static void verified(void *context, enum err e, const struct store_audit_verdict *verdict)
{
	struct spool_request *request = context;

	if (e != ERR_OK)
		spool_answer_error(request, e, "the audit log could not be read: %s", err_text(e));
	else
		spool_answer(
			request, json_pack("{s:b,s:I,s:s,s:o,s:s?}", "ok", verdict->broken_at == 0,
					 "entries", (json_int_t)verdict->entries, "head",
					 verdict->head, "broken_at",
					 verdict->broken_at != 0
						 ? json_integer((json_int_t)verdict->broken_at)
						 : json_null(),
					 "text", verdict->text));
}

void spool_manage_audit_verify(struct spool_request *request)
{
	store_audit_verify(request->spool->store, verified, request);
}

/* ---- the pulse --------------------------------------------------------------------------------
 */

/* An alarm that goes on, or has come in place of another, is news as well. */
static int64_t weight_of(const struct store_alarm *alarm)
{
	return alarm->count + (alarm->over_ms != 0);
}

static void add_number(json_t *object, const char *key, int64_t more)
{
	json_int_t now = json_integer_value(json_object_get(object, key));

	json_object_set_new(object, key, json_integer(now + more));
}

/* What is new for each organisation that was asked for, and nothing of any other. */
static json_t *activities(
	struct spool_request *request, const struct store_alarm *alarms, size_t count)
{
	json_t *all = json_object(), *name;
	size_t n;

	json_array_foreach (json_object_get(request->arguments, "of"), n, name) {
		int64_t mail, config;

		if (!json_is_string(name))
			continue;
		spool_activity_get(request->spool, json_string_value(name), &mail, &config);
		json_object_set_new(all, json_string_value(name),
			json_pack("{s:I,s:I,s:i,s:i}", "mail", (json_int_t)mail, "generation",
				(json_int_t)config, "alarms", 0, "alarm_events", 0));
	}
	for (size_t i = 0; i < count && json_object_size(all) > 0; i++) {
		json_t *of = alarms[i].organisation != NULL
				     ? json_object_get(all, alarms[i].organisation)
				     : NULL;

		if (of == NULL)
			continue;
		add_number(of, "alarms", 1);
		add_number(of, "alarm_events", weight_of(&alarms[i]));
	}
	return all;
}

static void counted(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool_request *request = context;
	const struct spool_counters *c = &request->spool->counters;
	struct store_counts counts;
	int64_t sum = 0;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the alarms could not be read: %s", err_text(e));
		return;
	}
	for (size_t i = 0; i < count; i++)
		sum += weight_of(&alarms[i]);
	store_counts(request->spool->store, &counts);
	spool_answer(request,
		json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "queue", (json_int_t)counts.messages,
			"recipients", (json_int_t)counts.recipients, "trace",
			(json_int_t)(c->accepted + c->refused + c->delivered + c->relayed +
				     c->deferred + c->failed + c->expired + c->notices +
				     c->told_refusals),
			"alarms", (json_int_t)count, "alarm_events", (json_int_t)sum, "generation",
			(json_int_t)request->spool->generation, "of",
			activities(request, alarms, count)));
}

void spool_manage_pulse(struct spool_request *request)
{
	store_alarms(
		request->spool->store, &(struct store_alarm_query){.limit = 0}, counted, request);
}
