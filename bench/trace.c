/*
 * What the trace does on this machine.
 *
 *     bench-trace DIRECTORY [MESSAGES [SECONDS]]
 *
 * Fills a trace with MESSAGES over 90 days, unless DIRECTORY has one, and measures: searches and
 * reports, and how long the queue's store takes to commit while nothing else happens, and while
 * searches, reports and expiry run; each for SECONDS.  DIRECTORY is left behind.
 */
#include "bench/trace.h"

#include "port/store/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MEASURED = 200000, ROUNDS = 200, UNDER_WAY = 20, TICKS = 100, LIMIT = 100 };

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

struct bench {
	struct event_base *base;
	struct store *store;
	int64_t now_ms, count;
	/* commits */
	int64_t next_id, until_us;
	size_t under_way;
	int64_t rate;	      /* a second; 0: the next when one is done */
	int64_t *took, taken; /* microseconds */
	/* questions beside them */
	bool asks, finished;
	int64_t asked, asked_us;
	int64_t *waited, waits; /* microseconds, of searches */
	size_t found;
	bool has_more;
	char cursor[64];
};

struct commit {
	struct bench *bench;
	int64_t at_us;
};

int64_t bench_trace_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000;
}

static void check(const char *what, enum err e)
{
	if (e == ERR_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, err_text(e));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(const char *what, int64_t *took, int64_t count, const char *more)
{
	if (count == 0)
		return;
	qsort(took, (size_t)count, sizeof(*took), compare);
	printf("%-34s p50 %9.2f ms  p99 %9.2f ms  most %9.2f ms  (%lld%s)\n", what,
		(double)took[count / 2] / 1e3, (double)took[count * 99 / 100] / 1e3,
		(double)took[count - 1] / 1e3, (long long)count, more);
	fflush(stdout);
}

/* ---- questions --------------------------------------------------------------------------------
 */

static void on_items(void *context, enum err e, const struct store_trace_item *items, size_t count,
	const char *next)
{
	struct bench *bench = context;

	(void)items;
	check("search", e);
	bench->found += count;
	bench->has_more = next != NULL;
	snprintf(bench->cursor, sizeof(bench->cursor), "%s", next != NULL ? next : "");
	bench->finished = true;
}

static void on_report(
	void *context, enum err e, const struct store_report_row *rows, size_t count, bool crowded)
{
	struct bench *bench = context;

	(void)rows;
	(void)crowded;
	check("report", e);
	bench->found = count;
	bench->finished = true;
}

static void wait_for(struct bench *bench)
{
	while (!bench->finished)
		event_base_loop(bench->base, EVLOOP_ONCE);
	bench->finished = false;
}

static struct bench_trace_mail any_mail(const struct bench *bench)
{
	return bench_trace_mail(random() % bench->count);
}

/* The question of a kind; texts must outlive the call of the store. */
typedef void ask_fill(const struct bench_trace_mail *mail, struct store_trace_query *query);

static void by_sender(const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	query->address = mail->sender;
}

static void by_recipient(const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	query->recipient = mail->recipient;
}

static void by_message_id(const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	query->message_id = mail->message_id;
}

static void by_connector(const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	static char connector[32];

	snprintf(connector, sizeof(connector), "partner%d", mail->connector);
	query->connector = connector;
}

static void by_connector_and_outcome(
	const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	by_connector(mail, query);
	query->outcome = "failed";
}

static void by_much(const struct bench_trace_mail *mail, struct store_trace_query *query)
{
	static char host[48];

	by_connector(mail, query);
	snprintf(host, sizeof(host), "192.0.2.%d", (mail->connector + 1) % 250);
	query->host = host;
	query->tls = "clear";
	query->outcome = "deferred";
}

static const struct {
	const char *name;
	ask_fill *fill;
} searches[] = {
	{"search, sender", by_sender},
	{"search, recipient", by_recipient},
	{"search, message-id", by_message_id},
	{"search, connector", by_connector},
	{"search, connector and failed", by_connector_and_outcome},
	{"search, four that never meet", by_much},
};

/* Until the trace has got what was committed. */
static void catch_up(struct bench *bench)
{
	const struct timeval tick = {0, 10000};
	struct store_counts counts;

	for (;;) {
		store_counts(bench->store, &counts);
		if (counts.trace_pending == 0)
			return;
		event_base_loopexit(bench->base, &tick);
		event_base_dispatch(bench->base);
	}
}

static void measure_search(struct bench *bench, size_t which)
{
	static int64_t took[ROUNDS];
	char more[64];
	size_t found = 0, parts = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct bench_trace_mail mail = any_mail(bench);
		struct store_trace_query query = {.limit = LIMIT};
		int64_t from = bench_trace_now_us();

		searches[which].fill(&mail, &query);
		bench->found = 0;
		store_trace_search(bench->store, &query, on_items, bench);
		wait_for(bench);
		took[i] = bench_trace_now_us() - from;
		found += bench->found;
		parts += bench->has_more && bench->found < LIMIT;
	}
	snprintf(more, sizeof(more), ", %.1f found, %zu cut short", (double)found / ROUNDS, parts);
	tell(searches[which].name, took, ROUNDS, more);
}

static struct store_report_query report_query(const struct bench *bench, int of, unsigned by)
{
	return (struct store_report_query){.of = of,
		.by = by,
		.step = STORE_STEP_DAY,
		.since_ms = bench->now_ms - 90 * day_ms,
		.until_ms = bench->now_ms,
		.direction = -1};
}

static void measure_report(struct bench *bench, const char *name, int of, unsigned by)
{
	enum { TIMES = 10 };
	struct store_report_query query = report_query(bench, of, by);
	int64_t took[TIMES];
	char more[64];

	for (int i = 0; i < TIMES; i++) {
		int64_t from = bench_trace_now_us();

		store_report(bench->store, &query, on_report, bench);
		wait_for(bench);
		took[i] = bench_trace_now_us() - from;
	}
	snprintf(more, sizeof(more), ", %zu rows", bench->found);
	tell(name, took, TIMES, more);
}

static struct store_report_ages ages_of(const struct bench *bench, int64_t days)
{
	return (struct store_report_ages){.days_ms = bench->now_ms - day_ms / 12,
		.hours_ms = bench->now_ms - 35 * day_ms,
		.before_ms = bench->now_ms - days * day_ms};
}

static void on_folded(void *context, enum err e)
{
	struct bench *bench = context;

	check("fold", e);
	bench->finished = true;
}

/* As a server does every hour. */
static void fold(struct bench *bench)
{
	struct store_report_ages ages = ages_of(bench, 91);
	int64_t from = bench_trace_now_us();

	store_report_expire(bench->store, &ages, on_folded, bench);
	wait_for(bench);
	printf("hours of 90 days added to days     %.1f s\n",
		(double)(bench_trace_now_us() - from) / 1e6);
}

/* ---- commits ----------------------------------------------------------------------------------
 */

static void add_one(struct bench *bench);

static void on_committed(void *context, enum err e)
{
	struct commit *commit = context;
	struct bench *bench = commit->bench;
	int64_t now = bench_trace_now_us();

	check("commit", e);
	if (bench->taken < MEASURED)
		bench->took[bench->taken++] = now - commit->at_us;
	free(commit);
	bench->under_way--;
	if (bench->rate == 0 && now < bench->until_us)
		add_one(bench);
}

static void add_one(struct bench *bench)
{
	static char body[4096];
	struct commit *commit = mem_new(sizeof(*commit));
	struct bench_trace_mail mail = bench_trace_mail(bench->next_id);
	int64_t id = bench->next_id++;
	struct store_recipient to = {.wire.address = mail.recipient,
		.wire.organisation = "organisation1",
		.route = "mx:closed.example",
		.due_ms = bench->now_ms + day_ms};
	struct wire_message message = {.id = id,
		.received_ms = bench->now_ms,
		.sender = mail.sender,
		.message_id = mail.message_id};
	struct receipt receipt = {.peer_address = "192.0.2.1",
		.attempt = RECEIPT_ATTEMPT_FULL,
		.version = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384"};
	struct wire_event event = {.message = id,
		.at_ms = bench->now_ms,
		.kind = "received",
		.sender = mail.sender,
		.recipient = mail.recipient,
		.organisation = "organisation1",
		.connector = "partner1",
		.message_id = mail.message_id,
		.receipt = &receipt};
	struct store_new new = {.intake = store_begin(bench->store, id),
		.message = &message,
		.recipients = &to,
		.count = 1};

	memset(body, 'x', sizeof(body));
	check("write", store_write(new.intake, str_make(body, sizeof(body))));
	*commit = (struct commit){bench, bench_trace_now_us()};
	bench->under_way++;
	store_commit(bench->store, &new, &event, on_committed, commit);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct bench *bench = context;

	(void)fd;
	(void)what;
	for (int64_t i = 0; i < bench->rate / TICKS; i++)
		if (bench_trace_now_us() < bench->until_us)
			add_one(bench);
}

/* At the rate asked for, or always UNDER_WAY at once. */
static void add_all(struct bench *bench)
{
	const struct timeval tick = {0, 1000000 / TICKS};
	struct event *timer = event_new(bench->base, -1, EV_PERSIST, on_tick, bench);

	if (bench->rate > 0)
		event_add(timer, &tick);
	else
		for (int i = 0; i < UNDER_WAY; i++)
			add_one(bench);
	while (bench->under_way > 0 || bench_trace_now_us() < bench->until_us)
		event_base_loop(bench->base, EVLOOP_ONCE);
	event_free(timer);
}

static void ask_another(struct bench *bench);

static void on_side_items(void *context, enum err e, const struct store_trace_item *items,
	size_t count, const char *next)
{
	struct bench *bench = context;

	(void)items;
	(void)count;
	(void)next;
	check("search", e);
	if (bench->waits < MEASURED)
		bench->waited[bench->waits++] = bench_trace_now_us() - bench->asked_us;
	ask_another(bench);
}

static void on_side_report(
	void *context, enum err e, const struct store_report_row *rows, size_t count, bool crowded)
{
	(void)rows;
	(void)count;
	(void)crowded;
	check("report", e);
	ask_another(context);
}

/* One question after the other, each tenth a report. */
static void ask_another(struct bench *bench)
{
	struct bench_trace_mail mail = any_mail(bench);
	struct store_trace_query query = {.limit = LIMIT};
	struct store_report_query report =
		report_query(bench, STORE_REPORT_HOPS, STORE_BY_CONNECTOR | STORE_BY_LEVEL);

	if (!bench->asks)
		return;
	bench->asked++;
	bench->asked_us = bench_trace_now_us();
	if (bench->asked % 10 == 0) {
		store_report(bench->store, &report, on_side_report, bench);
		return;
	}
	searches[(size_t)bench->asked % ARRAY_LENGTH(searches)].fill(&mail, &query);
	store_trace_search(bench->store, &query, on_side_items, bench);
}

static void on_expired(void *context, enum err e)
{
	(void)context;
	check("expire", e);
}

static void measure_commits(struct bench *bench, const char *name, int64_t seconds, bool asks)
{
	char more[64] = "";
	int64_t asked = bench->asked;
	struct store_report_ages ages = ages_of(bench, 80);

	catch_up(bench);
	bench->taken = bench->waits = 0;
	bench->asks = asks;
	bench->until_us = bench_trace_now_us() + seconds * 1000000;
	if (asks) {
		/* The first ten of the ninety days go. */
		store_trace_expire(bench->store, bench->now_ms - 80 * day_ms, on_expired, bench);
		store_report_expire(bench->store, &ages, on_expired, bench);
		ask_another(bench);
	}
	add_all(bench);
	bench->asks = false;
	if (asks)
		snprintf(more, sizeof(more), ", beside %lld questions",
			(long long)(bench->asked - asked));
	tell(name, bench->took, bench->taken, more);
	tell("searches meanwhile", bench->waited, bench->waits, "");
}

static void measure(struct bench *bench, const char *directory, int64_t seconds)
{
	struct store_settings settings = {.directory = directory};
	struct err_info info = {0};

	bench->base = event_base_new();
	bench->took = mem_new(MEASURED * sizeof(*bench->took));
	bench->waited = mem_new(MEASURED * sizeof(*bench->waited));
	bench->next_id = (bench->now_ms - INT64_C(1577836800000)) << 22;
	if (store_open(bench->base, &settings, NULL, NULL, &bench->store, &info) != ERR_OK) {
		fprintf(stderr, "%s\n", info.text);
		exit(1);
	}
	catch_up(bench);
	for (size_t i = 0; i < ARRAY_LENGTH(searches); i++)
		measure_search(bench, i);
	fold(bench);
	measure_report(bench, "report, TLS, 90 days", STORE_REPORT_HOPS,
		STORE_BY_VERSION | STORE_BY_CIPHER | STORE_BY_GROUP);
	measure_report(bench, "report, connectors, 90 days", STORE_REPORT_HOPS,
		STORE_BY_ORGANISATION | STORE_BY_CONNECTOR | STORE_BY_LEVEL);
	measure_commits(bench, "commit, alone", seconds, false);
	measure_commits(bench, "commit, beside the trace's work", seconds, true);
	bench->rate = 1000;
	measure_commits(bench, "commit, 1,000 a second, beside it", seconds, true);
	store_close(&bench->store);
	event_base_free(bench->base);
	free(bench->took);
	free(bench->waited);
}

int main(int argc, char **argv)
{
	struct bench bench = {.now_ms = wall_ms()};
	struct stat status;
	char path[512];
	int64_t seconds = argc > 3 ? strtoll(argv[3], NULL, 10) : 10;

	bench.count = argc > 2 ? strtoll(argv[2], NULL, 10) : 100000;
	if (argc < 2 || bench.count < 1000 || seconds < 1) {
		fprintf(stderr, "usage: bench-trace DIRECTORY [MESSAGES [SECONDS]]\n");
		return 2;
	}
	mkdir(argv[1], 0700);
	snprintf(path, sizeof(path), "%s/trace.db", argv[1]);
	if (access(path, F_OK) != 0)
		bench_trace_fill(path, bench.count, bench.now_ms);
	if (stat(path, &status) == 0)
		printf("trace                              %.1f GB\n",
			(double)status.st_size / 1e9);
	measure(&bench, argv[1], seconds);
	return 0;
}
