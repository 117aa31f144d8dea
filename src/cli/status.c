/* The server as a whole: status, reload, remembered hosts, what TLS is offered. */
#include "base/moment.h"
#include "cli/verb.h"

#include <string.h>

static const char *span(struct cli *cli, int64_t ms)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_span(ms > 0 ? ms : 0, text);
	return arena_text(cli->arena, text);
}

/* "key=value ..." of the numbers in an object. */
static const char *counters(struct cli *cli, const json_t *object)
{
	const char *text = "", *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value)
		if (json_is_integer(value) || json_is_boolean(value) || json_is_string(value))
			text = arena_format(cli->arena, "%s%s%s=%s", text,
				text[0] != '\0' ? " " : "", key, cli_text(cli, object, key));
	return text;
}

static void print_processes(struct cli *cli, const json_t *status)
{
	static const char *const heads[] = {
		"PROCESS", "PID", "STATE", "UP", "RESTARTS", "COUNTERS"};
	struct cli_table table;
	const json_t *p;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(status, "processes"), i, p)
		cli_table_row(&table,
			(const char *[]){arena_format(cli->arena, "%s/%s", cli_text(cli, p, "role"),
						 cli_text(cli, p, "index")),
				cli_text(cli, p, "pid"), cli_text(cli, p, "state"),
				span(cli, cli_number(p, "uptime_ms")), cli_text(cli, p, "restarts"),
				counters(cli, json_object_get(p, "stats"))});
	cli_table_print(cli, &table);
}

static void print_fact(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "%-14s %s\n", label, text);
}

/* Whether answers of the DNS are validated, and if not, why. */
static const char *dnssec(struct cli *cli, const json_t *status)
{
	const json_t *p;
	size_t i;

	json_array_foreach (json_object_get(status, "processes"), i, p) {
		const json_t *stats = json_object_get(p, "stats");
		const char *reason = cli_text(cli, json_object_get(stats, "dnssec"), "reason");

		if (strcmp(cli_text(cli, p, "role"), "lookup") != 0 ||
			json_object_get(stats, "validating") == NULL)
			continue;
		if (json_is_true(json_object_get(stats, "validating")))
			return "answers are validated";
		return arena_format(cli->arena, "answers are not validated%s%s",
			reason[0] != '\0' ? ": " : "", reason);
	}
	return "";
}

static void print_server(struct cli *cli, const json_t *status)
{
	const json_t *reload = json_object_get(status, "reload"), *listener;
	const char *listeners = "";
	size_t i;

	json_array_foreach (json_object_get(status, "listeners"), i, listener)
		listeners = arena_format(cli->arena, "%s%s%s (%s)", listeners, i > 0 ? ", " : "",
			cli_text(cli, listener, "address"), cli_text(cli, listener, "name"));
	print_fact(cli, "Host", cli_text(cli, status, "hostname"));
	print_fact(cli, "State", cli_text(cli, status, "state"));
	print_fact(cli, "Version", cli_text(cli, status, "version"));
	print_fact(cli, "Up", span(cli, cli_number(status, "uptime_ms")));
	print_fact(cli, "Listens on", listeners);
	print_fact(cli, "Node file", cli_text(cli, status, "node_file"));
	print_fact(cli, "Data", cli_text(cli, status, "data"));
	print_fact(cli, "Run", cli_text(cli, status, "run"));
	print_fact(cli, "Configuration",
		arena_format(cli->arena, "generation %s", cli_text(cli, status, "generation")));
	print_fact(cli, "DNSSEC", dnssec(cli, status));
	if (json_is_object(reload))
		print_fact(cli, "Last reload",
			arena_format(cli->arena, "%s%s%s", cli_moment(cli, reload, "at"),
				json_is_true(json_object_get(reload, "ok")) ? "" : ", failed: ",
				cli_text(cli, reload, "error")));
	if (cli_number(json_object_get(status, "spool"), "alarms") > 0)
		print_fact(cli, "Alarms",
			arena_format(cli->arena, "%s not acknowledged: sealpost alarms list",
				cli_text(cli, json_object_get(status, "spool"), "alarms")));
	print_fact(cli, "Queue", counters(cli, json_object_get(status, "spool")));
}

/* The sums over all processes of what they count by outcome, under KEY. */
static json_t *by_outcome(const json_t *status, const char *key)
{
	json_t *sums = json_object(), *value;
	const json_t *p;
	const char *token;
	size_t i;

	json_array_foreach (json_object_get(status, "processes"), i, p)
		json_object_foreach (
			json_object_get(json_object_get(p, "stats"), key), token, value)
			json_object_set_new(sums, token,
				json_integer(json_integer_value(json_object_get(sums, token)) +
					     json_integer_value(value)));
	return sums;
}

/* What policy refused to clients, and which demands next hops did not meet, since the processes
 * began. */
static void print_outcomes(struct cli *cli, const json_t *status)
{
	static const char *const heads[] = {"OUTCOME", "REFUSED", "NEXT HOPS UNMET"};
	json_t *refused = by_outcome(status, "refused_by"), *unmet = by_outcome(status, "unmet_by");
	json_t *all = json_copy(refused), *value;
	struct cli_table table;
	const char *token;

	json_object_update_missing(all, unmet);
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_object_foreach (all, token, value)
		cli_table_row(&table,
			(const char *[]){arena_text(cli->arena, token),
				cli_text(cli, refused, token), cli_text(cli, unmet, token)});
	if (table.count > 0) {
		cli_print(cli, "\n");
		cli_table_print(cli, &table);
	}
	json_decref(all);
	json_decref(refused);
	json_decref(unmet);
}

static void print_status(struct cli *cli, const json_t *status)
{
	print_server(cli, status);
	cli_print(cli, "\n");
	print_processes(cli, status);
	print_outcomes(cli, status);
}

int cli_run_status(struct cli *cli)
{
	return cli_get_shown(cli, "/v1/status", print_status);
}

int cli_run_reload(struct cli *cli)
{
	struct cli_answer answer = {0};
	int status =
		cli_ask(cli, &(struct cli_call){.method = "POST", .path = "/v1/reload"}, &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, answer.json);
	else
		cli_print(cli, "Node file and certificates were read again.\n");
	json_decref(answer.json);
	return CLI_OK;
}

static void print_hosts(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"HOST", "TLS ATTEMPT", "UNTIL (UTC)", "REASON"};
	struct cli_table table;
	const json_t *h;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, h)
		cli_table_row(&table,
			(const char *[]){cli_text(cli, h, "host"), cli_text(cli, h, "attempt"),
				cli_moment(cli, h, "until"), cli_text(cli, h, "reason")});
	if (table.count == 0)
		cli_print(cli, "Nothing is remembered of any host: all get full TLS.\n");
	else
		cli_table_print(cli, &table);
	if (json_array_size(json_object_get(answer, "routes_dead")) > 0)
		cli_print(cli, "\nNext hops that cannot be reached at the moment: %s\n",
			cli_join(cli, json_object_get(answer, "routes_dead"), ", "));
}

int cli_run_host_list(struct cli *cli)
{
	json_t *answer = NULL;
	int status = cli_get_pages(cli, "/v1/hosts", 0, &answer);

	if (status == CLI_OK)
		cli_show(cli, answer, print_hosts);
	json_decref(answer);
	return status;
}

int cli_run_host_forget(struct cli *cli)
{
	struct cli_answer answer = {0};
	const char *path = arena_format(cli->arena, "/v1/hosts/%s", cli_escape(cli, cli->words[0]));
	int status = cli_ask(cli, &(struct cli_call){.method = "DELETE", .path = path}, &answer);

	if (status != CLI_OK)
		return status;
	if (!cli_has(cli, "json"))
		cli_print(cli, "Forgotten: %s\n", cli->words[0]);
	json_decref(answer.json);
	return CLI_OK;
}
