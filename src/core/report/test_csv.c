#include "core/report/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void cells_are_safe_and_whole(void **state)
{
	json_t *columns = json_pack("[s,s]", "a", "b");
	json_t *rows = json_pack("[[s,i],[s,n],[s,b],[s,s],[s,s]]", "x,\"y\"", 7, "=1+1",
		"two\nlines", 1, "@a", "-3",
		"\xef\xbc\x9d"
		"1",
		"a=1");
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(report_csv_table(columns, rows, &out), ERR_OK);
	assert_string_equal(buf_text(&out), "a,b\r\n\"x,\"\"y\"\"\",7\r\n'=1+1,\r\n"
					    "\"two\nlines\",true\r\n'@a,'-3\r\n"
					    "'\xef\xbc\x9d"
					    "1,a=1\r\n");
	buf_free(&out);
	buf_init(&out, 10);
	assert_int_equal(report_csv_table(columns, rows, &out), ERR_TOO_LONG);
	buf_free(&out);
	json_decref(columns);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(cells_are_safe_and_whole)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
