/* Copies of the databases (store_copy_queue(), store_copy_trace()) that no server has open: looked
 * at, and made ready for another life. */
#ifndef SEALPOST_PORT_STORE_COPIED_H
#define SEALPOST_PORT_STORE_COPIED_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct store_copied_facts {
	int64_t schema; /* number of the last migration it has seen */
	int64_t messages;
};
/* Whole, page by page and index by index, and readable by this version.  IS_QUEUE: queue.db, else
 * trace.db.  ERR_CORRUPT: what is wrong is in INFO; ERR_UNSUPPORTED: of a newer version. */
enum err store_copied_check(
	const char *path, bool is_queue, struct store_copied_facts *ret, struct err_info *info);

/* Call VISIT for every message whose content stands in a file of its own, SPOOL/XX/ID as NAME
 * ("spool/2a/000000000000002a").  ERR_UNKNOWN from it: the file has gone since, and with it the
 * message goes out of the copy; other errors end it. */
typedef enum err store_copied_visit(void *context, const char *name, struct err_info *info);
enum err store_copied_files(const char *path, store_copied_visit *visit, void *context,
	int64_t *ret_gone, struct err_info *info);

/* All mail that waits is held. */
enum err store_copied_hold(const char *path, struct err_info *info);

#endif
