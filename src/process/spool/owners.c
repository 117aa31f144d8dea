/*
 * How many messages each organisation has in the queue, where that is limited.  The store counts;
 * here stands what it said last and what was accepted since, so that the limit holds at once for
 * what comes, and within seconds for what goes.
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum { ASK_MS = 2000 };

struct owner {
	int64_t stored;	   /* as the store said */
	int64_t since;	   /* accepted since it was asked */
	int64_t since_ask; /* accepted since the question under way */
	bool is_full;	   /* and that was logged */
};

static struct owner *owner_of(struct spool *spool, const char *name)
{
	struct owner *owner = map_get(spool->owners, str_of(name));

	if (owner != NULL)
		return owner;
	owner = mem_new(sizeof(*owner));
	map_set(spool->owners, str_of(name), owner);
	return owner;
}

static void counted(void *context, enum err e, const struct store_owner *owners, size_t count)
{
	struct spool *spool = context;
	size_t position = 0;
	void *value;

	spool->owners_asked = false;
	spool->owners_next_ms = spool->ticks_ms() + ASK_MS;
	if (e != ERR_OK)
		return;
	while (map_next(spool->owners, &position, NULL, &value)) {
		struct owner *owner = value;

		owner->stored = 0;
		owner->since = owner->since_ask;
	}
	for (size_t i = 0; i < count; i++)
		owner_of(spool, owners[i].name)->stored = owners[i].messages;
}

static bool is_limited(const struct spool *spool)
{
	for (size_t i = 0; spool->config != NULL && i < spool->config->organisations.count; i++)
		if (spool->config->organisations.items[i].maximum_queued > 0)
			return true;
	return false;
}

void spool_owners_ask(struct spool *spool)
{
	size_t position = 0;
	void *value;

	if (spool->owners_asked)
		return;
	spool->owners_asked = true;
	while (map_next(spool->owners, &position, NULL, &value))
		((struct owner *)value)->since_ask = 0;
	store_owners(spool->store, counted, spool);
}

void spool_owners_tick(struct spool *spool)
{
	if (spool->ticks_ms() >= spool->owners_next_ms && is_limited(spool))
		spool_owners_ask(spool);
}

static bool is_full(struct spool *spool, const char *name)
{
	const struct model_organisation *o = policy_organisation(spool->snapshot, name);
	struct owner *owner;
	bool full;

	if (o == NULL || o->maximum_queued <= 0)
		return false;
	owner = owner_of(spool, name);
	full = owner->stored + owner->since >= o->maximum_queued;
	if (full && !owner->is_full)
		log_event(LOG_WARNING_LEVEL, "intake.organisation-full",
			LOG_TEXT("organisation", name),
			LOG_NUMBER("maximum_queued", o->maximum_queued));
	owner->is_full = full;
	return full;
}

/* Recipients of one organisation stand together, as a rule: each is looked at once then. */
static bool is_new(const struct wire_message *message, size_t i)
{
	const char *name = message->recipients.items[i].organisation;

	for (size_t before = i; before-- > 0;) {
		const char *other = message->recipients.items[before].organisation;

		if (other != NULL && strcmp(name, other) == 0)
			return false;
		if (i - before > 100)
			return true;
	}
	return true;
}

bool spool_owners_have_room(struct spool *spool, const struct wire_message *message)
{
	for (size_t i = 0; i < message->recipients.count; i++) {
		const char *name = message->recipients.items[i].organisation;

		if (name != NULL && is_new(message, i) && is_full(spool, name))
			return false;
	}
	return true;
}

void spool_owners_accepted(struct spool *spool, const struct wire_message *message)
{
	for (size_t i = 0; i < message->recipients.count; i++) {
		const char *name = message->recipients.items[i].organisation;
		const struct model_organisation *o =
			name != NULL ? policy_organisation(spool->snapshot, name) : NULL;
		struct owner *owner;

		if (o == NULL || o->maximum_queued <= 0 || !is_new(message, i))
			continue;
		owner = owner_of(spool, name);
		owner->since++;
		owner->since_ask++;
	}
}

void spool_owners_free(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->owners, &position, NULL, &value))
		free(value);
	map_free(&spool->owners);
}
