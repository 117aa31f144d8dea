/* Organisations, domains and connectors, one at a time. */
#include "cli/verb.h"

#include <string.h>

static const struct model_kind_row *kind_of(const struct cli *cli)
{
	return &model_kinds[cli->verb->kind];
}

/* "/v1/connectors/contoso/fabrikam" */
static const char *path_of(struct cli *cli, const char *key)
{
	const char *path = arena_format(cli->arena, "/v1/%s", kind_of(cli)->plural);
	struct str rest = str_of(key);

	while (rest.n > 0)
		path = arena_format(cli->arena, "%s/%s", path,
			cli_escape(cli, arena_text_of(cli->arena, str_cut(&rest, '/'))));
	return path;
}

/* The first word in full. */
static int take_key(struct cli *cli)
{
	if (!kind_of(cli)->is_nested)
		return CLI_OK;
	return cli_full_name(cli, kind_of(cli)->singular, cli->words[0], &cli->words[0]);
}

/* ---- list ------------------------------------------------------------------------------------ */

/* Which mail an outbound half without domains is for. */
static const char *way_text(const json_t *out)
{
	if (json_is_true(json_object_get(out, "rule_scoped")))
		return "where a rule says so";
	if (json_is_true(json_object_get(out, "route_all_via_on_premises")))
		return "everywhere";
	return json_is_true(json_object_get(out, "all_accepted_domains")) ? "all accepted domains"
									  : "nobody";
}

static const char *half_text(struct cli *cli, const json_t *object, const char *half)
{
	const json_t *in = json_object_get(object, half);
	bool is_inbound = strcmp(half, "inbound") == 0;
	const char *domains = cli_join(cli,
		json_object_get(in, is_inbound ? "sender_domains" : "recipient_domains"), ", ");

	if (!json_is_object(in))
		return "-";
	if (is_inbound)
		return arena_format(cli->arena, "from %s%s%s%s",
			domains[0] != '\0' ? domains : "its certificate or addresses",
			json_is_true(json_object_get(in, "require_tls")) ? "; TLS" : "",
			cli_text(cli, in, "certificate_name")[0] != '\0' ? " as " : "",
			cli_text(cli, in, "certificate_name"));
	return arena_format(cli->arena, "to %s; TLS %s%s%s",
		domains[0] != '\0' ? domains : way_text(in), cli_text(cli, in, "tls"),
		cli_text(cli, in, "tls_domain")[0] != '\0' ? " " : "",
		cli_text(cli, in, "tls_domain"));
}

static void list_organisations(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {"NAME", "CERTIFICATE", "MINIMUM TLS", "COMMENT"};
	struct cli_table table;
	const json_t *o;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, o)
		cli_table_row(&table,
			(const char *[]){cli_text(cli, o, "name"), cli_text(cli, o, "certificate"),
				cli_text(cli, o, "minimum_tls"), cli_text(cli, o, "comment")});
	cli_table_print(cli, &table);
}

static void list_domains(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"DOMAIN", "ORGANISATION", "TYPE", "RECIPIENTS", "DELIVERY"};
	struct cli_table table;
	const json_t *o;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, o) {
		const char *name = cli_text(cli, o, "name");

		if (json_is_true(json_object_get(o, "subdomains")))
			name = arena_format(cli->arena, "%s, *.%s", name, name);
		cli_table_row(&table,
			(const char *[]){name, cli_text(cli, o, "organisation"),
				cli_text(cli, o, "type"),
				json_is_true(json_object_get(o, "directory")) ? "listed" : "any",
				cli_text(cli, o, "delivery")});
	}
	cli_table_print(cli, &table);
}

static bool reports(const json_t *connector, const char *half)
{
	const char *mode =
		json_string_value(json_object_get(json_object_get(connector, half), "mode"));

	return mode != NULL && strcmp(mode, "report") == 0;
}

static const char *state_of(const json_t *connector)
{
	bool in = reports(connector, "inbound"), out = reports(connector, "outbound");

	if (json_is_false(json_object_get(connector, "enabled")))
		return "disabled";
	return in && out ? "report" : in ? "report inbound" : out ? "report outbound" : "enabled";
}

/* Whether a partner's connector forces TLS: "both ways", "no", or the one way. */
static const char *forced(struct cli *cli, const json_t *connector)
{
	const char *only = cli_text(cli, connector, "one_direction");
	const json_t *in = json_object_get(connector, "inbound");
	const json_t *out = json_object_get(connector, "outbound");
	bool is_in = json_is_object(in) && !reports(connector, "inbound") &&
		     (json_is_true(json_object_get(in, "require_tls")) ||
			     json_is_true(json_object_get(in, "restrict_to_certificate")));
	bool is_out = json_is_object(out) && !reports(connector, "outbound") &&
		      strcmp(cli_text(cli, out, "tls"), "none") != 0;

	if (strcmp(cli_text(cli, connector, "type"), "partner") != 0)
		return "";
	if (only[0] != '\0')
		return arena_format(cli->arena, "%s only!", only);
	if (json_is_false(json_object_get(connector, "enabled")))
		return "no";
	/* The other way may be forced by a connector of its own. */
	return is_in || is_out ? "both ways" : "no";
}

static void list_connectors(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"CONNECTOR", "TYPE", "STATE", "FORCED", "INBOUND", "OUTBOUND"};
	struct cli_table table;
	const json_t *o;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, o)
		cli_table_row(&table,
			(const char *[]){
				arena_format(cli->arena, "%s/%s", cli_text(cli, o, "organisation"),
					cli_text(cli, o, "name")),
				cli_text(cli, o, "type"), state_of(o), forced(cli, o),
				half_text(cli, o, "inbound"), half_text(cli, o, "outbound")});
	cli_table_print(cli, &table);
}

static void list_recipients(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {"ADDRESS", "PLACE", "COMMENT"};
	struct cli_table table;
	const json_t *o;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, o)
		cli_table_row(
			&table, (const char *[]){cli_text(cli, o, "address"),
					cli_text(cli, o, "place"), cli_text(cli, o, "comment")});
	cli_table_print(cli, &table);
}

/* The conditions of a rule but its direction, "senders a, b; header X-Class". */
static const char *conditions(struct cli *cli, const json_t *rule)
{
	static const char *const lists[] = {"senders", "recipients"};
	const char *text = "", *header = cli_text(cli, rule, "header");
	const char *contains = cli_text(cli, rule, "header_contains");
	const char *larger = cli_text(cli, rule, "larger_than");

	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		const char *all = cli_join(cli, json_object_get(rule, lists[i]), ", ");

		if (all[0] != '\0')
			text = arena_format(cli->arena, "%s%s%s %s", text,
				text[0] != '\0' ? "; " : "", lists[i], all);
	}
	if (header[0] != '\0')
		text = arena_format(cli->arena, "%s%sheader %s%s%s", text,
			text[0] != '\0' ? "; " : "", header, contains[0] != '\0' ? " with " : "",
			contains);
	if (strcmp(larger, "") != 0 && strcmp(larger, "0") != 0)
		text = arena_format(cli->arena, "%s%slarger than %s", text,
			text[0] != '\0' ? "; " : "", larger);
	return text;
}

static void list_rules(struct cli *cli, const json_t *items)
{
	static const char *const heads[] = {
		"RULE", "STATE", "DIRECTION", "TLS", "CONNECTOR", "ACTION", "CONDITIONS"};
	struct cli_table table;
	const json_t *o;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (items, i, o)
		cli_table_row(&table,
			(const char *[]){
				arena_format(cli->arena, "%s/%s", cli_text(cli, o, "organisation"),
					cli_text(cli, o, "name")),
				json_is_false(json_object_get(o, "enabled"))
					? "disabled"
					: cli_text(cli, o, "mode"),
				cli_text(cli, o, "direction"), cli_text(cli, o, "require_tls"),
				cli_text(cli, o, "connector"), cli_text(cli, o, "action"),
				conditions(cli, o)});
	cli_table_print(cli, &table);
}

int cli_run_object_list(struct cli *cli)
{
	static void (*const lists[MODEL_KIND_MAX])(struct cli *, const json_t *) = {
		[MODEL_ORGANISATION] = list_organisations,
		[MODEL_DOMAIN] = list_domains,
		[MODEL_CONNECTOR] = list_connectors,
		[MODEL_RECIPIENT] = list_recipients,
		[MODEL_RULE] = list_rules,
	};
	const char *path = arena_format(cli->arena, "/v1/%s", kind_of(cli)->plural);
	json_t *items = NULL;
	size_t limit;
	int status = cli_limit(cli, 0, &limit);

	path = cli_query(cli, path, "organisation", cli_option(cli, "organisation"));
	path = cli_query(cli, path, "domain", cli_option(cli, "domain"));
	if (status == CLI_OK)
		status = cli_get_all(cli, path, limit, &items);
	if (status != CLI_OK)
		return status;
	cli_show(cli, items, lists[cli->verb->kind]);
	json_decref(items);
	return CLI_OK;
}

/* ---- one ------------------------------------------------------------------------------------- */

/* Not a property that could be set: a remark, so that what is shown can be applied. */
static void print_direction(struct cli *cli, json_t *object)
{
	const char *only = cli_text(cli, object, "one_direction");

	if (only[0] != '\0')
		cli_print(cli, "# TLS is forced %s only\n", only);
	json_object_del(object, "one_direction");
}

int cli_run_object_show(struct cli *cli)
{
	json_t *object = NULL;
	struct buf text;
	int status = take_key(cli);

	if (status == CLI_OK)
		status = cli_get(cli, path_of(cli, cli->words[0]), &object);
	if (status != CLI_OK)
		return status;
	buf_init(&text, 1024 * 1024);
	if (cli_has(cli, "json"))
		cli_print_json(cli, object);
	else
		print_direction(cli, object);
	if (!cli_has(cli, "json") && model_format_yaml(object, &text) == ERR_OK)
		fwrite(buf_str(&text).p, 1, buf_length(&text), cli->out);
	buf_free(&text);
	json_decref(object);
	return CLI_OK;
}

/* Send a change, show what it did. Takes BODY. */
static int change(struct cli *cli, const char *method, const char *path, json_t *body)
{
	struct cli_answer answer = {0};
	struct cli_call call = {.method = method,
		.path = cli_query(cli, path, "dry_run", cli_has(cli, "dry-run") ? "1" : NULL),
		.body = body};
	int status = cli_ask(cli, &call, &answer);

	json_decref(body);
	if (status != CLI_OK)
		return status;
	cli_show(cli, answer.json, cli_print_changes);
	json_decref(answer.json);
	return CLI_OK;
}

int cli_run_object_add(struct cli *cli)
{
	const char *name = cli->words[0], *slash = strchr(name, '/');
	json_t *body = NULL;
	int status = cli_properties(cli, &body);

	if (status != CLI_OK)
		return status;
	if (kind_of(cli)->is_nested && slash != NULL) { /* ORGANISATION/NAME will do */
		json_object_set_new(
			body, "organisation", json_stringn(name, (size_t)(slash - name)));
		name = slash + 1;
	}
	json_object_set_new(body, kind_of(cli)->key, json_string(name));
	return change(cli, "POST", arena_format(cli->arena, "/v1/%s", kind_of(cli)->plural), body);
}

int cli_run_object_set(struct cli *cli)
{
	json_t *body = NULL;
	int status = take_key(cli);

	if (status == CLI_OK)
		status = cli_properties(cli, &body);
	if (status == CLI_OK && json_object_size(body) == 0) {
		json_decref(body);
		return cli_usage(cli, "say which property to set");
	}
	if (status != CLI_OK)
		return status;
	return change(cli, "PATCH", path_of(cli, cli->words[0]), body);
}

int cli_run_object_remove(struct cli *cli)
{
	int status = take_key(cli);

	if (status != CLI_OK)
		return status;
	if (cli->interactive && !cli_has(cli, "yes") && !cli_has(cli, "dry-run") &&
		!cli_confirm(cli, arena_format(cli->arena, "Remove %s %s?", kind_of(cli)->singular,
					  cli->words[0])))
		return cli_fail(cli, CLI_FAILED, "nothing was changed");
	return change(cli, "DELETE", path_of(cli, cli->words[0]), NULL);
}
