/* Deliveries on this side: Maildirs, LMTP, the domain's own server by SMTP; and the directory that
 * says who is there. */
#include "core/policy/outbound.h"

enum { MAX_LOCAL = 200 };

/* A name of a directory: letters, digits and a few more as they are (letters in lower case), all
 * else as %XX; never "." or "..", never empty, never with a slash. */
static const char *safe_name(struct str local, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	bool is_quoted = local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	char *out, *p;

	if (is_quoted)
		local = str_part(local, 1, local.n - 1);
	if (local.n == 0 || local.n > MAX_LOCAL)
		return NULL;
	p = out = arena_alloc(arena, local.n * 3 + 1);
	for (size_t i = 0; i < local.n; i++) {
		char c;
		bool is_plain;

		/* RFC 5321 4.1.2: what a backslash stands before means itself. */
		if (is_quoted && local.p[i] == '\\' && i + 1 < local.n)
			i++;
		c = str_lower(local.p[i]);
		is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			   (c == '.' && p > out) || c == '_' || c == '-' || c == '+' || c == '=';

		if (is_plain) {
			*p++ = c;
			continue;
		}
		*p++ = '%';
		*p++ = hex[(unsigned char)c >> 4];
		*p++ = hex[(unsigned char)c & 15];
	}
	return (size_t)(p - out) <= MAX_LOCAL ? out : NULL;
}

static const char *fill_pattern(
	struct str pattern, const char *local, const char *domain, struct arena *arena)
{
	const char *path = "";

	while (pattern.n > 0) {
		struct str text = str_cut(&pattern, '{');
		struct str name = str_cut(&pattern, '}');
		const char *value = str_is(name, "local")    ? local
				    : str_is(name, "domain") ? domain
							     : "";

		path = arena_format(arena, "%s%.*s%s", path, STR_ARGS(text), value);
	}
	return path;
}

static void to_maildir(const struct policy_routing *r, struct str pattern)
{
	const char *local = safe_name(r->recipient.local, r->arena);

	if (local == NULL) {
		policy_outbound_refuse(
			r, POLICY_BAD_ADDRESS, "The recipient's local part is empty or too long");
		return;
	}
	r->ret->type = POLICY_ROUTE_MAILDIR;
	r->ret->path = fill_pattern(pattern, local, r->recipient.domain, r->arena);
	r->ret->text = arena_format(r->arena, "Delivered into Maildir %s", r->ret->path);
	policy_demand_local(r, arena_format(r->arena, "maildir:%s", r->recipient.domain));
}

static const char *endpoint(const struct policy_routing *r, const struct model_delivery *d)
{
	bool is_v6 = str_find(d->host, ':', 0) < d->host.n;

	return arena_format(r->arena, "%s%.*s%s:%u", is_v6 ? "[" : "", STR_ARGS(d->host),
		is_v6 ? "]" : "", d->port);
}

static void to_lmtp(const struct policy_routing *r, const char *host)
{
	r->ret->type = POLICY_ROUTE_LMTP;
	policy_add_text(&r->ret->hosts, r->arena, host);
	r->ret->text = arena_format(r->arena, "Delivered to %s by LMTP", host);
	policy_demand_local(r, arena_format(r->arena, "lmtp:%s", host));
}

static void to_smtp(const struct policy_routing *r, const char *host)
{
	struct policy_asked asked = {
		.hop = arena_format(r->arena, "smtp:%s", host), .other = r->owner};

	r->ret->type = POLICY_ROUTE_HOSTS;
	policy_add_text(&r->ret->hosts, r->arena, host);
	r->ret->certificate = r->owner != NULL ? r->owner->certificate : NULL;
	r->ret->text = arena_format(r->arena, "Delivered to %s by SMTP", host);
	policy_demand_work_out(r, &asked);
}

void policy_route_local(const struct policy_routing *r, const struct model_delivery *delivery)
{
	/* What another organisation's own server said of itself is nothing to this one. */
	r->ret->headers = r->mail->organisation == NULL || r->sender == r->owner
				  ? POLICY_HEADERS_KEEP
				  : POLICY_HEADERS_STRIP;
	switch (delivery->type) {
	case MODEL_DELIVERY_MAILDIR:
		to_maildir(r, delivery->path);
		break;
	case MODEL_DELIVERY_LMTP_UNIX:
		to_lmtp(r, arena_format(r->arena, "unix:%.*s", STR_ARGS(delivery->path)));
		break;
	case MODEL_DELIVERY_LMTP_TCP:
		to_lmtp(r, endpoint(r, delivery));
		break;
	default:
		to_smtp(r, endpoint(r, delivery));
	}
}

/* ---- the directory --------------------------------------------------------------------------- */

const char *policy_local_name(struct str local, bool tagged, struct arena *arena)
{
	bool is_quoted = local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	char *out = arena_alloc(arena, local.n + 1), *p = out;

	if (is_quoted)
		local = str_part(local, 1, local.n - 1);
	for (size_t i = 0; i < local.n; i++) {
		if (is_quoted && local.p[i] == '\\' && i + 1 < local.n)
			i++;
		*p++ = str_lower(local.p[i]);
	}
	*p = '\0';
	if (!tagged) {
		/* A name of nothing but a tag keeps it. */
		char *plus = strchr(out, '+');

		if (plus != NULL && plus > out)
			*plus = '\0';
	}
	return out;
}

static const struct model_recipient *listed(const struct policy_routing *r, const char *local)
{
	const char *address = arena_format(r->arena, "%s@%s", local, r->recipient.domain);

	return map_get(r->s->recipients, str_of(address));
}

enum policy_place policy_directory_look_up(const struct policy_routing *r)
{
	const char *local, *untagged, *subject;
	const struct model_recipient *found;

	if (!r->domain->directory)
		return POLICY_PLACE_UNLISTED;
	local = policy_local_name(r->recipient.local, true, r->arena);
	untagged = policy_local_name(r->recipient.local, false, r->arena);
	subject = arena_format(r->arena, "directory of domain %s", r->domain->name);
	found = listed(r, local);
	if (found == NULL)
		found = listed(r, untagged);
	if (found != NULL) {
		policy_outbound_consider(r, subject, true,
			arena_format(r->arena, "%s is listed: %s", found->address,
				found->place == MODEL_HERE ? "here" : "on-premises"));
		return found->place == MODEL_HERE ? POLICY_PLACE_HERE : POLICY_PLACE_THERE;
	}
	/* RFC 5321 4.5.1 */
	if (strcmp(untagged, "postmaster") == 0) {
		policy_outbound_consider(r, subject, true, "postmaster is always accepted");
		return r->domain->delivery != NULL ? POLICY_PLACE_HERE : POLICY_PLACE_THERE;
	}
	policy_outbound_consider(r, subject, false,
		arena_format(r->arena, "%s@%s is not listed%s", local, r->recipient.domain,
			r->domain->type == MODEL_AUTHORITATIVE
				? ", and all recipients of the domain are"
				: ": passed on by a connector"));
	return r->domain->type == MODEL_AUTHORITATIVE ? POLICY_PLACE_UNKNOWN : POLICY_PLACE_THERE;
}
