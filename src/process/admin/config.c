/*
 * The configuration.  The spool holds it; a single object is changed by reading all of it, changing
 * that one, and replacing all of it on condition that nobody else has changed it meanwhile.
 */
#include "process/admin/call.h"

#include "port/tls/tls.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_ATTEMPTS = 3 };

static const char *etag_of(struct admin_call *call, const json_t *result)
{
	return arena_format(call->arena, "\"%" JSON_INTEGER_FORMAT "\"",
		json_integer_value(json_object_get(result, "generation")));
}

static bool is_dry_run(const struct admin_call *call)
{
	const char *value = admin_query(call, "dry_run");

	return value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

/* Note what If-Match asks, while the client is still there.  False: malformed, answered. */
static bool take_if_match(struct admin_call *call)
{
	const char *text =
		evhttp_find_header(evhttp_request_get_input_headers(call->request), "If-Match");
	struct str s = str_of(text);
	uint64_t value;

	call->expected = -1;
	if (text == NULL || strcmp(text, "*") == 0)
		return true;
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

static void got_config(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref(json_object_get(result, "config")),
			etag_of(call, result));
}

void admin_get_config(struct admin_call *call)
{
	admin_ask_spool(call, "config.get", json_object(), got_config);
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
	else
		admin_reply(call, 200, json_incref((json_t *)result), etag_of(call, result));
}

/* The spool checks the form of trust anchors; what is in them only the TLS library can tell. */
static enum err check_anchors(const char *pem, struct err_info *info)
{
	struct tls_anchors *anchors CLEANUP(tls_anchors_free) = NULL;

	if (pem == NULL || pem[0] == '\0')
		return ERR_OK;
	return tls_anchors_new(str_of(pem), (struct str){0}, &anchors, info);
}

enum err admin_check_trust(const json_t *config, struct err_info *info)
{
	const json_t *connector;
	size_t i;

	json_array_foreach (json_object_get(config, "connectors"), i, connector) {
		const char *pem = json_string_value(json_object_get(connector, "trust"));
		struct err_info why = {0};
		enum err e = check_anchors(pem, &why);

		if (e != ERR_OK)
			return err_set(info, e, "connectors[%zu].trust: %s", i, why.text);
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

static json_t *list_of(const struct admin_call *call, const json_t *result)
{
	return json_object_get(json_object_get(result, "config"), kind_of(call)->plural);
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

/* Position in the list; its length when there is none of that key. */
static size_t find(struct admin_call *call, const json_t *list, const char *key)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_equal_nocase(
			    str_of(key), str_of(key_of_json(call, json_array_get(list, i)))))
			return i;
	return json_array_size(list);
}

static void no_such(struct admin_call *call, const char *key)
{
	admin_problem(call, 404, "there is no %s %s", kind_of(call)->singular, key);
}

static void got_list(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_pack("{s:O}", "items", list_of(call, result)),
			etag_of(call, result));
}

void admin_list_objects(struct admin_call *call)
{
	admin_ask_spool(call, "config.get", json_object(), got_list);
}

static void got_one(struct admin_call *call, enum err e, const json_t *result)
{
	const json_t *list = list_of(call, result);
	size_t place;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	place = find(call, list, key_of(call));
	if (place == json_array_size(list))
		no_such(call, key_of(call));
	else
		admin_reply(
			call, 200, json_incref(json_array_get(list, place)), etag_of(call, result));
}

void admin_get_object(struct admin_call *call)
{
	admin_ask_spool(call, "config.get", json_object(), got_one);
}

/* ---- changing one object --------------------------------------------------------------------- */

static void got_for_change(struct admin_call *call, enum err e, const json_t *result);

static void changed(struct admin_call *call, enum err e, const json_t *result)
{
	if (e == ERR_CONFLICT && ++call->attempts < MAX_ATTEMPTS && call->expected < 0) {
		admin_ask_spool(call, "config.get", json_object(), got_for_change);
		return;
	}
	replaced(call, e, result);
}

/* Read or merge the body as an object of the kind, so that errors name the field, not its place in
 * the whole configuration.  NULL: answered. */
static json_t *checked(struct admin_call *call, const json_t *before)
{
	const struct record_desc *desc = kind_of(call)->desc;
	void *object = arena_alloc(call->arena, desc->size);
	struct err_info info = {0}, why = {0};
	enum err e;

	if (before == NULL) {
		e = record_from_json(desc, call->body, "", call->arena, object, &info);
	} else {
		e = record_from_json(desc, before, "", call->arena, object, &info);
		if (e == ERR_OK)
			e = record_merge_json(desc, call->body, "", call->arena, object, &info);
	}
	if (e == ERR_OK && call->route->argument == MODEL_CONNECTOR) {
		e = check_anchors(((const struct model_connector *)object)->trust, &why);
		if (e != ERR_OK)
			err_set(&info, e, "trust: %s", why.text);
	}
	if (e != ERR_OK) {
		admin_problem(call, admin_status_of(e), "%s %s: %s", kind_of(call)->singular,
			call->segment_count > 0 ? key_of(call) : key_of_json(call, call->body),
			info.text);
		return NULL;
	}
	return record_to_json(desc, object, RECORD_JSON_FULL);
}

/* The key in the path is the object's; a body may leave it out, not contradict it. */
static bool key_agrees(struct admin_call *call, const json_t *object)
{
	if (str_equal_nocase(str_of(key_of(call)), str_of(key_of_json(call, object))))
		return true;
	admin_problem(call, 422, "%s %s: %s%s cannot be changed; remove it and add another",
		kind_of(call)->singular, key_of(call), kind_of(call)->key,
		kind_of(call)->is_nested ? " and organisation" : "");
	return false;
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

/* Change LIST in place. False: answered. */
static bool change_list(struct admin_call *call, json_t *list)
{
	enum evhttp_cmd_type method = call->route->method;
	bool adds = method == EVHTTP_REQ_POST;
	const char *key = adds ? key_of_json(call, call->body) : key_of(call);
	size_t place = find(call, list, key);
	bool is_there = place < json_array_size(list);
	json_t *object;

	if (adds && is_there) {
		admin_problem(call, 409, "there is a %s %s already", kind_of(call)->singular, key);
		return false;
	}
	if (!is_there && (method == EVHTTP_REQ_PATCH || method == EVHTTP_REQ_DELETE)) {
		no_such(call, key);
		return false;
	}
	if (method == EVHTTP_REQ_DELETE)
		return json_array_remove(list, place) == 0;
	object = checked(call, method == EVHTTP_REQ_PATCH ? json_array_get(list, place) : NULL);
	if (object == NULL)
		return false;
	if (!adds && !key_agrees(call, object)) {
		json_decref(object);
		return false;
	}
	if (is_there)
		json_array_set_new(list, place, object);
	else
		json_array_append_new(list, object);
	return true;
}

static void got_for_change(struct admin_call *call, enum err e, const json_t *result)
{
	json_t *config, *arguments;
	int64_t generation;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	generation = json_integer_value(json_object_get(result, "generation"));
	if (call->expected >= 0 && call->expected != generation) {
		admin_problem(call, 412,
			"the configuration has changed meanwhile: it is generation %" PRId64,
			generation);
		return;
	}
	config = json_deep_copy(json_object_get(result, "config"));
	if (!change_list(call, json_object_get(config, kind_of(call)->plural))) {
		json_decref(config);
		return;
	}
	arguments = json_pack("{s:o,s:I,s:b}", "config", config, "expect", (json_int_t)generation,
		"dry_run", is_dry_run(call));
	admin_ask_spool(call, "config.replace", arguments, changed);
}

static void begin_change(struct admin_call *call)
{
	if (take_if_match(call))
		admin_ask_spool(call, "config.get", json_object(), got_for_change);
}

void admin_add_object(struct admin_call *call)
{
	if (admin_needs_object(call))
		begin_change(call);
}

void admin_put_object(struct admin_call *call)
{
	if (!admin_needs_object(call))
		return;
	fill_key(call);
	begin_change(call);
}

void admin_patch_object(struct admin_call *call)
{
	if (admin_needs_object(call))
		begin_change(call);
}

void admin_delete_object(struct admin_call *call)
{
	begin_change(call);
}
