/* What a check of endpoints is about: chains and the addresses in them, hosts to look at. */
#include "process/admin/check.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)CERT_ENDPOINT_CRL == (int)WIRE_ENDPOINT_CRL &&
		       (int)CERT_ENDPOINT_OCSP == (int)WIRE_ENDPOINT_OCSP &&
		       (int)CERT_ENDPOINT_ISSUER == (int)WIRE_ENDPOINT_ISSUER,
	"kinds of endpoints are numbered alike");

/* ---- trust stores ---------------------------------------------------------------------------- */

/* The issuers that chains do not bring along are in some trust store. */
static void add_stores(struct admin_call *call, struct admin_check *check)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	size_t most = 1 + config->connectors.count + config->organisations.count;

	check->stores = mem_new(most * sizeof(struct tls_store *));
	check->stores[check->store_count++] = tls_store_new(call->admin->roots);
	for (size_t i = 0; i < config->connectors.count; i++)
		if (config->connectors.items[i].trust != NULL)
			check->stores[check->store_count++] =
				tls_store_new(str_of(config->connectors.items[i].trust));
	for (size_t i = 0; i < config->organisations.count; i++)
		if (config->organisations.items[i].trust != NULL)
			check->stores[check->store_count++] =
				tls_store_new(str_of(config->organisations.items[i].trust));
}

/* In the order of add_stores(). */
size_t admin_check_store_of(
	const struct admin_call *call, const char *organisation, const char *connector)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	size_t at = 0, found = 0;

	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		at += c->trust != NULL;
		if (c->trust != NULL && connector != NULL && organisation != NULL &&
			strcmp(c->organisation, organisation) == 0 &&
			strcmp(c->name, connector) == 0)
			return at;
	}
	for (size_t i = 0; i < config->organisations.count; i++) {
		const struct model_organisation *o = &config->organisations.items[i];

		at += o->trust != NULL;
		if (o->trust != NULL && organisation != NULL && strcmp(o->name, organisation) == 0)
			found = at;
	}
	return found;
}

struct admin_check *admin_check_new(struct admin_call *call)
{
	struct admin_check *check = arena_alloc(call->arena, sizeof(*check));

	check->hosts = arena_array(call->arena, ADMIN_CHECK_HOSTS, sizeof(*check->hosts));
	check->endpoints =
		arena_array(call->arena, ADMIN_CHECK_ENDPOINTS, sizeof(*check->endpoints));
	add_stores(call, check);
	call->check = check;
	return check;
}

void admin_check_clear(struct admin_call *call)
{
	struct admin_check *check = call->check;

	for (size_t i = 0; i < check->host_count; i++) {
		struct wire_id stop = {.id = check->hosts[i].wire.tag};

		if (check->hosts[i].deliver != NULL)
			admin_deliver_send(check->hosts[i].deliver, WIRE_PROBE_STOP, &stop);
		check->hosts[i].deliver = NULL;
	}
	for (size_t i = 0; i < check->store_count; i++)
		tls_store_free(&check->stores[i]);
	free(check->stores);
	check->stores = NULL;
	check->store_count = 0;
	call->check = NULL;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* A responder is asked about one certificate, the others are the same for all. */
static struct admin_check_endpoint *find(
	struct admin_check *check, const struct wire_endpoint_ask *ask)
{
	for (size_t i = 0; i < check->endpoint_count; i++) {
		struct admin_check_endpoint *e = &check->endpoints[i];

		if (e->wire.kind == ask->kind && strcmp(e->wire.url, ask->url) == 0 &&
			(ask->kind != WIRE_ENDPOINT_OCSP ||
				str_equal(e->wire.certificate, ask->certificate)))
			return e;
	}
	return NULL;
}

enum { USES = 20 };

static void add_use(struct admin_call *call, struct admin_check_endpoint *e, const char *name)
{
	if (e->used.items == NULL)
		e->used.items = arena_array(call->arena, USES, sizeof(char *));
	for (size_t i = 0; i < e->used.count; i++)
		if (strcmp(e->used.items[i], name) == 0)
			return;
	if (e->used.count < USES)
		e->used.items[e->used.count++] = arena_text(call->arena, name);
}

static void add_endpoint(struct admin_call *call, const char *name, const char *subject,
	const struct wire_endpoint_ask *ask)
{
	struct admin_check *check = call->check;
	struct admin_check_endpoint *e = find(check, ask);

	if (e == NULL && check->endpoint_count == ADMIN_CHECK_ENDPOINTS) {
		check->is_cut = true;
		return;
	}
	if (e == NULL) {
		e = &check->endpoints[check->endpoint_count++];
		e->wire = *ask;
		e->wire.url = arena_text(call->arena, ask->url);
		e->subject = subject;
	}
	add_use(call, e, name);
}

void admin_check_add_url(
	struct admin_call *call, const char *name, const struct wire_endpoint_ask *ask)
{
	add_endpoint(call, name, NULL, ask);
}

/* A certificate of the way up that names no place where it could be said that it is revoked. */
static bool names_none(const struct tls_path_step *step, bool is_root)
{
	for (size_t i = 0; i < step->endpoint_count; i++)
		if (step->endpoints[i].kind != CERT_ENDPOINT_ISSUER)
			return false;
	return !is_root;
}

static void tell_none(struct admin_call *call, const char *name, const struct cert_facts *facts)
{
	const struct cert_cause *cause = cert_cause_of("no-endpoint");

	admin_stream_line(
		call, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:[s]}", "step", "certificate", "result",
			      "note", "token", cause->token, "certificate", facts->subject, "text",
			      cause->words, "remedy", cause->remedy, "used_by", name));
}

bool admin_check_add_chain(
	struct admin_call *call, const char *name, struct str pem, struct err_info *info)
{
	struct admin_check *check = call->check;
	struct tls_path *path = arena_alloc(call->arena, sizeof(*path));

	if (check->chains == ADMIN_CHECK_CHAINS) {
		check->is_cut = true;
		return true;
	}
	if (tls_path_of_pem(pem, (const struct tls_store *const *)check->stores, check->store_count,
		    call->arena, path, info) != ERR_OK)
		return false;
	check->chains++;
	for (size_t i = 0; i < path->count; i++) {
		const struct tls_path_step *step = &path->steps[i];
		bool is_root = path->is_complete && i + 1 == path->count;

		for (size_t k = 0; k < step->endpoint_count; k++) {
			struct wire_endpoint_ask ask = {.kind = step->endpoints[k].kind,
				.url = step->endpoints[k].url,
				.certificate = step->pem};

			if (i + 1 < path->count)
				ask.issuer = path->steps[i + 1].pem;
			add_endpoint(call, name, step->facts.subject, &ask);
		}
		if (names_none(step, is_root))
			tell_none(call, name, &step->facts);
	}
	return true;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void add_host(struct admin_call *call, struct str host, int64_t port, bool is_implicit)
{
	struct admin_check *check = call->check;

	for (size_t i = 0; i < check->host_count; i++)
		if (str_is_nocase(host, check->hosts[i].wire.host) &&
			check->hosts[i].wire.port == port)
			return;
	if (check->host_count == ADMIN_CHECK_HOSTS) {
		check->is_cut = true;
		return;
	}
	check->hosts[check->host_count++].wire = (struct wire_survey){
		.host = arena_text_of(call->arena, host), .port = port, .is_implicit = is_implicit};
}

bool admin_check_add_host(struct admin_call *call, const char *text)
{
	static const struct {
		struct str prefix;
		int64_t port;
		bool is_implicit;
	} schemes[] = {{STR("smtps://"), 465, true}, {STR("https://"), 443, true},
		{STR("smtp://"), 0, false}, {STR(""), 0, false}};
	struct str rest = str_of(text), host;
	uint16_t given = 0;
	size_t i = 0;

	while (!str_starts_nocase(rest, schemes[i].prefix))
		i++;
	rest = str_part(rest, schemes[i].prefix.n, rest.n);
	if (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	/* Without a port the usual one is meant. */
	if (!model_parse_endpoint(rest, 0, &host, &given)) {
		if (!model_parse_endpoint(rest, 25, &host, &given))
			return false;
		given = 0;
	}
	add_host(call, host, given != 0 ? given : schemes[i].port,
		schemes[i].is_implicit || given == 465);
	return true;
}

static void add_domain(struct admin_call *call, const char *pattern)
{
	if (strchr(pattern, '*') == NULL)
		add_host(call, str_of(pattern), 0, false);
}

void admin_check_add_connectors(struct admin_call *call)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);

	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if (c->outbound == NULL || !c->enabled)
			continue;
		for (size_t k = 0; k < c->outbound->smart_hosts.count; k++)
			(void)admin_check_add_host(call, c->outbound->smart_hosts.items[k]);
		if (c->outbound->smart_hosts.count > 0)
			continue;
		for (size_t k = 0; k < c->outbound->recipient_domains.count; k++)
			add_domain(call, c->outbound->recipient_domains.items[k]);
	}
}

void admin_check_add_own(struct admin_call *call)
{
	const struct admin *admin = call->admin;

	for (size_t i = 0; i < admin->certificate_count; i++)
		(void)admin_check_add_chain(call,
			arena_format(call->arena, "certificate %s", admin->certificates[i].name),
			admin->certificates[i].chain, NULL);
}
