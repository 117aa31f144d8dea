/* Users of the admin center. */
#include "cli/verb.h"

#include <string.h>

static const char *path_of(struct cli *cli, const char *behind)
{
	return arena_format(cli->arena, "/v1/users/%s%s", cli_escape(cli, cli->words[0]), behind);
}

static void print_users(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"NAME", "ROLE", "ORGANISATIONS", "STATE", "PASSWORD", "ONE-TIME CODES", "CHANGED"};
	struct cli_table table;
	const json_t *user;
	size_t i;

	if (json_array_size(items) == 0) {
		cli_print(cli, "There are no users yet: sealpost user link makes a link for the "
			       "first one.\n");
		return;
	}
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, user) {
		const char *organisations =
			cli_join(cli, json_object_get(user, "organisations"), ", ");
		bool is_disabled = json_is_true(json_object_get(user, "disabled"));
		bool has_password = json_is_true(json_object_get(user, "has_password"));
		bool has_totp = json_is_true(json_object_get(user, "has_totp"));

		cli_table_row(&table,
			(const char *[]){cli_text(cli, user, "name"), cli_text(cli, user, "role"),
				organisations[0] != '\0' ? organisations : "all",
				is_disabled ? "disabled" : "enabled", has_password ? "yes" : "no",
				has_totp ? "yes" : "no", cli_moment(cli, user, "changed")});
	}
	cli_table_print(cli, &table);
}

int cli_run_user_list(struct cli *cli)
{
	json_t *items = NULL;
	int status = cli_get_all(cli, "/v1/users", 0, &items);

	if (status == CLI_OK)
		cli_show(cli, items, print_users);
	json_decref(items);
	return status;
}

/* Send it, and say that it was done.  Takes BODY. */
static int send_change(
	struct cli *cli, const char *method, const char *path, json_t *body, const char *done)
{
	struct cli_answer answer = {0};
	struct cli_call call = {.method = method, .path = path, .body = body};
	int status = cli_ask(cli, &call, &answer);

	json_decref(body);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, answer.json);
	else
		cli_print(cli, "%s\n", done);
	json_decref(answer.json);
	return CLI_OK;
}

int cli_text_property(struct cli *cli, json_t *to, const char *name, const char *value)
{
	json_t *json = json_string(value);

	if (json == NULL)
		return cli_usage(cli, "%s: expected UTF-8", name);
	json_object_set_new(to, name, json);
	return CLI_OK;
}

/* --role and --organisations. */
int cli_rights(struct cli *cli, json_t *to)
{
	const char *role = cli_option(cli, "role");
	struct str names = str_of(cli_option(cli, "organisations"));
	json_t *list;
	int status = role != NULL ? cli_text_property(cli, to, "role", role) : CLI_OK;

	if (!cli_has(cli, "organisations"))
		return status;
	list = json_array();
	json_object_set_new(to, "organisations", list);
	while (status == CLI_OK && names.n > 0) {
		struct str name = str_trim(str_cut(&names, ','));
		json_t *json = json_stringn(name.p, name.n);

		if (json == NULL)
			status = cli_usage(cli, "--organisations: expected UTF-8");
		else if (name.n > 0)
			json_array_append(list, json);
		json_decref(json);
	}
	return status;
}

int cli_run_user_add(struct cli *cli)
{
	const char *name = cli->words[0], *password = NULL;
	json_t *body = json_object();
	bool asks = cli_has(cli, "password-file") || !cli_has(cli, "no-password");
	int status = cli_text_property(cli, body, "name", name);

	if (status == CLI_OK && cli_option(cli, "role") == NULL)
		status = cli_usage(cli, "say with --role what the user may");
	if (status == CLI_OK)
		status = cli_rights(cli, body);
	if (status == CLI_OK && asks)
		status = cli_password(cli, name, &password);
	if (status == CLI_OK && asks)
		status = cli_text_property(cli, body, "password", password);
	if (status != CLI_OK) {
		json_decref(body);
		return status;
	}
	return send_change(cli, "POST", "/v1/users", body,
		arena_format(cli->arena,
			asks ? "Added: %s" : "Added: %s. Next: sealpost user link %s", name, name));
}

int cli_run_user_set(struct cli *cli)
{
	json_t *body = json_object();
	int status = cli_rights(cli, body);

	if (cli_has(cli, "no-totp"))
		json_object_set_new(body, "totp", json_null());
	if (status == CLI_OK && json_object_size(body) == 0)
		status = cli_usage(cli, "say what to change: --role, --organisations or --no-totp");
	if (status != CLI_OK) {
		json_decref(body);
		return status;
	}
	return send_change(cli, "PATCH", path_of(cli, ""), body,
		arena_format(cli->arena, "Changed: %s", cli->words[0]));
}

int cli_run_user_password(struct cli *cli)
{
	const char *password = NULL;
	json_t *body = json_object();
	int status = CLI_OK;

	if (cli_has(cli, "remove"))
		json_object_set_new(body, "password", json_null());
	else
		status = cli_password(cli, cli->words[0], &password);
	if (status == CLI_OK && password != NULL)
		status = cli_text_property(cli, body, "password", password);
	if (status != CLI_OK) {
		json_decref(body);
		return status;
	}
	return send_change(cli, "PATCH", path_of(cli, ""), body,
		arena_format(cli->arena,
			password != NULL ? "The password of %s is set." : "%s has no password now.",
			cli->words[0]));
}

int cli_run_user_disable(struct cli *cli)
{
	bool disables = strcmp(cli->verb->name, "user disable") == 0;

	return send_change(cli, "PATCH", path_of(cli, ""), json_pack("{s:b}", "disabled", disables),
		arena_format(cli->arena, disables ? "Disabled: %s" : "Enabled: %s", cli->words[0]));
}

int cli_run_user_remove(struct cli *cli)
{
	const char *name = cli->words[0];

	if (!cli_has(cli, "yes") && cli->interactive &&
		!cli_confirm(cli, arena_format(cli->arena, "remove user %s?", name)))
		return cli_fail(cli, CLI_FAILED, "nothing was done");
	return send_change(cli, "DELETE", path_of(cli, ""), NULL,
		arena_format(cli->arena, "Removed: %s", name));
}

static void print_link(struct cli *cli, const json_t *json)
{
	cli_print(cli, "%s\n", cli_text(cli, json, "url"));
	fprintf(cli->err, "Good once, until %s (UTC). Whoever has it sets the password.\n",
		cli_moment(cli, json, "expires"));
}

int cli_run_user_link(struct cli *cli)
{
	struct cli_answer answer = {0};
	struct cli_call call = {.method = "POST",
		.path = cli->word_count > 0 ? path_of(cli, "/link") : "/v1/setup-link"};
	int status = cli_ask(cli, &call, &answer);

	if (status == CLI_OK)
		cli_show(cli, answer.json, print_link);
	json_decref(answer.json);
	return status;
}
