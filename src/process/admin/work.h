/*
 * Inside process/admin: hashes of passwords, which take long on purpose (50 to 100 ms, 32 MiB).
 *
 * One is made or compared at a time, in the process's own loop, and then as much time again, twice,
 * is left to everybody else: strangers who try passwords take a third of the process at most.  A
 * few wait; who comes when the queue is full is told so.  Whose client has gone is not worked for.
 */
#ifndef SEALPOST_PROCESS_ADMIN_WORK_H
#define SEALPOST_PROCESS_ADMIN_WORK_H

#include "process/admin/call.h"

enum { ADMIN_WORK_MAX = 16 };

struct admin_work;
struct admin_work *admin_work_new(struct event_base *base) MUST_USE;
void admin_work_free(struct admin_work **work);

/* What came of it; HASH: of admin_password_make(), until the callback returns. */
typedef void admin_worked(struct admin_call *call, bool is_right, const char *hash);

/* Is it the password of that hash (NULL: of nobody, which takes as long)?  The call ends with 503
 * when too many wait. */
void admin_password_verify(
	struct admin_call *call, const char *password, const char *hash, admin_worked *done);
/* A hash of a new one. */
void admin_password_make(struct admin_call *call, const char *password, admin_worked *done);
/* The call ends: forget what it waits for. */
void admin_work_cancel(struct admin_call *call);

#endif
