/* Finding messages in the trace. */
#include "base/moment.h"
#include "cli/verb.h"
#include "core/wire/wire.h"

#include <string.h>

int cli_moment_option(struct cli *cli, const char *name, const char **ret)
{
	const char *text = cli_option(cli, name);
	char moment[MOMENT_TEXT_SIZE];
	int64_t value;

	*ret = NULL;
	if (text == NULL)
		return CLI_OK;
	if (!moment_parse_rfc3339(str_of(text), &value)) {
		if (!moment_parse_duration(str_of(text), &value))
			return cli_usage(cli,
				"--%s: expected a time such as 2026-11-21T20:00Z or 2h, found "
				"\"%s\"",
				name, text);
		value = cli->now_ms - value;
	}
	moment_format_rfc3339(value, moment);
	*ret = arena_text(cli->arena, moment);
	return CLI_OK;
}

static int build_path(struct cli *cli, const char *address, const char **ret)
{
	static const char *const options[][2] = {
		{"from", "sender"},
		{"to", "recipient"},
		{"message-id", "message_id"},
		{"id", "id"},
		{"connector", "connector"},
		{"outcome", "outcome"},
		{"tls", "tls"},
		{"host", "host"},
		{"subject", "subject"},
	};
	const char *path = cli_query(cli, "/v1/trace", "address", address);
	const char *since, *until;
	int status = cli_moment_option(cli, "since", &since);

	if (status == CLI_OK)
		status = cli_moment_option(cli, "until", &until);
	if (status != CLI_OK)
		return status;
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++)
		path = cli_query(cli, path, options[i][1], cli_option(cli, options[i][0]));
	path = cli_query(cli, path, "since", since);
	*ret = cli_query(cli, path, "until", until);
	return CLI_OK;
}

static void list_items(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"ID", "TIME (UTC)", "FROM", "TO", "LAST", "TLS", "WHAT WAS SAID"};
	struct cli_table table;
	const json_t *item;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, item) {
		const json_t *last = json_object_get(item, "last");
		const json_t *receipt = json_object_get(last, "receipt");
		const json_t *to = json_object_get(item, "recipients");
		const char *sender = cli_text(cli, item, "sender");
		const char *first = cli_safe(cli, json_string_value(json_array_get(to, 0)));

		if (json_array_size(to) > 1)
			first = arena_format(
				cli->arena, "%s and %zu more", first, json_array_size(to) - 1);
		cli_table_row(&table,
			(const char *[]){cli_text(cli, item, "id"), cli_moment(cli, item, "at"),
				sender[0] != '\0' ? sender : "<>", first,
				cli_text(cli, last, "kind"), cli_text(cli, receipt, "version"),
				cli_text(cli, last, "text")});
	}
	cli_table_print(cli, &table);
}

/* Add what is not there yet. */
static void merge(json_t *items, const json_t *more)
{
	const json_t *item, *known;
	size_t i, j;

	json_array_foreach (more, i, item) {
		bool there = false;

		json_array_foreach (items, j, known)
			there = there || json_equal(known, item);
		if (!there)
			json_array_append(items, (json_t *)item);
	}
}

static int search(struct cli *cli, size_t limit, json_t *items)
{
	size_t rounds = cli->word_count > 0 ? cli->word_count : 1;

	for (size_t i = 0; i < rounds; i++) {
		const char *path;
		json_t *found = NULL;
		int status = build_path(cli, cli->word_count > 0 ? cli->words[i] : NULL, &path);

		if (status == CLI_OK)
			status = cli_get_all(cli, path, limit, &found);
		if (status != CLI_OK)
			return status;
		if (rounds == 1)
			json_array_extend(items, found);
		else
			merge(items, found);
		json_decref(found);
	}
	return CLI_OK;
}

/* The page that can be handed on. */
static int show_evidence(struct cli *cli, const char *id)
{
	const char *name = cli_option(cli, "format");
	const char *path = arena_format(cli->arena, "/v1/trace/%s/evidence", cli_escape(cli, id));
	json_t *page = NULL;
	const json_t *text;
	int status;

	path = cli_query(cli, cli_query(cli, path, "wrapped", "true"), "format", name);
	status = cli_get(cli, path, &page);
	text = json_object_get(page, "text");
	if (status == CLI_OK && cli_has(cli, "json"))
		cli_print_json(cli, page);
	else if (status == CLI_OK)
		status = cli_write_output(
			cli, str_make(json_string_value(text), json_string_length(text)));
	json_decref(page);
	return status;
}

static int show(struct cli *cli, const char *id)
{
	if (cli_has(cli, "evidence"))
		return show_evidence(cli, id);
	return cli_get_shown(cli, arena_format(cli->arena, "/v1/trace/%s", cli_escape(cli, id)),
		cli_print_story);
}

int cli_run_trace(struct cli *cli)
{
	json_t *items;
	size_t limit = 0;
	int64_t id;
	int status = cli_limit(cli, 100, &limit);

	if (status != CLI_OK)
		return status;
	/* "trace show ID" is "trace ID". */
	if (cli->word_count == 2 && strcmp(cli->words[0], "show") == 0) {
		cli->words[0] = cli->words[1];
		cli->word_count = 1;
	}
	if (cli->word_count == 1 && wire_id_parse(str_of(cli->words[0]), &id))
		return show(cli, cli->words[0]);
	if (cli_has(cli, "evidence"))
		return cli_usage(cli, "--evidence: expected the id of one message");
	items = json_array();
	status = search(cli, limit, items);
	if (status == CLI_OK && cli_has(cli, "json"))
		cli_print_json(cli, items);
	else if (status == CLI_OK && json_array_size(items) == 0)
		cli_print(cli, "No message matches.\n");
	else if (status == CLI_OK)
		list_items(cli, items);
	json_decref(items);
	return status;
}
