/*
 * Steps in the life of a certificate (core/cert/life.h has the drawing).  Each takes a life and a
 * moment and gives the life after it, or says why it cannot be done; nothing else changes a life.
 *
 * What always holds (cert_step_check()): a life with versions has exactly one current, at most one
 * next and at most one deprecated one; ids are numbers that only grow; a trial, and dates for its
 * start and for advancing, are only there while there is a next version.  No step makes a version
 * current that is not valid at that moment.
 */
#ifndef SEALPOST_CORE_CERT_STEP_H
#define SEALPOST_CORE_CERT_STEP_H

#include "core/cert/life.h"

enum cert_action {
	CERT_START,   /* begin the trial of the next version, or change it; with a date: then */
	CERT_ADVANCE, /* next becomes current, current deprecated, deprecated retired */
	CERT_BACK,    /* current becomes next, deprecated current */
	CERT_RETIRE,  /* deprecated is retired: its key is destroyed */
	CERT_CANCEL,  /* end the trial and forget all dates; next stays */
	CERT_DROP,    /* next is retired without ever having been current */
};
extern const char *const cert_action_names[]; /* "start", "advance", ... */

/* What clocks may differ, and a question may be on its way. */
enum { CERT_STEP_GRACE_MS = 60 * 1000 };

struct cert_step {
	int action; /* enum cert_action */
	/* START, ADVANCE, RETIRE: do it then; 0: now.  So is a moment that has just passed
	 * (CERT_STEP_GRACE_MS); an earlier one is refused. */
	int64_t at_ms;
	/* ADVANCE: also where the next version does not pass a partner's checks. */
	bool force;
	/* START: whom the next version is shown.  One of them must be given. */
	int64_t share;			/* per cent, 0..100 */
	struct record_texts connectors; /* "organisation/name" */
};
extern const struct record_desc cert_step_desc;

/* A version that comes: id and dates of states are set by the step. */
struct cert_arrival {
	int64_t not_before_ms, not_after_ms;
	struct record_texts sha256;
	bool replaces_next; /* a next version that is there is dropped; else that is ERR_EXISTS */
};

/* A moment that is over is ERR_RANGE, and the text begins with its place, "at". */
enum err cert_step_check_moment(
	const struct cert_step *step, int64_t now_ms, struct err_info *info);
/* RET and what it points to live in ARENA, and share nothing with LIFE.  ERR_CONFLICT: the life is
 * not in a state for it; ERR_RANGE: a moment does not fit; INFO says what to do instead. */
enum err cert_step_take(const struct cert_life *life, const struct cert_step *step, int64_t now_ms,
	struct arena *arena, struct cert_life *ret, struct err_info *info);
/* LIFE may have no versions yet: then the arrival is current at once. */
enum err cert_step_add(const struct cert_life *life, const struct cert_arrival *arrival,
	int64_t now_ms, struct arena *arena, struct cert_life *ret, struct err_info *info);

/* What is to be done by date at NOW_MS, one step at a time: false: nothing.  Besides what the plan
 * says, a current version that has expired gives way to a next one that is valid, and a deprecated
 * one that has expired is retired.  A step that cannot be taken yet is not due: WHY (may be NULL)
 * then says what it waits for, else is "". */
bool cert_step_due(
	const struct cert_life *life, int64_t now_ms, struct cert_step *ret, struct err_info *why);
/* What is known of partners that check more of a certificate than its validity. */
struct cert_hold {
	const char *name, *version;
	bool breaks; /* VERSION does not pass the checks of one of them */
	const char *text;
};
/* Must STEP, which is due by date, be left until somebody has looked?  That is an advance that
 * breaks a partner, and was not planned by force.  KNOWN is about the next version; NULL: it is not
 * known yet, which holds it, too, and leaves WHY empty.  An advance because the current version has
 * expired is never held: with that one nobody's checks pass. */
bool cert_step_is_held(const struct cert_life *life, const struct cert_step *step, int64_t now_ms,
	const struct cert_hold *known, struct err_info *why);
/* When to ask cert_step_due() again, at the latest; INT64_MAX: nothing has a date. */
int64_t cert_step_next_due(const struct cert_life *life, int64_t now_ms);

/* Is the life one that the steps can have made?  INFO says what is wrong with it. */
enum err cert_step_check(const struct cert_life *life, struct err_info *info);

#endif
