/* Routes of certificates, ours and others. */
#include "process/admin/routes.h"
#include "port/issue/issue.h"
#include "process/admin/check.h"

/* What a new key is made for. */
#define NEW_KEY                                                                                    \
	"key?: 'ecdsa-p256'|'ecdsa-p384'|'rsa-2048'|'rsa-3072'|'rsa-4096', names?: [text..255] "   \
	"(host names; this server's if not given), organisation?: text..64, unit?: text..64, "     \
	"country?: text..2"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/checks/endpoints",
		.doc = "{own?, connectors?, partners?, hosts?, chains?, urls?}: try out where "
		       "certificates "
		       "point to, line by line.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_check_endpoints,
		.request = "{own?: boolean, connectors?: boolean, partners?: boolean, "
			   "hosts?: [text..512], chains?: [{name: text..512, pem: "
			   "text}], urls?: [{url: text..2048, kind: "
			   "'crl'|'ocsp'|'issuer'}]}",
		.response = "check-line",
		.types = "application/x-ndjson",
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/checks/roots",
		.doc = "Which root each own certificate, connector and partner depends on: require "
		       "(repeated), organisation, connector.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_check_roots,
		.pages = true,
		.page_key = "kind name store",
		.query = "{require?: [text..1024] (name or fingerprint of a root that "
			 "must be there), organisation?: text..200, connector?: "
			 "text..200, " ADMIN_PAGE "}",
		.response = "{ok: boolean (all of them), items: [root-row], required: "
			    "[root-required], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/tls",
		.doc = "What TLS is offered and accepted, by listener and by connector.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_tls,
		.response = "{library: text, security_level: integer, tickets: boolean, "
			    "listeners: [tls-listener], connectors: [tls-connector], "
			    "others: tls-offer}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates",
		.doc = "Certificates: what is presented, what uses it, and its life if it has "
		       "versions.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_certificates,
		.pages = true,
		.page_key = "name version",
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [own-certificate], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/requests",
		.doc = "Requests for certificates whose answer is awaited.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_requests,
		.pages = true,
		.page_key = "name",
		.page_sorted = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [certificate-request], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/{name}/request",
		.doc = "Make a key, which stays on the server, and a request for a certificate "
		       "(PKCS #10).",
		.who = ADMIN_INSTALLATION,
		.handle = admin_issue,
		.argument = ISSUE_REQUEST,
		.audit = "certificate.request",
		.request = "{" NEW_KEY ", replace?: boolean (throw the key of an open request "
			   "away)}",
		.response = "certificate-request",
		.status = 201},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/certificates/{name}/request",
		.doc = "Drop the open request; its key is destroyed.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_drop_request,
		.audit = "certificate.drop-request",
		.response = "{}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/{name}/chain",
		.doc = "The certificate that an authority made of the open request: it becomes "
		       "next, or current if it is the first of that name.  Certificates alone: "
		       "private keys are refused.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_issue,
		.argument = ISSUE_CHAIN,
		.audit = "certificate.chain",
		.request = "{chain: text..262144 (PEM: the certificate and its intermediates), "
			   "trust?: text..262144 (PEM: a root that the system does not know), "
			   "advance?: boolean (present it at once), replace?: boolean (drop a "
			   "version that is next already), beside?: boolean (keep the other kind "
			   "of key of the version before), force?: boolean (also what is expired, "
			   "weak or without its intermediates)}",
		.response = "certificate-come"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/{name}/self-signed",
		.doc = "Make a key and a certificate signed by it, for trials: it becomes next, or "
		       "current if it is the first of that name.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_issue,
		.argument = ISSUE_SELF_SIGNED,
		.audit = "certificate.self-signed",
		.request = "{" NEW_KEY ", days?: 1..3650 (365 if not given), advance?: boolean, "
			   "replace?: boolean}",
		.response = "certificate-come"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/explain",
		.doc = "{name?, from?, connector?} or {connector, to}: which certificate and "
		       "version a "
		       "peer is shown, and why.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_explain_certificate,
		.request = "{name?: text..255, from?: text..64, connector?: text..200 "
			   "(organisation/name), to?: text..300 (host or host:port; "
			   "with connector)}",
		.response = "{direction: 'in'|'out', connector: text|null, "
			    "known_by_address: boolean, items: [shown-certificate]}",
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/{name}/acceptance",
		.doc = "How often partners accepted and refused each of its versions.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_acceptance,
		.pages = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [acceptance], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/{name}/plan",
		.doc = "Its versions, what is to happen when, and what the next one would mean for "
		       "partners.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_rollover_plan,
		.response = "{life: certificate-life, warnings: [finding]}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/certificates/{name}/rollover",
		.doc = "{action: start, advance, back, retire, cancel or drop, at?, share?, "
		       "connectors?, "
		       "force?}: a step in its life.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_rollover,
		.audit = "certificate.rollover",
		.request = "certificate-step-input",
		.response = "{ok: boolean, life: certificate-life}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/certificates/sheet",
		.doc = "What partners must know of our certificates, the coming ones too: name, "
		       "organisation, format (json, text, markdown, html).",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_sheet,
		.query = "{name?: text..200, organisation?: text..200, format?: "
			 "'json'|'text'|'markdown'|'html'}",
		.response = "certificate-sheet-sparse",
		.types = "application/json text/plain text/markdown text/html"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/chains",
		.doc = "Certificates that partners have presented: organisation, connector, since, "
		       "newest, pem.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_chains,
		.pages = true,
		.query = "{organisation?: text..200, connector?: text..200, since?: "
			 "moment, newest?: boolean (of each partner only the last "
			 "one), pem?: boolean, " ADMIN_PAGE "}",
		.response = "{items: [chain], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/chains/{id}",
		.doc = "One of them, with its PEM.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_chain,
		.response = "chain"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/chains/{id}/accept",
		.doc = "This is how it is now: the alarm is over.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_accept_chain,
		.audit = "chain.accept",
		.response = "{}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/acme-challenges",
		.doc = "Answers to ACME challenges that are published.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_challenges,
		.pages = true,
		.page_key = "token",
		.page_sorted = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [{token: text, answer: text}], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/acme-challenges",
		.doc = "{token, answer}: publish the answer to an ACME challenge (RFC 8555 8.3).",
		.who = ADMIN_INSTALLATION,
		.handle = admin_add_challenge,
		.audit = "challenge.add",
		.request = "{token: text..128, answer: text..512}",
		.response = "{token: text}",
		.status = 201},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/acme-challenges/{token}",
		.doc = "Withdraw one.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_remove_challenge,
		.audit = "challenge.remove",
		.response = "{token: text}"},
};

static const struct admin_shape shapes[] = {
	{"result", "'ok'|'note'|'failed'|'skipped'", NULL},
	{"check-line",
		"{step: "
		"'certificate'|'host'|'chain'|'partners'|'collected'|'endpoint'|'summary', "
		"result: result, text?: text, token?: text, cause?: text, "
		"remedy?: text, certificate?: text, kind?: text, url?: "
		"text, used_by?: [text], host?: text, hosts?: [text], "
		"address?: text, version?: text, verdict?: text, "
		"http_status?: integer, bytes?: integer, ms?: integer, "
		"this_update?: moment, next_update?: moment, entries?: "
		"integer, chains?: integer, endpoints?: integer, failed?: "
		"integer, allow?: [text]}",
		NULL},
	{"root-row",
		"{kind: 'certificate'|'connector'|'partner', name: text, "
		"store: text, result: result, text?: text, remedy?: text, "
		"root?: certificate-facts, days_left?: integer}",
		NULL},
	{"root-required",
		"{require: text, store: text, result: result, found: "
		"[certificate-facts], text?: text, remedy?: text}",
		NULL},
	{"tls-offer",
		"{versions: [text], suites: [{name: text, library: text, "
		"version: text, forward_secrecy: boolean}], groups: [text], "
		"signatures: [text], own_signatures: [text]}",
		NULL},
	{"tls-listener",
		"{name: text, address: text, tls: "
		"'starttls'|'implicit'|'off', required: boolean, keys?: "
		"[text], versions?: [text], suites?: [{name: text, library: "
		"text, version: text, forward_secrecy: boolean}], groups?: "
		"[text], signatures?: [text], own_signatures?: [text]}",
		NULL},
	{"tls-connector",
		"{...tls-offer, name: text, direction: "
		"'outbound'|'inbound', enabled: boolean, mode: "
		"'enforce'|'report', required: level, certificate?: text}",
		NULL},
	{"own-certificate",
		"{name: text, version?: text, life: certificate-life|null, state: text, problem?: "
		"text, "
		"days_left?: integer, chain: [certificate-facts], used_by: "
		"[text]}",
		NULL},
	{"certificate-request",
		"{name: text, created: moment, subject: text|null, names: [text], key: text|null, "
		"request: text (PKCS #10, PEM)}",
		"A certificate that was asked for; the key is on the server."},
	{"certificate-come", "{version: text, life: certificate-life, warnings: [text]}",
		"A version that has come."},
	{"shown-certificate",
		"{listener?: text|null, connector?: text|null, match: "
		"text|null, certificate: text|null, version: text|null, "
		"state: text|null, key: text|null, issuer: text|null, "
		"sha256: text|null, reason: text|null, why: text|null}",
		NULL},
	{"acceptance",
		"{certificate: text|null, version: text|null, sha256: "
		"text|null, partner: text|null, direction: text, accepted: "
		"integer, refused: integer, first: moment|null, last: "
		"moment|null, last_refused: moment|null, reason: text|null}",
		NULL},
	{"chain",
		"{id: integer, partner: text|null, direction: "
		"'outbound'|'inbound', organisation: text|null, connector: "
		"text|null, hosts: [text], address: text|null, asked: "
		"text|null, verdict: text, first: moment|null, last: "
		"moment|null, seen: integer, accepted: moment|null, "
		"accepted_by: text|null, not_after: moment|null, sha256: "
		"text|null, root: text|null, root_sha256: text|null, "
		"root_not_after: moment|null, certificates: "
		"[certificate-facts], pem?: text}",
		"What a partner has presented."},
};

const struct admin_route_table admin_routes_certificates = {
	.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes),
};
