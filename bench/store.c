/*
 * What the store does on this machine, without SMTP around it.
 *
 *     bench-store DIRECTORY [MESSAGES [UNDER_WAY [BYTES [fill]]]]
 *
 * Fills the queue, opens it anew, reads what is due, counts by route while mail comes in, and takes
 * everything out again.  DIRECTORY must be empty or not there; it is left behind.  With `fill` only
 * the first of these: mail just received, due within the next hour, for a server to find.
 */
#include "port/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { ROUTES = 1000, BODY_MAX = 1024 * 1024 };

struct bench {
	struct event_base *base;
	struct store *store;
	const char *directory;
	int64_t count, under_way, bytes;
	int64_t first_id, received_ms, due_ms, due_span_ms;
	char *body;
	/* of the phase that runs */
	int64_t begun, done, slowest_us, wanted;
	void (*next)(struct bench *bench);
	struct store_due_entry *entries;
	size_t entry_count;
	bool more, finished;
};

struct call {
	struct bench *bench;
	int64_t at_us;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what, enum err e)
{
	fprintf(stderr, "%s: %s\n", what, err_text(e));
	exit(1);
}

static void open_store(struct bench *bench)
{
	struct store_settings settings = {.directory = bench->directory};
	struct err_info info;
	int64_t from = now_us();

	if (store_open(bench->base, &settings, NULL, NULL, &bench->store, &info) != ERR_OK) {
		fprintf(stderr, "%s\n", info.text);
		exit(1);
	}
	printf("open            %8.3f s  (fdatasync %lld us, %s)\n",
		(double)(now_us() - from) / 1e6, (long long)store_facts(bench->store)->sync_us,
		store_facts(bench->store)->file_system);
}

static void on_done(void *context, enum err e)
{
	struct call *call = context;
	struct bench *bench = call->bench;
	int64_t took = now_us() - call->at_us;

	free(call);
	if (e != ERR_OK)
		die("commit", e);
	bench->slowest_us = took > bench->slowest_us ? took : bench->slowest_us;
	bench->done++;
	if (bench->begun < bench->wanted)
		bench->next(bench);
	else if (bench->done == bench->wanted)
		bench->finished = true;
}

static struct call *call_new(struct bench *bench)
{
	struct call *call = mem_new(sizeof(*call));

	*call = (struct call){bench, now_us()};
	return call;
}

static void add_one(struct bench *bench)
{
	int64_t n = ++bench->begun, id = bench->first_id + n;
	char route[64], address[64];
	struct store_recipient to = {.wire.address = address,
		.wire.organisation = "ours",
		.wire.originating = true,
		.route = route,
		.due_ms = bench->due_ms + n * bench->due_span_ms / bench->count};
	struct wire_message message = {.id = id,
		.received_ms = bench->received_ms,
		.sender = "alice@fabrikam.example",
		.message_id = "<one@fabrikam.example>",
		.subject = "About something"};
	struct receipt receipt = {.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"};
	struct wire_event event = {.message = id,
		.at_ms = bench->received_ms,
		.kind = "received",
		.sender = message.sender,
		.receipt = &receipt};
	struct store_new new = {.intake = store_begin(bench->store, id),
		.message = &message,
		.recipients = &to,
		.count = 1};

	snprintf(route, sizeof(route), "mx:d%lld.closed.example", (long long)(n % ROUTES));
	snprintf(address, sizeof(address), "bob@d%lld.closed.example", (long long)(n % ROUTES));
	if (store_write(new.intake, str_make(bench->body, (size_t)bench->bytes)) != ERR_OK)
		die("write", ERR_IO);
	store_commit(bench->store, &new, &event, on_done, call_new(bench));
}

static void remove_one(struct bench *bench)
{
	int64_t id = ++bench->begun;
	struct wire_event event = {
		.message = id, .at_ms = id, .kind = "delivered", .recipient = "bob@d.example"};
	struct store_update end = {.message = id, .remove = true};
	struct store_change change = {
		.updates = &end, .update_count = 1, .events = &event, .event_count = 1};

	store_apply(bench->store, &change, on_done, call_new(bench));
}

static void wait_for(struct bench *bench)
{
	while (!bench->finished)
		event_base_loop(bench->base, EVLOOP_ONCE);
	bench->finished = false;
}

static void run_phase(struct bench *bench, const char *name, void (*next)(struct bench *bench),
	int64_t from, int64_t to)
{
	int64_t start = now_us(), took, i;
	struct store_counts before, after;

	store_counts(bench->store, &before);
	bench->next = next;
	bench->begun = from;
	bench->done = from;
	bench->wanted = to;
	bench->slowest_us = 0;
	for (i = 0; i < bench->under_way && bench->begun < to; i++)
		next(bench);
	wait_for(bench);
	took = now_us() - start;
	store_counts(bench->store, &after);
	printf("%-15s %8.3f s  %8.0f/s, slowest %.1f ms, %.1f in a group\n", name,
		(double)took / 1e6, (double)(to - from) * 1e6 / (double)took,
		(double)bench->slowest_us / 1e3,
		(double)(to - from) / (double)(after.groups - before.groups + 1));
}

static void on_due(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more)
{
	struct bench *bench = context;

	if (e != ERR_OK)
		die("due", e);
	bench->entry_count += count;
	bench->more = more;
	if (count > 0)
		bench->entries[0] = entries[count - 1];
	bench->finished = true;
}

static void read_due(struct bench *bench)
{
	int64_t start = now_us(), first = 0;

	bench->entries = mem_new(sizeof(*bench->entries));
	do {
		store_due(bench->store, INT64_MAX - 1,
			bench->entry_count > 0 ? bench->entries : NULL, 1000, on_due, bench);
		wait_for(bench);
		first = first == 0 ? now_us() - start : first;
	} while (bench->more);
	printf("due             %8.3f s  %zu entries, first thousand %.1f ms\n",
		(double)(now_us() - start) / 1e6, bench->entry_count, (double)first / 1e3);
	free(bench->entries);
}

static void on_summary(
	void *context, enum err e, const struct store_route_summary *routes, size_t count)
{
	int64_t *start = context;

	(void)routes;
	if (e != ERR_OK)
		die("summary", e);
	printf("summary         %8.3f s  %zu routes, while mail comes in\n",
		(double)(now_us() - *start) / 1e6, count);
}

static void tell_memory(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("memory          %8.1f MiB at most\n", (double)usage.ru_maxrss / 1024);
}

static int64_t argument(int argc, char **argv, int at, int64_t preset, int64_t most)
{
	uint64_t value;

	if (argc <= at || !str_to_u64(str_of(argv[at]), &value) || value == 0)
		return preset;
	return (int64_t)value < most ? (int64_t)value : most;
}

static void fill(struct bench *bench)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	bench->received_ms = (int64_t)now.tv_sec * 1000;
	/* As ids are made (core/wire): milliseconds since 2020, and what tells those of one apart.
	 */
	bench->first_id = (bench->received_ms - INT64_C(1577836800000)) << 22;
	bench->due_ms = bench->received_ms;
	bench->due_span_ms = 3600 * 1000;
	open_store(bench);
	run_phase(bench, "accept", add_one, 0, bench->count);
	store_close(&bench->store);
}

int main(int argc, char **argv)
{
	struct bench bench = {.base = event_base_new()};
	int64_t start;

	if (argc < 2) {
		fprintf(stderr,
			"usage: bench-store DIRECTORY [MESSAGES [UNDER_WAY [BYTES [fill]]]]\n");
		return 2;
	}
	bench.directory = argv[1];
	bench.due_span_ms = 1000;
	bench.count = argument(argc, argv, 2, 100000, 100000000);
	bench.under_way = argument(argc, argv, 3, 50, 10000);
	bench.bytes = argument(argc, argv, 4, 4096, BODY_MAX);
	bench.body = mem_new(BODY_MAX);
	memset(bench.body, 'x', BODY_MAX);
	if (argc > 5 && strcmp(argv[5], "fill") == 0) {
		fill(&bench);
		return 0;
	}
	open_store(&bench);
	run_phase(&bench, "accept", add_one, 0, bench.count);
	tell_memory();
	store_close(&bench.store);
	open_store(&bench);
	read_due(&bench);
	tell_memory();
	start = now_us();
	store_summary(bench.store, NULL, on_summary, &start);
	run_phase(&bench, "accept again", add_one, bench.count, bench.count + bench.count / 10);
	run_phase(&bench, "remove", remove_one, 0, bench.count + bench.count / 10);
	start = now_us();
	store_close(&bench.store);
	printf("close           %8.3f s\n", (double)(now_us() - start) / 1e6);
	tell_memory();
	event_base_free(bench.base);
	free(bench.body);
	return 0;
}
