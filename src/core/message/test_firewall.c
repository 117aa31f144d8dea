#include "core/message/firewall.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SO	"X-Sealpost-Organization-"
#define SP	"X-Sealpost-CrossPremises-"
#define EO	"X-MS-Exchange-Organization-"
#define EP	"X-MS-Exchange-CrossPremises-"
#define X50	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define STRIP	MESSAGE_FIREWALL_STRIP
#define PROMOTE MESSAGE_FIREWALL_PROMOTE
#define CROSS	MESSAGE_FIREWALL_CROSS
#define KEEP	MESSAGE_FIREWALL_KEEP

static const struct {
	const char *name;
	enum message_firewall_mode mode;
	const char *in, *out;
} rows[] = {
	{"nothing", STRIP, "", ""},
	{"others pass", STRIP, "Subject: a\r\n b\r\nX-Sealpost: y\r\n\r\n" SO "A: body\r\n",
		"Subject: a\r\n b\r\nX-Sealpost: y\r\n\r\n" SO "A: body\r\n"},
	{"all four are stripped", STRIP,
		SO "A: 1\r\n" SP "A: 2\r\nTo: x\r\n" EO "SCL: -1\r\n" EP "AuthAs: Internal\r\n\r\n",
		"To: x\r\n\r\n"},
	{"all four are kept", KEEP, SO "A: 1\r\n" SP "A: 2\r\n" EO "A: 3\r\n" EP "A: 4\r\n\r\n",
		SO "A: 1\r\n" SP "A: 2\r\n" EO "A: 3\r\n" EP "A: 4\r\n\r\n"},
	{"promoted", PROMOTE,
		SP "A: 1\r\n" EP "B: 2\r\n" SO "A: forged\r\n" EO "C: forged\r\n\r\nx",
		SO "A: 1\r\n" EO "B: 2\r\n\r\nx"},
	{"what the server states itself is not promoted", PROMOTE,
		SP "AuthAs: internal\r\n" SP "authsource : x\r\n" SP "Directionality:\r\n x\r\n" SP
		   "AuthAsX: y\r\n" EP "AuthAs: Internal\r\n\r\n",
		SO "AuthAsX: y\r\n" EO "AuthAs: Internal\r\n\r\n"},
	{"crossed", CROSS, SO "AuthAs: internal\r\n" EO "B: 2\r\n" SP "A: x\r\n" EP "B: x\r\n\r\n",
		SP "AuthAs: internal\r\n" EP "B: 2\r\n\r\n"},
	{"case", STRIP, "x-sealpost-ORGANIZATION-a: 1\r\nX-MS-EXCHANGE-CROSSPREMISES-B: 2\r\n\r\n",
		"\r\n"},
	{"case of the rest stays", PROMOTE, "x-sealpost-crosspremises-aB: cD\r\n\r\n",
		SO "aB: cD\r\n\r\n"},
	{"folded as a whole", STRIP, "A: 1\r\n" SO "A:\r\n one\r\n\ttwo\r\n \r\nB: 2\r\n 3\r\n\r\n",
		"A: 1\r\nB: 2\r\n 3\r\n\r\n"},
	{"folded, promoted", PROMOTE, SP "A:\r\n one\r\n\ttwo\r\n\r\n",
		SO "A:\r\n one\r\n\ttwo\r\n\r\n"},
	{"blank before the colon", STRIP, SO "A : 1\r\n" SO "B\t: 1\r\nC: 1\r\n\r\n",
		"C: 1\r\n\r\n"},
	{"no colon", STRIP, SO "A\r\nhello\r\n" SO "\r\n\r\n", "hello\r\n\r\n"},
	{"the prefix alone", STRIP, SO ": 1\r\nX-Sealpost-Organization: 1\r\n\r\n",
		"X-Sealpost-Organization: 1\r\n\r\n"},
	{"name beyond what is looked at", STRIP, SO X50 X50 ": 1\r\n" X50 X50 ": 2\r\n\r\n",
		X50 X50 ": 2\r\n\r\n"},
	{"long name, promoted", PROMOTE, SP X50 X50 ": 1\r\n\r\n", SO X50 X50 ": 1\r\n\r\n"},
	{"within a value", STRIP, "Subject: " SO "A: 1\r\n " SO "A: 1\r\n\r\n",
		"Subject: " SO "A: 1\r\n " SO "A: 1\r\n\r\n"},
	{"header without end", STRIP, "A: 1\r\n" SO "B: 2", "A: 1\r\n"},
	{"ends within a name", STRIP, "A: 1\r\nX-Sealpost-Org", "A: 1\r\nX-Sealpost-Org"},
	{"ends behind a CR", STRIP, "A: 1\r", "A: 1\r"},
	{"body at once", STRIP, "\r\n" SO "A: 1\r\n", "\r\n" SO "A: 1\r\n"},
	{"continues nothing", STRIP, " internal\r\n" SO "A: 1\r\n",
		"\r\n internal\r\n" SO "A: 1\r\n"},
	{"all is gone", STRIP, SO "A: 1\r\n x\r\n", ""},
	{"bare LF ends a line, not the header", STRIP, "A: 1\n" SO "B: 2\n\n" SO "C: 3\r\n\r\n",
		"A: 1\n\n\r\n"},
	{"bare CR ends a line, not the header", STRIP, "A: 1\r" SO "B: 2\r\r" SO "C: 3\r\n\r\nx",
		"A: 1\r\r\r\nx"},
	{"CR CR LF does not end the header", STRIP, "A: 1\r\n\r\r\n" SO "B: 2\r\n\r\n",
		"A: 1\r\n\r\r\n\r\n"},
};

static void run(
	enum message_firewall_mode mode, struct str in, size_t cut, size_t step, struct buf *out)
{
	struct message_firewall f;
	size_t at = cut;

	message_firewall_init(&f, mode);
	assert_int_equal(message_firewall_feed(&f, str_part(in, 0, cut), out), ERR_OK);
	for (; at < in.n; at += step) {
		struct str piece = str_part(in, at, at + step);
		size_t before = buf_length(out);

		assert_int_equal(message_firewall_feed(&f, piece, out), ERR_OK);
		assert_true(buf_length(out) - before <= MESSAGE_FIREWALL_GROWTH(piece.n));
	}
	assert_int_equal(message_firewall_end(&f, out), ERR_OK);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str in = str_of(rows[i].in);

		for (size_t cut = 0; cut <= in.n; cut++) {
			struct buf out;

			buf_init(&out, 4096);
			run(rows[i].mode, in, cut, cut % 3 == 0 ? in.n + 1 : cut % 3, &out);
			if (!str_equal(buf_str(&out), str_of(rows[i].out)))
				fail_msg("%s, cut at %zu: %s", rows[i].name, cut, buf_text(&out));
			buf_free(&out);
		}
	}
}

/* ---- properties ----------------------------------------------------------------------------- */

static uint32_t seed = 1;

static size_t dice(size_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % sides;
}

/* A message of pieces that matter. */
static void invent(struct buf *out)
{
	static const char *const pieces[] = {SO, SP, EO, EP, "A", ":", " ", "\t", "\r\n", "\r\n",
		"\r\n", "\r", "\n", "AuthAs: x\r\n", "Subject: y\r\n", "\r\n\r\n", X50,
		"x-sealpost-", "\xff", "X-MS-Exchange-"};

	for (size_t n = dice(24); n > 0; n--)
		buf_put_text(out, pieces[dice(ARRAY_LENGTH(pieces))]);
}

/* No line of the header begins with that name; the body begins behind the first true empty line,
 * the header is what all of CR LF, CR and LF cut into lines. */
static void expect_none(struct str message, const char *name)
{
	bool is_line = true;

	for (size_t i = 0; i < message.n; i++) {
		struct str rest = str_part(message, i, message.n);

		if (i == 0 && str_starts_nocase(rest, str_make("\r\n", 2)))
			return;
		if (str_starts_nocase(rest, str_make("\r\n\r\n", 4)))
			return;
		if (is_line && str_starts_nocase(rest, str_of(name)))
			fail_msg("%s in %.*s", name, STR_ARGS(message));
		is_line = message.p[i] == '\r' || message.p[i] == '\n';
	}
}

static void test_properties(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		enum message_firewall_mode mode = (enum message_firewall_mode)dice(4);
		struct buf in, whole, pieces, twice;

		buf_init(&in, 4096);
		buf_init(&whole, 8192);
		buf_init(&pieces, 8192);
		buf_init(&twice, 8192);
		invent(&in);
		run(mode, buf_str(&in), 0, buf_length(&in) + 1, &whole);
		run(mode, buf_str(&in), dice(buf_length(&in) + 1), dice(7) + 1, &pieces);
		assert_true(str_equal(buf_str(&whole), buf_str(&pieces)));
		if (mode == KEEP)
			assert_true(str_equal(buf_str(&whole), buf_str(&in)));
		if (mode == STRIP || mode == PROMOTE) {
			expect_none(buf_str(&whole), SP);
			expect_none(buf_str(&whole), EP);
		}
		if (mode == STRIP || mode == CROSS) {
			expect_none(buf_str(&whole), SO);
			expect_none(buf_str(&whole), EO);
		}
		if (mode == STRIP) {
			run(mode, buf_str(&whole), 0, 5, &twice);
			assert_true(str_equal(buf_str(&whole), buf_str(&twice)));
		}
		buf_free(&in);
		buf_free(&whole);
		buf_free(&pieces);
		buf_free(&twice);
	}
}

static void test_stamps(void **state)
{
	struct message_stamps stamps = {true, "internal", "mx.contoso.example"};
	struct buf out;

	(void)state;
	buf_init(&out, MESSAGE_STAMPS_MAX);
	assert_int_equal(message_stamps_format(&stamps, &out), ERR_OK);
	assert_string_equal(buf_text(&out),
		SO "Directionality: originating\r\n" SO "AuthAs: internal\r\n" SO
		   "AuthSource: mx.contoso.example\r\n");
	buf_clear(&out);
	stamps = (struct message_stamps){false, "anonymous", "h"};
	assert_int_equal(message_stamps_format(&stamps, &out), ERR_OK);
	assert_string_equal(buf_text(&out), SO "Directionality: incoming\r\n" SO
					       "AuthAs: anonymous\r\n" SO "AuthSource: h\r\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
