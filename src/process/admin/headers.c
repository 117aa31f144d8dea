#include "process/admin/headers.h"

struct str admin_headers_cookie(const char *header, const char *name)
{
	struct str rest = str_of(header), found = {0};

	while (rest.n > 0) {
		struct str value = str_trim(str_cut(&rest, ';'));
		struct str key = str_cut(&value, '=');

		if (!str_is(key, name))
			continue;
		if (found.n > 0)
			return (struct str){0};
		found = value;
	}
	return found;
}

struct str admin_headers_bearer(const char *header)
{
	struct str token = str_trim(str_of(header));
	struct str scheme = str_cut(&token, ' ');

	token = str_trim(token);
	if (!str_is_nocase(scheme, "Bearer") || str_find(token, ' ', 0) < token.n)
		return (struct str){0};
	return token;
}

/* HOST with the port that https has when it says none. */
static void split_host(struct str host, struct str *ret_name, struct str *ret_port)
{
	size_t colon = str_find_last(host, ':'), bracket = str_find_last(host, ']');

	*ret_name = host;
	*ret_port = str_of("443");
	if (colon < host.n && (bracket == host.n || bracket < colon)) {
		*ret_name = str_part(host, 0, colon);
		*ret_port = str_part(host, colon + 1, host.n);
	}
}

bool admin_headers_same_origin(const char *origin, const char *host)
{
	static const struct str scheme = STR("https://");
	struct str from = str_of(origin), name, port, own_name, own_port;

	if (!str_starts_nocase(from, scheme) || host == NULL || host[0] == '\0')
		return false;
	split_host(str_part(from, scheme.n, from.n), &name, &port);
	split_host(str_of(host), &own_name, &own_port);
	return name.n > 0 && str_equal_nocase(name, own_name) && str_equal(port, own_port);
}

bool admin_headers_is_json(const char *type)
{
	struct str rest = str_of(type);

	return str_is_nocase(str_trim(str_cut(&rest, ';')), "application/json");
}

static bool is_zero(struct str quality)
{
	struct str key = str_trim(str_cut(&quality, '='));

	quality = str_trim(quality);
	if (!str_is_nocase(key, "q") || quality.n == 0)
		return false;
	for (size_t i = 0; i < quality.n; i++)
		if (quality.p[i] != '0' && quality.p[i] != '.')
			return false;
	return true;
}

bool admin_headers_gzip(const char *accepted)
{
	struct str rest = str_of(accepted);
	bool any = false;

	if (accepted == NULL)
		return true;
	while (rest.n > 0) {
		struct str item = str_cut(&rest, ',');
		struct str name = str_trim(str_cut(&item, ';'));

		if (str_is_nocase(name, "gzip") || str_is_nocase(name, "x-gzip"))
			return !is_zero(item);
		if (str_is(name, "*"))
			any = !is_zero(item);
	}
	return any;
}
