#include "process/admin/challenge.h"

#include "base/mem.h"

#include <stdlib.h>

struct challenge {
	char *token, *answer;
};

struct admin_challenges {
	struct challenge items[ADMIN_CHALLENGES_MAX];
	size_t count;
};

static bool is_base64url(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return s.n > 0;
}

static struct challenge *find(const struct admin_challenges *all, struct str token)
{
	for (size_t i = 0; all != NULL && i < all->count; i++)
		if (str_is(token, all->items[i].token))
			return (struct challenge *)&all->items[i];
	return NULL;
}

static enum err check(struct str token, struct str answer, struct err_info *info)
{
	struct str thumbprint = answer;
	struct str first = str_cut(&thumbprint, '.');

	if (!is_base64url(token) || token.n > ADMIN_CHALLENGE_TOKEN_MAX)
		return err_set(info, ERR_SYNTAX,
			"token: expected at most %d letters, digits, \"-\" and \"_\", as the ACME "
			"server gave them",
			ADMIN_CHALLENGE_TOKEN_MAX);
	if (!str_equal(first, token) || !is_base64url(thumbprint) ||
		answer.n > ADMIN_CHALLENGE_ANSWER_MAX)
		return err_set(info, ERR_SYNTAX,
			"answer: expected the key authorization: the token, a dot, and the "
			"thumbprint of the account's key");
	return ERR_OK;
}

enum err admin_challenge_put(struct admin_challenges **challenges, struct str token,
	struct str answer, struct err_info *info)
{
	struct challenge *to;
	enum err e = check(token, answer, info);

	if (e != ERR_OK)
		return e;
	if (*challenges == NULL)
		*challenges = mem_new(sizeof(**challenges));
	to = find(*challenges, token);
	if (to == NULL && (*challenges)->count == ADMIN_CHALLENGES_MAX)
		return err_set(info, ERR_TOO_MANY,
			"there are %d challenges already; remove those that are over",
			ADMIN_CHALLENGES_MAX);
	if (to == NULL)
		to = &(*challenges)->items[(*challenges)->count++];
	free(to->token);
	free(to->answer);
	to->token = mem_text_of(token);
	to->answer = mem_text_of(answer);
	return ERR_OK;
}

bool admin_challenge_remove(struct admin_challenges *challenges, struct str token)
{
	struct challenge *gone = find(challenges, token);

	if (gone == NULL)
		return false;
	free(gone->token);
	free(gone->answer);
	*gone = challenges->items[--challenges->count];
	challenges->items[challenges->count] = (struct challenge){NULL, NULL};
	return true;
}

const char *admin_challenge_find(const struct admin_challenges *challenges, struct str token)
{
	const struct challenge *found = find(challenges, token);

	return found != NULL ? found->answer : NULL;
}

size_t admin_challenge_count(const struct admin_challenges *challenges)
{
	return challenges != NULL ? challenges->count : 0;
}

const char *admin_challenge_token(const struct admin_challenges *challenges, size_t index)
{
	return challenges->items[index].token;
}

void admin_challenges_free(struct admin_challenges **challenges)
{
	struct admin_challenges *all = *challenges;

	*challenges = NULL;
	for (size_t i = 0; all != NULL && i < all->count; i++) {
		free(all->items[i].token);
		free(all->items[i].answer);
	}
	free(all);
}
