/* Routes of certificates, ours and others. */
#include "process/admin/routes.h"
#include "process/admin/check.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/checks/endpoints",
		.doc = "{own?, connectors?, partners?, hosts?, chains?, urls?}: try out where "
		       "certificates "
		       "point to, line by line.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_check_endpoints,
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/checks/roots",
		.doc = "Which root each own certificate, connector and partner depends on: require "
		       "(repeated), organisation, connector.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_check_roots},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/tls",
		.doc = "What TLS is offered and accepted, by listener and by connector.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_tls},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates",
		.doc = "Certificates: what is presented, what uses it; the lives of those with "
		       "versions.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_certificates},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/explain",
		.doc = "{name?, from?, connector?} or {connector, to}: which certificate and "
		       "version a "
		       "peer is shown, and why.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_explain_certificate,
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/{name}/acceptance",
		.doc = "How often partners accepted and refused each of its versions.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_acceptance},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/{name}/plan",
		.doc = "Its versions, what is to happen when, and what the next one would mean for "
		       "partners.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_rollover_plan},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/{name}/rollover",
		.doc = "{action: start, advance, back, retire, cancel or drop, at?, share?, "
		       "connectors?, "
		       "force?}: a step in its life.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_rollover},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/sheet",
		.doc = "What partners must know of our certificates, the coming ones too: name, "
		       "organisation, format (json, text, markdown, html).",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_sheet},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/chains",
		.doc = "Certificates that partners have presented: organisation, connector, since, "
		       "newest, "
		       "pem; after, limit.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_chains},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/chains/{id}",
		.doc = "One of them, with its PEM.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_chain},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/chains/{id}/accept",
		.doc = "This is how it is now: the alarm is over.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_accept_chain},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/acme-challenges",
		.doc = "Answers to ACME challenges that are published.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_challenges},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/acme-challenges",
		.doc = "{token, answer}: publish the answer to an ACME challenge (RFC 8555 8.3).",
		.who = ADMIN_INSTALLATION,
		.handle = admin_add_challenge},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/acme-challenges/{token}",
		.doc = "Withdraw one.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_remove_challenge},
};

const struct admin_route_table admin_routes_certificates = {
	.rows = rows, .count = ARRAY_LENGTH(rows)};
