#include "core/message/headers.h"
#include "core/message/received.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define L50	"01234567890123456789012345678901234567890123456789"
#define SUBJECT L50 L50 L50 L50

static const struct {
	const char *name, *content;
	unsigned received;
	const char *id, *subject;
	bool is_body;
} rows[] = {
	{"nothing", "", 0, NULL, NULL, false},
	{"body at once", "\r\nReceived: no\r\n", 0, NULL, NULL, true},
	{"the usual",
		"Received: from a\r\n\tby b; now\r\nRECEIVED: x\r\nSubject: Re: hi  \r\n"
		"Message-ID: <a@b.example>\r\n\r\nReceived: body\r\nSubject: no\r\n",
		2, "<a@b.example>", "Re: hi", true},
	{"folded", "Message-Id:\r\n <a@b.example>\r\nsubject: a\r\n b\r\n\tc\r\n", 0,
		"<a@b.example>", "a b\tc", false},
	{"the first counts", "Subject: one\r\nSubject: two\r\nMessage-ID:<1>\r\nMessage-ID:<2>\r\n",
		0, "<1>", "one", false},
	{"blank before the colon", "Received : x\r\nSubject\t: y\r\n", 1, NULL, "y", false},
	{"prefixes are others", "Receivedx: x\r\nResent-Message-ID: <a>\r\nX-Subject: y\r\n", 0,
		NULL, NULL, false},
	{"no field", "hello\r\nReceived: x\r\n\r\n", 1, NULL, NULL, true},
	{"cut", "Subject: " SUBJECT "more\r\nMessage-ID: " SUBJECT L50 "x\r\n\r\n", 0, NULL,
		SUBJECT, true},
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str all = str_of(rows[i].content);

		for (size_t cut = 0; cut <= all.n; cut++) {
			struct message_headers h = {0};
			const char *id, *subject;

			message_headers_feed(&h, str_part(all, 0, cut));
			message_headers_feed(&h, str_part(all, cut, all.n));
			id = message_headers_id(&h);
			subject = message_headers_subject(&h);
			if (h.received != rows[i].received || h.is_body != rows[i].is_body ||
				!str_equal(str_of(id), str_of(rows[i].id)) ||
				!str_equal(str_of(subject), str_of(rows[i].subject)))
				fail_msg("%s cut at %zu: %u %s %s", rows[i].name, cut, h.received,
					id, subject);
		}
	}
}

static void test_received(void **state)
{
	const char *names[] = {"mx.fabrikam.example"};
	struct cert_facts leaf = {.names = {names, 1}};
	struct receipt receipt = {.version = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384",
		.group = "x25519",
		.verdict = CERT_TRUSTED,
		.chain = {&leaf, 1}};
	struct message_received r = {.helo = "mx.fabrikam.example",
		.address = "2001:db8::1",
		.hostname = "mx.contoso.example",
		.is_esmtp = true,
		.id = "01ARZ3NDEKTSV",
		.recipient = "bob@contoso.example",
		.at_ms = 0,
		.receipt = &receipt};
	struct buf out;

	(void)state;
	buf_init(&out, MESSAGE_RECEIVED_MAX);
	assert_int_equal(message_received_format(&r, &out), ERR_OK);
	assert_string_equal(buf_text(&out),
		"Received: from mx.fabrikam.example ([IPv6:2001:db8::1])\r\n"
		"\tby mx.contoso.example (Sealpost) with ESMTPS id 01ARZ3NDEKTSV\r\n"
		"\tfor <bob@contoso.example> tls TLS_AES_256_GCM_SHA384\r\n"
		"\t(TLSv1.3 x25519, client certificate mx.fabrikam.example: trusted);\r\n"
		"\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	buf_clear(&out);
	names[0] = "evil)\r\n(\\\xc3";
	r.recipient = NULL;
	r.address = "192.0.2.1";
	r.is_esmtp = false;
	assert_int_equal(message_received_format(&r, &out), ERR_OK);
	assert_string_equal(buf_text(&out),
		"Received: from mx.fabrikam.example ([192.0.2.1])\r\n"
		"\tby mx.contoso.example (Sealpost) with SMTP id 01ARZ3NDEKTSV "
		"tls TLS_AES_256_GCM_SHA384\r\n"
		"\t(TLSv1.3 x25519, client certificate evil??????: trusted);\r\n"
		"\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	buf_clear(&out);
	receipt.version = NULL;
	r.smtputf8 = true;
	assert_int_equal(message_received_format(&r, &out), ERR_OK);
	assert_string_equal(buf_text(&out),
		"Received: from mx.fabrikam.example ([192.0.2.1])\r\n"
		"\tby mx.contoso.example (Sealpost) with UTF8SMTP id 01ARZ3NDEKTSV;\r\n"
		"\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
