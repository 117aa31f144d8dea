#include "core/model/checks.h"

static enum err expected(struct err_info *info, const char *what, const char *found)
{
	return err_set(info, ERR_SYNTAX, "expected %s, found \"%.80s%s\"", what, found,
		strlen(found) > 80 ? "..." : "");
}

static bool is_domain(const char *text, bool wildcard)
{
	struct arena *arena = arena_new();
	bool is = model_domain_name(str_of(text), wildcard, arena) != NULL;

	arena_free(&arena);
	return is;
}

const char *model_normal_name(const char *text, struct arena *arena)
{
	const char *name = model_domain_name(str_of(text), true, arena);

	return name != NULL ? name : arena_text(arena, text);
}

enum err model_check_name(const char *text, struct err_info *info)
{
	size_t n = strlen(text);
	bool fine = n > 0 && n <= 64 && text[0] != '.' && text[0] != '-';

	for (size_t i = 0; i < n; i++) {
		char c = str_lower(text[i]);

		fine = fine && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
				       c == '.' || c == '_');
	}
	if (!fine)
		return expected(info,
			"a name of 1 to 64 letters, digits, \"-\", \".\" and \"_\" that begins "
			"with none of \"-\" and \".\"",
			text);
	return ERR_OK;
}

enum err model_check_domain(const char *text, struct err_info *info)
{
	if (!is_domain(text, false))
		return expected(info, "a domain name such as contoso.example", text);
	return ERR_OK;
}

enum err model_check_pattern(const char *text, struct err_info *info)
{
	if (strcmp(text, "*") != 0 && !is_domain(text, true))
		return expected(info,
			"a domain name, \"*.\" and a domain name (all its subdomains), or \"*\"",
			text);
	return ERR_OK;
}

enum err model_check_certificate_name(const char *text, struct err_info *info)
{
	if (!is_domain(text, true))
		return expected(info,
			"a name such as mx.fabrikam.example, or *.fabrikam.example for one label",
			text);
	return ERR_OK;
}

enum err model_check_prefix(const char *text, struct err_info *info)
{
	struct model_prefix prefix;

	if (!model_parse_prefix(str_of(text), &prefix))
		return expected(info,
			"an address or prefix such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
			text);
	return ERR_OK;
}

enum err model_check_smart_host(const char *text, struct err_info *info)
{
	struct str host;
	uint16_t port;

	if (!model_parse_endpoint(str_of(text), 25, &host, &port))
		return expected(
			info, "a host such as mx.example, mx.example:25 or [2001:db8::1]:25", text);
	return ERR_OK;
}

enum err model_check_delivery(const char *text, struct err_info *info)
{
	struct model_delivery delivery;

	if (!model_parse_delivery(text, &delivery))
		return expected(info,
			"maildir:PATH (with {local} and {domain}, without \"..\"), "
			"lmtp:unix:/PATH, lmtp:HOST:PORT or smtp:HOST:PORT",
			text);
	return ERR_OK;
}

enum err model_check_mailbox(const char *text, struct err_info *info)
{
	struct str s = str_of(text);
	size_t at = str_find_last(s, '@');
	bool fine = at > 0 && at < s.n && at <= 64;

	for (size_t i = 0; fine && i < at; i++)
		fine = (unsigned char)text[i] > ' ' &&
		       strchr("<>()[]\\,;:\"@\177", text[i]) == NULL;
	if (!fine || !is_domain(text + at + 1, false))
		return expected(info, "an address such as postmaster@contoso.example", text);
	return ERR_OK;
}

enum err model_check_listen(const char *text, struct err_info *info)
{
	struct model_prefix prefix;
	struct str host;
	uint16_t port;

	if (!model_parse_endpoint(str_of(text), 0, &host, &port) ||
		!model_parse_prefix(host, &prefix))
		return expected(info,
			"an address and port such as 127.0.0.1:2525, 0.0.0.0:25 or [::]:25", text);
	return ERR_OK;
}

enum err model_check_dns_server(const char *text, struct err_info *info)
{
	struct str port = str_of(text);
	struct str address = str_cut(&port, '@');
	bool has_port = address.n < strlen(text);
	struct model_prefix prefix;
	uint64_t number = 53;

	if (str_find(address, '/', 0) < address.n || !model_parse_prefix(address, &prefix) ||
		(has_port && (!str_to_u64(port, &number) || number == 0 || number > 65535)))
		return expected(info, "an address, or address@port such as 127.0.0.1@5353", text);
	return ERR_OK;
}

const char *const model_event_kinds[] = {"received", "refused", "handed-over", "delivered",
	"relayed", "deferred", "failed", "expired", "delayed", "held", "released", "returned",
	"deleted", "would-refuse", NULL};

enum err model_check_event_kind(const char *text, struct err_info *info)
{
	for (size_t i = 0; model_event_kinds[i] != NULL; i++)
		if (strcmp(text, model_event_kinds[i]) == 0)
			return ERR_OK;
	return expected(info,
		"a kind of event: received, refused, handed-over, delivered, relayed, deferred, "
		"failed, expired, delayed, held, released, returned, deleted or would-refuse",
		text);
}

enum err model_check_path(const char *text, struct err_info *info)
{
	size_t n = strlen(text);

	if (n == 0 || n > 1024)
		return expected(info, "a path of 1 to 1024 bytes", text);
	return ERR_OK;
}

enum err model_check_key(const char *text, struct err_info *info)
{
	size_t n = strlen(text);

	if (n == 0 || n > 1024)
		return expected(info,
			"a path, or pkcs11: and what names the key, of 1 to 1024 bytes", text);
	return ERR_OK;
}

enum err model_check_url(const char *text, struct err_info *info)
{
	struct str rest = str_of(text);
	bool fine = rest.n <= 1024;

	if (str_starts_nocase(rest, (struct str)STR("http://")))
		rest = str_part(rest, 7, rest.n);
	else if (str_starts_nocase(rest, (struct str)STR("https://")))
		rest = str_part(rest, 8, rest.n);
	else
		fine = false;
	for (size_t i = 0; i < rest.n; i++)
		fine = fine && (unsigned char)rest.p[i] > ' ' && (unsigned char)rest.p[i] < 127;
	if (!fine || rest.n == 0 || rest.p[0] == '/')
		return expected(info, "a URL that begins with http:// or https://", text);
	return ERR_OK;
}

enum err model_check_user(const char *text, struct err_info *info)
{
	size_t n = strlen(text);
	bool fine = n > 0 && n <= 32;

	for (size_t i = 0; i < n; i++)
		fine = fine && (unsigned char)text[i] > ' ' && strchr(":/,\177", text[i]) == NULL;
	if (!fine)
		return expected(info, "a user name or number", text);
	return ERR_OK;
}

enum err model_check_log_level(const char *text, struct err_info *info)
{
	static const char *const levels[] = {"debug", "info", "warning", "error"};

	for (size_t i = 0; i < ARRAY_LENGTH(levels); i++)
		if (strcmp(text, levels[i]) == 0)
			return ERR_OK;
	return expected(info, "one of debug, info, warning, error", text);
}
