/* Chains that partners have presented. */
#include "core/wire/visible.h"
#include "port/store/chain.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#include <stdlib.h>

const char store_chain_alarm[] = "partner-certificate-changed";

/* What is kept as JSON: an older row may lack what was added later. */
struct kept {
	RECORD_LIST_OF(struct cert_facts) certificates;
	const char *root, *root_sha256;
	int64_t root_not_after_ms;
};
static const struct record_field kept_fields[] = {
	RECORD_FIELD(struct kept, certificates, RECORD_LIST, .sub = &cert_facts_desc),
	RECORD_FIELD(struct kept, root, RECORD_TEXT, .doc = "Subject of the root."),
	RECORD_FIELD(struct kept, root_sha256, RECORD_TEXT, .doc = "Its fingerprint."),
	{.name = "root_not_after",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct kept, root_not_after_ms)},
};
static const struct record_desc kept_desc =
	RECORD_DESC(struct kept, "chain", kept_fields, .doc = "Facts of a chain.");

/* All calls here. */
struct chains {
	struct store_trace_job job;
	struct store_chain chain;
	const char *facts; /* of the chain, as JSON */
	store_chain_judge *judge;
	struct store_chain_query query;
	struct store_acknowledgement acceptance;
	store_done *done;
	store_chain_list_done *listed;
	struct store_chain *items;
	size_t count;
};

/* ---- reading ------------------------------------------------------------------------------------
 */

static void read_facts(const char *text, struct arena *arena, struct wire_chain *to)
{
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
	struct kept kept = {0};

	if (json != NULL && record_from_json(&kept_desc, json, "", arena, &kept, NULL) == ERR_OK) {
		to->facts.items = kept.certificates.items;
		to->facts.count = kept.certificates.count;
		to->root = kept.root;
		to->root_sha256 = kept.root_sha256;
		to->root_not_after_ms = kept.root_not_after_ms;
	}
	json_decref(json);
}

/* The columns of CHAIN (trace_write.c). */
static void read_chain(sqlite3_stmt *s, struct arena *arena, struct store_chain *to)
{
	*to = (struct store_chain){
		.id = sqlite3_column_int64(s, 0),
		.partner = store_db_text_copy(s, 1, arena),
		.wire.direction =
			sqlite3_column_int(s, 2) == RECEIPT_OUT ? RECEIPT_OUT : RECEIPT_IN,
		.wire.sha256 = store_db_text_copy(s, 3, arena),
		.wire.organisation = store_db_text_copy(s, 4, arena),
		.wire.connector = store_db_text_copy(s, 5, arena),
		.wire.host = store_db_text_copy(s, 6, arena),
		.wire.address = store_db_text_copy(s, 7, arena),
		.wire.asked = store_db_text_copy(s, 8, arena),
		.wire.verdict = sqlite3_column_int(s, 9),
		.first_ms = sqlite3_column_int64(s, 10),
		.last_ms = sqlite3_column_int64(s, 11),
		.seen = sqlite3_column_int64(s, 12),
		.accepted_ms = sqlite3_column_int64(s, 13),
		.accepted_by = store_db_text_copy(s, 14, arena),
		.not_after_ms = sqlite3_column_int64(s, 15),
		.wire.chain = str_of(store_db_text_copy(s, 17, arena)),
	};
	to->wire.at_ms = to->last_ms;
	if (to->wire.verdict < 0 || to->wire.verdict >= CERT_VERDICT_MAX)
		to->wire.verdict = CERT_NONE;
	read_facts(store_db_text(s, 16), arena, &to->wire);
}

static bool is_wanted(const struct store_chain_query *q, const struct store_chain *chain)
{
	return q->organisations == NULL ||
	       wire_visible_is_among(q->organisations, chain->wire.organisation);
}

static enum err run_list(struct store_db *db, struct store_trace_job *job)
{
	struct chains *c = (struct chains *)job;
	const struct store_chain_query *q = &c->query;
	sqlite3_stmt *s = store_trace_statement(
		db, q->newest ? STORE_TRACE_CHAIN_NEWEST : STORE_TRACE_CHAIN_LIST);
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, q->id);
	store_db_bind_text(s, 2, q->organisation);
	store_db_bind_text(s, 3, q->connector);
	sqlite3_bind_int64(s, 4, q->since_ms);
	sqlite3_bind_int64(s, 5, q->after != 0 ? q->after : INT64_MAX);
	sqlite3_bind_int(s, 6, q->with_pem);
	if (q->newest)
		sqlite3_bind_int64(s, 7, q->ends_before_ms);
	c->items = arena_array(job->arena, q->limit, sizeof(*c->items));
	while (c->count < q->limit && (e = store_db_step(s, &row)) == ERR_OK && row) {
		read_chain(s, job->arena, &c->items[c->count]);
		c->count += is_wanted(q, &c->items[c->count]);
	}
	sqlite3_reset(s);
	return e;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

/* Hosts that share a chain are kept together, as many as there is place for. */
static const char *join_hosts(const char *old, const char *host, struct arena *arena)
{
	struct str rest = str_of(old);
	size_t count = 0;

	if (host == NULL || host[0] == '\0')
		return old;
	while (rest.n > 0) {
		if (str_equal_nocase(str_cut(&rest, ' '), str_of(host)))
			return old;
		count++;
	}
	if (count >= STORE_CHAIN_HOSTS)
		return old;
	return count > 0 ? arena_format(arena, "%s %s", old, host) : host;
}

/* What changes with every report, from parameter FROM on. */
static void bind_report(sqlite3_stmt *s, int from, const struct chains *c, const char *hosts)
{
	const struct wire_chain *w = &c->chain.wire;

	store_db_bind_text(s, from, w->organisation);
	store_db_bind_text(s, from + 1, w->connector);
	store_db_bind_text(s, from + 2, hosts);
	store_db_bind_text(s, from + 3, w->address);
	store_db_bind_text(s, from + 4, w->asked);
	sqlite3_bind_int(s, from + 5, w->verdict);
	sqlite3_bind_int64(s, from + 6, w->at_ms);
	store_db_bind_text(s, from + 7, c->facts);
	sqlite3_bind_int64(s, from + 8, c->chain.not_after_ms);
}

static enum err add_chain(
	struct store_db *db, const struct chains *c, const struct store_chain_judgement *judgement)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_CHAIN_ADD);
	const struct wire_chain *w = &c->chain.wire;

	if (s == NULL)
		return store_trace_error(db);
	bind_report(s, 1, c, w->host != NULL ? w->host : "");
	store_db_bind_text(s, 10, c->chain.partner);
	sqlite3_bind_int(s, 11, w->direction);
	store_db_bind_text(s, 12, w->sha256);
	sqlite3_bind_int64(s, 13, judgement->is_accepted ? w->at_ms : 0);
	sqlite3_bind_text(
		s, 14, w->chain.p != NULL ? w->chain.p : "", (int)w->chain.n, SQLITE_STATIC);
	return store_db_run(s);
}

static enum err trim(struct store_db *db, const struct chains *c)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_CHAIN_TRIM);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, c->chain.partner);
	sqlite3_bind_int(s, 2, c->chain.wire.direction);
	sqlite3_bind_int64(s, 3, STORE_CHAIN_OF_PARTNER);
	e = store_db_run(s);
	/* Looking at them all is dear: only now and then. */
	if (e != ERR_OK || sqlite3_last_insert_rowid(db->db) % STORE_TRACE_CHAINS_EVERY != 0)
		return e;
	s = store_trace_statement(db, STORE_TRACE_CHAIN_TRIM_ALL);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, STORE_CHAIN_ALL);
	return store_db_run(s);
}

static enum err tell_alarm(struct store_db *db, const struct store_chain *chain, const char *kind,
	const char *text, int64_t at_ms)
{
	char subject[1200];
	struct wire_event event = {.at_ms = at_ms,
		.kind = kind,
		.token = store_chain_alarm,
		.organisation = chain->wire.organisation,
		.sender = subject,
		.text = text};
	bool is_alarm;

	snprintf(subject, sizeof(subject), "%.1000s (%s), chain %.16s", chain->partner,
		chain->wire.direction == RECEIPT_OUT ? "outbound" : "inbound", chain->wire.sha256);
	return store_trace_alarm(db, &event, &is_alarm);
}

static enum err read_known(struct store_db *db, struct chains *c)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_CHAIN_KNOWN);
	struct arena *arena = c->job.arena;
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, c->chain.partner);
	sqlite3_bind_int(s, 2, c->chain.wire.direction);
	c->items = arena_array(arena, STORE_CHAIN_OF_PARTNER, sizeof(*c->items));
	while (c->count < STORE_CHAIN_OF_PARTNER && (e = store_db_step(s, &row)) == ERR_OK && row)
		read_chain(s, arena, &c->items[c->count++]);
	sqlite3_reset(s);
	return e;
}

static enum err put_new(struct store_db *db, struct chains *c)
{
	struct store_chain_judgement judgement;
	enum err e = read_known(db, c);

	if (e != ERR_OK)
		return e;
	judgement = c->judge(&c->chain, c->items, c->count, c->job.arena);
	e = add_chain(db, c, &judgement);
	if (e == ERR_OK)
		e = trim(db, c);
	if (e == ERR_OK && judgement.alarm != NULL)
		e = tell_alarm(db, &c->chain, "alarm", judgement.alarm, c->chain.wire.at_ms);
	return e;
}

static enum err put(struct store_db *db, struct chains *c)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_CHAIN_FIND);
	const char *hosts;
	int64_t id;
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, c->chain.partner);
	sqlite3_bind_int(s, 2, c->chain.wire.direction);
	store_db_bind_text(s, 3, c->chain.wire.sha256);
	e = store_db_step(s, &row);
	if (e != ERR_OK || !row)
		return e != ERR_OK ? e : put_new(db, c);
	id = sqlite3_column_int64(s, 0);
	hosts = join_hosts(
		store_db_text_copy(s, 1, c->job.arena), c->chain.wire.host, c->job.arena);
	sqlite3_reset(s);
	s = store_trace_statement(db, STORE_TRACE_CHAIN_MORE);
	if (s == NULL)
		return store_trace_error(db);
	bind_report(s, 1, c, hosts);
	sqlite3_bind_int64(s, 10, id);
	return store_db_run(s);
}

/* All or nothing. */
static enum err in_transaction(
	struct store_db *db, struct chains *c, enum err (*run)(struct store_db *, struct chains *))
{
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	if (e == ERR_OK)
		e = run(db, c);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK)
		store_trace_roll_back(db);
	return e;
}

static enum err run_put(struct store_db *db, struct store_trace_job *job)
{
	struct chains *c = (struct chains *)job;

	if (c->facts == NULL || strlen(c->facts) > STORE_CHAIN_FACTS ||
		c->chain.wire.chain.n > STORE_CHAIN_PEM)
		return ERR_TOO_LONG;
	return in_transaction(db, c, put);
}

static enum err accept_chain(struct store_db *db, struct chains *c)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_CHAIN_ACCEPT);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, c->acceptance.at_ms);
	store_db_bind_text(s, 2, c->acceptance.by);
	sqlite3_bind_int64(s, 3, c->acceptance.id);
	store_db_bind_text(s, 4, c->acceptance.organisation);
	e = store_db_run(s);
	if (e != ERR_OK || sqlite3_changes(db->db) == 0)
		return e != ERR_OK ? e : ERR_UNKNOWN;
	c->query = (struct store_chain_query){.id = c->acceptance.id, .limit = 1};
	e = run_list(db, &c->job);
	if (e != ERR_OK || c->count == 0)
		return e;
	return tell_alarm(db, &c->items[0], "alarm-over", NULL, c->acceptance.at_ms);
}

static enum err run_accept(struct store_db *db, struct store_trace_job *job)
{
	return in_transaction(db, (struct chains *)job, accept_chain);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void tell_done(struct store_trace_job *job, enum err e)
{
	const struct chains *c = (const struct chains *)job;

	if (c->done != NULL)
		c->done(job->context, e);
}

static void tell_list(struct store_trace_job *job, enum err e)
{
	const struct chains *c = (const struct chains *)job;

	c->listed(job->context, e, e == ERR_OK ? c->items : NULL, e == ERR_OK ? c->count : 0);
}

static const char *facts_text(const struct wire_chain *w, struct arena *arena)
{
	struct kept kept = {.certificates = {w->facts.items, w->facts.count},
		.root = w->root,
		.root_sha256 = w->root_sha256,
		.root_not_after_ms = w->root_not_after_ms};
	json_t *json = record_to_json(&kept_desc, &kept, RECORD_JSON_SPARSE);
	char *text = json_dumps(json, JSON_COMPACT);
	const char *ret = arena_text(arena, text);

	free(text);
	json_decref(json);
	return ret;
}

void store_chain_put(struct store *store, const struct store_chain *chain, store_chain_judge *judge,
	store_done *done, void *context)
{
	struct chains *c = store_trace_job_new(sizeof(*c));
	struct arena *arena = c->job.arena;

	c->job.run = run_put;
	c->job.tell = tell_done;
	c->job.context = context;
	c->judge = judge;
	c->done = done;
	c->chain = *chain;
	c->chain.partner = arena_text(arena, chain->partner);
	record_copy(&wire_chain_desc, &chain->wire, arena, &c->chain.wire);
	c->facts = facts_text(&c->chain.wire, arena);
	store_trace_submit(store->trace, &c->job);
}

void store_chain_list(struct store *store, const struct store_chain_query *query,
	store_chain_list_done *done, void *context)
{
	struct chains *c = store_trace_job_new(sizeof(*c));
	struct arena *arena = c->job.arena;

	c->job.run = run_list;
	c->job.tell = tell_list;
	c->job.context = context;
	c->listed = done;
	c->query = *query;
	if (query->organisations != NULL)
		c->query.organisations = store_texts_copy(query->organisations, arena);
	c->query.organisation = arena_text(arena, query->organisation);
	c->query.connector = arena_text(arena, query->connector);
	if (query->limit == 0 || query->limit > STORE_MAX_LIST)
		c->query.limit = STORE_MAX_LIST;
	store_trace_submit(store->trace, &c->job);
}

void store_chain_accept(struct store *store, const struct store_acknowledgement *acceptance,
	store_done *done, void *context)
{
	struct chains *c = store_trace_job_new(sizeof(*c));

	c->job.run = run_accept;
	c->job.tell = tell_done;
	c->job.context = context;
	c->done = done;
	c->acceptance = *acceptance;
	c->acceptance.by = arena_text(c->job.arena, acceptance->by);
	c->acceptance.organisation = arena_text(c->job.arena, acceptance->organisation);
	store_trace_submit(store->trace, &c->job);
}
