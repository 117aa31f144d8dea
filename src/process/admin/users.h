/* Inside process/admin: users, tokens and the audit log (users.c, tokens.c, audit.c).  The spool
 * keeps them; see its accounts.h for the verbs. */
#ifndef SEALPOST_PROCESS_ADMIN_USERS_H
#define SEALPOST_PROCESS_ADMIN_USERS_H

#include "process/admin/call.h"

void admin_get_users(struct admin_call *call), admin_add_user(struct admin_call *call);
void admin_get_user(struct admin_call *call), admin_patch_user(struct admin_call *call);
void admin_delete_user(struct admin_call *call);
void admin_get_tokens(struct admin_call *call), admin_add_token(struct admin_call *call);
void admin_get_token(struct admin_call *call);
void admin_delete_token(struct admin_call *call);
void admin_get_audit(struct admin_call *call), admin_get_audit_entry(struct admin_call *call);
void admin_verify_audit(struct admin_call *call);

#endif
