/*
 * What rollovers that are planned by date would break.
 *
 * Looked at anew with new settings and with each change of the configuration, as both can make a
 * plan right or wrong.  The supervisor, which does what is due and knows no connectors, is told
 * whether partners' checks pass; it does nothing by date before it has heard.
 */
#include "port/tls/path.h"
#include "process/spool/alerts.h"

#include <jansson.h>

enum { MAX_BREAKS = 200 };

static size_t presented_in(const struct spool_alerts *a, const char *name, enum cert_state state,
	const struct tls_store *const *stores, struct arena *arena, struct policy_presented **ret)
{
	size_t count = 0;

	*ret = arena_array(arena, a->version_count + 1, sizeof(**ret));
	for (size_t i = 0; i < a->version_count; i++) {
		const struct spool_version *v = &a->versions[i];
		struct cert_facts *facts;
		struct tls_path path;

		if (strcmp(v->name, name) != 0 || v->state != (int)state ||
			tls_path_of_pem(v->chain, stores, 1, arena, &path, NULL) != ERR_OK)
			continue;
		facts = arena_array(arena, path.count, sizeof(*facts));
		for (size_t j = 0; j < path.count; j++)
			facts[j] = path.steps[j].facts;
		(*ret)[count++] = (struct policy_presented){facts, path.count};
	}
	return count;
}

static bool is_listened(const struct spool_alerts *a, const char *name)
{
	for (size_t i = 0; i < a->version_count; i++)
		if (strcmp(a->versions[i].name, name) == 0)
			return a->versions[i].is_listened;
	return false;
}

/* Those of its findings that are about partners. */
static void look_at(
	struct spool *spool, const struct cert_life *life, const struct tls_store *const *stores)
{
	struct spool_alerts *a = spool->alerts;
	struct policy_presented *current, *next;
	struct policy_rollover rollover = {.name = life->name,
		.hostname = "",
		.is_used_by_listeners = is_listened(a, life->name),
		.life = life,
		.now_ms = spool->now_ms()};
	struct policy_findings found;

	rollover.current_count =
		presented_in(a, life->name, CERT_CURRENT, stores, a->break_arena, &current);
	rollover.next_count = presented_in(a, life->name, CERT_NEXT, stores, a->break_arena, &next);
	rollover.current = current;
	rollover.next = next;
	policy_rollover(spool->config, &rollover, a->break_arena, &found);
	for (size_t i = 0; i < found.count && a->break_count < MAX_BREAKS; i++)
		if (found.items[i].severity == POLICY_SEVERITY_ERROR &&
			strncmp(found.items[i].token, "partner-", strlen("partner-")) == 0)
			a->breaks[a->break_count++] = (struct spool_break){.life = life,
				.version = cert_life_in(life, CERT_NEXT)->id,
				.finding = found.items[i]};
}

/* "connector o/c: has pinned ...", of the first one. */
static json_t *hold_json(const struct cert_life *life, const struct spool_break *first)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const char *text = first == NULL ? ""
					 : arena_format(arena, "%s: %s", first->finding.subject,
						   first->finding.text);

	return json_pack("{s:s,s:s,s:b,s:s}", "name", life->name, "version",
		cert_life_in(life, CERT_NEXT)->id, "breaks", first != NULL, "text", text);
}

void spool_rollover_look(struct spool *spool)
{
	struct spool_alerts *a = spool->alerts;
	json_t *items, *all;
	struct tls_store *roots;

	if (a->breaks_are_known || spool->snapshot == NULL)
		return;
	a->breaks_are_known = true;
	arena_free(&a->break_arena);
	a->break_arena = arena_new();
	a->breaks = arena_array(a->break_arena, MAX_BREAKS, sizeof(*a->breaks));
	a->break_count = 0;
	items = json_array();
	roots = tls_store_new(a->roots);
	for (size_t i = 0; i < a->life_count; i++) {
		const struct cert_life *life = &a->lives[i];
		const struct tls_store *const stores[] = {roots};
		size_t before = a->break_count;

		if (life->plan.advance_ms == 0 || cert_life_in(life, CERT_NEXT) == NULL)
			continue;
		look_at(spool, life, stores);
		json_array_append_new(items,
			hold_json(life, a->break_count > before ? &a->breaks[before] : NULL));
	}
	tls_store_free(&roots);
	all = json_pack("{s:s,s:o}", "verb", "rollover-partners", "items", items);
	if (spool->runtime != NULL)
		runtime_ask(spool->runtime, 0, all);
	json_decref(all);
}
