/* The queue: what waits, for what, and what to do about it. */
#include "base/moment.h"
#include "cli/verb.h"

#include <string.h>

static const char *const filter_keys[] = {
	"id", "route", "domain", "connector", "sender", "recipient", "state"};

static const char *age(struct cli *cli, const json_t *object, const char *key)
{
	int64_t at = cli_moment_ms(object, key);
	char text[MOMENT_TEXT_SIZE];

	if (at == 0)
		return "-";
	moment_format_span(cli->now_ms > at ? cli->now_ms - at : 0, text);
	return arena_text(cli->arena, text);
}

static const char *due(struct cli *cli, const json_t *object, const char *key)
{
	int64_t at = cli_moment_ms(object, key);
	char text[MOMENT_TEXT_SIZE];

	if (at == 0)
		return "-";
	if (at <= cli->now_ms)
		return "now";
	moment_format_span(at - cli->now_ms, text);
	return arena_format(cli->arena, "in %s", text);
}

static void print_summary(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NEXT HOP", "MESSAGES", "RECIPIENTS", "OLDEST",
		"NEXT ATTEMPT", "STATE", "LAST ERROR"};
	struct cli_table table;
	const json_t *d;
	size_t i;

	if (json_array_size(json_object_get(answer, "destinations")) == 0)
		cli_print(cli, "The queue is empty.\n");
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "destinations"), i, d)
		cli_table_row(&table,
			(const char *[]){cli_text(cli, d, "route"), cli_text(cli, d, "messages"),
				cli_text(cli, d, "recipients"), age(cli, d, "oldest"),
				due(cli, d, "next_attempt"), cli_text(cli, d, "state"),
				cli_text(cli, d, "last_error")});
	if (table.count > 0)
		cli_table_print(cli, &table);
}

int cli_run_queue_summary(struct cli *cli)
{
	return cli_get_shown(cli, "/v1/queue/summary", print_summary);
}

static const char *recipients_text(struct cli *cli, const json_t *item)
{
	const json_t *list = json_object_get(item, "recipients");
	const char *first = cli_text(cli, json_array_get(list, 0), "address");
	size_t count = json_array_size(list);

	return count <= 1 ? first : arena_format(cli->arena, "%s and %zu more", first, count - 1);
}

static void list_items(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"ID", "AGE", "SIZE", "FROM", "TO", "STATE", "NEXT ATTEMPT", "LAST RESULT"};
	struct cli_table table;
	const json_t *item;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, item) {
		const json_t *first = json_array_get(json_object_get(item, "recipients"), 0);
		const char *sender = cli_text(cli, item, "sender");
		const char *last = cli_text(cli, first, "last_text");

		cli_table_row(&table,
			(const char *[]){cli_text(cli, item, "id"), age(cli, item, "received"),
				cli_size(cli, cli_number(item, "size")),
				sender[0] != '\0' ? sender : "<>", recipients_text(cli, item),
				cli_text(cli, first, "state"), due(cli, first, "next_attempt"),
				last[0] != '\0' ? last : cli_text(cli, first, "last_token")});
	}
	cli_table_print(cli, &table);
}

static const char *filter_path(struct cli *cli, const char *path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(filter_keys); i++)
		path = cli_query(cli, path, filter_keys[i], cli_option(cli, filter_keys[i]));
	return path;
}

int cli_run_queue_list(struct cli *cli)
{
	json_t *items = NULL;
	size_t limit = 0;
	int status = cli_limit(cli, 100, &limit);

	if (status == CLI_OK)
		status = cli_get_all(cli, filter_path(cli, "/v1/queue"), limit, &items);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, items);
	else if (json_array_size(items) == 0)
		cli_print(cli, "No message in the queue matches.\n");
	else
		list_items(cli, items);
	json_decref(items);
	return CLI_OK;
}

static void show_recipients(struct cli *cli, const json_t *item)
{
	static const char *const heads[] = {
		"RECIPIENT", "STATE", "NEXT HOP", "ATTEMPTS", "NEXT ATTEMPT", "LAST RESULT"};
	struct cli_table table;
	const json_t *r;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(item, "recipients"), i, r) {
		const char *last = cli_text(cli, r, "last_text");

		cli_table_row(
			&table, (const char *[]){cli_text(cli, r, "address"),
					cli_text(cli, r, "state"), cli_text(cli, r, "route"),
					cli_text(cli, r, "attempts"), due(cli, r, "next_attempt"),
					last[0] != '\0' ? last : cli_text(cli, r, "last_token")});
	}
	cli_table_print(cli, &table);
}

int cli_run_queue_show(struct cli *cli)
{
	json_t *item = NULL, *trace = NULL;
	const char *id = cli_escape(cli, cli->words[0]);
	int status = cli_get(cli, arena_format(cli->arena, "/v1/queue/%s", id), &item);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, item);
		json_decref(item);
		return CLI_OK;
	}
	show_recipients(cli, item);
	cli_print(cli, "\n");
	status = cli_get(cli, arena_format(cli->arena, "/v1/trace/%s", id), &trace);
	if (status == CLI_OK)
		cli_print_story(cli, trace);
	json_decref(trace);
	json_decref(item);
	return status;
}

/* ---- hold, release, retry, delete, return ---------------------------------------------------- */

static int build_filter(struct cli *cli, json_t **ret)
{
	json_t *filter = json_object();

	for (size_t i = 0; i < ARRAY_LENGTH(filter_keys); i++)
		if (cli_option(cli, filter_keys[i]) != NULL)
			json_object_set_new(filter, filter_keys[i],
				json_string(cli_option(cli, filter_keys[i])));
	if (cli->word_count > 0)
		json_object_set_new(filter, "id", json_string(cli->words[0]));
	if (cli_has(cli, "all"))
		json_object_set_new(filter, "all", json_true());
	if (json_object_size(filter) == 0) {
		json_decref(filter);
		return cli_usage(cli, "say which messages: an id, a filter, or --all");
	}
	*ret = filter;
	return CLI_OK;
}

/* Show how many messages it is about, and ask, when it is more than one. */
static int confirm(struct cli *cli, const char *action, bool *ret_go)
{
	const char *path = filter_path(cli, "/v1/queue");
	json_t *items = NULL;
	size_t count;
	int status = cli_get_all(cli, path, 0, &items);

	*ret_go = false;
	if (status != CLI_OK)
		return status;
	count = json_array_size(items);
	json_decref(items);
	if (count == 0)
		return cli_fail(cli, CLI_FAILED, "no message in the queue matches");
	if (count > 1 && !cli->interactive)
		return cli_fail(cli, CLI_FAILED, "%zu messages match; say --yes to %s them all",
			count, action);
	*ret_go = count == 1 ||
		  cli_confirm(cli, arena_format(cli->arena, "%s %zu messages?", action, count));
	return *ret_go ? CLI_OK : cli_fail(cli, CLI_FAILED, "nothing was done");
}

int cli_run_queue_act(struct cli *cli)
{
	const char *action = strchr(cli->verb->name, ' ') + 1;
	const char *path = arena_format(cli->arena, "/v1/queue/%s", action);
	struct cli_answer answer = {0};
	json_t *filter = NULL, *body;
	bool go = true;
	int status = build_filter(cli, &filter);

	if (status == CLI_OK && cli->word_count == 0 && !cli_has(cli, "yes"))
		status = confirm(cli, action, &go);
	if (status != CLI_OK) {
		json_decref(filter);
		return status;
	}
	body = json_pack("{s:o}", "filter", filter);
	status = cli_ask(
		cli, &(struct cli_call){.method = "POST", .path = path, .body = body}, &answer);
	json_decref(body);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, answer.json);
	else
		cli_print(cli, "%s: %s message(s), %s recipient(s)\n", action,
			cli_text(cli, answer.json, "messages"),
			cli_text(cli, answer.json, "recipients"));
	if (cli_number(answer.json, "recipients") == 0 && cli_number(answer.json, "messages") == 0)
		status = cli_fail(cli, CLI_FAILED, "no message in the queue matches");
	json_decref(answer.json);
	return status;
}
