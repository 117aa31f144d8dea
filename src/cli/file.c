/* Files, and where the server is to be found. */
#include "cli/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 16 * 1024 * 1024 };

static int read_all(struct cli *cli, int fd, const char *path, struct str *ret)
{
	struct buf content;
	ssize_t n;

	buf_init(&content, MAX_FILE);
	for (;;) {
		char *to = buf_reserve(&content, 65536);

		if (to == NULL) {
			buf_free(&content);
			return cli_fail(
				cli, CLI_FAILED, "%s: larger than %d MiB", path, MAX_FILE >> 20);
		}
		n = read(fd, to, 65536);
		if (n <= 0)
			break;
		buf_added(&content, (size_t)n);
	}
	*ret = arena_copy(cli->arena, buf_str(&content));
	buf_free(&content);
	return n < 0 ? cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno)) : CLI_OK;
}

int cli_read_file(struct cli *cli, const char *path, struct str *ret)
{
	bool is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int status;

	if (fd < 0)
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
	status = read_all(cli, fd, path, ret);
	if (!is_input)
		close(fd);
	return status;
}

/* ---- where the server is --------------------------------------------------------------------- */

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* As the server does without a node file. */
static const char *default_data(struct cli *cli)
{
	const char *home = environment("HOME");
	const char *share = environment("XDG_DATA_HOME");

	if (geteuid() == 0)
		return "/var/lib/sealpost";
	if (share != NULL)
		return arena_format(cli->arena, "%s/sealpost", share);
	return arena_format(cli->arena, "%s/.local/share/sealpost", home != NULL ? home : "");
}

static const char *default_run(struct cli *cli, const char *data)
{
	const char *runtime = environment("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return "/run/sealpost";
	if (runtime != NULL)
		return arena_format(cli->arena, "%s/sealpost", runtime);
	return arena_format(cli->arena, "%s/run", data);
}

static int read_node(struct cli *cli, const char *path, struct model_node *ret)
{
	struct err_info info = {0};
	struct str text = {0};
	json_t *json = NULL;
	char *real;
	int status = cli_read_file(cli, path, &text);

	if (status != CLI_OK)
		return status;
	if (model_parse_yaml(text, &json, &info) != ERR_OK ||
		record_from_json(&model_node_desc, json, "", cli->arena, ret, &info) != ERR_OK) {
		json_decref(json);
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, info.text);
	}
	json_decref(json);
	real = realpath(path, NULL);
	if (real != NULL && strrchr(real, '/') != NULL) {
		*strrchr(real, '/') = '\0';
		model_resolve_paths(ret, real[0] != '\0' ? real : "/", cli->arena);
	}
	free(real);
	return CLI_OK;
}

const char *cli_node_path(struct cli *cli)
{
	const char *path = cli_option(cli, "node");

	return path != NULL ? path : environment("SEALPOST_NODE");
}

int cli_node(struct cli *cli, struct model_node *ret)
{
	const char *path = cli_node_path(cli);

	record_init(&model_node_desc, ret, cli->arena);
	return path != NULL ? read_node(cli, path, ret) : CLI_OK;
}

const char *cli_roots_path(struct cli *cli)
{
	struct model_node node;

	if (cli_node(cli, &node) != CLI_OK || node.roots == NULL || access(node.roots, R_OK) != 0)
		return NULL;
	return node.roots;
}

int cli_data_path(struct cli *cli, const char **ret)
{
	struct model_node node;
	int status;

	if (cli_option(cli, "data") != NULL) {
		*ret = cli_option(cli, "data");
		return CLI_OK;
	}
	status = cli_node(cli, &node);
	if (status == CLI_OK)
		*ret = node.data != NULL ? node.data : default_data(cli);
	return status;
}

int cli_socket_path(struct cli *cli, const char **ret)
{
	struct model_node node;
	const char *socket = cli_option(cli, "socket");
	int status;

	if (socket == NULL && cli_option(cli, "node") == NULL)
		socket = environment("SEALPOST_SOCKET");
	if (socket != NULL) {
		*ret = socket;
		return CLI_OK;
	}
	status = cli_node(cli, &node);
	if (status != CLI_OK)
		return status;
	if (node.run == NULL)
		node.run = default_run(cli, node.data != NULL ? node.data : default_data(cli));
	*ret = arena_format(cli->arena, "%s/admin.sock", node.run);
	return CLI_OK;
}

bool cli_confirm(struct cli *cli, const char *question)
{
	char answer[16];

	fprintf(cli->err, "%s [y/N] ", question);
	fflush(cli->err);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}

int cli_write_output(struct cli *cli, struct str text)
{
	const char *path = cli_option(cli, "output");
	FILE *to = path != NULL && strcmp(path, "-") != 0 ? fopen(path, "we") : cli->out;
	bool fine;

	if (to == NULL)
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
	fine = fwrite(text.p, 1, text.n, to) == text.n && fflush(to) == 0;
	if (to != cli->out)
		fine = fclose(to) == 0 && fine;
	if (!fine)
		return cli_fail(
			cli, CLI_FAILED, "%s: %s", path != NULL ? path : "output", strerror(errno));
	return CLI_OK;
}
