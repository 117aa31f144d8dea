/* Certificates that `sealpost cert import` has put into the data directory: one folder a
 * certificate, DATA/certificates/NAME/chain.pem and key.pem.  They follow those of the node file,
 * which wins where both have a name. */
#include "process/supervise/settings.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_IMPORTED = 1000 };

static bool is_known(const struct model_node *node, const char *name)
{
	for (size_t i = 0; i < node->certificates.count; i++)
		if (strcmp(node->certificates.items[i].name, name) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct model_certificate *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* The one made here for want of any other is no import. */
static bool is_wanted(const struct model_node *node, const char *name)
{
	return name[0] != '.' && strcmp(name, "self") != 0 && !is_known(node, name);
}

void supervise_imported_add(struct model_node *node, struct arena *arena)
{
	const char *above = arena_format(arena, "%s/certificates", node->data);
	DIR *folder = opendir(above);
	size_t before = node->certificates.count, count = before;
	struct model_certificate *all;
	const struct dirent *entry;

	if (folder == NULL)
		return;
	all = arena_array(arena, before + MAX_IMPORTED, sizeof(*all));
	if (before > 0)
		memcpy(all, node->certificates.items, before * sizeof(*all));
	while (count < before + MAX_IMPORTED && (entry = readdir(folder)) != NULL) {
		const char *name = arena_text(arena, entry->d_name);
		struct model_certificate found = {
			.name = name,
			.chain = arena_format(arena, "%s/%s/chain.pem", above, name),
			.key = arena_format(arena, "%s/%s/key.pem", above, name),
		};

		if (is_wanted(node, name) && access(found.chain, F_OK) == 0 &&
			access(found.key, F_OK) == 0)
			all[count++] = found;
	}
	closedir(folder);
	qsort(all + before, count - before, sizeof(*all), by_name);
	node->certificates.items = all;
	node->certificates.count = count;
}
