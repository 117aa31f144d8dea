#include "core/report/receipt.h"

#include "core/model/model.h"

const char *const receipt_direction_names[] = {
	[RECEIPT_IN] = "in",
	[RECEIPT_OUT] = "out",
	NULL,
};

const char *const receipt_attempt_names[] = {
	[RECEIPT_ATTEMPT_NONE] = "none",
	[RECEIPT_ATTEMPT_FULL] = "full",
	[RECEIPT_ATTEMPT_REDUCED] = "reduced",
	[RECEIPT_ATTEMPT_CLEAR] = "clear",
	[RECEIPT_ATTEMPT_LOCAL] = "local",
	NULL,
};

static const struct record_field fields[] = {
	RECORD_FIELD(struct receipt, direction, RECORD_ENUM, .names = receipt_direction_names,
		.doc = "Whether the hop brought the message in or took it out."),
	{
		.name = "at",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct receipt, at_ms),
		.doc = "When the connection was made.",
	},
	RECORD_FIELD(struct receipt, host, RECORD_TEXT,
		.doc = "Out: name of the next hop; in: name given in EHLO."),
	RECORD_FIELD(struct receipt, peer_address, RECORD_TEXT,
		.doc = "Address of the other side; absent when no connection came about."),
	RECORD_FIELD(struct receipt, peer_port, RECORD_INT, .doc = "Port of the other side."),
	RECORD_FIELD(struct receipt, listener, RECORD_TEXT, .doc = "In: name of the listener."),
	RECORD_FIELD(struct receipt, organisation, RECORD_TEXT,
		.doc = "Organisation the hop was attributed to."),
	RECORD_FIELD(struct receipt, connector, RECORD_TEXT,
		.doc = "Connector that applied; absent when none did."),
	RECORD_FIELD(struct receipt, required, RECORD_ENUM, .names = model_level_names,
		.doc = "What was required of the connection."),
	RECORD_FIELD(struct receipt, required_by, RECORD_TEXTS, .doc = "Who required it."),
	RECORD_FIELD(struct receipt, name_expected, RECORD_TEXT,
		.doc = "Names asked of the certificate; absent when none was."),
	RECORD_FIELD(struct receipt, attempt, RECORD_ENUM, .names = receipt_attempt_names,
		.doc = "How the connection came to the protection it had."),
	RECORD_FIELD(struct receipt, got, RECORD_ENUM, .names = model_level_names,
		.doc = "What the connection reached."),
	RECORD_FIELD(struct receipt, version, RECORD_TEXT,
		.doc = "TLS version; absent when the connection was clear."),
	RECORD_FIELD(struct receipt, cipher, RECORD_TEXT, .doc = "Cipher suite, IANA name."),
	RECORD_FIELD(struct receipt, group, RECORD_TEXT, .doc = "Key exchange group."),
	RECORD_FIELD(struct receipt, resumed, RECORD_BOOL,
		.doc = "Whether an earlier TLS session was resumed."),
	RECORD_FIELD(struct receipt, server_name, RECORD_TEXT,
		.doc = "Server name indication sent or received."),
	RECORD_FIELD(struct receipt, own_certificate, RECORD_TEXT,
		.doc = "Name of the certificate this side presented; absent when none."),
	RECORD_FIELD(struct receipt, chain, RECORD_LIST, .sub = &cert_facts_desc,
		.doc = "Certificates the other side presented, leaf first."),
	RECORD_FIELD(struct receipt, name_matched, RECORD_TEXT,
		.doc = "Name of the other side's certificate that satisfied the expectation."),
	RECORD_FIELD(struct receipt, verdict, RECORD_ENUM, .names = cert_verdict_names,
		.doc = "What came of checking the chain."),
	RECORD_FIELD(struct receipt, verdict_detail, RECORD_TEXT,
		.doc = "The TLS library's words on it; absent when trusted."),
	RECORD_FIELD(struct receipt, anchors, RECORD_TEXT,
		.doc = "Trust anchors the chain was checked against."),
	RECORD_FIELD(struct receipt, token, RECORD_TEXT,
		.doc = "Outcome as a stable word, \"ok\" or a reason."),
	RECORD_FIELD(struct receipt, reason, RECORD_TEXT, .doc = "Outcome in words."),
	{
		.name = "handshake",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct receipt, handshake_ms),
		.doc = "Time the TLS handshake took.",
	},
	{
		.name = "total",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct receipt, total_ms),
		.doc = "Time from connecting to the last reply.",
	},
	RECORD_FIELD(struct receipt, reply, RECORD_TEXT,
		.doc = "SMTP reply that decided, as received or given."),
};

const struct record_desc receipt_desc = RECORD_DESC(struct receipt, "receipt", fields,
	.doc = "What one hop of one message required, got, and why.");
