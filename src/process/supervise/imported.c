/* Certificates in the data directory (port/vault).  They follow those of the node file, which wins
 * where both have a name. */
#include "port/vault/vault.h"
#include "process/supervise/settings.h"

static bool is_known(const struct model_node *node, const char *name)
{
	for (size_t i = 0; i < node->certificates.count; i++)
		if (strcmp(node->certificates.items[i].name, name) == 0)
			return true;
	return false;
}

/* What the node file would say of it: the current version. */
static struct model_certificate as_model(
	const struct model_node *node, const struct cert_life *life, struct arena *arena)
{
	const struct cert_version *current = cert_life_in(life, CERT_CURRENT);
	struct vault_pair pairs[VAULT_PAIRS];
	struct model_certificate model = {.name = life->name};

	if (current == NULL || vault_pairs(node->data, life->name, current->id, arena, pairs) == 0)
		return model;
	model.chain = pairs[0].chain;
	model.key = pairs[0].key != NULL ? pairs[0].key : pairs[0].key_uri;
	return model;
}

enum err supervise_imported_add(struct supervise_settings *s, struct err_info *info)
{
	struct model_node *node = s->node;
	size_t before = node->certificates.count, count = 0;
	struct model_certificate *all;
	enum err e = vault_list(node->data, s->arena, &s->lives, &s->life_count, info);

	if (e != ERR_OK)
		return e;
	all = arena_array(s->arena, before + s->life_count, sizeof(*all));
	if (before > 0)
		memcpy(all, node->certificates.items, before * sizeof(*all));
	for (size_t i = 0; i < s->life_count; i++) {
		struct model_certificate model;

		if (is_known(node, s->lives[i].name))
			continue;
		model = as_model(node, &s->lives[i], s->arena);
		if (model.chain == NULL || model.key == NULL)
			return err_set(info, ERR_CORRUPT,
				"certificate %s: the files of its current version are missing in "
				"%s/certificates/%s",
				model.name, node->data, model.name);
		all[before + count] = model;
		s->lives[count++] = s->lives[i];
	}
	s->life_count = count;
	node->certificates.items = all;
	node->certificates.count = before + count;
	return ERR_OK;
}
