/* Values as PowerShell prints them. */
#include "core/exchange/inside.h"

enum { SHOWN = 60, MAX_TEXTS = 2000 };

const json_t *exchange_get(const json_t *object, const char *property)
{
	const char *key;
	const json_t *value = json_object_get(object, property);

	if (value != NULL)
		return value;
	json_object_foreach ((json_t *)object, key, value)
		if (str_is_nocase(str_of(key), property))
			return value;
	return NULL;
}

bool exchange_is_unset(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) == 0 ||
		       str_is_nocase(str_of(json_string_value(value)), "false") ||
		       str_is_nocase(str_of(json_string_value(value)), "none");
	return value == NULL || json_is_null(value) || json_is_false(value) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

bool exchange_bool(const json_t *object, const char *property, bool fallback)
{
	const json_t *value = exchange_get(object, property);

	if (json_is_boolean(value))
		return json_is_true(value);
	if (json_is_string(value))
		return str_is_nocase(str_of(json_string_value(value)), "true");
	return json_is_integer(value) ? json_integer_value(value) != 0 : fallback;
}

/* A text, or the domain that an object of Exchange's own type stands for. */
static const char *text_of(const json_t *value, struct arena *arena)
{
	static const char *const keys[] = {"Address", "Domain", "DomainName", "Name", "value"};

	if (json_is_string(value))
		return json_string_value(value);
	for (size_t i = 0; json_is_object(value) && i < ARRAY_LENGTH(keys); i++) {
		const char *text = json_string_value(exchange_get(value, keys[i]));

		if (text == NULL || text[0] == '\0')
			continue;
		if (exchange_bool(value, "IncludeSubDomains", false) && text[0] != '*')
			return arena_format(arena, "*.%s", text);
		return text;
	}
	return NULL;
}

const char *exchange_text(const json_t *object, const char *property, struct arena *arena)
{
	const json_t *value = exchange_get(object, property);
	const char *text;

	if (json_is_array(value) && json_array_size(value) == 1)
		value = json_array_get(value, 0);
	text = text_of(value, arena);
	return text != NULL && text[0] != '\0' ? arena_text(arena, text) : NULL;
}

void exchange_add_text(struct record_texts *list, const char *text, struct arena *arena)
{
	const char **old = list->items;

	if (list->count >= MAX_TEXTS) { /* no domain and no address: such a list is refused */
		list->items[MAX_TEXTS - 1] = "... and more";
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(old[i], text) == 0)
			return;
	if ((list->count & (list->count - 1)) == 0) {
		list->items = arena_array(
			arena, list->count > 0 ? list->count * 2 : 1, sizeof(*list->items));
		if (list->count > 0)
			memcpy(list->items, old, list->count * sizeof(*old));
	}
	list->items[list->count++] = text;
}

static void add_split(struct record_texts *list, const char *text, struct arena *arena)
{
	for (struct str rest = str_of(text); rest.n > 0;) {
		struct str item = str_trim(str_cut(&rest, ','));

		if (item.n > 0)
			exchange_add_text(list, arena_text_of(arena, item), arena);
	}
}

struct record_texts exchange_texts(const json_t *value, struct arena *arena)
{
	struct record_texts list = {0};
	const json_t *item;
	const char *text = text_of(value, arena);
	size_t i;

	if (text != NULL)
		add_split(&list, text, arena);
	json_array_foreach (value, i, item) {
		text = text_of(item, arena);
		if (text != NULL)
			add_split(&list, text, arena);
	}
	return list;
}

const char *exchange_show(const json_t *value, struct arena *arena)
{
	char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	struct str text = json_is_string(value) ? str_of(json_string_value(value)) : str_of(dump);
	size_t n = text.n;
	const char *shown;

	if (n > SHOWN) /* not in the middle of a character */
		for (n = SHOWN; n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80;)
			n--;
	shown = arena_format(
		arena, "%.*s%s", (int)n, text.p != NULL ? text.p : "", n < text.n ? "..." : "");
	free(dump);
	return shown;
}

bool exchange_address_space(struct str *text)
{
	size_t colon = str_find(*text, ':', 0);

	if (colon < text->n) {
		if (!str_is_nocase(str_part(*text, 0, colon), "smtp"))
			return false;
		*text = str_part(*text, colon + 1, text->n);
	}
	*text = str_trim(str_part(*text, 0, str_find(*text, ';', 0)));
	return true;
}

const char *exchange_certificate_name(const char *text, struct arena *arena, bool *ret_is_subject)
{
	const char *subject = strstr(text, "<S>");
	struct str rest;

	*ret_is_subject = subject != NULL;
	if (subject == NULL)
		return model_domain_name(str_trim(str_of(text)), true, arena);
	for (rest = str_of(subject + 3); rest.n > 0;) {
		struct str part = str_trim(str_cut(&rest, ','));
		struct str name = str_cut(&part, '=');

		if (str_is_nocase(str_trim(name), "CN"))
			return model_domain_name(str_trim(part), true, arena);
	}
	return NULL;
}

int exchange_enum(
	const json_t *value, const char *const *names, const int *numbers, bool *ret_is_number)
{
	uint64_t number = 0;

	*ret_is_number = json_is_integer(value);
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		number = (uint64_t)json_integer_value(value);
	else if (json_is_string(value) && str_to_u64(str_of(json_string_value(value)), &number))
		*ret_is_number = true;
	for (int i = 0; names[i] != NULL; i++) {
		if (*ret_is_number && numbers != NULL && numbers[i] >= 0 &&
			(uint64_t)numbers[i] == number)
			return i;
		if (json_is_string(value) &&
			str_is_nocase(str_of(json_string_value(value)), names[i]))
			return i;
	}
	return -1;
}
