/*
 * Internal to the spool: users, tokens and the audit log.
 *
 *   accounts.c         what is known of them; one change at a time
 *   accounts_verbs.c   users.*, tokens.*
 *   audit.c            audit.*, and what the log hears of changes of the configuration
 *
 * The verbs, as admin asks them.  "organisations" beside them says, as with every verb, whom they
 * are limited to; so what a user is given stands in an object of its own:
 *
 *   users.list {}                      {items: [user]}
 *   users.get {name}                   {user}
 *   users.secret {name}                the same with password (hash), totp (base32), totp_step
 *   users.put {name, new?, if_match?,  {user}; new: there must be none; if_match: its "changed"
 *     set: {role?, organisations?, disabled?, password? (hash), totp?, totp_step?}}
 *                                      null takes away; totp_step must rise, and is not logged
 *   users.remove {name, if_match?}     {}
 *   tokens.list {}                     {items: [token]}
 *   tokens.add {token: {id, hash, label, role, organisations?, expires?}}   {token}
 *   tokens.find {id}                   {token} with hash; what has expired is unknown
 *   tokens.remove {id}                 {}
 *   audit.add {action, object?, organisation?, before?, after?, result?}    {}
 *   audit.list {actor?, action?, object?, since?, until?, after?, limit?}   {items, next}
 *   audit.get {id}                     the entry
 *   audit.verify {}                    {ok, entries, head, broken_at, text}
 *   pulse {}                           {queue, recipients, trace, alarms, generation}: numbers
 *                                      that differ when there is something new
 *
 * Changes carry "via" (socket, session, token; without: socket) and "address" for the log.  Who is
 * limited may change password, totp and totp_step of the user of that name only.
 * ERR_CONFLICT: if_match does not match, or the step was used.
 */
#ifndef SEALPOST_PROCESS_SPOOL_ACCOUNTS_H
#define SEALPOST_PROCESS_SPOOL_ACCOUNTS_H

#include "port/store/access.h"
#include "process/spool/state.h"

/* NULL: none. */
const struct account_user *spool_user(const struct spool *spool, const char *name);
const struct account_token *spool_token(const struct spool *spool, const char *id);
size_t spool_user_count(const struct spool *spool);
size_t spool_token_count(const struct spool *spool);
const struct account_user *spool_user_at(const struct spool *spool, size_t i);
const struct account_token *spool_token_at(const struct spool *spool, size_t i);

/* Changes of users and tokens come one after the other: RUN is called when the one before is on
 * disk.  It must call spool_accounts_write(), or answer. */
void spool_accounts_change(
	struct spool_request *request, void (*run)(struct spool_request *request));
/* Write it, and then answer RESULT (taken).  What CHANGE points to lives in the request's arena. */
void spool_accounts_write(
	struct spool_request *request, const struct store_access_change *change, json_t *result);

/* An entry by the one who asks, of now; result "ok". */
struct account_entry spool_audit_entry(
	const struct spool_request *request, const char *action, const char *object);
/* One entry for each change, in the arena. */
struct store_audited spool_audit_config(const struct spool_request *request,
	const struct model_config *config, const struct model_change *changes, size_t count,
	struct arena *arena);

void spool_manage_users_list(struct spool_request *request);
void spool_manage_users_get(struct spool_request *request);
void spool_manage_users_secret(struct spool_request *request);
void spool_manage_users_put(struct spool_request *request);
void spool_manage_users_remove(struct spool_request *request);
void spool_manage_tokens_list(struct spool_request *request);
void spool_manage_tokens_add(struct spool_request *request);
void spool_manage_tokens_find(struct spool_request *request);
void spool_manage_tokens_remove(struct spool_request *request);
void spool_manage_audit_add(struct spool_request *request);
void spool_manage_audit_list(struct spool_request *request);
void spool_manage_audit_get(struct spool_request *request);
void spool_manage_audit_verify(struct spool_request *request);
void spool_manage_pulse(struct spool_request *request);

#endif
