/* Inside port/backup: files on their way from one directory to another. */
#ifndef SEALPOST_PORT_BACKUP_FILES_H
#define SEALPOST_PORT_BACKUP_FILES_H

#include "port/backup/backup.h"

enum { BACKUP_PATH = 4400, BACKUP_HASH = 65 };

enum err backup_failed(struct err_info *info, const char *path);
/* PATH, and what is missing above it below TOP, 0700. */
enum err backup_make_above(const char *top, const char *name, struct err_info *info);
/* A new file, 0600, synced.  ERR_UNKNOWN: FROM is not there. */
enum err backup_copy_file(const char *from, const char *to, struct err_info *info);
enum err backup_hash_file(
	const char *path, char ret[BACKUP_HASH], int64_t *ret_bytes, struct err_info *info);

/* Call VISIT for every regular file below TOP/BELOW ("" for TOP), NAME counted from TOP, in the
 * order of names.  Anything but files and directories is ERR_REFUSED. */
typedef enum err backup_visit(void *context, const char *name, struct err_info *info);
enum err backup_walk(const char *top, const char *below, backup_visit *visit, void *context,
	struct err_info *info);

#endif
