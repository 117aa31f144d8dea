/*
 * The configuration: loaded at start, sent to everybody who decides by it, replaced as a whole.  A
 * change is in force when it is durable, and mail that it concerns is tried again at once.
 */
#include "port/log/log.h"
#include "process/spool/accounts.h"
#include "process/spool/config.h"

#include <stdlib.h>

/* ---- sending -----------------------------------------------------------------------------------
 */

/* A list in struct model_config, whatever its items. */
struct list {
	char *items;
	size_t count;
};

static bool send_kind(struct spool_peer *peer, enum model_kind kind)
{
	const struct spool *spool = peer->spool;
	const struct model_kind_row *row = &model_kinds[kind];
	const struct list *list =
		(const struct list *)((const char *)spool->config + row->list_offset);
	struct buf bytes CLEANUP(buf_free);

	buf_init(&bytes, WIRE_MAX_PAYLOAD / 2);
	for (size_t i = 0; i < list->count; i++) {
		struct wire_config_object object = {.kind = kind};

		buf_clear(&bytes);
		if (record_encode(row->desc, list->items + i * row->desc->size, &bytes) != ERR_OK) {
			/* The model's limits keep it from happening.  Without it the others would
			 * decide as if nobody asked for TLS: rather none of it than a part. */
			spool_broken(peer->spool, ERR_TOO_LONG,
				"an object of the configuration is too large to be told");
			return false;
		}
		object.data = buf_str(&bytes);
		ipc_send(peer->ipc, WIRE_CONFIG_OBJECT, &object);
	}
	return true;
}

void spool_config_send(struct spool_peer *peer)
{
	struct wire_config_mark mark = {.generation = peer->spool->generation};

	/* It only works for us. */
	if (peer->role == RUNTIME_LOOKUP)
		return;
	ipc_send(peer->ipc, WIRE_CONFIG_BEGIN, &mark);
	for (enum model_kind kind = 0; kind < MODEL_KIND_MAX; kind++)
		if (!send_kind(peer, kind))
			return;
	ipc_send(peer->ipc, WIRE_CONFIG_END, &mark);
}

/* Returns what was before. */
static struct policy_snapshot *take(
	struct spool *spool, int64_t generation, const struct model_config *config)
{
	struct policy_snapshot *old = spool->snapshot;

	spool->snapshot = policy_snapshot_new(config, (uint64_t)generation);
	spool->config = policy_snapshot_config(spool->snapshot);
	spool->generation = generation;
	spool_alerts_reconsider(spool);
	return old;
}

static void config_loaded(void *context, enum err e, int64_t generation,
	const struct model_config *config, const char *text)
{
	struct spool *spool = context;
	struct policy_snapshot *old;

	if (e == ERR_CLOSED)
		return;
	if (e != ERR_OK) {
		spool_broken(spool, e, text != NULL ? text : "the configuration cannot be read");
		return;
	}
	old = take(spool, generation, config);
	policy_snapshot_free(&old);
	log_event(LOG_INFO_LEVEL, "config.loaded", LOG_NUMBER("generation", generation));
	spool_ready(spool);
}

void spool_config_load(struct spool *spool)
{
	store_config_get(spool->store, config_loaded, spool);
}

enum { MAX_SHOWN = 2000 /* changes in one answer */ };

/* ---- replacing ----------------------------------------------------------------------------------
 */

static json_t *config_json(const struct spool *spool)
{
	return record_to_json(&model_config_desc, spool->config, RECORD_JSON_FULL);
}

void spool_manage_config_get(struct spool_request *request)
{
	struct spool *spool = request->spool;

	spool_answer(request, json_pack("{s:I,s:o}", "generation", (json_int_t)spool->generation,
				      "config", config_json(spool)));
}

static void visit(void *context, const char *path, const char *before, const char *after)
{
	json_t *fields = context;

	json_array_append_new(fields,
		json_pack("{s:s,s:s?,s:s?}", "path", path, "before", before, "after", after));
}

static json_t *change_json(const struct model_change *change)
{
	static const char *const types[] = {
		[MODEL_ADDED] = "added", [MODEL_CHANGED] = "changed", [MODEL_REMOVED] = "removed"};
	const struct model_kind_row *row = &model_kinds[change->kind];
	struct arena *arena CLEANUP(arena_free) = arena_new();
	json_t *fields = json_array();
	void *empty = arena_alloc(arena, row->desc->size);

	record_init(row->desc, empty, arena);
	if (change->type != MODEL_REMOVED)
		record_diff(row->desc, change->before != NULL ? change->before : empty,
			change->after, visit, fields);
	return json_pack("{s:s,s:s,s:s,s:o}", "type", types[change->type], "kind", row->singular,
		"key", change->key, "fields", fields);
}

static json_t *replacement_json(const struct spool_config_replacement *r)
{
	size_t shown = r->count < MAX_SHOWN ? r->count : MAX_SHOWN;
	json_t *changes = json_array();

	for (size_t i = 0; i < shown; i++)
		json_array_append_new(changes, change_json(&r->changes[i]));
	return json_pack("{s:I,s:o,s:I}", "generation", (json_int_t)r->generation, "changes",
		changes, "omitted", (json_int_t)(r->count - shown));
}

static void replacement_free(struct spool_config_replacement *r)
{
	arena_free(&r->arena);
	policy_snapshot_free(&r->old);
	free(r);
}

/* ---- mail that a change concerns ----------------------------------------------------------------
 */

struct concern {
	struct spool *spool;
	struct arena *arena;
	struct policy_snapshot *old;
	struct model_change *changes; /* keys and objects in the arena and the snapshot */
	size_t count;
};

static bool pattern_covers(const char *pattern, const char *domain)
{
	if (strncmp(pattern, "*.", 2) == 0)
		return str_ends_nocase(str_of(domain), str_of(pattern + 1));
	return str_is_nocase(str_of(domain), pattern);
}

/* The domain in "...mx:DOMAIN;..."; NULL when the route has none. */
static const char *domain_of(const char *route, struct arena *arena)
{
	const char *mx = strstr(route, "mx:");

	if (mx == NULL || (mx != route && mx[-1] != ';'))
		return NULL;
	return arena_text_of(arena, str_make(mx + 3, strcspn(mx + 3, ";")));
}

static bool connector_concerns(
	const struct model_change *change, const char *route, const char *domain)
{
	const struct model_connector *connector =
		change->after != NULL ? change->after : change->before;
	size_t n = strlen(change->key);

	if (strncmp(route, "connector:", 10) == 0 && strncmp(route + 10, change->key, n) == 0 &&
		(route[10 + n] == '\0' || route[10 + n] == ';'))
		return true;
	if (domain == NULL || connector->outbound == NULL)
		return false;
	for (size_t i = 0; i < connector->outbound->recipient_domains.count; i++)
		if (pattern_covers(connector->outbound->recipient_domains.items[i], domain))
			return true;
	return false;
}

static bool concerns(const struct model_change *change, const char *route, const char *domain)
{
	bool is_local = strncmp(route, "maildir:", 8) == 0 || strncmp(route, "lmtp:", 5) == 0 ||
			strncmp(route, "smtp:", 5) == 0;

	if (change->kind == MODEL_CONNECTOR)
		return connector_concerns(change, route, domain);
	if (change->kind == MODEL_DOMAIN)
		return is_local || (domain != NULL && pattern_covers(change->key, domain));
	/* An organisation's minimum or certificate holds for all that leaves. */
	return change->type == MODEL_CHANGED && !is_local;
}

static void summarised(
	void *context, enum err e, const struct store_route_summary *routes, size_t count)
{
	struct concern *c = context;

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		const char *domain = domain_of(routes[i].route, c->arena);

		for (size_t n = 0; n < c->count; n++) {
			if (!concerns(&c->changes[n], routes[i].route, domain))
				continue;
			spool_retry_route(
				c->spool, routes[i].route, "the configuration has changed");
			break;
		}
	}
	arena_free(&c->arena);
	policy_snapshot_free(&c->old);
	free(c);
}

static void retry_concerned(struct spool *spool, struct spool_config_replacement *r)
{
	struct concern *c = mem_new(sizeof(*c));

	c->spool = spool;
	c->arena = r->arena; /* what the changes point to lives there */
	c->old = r->old;
	c->changes = r->changes;
	c->count = r->count;
	r->arena = NULL;
	r->old = NULL;
	store_summary(spool->store, NULL, summarised, c);
}

static void written(void *context, enum err e)
{
	struct spool_request *request = context;
	struct spool *spool = request->spool;
	struct spool_config_replacement *r = request->extra;

	spool->config_busy = false;
	request->extra = NULL;
	if (e != ERR_OK) {
		spool_answer_error(
			request, e, "the configuration could not be written: %s", err_text(e));
		replacement_free(r);
		return;
	}
	spool->config_stored = true;
	r->old = take(spool, r->generation, &r->config);
	spool_activity_config(spool, r->old, r->changes, r->count);
	log_event(LOG_INFO_LEVEL, "config.changed", LOG_NUMBER("generation", r->generation),
		LOG_NUMBER("changes", (int64_t)r->count), LOG_TEXT("actor", request->actor));
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->ipc != NULL)
			spool_config_send(peer);
	spool_answer(request, replacement_json(r));
	retry_concerned(spool, r);
	replacement_free(r);
}

static const char *organisation_of(
	const struct spool *spool, enum model_kind kind, const void *object)
{
	const char *at;
	const struct model_domain *d;

	switch (kind) {
	case MODEL_CONNECTOR:
		return ((const struct model_connector *)object)->organisation;
	case MODEL_RULE:
		return ((const struct model_rule *)object)->organisation;
	case MODEL_RECIPIENT:
		at = strrchr(((const struct model_recipient *)object)->address, '@');
		d = at != NULL ? policy_accepted(spool->snapshot, at + 1) : NULL;
		return d != NULL ? d->organisation : NULL;
	default: /* organisations and domains are the installation's */
		return NULL;
	}
}

/* Domains stay as they are, so the snapshot tells of recipients before and after. */
static bool may_change(const struct spool_request *request, const struct model_change *change)
{
	const void *both[] = {change->before, change->after};

	for (size_t i = 0; i < ARRAY_LENGTH(both); i++)
		if (both[i] != NULL && !spool_is_asked_by(request, organisation_of(request->spool,
									   change->kind, both[i])))
			return false;
	return true;
}

static bool is_listed(const struct record_texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static const char *presented_by(const struct model_connector *c)
{
	return c != NULL && c->outbound != NULL ? c->outbound->certificate : NULL;
}

/* NULL, or the certificate that a connector is to present from now on though another organisation,
 * and not its own, is known by it. */
static const char *certificate_of_another(
	const struct model_config *config, const struct model_change *change)
{
	const struct model_connector *c = change->kind == MODEL_CONNECTOR ? change->after : NULL;
	const char *name = presented_by(c);
	const char *before = name != NULL ? presented_by(change->before) : NULL;
	bool is_another_s = false;

	if (name == NULL || (before != NULL && strcmp(name, before) == 0))
		return NULL;
	for (size_t i = 0; i < config->organisations.count; i++) {
		const struct model_organisation *o = &config->organisations.items[i];
		bool is_its = is_listed(&o->certificates, name) ||
			      (o->certificate != NULL && strcmp(o->certificate, name) == 0);

		if (is_its && strcmp(o->name, c->organisation) == 0)
			return NULL;
		is_another_s = is_another_s || is_its;
	}
	return is_another_s ? name : NULL;
}

/* Who manages some organisations changes what is theirs, and makes them nobody else. */
static enum err check_limited(const struct spool_request *request,
	const struct spool_config_replacement *r, struct err_info *info)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct model_change *change = &r->changes[i];
		const char *certificate = certificate_of_another(&r->config, change);

		if (!may_change(request, change))
			return err_set(info, ERR_REFUSED,
				"%s %s: you do not manage its organisation",
				model_kinds[change->kind].singular, change->key);
		if (certificate != NULL)
			return err_set(info, ERR_REFUSED,
				"connector %s: outbound.certificate: certificate \"%s\" is not "
				"its organisation's; who manages the installation can list it "
				"there",
				change->key, certificate);
	}
	return ERR_OK;
}

static enum err read_replacement(
	struct spool_request *request, struct spool_config_replacement *r, struct err_info *info)
{
	const struct spool *spool = request->spool;
	const json_t *expect = json_object_get(request->arguments, "expect");
	const json_t *changes = json_object_get(request->arguments, "changes");
	enum err e;

	r->dry_run = json_is_true(json_object_get(request->arguments, "dry_run"));
	if (json_is_integer(expect) && json_integer_value(expect) != spool->generation)
		return err_set(info, ERR_CONFLICT,
			"the configuration has changed meanwhile: it is generation %lld",
			(long long)spool->generation);
	/* One change at a time: what is there now stays until this one is written. */
	r->config = *spool->config;
	r->by_changes = changes != NULL;
	e = changes != NULL ? model_change_objects(changes, r->arena, &r->config, info)
			    : record_from_json(&model_config_desc,
				      json_object_get(request->arguments, "config"), "", r->arena,
				      &r->config, info);
	if (e != ERR_OK)
		return e == ERR_UNKNOWN && changes == NULL ? ERR_SYNTAX : e;
	e = model_check(&r->config, info);
	/* "Unknown" would say that there is no such object, or no configuration. */
	if (e != ERR_OK)
		return e == ERR_UNKNOWN ? ERR_SYNTAX : e;
	r->count = model_compare(spool->config, &r->config, r->arena, &r->changes);
	e = request->is_limited ? check_limited(request, r, info) : ERR_OK;
	if (e != ERR_OK)
		return e;
	r->generation = spool->generation + (r->count > 0 && !r->dry_run ? 1 : 0);
	return ERR_OK;
}

void spool_manage_config_replace(struct spool_request *request)
{
	struct spool *spool = request->spool;
	struct spool_config_replacement *r = mem_new(sizeof(*r));
	struct store_audited audited;
	struct err_info info = {0};
	enum err e;

	r->arena = arena_new();
	e = spool->config_busy
		    ? err_set(&info, ERR_BUSY, "another change is being written: try again")
		    : read_replacement(request, r, &info);
	if (e != ERR_OK) {
		spool_answer_error(request, e, "%s", info.text);
		replacement_free(r);
		return;
	}
	if (r->dry_run || r->count == 0) {
		spool_answer(request, replacement_json(r));
		replacement_free(r);
		return;
	}
	request->extra = r;
	spool->config_busy = true;
	audited = spool_audit_config(request, &r->config, r->changes, r->count, r->arena);
	if (r->by_changes && spool->config_stored)
		store_config_change(spool->store, r->generation, r->changes, r->count, &audited,
			written, request);
	else
		store_config_put(
			spool->store, r->generation, &r->config, &audited, written, request);
}
