/* Backups: the server copies its databases while mail goes on, this program takes them and what
 * stands beside them into a directory, and looks through all of it. */
#include "cli/verb.h"

#include "base/moment.h"
#include "port/backup/backup.h"
#include "port/runtime/table.h"
#include "port/vault/vault.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { ASK_AGAIN_MS = 200, FIRST_USER = 64200 };

static int failed(struct cli *cli, const struct err_info *info)
{
	return cli_fail(cli, CLI_FAILED, "%s", info->text);
}

/* ---- making one --------------------------------------------------------------------------------
 */

static void show_progress(struct cli *cli, const json_t *backup)
{
	static const char *const parts[] = {"queue", "trace"};

	if (!cli->interactive)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		const json_t *part = json_object_get(backup, parts[i]);
		int64_t bytes = cli_number(part, "bytes"), left = cli_number(part, "left");

		if (strcmp(cli_text(cli, part, "state"), "runs") == 0 && bytes > 0)
			fprintf(cli->err, "\r%s: %lld of %lld MB ", parts[i],
				(long long)((bytes - left) >> 20), (long long)(bytes >> 20));
	}
	fflush(cli->err);
}

/* Until the copies are there; *RET is the last answer. */
static int have_copied(struct cli *cli, json_t **ret)
{
	struct cli_answer answer = {0};
	json_t *body = json_pack("{s:b}", "trace", !cli_has(cli, "no-trace"));
	int status = cli_ask(cli,
		&(struct cli_call){.method = "POST", .path = "/v1/backups", .body = body}, &answer);
	const char *name;

	json_decref(body);
	*ret = answer.json;
	if (status != CLI_OK)
		return status;
	name = cli_text(cli, *ret, "name");
	while (status == CLI_OK && strcmp(cli_text(cli, *ret, "state"), "runs") == 0) {
		show_progress(cli, *ret);
		poll(NULL, 0, ASK_AGAIN_MS);
		json_decref(*ret);
		*ret = NULL;
		status = cli_get(cli,
			arena_format(cli->arena, "/v1/backups/%s", cli_escape(cli, name)), ret);
	}
	if (cli->interactive)
		fputs("\r                              \r", cli->err);
	return status;
}

static void drop_copies(struct cli *cli, const json_t *backup)
{
	struct cli_answer answer = {0};

	if (backup == NULL)
		return;
	cli_ask(cli,
		&(struct cli_call){.method = "DELETE",
			.path = arena_format(cli->arena, "/v1/backups/%s",
				cli_escape(cli, cli_text(cli, backup, "name")))},
		&answer);
	json_decref(answer.json);
}

static json_t *about(struct cli *cli, const json_t *backup, const struct model_node *node)
{
	char now[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(cli->now_ms, now);
	return json_pack("{s:s,s:s,s:s?,s:s,s:I,s:b,s:b}", "program", "sealpost", "version",
		SEALPOST_VERSION, "hostname", node->hostname, "made", now, "generation",
		(json_int_t)cli_number(backup, "generation"), "with_trace",
		!cli_has(cli, "no-trace"), "with_keys", cli_has(cli, "with-keys"));
}

static enum err gather(struct cli *cli, const json_t *backup, const char *to,
	struct backup_counts *counts, struct err_info *info)
{
	const char *from = cli_text(cli, backup, "directory"), *data = NULL, *node_path;
	struct model_node node;
	enum err e;

	if (cli_data_path(cli, &data) != CLI_OK || cli_node(cli, &node) != CLI_OK)
		return err_set(info, ERR_SYNTAX, "without the node file nothing can be found");
	e = backup_add_file(to, arena_format(cli->arena, "%s/queue.db", from), "queue.db", info);
	if (e == ERR_OK && !cli_has(cli, "no-trace"))
		e = backup_add_file(
			to, arena_format(cli->arena, "%s/trace.db", from), "trace.db", info);
	if (e == ERR_OK)
		e = backup_add_content(to, data, counts, info);
	if (e == ERR_OK)
		e = backup_add_certificates(to, data, cli_has(cli, "with-keys"), info);
	node_path = cli_node_path(cli);
	if (e == ERR_OK && node_path != NULL)
		e = backup_add_file(to, node_path, "node.yaml", info);
	return e == ERR_OK ? backup_finish(to, about(cli, backup, &node), counts, info) : e;
}

static void print_counts(struct cli *cli, const struct backup_counts *c)
{
	cli_print(cli, "%lld files, %s: %lld message%s in the queue", (long long)c->files,
		cli_size(cli, c->bytes), (long long)c->messages, c->messages == 1 ? "" : "s");
	if (c->traced >= 0)
		cli_print(cli, ", %lld in the trace", (long long)c->traced);
	cli_print(cli, ".\n");
}

static json_t *counts_json(const char *directory, const struct backup_counts *c)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:o}", "directory", directory, "files",
		(json_int_t)c->files, "bytes", (json_int_t)c->bytes, "messages",
		(json_int_t)c->messages, "gone", (json_int_t)c->gone, "traced",
		c->traced >= 0 ? json_integer((json_int_t)c->traced) : json_null());
}

static void tell(struct cli *cli, const char *to, const struct backup_counts *counts)
{
	json_t *json = counts_json(to, counts);

	if (cli_has(cli, "json")) {
		cli_print_json(cli, json);
	} else {
		cli_print(cli, "%s is made and looked through: ", to);
		print_counts(cli, counts);
		if (!cli_has(cli, "with-keys"))
			cli_print(cli, "Private keys are not in it (--with-keys).\n");
	}
	json_decref(json);
}

int cli_run_backup(struct cli *cli)
{
	const char *to = cli->words[0];
	struct err_info info = {.text = ""};
	struct backup_counts counts = {0};
	json_t *backup = NULL;
	enum err e = backup_begin(to, &info);
	int status = e == ERR_OK ? have_copied(cli, &backup) : failed(cli, &info);

	if (status == CLI_OK && strcmp(cli_text(cli, backup, "state"), "done") != 0)
		status = cli_fail(cli, CLI_FAILED, "the databases could not be copied: %s%s",
			cli_text(cli, json_object_get(backup, "queue"), "reason"),
			cli_text(cli, json_object_get(backup, "trace"), "reason"));
	if (status == CLI_OK && gather(cli, backup, to, &counts, &info) != ERR_OK)
		status = failed(cli, &info);
	drop_copies(cli, backup);
	json_decref(backup);
	if (status == CLI_OK)
		tell(cli, to, &counts);
	return status;
}

/* ---- bringing one back -------------------------------------------------------------------------
 */

/* Whose the data are to be: the user of the spool, as the server will find it. */
static int find_owner(struct cli *cli, const struct model_node *node, struct backup_owner *ret)
{
	const char *name = node->users.spool != NULL ? node->users.spool : "sealpost-spool";
	const struct passwd *row = getpwnam(name);
	uint64_t number;

	*ret = (struct backup_owner){.change = geteuid() == 0 && strcmp(name, "keep") != 0};
	if (row != NULL) {
		ret->uid = row->pw_uid;
		ret->gid = row->pw_gid;
	} else if (str_to_u64(str_of(name), &number) && number < UINT32_MAX) {
		ret->uid = (uid_t)number;
		ret->gid = (gid_t)number;
	} else if (node->users.spool == NULL) {
		ret->uid = FIRST_USER + runtime_table[RUNTIME_SPOOL].user_offset;
		ret->gid = (gid_t)ret->uid;
	} else if (ret->change) {
		return cli_fail(cli, CLI_FAILED, "users.spool: there is no user %s", name);
	}
	return CLI_OK;
}

static int restore(struct cli *cli, const char *from, const struct backup_counts *counts)
{
	const char *data = NULL;
	struct model_node node;
	struct backup_owner owner;
	struct err_info info = {.text = ""};
	bool hold = !cli_has(cli, "release");
	int status = cli_data_path(cli, &data);

	if (status == CLI_OK)
		status = cli_node(cli, &node);
	if (status == CLI_OK)
		status = find_owner(cli, &node, &owner);
	if (status != CLI_OK)
		return status;
	if (vault_is_served(data))
		return cli_fail(cli, CLI_FAILED, "a server runs on %s: stop it first", data);
	if (backup_restore(from, data, hold, &owner, &info) != ERR_OK)
		return failed(cli, &info);
	cli_print(cli, "%s holds what was in the backup: ", data);
	print_counts(cli, counts);
	if (hold && counts->messages > 0)
		cli_print(cli,
			"Mail that waits is held: some of it may have been delivered since. Start "
			"the server, look\n(`sealpost queue list`), then `sealpost queue release` "
			"or `sealpost queue delete`.\n");
	return CLI_OK;
}

int cli_run_restore(struct cli *cli)
{
	const char *from = cli->words[0];
	struct err_info info = {.text = ""};
	struct backup_counts counts;
	json_t *manifest = NULL, *json;
	int status = CLI_OK;

	if (backup_verify(from, &counts, &manifest, &info) != ERR_OK)
		return failed(cli, &info);
	if (!cli_has(cli, "check")) {
		status = restore(cli, from, &counts);
	} else if (cli_has(cli, "json")) {
		json = counts_json(from, &counts);
		cli_print_json(cli, json);
		json_decref(json);
	} else {
		cli_print(cli, "%s, made %s by version %s, is whole: ", from,
			cli_text(cli, manifest, "made"), cli_text(cli, manifest, "version"));
		print_counts(cli, &counts);
	}
	json_decref(manifest);
	return status;
}
