/*
 * Questions to the lookup process about certificates: is one of a chain revoked, and is there an
 * OCSP answer on an own one to staple.  Nothing here blocks, and every question ends: with the
 * answer, or without one when the lookup process is not there, goes away or does not answer in
 * time.
 *
 * The channel is the owner's, who may use it for other questions too: he hands over what comes.
 */
#ifndef SEALPOST_PORT_INQUIRY_INQUIRY_H
#define SEALPOST_PORT_INQUIRY_INQUIRY_H

#include "port/ipc/ipc.h"

struct inquiry;
struct inquiry_question;

struct inquiry *inquiry_new(struct event_base *base) MUST_USE;
/* Cancels what is under way. */
void inquiry_free(struct inquiry **inquiry);
/* The channel to the lookup process from now on, NULL: there is none.  What was asked on another
 * one ends without an answer. */
void inquiry_channel(struct inquiry *inquiry, struct ipc *ipc);
/* A message of the lookup process; false: it is not for this room. */
bool inquiry_take(struct inquiry *inquiry, enum wire_type type, const void *record);

/* Called once, from the loop, never from within the call that asks; ANSWER lives until it returns,
 * the question is freed by then. ANSWER NULL: there is none, and WHY says why (static text). */
typedef void inquiry_revocation_done(
	void *context, const struct wire_revocation_answer *answer, const char *why);
typedef void inquiry_staple_done(void *context, const struct wire_staple *answer, const char *why);

/* The tag is filled in.  A little after ASK's wait_ms it ends in any case. */
struct inquiry_question *inquiry_revocation(struct inquiry *inquiry,
	const struct wire_revocation_ask *ask, inquiry_revocation_done *done, void *context);
/* CHAIN as in struct wire_staple_ask. */
struct inquiry_question *inquiry_staple(
	struct inquiry *inquiry, struct str chain, inquiry_staple_done *done, void *context);
/* NULL is fine; leaves NULL.  Nothing is called any more. */
void inquiry_cancel(struct inquiry_question **question);

#endif
