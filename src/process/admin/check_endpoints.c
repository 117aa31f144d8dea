/* The course of a check of endpoints: hosts are looked at, then addresses are tried out. */
#include "process/admin/check.h"

#include <string.h>

static void go_on(struct admin_call *call);

/* ---- telling --------------------------------------------------------------------------------- */

static json_t *places_json(const struct cert_places *places)
{
	json_t *list = json_array();

	for (size_t i = 0; i < places->count; i++)
		json_array_append_new(list, json_string(places->items[i]));
	return list;
}

static void finish(struct admin_call *call, const char *problem)
{
	struct admin_check *check = call->check;
	bool is_ok = problem == NULL && check->failed == 0;
	const char *text = problem;

	if (check->is_cut && problem == NULL) {
		is_ok = false;
		text = "more than one check takes: name fewer hosts or connectors";
	}
	if (text == NULL)
		text = arena_format(call->arena, "%zu of %zu endpoints of %zu chains are fine%s",
			check->good, check->endpoint_count, check->chains,
			check->chains == 0 && check->failed > 0 && check->endpoint_count == 0
				? ": no chain could be looked at"
				: "");
	admin_stream_line(call,
		json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o}", "step", "summary", "result",
			is_ok ? "ok" : "failed", "text", text, "chains", (json_int_t)check->chains,
			"endpoints", (json_int_t)check->endpoint_count, "failed",
			(json_int_t)check->failed, "allow", places_json(&check->places)));
	admin_stream_end(call);
}

static json_t *uses_json(const struct record_texts *used)
{
	json_t *list = json_array();

	for (size_t i = 0; i < used->count; i++)
		json_array_append_new(list, json_string(used->items[i]));
	return list;
}

/* An address that cannot be fetched does no harm where the certificate names another of its kind.
 */
static bool has_other(const struct admin_check *check, const struct admin_check_endpoint *e)
{
	for (size_t i = 0; i < check->endpoint_count; i++) {
		const struct admin_check_endpoint *other = &check->endpoints[i];

		if (other != e && other->wire.kind == e->wire.kind &&
			str_equal(other->wire.certificate, e->wire.certificate) &&
			strncmp(other->wire.url, "http", 4) == 0)
			return true;
	}
	return false;
}

static const char *result_of(const struct admin_check *check, const struct admin_check_endpoint *e,
	const struct wire_endpoint_answer *answer)
{
	if (answer->ok)
		return "ok";
	return answer->token != NULL && strcmp(answer->token, "scheme") == 0 && has_other(check, e)
		       ? "note"
		       : "failed";
}

static void tell_endpoint(struct admin_call *call, struct admin_check_endpoint *e,
	const struct wire_endpoint_answer *answer)
{
	struct admin_check *check = call->check;
	const struct cert_cause *cause = cert_cause_of(answer->ok ? "ok" : answer->token);
	const char *result = result_of(check, e, answer);
	json_t *line = record_to_json(&wire_endpoint_answer_desc, answer, RECORD_JSON_SPARSE);
	struct cert_places own = {.count = 0};

	e->is_over = true;
	check->good += strcmp(result, "ok") == 0;
	check->failed += strcmp(result, "failed") == 0;
	cert_places_add(&own, answer->hosts, call->arena);
	if (own.count == 0)
		cert_places_add(&own, cert_endpoint_place(e->wire.url, call->arena), call->arena);
	for (size_t i = 0; i < own.count; i++)
		cert_places_add(&check->places, own.items[i], call->arena);
	json_object_del(line, "tag");
	json_object_del(line, "ok");
	json_object_set_new(line, "hosts", places_json(&own));
	json_object_set_new(line, "step", json_string("endpoint"));
	json_object_set_new(line, "result", json_string(result));
	json_object_set_new(
		line, "token", json_string(answer->token != NULL ? answer->token : cause->token));
	json_object_set_new(line, "kind", json_string(cert_endpoint_names[e->wire.kind]));
	json_object_set_new(line, "url", json_string(e->wire.url));
	json_object_set_new(line, "used_by", uses_json(&e->used));
	if (e->subject != NULL)
		json_object_set_new(line, "certificate", json_string(e->subject));
	if (!answer->ok) {
		json_object_set_new(line, "cause", json_string(cause->words));
		json_object_set_new(line, "remedy", json_string(cause->remedy));
	}
	admin_stream_line(call, line);
}

static void tell_host(struct admin_call *call, const struct wire_surveyed *s)
{
	const char *name = arena_format(call->arena,
		strchr(s->host, ':') != NULL ? "[%s]:%d" : "%s:%d", s->host, (int)s->port);
	struct err_info info = {.text = ""};
	bool is_ok = s->ok;
	json_t *line;

	if (is_ok)
		is_ok = admin_check_add_chain(
			call, arena_format(call->arena, "host %s", name), s->chain, &info);
	line = json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:s*}", "step", "host", "result",
		is_ok ? "ok" : "failed", "host", name, "address", s->address, "version", s->version,
		"text", s->ok && !is_ok ? info.text : s->text);
	if (s->ok)
		json_object_set_new(line, "verdict", json_string(cert_verdict_names[s->verdict]));
	call->check->failed += !is_ok;
	admin_stream_line(call, line);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void host_over(struct admin_call *call, struct admin_check_host *host)
{
	host->deliver = NULL;
	call->check->hosts_running--;
}

static void host_failed(
	struct admin_call *call, const struct admin_check_host *host, const char *why)
{
	const struct wire_surveyed failed = {
		.host = host->wire.host, .port = host->wire.port, .text = why};

	tell_host(call, &failed);
}

static void begin_hosts(struct admin_call *call)
{
	struct admin_check *check = call->check;

	while (check->host_at < check->host_count && check->hosts_running < ADMIN_CHECK_SURVEYS) {
		struct admin_check_host *host = &check->hosts[check->host_at++];

		host->deliver = admin_deliver_choose(call->admin);
		if (host->deliver == NULL) {
			host_failed(call, host, "no process that delivers is there; try again");
			continue;
		}
		host->wire.tag = ++call->admin->last_tag;
		check->hosts_running++;
		admin_deliver_send(host->deliver, WIRE_SURVEY, &host->wire);
	}
}

static struct admin_check_host *host_of_tag(struct admin_check *check, int64_t tag)
{
	for (size_t i = 0; i < check->host_count; i++)
		if (check->hosts[i].deliver != NULL && check->hosts[i].wire.tag == tag)
			return &check->hosts[i];
	return NULL;
}

void admin_check_surveyed(struct admin *admin, const struct wire_surveyed *surveyed)
{
	for (struct admin_call *call = admin->calls; call != NULL; call = call->next) {
		struct admin_check_host *host =
			call->check != NULL ? host_of_tag(call->check, surveyed->tag) : NULL;

		if (host == NULL)
			continue;
		if (surveyed->host != NULL)
			tell_host(call, surveyed);
		if (surveyed->is_last)
			host_over(call, host);
		go_on(call);
		return;
	}
}

void admin_check_deliver_gone(struct admin *admin, const struct admin_deliver *deliver)
{
	struct admin_call *next;

	for (struct admin_call *call = admin->calls; call != NULL; call = next) {
		struct admin_check *check = call->check;
		bool any = false;

		next = call->next;
		for (size_t i = 0; check != NULL && i < check->host_count; i++) {
			if (check->hosts[i].deliver != deliver)
				continue;
			any = true;
			host_failed(call, &check->hosts[i], "the delivering process was restarted");
			host_over(call, &check->hosts[i]);
		}
		if (any)
			go_on(call);
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void begin_endpoints(struct admin_call *call)
{
	struct admin_check *check = call->check;

	while (check->endpoint_at < check->endpoint_count &&
		check->endpoints_running < ADMIN_CHECK_FETCHES) {
		struct admin_check_endpoint *e = &check->endpoints[check->endpoint_at++];
		const struct wire_endpoint_answer away = {.token = "busy",
			.text = "the process that fetches is not there; try again"};

		if (call->admin->lookup == NULL) {
			tell_endpoint(call, e, &away);
			continue;
		}
		e->wire.tag = ++call->admin->last_tag;
		e->is_begun = true;
		check->endpoints_running++;
		ipc_send(call->admin->lookup, WIRE_ENDPOINT_ASK, &e->wire);
	}
}

static struct admin_check_endpoint *endpoint_of_tag(struct admin_check *check, int64_t tag)
{
	for (size_t i = 0; i < check->endpoint_count; i++) {
		struct admin_check_endpoint *e = &check->endpoints[i];

		if (e->is_begun && !e->is_over && e->wire.tag == tag)
			return e;
	}
	return NULL;
}

static void answered(struct admin *admin, const struct wire_endpoint_answer *answer)
{
	for (struct admin_call *call = admin->calls; call != NULL; call = call->next) {
		struct admin_check_endpoint *e =
			call->check != NULL ? endpoint_of_tag(call->check, answer->tag) : NULL;

		if (e == NULL)
			continue;
		call->check->endpoints_running--;
		tell_endpoint(call, e, answer);
		go_on(call);
		return;
	}
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	(void)ipc;
	if (type == WIRE_ENDPOINT_ANSWER)
		answered(context, record);
}

static void lookup_gone(struct admin_call *call)
{
	const struct wire_endpoint_answer gone = {
		.token = "busy", .text = "the process that fetches was restarted; try again"};
	struct admin_check *check = call->check;

	for (size_t i = 0; check != NULL && i < check->endpoint_count; i++) {
		struct admin_check_endpoint *e = &check->endpoints[i];

		if (!e->is_begun || e->is_over)
			continue;
		check->endpoints_running--;
		tell_endpoint(call, e, &gone);
	}
	if (check != NULL)
		go_on(call);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct admin *admin = context;
	struct admin_call *next;

	(void)ipc;
	ipc_free(&admin->lookup);
	for (struct admin_call *call = admin->calls; call != NULL; call = next) {
		next = call->next;
		lookup_gone(call);
	}
}

void admin_check_lookup_came(struct admin *admin, int fd)
{
	static const struct ipc_handlers handlers = {on_message, on_closed, NULL};

	if (admin->lookup != NULL)
		on_closed(admin, admin->lookup);
	admin->lookup = ipc_new(runtime_base(admin->runtime), fd, &handlers, admin);
}

/* ---- what partners have presented ------------------------------------------------------------ */

static void ask_chains(struct admin_call *call, const char *after);

static void add_partner(struct admin_call *call, const json_t *item)
{
	const char *organisation = json_string_value(json_object_get(item, "organisation"));
	const char *connector = json_string_value(json_object_get(item, "connector"));
	const char *partner = json_string_value(json_object_get(item, "partner"));
	const json_t *pem = json_object_get(item, "pem");

	if (partner == NULL || !json_is_string(pem) ||
		(call->check->only_connectors && connector == NULL))
		return;
	if (connector != NULL && organisation != NULL)
		partner = arena_format(call->arena, "connector %s/%s", organisation, connector);
	/* What cannot be read was told when it came. */
	(void)admin_check_add_chain(call, partner,
		arena_copy(call->arena, str_make(json_string_value(pem), json_string_length(pem))),
		NULL);
}

static void on_chains(struct admin_call *call, enum err e, const json_t *result)
{
	const char *after = json_string_value(json_object_get(result, "next"));
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, item)
		add_partner(call, item);
	if (e != ERR_OK) {
		call->check->failed++;
		admin_stream_line(
			call, json_pack("{s:s,s:s,s:s}", "step", "partners", "result", "failed",
				      "text", "what partners have presented could not be read"));
	} else if (after != NULL && ++call->check->pages < ADMIN_CHECK_PAGES) {
		ask_chains(call, arena_text(call->arena, after));
		return;
	}
	call->check->wants_chains = false;
	go_on(call);
}

static void ask_chains(struct admin_call *call, const char *after)
{
	json_t *arguments = json_pack("{s:b,s:b,s:i}", "newest", true, "pem", true, "limit", 100);

	if (after != NULL)
		json_object_set_new(arguments, "cursor", json_string(after));
	call->is_extra = false;
	admin_ask_spool(call, "chains.list", arguments, on_chains);
}

/* ---- the course ------------------------------------------------------------------------------ */

/* First all chains, so that each address is tried once. */
static void go_on(struct admin_call *call)
{
	struct admin_check *check = call->check;

	if (check->wants_chains)
		return;
	begin_hosts(call);
	if (check->hosts_running > 0)
		return;
	if (!check->is_collected) {
		check->is_collected = true;
		admin_stream_line(call, json_pack("{s:s,s:s,s:I,s:I}", "step", "collected",
						"result", "ok", "chains", (json_int_t)check->chains,
						"endpoints", (json_int_t)check->endpoint_count));
	}
	begin_endpoints(call);
	if (check->endpoints_running == 0)
		finish(call, NULL);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct admin_call *call = context;

	(void)fd;
	(void)what;
	finish(call, arena_format(call->arena,
			     "given up after %d s: %zu endpoints are left; check fewer at once",
			     ADMIN_CHECK_S,
			     call->check->endpoint_count - call->check->endpoint_at +
				     call->check->endpoints_running));
}

/* ---- the question ---------------------------------------------------------------------------- */

static bool wants(const struct admin_call *call, const char *key)
{
	return json_is_true(json_object_get(call->body, key));
}

/* {name, pem} */
static bool add_given(struct admin_call *call, const json_t *chain)
{
	const char *name = json_string_value(json_object_get(chain, "name"));
	const json_t *pem = json_object_get(chain, "pem");
	struct err_info info = {.text = ""};

	if (name == NULL || strlen(name) > 512 || !json_is_string(pem))
		return false;
	if (admin_check_add_chain(call, name,
		    arena_copy(
			    call->arena, str_make(json_string_value(pem), json_string_length(pem))),
		    &info))
		return true;
	call->check->failed++;
	admin_stream_line(call, json_pack("{s:s,s:s,s:s,s:s}", "step", "chain", "result", "failed",
					"host", name, "text", info.text));
	return true;
}

/* {url, kind} */
static bool add_url(struct admin_call *call, const json_t *url)
{
	const char *text = json_string_value(json_object_get(url, "url"));
	const char *kind = json_string_value(json_object_get(url, "kind"));
	struct wire_endpoint_ask ask = {.url = text};

	if (text == NULL || strlen(text) > CERT_URL_MAX || kind == NULL)
		return false;
	while (cert_endpoint_names[ask.kind] != NULL &&
		strcmp(cert_endpoint_names[ask.kind], kind) != 0)
		ask.kind++;
	if (cert_endpoint_names[ask.kind] == NULL)
		return false;
	admin_check_add_url(call, text, &ask);
	return true;
}

static bool add_host(struct admin_call *call, const json_t *host)
{
	return json_is_string(host) && admin_check_add_host(call, json_string_value(host));
}

/* Lists of the body; false: told, and the check is over. */
static bool add_lists(struct admin_call *call)
{
	static const struct {
		const char *key;
		bool (*add)(struct admin_call *call, const json_t *item);
	} lists[] = {{"chains", add_given}, {"urls", add_url}, {"hosts", add_host}};
	const json_t *item;
	size_t i;

	for (size_t k = 0; k < ARRAY_LENGTH(lists); k++)
		json_array_foreach (json_object_get(call->body, lists[k].key), i, item)
			if (!lists[k].add(call, item)) {
				finish(call, arena_format(call->arena,
						     "%s[%zu] cannot be understood: expected a "
						     "host with or without port, {name, pem}, or "
						     "{url, kind}",
						     lists[k].key, i));
				return false;
			}
	return true;
}

static void begin(struct admin_call *call)
{
	const struct timeval late = {.tv_sec = ADMIN_CHECK_S};
	struct admin_check *check;

	if (!admin_needs_object(call))
		return;
	check = admin_check_new(call);
	admin_stream_begin(call, admin_end);
	if (!add_lists(call))
		return;
	if (wants(call, "own"))
		admin_check_add_own(call);
	if (wants(call, "connectors"))
		admin_check_add_connectors(call);
	check->wants_chains = wants(call, "connectors") || wants(call, "partners");
	check->only_connectors = !wants(call, "partners");
	call->tick = evtimer_new(runtime_base(call->admin->runtime), on_late, call);
	evtimer_add(call->tick, &late);
	if (check->wants_chains)
		ask_chains(call, NULL);
	else
		go_on(call);
}

void admin_check_endpoints(struct admin_call *call)
{
	admin_with_snapshot(call, begin);
}
