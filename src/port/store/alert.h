/*
 * Who was told of which alarms.  That an alarm began, and that it is over, stands in one row, each
 * with a number; numbers only grow, and an alarm's beginning comes before its end.  Each way of
 * telling remembers the last number that it has told, on disk, so that none is forgotten by a
 * restart.  What is told are alarms as they are now: the one whose beginning is told may be over.
 * Calls are as in port/store/store.h.
 */
#ifndef SEALPOST_PORT_STORE_ALERT_H
#define SEALPOST_PORT_STORE_ALERT_H

#include "port/store/store.h"

enum store_alert_way { STORE_ALERT_LOG, STORE_ALERT_MAIL, STORE_ALERT_WEBHOOK, STORE_ALERT_MAX };

/* What this way has not told yet, oldest first; LIMIT 0: STORE_MAX_LIST. */
void store_alert_next(struct store *store, enum store_alert_way way, size_t limit,
	store_alarms_done *done, void *context);
/* All up to this number have been told. */
void store_alert_told(struct store *store, enum store_alert_way way, int64_t number,
	store_done *done, void *context);

/* Alarms of these kinds (a NULL ends them, at most four) that are not over. */
void store_alert_open(
	struct store *store, const char *const *kinds, store_alarms_done *done, void *context);

/* How many alarms are not over, by kind and whether somebody has acknowledged them. */
struct store_alert_count {
	const char *kind;
	bool is_acknowledged;
	int64_t count;
};
enum { STORE_ALERT_COUNTS = 100 }; /* at most */
typedef void store_alert_counts_done(
	void *context, enum err e, const struct store_alert_count *counts, size_t count);
void store_alert_counts(struct store *store, store_alert_counts_done *done, void *context);

/*
 * Events of the trace, for who is told of some kinds of them (trace_news.c).  The place is a number
 * of an event, on disk; where there is none yet it begins behind the newest event.
 */
enum {
	STORE_NEWS = 50,	 /* events at once, at most */
	STORE_NEWS_WAIT = 10000, /* of more than these the oldest are skipped */
};

struct store_news_item {
	int64_t sequence;	 /* only grows; the same event has the same one */
	struct wire_event event; /* without its receipt */
};
struct store_news {
	const struct store_news_item *items; /* oldest first */
	size_t count;
	int64_t upto;	 /* the place when these have been told */
	int64_t skipped; /* events before these that nobody was told of */
};
typedef void store_news_done(void *context, enum err e, const struct store_news *news);

/* What is behind the place, of these kinds. */
void store_news_next(struct store *store, const struct record_texts *kinds, store_news_done *done,
	void *context);
/* All up to this one are told.  SKIPPED: how many of them were not, for the next time. */
void store_news_told(
	struct store *store, int64_t upto, int64_t skipped, store_done *done, void *context);
/* Nobody wants to know any more. */
void store_news_forget(struct store *store, store_done *done, void *context);

#endif
