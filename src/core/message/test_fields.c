#include "core/message/fields.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50

static void note(void *context, struct str name, struct str value)
{
	struct buf *out = context;

	buf_format(out, "<%.*s=%.*s>", STR_ARGS(name), STR_ARGS(value));
}

static void run(struct str in, size_t cut, struct buf *out)
{
	struct message_fields f;

	message_fields_init(&f, note, out);
	message_fields_feed(&f, str_part(in, 0, cut));
	message_fields_feed(&f, str_part(in, cut, in.n));
	message_fields_end(&f);
	message_fields_clear(&f);
}

static const struct {
	const char *name, *in, *out;
} rows[] = {
	{"nothing", "", ""},
	{"body at once", "\r\nA: 1\r\n", ""},
	{"the usual", "A: 1\r\nB:2\r\n\r\nC: 3\r\n", "<A=1><B=2>"},
	{"folded", "A: 1\r\n 2\r\n\t3 \r\nB:\r\n 4\r\n\r\n", "<A=1 2\t3><B=4>"},
	{"header alone", "A: 1\r\nB: 2", "<A=1><B=2>"},
	{"ends within a name", "A: 1\r\nB", "<A=1>"},
	{"empty value", "A:\r\nB: \r\n\r\n", "<A=><B=>"},
	{"blank before the colon", "A : 1\r\n\r\n", "<A=1>"},
	{"no field", "hello\r\n world: x\r\nA: 1\r\n\r\n", "<A=1>"},
	{"continues nothing", " A: 1\r\nB: 2\r\n\r\n", "<B=2>"},
	{"colon alone", ": 1\r\nB: 2\r\n\r\n", "<B=2>"},
	{"name too long", X500 X500 ": 1\r\n 2\r\nB: 2\r\n\r\n", "<B=2>"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str in = str_of(rows[i].in);

		for (size_t cut = 0; cut <= in.n; cut++) {
			struct buf out;

			buf_init(&out, 4096);
			run(in, cut, &out);
			if (!str_equal(buf_str(&out), str_of(rows[i].out)))
				fail_msg("%s, cut at %zu: %s", rows[i].name, cut, buf_text(&out));
			buf_free(&out);
		}
	}
}

static void test_cuts_values(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, 65536);
	buf_init(&out, 65536);
	buf_put_text(&in, "A: ");
	for (int i = 0; i < 40; i++)
		buf_put_text(&in, X500 "\r\n ");
	buf_put_text(&in, "\r\nB: 2\r\n\r\n");
	run(buf_str(&in), 100, &out);
	assert_true(str_ends_nocase(buf_str(&out), str_make("x><B=2>", 7)));
	assert_int_equal(
		buf_length(&out), strlen("<A=>") + MESSAGE_FIELD_VALUE_MAX - 1 + strlen("<B=2>"));
	buf_free(&in);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cuts_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
