/*
 * A few thousand small random configurations, each asked for many ways out.  The answers are
 * compared with what a plain reading of the rules gives, without any index.  For mail that comes in
 * see test_attribution.c.
 */
#include "core/cert/names.h"
#include "core/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t state_of_random;

static unsigned draw(unsigned below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (unsigned)(state_of_random >> 33) % below;
}

#define PICK(list) ((list)[draw(ARRAY_LENGTH(list))])

static const char *const organisations[] = {"a", "b", "c"};
static const char *const domains[] = {
	"x.example", "y.example", "s.x.example", "t.s.x.example", "far.example", "d.far.example"};
static const char *const certificate_names[] = {"m.x.example", "*.x.example", "m.s.x.example",
	"*.s.x.example", "m.y.example", "x.example", "*.y.example"};
static const char *const patterns[] = {"x.example", "*.x.example", "y.example", "*.example",
	"far.example", "*.far.example", "*", "*.s.x.example"};
static const char *const trusts[] = {"anchors-1", "anchors-2"};

static const char *word(struct arena *arena, const char *prefix, size_t i)
{
	return arena_format(arena, "%s%zu", prefix, i);
}

static void add_some(
	struct record_texts *list, const char *const *from, size_t count, struct arena *arena)
{
	list->items = arena_array(arena, 3, sizeof(char *));
	for (unsigned n = draw(3) + 1; list->count < n;)
		list->items[list->count++] = from[draw((unsigned)count)];
}

static struct model_outbound *random_outbound(int type, struct arena *arena)
{
	struct model_outbound *out = arena_alloc(arena, sizeof(*out));

	if (type == MODEL_ON_PREMISES && draw(2))
		out->all_accepted_domains = true;
	else
		add_some(&out->recipient_domains, patterns, ARRAY_LENGTH(patterns), arena);
	out->tls = (int)draw(MODEL_LEVEL_MAX);
	out->cost = draw(3) + 1;
	if (out->tls == MODEL_LEVEL_NAME && draw(2))
		out->tls_domain = PICK(certificate_names);
	if (out->all_accepted_domains || draw(2)) {
		out->smart_hosts.items = arena_array(arena, 1, sizeof(char *));
		out->smart_hosts.items[out->smart_hosts.count++] = "hub.example";
	}
	return out;
}

static struct model_config random_config(struct arena *arena)
{
	struct model_config config = {0};
	unsigned count = draw(6) + 1;

	config.organisations.items =
		arena_array(arena, ARRAY_LENGTH(organisations), sizeof(struct model_organisation));
	for (size_t i = 0; i < ARRAY_LENGTH(organisations); i++)
		config.organisations.items[config.organisations.count++] =
			(struct model_organisation){.name = organisations[i],
				.minimum_tls = (int)draw(MODEL_LEVEL_NAME),
				.reject_direct_send = draw(2)};
	config.domains.items =
		arena_array(arena, ARRAY_LENGTH(domains), sizeof(struct model_domain));
	for (size_t i = 0; i < 4; i++)
		if (draw(3) > 0)
			config.domains.items[config.domains.count++] =
				(struct model_domain){.name = domains[i],
					.organisation = PICK(organisations),
					.subdomains = draw(2),
					.delivery = draw(2) ? "smtp:in.example" : NULL};
	config.connectors.items = arena_array(arena, count, sizeof(struct model_connector));
	for (size_t i = 0; i < count; i++) {
		int type = draw(3) > 0 ? MODEL_ON_PREMISES : MODEL_PARTNER;

		config.connectors.items[config.connectors.count++] =
			(struct model_connector){.name = word(arena, "c", i),
				.organisation = PICK(organisations),
				.type = type,
				.enabled = draw(5) > 0,
				.trust = draw(2) ? PICK(trusts) : NULL,
				.outbound = draw(2) ? random_outbound(type, arena) : NULL};
	}
	return config;
}

/* ---- the plain reading ------------------------------------------------------------------------
 */

static bool is_below(const char *name, const char *parent)
{
	size_t m = strlen(name), n = strlen(parent);

	return m > n + 1 && name[m - n - 1] == '.' && strcmp(name + m - n, parent) == 0;
}

static const struct model_domain *owner(const struct model_config *config, const char *name)
{
	const struct model_domain *best = NULL;

	for (size_t i = 0; name != NULL && i < config->domains.count; i++) {
		const struct model_domain *d = &config->domains.items[i];
		bool covers =
			strcmp(d->name, name) == 0 || (d->subdomains && is_below(name, d->name));

		if (covers && (best == NULL || strlen(d->name) > strlen(best->name)))
			best = d;
	}
	return best;
}

static int covers(const struct record_texts *list, const char *name)
{
	int best = -1;

	for (size_t i = 0; i < list->count; i++) {
		const char *p = list->items[i];
		int score = strcmp(p, "*") == 0					  ? 0
			    : name == NULL					  ? -1
			    : p[0] == '*' && p[1] == '.' && is_below(name, p + 2) ? (int)strlen(p)
			    : strcmp(p, name) == 0				  ? 1000
										  : -1;

		best = score > best ? score : best;
	}
	return best;
}

/* ---- questions --------------------------------------------------------------------------------
 */

/* The connector that a plain reading of the order chooses. */
static const struct model_connector *route_of(const struct model_config *config,
	const char *organisation, const char *to, bool is_accepted)
{
	const struct model_connector *best = NULL;
	int best_score = -1;

	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];
		int score;

		if (c->outbound == NULL || !c->enabled || organisation == NULL ||
			strcmp(c->organisation, organisation) != 0)
			continue;
		score = covers(&c->outbound->recipient_domains, to);
		if (c->outbound->all_accepted_domains && is_accepted && score < 1)
			score = 1;
		if (score < 0 || score < best_score)
			continue;
		if (score > best_score || c->outbound->cost < best->outbound->cost ||
			(c->outbound->cost == best->outbound->cost &&
				strcmp(c->name, best->name) < 0)) {
			best = c;
			best_score = score;
		}
	}
	return best;
}

static void check_hop(const struct policy_outbound *route, struct arena *arena)
{
	struct cert_facts facts = {.subject = "CN=x"};
	struct policy_hop hop = {.is_tls = draw(2),
		.starttls_offered = draw(2),
		.starttls_refused = draw(4) == 0,
		.handshake_failed = draw(4) == 0,
		.version_too_old = draw(4) == 0,
		.host = draw(2) ? "hub.example" : NULL,
		.verdict = draw(2) ? CERT_TRUSTED : (int)draw(CERT_VERDICT_MAX + 2)};
	struct policy_check check;

	add_some(&facts.names, certificate_names, ARRAY_LENGTH(certificate_names), arena);
	if (draw(2))
		hop.certificate = &facts;
	policy_hop_check(route, &hop, arena, &check);
	assert_non_null(check.text);
	assert_int_equal(check.may_send, check.outcome == POLICY_OK);
	if (!check.may_send)
		return;
	assert_true(check.got >= route->required);
	assert_true(route->required == MODEL_LEVEL_NONE || hop.is_tls);
	if (route->required >= MODEL_LEVEL_CHAIN)
		assert_true(hop.certificate != NULL && hop.verdict == CERT_TRUSTED);
	if (route->required == MODEL_LEVEL_NAME)
		assert_non_null(check.name_matched);
}

static void check_outbound(const struct model_config *config,
	const struct policy_snapshot *snapshot, struct arena *arena)
{
	const char *sender = draw(4) > 0 ? PICK(organisations) : NULL;
	const char *to = PICK(domains);
	const struct model_domain *d = owner(config, to);
	const struct model_organisation *from = policy_organisation(snapshot, sender);
	const struct model_connector *c;
	struct policy_outbound answer;

	policy_outbound(snapshot, &(struct policy_mail){.organisation = sender},
		str_of(arena_format(arena, "r@%s", to)), arena, &answer);
	assert_non_null(answer.key);
	assert_non_null(answer.text);
	assert_true(answer.considered.count > 0);
	check_hop(&answer, arena);
	/* To another organisation: out by an own connector that names hosts, else over there. */
	c = d != NULL && sender != NULL && strcmp(sender, d->organisation) != 0
		    ? route_of(config, sender, to, false)
		    : NULL;
	if (c != NULL && c->outbound->smart_hosts.count == 0)
		c = NULL;
	if (c == NULL && d != NULL && d->delivery != NULL) {
		assert_int_equal(answer.type, POLICY_ROUTE_HOSTS);
		assert_null(answer.connector);
		return;
	}
	if (c == NULL)
		c = route_of(config, d != NULL ? d->organisation : sender, to, d != NULL);
	if (c == NULL) {
		assert_null(answer.connector);
		assert_int_equal(answer.type, d != NULL ? POLICY_ROUTE_REFUSE : POLICY_ROUTE_MX);
	} else {
		assert_string_equal(answer.connector, c->name);
		assert_true(answer.required >= c->outbound->tls);
	}
	if (from != NULL && answer.type != POLICY_ROUTE_REFUSE)
		assert_true(answer.required >= from->minimum_tls);
	assert_true((answer.required > 0) == (answer.required_by.count > 0));
}

static void test_random(void **state)
{
	(void)state;
	state_of_random = 0x5ea1905723u;
	for (unsigned i = 0; i < 3000; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena);
		struct policy_snapshot *snapshot = policy_snapshot_new(&config, i);

		for (unsigned k = 0; k < 40; k++) {
			check_outbound(&config, snapshot, arena);
		}
		policy_snapshot_free(&snapshot);
		arena_free(&arena);
	}
}

/* Ten thousand connectors must not make a decision slow: the index lists few candidates. */
static void test_many(void **state)
{
	struct arena *arena = arena_new();
	struct model_config config = {0};
	struct policy_snapshot *snapshot;
	struct policy_outbound answer;

	(void)state;
	config.organisations.items = arena_array(arena, 1, sizeof(struct model_organisation));
	config.organisations.items[0] = (struct model_organisation){.name = "o"};
	config.organisations.count = 1;
	config.connectors.items = arena_array(arena, 10000, sizeof(struct model_connector));
	for (size_t i = 0; i < 10000; i++) {
		struct model_outbound *out = arena_alloc(arena, sizeof(*out));

		out->recipient_domains.items = arena_array(arena, 1, sizeof(char *));
		out->recipient_domains.items[0] = arena_format(arena, "d%zu.example", i);
		out->recipient_domains.count = 1;
		config.connectors.items[config.connectors.count++] =
			(struct model_connector){.name = word(arena, "c", i),
				.organisation = "o",
				.enabled = true,
				.outbound = out};
	}
	snapshot = policy_snapshot_new(&config, 1);
	policy_outbound(snapshot, &(struct policy_mail){.organisation = "o"},
		str_of("r@d7777.example"), arena, &answer);
	assert_string_equal(answer.connector, "c7777");
	assert_int_equal(answer.considered.count, 1);
	policy_snapshot_free(&snapshot);
	arena_free(&arena);
}

/* One connector that restricts is found among any number that do not. */
static void test_crowd(void **state)
{
	struct arena *arena = arena_new();
	struct model_organisation o = {.name = "o"};
	struct model_domain d = {.name = "x.example", .organisation = "o"};
	struct model_config config = {
		.organisations = {&o, 1}, .domains = {&d, 1}, .connectors = {NULL, 300}};
	const char *all[] = {"*"}, *gateway[] = {"192.0.2.1"};
	struct policy_peer peer = {.is_tls = true, .has_address = true};
	struct policy_snapshot *snapshot;
	struct policy_inbound answer;

	(void)state;
	config.connectors.items = arena_array(arena, 300, sizeof(struct model_connector));
	for (size_t i = 0; i < 300; i++) {
		struct model_inbound *in = arena_alloc(arena, sizeof(*in));

		in->sender_domains = (struct record_texts){all, 1};
		in->restrict_to_addresses = i == 250;
		if (i == 250)
			in->addresses = (struct record_texts){gateway, 1};
		config.connectors.items[i] = (struct model_connector){.name = word(arena, "c", i),
			.organisation = "o",
			.enabled = true,
			.inbound = in};
	}
	snapshot = policy_snapshot_new(&config, 1);
	model_parse_prefix(str_of("198.51.100.1"), &peer.address);
	policy_attribute(
		snapshot, &peer, str_of("a@far.example"), str_of("b@x.example"), arena, &answer);
	assert_int_equal(answer.outcome, POLICY_ADDRESS);
	assert_string_equal(answer.connector, "c250");
	policy_snapshot_free(&snapshot);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
