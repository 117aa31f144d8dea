#include "core/evidence/evidence.h"

#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *names[] = {"mx.partner.example"}, *by[] = {"connector ours/partner"},
		  *to[] = {"a@partner.example"};
static struct cert_facts leaf = {
	.subject = "CN=mx.partner.example, O=<script>alert(1)</script>",
	.names = {names, 1},
	.sha256 = "ab01",
};
static struct receipt in = {.at_ms = 1000,
	.host = "helo.example",
	.peer_address = "192.0.2.1",
	.attempt = RECEIPT_ATTEMPT_CLEAR};
static struct receipt out = {.direction = RECEIPT_OUT,
	.at_ms = 2000,
	.host = "mx.partner.example",
	.peer_address = "192.0.2.2",
	.peer_port = 25,
	.required = MODEL_LEVEL_NAME,
	.required_by = {by, 1},
	.name_expected = "mx.partner.example",
	.attempt = RECEIPT_ATTEMPT_FULL,
	.got = MODEL_LEVEL_NAME,
	.version = "TLSv1.3",
	.cipher = "TLS_AES_256_GCM_SHA384",
	.group = "x25519",
	.chain = {&leaf, 1},
	.verdict = CERT_TRUSTED,
	.anchors = "connector ours/partner",
	.generation = 7};
static const struct wire_event events[] = {
	{.at_ms = 1001, .kind = "received", .recipient = "a@partner.example", .receipt = &in},
	{.at_ms = 2001,
		.kind = "delivered",
		.recipient = "a@partner.example",
		.organisation = "ours",
		.connector = "partner",
		.token = "ok",
		.text = "250 queued",
		.receipt = &out},
};
static const struct evidence evidence = {.server = "mx.ours.example",
	.version = "1",
	.made_ms = 3000,
	.id = 1 << 22,
	.sender = "b@ours.example",
	.recipients = {to, 1},
	.events = events,
	.count = 2,
	.at_ms = 1001};

static const char *format(enum page_format how, struct buf *page)
{
	buf_init(page, 100000);
	assert_int_equal(evidence_format(&evidence, how, page), ERR_OK);
	return buf_text(page);
}

static void every_hop_is_told(void **state)
{
	static const char *const said[] = {"1. Received, 1970-01-01 00:00:01.001 UTC",
		"none: clear text", "2. Delivered, 1970-01-01 00:00:02.001 UTC",
		"TLS with a trusted certificate that carries the name: mx.partner.example",
		"connector ours/partner", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", "AB:01",
		"generation 7", "250 queued"};
	struct buf page;
	const char *text = format(PAGE_TEXT, &page);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(said); i++)
		if (strstr(text, said[i]) == NULL)
			fail_msg("\"%s\" is missing in\n%s", said[i], text);
	buf_free(&page);
}

static void the_page_runs_nothing(void **state)
{
	struct buf page;
	const char *text = format(PAGE_HTML, &page);

	(void)state;
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "http:"));
	assert_null(strstr(text, "https:"));
	assert_non_null(strstr(text, "&lt;script&gt;"));
	buf_free(&page);
	buf_init(&page, 100);
	assert_int_equal(evidence_format(&evidence, PAGE_HTML, &page), ERR_TOO_LONG);
	buf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hop_is_told),
		cmocka_unit_test(the_page_runs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
