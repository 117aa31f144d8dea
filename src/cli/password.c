/* A password: from the terminal without echo, or from a file; never from an argument, which others
 * can see. */
#include "cli/verb.h"
#include "core/account/account.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE = ACCOUNT_MAX_PASSWORD + 2 };

/* The first line of a file. */
static int from_file(struct cli *cli, const char *path, const char **ret)
{
	struct str content, line;
	int status = cli_read_file(cli, path, &content);

	if (status != CLI_OK)
		return status;
	line = str_cut(&content, '\n');
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return cli_fail(
			cli, CLI_FAILED, "%s: expected the password in the first line", path);
	*ret = arena_text_of(cli->arena, line);
	return CLI_OK;
}

/* One line from the terminal; NULL: none. */
static const char *ask(struct cli *cli, const char *prompt, int fd)
{
	struct termios before, quiet;
	char line[LINE];
	size_t n = 0;
	ssize_t got = 0;

	if (tcgetattr(fd, &before) != 0)
		return NULL;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	/* What was typed before the question is not meant for it. */
	if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
		return NULL;
	fprintf(cli->err, "%s: ", prompt);
	fflush(cli->err);
	while (n < sizeof(line) - 1 && (got = read(fd, line + n, 1)) == 1 && line[n] != '\n')
		n++;
	tcsetattr(fd, TCSADRAIN, &before);
	line[n] = '\0';
	return got == 1 ? arena_text(cli->arena, line) : NULL;
}

static int from_terminal(struct cli *cli, const char *user, const char **ret)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	const char *first = NULL, *second = NULL;

	if (fd < 0)
		return cli_usage(cli, "no terminal to ask: give the password with --password-file");
	first = ask(cli, arena_format(cli->arena, "Password of %s", user), fd);
	if (first != NULL)
		second = ask(cli, "Again", fd);
	close(fd);
	if (first == NULL || second == NULL)
		return cli_fail(cli, CLI_FAILED, "nothing was done");
	if (strcmp(first, second) != 0)
		return cli_fail(cli, CLI_FAILED, "the two are not the same; nothing was done");
	*ret = first;
	return CLI_OK;
}

int cli_password(struct cli *cli, const char *user, const char **ret)
{
	const char *path = cli_option(cli, "password-file");
	struct err_info info = {0};
	int status = path != NULL ? from_file(cli, path, ret) : from_terminal(cli, user, ret);

	if (status != CLI_OK)
		return status;
	if (account_check_password(*ret, user, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "password: %s", info.text);
	return CLI_OK;
}
