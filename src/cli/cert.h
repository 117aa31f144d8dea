/* Inside src/cli: what the verbs about certificates share. */
#ifndef SEALPOST_CLI_CERT_H
#define SEALPOST_CLI_CERT_H

#include "cli/verb.h"
#include "core/cert/life.h"
#include "port/issue/issue.h"
#include "port/tls/keypair.h"

/* What is done on disk, of NODE and DATA; the vault is not open yet.  Prints what is wrong. */
int cli_cert_place(struct cli *cli, const struct model_node *node, const char *data,
	struct issue_notes *notes, struct issue_place *ret);
/* What the words after NAME name: CHAIN KEY [CHAIN KEY], FILE.p12, or CHAIN for the key that was
 * requested; read, and checked as ORDER says.  Prints what is wrong. */
int cli_cert_read_pairs(struct cli *cli, const struct issue_place *place,
	const struct issue_order *order, struct issue_pair pairs[VAULT_PAIRS], size_t *ret_count);

/* Does a server answer at the management socket? */
bool cli_cert_is_served(struct cli *cli);
/* GET /v1/certificates: the item of that name, of its current version; new reference, or NULL. */
json_t *cli_cert_item(struct cli *cli, const char *name);
/* The states of a life in a line each. */
void cli_cert_print_life(struct cli *cli, const struct cert_life *life);

#endif
