/*
 * JSON to YAML.  Written here rather than with libyaml's emitter, whose choice of style for a text
 * cannot be relied on to be the readable one: keys and plain words stay bare, multi-line text is a
 * literal block, everything else is double-quoted.
 */
#include "core/model/yaml.h"

#include <inttypes.h>

enum { MAX_DEPTH = 32, STEP = 2 };

static bool is_word_byte(char c)
{
	c = str_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-_./@+", c) != NULL);
}

/* What other readers of YAML would take for a number or a truth value. */
static bool is_misleading(struct str text)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
	int64_t number;

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (str_is_nocase(text, words[i]))
			return true;
	if (model_yaml_word(text) != MODEL_YAML_TEXT || model_yaml_is_integer(text, &number))
		return true;
	if (text.p[0] < '0' || text.p[0] > '9')
		return false;
	if (text.p[0] == '0' && text.n > 1 && strchr("xob", str_lower(text.p[1])) != NULL)
		return true;
	for (size_t i = 0; i < text.n; i++)
		if (strchr("0123456789.e_+-", str_lower(text.p[i])) == NULL)
			return false;
	return true;
}

/* Bytes that mean nothing to YAML, and not a word that would read as something else. */
static bool is_bare(struct str text)
{
	if (text.n == 0 || text.n > 200 || strchr("-.@+", text.p[0]) != NULL || is_misleading(text))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!is_word_byte(text.p[i]))
			return false;
	return true;
}

static void put_quoted(struct buf *out, struct str text)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\')
			buf_format(out, "\\%c", c);
		else if (c == '\n')
			buf_put_text(out, "\\n");
		else if (c == '\t')
			buf_put_text(out, "\\t");
		else if (c < ' ' || c == 0x7f)
			buf_format(out, "\\x%02x", c);
		else if (c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0)
			/* C1 controls are not printable in YAML, NEL breaks lines. */
			buf_format(out, "\\x%02x", (unsigned char)text.p[++i]);
		else if (c == 0xe2 && i + 2 < text.n && text.p[i + 1] == (char)0x80 &&
			 (text.p[i + 2] == (char)0xa8 || text.p[i + 2] == (char)0xa9)) {
			buf_format(out, "\\u20%02x", (unsigned char)text.p[i + 2] - 0x80);
			i += 2;
		} else if (c == 0xef && i + 2 < text.n && text.p[i + 1] == (char)0xbb &&
			   text.p[i + 2] == (char)0xbf) {
			buf_put_text(out, "\\ufeff");
			i += 2;
		} else if (c == 0xef && i + 2 < text.n && text.p[i + 1] == (char)0xbf &&
			   (unsigned char)text.p[i + 2] >= 0xbe) {
			buf_format(out, "\\uff%02x", (unsigned char)text.p[i + 2] + 0x40);
			i += 2;
		} else
			buf_put_byte(out, (char)c);
	}
	buf_put_byte(out, '"');
}

/* Several lines of printable ASCII, none empty or with blanks at its ends, with or without a line
 * feed behind the last. */
static bool is_block(struct str text)
{
	struct str rest = text;

	if (str_find(text, '\n', 0) + 1 >= text.n)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\n' && (text.p[i] < ' ' || text.p[i] > '~'))
			return false;
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');

		if (line.n == 0 || line.p[0] == ' ' || line.p[line.n - 1] == ' ')
			return false;
	}
	return true;
}

static void put_indent(struct buf *out, size_t indent)
{
	for (size_t i = 0; i < indent; i++)
		buf_put_byte(out, ' ');
}

static void put_text(struct buf *out, struct str text, size_t indent)
{
	bool ends = text.n > 0 && text.p[text.n - 1] == '\n';

	if (is_bare(text)) {
		buf_put(out, text);
	} else if (is_block(text)) {
		buf_put_text(out, ends ? "|" : "|-");
		while (text.n > 0) {
			struct str line = str_cut(&text, '\n');

			buf_put_byte(out, '\n');
			put_indent(out, indent);
			buf_put(out, line);
		}
	} else {
		put_quoted(out, text);
	}
}

static enum err put_node(
	struct buf *out, const json_t *json, size_t indent, bool is_in_list, unsigned depth);

static bool is_container(const json_t *json)
{
	return (json_is_object(json) && json_object_size(json) > 0) ||
	       (json_is_array(json) && json_array_size(json) > 0);
}

static enum err put_object(
	struct buf *out, const json_t *json, size_t indent, bool is_in_list, unsigned depth)
{
	bool is_first = true;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)json, key, value) {
		enum err e;

		/* The first key of a list's item stands beside its dash. */
		if (!is_first || !is_in_list) {
			if (buf_length(out) > 0)
				buf_put_byte(out, '\n');
			put_indent(out, indent);
		}
		is_first = false;
		if (is_bare(str_of(key)))
			buf_put_text(out, key);
		else
			put_quoted(out, str_of(key));
		buf_put_text(out, is_container(value) ? ":" : ": ");
		e = put_node(out, value, indent + STEP, false, depth + 1);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err put_array(
	struct buf *out, const json_t *json, size_t indent, bool is_in_list, unsigned depth)
{
	for (size_t i = 0; i < json_array_size(json); i++) {
		enum err e;

		if (i > 0 || !is_in_list) {
			if (buf_length(out) > 0)
				buf_put_byte(out, '\n');
			put_indent(out, indent);
		}
		buf_put_text(out, "- ");
		e = put_node(out, json_array_get(json, i), indent + STEP, true, depth + 1);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err put_node(
	struct buf *out, const json_t *json, size_t indent, bool is_in_list, unsigned depth)
{
	if (depth > MAX_DEPTH)
		return ERR_TOO_LONG;
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		if (json_object_size(json) > 0)
			return put_object(out, json, indent, is_in_list, depth);
		buf_put_text(out, "{}");
		break;
	case JSON_ARRAY:
		if (json_array_size(json) > 0)
			return put_array(out, json, indent, is_in_list, depth);
		buf_put_text(out, "[]");
		break;
	case JSON_STRING:
		put_text(out, str_make(json_string_value(json), json_string_length(json)),
			indent > 0 ? indent : STEP);
		break;
	case JSON_INTEGER:
		buf_format(out, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
		break;
	case JSON_REAL:
		buf_format(out, "%.17g", json_real_value(json));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_put_text(out, json_is_true(json) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_put_text(out, "null");
		break;
	}
	return ERR_OK;
}

enum err model_format_yaml(const json_t *json, struct buf *out)
{
	enum err e = put_node(out, json, 0, false, 0);

	if (e != ERR_OK)
		return e;
	return buf_put_byte(out, '\n');
}
