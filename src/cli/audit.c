/* The audit log: what was changed, and the proof that nothing of it was changed since. */
#include "cli/verb.h"
#include "core/account/audit.h"
#include "port/secret/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1024 * 1024 };

static void print_list(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"ID", "WHEN (UTC)", "WHO", "VIA", "ACTION", "OBJECT", "RESULT"};
	struct cli_table table;
	const json_t *entry;
	size_t i;

	if (json_array_size(items) == 0) {
		cli_print(cli, "No entry matches.\n");
		return;
	}
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, entry) {
		const char *address = cli_text(cli, entry, "address");
		const char *via = cli_text(cli, entry, "via");

		cli_table_row(&table,
			(const char *[]){cli_text(cli, entry, "id"), cli_moment(cli, entry, "at"),
				cli_text(cli, entry, "actor"),
				address[0] != '\0' ? arena_format(cli->arena, "%s %s", via, address)
						   : via,
				cli_text(cli, entry, "action"), cli_text(cli, entry, "object"),
				cli_text(cli, entry, "result")});
	}
	cli_table_print(cli, &table);
}

/* One a line, the oldest first, as the chain goes. */
static void print_export(struct cli *cli, const json_t *items)
{
	for (size_t i = json_array_size(items); i-- > 0;) {
		json_dumpf(json_array_get(items, i), cli->out, JSON_COMPACT | JSON_SORT_KEYS);
		fputc('\n', cli->out);
	}
}

int cli_run_audit_list(struct cli *cli)
{
	static const char *const filters[] = {"actor", "action", "object", "since", "until"};
	bool exports = cli_has(cli, "export");
	const char *path = "/v1/audit";
	json_t *items = NULL;
	size_t limit = 0;
	int status = cli_limit(cli, exports ? 0 : 100, &limit);

	for (size_t i = 0; i < ARRAY_LENGTH(filters); i++) {
		if (exports && cli_has(cli, filters[i]))
			return cli_usage(
				cli, "--export takes all entries: without --%s", filters[i]);
		path = cli_query(cli, path, filters[i], cli_option(cli, filters[i]));
	}
	if (status == CLI_OK)
		status = cli_get_all(cli, path, limit, &items);
	if (status == CLI_OK && exports)
		print_export(cli, items);
	else if (status == CLI_OK)
		cli_show(cli, items, print_list);
	json_decref(items);
	return status;
}

/* ---- one entry --------------------------------------------------------------------------------
 */

/* Leaves of a value by their paths, into an object of texts. */
static void flatten(struct cli *cli, const json_t *value, const char *path, json_t *to)
{
	const char *key;
	json_t *item;
	char *text;

	if (json_is_object(value) && json_object_size(value) > 0) {
		json_object_foreach ((json_t *)value, key, item)
			flatten(cli, item,
				path[0] != '\0' ? arena_format(cli->arena, "%s.%s", path, key)
						: key,
				to);
		return;
	}
	if (value == NULL || json_is_null(value))
		return;
	text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_object_set_new(to, path, json_string(text != NULL ? text : json_string_value(value)));
	free(text);
}

static void print_value(struct cli *cli, const char *path, const char *before, const char *after)
{
	if (before != NULL)
		cli_print(cli, "%s  - %s: %s%s\n", cli_colour(cli, CLI_RED), cli_safe(cli, path),
			cli_safe(cli, before), cli_colour(cli, CLI_PLAIN));
	if (after != NULL)
		cli_print(cli, "%s  + %s: %s%s\n", cli_colour(cli, CLI_GREEN), cli_safe(cli, path),
			cli_safe(cli, after), cli_colour(cli, CLI_PLAIN));
}

static void print_difference(struct cli *cli, const json_t *entry)
{
	json_t *before = json_object(), *after = json_object(), *value;
	const char *path;

	flatten(cli, json_object_get(entry, "before"), "", before);
	flatten(cli, json_object_get(entry, "after"), "", after);
	json_object_foreach (before, path, value) {
		const char *was = json_string_value(value);
		const char *is = json_string_value(json_object_get(after, path));

		if (is == NULL || strcmp(was, is) != 0)
			print_value(cli, path, was, is);
	}
	json_object_foreach (after, path, value)
		if (json_object_get(before, path) == NULL)
			print_value(cli, path, NULL, json_string_value(value));
	json_decref(before);
	json_decref(after);
}

static void print_entry(struct cli *cli, const json_t *entry)
{
	static const struct {
		const char *label, *key;
	} rows[] = {{"Id", "id"}, {"Who", "actor"}, {"Via", "via"}, {"Address", "address"},
		{"Action", "action"}, {"Object", "object"}, {"Organisation", "organisation"},
		{"Result", "result"}, {"Hash", "hash"}};

	cli_print(cli, "%-14s%s (UTC)\n", "When", cli_moment(cli, entry, "at"));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *text = cli_text(cli, entry, rows[i].key);

		if (text[0] != '\0')
			cli_print(cli, "%-14s%s\n", rows[i].label, text);
	}
	print_difference(cli, entry);
}

int cli_run_audit_show(struct cli *cli)
{
	return cli_get_shown(cli,
		arena_format(cli->arena, "/v1/audit/%s", cli_escape(cli, cli->words[0])),
		print_entry);
}

/* ---- the proof --------------------------------------------------------------------------------
 */

/* What was found, by the server or in a file. */
static int show_verdict(struct cli *cli, const json_t *verdict)
{
	if (cli_has(cli, "json"))
		cli_print_json(cli, verdict);
	else if (json_is_true(json_object_get(verdict, "ok")))
		cli_print(cli, "%s entries, all as they were written. Hash of the last: %s\n",
			cli_text(cli, verdict, "entries"), cli_text(cli, verdict, "head"));
	if (json_is_true(json_object_get(verdict, "ok")))
		return CLI_OK;
	return cli_fail(cli, CLI_FAILED, "the audit log is broken at entry %s: %s",
		cli_text(cli, verdict, "broken_at"), cli_text(cli, verdict, "text"));
}

/* Does a line of an export continue the chain?  HASH becomes its own. */
static bool continues(json_t *entry, int64_t id, char hash[ACCOUNT_AUDIT_HASH])
{
	const char *own = json_string_value(json_object_get(entry, "hash"));
	char found[ACCOUNT_AUDIT_HASH];
	struct buf text;
	char *dump;
	bool is_it;

	if (own == NULL || cli_number(entry, "id") != id)
		return false;
	memcpy(found, own, strlen(own) < sizeof(found) ? strlen(own) + 1 : sizeof(found));
	found[sizeof(found) - 1] = '\0';
	json_object_del(entry, "hash");
	dump = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
	buf_init(&text, 2 * (size_t)MAX_LINE);
	buf_format(&text, "%s\n", hash);
	buf_put_text(&text, dump);
	secret_sha256(buf_str(&text), hash);
	is_it = !text.failed && strcmp(hash, found) == 0;
	buf_free(&text);
	free(dump);
	return is_it;
}

static json_t *verify_lines(FILE *from)
{
	char hash[ACCOUNT_AUDIT_HASH], last[ACCOUNT_AUDIT_HASH];
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int64_t id = 0;
	bool is_fine = true;

	memcpy(hash, account_audit_start, sizeof(hash));
	memcpy(last, hash, sizeof(last));
	while (is_fine && (n = getline(&line, &size, from)) > 0) {
		json_t *entry = n <= MAX_LINE
					? json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL)
					: NULL;

		is_fine = json_is_object(entry) && continues(entry, id + 1, hash);
		if (is_fine)
			memcpy(last, hash, sizeof(last));
		id += is_fine;
		json_decref(entry);
	}
	free(line);
	return json_pack("{s:b,s:I,s:s,s:o,s:s?}", "ok", is_fine, "entries", (json_int_t)id, "head",
		last, "broken_at", is_fine ? json_null() : json_integer((json_int_t)id + 1), "text",
		is_fine ? NULL
			: "it is not there, or not as it was written; or the one before it was "
			  "changed together with its hash");
}

int cli_run_audit_verify(struct cli *cli)
{
	json_t *verdict = NULL;
	FILE *from;
	int status;

	if (cli->word_count == 0) {
		status = cli_get(cli, "/v1/audit/verify", &verdict);
	} else {
		from = strcmp(cli->words[0], "-") == 0 ? stdin : fopen(cli->words[0], "re");
		if (from == NULL)
			return cli_fail(cli, CLI_FAILED, "%s: %s", cli->words[0], strerror(errno));
		verdict = verify_lines(from);
		status = ferror(from) ? cli_fail(cli, CLI_FAILED, "%s: %s", cli->words[0],
						strerror(errno))
				      : CLI_OK;
		if (from != stdin)
			fclose(from);
	}
	if (status == CLI_OK)
		status = show_verdict(cli, verdict);
	json_decref(verdict);
	return status;
}
