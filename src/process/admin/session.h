/*
 * Inside process/admin: who is logged in.  In memory only: a restart logs everybody out.
 *
 * The browser holds a secret in a cookie; here stands its digest, so that what is found in this
 * memory, or compared byte by byte, is no way in.  Limits are on all, and on those of one user: the
 * one longest unused goes.  Time is given (runtime_ticks_ms()).
 */
#ifndef SEALPOST_PROCESS_ADMIN_SESSION_H
#define SEALPOST_PROCESS_ADMIN_SESSION_H

#include "core/record/record.h"
#include "port/secret/secret.h"

enum {
	ADMIN_SESSIONS_MAX = 1000,
	ADMIN_SESSIONS_PER_USER = 20,
	ADMIN_SESSION_SECRET = 53, /* 32 bytes in base32, and NUL */
};
#define ADMIN_SESSION_COOKIE "__Host-sealpost"

struct admin_session {
	struct admin_session *newer, *older; /* by use */
	uint64_t serial;		     /* never given out again */
	char digest[ACCOUNT_AUDIT_HASH];
	char csrf[ADMIN_SESSION_SECRET];
	char user[ACCOUNT_MAX_NAME + 1];
	enum account_role role;
	struct arena *arena; /* of what follows */
	struct record_texts organisations;
	bool has_totp;
	char totp[SECRET_TOTP_TEXT]; /* a new key, until a code has shown that it works; or "" */
	int64_t opened_ms, used_ms;
};

struct admin_sessions;
struct admin_sessions *admin_sessions_new(void) MUST_USE;
void admin_sessions_free(struct admin_sessions **sessions);

/* A session of USER, as the spool tells of her.  RET_SECRET goes into the cookie, and stands
 * nowhere else.  Good until it is closed, or the next call of open or find. */
struct admin_session *admin_session_open(struct admin_sessions *sessions,
	const struct account_user *user, int64_t now_ms, char ret_secret[ADMIN_SESSION_SECRET]);
/* How long sessions last. */
struct admin_session_terms {
	int64_t idle_ms, life_ms;
};
/* The session of that secret; NULL: there is none (any more).  COUNTS: that is a use of it. */
struct admin_session *admin_session_find(struct admin_sessions *sessions, struct str secret,
	const struct admin_session_terms *terms, int64_t now_ms, bool counts);
/* The same by its serial, which is no secret; it counts as no use. */
struct admin_session *admin_session_by_serial(struct admin_sessions *sessions, uint64_t serial,
	const struct admin_session_terms *terms, int64_t now_ms);
void admin_session_close(struct admin_sessions *sessions, struct admin_session *session);
/* All of a user but KEPT (a serial; 0: none). */
void admin_sessions_drop(struct admin_sessions *sessions, const char *user, uint64_t kept);
size_t admin_sessions_count(const struct admin_sessions *sessions);

#endif
