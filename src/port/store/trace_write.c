#include "port/store/trace_inside.h"

/* Never change one that has been released: add another. */
static const char *const migrations[] = {
	"CREATE TABLE mail("
	" key INTEGER PRIMARY KEY, at INT NOT NULL, sender TEXT, message_id TEXT, subject TEXT,"
	" recipients TEXT, size INT NOT NULL, first INT NOT NULL, last INT NOT NULL);"
	"CREATE INDEX mail_at ON mail(at, key);"
	"CREATE TABLE event("
	" sequence INTEGER PRIMARY KEY, key INT NOT NULL, at INT NOT NULL, kind TEXT, sender TEXT,"
	" recipient TEXT, organisation TEXT, connector TEXT, token TEXT, enhanced TEXT, text TEXT,"
	" message_id TEXT, size INT NOT NULL, receipt TEXT);"
	"CREATE INDEX event_key ON event(key, sequence);"
	"CREATE TABLE term("
	" kind INT NOT NULL, value TEXT NOT NULL, at INT NOT NULL, key INT NOT NULL,"
	" PRIMARY KEY(kind, value, at, key)) WITHOUT ROWID;"
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value INT NOT NULL) WITHOUT ROWID;",
	"ALTER TABLE event ADD COLUMN would_token TEXT;"
	"ALTER TABLE event ADD COLUMN would_text TEXT;"
	"ALTER TABLE event ADD COLUMN would_by TEXT;"
	"CREATE TABLE connector_day("
	" organisation TEXT NOT NULL, connector TEXT NOT NULL, direction INT NOT NULL,"
	" day INT NOT NULL, tally INT NOT NULL, token TEXT NOT NULL, host TEXT NOT NULL,"
	" name TEXT, count INT NOT NULL, first INT NOT NULL, last INT NOT NULL,"
	" sample INT NOT NULL,"
	" PRIMARY KEY(organisation, connector, direction, day, tally, token, host)) WITHOUT ROWID;"
	"CREATE TABLE alarm("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, organisation TEXT,"
	" subject TEXT NOT NULL, text TEXT, first INT NOT NULL, last INT NOT NULL,"
	" count INT NOT NULL, over INT NOT NULL, acknowledged INT NOT NULL,"
	" acknowledged_by TEXT);"
	"CREATE INDEX alarm_open ON alarm(kind, subject) WHERE over = 0;"
	"CREATE TABLE test("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL, organisation TEXT NOT NULL,"
	" connector TEXT NOT NULL, direction INT NOT NULL, actor TEXT, ok INT NOT NULL,"
	" summary TEXT NOT NULL);"
	"CREATE INDEX test_connector ON test(organisation, connector, id);",
	/* Certificates: chains that partners present, and what partners make of ours. */
	"CREATE TABLE chain("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, partner TEXT NOT NULL, direction INT NOT NULL,"
	" sha256 TEXT NOT NULL, organisation TEXT, connector TEXT, host TEXT, address TEXT,"
	" asked TEXT, verdict INT NOT NULL, first INT NOT NULL, last INT NOT NULL,"
	" seen INT NOT NULL, accepted INT NOT NULL, accepted_by TEXT, not_after INT NOT NULL,"
	" facts TEXT NOT NULL, pem TEXT NOT NULL);"
	"CREATE UNIQUE INDEX chain_key ON chain(partner, direction, sha256);"
	"CREATE INDEX chain_last ON chain(last);"
	"CREATE TABLE acceptance("
	" certificate TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,"
	" partner TEXT NOT NULL, direction INT NOT NULL, organisation TEXT,"
	" accepted INT NOT NULL, refused INT NOT NULL, first INT NOT NULL, last INT NOT NULL,"
	" last_refused INT NOT NULL, reason TEXT,"
	" PRIMARY KEY(certificate, version, sha256, partner, direction)) WITHOUT ROWID;",
	/* The last alarm that was told, by each way of telling.  Nobody is told of old ones. */
	("INSERT INTO setting SELECT name, (SELECT coalesce(max(id), 0) FROM alarm)"
	 " FROM (SELECT 'told-log' AS name UNION SELECT 'told-mail' UNION SELECT 'told-webhook');"),
};

#define EVENT                                                                                      \
	"sequence, key, at, kind, sender, recipient, organisation, connector, token, enhanced,"    \
	" text, message_id, size, receipt, would_token, would_text, would_by"
#define RANGE " AND at >= ?3 AND (at, key) < (?4, ?5) ORDER BY at DESC, key DESC LIMIT ?6"

#define ALARM                                                                                      \
	"id, kind, organisation, subject, text, first, last, count, over, acknowledged,"           \
	" acknowledged_by"
#define CHAIN                                                                                      \
	"id, partner, direction, sha256, organisation, connector, host, address, asked, verdict,"  \
	" first, last, seen, accepted, accepted_by, not_after, facts"

#define DAY                                                                                        \
	" WHERE organisation = ?1 AND connector = ?2 AND direction = ?3 AND day = ?4"              \
	" AND tally = ?5 AND token = ?6 AND host = ?7"
#define OF_CONNECTOR " FROM connector_day WHERE organisation = ?1 AND connector = ?2 AND day >= ?3"

const char *const store_trace_sql[STORE_TRACE_SQL_MAX] = {
	[STORE_TRACE_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_TRACE_COMMIT] = "COMMIT",
	[STORE_TRACE_ROLLBACK] = "ROLLBACK",
	[STORE_TRACE_APPLIED] = "SELECT value FROM setting WHERE name = 'applied'",
	[STORE_TRACE_SET_APPLIED] = "INSERT OR REPLACE INTO setting VALUES('applied', ?1)",
	[STORE_TRACE_ADD_EVENT] = "INSERT INTO event(" EVENT ") VALUES"
				  "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
				  " ?15, ?16, ?17)",
	[STORE_TRACE_ADD_MAIL] =
		"INSERT INTO mail(key, at, sender, message_id, subject, recipients, size, first,"
		" last) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT(key) DO UPDATE SET"
		" last = CASE ?9 WHEN 1 THEN last ELSE excluded.last END, size = max(size, "
		"excluded.size),"
		" sender = coalesce(sender, excluded.sender),"
		" message_id = coalesce(message_id, excluded.message_id),"
		" subject = coalesce(subject, excluded.subject),"
		" recipients = coalesce(recipients, excluded.recipients) RETURNING at, first",
	[STORE_TRACE_ADD_TERM] = "INSERT OR IGNORE INTO term VALUES(?1, ?2, ?3, ?4)",
	[STORE_TRACE_FIND_TERM] =
		"SELECT at, key FROM (SELECT at, key FROM term WHERE kind = ?1 AND value = ?7" RANGE
		") UNION SELECT at, key FROM (SELECT at, key FROM term WHERE kind = ?2"
		" AND value = ?7" RANGE ") ORDER BY 1 DESC, 2 DESC LIMIT ?6",
	[STORE_TRACE_FIND_ANY] = "SELECT at, key FROM mail WHERE ?1 = ?2" RANGE,
	[STORE_TRACE_FIND_KEY] = "SELECT at, key FROM mail WHERE key = ?1",
	[STORE_TRACE_HAS_TERM] =
		"SELECT 1 FROM term WHERE kind IN (?1, ?2) AND value = ?3 AND at = ?4 AND key = ?5",
	[STORE_TRACE_HAS_KIND] = "SELECT 1 FROM event WHERE key = ?1 AND kind = ?2 LIMIT 1",
	[STORE_TRACE_MAIL] = "SELECT at, sender, message_id, subject, recipients, size, last"
			     " FROM mail WHERE key = ?1",
	[STORE_TRACE_EVENT] = "SELECT " EVENT " FROM event WHERE sequence = ?1",
	[STORE_TRACE_EVENTS] = "SELECT * FROM (SELECT " EVENT " FROM event WHERE key = ?1"
			       " ORDER BY sequence DESC LIMIT ?2) ORDER BY sequence",
	[STORE_TRACE_OLD] = "SELECT key, at, sender, message_id, recipients FROM mail WHERE at < ?1"
			    " ORDER BY at LIMIT ?2",
	[STORE_TRACE_OLD_EVENTS] =
		"SELECT recipient, organisation, connector FROM event WHERE key = ?1",
	[STORE_TRACE_REMOVE_TERM] = "DELETE FROM term WHERE kind = ?1 AND value = ?2 AND at = ?3"
				    " AND key = ?4",
	[STORE_TRACE_REMOVE_EVENTS] = "DELETE FROM event WHERE key = ?1",
	[STORE_TRACE_REMOVE_MAIL] = "DELETE FROM mail WHERE key = ?1",
	[STORE_TRACE_RECEIPT] = "SELECT receipt FROM event WHERE key = ?1 AND receipt IS NOT NULL"
				" ORDER BY sequence LIMIT 1",
	[STORE_TRACE_COUNTED] =
		"SELECT 1 FROM event WHERE key = ?1 AND sequence < ?2"
		" AND (?3 IS NULL OR kind = ?3) AND organisation IS ?4 AND connector IS ?5"
		" AND token IS ?6 AND would_token IS ?7 LIMIT 1",
	[STORE_TRACE_COUNT_MORE] =
		"UPDATE connector_day SET count = count + 1, last = max(last, ?8), name = ?9,"
		" sample = CASE ?10 WHEN 0 THEN sample ELSE ?10 END" DAY,
	[STORE_TRACE_COUNT_ROWS] =
		"SELECT count(*) FROM (SELECT 1 FROM connector_day WHERE organisation = ?1"
		" AND connector = ?2 AND direction = ?3 AND day = ?4 LIMIT ?5)",
	[STORE_TRACE_COUNT_FIRST] =
		"INSERT INTO connector_day(organisation, connector, direction, day, tally, token,"
		" host, name, count, first, last, sample) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, 1,"
		" ?8, ?8, ?10) ON CONFLICT DO UPDATE SET count = count + 1,"
		" last = max(last, excluded.last), sample = excluded.sample",
	[STORE_TRACE_COUNT_TOTALS] =
		"SELECT direction, tally, sum(count), count(DISTINCT host), min(first)" OF_CONNECTOR
		" GROUP BY direction, tally",
	[STORE_TRACE_COUNT_LIST] =
		"SELECT direction, tally, token, host, max(name), sum(count), min(first), "
		"max(last),"
		" max(sample)" OF_CONNECTOR " AND tally <> 0 GROUP BY direction, tally, token, host"
		" ORDER BY 6 DESC, 3, 4 LIMIT ?4",
	[STORE_TRACE_COUNT_FORGET] = "DELETE FROM connector_day WHERE day < ?1",
	[STORE_TRACE_ALARM_MORE] = "UPDATE alarm SET last = ?1, count = count + 1, text = ?2"
				   " WHERE kind = ?3 AND subject = ?4 AND organisation IS ?5"
				   " AND over = 0",
	[STORE_TRACE_ALARM_FIRST] =
		"INSERT INTO alarm(kind, organisation, subject, text, first, last, count, over,"
		" acknowledged) VALUES(?3, ?5, ?4, ?2, ?1, ?1, 1, 0, 0)",
	[STORE_TRACE_ALARM_OVER] = "UPDATE alarm SET over = ?1 WHERE kind = ?3 AND subject = ?4"
				   " AND organisation IS ?5 AND over = 0",
	[STORE_TRACE_ALARM_LIST] =
		"SELECT " ALARM " FROM alarm WHERE (?1 IS NULL OR organisation = ?1)"
		" AND (?2 OR acknowledged = 0) ORDER BY last DESC, id DESC LIMIT ?3",
	[STORE_TRACE_ALARM_ACKNOWLEDGE] =
		"UPDATE alarm SET acknowledged = CASE acknowledged WHEN 0 THEN ?1 ELSE acknowledged"
		" END, acknowledged_by = coalesce(acknowledged_by, ?2) WHERE id = ?3"
		" AND (?4 IS NULL OR organisation = ?4)",
	/* What is over or acknowledged goes first. */
	[STORE_TRACE_ALARM_TRIM] = "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm"
				   " ORDER BY over = 0 AND acknowledged = 0, last, id"
				   " LIMIT (SELECT max(0, count(*) - ?1) FROM alarm))",
	[STORE_TRACE_ALARM_FORGET] =
		"DELETE FROM alarm WHERE last < ?1 AND (over <> 0 OR acknowledged <> 0)",
	[STORE_TRACE_TEST_ADD] =
		"INSERT INTO test(at, organisation, connector, direction, actor, ok, summary)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STORE_TRACE_TEST_TRIM] =
		"DELETE FROM test WHERE organisation = ?1 AND connector = ?2 AND id <= (SELECT id"
		" FROM test WHERE organisation = ?1 AND connector = ?2 ORDER BY id DESC LIMIT 1"
		" OFFSET ?3)",
	[STORE_TRACE_TEST_LIST] =
		"SELECT id, at, organisation, connector, direction, actor, ok, summary FROM test"
		" WHERE organisation = ?1 AND connector = ?2 ORDER BY id DESC LIMIT ?3",
	[STORE_TRACE_ACCEPTANCE_MORE] =
		"UPDATE acceptance SET accepted = accepted + ?6, refused = refused + ?7,"
		" last = max(last, ?8), last_refused = max(last_refused, ?9),"
		" reason = coalesce(?10, reason) WHERE certificate = ?1 AND version = ?2"
		" AND sha256 = ?3 AND partner = ?4 AND direction = ?5",
	[STORE_TRACE_ACCEPTANCE_FIRST] =
		"INSERT INTO acceptance(certificate, version, sha256, partner, direction, accepted,"
		" refused, first, last, last_refused, reason, organisation)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11)",
	/* Strangers before connectors. */
	[STORE_TRACE_ACCEPTANCE_TRIM] =
		"DELETE FROM acceptance WHERE (certificate, version, sha256, partner, direction) IN"
		" (SELECT certificate, version, sha256, partner, direction FROM acceptance"
		" ORDER BY organisation IS NOT NULL, last"
		" LIMIT (SELECT max(0, count(*) - ?1) FROM acceptance))",
	[STORE_TRACE_ACCEPTANCE_LIST] =
		"SELECT certificate, version, sha256, partner, direction, organisation, accepted,"
		" refused, first, last, last_refused, reason FROM acceptance"
		" WHERE certificate = ?1 AND (?2 IS NULL OR organisation = ?2)"
		" ORDER BY organisation IS NULL, partner, direction, version LIMIT ?3",
	[STORE_TRACE_ACCEPTANCE_FORGET] = "DELETE FROM acceptance WHERE last < ?1",
	[STORE_TRACE_TEST_FORGET] = "DELETE FROM test WHERE at < ?1",
	[STORE_TRACE_ALERT_NEXT] =
		"SELECT " ALARM " FROM alarm WHERE id > coalesce((SELECT value FROM setting"
		" WHERE name = ?1), 0) ORDER BY id LIMIT ?2",
	[STORE_TRACE_ALERT_TOLD] = "INSERT INTO setting VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE"
				   " SET value = max(value, excluded.value)",
	[STORE_TRACE_ALERT_OPEN] =
		"SELECT " ALARM " FROM alarm WHERE over = 0 AND kind IN (?1, ?2, ?3, ?4)"
		" ORDER BY id",
	[STORE_TRACE_ALERT_COUNTS] = "SELECT kind, acknowledged <> 0, count(*) FROM alarm"
				     " WHERE over = 0 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT ?1",
	[STORE_TRACE_CHAIN_LIST] =
		"SELECT " CHAIN ", CASE ?6 WHEN 0 THEN '' ELSE pem END FROM chain"
		" WHERE (?1 = 0 OR id = ?1) AND (?2 IS NULL OR organisation = ?2)"
		" AND (?3 IS NULL OR connector = ?3) AND last >= ?4 AND id < ?5 ORDER BY id DESC",
	[STORE_TRACE_CHAIN_NEWEST] =
		"SELECT " CHAIN ", CASE ?6 WHEN 0 THEN '' ELSE pem END FROM chain AS c"
		" WHERE connector IS NOT NULL AND (?1 = 0 OR id = ?1)"
		" AND (?2 IS NULL OR organisation = ?2) AND (?3 IS NULL OR connector = ?3)"
		" AND last >= ?4 AND id < ?5 AND NOT EXISTS (SELECT 1 FROM chain AS d"
		" WHERE d.partner = c.partner AND d.direction = c.direction"
		" AND (d.last, d.id) > (c.last, c.id)"
		" AND (d.host = c.host OR d.last - c.last > 86400000))"
		" AND (?7 = 0 OR not_after < ?7) ORDER BY id DESC",
	[STORE_TRACE_CHAIN_KNOWN] = "SELECT " CHAIN ", '' FROM chain WHERE partner = ?1"
				    " AND direction = ?2 ORDER BY last DESC, id DESC",
	[STORE_TRACE_CHAIN_FIND] = "SELECT id, host FROM chain WHERE partner = ?1"
				   " AND direction = ?2 AND sha256 = ?3",
	[STORE_TRACE_CHAIN_MORE] =
		"UPDATE chain SET organisation = ?1, connector = ?2, host = ?3, address = ?4,"
		" asked = ?5, verdict = ?6, last = max(last, ?7), facts = ?8, not_after = ?9,"
		" seen = seen + 1 WHERE id = ?10",
	[STORE_TRACE_CHAIN_ADD] =
		"INSERT INTO chain(organisation, connector, host, address, asked, verdict, first,"
		" last, facts, not_after, partner, direction, sha256, accepted, pem, seen)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1)",
	[STORE_TRACE_CHAIN_TRIM] =
		"DELETE FROM chain WHERE id IN (SELECT id FROM chain WHERE partner = ?1"
		" AND direction = ?2 ORDER BY last DESC, id DESC LIMIT -1 OFFSET ?3)",
	[STORE_TRACE_CHAIN_TRIM_ALL] = "DELETE FROM chain WHERE id IN (SELECT id FROM chain"
				       " ORDER BY connector IS NOT NULL, last, id"
				       " LIMIT (SELECT max(0, count(*) - ?1) FROM chain))",
	[STORE_TRACE_CHAIN_ACCEPT] =
		"UPDATE chain SET accepted = CASE accepted WHEN 0 THEN ?1 ELSE accepted END,"
		" accepted_by = CASE accepted WHEN 0 THEN ?2 ELSE accepted_by END WHERE id = ?3"
		" AND (?4 IS NULL OR organisation = ?4)",
	/* What partners with connectors have presented stays: their number is small. */
	[STORE_TRACE_CHAIN_FORGET] = "DELETE FROM chain WHERE last < ?1 AND connector IS NULL",
};

int64_t store_trace_schema(void)
{
	return ARRAY_LENGTH(migrations);
}

const struct store_db_settings store_trace_settings = {
	.label = "trace",
	.migrations = migrations,
	.migration_count = ARRAY_LENGTH(migrations),
	.statements = store_trace_sql,
	.statement_count = STORE_TRACE_SQL_MAX,
	.cache_kib = 32768,
};

enum err store_trace_error(struct store_db *db)
{
	enum err e = store_db_error(sqlite3_extended_errcode(db->db));

	return e == ERR_OK ? ERR_INTERNAL : e;
}

enum err store_trace_run(struct store_db *db, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

const char *store_trace_fold(struct arena *arena, struct str text)
{
	char *copy = arena_text_of(arena, text);

	str_lower_in_place(copy, text.n);
	return copy;
}

const char *store_trace_fold_id(struct arena *arena, const char *message_id)
{
	struct str s = str_trim(str_of(message_id));

	if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_part(s, 1, s.n - 1);
	return store_trace_fold(arena, s);
}

/* ---- terms -------------------------------------------------------------------------------------
 */

/* Terms of one mail, to add or to remove. */
struct terms {
	struct store_db *db;
	struct arena *arena;
	enum store_trace_sql what; /* ADD_TERM or REMOVE_TERM */
	int64_t at, key;
	enum err failed;
};

static void term(struct terms *t, enum store_term kind, struct str value)
{
	sqlite3_stmt *s;

	if (t->failed != ERR_OK || value.n == 0)
		return;
	s = store_trace_statement(t->db, t->what);
	if (s == NULL) {
		t->failed = store_trace_error(t->db);
		return;
	}
	sqlite3_bind_int(s, 1, (int)kind);
	store_db_bind_text(s, 2, store_trace_fold(t->arena, value));
	sqlite3_bind_int64(s, 3, t->at);
	sqlite3_bind_int64(s, 4, t->key);
	t->failed = store_db_run(s);
}

static void address_terms(
	struct terms *t, enum store_term kind, enum store_term domain_kind, struct str address)
{
	size_t at = str_find_last(address, '@');

	term(t, kind, address);
	if (at < address.n)
		term(t, domain_kind, str_part(address, at + 1, address.n));
}

static void recipient_terms(struct terms *t, const char *recipient, const char *recipients)
{
	struct str rest = str_of(recipients);

	address_terms(t, STORE_TERM_RECIPIENT, STORE_TERM_RECIPIENT_DOMAIN, str_of(recipient));
	while (rest.n > 0)
		address_terms(
			t, STORE_TERM_RECIPIENT, STORE_TERM_RECIPIENT_DOMAIN, str_cut(&rest, '\n'));
}

static void connector_terms(struct terms *t, const char *organisation, const char *connector)
{
	term(t, STORE_TERM_ORGANISATION, str_of(organisation));
	if (connector == NULL)
		return;
	term(t, STORE_TERM_CONNECTOR, str_of(connector));
	if (organisation != NULL)
		term(t, STORE_TERM_CONNECTOR,
			str_of(arena_format(t->arena, "%s/%s", organisation, connector)));
}

static void mail_terms(struct terms *t, const char *sender, const char *message_id)
{
	address_terms(t, STORE_TERM_SENDER, STORE_TERM_SENDER_DOMAIN, str_of(sender));
	if (message_id != NULL)
		term(t, STORE_TERM_MESSAGE_ID, str_of(store_trace_fold_id(t->arena, message_id)));
}

/* ---- applying ----------------------------------------------------------------------------------
 */

static enum err add_event(struct store_db *db, const struct store_event *event, int64_t key)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ADD_EVENT);
	const struct wire_event *w = &event->wire;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, event->sequence);
	sqlite3_bind_int64(s, 2, key);
	sqlite3_bind_int64(s, 3, w->at_ms);
	store_db_bind_text(s, 4, w->kind);
	store_db_bind_text(s, 5, w->sender);
	store_db_bind_text(s, 6, w->recipient);
	store_db_bind_text(s, 7, w->organisation);
	store_db_bind_text(s, 8, w->connector);
	store_db_bind_text(s, 9, w->token);
	store_db_bind_text(s, 10, w->enhanced);
	store_db_bind_text(s, 11, w->text);
	store_db_bind_text(s, 12, w->message_id);
	sqlite3_bind_int64(s, 13, w->size);
	store_db_bind_text(s, 14, event->receipt);
	store_db_bind_text(s, 15, w->would_token);
	store_db_bind_text(s, 16, w->would_text);
	store_db_bind_text(s, 17, w->would_by);
	return store_db_run(s);
}

static enum err add_mail(struct store_db *db, const struct store_event *event, int64_t key,
	int64_t *ret_at, bool *ret_first)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ADD_MAIL);
	const struct wire_event *w = &event->wire;
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, w->at_ms);
	store_db_bind_text(s, 3, w->sender);
	store_db_bind_text(s, 4, w->message_id);
	store_db_bind_text(s, 5, event->subject);
	store_db_bind_text(s, 6, event->recipients);
	sqlite3_bind_int64(s, 7, w->size);
	sqlite3_bind_int64(s, 8, event->sequence);
	/* What would have been is not what became of it. */
	sqlite3_bind_int(s, 9, w->kind != NULL && strcmp(w->kind, "would-refuse") == 0);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row) {
		*ret_at = sqlite3_column_int64(s, 0);
		*ret_first = sqlite3_column_int64(s, 1) == event->sequence;
		e = store_db_step(s, &row);
	}
	sqlite3_reset(s);
	return e;
}

static enum err apply_one(struct store_db *db, const struct store_event *event,
	struct store_trace_counting *last, struct arena *arena)
{
	const struct wire_event *w = &event->wire;
	int64_t key = w->message != 0 ? w->message : -event->sequence;
	bool is_alarm = false, is_refusal = false;
	struct terms terms = {.db = db, .arena = arena, .what = STORE_TRACE_ADD_TERM, .key = key};
	bool first = false;
	enum err e = store_trace_alarm(db, w, &is_alarm);

	if (e != ERR_OK || is_alarm)
		return e;
	e = store_trace_acceptance(db, event, arena, &is_refusal);
	if (e != ERR_OK || is_refusal)
		return e;
	e = add_mail(db, event, key, &terms.at, &first);
	if (e == ERR_OK)
		e = add_event(db, event, key);
	if (e == ERR_OK)
		e = store_trace_count(db, event, key, last, arena);
	if (e != ERR_OK)
		return e;
	if (first)
		mail_terms(&terms, w->sender, w->message_id);
	recipient_terms(&terms, w->recipient, event->recipients);
	connector_terms(&terms, w->organisation, w->connector);
	return terms.failed;
}

static enum err set_applied(struct store_db *db, int64_t applied)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_SET_APPLIED);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, applied);
	return store_db_run(s);
}

void store_trace_roll_back(struct store_db *db)
{
	size_t i;

	for (i = 0; i < db->count; i++) {
		if (db->statements[i] != NULL)
			sqlite3_reset(db->statements[i]);
	}
	if (!sqlite3_get_autocommit(db->db))
		store_trace_run(db, STORE_TRACE_ROLLBACK);
}

enum err store_trace_apply(struct store_db *db, const struct store_event *events, int64_t *applied)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_trace_counting last = {0};
	int64_t upto = *applied;
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	for (; e == ERR_OK && events != NULL; events = events->next) {
		if (events->sequence <= upto)
			continue;
		arena_clear(arena);
		e = apply_one(db, events, &last, arena);
		upto = events->sequence;
	}
	if (e == ERR_OK)
		e = set_applied(db, upto);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK) {
		store_trace_roll_back(db);
		return e;
	}
	*applied = upto;
	return ERR_OK;
}

/* ---- retention ---------------------------------------------------------------------------------
 */

static enum err remove_key(struct store_db *db, enum store_trace_sql which, int64_t key)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	return store_db_run(s);
}

/* The terms are found from what they were made of. */
static enum err remove_terms(struct terms *terms)
{
	sqlite3_stmt *s = store_trace_statement(terms->db, STORE_TRACE_OLD_EVENTS);
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(terms->db);
	sqlite3_bind_int64(s, 1, terms->key);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		recipient_terms(terms, store_db_text(s, 0), NULL);
		connector_terms(terms, store_db_text(s, 1), store_db_text(s, 2));
	}
	return e != ERR_OK ? e : terms->failed;
}

static enum err expire_some(struct store_db *db, int64_t before_ms, size_t *ret_count)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_OLD);
	struct terms terms[STORE_TRACE_EXPIRE_STEP];
	size_t n = 0, i;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, before_ms);
	sqlite3_bind_int64(s, 2, STORE_TRACE_EXPIRE_STEP);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		terms[n] = (struct terms){.db = db,
			.arena = arena,
			.what = STORE_TRACE_REMOVE_TERM,
			.key = sqlite3_column_int64(s, 0),
			.at = sqlite3_column_int64(s, 1)};
		mail_terms(&terms[n], store_db_text(s, 2), store_db_text(s, 3));
		recipient_terms(&terms[n], NULL, store_db_text(s, 4));
		n++;
	}
	for (i = 0; e == ERR_OK && i < n; i++) {
		e = remove_terms(&terms[i]);
		if (e == ERR_OK)
			e = remove_key(db, STORE_TRACE_REMOVE_EVENTS, terms[i].key);
		if (e == ERR_OK)
			e = remove_key(db, STORE_TRACE_REMOVE_MAIL, terms[i].key);
	}
	*ret_count = n;
	return e;
}

enum err store_trace_expire_step(struct store_db *db, int64_t before_ms, bool *ret_more)
{
	size_t n = 0;
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	if (e == ERR_OK)
		e = expire_some(db, before_ms, &n);
	if (e == ERR_OK && n < STORE_TRACE_EXPIRE_STEP)
		e = store_trace_forget_accounts(db, before_ms);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK) {
		store_trace_roll_back(db);
		return e;
	}
	*ret_more = n == STORE_TRACE_EXPIRE_STEP;
	return ERR_OK;
}
