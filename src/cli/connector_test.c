/* Trying out a connector: what is told step by step, as it comes. */
#include "cli/verb.h"

#include <string.h>

/* What the lines amount to. */
struct outcome {
	bool is_ok, has_end;
};

static enum cli_colour colour_of(const char *result)
{
	if (strcmp(result, "ok") == 0)
		return CLI_GREEN;
	if (strcmp(result, "failed") == 0)
		return CLI_RED;
	return strcmp(result, "note") == 0 ? CLI_YELLOW : CLI_DIM;
}

static void detail(struct cli *cli, const json_t *step, const char *key, const char *label)
{
	const char *text = cli_text(cli, step, key);

	if (text[0] != '\0')
		cli_print(cli, "    %s%-11s%s%s\n", cli_colour(cli, CLI_DIM), label,
			cli_colour(cli, CLI_PLAIN), text);
}

static void print_summary(struct cli *cli, const json_t *step)
{
	const char *result = cli_text(cli, step, "result");

	cli_print(cli, "%s%s%s: %s (%lld ms)\n", cli_colour(cli, colour_of(result)),
		strcmp(result, "ok") == 0 ? "Passed" : "Failed", cli_colour(cli, CLI_PLAIN),
		cli_text(cli, step, "text"), (long long)cli_number(step, "ms"));
}

static void print_step(struct cli *cli, const json_t *step)
{
	const char *result = cli_text(cli, step, "result"), *host = cli_text(cli, step, "host");
	const char *presented = cli_text(cli, step, "presented");
	const char *text = cli_text(cli, step, "text");
	bool is_good = strcmp(result, "ok") == 0;

	if (strcmp(cli_text(cli, step, "step"), "summary") == 0) {
		print_summary(cli, step);
		return;
	}
	if (strcmp(cli_text(cli, step, "step"), "connect") == 0)
		text = arena_format(cli->arena, "%s%s%s", cli_text(cli, step, "address"),
			text[0] != '\0' ? ": " : "", text);
	if (is_good && presented[0] != '\0')
		text = text[0] != '\0' ? arena_format(cli->arena, "%s (%s)", presented, text)
				       : presented;
	cli_print(cli, "%s%s%s  %s%s%s", host, host[0] != '\0' ? "  " : "",
		cli_text(cli, step, "step"), cli_colour(cli, colour_of(result)), result,
		cli_colour(cli, CLI_PLAIN));
	if (json_object_get(step, "ms") != NULL)
		cli_print(cli, "  %lld ms", (long long)cli_number(step, "ms"));
	cli_print(cli, "%s%s\n", text[0] != '\0' ? "  " : "", text);
	if (is_good)
		return;
	detail(cli, step, "expected", "expected");
	detail(cli, step, "presented", "presented");
	detail(cli, step, "remedy", "what to do");
}

static void on_line(struct cli *cli, const json_t *step, void *context)
{
	struct outcome *outcome = context;
	char *text;

	if (strcmp(cli_text(cli, step, "step"), "summary") == 0) {
		outcome->has_end = true;
		outcome->is_ok = strcmp(cli_text(cli, step, "result"), "ok") == 0;
	}
	if (cli_has(cli, "json")) {
		text = json_dumps(step, JSON_COMPACT);
		fprintf(cli->out, "%s\n", text != NULL ? text : "{}");
		free(text);
	} else {
		print_step(cli, step);
	}
	fflush(cli->out);
}

/* ---- what came of earlier ones --------------------------------------------------------------- */

static void print_test(struct cli *cli, const json_t *test)
{
	bool is_ok = json_is_true(json_object_get(test, "ok"));
	const json_t *step;
	size_t i;

	cli_print(cli, "%s%s  %s  %s%s%s  by %s\n", cli_colour(cli, CLI_BOLD),
		cli_moment(cli, test, "at"), cli_text(cli, test, "direction"),
		cli_colour(cli, is_ok ? CLI_GREEN : CLI_RED), is_ok ? "passed" : "failed",
		cli_colour(cli, CLI_PLAIN), cli_text(cli, test, "actor"));
	json_array_foreach (json_object_get(test, "steps"), i, step) {
		const char *result = cli_text(cli, step, "result");

		if (strcmp(result, "failed") == 0)
			print_step(cli, step);
	}
}

static int show_history(struct cli *cli, const char *path)
{
	json_t *answer = NULL;
	const json_t *test;
	size_t i, limit;
	int status = cli_limit(cli, 20, &limit);

	if (status == CLI_OK)
		status = cli_get_pages(cli, path, limit, &answer);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, json_object_get(answer, "items"));
	else if (json_array_size(json_object_get(answer, "items")) == 0)
		cli_print(cli, "It has not been tested yet.\n");
	else
		json_array_foreach (json_object_get(answer, "items"), i, test)
			print_test(cli, test);
	json_decref(answer);
	return CLI_OK;
}

/* ---- the question ---------------------------------------------------------------------------- */

static int take_certificate(struct cli *cli, json_t *question)
{
	const char *path = cli_option(cli, "cert");
	struct str pem = {0};
	int status;

	if (path == NULL)
		return CLI_OK;
	if (cli_has(cli, "clear"))
		return cli_usage(cli, "--cert and --clear exclude each other");
	status = cli_read_file(cli, path, &pem);
	if (status == CLI_OK)
		json_object_set_new(question, "cert_pem", json_stringn(pem.p, pem.n));
	return status;
}

static int check_flags(struct cli *cli, bool inbound)
{
	static const char *const inbound_only[] = {"cert", "ip", "clear"};

	for (size_t i = 0; i < ARRAY_LENGTH(inbound_only); i++)
		if (!inbound && cli_has(cli, inbound_only[i]))
			return cli_usage(cli, "--%s belongs to --inbound", inbound_only[i]);
	if (inbound && cli_has(cli, "send"))
		return cli_usage(cli, "--send and --inbound exclude each other");
	return CLI_OK;
}

static int build_question(struct cli *cli, bool inbound, json_t **ret)
{
	static const char *const names[] = {"to", "from", "ip"};
	json_t *question = json_object();
	int status = check_flags(cli, inbound);

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (cli_option(cli, names[i]) != NULL)
			json_object_set_new(
				question, names[i], json_string(cli_option(cli, names[i])));
	json_object_set_new(question, "direction", json_string(inbound ? "inbound" : "outbound"));
	if (inbound)
		json_object_set_new(question, "tls", json_boolean(!cli_has(cli, "clear")));
	if (cli_has(cli, "send"))
		json_object_set_new(question, "send", json_true());
	if (status == CLI_OK)
		status = take_certificate(cli, question);
	if (status == CLI_OK)
		*ret = question;
	else
		json_decref(question);
	return status;
}

int cli_run_connector_test(struct cli *cli)
{
	struct outcome outcome = {0};
	json_t *question = NULL;
	struct str rest, organisation;
	const char *path, *name;
	int status = cli_full_name(cli, "connector", cli->words[0], &name);

	if (status != CLI_OK)
		return status;
	rest = str_of(name);
	organisation = str_cut(&rest, '/');
	if (organisation.n == 0 || rest.n == 0)
		return cli_usage(cli, "expected ORGANISATION/NAME, found %s", name);
	path = arena_format(cli->arena, "/v1/connectors/%s/%s/test",
		cli_escape(cli, arena_text_of(cli->arena, organisation)),
		cli_escape(cli, arena_text_of(cli->arena, rest)));
	if (cli_has(cli, "history"))
		return show_history(cli, path);
	status = build_question(cli, cli_has(cli, "inbound"), &question);
	if (status != CLI_OK)
		return status;
	status = cli_ask_lines(cli,
		&(struct cli_call){.method = "POST", .path = path, .body = question}, on_line,
		&outcome);
	json_decref(question);
	if (status == CLI_OK && !outcome.has_end)
		return cli_fail(cli, CLI_FAILED, "the answer broke off before its end");
	return status != CLI_OK || outcome.is_ok ? status : CLI_FAILED;
}
