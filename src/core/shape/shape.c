#include "core/shape/shape.h"

#include "base/mem.h"

#include <stdlib.h>

/* Where reading stands. */
struct reader {
	const char *start;
	struct str rest;
	shape_find *find;
	void *context;
	struct err_info *info;
	unsigned depth;
};

static json_t *read_type(struct reader *r);

/* ---- letters and words ----------------------------------------------------------------------- */

static json_t *expected(const struct reader *r, const char *what)
{
	err_set(r->info, ERR_SYNTAX, "byte %zu of the shape: expected %s, found \"%.20s\"",
		(size_t)(r->rest.p - r->start), what, r->rest.n > 0 ? r->rest.p : "");
	return NULL;
}

static void skip_blanks(struct reader *r)
{
	while (r->rest.n > 0 && strchr(" \t\n", r->rest.p[0]) != NULL)
		r->rest = str_part(r->rest, 1, r->rest.n);
}

/* Take TEXT if it comes next. */
static bool take(struct reader *r, const char *text)
{
	skip_blanks(r);
	if (!str_is(str_part(r->rest, 0, strlen(text)), text))
		return false;
	r->rest = str_part(r->rest, strlen(text), r->rest.n);
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static struct str take_word(struct reader *r)
{
	size_t n = 0;
	struct str word;

	skip_blanks(r);
	while (n < r->rest.n && is_letter(r->rest.p[n]))
		n++;
	word = str_part(r->rest, 0, n);
	r->rest = str_part(r->rest, n, r->rest.n);
	return word;
}

/* What stands up to END, which goes too. */
static bool take_until(struct reader *r, char end, struct str *ret)
{
	if (str_find(r->rest, end, 0) == r->rest.n)
		return false;
	*ret = str_cut(&r->rest, end);
	return true;
}

static bool take_number(struct reader *r, int64_t *ret)
{
	uint64_t value;

	if (!str_to_u64(take_word(r), &value) || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

/* ---- simple types ---------------------------------------------------------------------------- */

static json_t *of_word(struct str word)
{
	static const struct {
		const char *word, *type, *key, *value;
	} words[] = {
		{"text", "string", NULL, NULL},
		{"integer", "integer", NULL, NULL},
		{"number", "number", NULL, NULL},
		{"boolean", "boolean", NULL, NULL},
		{"null", "null", NULL, NULL},
		{"moment", "string", "format", "date-time"},
		{"duration", "string", "pattern", SHAPE_DURATION_PATTERN},
		{"size", "string", "pattern", SHAPE_SIZE_PATTERN},
	};

	if (str_is(word, "any"))
		return json_object();
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(word, words[i].word))
			return words[i].key != NULL ? json_pack("{s:s,s:s}", "type", words[i].type,
							      words[i].key, words[i].value)
						    : json_pack("{s:s}", "type", words[i].type);
	return NULL;
}

static json_t *of_name(struct reader *r, struct str word)
{
	char *name = mem_text_of(word);
	json_t *schema = NULL;

	if (r->find == NULL || r->find(r->context, name) != NULL)
		schema = json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
	else
		err_set(r->info, ERR_SYNTAX, "there is no shape or record named %s", name);
	free(name);
	return schema;
}

static json_t *read_limits(struct reader *r, int64_t low)
{
	int64_t high;

	if (!take(r, "..") || !take_number(r, &high))
		return expected(r, "N..M");
	return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)low, "maximum",
		(json_int_t)high);
}

static json_t *read_word(struct reader *r)
{
	struct str word = take_word(r);
	json_t *schema;
	uint64_t low;
	int64_t limit;

	if (word.n == 0)
		return expected(r, "a type");
	if (str_to_u64(word, &low) && low <= INT64_MAX)
		return read_limits(r, (int64_t)low);
	schema = of_word(word);
	if (schema == NULL)
		return of_name(r, word);
	if (!str_is(word, "text") || !take(r, ".."))
		return schema;
	if (take_number(r, &limit)) {
		json_object_set_new(schema, "maxLength", json_integer((json_int_t)limit));
		return schema;
	}
	json_decref(schema);
	return expected(r, "a number of bytes");
}

/* ---- lists and objects ----------------------------------------------------------------------- */

static json_t *read_list(struct reader *r)
{
	json_t *items = read_type(r);

	if (items == NULL)
		return NULL;
	if (take(r, "]"))
		return json_pack("{s:s,s:o}", "type", "array", "items", items);
	json_decref(items);
	return expected(r, "]");
}

static bool spread(struct reader *r, json_t *object)
{
	char *name = mem_text_of(take_word(r));
	const json_t *other = r->find != NULL ? r->find(r->context, name) : NULL;
	const json_t *item;
	size_t i;

	json_object_update(
		json_object_get(object, "properties"), json_object_get(other, "properties"));
	json_array_foreach (json_object_get(other, "required"), i, item)
		json_array_append(json_object_get(object, "required"), (json_t *)item);
	if (json_is_true(json_object_get(other, "additionalProperties")))
		json_object_set_new(object, "additionalProperties", json_true());
	if (other == NULL && r->find != NULL)
		err_set(r->info, ERR_SYNTAX, "there is no shape or record named %s", name);
	free(name);
	return other != NULL || r->find == NULL;
}

/* "(words)", which may not be there. */
static bool read_words(struct reader *r, json_t *schema)
{
	struct str words;

	if (!take(r, "("))
		return true;
	if (!take_until(r, ')', &words)) {
		expected(r, "words and )");
		return false;
	}
	json_object_set_new(schema, "description", json_stringn(words.p, words.n));
	return true;
}

/* name: type, name?: type, with words */
static bool read_member(struct reader *r, json_t *object)
{
	char *name = mem_text_of(take_word(r));
	bool is_optional = take(r, "?"), is_fine = false;
	json_t *schema = NULL;

	if (name[0] == '\0' || !take(r, ":"))
		expected(r, "a name and \":\"");
	else
		schema = read_type(r);
	if (schema != NULL) {
		is_fine = read_words(r, schema);
		json_object_set_new(json_object_get(object, "properties"), name, schema);
		if (!is_optional)
			json_array_append_new(
				json_object_get(object, "required"), json_string(name));
	}
	free(name);
	return is_fine;
}

static bool read_part(struct reader *r, json_t *object)
{
	json_t *schema;

	if (take(r, "...")) {
		skip_blanks(r);
		if (r->rest.n > 0 && is_letter(r->rest.p[0]))
			return spread(r, object);
		json_object_set_new(object, "additionalProperties", json_true());
		return true;
	}
	if (!take(r, "*"))
		return read_member(r, object);
	if (!take(r, ":")) {
		expected(r, ":");
		return false;
	}
	schema = read_type(r);
	if (schema == NULL)
		return false;
	json_object_set_new(object, "additionalProperties", schema);
	return read_words(r, schema);
}

static json_t *read_object(struct reader *r)
{
	json_t *object = json_pack("{s:s,s:{},s:[],s:b}", "type", "object", "properties",
		"required", "additionalProperties", 0);

	while (!take(r, "}")) {
		if (!read_part(r, object)) {
			json_decref(object);
			return NULL;
		}
		if (take(r, ","))
			continue;
		if (!take(r, "}")) {
			json_decref(object);
			return expected(r, "\",\" or \"}\"");
		}
		break;
	}
	if (json_array_size(json_object_get(object, "required")) == 0)
		json_object_del(object, "required");
	return object;
}

/* ---- alternatives ---------------------------------------------------------------------------- */

static json_t *read_one(struct reader *r)
{
	struct str literal;

	if (take(r, "{"))
		return read_object(r);
	if (take(r, "["))
		return read_list(r);
	if (!take(r, "'"))
		return read_word(r);
	if (!take_until(r, '\'', &literal))
		return expected(r, "a text and '");
	return json_pack(
		"{s:s,s:[o]}", "type", "string", "enum", json_stringn(literal.p, literal.n));
}

/* One more alternative: literals become one list. */
static void add(json_t *all, json_t *schema)
{
	json_t *last = json_array_get(all, json_array_size(all) - 1);
	json_t *list = json_object_get(last, "enum"), *more = json_object_get(schema, "enum");

	if (list == NULL || more == NULL) {
		json_array_append_new(all, schema);
		return;
	}
	json_array_extend(list, more);
	json_decref(schema);
}

static bool is_null(const json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));

	return type != NULL && strcmp(type, "null") == 0;
}

/* Takes ALL.  What is simple, or null, is told shorter. */
static json_t *combine(json_t *all)
{
	json_t *first = json_array_get(all, 0), *second = json_array_get(all, 1), *ret;
	json_t *list = json_object_get(first, "enum");

	if (second == NULL) {
		ret = json_incref(first);
	} else if (json_array_size(all) == 2 && is_null(second) &&
		   json_is_string(json_object_get(first, "type"))) {
		ret = json_incref(first);
		if (list != NULL)
			json_array_append_new(list, json_null());
		json_object_set_new(
			ret, "type", json_pack("[O,s]", json_object_get(first, "type"), "null"));
	} else {
		ret = json_pack("{s:O}", "anyOf", all);
	}
	json_decref(all);
	return ret;
}

static json_t *read_type(struct reader *r)
{
	json_t *all = json_array(), *one;

	if (++r->depth > SHAPE_MAX_DEPTH) {
		json_decref(all);
		return expected(r, "less depth");
	}
	do {
		one = read_one(r);
		if (one == NULL) {
			json_decref(all);
			return NULL;
		}
		add(all, one);
	} while (take(r, "|"));
	r->depth--;
	return combine(all);
}

enum err shape_schema(
	const char *shape, shape_find *find, void *context, json_t **ret, struct err_info *info)
{
	struct reader r = {.start = shape,
		.rest = str_of(shape),
		.find = find,
		.context = context,
		.info = info};
	json_t *schema = read_type(&r);

	if (schema == NULL)
		return ERR_SYNTAX;
	if (!read_words(&r, schema) || (skip_blanks(&r), r.rest.n > 0)) {
		if (r.rest.n > 0)
			expected(&r, "the end");
		json_decref(schema);
		return ERR_SYNTAX;
	}
	*ret = schema;
	return ERR_OK;
}
