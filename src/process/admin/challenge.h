/*
 * Inside process/admin: answers to ACME's HTTP challenges (RFC 8555 8.3), which everybody may fetch
 * at /.well-known/acme-challenge/TOKEN.  They live in memory only: a challenge takes seconds, and
 * whoever set one sets it again.
 */
#ifndef SEALPOST_PROCESS_ADMIN_CHALLENGE_H
#define SEALPOST_PROCESS_ADMIN_CHALLENGE_H

#include "base/err.h"
#include "base/str.h"

enum {
	ADMIN_CHALLENGES_MAX = 200,	  /* at once; then ERR_TOO_MANY */
	ADMIN_CHALLENGE_TOKEN_MAX = 128,  /* bytes */
	ADMIN_CHALLENGE_ANSWER_MAX = 512, /* bytes */
};

struct admin_challenges;

/* *CHALLENGES may be NULL, and is made.  An answer that is there is replaced.  ERR_SYNTAX: the
 * token is not base64url, or the answer is not the token, a dot and base64url (RFC 8555 8.1). */
enum err admin_challenge_put(struct admin_challenges **challenges, struct str token,
	struct str answer, struct err_info *info);
/* False: there was none. */
bool admin_challenge_remove(struct admin_challenges *challenges, struct str token);
/* NULL: there is none.  Good until the next change. */
const char *admin_challenge_find(const struct admin_challenges *challenges, struct str token);
/* How many, and the token of one of them. */
size_t admin_challenge_count(const struct admin_challenges *challenges);
const char *admin_challenge_token(const struct admin_challenges *challenges, size_t index);
void admin_challenges_free(struct admin_challenges **challenges);

#endif
