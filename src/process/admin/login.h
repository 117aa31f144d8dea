/*
 * Inside process/admin: logging in, and what a user does to her own account.
 *
 * Who fails waits: by address and by user (limits.h).  What is wrong is not told: an unknown user,
 * a disabled one and a wrong password look alike and take the same time.  A password is never
 * logged, nor is a user name that nobody has: it may be a password in the wrong field.
 */
#ifndef SEALPOST_PROCESS_ADMIN_LOGIN_H
#define SEALPOST_PROCESS_ADMIN_LOGIN_H

#include "process/admin/call.h"

struct admin_limits *admin_limits_of_addresses(void);
struct admin_limits *admin_limits_of_users(void);

/* USER is who she says: note it in the audit log as ACTION, open a session, and answer what GET
 * /v1/session would. */
void admin_log_in(struct admin_call *call, const struct account_user *user, const char *action);
/* The user whom BY changes (changed_user) loses all her sessions but KEPT (a serial; 0: none), and
 * what she was does not log her in any more. */
void admin_user_changed(struct admin_call *by, uint64_t kept);
/* Nothing that began by the token which BY takes away (revoked_token) goes on. */
void admin_token_revoked(struct admin_call *by);
/* The user that the spool tells of ({"user": ...}); NULL: it does not. */
struct account_user *admin_read_user(struct admin_call *call, const json_t *result);

void admin_get_session(struct admin_call *call), admin_open_session(struct admin_call *call);
void admin_close_session(struct admin_call *call), admin_change_password(struct admin_call *call);
void admin_make_totp(struct admin_call *call), admin_set_totp(struct admin_call *call);
void admin_remove_totp(struct admin_call *call);

#endif
