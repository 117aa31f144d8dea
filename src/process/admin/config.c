/*
 * The configuration.  The spool holds it and changes it; what is asked is answered from the
 * snapshot, which the spool renews before it answers that something was changed.
 */
#include "core/policy/lint.h"
#include "port/secret/secret.h"
#include "port/tls/tls.h"
#include "process/admin/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHANGES = 50000 };

static const char *etag_of(struct admin_call *call, const json_t *result)
{
	return arena_format(call->arena, "\"%" JSON_INTEGER_FORMAT "\"",
		json_integer_value(json_object_get(result, "generation")));
}

/* Of the snapshot. */
static const char *etag(struct admin_call *call)
{
	return arena_format(
		call->arena, "\"%" PRIu64 "\"", policy_snapshot_generation(call->admin->snapshot));
}

static bool is_dry_run(const struct admin_call *call)
{
	const char *value = admin_query(call, "dry_run");

	return value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

/* Of one object: of its content, so that changes of others do not matter. */
static const char *object_etag(struct admin_call *call, const void *object)
{
	json_t *json =
		record_to_json(model_kinds[call->route->argument].desc, object, RECORD_JSON_FULL);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	char digest[ACCOUNT_AUDIT_HASH];

	secret_sha256(str_of(text), digest);
	free(text);
	json_decref(json);
	return arena_format(call->arena, "\"o-%.32s\"", digest);
}

/* Note what If-Match asks, while the client is still there.  False: malformed, answered. */
static bool take_if_match(struct admin_call *call)
{
	const char *text =
		evhttp_find_header(evhttp_request_get_input_headers(call->request), "If-Match");
	struct str s = str_of(text);
	uint64_t value;

	call->expected = -1;
	call->expected_object = NULL;
	if (text == NULL || strcmp(text, "*") == 0)
		return true;
	if (strncmp(text, "\"o-", 3) == 0) {
		call->expected_object = arena_text(call->arena, text);
		return true;
	}
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = str_part(s, 1, s.n - 1);
	if (str_to_u64(s, &value) && value < INT64_MAX) {
		call->expected = (int64_t)value;
		return true;
	}
	admin_problem(
		call, 400, "If-Match: expected the ETag of the configuration, found %s", text);
	return false;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void reply_config(struct admin_call *call)
{
	admin_reply(call, 200,
		record_to_json(&model_config_desc, policy_snapshot_config(call->admin->snapshot),
			RECORD_JSON_FULL),
		etag(call));
}

void admin_get_config(struct admin_call *call)
{
	admin_with_snapshot(call, reply_config);
}

/* A conflict is either with what somebody else changed meanwhile, or within the configuration. */
static bool has_moved_on(const struct admin_call *call)
{
	const struct policy_snapshot *snapshot = call->admin->snapshot;

	return call->expected >= 0 && snapshot != NULL &&
	       (int64_t)policy_snapshot_generation(snapshot) != call->expected;
}

static void replaced(struct admin_call *call, enum err e, const json_t *result)
{
	const char *detail = json_string_value(json_object_get(result, "detail"));

	if (e == ERR_CONFLICT && has_moved_on(call))
		admin_problem(call, 412, "%s", detail != NULL ? detail : err_text(e));
	else if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (call->object != NULL)
		admin_reply(call, 200, admin_with_findings(call, call->object, result),
			etag_of(call, result));
	else
		admin_reply(call, 200, json_incref((json_t *)result), etag_of(call, result));
}

/* Trust anchors and revocation lists of a connector, trust anchors of an organisation: the spool
 * checks their form, what is in them only the TLS library can tell. */
static enum err check_pem(const json_t *object, struct err_info *info)
{
	struct tls_anchors *anchors CLEANUP(tls_anchors_free) = NULL;
	const char *trust = json_string_value(json_object_get(object, "trust"));
	const char *crls = json_string_value(json_object_get(object, "crls"));
	struct err_info why = {0};
	enum err e = ERR_OK;

	if (trust != NULL && trust[0] != '\0')
		e = tls_anchors_new(str_of(trust), (struct str){0}, &anchors, &why);
	if (e != ERR_OK)
		return err_set(info, e, "trust: %s", why.text);
	if (crls != NULL && crls[0] != '\0')
		e = tls_check_crls(str_of(crls), &why);
	return e == ERR_OK ? e : err_set(info, e, "crls: %s", why.text);
}

enum err admin_check_trust(const json_t *config, struct err_info *info)
{
	static const char *const lists[] = {"organisations", "connectors"};
	const json_t *object;
	size_t i;

	for (size_t k = 0; k < ARRAY_LENGTH(lists); k++)
		json_array_foreach (json_object_get(config, lists[k]), i, object) {
			struct err_info why = {0};
			enum err e = check_pem(object, &why);

			if (e != ERR_OK)
				return err_set(info, e, "%s[%zu].%s", lists[k], i, why.text);
		}
	return ERR_OK;
}

void admin_put_config(struct admin_call *call)
{
	struct err_info info = {0};
	json_t *arguments;

	if (!admin_needs_object(call) || !take_if_match(call))
		return;
	if (admin_check_trust(call->body, &info) != ERR_OK) {
		admin_problem(call, 422, "%s", info.text);
		return;
	}
	arguments = json_pack("{s:O,s:b}", "config", call->body, "dry_run", is_dry_run(call));
	if (call->expected >= 0)
		json_object_set_new(arguments, "expect", json_integer(call->expected));
	admin_ask_spool(call, "config.replace", arguments, replaced);
}

/* ---- one object ------------------------------------------------------------------------------ */

static const struct model_kind_row *kind_of(const struct admin_call *call)
{
	return &model_kinds[call->route->argument];
}

static const char *key_of(struct admin_call *call)
{
	return call->segment_count == 2
		       ? arena_format(call->arena, "%s/%s", call->segments[0], call->segments[1])
		       : call->segments[0];
}

static const char *key_of_json(struct admin_call *call, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, kind_of(call)->key));
	const char *organisation = json_string_value(json_object_get(object, "organisation"));

	if (!kind_of(call)->is_nested)
		return name != NULL ? name : "";
	return arena_format(call->arena, "%s/%s", organisation != NULL ? organisation : "",
		name != NULL ? name : "");
}

static void no_such(struct admin_call *call, const char *key)
{
	admin_problem(call, 404, "there is no %s %s", kind_of(call)->singular, key);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* A list in struct model_config, whatever its items. */
struct list {
	const char *items;
	size_t count;
};

static const struct list *list_of(const struct admin_call *call)
{
	return (const struct list *)((const char *)policy_snapshot_config(call->admin->snapshot) +
				     kind_of(call)->list_offset);
}

static const void *item(const struct admin_call *call, size_t i)
{
	return list_of(call)->items + i * kind_of(call)->desc->size;
}

static const char *key_at(struct admin_call *call, size_t i)
{
	return model_key((enum model_kind)call->route->argument, item(call, i), call->arena);
}

/* As the API shows it: a connector with the one direction in which its TLS is forced. */
static json_t *shown(const struct admin_call *call, const void *object,
	const struct policy_directions *directions)
{
	json_t *json = record_to_json(kind_of(call)->desc, object, RECORD_JSON_FULL);

	if (call->route->argument == MODEL_CONNECTOR) {
		const char *only = policy_directions_only(directions, object);

		json_object_set_new(
			json, "one_direction", only != NULL ? json_string(only) : json_null());
	}
	return json;
}

/* NULL where no connectors are asked for. */
static struct policy_directions *directions_of(const struct admin_call *call)
{
	return call->route->argument == MODEL_CONNECTOR
		       ? policy_directions_new(policy_snapshot_config(call->admin->snapshot))
		       : NULL;
}

static bool is_wanted(const struct admin_call *call, const void *object, const char *key)
{
	enum model_kind kind = (enum model_kind)call->route->argument;
	const char *organisation = admin_query(call, "organisation");
	const char *domain = admin_query(call, "domain"), *at = strrchr(key, '@');

	if (!admin_sees(call, kind, object))
		return false;
	if (domain != NULL && kind == MODEL_RECIPIENT &&
		(at == NULL || !str_equal_nocase(str_of(at + 1), str_of(domain))))
		return false;
	if (organisation != NULL) {
		const char *owner = admin_owner(call, kind, key);

		return owner != NULL && strcmp(owner, organisation) == 0;
	}
	return true;
}

static const char *key_in_list(struct admin_call *call, const void *list, size_t i)
{
	(void)list;
	return key_at(call, i);
}

/* False: answered.  What the asking one does not see is not there. */
static bool page_begin(struct admin_call *call, size_t *ret_from)
{
	if (!admin_page_begin(call, NULL, list_of(call)->count, key_in_list, ret_from))
		return false;
	if (*ret_from == 0 ||
		admin_sees(call, (enum model_kind)call->route->argument, item(call, *ret_from - 1)))
		return true;
	admin_page_gone(call);
	return false;
}

static void reply_list(struct admin_call *call)
{
	struct policy_directions *directions CLEANUP(policy_directions_free) = directions_of(call);
	json_t *items, *next = json_null();
	size_t i, last = 0;

	if (!page_begin(call, &i))
		return;
	items = json_array();
	for (; i < list_of(call)->count; i++) {
		if (!is_wanted(call, item(call, i), key_at(call, i)))
			continue;
		if (json_array_size(items) == admin_page_limit(call)) {
			next = json_string(admin_page_behind(call, last, key_at(call, last)));
			break;
		}
		json_array_append_new(items, shown(call, item(call, i), directions));
		last = i;
	}
	admin_reply(call, 200, json_pack("{s:o,s:o}", "items", items, "next", next), etag(call));
}

void admin_list_objects(struct admin_call *call)
{
	admin_with_snapshot(call, reply_list);
}

/* Its place in the list; behind the last: it is not there. */
static size_t find_item(struct admin_call *call)
{
	struct str key = str_of(key_of(call));
	size_t i = 0;

	while (i < list_of(call)->count && !str_equal_nocase(key, str_of(key_at(call, i))))
		i++;
	return i;
}

static void reply_one(struct admin_call *call)
{
	struct policy_directions *directions CLEANUP(policy_directions_free) = directions_of(call);
	size_t i = find_item(call);

	if (i == list_of(call)->count ||
		!admin_sees(call, (enum model_kind)call->route->argument, item(call, i)))
		no_such(call, key_of(call));
	else
		admin_reply(call, 200, shown(call, item(call, i), directions),
			object_etag(call, item(call, i)));
}

void admin_get_object(struct admin_call *call)
{
	admin_with_snapshot(call, reply_one);
}

/* ---- changing ---------------------------------------------------------------------------------
 */

/* False: answered. */
static bool passes(struct admin_call *call, const json_t *object, const char *key)
{
	struct err_info why = {0};
	enum err e = check_pem(object, &why);

	if (e == ERR_OK)
		return true;
	admin_problem(call, admin_status_of(e), "connector %s: %s", key, why.text);
	return false;
}

/* Takes CHANGES. */
static void ask_for(struct admin_call *call, json_t *changes)
{
	json_t *arguments = json_pack("{s:o,s:b}", "changes", changes, "dry_run", is_dry_run(call));

	if (call->expected >= 0)
		json_object_set_new(arguments, "expect", json_integer(call->expected));
	call->object = is_dry_run(call) ? json_incref(changes) : NULL;
	admin_ask_spool(call, "config.change", arguments, replaced);
}

/* The object is as the client saw it: then the spool must find the same configuration.  Seen only
 * with its ETag, so nothing is told that the asking one does not know. */
static void change_if_same(struct admin_call *call)
{
	size_t i = find_item(call);

	if (i == list_of(call)->count ||
		strcmp(object_etag(call, item(call, i)), call->expected_object) != 0) {
		admin_problem(call, 412, "%s %s has changed meanwhile: read it again",
			kind_of(call)->singular, key_of(call));
		return;
	}
	call->expected = (int64_t)policy_snapshot_generation(call->admin->snapshot);
	ask_for(call, json_incref(call->object));
}

static void change_one(struct admin_call *call, const char *op, const char *key)
{
	json_t *change;

	if (!take_if_match(call))
		return;
	/* What only listings say. */
	json_object_del(call->body, "one_direction");
	call->about = arena_format(call->arena, "%s %s", kind_of(call)->singular, key);
	if (call->route->argument == MODEL_CONNECTOR && !passes(call, call->body, key))
		return;
	change = json_pack("{s:s,s:s,s:s}", "kind", kind_of(call)->singular, "op", op, "key", key);
	if (call->body != NULL)
		json_object_set(change, "object", call->body);
	if (call->expected_object == NULL || call->segment_count == 0) {
		ask_for(call, json_pack("[o]", change));
		return;
	}
	call->object = json_pack("[o]", change);
	admin_with_snapshot(call, change_if_same);
}

static void fill_key(struct admin_call *call)
{
	bool is_nested = kind_of(call)->is_nested;
	const char *key = kind_of(call)->key;

	if (json_object_get(call->body, key) == NULL)
		json_object_set_new(
			call->body, key, json_string(call->segments[is_nested ? 1 : 0]));
	if (is_nested && json_object_get(call->body, "organisation") == NULL)
		json_object_set_new(call->body, "organisation", json_string(call->segments[0]));
}

void admin_add_object(struct admin_call *call)
{
	if (admin_needs_object(call))
		change_one(call, "add", key_of_json(call, call->body));
}

void admin_put_object(struct admin_call *call)
{
	if (!admin_needs_object(call))
		return;
	fill_key(call);
	change_one(call, "put", key_of(call));
}

void admin_patch_object(struct admin_call *call)
{
	if (admin_needs_object(call))
		change_one(call, "patch", key_of(call));
}

void admin_delete_object(struct admin_call *call)
{
	json_decref(call->body);
	call->body = NULL;
	change_one(call, "remove", key_of(call));
}

/* ---- many -------------------------------------------------------------------------------------
 */

static bool find_kind(const char *name, enum model_kind *ret)
{
	for (int kind = 0; name != NULL && kind < MODEL_KIND_MAX; kind++)
		if (strcmp(model_kinds[kind].singular, name) == 0) {
			*ret = (enum model_kind)kind;
			return true;
		}
	return false;
}

/* False: answered. */
static bool check_change(struct admin_call *call, json_t *change)
{
	const char *key = json_string_value(json_object_get(change, "key"));
	enum model_kind kind;

	if (key == NULL || !find_kind(json_string_value(json_object_get(change, "kind")), &kind)) {
		admin_problem(call, 422,
			"changes: each has a kind (connector, recipient, ...), an op and a key");
		return false;
	}
	if (call->is_limited && (kind == MODEL_ORGANISATION || kind == MODEL_DOMAIN ||
					!admin_manages(call, admin_owner(call, kind, key)))) {
		admin_problem(
			call, 403, "%s %s: you do not manage it", model_kinds[kind].singular, key);
		return false;
	}
	return kind != MODEL_CONNECTOR || passes(call, json_object_get(change, "object"), key);
}

static void change_many(struct admin_call *call)
{
	json_t *changes = json_object_get(call->body, "changes"), *change;
	size_t i;

	json_array_foreach (changes, i, change)
		if (!check_change(call, change))
			return;
	ask_for(call, json_incref(changes));
}

void admin_change_objects(struct admin_call *call)
{
	size_t count = json_array_size(json_object_get(call->body, "changes"));

	if (!admin_needs_object(call) || !take_if_match(call))
		return;
	if (count == 0 || count > MAX_CHANGES)
		admin_problem(call, 422, "changes: expected a list of 1 to %d", MAX_CHANGES);
	else
		admin_with_snapshot(call, change_many);
}
