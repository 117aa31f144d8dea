#include "core/policy/rollover.h"

#include "base/moment.h"
#include "core/cert/names.h"

#include <stdlib.h>

enum { SOON_DAYS = 14 };

struct work {
	const struct model_config *config;
	const struct policy_rollover *r;
	struct arena *arena;
	struct policy_findings *ret;
	const struct cert_version *next, *current;
};

static void add(struct work *w, const struct policy_finding *finding)
{
	size_t count = w->ret->count;
	struct policy_finding *items = arena_array(w->arena, count + 1, sizeof(*items));

	if (count > 0)
		memcpy(items, w->ret->items, count * sizeof(*items));
	items[count] = *finding;
	if (items[count].subject == NULL)
		items[count].subject = arena_format(w->arena, "certificate %s", w->r->name);
	w->ret->items = items;
	w->ret->count = count + 1;
}

static const struct cert_facts *leaf(const struct policy_presented *presented)
{
	return &presented->facts[0];
}

static const struct cert_facts *last(const struct policy_presented *presented)
{
	return &presented->facts[presented->count - 1];
}

/* "ECDSA", "RSA": pairs are compared with their like. */
static bool is_alike(const struct policy_presented *a, const struct policy_presented *b)
{
	return (strncmp(leaf(a)->key, "RSA", 3) == 0) == (strncmp(leaf(b)->key, "RSA", 3) == 0);
}

static const struct policy_presented *counterpart(
	const struct work *w, const struct policy_presented *current)
{
	for (size_t i = 0; i < w->r->next_count; i++)
		if (is_alike(&w->r->next[i], current))
			return &w->r->next[i];
	return w->r->next_count > 0 ? &w->r->next[0] : NULL;
}

/* ---- what partners check ----------------------------------------------------------------------
 */

static bool has_pin(const struct model_expects *expects, const struct policy_presented *presented)
{
	for (size_t i = 0; i < expects->pins.count; i++)
		for (size_t j = 0; j < presented->count; j++)
			if (str_equal_nocase(str_of(expects->pins.items[i]),
				    str_of(presented->facts[j].spki_sha256)))
				return true;
	return expects->pins.count == 0;
}

static bool contains_nocase(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_equal_nocase(str_part(text, i, i + part.n), part))
			return true;
	return false;
}

static bool has_issuer(
	const struct model_expects *expects, const struct policy_presented *presented)
{
	if (expects->issuer == NULL)
		return true;
	for (size_t i = 0; i < presented->count; i++)
		if (contains_nocase(str_of(presented->facts[i].issuer), str_of(expects->issuer)))
			return true;
	return false;
}

static bool has_name(const struct model_expects *expects, const struct policy_presented *presented)
{
	for (size_t i = 0; i < expects->names.count; i++)
		if (cert_names_match(expects->names.items[i], leaf(presented), NULL))
			return true;
	return expects->names.count == 0;
}

struct check {
	const char *token, *what, *remedy;
	bool (*passes)(
		const struct model_expects *expects, const struct policy_presented *presented);
};

/* One that does not pass now is about another certificate of ours. */
static bool breaks(
	const struct work *w, const struct check *check, const struct model_expects *expects)
{
	bool passes = false;

	for (size_t i = 0; i < w->r->current_count; i++)
		passes = passes || check->passes(expects, &w->r->current[i]);
	for (size_t i = 0; passes && i < w->r->next_count; i++)
		if (!check->passes(expects, &w->r->next[i]))
			return true;
	return false;
}

static const struct model_organisation *owner_of(
	const struct model_config *config, const struct model_connector *connector)
{
	for (size_t i = 0; i < config->organisations.count; i++)
		if (strcmp(config->organisations.items[i].name, connector->organisation) == 0)
			return &config->organisations.items[i];
	return NULL;
}

bool policy_rollover_presents(const struct model_config *config,
	const struct model_connector *connector, const char *name)
{
	const struct model_organisation *owner = owner_of(config, connector);
	const char *certificate = owner != NULL ? owner->certificate : NULL;

	if (connector->outbound == NULL)
		return false;
	if (connector->outbound->certificate != NULL)
		certificate = connector->outbound->certificate;
	return certificate != NULL && strcmp(certificate, name) == 0;
}

static void check_partner(struct work *w, const struct model_connector *connector)
{
	static const struct check checks[] = {
		{"partner-pins", "has pinned a key that is in the chain now, and not in the next",
			"Send the partner the certificate sheet, and advance when the new key is "
			"pinned, too",
			has_pin},
		{"partner-issuer", "expects an issuer that the next version does not come from",
			"Ask the partner to expect the new issuer as well before you advance",
			has_issuer},
		{"partner-name", "expects a name that the next version does not carry",
			"Get a certificate that carries the name, too", has_name},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(checks); i++)
		if (breaks(w, &checks[i], connector->expects))
			add(w, &(struct policy_finding){
				       .severity = POLICY_SEVERITY_ERROR,
				       .token = checks[i].token,
				       .organisation = connector->organisation,
				       .subject = arena_format(w->arena, "connector %s/%s",
					       connector->organisation, connector->name),
				       .text = arena_format(
					       w->arena, "The partner %s", checks[i].what),
				       .remedy = checks[i].remedy,
			       });
}

static void check_partners(struct work *w)
{
	for (size_t i = 0; w->config != NULL && i < w->config->connectors.count; i++) {
		const struct model_connector *connector = &w->config->connectors.items[i];

		if (connector->enabled && connector->expects != NULL &&
			(w->r->is_used_by_listeners ||
				policy_rollover_presents(w->config, connector, w->r->name)))
			check_partner(w, connector);
	}
}

/* ---- what changes -----------------------------------------------------------------------------
 */

static void check_names(
	struct work *w, const struct policy_presented *current, const struct policy_presented *next)
{
	for (size_t i = 0; i < leaf(current)->names.count; i++) {
		const char *name = leaf(current)->names.items[i];
		bool found = false;

		for (size_t j = 0; j < leaf(next)->names.count && !found; j++)
			found = strcmp(leaf(next)->names.items[j], name) == 0;
		if (!found && !cert_names_match(name, leaf(next), NULL))
			add(w, &(struct policy_finding){
				       .severity = POLICY_SEVERITY_WARNING,
				       .token = "name-missing",
				       .text = arena_format(w->arena,
					       "The next version does not carry %s, which the "
					       "current one does",
					       name),
				       .remedy = "Get a certificate that carries it, unless nobody "
						 "asks for that name any more",
			       });
	}
}

static void check_hostname(struct work *w, const struct policy_presented *next)
{
	const char *hostname = w->r->hostname;

	if (!w->r->is_used_by_listeners || hostname == NULL ||
		cert_names_match(hostname, leaf(next), NULL))
		return;
	for (size_t i = 0; i < w->r->current_count; i++)
		if (!cert_names_match(hostname, leaf(&w->r->current[i]), NULL))
			return; /* nothing changes */
	add(w, &(struct policy_finding){
		       .severity = POLICY_SEVERITY_WARNING,
		       .token = "hostname-missing",
		       .text = arena_format(w->arena,
			       "The next version does not carry %s, this server's name", hostname),
		       .remedy = "Get a certificate that carries it",
	       });
}

static void check_issuers(
	struct work *w, const struct policy_presented *current, const struct policy_presented *next)
{
	const struct cert_facts *old = last(current), *new = last(next);

	if (strcmp(leaf(current)->spki_sha256, leaf(next)->spki_sha256) != 0)
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_NOTE,
			       .token = "key-changes",
			       .text = "The next version has another key",
			       .remedy = "Partners who pinned the key have to know beforehand: "
					 "sealpost cert sheet",
		       });
	if (strcmp(old->spki_sha256, new->spki_sha256) != 0 &&
		strcmp(old->issuer, new->issuer) != 0)
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_WARNING,
			       .token = "root-changes",
			       .text = arena_format(w->arena,
				       "The chain ends at %s; that of the current version at %s",
				       new->issuer, old->issuer),
			       .remedy = "Partners have to trust the new root beforehand: sealpost "
					 "cert sheet",
		       });
	else if (strcmp(leaf(current)->issuer, leaf(next)->issuer) != 0)
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_NOTE,
			       .token = "issuer-changes",
			       .text = arena_format(w->arena,
				       "The next version is issued by %s, the current one by %s",
				       leaf(next)->issuer, leaf(current)->issuer),
			       .remedy = "Partners who check the issuer have to know beforehand",
		       });
}

static void check_change(struct work *w)
{
	for (size_t i = 0; i < w->r->current_count; i++) {
		const struct policy_presented *current = &w->r->current[i];
		const struct policy_presented *next = counterpart(w, current);

		if (next == NULL)
			continue;
		check_issuers(w, current, next);
		check_names(w, current, next);
		if (!is_alike(current, next))
			add(w, &(struct policy_finding){
				       .severity = POLICY_SEVERITY_WARNING,
				       .token = "kind-missing",
				       .text = arena_format(w->arena,
					       "The next version has no certificate with a key "
					       "like %s",
					       leaf(current)->key),
				       .remedy = "Import both, or the other one by sealpost cert "
						 "import --beside, if partners that "
						 "know only one kind are to be reached",
			       });
	}
	for (size_t i = 0; i < w->r->next_count; i++)
		check_hostname(w, &w->r->next[i]);
}

/* ---- dates ------------------------------------------------------------------------------------
 */

static const char *moment(struct work *w, int64_t at_ms)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_text(w->arena, text);
}

static void check_gap(struct work *w)
{
	const struct cert_plan *plan = &w->r->life->plan;
	int64_t until = w->current->not_after_ms;

	if (w->next != NULL && w->next->not_before_ms > w->r->now_ms)
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_NOTE,
			       .token = "not-yet-valid",
			       .text = arena_format(w->arena,
				       "The next version is not valid before %s",
				       moment(w, w->next->not_before_ms)),
			       .remedy = "Nothing: it is not presented before",
		       });
	if (w->next != NULL && (w->next->not_before_ms >= until || plan->advance_ms >= until))
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_ERROR,
			       .token = "gap",
			       .text = arena_format(w->arena,
				       "The current version ends at %s, before the next one is "
				       "presented",
				       moment(w, until)),
			       .remedy = "Advance before, or import one that is valid earlier",
		       });
	if (until - w->r->now_ms > (int64_t)SOON_DAYS * MOMENT_DAY_MS)
		return;
	if (w->next == NULL || plan->advance_ms == 0)
		add(w, &(struct policy_finding){
			       .severity = POLICY_SEVERITY_WARNING,
			       .token = "ends-soon",
			       .text = arena_format(w->arena, "The current version ends at %s",
				       moment(w, until)),
			       .remedy = w->next == NULL ? "Import the next one"
							 : "Advance, now or by date",
		       });
}

static int in_order(const void *a, const void *b)
{
	const struct policy_finding *left = a, *right = b;
	int by_subject = strcmp(left->subject, right->subject);

	if (left->severity != right->severity)
		return left->severity - right->severity;
	return by_subject != 0 ? by_subject : strcmp(left->token, right->token);
}

static bool is_same(const struct policy_finding *a, const struct policy_finding *b)
{
	return in_order(a, b) == 0 && strcmp(a->text, b->text) == 0;
}

void policy_rollover(const struct model_config *config, const struct policy_rollover *rollover,
	struct arena *arena, struct policy_findings *ret)
{
	struct work w = {.config = config,
		.r = rollover,
		.arena = arena,
		.ret = ret,
		.next = cert_life_in(rollover->life, CERT_NEXT),
		.current = cert_life_in(rollover->life, CERT_CURRENT)};
	size_t kept = 0;

	*ret = (struct policy_findings){0};
	if (w.next != NULL && rollover->next_count > 0 && rollover->current_count > 0) {
		check_partners(&w);
		check_change(&w);
	}
	if (w.current != NULL)
		check_gap(&w);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), in_order);
	for (size_t i = 0; i < ret->count; i++) /* ECDSA and RSA say the same */
		if (kept == 0 || !is_same(&ret->items[kept - 1], &ret->items[i]))
			ret->items[kept++] = ret->items[i];
	ret->count = kept;
}
