/* Questions and orders of the administrator: one row a verb.  A request lives until it is answered;
 * the one who asked may be gone by then. */
#include "base/moment.h"
#include "core/wire/visible.h"
#include "process/spool/accounts.h"

#include <stdio.h>
#include <stdlib.h>

static void hosts_forget(struct spool_request *request)
{
	const char *host = spool_argument(request, "host");

	if (host == NULL)
		spool_answer_error(request, ERR_SYNTAX, "host: expected a name");
	else if (!spool_host_forget(request->spool, host))
		spool_answer_error(request, ERR_UNKNOWN, "nothing is remembered of %s", host);
	else
		spool_answer(request, json_object());
}

static const struct {
	const char *verb;
	void (*run)(struct spool_request *request);
	bool is_for_some; /* knows how to answer who manages some organisations only */
} verbs[] = {
	{"config.get", spool_manage_config_get, false},
	{"config.replace", spool_manage_config_replace, false},
	{"config.change", spool_manage_config_replace, true},
	{"queue.summary", spool_manage_queue_summary, true},
	{"queue.list", spool_manage_queue_list, true},
	{"queue.show", spool_manage_queue_show, true},
	{"queue.act", spool_manage_queue_act, true},
	{"trace.search", spool_manage_trace_search, true},
	{"trace.show", spool_manage_trace_show, true},
	{"trace.evidence", spool_manage_trace_evidence, true},
	{"report.list", spool_manage_report_list, true},
	{"report.get", spool_manage_report, true},
	{"report.expiring", spool_manage_report_expiring, true},
	{"hosts.list", spool_manage_hosts_list, false},
	{"hosts.forget", hosts_forget, false},
	{"connector.readiness", spool_manage_readiness, true},
	{"alarms.list", spool_manage_alarms_list, true},
	{"alarms.acknowledge", spool_manage_alarms_acknowledge, true},
	{"test.record", spool_manage_test_record, true},
	{"test.list", spool_manage_test_list, true},
	{"test.last", spool_manage_test_last, true},
	{"protection.list", spool_manage_protection_list, false},
	{"protection.forget", spool_manage_protection_forget, false},
	{"test.submit", spool_manage_test_submit, true},
	{"alerts.test", spool_manage_alerts_test, false},
	{"chains.list", spool_manage_chains_list, true},
	{"chains.show", spool_manage_chains_show, true},
	{"chains.accept", spool_manage_chains_accept, true},
	{"refusals.list", spool_manage_refusals_list, false},
	{"acceptance.list", spool_manage_acceptance_list, true},
	{"backup.list", spool_manage_backup_list, false},
	{"backup.begin", spool_manage_backup_begin, false},
	{"backup.show", spool_manage_backup_show, false},
	{"backup.remove", spool_manage_backup_remove, false},
	{"users.list", spool_manage_users_list, false},
	{"users.get", spool_manage_users_get, false},
	{"users.secret", spool_manage_users_secret, true},
	{"users.put", spool_manage_users_put, true},
	{"users.remove", spool_manage_users_remove, false},
	{"tokens.list", spool_manage_tokens_list, false},
	{"tokens.add", spool_manage_tokens_add, false},
	{"tokens.find", spool_manage_tokens_find, false},
	{"tokens.remove", spool_manage_tokens_remove, false},
	{"audit.add", spool_manage_audit_add, true},
	{"audit.list", spool_manage_audit_list, true},
	{"audit.get", spool_manage_audit_get, true},
	{"audit.verify", spool_manage_audit_verify, false},
	{"pulse", spool_manage_pulse, false},
	{"spool.status", spool_manage_status, false},
};

static void respond(struct spool_request *request, enum err e, json_t *result)
{
	struct spool_peer *peer = spool_peer_find(request->spool, request->peer);
	struct wire_managed managed = {.tag = request->tag, .error = e};
	char *text = json_dumps(result, JSON_COMPACT);

	managed.result = str_of(text);
	/* Limits of lists keep answers below this; a frame that does not fit would be lost. */
	if (managed.result.n > WIRE_MAX_PAYLOAD - 1024) {
		managed.error = ERR_TOO_LONG;
		managed.result = str_of("{\"detail\": \"the answer is too long: ask for less\"}");
	}
	if (peer != NULL)
		ipc_send(peer->ipc, WIRE_MANAGED, &managed);
	free(text);
	json_decref(result);
	json_decref(request->result);
	json_decref(request->arguments);
	arena_free(&request->arena);
	free(request->verb);
	free(request->actor);
	free(request);
}

void spool_answer(struct spool_request *request, json_t *result)
{
	respond(request, ERR_OK, result);
}

void spool_answer_error(struct spool_request *request, enum err e, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	json_t *detail;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	detail = spool_text_json(text); /* it may have been cut within a character */
	respond(request, e,
		json_pack("{s:o}", "detail", detail != NULL ? detail : json_string(err_text(e))));
}

const char *spool_argument(const struct spool_request *request, const char *name)
{
	return json_string_value(json_object_get(request->arguments, name));
}

json_t *spool_moment_json(int64_t at_ms)
{
	char text[MOMENT_TEXT_SIZE];

	if (at_ms == 0)
		return json_null();
	moment_format_rfc3339(at_ms, text);
	return json_string(text);
}

json_t *spool_long_text_json(const char *text)
{
	json_t *json = text != NULL ? json_string(text) : json_null();
	char *clean;

	if (json != NULL)
		return json;
	/* Not UTF-8: what is beyond ASCII cannot be shown. */
	clean = mem_text(text);
	for (char *p = clean; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(clean);
	free(clean);
	return json;
}

json_t *spool_text_json(const char *text)
{
	char clean[2048];
	struct str s = str_of(text);
	json_t *json;

	if (text == NULL)
		return json_null();
	json = json_stringn(s.p, s.n);
	if (json != NULL)
		return json;
	/* Not UTF-8: what is beyond ASCII cannot be shown. */
	snprintf(clean, sizeof(clean), "%s", text);
	for (char *p = clean; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(clean);
}

bool spool_is_asked_by(const struct spool_request *request, const char *organisation)
{
	return !request->is_limited || wire_visible_is_among(&request->organisations, organisation);
}

const struct record_texts *spool_organisations(const struct spool_request *request)
{
	return request->is_limited ? &request->organisations : NULL;
}

static void take_organisations(struct spool_request *request)
{
	const json_t *list = json_object_get(request->arguments, "organisations"), *item;
	size_t i;

	request->is_limited = list != NULL;
	request->organisations.items = arena_array(
		request->arena, json_array_size(list), sizeof(*request->organisations.items));
	json_array_foreach (list, i, item)
		if (json_is_string(item))
			request->organisations.items[request->organisations.count++] =
				json_string_value(item);
}

static void run(
	struct spool_request *request, void (*verb)(struct spool_request *), bool is_for_some)
{
	const char *organisation = spool_argument(request, "organisation");

	take_organisations(request);
	if (organisation != NULL && !spool_is_asked_by(request, organisation))
		spool_answer_error(request, ERR_REFUSED, "you do not manage this organisation");
	else if (request->is_limited && !is_for_some)
		spool_answer_error(
			request, ERR_REFUSED, "only who manages the installation may ask for this");
	else
		verb(request);
}

void spool_manage(struct spool_peer *peer, const struct wire_manage *manage)
{
	struct spool_request *request = mem_new(sizeof(*request));

	request->spool = peer->spool;
	request->peer = peer->serial;
	request->tag = manage->tag;
	request->verb = mem_text(manage->verb != NULL ? manage->verb : "");
	request->actor = mem_text(manage->actor != NULL ? manage->actor : "");
	request->arena = arena_new();
	request->arguments =
		json_loadb(manage->arguments.p, manage->arguments.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(request->arguments)) {
		spool_answer_error(request, ERR_SYNTAX, "arguments: expected a JSON object");
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		if (strcmp(verbs[i].verb, request->verb) == 0) {
			run(request, verbs[i].run, verbs[i].is_for_some);
			return;
		}
	spool_answer_error(request, ERR_UNKNOWN, "no such verb: %s", request->verb);
}

json_t *spool_status(struct spool *spool)
{
	const struct spool_counters *c = &spool->counters;
	struct store_counts counts = {0};

	if (spool->store == NULL)
		return json_object();
	store_counts(spool->store, &counts);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:s?}",
		"messages", (json_int_t)counts.messages, "recipients",
		(json_int_t)counts.recipients, "generation", (json_int_t)spool->generation,
		"accepted", (json_int_t)c->accepted, "refused", (json_int_t)c->refused, "delivered",
		(json_int_t)c->delivered, "relayed", (json_int_t)c->relayed, "deferred",
		(json_int_t)c->deferred, "failed", (json_int_t)c->failed, "expired",
		(json_int_t)c->expired, "notices", (json_int_t)c->notices, "in_plan",
		(json_int_t)queue_plan_count(spool->plan), "active",
		(json_int_t)queue_plan_active(spool->plan), "pending_bytes",
		(json_int_t)counts.pending_bytes, "trace_pending", (json_int_t)counts.trace_pending,
		"intake_open", spool->intake_open, "intake_reason", spool->intake_reason);
}
