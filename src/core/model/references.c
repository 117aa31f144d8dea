#include "core/model/references.h"

struct references {
	const struct model_config *config;
	struct map *const *maps;
	struct map *owned; /* certificates that some organisation lists */
	struct arena *arena;
	struct err_info *info;
};

static enum err known(const struct references *r, const char *what, const char *key,
	const char *property, const char *organisation)
{
	if (map_get(r->maps[MODEL_ORGANISATION], str_of(organisation)) != NULL)
		return ERR_OK;
	return err_set(r->info, ERR_UNKNOWN, "%s %s: %s: there is no organisation named \"%s\"",
		what, key, property, organisation);
}

/* The accepted domain that covers NAME: itself, or the nearest parent with subdomains. */
static const struct model_domain *covering(const struct references *r, const char *name)
{
	const struct model_domain *d = map_get(r->maps[MODEL_DOMAIN], str_of(name));

	for (const char *at = strchr(name, '.'); d == NULL && at != NULL;
		at = strchr(at + 1, '.')) {
		d = map_get(r->maps[MODEL_DOMAIN], str_of(at + 1));
		if (d != NULL && !d->subdomains)
			d = NULL;
	}
	return d;
}

/* May ORGANISATION present CERTIFICATE?  What nobody lists is everybody's. */
static enum err may_present(const struct references *r, const char *what, const char *key,
	const char *property, const char *organisation, const char *certificate)
{
	const struct model_organisation *o =
		map_get(r->maps[MODEL_ORGANISATION], str_of(organisation));

	if (certificate == NULL || map_get(r->owned, str_of(certificate)) == NULL)
		return ERR_OK;
	for (size_t i = 0; o != NULL && i < o->certificates.count; i++)
		if (strcmp(o->certificates.items[i], certificate) == 0)
			return ERR_OK;
	return err_set(r->info, ERR_CONFLICT,
		"%s %s: %s: certificate \"%s\" belongs to another organisation: it is not among "
		"the certificates of %s",
		what, key, property, certificate, organisation);
}

static enum err check_organisations(struct references *r)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < r->config->organisations.count; i++) {
		const struct model_organisation *o = &r->config->organisations.items[i];

		for (size_t k = 0; k < o->certificates.count; k++)
			map_set(r->owned, str_of(o->certificates.items[k]), (void *)o);
	}
	for (size_t i = 0; e == ERR_OK && i < r->config->organisations.count; i++) {
		const struct model_organisation *o = &r->config->organisations.items[i];

		e = may_present(r, "organisation", o->name, "certificate", o->name, o->certificate);
	}
	return e;
}

static enum err check_domains(const struct references *r)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->config->domains.count; i++) {
		const struct model_domain *d = &r->config->domains.items[i];

		e = known(r, "domain", d->name, "organisation", d->organisation);
	}
	return e;
}

static enum err check_halves(
	const struct references *r, const struct model_connector *c, const char *key)
{
	enum err e = ERR_OK;

	if (c->outbound != NULL)
		e = may_present(r, "connector", key, "outbound.certificate", c->organisation,
			c->outbound->certificate);
	for (size_t i = 0;
		e == ERR_OK && c->inbound != NULL && i < c->inbound->trusted_organisations.count;
		i++)
		e = known(r, "connector", key, "inbound.trusted_organisations",
			c->inbound->trusted_organisations.items[i]);
	for (size_t i = 0; e == ERR_OK && c->inbound != NULL &&
			   i < c->inbound->associated_accepted_domains.count;
		i++) {
		const char *name = c->inbound->associated_accepted_domains.items[i];
		const struct model_domain *d = covering(r, name);

		if (d == NULL || strcmp(d->organisation, c->organisation) != 0)
			e = err_set(r->info, ERR_UNKNOWN,
				"connector %s: inbound.associated_accepted_domains: \"%s\" is no "
				"accepted domain of organisation %s",
				key, name, c->organisation);
	}
	return e;
}

static enum err check_connectors(const struct references *r)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->config->connectors.count; i++) {
		const struct model_connector *c = &r->config->connectors.items[i];
		const char *key = model_key(MODEL_CONNECTOR, c, r->arena);

		e = known(r, "connector", key, "organisation", c->organisation);
		if (e == ERR_OK)
			e = check_halves(r, c, key);
	}
	return e;
}

static enum err check_recipients(const struct references *r)
{
	for (size_t i = 0; i < r->config->recipients.count; i++) {
		const char *address = r->config->recipients.items[i].address;
		const char *at = strrchr(address, '@');

		if (at == NULL || covering(r, at + 1) == NULL)
			return err_set(r->info, ERR_UNKNOWN,
				"recipient %s: its domain is no accepted domain", address);
	}
	return ERR_OK;
}

static enum err check_rules(const struct references *r)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->config->rules.count; i++) {
		const struct model_rule *rule = &r->config->rules.items[i];
		const char *key = model_key(MODEL_RULE, rule, r->arena);
		const struct model_connector *c;

		e = known(r, "rule", key, "organisation", rule->organisation);
		if (e != ERR_OK || rule->connector == NULL)
			continue;
		c = map_get(
			r->maps[MODEL_CONNECTOR], str_of(arena_format(r->arena, "%s/%s",
							  rule->organisation, rule->connector)));
		if (c == NULL || c->outbound == NULL)
			e = err_set(r->info, ERR_UNKNOWN,
				"rule %s: connector: organisation %s has no connector \"%s\" with "
				"an outbound half",
				key, rule->organisation, rule->connector);
	}
	return e;
}

enum err model_check_references(const struct model_config *config,
	struct map *const maps[MODEL_KIND_MAX], struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct map *owned CLEANUP(map_free) = map_new(0);
	struct references r = {config, maps, owned, arena, info};
	enum err e = check_organisations(&r);

	if (e == ERR_OK)
		e = check_domains(&r);
	if (e == ERR_OK)
		e = check_connectors(&r);
	if (e == ERR_OK)
		e = check_recipients(&r);
	return e == ERR_OK ? check_rules(&r) : e;
}
