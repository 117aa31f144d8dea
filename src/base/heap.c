#include "base/heap.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

void heap_free(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){0};
}

static void put(struct heap *heap, size_t place, struct heap_node *node)
{
	heap->nodes[place] = node;
	node->place = place;
}

static void sift_up(struct heap *heap, struct heap_node *node, size_t place)
{
	while (place > 1 && heap->nodes[place / 2]->key > node->key) {
		put(heap, place, heap->nodes[place / 2]);
		place /= 2;
	}
	put(heap, place, node);
}

static void sift_down(struct heap *heap, struct heap_node *node, size_t place)
{
	for (;;) {
		size_t child = place * 2;

		if (child > heap->count)
			break;
		if (child < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
			child++;
		if (heap->nodes[child]->key >= node->key)
			break;
		put(heap, place, heap->nodes[child]);
		place = child;
	}
	put(heap, place, node);
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t key)
{
	assert(node->place == 0);
	if (heap->count + 1 >= heap->size) {
		heap->size = heap->size > 0 ? heap->size * 2 : 64;
		heap->nodes = mem_resize(heap->nodes, heap->size, sizeof(struct heap_node *));
	}
	node->key = key;
	heap->count++;
	sift_up(heap, node, heap->count);
}

static void restore(struct heap *heap, struct heap_node *node, size_t place)
{
	if (place > 1 && heap->nodes[place / 2]->key > node->key)
		sift_up(heap, node, place);
	else
		sift_down(heap, node, place);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	struct heap_node *last;

	if (place == 0)
		return;
	last = heap->nodes[heap->count--];
	node->place = 0;
	if (last != node)
		restore(heap, last, place);
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
	if (node->place == 0) {
		heap_add(heap, node, key);
		return;
	}
	node->key = key;
	restore(heap, node, node->place);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[1] : NULL;
}
