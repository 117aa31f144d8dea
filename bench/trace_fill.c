/*
 * A trace of many messages, written by the store's own code, but in large transactions without a
 * journal, and what they are found by is put aside and added in order at the end: so ten million
 * take minutes, not hours.
 */
#include "bench/trace.h"

#include "port/store/trace_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 250000, CACHE_KIB = 1024 * 1024, ID_SHIFT = 22 };

static const int64_t id_epoch_ms = INT64_C(1577836800000);

struct filler {
	int64_t from_ms, step_us, sequence;
	struct store_event **end;
};

/* A number that looks like chance and is the same each time. */
static uint64_t mix(uint64_t n)
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

struct bench_trace_mail bench_trace_mail(int64_t n)
{
	uint64_t m = mix((uint64_t)n), m2 = mix(m);
	struct bench_trace_mail mail = {.organisation = (int)(m % BENCH_ORGANISATIONS),
		.connector = (int)(m / 32 % BENCH_CONNECTORS),
		.is_clear = m2 % 100 < 3,
		.is_old = m2 / 128 % 100 < 15};

	snprintf(mail.sender, sizeof(mail.sender), "user%d@partner%d.example",
		(int)(m / 4096 % BENCH_ADDRESSES), mail.connector);
	snprintf(mail.recipient, sizeof(mail.recipient), "person%d@organisation%d.example",
		(int)(m2 / 65536 % BENCH_ADDRESSES), mail.organisation);
	snprintf(mail.message_id, sizeof(mail.message_id), "<%012lld.%04x@partner%d.example>",
		(long long)n, (unsigned)(m2 & 0xffff), mail.connector);
	return mail;
}

static const char *receipt(const struct bench_trace_mail *mail, bool is_out, char ret[1200])
{
	int n = snprintf(ret, 1200,
		"{%s\"at\":\"2026-11-21T21:43:04.123Z\",\"host\":\"mx%d.partner%d.example\","
		"\"peer_address\":\"192.0.2.%d\",\"peer_port\":%d,\"organisation\":"
		"\"organisation%d\",\"connector\":\"partner%d\",",
		is_out ? "\"direction\":\"out\"," : "", mail->connector % 3, mail->connector,
		mail->connector % 250, is_out ? 25 : 40000 + mail->connector, mail->organisation,
		mail->connector);

	if (mail->is_clear)
		n += snprintf(ret + n, 1200 - (size_t)n, "\"attempt\":\"clear\",");
	else
		n += snprintf(ret + n, 1200 - (size_t)n,
			"\"attempt\":\"full\",\"required\":\"%s\",\"required_by\":[\"connector "
			"organisation%d/partner%d\"],\"got\":\"name\",\"version\":\"%s\","
			"\"cipher\":\"%s\",\"group\":\"x25519\",\"verdict\":\"trusted\","
			"\"anchors\":\"system\",\"chain\":[{\"subject\":\"CN=mx.partner%d."
			"example\","
			"\"names\":[\"mx.partner%d.example\"],\"sha256\":\"%016llx%016llx%016llx"
			"%016llx\"}],",
			mail->connector % 2 == 0 ? "name" : "encrypt", mail->organisation,
			mail->connector, mail->is_old ? "TLSv1.2" : "TLSv1.3",
			mail->is_old ? "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
				     : "TLS_AES_256_GCM_SHA384",
			mail->connector, mail->connector, 1ull, 2ull, 3ull, 4ull);
	snprintf(ret + n, 1200 - (size_t)n, "\"token\":\"ok\",\"reason\":\"TLS as required\"}");
	return ret;
}

static void put(struct filler *f, struct store_event *event)
{
	event->sequence = ++f->sequence;
	*f->end = store_event_copy(event);
	f->end = &(*f->end)->next;
}

static void put_mail(struct filler *f, int64_t n)
{
	struct bench_trace_mail mail = bench_trace_mail(n);
	char organisation[32], connector[32], text[1200];
	int64_t at = f->from_ms + n * f->step_us / 1000;
	uint64_t fate = mix(mix((uint64_t)n)) / 256 % 1000;
	struct store_event event = {
		.wire = {.at_ms = at,
			.message = ((at - id_epoch_ms) << ID_SHIFT) | (n & 0x3fffff),
			.kind = "received",
			.sender = mail.sender,
			.recipient = mail.recipient,
			.organisation = organisation,
			.connector = connector,
			.token = "ok",
			.message_id = mail.message_id,
			.size = (int64_t)(1000 + fate * 40)}};

	snprintf(organisation, sizeof(organisation), "organisation%d", mail.organisation);
	snprintf(connector, sizeof(connector), "partner%d", mail.connector);
	event.receipt = receipt(&mail, false, text);
	if (fate >= 10)
		event.recipients = mail.recipient;
	if (fate < 10) {
		event.wire.message = 0;
		event.wire.kind = "refused";
		event.wire.token = "tls-required";
		event.wire.enhanced = "5.7.1";
		put(f, &event);
		return;
	}
	put(f, &event);
	event.recipients = NULL;
	event.wire.at_ms = at + 900;
	event.wire.kind = fate < 30 ? "deferred" : fate < 35 ? "failed" : "delivered";
	event.wire.token = fate < 35 ? "smtp" : "ok";
	event.wire.text = fate < 35 ? "451 later" : "250 2.0.0 queued as 4F2A";
	event.receipt = receipt(&mail, true, text);
	put(f, &event);
}

static int64_t count_mail(struct store_db *db)
{
	sqlite3_stmt *s = NULL;
	int64_t count = 0;

	if (sqlite3_prepare_v2(db->db, "SELECT max(rowid) FROM event", -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		count = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return count;
}

static void run_sql(struct store_db *db, const char *path, const char *sql)
{
	if (sqlite3_exec(db->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db->db));
	exit(1);
}

/* Terms go to a table without order meanwhile. */
static void put_terms_aside(struct store_db *db, const char *path)
{
	run_sql(db, path,
		"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
		"CREATE TEMP TABLE aside(kind INT, value TEXT, at INT, key INT)");
	sqlite3_prepare_v3(db->db, "INSERT INTO aside VALUES(?1, ?2, ?3, ?4)", -1,
		SQLITE_PREPARE_PERSISTENT, &db->statements[STORE_TRACE_ADD_TERM], NULL);
}

static void tell(int64_t begun, const char *what, int64_t n)
{
	printf("fill            %8.1f s  %lld %s\n", (double)(bench_trace_now_us() - begun) / 1e6,
		(long long)n, what);
	fflush(stdout);
}

void bench_trace_fill(const char *path, int64_t count, int64_t now_ms)
{
	const int64_t span_ms = INT64_C(90) * 24 * 3600 * 1000;
	struct store_db_settings settings = store_trace_settings;
	struct filler f = {.from_ms = now_ms - span_ms, .step_us = span_ms * 1000 / count};
	struct store_db db = {0};
	struct err_info info = {0};
	int64_t applied = 0, n = 0, begun = bench_trace_now_us();
	enum err e;

	settings.path = path;
	settings.cache_kib = CACHE_KIB;
	e = store_db_open(&db, &settings, &info);
	if (e == ERR_OK && count_mail(&db) > 0)
		e = err_set(&info, ERR_EXISTS, "%s: there is a trace already", path);
	if (e == ERR_OK)
		put_terms_aside(&db, path);
	while (e == ERR_OK && n < count) {
		struct store_event *events = NULL;
		int64_t until = n + AT_ONCE < count ? n + AT_ONCE : count;

		f.end = &events;
		for (; n < until; n++)
			put_mail(&f, n);
		e = store_trace_apply(&db, events, SIZE_MAX, NULL, &applied);
		store_event_free_all(events);
		tell(begun, "messages", n);
	}
	if (e != ERR_OK) {
		fprintf(stderr, "%s\n", info.text[0] != '\0' ? info.text : err_text(e));
		exit(1);
	}
	run_sql(&db, path,
		"INSERT OR IGNORE INTO term SELECT * FROM aside ORDER BY kind, value, at, key");
	tell(begun, "terms", sqlite3_changes(db.db));
	store_db_close(&db);
}
