/* Inside port/store: a copy of a database in steps, by the connection that writes it, so that the
 * copy is of one moment: that of the last step. */
#ifndef SEALPOST_PORT_STORE_COPY_H
#define SEALPOST_PORT_STORE_COPY_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { STORE_COPY_PAGES = 512 /* in one step */ };

struct store_copy {
	sqlite3 *to;
	sqlite3_backup *backup;
	int64_t pages, left;
	bool is_over;
	char text[256]; /* why it failed */
};

/* To a new file at PATH, 0600; ERR_EXISTS: there is one.  On the thread of FROM, as all steps. */
enum err store_copy_begin(struct store_copy *copy, sqlite3 *from, const char *path);
/* Outside of any transaction of FROM. */
enum err store_copy_step(struct store_copy *copy);
/* On disk when ERR_OK. */
enum err store_copy_end(struct store_copy *copy);

#endif
