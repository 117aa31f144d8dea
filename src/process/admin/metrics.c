/*
 * What monitoring may fetch: /metrics, /healthz, /readyz; by the API, and on metrics.listen in
 * clear for everybody who reaches that.  All processes are asked for their counters by way of the
 * supervisor; on metrics.listen one round answers all who ask within a second.
 */
#include "base/moment.h"
#include "core/cert/watch.h"
#include "core/metrics/text.h"
#include "port/tls/tls.h"
#include "process/admin/call.h"
#include "process/admin/publish.h"

#include <stdlib.h>

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

enum { METRICS_TAG = -2, KEPT_MS = 1000, MAX_REASON = 300 };

/* ---- what becomes of a process's statistics -------------------------------------------------- */

/* A number that stands in the statistics as it is; VALUE: of the label behind "process". */
static const struct {
	const char *role, *key;
	enum metrics_id id;
	const char *value;
} plain[] = {
	{"receive", "sessions", METRICS_SESSIONS, NULL},
	{"receive", "over_limit", METRICS_OVER_LIMIT, NULL},
	{"receive", "timeouts", METRICS_TIMEOUTS, NULL},
	{"receive", "early_talkers", METRICS_EARLY, NULL},
	{"receive", "client_certificates", METRICS_CLIENT_CERTIFICATES, NULL},
	{"receive", "accepted_bytes", METRICS_RECEIVED_BYTES, NULL},
	{"deliver", "jobs", METRICS_JOBS, NULL},
	{"deliver", "jobs_under_way", METRICS_JOBS_ACTIVE, NULL},
	{"deliver", "connections", METRICS_OUT_CONNECTIONS, NULL},
	{"deliver", "connections_kept", METRICS_OUT_KEPT, NULL},
	{"deliver", "connections_reused", METRICS_OUT_REUSED, NULL},
	{"deliver", "unreachable", METRICS_OUT_UNREACHABLE, NULL},
	{"spool", "accepted", METRICS_ACCEPTED, NULL},
	{"spool", "refused", METRICS_INTAKE_REFUSED, NULL},
	{"spool", "notices", METRICS_NOTICES, NULL},
	{"spool", "intake_open", METRICS_INTAKE_OPEN, NULL},
	{"spool", "messages", METRICS_QUEUE_MESSAGES, NULL},
	{"spool", "recipients", METRICS_QUEUE_RECIPIENTS, NULL},
	{"spool", "active", METRICS_QUEUE_ACTIVE, NULL},
	{"spool", "pending_bytes", METRICS_PENDING_BYTES, NULL},
	{"spool", "trace_pending", METRICS_TRACE_PENDING, NULL},
	{"keys", "keys", METRICS_KEYS, NULL},
	{"keys", "signatures", METRICS_SIGNATURES, NULL},
	{"lookup", "asked", METRICS_DNS_QUESTIONS, NULL},
	{"lookup", "secure", METRICS_DNS_ANSWERS, "secure"},
	{"lookup", "insecure", METRICS_DNS_ANSWERS, "insecure"},
	{"lookup", "bogus", METRICS_DNS_ANSWERS, "bogus"},
	{"lookup", "failed", METRICS_DNS_ANSWERS, "failed"},
	{"lookup", "validating", METRICS_DNSSEC, NULL},
	{"admin", "requests", METRICS_REQUESTS, NULL},
	{"admin", "refused", METRICS_REQUESTS_REFUSED, NULL},
	{"admin", "login_failures", METRICS_LOGIN_FAILURES, NULL},
	{"web", "sessions", METRICS_HTTPS_SESSIONS, NULL},
	{"web", "connections", METRICS_HTTPS_CONNECTIONS, NULL},
	{"web", "over_limit", METRICS_HTTPS_OVER_LIMIT, NULL},
	{"web", "handshakes", METRICS_HTTPS_HANDSHAKES, "ok"},
	{"web", "failures", METRICS_HTTPS_HANDSHAKES, "failed"},
	{"web", "timeouts", METRICS_HTTPS_TIMEOUTS, NULL},
};

static double number_of(const json_t *value)
{
	return json_is_boolean(value) ? json_is_true(value) : (double)json_integer_value(value);
}

/* Whole ones: a start must not seem to move. */
static double seconds_of(int64_t ms)
{
	int64_t seconds = ms / 1000;

	return (double)seconds;
}

static void put_resources(struct metrics_text *text, const char *process, const json_t *object,
	const json_t *resources)
{
	const json_t *memory = json_object_get(object, "memory");
	const json_t *cpu = json_object_get(resources, "cpu_us");
	const json_t *fds = json_object_get(resources, "fds");
	int64_t uptime = json_integer_value(json_object_get(object, "uptime_ms"));

	metrics_text_add(text, METRICS_PROCESS_START, VALUES(process),
		seconds_of(runtime_now_ms() - uptime));
	if (json_integer_value(memory) > 0)
		metrics_text_add(text, METRICS_PROCESS_MEMORY, VALUES(process), number_of(memory));
	if (cpu != NULL)
		metrics_text_add(text, METRICS_PROCESS_CPU, VALUES(process), number_of(cpu) / 1e6);
	if (fds != NULL)
		metrics_text_add(text, METRICS_PROCESS_FDS, VALUES(process), number_of(fds));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static const char *name_of(const json_t *process, char ret[64])
{
	snprintf(ret, 64, "%.40s/%lld", text_of(process, "role"),
		(long long)json_integer_value(json_object_get(process, "index")));
	return ret;
}

static void put_process(struct metrics_text *text, const json_t *process)
{
	const json_t *stats = json_object_get(process, "stats");
	char name[64];
	bool works = strcmp(text_of(process, "state"), "working") == 0;

	name_of(process, name);
	metrics_text_add(text, METRICS_PROCESS_UP, VALUES(name), works);
	metrics_text_add(text, METRICS_PROCESS_RESTARTS, VALUES(name),
		number_of(json_object_get(process, "restarts")));
	if (json_is_integer(json_object_get(process, "pid")))
		put_resources(text, name, process, json_object_get(stats, "resources"));
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
		const json_t *value = json_object_get(stats, plain[i].key);

		if (value != NULL && strcmp(plain[i].role, text_of(process, "role")) == 0)
			metrics_text_add(
				text, plain[i].id, VALUES(name, plain[i].value), number_of(value));
	}
	metrics_text_take(text, name, json_object_get(stats, "metrics"));
}

/* ---- readiness ------------------------------------------------------------------------------- */

/* What a process lacks; NULL: nothing. */
static const char *lack_of(const json_t *process)
{
	const json_t *stats = json_object_get(process, "stats");
	const json_t *open = json_object_get(stats, "intake_open");

	if (strcmp(text_of(process, "state"), "working") != 0)
		return text_of(process, "state");
	if (!json_is_object(stats))
		return "does not answer";
	return json_is_false(open) ? "takes no mail" : NULL;
}

/* Is the server at work?  RET says why not. */
static bool is_ready(const json_t *status, char ret[MAX_REASON])
{
	const json_t *process;
	size_t i;

	if (strcmp(text_of(status, "state"), "working") != 0) {
		snprintf(ret, MAX_REASON, "the server is %.40s", text_of(status, "state"));
		return false;
	}
	json_array_foreach (json_object_get(status, "processes"), i, process) {
		const char *lack = lack_of(process);
		const char *why = text_of(json_object_get(process, "stats"), "intake_reason");
		char name[64];

		if (lack == NULL)
			continue;
		snprintf(ret, MAX_REASON, "%s: %s%s%.100s", name_of(process, name), lack,
			why[0] != '\0' ? ": " : "", why);
		return false;
	}
	return true;
}

/* ---- the text -------------------------------------------------------------------------------- */

static void put_certificates(struct metrics_text *text, const struct admin *admin)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	for (size_t i = 0; i < admin->certificate_count; i++) {
		const struct runtime_certificate *c = &admin->certificates[i];
		struct cert_facts *facts;
		size_t count;

		if (tls_facts_of_pem(c->chain, arena, &facts, &count, NULL) == ERR_OK)
			metrics_text_add(text, METRICS_CERTIFICATE,
				VALUES(c->name, c->version, cert_state_names[c->state]),
				seconds_of(cert_watch_end(facts, count)));
	}
}

static void put_reload(struct metrics_text *text, const json_t *reload)
{
	int64_t at;

	if (!json_is_object(reload))
		return;
	metrics_text_add(text, METRICS_RELOAD, NULL, json_is_true(json_object_get(reload, "ok")));
	if (moment_parse_rfc3339(str_of(text_of(reload, "at")), &at))
		metrics_text_add(text, METRICS_RELOAD_TIME, NULL, seconds_of(at));
}

static void write_text(const struct admin *admin, const json_t *status, struct buf *out)
{
	struct metrics_text *text = metrics_text_new();
	char why[MAX_REASON];
	const json_t *process;
	size_t i;

	metrics_text_add(text, METRICS_BUILD_INFO, VALUES(SEALPOST_VERSION), 1);
	metrics_text_add(text, METRICS_READY, NULL, is_ready(status, why));
	metrics_text_add(text, METRICS_START, NULL,
		seconds_of(runtime_now_ms() -
			   json_integer_value(json_object_get(status, "uptime_ms"))));
	if (admin->snapshot != NULL)
		metrics_text_add(text, METRICS_GENERATION, NULL,
			(double)policy_snapshot_generation(admin->snapshot));
	put_reload(text, json_object_get(status, "reload"));
	put_resources(text, "supervise/0", status, json_object_get(status, "resources"));
	json_array_foreach (json_object_get(status, "processes"), i, process)
		put_process(text, process);
	put_certificates(text, admin);
	metrics_text_write(text, out);
	metrics_text_free(&text);
}

/* ---- by the API ------------------------------------------------------------------------------ */

static void got_metrics(struct admin_call *call, enum err e, const json_t *result)
{
	struct buf out CLEANUP(buf_free);

	buf_init(&out, ADMIN_PAGE_MAX);
	if (e == ERR_OK)
		write_text(call->admin, result, &out);
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (out.failed)
		admin_problem(call, 500, "there are too many metrics");
	else
		admin_reply_text(call, metrics_text_type, buf_str(&out));
}

void admin_get_metrics(struct admin_call *call)
{
	admin_ask_supervisor(call, json_pack("{s:s}", "verb", "status"), got_metrics);
}

void admin_get_health(struct admin_call *call)
{
	admin_reply_text(call, "text/plain; charset=utf-8", str_of("ok\n"));
}

static void got_ready(struct admin_call *call, enum err e, const json_t *result)
{
	char why[MAX_REASON] = "";

	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (!is_ready(result, why))
		admin_problem(call, 503, "%s", why);
	else
		admin_reply_text(call, "text/plain; charset=utf-8", str_of("ready\n"));
}

void admin_get_ready(struct admin_call *call)
{
	admin_ask_supervisor(call, json_pack("{s:s}", "verb", "status"), got_ready);
}

/* ---- on metrics.listen ----------------------------------------------------------------------- */

void admin_metrics_free(struct admin *admin)
{
	admin_page_free(&admin->metrics.text);
	admin_page_free(&admin->metrics.ready);
}

bool admin_metrics_answered(struct admin *admin, int64_t tag, const json_t *result)
{
	char why[MAX_REASON] = "ready";
	bool ready;

	if (tag != METRICS_TAG)
		return false;
	admin_metrics_free(admin);
	admin->metrics.is_asking = false;
	admin->metrics.made = runtime_ticks_ms();
	admin->metrics.text = admin_page_new(metrics_text_type, 0);
	write_text(admin, result, &admin->metrics.text->body);
	if (admin->metrics.text->body.failed) {
		buf_clear(&admin->metrics.text->body);
		admin->metrics.text->status = 503;
	}
	ready = is_ready(result, why);
	admin->metrics.ready = admin_page_new("text/plain; charset=utf-8", 0);
	admin->metrics.ready->status = ready ? 200 : 503;
	buf_format(&admin->metrics.ready->body, "%s\n", why);
	admin_publish_again(admin->monitor);
	return true;
}

static struct admin_page *plain_page(const char *text)
{
	struct admin_page *page = admin_page_new("text/plain; charset=utf-8", 0);

	buf_put_text(&page->body, text);
	return page;
}

struct admin_page *admin_metrics_page(void *context, struct str path, bool *ret_later)
{
	struct admin *admin = context;
	bool is_text = str_is(path, "/metrics");
	json_t *question;

	if (str_is(path, "/healthz"))
		return plain_page("ok\n");
	if (!is_text && !str_is(path, "/readyz"))
		return NULL;
	if (admin->metrics.text != NULL && !admin->metrics.is_asking &&
		runtime_ticks_ms() - admin->metrics.made < KEPT_MS)
		return admin_page_ref(is_text ? admin->metrics.text : admin->metrics.ready);
	*ret_later = true;
	if (admin->metrics.is_asking)
		return NULL;
	admin->metrics.is_asking = true;
	question = json_pack("{s:s}", "verb", "status");
	runtime_ask(admin->runtime, METRICS_TAG, question);
	json_decref(question);
	return NULL;
}
