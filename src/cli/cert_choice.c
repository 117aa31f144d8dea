/* `sealpost cert explain`, `sealpost cert acceptance`: which version partners see, and take. */
#include "cli/cert.h"

#include <string.h>

static void put(struct cli *cli, json_t *body, const char *key, const char *option)
{
	const char *value = cli_option(cli, option);

	if (value != NULL)
		json_object_set_new(body, key, json_string(value));
}

static int put_connector(struct cli *cli, json_t *body)
{
	const char *full = cli_option(cli, "connector");
	int status = full != NULL ? cli_full_name(cli, "connector", full, &full) : CLI_OK;

	if (status == CLI_OK && full != NULL)
		json_object_set_new(body, "connector", json_string(full));
	return status;
}

static void explain_text(struct cli *cli, const json_t *answer)
{
	bool is_out = strcmp(cli_text(cli, answer, "direction"), "out") == 0;
	const char *connector = cli_text(cli, answer, "connector");
	const json_t *item;
	size_t i;

	if (!is_out && connector[0] != '\0')
		cli_print(cli, "The client is taken for connector %s%s.\n", connector,
			json_is_true(json_object_get(answer, "known_by_address"))
				? ", by its address"
				: "");
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		const char *match = cli_text(cli, item, "match");

		cli_print(cli, "%s%s %s%s: certificate %s, %s\n", cli_colour(cli, CLI_BOLD),
			is_out ? "connector" : "listener",
			cli_text(cli, item, is_out ? "connector" : "listener"),
			cli_colour(cli, CLI_PLAIN), cli_text(cli, item, "certificate"),
			cli_text(cli, item, "key"));
		cli_print(cli, "  %-8s %s\n  %-8s %s\n  %-8s %s\n  %-8s %s\n", "chosen",
			strcmp(match, "name") == 0	  ? "it carries the name"
			: strcmp(match, "wildcard") == 0  ? "its wildcard covers the name"
			: strcmp(match, "default") == 0	  ? "nothing carries the name: the default"
			: strcmp(match, "connector") == 0 ? "the connector names it"
							  : "the organisation names it",
			"version", cli_text(cli, item, "why"), "issuer",
			cli_text(cli, item, "issuer"), "SHA-256", cli_text(cli, item, "sha256"));
	}
	if (json_array_size(json_object_get(answer, "items")) == 0)
		cli_print(cli,
			is_out ? "None is presented: neither the connector nor its organisation "
				 "names a certificate.\n"
			       : "None is presented: no listener speaks TLS.\n");
}

int cli_run_cert_explain(struct cli *cli)
{
	struct cli_answer answer = {0};
	json_t *body = json_object();
	int status;

	put(cli, body, "name", "name");
	put(cli, body, "from", "from");
	put(cli, body, "to", "to");
	status = put_connector(cli, body);
	if (status == CLI_OK)
		status = cli_ask(cli,
			&(struct cli_call){
				.method = "POST", .path = "/v1/certificates/explain", .body = body},
			&answer);
	json_decref(body);
	if (status != CLI_OK)
		return status;
	cli_show(cli, answer.json, explain_text);
	json_decref(answer.json);
	return CLI_OK;
}

/* The last thing that is known of it. */
static const char *verdict_of(struct cli *cli, const json_t *item)
{
	const char *last = cli_text(cli, item, "last");

	return cli_number(item, "refused") > 0 &&
			       strcmp(cli_text(cli, item, "last_refused"), last) == 0
		       ? "refuses"
		       : "accepts";
}

int cli_run_cert_acceptance(struct cli *cli)
{
	static const char *const heads[] = {
		"PARTNER", "DIRECTION", "VERSION", "NOW", "ACCEPTED", "REFUSED", "LAST", "REASON"};
	const char *path = arena_format(
		cli->arena, "/v1/certificates/%s/acceptance", cli_escape(cli, cli->words[0]));
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *item;
	size_t i;
	int status = cli_get_pages(cli, path, 0, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, json_object_get(answer, "items"));
		json_decref(answer);
		return CLI_OK;
	}
	if (json_array_size(json_object_get(answer, "items")) == 0)
		cli_print(cli,
			"Nothing is counted of a certificate %s: it has no versions here, or no "
			"mail has passed under them yet.\n",
			cli_safe(cli, cli->words[0]));
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, item)
		cli_table_row(&table,
			(const char *[]){cli_text(cli, item, "partner"),
				cli_text(cli, item, "direction"), cli_text(cli, item, "version"),
				verdict_of(cli, item),
				arena_format(cli->arena, "%lld",
					(long long)cli_number(item, "accepted")),
				arena_format(
					cli->arena, "%lld", (long long)cli_number(item, "refused")),
				cli_moment(cli, item, "last"), cli_text(cli, item, "reason")});
	if (i > 0)
		cli_table_print(cli, &table);
	json_decref(answer);
	return CLI_OK;
}
