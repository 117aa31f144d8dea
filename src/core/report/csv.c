#include "core/report/csv.h"

/* What a spreadsheet may take for a formula: in Japan it does so in full width, too. */
static bool is_formula(struct str cell)
{
	static const char *const starts[] = {"=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x9d",
		"\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

	for (size_t i = 0; i < ARRAY_LENGTH(starts); i++)
		if (str_starts_nocase(cell, str_of(starts[i])))
			return true;
	return false;
}

static bool needs_quotes(struct str cell)
{
	for (size_t i = 0; i < cell.n; i++)
		if (cell.p[i] == '"' || cell.p[i] == ',' || cell.p[i] == '\n' || cell.p[i] == '\r')
			return true;
	return false;
}

static enum err put_text(struct buf *out, struct str cell)
{
	bool quoted = needs_quotes(cell);
	enum err e = quoted ? buf_put_byte(out, '"') : ERR_OK;

	if (e == ERR_OK && is_formula(cell))
		e = buf_put_byte(out, '\'');
	for (size_t i = 0; e == ERR_OK && i < cell.n; i++) {
		if (cell.p[i] == '"')
			e = buf_put_byte(out, '"');
		if (e == ERR_OK)
			e = buf_put_byte(out, cell.p[i]);
	}
	return e == ERR_OK && quoted ? buf_put_byte(out, '"') : e;
}

static enum err put_cell(struct buf *out, const json_t *value)
{
	if (json_is_string(value))
		return put_text(out, str_make(json_string_value(value), json_string_length(value)));
	if (json_is_integer(value))
		return buf_format(out, "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return buf_put_text(out, json_is_true(value) ? "true" : "false");
	return ERR_OK;
}

static enum err put_row(struct buf *out, const json_t *cells)
{
	const json_t *cell;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach (cells, i, cell) {
		if (i > 0 && e == ERR_OK)
			e = buf_put_byte(out, ',');
		if (e == ERR_OK)
			e = put_cell(out, cell);
	}
	return e == ERR_OK ? buf_put_text(out, "\r\n") : e;
}

enum err report_csv_table(const json_t *columns, const json_t *rows, struct buf *out)
{
	const json_t *row;
	size_t i;
	enum err e = put_row(out, columns);

	json_array_foreach (rows, i, row)
		if (e == ERR_OK)
			e = put_row(out, row);
	return e;
}
