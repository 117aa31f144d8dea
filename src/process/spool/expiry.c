/*
 * Alarms about certificates that end soon.
 *
 * Now and then, and with new settings, what ought to be an alarm is worked out anew and compared
 * with the alarms that are open: those that are missing are raised, those that are no longer right
 * are over.  An alarm for which another mark has been reached since (14 days before the end after
 * 30 days before) is over and raised once more, so that somebody is told again.  Nothing has to be
 * remembered for that but the alarms.
 */
#include "base/moment.h"
#include "core/cert/watch.h"
#include "port/log/log.h"
#include "port/store/chain.h"
#include "process/spool/alerts.h"

#include <stdlib.h>

enum {
	EVERY_MS = 3600 * 1000,
	AGAIN_MS = 5 * 1000, /* when the trace is not up to date */
	MAX_WANTED = STORE_MAX_LIST,
};
/* A partner that was not heard of for so long is no matter for an alarm. */
static const int64_t silent_ms = INT64_C(30) * 24 * 3600 * 1000;

static const char expires[] = "certificate-expires", gap[] = "certificate-gap",
		  partner_expires[] = "partner-certificate-expires",
		  breaks_partner[] = "rollover-breaks-partner";
static const char *const kinds[] = {expires, gap, partner_expires, breaks_partner};

/* An alarm that ought to be open. */
struct wanted {
	const char *kind, *organisation, *subject, *text;
	int64_t mark;	/* as cert_watch_mark() */
	int64_t end_ms; /* 0: it has no marks */
	bool is_open;
};

struct look {
	struct spool *spool;
	struct arena *arena;
	int64_t now_ms;
	struct wanted *wanted;
	size_t count;
	struct wire_event *events;
	size_t event_count;
	int64_t first_end_ms; /* of partners' certificates; 0: none seen */
};

static void want(struct look *look, struct wanted wanted)
{
	if (look->count < MAX_WANTED)
		look->wanted[look->count++] = wanted;
}

/* ---- what ought to be --------------------------------------------------------------------------
 */

static const struct cert_version *version_of(const struct cert_life *life, const char *id)
{
	for (size_t i = 0; i < life->versions.count; i++)
		if (strcmp(life->versions.items[i].id, id) == 0)
			return &life->versions.items[i];
	return NULL;
}

static void look_at_life(struct look *look, const struct cert_life *life)
{
	struct cert_watch_finding found[CERT_WATCH_FINDINGS];
	size_t count = cert_watch_life(
		life, &look->spool->alerts->before_expiry, look->now_ms, look->arena, found);

	for (size_t i = 0; i < count; i++) {
		const struct cert_version *version = version_of(life, found[i].version);
		bool is_gap = found[i].kind == CERT_WATCH_GAP;

		want(look,
			(struct wanted){.kind = is_gap ? gap : expires,
				.subject = arena_format(look->arena, "certificate %s, version %s",
					life->name, found[i].version),
				.text = found[i].text,
				.mark = found[i].mark,
				.end_ms = is_gap || version == NULL ? 0 : version->not_after_ms});
	}
}

/* Told when it is planned, and at the same marks before its date as an end. */
static void look_at_break(struct look *look, const struct spool_break *b)
{
	const struct cert_plan *plan = &b->life->plan;
	const char *what_then;
	char at[MOMENT_TEXT_SIZE];

	if (plan->is_forced)
		what_then = "it was planned with --force, and will be done";
	else if (plan->advance_ms <= look->now_ms)
		what_then = "it was not done, and waits for you: advance with --force, or cancel";
	else
		what_then = "it will not be done by date while that is so, unless it is planned "
			    "with --force";
	moment_format_rfc3339(plan->advance_ms, at);
	want(look,
		(struct wanted){.kind = breaks_partner,
			.organisation = arena_text(look->arena, b->finding.organisation),
			.subject = arena_format(look->arena, "certificate %s, version %s, %s (%s)",
				b->life->name, b->version, b->finding.subject, b->finding.token),
			.text = arena_format(look->arena,
				"version %s of certificate %s is to become current at %s, and "
				"%s: %s; %s; %s",
				b->version, b->life->name, at, b->finding.subject, b->finding.text,
				what_then, b->finding.remedy),
			.mark = cert_watch_mark(&look->spool->alerts->before_expiry,
				plan->advance_ms, look->now_ms),
			.end_ms = plan->advance_ms});
}

/* Of the node file: its files are replaced by hand. */
static void look_at_own(struct look *look, const struct spool_own_certificate *own)
{
	int64_t mark = cert_watch_mark(
		&look->spool->alerts->before_expiry, own->not_after_ms, look->now_ms);

	if (mark == CERT_WATCH_NOTHING || own->not_after_ms == 0)
		return;
	want(look, (struct wanted){.kind = expires,
			   .subject = arena_format(look->arena, "certificate %s", own->name),
			   .text = arena_format(look->arena,
				   "certificate %s of the node file %s; replace its files, then: "
				   "sealpost reload",
				   own->name,
				   cert_watch_when(own->not_after_ms, look->now_ms, look->arena)),
			   .mark = mark,
			   .end_ms = own->not_after_ms});
}

static void note_end(struct look *look, int64_t end_ms)
{
	if (look->first_end_ms == 0 || end_ms < look->first_end_ms)
		look->first_end_ms = end_ms;
}

static void look_at_partner(struct look *look, const struct store_chain *chain)
{
	const struct wire_chain *w = &chain->wire;
	int64_t mark = cert_watch_mark(
		&look->spool->alerts->before_expiry, chain->not_after_ms, look->now_ms);

	/* A connector that is gone needs nobody. */
	if (chain->not_after_ms == 0 ||
		policy_connector(look->spool->snapshot, w->organisation, w->connector) == NULL)
		return;
	note_end(look, chain->not_after_ms);
	if (mark == CERT_WATCH_NOTHING)
		return;
	want(look,
		(struct wanted){.kind = partner_expires,
			.organisation = arena_text(look->arena, w->organisation),
			.subject = arena_format(look->arena, "%s (%s), chain %.16s", chain->partner,
				w->direction == RECEIPT_OUT ? "outbound" : "inbound", w->sha256),
			.text = arena_format(look->arena,
				"the certificate that %s presents (%s) %s; tell the partner: mail "
				"will wait where the connector asks for a valid one",
				w->host != NULL && w->host[0] != '\0' ? w->host : chain->partner,
				w->facts.count > 0 && w->facts.items[0].subject != NULL
					? w->facts.items[0].subject
					: "no subject",
				cert_watch_when(chain->not_after_ms, look->now_ms, look->arena)),
			.mark = mark,
			.end_ms = chain->not_after_ms});
}

/* ---- what is -----------------------------------------------------------------------------------
 */

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct wanted *wanted_of(struct look *look, const struct store_alarm *alarm)
{
	for (size_t i = 0; i < look->count; i++) {
		struct wanted *w = &look->wanted[i];

		if (is_same(w->kind, alarm->kind) && is_same(w->subject, alarm->subject) &&
			is_same(w->organisation, alarm->organisation))
			return w;
	}
	return NULL;
}

static void tell(struct look *look, const char *what, const struct wanted *w)
{
	look->events[look->event_count++] = (struct wire_event){.at_ms = look->now_ms,
		.kind = what,
		.token = w->kind,
		.sender = w->subject,
		.organisation = w->organisation,
		.text = w->text};
}

static void compare(struct look *look, const struct store_alarm *alarm)
{
	struct wanted *w = wanted_of(look, alarm);
	struct wanted over = {.kind = alarm->kind,
		.subject = alarm->subject,
		.organisation = alarm->organisation};
	int64_t mark;

	if (w == NULL) {
		tell(look, "alarm-over", &over);
		return;
	}
	mark = w->end_ms == 0 ? w->mark
			      : cert_watch_mark(&look->spool->alerts->before_expiry, w->end_ms,
					alarm->first_ms);
	w->is_open = mark == w->mark;
	if (!w->is_open)
		tell(look, "alarm-over", &over);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static void look_free(struct look *look)
{
	look->spool->alerts->expiring = false;
	arena_free(&look->arena);
	free(look);
}

static void written(void *context, enum err e)
{
	struct look *look = context;

	if (e != ERR_OK && e != ERR_CLOSED) {
		log_event(LOG_WARNING_LEVEL, "expiry.not-written", LOG_TEXT("error", err_token(e)));
		look->spool->alerts->next_expiry = look->spool->ticks_ms() + AGAIN_MS;
	}
	if (e == ERR_OK)
		spool_alerts_soon(look->spool);
	look_free(look);
}

static void opened(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct look *look = context;
	struct store_change change = {0};

	if (e != ERR_OK) {
		look_free(look);
		return;
	}
	look->events = arena_array(look->arena, count + look->count + 1, sizeof(*look->events));
	for (size_t i = 0; i < count; i++)
		compare(look, &alarms[i]);
	for (size_t i = 0; i < look->count; i++)
		if (!look->wanted[i].is_open)
			tell(look, "alarm", &look->wanted[i]);
	if (look->event_count == 0) {
		look_free(look);
		return;
	}
	change.events = look->events;
	change.event_count = look->event_count;
	store_apply(look->spool->store, &change, written, look);
}

static void listed(void *context, enum err e, const struct store_chain *chains, size_t count)
{
	struct look *look = context;
	const struct spool_alerts *a = look->spool->alerts;

	if (e != ERR_OK) {
		look_free(look);
		return;
	}
	for (size_t i = 0; i < a->life_count; i++)
		look_at_life(look, &a->lives[i]);
	for (size_t i = 0; i < a->break_count; i++)
		look_at_break(look, &a->breaks[i]);
	for (size_t i = 0; i < a->own_count; i++)
		look_at_own(look, &a->own[i]);
	for (size_t i = 0; i < count; i++)
		look_at_partner(look, &chains[i]);
	look->spool->alerts->partners_end_ms = look->first_end_ms;
	store_alert_open(look->spool->store,
		(const char *[]){kinds[0], kinds[1], kinds[2], kinds[3], NULL}, opened, look);
}

static int64_t longest(const struct record_numbers *marks)
{
	int64_t found = 0;

	for (size_t i = 0; i < marks->count; i++)
		found = marks->items[i] > found ? marks->items[i] : found;
	return found;
}

void spool_expiry_tick(struct spool *spool)
{
	struct spool_alerts *a = spool->alerts;
	struct store_counts counts;
	struct look *look;
	struct store_chain_query query = {.newest = true};

	if (a->expiring || spool->ticks_ms() < a->next_expiry || spool->snapshot == NULL)
		return;
	store_counts(spool->store, &counts);
	/* Alarms on their way would be raised a second time. */
	if (counts.trace_pending > 0) {
		a->next_expiry = spool->ticks_ms() + AGAIN_MS;
		return;
	}
	a->expiring = true;
	a->next_expiry = spool->ticks_ms() + EVERY_MS;
	look = mem_new(sizeof(*look));
	look->spool = spool;
	look->arena = arena_new();
	look->now_ms = spool->now_ms();
	look->wanted = arena_array(look->arena, MAX_WANTED, sizeof(*look->wanted));
	query.since_ms = look->now_ms - silent_ms;
	query.ends_before_ms = look->now_ms + longest(&a->before_expiry) + 1;
	store_chain_list(spool->store, &query, listed, look);
}
