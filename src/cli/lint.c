/* What is doubtful in a configuration: of the server, or of a file. */
#include "core/policy/lint.h"

#include "cli/verb.h"

#include <string.h>

static enum cli_colour colour_of(const char *severity)
{
	return strcmp(severity, "error") == 0	  ? CLI_RED
	       : strcmp(severity, "warning") == 0 ? CLI_YELLOW
						  : CLI_DIM;
}

void cli_print_findings(struct cli *cli, const json_t *items, bool notes)
{
	const json_t *f;
	size_t i;

	json_array_foreach (items, i, f) {
		const char *severity = cli_text(cli, f, "severity");
		const char *others = cli_join(cli, json_object_get(f, "others"), ", ");

		if (!notes && strcmp(severity, "note") == 0)
			continue;
		cli_print(cli, "%s%s%s: %s: %s [%s]\n", cli_colour(cli, colour_of(severity)),
			severity, cli_colour(cli, CLI_PLAIN), cli_text(cli, f, "subject"),
			cli_text(cli, f, "text"), cli_text(cli, f, "token"));
		if (others[0] != '\0')
			cli_print(cli, "    With: %s\n", others);
		cli_print(cli, "    %s\n", cli_text(cli, f, "remedy"));
	}
}

static bool has_error(struct cli *cli, const json_t *items)
{
	const json_t *f;
	size_t i;

	json_array_foreach (items, i, f)
		if (strcmp(cli_text(cli, f, "severity"), "error") == 0)
			return true;
	return false;
}

/* The findings about a file, without a server: which certificates it has is not known. */
static int lint_file(struct cli *cli, const char *path, json_t **ret)
{
	struct policy_findings found;
	struct model_config config;
	json_t *json = NULL, *items;
	int status = cli_read_configuration(cli, path, &config, &json);

	if (status != CLI_OK)
		return status;
	json_decref(json);
	policy_lint(&config, NULL, cli->arena, &found);
	items = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(items,
			record_to_json(&policy_finding_desc, &found.items[i], RECORD_JSON_FULL));
	*ret = json_pack("{s:o}", "items", items);
	return CLI_OK;
}

int cli_run_lint(struct cli *cli)
{
	json_t *answer = NULL;
	const json_t *items;
	int status = cli->word_count > 0 ? lint_file(cli, cli->words[0], &answer)
					 : cli_get_pages(cli, "/v1/lint", 0, &answer);

	if (status != CLI_OK)
		return status;
	items = json_object_get(answer, "items");
	if (cli_has(cli, "json"))
		cli_print_json(cli, items);
	else if (json_array_size(items) == 0)
		cli_print(cli, "Nothing to remark.\n");
	else
		cli_print_findings(cli, items, true);
	status = has_error(cli, items) ? CLI_FAILED : CLI_OK;
	json_decref(answer);
	return status;
}
