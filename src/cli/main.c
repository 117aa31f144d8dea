#include "cli/verb.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool wants_colour(void)
{
	const char *term = getenv("TERM");
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0 &&
	       (no == NULL || no[0] == '\0');
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A word that only begins verbs ("queue"): show those. */
static bool show_group(struct cli *cli, const char *word)
{
	size_t length = strlen(word), shown = 0;

	for (size_t i = 0; i < cli_verb_count; i++)
		if (strncmp(cli_verbs[i].name, word, length) == 0 &&
			cli_verbs[i].name[length] == ' ') {
			if (shown++ == 0)
				fprintf(cli->err, "sealpost: %s needs one of these verbs:\n", word);
			fprintf(cli->err, "  %-20s %s\n", cli_verbs[i].name, cli_verbs[i].doc);
		}
	return shown > 0;
}

static bool is_common_flag(const char *arg)
{
	struct str rest = str_of(arg + strspn(arg, "-"));
	struct str name = str_cut(&rest, '=');

	for (const struct cli_flag *flag = cli_common_flags; flag->name != NULL; flag++)
		if (str_is(name, flag->name))
			return true;
	return false;
}

static int no_verb(struct cli *cli, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--version") == 0)
			return cli_run_version(cli);
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			cli_help_all(cli);
			return CLI_OK;
		}
		if (argv[i][0] == '-' && !is_common_flag(argv[i]))
			return cli_usage(cli, "no such option: %s", argv[i]);
		if (argv[i][0] == '-')
			continue;
		if (show_group(cli, argv[i]))
			return CLI_USAGE;
		return cli_usage(cli, "no such verb: %s", argv[i]);
	}
	cli_help_all(cli);
	return argc > 1 ? CLI_USAGE : CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	int status = cli_parse(cli, argc, argv);

	if (cli->verb == NULL)
		return no_verb(cli, argc, argv);
	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "no-color"))
		cli->colour = false;
	if (cli_has(cli, "help")) {
		cli_help_verb(cli, cli->verb);
		return CLI_OK;
	}
	if (cli->verb->run == NULL)
		return cli_usage(cli, "%s must be the first word", cli->verb->name);
	return cli->verb->run(cli);
}

int cli_main(int argc, char **argv)
{
	struct cli *cli = mem_new(sizeof(*cli));
	int status;

	cli->arena = arena_new();
	cli->out = stdout;
	cli->err = stderr;
	cli->colour = wants_colour();
	cli->interactive = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	cli->now_ms = now_ms();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = run(cli, argc, argv);
	curl_global_cleanup();
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_OK)
		status = cli_fail(cli, CLI_FAILED, "standard output: cannot write");
	arena_free(&cli->arena);
	free(cli);
	return status;
}
