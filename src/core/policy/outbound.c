/*
 * Where does this mail go, and what must the way prove?
 *
 * Order: an accepted domain with a delivery of its own goes there.  Otherwise a connector is chosen
 * by the recipient's domain, among those of the domain's organisation where it is accepted here,
 * else among those of the organisation that sends: exact pattern, longest "*.x", all accepted
 * domains,
 * "*"; among equals the lowest cost, then the name.  Without a connector: the MX hosts.
 *
 * (The real service's text puts all accepted domains before wildcards, its own example the other
 * way round; the more specific pattern first fits the example.)
 *
 * What the next hop must prove is the strictest of what the connector, the sending organisation
 * and, for a delivery by SMTP, the receiving organisation ask.  Each contributor is named.
 *
 * With level name and no tls_domain, a smart host must carry its own name; hosts found by MX must
 * carry the recipient's domain, because an MX record proves nothing.
 */
#include "core/policy/snapshot.h"

enum {
	SPECIFIC_ACCEPTED = 1, /* all_accepted_domains: between "*.x" and "*" */
	MAX_LOCAL = 200,
};

struct routing {
	const struct policy_snapshot *s;
	struct arena *arena;
	struct policy_outbound *ret;
	struct policy_mailbox recipient;
	const struct model_organisation *sender; /* NULL: mail from outside, or unknown */
	const struct policy_entry *best;
	unsigned best_specificity;
	const char *best_pattern;
};

static void consider(const struct routing *r, const char *subject, bool applies, const char *why)
{
	policy_consider(&r->ret->considered, r->arena, subject, applies, why);
}

static void refuse(const struct routing *r, enum policy_outcome outcome, const char *text)
{
	r->ret->type = POLICY_ROUTE_REFUSE;
	r->ret->outcome = outcome;
	r->ret->text = text;
	r->ret->key = arena_format(r->arena, "refuse:%s", policy_outcome_row(outcome)->token);
}

/* The strictest wins; all who asked for something are listed. */
static void require(const struct routing *r, int level, const char *who)
{
	if (level <= MODEL_LEVEL_NONE || level >= MODEL_LEVEL_MAX)
		return;
	if (level > r->ret->required)
		r->ret->required = level;
	policy_add_text(&r->ret->required_by, r->arena,
		arena_format(r->arena, "%s (%s)", who, model_level_names[level]));
}

static void require_minimum(const struct routing *r, const struct model_organisation *o)
{
	if (o != NULL)
		require(r, o->minimum_tls, arena_format(r->arena, "organisation %s", o->name));
}

/* Connections are shared by key: whatever may differ between two messages for the same hosts stands
 * in it. */
static const char *key_of(const struct routing *r, const char *hop)
{
	const char *key = hop;

	if (r->ret->required > MODEL_LEVEL_NONE)
		key = arena_format(r->arena, "%s;tls=%s", key, model_level_names[r->ret->required]);
	if (r->ret->certificate != NULL)
		key = arena_format(r->arena, "%s;as=%s", key, r->ret->certificate);
	return key;
}

/* ---- local delivery ---------------------------------------------------------------------------
 */

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

static void to_maildir(const struct routing *r, struct str pattern)
{
	const char *local = safe_name(r->recipient.local, r->arena);

	if (local == NULL) {
		refuse(r, POLICY_BAD_ADDRESS, "The recipient's local part is empty or too long");
		return;
	}
	r->ret->type = POLICY_ROUTE_MAILDIR;
	r->ret->path = fill_pattern(pattern, local, r->recipient.domain, r->arena);
	r->ret->key = arena_format(r->arena, "maildir:%s", r->recipient.domain);
	r->ret->text = arena_format(r->arena, "Delivered into Maildir %s", r->ret->path);
}

static const char *endpoint(const struct routing *r, const struct model_delivery *d)
{
	bool is_v6 = str_find(d->host, ':', 0) < d->host.n;

	return arena_format(r->arena, "%s%.*s%s:%u", is_v6 ? "[" : "", STR_ARGS(d->host),
		is_v6 ? "]" : "", d->port);
}

static void to_local(
	const struct routing *r, const struct model_domain *domain, const struct model_delivery *d)
{
	const struct model_organisation *owner = policy_organisation(r->s, domain->organisation);
	const char *host = NULL;

	r->ret->organisation = domain->organisation;
	consider(r, arena_format(r->arena, "domain %s", domain->name), true,
		arena_format(r->arena, "accepted here, delivery %s", domain->delivery));
	switch (d->type) {
	case MODEL_DELIVERY_MAILDIR:
		to_maildir(r, d->path);
		return;
	case MODEL_DELIVERY_LMTP_UNIX:
		host = arena_format(r->arena, "unix:%.*s", STR_ARGS(d->path));
		r->ret->type = POLICY_ROUTE_LMTP;
		break;
	case MODEL_DELIVERY_LMTP_TCP:
		host = endpoint(r, d);
		r->ret->type = POLICY_ROUTE_LMTP;
		break;
	default:
		host = endpoint(r, d);
		r->ret->type = POLICY_ROUTE_HOSTS;
		require_minimum(r, r->sender);
		if (owner != r->sender)
			require_minimum(r, owner);
		r->ret->certificate = owner != NULL ? owner->certificate : NULL;
	}
	policy_add_text(&r->ret->hosts, r->arena, host);
	r->ret->key = key_of(r, arena_format(r->arena, "%s:%s",
					r->ret->type == POLICY_ROUTE_LMTP ? "lmtp" : "smtp", host));
	r->ret->text = arena_format(r->arena, "Delivered to %s by %s", host,
		r->ret->type == POLICY_ROUTE_LMTP ? "LMTP" : "SMTP");
}

/* ---- connectors -------------------------------------------------------------------------------
 */

static bool is_better(const struct policy_entry *a, const struct policy_entry *b)
{
	if (a->model->outbound->cost != b->model->outbound->cost)
		return a->model->outbound->cost < b->model->outbound->cost;
	return strcmp(a->model->name, b->model->name) < 0;
}

static const char *why_behind(
	const struct routing *r, const char *pattern, const struct policy_entry *winner, bool tied)
{
	return arena_format(r->arena, "covers the recipient by %s, but %s %s", pattern,
		winner->subject, tied ? "comes first by cost, then name" : "is more specific");
}

static bool try_connector(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct routing *r = context;
	bool tied = r->best != NULL && specificity == r->best_specificity;

	if (entry == r->best)
		return true;
	if (!entry->model->enabled) {
		consider(r, entry->subject, false, "disabled");
	} else if (r->best == NULL || (tied && is_better(entry, r->best))) {
		if (r->best != NULL)
			consider(r, r->best->subject, false,
				why_behind(r, r->best_pattern, entry, true));
		r->best = entry;
		r->best_specificity = specificity;
		r->best_pattern = pattern;
	} else {
		consider(r, entry->subject, false, why_behind(r, pattern, r->best, tied));
	}
	return true;
}

/* all_accepted_domains stands before "*", which is the last that policy_covering() shows. */
struct pass {
	struct routing *r;
	const char *organisation;
	bool is_accepted; /* the recipient's domain is the organisation's */
	bool done;
};

static void try_accepted(struct pass *p)
{
	const struct policy_bucket *b = policy_bucket(p->r->s->accepted, str_of(p->organisation));

	for (size_t i = 0; !p->done && i < b->count; i++) {
		if (p->is_accepted)
			try_connector(p->r, b->items[i], "all accepted domains", SPECIFIC_ACCEPTED);
		else
			consider(p->r, b->items[i]->subject, false,
				"the recipient's domain is no accepted domain of its organisation");
	}
	p->done = true;
}

static bool visit_connector(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct pass *p = context;

	if (specificity <= SPECIFIC_ACCEPTED)
		try_accepted(p);
	return try_connector(p->r, entry, pattern, specificity);
}

static void choose_connector(struct routing *r, const char *organisation, bool is_accepted)
{
	struct pass p = {.r = r, .organisation = organisation, .is_accepted = is_accepted};

	policy_covering(
		r->s->routes, organisation, r->recipient.domain, r->arena, visit_connector, &p);
	try_accepted(&p);
	if (r->best != NULL)
		consider(r, r->best->subject, true,
			arena_format(r->arena, "covers the recipient by %s", r->best_pattern));
}

static const char *domain_or_literal(const struct routing *r)
{
	return r->recipient.domain != NULL
		       ? r->recipient.domain
		       : arena_format(r->arena, "[%.*s]", STR_ARGS(r->recipient.literal));
}

/* By MX, or for an address literal by that address. */
static const char *direct_key(const struct routing *r)
{
	return r->recipient.domain != NULL
		       ? arena_format(r->arena, "mx:%s", r->recipient.domain)
		       : arena_format(r->arena, "literal:%s", domain_or_literal(r));
}

static void go_direct(const struct routing *r)
{
	if (r->recipient.domain != NULL) {
		r->ret->type = POLICY_ROUTE_MX;
		return;
	}
	r->ret->type = POLICY_ROUTE_LITERAL;
	policy_add_text(&r->ret->hosts, r->arena, arena_text_of(r->arena, r->recipient.literal));
}

static void set_names(const struct routing *r, const struct model_outbound *out)
{
	if (out->tls != MODEL_LEVEL_NAME)
		return;
	if (out->tls_domain != NULL) {
		policy_add_text(&r->ret->names, r->arena, out->tls_domain);
		r->ret->names_why = "tls_domain of the connector";
	} else if (out->smart_hosts.count == 0 && r->recipient.domain != NULL) {
		policy_add_text(&r->ret->names, r->arena, r->recipient.domain);
		r->ret->names_why = "the recipient's domain, because the connector sets no "
				    "tls_domain and MX records can be forged";
	} else {
		r->ret->names_why = "each host its own, because the connector sets no tls_domain";
	}
}

static void by_connector(const struct routing *r)
{
	const struct policy_entry *e = r->best;
	const struct model_outbound *out = e->model->outbound;
	const struct model_organisation *o = policy_organisation(r->s, e->model->organisation);
	const char *hop =
		arena_format(r->arena, "connector:%s/%s", e->model->organisation, e->model->name);

	r->ret->organisation = e->model->organisation;
	r->ret->connector = e->model->name;
	r->ret->anchors = e->trust_label;
	r->ret->profile = *e->profile;
	require(r, out->tls, e->subject);
	require_minimum(r, r->sender != NULL ? r->sender : NULL);
	if (o != r->sender)
		require_minimum(r, o);
	set_names(r, out);
	r->ret->certificate = out->certificate != NULL ? out->certificate
			      : o != NULL	       ? o->certificate
						       : NULL;
	if (out->smart_hosts.count > 0) {
		r->ret->type = POLICY_ROUTE_HOSTS;
		r->ret->hosts = out->smart_hosts;
		r->ret->text = arena_format(r->arena, "By %s to %s", e->subject,
			policy_join(&out->smart_hosts, r->arena));
	} else {
		go_direct(r);
		hop = arena_format(r->arena, "%s;%s", hop, direct_key(r));
		r->ret->text = arena_format(r->arena, "By %s to %s %s", e->subject,
			r->recipient.domain != NULL ? "the MX hosts of" : "address",
			domain_or_literal(r));
	}
	/* The connector's own level and certificate are the same for all its mail. */
	r->ret->key = r->ret->required > out->tls ? arena_format(r->arena, "%s;tls=%s", hop,
							    model_level_names[r->ret->required])
						  : hop;
}

static void by_default(const struct routing *r)
{
	require_minimum(r, r->sender);
	if (r->sender != NULL) {
		r->ret->organisation = r->sender->name;
		r->ret->certificate = r->sender->certificate;
	}
	go_direct(r);
	consider(r, "default", true,
		r->recipient.domain != NULL ? "no connector covers the recipient: its MX hosts"
					    : "address literal: that address");
	r->ret->text = arena_format(r->arena, "By default to %s %s",
		r->recipient.domain != NULL ? "the MX hosts of" : "address", domain_or_literal(r));
	r->ret->key = key_of(r, direct_key(r));
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void route_accepted(struct routing *r, const struct model_domain *d)
{
	struct model_delivery delivery = {0};

	if (model_parse_delivery(d->delivery, &delivery) && delivery.type != MODEL_DELIVERY_NONE) {
		to_local(r, d, &delivery);
		return;
	}
	r->ret->organisation = d->organisation;
	consider(r, arena_format(r->arena, "domain %s", d->name), true,
		arena_format(r->arena,
			"accepted for organisation %s without a delivery: its connectors",
			d->organisation));
	choose_connector(r, d->organisation, true);
	if (r->best != NULL) {
		by_connector(r);
		return;
	}
	refuse(r, POLICY_NO_ROUTE,
		arena_format(r->arena,
			"No way to deliver to %s is configured: domain %s has no delivery, and no "
			"outbound connector of organisation %s covers it",
			r->recipient.domain, d->name, d->organisation));
}

void policy_outbound(const struct policy_snapshot *snapshot, const struct policy_mail *mail,
	struct str recipient, struct arena *arena, struct policy_outbound *ret)
{
	const char *organisation = mail->organisation;
	struct routing r = {.s = snapshot, .arena = arena, .ret = ret};
	const struct model_domain *d;

	*ret = (struct policy_outbound){
		.outcome = POLICY_OK, .anchors = "system", .profile = policy_profile_system};
	r.sender = policy_organisation(snapshot, organisation);
	if (!policy_parse_mailbox(recipient, arena, &r.recipient)) {
		refuse(&r, POLICY_BAD_ADDRESS, "The recipient's address is not valid");
		consider(&r, "recipient", false, "not a mailbox with a domain");
		return;
	}
	ret->domain = r.recipient.domain;
	if (organisation != NULL && r.sender == NULL)
		consider(&r, arena_format(arena, "organisation %s", organisation), false,
			"no longer configured");
	d = policy_accepted(snapshot, r.recipient.domain);
	if (d != NULL) {
		route_accepted(&r, d);
		return;
	}
	/* What its connectors asked of the way is gone with it: nothing leaves by less. */
	if (organisation != NULL && r.sender == NULL) {
		refuse(&r, POLICY_NO_ORGANISATION,
			arena_format(arena,
				"Organisation %s, which sent this, is no longer configured",
				organisation));
		return;
	}
	if (r.sender != NULL)
		choose_connector(&r, r.sender->name, false);
	if (r.best != NULL)
		by_connector(&r);
	else
		by_default(&r);
}
