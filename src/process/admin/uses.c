#include "process/admin/uses.h"

#include <string.h>

static bool lists(const struct record_texts *texts, const char *name)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i], name) == 0)
			return true;
	return false;
}

static bool is_named(const char *certificate, const char *name)
{
	return certificate != NULL && strcmp(certificate, name) == 0;
}

bool admin_use_serves(const struct model_node *node, const char *name)
{
	for (size_t i = 0; i < node->listeners.count; i++) {
		const struct model_listener *l = &node->listeners.items[i];

		if (l->tls != MODEL_TLS_OFF &&
			(l->certificates.count == 0 || lists(&l->certificates, name)))
			return true;
	}
	return false;
}

bool admin_use_sends(const struct model_config *config, const char *organisation, const char *name)
{
	for (size_t i = 0; i < config->organisations.count; i++) {
		const struct model_organisation *o = &config->organisations.items[i];

		if ((organisation == NULL || strcmp(o->name, organisation) == 0) &&
			is_named(o->certificate, name))
			return true;
	}
	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if ((organisation == NULL || strcmp(c->organisation, organisation) == 0) &&
			c->outbound != NULL && is_named(c->outbound->certificate, name))
			return true;
	}
	return false;
}

bool admin_use_is_foreign(const struct model_config *config,
	const struct model_organisation *organisation, const char *name)
{
	if (lists(&organisation->certificates, name))
		return false;
	for (size_t i = 0; i < config->organisations.count; i++)
		if (lists(&config->organisations.items[i].certificates, name))
			return true;
	return false;
}
