#include "process/admin/page.h"

#include "port/secret/secret.h"

#include <stdlib.h>
#include <string.h>

enum { CHECK = 8 };

/* ---- cursors --------------------------------------------------------------------------------- */

static const char *outer(struct admin_call *call, const char *plain)
{
	char digest[ACCOUNT_AUDIT_HASH];

	secret_sha256(
		str_of(arena_format(call->arena, "%s\n%s", call->route->pattern, plain)), digest);
	return arena_format(call->arena, "%.*s%s", CHECK, digest, plain);
}

bool admin_page_take(struct admin_call *call)
{
	const char *text = admin_query(call, "cursor");

	if (!call->route->pages || text == NULL)
		return true;
	if (strlen(text) <= CHECK || !str_is_utf8(str_of(text)) ||
		strcmp(outer(call, text + CHECK), text) != 0) {
		admin_problem_at(call, 400, NULL, "cursor",
			"cursor: expected what \"next\" of an earlier page says");
		return false;
	}
	call->cursor = text + CHECK;
	return true;
}

const char *admin_page_cursor(const struct admin_call *call)
{
	return call->cursor;
}

size_t admin_page_limit(const struct admin_call *call)
{
	uint64_t value = ADMIN_PAGE_LIMIT;

	/* The shape of the query has its bounds. */
	if (!str_to_u64(str_of(admin_query(call, "limit")), &value) || value < 1 ||
		value > ADMIN_PAGE_MAX)
		return ADMIN_PAGE_LIMIT;
	return (size_t)value;
}

void admin_page_ask(const struct admin_call *call, json_t *arguments)
{
	json_object_set_new(arguments, "limit", json_integer((json_int_t)admin_page_limit(call)));
	if (call->cursor != NULL)
		json_object_set_new(arguments, "cursor", json_string(call->cursor));
}

/* ---- lists that keep their order --------------------------------------------------------------
 */

/* The number is a hint, where to look first.  Who sees a part of the list must not learn from it
 * how much there is of others. */
const char *admin_page_behind(struct admin_call *call, size_t i, const char *key)
{
	return call->is_limited ? arena_format(call->arena, "- %s", key)
				: arena_format(call->arena, "%zu %s", i, key);
}

void admin_page_gone(struct admin_call *call)
{
	admin_problem_at(call, 409, NULL, "cursor",
		"cursor: what it names is not there any more: begin again");
}

bool admin_page_begin(struct admin_call *call, const void *list, size_t count, admin_page_key *key,
	size_t *ret_from)
{
	struct str rest = str_of(call->cursor), hint;
	uint64_t at = 0;
	size_t i = 0;

	*ret_from = 0;
	if (call->cursor == NULL)
		return true;
	hint = str_cut(&rest, ' ');
	if (str_to_u64(hint, &at) && at < count && str_is(rest, key(call, list, (size_t)at))) {
		*ret_from = (size_t)at + 1;
		return true;
	}
	while (i < count && !str_is(rest, key(call, list, i)))
		i++;
	if (i == count) {
		admin_page_gone(call);
		return false;
	}
	*ret_from = i + 1;
	return true;
}

/* ---- cut out of an answer with all items -------------------------------------------------------
 */

/* Its members of these names, with line feeds between. */
static const char *key_of(struct admin_call *call, const json_t *item)
{
	struct str rest = str_of(call->route->page_key);
	const char *key = "";

	while (rest.n > 0) {
		const json_t *member =
			json_object_get(item, arena_text_of(call->arena, str_cut(&rest, ' ')));
		const char *text = json_string_value(member);

		if (json_is_integer(member))
			text = arena_format(
				call->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(member));
		key = arena_format(call->arena, "%s%s%s", key, key[0] != '\0' ? "\n" : "",
			text != NULL ? text : "");
	}
	return key;
}

struct row {
	const char *key;
	json_t *item;
};

static const char *row_key(struct admin_call *call, const void *list, size_t i)
{
	const struct row *rows = list;

	(void)call;
	return rows[i].key;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

/* False: answered. */
static bool find_begin(struct admin_call *call, struct row *rows, size_t count, size_t *ret_from)
{
	if (!call->route->page_sorted)
		return admin_page_begin(call, rows, count, row_key, ret_from);
	if (count > 0)
		qsort(rows, count, sizeof(*rows), by_key);
	for (*ret_from = 0; call->cursor != NULL && *ret_from < count; ++*ret_from)
		if (strcmp(rows[*ret_from].key, call->cursor) > 0)
			break;
	return true;
}

/* False: answered. */
static bool cut(struct admin_call *call, json_t *answer)
{
	const json_t *items = json_object_get(answer, "items");
	size_t count = json_array_size(items), limit = admin_page_limit(call), from, i;
	struct row *rows = arena_array(call->arena, count + 1, sizeof(*rows));
	json_t *page, *next = json_null();

	for (i = 0; i < count; i++) {
		rows[i].item = json_array_get(items, i);
		rows[i].key = key_of(call, rows[i].item);
	}
	if (!find_begin(call, rows, count, &from))
		return false;
	page = json_array();
	for (i = from; i < count && i - from < limit; i++)
		json_array_append(page, rows[i].item);
	if (i < count)
		next = json_string(call->route->page_sorted
					   ? rows[i - 1].key
					   : admin_page_behind(call, i - 1, rows[i - 1].key));
	json_object_set_new(answer, "items", page);
	json_object_set_new(answer, "next", next);
	return true;
}

bool admin_page_turn(struct admin_call *call, json_t **answer)
{
	json_t *own = json_copy(*answer); /* the parts of it are another's, too */
	const char *next;

	json_decref(*answer);
	*answer = own;
	if (call->route->page_key != NULL && !cut(call, own))
		return false;
	next = json_string_value(json_object_get(own, "next"));
	if (next != NULL)
		json_object_set_new(own, "next", json_string(outer(call, next)));
	return true;
}
