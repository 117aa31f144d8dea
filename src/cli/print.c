#include "base/moment.h"
#include "cli/verb.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

static void PRINTF_LIKE(2, 0) complain(struct cli *cli, const char *format, va_list arguments)
{
	fputs("sealpost: ", cli->err);
	vfprintf(cli->err, format, arguments);
	fputc('\n', cli->err);
}

int cli_fail(struct cli *cli, int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(cli, format, arguments);
	va_end(arguments);
	return status;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(cli, format, arguments);
	va_end(arguments);
	fprintf(cli->err, "Try: sealpost %s%s--help\n", cli->verb != NULL ? cli->verb->name : "",
		cli->verb != NULL ? " " : "");
	return CLI_USAGE;
}

void cli_print(struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(cli->out, format, arguments);
	va_end(arguments);
}

const char *cli_colour(const struct cli *cli, enum cli_colour colour)
{
	static const char *const sequences[] = {
		"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"};

	return cli->colour ? sequences[colour] : "";
}

void cli_table_init(struct cli_table *table, const char *const *heads, size_t columns)
{
	*table = (struct cli_table){.heads = heads, .columns = columns};
}

void cli_table_row(struct cli_table *table, const char *const *cells)
{
	if (table->count + table->columns > table->size) {
		table->size = table->size * 2 + 16 * table->columns;
		table->cells = mem_resize(table->cells, table->size, sizeof(char *));
	}
	for (size_t i = 0; i < table->columns; i++)
		table->cells[table->count++] =
			cells[i] != NULL && cells[i][0] != '\0' ? cells[i] : "-";
}

/* Columns on the screen, not bytes: UTF-8 continuation bytes take no room. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			width++;
	return width;
}

static void print_row(struct cli *cli, const struct cli_table *table, const char *const *cells,
	const size_t *widths)
{
	for (size_t i = 0; i < table->columns; i++) {
		fputs(cells[i], cli->out);
		if (i + 1 < table->columns)
			fprintf(cli->out, "%*s", (int)(widths[i] - width_of(cells[i]) + 2), "");
	}
	fputc('\n', cli->out);
}

void cli_table_print(struct cli *cli, struct cli_table *table)
{
	size_t widths[CLI_MAX_COLUMNS] = {0};

	assert(table->columns > 0);
	for (size_t i = 0; i < table->columns; i++)
		widths[i] = width_of(table->heads[i]);
	for (size_t i = 0; i < table->count; i++)
		if (width_of(table->cells[i]) > widths[i % table->columns])
			widths[i % table->columns] = width_of(table->cells[i]);
	fputs(cli_colour(cli, CLI_BOLD), cli->out);
	print_row(cli, table, table->heads, widths);
	fputs(cli_colour(cli, CLI_PLAIN), cli->out);
	for (size_t i = 0; i < table->count; i += table->columns)
		print_row(cli, table, table->cells + i, widths);
	free(table->cells);
	*table = (struct cli_table){.heads = table->heads, .columns = table->columns};
}

void cli_print_json(struct cli *cli, const json_t *json)
{
	json_dumpf(json, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', cli->out);
}

void cli_show(struct cli *cli, const json_t *json, cli_printer *printer)
{
	if (cli_has(cli, "json"))
		cli_print_json(cli, json);
	else
		printer(cli, json);
}

int cli_get_shown(struct cli *cli, const char *path, cli_printer *printer)
{
	json_t *answer = NULL;
	int status = cli_get(cli, path, &answer);

	if (status == CLI_OK)
		cli_show(cli, answer, printer);
	json_decref(answer);
	return status;
}

const char *cli_safe(struct cli *cli, const char *text)
{
	char *copy = arena_text(cli->arena, text != NULL ? text : "");

	for (char *p = copy; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		/* C1 controls are two bytes in UTF-8: 0xc2 0x80..0x9f. */
		if (c < 0x20 || c == 0x7f)
			*p = c == '\n' || c == '\t' ? ' ' : '?';
		else if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
			*p = p[1] = '?';
	}
	return copy;
}

const char *cli_text(struct cli *cli, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return cli_safe(cli, json_string_value(value));
	if (json_is_integer(value))
		return arena_format(cli->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	return "";
}

int64_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

int64_t cli_moment_ms(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	int64_t at = 0;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (json_is_string(value))
		moment_parse_rfc3339(str_of(json_string_value(value)), &at);
	return at;
}

const char *cli_moment(struct cli *cli, const json_t *object, const char *key)
{
	int64_t at = cli_moment_ms(object, key);
	char text[MOMENT_TEXT_SIZE];

	if (at == 0)
		return "-";
	moment_format_rfc3339(at, text);
	text[10] = ' ';
	text[19] = '\0';
	return arena_text(cli->arena, text);
}

const char *cli_size(struct cli *cli, int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_LENGTH(units)) {
		value /= 1024;
		unit++;
	}
	return arena_format(
		cli->arena, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

const char *cli_join(struct cli *cli, const json_t *array, const char *between)
{
	const char *text = "";
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		text = arena_format(cli->arena, "%s%s%s", text, i > 0 ? between : "",
			cli_safe(cli, json_string_value(item)));
	return text;
}
