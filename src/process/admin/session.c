#include "process/admin/session.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct admin_sessions {
	struct map *by_digest;
	struct admin_session *newest, *oldest;
	uint64_t last_serial;
};

struct admin_sessions *admin_sessions_new(void)
{
	struct admin_sessions *sessions = mem_new(sizeof(*sessions));

	sessions->by_digest = map_new(0); /* keys are digests: nobody chooses them */
	return sessions;
}

static void unlink_session(struct admin_sessions *sessions, struct admin_session *s)
{
	if (s->newer != NULL)
		s->newer->older = s->older;
	else
		sessions->newest = s->older;
	if (s->older != NULL)
		s->older->newer = s->newer;
	else
		sessions->oldest = s->newer;
	s->newer = s->older = NULL;
}

static void put_first(struct admin_sessions *sessions, struct admin_session *s)
{
	s->older = sessions->newest;
	if (sessions->newest != NULL)
		sessions->newest->newer = s;
	sessions->newest = s;
	if (sessions->oldest == NULL)
		sessions->oldest = s;
}

void admin_session_close(struct admin_sessions *sessions, struct admin_session *session)
{
	unlink_session(sessions, session);
	map_remove(sessions->by_digest, str_of(session->digest));
	arena_free(&session->arena);
	secret_forget(session, sizeof(*session));
	free(session);
}

void admin_sessions_free(struct admin_sessions **sessions)
{
	struct admin_sessions *s = *sessions;
	struct admin_session *older;

	*sessions = NULL;
	if (s == NULL)
		return;
	for (struct admin_session *session = s->newest; session != NULL; session = older) {
		older = session->older;
		admin_session_close(s, session);
	}
	map_free(&s->by_digest);
	free(s);
}

size_t admin_sessions_count(const struct admin_sessions *sessions)
{
	return map_count(sessions->by_digest);
}

/* For a new one of USER. */
static void make_room(struct admin_sessions *sessions, const char *user)
{
	struct admin_session *hers = NULL;
	size_t count = 0;

	for (struct admin_session *s = sessions->newest; s != NULL; s = s->older)
		if (strcmp(s->user, user) == 0) {
			hers = s;
			count++;
		}
	if (count >= ADMIN_SESSIONS_PER_USER)
		admin_session_close(sessions, hers);
	if (admin_sessions_count(sessions) >= ADMIN_SESSIONS_MAX)
		admin_session_close(sessions, sessions->oldest);
}

static void make_secret(char ret[ADMIN_SESSION_SECRET])
{
	unsigned char bytes[32];

	secret_random(bytes, sizeof(bytes));
	account_base32_format(bytes, sizeof(bytes), ret);
	secret_forget(bytes, sizeof(bytes));
}

struct admin_session *admin_session_open(struct admin_sessions *sessions,
	const struct account_user *user, int64_t now_ms, char ret_secret[ADMIN_SESSION_SECRET])
{
	struct admin_session *s;

	make_room(sessions, user->name);
	s = mem_new(sizeof(*s));
	s->serial = ++sessions->last_serial;
	make_secret(ret_secret);
	make_secret(s->csrf);
	secret_sha256(str_of(ret_secret), s->digest);
	snprintf(s->user, sizeof(s->user), "%s", user->name);
	s->role = (enum account_role)user->role;
	s->arena = arena_new();
	s->organisations.items =
		arena_array(s->arena, user->organisations.count, sizeof(*s->organisations.items));
	for (size_t i = 0; i < user->organisations.count; i++)
		s->organisations.items[s->organisations.count++] =
			arena_text(s->arena, user->organisations.items[i]);
	s->has_totp = user->totp != NULL;
	s->opened_ms = s->used_ms = now_ms;
	map_set(sessions->by_digest, str_of(s->digest), s);
	put_first(sessions, s);
	return s;
}

/* NULL: it is over, and gone. */
static struct admin_session *still_good(struct admin_sessions *sessions, struct admin_session *s,
	const struct admin_session_terms *terms, int64_t now_ms)
{
	if (s == NULL ||
		(now_ms - s->used_ms < terms->idle_ms && now_ms - s->opened_ms < terms->life_ms))
		return s;
	admin_session_close(sessions, s);
	return NULL;
}

struct admin_session *admin_session_find(struct admin_sessions *sessions, struct str secret,
	const struct admin_session_terms *terms, int64_t now_ms, bool counts)
{
	char digest[ACCOUNT_AUDIT_HASH];
	struct admin_session *s;

	secret_sha256(secret, digest);
	s = still_good(sessions, map_get(sessions->by_digest, str_of(digest)), terms, now_ms);
	if (s != NULL && counts) {
		s->used_ms = now_ms;
		unlink_session(sessions, s);
		put_first(sessions, s);
	}
	return s;
}

struct admin_session *admin_session_by_serial(struct admin_sessions *sessions, uint64_t serial,
	const struct admin_session_terms *terms, int64_t now_ms)
{
	for (struct admin_session *s = sessions->newest; s != NULL; s = s->older)
		if (s->serial == serial)
			return still_good(sessions, s, terms, now_ms);
	return NULL;
}

void admin_sessions_drop(struct admin_sessions *sessions, const char *user, uint64_t kept)
{
	struct admin_session *older;

	for (struct admin_session *s = sessions->newest; s != NULL; s = older) {
		older = s->older;
		if (strcmp(s->user, user) == 0 && s->serial != kept)
			admin_session_close(sessions, s);
	}
}
