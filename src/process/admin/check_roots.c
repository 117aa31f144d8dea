/*
 * Whom everything depends on: the root of each own certificate, the anchors of each connector, the
 * root of each chain that a partner has presented of late; whether the trust store in use has it,
 * how long it lasts, and what to install where.
 */
#include "base/moment.h"
#include "process/admin/check.h"

#include <string.h>

enum { SOON_DAYS = 30, REQUIRES = 100, NAME_MAX_BYTES = 1024 };

/* What is said of one that depends on a root. */
struct row {
	const char *kind; /* "certificate", "connector", "partner" */
	const char *name;
	const char *store; /* the one in use: "system", ... */
	const struct cert_facts *root;
	const char *result, *text, *remedy;
};

static void add_row(struct admin_call *call, const struct row *row)
{
	json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*}", "kind", row->kind, "name",
		row->name, "store", row->store, "result", row->result, "text", row->text, "remedy",
		row->remedy);

	if (row->root != NULL) {
		json_object_set_new(json, "root",
			record_to_json(&cert_facts_desc, row->root, RECORD_JSON_FULL));
		json_object_set_new(json, "days_left",
			json_integer((row->root->not_after_ms - runtime_now_ms()) / MOMENT_DAY_MS));
	}
	if (strcmp(row->result, "failed") == 0)
		json_object_set_new(call->object, "ok", json_false());
	json_array_append_new(json_object_get(call->object, "items"), json);
}

/* A root that does not last: worse than whatever else is to be said. */
static void judge_dates(struct row *row)
{
	int64_t now = runtime_now_ms();

	if (row->root == NULL)
		return;
	if (row->root->not_after_ms <= now) {
		row->result = "failed";
		row->text = "it has expired";
		row->remedy = "Whoever issues below it has a newer one: take that";
	} else if (row->root->not_before_ms > now) {
		row->result = "failed";
		row->text = "it is not valid yet";
		row->remedy = "Check the clock of this machine";
	} else if (row->root->not_after_ms - now < (int64_t)SOON_DAYS * MOMENT_DAY_MS &&
		   strcmp(row->result, "ok") == 0) {
		row->result = "note";
		row->text = "it expires soon";
		row->remedy = "Have the next one in place before";
	}
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* "system", "organisation contoso", "connector contoso/fabrikam". */
static const char *label_of(
	struct admin_call *call, const char *organisation, const char *connector)
{
	const char *label = NULL;

	if (connector == NULL || policy_connector_profile(call->admin->snapshot, organisation,
					 connector, &label) == NULL)
		label = NULL;
	return label != NULL ? label : "system";
}

static const char *where_to(struct admin_call *call, const char *store)
{
	const char *space = strchr(store, ' ');

	if (space == NULL)
		return "Once you have made sure that it is the right one: put it as .crt below "
		       "/usr/local/share/ca-certificates, then update-ca-certificates and "
		       "sealpost reload";
	if (strncmp(store, "organisation ", 13) == 0)
		return arena_format(call->arena,
			"Once you have made sure that it is the right one: add it to the others by "
			"sealpost org set %s --trust=PEM",
			space + 1);
	return arena_format(call->arena,
		"Once you have made sure that it is the right one: add it to the others by "
		"sealpost connector set %s --trust=PEM",
		space + 1);
}

static bool is_held(const struct tls_store *store, const struct tls_path *path)
{
	for (size_t i = 0; i < path->count; i++)
		if (tls_store_holds(store, path->steps[i].pem))
			return true;
	return false;
}

/* ---- what depends on roots ------------------------------------------------------------------- */

static struct tls_path *climb(struct admin_call *call, struct str pem)
{
	struct tls_path *path = arena_alloc(call->arena, sizeof(*path));

	if (tls_path_of_pem(pem, (const struct tls_store *const *)call->check->stores,
		    call->check->store_count, call->arena, path, NULL) != ERR_OK)
		return NULL;
	return path;
}

static const char *missing_text(struct admin_call *call, const struct tls_path *path)
{
	const struct cert_facts *last = &path->steps[path->count - 1].facts;

	if (strcmp(last->subject, last->issuer) == 0)
		return arena_format(call->arena, "%s has signed itself, and is in no trust store",
			last->subject);
	return arena_format(call->arena,
		"the way ends at %s: its issuer, %s, is neither in the chain nor in a trust store",
		last->subject, last->issuer);
}

/* What was said of a root when a certificate was imported is not known here: a store has to have
 * it. */
static const char *own_remedy(const struct cert_facts *last)
{
	if (strcmp(last->subject, last->issuer) == 0)
		return "Partners can only pin it, or trust itself: import one of an authority "
		       "instead";
	return "If intermediates are missing, import it with them. If its root is one of your own, "
	       "make it known here (as .crt below /usr/local/share/ca-certificates, then "
	       "update-ca-certificates and sealpost reload; or as trust of the organisation), and "
	       "give it to partners";
}

static void add_own(struct admin_call *call, const struct runtime_certificate *certificate)
{
	const struct tls_path *path = climb(call, certificate->chain);
	struct row row = {.kind = "certificate", .store = "system", .result = "ok"};

	row.name = certificate->version != NULL
			   ? arena_format(call->arena, "%s version %s (%s)", certificate->name,
				     certificate->version, cert_state_names[certificate->state])
			   : certificate->name;
	if (path == NULL)
		return;
	if (!path->is_complete) {
		row.result = "failed";
		row.text = missing_text(call, path);
		row.remedy = own_remedy(&path->steps[path->count - 1].facts);
	} else {
		row.root = &path->steps[path->count - 1].facts;
		if (!tls_store_holds(call->check->stores[0], path->steps[path->count - 1].pem)) {
			row.result = "note";
			row.text = "no root that systems know: partners need it from you";
			row.remedy = "Give it to them: sealpost cert sheet, sealpost partner kit";
		}
		judge_dates(&row);
	}
	add_row(call, &row);
}

/* Whoever brings anchors of its own depends on each of them. */
static void add_connector(struct admin_call *call, const struct model_connector *c)
{
	size_t at = admin_check_store_of(call, c->organisation, c->name);
	const char *store = label_of(call, c->organisation, c->name);
	struct row row = {.kind = "connector",
		.name = model_key(MODEL_CONNECTOR, c, call->arena),
		.store = store,
		.result = "ok"};
	struct cert_facts *anchors;
	size_t count = at > 0 ? tls_store_facts(call->check->stores[at], call->arena, &anchors) : 0;

	if (at == 0) {
		row.text = "any root of the system's trust store";
		add_row(call, &row);
	} else if (count == 0) {
		row.result = "failed";
		row.text = "its trust anchors cannot be read";
		row.remedy = "Set them anew";
		add_row(call, &row);
	}
	for (size_t i = 0; i < count; i++) {
		row.result = "ok";
		row.text = row.remedy = NULL;
		row.root = &anchors[i];
		judge_dates(&row);
		add_row(call, &row);
	}
}

static const char *text_of(const json_t *item, const char *key)
{
	return json_string_value(json_object_get(item, key));
}

static void add_partner(struct admin_call *call, const json_t *item)
{
	const char *organisation = text_of(item, "organisation");
	const char *connector = text_of(item, "connector"), *pem = text_of(item, "pem");
	struct row row = {.kind = "partner", .name = text_of(item, "partner"), .result = "ok"};
	const struct tls_path *path =
		pem != NULL ? climb(call, arena_copy(call->arena, str_of(pem))) : NULL;
	size_t at = admin_check_store_of(call, organisation, connector);

	if (path == NULL || row.name == NULL)
		return;
	row.store = label_of(call, organisation, connector);
	if (path->is_complete)
		row.root = &path->steps[path->count - 1].facts;
	if (!is_held(call->check->stores[at], path)) {
		/* Without a connector nothing depends on it. */
		row.result = connector != NULL ? "failed" : "note";
		row.text = path->is_complete ? "the trust store in use does not have it"
					     : missing_text(call, path);
		row.remedy = where_to(call, row.store);
	}
	judge_dates(&row);
	add_row(call, &row);
}

/* ---- what must be there ---------------------------------------------------------------------- */

/* Fingerprints are written with and without colons, in either case. */
static bool is_fingerprint(const char *wanted, const char *sha256)
{
	for (; *wanted != '\0'; wanted++) {
		if (*wanted == ':' || *wanted == ' ')
			continue;
		if (str_lower(*wanted) != *sha256++)
			return false;
	}
	return *sha256 == '\0';
}

/* The whole subject, or its common name; old roots have only an organisational unit. */
static bool is_named(const char *wanted, const struct cert_facts *facts)
{
	const char *name =
		facts->common_name != NULL ? facts->common_name : facts->organisational_unit;

	return str_is_nocase(str_of(facts->subject), wanted) ||
	       (name != NULL && str_is_nocase(str_of(name), wanted));
}

static void require(struct admin_call *call, size_t at, const char *store, const char *wanted)
{
	json_t *found = json_array();
	struct cert_facts *all;
	size_t count = tls_store_facts(call->check->stores[at], call->arena, &all);
	int64_t now = runtime_now_ms();
	bool is_ok;

	for (size_t i = 0; i < count; i++)
		if ((is_fingerprint(wanted, all[i].sha256) || is_named(wanted, &all[i])) &&
			all[i].not_after_ms > now && all[i].not_before_ms <= now)
			json_array_append_new(
				found, record_to_json(&cert_facts_desc, &all[i], RECORD_JSON_FULL));
	is_ok = json_array_size(found) > 0;
	if (!is_ok)
		json_object_set_new(call->object, "ok", json_false());
	json_array_append_new(json_object_get(call->object, "required"),
		json_pack("{s:s,s:s,s:s,s:o,s:s*,s:s*}", "require", wanted, "store", store,
			"result", is_ok ? "ok" : "failed", "found", found, "text",
			is_ok ? NULL : "the trust store has no such root that is valid now",
			"remedy", is_ok ? NULL : where_to(call, store)));
}

/* False: answered. */
static bool require_all(struct admin_call *call)
{
	const char *organisation = admin_query(call, "organisation");
	const char *connector = admin_query(call, "connector");
	const char *store = label_of(call, organisation, connector);
	size_t at = admin_check_store_of(call, organisation, connector), count = 0;
	const struct evkeyval *pair;

	if (connector != NULL &&
		(organisation == NULL ||
			policy_connector(call->admin->snapshot, organisation, connector) == NULL)) {
		admin_problem(call, 404, "there is no such connector");
		return false;
	}
	for (pair = call->query.tqh_first; pair != NULL; pair = pair->next.tqe_next) {
		if (strcmp(pair->key, "require") != 0)
			continue;
		if (++count > REQUIRES || strlen(pair->value) > NAME_MAX_BYTES ||
			pair->value[0] == '\0' || !str_is_utf8(str_of(pair->value))) {
			admin_problem(call, 400,
				"require: expected at most %d names or "
				"fingerprints",
				REQUIRES);
			return false;
		}
		require(call, at, store, pair->value);
	}
	return true;
}

/* ---- the course ------------------------------------------------------------------------------ */

static void ask_chains(struct admin_call *call, const char *after);

static void on_chains(struct admin_call *call, enum err e, const json_t *result)
{
	const char *after = text_of(result, "next");
	const json_t *item;
	size_t i;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	json_array_foreach (json_object_get(result, "items"), i, item)
		add_partner(call, item);
	if (after != NULL && ++call->check->pages < ADMIN_CHECK_PAGES)
		ask_chains(call, arena_text(call->arena, after));
	else
		admin_reply(call, 200, json_incref(call->object), NULL);
}

static void ask_chains(struct admin_call *call, const char *after)
{
	json_t *arguments = json_pack("{s:b,s:b,s:i}", "newest", true, "pem", true, "limit", 100);

	if (after != NULL)
		json_object_set_new(arguments, "cursor", json_string(after));
	admin_ask_spool(call, "chains.list", arguments, on_chains);
}

static void begin(struct admin_call *call)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	const struct admin *admin = call->admin;

	admin_check_new(call);
	call->object = json_pack("{s:b,s:[],s:[]}", "ok", true, "items", "required");
	if (!require_all(call))
		return;
	for (size_t i = 0; i < admin->certificate_count; i++)
		add_own(call, &admin->certificates[i]);
	for (size_t i = 0; i < config->connectors.count; i++)
		if (config->connectors.items[i].enabled)
			add_connector(call, &config->connectors.items[i]);
	ask_chains(call, NULL);
}

void admin_check_roots(struct admin_call *call)
{
	admin_with_snapshot(call, begin);
}
