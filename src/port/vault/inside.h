/* Internal to port/vault. */
#ifndef SEALPOST_PORT_VAULT_INSIDE_H
#define SEALPOST_PORT_VAULT_INSIDE_H

#include "port/vault/vault.h"

extern const char *const vault_kinds[VAULT_PAIRS]; /* "ecdsa", "rsa" */

/* "1", "27": what a version's directory is called. */
bool vault_is_version(const char *name);
/* ERR_UNKNOWN: there is no such file. */
enum err vault_life_read(const char *directory, const char *name, struct arena *arena,
	struct cert_life *ret, struct err_info *info);
/* ERR_..., "PATH: what errno says". */
enum err vault_failed(struct err_info *info, const char *path);

#endif
