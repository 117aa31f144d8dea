/* Checks and kept forms of what rules and connectors are matched by: addresses, pins, groups. */
#include "core/model/checks.h"

static enum err expected(struct err_info *info, const char *what, const char *found)
{
	return err_set(info, ERR_SYNTAX, "expected %s, found \"%.80s%s\"", what, found,
		strlen(found) > 80 ? "..." : "");
}

enum { PIN_DIGITS = 64 };

enum err model_check_pin(const char *text, struct err_info *info)
{
	size_t digits = 0;
	bool fine = true;

	for (const char *p = text; *p != '\0'; p++) {
		char c = str_lower(*p);

		if (c == ':')
			continue;
		fine = fine && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
		digits++;
	}
	if (!fine || digits != PIN_DIGITS)
		return expected(info,
			"the SHA-256 of a public key: 64 hexadecimal digits (openssl x509 -pubkey "
			"-noout | openssl pkey -pubin -outform der | sha256sum)",
			text);
	return ERR_OK;
}

static char *lower(const char *text, size_t n, struct arena *arena)
{
	char *out = arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = str_lower(text[i]);
	out[n] = '\0';
	return out;
}

const char *model_normal_pin(const char *text, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(text) + 1), *p = out;

	for (; *text != '\0'; text++)
		if (*text != ':')
			*p++ = str_lower(*text);
	*p = '\0';
	return out;
}

enum err model_check_group(const char *text, struct err_info *info)
{
	static const char *const groups[] = {
		"x25519mlkem768", "x25519", "secp256r1", "secp384r1", "secp521r1"};

	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
		if (strcmp(text, groups[i]) == 0)
			return ERR_OK;
	return expected(info, "x25519mlkem768, x25519, secp256r1, secp384r1 or secp521r1", text);
}

const char *model_normal_mailbox(const char *text, struct arena *arena)
{
	const char *at = strrchr(text, '@');
	const char *domain = at != NULL ? model_domain_name(str_of(at + 1), false, arena) : NULL;

	if (domain == NULL)
		return arena_text(arena, text);
	return arena_format(arena, "%s@%s", lower(text, (size_t)(at - text), arena), domain);
}

static bool is_pattern(const char *text)
{
	return strchr(text, '@') != NULL ? model_check_mailbox(text, NULL) == ERR_OK
					 : model_check_pattern(text, NULL) == ERR_OK;
}

enum err model_check_sender_pattern(const char *text, struct err_info *info)
{
	if (strcmp(text, "<>") != 0 && !is_pattern(text))
		return expected(info,
			"an address, a domain, \"*.\" and a domain, \"*\", or \"<>\" for the null "
			"sender",
			text);
	return ERR_OK;
}

enum err model_check_recipient_pattern(const char *text, struct err_info *info)
{
	if (!is_pattern(text))
		return expected(info, "an address, a domain, \"*.\" and a domain, or \"*\"", text);
	return ERR_OK;
}

const char *model_normal_pattern(const char *text, struct arena *arena)
{
	return strchr(text, '@') != NULL ? model_normal_mailbox(text, arena)
					 : model_normal_name(text, arena);
}

enum err model_check_header(const char *text, struct err_info *info)
{
	bool fine = text[0] != '\0';

	/* RFC 5322 3.6.8 */
	for (const char *p = text; *p != '\0'; p++)
		fine = fine && *p > ' ' && *p < 127 && *p != ':';
	if (!fine)
		return expected(info, "the name of a header field, without the colon", text);
	return ERR_OK;
}

enum err model_check_reply_text(const char *text, struct err_info *info)
{
	bool fine = text[0] != '\0';

	for (const char *p = text; *p != '\0'; p++)
		fine = fine && *p >= ' ' && *p < 127;
	if (!fine)
		return expected(info, "one line of printable ASCII", text);
	return ERR_OK;
}
