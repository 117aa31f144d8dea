/*
 * Certificates: what the server holds, and putting new ones into its data directory, as
 * DATA/certificates/NAME/chain.pem and key.pem.  That works while no server runs.
 */
#include "base/moment.h"
#include "cli/verb.h"
#include "port/tls/keypair.h"
#include "port/tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *days_text(struct cli *cli, const json_t *item)
{
	int64_t days = cli_number(item, "days_left");
	const char *text = arena_format(cli->arena, "%lld", (long long)days);

	if (json_object_get(item, "days_left") == NULL)
		return "-";
	return days < 0 ? "expired" : text;
}

int cli_run_cert_list(struct cli *cli)
{
	static const char *const heads[] = {
		"NAME", "NAMES", "KEY", "ISSUER", "DAYS LEFT", "USED BY"};
	struct cli_table table;
	json_t *answer = NULL;
	const json_t *item;
	size_t i;
	int status = cli_get(cli, "/v1/certificates", &answer);

	if (status != CLI_OK)
		return status;
	if (cli_has(cli, "json")) {
		cli_print_json(cli, json_object_get(answer, "items"));
		json_decref(answer);
		return CLI_OK;
	}
	cli_table_init(&table, heads, ARRAY_LENGTH(heads));
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		const json_t *leaf = json_array_get(json_object_get(item, "chain"), 0);

		cli_table_row(
			&table, (const char *[]){cli_text(cli, item, "name"),
					cli_join(cli, json_object_get(leaf, "names"), ", "),
					cli_text(cli, leaf, "key"), cli_text(cli, leaf, "issuer"),
					days_text(cli, item),
					cli_join(cli, json_object_get(item, "used_by"), ", ")});
	}
	cli_table_print(cli, &table);
	json_decref(answer);
	return CLI_OK;
}

static void show_item(struct cli *cli, const json_t *item)
{
	static const char *const rows[][2] = {{"subject", "Subject"}, {"issuer", "Issuer"},
		{"key", "Key"}, {"signature", "Signature"}, {"serial", "Serial"},
		{"not_before", "Valid from"}, {"not_after", "Valid until"}, {"sha256", "SHA-256"},
		{"spki_sha256", "Key SHA-256"}};
	const json_t *c;
	size_t i;

	cli_print(cli, "%s%s%s\n  %-12s %s\n  %-12s %s\n", cli_colour(cli, CLI_BOLD),
		cli_text(cli, item, "name"), cli_colour(cli, CLI_PLAIN), "Days left",
		days_text(cli, item), "Used by",
		cli_join(cli, json_object_get(item, "used_by"), ", "));
	json_array_foreach (json_object_get(item, "chain"), i, c) {
		cli_print(cli, "\n  Certificate %zu\n", i + 1);
		for (size_t j = 0; j < ARRAY_LENGTH(rows); j++)
			cli_print(cli, "  %-12s %s\n", rows[j][1],
				strncmp(rows[j][0], "not_", 4) == 0 ? cli_moment(cli, c, rows[j][0])
								    : cli_text(cli, c, rows[j][0]));
		cli_print(cli, "  %-12s %s\n", "Names",
			cli_join(cli, json_object_get(c, "names"), ", "));
	}
}

int cli_run_cert_show(struct cli *cli)
{
	json_t *answer = NULL;
	const json_t *item;
	bool found = false;
	size_t i;
	int status = cli_get(cli, "/v1/certificates", &answer);

	if (status != CLI_OK)
		return status;
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		if (strcmp(cli_text(cli, item, "name"), cli->words[0]) != 0)
			continue;
		found = true;
		if (cli_has(cli, "json"))
			cli_print_json(cli, item);
		else
			show_item(cli, item);
	}
	json_decref(answer);
	return found ? CLI_OK
		     : cli_fail(cli, CLI_FAILED, "the server holds no certificate named %s",
			       cli->words[0]);
}

/* ---- putting one into the data directory ----------------------------------------------------- */

/* The whole content or nothing: written beside, then renamed. */
static int write_file(struct cli *cli, const char *path, struct str content)
{
	const char *beside = arena_format(cli->arena, "%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool fine = fd >= 0 && fchmod(fd, 0600) == 0;

	for (size_t done = 0; fine && done < content.n;) {
		ssize_t n = write(fd, content.p + done, content.n - done);

		fine = n > 0;
		done += n > 0 ? (size_t)n : 0;
	}
	fine = fine && fsync(fd) == 0;
	if (fd >= 0)
		fine = close(fd) == 0 && fine;
	if (fine && rename(beside, path) == 0)
		return CLI_OK;
	return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
}

static int make_directory(struct cli *cli, const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return CLI_OK;
	return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
}

/* The name becomes a directory. */
static int check_name(struct cli *cli, const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	if (n == 0 || n > 64 || name[n] != '\0' || name[0] == '.' || name[0] == '-')
		return cli_usage(cli,
			"the name of a certificate is made of letters, digits, \"-\" and \".\", "
			"found \"%s\"",
			name);
	return CLI_OK;
}

static int store(struct cli *cli, const char *name, struct str chain, struct str key)
{
	const char *data, *directory, *path;
	int status = cli_data_path(cli, &data);

	if (status == CLI_OK)
		status = make_directory(cli, data);
	if (status == CLI_OK)
		status = make_directory(cli, arena_format(cli->arena, "%s/certificates", data));
	directory =
		arena_format(cli->arena, "%s/certificates/%s", status == CLI_OK ? data : "", name);
	path = arena_format(cli->arena, "%s/chain.pem", directory);
	if (status == CLI_OK && access(path, F_OK) == 0 && !cli_has(cli, "force"))
		return cli_fail(cli, CLI_FAILED,
			"there is a certificate %s already; say --force to replace it", name);
	if (status == CLI_OK)
		status = make_directory(cli, directory);
	if (status == CLI_OK) /* the key first: a chain without its key is never seen */
		status = write_file(cli, arena_format(cli->arena, "%s/key.pem", directory), key);
	if (status == CLI_OK)
		status = write_file(cli, path, chain);
	if (status == CLI_OK)
		cli_print(cli, "Written: %s/chain.pem and key.pem\n", directory);
	return status;
}

/* A server that does not run is no fault here. */
static int reload_if_running(struct cli *cli)
{
	const char *socket;

	if (cli_has(cli, "no-reload"))
		return CLI_OK;
	if (cli_socket_path(cli, &socket) != CLI_OK || access(socket, F_OK) != 0) {
		cli_print(cli, "No server runs; it will find the certificate when it starts.\n");
		return CLI_OK;
	}
	return cli_run_reload(cli);
}

static int check_dates(struct cli *cli, const struct cert_facts *leaf)
{
	char moment[MOMENT_TEXT_SIZE];

	if (cli_has(cli, "force"))
		return CLI_OK;
	moment_format_rfc3339(
		leaf->not_after_ms < cli->now_ms ? leaf->not_after_ms : leaf->not_before_ms,
		moment);
	if (leaf->not_after_ms < cli->now_ms)
		return cli_fail(cli, CLI_FAILED,
			"the certificate expired at %s; --force imports it all the same", moment);
	if (leaf->not_before_ms > cli->now_ms)
		return cli_fail(cli, CLI_FAILED,
			"the certificate is not valid before %s; --force imports it all the same",
			moment);
	return CLI_OK;
}

/* Each certificate of the chain must be the issuer of the one before it. */
static int check_order(struct cli *cli, const struct cert_facts *facts, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(facts[i - 1].issuer, facts[i].subject) != 0)
			return cli_fail(cli, CLI_FAILED,
				"the chain is out of order: certificate %zu (%s) did not issue "
				"certificate %zu (issued by %s)",
				i + 1, facts[i].subject, i, facts[i - 1].issuer);
	return CLI_OK;
}

int cli_run_cert_import(struct cli *cli)
{
	struct cert_facts *facts;
	struct err_info info = {0};
	struct str chain, key;
	size_t count = 0;
	int status = check_name(cli, cli->words[0]);

	if (status == CLI_OK)
		status = cli_read_file(cli, cli->words[1], &chain);
	if (status == CLI_OK)
		status = cli_read_file(cli, cli->words[2], &key);
	if (status != CLI_OK)
		return status;
	if (tls_facts_of_pem(chain, cli->arena, &facts, &count, &info) != ERR_OK || count == 0)
		return cli_fail(cli, CLI_FAILED, "%s: %s", cli->words[1], info.text);
	if (tls_keypair_check(chain, key, &info) != ERR_OK)
		return cli_fail(
			cli, CLI_FAILED, "%s, %s: %s", cli->words[1], cli->words[2], info.text);
	status = check_dates(cli, &facts[0]);
	if (status == CLI_OK)
		status = check_order(cli, facts, count);
	if (status == CLI_OK)
		status = store(cli, cli->words[0], chain, key);
	return status == CLI_OK ? reload_if_running(cli) : status;
}

/* --host, else the machine's name. */
static int names_for(struct cli *cli, const char **ret, size_t *ret_count)
{
	const char *option = cli_option(cli, "host");
	char host[256] = "localhost";
	struct str rest;

	gethostname(host, sizeof(host) - 1);
	rest = str_of(option != NULL ? option : host);
	for (*ret_count = 0; rest.n > 0 && *ret_count < CLI_MAX_WORDS;) {
		struct str item = str_trim(str_cut(&rest, ','));

		ret[*ret_count] = model_domain_name(item, true, cli->arena);
		if (ret[(*ret_count)++] == NULL)
			return cli_usage(cli, "--host: expected a host name, found \"%.*s\"",
				STR_ARGS(item));
	}
	return CLI_OK;
}

int cli_run_cert_self_signed(struct cli *cli)
{
	const char *names[CLI_MAX_WORDS];
	const char *days = cli_option(cli, "days");
	struct tls_keypair_request request = {.names = names, .now_ms = cli->now_ms};
	struct err_info info = {0};
	struct buf chain, key;
	uint64_t value = 365;
	int status = check_name(cli, cli->words[0]);

	if (status == CLI_OK)
		status = names_for(cli, names, &request.count);
	if (status == CLI_OK && days != NULL &&
		(!str_to_u64(str_of(days), &value) || value < 1 || value > 3650))
		status = cli_usage(cli, "--days: expected 1 to 3650, found \"%s\"", days);
	if (status != CLI_OK)
		return status;
	request.days = (int64_t)value;
	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	if (tls_keypair_self_signed(&request, &chain, &key, &info) != ERR_OK)
		status = cli_fail(cli, CLI_FAILED, "%s", info.text);
	else
		status = store(cli, cli->words[0], buf_str(&chain), buf_str(&key));
	buf_free(&chain);
	buf_free(&key);
	return status == CLI_OK ? reload_if_running(cli) : status;
}
