/*
 * Who may use the server, and what was changed by whom: users, tokens, and the audit log
 * (core/account), in queue.db.
 *
 * The audit log is only added to: the database refuses anything else, and each entry's hash covers
 * the one before it.  Entries that belong to a change are written with it, or neither is.
 */
#ifndef SEALPOST_PORT_STORE_ACCESS_H
#define SEALPOST_PORT_STORE_ACCESS_H

#include "core/account/account.h"
#include "port/store/store.h"

struct store_access_change {
	const struct account_user *user; /* replaced, or added; NULL: none, and so on */
	const char *user_gone;
	const struct account_token *token;
	const char *token_gone;
	struct store_audited audited;
};
/* Any part may be absent: entries alone are added to the log. */
void store_access_apply(struct store *store, const struct store_access_change *change,
	store_done *done, void *context);

struct store_access {
	const struct account_user *users; /* in the order of names */
	size_t user_count;
	const struct account_token *tokens; /* in the order of ids */
	size_t token_count;
};
/* ERR_UNSUPPORTED: one cannot be read by this version (TEXT says which); ACCESS is then NULL. */
typedef void store_access_done(
	void *context, enum err e, const struct store_access *access, const char *text);
void store_access(struct store *store, store_access_done *done, void *context);

/* All that are given must match. */
struct store_audit_query {
	const char *actor;  /* case does not matter; NULL: any, and so on */
	const char *action; /* "connector.change", or "connector" for all that begins so */
	const char *object; /* exactly, but for case */
	const struct record_texts *organisations; /* of one of these */
	int64_t since_ms, until_ms;		  /* 0: no limit */
	int64_t before;				  /* id; 0: from the newest */
	size_t limit;				  /* at most STORE_MAX_LIST */
};
/* Newest first.  NEXT: pass it as .before to go on; 0: that was all.  There may be fewer entries
 * than the limit, even none, and a NEXT all the same.  Works in small steps between commits. */
typedef void store_audit_done(
	void *context, enum err e, const struct account_entry *entries, size_t count, int64_t next);
void store_audit(struct store *store, const struct store_audit_query *query, store_audit_done *done,
	void *context);

struct store_audit_verdict {
	int64_t entries;   /* that were looked at and are as they were written */
	const char *head;  /* hash of the last one that is */
	int64_t broken_at; /* id of the first one that is changed or missing; 0: all is well */
	const char *text;  /* what is wrong there; NULL */
};
typedef void store_audit_verified(
	void *context, enum err e, const struct store_audit_verdict *verdict);
/* Works in small steps between commits. */
void store_audit_verify(struct store *store, store_audit_verified *done, void *context);

#endif
