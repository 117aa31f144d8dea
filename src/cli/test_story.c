/* The story of a message as it is printed, compared with a file.
 * usage: test_story FIXTURE.json EXPECTED.txt   (REGOLD=1 writes the expected file) */
#include "cli/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *fixture_path, *expected_path;

static char *story(bool colour)
{
	struct cli cli = {.arena = arena_new(), .colour = colour, .err = stderr};
	json_t *json = json_load_file(fixture_path, 0, NULL);
	char *text = NULL;
	size_t size = 0;

	assert_non_null(json);
	cli.out = open_memstream(&text, &size);
	cli_print_story(&cli, json);
	fclose(cli.out);
	json_decref(json);
	arena_free(&cli.arena);
	return text;
}

static void test_story_is_as_expected(void **state)
{
	char expected[16384] = "";
	char *text = story(false);
	FILE *file;

	(void)state;
	if (getenv("REGOLD") != NULL) {
		file = fopen(expected_path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(expected_path, "r");
	assert_non_null(file);
	expected[fread(expected, 1, sizeof(expected) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static void test_message_cannot_drive_the_terminal(void **state)
{
	char *plain = story(false), *coloured = story(true);

	(void)state;
	assert_null(strchr(plain, '\033'));
	assert_null(strstr(coloured, "\033[31m42"));
	assert_non_null(strstr(coloured, "\033[32mDelivered"));
	free(plain);
	free(coloured);
}

static void test_table_aligns(void **state)
{
	static const char *const heads[] = {"A", "LONG", "C"};
	struct cli cli = {.arena = arena_new()};
	struct cli_table table;
	char *text = NULL;
	size_t size = 0;

	(void)state;
	cli.out = open_memstream(&text, &size);
	cli_table_init(&table, heads, 3);
	cli_table_row(&table, (const char *[]){"b\xc3\xbc", "", "x"});
	cli_table_row(&table, (const char *[]){"longer", NULL, "y"});
	cli_table_print(&cli, &table);
	fclose(cli.out);
	assert_string_equal(text, "A       LONG  C\nb\xc3\xbc      -     x\nlonger  -     y\n");
	free(text);
	arena_free(&cli.arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story_is_as_expected),
		cmocka_unit_test(test_message_cannot_drive_the_terminal),
		cmocka_unit_test(test_table_aligns),
	};

	if (argc != 3)
		return 2;
	fixture_path = argv[1];
	expected_path = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
