/* A binary min-heap of pointers, ordered by an int64_t key (a due time).  Each element carries its
 * position, so that it can be moved or removed in O(log n). */
#ifndef SEALPOST_BASE_HEAP_H
#define SEALPOST_BASE_HEAP_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First member (or any member) of what is kept in a heap.  place is 0 while not in one. */
struct heap_node {
	int64_t key;
	size_t place;
};

struct heap {
	struct heap_node **nodes; /* nodes[0] unused */
	size_t count;
	size_t size;
};

/* A zeroed struct heap is an empty heap. */
void heap_free(struct heap *heap);
void heap_add(struct heap *heap, struct heap_node *node, int64_t key);
/* No effect when the node is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
/* Change the key of a node in the heap, or add it. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);
/* The smallest; NULL when empty. */
struct heap_node *heap_first(const struct heap *heap);

#endif
