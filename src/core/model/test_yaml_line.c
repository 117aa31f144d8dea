#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char text[] = "organisations:\n"		       /* 1 */
			   "  - name: contoso\n"	       /* 2 */
			   "domains: []\n"		       /* 3 */
			   "connectors:\n"		       /* 4 */
			   "  - {name: a, tls: [x, {y: z}]}\n" /* 5 */
			   "  - name: b\n"		       /* 6 */
			   "    trust: |\n"		       /* 7 */
			   "      one\n"		       /* 8 */
			   "      two\n"		       /* 9 */
			   "    inbound:\n"		       /* 10 */
			   "      addresses:\n"		       /* 11 */
			   "        - 192.0.2.1\n"	       /* 12 */
			   "        - nonsense\n";	       /* 13 */

static void test_lines(void **state)
{
	static const struct {
		const char *path;
		unsigned line;
	} rows[] = {
		{"organisations", 1},
		{"organisations[0]", 2},
		{"organisations[0].name", 2},
		{"connectors[0].tls[1].y", 5},
		{"connectors[1].trust", 7},
		{"connectors[1].inbound.addresses[1]", 13},
		{"connectors[1].inbound.addresses[7]", 11}, /* as much as there is */
		{"connectors[1].organisation", 6},
		{"nothing", 0},
		{"connector contoso/b", 0},
		{"", 0},
		{"[0]", 0},
		{"connectors[1", 6},
		{"...", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].path);
		assert_int_equal(model_yaml_line(str_of(text), str_of(rows[i].path)), rows[i].line);
	}
}

static void test_broken_text(void **state)
{
	static const char *const texts[] = {"", "a", "a: [b", "a: b: c", "\t", "- - - -\n- ["};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		assert_true(model_yaml_line(str_of(texts[i]), str_of("a[0].b")) <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_broken_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
