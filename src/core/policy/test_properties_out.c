/*
 * A few thousand small random configurations with rules, directories and report mode, each asked
 * where mail goes; and the answers held against random hops.  What must hold for all of them.
 */
#include "core/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { QUESTIONS = 24, HOPS = 6 };

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
	"x.example", "y.example", "s.x.example", "z.example", "far.example", "d.far.example"};
static const char *const patterns[] = {"x.example", "*.x.example", "y.example", "*.example",
	"far.example", "*.far.example", "*", "z.example"};
static const char *const senders[] = {"u@x.example", "u+t@y.example", "", "v@far.example"};
static const char *const sender_patterns[] = {
	"u@x.example", "y.example", "<>", "*", "*.x.example", "u@y.example"};
static const char *const hosts[] = {"hub.example", "gate.example", "mx.x.example"};
static const char *const names[] = {"hub.example", "*.example", "far.example", "mx.x.example"};
static const char *const pins[] = {"aa", "bb", "cc"};
static const char *const groups[] = {"x25519", "secp256r1"};

static const char *word(struct arena *arena, const char *prefix, size_t i)
{
	return arena_format(arena, "%s%zu", prefix, i);
}

/* Up to two of FROM; sometimes none. */
static struct record_texts some(const char *const *from, size_t count, struct arena *arena)
{
	struct record_texts list = {.items = arena_array(arena, 2, sizeof(char *))};

	for (unsigned n = draw(3); list.count < n;)
		list.items[list.count++] = from[draw((unsigned)count)];
	return list;
}

#define SOME(list) some(list, ARRAY_LENGTH(list), arena)

/* ---- configurations ---------------------------------------------------------------------------
 */

static struct model_outbound *random_outbound(struct model_connector *c, struct arena *arena)
{
	struct model_outbound *out = arena_alloc(arena, sizeof(*out));

	out->recipient_domains = SOME(patterns);
	out->tls = (int)draw(MODEL_LEVEL_MAX);
	out->cost = draw(3) + 1;
	out->mode = (int)draw(2);
	out->when_unmet = (int)draw(2);
	out->smart_hosts = SOME(hosts);
	if (out->tls == MODEL_LEVEL_NAME && draw(2))
		out->tls_domain = PICK(names);
	if (draw(2))
		out->pins = SOME(pins);
	if (c->type == MODEL_ON_PREMISES) {
		out->all_accepted_domains = draw(2);
		out->route_all_via_on_premises = draw(3) == 0;
		out->cross_premises_headers = draw(2);
	}
	out->rule_scoped = draw(5) == 0;
	if (draw(2))
		out->certificate = word(arena, "special", draw(2));
	if (draw(3) == 0)
		c->groups = SOME(groups);
	c->minimum_version = draw(4) == 0 ? MODEL_TLS_13 : MODEL_TLS_12;
	c->revocation = draw(3) == 0 ? MODEL_REVOCATION_REQUIRE : MODEL_REVOCATION_PREFER;
	return out;
}

static void add_connectors(struct model_config *config, struct arena *arena)
{
	unsigned count = draw(7) + 1;

	config->connectors.items = arena_array(arena, count, sizeof(struct model_connector));
	for (size_t i = 0; i < count; i++) {
		struct model_connector *c = &config->connectors.items[config->connectors.count++];

		*c = (struct model_connector){.name = word(arena, "c", i),
			.organisation = PICK(organisations),
			.type = draw(2) ? MODEL_ON_PREMISES : MODEL_PARTNER,
			.enabled = draw(5) > 0,
			.inbound = arena_alloc(arena, sizeof(struct model_inbound)),
			.trust = draw(3) == 0 ? "anchors" : NULL};
		if (draw(6) > 0)
			c->outbound = random_outbound(c, arena);
	}
}

static struct model_rule random_rule(
	const struct model_config *config, size_t i, struct arena *arena)
{
	const struct model_connector *c =
		&config->connectors.items[draw((unsigned)config->connectors.count)];
	struct model_rule rule = {.name = word(arena, "r", i),
		.organisation = c->organisation,
		.enabled = draw(6) > 0,
		.mode = (int)draw(2),
		.direction = (int)draw(4),
		.senders = SOME(sender_patterns),
		.recipients = SOME(patterns),
		.larger_than = draw(3) == 0 ? 1000 : 0,
		.header = draw(4) == 0 ? "Subject" : NULL,
		.require_tls = (int)draw(MODEL_LEVEL_MAX)};

	if (draw(3) == 0)
		rule.connector = c->name;
	if (draw(4) == 0)
		rule.action = (int)draw(3);
	return rule;
}

static void add_rules(struct model_config *config, struct arena *arena)
{
	unsigned count = draw(6);

	/* One more may be added by a test. */
	config->rules.items = arena_array(arena, count + 1, sizeof(struct model_rule));
	for (size_t i = 0; i < count; i++)
		config->rules.items[config->rules.count++] = random_rule(config, i, arena);
}

static struct model_config random_config(struct arena *arena)
{
	struct model_config config = {0};

	config.organisations.items =
		arena_array(arena, ARRAY_LENGTH(organisations), sizeof(struct model_organisation));
	for (size_t i = 0; i < ARRAY_LENGTH(organisations); i++)
		config.organisations.items[config.organisations.count++] =
			(struct model_organisation){.name = organisations[i],
				.certificate = draw(2) ? organisations[i] : NULL,
				.trust = draw(3) == 0 ? "shared" : NULL,
				.minimum_tls = (int)draw(MODEL_LEVEL_NAME),
				.downgrade_grace_ms = draw(2) ? 3600000 : 0};
	config.domains.items =
		arena_array(arena, ARRAY_LENGTH(domains), sizeof(struct model_domain));
	for (size_t i = 0; i < 4; i++)
		if (draw(3) > 0)
			config.domains.items[config.domains.count++] =
				(struct model_domain){.name = domains[i],
					.organisation = PICK(organisations),
					.type = (int)draw(2),
					.subdomains = draw(2),
					.directory = draw(3) == 0,
					.delivery = draw(3) == 0   ? "smtp:in.example"
						    : draw(2) == 0 ? "maildir:/m/{local}"
								   : NULL};
	config.recipients.items = arena_array(arena, 1, sizeof(struct model_recipient));
	config.recipients.items[config.recipients.count++] =
		(struct model_recipient){.address = "r@x.example", .place = (int)draw(2)};
	add_connectors(&config, arena);
	add_rules(&config, arena);
	return config;
}

/* ---- questions --------------------------------------------------------------------------------
 */

struct question {
	struct policy_mail mail;
	const char *recipient;
};

static struct question random_question(const struct model_config *config, struct arena *arena)
{
	struct question q = {.mail = {.organisation = draw(4) > 0 ? PICK(organisations) : NULL,
				     .sender = PICK(senders),
				     .size = draw(2) ? 2000 : 0},
		.recipient = arena_format(arena, "%s@%s", draw(3) ? "r" : "R+tag", PICK(domains))};
	const struct model_connector *c =
		&config->connectors.items[draw((unsigned)config->connectors.count)];

	if (draw(3) == 0)
		q.mail.connector = c->name;
	if (draw(12) == 0)
		q.mail.via = arena_format(arena, "%s/%s", c->organisation, c->name);
	q.mail.labels.items = arena_array(arena, config->rules.count + 1, sizeof(char *));
	for (size_t i = 0; i < config->rules.count; i++)
		if (draw(2))
			q.mail.labels.items[q.mail.labels.count++] = arena_format(arena, "%s/%s",
				config->rules.items[i].organisation, config->rules.items[i].name);
	return q;
}

static struct policy_outbound ask(
	const struct policy_snapshot *snapshot, const struct question *q, struct arena *arena)
{
	struct policy_outbound answer;

	policy_outbound(snapshot, &q->mail, str_of(q->recipient), arena, &answer);
	return answer;
}

static const struct policy_hop hop_start = {.host = "hub.example"};

static struct policy_hop random_hop(struct cert_facts *facts, struct arena *arena)
{
	static const char *const versions[] = {"TLSv1.3", "TLSv1.2", NULL};
	struct policy_hop hop = hop_start;

	*facts = (struct cert_facts){.subject = "CN=x", .spki_sha256 = PICK(pins)};
	facts->names = SOME(names);
	hop.is_tls = draw(4) > 0;
	hop.starttls_offered = draw(2);
	hop.starttls_refused = draw(8) == 0;
	hop.handshake_failed = draw(8) == 0;
	hop.version_too_old = draw(8) == 0;
	hop.version = hop.is_tls ? PICK(versions) : NULL;
	hop.group = hop.is_tls && draw(4) > 0 ? PICK(groups) : NULL;
	hop.verdict = draw(3) > 0    ? CERT_TRUSTED
		      : draw(2) == 0 ? CERT_REVOCATION_UNKNOWN
				     : (int)draw(CERT_VERDICT_MAX + 1);
	if (hop.is_tls && draw(6) > 0)
		hop.certificate = facts;
	return hop;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const struct record_texts *a, const struct record_texts *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; equal && i < a->count; i++)
		equal = strcmp(a->items[i], b->items[i]) == 0;
	return equal;
}

static bool is_local(const struct policy_outbound *answer)
{
	return answer->type == POLICY_ROUTE_MAILDIR || answer->type == POLICY_ROUTE_LMTP;
}

/* ---- what holds for every answer --------------------------------------------------------------
 */

static const struct model_domain *owner(const struct policy_snapshot *s, const char *recipient)
{
	const struct model_config *config = policy_snapshot_config(s);
	const char *name = strchr(recipient, '@') + 1;
	const struct model_domain *best = NULL;

	for (size_t i = 0; i < config->domains.count; i++) {
		const struct model_domain *d = &config->domains.items[i];
		size_t m = strlen(name), n = strlen(d->name);
		bool below = d->subdomains && m > n + 1 && name[m - n - 1] == '.' &&
			     strcmp(name + m - n, d->name) == 0;

		if ((below || strcmp(name, d->name) == 0) &&
			(best == NULL || n > strlen(best->name)))
			best = d;
	}
	return best;
}

/* A connector that may be used, of an organisation that has to do with the mail. */
static void check_connector(const struct policy_snapshot *s, const struct question *q,
	const struct policy_outbound *answer)
{
	const struct model_connector *c =
		policy_connector(s, answer->organisation, answer->connector);
	const struct model_domain *d = owner(s, q->recipient);
	const struct model_organisation *o;
	const char *from = q->mail.organisation != NULL ? q->mail.organisation
			   : d != NULL			? d->organisation
							: NULL;

	assert_non_null(c);
	assert_non_null(c->outbound);
	assert_true(c->enabled);
	assert_true(q->mail.via != NULL || same(c->organisation, q->mail.organisation) ||
		    (d != NULL && same(c->organisation, d->organisation)));
	/* Never back to where it came from. */
	assert_false(same(from, c->organisation) && same(q->mail.connector, c->name));
	o = policy_organisation(s, c->organisation);
	assert_true(same(answer->certificate,
		c->outbound->certificate != NULL ? c->outbound->certificate : o->certificate));
	assert_true(same(answer->profile.anchors, c->trust != NULL ? c->trust : o->trust));
	if (c->outbound->mode == MODEL_ENFORCE)
		assert_true(answer->required >= c->outbound->tls);
	if (answer->headers == POLICY_HEADERS_CROSS)
		assert_true(c->type == MODEL_ON_PREMISES && c->outbound->cross_premises_headers &&
			    (q->mail.organisation == NULL ||
				    same(q->mail.organisation, c->organisation)));
}

static void check_answer(const struct policy_snapshot *s, const struct question *q,
	const struct policy_outbound *answer)
{
	const struct model_organisation *from = policy_organisation(s, q->mail.organisation);

	assert_non_null(answer->key);
	assert_non_null(answer->text);
	assert_true(answer->considered.count > 0);
	assert_int_equal(answer->type == POLICY_ROUTE_REFUSE, answer->outcome != POLICY_OK);
	assert_int_equal(answer->reply != NULL, answer->type == POLICY_ROUTE_REFUSE);
	assert_int_equal(answer->refused_by != NULL, answer->outcome == POLICY_RULE);
	assert_int_equal(answer->hold, answer->hold_by != NULL);
	if (answer->type == POLICY_ROUTE_REFUSE)
		return;
	assert_int_equal(answer->required > MODEL_LEVEL_NONE, answer->required_by.count > 0);
	assert_int_equal(answer->reported.required > MODEL_LEVEL_NONE,
		answer->reported.required_by.count > 0);
	assert_int_equal(answer->watches_downgrade,
		answer->required == MODEL_LEVEL_NONE && !is_local(answer));
	if (answer->required == MODEL_LEVEL_NONE)
		assert_true(answer->pins.count == 0 && answer->groups.count == 0 &&
			    answer->minimum_version == MODEL_TLS_12 && !answer->returns_when_unmet);
	if (is_local(answer))
		assert_int_equal(answer->required, MODEL_LEVEL_NONE);
	else if (from != NULL)
		assert_true(answer->required >= from->minimum_tls);
	if (answer->connector != NULL)
		check_connector(s, q, answer);
}

static void check_hop(const struct policy_outbound *route, struct arena *arena)
{
	struct cert_facts facts;
	struct policy_hop hop = random_hop(&facts, arena);
	struct policy_check check;

	policy_hop_check(route, &hop, arena, &check);
	assert_non_null(check.text);
	assert_int_equal(check.may_send, check.outcome == POLICY_OK);
	assert_true(check.would.outcome == POLICY_OK || check.may_send);
	assert_int_equal(check.would.outcome != POLICY_OK, check.would.text != NULL);
	assert_int_equal(check.would.outcome != POLICY_OK, check.would.by != NULL);
	if (!check.may_send)
		return;
	assert_true(check.got >= route->required);
	assert_true(route->required == MODEL_LEVEL_NONE || hop.is_tls);
	if (route->required >= MODEL_LEVEL_CHAIN)
		assert_true(hop.certificate != NULL &&
			    (hop.verdict == CERT_TRUSTED ||
				    (route->tolerates_unknown_revocation &&
					    hop.verdict == CERT_REVOCATION_UNKNOWN)));
	if (route->required == MODEL_LEVEL_NAME)
		assert_non_null(check.name_matched);
	if (route->minimum_version == MODEL_TLS_13)
		assert_true(same(hop.version, "TLSv1.3"));
	if (route->groups.count > 0)
		assert_non_null(hop.group);
	if (route->pins.count > 0)
		assert_non_null(hop.certificate);
}

/* Connections are shared by key. */
static void check_keys(const struct policy_outbound *a, const struct policy_outbound *b)
{
	if (a->type != b->type || a->type == POLICY_ROUTE_REFUSE || !same(a->key, b->key))
		return;
	assert_int_equal(a->required, b->required);
	assert_int_equal(a->minimum_version, b->minimum_version);
	assert_int_equal(a->tolerates_unknown_revocation, b->tolerates_unknown_revocation);
	assert_int_equal(a->reported.required, b->reported.required);
	assert_int_equal(a->reported.minimum_version, b->reported.minimum_version);
	assert_int_equal(a->would.outcome, b->would.outcome);
	assert_true(same_texts(&a->hosts, &b->hosts));
	assert_true(same_texts(&a->names, &b->names));
	assert_true(same_texts(&a->pins, &b->pins));
	assert_true(same_texts(&a->groups, &b->groups));
	assert_true(same_texts(&a->reported.names, &b->reported.names));
	assert_true(same_texts(&a->reported.pins, &b->reported.pins));
	assert_true(policy_profile_equal(&a->profile, &b->profile));
	assert_true(same(a->certificate, b->certificate));
}

static void test_answers(void **state)
{
	(void)state;
	state_of_random = 0x0badc0de5eedu;
	for (unsigned i = 0; i < 2000; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena);
		struct policy_snapshot *s = policy_snapshot_new(&config, i);
		struct policy_outbound answers[QUESTIONS];

		for (unsigned k = 0; k < QUESTIONS; k++) {
			struct question q = random_question(&config, arena);

			answers[k] = ask(s, &q, arena);
			check_answer(s, &q, &answers[k]);
			for (unsigned h = 0; h < HOPS; h++)
				check_hop(&answers[k], arena);
			for (unsigned other = 0; other < k; other++)
				check_keys(&answers[k], &answers[other]);
		}
		policy_snapshot_free(&s);
		arena_free(&arena);
	}
}

/* ---- the lattice: more is never less ----------------------------------------------------------
 */

static bool same_route(const struct policy_outbound *a, const struct policy_outbound *b)
{
	return a->type == b->type && same(a->organisation, b->organisation) &&
	       same(a->connector, b->connector);
}

static void check_not_less(
	const struct policy_outbound *before, const struct policy_outbound *after)
{
	if (after->type == POLICY_ROUTE_REFUSE || !same_route(before, after))
		return;
	assert_true(after->required >= before->required);
	assert_true(after->hold >= before->hold);
	assert_true(after->minimum_version >= before->minimum_version);
	assert_true(before->pins.count == 0 || same_texts(&before->pins, &after->pins));
	assert_true(before->groups.count == 0 || same_texts(&before->groups, &after->groups));
	if (before->required == MODEL_LEVEL_NAME)
		assert_true(same_texts(&before->names, &after->names));
}

/* An enforced rule or connector more, or report mode turned off, or a higher minimum. */
static void strengthen(struct model_config *config, struct arena *arena)
{
	struct model_rule rule = random_rule(config, config->rules.count, arena);
	struct model_connector *c;

	switch (draw(4)) {
	case 0:
		rule.mode = MODEL_ENFORCE;
		config->rules.items[config->rules.count++] = rule;
		break;
	case 1:
		for (size_t i = 0; i < config->rules.count; i++)
			config->rules.items[i].mode = MODEL_ENFORCE;
		break;
	case 2:
		c = &config->connectors.items[draw((unsigned)config->connectors.count)];
		c->enabled = true;
		if (c->outbound != NULL)
			c->outbound->mode = MODEL_ENFORCE;
		break;
	default:
		config->organisations.items[draw(3)].minimum_tls = MODEL_LEVEL_CHAIN;
	}
}

static void test_lattice(void **state)
{
	(void)state;
	state_of_random = 0x1a771ce5u;
	for (unsigned i = 0; i < 2000; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena);
		struct policy_snapshot *before = policy_snapshot_new(&config, 1), *after;

		strengthen(&config, arena);
		after = policy_snapshot_new(&config, 2);
		for (unsigned k = 0; k < QUESTIONS; k++) {
			struct question q = random_question(&config, arena);
			struct policy_outbound was = ask(before, &q, arena);
			struct policy_outbound is = ask(after, &q, arena);

			check_not_less(&was, &is);
		}
		policy_snapshot_free(&before);
		policy_snapshot_free(&after);
		arena_free(&arena);
	}
}

/* ---- report mode ------------------------------------------------------------------------------
 */

static void set_mode(struct model_config *config, int rules, int connectors)
{
	for (size_t i = 0; i < config->rules.count; i++)
		config->rules.items[i].mode = rules;
	for (size_t i = 0; i < config->connectors.count; i++)
		if (config->connectors.items[i].outbound != NULL)
			config->connectors.items[i].outbound->mode = connectors;
}

/* What report mode says would be is what enforce mode does. */
static void check_promise(const struct policy_outbound *reporting,
	const struct policy_outbound *enforcing, struct arena *arena)
{
	struct cert_facts facts;
	struct policy_hop hop = random_hop(&facts, arena);
	struct policy_check would, does;

	policy_hop_check(reporting, &hop, arena, &would);
	policy_hop_check(enforcing, &hop, arena, &does);
	if (!would.may_send) {
		assert_false(does.may_send);
		return;
	}
	assert_int_equal(does.may_send, would.would.outcome == POLICY_OK);
	assert_int_equal(does.outcome, would.would.outcome);
}

static void test_promise(void **state)
{
	(void)state;
	state_of_random = 0x9e0317u;
	for (unsigned i = 0; i < 2000; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena);
		struct policy_snapshot *reporting, *enforcing;

		set_mode(&config, MODEL_ENFORCE, MODEL_REPORT);
		reporting = policy_snapshot_new(&config, 1);
		set_mode(&config, MODEL_ENFORCE, MODEL_ENFORCE);
		enforcing = policy_snapshot_new(&config, 2);
		for (unsigned k = 0; k < QUESTIONS; k++) {
			struct question q = random_question(&config, arena);
			struct policy_outbound would = ask(reporting, &q, arena);
			struct policy_outbound does = ask(enforcing, &q, arena);

			/* The mode changes what is asked, and nothing about the way. */
			assert_true(same_route(&would, &does));
			for (unsigned h = 0; h < HOPS; h++)
				check_promise(&would, &does, arena);
		}
		policy_snapshot_free(&reporting);
		policy_snapshot_free(&enforcing);
		arena_free(&arena);
	}
}

/* With everything in report mode only the organisations' minimum is asked, and no rule acts. */
static void test_report_refuses_nothing(void **state)
{
	(void)state;
	state_of_random = 0x4e90127u;
	for (unsigned i = 0; i < 2000; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena), bare = config;
		struct policy_snapshot *s, *without;

		set_mode(&config, MODEL_REPORT, MODEL_REPORT);
		for (size_t k = 0; k < config.organisations.count; k++)
			config.organisations.items[k].minimum_tls = MODEL_LEVEL_NONE;
		s = policy_snapshot_new(&config, 1);
		bare.rules.count = 0;
		without = policy_snapshot_new(&bare, 2);
		for (unsigned k = 0; k < QUESTIONS; k++) {
			struct question q = random_question(&config, arena);
			struct policy_outbound answer = ask(s, &q, arena);
			struct policy_outbound other = ask(without, &q, arena);
			struct cert_facts facts;
			struct policy_hop hop = random_hop(&facts, arena);
			struct policy_check check;

			assert_true(same_route(&answer, &other));
			assert_int_equal(answer.outcome, other.outcome);
			assert_false(answer.hold);
			if (answer.type == POLICY_ROUTE_REFUSE)
				continue;
			assert_int_equal(answer.required, MODEL_LEVEL_NONE);
			policy_hop_check(&answer, &hop, arena, &check);
			assert_true(check.may_send);
		}
		policy_snapshot_free(&s);
		policy_snapshot_free(&without);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_lattice),
		cmocka_unit_test(test_promise),
		cmocka_unit_test(test_report_refuses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
