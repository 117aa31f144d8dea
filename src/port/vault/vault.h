/*
 * Certificates in the data directory, with their versions and keys.
 *
 *   DATA/certificates/.lock                    taken (flock) by whoever writes
 *   DATA/certificates/NAME/life.json           struct cert_life
 *   DATA/certificates/NAME/ID/ecdsa.pem, .key  chain (leaf first) and key of version ID; and/or
 *   DATA/certificates/NAME/ID/rsa.pem, .key
 *   DATA/certificates/NAME/ID/ecdsa.uri        in place of .key: the key is in a token (RFC 7512)
 *   DATA/certificates/NAME/request/            a key whose certificate was asked for: key.pem,
 *                                              request.pem
 *   DATA/certificates/NAME/chain.pem, key.pem  as older versions wrote them: version "1", current
 *
 * Directories are 0700 and files 0600, owned by the user that starts the server.  What belongs
 * together is made visible by one rename of life.json: whatever a crash leaves behind is ignored by
 * readers and swept away by the next writer.  A retired version keeps its chain; its key is
 * overwritten and unlinked once life.json says so (on file systems that write elsewhere,
 * overwriting reaches only what the file system lets it).
 */
#ifndef SEALPOST_PORT_VAULT_VAULT_H
#define SEALPOST_PORT_VAULT_VAULT_H

#include "core/cert/life.h"

enum {
	VAULT_PAIRS = 2, /* of one version: ECDSA and RSA */
	VAULT_NAMES = 1000,
	VAULT_FILE_MAX = 1024 * 1024,
};

/* ---- reading: needs no lock -------------------------------------------------------------------
 */

/* Letters, digits, "-" and "."; at most 64; the name becomes a directory.  "self" is the
 * server's own. */
bool vault_is_name(const char *name);

/* Every life, by name.  No directory is no certificates.  ERR_CORRUPT names the file. */
enum err vault_list(const char *data, struct arena *arena, struct cert_life **ret,
	size_t *ret_count, struct err_info *info);
/* ERR_UNKNOWN: there is none of that name. */
enum err vault_find(const char *data, const char *name, struct arena *arena, struct cert_life *ret,
	struct err_info *info);

/* Where one chain of a version and its key are. */
struct vault_pair {
	const char *kind;    /* "ecdsa", "rsa" */
	const char *chain;   /* path */
	const char *key;     /* path; NULL: key_uri says where */
	const char *key_uri; /* "pkcs11:..." */
};
/* How many there are, at most VAULT_PAIRS.  Retired versions have no key: both are NULL. */
size_t vault_pairs(const char *data, const char *name, const char *version, struct arena *arena,
	struct vault_pair ret[VAULT_PAIRS]);

/* Does a server run on that directory? */
bool vault_is_served(const char *data);

/* Open a file of at most VAULT_FILE_MAX bytes for reading.  The data directory is another user's,
 * who could put anything in this one's place: ERR_REFUSED if the file is neither ours nor root's;
 * symbolic links are not followed. */
enum err vault_open_file(const char *path, int *ret, struct err_info *info);
/* The whole of it. */
enum err vault_read_file(
	const char *path, struct arena *arena, struct str *ret, struct err_info *info);

/* ---- writing ----------------------------------------------------------------------------------
 */

/* The right to write.  Opening makes the directory where it is missing, and sweeps. */
struct vault;
/* WAIT: until another writer has ended; else that is ERR_BUSY.  ERR_REFUSED: the directory belongs
 * to another user. */
enum err vault_open(const char *data, bool wait, struct vault **ret, struct err_info *info);
void vault_free(struct vault **vault);

/* The descriptor that holds the lock, which stays the vault's.  A process that inherits it has the
 * right to write, too, and keeps it until it ends. */
int vault_lock(const struct vault *vault);
/* The vault whose lock was inherited; the descriptor is closed with it.  Nothing is swept. */
struct vault *vault_adopt(const char *data, int lock) MUST_USE;

struct vault_content {
	const char *kind; /* "ecdsa", "rsa" */
	struct str chain; /* PEM, leaf first */
	struct str key;	  /* PEM; or "pkcs11:..." */
};
/* The files of a version, synced; nobody sees them before vault_write() names the version. */
enum err vault_add(struct vault *vault, const char *name, const char *version,
	const struct vault_content *pairs, size_t count, struct err_info *info);
/* The life as it is from now on: on disk when this returns ERR_OK, as it was before else.  Keys of
 * retired versions stay until vault_sweep(): a step can still be taken back by writing the life
 * from before. */
enum err vault_write(struct vault *vault, const struct cert_life *life, struct err_info *info);
/* Destroy keys of retired versions, and remove what a crash has left behind. */
void vault_sweep(struct vault *vault);
/* Remove a certificate with all its versions. */
enum err vault_remove(struct vault *vault, const char *name, struct err_info *info);

/* The life from before a version came, which was not taken by everybody: BEFORE without versions
 * means that there was none.  An open request stays. */
enum err vault_take_back(struct vault *vault, const char *name, const struct cert_life *before,
	struct err_info *info);

/* A key whose certificate was asked for, and the request (PEM).  There is at most one; an older one
 * is overwritten. */
enum err vault_request_write(struct vault *vault, const char *name, struct str key,
	struct str request, struct err_info *info);
/* ERR_UNKNOWN: there is no request. */
enum err vault_request_find(const char *data, const char *name, struct err_info *info);
/* The key; ERR_UNKNOWN: there is no request. */
enum err vault_request_key(const char *data, const char *name, struct arena *arena, struct str *ret,
	struct err_info *info);
/* Its key is destroyed. */
void vault_request_remove(struct vault *vault, const char *name);

struct vault_request {
	const char *name;
	struct str request; /* PEM */
	int64_t at_ms;	    /* when it was made */
};
/* All that are open, by name. */
enum err vault_requests(const char *data, struct arena *arena, struct vault_request **ret,
	size_t *ret_count, struct err_info *info);

#endif
