/* Notifications against golden files: `test-message-dsn DIRECTORY`, with `--update` behind it the
 * files are written anew. */
#include "core/message/dsn.h"
#include "core/wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *directory;
static bool update;

#define T0 INT64_C(1795297384000)
#define HEADER                                                                                     \
	"Received: from pc (pc [192.0.2.7]) by mx.contoso.example\r\n"                             \
	"From: Alice <alice@contoso.example>\r\n"                                                  \
	"To: grace@fabrikam.example\r\n"                                                           \
	"Subject: Offer\r\n"
#define MESSAGE HEADER "\r\nDear Grace,\r\n.the end\r\n"

static const struct message_dsn_recipient no_tls = {.address = "grace@fabrikam.example",
	.original = "rfc822;grace+2Bmail@fabrikam.example",
	.action = MESSAGE_DSN_FAILED,
	.token = "no-starttls",
	.enhanced = "4.7.10",
	.text = "connector contoso/fabrikam requires name mx.fabrikam.example; the host offers no "
		"STARTTLS",
	.host = "mx.fabrikam.example",
	.attempts = 29,
	.last_ms = T0 + 86400000,
	.expired = true};
static const struct message_dsn_recipient unknown = {.address = "nobody@fabrikam.example",
	.action = MESSAGE_DSN_FAILED,
	.token = "smtp",
	.enhanced = "5.1.1",
	.text = "550 5.1.1 <nobody@fabrikam.example>: Recipient address rejected: User unknown in "
		"local recipient table of this very talkative server",
	.host = "mx.fabrikam.example",
	.attempts = 1,
	.last_ms = T0 + 1000};
static const struct message_dsn_recipient hostile = {.address = "nobody@fabrikam.example",
	.action = MESSAGE_DSN_FAILED,
	.token = "smtp",
	.enhanced = "9\r\nX: y",
	.text = "550 bad\r\n\r\n--report-0DSN-0\r\nFrom: \x01 \xff \xc2\x85 evil",
	.host = "mx\r\nX-Evil: 1"};
static const struct message_dsn_recipient delayed = {.address = "grace@fabrikam.example",
	.action = MESSAGE_DSN_DELAYED,
	.token = "connect",
	.enhanced = "4.4.1",
	.text = "connection refused",
	.attempts = 9,
	.last_ms = T0 + 14400000};
static const struct message_dsn_recipient success[] = {
	{.address = "grace@fabrikam.example",
		.action = MESSAGE_DSN_DELIVERED,
		.enhanced = "2.1.5",
		.text = "250 2.1.5 ok",
		.host = "mx.fabrikam.example",
		.last_ms = T0 + 900},
	{.address = "heidi@fabrikam.example",
		.action = MESSAGE_DSN_RELAYED,
		.text = "250 ok",
		.host = "mx2.fabrikam.example",
		.last_ms = T0 + 900},
};
static const struct message_dsn_recipient unicode = {.address = "j\xc3\xb6rg@b\xc3\xbc"
								"cher.example",
	.original = "utf-8;j\\x{F6}rg@b\\x{FC}cher.example",
	.action = MESSAGE_DSN_FAILED,
	.token = "not-supported",
	.enhanced = "5.6.7",
	.text = "the next hop does not offer SMTPUTF8",
	.host = "mx.fabrikam.example",
	.attempts = 1,
	.last_ms = T0};

struct golden {
	const char *name;
	const struct message_dsn_recipient *recipients;
	size_t count;
	const char *content;
	const char *envelope_id;
	const char *subject;
	const char *sender;
	bool full, utf8, binary;
	bool want_eightbit;
	int64_t size; /* 0: that of content */
};

static const struct golden goldens[] = {
	{.name = "failed-expired-full",
		.recipients = &no_tls,
		.count = 1,
		.content = MESSAGE,
		.envelope_id = "QQ+3D314159",
		.subject = "Offer",
		.full = true},
	{.name = "failed-unknown-headers",
		.recipients = &unknown,
		.count = 1,
		.content = MESSAGE,
		.subject = "Offer"},
	{.name = "failed-hostile-texts",
		.recipients = &hostile,
		.count = 1,
		.content = HEADER "X: a\rb\r\n\r\n--report-0DSN-0\r\n",
		.envelope_id = "a+0D+0AX-Evil:+20yes",
		.subject = "a\r\nBcc: evil \xff",
		.full = true},
	{.name = "delayed",
		.recipients = &delayed,
		.count = 1,
		.content = MESSAGE,
		.subject = "Offer"},
	{.name = "delivered-and-relayed",
		.recipients = success,
		.count = 2,
		.content = MESSAGE,
		.envelope_id = "id-7",
		.subject = "Offer"},
	{.name = "failed-utf8",
		.recipients = &unicode,
		.count = 1,
		.content = "From: alice@contoso.example\r\nSubject: Gr\xc3\xbc\xc3\x9f"
			   "e\r\n\r\n\xc3\xa4\r\n",
		.subject = "Gr\xc3\xbc\xc3\x9f"
			   "e",
		.full = true,
		.utf8 = true,
		.want_eightbit = true},
	{.name = "failed-utf8-recipient-old-sender",
		.recipients = &unicode,
		.count = 1,
		.content = MESSAGE,
		.want_eightbit = true},
	{.name = "failed-8bit-full",
		.recipients = &unknown,
		.count = 1,
		.content = HEADER "\r\n\xe4\xf6\xfc\r\n",
		.full = true,
		.want_eightbit = true},
	{.name = "failed-binary",
		.recipients = &unknown,
		.count = 1,
		.content = HEADER "\r\n\xe4\n\n\r\n",
		.full = true,
		.binary = true},
	{.name = "failed-too-large",
		.recipients = &unknown,
		.count = 1,
		.content = HEADER "\r\nonly the beginning is at hand",
		.full = true,
		.size = 2000000},
	{.name = "failed-double-bounce",
		.recipients = &no_tls,
		.count = 1,
		.content = HEADER,
		.sender = "",
		.subject = "Not delivered: Offer"},
};

static void compare(const char *name, struct buf *got)
{
	char path[1000];
	char *want;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s.eml", directory, name);
	file = fopen(path, update ? "wb" : "rb");
	if (file == NULL)
		fail_msg("%s: cannot open", path);
	if (update) {
		fwrite(buf_text(got), 1, buf_length(got), file);
		fclose(file);
		return;
	}
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	want = malloc((size_t)size + 1);
	assert_int_equal(fread(want, 1, (size_t)size, file), size);
	want[size] = '\0';
	fclose(file);
	if (strcmp(want, buf_text(got)) != 0)
		fail_msg("%s differs:\n%s", path, buf_text(got));
	free(want);
}

/* Every line ends in CRLF and is short enough; the golden files have plain line ends. */
static void check_lines(const char *name, struct str text, bool eightbit, struct buf *plain)
{
	while (text.n > 0) {
		struct str line = str_cut(&text, '\n');

		if (line.n == 0 || line.p[line.n - 1] != '\r')
			fail_msg("%s: a line does not end in CRLF", name);
		line.n--;
		if (line.n > 998 || str_find(line, '\r', 0) != line.n)
			fail_msg("%s: bad line", name);
		if (!eightbit && !str_is_ascii(line))
			fail_msg("%s: 8-bit line in a 7-bit message", name);
		buf_put(plain, line);
		buf_put_byte(plain, '\n');
	}
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(goldens); i++) {
		const struct golden *g = &goldens[i];
		struct message_dsn dsn = {.hostname = "mx.contoso.example",
			.to = g->sender != NULL ? "postmaster@contoso.example"
						: "alice@contoso.example",
			.id = "0MESSAGE",
			.own_id = "0DSN",
			.envelope_id = g->envelope_id,
			.subject = g->subject,
			.sender = g->sender,
			.received_ms = T0,
			.now_ms = T0 + 86400000,
			.expires_ms = T0 + 86400000,
			.utf8 = g->utf8,
			.full = g->full,
			.binary = g->binary,
			.content = str_of(g->content),
			.size = g->size != 0 ? g->size : (int64_t)strlen(g->content),
			.recipients = g->recipients,
			.count = g->count};
		struct message_dsn_needs needs;
		struct buf out, plain;

		buf_init(&out, MESSAGE_DSN_MAX);
		buf_init(&plain, MESSAGE_DSN_MAX);
		assert_int_equal(message_dsn_format(&dsn, &out, &needs), ERR_OK);
		if (needs.eightbit != g->want_eightbit)
			fail_msg("%s: eightbit %d", g->name, needs.eightbit);
		check_lines(g->name, buf_str(&out), needs.eightbit, &plain);
		compare(g->name, &plain);
		buf_free(&out);
		buf_free(&plain);
	}
}

static void test_wanted(void **state)
{
	static const struct {
		enum message_dsn_action action;
		int64_t notify;
		const char *sender;
		bool want;
	} rows[] = {
		{MESSAGE_DSN_FAILED, 0, "a@b", true},
		{MESSAGE_DSN_DELAYED, 0, "a@b", true},
		{MESSAGE_DSN_DELIVERED, 0, "a@b", false},
		{MESSAGE_DSN_FAILED, 0, "", false},
		{MESSAGE_DSN_FAILED, WIRE_NOTIFY_FAILURE, "", false},
		{MESSAGE_DSN_FAILED, WIRE_NOTIFY_NEVER, "a@b", false},
		{MESSAGE_DSN_FAILED, WIRE_NOTIFY_SUCCESS, "a@b", false},
		{MESSAGE_DSN_DELAYED, WIRE_NOTIFY_FAILURE, "a@b", false},
		{MESSAGE_DSN_DELAYED, WIRE_NOTIFY_DELAY, "a@b", true},
		{MESSAGE_DSN_RELAYED, WIRE_NOTIFY_SUCCESS, "a@b", true},
		{MESSAGE_DSN_DELIVERED, WIRE_NOTIFY_SUCCESS | WIRE_NOTIFY_FAILURE, "a@b", true},
		{MESSAGE_DSN_DELIVERED, WIRE_NOTIFY_DELAY, "a@b", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (message_dsn_is_wanted(rows[i].action, rows[i].notify, rows[i].sender) !=
			rows[i].want)
			fail_msg("row %zu", i);
}

static void test_words(void **state)
{
	static const struct {
		const char *token, *enhanced, *who;
	} rows[] = {
		{"no-route", "5.4.4", "your own mail administrators"},
		{"no-starttls", "4.7.10", "the administrators of the recipient's server"},
		{"smtp", "5.1.1", "you"},
		{"smtp", "5.1.10", "you"},
		{"smtp", "5.2.2", "the recipient"},
		{"smtp", "5.2.21", "the recipient"},
		{"smtp", NULL, "the administrators of the recipient's server"},
		{"smtp", "5", "the administrators of the recipient's server"},
		{"dns", "5.1.2", "you"},
		{"dns", "4.4.3",
			"your own mail administrators, together with those of the recipient"},
		{"not-supported", "5.6.7", "you"},
		{NULL, "", "the administrators of the recipient's server"},
		{NULL, NULL, "the administrators of the recipient's server"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_string_equal(
			message_dsn_words(rows[i].token, rows[i].enhanced).who, rows[i].who);
	assert_string_equal(message_dsn_words("smtp", "5.1.1").what,
		"The recipient's server does not know this address");
	assert_string_equal(message_dsn_words("smtp", "5.2.21").what,
		"The recipient's mailbox does not take mail");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_words),
	};

	if (argc < 2)
		return 2;
	directory = argv[1];
	update = argc > 2 && strcmp(argv[2], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
