#include "process/spool/page.h"

#include <string.h>

void spool_page_init(struct spool_page *page, struct arena *arena, size_t limit,
	int (*order)(const void *a, const void *b), const void *after)
{
	*page = (struct spool_page){.order = order,
		.after = after,
		.limit = limit,
		.items = arena_array(arena, limit + 1, sizeof(*page->items))};
}

void spool_page_offer(struct spool_page *page, const void *item)
{
	size_t low = 0, high = page->count;

	if (page->after != NULL && page->order(item, page->after) <= 0)
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (page->order(page->items[middle], item) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > page->limit)
		return;
	if (page->count <= page->limit)
		page->count++;
	memmove(page->items + low + 1, page->items + low,
		(page->count - 1 - low) * sizeof(*page->items));
	page->items[low] = item;
}

size_t spool_page_shown(const struct spool_page *page)
{
	return page->count > page->limit ? page->limit : page->count;
}
