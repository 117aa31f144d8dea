/* The queue's schema, its statements and its transactions. */
#include "port/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	CACHE_KIB = 65536,
	LOG_PAGES = 8000,
	BALLAST_BYTES = 4 * 1024 * 1024,
	COMMITS_BEFORE_REFILL = 1000
};

/* Never change one that has been released: add another. */
static const char *const migrations[] = {
	"CREATE TABLE message("
	" id INTEGER PRIMARY KEY, received INT NOT NULL, sender TEXT NOT NULL, envelope_id TEXT,"
	" ret INT NOT NULL, body INT NOT NULL, smtputf8 INT NOT NULL, size INT NOT NULL,"
	" hops INT NOT NULL, message_id TEXT, subject TEXT, helo TEXT, receipt TEXT,"
	" in_file INT NOT NULL);"
	/* Content stands apart, so that the other tables stay small and quick to walk. */
	"CREATE TABLE body(message INTEGER PRIMARY KEY, content BLOB NOT NULL);"
	"CREATE TABLE recipient("
	" message INT NOT NULL, number INT NOT NULL, state INT NOT NULL, due INT NOT NULL,"
	" attempts INT NOT NULL, route TEXT NOT NULL, address TEXT NOT NULL, original TEXT,"
	" notify INT NOT NULL, organisation TEXT, connector TEXT, originating INT NOT NULL,"
	" delay_noticed INT NOT NULL, last INT NOT NULL, token TEXT, enhanced TEXT, text TEXT,"
	" host TEXT, PRIMARY KEY(message, number)) WITHOUT ROWID;"
	"CREATE INDEX recipient_due ON recipient(due, message, number) WHERE state = 0;"
	"CREATE INDEX recipient_route ON recipient(route, message, number);"
	"CREATE TABLE event("
	" sequence INTEGER PRIMARY KEY, message INT NOT NULL, at INT NOT NULL, kind TEXT,"
	" sender TEXT, recipient TEXT, organisation TEXT, connector TEXT, token TEXT,"
	" enhanced TEXT, text TEXT, message_id TEXT, size INT NOT NULL, receipt TEXT,"
	" subject TEXT, recipients TEXT);"
	"CREATE TABLE config("
	" kind INT NOT NULL, position INT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL,"
	" PRIMARY KEY(kind, position)) WITHOUT ROWID;"
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value INT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE host("
	" host TEXT PRIMARY KEY, attempt INT NOT NULL, until INT NOT NULL, reason TEXT)"
	" WITHOUT ROWID;",
	/* What is due is read from the index alone; what is there is counted as it comes and goes.
	 */
	"DROP INDEX recipient_due;"
	"CREATE INDEX recipient_due ON recipient(due, message, number, attempts, route)"
	" WHERE state = 0;"
	"INSERT INTO setting VALUES('messages', (SELECT count(*) FROM message));"
	"INSERT INTO setting VALUES('recipients', (SELECT count(*) FROM recipient));",
	/* What rules have marked, connectors tried out, mail between organisations, report mode. */
	"ALTER TABLE message ADD COLUMN labels TEXT;"
	"ALTER TABLE message ADD COLUMN via TEXT;"
	"ALTER TABLE message ADD COLUMN owners TEXT;"
	"UPDATE message SET owners = (SELECT group_concat(name) FROM (SELECT DISTINCT"
	" r.organisation AS name FROM recipient r WHERE r.message = message.id"
	" AND r.organisation IS NOT NULL));"
	"CREATE TABLE owner(name TEXT PRIMARY KEY, messages INT NOT NULL) WITHOUT ROWID;"
	"INSERT INTO owner SELECT organisation, count(DISTINCT message) FROM recipient"
	" WHERE organisation IS NOT NULL GROUP BY organisation;"
	"ALTER TABLE recipient ADD COLUMN receiver TEXT;"
	"ALTER TABLE recipient ADD COLUMN receiver_connector TEXT;"
	"ALTER TABLE recipient ADD COLUMN would_token TEXT;"
	"ALTER TABLE recipient ADD COLUMN would_text TEXT;"
	"ALTER TABLE recipient ADD COLUMN would_by TEXT;"
	"ALTER TABLE event ADD COLUMN would_token TEXT;"
	"ALTER TABLE event ADD COLUMN would_text TEXT;"
	"ALTER TABLE event ADD COLUMN would_by TEXT;"
	"CREATE TABLE protection("
	" direction INT NOT NULL, domain TEXT NOT NULL, network TEXT NOT NULL, best INT NOT NULL,"
	" best_at INT NOT NULL, host TEXT, got INT NOT NULL, seen INT NOT NULL, fallen INT NOT "
	"NULL,"
	" organisation TEXT, PRIMARY KEY(direction, domain, network)) WITHOUT ROWID;",
	/* Single objects are changed in place. */
	"CREATE INDEX config_key ON config(kind, key);",
	/* Partners that do not accept a version of a certificate of ours. */
	"CREATE TABLE refusal("
	" partner TEXT NOT NULL, certificate TEXT NOT NULL, version TEXT NOT NULL,"
	" direction INT NOT NULL, at INT NOT NULL, until INT NOT NULL, reason TEXT,"
	" PRIMARY KEY(partner, certificate, version, direction)) WITHOUT ROWID;",
	/* Who may use the server, and what was changed by whom. */
	"CREATE TABLE user(name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE token(id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE audit("
	" id INTEGER PRIMARY KEY, at INT NOT NULL, actor TEXT NOT NULL, via TEXT NOT NULL,"
	" address TEXT, action TEXT NOT NULL, object TEXT, organisation TEXT, before TEXT,"
	" after TEXT, result TEXT NOT NULL, hash TEXT NOT NULL);"
	"CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN"
	" SELECT RAISE(ABORT, 'the audit log is only added to'); END;"
	"CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN"
	" SELECT RAISE(ABORT, 'the audit log is only added to'); END;",
};

#define RECIPIENT                                                                                  \
	"r.number, r.state, r.due, r.attempts, r.route, r.address, r.original, r.notify,"          \
	" r.organisation, r.connector, r.originating, r.delay_noticed, r.last, r.token,"           \
	" r.enhanced, r.text, r.host, r.receiver, r.receiver_connector, r.would_token,"            \
	" r.would_text, r.would_by"
#define SCAN                                                                                       \
	"SELECT " RECIPIENT ", r.message, m.received, m.sender"                                    \
	" FROM recipient r JOIN message m ON m.id = r.message"
#define SCAN_ORDER " ORDER BY r.message, r.number LIMIT ?3"

const char *const store_sql[STORE_SQL_MAX] = {
	[STORE_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_SQL_COMMIT] = "COMMIT",
	[STORE_SQL_ROLLBACK] = "ROLLBACK",
	[STORE_SQL_KNOWN] = "SELECT in_file FROM message WHERE id = ?1",
	[STORE_SQL_ADD_MESSAGE] = "INSERT INTO message VALUES"
				  "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
				  " ?15, ?16, ?17)",
	[STORE_SQL_ADD_BODY] = "INSERT INTO body VALUES(?1, ?2)",
	[STORE_SQL_ADD_RECIPIENT] = "INSERT INTO recipient VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
				    " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
				    " ?19, ?20, ?21, ?22, ?23)",
	[STORE_SQL_UPDATE_RECIPIENT] =
		"UPDATE recipient SET due = ?3, attempts = ?4, last = ?5, delay_noticed = ?6,"
		" route = coalesce(?7, route), token = coalesce(?8, token),"
		" enhanced = coalesce(?9, enhanced), text = coalesce(?10, text),"
		" host = coalesce(?11, host) WHERE message = ?1 AND number = ?2",
	[STORE_SQL_EDIT_RECIPIENT] = "UPDATE recipient SET state = ?3, due = ?4, route = ?5"
				     " WHERE message = ?1 AND number = ?2",
	[STORE_SQL_REMOVE_RECIPIENT] = "DELETE FROM recipient WHERE message = ?1 AND number = ?2",
	[STORE_SQL_ANY_RECIPIENT] = "SELECT 1 FROM recipient WHERE message = ?1 LIMIT 1",
	[STORE_SQL_REMOVE_BODY] = "DELETE FROM body WHERE message = ?1",
	[STORE_SQL_REMOVE_MESSAGE] = "DELETE FROM message WHERE id = ?1",
	[STORE_SQL_ADD_EVENT] = "INSERT INTO event VALUES"
				"(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
				" ?15, ?16, ?17, ?18, ?19)",
	[STORE_SQL_EVENTS] = "SELECT * FROM event WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
	[STORE_SQL_FORGET_EVENTS] = "DELETE FROM event WHERE sequence <= ?1",
	[STORE_SQL_EVENT_RANGE] = "SELECT (SELECT min(sequence) FROM event),"
				  " (SELECT max(sequence) FROM event)",
	[STORE_SQL_DUE] = "SELECT due, message, number, attempts, route FROM recipient"
			  " WHERE state = 0 AND due <= ?1 AND (due, message, number) > (?2, ?3, ?4)"
			  " ORDER BY due, message, number LIMIT ?5",
	[STORE_SQL_LOAD_MESSAGE] = "SELECT received, sender, envelope_id, ret, body, smtputf8,"
				   " size, hops, message_id, subject, helo, receipt, labels,"
				   " via FROM message"
				   " WHERE id = ?1",
	[STORE_SQL_LOAD_RECIPIENTS] =
		"SELECT " RECIPIENT " FROM recipient r WHERE message = ?1 ORDER BY number",
	[STORE_SQL_CONTENT] = "SELECT m.in_file, substr(b.content, ?2, ?3) FROM message m"
			      " LEFT JOIN body b ON b.message = m.id WHERE m.id = ?1",
	[STORE_SQL_SCAN_ALL] = SCAN " WHERE (r.message, r.number) > (?1, ?2)" SCAN_ORDER,
	[STORE_SQL_SCAN_ROUTE] =
		SCAN " WHERE r.route = ?4 AND (r.message, r.number) > (?1, ?2)" SCAN_ORDER,
	[STORE_SQL_SCAN_ID] =
		SCAN " WHERE r.message = ?4 AND (r.message, r.number) > (?1, ?2)" SCAN_ORDER,
	[STORE_SQL_COUNT_MESSAGES] = "SELECT value FROM setting WHERE name = 'messages'",
	[STORE_SQL_COUNT_RECIPIENTS] = "SELECT value FROM setting WHERE name = 'recipients'",
	[STORE_SQL_ADD_MESSAGES] = "UPDATE setting SET value = value + ?1 WHERE name = 'messages'",
	[STORE_SQL_ADD_RECIPIENTS] =
		"UPDATE setting SET value = value + ?1 WHERE name = 'recipients'",
	[STORE_SQL_GENERATION] = "SELECT value FROM setting WHERE name = 'generation'",
	[STORE_SQL_SET_GENERATION] = "INSERT OR REPLACE INTO setting VALUES('generation', ?1)",
	[STORE_SQL_CONFIG] = "SELECT kind, key, json FROM config ORDER BY kind, position",
	[STORE_SQL_CONFIG_CLEAR] = "DELETE FROM config",
	[STORE_SQL_CONFIG_ADD] = "INSERT INTO config VALUES(?1, ?2, ?3, ?4)",
	[STORE_SQL_CONFIG_SET] = "UPDATE config SET json = ?3 WHERE kind = ?1 AND key = ?2",
	[STORE_SQL_CONFIG_APPEND] =
		"INSERT INTO config SELECT ?1, coalesce(max(position), -1) + 1, ?2, ?3"
		" FROM config WHERE kind = ?1",
	[STORE_SQL_CONFIG_REMOVE] = "DELETE FROM config WHERE kind = ?1 AND key = ?2",
	[STORE_SQL_OWNED] = "SELECT owners FROM message WHERE id = ?1",
	[STORE_SQL_OWNER_ADD] = "INSERT INTO owner VALUES(?1, ?2) ON CONFLICT DO UPDATE SET"
				" messages = max(0, messages + ?2)",
	[STORE_SQL_OWNERS] = "SELECT name, messages FROM owner ORDER BY name",
	[STORE_SQL_PROTECTION_PUT] = "INSERT OR REPLACE INTO protection VALUES"
				     "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[STORE_SQL_PROTECTION_REMOVE] =
		"DELETE FROM protection WHERE direction = ?1 AND domain = ?2 AND network = ?3",
	[STORE_SQL_PROTECTIONS] =
		"SELECT direction, domain, network, best, best_at, host, got, seen, fallen,"
		" organisation FROM protection ORDER BY direction, domain, network",
	[STORE_SQL_REFUSAL_PUT] = "INSERT OR REPLACE INTO refusal VALUES"
				  "(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STORE_SQL_REFUSAL_REMOVE] = "DELETE FROM refusal WHERE partner = ?1"
				     " AND certificate = ?2 AND version = ?3 AND direction = ?4",
	[STORE_SQL_REFUSALS] =
		"SELECT partner, certificate, version, direction, at, until, reason"
		" FROM refusal ORDER BY at, partner, certificate, version, direction",
	[STORE_SQL_USER_PUT] = "INSERT OR REPLACE INTO user VALUES(?1, ?2)",
	[STORE_SQL_USER_REMOVE] = "DELETE FROM user WHERE name = ?1",
	[STORE_SQL_USERS] = "SELECT name, json FROM user ORDER BY name",
	[STORE_SQL_TOKEN_PUT] = "INSERT OR REPLACE INTO token VALUES(?1, ?2)",
	[STORE_SQL_TOKEN_REMOVE] = "DELETE FROM token WHERE id = ?1",
	[STORE_SQL_TOKENS] = "SELECT id, json FROM token ORDER BY id",
	[STORE_SQL_AUDIT_END] =
		"SELECT (SELECT value FROM setting WHERE name = 'audit'),"
		" (SELECT max(id) FROM audit), (SELECT hash FROM audit ORDER BY id DESC LIMIT 1)",
	[STORE_SQL_AUDIT_LAST] = "INSERT OR REPLACE INTO setting VALUES('audit', ?1)",
	[STORE_SQL_AUDIT_ADD] =
		"INSERT INTO audit VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[STORE_SQL_AUDIT_LIST] = "SELECT id, at, actor, via, address, action, object,"
				 " organisation, before, after, result, hash FROM audit"
				 " WHERE id >= ?1 AND id < ?2 ORDER BY id DESC",
	[STORE_SQL_AUDIT_AFTER] = "SELECT id, at, actor, via, address, action, object,"
				  " organisation, before, after, result, hash FROM audit"
				  " WHERE id > ?1 ORDER BY id LIMIT ?2",
	[STORE_SQL_HOST_PUT] = "INSERT OR REPLACE INTO host VALUES(?1, ?2, ?3, ?4)",
	[STORE_SQL_HOST_REMOVE] = "DELETE FROM host WHERE host = ?1",
	[STORE_SQL_HOSTS] = "SELECT host, attempt, until, reason FROM host ORDER BY host",
};

sqlite3_stmt *store_sqlite_statement(struct store_sqlite *self, enum store_sql which)
{
	return store_db_statement(&self->db, store_sql, which);
}

enum err store_sqlite_error(struct store_sqlite *self)
{
	enum err e = store_db_error(sqlite3_extended_errcode(self->db.db));

	return e == ERR_OK ? ERR_INTERNAL : e;
}

static enum err run(struct store_sqlite *self, enum store_sql which)
{
	sqlite3_stmt *statement = store_sqlite_statement(self, which);

	return statement != NULL ? store_db_run(statement) : store_sqlite_error(self);
}

static sqlite3 *database(void *self)
{
	struct store_sqlite *sqlite = self;

	return sqlite->db.db;
}

static enum err begin(void *self)
{
	return run(self, STORE_SQL_BEGIN);
}

/* Blocks that are there already, so that a full disk can be emptied: removing mail needs a little
 * room in the log first. */
static void fill_ballast(struct store_sqlite *self)
{
	if (self->ballast_fd >= 0)
		return;
	self->ballast_fd = open(self->ballast, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (self->ballast_fd >= 0 && posix_fallocate(self->ballast_fd, 0, BALLAST_BYTES) == 0)
		return;
	if (self->ballast_fd >= 0)
		close(self->ballast_fd);
	self->ballast_fd = -1;
	unlink(self->ballast);
}

static void refill_ballast(struct store_sqlite *self)
{
	struct statvfs fs;

	if (self->ballast_fd >= 0 || ++self->commits % COMMITS_BEFORE_REFILL != 0)
		return;
	if (statvfs(self->path, &fs) == 0 &&
		(int64_t)(fs.f_bavail * fs.f_frsize) > 16 * (int64_t)BALLAST_BYTES)
		fill_ballast(self);
}

static enum err count_on(struct store_sqlite *self, enum store_sql which, int64_t by)
{
	sqlite3_stmt *s;

	if (by == 0)
		return ERR_OK;
	s = store_sqlite_statement(self, which);
	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, by);
	return store_db_run(s);
}

static enum err commit(void *context)
{
	struct store_sqlite *self = context;
	enum err e = count_on(self, STORE_SQL_ADD_MESSAGES, self->messages);

	if (e == ERR_OK)
		e = count_on(self, STORE_SQL_ADD_RECIPIENTS, self->recipients);
	if (e == ERR_OK)
		e = run(self, STORE_SQL_COMMIT);
	if (e != ERR_OK)
		return e;
	self->messages = self->recipients = 0;
	refill_ballast(self);
	return ERR_OK;
}

static void rollback(void *self)
{
	struct store_sqlite *sqlite = self;
	size_t i;

	sqlite->messages = sqlite->recipients = 0;
	for (i = 0; i < STORE_SQL_MAX; i++) {
		if (sqlite->db.statements[i] != NULL)
			sqlite3_reset(sqlite->db.statements[i]);
	}
	/* Some failures have rolled back already. */
	if (!sqlite3_get_autocommit(sqlite->db.db))
		run(sqlite, STORE_SQL_ROLLBACK);
}

/* A checkpoint lets the log begin anew in the space it has; the ballast helps when even that needs
 * blocks.  It is filled again when there is room. */
static void make_room(void *self)
{
	struct store_sqlite *sqlite = self;

	if (sqlite->ballast_fd >= 0) {
		close(sqlite->ballast_fd);
		sqlite->ballast_fd = -1;
		unlink(sqlite->ballast);
	}
	sqlite3_wal_checkpoint_v2(sqlite->db.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

static void close_engine(void *self)
{
	struct store_sqlite *sqlite = self;

	store_db_close(&sqlite->db);
	if (sqlite->ballast_fd >= 0)
		close(sqlite->ballast_fd);
	free(sqlite->ballast);
	free(sqlite->path);
	free(sqlite);
}

static const struct store_engine_ops ops = {
	.close = close_engine,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.make_room = make_room,
	.known = store_sqlite_known,
	.add = store_sqlite_add,
	.update = store_sqlite_update,
	.edit = store_sqlite_edit,
	.event = store_sqlite_event,
	.events = store_sqlite_events,
	.acknowledge = store_sqlite_acknowledge,
	.due = store_sqlite_due,
	.load = store_sqlite_load,
	.content = store_sqlite_content,
	.scan = store_sqlite_scan,
	.count = store_sqlite_count,
	.event_range = store_sqlite_event_range,
	.config_get = store_sqlite_config_get,
	.config_put = store_sqlite_config_put,
	.config_change = store_sqlite_config_change,
	.owners = store_sqlite_owners,
	.protection_put = store_sqlite_protection_put,
	.protection_remove = store_sqlite_protection_remove,
	.protections = store_sqlite_protections,
	.refusal_put = store_sqlite_refusal_put,
	.refusal_remove = store_sqlite_refusal_remove,
	.refusals = store_sqlite_refusals,
	.access_put = store_sqlite_access_put,
	.access_rows = store_sqlite_access_rows,
	.audit_end = store_sqlite_audit_end,
	.audit_add = store_sqlite_audit_add,
	.audit_list = store_sqlite_audit_list,
	.audit_after = store_sqlite_audit_after,
	.host_put = store_sqlite_host_put,
	.host_remove = store_sqlite_host_remove,
	.hosts = store_sqlite_hosts,
	.database = database,
};

int64_t store_sqlite_schema(void)
{
	return ARRAY_LENGTH(migrations);
}

enum err store_sqlite_open(
	const char *path, const char *ballast, struct store_engine *ret, struct err_info *info)
{
	const struct store_db_settings settings = {
		.path = path,
		.label = "queue",
		.migrations = migrations,
		.migration_count = ARRAY_LENGTH(migrations),
		.statements = store_sql,
		.statement_count = STORE_SQL_MAX,
		.cache_kib = CACHE_KIB,
		.log_pages = LOG_PAGES,
	};
	struct store_sqlite *sqlite = mem_new(sizeof(*sqlite));
	enum err e;

	sqlite->ballast_fd = -1;
	e = store_db_open(&sqlite->db, &settings, info);
	if (e != ERR_OK) {
		free(sqlite);
		return e;
	}
	sqlite->ballast = mem_text(ballast);
	sqlite->path = mem_text(path);
	fill_ballast(sqlite);
	*ret = (struct store_engine){&ops, sqlite};
	return ERR_OK;
}
