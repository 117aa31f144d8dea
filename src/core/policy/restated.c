#include "core/policy/restated.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct question {
	const struct model_config *config;
	const struct policy_peer *peer;
	const char *address, *sender, *recipient;
};

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool listed(const struct record_texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (same(list->items[i], text))
			return true;
	return false;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end)
{
	size_t m = strlen(text), n = strlen(end);

	return m > n && strcmp(text + m - n, end) == 0;
}

/* An accepted domain covers itself, and its subdomains at any depth where it says so; the nearest
 * one counts. */
static const struct model_domain *accepted(const struct question *q, const char *name)
{
	const struct model_domain *found = NULL;

	for (size_t i = 0; name != NULL && i < q->config->domains.count; i++) {
		const struct model_domain *d = &q->config->domains.items[i];
		char below[300];

		snprintf(below, sizeof(below), ".%s", d->name);
		if (!same(name, d->name) && !(d->subdomains && ends_with(name, below)))
			continue;
		if (found == NULL || strlen(d->name) > strlen(found->name))
			found = d;
	}
	return found;
}

static const struct model_domain *accepted_of(
	const struct question *q, const char *name, const char *organisation)
{
	const struct model_domain *d = accepted(q, name);

	return d != NULL && same(d->organisation, organisation) ? d : NULL;
}

/* One label below PARENT: "host.parent", also "*.parent". */
static bool is_child(const char *name, const char *parent)
{
	const char *dot = strchr(name, '.');

	return dot != NULL && dot > name && same(dot + 1, parent);
}

/* RFC 9525 and the administrator's "*.x". */
static bool carries(const struct cert_facts *leaf, const char *expected)
{
	for (size_t i = 0; i < leaf->names.count; i++) {
		const char *name = leaf->names.items[i];

		if (same(name, expected))
			return true;
		if (expected[0] == '*' && is_child(name, expected + 2))
			return true;
		if (expected[0] != '*' && name[0] == '*' && is_child(expected, name + 2))
			return true;
	}
	return false;
}

/* How well a list of patterns covers a sender: 0 not at all, 1 by "*", the more labels the better,
 * best by the name itself. */
static int coverage(const struct record_texts *patterns, const char *name)
{
	int best = 0;

	for (size_t i = 0; i < patterns->count; i++) {
		const char *p = patterns->items[i];
		int score = 0;

		if (same(p, "*"))
			score = 1;
		else if (name != NULL && same(p, name))
			score = 10000;
		else if (name != NULL && p[0] == '*' && ends_with(name, p + 1))
			score = 1 + (int)strlen(p);
		best = score > best ? score : best;
	}
	return best;
}

/* ---- addresses --------------------------------------------------------------------------------
 */

/* Length of a prefix that contains the IPv4 address; -1: it does not. */
static int contained(const char *prefix, const char *address)
{
	char text[32];
	const char *slash = strchr(prefix, '/');
	int bits = slash != NULL ? (int)strtol(slash + 1, NULL, 10) : 32;
	struct in_addr a, b;
	uint32_t mask = bits == 0 ? 0 : 0xffffffffU << (32 - bits);

	snprintf(text, sizeof(text), "%.*s",
		(int)(slash != NULL ? (size_t)(slash - prefix) : strlen(prefix)), prefix);
	if (inet_pton(AF_INET, text, &a) != 1 || inet_pton(AF_INET, address, &b) != 1)
		return -1;
	return (ntohl(a.s_addr) & mask) == (ntohl(b.s_addr) & mask) ? bits : -1;
}

/* The longest that does. */
static int contained_in(const struct record_texts *list, const char *address)
{
	int best = -1;

	for (size_t i = 0; address != NULL && i < list->count; i++) {
		int bits = contained(list->items[i], address);

		best = bits > best ? bits : best;
	}
	return best;
}

/* ---- the connection ---------------------------------------------------------------------------
 */

static const struct cert_facts *leaf_of(const struct question *q)
{
	return q->peer->is_tls ? q->peer->certificate : NULL;
}

static const struct model_organisation *organisation(const struct question *q, const char *name)
{
	for (size_t i = 0; i < q->config->organisations.count; i++)
		if (same(q->config->organisations.items[i].name, name))
			return &q->config->organisations.items[i];
	return NULL;
}

static const char *anchors_of(const struct question *q, const struct model_connector *c)
{
	return c->trust != NULL ? c->trust : organisation(q, c->organisation)->trust;
}

/* The verdict by the connector's own way of verifying; nothing stated is not trusted. */
static int verdict(const struct question *q, const struct model_connector *c)
{
	for (size_t i = 0; i < q->peer->trust_count; i++) {
		const struct policy_profile *p = q->peer->trust[i].profile;

		if (same(p->anchors, anchors_of(q, c)) && same(p->crls, c->crls) &&
			p->revocation == c->revocation && p->usage == c->inbound->usage)
			return q->peer->trust[i].verdict;
	}
	return CERT_INVALID;
}

static enum policy_outcome of_verdict(int v)
{
	switch (v) {
	case CERT_TRUSTED:
		return POLICY_OK;
	case CERT_UNTRUSTED_ROOT:
		return POLICY_UNTRUSTED_ROOT;
	case CERT_MISSING_INTERMEDIATE:
		return POLICY_MISSING_INTERMEDIATE;
	case CERT_SELF_SIGNED:
		return POLICY_SELF_SIGNED;
	case CERT_EXPIRED:
		return POLICY_EXPIRED;
	case CERT_NOT_YET_VALID:
		return POLICY_NOT_YET_VALID;
	case CERT_REVOKED:
		return POLICY_REVOKED;
	case CERT_REVOCATION_UNKNOWN:
		return POLICY_REVOCATION_UNKNOWN;
	case CERT_PURPOSE:
		return POLICY_PURPOSE;
	case CERT_WEAK:
		return POLICY_WEAK;
	default:
		return POLICY_INVALID;
	}
}

static bool version_fits(const struct question *q, const struct model_connector *c)
{
	return c->minimum_version == MODEL_TLS_12 || same(q->peer->tls_version, "TLSv1.3");
}

static bool group_fits(const struct question *q, const struct model_connector *c)
{
	return c->groups.count == 0 ||
	       (q->peer->group != NULL && listed(&c->groups, q->peer->group));
}

static bool pin_fits(const struct question *q, const struct model_connector *c)
{
	const struct cert_facts *leaf = leaf_of(q);

	return c->inbound->pins.count == 0 || (leaf != NULL && leaf->spki_sha256 != NULL &&
						      listed(&c->inbound->pins, leaf->spki_sha256));
}

/* ---- is it an organisation's own server? ------------------------------------------------------
 */

static bool is_associated(const struct model_connector *c, const struct model_domain *d)
{
	return c->inbound->associated_accepted_domains.count == 0 ||
	       listed(&c->inbound->associated_accepted_domains, d->name);
}

/* Everything that an on-premises connector asks of a certificate. */
static bool proves(const struct question *q, const struct model_connector *c)
{
	const char *name = c->inbound != NULL ? c->inbound->certificate_name : NULL;
	const struct model_domain *d = NULL;

	if (c->type != MODEL_ON_PREMISES || !c->enabled || name == NULL || leaf_of(q) == NULL)
		return false;
	if (name[0] != '*')
		d = accepted_of(q, name, c->organisation);
	if (d == NULL)
		d = accepted_of(q, strchr(name, '.') + 1, c->organisation);
	return d != NULL && is_associated(c, d) && carries(leaf_of(q), name) &&
	       verdict(q, c) == CERT_TRUSTED && version_fits(q, c) && group_fits(q, c) &&
	       pin_fits(q, c) &&
	       (c->inbound->addresses.count == 0 ||
		       contained_in(&c->inbound->addresses, q->address) >= 0);
}

/* Everything that one asks of an address; the length of the prefix, -1: not met. */
static int comes_from(const struct question *q, const struct model_connector *c)
{
	const struct model_domain *d = accepted_of(q, q->sender, c->organisation);

	if (c->type != MODEL_ON_PREMISES || !c->enabled || c->inbound == NULL ||
		c->inbound->certificate_name != NULL || d == NULL || !is_associated(c, d))
		return -1;
	if (c->inbound->require_tls && q->peer->is_tls &&
		(!version_fits(q, c) || !group_fits(q, c)))
		return -1;
	return contained_in(&c->inbound->addresses, q->address);
}

/* "*.x" gives way to "host.x", whoever they belong to. */
static bool gives_way(const struct question *q, const struct model_connector *c)
{
	for (size_t i = 0;
		c->inbound->certificate_name[0] == '*' && i < q->config->connectors.count; i++) {
		const struct model_connector *by = &q->config->connectors.items[i];

		if (proves(q, by) && by->inbound->certificate_name[0] != '*' &&
			is_child(by->inbound->certificate_name, c->inbound->certificate_name + 2))
			return true;
	}
	return false;
}

static bool names_better(const struct model_connector *a, const struct model_connector *b)
{
	const char *x = a->inbound->certificate_name, *y = b->inbound->certificate_name;

	if ((x[0] == '*') != (y[0] == '*'))
		return y[0] == '*';
	if (strlen(x) != strlen(y))
		return strlen(x) > strlen(y);
	return strcmp(a->name, b->name) < 0;
}

/* The one connector that the certificate proves; *ret_many: those of several organisations. */
static const struct model_connector *proven(const struct question *q, bool *ret_many)
{
	const struct model_connector *best = NULL;

	*ret_many = false;
	for (size_t i = 0; i < q->config->connectors.count; i++) {
		const struct model_connector *c = &q->config->connectors.items[i];

		if (!proves(q, c) || gives_way(q, c))
			continue;
		*ret_many =
			*ret_many || (best != NULL && !same(best->organisation, c->organisation));
		if (best == NULL || names_better(c, best))
			best = c;
	}
	return *ret_many ? NULL : best;
}

/* The one that the address leads to.  A sender's domain belongs to one organisation, so there is
 * never more than one. */
static const struct model_connector *at_address(const struct question *q)
{
	const struct model_connector *best = NULL;
	int best_bits = -1;

	for (size_t i = 0; i < q->config->connectors.count; i++) {
		const struct model_connector *c = &q->config->connectors.items[i];
		int bits = comes_from(q, c);

		if (bits < 0)
			continue;
		if (best == NULL || bits > best_bits ||
			(bits == best_bits && strcmp(c->name, best->name) < 0)) {
			best = c;
			best_bits = bits;
		}
	}
	return best;
}

/* ---- partners ---------------------------------------------------------------------------------
 */

static bool asks_for_certificate(const struct model_inbound *in)
{
	return in->restrict_to_certificate || (in->require_tls && in->certificate_name != NULL);
}

/* Over the hop inside, from organisation FROM. */
static enum policy_outcome met_inside(const struct model_inbound *in, const char *from)
{
	bool trusted = listed(&in->trusted_organisations, from);

	if (in->restrict_to_addresses && !trusted)
		return POLICY_ADDRESS;
	if (asks_for_certificate(in) && !trusted)
		return POLICY_NO_CLIENT_CERTIFICATE;
	return POLICY_OK;
}

static enum policy_outcome met(const struct question *q, const struct model_connector *c)
{
	const struct model_inbound *in = c->inbound;
	bool certificate = asks_for_certificate(in);

	if (in->restrict_to_addresses && contained_in(&in->addresses, q->address) < 0)
		return POLICY_ADDRESS;
	if (in->require_tls && !q->peer->is_tls)
		return POLICY_TLS_REQUIRED;
	if (q->peer->is_tls && (in->require_tls || certificate)) {
		if (!version_fits(q, c))
			return POLICY_VERSION_TOO_OLD;
		if (!group_fits(q, c))
			return POLICY_GROUP;
	}
	if (!certificate)
		return POLICY_OK;
	if (leaf_of(q) == NULL)
		return POLICY_NO_CLIENT_CERTIFICATE;
	if (!carries(leaf_of(q), in->certificate_name))
		return POLICY_CLIENT_NAME;
	if (verdict(q, c) != CERT_TRUSTED)
		return of_verdict(verdict(q, c));
	return pin_fits(q, c) ? POLICY_OK : POLICY_PIN;
}

struct choice {
	const struct model_connector *connector;
	bool restricts;
	int coverage;
	enum policy_outcome outcome;
};

static bool comes_first(const struct choice *a, const struct choice *b)
{
	if (b->connector == NULL || a->restricts != b->restricts)
		return b->connector == NULL || a->restricts;
	if (a->coverage != b->coverage)
		return a->coverage > b->coverage;
	if ((a->outcome == POLICY_OK) != (b->outcome == POLICY_OK))
		return a->outcome == POLICY_OK;
	return strcmp(a->connector->name, b->connector->name) < 0;
}

/* Of the recipient's organisation: the first of all, and the first of those not in report mode.
 * INSIDE: the organisation that hands the mail over, NULL: none. */
static void partners(const struct question *q, const struct model_domain *to, const char *inside,
	struct choice *ret_any, struct choice *ret_enforced)
{
	*ret_any = *ret_enforced = (struct choice){0};
	for (size_t i = 0; i < q->config->connectors.count; i++) {
		const struct model_connector *c = &q->config->connectors.items[i];
		struct choice this = {.connector = c};

		if (c->type != MODEL_PARTNER || !c->enabled || c->inbound == NULL ||
			!same(c->organisation, to->organisation) || !is_associated(c, to))
			continue;
		this.coverage = coverage(&c->inbound->sender_domains, q->sender);
		if (this.coverage == 0)
			continue;
		this.restricts =
			c->inbound->restrict_to_certificate || c->inbound->restrict_to_addresses;
		this.outcome = inside != NULL ? met_inside(c->inbound, inside) : met(q, c);
		if (comes_first(&this, ret_any))
			*ret_any = this;
		if (c->inbound->mode == MODEL_ENFORCE && comes_first(&this, ret_enforced))
			*ret_enforced = this;
	}
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void refuse(struct restated *ret, enum policy_outcome outcome)
{
	ret->accepted = false;
	ret->originating = false;
	ret->outcome = outcome;
}

static void receive(const struct question *q, const struct model_domain *to, const char *inside,
	struct restated *ret)
{
	struct choice any, enforced;
	const struct choice *judge;

	partners(q, to, inside, &any, &enforced);
	judge = enforced.connector != NULL ? &enforced : &any;
	/* Only who is covered by more than a trial may use the organisation's own domains. */
	if (enforced.connector == NULL && organisation(q, to->organisation)->reject_direct_send &&
		accepted_of(q, q->sender, to->organisation) != NULL)
		refuse(ret, POLICY_DIRECT_SEND);
	else if (judge->connector != NULL && inside != NULL)
		ret->receiver_connector = judge->connector->name;
	else if (judge->connector != NULL)
		ret->connector = judge->connector->name;
	if (judge->connector == NULL)
		return;
	if (inside == NULL && judge == &enforced)
		ret->required = asks_for_certificate(judge->connector->inbound) ? MODEL_LEVEL_NAME
				: judge->connector->inbound->require_tls ? MODEL_LEVEL_ENCRYPT
									 : MODEL_LEVEL_NONE;
	if (judge == &enforced && judge->outcome != POLICY_OK) {
		refuse(ret, judge->outcome);
		ret->is_temporary = judge->connector->inbound->when_unmet == MODEL_UNMET_DEFER;
	}
	if (ret->accepted && any.connector->inbound->mode == MODEL_REPORT &&
		any.outcome != POLICY_OK) {
		ret->would = any.outcome;
		ret->would_organisation = any.connector->organisation;
		ret->would_connector = any.connector->name;
	}
}

/* From the organisation's own server C. */
static void originate(const struct question *q, const struct model_connector *c,
	bool by_certificate, const struct model_domain *to, struct restated *ret)
{
	const struct model_inbound *in = c->inbound;

	ret->organisation = c->organisation;
	ret->connector = c->name;
	ret->required = by_certificate	  ? MODEL_LEVEL_NAME
			: in->require_tls ? MODEL_LEVEL_ENCRYPT
					  : MODEL_LEVEL_NONE;
	if (!by_certificate && in->require_tls && !q->peer->is_tls) {
		refuse(ret, POLICY_TLS_REQUIRED);
		return;
	}
	ret->originating = true;
	if (to != NULL && !same(to->organisation, c->organisation)) {
		ret->receiver = to->organisation;
		receive(q, to, c->organisation, ret);
		return;
	}
	ret->promotes_headers = by_certificate && in->cross_premises_headers;
	ret->is_internal =
		ret->promotes_headers ||
		(in->treat_as_internal && accepted_of(q, q->sender, c->organisation) != NULL);
}

void restated_attribute(const struct model_config *config, const struct policy_peer *peer,
	const char *address, const char *sender, const char *recipient, struct restated *ret)
{
	struct question q = {config, peer, address, sender, recipient};
	const struct model_domain *to = accepted(&q, recipient);
	const struct model_connector *own;
	bool many;

	*ret = (struct restated){.accepted = true};
	own = proven(&q, &many);
	if (own != NULL) {
		originate(&q, own, true, to, ret);
		return;
	}
	own = at_address(&q);
	if (own != NULL) {
		originate(&q, own, false, to, ret);
		return;
	}
	if (to == NULL) {
		refuse(ret, many ? POLICY_AMBIGUOUS : POLICY_RELAY_DENIED);
		return;
	}
	ret->organisation = to->organisation;
	receive(&q, to, NULL, ret);
}
