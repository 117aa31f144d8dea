/*
 * What happened for which organisation since this process began: numbers that differ when there is
 * something new, for those who are limited to some organisations and must not notice what happens
 * for others.
 */
#include "process/spool/state.h"

#include <stdlib.h>
#include <string.h>

struct activity {
	int64_t mail, config;
};

/* NULL: it is no organisation, or not any more. */
static struct activity *activity_of(struct spool *spool, const char *organisation)
{
	struct activity *activity;

	if (organisation == NULL || spool->snapshot == NULL ||
		policy_organisation(spool->snapshot, organisation) == NULL)
		return NULL;
	activity = map_get(spool->activities, str_of(organisation));
	if (activity != NULL)
		return activity;
	activity = mem_new(sizeof(*activity));
	/* After a restart not what it was before. */
	activity->mail = activity->config = spool->now_ms();
	map_set(spool->activities, str_of(organisation), activity);
	return activity;
}

void spool_activity_mail(struct spool *spool, const char *organisation)
{
	struct activity *activity = activity_of(spool, organisation);

	if (activity != NULL)
		activity->mail++;
}

void spool_activity_message(struct spool *spool, const struct spool_message *message)
{
	const char *organisation = NULL, *receiver = NULL;

	for (size_t i = 0; i < message->m.recipients.count; i++) {
		const struct wire_recipient *r = &message->m.recipients.items[i].wire;

		if (organisation == NULL || r->organisation == NULL ||
			strcmp(organisation, r->organisation) != 0)
			spool_activity_mail(spool, r->organisation);
		if (receiver == NULL || r->receiver == NULL || strcmp(receiver, r->receiver) != 0)
			spool_activity_mail(spool, r->receiver);
		organisation = r->organisation;
		receiver = r->receiver;
	}
}

/* Whose an object is under that configuration; NULL: nobody's. */
static const char *owner_of(
	const struct policy_snapshot *snapshot, enum model_kind kind, const void *object)
{
	const struct model_domain *domain;
	const char *at;

	switch (kind) {
	case MODEL_ORGANISATION:
		return ((const struct model_organisation *)object)->name;
	case MODEL_DOMAIN:
		return ((const struct model_domain *)object)->organisation;
	case MODEL_CONNECTOR:
		return ((const struct model_connector *)object)->organisation;
	case MODEL_RULE:
		return ((const struct model_rule *)object)->organisation;
	default:
		at = strrchr(((const struct model_recipient *)object)->address, '@');
		domain = at != NULL ? policy_accepted(snapshot, at + 1) : NULL;
		return domain != NULL ? domain->organisation : NULL;
	}
}

static void note_config(struct spool *spool, const char *organisation)
{
	struct activity *activity = activity_of(spool, organisation);

	if (activity != NULL)
		activity->config++;
}

/* Of organisations that are no more nothing is kept. */
static void forget_gone(struct spool *spool)
{
	size_t position = 0;
	struct str key;
	void *value;

	while (map_next(spool->activities, &position, &key, &value)) {
		struct arena *arena CLEANUP(arena_free) = arena_new();

		if (policy_organisation(spool->snapshot, arena_text_of(arena, key)) == NULL)
			free(map_remove(spool->activities, key));
	}
}

void spool_activity_config(struct spool *spool, const struct policy_snapshot *before,
	const struct model_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct model_change *c = &changes[i];

		if (c->before != NULL)
			note_config(spool, owner_of(before, c->kind, c->before));
		if (c->after != NULL)
			note_config(spool, owner_of(spool->snapshot, c->kind, c->after));
	}
	forget_gone(spool);
}

void spool_activity_get(
	const struct spool *spool, const char *organisation, int64_t *ret_mail, int64_t *ret_config)
{
	const struct activity *activity = map_get(spool->activities, str_of(organisation));

	*ret_mail = activity != NULL ? activity->mail : 0;
	*ret_config = activity != NULL ? activity->config : 0;
}

void spool_activity_free(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->activities, &position, NULL, &value))
		free(value);
	map_free(&spool->activities);
}
