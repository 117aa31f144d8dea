/* Whether a value fits a schema of shape_schema(), with a message that names the place. */
#include "base/mem.h"
#include "base/moment.h"
#include "core/shape/shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DEPTH = 32 };

struct checker {
	shape_find *find;
	void *context;
	struct err_info *info;
	struct arena *arena;
	unsigned depth;
};

static enum err check(
	struct checker *c, const json_t *schema, const json_t *value, const char *where);

/* ---- messages -------------------------------------------------------------------------------- */

static const char *found(struct checker *c, const json_t *value)
{
	char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = arena_format(c->arena, "%.60s%s", dump != NULL ? dump : "?",
		dump != NULL && strlen(dump) > 60 ? "..." : "");

	free(dump);
	return text;
}

static enum err fail(struct checker *c, enum err e, const char *where, const char *what)
{
	return err_set(c->info, e, "%s%s%s", where, where[0] != '\0' ? ": " : "", what);
}

static const char *word_of(const char *type)
{
	static const char *const words[][2] = {{"string", "a text"}, {"integer", "a whole number"},
		{"number", "a number"}, {"boolean", "true or false"}, {"null", "null"},
		{"array", "a list"}, {"object", "an object"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(type, words[i][0]) == 0)
			return words[i][1];
	return type;
}

static const char *join(struct checker *c, const char *front, const char *middle, const char *more)
{
	return front[0] == '\0' ? more : arena_format(c->arena, "%s%s%s", front, middle, more);
}

/* What a schema asks for, in words. */
static const char *words_of(struct checker *c, const json_t *schema)
{
	const json_t *list = json_object_get(schema, "enum"), *item;
	const json_t *type = json_object_get(schema, "type");
	const json_t *any = json_object_get(schema, "anyOf");
	const char *words = "";
	size_t i;

	if (list != NULL) {
		json_array_foreach (list, i, item)
			if (json_is_string(item))
				words = join(c, words, ", ", json_string_value(item));
		return arena_format(c->arena, "one of %s", words);
	}
	if (json_object_get(schema, "format") != NULL)
		return "a moment such as 2026-11-21T21:43:04Z";
	json_array_foreach (any, i, item)
		words = join(c, words, " or ", words_of(c, item));
	json_array_foreach (type, i, item)
		words = join(c, words, " or ", word_of(json_string_value(item)));
	if (json_is_string(type))
		words = word_of(json_string_value(type));
	return words[0] != '\0' ? words : "something else";
}

static enum err unfit(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	return fail(c, ERR_SYNTAX, where,
		arena_format(
			c->arena, "expected %s, found %s", words_of(c, schema), found(c, value)));
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static bool is_of_type(const char *type, const json_t *value)
{
	if (strcmp(type, "string") == 0)
		return json_is_string(value);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(value);
	if (strcmp(type, "number") == 0)
		return json_is_number(value);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "array") == 0)
		return json_is_array(value);
	return strcmp(type, "object") == 0 ? json_is_object(value) : json_is_null(value);
}

static bool has_type(const json_t *schema, const json_t *value)
{
	const json_t *type = json_object_get(schema, "type"), *item;
	size_t i;

	if (type == NULL)
		return true;
	if (json_is_string(type))
		return is_of_type(json_string_value(type), value);
	json_array_foreach (type, i, item)
		if (is_of_type(json_string_value(item), value))
			return true;
	return false;
}

static bool is_listed(const json_t *list, const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_equal(item, value))
			return true;
	return list == NULL;
}

static enum err check_text(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	const json_t *most = json_object_get(schema, "maxLength");
	const char *text = json_string_value(value);
	int64_t ms;

	if (strlen(text) != json_string_length(value))
		return fail(c, ERR_SYNTAX, where, "a NUL character is not allowed");
	if (most != NULL && (json_int_t)json_string_length(value) > json_integer_value(most))
		return fail(c, ERR_TOO_LONG, where,
			arena_format(c->arena, "longer than %" JSON_INTEGER_FORMAT " bytes",
				json_integer_value(most)));
	if (json_object_get(schema, "format") != NULL && !moment_parse_rfc3339(str_of(text), &ms))
		return unfit(c, schema, value, where);
	return ERR_OK;
}

static enum err check_number(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	const json_t *low = json_object_get(schema, "minimum");
	const json_t *high = json_object_get(schema, "maximum");
	json_int_t number = json_integer_value(value);

	if (low == NULL ||
		(number >= json_integer_value(low) && number <= json_integer_value(high)))
		return ERR_OK;
	return fail(c, ERR_RANGE, where,
		arena_format(c->arena,
			"expected %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT ", found %s",
			json_integer_value(low), json_integer_value(high), found(c, value)));
}

static enum err check_list(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	const json_t *items = json_object_get(schema, "items"), *item;
	enum err e = ERR_OK;
	size_t i;

	json_array_foreach (value, i, item) {
		e = check(c, items, item, arena_format(c->arena, "%s[%zu]", where, i));
		if (e != ERR_OK)
			break;
	}
	return e;
}

static const char *below(struct checker *c, const char *where, const char *key)
{
	return where[0] != '\0' ? arena_format(c->arena, "%s.%.100s", where, key)
				: arena_format(c->arena, "%.100s", key);
}

static bool is_required(const json_t *schema, const char *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(schema, "required"), i, item)
		if (strcmp(json_string_value(item), key) == 0)
			return true;
	return false;
}

static enum err check_member(struct checker *c, const json_t *schema, const char *key,
	const json_t *value, const char *where)
{
	const json_t *member = json_object_get(json_object_get(schema, "properties"), key);
	const json_t *others = json_object_get(schema, "additionalProperties");

	if (member == NULL && json_is_object(others))
		member = others;
	if (member == NULL)
		return json_is_true(others) ? ERR_OK
					    : fail(c, ERR_UNKNOWN, below(c, where, key),
						      "there is no such member");
	/* What may be absent may be null. */
	if (json_is_null(value) && !is_required(schema, key))
		return ERR_OK;
	return check(c, member, value, below(c, where, key));
}

static enum err check_object(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	const json_t *item;
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach (json_object_get(schema, "required"), i, item)
		if (json_object_get(value, json_string_value(item)) == NULL)
			return fail(c, ERR_SYNTAX, below(c, where, json_string_value(item)),
				"is missing");
	json_object_foreach ((json_t *)value, key, member) {
		enum err e = check_member(c, schema, key, member, where);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Of those of the right type the message of the last one counts. */
static enum err check_any(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	struct err_info *info = c->info, why = {.text = ""};
	const json_t *item;
	enum err e = ERR_OK;
	bool is_near = false;
	size_t i;

	c->info = &why;
	json_array_foreach (json_object_get(schema, "anyOf"), i, item) {
		enum err one = check(c, item, value, where);

		if (one == ERR_OK) {
			c->info = info;
			return ERR_OK;
		}
		if (has_type(item, value)) {
			is_near = true;
			e = one;
			if (info != NULL)
				*info = why;
		}
	}
	c->info = info;
	return is_near ? e : unfit(c, schema, value, where);
}

static const json_t *follow(const struct checker *c, const char *reference)
{
	const char *name = strrchr(reference, '/');

	return c->find != NULL && name != NULL ? c->find(c->context, name + 1) : NULL;
}

static enum err check(
	struct checker *c, const json_t *schema, const json_t *value, const char *where)
{
	const char *reference = json_string_value(json_object_get(schema, "$ref"));
	enum err e = ERR_OK;

	if (reference != NULL)
		schema = follow(c, reference);
	if (schema == NULL)
		return ERR_OK;
	if (c->depth == MAX_DEPTH)
		return fail(c, ERR_TOO_LONG, where, "nested too deeply");
	c->depth++;
	if (json_object_get(schema, "anyOf") != NULL)
		e = check_any(c, schema, value, where);
	else if (!has_type(schema, value) || !is_listed(json_object_get(schema, "enum"), value))
		e = unfit(c, schema, value, where);
	else if (json_is_string(value))
		e = check_text(c, schema, value, where);
	else if (json_is_integer(value))
		e = check_number(c, schema, value, where);
	else if (json_is_array(value))
		e = check_list(c, schema, value, where);
	else if (json_is_object(value) && json_object_get(schema, "type") != NULL)
		e = check_object(c, schema, value, where);
	c->depth--;
	return e;
}

enum err shape_check(const json_t *schema, const json_t *value, shape_find *find, void *context,
	struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct checker c = {.find = find, .context = context, .info = info, .arena = arena};

	return check(&c, schema, value, "");
}

const json_t *shape_member(const json_t *schema, const char *name)
{
	return json_object_get(json_object_get(schema, "properties"), name);
}

/* ---- texts of a query ------------------------------------------------------------------------ */

static bool wants(const json_t *schema, const char *type)
{
	const char *text = json_string_value(json_object_get(schema, "type"));

	return text != NULL && strcmp(text, type) == 0;
}

/* As the value that the text stands for; a text where it is none. */
static json_t *value_of(const json_t *schema, const char *text)
{
	uint64_t number;

	if (wants(schema, "integer") && str_to_u64(str_of(text), &number) && number <= INT64_MAX)
		return json_integer((json_int_t)number);
	if (wants(schema, "boolean") && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0))
		return json_true();
	if (wants(schema, "boolean") && (strcmp(text, "0") == 0 || strcmp(text, "false") == 0))
		return json_false();
	return json_string(text);
}

enum err shape_check_text(const json_t *schema, const char *name, const char *text,
	shape_find *find, void *context, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct checker c = {.find = find, .context = context, .info = info, .arena = arena};
	json_t *value;
	enum err e;

	if (wants(schema, "array"))
		schema = json_object_get(schema, "items");
	value = value_of(schema, text);
	if (value == NULL)
		return fail(&c, ERR_SYNTAX, name, "expected UTF-8");
	e = check(&c, schema, value, name);
	json_decref(value);
	return e;
}
