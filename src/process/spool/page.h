/* Inside process/spool: one page of what is kept in a map, which has no order of its own. */
#ifndef SEALPOST_PROCESS_SPOOL_PAGE_H
#define SEALPOST_PROCESS_SPOOL_PAGE_H

#include "base/mem.h"

struct spool_page {
	int (*order)(const void *a, const void *b);
	const void *after; /* the page begins behind it; NULL: with the first */
	size_t limit;
	/* The first of those offered, in order; one more than LIMIT where there is a next page. */
	const void **items;
	size_t count;
};

/* AFTER need not be among what is offered, and lives as long as the page. */
void spool_page_init(struct spool_page *page, struct arena *arena, size_t limit,
	int (*order)(const void *a, const void *b), const void *after);
void spool_page_offer(struct spool_page *page, const void *item);
/* How many of `items` are on the page. */
size_t spool_page_shown(const struct spool_page *page);

#endif
