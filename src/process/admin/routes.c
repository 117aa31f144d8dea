/* The table of routes: the whole management API. */
#include "process/admin/check.h"

#include <string.h>

const char *const admin_who_names[] = {"", "installation", "organisation", "anyone", NULL};

#define OBJECT_ROUTES(plural, pattern_key, kind, reads, writes)                                    \
	{EVHTTP_REQ_GET, "/v1/" plural,                                                            \
		"List them: organisation, domain (recipients); after, limit.", reads,              \
		admin_list_objects, kind},                                                         \
		{EVHTTP_REQ_POST, "/v1/" plural, "Add one.", writes, admin_add_object, kind},      \
		{EVHTTP_REQ_GET, "/v1/" plural pattern_key, "One of them.", reads,                 \
			admin_get_object, kind},                                                   \
		{EVHTTP_REQ_PUT, "/v1/" plural pattern_key, "Replace one, or add it.", writes,     \
			admin_put_object, kind},                                                   \
		{EVHTTP_REQ_PATCH, "/v1/" plural pattern_key,                                      \
			"Change the properties given; null resets one.", writes,                   \
			admin_patch_object, kind},                                                 \
	{                                                                                          \
		EVHTTP_REQ_DELETE, "/v1/" plural pattern_key, "Remove one.", writes,               \
			admin_delete_object, kind                                                  \
	}

const struct admin_route admin_routes[] = {
	{EVHTTP_REQ_GET, "/v1", "This table.", ADMIN_ANYONE, admin_get_routes, 0},
	{EVHTTP_REQ_GET, "/v1/status", "The server, its processes, their counters.",
		ADMIN_INSTALLATION, admin_get_status, 0},
	{EVHTTP_REQ_POST, "/v1/reload", "Read node file and certificates again.",
		ADMIN_INSTALLATION, admin_reload, 0},
	{EVHTTP_REQ_GET, "/v1/config", "The configuration; its generation is the ETag.",
		ADMIN_INSTALLATION, admin_get_config, 0},
	{EVHTTP_REQ_PUT, "/v1/config",
		"Replace the configuration. If-Match: only that generation; dry_run=1: only check.",
		ADMIN_INSTALLATION, admin_put_config, 0},
	{EVHTTP_REQ_POST, "/v1/changes",
		"{changes: [{kind, op: add, put, patch or remove, key, object}]}: change many "
		"objects, all or none; If-Match, dry_run=1.",
		ADMIN_ORGANISATION, admin_change_objects, 0},
	OBJECT_ROUTES("organisations", "/{key}", MODEL_ORGANISATION, ADMIN_ORGANISATION,
		ADMIN_INSTALLATION),
	OBJECT_ROUTES("domains", "/{key}", MODEL_DOMAIN, ADMIN_ORGANISATION, ADMIN_INSTALLATION),
	OBJECT_ROUTES("connectors", "/{organisation}/{name}", MODEL_CONNECTOR, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION),
	{EVHTTP_REQ_POST, "/v1/connectors/{organisation}/{name}/test",
		"{to?, from?, send?}, or {direction: inbound, from?, to?, ip?, cert_pem?, tls?}: "
		"try it "
		"out, one JSON object a line as each step ends.",
		ADMIN_ORGANISATION, admin_test_connector, 0},
	{EVHTTP_REQ_GET, "/v1/connectors/{organisation}/{name}/test",
		"What came of its tests, the newest first; limit.", ADMIN_ORGANISATION,
		admin_get_tests, 0},
	OBJECT_ROUTES(
		"recipients", "/{key}", MODEL_RECIPIENT, ADMIN_ORGANISATION, ADMIN_ORGANISATION),
	OBJECT_ROUTES("rules", "/{organisation}/{name}", MODEL_RULE, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION),
	{EVHTTP_REQ_GET, "/v1/queue",
		"Messages in the queue: id, route, domain, connector, sender, recipient, state; "
		"after, limit.",
		ADMIN_ORGANISATION, admin_get_queue, 0},
	{EVHTTP_REQ_GET, "/v1/queue/summary", "What waits, by next hop.", ADMIN_ORGANISATION,
		admin_get_queue_summary, 0},
	{EVHTTP_REQ_GET, "/v1/queue/{id}", "One message in the queue.", ADMIN_ORGANISATION,
		admin_get_queue_item, 0},
	{EVHTTP_REQ_POST, "/v1/queue/{action}",
		"{filter}: hold, release, retry, delete or return what matches.",
		ADMIN_ORGANISATION, admin_act_on_queue, 0},
	{EVHTTP_REQ_GET, "/v1/trace",
		"Search: address, sender, recipient, message_id, id, connector, outcome, since, "
		"until; after, limit.",
		ADMIN_ORGANISATION, admin_get_trace, 0},
	{EVHTTP_REQ_GET, "/v1/trace/{id}", "All events of one message.", ADMIN_ORGANISATION,
		admin_get_trace_item, 0},
	{EVHTTP_REQ_POST, "/v1/explain",
		"{from, to, ip?, cert_pem?, tls?}: what would happen, and why.", ADMIN_ORGANISATION,
		admin_explain, 0},
	{EVHTTP_REQ_GET, "/v1/lint", "What is doubtful in the configuration.", ADMIN_ORGANISATION,
		admin_get_lint, 0},
	{EVHTTP_REQ_POST, "/v1/checks/endpoints",
		"{own?, connectors?, partners?, hosts?, chains?, urls?}: try out where "
		"certificates "
		"point to, line by line.",
		ADMIN_INSTALLATION, admin_check_endpoints, 0},
	{EVHTTP_REQ_GET, "/v1/checks/roots",
		"Which root each own certificate, connector and partner depends on: require "
		"(repeated), organisation, connector.",
		ADMIN_INSTALLATION, admin_check_roots, 0},
	{EVHTTP_REQ_GET, "/v1/tls",
		"What TLS is offered and accepted, by listener and by connector.",
		ADMIN_INSTALLATION, admin_get_tls, 0},
	{EVHTTP_REQ_GET, "/v1/certificates",
		"Certificates: what is presented, what uses it; the lives of those with versions.",
		ADMIN_INSTALLATION, admin_get_certificates, 0},
	{EVHTTP_REQ_POST, "/v1/certificates/explain",
		"{name?, from?, connector?} or {connector, to}: which certificate and version a "
		"peer is shown, and why.",
		ADMIN_INSTALLATION, admin_explain_certificate, 0},
	{EVHTTP_REQ_GET, "/v1/certificates/{name}/acceptance",
		"How often partners accepted and refused each of its versions.", ADMIN_ORGANISATION,
		admin_get_acceptance, 0},
	{EVHTTP_REQ_GET, "/v1/certificates/{name}/plan",
		"Its versions, what is to happen when, and what the next one would mean for "
		"partners.",
		ADMIN_ORGANISATION, admin_get_rollover_plan, 0},
	{EVHTTP_REQ_POST, "/v1/certificates/{name}/rollover",
		"{action: start, advance, back, retire, cancel or drop, at?, share?, connectors?, "
		"force?}: a step in its life.",
		ADMIN_INSTALLATION, admin_rollover, 0},
	{EVHTTP_REQ_GET, "/v1/certificates/sheet",
		"What partners must know of our certificates, the coming ones too: name, "
		"organisation, format (json, text, markdown, html).",
		ADMIN_ORGANISATION, admin_get_sheet, 0},
	{EVHTTP_REQ_GET, "/v1/partner-kit",
		"What a partner needs to force TLS: organisation, connector, address, format "
		"(json, "
		"text, html).",
		ADMIN_ORGANISATION, admin_get_partner_kit, 0},
	{EVHTTP_REQ_GET, "/v1/connectors/{organisation}/{name}/readiness",
		"What it took and would have refused: days.", ADMIN_ORGANISATION,
		admin_get_readiness, 0},
	{EVHTTP_REQ_GET, "/v1/alarms", "Alarms not acknowledged; all=1: all.", ADMIN_ORGANISATION,
		admin_get_alarms, 0},
	{EVHTTP_REQ_POST, "/v1/alarms/{id}/acknowledge", "Somebody has seen it.",
		ADMIN_ORGANISATION, admin_acknowledge_alarm, 0},
	{EVHTTP_REQ_POST, "/v1/alerts/test",
		"Tell of a test alarm by mail and webhook; what came of it.", ADMIN_INSTALLATION,
		admin_test_alerts, 0},
	{EVHTTP_REQ_GET, "/v1/chains",
		"Certificates that partners have presented: organisation, connector, since, "
		"newest, "
		"pem; after, limit.",
		ADMIN_ORGANISATION, admin_get_chains, 0},
	{EVHTTP_REQ_GET, "/v1/chains/{id}", "One of them, with its PEM.", ADMIN_ORGANISATION,
		admin_get_chain, 0},
	{EVHTTP_REQ_POST, "/v1/chains/{id}/accept", "This is how it is now: the alarm is over.",
		ADMIN_ORGANISATION, admin_accept_chain, 0},
	{EVHTTP_REQ_GET, "/v1/protection",
		"How well mail to and from domains was protected: domain, fallen.",
		ADMIN_INSTALLATION, admin_get_protection, 0},
	{EVHTTP_REQ_DELETE, "/v1/protection/{domain}", "Forget that of one domain.",
		ADMIN_INSTALLATION, admin_forget_protection, 0},
	{EVHTTP_REQ_GET, "/v1/acme-challenges", "Answers to ACME challenges that are published.",
		ADMIN_INSTALLATION, admin_get_challenges, 0},
	{EVHTTP_REQ_POST, "/v1/acme-challenges",
		"{token, answer}: publish the answer to an ACME challenge (RFC 8555 8.3).",
		ADMIN_INSTALLATION, admin_add_challenge, 0},
	{EVHTTP_REQ_DELETE, "/v1/acme-challenges/{token}", "Withdraw one.", ADMIN_INSTALLATION,
		admin_remove_challenge, 0},
	{EVHTTP_REQ_GET, "/v1/hosts", "Hosts whose TLS failed.", ADMIN_INSTALLATION,
		admin_get_hosts, 0},
	{EVHTTP_REQ_DELETE, "/v1/hosts/{host}", "Forget one.", ADMIN_INSTALLATION,
		admin_forget_host, 0},
};
const size_t admin_route_count = ARRAY_LENGTH(admin_routes);

/* A segment, decoded. NULL when malformed, empty, or hiding a NUL. */
static const char *decode(struct str segment, struct arena *arena)
{
	char *text = arena_text_of(arena, segment);
	size_t n = 0;
	char *plain;
	const char *ret = NULL;

	plain = evhttp_uridecode(text, 0, &n);
	if (plain != NULL && n > 0 && strlen(plain) == n && str_is_utf8(str_make(plain, n)))
		ret = arena_text(arena, plain);
	free(plain);
	return ret;
}

static bool match(const char *pattern, const char *path, struct arena *arena,
	const char *ret_segments[ADMIN_MAX_SEGMENTS], size_t *ret_count)
{
	struct str want = str_of(pattern), have = str_of(path);
	size_t count = 0;

	if (have.n > 0 && have.p[have.n - 1] == '/')
		return false;
	while (want.n > 0 && have.n > 0) {
		struct str w = str_cut(&want, '/');
		struct str h = str_cut(&have, '/');

		if (w.n > 0 && w.p[0] == '{') {
			if (h.n == 0 || count == ADMIN_MAX_SEGMENTS)
				return false;
			ret_segments[count] = decode(h, arena);
			if (ret_segments[count] == NULL)
				return false;
			count++;
		} else if (!str_equal(w, h)) {
			return false;
		}
	}
	*ret_count = count;
	return want.n == 0 && have.n == 0;
}

enum admin_match admin_match_route(enum evhttp_cmd_type method, const char *path,
	struct arena *arena, const struct admin_route **ret_route,
	const char *ret_segments[ADMIN_MAX_SEGMENTS], size_t *ret_count)
{
	enum admin_match result = ADMIN_NO_PATH;

	for (size_t i = 0; i < admin_route_count; i++) {
		if (!match(admin_routes[i].pattern, path, arena, ret_segments, ret_count))
			continue;
		if (admin_routes[i].method == method) {
			*ret_route = &admin_routes[i];
			return ADMIN_FOUND;
		}
		result = ADMIN_NO_METHOD;
	}
	return result;
}

static const char *method_name(enum evhttp_cmd_type method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "DELETE";
	}
}

void admin_get_routes(struct admin_call *call)
{
	json_t *items = json_array();

	for (size_t i = 0; i < admin_route_count; i++)
		json_array_append_new(
			items, json_pack("{s:s,s:s,s:s,s:s}", "method",
				       method_name(admin_routes[i].method), "path",
				       admin_routes[i].pattern, "doc", admin_routes[i].doc, "who",
				       admin_who_names[admin_routes[i].who]));
	admin_reply(call, 200, json_pack("{s:o}", "items", items), NULL);
}
