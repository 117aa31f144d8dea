/* The generated parts of the manual pages and of docs/outcomes.md are what the program says now.
 * usage: test_manual PAGE...   (tools/manual.sh writes them) */
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

static char *reference(const char *topic)
{
	struct cli cli = {.arena = arena_new(), .err = stderr};
	char *text = NULL;
	size_t size = 0;
	bool known;

	cli.out = open_memstream(&text, &size);
	known = cli_reference(&cli, topic, true);
	fclose(cli.out);
	arena_free(&cli.arena);
	if (known)
		return text;
	free(text);
	return NULL;
}

/* Parts that are not current; every page has at least one. */
static int check_page(const char *path)
{
	struct cli cli = {.arena = arena_new(), .err = stderr};
	bool markdown = strstr(path, ".md") != NULL;
	const char *begin = markdown ? "<!-- generated: " : ".\\\" generated: ";
	const char *end = markdown ? "<!-- end -->\n" : ".\\\" end\n";
	struct str page;
	const char *at;
	int wrong = 0, parts = 0;

	if (cli_read_file(&cli, path, &page) != CLI_OK)
		return 1;
	for (at = strstr(page.p, begin); at != NULL; at = strstr(at, begin)) {
		const char *name = at + strlen(begin), *line = strchr(name, '\n');
		char *topic = strndup(name, strcspn(name, " \n"));
		char *want = reference(topic);
		const char *stop = strstr(line, end);
		size_t n = stop != NULL ? (size_t)(stop - line - 1) : 0;

		parts++;
		if (want == NULL || stop == NULL || strlen(want) != n ||
			memcmp(want, line + 1, n) != 0) {
			fprintf(stderr,
				"%s: the part \"%s\" is not what the program says: run "
				"tools/manual.sh\n",
				path, topic);
			wrong++;
		}
		free(want);
		free(topic);
		at = line;
	}
	arena_free(&cli.arena);
	return parts > 0 ? wrong : 1;
}

int main(int argc, char **argv)
{
	int failures = argc < 2;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		int wrong = check_page(argv[i]);

		printf("%sok %d - %s\n", wrong == 0 ? "" : "not ", i, argv[i]);
		failures += wrong;
	}
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
