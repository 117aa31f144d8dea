/* What is known of a connection's certificates, and what follows for the mail on it. */
#include "process/deliver/standing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct stage {
	struct arena *arena;
	struct wire_revocation good;
	struct deliver_link_standing known;
	struct policy_profile profile;
	struct tls_open open;
	struct policy_hop hop;
};

static void prepare(struct stage *s, int revocation)
{
	*s = (struct stage){.arena = arena_new(),
		.good = {.status = WIRE_REVOCATION_GOOD},
		.profile = {.revocation = revocation},
		.open = {.chain = STR("leaf, anchor"), .count = 1},
		.hop = {.verdict = CERT_TRUSTED}};
	s->known = (struct deliver_link_standing){
		.arena = s->arena, .chain = s->open.chain, .is_answered = true};
	s->known.answer.certificates.items = &s->good;
	s->known.answer.certificates.count = 1;
}

static void apply(struct stage *s, int verdict)
{
	deliver_standing_apply(&s->known, &s->profile, &s->open, s->arena, &s->hop);
	assert_int_equal(s->hop.verdict, verdict);
	arena_free(&s->arena);
}

static void says_what_was_answered(void **state)
{
	struct stage s;

	(void)state;
	prepare(&s, MODEL_REVOCATION_REQUIRE);
	apply(&s, CERT_TRUSTED);
	prepare(&s, MODEL_REVOCATION_PREFER);
	s.good.status = WIRE_REVOCATION_REVOKED;
	apply(&s, CERT_REVOKED);
	prepare(&s, MODEL_REVOCATION_REQUIRE);
	s.known.is_answered = false;
	apply(&s, CERT_REVOCATION_UNKNOWN);
}

/* The trust store was replaced meanwhile: the certificate has another way up now. */
static void is_no_leave_for_another_chain(void **state)
{
	struct stage s;

	(void)state;
	prepare(&s, MODEL_REVOCATION_REQUIRE);
	s.open.chain = (struct str)STR("leaf, intermediate, anchor");
	s.open.count = 2;
	apply(&s, CERT_REVOCATION_UNKNOWN);
	prepare(&s, MODEL_REVOCATION_PREFER);
	s.open.chain = (struct str)STR("leaf, other anchor");
	apply(&s, CERT_TRUSTED);
	/* Nothing depends on it, and so nobody was asked. */
	prepare(&s, MODEL_REVOCATION_REQUIRE);
	s.known.arena = NULL;
	apply(&s, CERT_TRUSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_answered),
		cmocka_unit_test(is_no_leave_for_another_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
