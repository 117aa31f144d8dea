#include "core/account/audit.h"
#include "base/moment.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STRING = 512, MAX_LIST = 4096, DUMP = JSON_COMPACT | JSON_SORT_KEYS };

const char account_audit_start[ACCOUNT_AUDIT_HASH] =
	"0000000000000000000000000000000000000000000000000000000000000000";

static json_t *text_json(const char *text)
{
	json_t *json = text != NULL ? json_string(text) : NULL;

	return json != NULL ? json : json_null();
}

static json_t *value_json(const char *text)
{
	json_t *json = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	/* What cannot be read is shown as it stands: somebody has changed it. */
	return json != NULL ? json : text_json(text);
}

json_t *account_entry_json(const struct account_entry *e)
{
	char at[MOMENT_TEXT_SIZE];
	json_t *json;

	moment_format_rfc3339(e->at_ms, at);
	json = json_pack("{s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", (json_int_t)e->id,
		"at", at, "actor", text_json(e->actor), "via", text_json(e->via), "address",
		text_json(e->address), "action", text_json(e->action), "object",
		text_json(e->object), "organisation", text_json(e->organisation), "before",
		value_json(e->before), "after", value_json(e->after), "result",
		text_json(e->result));
	if (e->hash != NULL)
		json_object_set_new(json, "hash", text_json(e->hash));
	return json;
}

const char *account_entry_text(const struct account_entry *entry, struct arena *arena)
{
	struct account_entry bare = *entry;
	json_t *json;
	char *dump;
	const char *text;

	bare.hash = NULL;
	json = account_entry_json(&bare);
	dump = json_dumps(json, DUMP);
	text = arena_text(arena, dump != NULL ? dump : "");
	free(dump);
	json_decref(json);
	return text;
}

void account_entry_hash(const struct account_entry *entry, const char *previous,
	account_sha256 *sha256, char ret[ACCOUNT_AUDIT_HASH])
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const char *text = account_entry_text(entry, arena);

	sha256(str_of(arena_format(arena, "%s\n%s", previous, text)), ret);
}

/* ---- values -----------------------------------------------------------------------------------
 */

static json_t *digest_of(struct str bytes, account_sha256 *sha256)
{
	char hash[ACCOUNT_AUDIT_HASH];

	sha256(bytes, hash);
	return json_pack("{s:s,s:I}", "sha256", hash, "bytes", (json_int_t)bytes.n);
}

static json_t *digest_of_dump(const json_t *json, size_t most, account_sha256 *sha256)
{
	char *dump = json_dumps(json, DUMP | JSON_ENCODE_ANY);
	size_t n = dump != NULL ? strlen(dump) : 0;
	json_t *digest = n > most ? digest_of(str_make(dump, n), sha256) : NULL;

	free(dump);
	return digest;
}

/* A copy in which what is long is a digest. */
static json_t *shortened(const json_t *json, account_sha256 *sha256)
{
	const char *key;
	json_t *item, *copy;
	size_t i;

	if (json_is_string(json)) {
		struct str s = str_make(json_string_value(json), json_string_length(json));

		return s.n > MAX_STRING ? digest_of(s, sha256) : json_stringn(s.p, s.n);
	}
	if (json_is_array(json)) {
		copy = digest_of_dump(json, MAX_LIST, sha256);
		if (copy != NULL)
			return copy;
		copy = json_array();
		json_array_foreach (json, i, item)
			json_array_append_new(copy, shortened(item, sha256));
		return copy;
	}
	if (json_is_object(json)) {
		copy = json_object();
		json_object_foreach ((json_t *)json, key, item)
			json_object_set_new(copy, key, shortened(item, sha256));
		return copy;
	}
	return json_deep_copy(json);
}

const char *account_entry_value(const json_t *value, account_sha256 *sha256, struct arena *arena)
{
	json_t *copy, *digest;
	const char *text;
	char *dump;

	if (value == NULL || json_is_null(value))
		return NULL;
	copy = shortened(value, sha256);
	digest = digest_of_dump(copy, ACCOUNT_AUDIT_VALUE, sha256);
	dump = json_dumps(digest != NULL ? digest : copy, DUMP | JSON_ENCODE_ANY);
	text = arena_text(arena, dump);
	free(dump);
	json_decref(digest);
	json_decref(copy);
	return text;
}

/* ---- ownership, limits ------------------------------------------------------------------------
 */

void account_entry_own(struct account_entry *e, struct arena *arena)
{
	const char **const texts[] = {&e->actor, &e->via, &e->address, &e->action, &e->object,
		&e->organisation, &e->before, &e->after, &e->result, &e->hash};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = arena_text(arena, *texts[i]);
}

static enum err check_text(
	const char *name, const char *text, bool is_needed, size_t most, struct err_info *info)
{
	if (text == NULL || text[0] == '\0')
		return is_needed ? err_set(info, ERR_SYNTAX, "%s: expected a text", name) : ERR_OK;
	if (strlen(text) > most)
		return err_set(info, ERR_TOO_LONG, "%s: expected at most %zu bytes", name, most);
	return str_is_utf8(str_of(text)) ? ERR_OK
					 : err_set(info, ERR_SYNTAX, "%s: expected UTF-8", name);
}

enum err account_entry_check(const struct account_entry *e, struct err_info *info)
{
	const struct {
		const char *name, *text;
		bool is_needed;
		size_t most;
	} rows[] = {
		{"actor", e->actor, true, ACCOUNT_AUDIT_TEXT},
		{"via", e->via, true, ACCOUNT_AUDIT_TEXT},
		{"address", e->address, false, ACCOUNT_AUDIT_TEXT},
		{"action", e->action, true, ACCOUNT_AUDIT_TEXT},
		{"object", e->object, false, ACCOUNT_AUDIT_TEXT},
		{"organisation", e->organisation, false, ACCOUNT_AUDIT_TEXT},
		{"before", e->before, false, ACCOUNT_AUDIT_VALUE},
		{"after", e->after, false, ACCOUNT_AUDIT_VALUE},
		{"result", e->result, true, ACCOUNT_AUDIT_TEXT},
	};
	enum err result = ERR_OK;

	for (size_t i = 0; result == ERR_OK && i < ARRAY_LENGTH(rows); i++)
		result = check_text(
			rows[i].name, rows[i].text, rows[i].is_needed, rows[i].most, info);
	return result;
}
