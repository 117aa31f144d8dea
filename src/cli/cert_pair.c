/* Chains and keys as they are given to `sealpost cert import`: read, put in order, and held against
 * what partners would refuse. */
#include "cli/cert.h"

#include "base/moment.h"
#include "port/tls/path.h"
#include "port/tls/pkcs12.h"
#include "port/tls/strength.h"
#include "port/vault/vault.h"

#include <openssl/crypto.h>
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

static int read_pkcs12(struct cli *cli, struct str bytes, struct cli_pair *ret)
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
		status = cli_fail(cli, CLI_FAILED, "%s: %s", ret->chain_path, info.text);
	}
	buf_free(&chain);
	tls_keypair_forget(&key);
	return status;
}

/* With the chain alone: a PKCS #12 file, or the answer to a request. */
static int read_chain_alone(struct cli *cli, const char *data, struct cli_pair *ret)
{
	struct err_info info = {0};
	int status = cli_read_file(cli, ret->chain_path, &ret->chain);

	if (status != CLI_OK)
		return status;
	if (tls_pkcs12_is(ret->chain))
		return read_pkcs12(cli, ret->chain, ret);
	ret->key_path = "the key of the request";
	ret->is_requested = true;
	if (vault_request_key(data, cli->words[0], cli->arena, &ret->key, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED,
			"%s: give the key, too, or ask for the certificate with `sealpost cert "
			"request %s`",
			info.text, cli->words[0]);
	return CLI_OK;
}

static int read_pair(struct cli *cli, const char *chain, const char *key, struct cli_pair *ret)
{
	int status;

	ret->chain_path = chain;
	ret->key_path = key;
	status = cli_read_file(cli, chain, &ret->chain);
	if (status == CLI_OK && str_starts_nocase(str_of(key), (struct str)STR("pkcs11:"))) {
		ret->key = str_of(key);
		ret->is_in_token = true;
	} else if (status == CLI_OK) {
		status = cli_read_file(cli, key, &ret->key);
	}
	return status;
}

int cli_cert_read_pairs(
	struct cli *cli, const char *data, struct cli_pair pairs[VAULT_PAIRS], size_t *ret_count)
{
	int status;

	memset(pairs, 0, VAULT_PAIRS * sizeof(pairs[0]));
	*ret_count = 1;
	if (cli->word_count == 2) {
		pairs[0].chain_path = cli->words[1];
		return read_chain_alone(cli, data, &pairs[0]);
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

/* The key without encryption, to be looked at; and as it is to be stored. */
static int open_key(
	struct cli *cli, const struct model_node *node, struct cli_pair *pair, struct str *ret_open)
{
	const char *option = cli_option(cli, "passphrase-file");
	struct err_info info = {0};
	struct str passphrase;
	struct buf key;
	int status = read_passphrase(
		cli, option != NULL ? option : own_passphrase(cli, node), &passphrase);

	*ret_open = pair->key;
	if (status != CLI_OK || !tls_keypair_is_sealed(pair->key))
		return status;
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_open(pair->key, passphrase, &key, &info) != ERR_OK) {
		tls_keypair_forget(&key);
		return cli_fail(
			cli, CLI_FAILED, "%s: %s (--passphrase-file)", pair->key_path, info.text);
	}
	*ret_open = keep(cli, &key);
	return CLI_OK;
}

int cli_cert_seal(
	struct cli *cli, const struct model_node *node, struct cli_pair *pair, struct str open)
{
	struct err_info info = {0};
	const char *path = own_passphrase(cli, node);
	struct str passphrase = {0};
	struct buf key;
	int status = read_passphrase(cli, path, &passphrase);

	if (status != CLI_OK || (cli_has(cli, "sealed") && tls_keypair_is_sealed(pair->key)))
		return status;
	pair->key = open;
	if (path == NULL)
		return CLI_OK;
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_seal(open, passphrase, &key, &info) != ERR_OK) {
		tls_keypair_forget(&key);
		return cli_fail(cli, CLI_FAILED, "%s: %s", pair->key_path, info.text);
	}
	pair->key = keep(cli, &key);
	return CLI_OK;
}

/* ---- chains -----------------------------------------------------------------------------------
 */

/* The next certificate of a PEM text; empty: there is none. */
static struct str next_certificate(struct str *rest)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char finish[] = "-----END CERTIFICATE-----";
	const char *from = rest->n > 0 ? memmem(rest->p, rest->n, begin, strlen(begin)) : NULL;
	const char *to = from != NULL ? memmem(from, rest->n - (size_t)(from - rest->p), finish,
						strlen(finish))
				      : NULL;
	struct str found = {0};

	if (to == NULL) {
		*rest = found;
		return found;
	}
	to += strlen(finish);
	found = str_make(from, (size_t)(to - from));
	*rest = str_part(*rest, (size_t)(to - rest->p), rest->n);
	return found;
}

/* The chain with the certificate first that KEY belongs to. */
static int leaf_first(struct cli *cli, struct cli_pair *pair, struct str key)
{
	struct err_info info = {0}, first = {0};
	struct str rest = pair->chain, one;
	enum err e = ERR_CERTIFICATE;
	size_t number = 0;

	while (e != ERR_OK && (one = next_certificate(&rest)).n > 0) {
		e = tls_keypair_check(arena_copy(cli->arena, one), key, &info);
		if (number++ == 0)
			first = info;
	}
	if (number == 0)
		return cli_fail(
			cli, CLI_FAILED, "%s: the chain holds no certificate", pair->chain_path);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s, %s: %s", pair->chain_path, pair->key_path,
			first.text);
	if (number > 1)
		cli_print(cli, "%s: the certificate of the key was number %zu; put first.\n",
			pair->chain_path, number);
	pair->chain = str_of(
		arena_format(cli->arena, "%.*s\n%.*s", STR_ARGS(one), STR_ARGS(pair->chain)));
	return CLI_OK;
}

static struct tls_store *open_store(struct cli *cli, const char *path)
{
	struct str text = str_of("");

	if (path != NULL)
		cli_read_file(cli, path, &text);
	return tls_store_new(text);
}

static int find_path(struct cli *cli, struct cli_pair *pair, struct tls_path *ret)
{
	struct tls_store *stores[2] = {
		open_store(cli, cli_roots_path(cli)), open_store(cli, cli_option(cli, "trust"))};
	const struct tls_store *const both[] = {stores[0], stores[1]};
	struct err_info info = {0};
	enum err e = tls_path_of_pem(pair->chain, both, ARRAY_LENGTH(both), cli->arena, ret, &info);

	for (size_t i = 0; i < ARRAY_LENGTH(stores); i++)
		tls_store_free(&stores[i]);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", pair->chain_path, info.text);
	return CLI_OK;
}

/* Each next one has issued the one before it; what does not belong to the chain is left out. */
static void take_in_order(struct cli *cli, struct cli_pair *pair, const struct tls_path *path)
{
	struct buf chain;

	buf_init(&chain, VAULT_FILE_MAX);
	for (size_t i = 0; i < path->count; i++)
		if (path->steps[i].is_presented)
			buf_format(&chain, "%.*s%s", STR_ARGS(path->steps[i].pem),
				path->steps[i].pem.p[path->steps[i].pem.n - 1] == '\n' ? "" : "\n");
	pair->chain = arena_copy(cli->arena, buf_str(&chain));
	buf_free(&chain);
}

/* Where the certificate says that its issuer's is: to be fetched by a person who looks at it. */
static const char *published_at(struct cli *cli, const struct tls_path_step *step)
{
	for (size_t i = 0; i < step->endpoint_count; i++)
		if (step->endpoints[i].kind == CERT_ENDPOINT_ISSUER)
			return arena_format(cli->arena, " (published at %s)",
				cli_safe(cli, step->endpoints[i].url));
	return "";
}

/* Would a partner find the way to a root by what he is shown? */
static int check_whole(struct cli *cli, const struct cli_pair *pair, const struct tls_path *path)
{
	const struct cert_facts *last = &path->steps[path->count - 1].facts;

	for (size_t i = 1; i < path->count; i++)
		if (!path->steps[i].is_presented && !path->steps[i].facts.is_self_signed)
			return cli_fail(cli, CLI_FAILED,
				"%s: an intermediate certificate is missing: %s; add it behind the "
				"others",
				pair->chain_path, path->steps[i].facts.subject);
	if (!path->is_complete && !last->is_self_signed && path->store < 0)
		return cli_fail(cli, CLI_FAILED,
			"%s: the chain does not reach a root: the issuer of %s is neither in it "
			"nor known: %s%s. Add the missing intermediate certificates, or name the "
			"root with --trust FILE",
			pair->chain_path, last->subject, last->issuer,
			published_at(cli, &path->steps[path->count - 1]));
	return CLI_OK;
}

static int check_dates(struct cli *cli, const struct cli_pair *pair, const struct cert_facts *facts)
{
	char moment[MOMENT_TEXT_SIZE];

	if (facts->not_after_ms > cli->now_ms)
		return CLI_OK;
	moment_format_rfc3339(facts->not_after_ms, moment);
	return cli_fail(
		cli, CLI_FAILED, "%s: %s expired at %s", pair->chain_path, facts->subject, moment);
}

static int check_chain(struct cli *cli, const struct cli_pair *pair, const struct tls_path *path)
{
	struct err_info info = {0};
	int status = check_whole(cli, pair, path);

	for (size_t i = 0; i < path->count && status == CLI_OK; i++)
		if (path->steps[i].is_presented)
			status = check_dates(cli, pair, &path->steps[i].facts);
	if (status == CLI_OK && tls_strength_check(pair->chain, &info) != ERR_OK)
		status = cli_fail(cli, CLI_FAILED, "%s: %s", pair->chain_path, info.text);
	return status;
}

/* Root certificates do not bound it: partners have them, or newer ones, themselves. */
static void take_dates(struct cli_pair *pair, const struct tls_path *path)
{
	pair->not_before_ms = path->steps[0].facts.not_before_ms;
	pair->not_after_ms = path->steps[0].facts.not_after_ms;
	for (size_t i = 1; i < path->count; i++) {
		const struct cert_facts *facts = &path->steps[i].facts;

		if (!path->steps[i].is_presented || facts->is_self_signed)
			continue;
		if (facts->not_before_ms > pair->not_before_ms)
			pair->not_before_ms = facts->not_before_ms;
		if (facts->not_after_ms < pair->not_after_ms)
			pair->not_after_ms = facts->not_after_ms;
	}
	pair->sha256 = path->steps[0].facts.sha256;
}

int cli_cert_check_pair(struct cli *cli, const struct model_node *node, struct cli_pair *pair)
{
	struct err_info info = {0};
	struct tls_path path;
	struct str open = {0};
	int status = CLI_OK;

	if (!pair->is_in_token)
		status = open_key(cli, node, pair, &open);
	if (status == CLI_OK && !pair->is_in_token)
		status = leaf_first(cli, pair, open);
	if (status == CLI_OK)
		status = find_path(cli, pair, &path);
	if (status != CLI_OK)
		return status;
	take_in_order(cli, pair, &path);
	take_dates(pair, &path);
	if (tls_keypair_is_rsa(pair->chain, &pair->is_rsa, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s: %s", pair->chain_path, info.text);
	if (check_chain(cli, pair, &path) != CLI_OK) {
		if (!cli_has(cli, "force"))
			return CLI_FAILED;
		fprintf(cli->err, "sealpost: imported all the same (--force)\n");
	}
	return pair->is_in_token ? CLI_OK : cli_cert_seal(cli, node, pair, open);
}

/* ---- the other kind ---------------------------------------------------------------------------
 */

static int read_stored(struct cli *cli, const struct vault_pair *stored, struct cli_pair *ret)
{
	struct err_info info = {0};
	struct tls_path path;
	enum err e = vault_read_file(stored->chain, cli->arena, &ret->chain, &info);

	ret->chain_path = stored->chain;
	ret->key_path = stored->key != NULL ? stored->key : stored->key_uri;
	ret->is_in_token = stored->key == NULL;
	ret->is_rsa = strcmp(stored->kind, "rsa") == 0;
	if (e == ERR_OK && ret->is_in_token)
		ret->key = str_of(stored->key_uri);
	else if (e == ERR_OK)
		e = vault_read_file(stored->key, cli->arena, &ret->key, &info);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", info.text);
	if (find_path(cli, ret, &path) != CLI_OK)
		return CLI_FAILED;
	take_dates(ret, &path);
	return CLI_OK;
}

int cli_cert_keep_other(
	struct cli *cli, const char *data, struct cli_pair pairs[VAULT_PAIRS], size_t *count)
{
	struct vault_pair stored[VAULT_PAIRS];
	const struct cert_version *version = NULL;
	struct err_info info = {0};
	struct cert_life life;
	const char *other = pairs[0].is_rsa ? "ecdsa" : "rsa";
	size_t known = 0;

	if (*count > 1)
		return cli_usage(cli, "--beside: expected one certificate, found two");
	if (vault_find(data, cli->words[0], cli->arena, &life, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "--beside: %s", info.text);
	version = cert_life_in(&life, CERT_NEXT);
	if (version == NULL)
		version = cert_life_in(&life, CERT_CURRENT);
	if (version != NULL)
		known = vault_pairs(data, cli->words[0], version->id, cli->arena, stored);
	for (size_t i = 0; i < known; i++)
		if (strcmp(stored[i].kind, other) == 0) {
			*count = 2;
			return read_stored(cli, &stored[i], &pairs[1]);
		}
	return cli_fail(cli, CLI_FAILED,
		"--beside: expected a certificate with a key of the other kind (%s) in version %s; "
		"it has none",
		pairs[0].is_rsa ? "ECDSA" : "RSA", version != NULL ? version->id : "");
}
