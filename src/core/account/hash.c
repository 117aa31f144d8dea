/* The text forms of password hashes and tokens. */
#include "core/account/account.h"

#include <stdio.h>
#include <string.h>

enum { MAX_MEMORY = 256 * 1024 * 1024 };

/* A decimal number without leading zeros, in [LEAST, MOST]. */
static bool take_number(struct str *rest, unsigned least, unsigned most, unsigned *ret)
{
	struct str part = str_cut(rest, '$');
	uint64_t value;

	if (part.n == 0 || part.n > 4 || part.p[0] == '0' || !str_to_u64(part, &value) ||
		value < least || value > most)
		return false;
	*ret = (unsigned)value;
	return true;
}

bool account_hash_parse(struct str text, struct account_hash *ret)
{
	struct account_hash h = {0};
	struct str salt;

	if (!str_is(str_cut(&text, '$'), "scrypt") || !take_number(&text, 10, 20, &h.log2_n) ||
		!take_number(&text, 1, 32, &h.r) || !take_number(&text, 1, 16, &h.p) ||
		((uint64_t)128 << h.log2_n) * h.r > MAX_MEMORY)
		return false;
	salt = str_cut(&text, '$');
	if (!account_base64_parse(salt, h.salt, sizeof(h.salt), &h.salt_size) || h.salt_size < 8 ||
		!account_base64_parse(text, h.hash, sizeof(h.hash), &h.hash_size) ||
		h.hash_size < 16)
		return false;
	*ret = h;
	return true;
}

void account_hash_format(const struct account_hash *h, char ret[ACCOUNT_HASH_TEXT])
{
	char salt[ACCOUNT_MAX_SALT * 2], hash[ACCOUNT_MAX_HASH * 2];

	account_base64_format(h->salt, h->salt_size, salt);
	account_base64_format(h->hash, h->hash_size, hash);
	snprintf(
		ret, ACCOUNT_HASH_TEXT, "scrypt$%u$%u$%u$%s$%s", h->log2_n, h->r, h->p, salt, hash);
}

static bool is_word(struct str s, size_t size)
{
	if (s.n != size)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '2' && s.p[i] <= '7'))
			return false;
	return true;
}

bool account_token_parse(struct str text, struct str *ret_id, struct str *ret_secret)
{
	struct str id;

	if (!str_is(str_cut(&text, '_'), "sp"))
		return false;
	id = str_cut(&text, '_');
	if (!is_word(id, ACCOUNT_TOKEN_ID) || !is_word(text, ACCOUNT_TOKEN_SECRET))
		return false;
	*ret_id = id;
	*ret_secret = text;
	return true;
}
