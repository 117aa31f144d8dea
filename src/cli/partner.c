/* The partner kit: making one, and taking one. */
#include "core/partner/kit.h"

#include "cli/verb.h"
#include "port/tls/tls.h"

#include <errno.h>
#include <string.h>

enum { MAX_PAGE = 4 * 1024 * 1024, MAX_ROOTS = 32 };

/* ---- making one ------------------------------------------------------------------------------ */

static bool has_root(const struct partner_kit *kit, const char *sha256)
{
	for (size_t i = 0; i < kit->roots.count; i++)
		if (strcmp(kit->roots.items[i].sha256, sha256) == 0)
			return true;
	return false;
}

/* Put the certificates of a file among the roots that the kit hands out. */
static int add_roots(struct cli *cli, const char *path, struct partner_kit *kit)
{
	struct partner_root *items = arena_array(cli->arena, MAX_ROOTS, sizeof(*items));
	struct err_info info = {0};
	struct str rest;
	int status = cli_read_file(cli, path, &rest);

	if (status != CLI_OK)
		return status;
	if (kit->roots.count > 0)
		memcpy(items, kit->roots.items, kit->roots.count * sizeof(*items));
	kit->roots.items = items;
	while (rest.n > 0 && kit->roots.count < MAX_ROOTS) {
		static const char end[] = "-----END CERTIFICATE-----";
		const char *found = memmem(rest.p, rest.n, end, sizeof(end) - 1);
		size_t n = found != NULL ? (size_t)(found - rest.p) + sizeof(end) - 1 : rest.n;
		struct str one = str_part(rest, 0, n);
		struct cert_facts *facts;
		struct tls_root root;
		size_t count;

		rest = str_part(rest, n, rest.n);
		if (found == NULL)
			break;
		if (tls_facts_of_pem(one, cli->arena, &facts, &count, &info) != ERR_OK)
			return cli_fail(cli, CLI_FAILED, "%s: %s", path, info.text);
		if (!tls_root_of_pem(one, NULL, 0, cli->arena, &root))
			return cli_fail(cli, CLI_FAILED,
				"%s: %s is no root: it is not its own issuer", path,
				cli_safe(cli, facts[0].subject));
		if (!has_root(kit, root.facts.sha256))
			items[kit->roots.count++] = (struct partner_root){
				.subject = root.facts.subject,
				.sha256 = root.facts.sha256,
				.not_after_ms = root.facts.not_after_ms,
				.pem = root.pem,
			};
	}
	if (kit->roots.count == 0)
		return cli_fail(cli, CLI_FAILED, "%s: no certificate in PEM form", path);
	return CLI_OK;
}

/* What a certificate of the kit could not be led up to may be among the roots given. */
static void drop_notes_on_roots(struct partner_kit *kit)
{
	size_t kept = 0;

	for (size_t i = 0; i < kit->notes.count; i++)
		if (strstr(kit->notes.items[i], "--trust") == NULL)
			kit->notes.items[kept++] = kit->notes.items[i];
	kit->notes.count = kept;
}

static int format_kit(struct cli *cli, const struct partner_kit *kit, const char *format)
{
	json_t *json;
	struct buf page;
	char *dump;
	enum err e;
	int status;

	buf_init(&page, MAX_PAGE);
	if (strcmp(format, "json") == 0) {
		json = partner_kit_json(kit);
		dump = json_dumps(json, JSON_INDENT(2));
		e = buf_format(&page, "%s\n", dump != NULL ? dump : "");
		free(dump);
		json_decref(json);
	} else {
		e = strcmp(format, "html") == 0 ? partner_format(kit, PAGE_HTML, &page)
						: partner_format(kit, PAGE_TEXT, &page);
	}
	status = e == ERR_OK ? cli_write_output(cli, buf_str(&page))
			     : cli_fail(cli, CLI_FAILED, "the kit is too large");
	buf_free(&page);
	return status;
}

/* --address as often as wanted, as one list. */
static const char *addresses(struct cli *cli)
{
	const char *text = NULL;

	for (size_t i = 0; i < cli->option_count; i++)
		if (strcmp(cli->options[i].name, "address") == 0)
			text = text != NULL ? arena_format(cli->arena, "%s,%s", text,
						      cli->options[i].value)
					    : cli->options[i].value;
	return text;
}

int cli_run_partner_kit(struct cli *cli)
{
	const char *format = cli_option(cli, "format"), *trust = cli_option(cli, "trust");
	const char *path = "/v1/partner-kit";
	struct partner_kit kit;
	struct err_info info = {0};
	json_t *json = NULL;
	int status;

	if (format == NULL)
		format = cli_has(cli, "json") ? "json" : "text";
	if (strcmp(format, "text") != 0 && strcmp(format, "html") != 0 &&
		strcmp(format, "json") != 0)
		return cli_usage(
			cli, "--format: expected text, html or json, found \"%s\"", format);
	path = cli_query(cli, path, "organisation", cli_option(cli, "organisation"));
	path = cli_query(cli, path, "connector", cli_option(cli, "connector"));
	path = cli_query(cli, path, "address", addresses(cli));
	status = cli_get(cli, path, &json);
	if (status != CLI_OK)
		return status;
	if (record_from_json(&partner_kit_desc, json, "", cli->arena, &kit, &info) != ERR_OK)
		status = cli_fail(cli, CLI_FAILED,
			"no kit can be made: %s; see `sealpost status` and `sealpost domain list`",
			info.text);
	json_decref(json);
	if (status == CLI_OK && trust != NULL) {
		status = add_roots(cli, trust, &kit);
		drop_notes_on_roots(&kit);
	}
	return status == CLI_OK ? format_kit(cli, &kit, format) : status;
}

/* ---- taking one ------------------------------------------------------------------------------ */

static int read_kit(struct cli *cli, const char *from, struct partner_kit *ret)
{
	struct err_info info = {0};
	struct str text;
	int status = strstr(from, "://") != NULL ? cli_fetch(cli, from, PARTNER_KIT_MAX, &text)
						 : cli_read_file(cli, from, &text);

	if (status != CLI_OK)
		return status;
	if (partner_kit_parse(text, cli->arena, ret, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", from, cli_safe(cli, info.text));
	return CLI_OK;
}

/* --organisation, or the only one that the server has. */
static int our_organisation(struct cli *cli, const char **ret)
{
	json_t *answer = NULL;
	const json_t *items;
	int status;

	*ret = cli_option(cli, "organisation");
	if (*ret != NULL)
		return CLI_OK;
	status = cli_get_pages(cli, "/v1/organisations", 0, &answer);
	if (status != CLI_OK)
		return status;
	items = json_object_get(answer, "items");
	if (json_array_size(items) == 1)
		*ret = cli_text(cli, json_array_get(items, 0), "name");
	else
		status = cli_usage(cli,
			"--organisation: is missing: the server has %zu organisations",
			json_array_size(items));
	json_decref(answer);
	return status;
}

/* Every root of the kit is in the system's store. */
static bool are_public(struct cli *cli, const struct partner_kit *kit)
{
	const char *path = cli_roots_path(cli);
	struct str store = {0};
	bool fine =
		kit->roots.count > 0 && path != NULL && cli_read_file(cli, path, &store) == CLI_OK;

	for (size_t i = 0; fine && i < kit->roots.count; i++)
		fine = tls_is_among(str_of(kit->roots.items[i].pem), store);
	return fine;
}

/* A fingerprint is what two people compare: the one in the kit is not taken on trust. */
static int check_roots(struct cli *cli, const struct partner_kit *kit)
{
	for (size_t i = 0; i < kit->roots.count; i++) {
		struct cert_facts *facts;
		struct err_info info = {0};
		size_t count = 0;

		if (tls_facts_of_pem(str_of(kit->roots.items[i].pem), cli->arena, &facts, &count,
			    &info) != ERR_OK)
			return cli_fail(cli, CLI_FAILED, "roots[%zu].pem: %s", i, info.text);
		fprintf(cli->err, "# root: %s, SHA-256 %s\n", cli_safe(cli, facts[0].subject),
			facts[0].sha256);
		if (kit->roots.items[i].sha256 != NULL &&
			strcmp(kit->roots.items[i].sha256, facts[0].sha256) != 0)
			return cli_fail(cli, CLI_FAILED,
				"roots[%zu]: the fingerprint in the kit is not that of the "
				"certificate beside it",
				i);
	}
	return CLI_OK;
}

static void print_yaml(struct cli *cli, const json_t *json)
{
	struct buf text;

	buf_init(&text, MAX_PAGE);
	if (model_format_yaml(json, &text) == ERR_OK)
		fwrite(buf_str(&text).p, 1, buf_length(&text), cli->out);
	buf_free(&text);
}

/* Is there a connector of that name already? */
static int find_connector(struct cli *cli, const struct model_connector *c, bool *ret)
{
	json_t *answer = NULL;
	const json_t *item;
	size_t i;
	int status = cli_get_pages(cli, "/v1/connectors", 0, &answer);

	*ret = false;
	json_array_foreach (json_object_get(answer, "items"), i, item)
		if (strcmp(cli_text(cli, item, "organisation"), c->organisation) == 0 &&
			strcmp(cli_text(cli, item, "name"), c->name) == 0)
			*ret = true;
	json_decref(answer);
	return status;
}

/* Ask the server what would change, or change it. */
static int propose_to_server(
	struct cli *cli, const struct model_connector *c, const json_t *body, bool apply)
{
	const char *path = arena_format(cli->arena, "/v1/connectors/%s/%s",
		cli_escape(cli, c->organisation), cli_escape(cli, c->name));
	struct cli_answer answer = {0};
	struct cli_call call = {.path = cli_query(cli, path, "dry_run", apply ? NULL : "1")};
	bool is_there;
	json_t *changed = NULL;
	FILE *out = cli->out;
	int status = find_connector(cli, c, &is_there);

	if (status != CLI_OK)
		return status;
	if (is_there)
		changed = partner_decided_json(c);
	call.method = is_there ? "PATCH" : "PUT";
	call.body = is_there ? changed : body;
	status = cli_ask(cli, &call, &answer);
	json_decref(changed);
	if (status != CLI_OK)
		return status;
	if (apply && cli_has(cli, "json")) {
		cli_print_json(cli, answer.json);
	} else {
		if (!apply) /* the proposal alone goes to standard output */
			cli->out = cli->err;
		cli_print(cli, "# %s:\n", apply ? "Changed" : "With --apply this would change");
		cli_print_changes(cli, answer.json);
		cli->out = out;
	}
	json_decref(answer.json);
	return CLI_OK;
}

static void print_proposal(
	struct cli *cli, const struct partner_proposal *p, const json_t *connector)
{
	json_t *list;

	for (size_t i = 0; i < p->choice_count; i++)
		fprintf(cli->err, "# %s: %s\n", p->choices[i].property, p->choices[i].why);
	if (cli_has(cli, "apply"))
		return;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, connector);
		return;
	}
	list = json_pack("{s:[O]}", "connectors", connector);
	print_yaml(cli, list);
	json_decref(list);
}

int cli_run_partner_import(struct cli *cli)
{
	struct partner_kit kit;
	struct partner_import how = {.name = cli_option(cli, "name")};
	struct partner_proposal proposal;
	struct err_info info = {0};
	json_t *json;
	int status = read_kit(cli, cli->words[0], &kit);

	if (status == CLI_OK)
		status = check_roots(cli, &kit);
	if (status == CLI_OK)
		status = our_organisation(cli, &how.organisation);
	if (status != CLI_OK)
		return status;
	how.has_public_roots = are_public(cli, &kit);
	for (size_t i = 0; i < kit.notes.count; i++)
		fprintf(cli->err, "# The partner notes: %s\n", cli_safe(cli, kit.notes.items[i]));
	if (partner_propose(&kit, &how, cli->arena, &proposal, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "no connector can be made of %s: %s",
			cli->words[0], cli_safe(cli, info.text));
	json = record_to_json(&model_connector_desc, &proposal.connector, RECORD_JSON_SPARSE);
	print_proposal(cli, &proposal, json);
	status = propose_to_server(cli, &proposal.connector, json, cli_has(cli, "apply"));
	json_decref(json);
	return status;
}
