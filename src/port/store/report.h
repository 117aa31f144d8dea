/*
 * Reports: counts of what the trace has seen, kept longer than the trace itself.  They are made of
 * the same events in the same transaction; calls are as in port/store/store.h.
 */
#ifndef SEALPOST_PORT_STORE_REPORT_H
#define SEALPOST_PORT_STORE_REPORT_H

#include "port/store/store.h"

enum {
	STORE_REPORT_ROWS = 10000, /* of one report; the rest counts in rows of "*" */
};

/* What a report tells apart. */
enum store_report_by {
	STORE_BY_ORGANISATION = 1,
	STORE_BY_CONNECTOR = 2,
	STORE_BY_KIND = 4,
	STORE_BY_TOKEN = 8,
	STORE_BY_LEVEL = 16,
	STORE_BY_VERSION = 32,
	STORE_BY_CIPHER = 64,
	STORE_BY_GROUP = 128,
	STORE_BY_DOMAIN = 256, /* only with STORE_REPORT_CLEAR, which tells nothing else apart but
				  organisations */
};

enum store_report_of {
	STORE_REPORT_EVENTS, /* everything that has happened */
	STORE_REPORT_PASSED, /* mail received, delivered, relayed, handed over */
	STORE_REPORT_HOPS,   /* the same, but only over the network */
	STORE_REPORT_CLEAR,  /* domains whose mail came or went without TLS, by day */
};
/* Where hours are gone, HOUR tells days. */
enum store_report_step { STORE_STEP_HOUR, STORE_STEP_DAY, STORE_STEP_TOTAL };

struct store_report_query {
	int of;					  /* enum store_report_of */
	unsigned by;				  /* enum store_report_by */
	int step;				  /* enum store_report_step */
	int64_t since_ms, until_ms;		  /* that hour, or day, counts whole */
	int direction;				  /* -1: both */
	const char *organisation, *connector;	  /* NULL: all */
	const struct record_texts *organisations; /* only theirs; NULL: all */
};

struct store_report_row {
	int64_t at_ms; /* when its step begins; 0: TOTAL */
	int direction; /* enum receipt_direction */
	/* "" where it is not told apart, or there is none; "*" where there were too many. */
	const char *organisation, *connector, *kind, *token;
	const char *level; /* "forced", "verified", "encrypted", "clear", "local" */
	const char *version, *cipher, *group;
	const char *domain, *host; /* CLEAR; "<>": no sender */
	int64_t recipients;	   /* one event each */
	int64_t messages, bytes;   /* not CLEAR */
	int64_t first_ms, last_ms; /* CLEAR */
	int64_t sample;		   /* CLEAR: a message; 0: none */
};
/* In the order of time, then the most first.  CROWDED: there were more than STORE_REPORT_ROWS. */
typedef void store_report_done(
	void *context, enum err e, const struct store_report_row *rows, size_t count, bool crowded);
void store_report(struct store *store, const struct store_report_query *query,
	store_report_done *done, void *context);

/* Moments, in milliseconds of Unix time. */
struct store_report_ages {
	int64_t days_ms;   /* hours before are added to their days */
	int64_t hours_ms;  /* days before have no hours any more; not after DAYS_MS */
	int64_t before_ms; /* what was before is forgotten */
};
/* In small steps.  DONE may be NULL. */
void store_report_expire(
	struct store *store, const struct store_report_ages *ages, store_done *done, void *context);

#endif
