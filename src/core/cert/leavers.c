#include "core/cert/leavers.h"

#include "base/map.h"

#include <stdlib.h>
#include <sys/queue.h>

const char cert_leave_reason[] = "left without sending";

struct leaver {
	TAILQ_ENTRY(leaver) links; /* who was heard of last is last */
	char *partner;
	bool has_sent;
	/* The last time that it left; NULL: never, or it has sent mail since. */
	char *certificate, *version;
	unsigned times;
	int64_t at_ms;
};

struct cert_leavers {
	struct map *by_partner;
	TAILQ_HEAD(order, leaver) order;
};

struct cert_leavers *cert_leavers_new(uint64_t seed)
{
	struct cert_leavers *leavers = mem_new(sizeof(*leavers));

	leavers->by_partner = map_new(seed);
	TAILQ_INIT(&leavers->order);
	return leavers;
}

static void forget_leaves(struct leaver *leaver)
{
	free(leaver->certificate);
	free(leaver->version);
	leaver->certificate = leaver->version = NULL;
	leaver->times = 0;
}

static void leaver_free(struct leaver *leaver)
{
	forget_leaves(leaver);
	free(leaver->partner);
	free(leaver);
}

static void drop(struct cert_leavers *leavers, struct leaver *leaver)
{
	map_remove(leavers->by_partner, str_of(leaver->partner));
	TAILQ_REMOVE(&leavers->order, leaver, links);
	leaver_free(leaver);
}

void cert_leavers_free(struct cert_leavers **leavers)
{
	struct cert_leavers *l = *leavers;
	struct leaver *leaver, *next;

	*leavers = NULL;
	if (l == NULL)
		return;
	for (leaver = TAILQ_FIRST(&l->order); leaver != NULL; leaver = next) {
		next = TAILQ_NEXT(leaver, links);
		leaver_free(leaver);
	}
	map_free(&l->by_partner);
	free(l);
}

/* It was heard of now.  NULL: it is not there. */
static struct leaver *find(struct cert_leavers *leavers, const char *partner)
{
	struct leaver *leaver = map_get(leavers->by_partner, str_of(partner));

	if (leaver != NULL) {
		TAILQ_REMOVE(&leavers->order, leaver, links);
		TAILQ_INSERT_TAIL(&leavers->order, leaver, links);
	}
	return leaver;
}

static struct leaver *add(struct cert_leavers *leavers, const char *partner)
{
	struct leaver *leaver = mem_new(sizeof(*leaver));

	if (map_count(leavers->by_partner) >= CERT_LEAVERS_MAX)
		drop(leavers, TAILQ_FIRST(&leavers->order));
	leaver->partner = mem_text(partner);
	map_set(leavers->by_partner, str_of(partner), leaver);
	TAILQ_INSERT_TAIL(&leavers->order, leaver, links);
	return leaver;
}

/* Does that one follow the one before, or does it stand alone? */
static bool is_in_a_row(const struct leaver *leaver, const struct cert_leave *leave)
{
	return leaver->times > 0 && strcmp(leaver->certificate, leave->certificate) == 0 &&
	       strcmp(leaver->version, leave->version) == 0 &&
	       leave->at_ms - leaver->at_ms < CERT_LEAVE_MS;
}

unsigned cert_leavers_left(struct cert_leavers *leavers, const struct cert_leave *leave)
{
	struct leaver *leaver = find(leavers, leave->partner);
	unsigned times;

	if (!leave->is_known && (leaver == NULL || !leaver->has_sent))
		return 0;
	if (leaver == NULL)
		leaver = add(leavers, leave->partner);
	if (!is_in_a_row(leaver, leave)) {
		forget_leaves(leaver);
		leaver->certificate = mem_text(leave->certificate);
		leaver->version = mem_text(leave->version);
	}
	leaver->at_ms = leave->at_ms;
	times = ++leaver->times;
	if (times >= CERT_LEAVES)
		forget_leaves(leaver);
	return times;
}

bool cert_leavers_sent(struct cert_leavers *leavers, const char *partner)
{
	struct leaver *leaver = find(leavers, partner);
	bool is_news = leaver == NULL || !leaver->has_sent || leaver->times > 0;

	if (leaver == NULL)
		leaver = add(leavers, partner);
	leaver->has_sent = true;
	forget_leaves(leaver);
	return is_news;
}

bool cert_leavers_tries(struct cert_leavers *leavers, const char *partner)
{
	struct leaver *leaver = find(leavers, partner);
	bool had_left = leaver != NULL && leaver->times > 0;

	if (had_left)
		forget_leaves(leaver);
	return had_left;
}

size_t cert_leavers_count(const struct cert_leavers *leavers)
{
	return map_count(leavers->by_partner);
}

/* ---- does it matter ---------------------------------------------------------------------------
 */

struct supposed {
	const struct cert_choose_facts *facts;
	const char *version; /* refused as well */
};

static bool is_supposed_refused(void *context, const char *certificate, const char *version)
{
	const struct supposed *supposed = context;
	const struct cert_choose_facts *facts = supposed->facts;

	return strcmp(version, supposed->version) == 0 ||
	       (facts->is_refused != NULL &&
		       facts->is_refused(facts->context, certificate, version));
}

bool cert_leave_matters(const struct cert_choose_facts *facts, const char *version)
{
	struct supposed supposed = {facts, version};
	struct cert_choose_facts after = *facts;
	struct cert_choice now = cert_choose(facts), then;

	if (now.version == NULL || strcmp(now.version->id, version) != 0)
		return false;
	after.is_refused = is_supposed_refused;
	after.context = &supposed;
	then = cert_choose(&after);
	return then.reason == CERT_CHOSEN_REFUSED && strcmp(then.version->id, version) != 0;
}
