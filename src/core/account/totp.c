/* One-time codes (RFC 6238 over RFC 4226). */
#include "core/account/account.h"

#include <stdio.h>
#include <string.h>

void account_totp_code(
	struct str key, int64_t step, account_hmac_sha1 *hmac, char ret[ACCOUNT_TOTP_DIGITS + 1])
{
	unsigned char counter[8], mac[20];
	unsigned offset;
	uint32_t number;

	for (size_t i = 0; i < sizeof(counter); i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - i * 8));
	hmac(key, str_make(counter, sizeof(counter)), mac);
	offset = mac[19] & 0x0f; /* RFC 4226 5.3 */
	number = (uint32_t)(mac[offset] & 0x7f) << 24 | (uint32_t)mac[offset + 1] << 16 |
		 (uint32_t)mac[offset + 2] << 8 | mac[offset + 3];
	snprintf(ret, ACCOUNT_TOTP_DIGITS + 1, "%06u", (unsigned)(number % 1000000));
}

/* In a time that does not depend on where they differ. */
static bool is_same(const char *a, const char *b)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < ACCOUNT_TOTP_DIGITS; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return differs == 0;
}

bool account_totp_check(struct str key, struct str code, int64_t now_ms, int64_t last_step,
	account_hmac_sha1 *hmac, int64_t *ret_step)
{
	int64_t now = now_ms / ACCOUNT_TOTP_STEP_MS;
	bool found = false;

	if (code.n != ACCOUNT_TOTP_DIGITS)
		return false;
	for (int64_t step = now - 1; step <= now + 1; step++) {
		char want[ACCOUNT_TOTP_DIGITS + 1];

		account_totp_code(key, step, hmac, want);
		if (is_same(want, code.p) && step > last_step && !found) {
			found = true;
			*ret_step = step;
		}
	}
	return found;
}

static const char *escape(const char *text, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	char *to = arena_alloc(arena, strlen(text) * 3 + 1);
	char *p = to;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c) != NULL) {
			*p++ = *text;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	return to;
}

const char *account_totp_uri(
	const char *issuer, const char *user, const char *base32, struct arena *arena)
{
	const char *by = escape(issuer, arena);

	return arena_format(arena, "otpauth://totp/%s:%s?secret=%s&issuer=%s", by,
		escape(user, arena), base32, by);
}
