/*
 * Who was told of which alarms.  Alarms have numbers that only grow; each way of telling remembers
 * the last one it has told, on disk, so that none is forgotten by a restart.  Calls are as in
 * port/store/store.h.
 */
#ifndef SEALPOST_PORT_STORE_ALERT_H
#define SEALPOST_PORT_STORE_ALERT_H

#include "port/store/store.h"

enum store_alert_way { STORE_ALERT_LOG, STORE_ALERT_MAIL, STORE_ALERT_WEBHOOK, STORE_ALERT_MAX };

/* Alarms that this way has not told yet, oldest first; LIMIT 0: STORE_MAX_LIST. */
void store_alert_next(struct store *store, enum store_alert_way way, size_t limit,
	store_alarms_done *done, void *context);
/* All up to this one have been told. */
void store_alert_told(
	struct store *store, enum store_alert_way way, int64_t id, store_done *done, void *context);

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

#endif
