/* Routes of reports, and of evidence. */
#include "process/admin/routes.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/reports",
		.doc = "The reports there are.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_reports,
		.pages = true,
		.page_key = "name",
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [report-kind], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/reports/{name}",
		.doc = "One report: 30 days unless since says otherwise, by the day; certificates "
		       "that end within 90 days.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_report,
		.query = "{since?: moment, until?: moment, step?: 'hour'|'day'|'total', "
			 "organisation?: text..200, connector?: text..200 (organisation/name), "
			 "direction?: 'inbound'|'outbound'|'in'|'out', format?: 'json'|'csv'}",
		.response = "report",
		.types = "application/json text/csv"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/trace/{id}/evidence",
		.doc = "One message's way, hop by hop, as a page that can be printed; wrapped: as "
		       "a text in JSON.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_evidence,
		.query = "{format?: 'html'|'text'|'markdown', wrapped?: boolean}",
		.response = "{type: text, text: text}",
		.types = "text/html text/plain text/markdown application/json"},
};

static const struct admin_shape shapes[] = {
	{"report-kind", "{name: text, doc: text, columns: [text]}", "A report."},
	{"report",
		"{report: text, since: moment, until: moment, step: 'hour'|'day'|'total', columns: "
		"[text], rows: [[any]], crowded: boolean}",
		"Rows have a value for each column; crowded: there were more than could be told "
		"apart, the rest is \"*\"."},
};

const struct admin_route_table admin_routes_report = {.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes)};
