/* Which roots everything depends on. */
#include "cli/verb.h"

#include <string.h>

static enum cli_colour colour_of(const char *result)
{
	if (strcmp(result, "ok") == 0)
		return CLI_GREEN;
	return strcmp(result, "failed") == 0 ? CLI_RED : CLI_YELLOW;
}

static void print_detail(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "    %s%-11s%s%s\n", cli_colour(cli, CLI_DIM), label,
			cli_colour(cli, CLI_PLAIN), cli_safe(cli, text));
}

static void print_root(struct cli *cli, const json_t *root)
{
	if (!json_is_object(root))
		return;
	print_detail(cli, "root", cli_text(cli, root, "subject"));
	print_detail(cli, "SHA-256", cli_text(cli, root, "sha256"));
	print_detail(cli, "valid",
		arena_format(cli->arena, "%s to %s", cli_moment(cli, root, "not_before"),
			cli_moment(cli, root, "not_after")));
}

static void print_item(struct cli *cli, const json_t *item, const char *kind, const char *name)
{
	const char *result = cli_text(cli, item, "result");

	cli_print(cli, "%s%-6s%s  %s%s%s  (trust store: %s)\n", cli_colour(cli, colour_of(result)),
		result, cli_colour(cli, CLI_PLAIN), kind, kind[0] != '\0' ? " " : "",
		cli_safe(cli, name), cli_text(cli, item, "store"));
}

static void print_roots(struct cli *cli, const json_t *answer)
{
	const json_t *item, *found;
	size_t i, k;

	json_array_foreach (json_object_get(answer, "required"), i, item) {
		print_item(cli, item, "required", cli_text(cli, item, "require"));
		json_array_foreach (json_object_get(item, "found"), k, found)
			print_root(cli, found);
		print_detail(cli, "cause", cli_text(cli, item, "text"));
		print_detail(cli, "what to do", cli_text(cli, item, "remedy"));
	}
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		print_item(cli, item, cli_text(cli, item, "kind"), cli_text(cli, item, "name"));
		print_root(cli, json_object_get(item, "root"));
		print_detail(cli,
			strcmp(cli_text(cli, item, "result"), "ok") == 0 ? "note" : "cause",
			cli_text(cli, item, "text"));
		print_detail(cli, "what to do", cli_text(cli, item, "remedy"));
	}
}

/* --require may stand there several times. */
static const char *path_of(struct cli *cli, const char *connector)
{
	const char *path = "/v1/checks/roots";
	const char *slash = connector != NULL ? strchr(connector, '/') : NULL;

	if (slash != NULL) {
		path = cli_query(cli, path, "organisation",
			arena_text_of(
				cli->arena, str_make(connector, (size_t)(slash - connector))));
		path = cli_query(cli, path, "connector", slash + 1);
	}
	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, "require") == 0)
			path = cli_query(cli, path, "require", cli->options[i].value);
	return path;
}

int cli_run_check_roots(struct cli *cli)
{
	const char *connector = cli_option(cli, "connector");
	json_t *answer = NULL;
	bool is_ok;
	int status = CLI_OK;

	if (connector != NULL)
		status = cli_full_name(cli, "connector", connector, &connector);
	if (status == CLI_OK)
		status = cli_get_pages(cli, path_of(cli, connector), 0, &answer);
	if (status != CLI_OK)
		return status;
	cli_show(cli, answer, print_roots);
	is_ok = json_is_true(json_object_get(answer, "ok"));
	json_decref(answer);
	return is_ok ? CLI_OK : CLI_FAILED;
}
