/* What the server counts and watches: readiness of connectors, alarms, protection. */
#include "cli/verb.h"

#include <string.h>

/* Print as JSON where that is wanted; *ret stays NULL then.  ANSWER is taken. */
static int given(struct cli *cli, int status, json_t *answer, json_t **ret)
{
	if (status != CLI_OK)
		return status;
	if (!cli_has(cli, "json")) {
		*ret = answer;
		return CLI_OK;
	}
	cli_print_json(cli, answer);
	json_decref(answer);
	return CLI_OK;
}

static int get(struct cli *cli, const char *path, json_t **ret)
{
	json_t *answer = NULL;
	int status = cli_get(cli, path, &answer);

	return given(cli, status, answer, ret);
}

/* The whole of a listing. */
static int get_listing(struct cli *cli, const char *path, json_t **ret)
{
	json_t *answer = NULL;
	int status = cli_get_pages(cli, path, 0, &answer);

	return given(cli, status, answer, ret);
}

/* ---- readiness ---------------------------------------------------------------------------------
 */

static const char *host_of(struct cli *cli, const json_t *reason)
{
	const char *host = cli_text(cli, reason, "host"), *name = cli_text(cli, reason, "name");

	if (strcmp(host, "*") == 0)
		return "(others)";
	return name[0] != '\0' ? arena_format(cli->arena, "%s [%s]", name, host) : host;
}

static void print_reasons(struct cli *cli, const json_t *reasons)
{
	static const char *const heads[] = {
		"REASON", "HOST", "COUNT", "FIRST (UTC)", "LAST (UTC)", "SAMPLE"};
	struct cli_table table;
	const json_t *reason;
	size_t i;

	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (reasons, i, reason) {
		const char *sample = cli_text(cli, reason, "sample");

		cli_table_row(&table,
			(const char *[]){cli_text(cli, reason, "token"), host_of(cli, reason),
				cli_text(cli, reason, "count"), cli_moment(cli, reason, "first"),
				cli_moment(cli, reason, "last"), sample[0] != '\0' ? sample : "-"});
	}
	if (table.count == 0)
		return;
	cli_print(cli, "\n");
	cli_table_print(cli, &table);
}

/* Each reason once: what it means, and what to do. */
static void print_meanings(struct cli *cli, const json_t *reasons)
{
	json_t *told = json_object();
	const json_t *reason;
	size_t i;

	json_array_foreach (reasons, i, reason) {
		const char *token = cli_text(cli, reason, "token");
		const char *meaning = cli_text(cli, reason, "meaning");

		if (json_object_get(told, token) != NULL || meaning[0] == '\0')
			continue;
		json_object_set_new(told, token, json_true());
		cli_print(cli, "%s%s: %s.\n    %s.\n", json_object_size(told) == 1 ? "\n" : "",
			token, meaning, cli_text(cli, reason, "remedy"));
	}
	json_decref(told);
}

static void print_direction(struct cli *cli, const char *title, const json_t *direction)
{
	const char *mode = cli_text(cli, direction, "mode");
	const json_t *reasons = json_object_get(direction, "reasons");

	if (mode[0] == '\0' && json_array_size(reasons) == 0)
		return;
	cli_print(cli, "\n%s%s%s (%s)\n", cli_colour(cli, CLI_BOLD), title,
		cli_colour(cli, CLI_PLAIN),
		mode[0] == '\0'		      ? "has no such half now"
		: strcmp(mode, "report") == 0 ? "report mode: refuses nothing"
					      : "enforced");
	if (mode[0] != '\0')
		cli_print(cli, "%s\n", cli_text(cli, direction, "verdict"));
	if (!json_is_null(json_object_get(direction, "counted_since")))
		cli_print(
			cli, "counted since %s UTC\n", cli_moment(cli, direction, "counted_since"));
	print_reasons(cli, reasons);
	print_meanings(cli, reasons);
}

int cli_run_readiness(struct cli *cli)
{
	struct str rest, organisation;
	const char *path, *name;
	json_t *answer = NULL;
	int status = cli_full_name(cli, "connector", cli->words[0], &name);

	if (status != CLI_OK)
		return status;
	rest = str_of(name);
	organisation = str_cut(&rest, '/');
	if (organisation.n == 0 || rest.n == 0)
		return cli_usage(cli, "expected ORGANISATION/NAME, found %s", name);
	path = arena_format(cli->arena, "/v1/connectors/%s/%s/readiness",
		cli_escape(cli, arena_text_of(cli->arena, organisation)),
		cli_escape(cli, arena_text_of(cli->arena, rest)));
	status = get(cli, cli_query(cli, path, "days", cli_option(cli, "days")), &answer);
	if (status != CLI_OK || answer == NULL)
		return status;
	cli_print(cli, "Connector %s/%s%s, the last %s days\n",
		cli_text(cli, answer, "organisation"), cli_text(cli, answer, "connector"),
		json_is_true(json_object_get(answer, "enabled")) ? "" : " (not enabled)",
		cli_text(cli, answer, "days"));
	print_direction(cli, "Inbound", json_object_get(answer, "inbound"));
	print_direction(cli, "Outbound", json_object_get(answer, "outbound"));
	json_decref(answer);
	return CLI_OK;
}

/* ---- alarms ------------------------------------------------------------------------------------
 */

static const char *state_of(struct cli *cli, const json_t *alarm)
{
	const char *by = cli_text(cli, alarm, "acknowledged_by");
	bool over = !json_is_null(json_object_get(alarm, "over"));

	if (by[0] != '\0')
		return arena_format(cli->arena, "%sacknowledged by %s", over ? "over, " : "", by);
	return over ? "over" : "goes on";
}

int cli_run_alarms_list(struct cli *cli)
{
	static const char *const heads[] = {
		"ID", "KIND", "SUBJECT", "FIRST (UTC)", "LAST (UTC)", "COUNT", "STATE", "TEXT"};
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *a;
	size_t i;
	int status =
		get_listing(cli, cli_has(cli, "all") ? "/v1/alarms?all=1" : "/v1/alarms", &answer);

	if (status != CLI_OK || answer == NULL)
		return status;
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, a)
		cli_table_row(
			&table, (const char *[]){cli_text(cli, a, "id"), cli_text(cli, a, "kind"),
					cli_text(cli, a, "subject"), cli_moment(cli, a, "first"),
					cli_moment(cli, a, "last"), cli_text(cli, a, "count"),
					state_of(cli, a), cli_text(cli, a, "text")});
	if (table.count == 0)
		cli_print(cli, "There are no alarms%s.\n",
			cli_has(cli, "all") ? "" : " that nobody has acknowledged");
	else
		cli_table_print(cli, &table);
	json_decref(answer);
	return CLI_OK;
}

int cli_run_alarms_acknowledge(struct cli *cli)
{
	for (size_t i = 0; i < cli->word_count; i++) {
		struct cli_answer answer = {0};
		struct cli_call call = {.method = "POST",
			.path = arena_format(cli->arena, "/v1/alarms/%s/acknowledge",
				cli_escape(cli, cli->words[i]))};
		int status = cli_ask(cli, &call, &answer);

		if (status != CLI_OK)
			return status;
		if (!cli_has(cli, "json"))
			cli_print(cli, "Acknowledged: %s\n", cli->words[i]);
		json_decref(answer.json);
	}
	return CLI_OK;
}

/* ---- protection --------------------------------------------------------------------------------
 */

static void protection_row(struct cli *cli, struct cli_table *table, const json_t *p)
{
	const char *network = cli_text(cli, p, "network");

	cli_table_row(
		table, (const char *[]){cli_text(cli, p, "domain"), cli_text(cli, p, "direction"),
			       network[0] != '\0' ? network : "-", cli_text(cli, p, "best"),
			       cli_text(cli, p, "host"), cli_text(cli, p, "now"),
			       cli_moment(cli, p, "fallen")});
}

int cli_run_protection_list(struct cli *cli)
{
	static const char *const heads[] = {
		"DOMAIN", "DIRECTION", "NETWORK", "BEST", "BY HOST", "NOW", "FALLEN (UTC)"};
	const char *path = cli_query(cli, "/v1/protection", "domain", cli_option(cli, "domain"));
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *p;
	size_t i;
	int status = get_listing(
		cli, cli_query(cli, path, "fallen", cli_has(cli, "fallen") ? "1" : NULL), &answer);

	if (status != CLI_OK || answer == NULL)
		return status;
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	/* What has fallen comes first. */
	for (int turn = 0; turn < 2; turn++)
		json_array_foreach (json_object_get(answer, "items"), i, p)
			if (json_is_null(json_object_get(p, "fallen")) == (turn == 1))
				protection_row(cli, &table, p);
	if (table.count == 0)
		cli_print(cli, "Nothing is remembered.\n");
	else
		cli_table_print(cli, &table);
	json_decref(answer);
	return CLI_OK;
}

int cli_run_protection_forget(struct cli *cli)
{
	struct cli_answer answer = {0};
	const char *path =
		arena_format(cli->arena, "/v1/protection/%s", cli_escape(cli, cli->words[0]));
	int status = cli_ask(cli, &(struct cli_call){.method = "DELETE", .path = path}, &answer);

	if (status != CLI_OK)
		return status;
	if (!cli_has(cli, "json"))
		cli_print(cli, "Forgotten: %s\n", cli->words[0]);
	json_decref(answer.json);
	return CLI_OK;
}
