/*
 * Content of messages: while it comes in, in files, and the cache of what has just come in.
 *
 * A file is DATA/spool/XX/ID: XX the two lowest hexadecimal digits of the id, ID the id in sixteen.
 * It is made when content outgrows the row, synced together with its directory before the row that
 * refers to it is committed, and removed after the commit that removed that row; what a crash
 * leaves over is swept at the next start.
 */
#ifndef SEALPOST_PORT_STORE_BODY_H
#define SEALPOST_PORT_STORE_BODY_H

#include "base/map.h"
#include "port/store/store.h"

enum { STORE_BODY_FOLDERS = 256 };

/* DATA/spool and the folders below it, kept open.  A folder that is not there yet (-1) is made on
 * the loop, before the writer can hear of a file in it. */
struct store_files {
	int top;
	int folders[STORE_BODY_FOLDERS];
};

/* NULL gives folders of which none is open: content stays in memory. */
enum err store_files_open(const char *directory, struct store_files **ret, struct err_info *info);
void store_files_close(struct store_files **files);
bool store_files_is_open(const struct store_files *files);
/* A new file; its descriptor, or -1 with errno (EEXIST: never written over). */
int store_files_create(struct store_files *files, int64_t id);
/* For reading. */
int store_files_open_one(const struct store_files *files, int64_t id);
/* Make the name durable. */
enum err store_files_sync_folder(const struct store_files *files, int64_t id);
void store_files_remove(const struct store_files *files, int64_t id);
/* Call KEEP for every file; those for which it says no are removed and counted. */
enum err store_files_sweep(const struct store_files *files,
	enum err (*keep)(void *context, int64_t id, bool *ret_keep), void *context,
	int64_t *ret_removed);

/* Content.  Does not change any more once it has been given to the writer; shared by reference. */
struct store_body {
	struct store_body *newer; /* in the cache */
	int references;		  /* atomic */
	int64_t message;
	int64_t size;
	struct buf data; /* unless in_file */
	bool in_file;
	int fd; /* while being written; else -1 */
};

struct store_body *store_body_new(int64_t message);
struct store_body *store_body_hold(struct store_body *body);
void store_body_drop(struct store_body **body);

/* Bodies just accepted, the oldest first to go. */
struct store_cache {
	struct map *map;
	struct store_body *oldest, *newest;
	int64_t bytes, max;
};

void store_cache_init(struct store_cache *cache, int64_t max);
void store_cache_clear(struct store_cache *cache);
void store_cache_add(struct store_cache *cache, struct store_body *body);
struct store_body *store_cache_find(const struct store_cache *cache, int64_t message);
void store_cache_remove(struct store_cache *cache, int64_t message);

#endif
