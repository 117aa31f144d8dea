/* Routes of the queue, the trace, and what is remembered and told of hosts. */
#include "process/admin/routes.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/queue",
		.doc = "Messages in the queue: id, route, domain, connector, sender, recipient, "
		       "state.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_queue,
		.pages = true,
		.query = "{id?: text..13, route?: text..1000, domain?: text..255, "
			 "connector?: text..200 (organisation/name), sender?: "
			 "text..320, recipient?: text..320, state?: queue-state, " ADMIN_PAGE "}",
		.response = "{items: [queue-message], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/queue/summary",
		.doc = "What waits, by next hop.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_queue_summary,
		.response = "queue-summary"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/queue/{id}",
		.doc = "One message in the queue.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_queue_item,
		.response = "{...queue-message, events: [event]}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/queue/{action}",
		.doc = "{filter}: hold, release, retry, delete or return what matches.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_act_on_queue,
		.audit = "queue.*",
		.request = "{filter: queue-filter}",
		.response = "{messages: integer, recipients: integer}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/trace",
		.doc = "Search: address, sender, recipient, message_id, id, connector, outcome, "
		       "host, tls, subject, since, until.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_trace,
		.pages = true,
		.query = "{address?: text..320 (sender or recipient), sender?: "
			 "text..320, recipient?: text..320, message_id?: text..1000, "
			 "id?: text..13, connector?: text..200 (organisation/name), "
			 "outcome?: event-kind, host?: text..320 (the other side of a hop), "
			 "tls?: text..10 (1.2, 1.3 or clear), subject?: text..200 (part of it; "
			 "where the node keeps subjects), since?: moment, until?: "
			 "moment, " ADMIN_PAGE ", format?: 'json'|'csv'}",
		.response = "{items: [trace-item], next: text|null}",
		.types = "application/json text/csv"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/trace/{id}",
		.doc = "All events of one message.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_trace_item,
		.response = "{message: trace-item, events: [event]}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/alarms",
		.doc = "Alarms not acknowledged, those raised last first; all=1: all.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_alarms,
		.pages = true,
		.query = "{all?: boolean (those that are over or acknowledged, too), " ADMIN_PAGE
			 "}",
		.response = "{items: [alarm], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/alarms/{id}/acknowledge",
		.doc = "Somebody has seen it.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_acknowledge_alarm,
		.audit = "alarm.acknowledge",
		.response = "{}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/alerts/test",
		.doc = "Tell of a test alarm by mail and webhook; what came of it.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_test_alerts,
		.audit = "alert.test",
		.response = "{mail: told, webhook: told}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/protection",
		.doc = "How well mail to and from domains was protected: domain, fallen.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_protection,
		.pages = true,
		.query = "{domain?: text..255, fallen?: boolean (only what has "
			 "fallen), " ADMIN_PAGE "}",
		.response = "{items: [protection], count: integer (of all pages), next: "
			    "text|null}"},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/protection/{domain}",
		.doc = "Forget that of one domain.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_forget_protection,
		.audit = "protection.forget",
		.response = "{forgotten: integer}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/hosts",
		.doc = "Hosts whose TLS failed.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_hosts,
		.pages = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [{host: text|null, attempt: text, until: "
			    "moment|null, reason: text|null}], next: text|null, routes_dead: "
			    "[text] (of all pages, the first 1000)}"},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/hosts/{host}",
		.doc = "Forget one.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_forget_host,
		.audit = "host.forget",
		.response = "{}"},
};

static const struct admin_shape shapes[] = {
	{"queue-state", "'active'|'held'|'waiting'", NULL},
	{"event-kind",
		"'received'|'refused'|'handed-over'|'delivered'|'relayed'|'deferred'|'failed'|'"
		"expired'|'delayed'|'held'|'released'|'returned'|'deleted'|'would-refuse'",
		NULL},
	{"event",
		"{at: moment|null, kind: text|null, recipient: text|null, "
		"token: text|null, enhanced: text|null, text: text|null, "
		"connector: text|null, organisation: text|null, receipt: "
		"receipt|null, would_token: text|null, would_text: "
		"text|null, would_by: text|null}",
		"Something that happened to a message."},
	{"queue-recipient",
		"{number: integer, address: text|null, route: text|null, "
		"state: queue-state, attempts: integer, next_attempt: "
		"moment|null, last_token: text|null, last_text: text|null, "
		"last_enhanced: text|null, last_host: text|null, "
		"last_attempt: moment|null}",
		NULL},
	{"queue-message",
		"{id: text, received: moment|null, sender: text|null, size: "
		"integer, message_id: text|null, subject: text|null, "
		"recipients: [queue-recipient]}",
		NULL},
	{"queue-filter",
		"{id?: text..13, route?: text..1000, domain?: text..255, "
		"connector?: text..200, sender?: text..320, recipient?: "
		"text..320, state?: queue-state, all?: boolean}",
		"At least one."},
	{"queue-destination",
		"{route: text|null, messages: integer, recipients: integer, "
		"held: integer, oldest: moment|null, next_attempt: "
		"moment|null, state: 'active'|'resting'|'held'|'waiting', "
		"last_error: text|null, attempts: integer, last_attempt: "
		"moment|null}",
		NULL},
	{"queue-summary",
		"{destinations: [queue-destination], totals: {messages: "
		"integer, recipients: integer, routes: integer, active: "
		"integer}}",
		NULL},
	{"trace-item",
		"{id: text|null, at: moment|null, sender: text|null, "
		"recipients: [text|null], message_id: text|null, subject: "
		"text|null, size: integer, last: event}",
		NULL},
	{"alarm",
		"{id: integer, kind: text|null, organisation: text|null, "
		"subject: text|null, text: text|null, first: moment|null, "
		"last: moment|null, count: integer, over: moment|null, "
		"acknowledged: moment|null, acknowledged_by: text|null}",
		NULL},
	{"told",
		"{ok: boolean|null (null: nobody is told), text: text|null, "
		"status?: integer, signed?: boolean}",
		NULL},
	{"level", "'none'|'encrypt'|'chain'|'name'", NULL},
	{"protection",
		"{direction: 'outbound'|'inbound', domain: text|null, "
		"network: text|null, best: level, best_at: moment|null, "
		"host: text|null, now: level, seen: moment|null, fallen: "
		"moment|null, organisation: text|null}",
		NULL},
};

const struct admin_route_table admin_routes_mail = {
	.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes),
};
