/* Chains and keys as they are given to `sealpost cert import`. */
#include "cli/cert.h"

#include "port/tls/pkcs12.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A key, as text in the arena: it is not swept away before the process ends, and that is soon. */
static struct str keep(struct cli *cli, struct buf *key)
{
	struct str kept = arena_copy(cli->arena, buf_str(key));

	tls_keypair_forget(key);
	return kept;
}

static int read_passphrase(struct cli *cli, const char *path, struct str *ret)
{
	struct err_info info = {0};
	struct str text;
	int status;

	*ret = str_of("");
	if (path == NULL)
		return CLI_OK;
	status = cli_read_file(cli, path, &text);
	if (status != CLI_OK)
		return status;
	if (tls_keypair_passphrase(text, ret, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", path, info.text);
	return CLI_OK;
}

/* Where the server's own passphrase is: as the node file says, or among the credentials that the
 * service manager gave to this command, too (systemd.exec(5)); NULL: nowhere. */
static const char *own_passphrase(struct cli *cli, const struct model_node *node)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY"), *path;

	if (node->keys.passphrase != NULL || directory == NULL || directory[0] != '/')
		return node->keys.passphrase;
	path = arena_format(cli->arena, "%s/sealpost-passphrase", directory);
	return access(path, F_OK) == 0 ? path : NULL;
}

static int read_pkcs12(struct cli *cli, struct str bytes, struct issue_pair *ret)
{
	struct err_info info = {0};
	struct str passphrase;
	struct buf chain, key;
	int status = read_passphrase(cli, cli_option(cli, "passphrase-file"), &passphrase);

	if (status != CLI_OK)
		return status;
	buf_init(&chain, VAULT_FILE_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_pkcs12_read(bytes, passphrase, &chain, &key, &info) == ERR_OK) {
		ret->chain = arena_copy(cli->arena, buf_str(&chain));
		ret->key = arena_copy(cli->arena, buf_str(&key));
	} else {
		status = cli_fail(cli, CLI_FAILED, "%s: %s", ret->chain_name, info.text);
	}
	buf_free(&chain);
	tls_keypair_forget(&key);
	return status;
}

/* With the chain alone: a PKCS #12 file, or the answer to a request. */
static int read_chain_alone(
	struct cli *cli, const struct issue_place *place, struct issue_pair *ret)
{
	struct err_info info = {0};
	int status = cli_read_file(cli, ret->chain_name, &ret->chain);

	if (status != CLI_OK)
		return status;
	if (tls_pkcs12_is(ret->chain))
		return read_pkcs12(cli, ret->chain, ret);
	ret->key_name = "the key of the request";
	ret->is_requested = true;
	if (vault_request_key(place->data, cli->words[0], cli->arena, &ret->key, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED,
			"%s: give the key, too, or ask for the certificate with `sealpost cert "
			"request %s`",
			info.text, cli->words[0]);
	return CLI_OK;
}

static int read_pair(struct cli *cli, const char *chain, const char *key, struct issue_pair *ret)
{
	int status;

	ret->chain_name = chain;
	ret->key_name = key;
	status = cli_read_file(cli, chain, &ret->chain);
	if (status == CLI_OK && str_starts_nocase(str_of(key), (struct str)STR("pkcs11:"))) {
		ret->key = str_of(key);
		ret->is_in_token = true;
	} else if (status == CLI_OK) {
		status = cli_read_file(cli, key, &ret->key);
	}
	return status;
}

static int read_words(struct cli *cli, const struct issue_place *place,
	struct issue_pair pairs[VAULT_PAIRS], size_t *ret_count)
{
	int status;

	memset(pairs, 0, VAULT_PAIRS * sizeof(pairs[0]));
	*ret_count = 1;
	if (cli->word_count == 2) {
		pairs[0].chain_name = cli->words[1];
		return read_chain_alone(cli, place, &pairs[0]);
	}
	if (cli->word_count == 4)
		return cli_usage(cli, "expected a key for %s", cli->words[3]);
	status = read_pair(cli, cli->words[1], cli->words[2], &pairs[0]);
	if (status == CLI_OK && cli->word_count == 5) {
		*ret_count = 2;
		status = read_pair(cli, cli->words[3], cli->words[4], &pairs[1]);
	}
	return status;
}

/* ---- keys -------------------------------------------------------------------------------------
 */

/* The key without encryption, to be looked at. */
static int open_key(struct cli *cli, const struct issue_place *place, const struct issue_pair *pair,
	struct str *ret_open)
{
	const char *option = cli_option(cli, "passphrase-file");
	struct str passphrase = place->passphrase;
	struct err_info info = {0};
	struct buf key;
	int status = option != NULL ? read_passphrase(cli, option, &passphrase) : CLI_OK;

	*ret_open = pair->key;
	if (status != CLI_OK || !tls_keypair_is_sealed(pair->key))
		return status;
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_open(pair->key, passphrase, &key, &info) != ERR_OK) {
		tls_keypair_forget(&key);
		return cli_fail(
			cli, CLI_FAILED, "%s: %s (--passphrase-file)", pair->key_name, info.text);
	}
	*ret_open = keep(cli, &key);
	return CLI_OK;
}

static int check_pair(struct cli *cli, const struct issue_place *place,
	const struct issue_order *order, struct issue_pair *pair)
{
	struct err_info info = {0};
	struct str open = {0};
	bool is_as_it_is;
	enum err e;
	int status = pair->is_in_token ? CLI_OK : open_key(cli, place, pair, &open);

	if (status != CLI_OK)
		return status;
	is_as_it_is =
		pair->is_in_token || (cli_has(cli, "sealed") && tls_keypair_is_sealed(pair->key));
	e = issue_check(place, order, pair, open, &info);
	if (e == ERR_OK && !is_as_it_is)
		e = issue_seal(place, pair, open, &info);
	return e == ERR_OK ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s", info.text);
}

int cli_cert_read_pairs(struct cli *cli, const struct issue_place *place,
	const struct issue_order *order, struct issue_pair pairs[VAULT_PAIRS], size_t *ret_count)
{
	struct err_info info = {0};
	int status = read_words(cli, place, pairs, ret_count);

	for (size_t i = 0; i < *ret_count && status == CLI_OK; i++)
		status = check_pair(cli, place, order, &pairs[i]);
	if (status != CLI_OK || !order->beside)
		return status;
	if (*ret_count > 1)
		return cli_usage(cli, "--beside: expected one certificate, found two");
	*ret_count = 2;
	return issue_keep_other(place, order, pairs, &info) == ERR_OK
		       ? CLI_OK
		       : cli_fail(cli, CLI_FAILED, "--%s", info.text);
}

int cli_cert_place(struct cli *cli, const struct model_node *node, const char *data,
	struct issue_notes *notes, struct issue_place *ret)
{
	const char *roots = cli_roots_path(cli), *path = own_passphrase(cli, node);
	int status = CLI_OK;

	*ret = (struct issue_place){.data = data,
		.has_passphrase = path != NULL,
		.now_ms = cli->now_ms,
		.arena = cli->arena,
		.notes = notes};
	if (roots != NULL)
		status = cli_read_file(cli, roots, &ret->roots);
	return status == CLI_OK ? read_passphrase(cli, path, &ret->passphrase) : status;
}
