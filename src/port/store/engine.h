/*
 * What a backend of the queue store has to do: plain, synchronous steps inside one transaction at a
 * time, called on one thread only.  Threads, groups, completions, files and caches are the same
 * for every backend and stand around it.
 */
#ifndef SEALPOST_PORT_STORE_ENGINE_H
#define SEALPOST_PORT_STORE_ENGINE_H

#include "port/store/access_inside.h"

/* An event on its way: one block of memory, freed with free(). */
struct store_event {
	struct store_event *next;
	int64_t sequence; /* given by the writer; greater than that of every event before it */
	struct wire_event wire; /* its receipt is NULL: */
	const char *receipt;	/* as JSON; NULL: none */
	/* With the first event of a message that came with the same change: */
	const char *subject;
	const char *recipients; /* joined by line feeds */
};

struct store_event *store_event_new(
	const struct wire_event *event, const char *subject, const char *recipients);
/* Deep copy, as one block; wire.receipt is not looked at, not in any list. */
struct store_event *store_event_copy(const struct store_event *event);
void store_event_free_all(struct store_event *first);
/* Receipts as they stand in the databases: JSON without defaults.  NULL gives NULL. */
char *store_receipt_text(const struct receipt *receipt);
/* What cannot be read (an older or newer form) is left out; false: nothing could be read. */
bool store_receipt_read(const char *text, struct arena *arena, struct receipt *ret);

/* Labels of a message as they stand in the databases: joined by line feeds; NULL: none. */
const char *store_labels_text(const struct record_texts *labels, struct arena *arena);
struct record_texts store_labels_read(const char *text, struct arena *arena);
/* Texts of a recipient become copies in the arena. */
void store_recipient_own(struct arena *arena, struct store_recipient *recipient);
void store_protection_own(struct arena *arena, struct store_protection *protection);
/* The same for a message, but for its recipients and its receipt. */
void store_message_own(struct arena *arena, struct wire_message *message);

/* A message to add. */
struct store_add {
	struct wire_message message; /* no recipients, no receipt */
	const char *receipt;	     /* JSON; NULL: none */
	const char *labels;	     /* message.labels, joined */
	const char *owners;	     /* organisations of the recipients, each once, joined by
					commas; NULL: none */
	struct store_recipient *recipients;
	size_t count;
	bool in_file;	    /* the content stands in a file of its own */
	struct str content; /* otherwise */
};

/* A message that has gone. */
struct store_gone {
	int64_t message;
	bool in_file;
};

/* One recipient as seen by a scan; texts live until the visit returns. */
struct store_scan_row {
	int64_t message;
	int64_t received_ms;
	const char *sender;
	struct store_recipient recipient;
};
/* False: enough for now; the row was taken. */
typedef bool store_scan_visit(void *context, const struct store_scan_row *row);

struct store_scan {
	int64_t id;		 /* only that message; 0: all */
	const char *route;	 /* only that route; NULL: all */
	int64_t message, number; /* behind this one, in the order of (message, number) */
	size_t limit;		 /* rows to look at */
};

struct store_config_row {
	int64_t kind; /* enum model_kind */
	const char *key;
	const char *json;
};

struct store_engine_ops {
	void (*close)(void *engine);
	enum err (*begin)(void *engine);
	enum err (*commit)(void *engine);
	void (*rollback)(void *engine);
	/* After ERR_FULL: make room for small things if there is a way. */
	void (*make_room)(void *engine);
	/* ERR_UNKNOWN: there is none. */
	enum err (*known)(void *engine, int64_t message, bool *ret_in_file);
	enum err (*add)(void *engine, const struct store_add *add);
	/* *ret_applied: the recipient was there.  *ret_gone: and it was the last one (only when
	 * removed); GONE says of which kind. */
	enum err (*update)(void *engine, const struct store_update *update, bool *ret_applied,
		bool *ret_gone, struct store_gone *gone);
	/* State, due moment and route of one recipient. */
	enum err (*edit)(void *engine, const struct store_scan_row *row);
	enum err (*event)(void *engine, const struct store_event *event);
	/* Events behind AFTER in the order of sequence; a new list. */
	enum err (*events)(void *engine, int64_t after, size_t limit, struct store_event **ret);
	/* Forget events up to UPTO. */
	enum err (*acknowledge)(void *engine, int64_t upto);
	enum err (*due)(void *engine, int64_t until_ms, const struct store_due_entry *after,
		size_t limit, struct arena *arena, struct store_due_entry *ret, size_t *ret_count);
	enum err (*load)(
		void *engine, int64_t message, struct arena *arena, struct store_message *ret);
	/* Content that stands with the message; ERR_UNSUPPORTED when it stands in a file. */
	enum err (*content)(void *engine, int64_t message, int64_t offset, size_t length,
		struct arena *arena, struct str *ret);
	/* *ret_more: the scan ended at its limit or because VISIT said so. */
	enum err (*scan)(void *engine, const struct store_scan *scan, store_scan_visit *visit,
		void *context, bool *ret_more);
	enum err (*count)(void *engine, int64_t *ret_messages, int64_t *ret_recipients);
	/* Sequences of the first and last event that is there; 1 and 0 when there is none. */
	enum err (*event_range)(void *engine, int64_t *ret_first, int64_t *ret_last);
	enum err (*config_get)(void *engine, struct arena *arena, int64_t *ret_generation,
		struct store_config_row **ret, size_t *ret_count);
	enum err (*config_put)(void *engine, int64_t generation,
		const struct store_config_row *rows, size_t count);
	/* Replace the rows of these keys, add them, or (json NULL) remove them. */
	enum err (*config_change)(void *engine, int64_t generation,
		const struct store_config_row *rows, size_t count);
	enum err (*owners)(
		void *engine, struct arena *arena, struct store_owner **ret, size_t *ret_count);
	enum err (*protection_put)(void *engine, const struct store_protection *protection);
	/* Only direction, domain and network are looked at. */
	enum err (*protection_remove)(void *engine, const struct store_protection *protection);
	enum err (*protections)(void *engine, struct arena *arena, struct store_protection **ret,
		size_t *ret_count);
	enum err (*refusal_put)(void *engine, const struct wire_refused *refused);
	enum err (*refusal_remove)(void *engine, const struct wire_refused *refused);
	enum err (*refusals)(
		void *engine, struct arena *arena, struct wire_refused **ret, size_t *ret_count);
	/* Replace the row of that key, add it, or (json NULL) remove it. */
	enum err (*access_put)(void *engine, const struct store_access_row *row);
	/* Users, then tokens, in the order of their keys. */
	enum err (*access_rows)(void *engine, struct arena *arena, struct store_access_row **ret,
		size_t *ret_count);
	enum err (*audit_end)(void *engine, struct store_audit_end *ret);
	enum err (*audit_add)(void *engine, const struct account_entry *entry);
	/* Those that match with FROM <= id < query.before, newest first. */
	enum err (*audit_list)(void *engine, const struct store_audit_query *query, int64_t from,
		struct arena *arena, struct account_entry **ret, size_t *ret_count);
	/* Those behind AFTER, oldest first. */
	enum err (*audit_after)(void *engine, int64_t after, size_t limit, struct arena *arena,
		struct account_entry **ret, size_t *ret_count);
	enum err (*host_put)(void *engine, const struct wire_host *host);
	enum err (*host_remove)(void *engine, const char *host);
	enum err (*hosts)(
		void *engine, struct arena *arena, struct wire_host **ret, size_t *ret_count);
	/* The connection, for copies (copy.h); NULL: it has none. */
	struct sqlite3 *(*database)(void *engine);
};

struct store_engine {
	const struct store_engine_ops *ops;
	void *self;
};

enum err store_sqlite_open(
	const char *path, const char *ballast, struct store_engine *ret, struct err_info *info);
void store_memory_open(struct store_engine *ret);

#endif
