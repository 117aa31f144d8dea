/* Reports and evidence: what the spool answers, as JSON, as a table for spreadsheets, as a page. */
#include "core/report/csv.h"

#include "base/moment.h"
#include "port/tls/tls.h"
#include "process/admin/call.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CSV = 16 * 1024 * 1024 };

static const char csv_type[] = "text/csv; charset=utf-8";

static bool is_csv(const struct admin_call *call)
{
	const char *format = admin_query(call, "format");

	return format != NULL && strcmp(format, "csv") == 0;
}

/* False: answered. */
static bool check_format(struct admin_call *call)
{
	const char *format = admin_query(call, "format");

	if (format == NULL || is_csv(call) || strcmp(format, "json") == 0)
		return true;
	admin_problem_at(
		call, 400, "invalid", "format", "format: expected json or csv, found %s", format);
	return false;
}

static void reply_csv(struct admin_call *call, const json_t *columns, const json_t *rows)
{
	struct buf out;

	buf_init(&out, MAX_CSV);
	if (report_csv_table(columns, rows, &out) == ERR_OK)
		admin_reply_text(call, csv_type, buf_str(&out));
	else
		admin_problem(call, 400, "the table is too large: ask for less time");
	buf_free(&out);
}

static void reply_report(struct admin_call *call, json_t *report)
{
	if (!is_csv(call)) {
		admin_reply(call, 200, report, NULL);
		return;
	}
	reply_csv(call, json_object_get(report, "columns"), json_object_get(report, "rows"));
	json_decref(report);
}

static void got_report(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		reply_report(call, json_incref((json_t *)result));
}

/* ---- certificates that end --------------------------------------------------------------------
 */

/* Our own certificates are the installation's. */
static void add_own(struct admin_call *call, json_t *rows, int64_t until_ms)
{
	for (size_t i = 0; i < call->admin->certificate_count; i++) {
		const struct runtime_certificate *c = &call->admin->certificates[i];
		struct cert_facts *facts;
		struct err_info info = {0};
		size_t count = 0;
		char text[MOMENT_TEXT_SIZE];

		if (tls_facts_of_pem(c->chain, call->arena, &facts, &count, &info) != ERR_OK ||
			count == 0 || facts[0].not_after_ms >= until_ms)
			continue;
		moment_format_rfc3339(facts[0].not_after_ms, text);
		json_array_append_new(rows,
			json_pack("[s,I,s,n,n,n,s,s?,s?]", text,
				(json_int_t)((facts[0].not_after_ms - runtime_now_ms()) /
					     MOMENT_DAY_MS),
				"own",
				c->version != NULL ? arena_format(call->arena, "%s, version %s",
							     c->name, c->version)
						   : c->name,
				facts[0].subject, facts[0].sha256));
	}
}

static int by_end(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const char *s = json_string_value(json_array_get(x, 0));
	const char *t = json_string_value(json_array_get(y, 0));

	return strcmp(s != NULL ? s : "", t != NULL ? t : "");
}

static json_t *sorted(struct admin_call *call, const json_t *rows)
{
	size_t count = json_array_size(rows);
	json_t **items = arena_array(call->arena, count + 1, sizeof(json_t *));
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(rows, i);
	if (count > 1)
		qsort(items, count, sizeof(json_t *), by_end);
	for (size_t i = 0; i < count; i++)
		json_array_append(array, items[i]);
	return array;
}

static void got_expiring(struct admin_call *call, enum err e, const json_t *result)
{
	const char *until = json_string_value(json_object_get(result, "until"));
	json_t *report, *rows;
	int64_t until_ms = 0;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	rows = json_copy(json_object_get(result, "rows"));
	if (!call->is_limited && admin_query(call, "organisation") == NULL &&
		admin_query(call, "connector") == NULL && until != NULL &&
		moment_parse_rfc3339(str_of(until), &until_ms))
		add_own(call, rows, until_ms);
	report = json_copy((json_t *)result);
	json_object_set_new(report, "rows", sorted(call, rows));
	json_decref(rows);
	reply_report(call, report);
}

/* ---- handlers ---------------------------------------------------------------------------------
 */

void admin_get_reports(struct admin_call *call)
{
	admin_ask_spool(call, "report.list", json_object(), got_report);
}

void admin_get_report(struct admin_call *call)
{
	static const char *const names[] = {
		"since", "until", "step", "organisation", "connector", "direction", NULL};
	bool is_expiring = strcmp(call->segments[0], "expiring") == 0;
	json_t *arguments;

	if (!check_format(call))
		return;
	arguments = json_pack("{s:s}", "name", call->segments[0]);
	for (size_t i = 0; names[i] != NULL; i++)
		if (admin_query(call, names[i]) != NULL)
			json_object_set_new(
				arguments, names[i], json_string(admin_query(call, names[i])));
	admin_ask_spool(call, is_expiring ? "report.expiring" : "report.get", arguments,
		is_expiring ? got_expiring : got_report);
}

static void got_page(struct admin_call *call, enum err e, const json_t *result)
{
	const char *wrapped = admin_query(call, "wrapped");
	const char *type = json_string_value(json_object_get(result, "type"));
	const json_t *text = json_object_get(result, "text");

	if (e != ERR_OK || type == NULL)
		admin_problem_of(call, e, result);
	else if (wrapped != NULL && strcmp(wrapped, "true") == 0)
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
	else
		admin_reply_text(call, arena_text(call->arena, type),
			str_make(json_string_value(text), json_string_length(text)));
}

void admin_get_evidence(struct admin_call *call)
{
	json_t *arguments = json_pack("{s:s}", "id", call->segments[0]);

	if (admin_query(call, "format") != NULL)
		json_object_set_new(arguments, "format", json_string(admin_query(call, "format")));
	admin_ask_spool(call, "trace.evidence", arguments, got_page);
}

/* ---- the trace as a table ---------------------------------------------------------------------
 */

static json_t *trace_row(const json_t *item)
{
	const json_t *last = json_object_get(item, "last"), *to, *recipient;
	const json_t *receipt = json_object_get(last, "receipt");
	json_t *cells = json_array(), *joined = json_string("");
	size_t i;

	to = json_object_get(item, "recipients");
	json_array_foreach (to, i, recipient) {
		json_t *more = json_sprintf("%s%s%s", json_string_value(joined), i > 0 ? " " : "",
			json_string_value(recipient));

		json_decref(joined);
		joined = more;
	}
	json_array_append(cells, json_object_get(item, "id"));
	json_array_append(cells, json_object_get(item, "at"));
	json_array_append(cells, json_object_get(item, "sender"));
	json_array_append_new(cells, joined);
	json_array_append(cells, json_object_get(item, "message_id"));
	json_array_append(cells, json_object_get(item, "subject"));
	json_array_append(cells, json_object_get(item, "size"));
	json_array_append(cells, json_object_get(last, "kind"));
	json_array_append(cells, json_object_get(last, "at"));
	json_array_append(cells, json_object_get(last, "token"));
	json_array_append(cells, json_object_get(last, "text"));
	json_array_append(cells, json_object_get(last, "organisation"));
	json_array_append(cells, json_object_get(last, "connector"));
	/* Not there, or null: an empty cell. */
	json_array_append_new(cells, json_deep_copy(json_object_get(receipt, "host")));
	if (json_array_size(cells) < 14)
		json_array_append_new(cells, json_null());
	json_array_append_new(cells, json_deep_copy(json_object_get(receipt, "version")));
	if (json_array_size(cells) < 15)
		json_array_append_new(cells, json_null());
	return cells;
}

static void got_trace(struct admin_call *call, enum err e, const json_t *result)
{
	json_t *columns, *rows;
	const json_t *item;
	size_t i;

	if (e != ERR_OK || !is_csv(call)) {
		if (e != ERR_OK)
			admin_problem_of(call, e, result);
		else
			admin_reply(call, 200, json_incref((json_t *)result), NULL);
		return;
	}
	columns = json_pack("[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s]", "id", "at", "sender", "recipients",
		"message_id", "subject", "size", "last", "last_at", "token", "text", "organisation",
		"connector", "host", "tls");
	rows = json_array();
	json_array_foreach (json_object_get(result, "items"), i, item)
		json_array_append_new(rows, trace_row(item));
	reply_csv(call, columns, rows);
	json_decref(columns);
	json_decref(rows);
}

/* ARGUMENTS is taken. */
void admin_ask_trace(struct admin_call *call, json_t *arguments)
{
	if (check_format(call))
		admin_ask_spool(call, "trace.search", arguments, got_trace);
	else
		json_decref(arguments);
}
