/* What the tests of the store share: a store on a loop of its own, and calls that wait. */
#ifndef SEALPOST_PORT_STORE_TESTING_H
#define SEALPOST_PORT_STORE_TESTING_H

#include "port/store/store.h"

#include <sys/stat.h>

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct testing {
	struct event_base *base;
	struct store *store;
	char directory[64]; /* "": nothing is kept */
	enum err broken;
	/* of the last call */
	bool finished;
	enum err result;
};

static inline int testing_remove_one(
	const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void testing_broken(void *context, enum err e, const char *text)
{
	struct testing *t = context;

	(void)text;
	t->broken = e;
}

static const struct store_handlers testing_handlers = {.broken = testing_broken};

static inline enum err testing_try_open(struct testing *t, struct err_info *info)
{
	struct store_settings settings = {
		.directory = t->directory[0] != '\0' ? t->directory : NULL};

	return store_open(t->base, &settings, &testing_handlers, t, &t->store, info);
}

static inline void testing_open(struct testing *t)
{
	struct err_info info = {0};

	if (testing_try_open(t, &info) != ERR_OK)
		fail_msg("open: %s", info.text);
}

static inline void testing_begin(struct testing *t, bool on_disk)
{
	*t = (struct testing){.base = event_base_new()};
	if (on_disk) {
		const char *top = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/var/tmp";

		snprintf(t->directory, sizeof(t->directory), "%.40s/sealpost-XXXXXX", top);
		assert_non_null(mkdtemp(t->directory));
	}
	testing_open(t);
}

static inline void testing_end(struct testing *t)
{
	store_close(&t->store);
	event_base_free(t->base);
	if (t->directory[0] != '\0')
		nftw(t->directory, testing_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void testing_reopen(struct testing *t)
{
	store_close(&t->store);
	testing_open(t);
}

/* Run the loop until FLAG is set; fails after a minute. */
static inline void testing_wait(struct testing *t, const bool *flag)
{
	time_t deadline = time(NULL) + 60;

	while (!*flag) {
		struct timeval tick = {.tv_usec = 100000};

		assert_true(time(NULL) < deadline);
		event_base_loopexit(t->base, &tick);
		event_base_loop(t->base, EVLOOP_ONCE);
	}
}

static inline void testing_done(void *context, enum err e)
{
	struct testing *t = context;

	t->result = e;
	t->finished = true;
}

static inline enum err testing_finish(struct testing *t)
{
	testing_wait(t, &t->finished);
	t->finished = false;
	return t->result;
}

/* Until the trace has got what was told: it may be behind. */
static inline void testing_catch_up(struct testing *t)
{
	const struct timespec pause = {0, 1000 * 1000};
	time_t deadline = time(NULL) + 60;
	struct store_counts counts;

	do {
		event_base_loop(t->base, EVLOOP_NONBLOCK);
		nanosleep(&pause, NULL);
		store_counts(t->store, &counts);
	} while (counts.trace_pending > 0 && time(NULL) < deadline);
	assert_int_equal(counts.trace_pending, 0);
}

/* A message with COUNT recipients a0@b.example, a1@b.example, ... of one route. */
struct testing_message {
	int64_t id;
	size_t count;
	size_t size;
	int64_t due_ms;
	const char *route;
	const char *sender;
	const char *domain;
};

#define MAIL(i, recipients, bytes, due)                                                            \
	(&(struct testing_message){                                                                \
		.id = (i), .count = (recipients), .size = (bytes), .due_ms = (due)})

enum { TESTING_RECIPIENTS = 8 };

static inline void testing_fill(struct store_intake *intake, int64_t id, size_t size)
{
	char block[1000];

	while (size > 0) {
		size_t n = size < sizeof(block) ? size : sizeof(block);

		memset(block, 'a' + (int)(id % 26), n);
		store_write(intake, str_make(block, n));
		size -= n;
	}
}

static inline void testing_add_async(
	struct testing *t, const struct testing_message *m, store_done *done, void *context)
{
	struct store_recipient recipients[TESTING_RECIPIENTS] = {0};
	char addresses[TESTING_RECIPIENTS][64];
	struct wire_message message = {
		.id = m->id,
		.received_ms = m->id,
		.sender = m->sender != NULL ? m->sender : "Alice@Fabrikam.example",
		.message_id = "<One@fabrikam.example>",
		.subject = "A subject",
		.receipt.version = "TLSv1.3",
	};
	struct receipt receipt = {.cipher = "TLS_AES_256_GCM_SHA384"};
	struct wire_event event = {
		.message = m->id,
		.at_ms = m->id,
		.kind = "received",
		.sender = message.sender,
		.message_id = message.message_id,
		.organisation = "contoso",
		.connector = "fabrikam",
		.size = (int64_t)m->size,
		.receipt = &receipt,
	};
	struct store_new new = {
		.intake = store_begin(t->store, m->id),
		.message = &message,
		.recipients = recipients,
		.count = m->count,
	};
	size_t i;

	testing_fill(new.intake, m->id, m->size);
	for (i = 0; i < m->count; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "a%zu@%s", i,
			m->domain != NULL ? m->domain : "b.example");
		recipients[i].wire.number = (int64_t)i;
		recipients[i].wire.address = addresses[i];
		recipients[i].wire.organisation = "contoso";
		recipients[i].wire.connector = "fabrikam";
		recipients[i].route = m->route != NULL ? m->route : "mx:b.example";
		recipients[i].due_ms = m->due_ms;
	}
	store_commit(t->store, &new, &event, done, context);
}

static inline enum err testing_add(struct testing *t, const struct testing_message *m)
{
	testing_add_async(t, m, testing_done, t);
	return testing_finish(t);
}

static inline enum err testing_update(
	struct testing *t, const struct store_update *updates, size_t count)
{
	struct store_change change = {.updates = updates, .update_count = count};

	store_apply(t->store, &change, testing_done, t);
	return testing_finish(t);
}

/* ---- what was found, copied out of the completions ------------------------------------------- */

struct found {
	struct testing *t;
	bool finished;
	enum err result;
	bool more;
	int64_t next;
	size_t count;
	struct store_due_entry due[64];
	char routes[64][64];
	int64_t ids[64];
	size_t recipients[64];
	struct store_recipient first; /* numbers of the first recipient of the first message */
	char text[512];
	int64_t messages, acted, held;
	int64_t numbers[8];
};

static inline void on_due(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more)
{
	struct found *f = context;
	size_t i;

	f->result = e;
	f->more = more;
	f->count = count;
	for (i = 0; i < count && i < 64; i++) {
		f->due[i] = entries[i];
		snprintf(f->routes[i], sizeof(f->routes[i]), "%s", entries[i].route);
	}
	f->finished = true;
}

static inline void on_messages(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct found *f = context;
	size_t i;

	f->result = e;
	f->count = count;
	f->next = next;
	for (i = 0; i < count && i < 64; i++) {
		f->ids[i] = messages[i].wire.id;
		f->recipients[i] = messages[i].recipients.count;
	}
	if (count > 0) {
		const struct store_message *m = &messages[0];
		const struct store_recipient *r = &m->recipients.items[0];

		f->first = *r;
		snprintf(f->text, sizeof(f->text), "%s|%s|%s|%s|%s|%s|%s|%s", m->wire.sender,
			m->wire.subject, m->wire.message_id,
			m->wire.receipt.version != NULL ? m->wire.receipt.version : "-",
			r->wire.address, r->route, r->token != NULL ? r->token : "-",
			r->text != NULL ? r->text : "-");
	}
	f->finished = true;
}

static inline void on_body(void *context, enum err e, struct str bytes)
{
	struct found *f = context;

	f->result = e;
	f->count = bytes.n;
	f->more = bytes.n > 0 && bytes.p[0] == bytes.p[bytes.n - 1];
	f->text[0] = bytes.n > 0 ? bytes.p[0] : '\0';
	f->finished = true;
}

static inline void on_acted(void *context, enum err e, const struct store_acted *acted)
{
	struct found *f = context;

	f->result = e;
	f->messages = acted->messages;
	f->acted = acted->recipients;
	f->count += acted->count;
	f->finished = acted->final;
}

static inline struct found *find(struct found *f, struct testing *t)
{
	*f = (struct found){.t = t};
	return f;
}

static inline void get_due(struct found *f, struct testing *t, int64_t until,
	const struct store_due_entry *after, size_t limit)
{
	store_due(t->store, until, after, limit, on_due, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

static inline void load_one(struct found *f, struct testing *t, int64_t id)
{
	store_load(t->store, &id, 1, on_messages, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

static inline enum err read_body(
	struct found *f, struct testing *t, int64_t id, int64_t offset, size_t length)
{
	store_body_read(t->store, id, offset, length, on_body, find(f, t));
	testing_wait(t, &f->finished);
	return f->result;
}

static inline void act(
	struct found *f, struct testing *t, enum store_action action, struct store_filter filter)
{
	struct store_act a = {.action = action,
		.filter = filter,
		.now_ms = 777,
		.text = "by root",
		.route = "mx:other.example"};

	store_act(t->store, &a, on_acted, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

/* ---- cases on both backends --------------------------------------------------------------------
 */

struct testing_case {
	const char *name;
	void (*run)(struct testing *t);
};
#define CASE(f)                                                                                    \
	{                                                                                          \
#f, f                                                                              \
	}

static inline void testing_run(const struct testing_case *cases, size_t count, bool on_disk)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct testing t;

		print_message("  %s\n", cases[i].name);
		testing_begin(&t, on_disk);
		cases[i].run(&t);
		assert_int_equal(t.broken, ERR_OK);
		testing_end(&t);
	}
}

/* Two cmocka tests that run all of CASES. */
#define TESTING_BOTH(cases)                                                                        \
	static void in_memory(void **state)                                                        \
	{                                                                                          \
		(void)state;                                                                       \
		testing_run(cases, ARRAY_LENGTH(cases), false);                                    \
	}                                                                                          \
	static void on_disk(void **state)                                                          \
	{                                                                                          \
		(void)state;                                                                       \
		testing_run(cases, ARRAY_LENGTH(cases), true);                                     \
	}

#endif
