/* The command line: words and options, properties as JSON, help from the table. */
#include "cli/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ARGS = 16 };

struct fixture {
	struct cli cli;
	char *out, *err;
	size_t out_size, err_size;
};

static void open_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->cli.arena = arena_new();
	f->cli.out = open_memstream(&f->out, &f->out_size);
	f->cli.err = open_memstream(&f->err, &f->err_size);
}

static void close_fixture(struct fixture *f)
{
	fclose(f->cli.out);
	fclose(f->cli.err);
	free(f->out);
	free(f->err);
	arena_free(&f->cli.arena);
}

static int parse(struct fixture *f, const char *const *words)
{
	char *argv[MAX_ARGS + 2] = {(char *)"sealpost"};
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	return cli_parse(&f->cli, argc, argv);
}

static void test_words_and_options(void **state)
{
	static const struct {
		const char *name;
		const char *words[MAX_ARGS];
		int status;
		const char *verb; /* NULL: none */
		const char *option, *value;
		size_t word_count;
	} rows[] = {
		{"two words", {"queue", "list"}, CLI_OK, "queue list", NULL, NULL, 0},
		{"option before the verb", {"--socket", "/x", "status"}, CLI_OK, "status", "socket",
			"/x", 0},
		{"option between the words", {"queue", "--json", "list"}, CLI_OK, "queue list",
			"json", NULL, 0},
		{"value behind =", {"trace", "--to=a@b"}, CLI_OK, "trace", "to", "a@b", 0},
		{"value as next word", {"trace", "--to", "a@b", "c"}, CLI_OK, "trace", "to", "a@b",
			1},
		{"the last one counts", {"trace", "--to", "x", "--to", "y"}, CLI_OK, "trace", "to",
			"y", 0},
		{"switch takes no word", {"apply", "--dry-run", "f"}, CLI_OK, "apply", "dry-run",
			NULL, 1},
		{"words only behind --", {"apply", "--", "--x"}, CLI_OK, "apply", NULL, NULL, 1},
		{"a dash is a word", {"apply", "-"}, CLI_OK, "apply", NULL, NULL, 1},
		{"unknown option", {"status", "--nope"}, CLI_USAGE, "status", NULL, NULL, 0},
		{"unknown short option", {"status", "-x"}, CLI_USAGE, "status", NULL, NULL, 0},
		{"missing value", {"trace", "--to"}, CLI_USAGE, "trace", NULL, NULL, 0},
		{"missing argument", {"apply"}, CLI_USAGE, "apply", NULL, NULL, 0},
		{"too many arguments", {"apply", "a", "b"}, CLI_USAGE, "apply", NULL, NULL, 2},
		{"help needs no argument", {"apply", "--help"}, CLI_OK, "apply", "help", NULL, 0},
		{"no such verb", {"frobnicate"}, CLI_USAGE, NULL, NULL, NULL, 0},
		{"half a verb", {"queue"}, CLI_USAGE, NULL, NULL, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fixture f;

		open_fixture(&f);
		print_message("# %s\n", rows[i].name);
		assert_int_equal(parse(&f, rows[i].words), rows[i].status);
		if (rows[i].verb == NULL)
			assert_null(f.cli.verb);
		else
			assert_string_equal(f.cli.verb->name, rows[i].verb);
		if (rows[i].option != NULL)
			assert_true(cli_has(&f.cli, rows[i].option));
		if (rows[i].value != NULL)
			assert_string_equal(cli_option(&f.cli, rows[i].option), rows[i].value);
		assert_int_equal(f.cli.word_count, rows[i].word_count);
		close_fixture(&f);
	}
}

static void test_properties_become_json(void **state)
{
	static const struct {
		const char *name;
		const char *words[MAX_ARGS];
		const char *json; /* NULL: refused */
	} rows[] = {
		{"dotted", {"connector", "set", "a/b", "--inbound.require-tls=true"},
			"{\"inbound\":{\"require_tls\":true}}"},
		{"with dashes", {"connector", "set", "a/b", "--inbound-require-tls=false"},
			"{\"inbound\":{\"require_tls\":false}}"},
		{"with underscores", {"connector", "set", "a/b", "--inbound.require_tls"},
			"{\"inbound\":{\"require_tls\":true}}"},
		{"lists grow",
			{"connector", "set", "a/b", "--outbound.smart-hosts=a,b:25",
				"--outbound.smart-hosts", "c"},
			"{\"outbound\":{\"smart_hosts\":[\"a\",\"b:25\",\"c\"]}}"},
		{"numbers", {"connector", "set", "a/b", "--outbound.cost=5"},
			"{\"outbound\":{\"cost\":5}}"},
		{"names", {"org", "set", "a", "--minimum-tls=encrypt"},
			"{\"minimum_tls\":\"encrypt\"}"},
		{"empty resets", {"org", "set", "a", "--comment="}, "{\"comment\":null}"},
		{"a half goes", {"connector", "set", "a/b", "--inbound=none"},
			"{\"inbound\":null}"},
		{"neither true nor false", {"connector", "set", "a/b", "--enabled=maybe"}, NULL},
		{"no such file", {"connector", "set", "a/b", "--trust-file=/nonexistent/x"}, NULL},
		{"not of this object", {"org", "set", "a", "--inbound.require-tls"}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fixture f;
		json_t *json = NULL;
		char *text;
		int status;

		open_fixture(&f);
		print_message("# %s\n", rows[i].name);
		status = parse(&f, rows[i].words);
		if (status == CLI_OK)
			status = cli_properties(&f.cli, &json);
		if (rows[i].json == NULL) {
			assert_int_not_equal(status, CLI_OK);
		} else {
			assert_int_equal(status, CLI_OK);
			text = json_dumps(json, JSON_COMPACT);
			assert_string_equal(text, rows[i].json);
			free(text);
		}
		json_decref(json);
		close_fixture(&f);
	}
}

static void test_trust_is_read_from_a_file(void **state)
{
	char path[] = "/tmp/sealpost-test-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct fixture f;
	json_t *json = NULL;
	char option[128];

	(void)state;
	assert_non_null(file);
	fputs("PEM, two\nlines\n", file);
	fclose(file);
	open_fixture(&f);
	snprintf(option, sizeof(option), "--trust-file=%s", path);
	assert_int_equal(
		parse(&f, (const char *const[]){"connector", "add", "x", option, NULL}), CLI_OK);
	assert_int_equal(cli_properties(&f.cli, &json), CLI_OK);
	assert_string_equal(json_string_value(json_object_get(json, "trust")), "PEM, two\nlines\n");
	json_decref(json);
	close_fixture(&f);
	remove(path);
}

/* Every verb has a sentence, an example that parses, and help that names its options. */
static void test_table_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_verb_count; i++) {
		const struct cli_verb *verb = &cli_verbs[i];
		struct fixture f;

		open_fixture(&f);
		print_message("# %s\n", verb->name);
		assert_non_null(verb->doc);
		assert_null(strchr(verb->doc, '\'')); /* stands in quotes in completion scripts */
		assert_non_null(verb->examples);
		assert_true(verb->most >= verb->least);
		cli_help_verb(&f.cli, verb);
		fflush(f.cli.out);
		assert_non_null(strstr(f.out, verb->name));
		for (const struct cli_flag *flag = verb->flags; flag != NULL && flag->name != NULL;
			flag++)
			assert_non_null(strstr(f.out, flag->name));
		close_fixture(&f);
	}
}

static void test_completion_for_every_shell(void **state)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(shells); i++) {
		struct fixture f;

		open_fixture(&f);
		assert_int_equal(
			parse(&f, (const char *const[]){"completion", shells[i], NULL}), CLI_OK);
		assert_int_equal(cli_run_completion(&f.cli), CLI_OK);
		fflush(f.cli.out);
		assert_non_null(strstr(f.out, "inbound.require-tls"));
		close_fixture(&f);
	}
}

static void test_answers_cannot_drive_the_terminal(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	assert_string_equal(cli_safe(&f.cli, "a\033[1mb\nc\x7f"), "a?[1mb c?");
	assert_string_equal(cli_safe(&f.cli, "\xc2\x9b"
					     "31m"),
		"??31m");
	assert_string_equal(cli_safe(&f.cli, "gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(cli_escape(&f.cli, "a/b c@d"), "a%2Fb%20c%40d");
	assert_string_equal(cli_query(&f.cli, "/x?a=1", "b", "2&3"), "/x?a=1&b=2%263");
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_options),
		cmocka_unit_test(test_properties_become_json),
		cmocka_unit_test(test_trust_is_read_from_a_file),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_completion_for_every_shell),
		cmocka_unit_test(test_answers_cannot_drive_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
