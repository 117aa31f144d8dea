/* What partners present: list, show, accept, pin; and trying out who is told of alarms. */
#include "cli/verb.h"

#include <string.h>

/* ---- showing ------------------------------------------------------------------------------------
 */

static const json_t *leaf_of(const json_t *chain)
{
	return json_array_get(json_object_get(chain, "certificates"), 0);
}

static const char *state_of(struct cli *cli, const json_t *chain)
{
	const char *by = cli_text(cli, chain, "accepted_by");

	if (json_is_null(json_object_get(chain, "accepted")))
		return "new";
	return by[0] != '\0' ? arena_format(cli->arena, "accepted by %s", by) : "known";
}

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void print_list(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ID", "PARTNER", "DIRECTION", "HOSTS", "VERDICT",
		"ENDS (UTC)", "FIRST (UTC)", "LAST (UTC)", "STATE", "SUBJECT"};
	struct cli_table table;
	const json_t *c;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, c)
		cli_table_row(&table,
			(const char *[]){cli_text(cli, c, "id"), cli_text(cli, c, "partner"),
				cli_text(cli, c, "direction"),
				or_dash(cli_join(cli, json_object_get(c, "hosts"), ", ")),
				cli_text(cli, c, "verdict"), cli_moment(cli, c, "not_after"),
				cli_moment(cli, c, "first"), cli_moment(cli, c, "last"),
				state_of(cli, c), or_dash(cli_text(cli, leaf_of(c), "subject"))});
	if (table.count == 0)
		cli_print(cli, "No partner has presented a certificate%s.\n",
			cli_has(cli, "new") ? " that nobody has accepted" : " yet");
	else
		cli_table_print(cli, &table);
}

/* Those that nobody has accepted. */
static json_t *only_new(const json_t *items)
{
	json_t *kept = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item)
		if (json_is_null(json_object_get(item, "accepted")))
			json_array_append(kept, (json_t *)item);
	return kept;
}

/* ORGANISATION/NAME of --connector into the path; CLI_USAGE with a message. */
static int add_connector(struct cli *cli, const char **path)
{
	const char *word = cli_option(cli, "connector"), *name;
	struct str rest, organisation;
	int status;

	if (word == NULL)
		return CLI_OK;
	status = cli_full_name(cli, "connector", word, &name);
	if (status != CLI_OK)
		return status;
	rest = str_of(name);
	organisation = str_cut(&rest, '/');
	*path = cli_query(cli, *path, "organisation", arena_text_of(cli->arena, organisation));
	*path = cli_query(cli, *path, "connector", arena_text_of(cli->arena, rest));
	return CLI_OK;
}

int cli_run_chain_list(struct cli *cli)
{
	const char *path = "/v1/chains";
	json_t *items = NULL, *shown;
	size_t limit;
	int status = cli_limit(cli, 0, &limit);

	if (status == CLI_OK)
		status = add_connector(cli, &path);
	path = cli_query(cli, path, "newest", cli_has(cli, "current") ? "1" : NULL);
	path = cli_query(cli, path, "since", cli_option(cli, "since"));
	if (status == CLI_OK)
		status = cli_get_all(cli, path, limit, &items);
	if (status != CLI_OK)
		return status;
	shown = cli_has(cli, "new") ? only_new(items) : json_incref(items);
	if (cli_has(cli, "json")) {
		cli_print_json(cli, shown);
	} else {
		json_t *answer = json_pack("{s:O}", "items", shown);

		print_list(cli, answer);
		json_decref(answer);
	}
	json_decref(shown);
	json_decref(items);
	return CLI_OK;
}

static void print_line(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "%-14s %s\n", label, cli_safe(cli, text));
}

static void print_certificate(struct cli *cli, size_t number, const json_t *c)
{
	cli_print(cli, "\nCertificate %zu\n", number + 1);
	print_line(cli, "  Subject", cli_text(cli, c, "subject"));
	print_line(cli, "  Names", cli_join(cli, json_object_get(c, "names"), ", "));
	print_line(cli, "  Issuer", cli_text(cli, c, "issuer"));
	print_line(cli, "  Valid",
		arena_format(cli->arena, "%s to %s (UTC)", cli_moment(cli, c, "not_before"),
			cli_moment(cli, c, "not_after")));
	print_line(cli, "  Key", cli_text(cli, c, "key"));
	print_line(cli, "  Signature", cli_text(cli, c, "signature"));
	print_line(cli, "  SHA-256", cli_text(cli, c, "sha256"));
	print_line(cli, "  Key SHA-256", cli_text(cli, c, "spki_sha256"));
}

static void print_chain(struct cli *cli, const json_t *c)
{
	const json_t *certificate;
	size_t i;

	print_line(cli, "Partner", cli_text(cli, c, "partner"));
	print_line(cli, "Direction", cli_text(cli, c, "direction"));
	print_line(cli, "Hosts", cli_join(cli, json_object_get(c, "hosts"), ", "));
	print_line(cli, "Address", cli_text(cli, c, "address"));
	print_line(cli, "Expected", cli_text(cli, c, "asked"));
	print_line(cli, "Verdict", cli_text(cli, c, "verdict"));
	print_line(cli, "Root", cli_text(cli, c, "root"));
	print_line(cli, "Ends", cli_moment(cli, c, "not_after"));
	print_line(cli, "First seen", cli_moment(cli, c, "first"));
	print_line(cli, "Last seen", cli_moment(cli, c, "last"));
	print_line(cli, "State", state_of(cli, c));
	json_array_foreach (json_object_get(c, "certificates"), i, certificate)
		print_certificate(cli, i, certificate);
	if (cli_has(cli, "pem"))
		cli_print(cli, "\n%s", cli_text(cli, c, "pem"));
}

static const char *path_of(struct cli *cli, const char *id, const char *behind)
{
	return arena_format(cli->arena, "/v1/chains/%s%s", cli_escape(cli, id), behind);
}

int cli_run_chain_show(struct cli *cli)
{
	return cli_get_shown(cli, path_of(cli, cli->words[0], ""), print_chain);
}

/* ---- accepting ----------------------------------------------------------------------------------
 */

static int accept_one(struct cli *cli, const char *id)
{
	struct cli_answer answer = {0};
	struct cli_call call = {.method = "POST", .path = path_of(cli, id, "/accept")};
	int status = cli_ask(cli, &call, &answer);

	json_decref(answer.json);
	return status;
}

int cli_run_chain_accept(struct cli *cli)
{
	for (size_t i = 0; i < cli->word_count; i++) {
		int status = accept_one(cli, cli->words[i]);

		if (status != CLI_OK)
			return status;
		if (!cli_has(cli, "json"))
			cli_print(cli, "Accepted: %s\n", cli->words[i]);
	}
	return CLI_OK;
}

/* The pins of a connector's half, and PIN. */
static json_t *pins_with(const json_t *connector, const char *half, const char *pin)
{
	const json_t *old = json_object_get(json_object_get(connector, half), "pins"), *item;
	json_t *pins = json_array();
	bool is_there = false;
	size_t i;

	json_array_foreach (old, i, item) {
		is_there = is_there || strcmp(json_string_value(item), pin) == 0;
		json_array_append(pins, (json_t *)item);
	}
	if (!is_there)
		json_array_append_new(pins, json_string(pin));
	return pins;
}

/* Only that of this chain is allowed from now on, beside those pinned already. */
static int pin_chain(struct cli *cli, const json_t *chain, const char *pin)
{
	const char *half = cli_text(cli, chain, "direction");
	const char *path = arena_format(cli->arena, "/v1/connectors/%s/%s",
		cli_escape(cli, cli_text(cli, chain, "organisation")),
		cli_escape(cli, cli_text(cli, chain, "connector")));
	struct cli_answer connector = {0}, answer = {0};
	struct cli_call call = {.method = "GET", .path = path};
	json_t *body;
	int status = cli_ask(cli, &call, &connector);

	if (status != CLI_OK)
		return status;
	body = json_object();
	json_object_set_new(body, half,
		json_pack("{s:o}", "pins",
			cli_has(cli, "only") ? json_pack("[s]", pin)
					     : pins_with(connector.json, half, pin)));
	call = (struct cli_call){.method = "PATCH",
		.path = path,
		.body = body,
		.if_match = connector.etag[0] != '\0' ? connector.etag : NULL};
	status = cli_ask(cli, &call, &answer);
	json_decref(body);
	json_decref(connector.json);
	json_decref(answer.json);
	return status;
}

int cli_run_chain_pin(struct cli *cli)
{
	const char *id = cli->words[0], *pin;
	json_t *chain = NULL;
	int status = cli_get(cli, path_of(cli, id, ""), &chain);

	if (status != CLI_OK)
		return status;
	pin = cli_text(cli, leaf_of(chain), "spki_sha256");
	if (cli_text(cli, chain, "connector")[0] == '\0' || pin[0] == '\0')
		status = cli_fail(cli, CLI_USAGE,
			"chain %s is of no connector (%s): there is nothing to pin it to; add a "
			"connector for this partner first",
			id, cli_text(cli, chain, "partner"));
	if (status == CLI_OK)
		status = pin_chain(cli, chain, pin);
	if (status == CLI_OK)
		status = accept_one(cli, id);
	if (status == CLI_OK && !cli_has(cli, "json"))
		cli_print(cli, "Connector %s/%s now asks for the key %s (%s).\n",
			cli_text(cli, chain, "organisation"), cli_text(cli, chain, "connector"),
			pin, cli_text(cli, chain, "direction"));
	json_decref(chain);
	return status;
}

/* ---- who is told -------------------------------------------------------------------------------
 */

static void print_way(struct cli *cli, const char *label, const json_t *way)
{
	const json_t *ok = json_object_get(way, "ok");
	const char *text = cli_text(cli, way, "text");

	if (json_is_null(ok)) /* who would be told says the text */
		cli_print(cli, "%-8s %s\n", label, text);
	else
		cli_print(cli, "%-8s %s%s%s\n", label, json_is_true(ok) ? "ok" : "FAILED",
			text[0] != '\0' ? ": " : "", text);
}

int cli_run_alerts_test(struct cli *cli)
{
	struct cli_answer answer = {0};
	int status = cli_ask(
		cli, &(struct cli_call){.method = "POST", .path = "/v1/alerts/test"}, &answer);
	bool failed;

	if (status != CLI_OK)
		return status;
	failed = json_is_false(json_object_get(json_object_get(answer.json, "mail"), "ok")) ||
		 json_is_false(json_object_get(json_object_get(answer.json, "webhook"), "ok"));
	if (cli_has(cli, "json")) {
		cli_print_json(cli, answer.json);
	} else {
		print_way(cli, "Mail", json_object_get(answer.json, "mail"));
		print_way(cli, "Webhook", json_object_get(answer.json, "webhook"));
	}
	json_decref(answer.json);
	return failed ? CLI_FAILED : CLI_OK;
}
