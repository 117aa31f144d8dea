#include "core/cert/standing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define GOOD                                                                                       \
	{                                                                                          \
		.status = WIRE_REVOCATION_GOOD, .kind = "ocsp", .source = "stapled"                \
	}
#define LIST                                                                                       \
	{                                                                                          \
		.status = WIRE_REVOCATION_GOOD, .kind = "crl", .source = "http://ca/x.crl",        \
		.next_update_ms = 1800000000000                                                    \
	}
#define REVOKED                                                                                    \
	{                                                                                          \
		.status = WIRE_REVOCATION_REVOKED, .kind = "crl", .source = "http://ca/x.crl",     \
		.at_ms = 1700000000000                                                             \
	}
#define UNKNOWN                                                                                    \
	{                                                                                          \
		.status = WIRE_REVOCATION_UNKNOWN, .token = "timeout", .text = "no answer in 5 s"  \
	}

static const struct {
	const char *name;
	bool is_required;
	size_t count;
	bool is_listed[3];
	bool is_answered;
	size_t answered;
	struct wire_revocation answer[3];
	enum cert_verdict want;
	const char *words; /* beginning */
} rows[] = {
	{"all good", true, 2, {false}, true, 2, {GOOD, LIST}, CERT_TRUSTED,
		"good: certificate 1 by OCSP, stapled; certificate 2 by CRL, http://ca/x.crl, "
		"until "
		"2027-01-15T08:00:00.000Z"},
	{"revoked, whoever asks", false, 2, {false}, true, 2, {REVOKED, LIST}, CERT_REVOKED,
		"revoked: certificate 1 by CRL, http://ca/x.crl, since 2023-11-14T22:13:20.000Z"},
	{"an intermediate revoked", true, 2, {false}, true, 2, {GOOD, REVOKED}, CERT_REVOKED,
		"revoked: certificate 2 by CRL"},
	{"revoked, though a list given says otherwise", false, 2, {true, true}, true, 2,
		{REVOKED, GOOD}, CERT_REVOKED, "revoked: certificate 1"},
	{"revoked beats unknown", true, 2, {false}, true, 2, {UNKNOWN, REVOKED}, CERT_REVOKED,
		"revoked: certificate 2"},
	{"unknown, and required", true, 2, {false}, true, 2, {GOOD, UNKNOWN},
		CERT_REVOCATION_UNKNOWN,
		"unknown: certificate 2: timeout: no answer in 5 s; good: "},
	{"unknown, and preferred", false, 2, {false}, true, 2, {UNKNOWN, UNKNOWN}, CERT_TRUSTED,
		"unknown: certificate 1: timeout: no answer in 5 s; certificate 2: "},
	{"a list given settles it", true, 2, {true, false}, true, 2, {UNKNOWN, GOOD}, CERT_TRUSTED,
		"good: certificate 1 by a list given with the connector; certificate 2 by OCSP"},
	{"no answer, and required", true, 1, {false}, false, 0, {{0}}, CERT_REVOCATION_UNKNOWN,
		"unknown: certificate 1: lookup is away"},
	{"no answer, and preferred", false, 1, {false}, false, 0, {{0}}, CERT_TRUSTED,
		"unknown: certificate 1: lookup is away"},
	{"the answer leaves one out", true, 2, {false}, true, 1, {GOOD}, CERT_REVOCATION_UNKNOWN,
		"unknown: certificate 2: lookup is away; good: certificate 1"},
	{"the anchor alone", true, 0, {false}, true, 0, {{0}}, CERT_TRUSTED, "good: "},
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct arena *arena = arena_new();
		struct wire_revocation items[3];
		struct wire_revocation_answer answer = {.tag = 1};
		struct cert_standing_question q = {.is_required = rows[i].is_required,
			.count = rows[i].count,
			.is_listed = rows[i].is_listed,
			.answer = rows[i].is_answered ? &answer : NULL,
			.why = "lookup is away"};
		struct cert_standing got;

		memcpy(items, rows[i].answer, sizeof(items));
		answer.certificates.items = items;
		answer.certificates.count = rows[i].answered;
		cert_standing_judge(&q, arena, &got);
		if (got.verdict != rows[i].want ||
			strncmp(got.words, rows[i].words, strlen(rows[i].words)) != 0)
			fail_msg("%s: %s, %s", rows[i].name, cert_verdict_names[got.verdict],
				got.words);
		assert_int_equal(got.detail == NULL, got.verdict == CERT_TRUSTED);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_judge)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
