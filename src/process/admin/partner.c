/* The partner kit: its facts gathered from node, certificates and configuration. */
#include "process/admin/call.h"

#include "core/cert/sheet.h"
#include "core/partner/kit.h"
#include "port/tls/tls.h"
#include "process/admin/uses.h"

#include <string.h>

enum { MAX_ITEMS = 32, MAX_PAGE = 4 * 1024 * 1024, SOON_DAYS = 30 };

/* A kit in the making. */
struct making {
	struct admin_call *call;
	const struct model_config *config;
	const struct model_organisation *organisation;
	const struct model_connector *connector; /* NULL: none named */
	struct partner_kit kit;
};

static void note(struct making *m, const char *text)
{
	if (m->kit.notes.count < MAX_ITEMS)
		m->kit.notes.items[m->kit.notes.count++] = text;
}

/* ---- what was asked for ---------------------------------------------------------------------- */

static const struct model_organisation *find_organisation(
	const struct model_config *config, struct str name)
{
	for (size_t i = 0; i < config->organisations.count; i++)
		if (str_is(name, config->organisations.items[i].name))
			return &config->organisations.items[i];
	return NULL;
}

static bool find_connector(struct making *m, const char *key)
{
	for (size_t i = 0; i < m->config->connectors.count; i++) {
		const struct model_connector *c = &m->config->connectors.items[i];

		if (strcmp(model_key(MODEL_CONNECTOR, c, m->call->arena), key) == 0)
			m->connector = c;
	}
	if (m->connector == NULL)
		admin_problem(m->call, 404, "there is no connector %s", key);
	else if (m->connector->type != MODEL_PARTNER)
		admin_problem(m->call, 422,
			"connector %s is of type on-premises; a kit is for a partner", key);
	return m->connector != NULL && m->connector->type == MODEL_PARTNER;
}

/* False: answered. */
static bool find_subject(struct making *m)
{
	const char *name = admin_query(m->call, "organisation");
	const char *key = admin_query(m->call, "connector");

	if (name == NULL && m->call->is_limited && m->call->organisations.count == 1)
		name = m->call->organisations.items[0];
	if ((key != NULL && !admin_manages(m->call, admin_owner(m->call, MODEL_CONNECTOR, key))) ||
		(name != NULL && !admin_manages(m->call, name))) {
		admin_problem(m->call, 403, "you do not manage the organisation of this kit");
		return false;
	}
	if (key != NULL && !find_connector(m, key))
		return false;
	if (name == NULL && m->connector != NULL)
		name = m->connector->organisation;
	if (name == NULL && m->config->organisations.count == 1)
		name = m->config->organisations.items[0].name;
	if (name == NULL) {
		admin_problem(m->call, 422, "organisation: is missing: whose kit is it to be?");
		return false;
	}
	m->organisation = find_organisation(m->config, str_of(name));
	if (m->organisation == NULL)
		admin_problem(m->call, 404, "there is no organisation named \"%s\"", name);
	else if (m->connector != NULL &&
		 !str_is(str_of(m->connector->organisation), m->organisation->name))
		admin_problem(m->call, 422, "connector %s is not of organisation %s", key, name);
	else
		return true;
	return false;
}

/* "192.0.2.1,2001:db8::1".  False: answered. */
static bool take_addresses(struct making *m)
{
	struct str rest = str_of(admin_query(m->call, "address"));

	while (rest.n > 0 && m->kit.addresses.count < MAX_ITEMS) {
		struct str item = str_trim(str_cut(&rest, ','));
		struct model_prefix prefix;

		if (!model_parse_prefix(item, &prefix)) {
			admin_problem(m->call, 422,
				"address: expected an address or a prefix, found \"%.*s\"",
				STR_ARGS(item));
			return false;
		}
		m->kit.addresses.items[m->kit.addresses.count++] =
			arena_text_of(m->call->arena, item);
	}
	return true;
}

/* ---- domains and listeners ------------------------------------------------------------------- */

static void take_domains(struct making *m)
{
	struct arena *arena = m->call->arena;
	struct record_texts *to = &m->kit.domains;

	to->items = arena_array(arena, m->config->domains.count * 2 + 1, sizeof(char *));
	for (size_t i = 0; i < m->config->domains.count; i++) {
		const struct model_domain *d = &m->config->domains.items[i];

		if (strcmp(d->organisation, m->organisation->name) != 0)
			continue;
		to->items[to->count++] = d->name;
		if (d->subdomains)
			to->items[to->count++] = arena_format(arena, "*.%s", d->name);
	}
	if (to->count == 0)
		note(m, "The organisation has no accepted domain: there is nothing to send to.");
}

static bool is_private(const char *address)
{
	static const char *const ranges[] = {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12",
		"192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1", "fc00::/7",
		"fe80::/10"};
	struct model_prefix range, one;

	if (!model_parse_prefix(str_of(address), &one))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(ranges); i++)
		if (model_parse_prefix(str_of(ranges[i]), &range) &&
			model_prefix_contains(&range, &one))
			return true;
	return false;
}

/* False: no TLS there, or no address that can be told. */
static bool describe_listener(
	struct making *m, const struct model_listener *l, struct partner_listener *ret)
{
	struct str host;
	uint16_t port;

	if (l->tls == MODEL_TLS_OFF || !model_parse_endpoint(str_of(l->address), 0, &host, &port))
		return false;
	*ret = (struct partner_listener){.port = port, .is_implicit = l->tls == MODEL_TLS_IMPLICIT};
	/* All addresses of the machine are those that its name has; behind a proxy ours say
	 * nothing. */
	if (!l->proxy && !str_is(host, "0.0.0.0") && !str_is(host, "::"))
		ret->address = arena_text_of(m->call->arena, host);
	return true;
}

static bool has_listener(const struct making *m, const struct partner_listener *l)
{
	for (size_t i = 0; i < m->kit.listeners.count; i++) {
		const struct partner_listener *other = &m->kit.listeners.items[i];

		if (other->port == l->port && other->is_implicit == l->is_implicit &&
			(other->address == NULL || l->address == NULL
					? other->address == l->address
					: strcmp(other->address, l->address) == 0))
			return true;
	}
	return false;
}

/* Those that others can reach; with PRIVATE_TOO all. */
static void take_listeners(struct making *m, bool private_too)
{
	const struct model_node *node = &m->call->admin->node;
	struct partner_listener one;

	for (size_t i = 0; i < node->listeners.count && m->kit.listeners.count < MAX_ITEMS; i++) {
		if (!describe_listener(m, &node->listeners.items[i], &one) ||
			has_listener(m, &one) ||
			(!private_too && one.address != NULL && is_private(one.address)))
			continue;
		m->kit.listeners.items[m->kit.listeners.count++] = one;
	}
	if (m->kit.listeners.count > 0 || private_too)
		return;
	take_listeners(m, true);
	if (m->kit.listeners.count > 0)
		note(m, "All listeners are at private addresses: tell the partner the address that "
			"is seen from outside.");
	else
		note(m, "No listener offers TLS: the partner cannot force it.");
}

/* ---- certificates ---------------------------------------------------------------------------- */

/* Each store that may hold a root of our own: the system's, the organisation's, and the trust of
 * own connectors. */
static size_t stores_of(struct making *m, struct str **ret)
{
	size_t count = 0;

	*ret = arena_array(m->call->arena, m->config->connectors.count + 2, sizeof(**ret));
	(*ret)[count++] = m->call->admin->roots;
	if (m->organisation->trust != NULL)
		(*ret)[count++] = str_of(m->organisation->trust);
	for (size_t i = 0; i < m->config->connectors.count; i++) {
		const struct model_connector *c = &m->config->connectors.items[i];

		if (c->trust != NULL && c->type == MODEL_ON_PREMISES &&
			strcmp(c->organisation, m->organisation->name) == 0)
			(*ret)[count++] = str_of(c->trust);
	}
	return count;
}

static void add_root(struct making *m, const struct tls_root *root)
{
	for (size_t i = 0; i < m->kit.roots.count; i++)
		if (strcmp(m->kit.roots.items[i].sha256, root->facts.sha256) == 0)
			return;
	if (m->kit.roots.count < MAX_ITEMS)
		m->kit.roots.items[m->kit.roots.count++] = (struct partner_root){
			.subject = root->facts.subject,
			.sha256 = root->facts.sha256,
			.not_after_ms = root->facts.not_after_ms,
			.is_public = root->is_first,
			.pem = root->pem,
		};
}

static const char *root_of(struct making *m, struct str chain, const char *name)
{
	struct arena *arena = m->call->arena;
	struct tls_root root;
	struct str *stores;
	size_t count = stores_of(m, &stores);

	if (tls_root_of_pem(chain, stores, count, arena, &root)) {
		add_root(m, &root);
		return root.facts.subject;
	}
	note(m, arena_format(arena,
			"The root of certificate %s is not known to this server: hand it over "
			"yourself (--trust FILE).",
			name));
	return NULL;
}

static void note_dates(struct making *m, const char *name, const struct cert_facts *facts)
{
	int64_t days = (facts->not_after_ms - m->kit.made_ms) / (24 * 3600 * 1000LL);

	if (facts->not_after_ms <= m->kit.made_ms)
		note(m, arena_format(m->call->arena, "Certificate %s has expired.", name));
	else if (days < SOON_DAYS)
		note(m, arena_format(m->call->arena, "Certificate %s expires in %d days.", name,
				(int)days));
}

/* False: it cannot be read. */
static bool describe_certificate(struct making *m, const struct runtime_certificate *certificate,
	struct partner_certificate *ret)
{
	struct arena *arena = m->call->arena;
	struct cert_sheet_leaf dates = {.version = NULL};
	struct cert_facts *facts;
	size_t count = 0;

	if (tls_facts_of_pem(certificate->chain, arena, &facts, &count, NULL) != ERR_OK ||
		count == 0)
		return false;
	cert_sheet_date(&dates, admin_life(m->call->admin, certificate->name), certificate->version,
		certificate->state);
	*ret = (struct partner_certificate){
		.state = certificate->state,
		.changes_ms = certificate->state != CERT_CURRENT ? dates.changes_ms : 0,
		.tls_name = partner_tls_name(&facts[0], m->kit.host, arena),
		.names = facts[0].names,
		.subject = facts[0].subject,
		.issuer = facts[0].issuer,
		.root = root_of(m, certificate->chain, certificate->name),
		.not_before_ms = facts[0].not_before_ms,
		.not_after_ms = facts[0].not_after_ms,
		.sha256 = facts[0].sha256,
		.spki_sha256 = facts[0].spki_sha256,
		.key = facts[0].key,
		.allows_client = facts[0].allows_client,
	};
	note_dates(m, certificate->name, &facts[0]);
	return true;
}

static void take_server_certificates(struct making *m)
{
	const struct admin *admin = m->call->admin;

	for (size_t i = 0; i < admin->certificate_count; i++) {
		const struct runtime_certificate *c = &admin->certificates[i];
		bool is_current = c->state == CERT_CURRENT;
		size_t *count = is_current ? &m->kit.server_certificates.count
					   : &m->kit.other_server_certificates.count;
		struct partner_certificate *items =
			is_current ? m->kit.server_certificates.items
				   : m->kit.other_server_certificates.items;

		if (*count < MAX_ITEMS && admin_use_serves(&admin->node, c->name) &&
			!admin_use_is_foreign(m->config, m->organisation, c->name) &&
			describe_certificate(m, c, &items[*count]))
			(*count)++;
	}
}

/* Of a current version that has both kinds of key, the first is told as the client's, the other
 * among the others. */
static void add_client_certificate(struct making *m, const struct runtime_certificate *certificate)
{
	struct partner_certificate *to = arena_alloc(m->call->arena, sizeof(*to));
	size_t *count = &m->kit.other_client_certificates.count;

	if (!describe_certificate(m, certificate, to))
		return;
	if (certificate->state == CERT_CURRENT && m->kit.client_certificate == NULL)
		m->kit.client_certificate = to;
	else if (*count < MAX_ITEMS)
		m->kit.other_client_certificates.items[(*count)++] = *to;
}

static void take_client_certificate(struct making *m)
{
	const struct admin *admin = m->call->admin;
	const char *name = m->organisation->certificate;

	if (m->connector != NULL && m->connector->outbound != NULL &&
		m->connector->outbound->certificate != NULL)
		name = m->connector->outbound->certificate;
	if (name == NULL)
		note(m, "No certificate is presented when mail is sent: set one with `sealpost org "
			"set --certificate`.");
	for (size_t i = 0; name != NULL && i < admin->certificate_count; i++)
		if (strcmp(admin->certificates[i].name, name) == 0)
			add_client_certificate(m, &admin->certificates[i]);
}

/* Programs of before know nothing of other certificates: those that have none read on. */
static void set_version(struct making *m)
{
	m->kit.version = m->kit.other_server_certificates.count > 0 ||
					 m->kit.other_client_certificates.count > 0
				 ? PARTNER_KIT_VERSION
				 : 1;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static struct record_texts split(struct arena *arena, const char *text)
{
	struct record_texts list = {.items = arena_array(arena, MAX_ITEMS, sizeof(char *))};

	for (struct str rest = str_of(text); rest.n > 0 && list.count < MAX_ITEMS;)
		list.items[list.count++] = arena_text_of(arena, str_cut(&rest, ':'));
	return list;
}

static void take_tls(struct making *m)
{
	struct arena *arena = m->call->arena;

	m->kit.tls = (struct partner_tls){
		.versions = split(arena, "TLSv1.3:TLSv1.2"),
		.suites_13 = split(arena, tls_suites_13),
		.suites_12 = split(arena, tls_suites_12),
		.groups = split(arena, tls_groups),
		.signatures = split(arena, tls_signatures),
	};
}

static void take_requirements(struct making *m)
{
	const struct model_connector *c = m->connector;
	struct partner_requirements *to;

	if (c == NULL)
		return;
	to = arena_alloc(m->call->arena, sizeof(*to));
	to->minimum_version = c->minimum_version;
	to->groups = c->groups;
	if (c->inbound != NULL) {
		to->has_inbound = true;
		to->sender_domains = c->inbound->sender_domains;
		to->require_tls = c->inbound->require_tls;
		to->certificate_name = c->inbound->certificate_name;
		to->restrict_to_certificate = c->inbound->restrict_to_certificate;
		to->addresses = c->inbound->addresses;
		to->pins = c->inbound->pins;
	}
	if (c->outbound != NULL) {
		to->has_outbound = true;
		to->recipient_domains = c->outbound->recipient_domains;
		to->hosts = c->outbound->smart_hosts;
		to->tls = c->outbound->tls;
		to->tls_domain = c->outbound->tls_domain;
	}
	m->kit.requirements = to;
}

static void init(struct making *m)
{
	struct arena *arena = m->call->arena;

	record_init(&partner_kit_desc, &m->kit, arena);
	m->kit.version = PARTNER_KIT_VERSION;
	m->kit.made_ms = runtime_now_ms();
	m->kit.host = m->call->admin->node.hostname;
	m->kit.addresses.items = arena_array(arena, MAX_ITEMS, sizeof(char *));
	m->kit.notes.items = arena_array(arena, MAX_ITEMS, sizeof(char *));
	m->kit.listeners.items = arena_array(arena, MAX_ITEMS, sizeof(*m->kit.listeners.items));
	m->kit.server_certificates.items =
		arena_array(arena, MAX_ITEMS, sizeof(*m->kit.server_certificates.items));
	m->kit.other_server_certificates.items =
		arena_array(arena, MAX_ITEMS, sizeof(*m->kit.other_server_certificates.items));
	m->kit.other_client_certificates.items =
		arena_array(arena, MAX_ITEMS, sizeof(*m->kit.other_client_certificates.items));
	m->kit.roots.items = arena_array(arena, MAX_ITEMS, sizeof(*m->kit.roots.items));
}

static void reply(struct making *m)
{
	const char *format = admin_query(m->call, "format");
	struct buf page;

	if (format == NULL || strcmp(format, "json") == 0) {
		admin_reply(m->call, 200, partner_kit_json(&m->kit), NULL);
		return;
	}
	buf_init(&page, MAX_PAGE);
	if (strcmp(format, "text") == 0 && partner_format(&m->kit, PAGE_TEXT, &page) == ERR_OK)
		admin_reply_text(m->call, "text/plain; charset=utf-8", buf_str(&page));
	else if (strcmp(format, "html") == 0 && partner_format(&m->kit, PAGE_HTML, &page) == ERR_OK)
		admin_reply_text(m->call, "text/html; charset=utf-8", buf_str(&page));
	else if (page.failed)
		admin_problem(m->call, 500, "the kit is too large");
	else
		admin_problem(
			m->call, 422, "format: expected json, text or html, found \"%s\"", format);
	buf_free(&page);
}

void admin_get_partner_kit(struct admin_call *call)
{
	struct making m = {.call = call};

	if (call->admin->snapshot == NULL) {
		admin_problem(call, 503, "the configuration is not loaded yet; try again");
		return;
	}
	m.config = policy_snapshot_config(call->admin->snapshot);
	init(&m);
	if (!find_subject(&m) || !take_addresses(&m))
		return;
	m.kit.organisation = m.organisation->name;
	take_domains(&m);
	take_listeners(&m, false);
	take_server_certificates(&m);
	take_client_certificate(&m);
	set_version(&m);
	take_tls(&m);
	take_requirements(&m);
	reply(&m);
}
