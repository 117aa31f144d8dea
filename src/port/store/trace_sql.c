/* The schema of the trace, and every statement on it. */
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
	/* Reports.  Events that are there already are counted bit by bit, last ones first. */
	"CREATE TABLE rollup("
	" span INT NOT NULL, at INT NOT NULL, direction INT NOT NULL, organisation TEXT NOT NULL,"
	" connector TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL, level TEXT NOT NULL,"
	" version TEXT NOT NULL, cipher TEXT NOT NULL, grp TEXT NOT NULL, recipients INT NOT NULL,"
	" messages INT NOT NULL, bytes INT NOT NULL,"
	" PRIMARY KEY(span, at, direction, organisation, connector, kind, token, level, version,"
	" cipher, grp)) WITHOUT ROWID;"
	"CREATE TABLE clear_domain("
	" day INT NOT NULL, direction INT NOT NULL, organisation TEXT NOT NULL,"
	" domain TEXT NOT NULL, host TEXT, recipients INT NOT NULL, first INT NOT NULL,"
	" last INT NOT NULL, sample INT NOT NULL,"
	" PRIMARY KEY(day, direction, organisation, domain)) WITHOUT ROWID;"
	"INSERT INTO setting SELECT 'unindexed', max(sequence) FROM event"
	" HAVING max(sequence) IS NOT NULL;",
	/* Until now an hour was moved to its day when it was old. */
	"INSERT OR REPLACE INTO setting SELECT 'days-until', coalesce("
	" (SELECT min(at) FROM rollup WHERE span = 0),"
	" (SELECT max(at) + 86400000 FROM rollup WHERE span = 1), 0);"
	"INSERT OR REPLACE INTO setting SELECT 'hours-from', (value + 86399999) / 86400000 * "
	"86400000"
	" FROM setting WHERE name = 'days-until';",
	/* What is told of alarms: that they began, and that they are over.  The places in this row
	 * were ids of alarms until now; what was over before is told to nobody. */
	"CREATE TABLE alarm_news("
	" number INTEGER PRIMARY KEY AUTOINCREMENT, alarm INT NOT NULL, is_over INT NOT NULL);"
	"INSERT INTO alarm_news SELECT id, id, 0 FROM alarm;"
	"DELETE FROM sqlite_sequence WHERE name = 'alarm_news';"
	"INSERT INTO sqlite_sequence SELECT 'alarm_news', seq FROM sqlite_sequence"
	" WHERE name = 'alarm';",
};

#define EVENT                                                                                      \
	"sequence, key, at, kind, sender, recipient, organisation, connector, token, enhanced,"    \
	" text, message_id, size, receipt, would_token, would_text, would_by"

#define ALARM                                                                                      \
	"id, kind, organisation, subject, text, first, last, count, over, acknowledged,"           \
	" acknowledged_by"
#define CHAIN                                                                                      \
	"id, partner, direction, sha256, organisation, connector, host, address, asked, verdict,"  \
	" first, last, seen, accepted, accepted_by, not_after, facts"

#define DAY                                                                                        \
	" WHERE organisation = ?1 AND connector = ?2 AND direction = ?3 AND day = ?4"              \
	" AND tally = ?5 AND token = ?6 AND host = ?7"
#define ROLL                                                                                       \
	"span, at, direction, organisation, connector, kind, token, level, version, cipher, grp,"  \
	" recipients, messages, bytes"
#define ROLL_MORE                                                                                  \
	" recipients = recipients + excluded.recipients, messages = messages + excluded.messages," \
	" bytes = bytes + excluded.bytes"
#define ROLL_HOUR " FROM rollup WHERE span = 0 AND at = ?1"
#define ROLL_ALL                                                                                   \
	"sum(recipients), sum(messages), sum(bytes)" ROLL_HOUR " GROUP BY direction, "             \
	"organisation,"
#define ONLY(mask, column) "CASE WHEN ?4 & " #mask " THEN " column " ELSE '' END"
#define OF_CONNECTOR	   " FROM connector_day WHERE organisation = ?1 AND connector = ?2 AND day >= ?3"

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
		" recipients = coalesce(recipients, excluded.recipients) RETURNING at, first, size",
	[STORE_TRACE_ADD_TERM] = "INSERT OR IGNORE INTO term VALUES(?1, ?2, ?3, ?4)",
	[STORE_TRACE_SEEK_TERM] =
		"SELECT at, key FROM term WHERE kind = ?1 AND value = ?2 AND (at, key) <= (?3, ?4)"
		" ORDER BY at DESC, key DESC LIMIT 1",
	[STORE_TRACE_SEEK_MAIL] = "SELECT at, key FROM mail WHERE (at, key) <= (?3, ?4)"
				  " ORDER BY at DESC, key DESC LIMIT 1",
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
	[STORE_TRACE_OLD_EVENTS] = "SELECT recipient, organisation, connector, kind, receipt FROM "
				   "event WHERE key = ?1",
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
	[STORE_TRACE_ALARM_BEGINS] =
		"INSERT INTO alarm_news(alarm, is_over) VALUES(last_insert_rowid(), 0)",
	[STORE_TRACE_ALARM_ENDS] = "INSERT INTO alarm_news(alarm, is_over) SELECT id, 1 FROM alarm"
				   " WHERE kind = ?3 AND subject = ?4 AND organisation IS ?5"
				   " AND over = 0",
	[STORE_TRACE_ALARM_NEWS_FORGET] =
		"DELETE FROM alarm_news WHERE alarm NOT IN (SELECT id FROM alarm)",
	[STORE_TRACE_ALARM_OVER] = "UPDATE alarm SET over = ?1 WHERE kind = ?3 AND subject = ?4"
				   " AND organisation IS ?5 AND over = 0",
	[STORE_TRACE_ALARM_LIST] =
		"SELECT " ALARM " FROM alarm WHERE (?1 IS NULL OR organisation = ?1)"
		" AND (?2 OR acknowledged = 0) AND (?4 = 0 OR id < ?4) ORDER BY id DESC LIMIT ?3",
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
		" WHERE organisation = ?1 AND connector = ?2 AND (?4 = 0 OR id < ?4)"
		" ORDER BY id DESC LIMIT ?3",
	[STORE_TRACE_TEST_LAST] =
		"SELECT id, at, organisation, connector, direction, actor, ok, NULL FROM test"
		" WHERE id IN (SELECT max(id) FROM test WHERE (organisation, connector) > (?1, ?2)"
		" AND (?4 IS NULL OR organisation IN (SELECT value FROM json_each(?4)))"
		" GROUP BY organisation, connector ORDER BY organisation, connector LIMIT ?3)"
		" ORDER BY organisation, connector",
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
		" AND (?4 = 0 OR (organisation IS NULL, partner, direction, version, sha256)"
		" > (?5, ?6, ?7, ?8, ?9))"
		" ORDER BY organisation IS NULL, partner, direction, version, sha256 LIMIT ?3",
	[STORE_TRACE_ACCEPTANCE_FORGET] = "DELETE FROM acceptance WHERE last < ?1",
	[STORE_TRACE_TEST_FORGET] = "DELETE FROM test WHERE at < ?1",
	[STORE_TRACE_ALERT_NEXT] =
		"SELECT " ALARM ", number, is_over FROM alarm_news JOIN alarm ON id = alarm"
		" WHERE number > coalesce((SELECT value FROM setting WHERE name = ?1), 0)"
		" ORDER BY number LIMIT ?2",
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
	[STORE_TRACE_ROLLED] = "SELECT 1 FROM event WHERE key = ?1 AND sequence < ?2 AND kind = ?3"
			       " AND organisation IS ?4 AND connector IS ?5 LIMIT 1",
	[STORE_TRACE_ROLL_MORE] =
		"UPDATE rollup SET recipients = recipients + 1, messages = messages + ?12,"
		" bytes = bytes + ?13 WHERE span = ?1 AND at = ?2 AND direction = ?3"
		" AND organisation = ?4 AND connector = ?5 AND kind = ?6 AND token = ?7"
		" AND level = ?8 AND version = ?9 AND cipher = ?10 AND grp = ?11",
	[STORE_TRACE_ROLL_ROWS] = "SELECT count(*) FROM (SELECT 1 FROM rollup WHERE span = ?1"
				  " AND at = ?2 LIMIT ?3)",
	[STORE_TRACE_ROLL_FIRST] =
		"INSERT INTO rollup(" ROLL ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		" 1, ?12, ?13) ON CONFLICT DO UPDATE SET" ROLL_MORE,
	[STORE_TRACE_ROLL_OLDEST] = "SELECT at FROM rollup WHERE span = 0 AND at >= ?2"
				    " AND at < ?1 ORDER BY at LIMIT 1",
	[STORE_TRACE_DAYS] = "SELECT (SELECT value FROM setting WHERE name = 'days-until'),"
			     " (SELECT value FROM setting WHERE name = 'hours-from')",
	[STORE_TRACE_SET_DAYS] =
		"UPDATE setting SET value = max(value, CASE name WHEN 'days-until' THEN ?1"
		" ELSE ?2 END) WHERE name IN ('days-until', 'hours-from')",
	[STORE_TRACE_FOLD] =
		"INSERT INTO rollup(" ROLL ") SELECT 1, ?2, direction, organisation, connector,"
		" kind, token, level, version, cipher, grp, recipients, messages, bytes" ROLL_HOUR
		" ON CONFLICT DO UPDATE SET" ROLL_MORE,
	[STORE_TRACE_FOLD_CROWD] =
		"INSERT INTO rollup(" ROLL ") SELECT 1, ?2, direction, organisation, '*', kind,"
		" CASE token WHEN '' THEN '' ELSE '*' END, level, CASE version WHEN '' THEN ''"
		" ELSE '*' END, CASE cipher WHEN '' THEN '' ELSE '*' END, CASE grp WHEN '' THEN ''"
		" ELSE '*' END, " ROLL_ALL " 6, 7, 8, 9, 10, 11"
		" ON CONFLICT DO UPDATE SET" ROLL_MORE,
	[STORE_TRACE_ROLL_FORGET] =
		"DELETE FROM rollup WHERE (span, at, direction, organisation, connector, kind,"
		" token, level, version, cipher, grp) IN (SELECT span, at, direction, organisation,"
		" connector, kind, token, level, version, cipher, grp FROM rollup WHERE span = ?3"
		" AND at < ?1 LIMIT ?2)",
	[STORE_TRACE_CLEAR_MORE] =
		"UPDATE clear_domain SET recipients = recipients + 1, first = min(first, ?6),"
		" last = max(last, ?6), host = CASE WHEN ?6 >= last THEN ?5 ELSE host END,"
		" sample = CASE WHEN ?6 >= last THEN ?7 ELSE sample END WHERE day = ?1"
		" AND direction = ?2 AND organisation = ?3 AND domain = ?4",
	[STORE_TRACE_CLEAR_ROWS] =
		"SELECT count(*) FROM (SELECT 1 FROM clear_domain WHERE day = ?1 AND direction = ?2"
		" AND organisation = ?3 LIMIT ?8)",
	[STORE_TRACE_CLEAR_FIRST] =
		"INSERT INTO clear_domain(day, direction, organisation, domain, host, recipients,"
		" first, last, sample) VALUES(?1, ?2, ?3, ?4, ?5, 1, ?6, ?6, ?7) ON CONFLICT"
		" DO UPDATE SET recipients = recipients + 1, first = min(first, excluded.first),"
		" last = max(last, excluded.last)",
	[STORE_TRACE_CLEAR_FORGET] =
		"DELETE FROM clear_domain WHERE (day, direction, organisation, domain) IN (SELECT"
		" day, direction, organisation, domain FROM clear_domain WHERE day < ?1 LIMIT ?2)",
	/* ?4: which columns count, bits of enum store_report_by; ?9: 1: only what has passed over
	 * the network. */
	[STORE_TRACE_REPORT] = "SELECT CASE ?5 WHEN 0 THEN at ELSE 0 END, direction, " ONLY(
		1, "organisation") ", " ONLY(2, "connector") ", " ONLY(4, "kind") ", " ONLY(8,
		"token") ", " ONLY(16, "level") ", " ONLY(32, "version") ", " ONLY(64,
		"cipher") ", " ONLY(128, "grp") ", sum(recipients),"
						" sum(messages), sum(bytes) FROM rollup"
						" WHERE span = ?1 AND at >= ?2 AND at < ?3"
						" AND (?6 IS NULL OR organisation = ?6)"
						" AND (?7 IS NULL OR connector = ?7)"
						" AND (?8 < 0 OR direction = ?8)"
						" AND (?9 = 0 OR level <> '')"
						" AND (?9 < 2 OR level <> 'local')"
						" AND (?10 IS NULL OR organisation IN"
						" (SELECT value FROM json_each(?10)))"
						" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
	[STORE_TRACE_REPORT_CLEAR] =
		"SELECT direction, organisation, domain, host, recipients, first, last, sample"
		" FROM clear_domain WHERE day = ?1 AND (?6 IS NULL OR organisation = ?6)"
		" AND (?8 < 0 OR direction = ?8) AND (?10 IS NULL OR organisation IN"
		" (SELECT value FROM json_each(?10)))",
	[STORE_TRACE_UNINDEXED] = "SELECT value FROM setting WHERE name = 'unindexed'",
	[STORE_TRACE_SET_UNINDEXED] = "INSERT OR REPLACE INTO setting VALUES('unindexed', ?1)",
	[STORE_TRACE_BACK] = "SELECT sequence, key, at, kind, sender, recipient, organisation,"
			     " connector, token, receipt FROM event WHERE sequence <= ?1"
			     " ORDER BY sequence DESC LIMIT ?2",
	[STORE_TRACE_BACK_MAIL] = "SELECT at, size, sender FROM mail WHERE key = ?1",
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
	/* Its pages are far apart, so a longer log saves little; questions wait meanwhile. */
	.log_pages = 2000,
};
