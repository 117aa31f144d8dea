/* What a receipt says of a connection, as far as it is counted and searched. */
#include "port/store/trace_inside.h"

#include <string.h>

/* The texts of a receipt that matter. */
enum { DIRECTION, ATTEMPT, REQUIRED, GOT, HOST, ADDRESS, VERSION, CIPHER, GROUP, KEYS };
static const char *const keys[KEYS] = {"direction", "attempt", "required", "got", "host",
	"peer_address", "version", "cipher", "group"};

static int key_of(struct str name)
{
	for (int i = 0; i < KEYS; i++)
		if (str_equal(name, str_of(keys[i])))
			return i;
	return KEYS;
}

/* The string that begins at *AT, which moves behind it; false: it has no end, or escapes. */
static bool take_string(struct str text, size_t *at, struct str *ret)
{
	size_t from = ++*at;

	while (*at < text.n && text.p[*at] != '"' && text.p[*at] != '\\')
		++*at;
	if (*at == text.n || text.p[*at] == '\\')
		return false;
	*ret = str_part(text, from, *at);
	++*at;
	return true;
}

/* Behind a string whatever is in it. */
static void pass_string(struct str text, size_t *at)
{
	for (++*at; *at < text.n && text.p[*at] != '"'; ++*at)
		if (text.p[*at] == '\\')
			++*at;
	++*at;
}

/*
 * Receipts are long, there are many, and most of one is of no interest here: they are read without
 * a tree.  False: its top level has escapes, or it is not as store_receipt_text() makes it.
 */
static bool scan(struct str text, struct arena *arena, const char *ret[KEYS])
{
	struct str name = {0}, value;
	int depth = 0, key = KEYS;

	for (size_t i = 0; i < text.n;) {
		char c = text.p[i];

		if (c == '"' && depth > 1) {
			pass_string(text, &i);
			continue;
		}
		if (c == '"') {
			if (!take_string(text, &i, key < KEYS ? &value : &name))
				return false;
			if (key < KEYS)
				ret[key] = arena_text_of(arena, value);
			key = key == KEYS && i < text.n && text.p[i] == ':' ? key_of(name) : KEYS;
			continue;
		}
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		key = c == ':' ? key : KEYS;
		i++;
	}
	return depth == 0;
}

static void parse(const char *text, struct arena *arena, const char *ret[KEYS])
{
	json_t *json = json_loads(text, 0, NULL);

	for (int i = 0; i < KEYS; i++)
		ret[i] = arena_text(arena, json_string_value(json_object_get(json, keys[i])));
	json_decref(json);
}

static bool is(const char *text, const char *value)
{
	return text != NULL && strcmp(text, value) == 0;
}

void store_trace_hop_read(const char *text, struct arena *arena, struct store_trace_hop *ret)
{
	const char *t[KEYS] = {0};

	if (text != NULL && !scan(str_of(text), arena, t))
		parse(text, arena, t);
	*ret = (struct store_trace_hop){.is_there = text != NULL,
		.is_out = is(t[DIRECTION], "out"),
		.is_local = is(t[ATTEMPT], "local"),
		.is_clear = t[VERSION] == NULL && t[ADDRESS] != NULL && !is(t[ATTEMPT], "none"),
		.is_required = t[REQUIRED] != NULL && !is(t[REQUIRED], "none"),
		.is_verified = is(t[GOT], "chain") || is(t[GOT], "name"),
		.host = t[HOST],
		.address = t[ADDRESS],
		.version = t[VERSION],
		.cipher = t[CIPHER],
		.group = t[GROUP]};
}

bool store_trace_is_out(const char *kind)
{
	static const char *const kinds[] = {
		"delivered", "relayed", "deferred", "failed", "expired", "returned"};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kind != NULL && strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static enum err find_receipt(
	struct store_db *db, int64_t key, struct arena *arena, const char **ret_text)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_RECEIPT);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		*ret_text = store_db_text_copy(s, 0, arena);
	sqlite3_reset(s);
	return e;
}

/* What came in is remembered for the recipients that follow. */
enum err store_trace_hop_of(struct store_db *db, const struct store_event *event, int64_t key,
	struct store_trace_counting *counting, const struct store_trace_hop **ret)
{
	const char *text = event->receipt;
	bool is_in = !store_trace_is_out(event->wire.kind);
	enum err e = ERR_OK;

	*ret = &counting->hop;
	if (text == NULL && is_in && counting->key == key && key != 0)
		return ERR_OK;
	arena_clear(counting->arena);
	counting->key = 0;
	if (text == NULL && is_in)
		e = find_receipt(db, key, counting->arena, &text);
	if (e != ERR_OK)
		return e;
	store_trace_hop_read(text, counting->arena, &counting->hop);
	counting->key = is_in && !counting->hop.is_out ? key : 0;
	return ERR_OK;
}
