#include "process/keys/uri.h"

#include <stddef.h>

enum { URI_MAX = 1024 };

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 7512 2.3: every octet may be written as "%" and two digits. */
static bool decode(struct str from, struct arena *arena, struct str *ret)
{
	char *to = arena_alloc(arena, from.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < from.n; i++) {
		int high, low;

		if (from.p[i] != '%') {
			to[n++] = from.p[i];
			continue;
		}
		if (i + 2 >= from.n)
			return false;
		high = hex_value(from.p[i + 1]);
		low = hex_value(from.p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		to[n++] = (char)(high * 16 + low);
		i += 2;
	}
	*ret = str_make(to, n);
	return true;
}

static const struct {
	const char *name;
	size_t offset; /* of a text */
} attributes[] = {
	{"token", offsetof(struct keys_uri, token)},
	{"manufacturer", offsetof(struct keys_uri, manufacturer)},
	{"model", offsetof(struct keys_uri, model)},
	{"serial", offsetof(struct keys_uri, serial)},
	{"object", offsetof(struct keys_uri, object)},
};

static enum err take_text(
	struct keys_uri *uri, struct str name, struct str value, struct err_info *info)
{
	for (size_t i = 0; i < ARRAY_LENGTH(attributes); i++) {
		const char **to = (const char **)(void *)((char *)uri + attributes[i].offset);

		if (!str_is(name, attributes[i].name))
			continue;
		if (*to != NULL)
			return err_set(
				info, ERR_SYNTAX, "\"%s\" stands there twice", attributes[i].name);
		if (str_find(value, '\0', 0) < value.n)
			return err_set(info, ERR_SYNTAX, "\"%s\" holds a NUL", attributes[i].name);
		*to = value.p; /* decode() left room behind it, zeroed */
		return ERR_OK;
	}
	return err_set(info, ERR_UNSUPPORTED,
		"\"%.*s\" is not understood; expected token, serial, manufacturer, model, object, "
		"id, type",
		STR_ARGS(name));
}

static enum err take(
	struct keys_uri *uri, struct str attribute, struct arena *arena, struct err_info *info)
{
	struct str value = attribute, name = str_cut(&value, '=');

	if (name.n == attribute.n)
		return err_set(info, ERR_SYNTAX, "\"%.*s\" has no value", STR_ARGS(attribute));
	if (!decode(value, arena, &value))
		return err_set(info, ERR_SYNTAX,
			"behind \"%.*s\": \"%%\" is followed by two hexadecimal digits",
			STR_ARGS(name));
	if (str_is(name, "type"))
		return str_is(value, "private")
			       ? ERR_OK
			       : err_set(info, ERR_SYNTAX, "a key has type=private");
	if (!str_is(name, "id"))
		return take_text(uri, name, value, info);
	if (uri->id.n > 0 || value.n == 0)
		return err_set(info, ERR_SYNTAX, "\"id\" stands there once, with a value");
	uri->id = value;
	return ERR_OK;
}

enum err keys_uri_parse(
	const char *text, struct arena *arena, struct keys_uri *ret, struct err_info *info)
{
	struct str rest = str_of(text), scheme = str_cut(&rest, ':');
	struct keys_uri uri = {0};
	struct str path;
	enum err e = ERR_OK;

	if (!str_is_nocase(scheme, "pkcs11") || strlen(text) > URI_MAX)
		return err_set(
			info, ERR_SYNTAX, "expected \"pkcs11:\" and at most %d bytes", URI_MAX);
	path = str_cut(&rest, '?');
	if (rest.n > 0)
		return err_set(info, ERR_UNSUPPORTED,
			"what stands behind \"?\" is not understood; the PIN is in the file "
			"keys.pkcs11_pin, the module is keys.pkcs11_module");
	while (path.n > 0 && e == ERR_OK)
		e = take(&uri, str_cut(&path, ';'), arena, info);
	if (e == ERR_OK && uri.object == NULL && uri.id.n == 0)
		e = err_set(info, ERR_SYNTAX, "it names no key: object= or id= is missing");
	if (e == ERR_OK)
		*ret = uri;
	return e;
}
