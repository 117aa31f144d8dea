/* Inside src/cli: what the verbs about certificates share. */
#ifndef SEALPOST_CLI_CERT_H
#define SEALPOST_CLI_CERT_H

#include "cli/verb.h"
#include "core/cert/life.h"
#include "port/tls/keypair.h"
#include "port/vault/vault.h"

/* A chain and its key, from files. */
struct cli_pair {
	const char *chain_path, *key_path; /* for messages */
	struct str chain;		   /* PEM; after the check leaf first, in order */
	struct str key;			   /* PEM, or "pkcs11:..." */
	bool is_in_token, is_requested;
	/* by the check */
	bool is_rsa;
	int64_t not_before_ms, not_after_ms; /* of the shortest that is presented */
	const char *sha256;
};

/* What the words after NAME name: CHAIN KEY [CHAIN KEY], FILE.p12, or CHAIN for the key that was
 * requested.  All of these print what is wrong. */
int cli_cert_read_pairs(
	struct cli *cli, const char *data, struct cli_pair pairs[VAULT_PAIRS], size_t *ret_count);
/* Key and chain belong together; the chain is whole, in force and strong (--force: said, and passed
 * over).  The key is sealed where the node says with what. */
int cli_cert_check_pair(struct cli *cli, const struct model_node *node, struct cli_pair *pair);

/* Beside the one that comes, the other kind of key of the version that is next, else current: a
 * version of both.  The key stays as it is stored. */
int cli_cert_keep_other(
	struct cli *cli, const char *data, struct cli_pair pairs[VAULT_PAIRS], size_t *count);

/* The OPEN key as the server wants it: sealed with its own passphrase, where it has one. */
int cli_cert_seal(
	struct cli *cli, const struct model_node *node, struct cli_pair *pair, struct str open);

/* Does a server answer at the management socket? */
bool cli_cert_is_served(struct cli *cli);
/* GET /v1/certificates: the item of that name, of its current version; new reference, or NULL. */
json_t *cli_cert_item(struct cli *cli, const char *name);
/* The states of a life in a line each. */
void cli_cert_print_life(struct cli *cli, const struct cert_life *life);

#endif
