/*
 * Inside process/admin: the gate that every request passes before a handler sees it.
 *
 *     route found ─► who asks (caller.c) ─► may this role do that, is it asked by our own pages
 *       ─► body ─► is it hers (who.c) ─► noted in the audit log ─► handler
 *
 * Who asks is known by her token, else by her session's cookie, else, on admin.sock, by the kernel;
 * whoever came over the network has no third way.  Routes that are open (the log-in, the files of
 * the admin center) ask for nobody.
 *
 * A change stands in the audit log or does not happen: the spool writes its own changes
 * (configuration, users, tokens) into the log with them; of all others this gate writes an entry
 * before the handler begins, and one more if it then fails.
 */
#ifndef SEALPOST_PROCESS_ADMIN_GATE_H
#define SEALPOST_PROCESS_ADMIN_GATE_H

#include "process/admin/call.h"

/* Find out who asks, and go on; false answers end the call.  call->is_known says whether anybody is
 * known. */
void admin_identify(struct admin_call *call, void (*go)(struct admin_call *call));

/* Nobody is known who asks: one request of her address, if she came over the network.  False: there
 * were too many, answered. */
bool admin_pays_as_stranger(struct admin_call *call);

/* Is who began CALL still known, with the same rights?  For calls that go on for long. */
bool admin_is_still_known(struct admin_call *call);

/* Does a role have that access at all, whatever the organisation? */
bool admin_role_may(enum account_role role, enum admin_access access);
/* What this request does: that of its route, but for a connector's test that sends mail. */
enum admin_access admin_call_access(const struct admin_call *call);
/* Before the body is read.  False: answered. */
bool admin_pass(struct admin_call *call);
/* With the body: the rest of the gate, and then the handler. */
void admin_go_through(struct admin_call *call);

/* Note in the audit log that who asks does ACTION to OBJECT (NULL: nothing certain), and go on; the
 * call ends with 503 if that cannot be noted.  AFTER is taken; NULL: nothing. */
void admin_audit(struct admin_call *call, const char *action, const char *object, json_t *after,
	void (*go)(struct admin_call *call));
/* It failed all the same. */
void admin_audit_failed(struct admin_call *call, const char *why);

#endif
