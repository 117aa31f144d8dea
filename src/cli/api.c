/* The management API as it is: its document, and one call of it. */
#include "cli/verb.h"

#include <string.h>

/* A method, or NULL. */
static const char *method_of(const char *word)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_is_nocase(str_of(word), methods[i]))
			return methods[i];
	return NULL;
}

/* What may stand in the first line of a request. */
static bool is_path(const char *path)
{
	for (const char *p = path; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return path[0] == '/';
}

static int read_body(struct cli *cli, json_t **ret)
{
	const char *path = cli_option(cli, "body");
	json_error_t error;
	struct str text;
	int status;

	if (path == NULL)
		return CLI_OK;
	status = cli_read_file(cli, path, &text);
	if (status != CLI_OK)
		return status;
	*ret = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (*ret == NULL)
		return cli_fail(cli, CLI_FAILED, "%s is not JSON: line %d, column %d: %s", path,
			error.line, error.column, error.text);
	return CLI_OK;
}

/* JSON is indented; anything else is printed as it came. */
static int call(struct cli *cli, const struct cli_call *question)
{
	struct str text;
	int status = cli_ask_text(cli, question, &text);
	json_t *json;

	if (status != CLI_OK)
		return status;
	json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (json != NULL)
		cli_print_json(cli, json);
	else
		cli_print(cli, "%.*s", STR_ARGS(text));
	json_decref(json);
	return CLI_OK;
}

int cli_run_api(struct cli *cli)
{
	struct cli_call question = {.method = "GET", .path = "/v1/openapi.json"};
	json_t *body = NULL;
	int status;

	if (cli_has(cli, "openapi") && cli->word_count > 0)
		return cli_usage(
			cli, "--openapi prints the document: METHOD and PATH do not go with it");
	if (cli->word_count == 1)
		return cli_usage(cli, "expected METHOD and PATH");
	if (cli->word_count == 2) {
		question.method = method_of(cli->words[0]);
		question.path = cli->words[1];
	}
	if (question.method == NULL)
		return cli_usage(
			cli, "%s: expected GET, POST, PUT, PATCH or DELETE", cli->words[0]);
	if (!is_path(question.path))
		return cli_usage(cli, "%s: expected a path such as /v1/status, percent-encoded",
			question.path);
	question.if_match = cli_option(cli, "if-match");
	status = read_body(cli, &body);
	question.body = body;
	if (status == CLI_OK)
		status = call(cli, &question);
	json_decref(body);
	return status;
}
