/* Answers to ACME's challenges: what the hooks for ACME clients (packaging/acme) call. */
#include "cli/verb.h"

#include <string.h>

static int list(struct cli *cli)
{
	static const char *const heads[] = {"TOKEN", "ANSWER"};
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *item;
	size_t i;
	int status = cli_get_pages(cli, "/v1/acme-challenges", 0, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, json_object_get(answer, "items"));
	} else {
		cli_table_init(&table, heads, ARRAY_LENGTH(heads));
		json_array_foreach (json_object_get(answer, "items"), i, item)
			cli_table_row(&table, (const char *[]){cli_text(cli, item, "token"),
						      cli_text(cli, item, "answer")});
		cli_table_print(cli, &table);
	}
	json_decref(answer);
	return CLI_OK;
}

static int change(struct cli *cli, const struct cli_call *call, const char *done)
{
	struct cli_answer answer = {0};
	int status = cli_ask(cli, call, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, answer.json);
	else
		cli_print(cli, "%s: %s\n", done, cli->words[1]);
	json_decref(answer.json);
	return CLI_OK;
}

static int add(struct cli *cli)
{
	json_t *body = json_pack("{s:s, s:s}", "token", cli->words[1], "answer", cli->words[2]);
	int status;

	if (body == NULL)
		return cli_usage(cli, "token and answer are text");
	status = change(cli,
		&(struct cli_call){.method = "POST", .path = "/v1/acme-challenges", .body = body},
		"Published");
	json_decref(body);
	return status;
}

static int withdraw(struct cli *cli)
{
	return change(cli,
		&(struct cli_call){.method = "DELETE",
			.path = arena_format(cli->arena, "/v1/acme-challenges/%s",
				cli_escape(cli, cli->words[1]))},
		"Withdrawn");
}

int cli_run_cert_challenge(struct cli *cli)
{
	static const struct {
		const char *name;
		size_t words;
		int (*run)(struct cli *cli);
	} actions[] = {{"add", 3, add}, {"remove", 2, withdraw}, {"list", 1, list}};

	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
		if (strcmp(cli->words[0], actions[i].name) == 0 &&
			cli->word_count == actions[i].words)
			return actions[i].run(cli);
	return cli_usage(cli, "expected add TOKEN ANSWER, remove TOKEN, or list");
}
