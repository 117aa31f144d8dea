/* Tokens of programs that use the API. */
#include "base/moment.h"
#include "cli/verb.h"

#include <string.h>

static void print_tokens(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"ID", "LABEL", "ROLE", "ORGANISATIONS", "ADDED BY", "EXPIRES"};
	struct cli_table table;
	const json_t *token;
	size_t i;

	if (json_array_size(items) == 0) {
		cli_print(cli, "There are no tokens.\n");
		return;
	}
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, token) {
		const char *organisations =
			cli_join(cli, json_object_get(token, "organisations"), ", ");
		int64_t expires = cli_moment_ms(token, "expires");
		const char *end = expires == 0 ? "never" : cli_moment(cli, token, "expires");

		cli_table_row(
			&table, (const char *[]){cli_text(cli, token, "id"),
					cli_text(cli, token, "label"), cli_text(cli, token, "role"),
					organisations[0] != '\0' ? organisations : "all",
					cli_text(cli, token, "created_by"),
					expires != 0 && expires <= cli->now_ms
						? arena_format(cli->arena, "%s (over)", end)
						: end});
	}
	cli_table_print(cli, &table);
}

int cli_run_token_list(struct cli *cli)
{
	json_t *items = NULL;
	int status = cli_get_all(cli, "/v1/tokens", 0, &items);

	if (status == CLI_OK)
		cli_show(cli, items, print_tokens);
	json_decref(items);
	return status;
}

/* A moment, or so long from now. */
static int take_expires(struct cli *cli, json_t *body)
{
	struct str s = str_of(cli_option(cli, "expires"));
	char text[MOMENT_TEXT_SIZE];
	int64_t at;

	if (s.p == NULL)
		return CLI_OK;
	if (moment_parse_duration(s, &at))
		at += cli->now_ms;
	else if (!moment_parse_rfc3339(s, &at))
		return cli_usage(cli, "--expires: expected 2027-01-01 or 90d, found \"%s\"", s.p);
	moment_format_rfc3339(at, text);
	json_object_set_new(body, "expires", json_string(text));
	return CLI_OK;
}

static void print_token(struct cli *cli, const json_t *token)
{
	cli_print(cli, "%s\n", cli_text(cli, token, "token"));
	fprintf(cli->err, "Keep it: it is not shown again. Its id is %s.\n",
		cli_text(cli, token, "id"));
}

int cli_run_token_add(struct cli *cli)
{
	struct cli_answer answer = {0};
	json_t *body = json_object();
	int status = cli_text_property(cli, body, "label", cli->words[0]);

	if (status == CLI_OK && cli_option(cli, "role") == NULL)
		status = cli_usage(cli, "say with --role what the token is for");
	if (status == CLI_OK)
		status = cli_rights(cli, body);
	if (status == CLI_OK)
		status = take_expires(cli, body);
	if (status == CLI_OK)
		status = cli_ask(cli,
			&(struct cli_call){.method = "POST", .path = "/v1/tokens", .body = body},
			&answer);
	if (status == CLI_OK)
		cli_show(cli, answer.json, print_token);
	json_decref(answer.json);
	json_decref(body);
	return status;
}

int cli_run_token_remove(struct cli *cli)
{
	int status = CLI_OK;

	for (size_t i = 0; i < cli->word_count && status == CLI_OK; i++) {
		struct cli_answer answer = {0};
		struct cli_call call = {.method = "DELETE",
			.path = arena_format(
				cli->arena, "/v1/tokens/%s", cli_escape(cli, cli->words[i]))};

		status = cli_ask(cli, &call, &answer);
		json_decref(answer.json);
		if (status == CLI_OK && !cli_has(cli, "json"))
			cli_print(cli, "Removed: %s\n", cli->words[i]);
	}
	return status;
}
