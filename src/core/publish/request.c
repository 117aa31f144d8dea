#include "core/publish/request.h"

enum { FIELDS_MAX = 64, LINE_MAX_BYTES = PUBLISH_TARGET_MAX + 64 };

/* RFC 9110 5.6.2. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower(s.p[i]);
		bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);

		if (!fine)
			return false;
	}
	return s.n > 0;
}

static bool is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* Of a field's value: no control characters but the tabulator; bytes above ASCII may be (RFC
 * 9110 5.5). */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Cut the next line, without its end: CRLF, or LF alone (RFC 9112 2.2).  False: there is no whole
 * one. */
static bool take_line(struct str *rest, struct str *ret)
{
	size_t end = str_find(*rest, '\n', 0);

	if (end == rest->n)
		return false;
	*ret = str_part(*rest, 0, end > 0 && rest->p[end - 1] == '\r' ? end - 1 : end);
	*rest = str_part(*rest, end + 1, rest->n);
	return true;
}

/* Behind the empty line that ends the fields; 0: it has not come. */
static size_t find_end(struct str fields)
{
	struct str rest = fields, line;

	while (take_line(&rest, &line))
		if (line.n == 0)
			return fields.n - rest.n;
	return 0;
}

/* origin-form, or the absolute-form that proxies use (RFC 9112 3.2.1, 3.2.2). */
static bool find_path(struct str target, struct str *ret)
{
	static const struct str scheme = STR("http://");
	size_t slash;

	if (str_starts_nocase(target, scheme)) {
		target = str_part(target, scheme.n, target.n);
		slash = str_find(target, '/', 0);
		if (slash == 0 || slash == target.n)
			return false;
		target = str_part(target, slash, target.n);
	}
	if (target.n == 0 || target.p[0] != '/' || str_find(target, '#', 0) < target.n)
		return false;
	*ret = str_cut(&target, '?');
	return true;
}

static int read_version(struct str text, bool *ret_needs_host)
{
	if (text.n != 8 || memcmp(text.p, "HTTP/", 5) != 0 || text.p[6] != '.' || text.p[5] < '0' ||
		text.p[5] > '9' || text.p[7] < '0' || text.p[7] > '9')
		return 400;
	*ret_needs_host = text.p[7] != '0';
	return text.p[5] == '1' ? 200 : 505;
}

static int read_line(struct str line, struct publish_request *ret, bool *ret_needs_host)
{
	struct str rest = line;
	struct str method = str_cut(&rest, ' ');
	struct str target = str_cut(&rest, ' ');
	int status = read_version(rest, ret_needs_host);

	if (!is_token(method) || !is_visible(target))
		return 400;
	if (status != 200)
		return status;
	if (target.n > PUBLISH_TARGET_MAX)
		return 414;
	ret->is_head = str_is(method, "HEAD");
	if (!ret->is_head && !str_is(method, "GET"))
		return 405;
	return find_path(target, &ret->path) ? 200 : 400;
}

static int read_fields(struct str rest, bool needs_host)
{
	size_t count = 0, hosts = 0;
	struct str line;

	while (take_line(&rest, &line) && line.n > 0) {
		struct str value = line;
		struct str name = str_cut(&value, ':');

		/* Also refuses blanks before the colon and folded lines (RFC 9112 5.1, 5.2). */
		if (name.n == line.n || !is_token(name) || !is_value(value))
			return 400;
		if (++count > FIELDS_MAX)
			return 431;
		hosts += str_is_nocase(name, "host");
	}
	/* RFC 9112 3.2: one, and in HTTP/1.1 there must be one. */
	return hosts > 1 || (needs_host && hosts == 0) ? 400 : 200;
}

int publish_request_parse(struct str head, struct publish_request *ret)
{
	struct publish_request request = {.is_head = false};
	bool needs_host = false;
	struct str rest = head, line;
	size_t end, behind_line;
	int status;

	/* RFC 9112 2.2: an empty line in front does not count. */
	if (head.n >= 2 && memcmp(head.p, "\r\n", 2) == 0)
		rest = str_part(head, 2, head.n);
	if (!take_line(&rest, &line))
		return rest.n > LINE_MAX_BYTES + 1 ? 414 : 0;
	if (line.n > LINE_MAX_BYTES)
		return 414;
	status = read_line(line, &request, &needs_host);
	if (status != 200)
		return status;
	behind_line = head.n - rest.n;
	end = find_end(rest);
	if (behind_line + end > PUBLISH_HEAD_MAX || (end == 0 && head.n >= PUBLISH_HEAD_MAX))
		return 431;
	if (end == 0)
		return 0;
	status = read_fields(str_part(rest, 0, end), needs_host);
	if (status == 200)
		*ret = request;
	return status;
}
