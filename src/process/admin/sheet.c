#include "process/admin/sheet.h"

#include "core/cert/names.h"
#include "port/tls/path.h"
#include "process/admin/call.h"
#include "process/admin/uses.h"

#include <string.h>

enum { MAX_PAGE = 4 * 1024 * 1024, PORTS_MAX = 8 };

/* A sheet in the making. */
struct making {
	const struct admin *admin;
	const struct model_config *config;
	const struct admin_sheet_wish *wish;
	struct arena *arena;
	struct tls_store **stores; /* the system's first */
	size_t store_count;
	struct cert_sheet *sheet;
};

/* ---- roots ----------------------------------------------------------------------------------- */

static void add_store(struct making *m, const char *pem)
{
	if (pem != NULL)
		m->stores[m->store_count++] = tls_store_new(str_of(pem));
}

/* Each store that may hold a root of our own: the system's, organisations', and the trust of own
 * servers. */
static void open_stores(struct making *m)
{
	const struct model_config *config = m->config;
	const struct model_organisation *only = m->wish->organisation;

	m->stores = arena_array(m->arena,
		config->organisations.count + config->connectors.count + 1, sizeof(*m->stores));
	m->stores[m->store_count++] = tls_store_new(m->admin->roots);
	for (size_t i = 0; i < config->organisations.count; i++)
		if (only == NULL || only == &config->organisations.items[i])
			add_store(m, config->organisations.items[i].trust);
	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if (c->type == MODEL_ON_PREMISES &&
			(only == NULL || strcmp(c->organisation, only->name) == 0))
			add_store(m, c->trust);
	}
}

static void close_stores(struct making *m)
{
	for (size_t i = 0; i < m->store_count; i++)
		tls_store_free(&m->stores[i]);
}

/* ---- one leaf -------------------------------------------------------------------------------- */

static void take_path(struct making *m, const struct tls_path *path, struct cert_sheet_leaf *leaf)
{
	leaf->path.items = arena_array(m->arena, path->count, sizeof(*leaf->path.items));
	for (size_t i = 0; i < path->count; i++) {
		const struct tls_path_step *from = &path->steps[i];
		struct cert_sheet_step *to = &leaf->path.items[leaf->path.count++];

		*to = (struct cert_sheet_step){
			.subject = from->facts.subject,
			.issuer = from->facts.issuer,
			.sha256 = from->facts.sha256,
			.spki_sha256 = from->facts.spki_sha256,
			.not_after_ms = from->facts.not_after_ms,
			.is_presented = from->is_presented,
			.pem = arena_text_of(m->arena, from->pem),
		};
		to->endpoints.count = from->endpoint_count;
		if (from->endpoint_count == 0)
			continue;
		to->endpoints.items =
			arena_array(m->arena, from->endpoint_count, sizeof(*to->endpoints.items));
		memcpy(to->endpoints.items, from->endpoints,
			from->endpoint_count * sizeof(*to->endpoints.items));
	}
}

static void take_root(struct making *m, const struct tls_path *path, struct cert_sheet_leaf *leaf)
{
	const struct cert_facts *facts = &path->steps[path->count - 1].facts;

	if (!path->is_complete)
		return;
	leaf->root = arena_alloc(m->arena, sizeof(*leaf->root));
	*leaf->root = (struct cert_sheet_root){.subject = facts->subject,
		.sha256 = facts->sha256,
		.not_after_ms = facts->not_after_ms,
		.is_public = path->store == 0};
}

/* The name of this host where the certificate carries it: MX records point there.  Else, as for
 * the hosts of several organisations, its own names. */
static size_t names_of(struct making *m, const struct cert_facts *facts, const char **ret)
{
	const char *host = m->sheet->host;
	size_t count = 0;

	if (cert_names_match(host, facts, NULL)) {
		ret[count++] = host;
		return count;
	}
	for (size_t i = 0; i < facts->names.count && count < CERT_SHEET_HOSTS_MAX; i++)
		if (facts->names.items[i][0] != '*')
			ret[count++] = facts->names.items[i];
	return count;
}

static size_t ports_of(struct making *m, const char *certificate, int64_t ret[PORTS_MAX])
{
	const struct model_node *node = &m->admin->node;
	size_t count = 0;

	for (size_t i = 0; i < node->listeners.count && count < PORTS_MAX; i++) {
		const struct model_listener *l = &node->listeners.items[i];
		struct model_node one = {.listeners = {&node->listeners.items[i], 1}};
		bool is_new = admin_use_serves(&one, certificate);
		struct str host;
		uint16_t port = 0;

		if (!model_parse_endpoint(str_of(l->address), 0, &host, &port))
			continue;
		for (size_t k = 0; k < count; k++)
			is_new = is_new && ret[k] != port;
		if (is_new)
			ret[count++] = port;
	}
	return count;
}

static void take_tlsa(struct making *m, const char *certificate, struct cert_sheet_leaf *leaf)
{
	struct cert_sheet_host hosts[CERT_SHEET_HOSTS_MAX];
	const char *names[CERT_SHEET_HOSTS_MAX];
	int64_t ports[PORTS_MAX];
	size_t name_count = names_of(m, &leaf->facts, names);
	size_t port_count = ports_of(m, certificate, ports), count = 0;

	for (size_t i = 0; i < port_count; i++)
		for (size_t k = 0; k < name_count && count < CERT_SHEET_HOSTS_MAX; k++)
			hosts[count++] = (struct cert_sheet_host){ports[i], names[k]};
	cert_sheet_tlsa(leaf, hosts, count, m->arena);
}

/* False: it cannot be read. */
static bool take_leaf(struct making *m, const struct runtime_certificate *certificate,
	struct cert_sheet_leaf *leaf)
{
	struct tls_path *path = arena_alloc(m->arena, sizeof(*path));

	if (tls_path_of_pem(certificate->chain, (const struct tls_store *const *)m->stores,
		    m->store_count, m->arena, path, NULL) != ERR_OK ||
		path->count == 0)
		return false;
	*leaf = (struct cert_sheet_leaf){.facts = path->steps[0].facts};
	cert_sheet_date(leaf, admin_life(m->admin, certificate->name), certificate->version,
		certificate->state);
	take_path(m, path, leaf);
	take_root(m, path, leaf);
	cert_sheet_places(leaf, m->arena);
	return true;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void take_leaves(struct making *m, struct cert_sheet_certificate *to)
{
	static const int order[] = {CERT_CURRENT, CERT_NEXT, CERT_DEPRECATED};
	const struct admin *admin = m->admin;

	to->leaves.items =
		arena_array(m->arena, admin->certificate_count, sizeof(*to->leaves.items));
	for (size_t k = 0; k < ARRAY_LENGTH(order); k++)
		for (size_t i = 0; i < admin->certificate_count; i++) {
			struct cert_sheet_leaf *leaf = &to->leaves.items[to->leaves.count];

			if (admin->certificates[i].state != order[k] ||
				strcmp(admin->certificates[i].name, to->name) != 0 ||
				!take_leaf(m, &admin->certificates[i], leaf))
				continue;
			if (to->is_server)
				take_tlsa(m, to->name, leaf);
			to->leaves.count++;
		}
}

static bool is_wished(const struct making *m, const struct cert_sheet_certificate *c)
{
	const struct admin_sheet_wish *wish = m->wish;
	bool is_listed = wish->names == NULL || wish->names->count == 0;

	if (wish->name != NULL && strcmp(wish->name, c->name) != 0)
		return false;
	for (size_t i = 0; !is_listed && i < wish->names->count; i++)
		is_listed = strcmp(wish->names->items[i], c->name) == 0;
	return is_listed &&
	       (c->is_server || c->is_client || (wish->name != NULL && wish->organisation == NULL));
}

static void take_certificate(struct making *m, const char *name)
{
	const struct model_organisation *only = m->wish->organisation;
	struct cert_sheet_certificate *to =
		&m->sheet->certificates.items[m->sheet->certificates.count];

	for (size_t i = 0; i < m->sheet->certificates.count; i++)
		if (strcmp(m->sheet->certificates.items[i].name, name) == 0)
			return;
	*to = (struct cert_sheet_certificate){
		.name = arena_text(m->arena, name),
		.is_server = admin_use_serves(&m->admin->node, name) &&
			     (only == NULL || !admin_use_is_foreign(m->config, only, name)),
		.is_client = admin_use_sends(m->config, only != NULL ? only->name : NULL, name),
	};
	if (!is_wished(m, to))
		return;
	take_leaves(m, to);
	if (to->leaves.count > 0)
		m->sheet->certificates.count++;
}

struct cert_sheet *admin_sheet_make(
	const struct admin *admin, const struct admin_sheet_wish *wish, struct arena *arena)
{
	static const struct model_config none = {.organisations = {NULL, 0}};
	struct making m = {
		.admin = admin,
		.config = admin->snapshot != NULL ? policy_snapshot_config(admin->snapshot) : &none,
		.wish = wish,
		.arena = arena,
		.sheet = arena_alloc(arena, sizeof(*m.sheet)),
	};

	m.sheet->version = CERT_SHEET_VERSION;
	m.sheet->made_ms = runtime_now_ms();
	m.sheet->host = arena_text(arena, admin->node.hostname);
	m.sheet->certificates.items = arena_array(
		arena, admin->certificate_count + 1, sizeof(*m.sheet->certificates.items));
	open_stores(&m);
	for (size_t i = 0; i < admin->certificate_count; i++)
		take_certificate(&m, admin->certificates[i].name);
	close_stores(&m);
	return m.sheet;
}

/* ---- GET /v1/certificates/sheet -------------------------------------------------------------- */

static const struct model_organisation *find_organisation(
	const struct model_config *config, const char *name)
{
	for (size_t i = 0; i < config->organisations.count; i++)
		if (strcmp(config->organisations.items[i].name, name) == 0)
			return &config->organisations.items[i];
	return NULL;
}

/* False: answered. */
static bool find_wish(struct admin_call *call, struct admin_sheet_wish *wish)
{
	const char *organisation = admin_query(call, "organisation");

	wish->name = admin_query(call, "name");
	if (organisation == NULL && call->is_limited && call->organisations.count == 1)
		organisation = call->organisations.items[0];
	if (organisation == NULL && !call->is_limited)
		return true;
	if (organisation == NULL)
		admin_problem(call, 422, "organisation: is missing: whose sheet is it to be?");
	else if (!admin_manages(call, organisation))
		admin_problem(call, 403, "you do not manage organisation %s", organisation);
	else
		wish->organisation = find_organisation(
			policy_snapshot_config(call->admin->snapshot), organisation);
	if (wish->organisation == NULL && organisation != NULL && admin_manages(call, organisation))
		admin_problem(call, 404, "there is no organisation named \"%s\"", organisation);
	return wish->organisation != NULL;
}

static void reply(struct admin_call *call, const struct cert_sheet *sheet)
{
	const char *name = admin_query(call, "format");
	enum page_format format = PAGE_TEXT;
	struct buf page;

	if (name == NULL || strcmp(name, "json") == 0) {
		admin_reply(call, 200, cert_sheet_json(sheet), NULL);
		return;
	}
	while (format < PAGE_FORMAT_MAX && strcmp(name, page_format_names[format]) != 0)
		format++;
	if (format == PAGE_FORMAT_MAX) {
		admin_problem(call, 422,
			"format: expected json, text, markdown or html, found \"%s\"", name);
		return;
	}
	buf_init(&page, MAX_PAGE);
	if (cert_sheet_format(sheet, format, &page) == ERR_OK)
		admin_reply_text(call, page_types[format], buf_str(&page));
	else
		admin_problem(call, 500, "the sheet is too large; ask for one name");
	buf_free(&page);
}

static void go_on(struct admin_call *call)
{
	struct admin_sheet_wish wish = {.name = NULL};
	struct cert_sheet *sheet;

	if (!find_wish(call, &wish))
		return;
	sheet = admin_sheet_make(call->admin, &wish, call->arena);
	if (wish.name != NULL && sheet->certificates.count == 0)
		admin_problem(call, 404, "the server holds no certificate named %s%s", wish.name,
			wish.organisation != NULL ? " for that organisation" : "");
	else
		reply(call, sheet);
}

void admin_get_sheet(struct admin_call *call)
{
	admin_with_snapshot(call, go_on);
}
