#include "core/policy/lint_inside.h"

#include <stdio.h>
#include <stdlib.h>

const char *const policy_severity_names[] = {"error", "warning", "note", NULL};

#define F(member, k, ...) RECORD_FIELD(struct policy_finding, member, k, __VA_ARGS__)
static const struct record_field finding_fields[] = {
	F(severity, RECORD_ENUM, .names = policy_severity_names, .preset = "error",
		.doc = "error, warning or note."),
	F(token, RECORD_TEXT, .doc = "Stable name of the kind of finding."),
	F(organisation, RECORD_TEXT, .doc = "Whose configuration it is about."),
	F(subject, RECORD_TEXT, .doc = "The object it is about."),
	F(text, RECORD_TEXT, .doc = "What was found."),
	F(remedy, RECORD_TEXT, .doc = "What to do."),
	F(others, RECORD_TEXTS, .doc = "Objects of other organisations it has to do with."),
};
#undef F
const struct record_desc policy_finding_desc =
	RECORD_DESC(struct policy_finding, "finding", finding_fields, .doc = "What is doubtful.");

static const struct {
	const char *token;
	enum policy_severity severity;
	const char *remedy;
} kinds[] = {
#define POLICY_LINT_ROW(code, token, severity, remedy) {token, severity, remedy},
	POLICY_LINT_TABLE(POLICY_LINT_ROW)
#undef POLICY_LINT_ROW
};

/* ---- shared -----------------------------------------------------------------------------------
 */

struct policy_finding *policy_lint_add(struct policy_lint *l, enum policy_lint_code code,
	const char *organisation, const char *subject, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	struct policy_finding *f;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (l->ret->count == l->room) {
		l->room = l->room > 0 ? l->room * 2 : 64;
		f = arena_array(l->arena, l->room, sizeof(*f));
		if (l->ret->count > 0)
			memcpy(f, l->ret->items, l->ret->count * sizeof(*f));
		l->ret->items = f;
	}
	f = &l->ret->items[l->ret->count++];
	*f = (struct policy_finding){
		.severity = kinds[code].severity,
		.token = kinds[code].token,
		.organisation = organisation,
		.subject = subject,
		.text = arena_text(l->arena, text),
		.remedy = kinds[code].remedy,
	};
	return f;
}

const struct model_domain *policy_lint_accepted(const struct policy_lint *l, const char *name)
{
	const struct model_domain *d = map_get(l->domains, str_of(name));

	for (const char *at = strchr(name, '.'); d == NULL && at != NULL;
		at = strchr(at + 1, '.')) {
		d = map_get(l->domains, str_of(at + 1));
		if (d != NULL && !d->subdomains)
			d = NULL;
	}
	return d;
}

bool policy_lint_lacks(const struct policy_lint *l, const char *certificate)
{
	return certificate != NULL && l->certificates != NULL &&
	       map_get(l->listed, str_of(certificate)) == NULL;
}

void *policy_lint_get(const struct policy_lint *l, const struct map *map, const char *organisation,
	const char *name)
{
	return map_get(map, str_of(arena_format(l->arena, "%s/%s", organisation, name)));
}

const struct model_connector *policy_lint_wider(const struct policy_lint *l, const struct map *map,
	const char *organisation, const char *name, const char **ret_pattern)
{
	const struct model_connector *found = NULL;
	const char *at = name[0] == '*' ? name + 2 : name;

	if (strcmp(name, "*") == 0)
		return NULL;
	for (at = strchr(at, '.'); found == NULL && at != NULL; at = strchr(at + 1, '.')) {
		*ret_pattern = arena_format(l->arena, "*%s", at);
		found = policy_lint_get(l, map, organisation, *ret_pattern);
	}
	if (found == NULL) {
		*ret_pattern = "*";
		found = policy_lint_get(l, map, organisation, "*");
	}
	return found;
}

/* ---- indexes ----------------------------------------------------------------------------------
 */

static void set(const struct policy_lint *l, struct map *map, const char *organisation,
	const char *name, const void *value)
{
	map_set(map, str_of(arena_format(l->arena, "%s/%s", organisation, name)), (void *)value);
}

static void index_domains(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->organisations.count; i++) {
		struct policy_lint_owner *o = arena_alloc(l->arena, sizeof(*o));

		o->model = &l->config->organisations.items[i];
		map_set(l->owners, str_of(o->model->name), o);
	}
	for (size_t i = 0; i < l->config->domains.count; i++) {
		const struct model_domain *d = &l->config->domains.items[i];
		struct policy_lint_owner *o = map_get(l->owners, str_of(d->organisation));

		map_set(l->domains, str_of(d->name), (void *)d);
		if (o != NULL)
			o->domains++;
		for (const char *at = strchr(d->name, '.'); at != NULL; at = strchr(at + 1, '.'))
			set(l, l->above, d->organisation, at + 1, d);
	}
}

static bool comes_first(const struct model_connector *a, const struct model_connector *b)
{
	if (b == NULL)
		return true;
	if (a->outbound != NULL && b->outbound != NULL && a->outbound->cost != b->outbound->cost)
		return a->outbound->cost < b->outbound->cost;
	return strcmp(a->name, b->name) < 0;
}

static void index_patterns(const struct policy_lint *l, struct map *map,
	const struct record_texts *patterns, const struct model_connector *c)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (comes_first(c, policy_lint_get(l, map, c->organisation, patterns->items[i])))
			set(l, map, c->organisation, patterns->items[i], c);
}

static void index_owner(struct policy_lint *l, const struct model_connector *c)
{
	struct policy_lint_owner *o = map_get(l->owners, str_of(c->organisation));
	const struct model_inbound *in = c->inbound;

	if (o != NULL && c->outbound != NULL && c->outbound->all_accepted_domains)
		o->carries_all = true;
	if (o == NULL || in == NULL)
		return;
	if (c->type == MODEL_ON_PREMISES && o->own_server == NULL)
		o->own_server = c->name;
	for (size_t i = 0; c->type == MODEL_PARTNER && i < in->sender_domains.count; i++)
		if (strcmp(in->sender_domains.items[i], "*") == 0 && in->mode == MODEL_ENFORCE &&
			(in->restrict_to_certificate || in->restrict_to_addresses) &&
			in->associated_accepted_domains.count == 0)
			o->is_closed = true;
}

static void index_connectors(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->connectors.count; i++) {
		const struct model_connector *c = &l->config->connectors.items[i];

		set(l, l->connectors, c->organisation, c->name, c);
		if (!c->enabled)
			continue;
		index_owner(l, c);
		if (c->inbound != NULL)
			index_patterns(l, l->senders, &c->inbound->sender_domains, c);
		if (c->outbound != NULL)
			index_patterns(l, l->routes, &c->outbound->recipient_domains, c);
	}
}

static void index_others(struct policy_lint *l)
{
	for (size_t i = 0; l->certificates != NULL && i < l->certificates->count; i++)
		map_set(l->listed, str_of(l->certificates->items[i]), l);
}

/* ---- organisations ----------------------------------------------------------------------------
 */

static void check_certificates(struct policy_lint *l, const struct model_organisation *o)
{
	const char *subject = arena_format(l->arena, "organisation %s", o->name);

	if (policy_lint_lacks(l, o->certificate))
		policy_lint_add(l, LINT_NO_CERTIFICATE, o->name, subject,
			"certificate: this node has no certificate named %s, so its mail leaves "
			"without one",
			o->certificate);
	for (size_t i = 0; i < o->certificates.count; i++)
		if (policy_lint_lacks(l, o->certificates.items[i]))
			policy_lint_add(l, LINT_NO_CERTIFICATE, o->name, subject,
				"certificates: this node has no certificate named %s",
				o->certificates.items[i]);
}

static void check_organisations(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->organisations.count; i++) {
		const struct model_organisation *model = &l->config->organisations.items[i];
		const struct policy_lint_owner *o = map_get(l->owners, str_of(model->name));
		const char *subject = arena_format(l->arena, "organisation %s", model->name);
		struct policy_finding *f;

		check_certificates(l, model);
		if (o->domains == 0)
			policy_lint_add(l, LINT_NO_DOMAIN, model->name, subject,
				"it has no accepted domain: nothing comes in for it, and none of "
				"its own servers is known");
		if (o->domains == 0 || o->own_server == NULL || o->is_closed)
			continue;
		f = policy_lint_add(l, LINT_FRONT_DOOR, model->name, subject,
			"its own server is connected (connector %s), and yet anybody may deliver "
			"to its domains directly%s",
			o->own_server,
			model->reject_direct_send ? ", except in the name of its own domains" : "");
		if (model->reject_direct_send)
			f->severity = POLICY_SEVERITY_NOTE;
	}
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static int in_order(const void *left, const void *right)
{
	const struct policy_finding *a = left, *b = right;
	int order = a->severity - b->severity;

	if (order == 0)
		order = strcmp(a->subject, b->subject);
	if (order == 0)
		order = strcmp(a->token, b->token);
	return order != 0 ? order : strcmp(a->text, b->text);
}

void policy_lint(const struct model_config *config, const struct record_texts *certificates,
	struct arena *arena, struct policy_findings *ret)
{
	struct policy_lint l = {
		.config = config, .certificates = certificates, .arena = arena, .ret = ret};
	struct map **const maps[] = {&l.owners, &l.domains, &l.above, &l.connectors, &l.senders,
		&l.routes, &l.served, &l.prefixes, &l.listed, &l.seen};

	*ret = (struct policy_findings){0};
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++)
		*maps[i] = map_new(0);
	l.directions = policy_directions_new(config);
	index_domains(&l);
	index_connectors(&l);
	index_others(&l);
	check_organisations(&l);
	policy_lint_domains(&l);
	policy_lint_connectors(&l);
	policy_lint_addresses(&l);
	policy_lint_rules(&l);
	policy_directions_free(&l.directions);
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++)
		map_free(maps[i]);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), in_order);
}
