/* The audit log: adding to it, reading it, and proving that it is as it was written. */
#include "port/secret/secret.h"
#include "port/store/access_inside.h"
#include "port/store/work.h"

enum {
	WINDOW = 2000,		 /* ids looked at in one step of a listing */
	WINDOWS = 100,		 /* steps in one call */
	MAX_BYTES = 1024 * 1024, /* of entries in one answer; one more may stand above it */
	VERIFY_STEP = 500,
};

/* ---- adding -----------------------------------------------------------------------------------
 */

struct store_audited store_audited_copy(const struct store_audited *audited, struct arena *arena)
{
	struct account_entry *entries;

	if (audited == NULL || audited->count == 0)
		return (struct store_audited){0};
	entries = arena_array(arena, audited->count, sizeof(*entries));
	for (size_t i = 0; i < audited->count; i++) {
		entries[i] = audited->entries[i];
		account_entry_own(&entries[i], arena);
	}
	return (struct store_audited){entries, audited->count};
}

enum err store_audited_add(struct store_work *work, const struct store_audited *audited)
{
	const struct store_engine *engine = &work->store->engine;
	struct store_audit_end end = {0};
	enum err e = ERR_OK;

	if (audited->count > 0)
		e = engine->ops->audit_end(engine->self, &end);
	if (end.id == 0)
		memcpy(end.hash, account_audit_start, sizeof(end.hash));
	for (size_t i = 0; e == ERR_OK && i < audited->count; i++) {
		struct account_entry entry = audited->entries[i];
		char hash[ACCOUNT_AUDIT_HASH];

		/* An id is never given twice, even if somebody has taken entries away. */
		end.last = (end.last > end.id ? end.last : end.id) + 1;
		end.id = entry.id = end.last;
		account_entry_hash(&entry, end.hash, secret_sha256, hash);
		memcpy(end.hash, hash, sizeof(hash));
		entry.hash = hash;
		e = engine->ops->audit_add(engine->self, &entry);
	}
	return e;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

struct listing {
	struct store_work work;
	store_audit_done *done;
	void *context;
	struct store_audit_query query;
	struct account_entry *entries; /* in the work's arena */
	size_t count, bytes;
	unsigned windows;
	/* of this step */
	struct account_entry *step;
	size_t step_count;
	int64_t from; /* lowest id looked at */
};

static bool same(const char *want, const char *found)
{
	return want == NULL || (found != NULL && str_equal_nocase(str_of(want), str_of(found)));
}

static bool is_action(const char *want, const char *found)
{
	size_t n = want != NULL ? strlen(want) : 0;

	return want == NULL || (found != NULL && strncmp(found, want, n) == 0 &&
				       (found[n] == '\0' || found[n] == '.'));
}

static bool is_among(const struct record_texts *texts, const char *text)
{
	for (size_t i = 0; text != NULL && i < texts->count; i++)
		if (strcmp(texts->items[i], text) == 0)
			return true;
	return false;
}

bool store_audit_matches(const struct store_audit_query *q, const struct account_entry *e)
{
	return same(q->actor, e->actor) && is_action(q->action, e->action) &&
	       same(q->object, e->object) && (q->since_ms == 0 || e->at_ms >= q->since_ms) &&
	       (q->until_ms == 0 || e->at_ms < q->until_ms) &&
	       (q->organisations == NULL || is_among(q->organisations, e->organisation));
}

static enum err run_list(struct store_work *work, struct store_group *group)
{
	struct listing *listing = (struct listing *)work;
	const struct store_engine *engine = &work->store->engine;
	struct store_audit_query query = listing->query;
	struct store_audit_end end;
	enum err e;

	(void)group;
	if (query.before == 0) {
		e = engine->ops->audit_end(engine->self, &end);
		if (e != ERR_OK)
			return e;
		query.before = end.id + 1;
	}
	listing->from = query.before > WINDOW ? query.before - WINDOW : 1;
	query.limit -= listing->count;
	return engine->ops->audit_list(engine->self, &query, listing->from, work->found,
		&listing->step, &listing->step_count);
}

static size_t bytes_of(const struct account_entry *e)
{
	return sizeof(*e) + str_of(e->before).n + str_of(e->after).n;
}

/* Take over what a step has found.  True: there is more to look at, and room for it. */
static bool take_step(struct listing *listing)
{
	bool is_cut = false;

	for (size_t i = 0; i < listing->step_count; i++) {
		struct account_entry *to = &listing->entries[listing->count++];

		*to = listing->step[i];
		account_entry_own(to, listing->work.arena);
		listing->bytes += bytes_of(to);
		listing->query.before = to->id;
		is_cut = listing->bytes > MAX_BYTES || listing->count == listing->query.limit;
		if (is_cut)
			break;
	}
	if (!is_cut)
		listing->query.before = listing->from;
	return !is_cut && listing->from > 1 && ++listing->windows < WINDOWS;
}

static bool complete_list(struct store_work *work)
{
	struct listing *listing = (struct listing *)work;

	if (work->result != ERR_OK) {
		listing->done(listing->context, work->result, NULL, 0, 0);
		return false;
	}
	if (take_step(listing))
		return true;
	listing->done(listing->context, ERR_OK, listing->entries, listing->count,
		listing->query.before > 1 ? listing->query.before : 0);
	return false;
}

void store_audit(struct store *store, const struct store_audit_query *query, store_audit_done *done,
	void *context)
{
	struct listing *listing = store_work_new(store, sizeof(*listing));
	struct arena *arena = listing->work.arena;
	struct store_audit_query *to = &listing->query;

	*to = *query;
	if (to->limit == 0 || to->limit > STORE_MAX_LIST)
		to->limit = STORE_MAX_LIST;
	to->actor = arena_text(arena, query->actor);
	to->action = arena_text(arena, query->action);
	to->object = arena_text(arena, query->object);
	if (query->organisations != NULL)
		to->organisations = store_texts_copy(query->organisations, arena);
	listing->entries = arena_array(arena, to->limit, sizeof(*listing->entries));
	listing->work.run = run_list;
	listing->work.complete = complete_list;
	listing->done = done;
	listing->context = context;
	store_work_submit(&listing->work);
}

/* ---- proving ----------------------------------------------------------------------------------
 */

struct proof {
	struct store_work work;
	store_audit_verified *done;
	void *context;
	int64_t after; /* id; all up to it are as they were written */
	char hash[ACCOUNT_AUDIT_HASH];
	int64_t broken_at;
	char text[160];
	/* of this step */
	struct account_entry *entries;
	size_t count;
	struct store_audit_end end;
};

static enum err run_verify(struct store_work *work, struct store_group *group)
{
	struct proof *proof = (struct proof *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e = engine->ops->audit_end(engine->self, &proof->end);

	(void)group;
	if (e != ERR_OK)
		return e;
	return engine->ops->audit_after(engine->self, proof->after, VERIFY_STEP, work->found,
		&proof->entries, &proof->count);
}

static void check_entry(struct proof *proof, const struct account_entry *entry)
{
	char hash[ACCOUNT_AUDIT_HASH];

	if (entry->id != proof->after + 1) {
		proof->broken_at = proof->after + 1;
		snprintf(proof->text, sizeof(proof->text), "%s %lld %s missing",
			entry->id == proof->after + 2 ? "entry" : "the entries from",
			(long long)proof->after + 1,
			entry->id == proof->after + 2 ? "is" : "on are");
		return;
	}
	account_entry_hash(entry, proof->hash, secret_sha256, hash);
	if (entry->hash == NULL || strcmp(hash, entry->hash) != 0) {
		proof->broken_at = entry->id;
		snprintf(proof->text, sizeof(proof->text),
			"entry %lld is not as it was written, or the one before it was changed "
			"together with its hash",
			(long long)entry->id);
		return;
	}
	proof->after = entry->id;
	memcpy(proof->hash, hash, sizeof(hash));
}

static bool complete_verify(struct store_work *work)
{
	struct proof *proof = (struct proof *)work;
	struct store_audit_verdict verdict = {0};

	for (size_t i = 0; work->result == ERR_OK && proof->broken_at == 0 && i < proof->count; i++)
		check_entry(proof, &proof->entries[i]);
	if (work->result == ERR_OK && proof->broken_at == 0 && proof->count > 0)
		return true;
	if (proof->broken_at == 0 && proof->end.last != proof->after) {
		proof->broken_at = proof->after + 1;
		snprintf(proof->text, sizeof(proof->text),
			"the entries from %lld on are missing: there were %lld",
			(long long)proof->after + 1, (long long)proof->end.last);
	}
	verdict.entries = proof->after;
	verdict.head = proof->hash;
	verdict.broken_at = proof->broken_at;
	verdict.text = proof->broken_at != 0 ? proof->text : NULL;
	proof->done(proof->context, work->result, work->result == ERR_OK ? &verdict : NULL);
	return false;
}

void store_audit_verify(struct store *store, store_audit_verified *done, void *context)
{
	struct proof *proof = store_work_new(store, sizeof(*proof));

	memcpy(proof->hash, account_audit_start, sizeof(proof->hash));
	proof->work.run = run_verify;
	proof->work.complete = complete_verify;
	proof->done = done;
	proof->context = context;
	store_work_submit(&proof->work);
}
