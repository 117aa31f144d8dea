/*
 * YAML to JSON by the events of libyaml: one document, mappings, sequences and scalars.  Tags,
 * anchors and aliases are refused, because they make a file mean what it does not say.
 */
#include "core/model/yaml.h"

#include <yaml.h>

enum { MAX_BYTES = 16 * 1024 * 1024, MAX_DEPTH = 32, MAX_NODES = 1000000, MAX_KEY = 256 };

struct reader {
	yaml_parser_t parser;
	struct err_info *info;
	size_t nodes;
};

static enum err refuse(
	const struct reader *r, const yaml_mark_t *mark, enum err code, const char *what)
{
	return err_set(
		r->info, code, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1, what);
}

static enum err next(struct reader *r, yaml_event_t *event)
{
	const yaml_parser_t *p = &r->parser;
	const char *what;

	if (yaml_parser_parse(&r->parser, event))
		return ERR_OK;
	what = p->problem != NULL ? p->problem : "not YAML";
	if (p->error == YAML_READER_ERROR)
		return err_set(r->info, ERR_SYNTAX, "byte %zu: %s", p->problem_offset + 1, what);
	if (p->context == NULL)
		return refuse(r, &p->problem_mark, ERR_SYNTAX, what);
	return err_set(r->info, ERR_SYNTAX, "line %zu, column %zu: %s (%s)",
		p->problem_mark.line + 1, p->problem_mark.column + 1, what, p->context);
}

bool model_yaml_is_integer(struct str text, int64_t *ret)
{
	bool is_negative = text.n > 1 && text.p[0] == '-';
	struct str digits = is_negative ? str_part(text, 1, text.n) : text;
	uint64_t value;

	/* "0644" and "-0" stay text: what they mean is not what they say. */
	if (digits.n > 19 || !str_to_u64(digits, &value) || value > INT64_MAX ||
		(digits.p[0] == '0' && (digits.n > 1 || is_negative)))
		return false;
	*ret = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

enum model_yaml_word model_yaml_word(struct str text)
{
	if (text.n == 0 || str_is(text, "~") || str_is_nocase(text, "null"))
		return MODEL_YAML_NULL;
	if (str_is_nocase(text, "true"))
		return MODEL_YAML_TRUE;
	if (str_is_nocase(text, "false"))
		return MODEL_YAML_FALSE;
	return MODEL_YAML_TEXT;
}

static json_t *plain_scalar(struct str text)
{
	int64_t number;

	switch (model_yaml_word(text)) {
	case MODEL_YAML_NULL:
		return json_null();
	case MODEL_YAML_TRUE:
		return json_true();
	case MODEL_YAML_FALSE:
		return json_false();
	case MODEL_YAML_TEXT:
		break;
	}
	if (model_yaml_is_integer(text, &number))
		return json_integer(number);
	return json_stringn(text.p, text.n);
}

static enum err read_scalar(const struct reader *r, const yaml_event_t *event, json_t **ret)
{
	struct str text = str_make(event->data.scalar.value, event->data.scalar.length);
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	*ret = is_plain ? plain_scalar(text) : json_stringn(text.p, text.n);
	return *ret != NULL ? ERR_OK
			    : refuse(r, &event->start_mark, ERR_SYNTAX, "this text is not UTF-8");
}

static enum err read_node(
	struct reader *r, const yaml_event_t *event, unsigned depth, json_t **ret);

static enum err read_sequence(struct reader *r, unsigned depth, json_t *array)
{
	for (;;) {
		yaml_event_t event CLEANUP(yaml_event_delete) = {0};
		json_t *item = NULL;
		enum err e = next(r, &event);

		if (e != ERR_OK || event.type == YAML_SEQUENCE_END_EVENT)
			return e;
		e = read_node(r, &event, depth, &item);
		if (e != ERR_OK)
			return e;
		json_array_append_new(array, item);
	}
}

static enum err read_key(
	const struct reader *r, const yaml_event_t *event, const json_t *object, char ret[MAX_KEY])
{
	struct str key = str_make(event->data.scalar.value, event->data.scalar.length);

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(r, &event->start_mark, ERR_SYNTAX, "a key must be a plain word");
	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return refuse(r, &event->start_mark, ERR_UNSUPPORTED,
			"anchors and tags are not supported");
	if (key.n >= MAX_KEY || str_find(key, '\0', 0) < key.n)
		return refuse(r, &event->start_mark, ERR_TOO_LONG,
			"this key is too long, or holds a NUL");
	memcpy(ret, key.p, key.n);
	ret[key.n] = '\0';
	if (json_object_get(object, ret) != NULL)
		return err_set(r->info, ERR_EXISTS, "line %zu, column %zu: \"%s\" stands twice",
			event->start_mark.line + 1, event->start_mark.column + 1, ret);
	return ERR_OK;
}

static enum err read_mapping(struct reader *r, unsigned depth, json_t *object)
{
	for (;;) {
		yaml_event_t event CLEANUP(yaml_event_delete) = {0};
		yaml_event_t value CLEANUP(yaml_event_delete) = {0};
		char key[MAX_KEY];
		json_t *item = NULL;
		enum err e = next(r, &event);

		if (e != ERR_OK || event.type == YAML_MAPPING_END_EVENT)
			return e;
		e = read_key(r, &event, object, key);
		if (e == ERR_OK)
			e = next(r, &value);
		if (e == ERR_OK)
			e = read_node(r, &value, depth, &item);
		if (e != ERR_OK)
			return e;
		if (json_object_set_new(object, key, item) != 0)
			return refuse(r, &event.start_mark, ERR_SYNTAX, "this key is not UTF-8");
	}
}

static bool has_properties(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor != NULL ||
		       event->data.sequence_start.tag != NULL;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor != NULL ||
		       event->data.mapping_start.tag != NULL;
	default:
		return event->type == YAML_ALIAS_EVENT;
	}
}

/* The node that begins with EVENT. */
static enum err read_node(struct reader *r, const yaml_event_t *event, unsigned depth, json_t **ret)
{
	json_t *json;
	enum err e;

	if (has_properties(event))
		return refuse(r, &event->start_mark, ERR_UNSUPPORTED,
			"anchors, aliases and tags are not supported");
	if (++r->nodes > MAX_NODES)
		return refuse(r, &event->start_mark, ERR_TOO_MANY, "the document is too large");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(r, event, ret);
	if (depth >= MAX_DEPTH)
		return refuse(r, &event->start_mark, ERR_TOO_LONG, "nested too deeply");
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		json = json_array();
		e = read_sequence(r, depth + 1, json);
	} else {
		json = json_object();
		e = read_mapping(r, depth + 1, json);
	}
	if (e != ERR_OK) {
		json_decref(json);
		return e;
	}
	*ret = json;
	return ERR_OK;
}

/* Everything between the start of the stream and its end; an empty one is an empty mapping. */
static enum err read_stream(struct reader *r, json_t **root)
{
	for (;;) {
		yaml_event_t event CLEANUP(yaml_event_delete) = {0};
		enum err e = next(r, &event);

		if (e != ERR_OK || event.type == YAML_STREAM_END_EVENT)
			return e;
		if (event.type == YAML_DOCUMENT_START_EVENT && *root != NULL)
			return refuse(r, &event.start_mark, ERR_UNSUPPORTED,
				"a second document is not supported");
		if (event.type == YAML_STREAM_START_EVENT ||
			event.type == YAML_DOCUMENT_START_EVENT ||
			event.type == YAML_DOCUMENT_END_EVENT)
			continue;
		e = read_node(r, &event, 0, root);
		if (e != ERR_OK)
			return e;
	}
}

enum err model_parse_yaml(struct str text, json_t **ret, struct err_info *info)
{
	struct reader r = {.info = info};
	json_t *root = NULL;
	enum err e;

	if (text.n > MAX_BYTES)
		return err_set(info, ERR_TOO_LONG, "longer than %d bytes", MAX_BYTES);
	if (!yaml_parser_initialize(&r.parser))
		return err_set(info, ERR_INTERNAL, "no YAML parser");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r.parser, (const unsigned char *)(text.p != NULL ? text.p : ""), text.n);
	e = read_stream(&r, &root);
	yaml_parser_delete(&r.parser);
	if (e != ERR_OK) {
		json_decref(root);
		return e;
	}
	*ret = root != NULL ? root : json_object();
	return ERR_OK;
}
