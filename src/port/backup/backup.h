/*
 * A backup: a directory that holds what an installation is, and can be looked at without a server.
 *
 *   queue.db, trace.db     copies of the databases, each of one moment (store_copy_queue())
 *   spool/XX/ID            content of the messages in queue.db that stands in files
 *   certificates/          lives, chains, requests of the data directory; private keys only if
 *                          asked for
 *   node.yaml              the node file
 *   manifest.json          written last: every file with its size and SHA-256, and what was asked
 *
 * Directories are 0700 and files 0600.
 */
#ifndef SEALPOST_PORT_BACKUP_BACKUP_H
#define SEALPOST_PORT_BACKUP_BACKUP_H

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

enum { BACKUP_FORM = 1, BACKUP_FILES_MAX = 10000000 };

struct backup_counts {
	int64_t files, bytes;
	int64_t messages; /* in queue.db */
	int64_t gone;	  /* delivered while the backup was being made, and so not in it */
	int64_t traced;	  /* messages in trace.db; -1: it is not there */
};

/* Make TO, which must not be there, or be empty; ERR_EXISTS. */
enum err backup_begin(const char *to, struct err_info *info);
/* Take one file along under NAME.  It is read without following a symbolic link. */
enum err backup_add_file(const char *to, const char *from, const char *name, struct err_info *info);
/* DATA/certificates, if there is one. */
enum err backup_add_certificates(
	const char *to, const char *data, bool with_keys, struct err_info *info);
/* Content in files of the messages in the copy TO/queue.db. */
enum err backup_add_content(
	const char *to, const char *data, struct backup_counts *counts, struct err_info *info);
/* Look through all of it and write the manifest.  ABOUT (its keys go in) is taken. */
enum err backup_finish(
	const char *to, json_t *about, struct backup_counts *counts, struct err_info *info);

/* Is everything there that the manifest names, unchanged, and are the databases whole and readable
 * by this version?  *ret_manifest: a new reference; NULL on errors, of which INFO names the place.
 */
enum err backup_verify(const char *from, struct backup_counts *counts, json_t **ret_manifest,
	struct err_info *info);

struct backup_owner {
	bool change; /* give the data to: */
	uid_t uid;
	gid_t gid;
};
/* Make DATA, which must not hold an installation (ERR_EXISTS), out of a backup that was verified.
 * Certificates stay the caller's.  HOLD: mail that waits is held, since some of it may have been
 * delivered after the backup was made. */
enum err backup_restore(const char *from, const char *data, bool hold,
	const struct backup_owner *owner, struct err_info *info);

#endif
