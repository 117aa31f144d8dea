/* Reports. */
#include "cli/verb.h"
#include "core/report/csv.h"

#include <string.h>

enum { MAX_CSV = 16 * 1024 * 1024 };

/* A cell as people read it. */
static const char *cell_text(struct cli *cli, const char *column, const json_t *cell)
{
	if (strcmp(column, "bytes") == 0)
		return cli_size(cli, json_integer_value(cell));
	if (json_is_integer(cell))
		return arena_format(cli->arena, "%lld", (long long)json_integer_value(cell));
	if (json_is_string(cell))
		return cli_safe(cli, json_string_value(cell));
	return "-";
}

/* Is there anything in this column? */
static bool is_used(const json_t *rows, size_t column)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!json_is_null(json_array_get(row, column)))
			return true;
	return false;
}

static const char *upper(struct cli *cli, const char *text)
{
	char *copy = arena_text(cli->arena, text);

	for (char *p = copy; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	return copy;
}

static void print_report(struct cli *cli, const json_t *report)
{
	const json_t *columns = json_object_get(report, "columns"), *row;
	const json_t *rows = json_object_get(report, "rows");
	const char *heads[CLI_MAX_COLUMNS], *cells[CLI_MAX_COLUMNS];
	size_t used[CLI_MAX_COLUMNS], count = 0, i;
	struct cli_table table;

	for (i = 0; i < json_array_size(columns) && count < CLI_MAX_COLUMNS; i++)
		if (is_used(rows, i))
			used[count++] = i;
	for (i = 0; i < count; i++)
		heads[i] = upper(cli, json_string_value(json_array_get(columns, used[i])));
	cli_print(cli, "%s from %s to %s (UTC)\n", cli_text(cli, report, "report"),
		cli_moment(cli, report, "since"), cli_moment(cli, report, "until"));
	if (json_array_size(rows) == 0) {
		cli_print(cli, "There is nothing to report.\n");
		return;
	}
	cli_table_init(&table, heads, count);
	json_array_foreach (rows, i, row) {
		for (size_t k = 0; k < count; k++) {
			const char *column = json_string_value(json_array_get(columns, used[k]));

			cells[k] = cell_text(cli, column, json_array_get(row, used[k]));
		}
		cli_table_row(&table, cells);
	}
	cli_table_print(cli, &table);
	if (json_is_true(json_object_get(report, "crowded")))
		cli_print(cli, "There were more; what could not be told apart stands as \"*\".\n");
}

static int print_csv(struct cli *cli, const json_t *report)
{
	struct buf out;
	int status = CLI_OK;

	buf_init(&out, MAX_CSV);
	if (report_csv_table(json_object_get(report, "columns"), json_object_get(report, "rows"),
		    &out) == ERR_OK)
		status = cli_write_output(cli, buf_str(&out));
	else
		status = cli_fail(cli, CLI_FAILED, "the table is too large: ask for less time");
	buf_free(&out);
	return status;
}

int cli_run_report(struct cli *cli)
{
	static const char *const options[] = {"organisation", "connector", "direction", NULL};
	const char *path =
		arena_format(cli->arena, "/v1/reports/%s", cli_escape(cli, cli->words[0]));
	const char *since, *until, *step = cli_option(cli, "step");
	json_t *report = NULL;
	int status = cli_moment_option(cli, "since", &since);

	if (status == CLI_OK)
		status = cli_moment_option(cli, "until", &until);
	if (status != CLI_OK)
		return status;
	path = cli_query(cli, path, "since", since);
	path = cli_query(cli, path, "until", until);
	path = cli_query(cli, path, "step", step != NULL ? step : "total");
	for (size_t i = 0; options[i] != NULL; i++)
		path = cli_query(cli, path, options[i], cli_option(cli, options[i]));
	status = cli_get(cli, path, &report);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json"))
		cli_print_json(cli, report);
	else if (cli_has(cli, "csv"))
		status = print_csv(cli, report);
	else
		print_report(cli, report);
	json_decref(report);
	return status;
}
