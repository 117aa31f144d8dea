/* The configuration as a whole: apply and export. */
#include "cli/verb.h"

#include <string.h>
#include <unistd.h>

/* Values longer than this (trust anchors) are shown by their beginning. */
enum { SHOWN_VALUE = 60 };

static const char *value_text(struct cli *cli, const json_t *value)
{
	const char *text;
	char *dump;

	if (value == NULL || json_is_null(value))
		return "(default)";
	if (json_is_string(value)) {
		text = cli_safe(cli, json_string_value(value));
	} else {
		dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		text = cli_safe(cli, dump);
		free(dump);
	}
	if (text[0] == '\0')
		return "(none)";
	return strlen(text) <= SHOWN_VALUE ? text
					   : arena_format(cli->arena, "%.*s... (%zu bytes)",
						     SHOWN_VALUE, text, strlen(text));
}

static void print_change(struct cli *cli, const json_t *change)
{
	const char *type = cli_text(cli, change, "type");
	enum cli_colour colour = CLI_YELLOW;
	char mark = '~';
	const json_t *field;
	size_t i;

	if (strcmp(type, "added") == 0) {
		mark = '+';
		colour = CLI_GREEN;
	} else if (strcmp(type, "removed") == 0) {
		mark = '-';
		colour = CLI_RED;
	}
	cli_print(cli, "%s%c %s %s%s\n", cli_colour(cli, colour), mark,
		cli_text(cli, change, "kind"), cli_text(cli, change, "key"),
		cli_colour(cli, CLI_PLAIN));
	if (mark == '-')
		return;
	json_array_foreach (json_object_get(change, "fields"), i, field) {
		const char *after = value_text(cli, json_object_get(field, "after"));
		const char *path = cli_text(cli, field, "path");

		if (mark == '+')
			cli_print(cli, "    %s: %s\n", path, after);
		else
			cli_print(cli, "    %s: %s -> %s\n", path,
				value_text(cli, json_object_get(field, "before")), after);
	}
}

void cli_print_changes(struct cli *cli, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes"), *change;
	size_t i;

	json_array_foreach (changes, i, change)
		print_change(cli, change);
	if (json_array_size(changes) == 0)
		cli_print(cli, "Nothing changes.\n");
	if (cli_number(answer, "omitted") > 0)
		cli_print(cli, "... and %s more\n", cli_text(cli, answer, "omitted"));
}

static size_t count_removed(const json_t *changes)
{
	const json_t *change;
	size_t i, count = 0;

	json_array_foreach (changes, i, change) {
		const char *type = json_string_value(json_object_get(change, "type"));

		count += type != NULL && strcmp(type, "removed") == 0;
	}
	return count;
}

/* FILE:LINE: message; the message begins with the path of a property, or names an object. */
static int complain(struct cli *cli, const char *path, struct str text, const char *message)
{
	struct str rest = str_of(message);
	unsigned line = model_yaml_line(text, str_cut(&rest, ':'));

	if (line == 0)
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, message);
	return cli_fail(cli, CLI_FAILED, "%s: line %u: %s", path, line, message);
}

/* No property, and no "{}" either: rather a mishap than the wish to have nothing. */
static bool says_nothing(struct str text, const json_t *json)
{
	return json_is_null(json) || (json_is_object(json) && json_object_size(json) == 0 &&
					     str_find(text, '{', 0) == text.n);
}

int cli_read_configuration(
	struct cli *cli, const char *path, struct model_config *ret, json_t **ret_json)
{
	struct err_info info = {0};
	struct str text;
	json_t *json = NULL;
	int status = cli_read_file(cli, path, &text);

	if (status != CLI_OK)
		return status;
	if (model_parse_yaml(text, &json, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, info.text);
	if (says_nothing(text, json)) {
		json_decref(json);
		return cli_fail(cli, CLI_FAILED,
			"%s: is empty; to remove everything, say so: \"organisations: []\"", path);
	}
	if (record_from_json(&model_config_desc, json, "", cli->arena, ret, &info) != ERR_OK ||
		model_check(ret, &info) != ERR_OK) {
		json_decref(json);
		return complain(cli, path, text, info.text);
	}
	*ret_json = json;
	return CLI_OK;
}

/* Ask only where something would go away, and somebody is there to ask. */
static bool may_go_on(struct cli *cli, const json_t *answer)
{
	size_t removed = count_removed(json_object_get(answer, "changes"));

	if (removed == 0 || cli_has(cli, "yes") || !cli->interactive)
		return true;
	cli_print_changes(cli, answer);
	return cli_confirm(cli,
		arena_format(cli->arena, "Remove %zu object%s?", removed, removed == 1 ? "" : "s"));
}

/* What the server says would change; the generation that was compared with in *ret. */
static int rehearse(struct cli *cli, const json_t *config, struct cli_answer *ret)
{
	struct cli_call call = {.method = "PUT", .path = "/v1/config?dry_run=1", .body = config};

	return cli_ask(cli, &call, ret);
}

/* What the lint says of it now, short of notes. */
static void print_doubts(struct cli *cli)
{
	json_t *lint = NULL;

	if (cli_get_pages(cli, "/v1/lint", 0, &lint) != CLI_OK)
		return;
	cli_print_findings(cli, json_object_get(lint, "items"), false);
	json_decref(lint);
}

static int commit(struct cli *cli, const json_t *config, const char *if_match)
{
	struct cli_answer answer = {0};
	struct cli_call call = {
		.method = "PUT", .path = "/v1/config", .body = config, .if_match = if_match};
	int status = cli_ask(cli, &call, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, answer.json);
	} else {
		cli_print(cli, "Configuration %s is in force.\n",
			cli_text(cli, answer.json, "generation"));
		print_doubts(cli);
	}
	json_decref(answer.json);
	return CLI_OK;
}

int cli_run_apply(struct cli *cli)
{
	struct cli_answer rehearsal = {0};
	struct model_config model;
	json_t *config = NULL;
	int status = cli_read_configuration(cli, cli->words[0], &model, &config);

	if (status == CLI_OK)
		status = rehearse(cli, config, &rehearsal);
	if (status != CLI_OK) {
		json_decref(config);
		return status;
	}
	if (cli_has(cli, "dry-run")) {
		cli_show(cli, rehearsal.json, cli_print_changes);
	} else if (!may_go_on(cli, rehearsal.json)) {
		status = cli_fail(cli, CLI_FAILED, "nothing was changed");
	} else {
		if (!cli_has(cli, "json"))
			cli_print_changes(cli, rehearsal.json);
		status = commit(cli, config, rehearsal.etag[0] != '\0' ? rehearsal.etag : NULL);
	}
	json_decref(rehearsal.json);
	json_decref(config);
	return status;
}

int cli_run_export(struct cli *cli)
{
	struct model_config config;
	struct err_info info = {0};
	json_t *json = NULL, *sparse;
	struct buf text;
	int status = cli_get(cli, "/v1/config", &json);

	if (status != CLI_OK)
		return status;
	if (record_from_json(&model_config_desc, json, "", cli->arena, &config, &info) != ERR_OK) {
		json_decref(json);
		return cli_fail(cli, CLI_FAILED,
			"the server's configuration cannot be read: %s; are server and command of "
			"the same version?",
			info.text);
	}
	json_decref(json);
	sparse = record_to_json(&model_config_desc, &config, RECORD_JSON_SPARSE);
	buf_init(&text, 64 * 1024 * 1024);
	if (cli_has(cli, "json"))
		cli_print_json(cli, sparse);
	else if (model_format_yaml(sparse, &text) == ERR_OK)
		fwrite(buf_str(&text).p, 1, buf_length(&text), cli->out);
	else
		status = cli_fail(cli, CLI_FAILED, "the configuration is too large");
	buf_free(&text);
	json_decref(sparse);
	return status;
}
