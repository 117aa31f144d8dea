/* Facts of certificates, and verdicts on chains. */
#include "port/tls/test_certs.h"
#include "port/tls/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static struct test_cert root, intermediate, other_root, same_name_root, leaf, by_root, no_ca,
	by_no_ca, self_signed, weak_key, weak_hash, server_only, old_server_only, mail_only,
	renamed;
static int64_t now_ms;

enum { DAY_S = 86400 };

struct verify_row {
	const char *name;
	const struct test_cert *chain[3];
	const struct test_cert *anchor;
	enum tls_purpose purpose;
	int64_t days; /* from now */
	enum cert_verdict want;
};

static const struct verify_row verify_rows[] = {
	{"complete", {&leaf, &intermediate}, &root, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED},
	{"complete with root", {&leaf, &intermediate, &root}, &root, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED},
	{"for a client", {&leaf, &intermediate}, &root, TLS_PURPOSE_CLIENT, 0, CERT_TRUSTED},
	{"straight from the root", {&by_root}, &root, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED},
	{"only the leaf", {&leaf}, &root, TLS_PURPOSE_SERVER, 0, CERT_MISSING_INTERMEDIATE},
	{"the leaf and a stranger", {&leaf, &other_root}, &root, TLS_PURPOSE_SERVER, 0,
		CERT_MISSING_INTERMEDIATE},
	{"only the leaf, its issuer is the anchor", {&leaf}, &intermediate, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED},
	{"the anchor is an intermediate", {&leaf, &intermediate}, &intermediate, TLS_PURPOSE_SERVER,
		0, CERT_TRUSTED},
	{"the anchor is the leaf", {&leaf}, &leaf, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED},
	{"the anchor is the leaf, expired", {&leaf}, &leaf, TLS_PURPOSE_SERVER, 400, CERT_EXPIRED},
	{"unknown root, not sent", {&leaf, &intermediate}, &other_root, TLS_PURPOSE_SERVER, 0,
		CERT_UNTRUSTED_ROOT},
	{"unknown root, sent", {&leaf, &intermediate, &root}, &other_root, TLS_PURPOSE_SERVER, 0,
		CERT_UNTRUSTED_ROOT},
	{"self-signed", {&self_signed}, &root, TLS_PURPOSE_SERVER, 0, CERT_SELF_SIGNED},
	{"self-signed and an anchor", {&self_signed}, &self_signed, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED},
	{"expired", {&leaf, &intermediate}, &root, TLS_PURPOSE_SERVER, 400, CERT_EXPIRED},
	{"not yet valid", {&leaf, &intermediate}, &root, TLS_PURPOSE_SERVER, -10,
		CERT_NOT_YET_VALID},
	{"expired of an unknown root", {&leaf, &intermediate}, &other_root, TLS_PURPOSE_SERVER, 400,
		CERT_UNTRUSTED_ROOT},
	{"expired and self-signed", {&self_signed}, &root, TLS_PURPOSE_SERVER, 400,
		CERT_SELF_SIGNED},
	{"short key", {&weak_key, &intermediate}, &root, TLS_PURPOSE_SERVER, 0, CERT_WEAK},
	{"SHA-1", {&weak_hash, &intermediate}, &root, TLS_PURPOSE_SERVER, 0, CERT_WEAK},
	{"server certificate of a server", {&server_only, &intermediate}, &root, TLS_PURPOSE_SERVER,
		0, CERT_TRUSTED},
	{"server certificate of a client", {&server_only, &intermediate}, &root, TLS_PURPOSE_CLIENT,
		0, CERT_PURPOSE},
	{"the same, expired", {&old_server_only, &intermediate}, &root, TLS_PURPOSE_CLIENT, 0,
		CERT_EXPIRED},
	{"the same, only the leaf", {&server_only}, &root, TLS_PURPOSE_CLIENT, 0,
		CERT_MISSING_INTERMEDIATE},
	{"issued by an end entity", {&by_no_ca, &no_ca, &intermediate}, &root, TLS_PURPOSE_SERVER,
		0, CERT_INVALID},
	{"another root of the same name", {&by_root}, &same_name_root, TLS_PURPOSE_SERVER, 0,
		CERT_INVALID},
	{"nothing", {NULL}, &root, TLS_PURPOSE_SERVER, 0, CERT_INVALID},
};

static void judges_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(verify_rows); i++) {
		const struct verify_row *row = &verify_rows[i];
		struct arena *arena = arena_new();
		struct tls_anchors *anchors = NULL;
		char *pem = mem_text("");
		const char *detail = NULL;
		enum cert_verdict got;

		for (size_t j = 0; j < 3 && row->chain[j] != NULL; j++) {
			char *longer = test_cert_join(pem, row->chain[j]->pem);

			free(pem);
			pem = longer;
		}
		assert_int_equal(
			tls_anchors_new(str_of(row->anchor->pem), (struct str){0}, &anchors, NULL),
			ERR_OK);
		got = tls_verify_pem(str_of(pem),
			&(struct tls_verification){.anchors = anchors,
				.purpose = row->purpose,
				.now_ms = now_ms + row->days * DAY_S * 1000},
			arena, &detail, NULL);
		if (got != row->want)
			fail_msg("%s: %s (%s)", row->name, cert_verdict_names[got],
				detail != NULL ? detail : "");
		assert_int_equal(detail == NULL, got == CERT_TRUSTED);
		tls_anchors_free(&anchors);
		arena_free(&arena);
		free(pem);
	}
}

/* Lists for the table below. */
enum list {
	NO_LIST,
	ROOT_GOOD,	 /* nobody is revoked */
	ROOT_REVOKES,	 /* the intermediate */
	MIDDLE_GOOD,	 /* nobody */
	MIDDLE_REVOKES,	 /* the leaf */
	MIDDLE_STALE,	 /* nobody, and it is out of date */
	MIDDLE_TOMORROW, /* nobody, and it is not in force yet */
	MIDDLE_STALE_REVOKES,
	MIDDLE_FORGED, /* nobody, in the intermediate's name by another key */
	OTHER_GOOD,    /* of an issuer that is not in the chain */
	LIST_MAX,
};

static char *lists[LIST_MAX];

struct revocation_row {
	const char *name;
	const struct test_cert *chain[2], *anchor;
	enum list lists[2];
	enum tls_purpose purpose;
	int64_t days;
	enum cert_verdict off, prefer, require;
};

#define CHAIN	     {&leaf, &intermediate}, &root
#define ALL(verdict) verdict, verdict, verdict
static const struct revocation_row revocation_rows[] = {
	{"all lists, nobody is on them", CHAIN, {ROOT_GOOD, MIDDLE_GOOD}, TLS_PURPOSE_SERVER, 0,
		ALL(CERT_TRUSTED)},
	{"the leaf is revoked", CHAIN, {ROOT_GOOD, MIDDLE_REVOKES}, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"the intermediate is revoked", CHAIN, {ROOT_REVOKES, MIDDLE_GOOD}, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"the leaf is revoked, no other list", CHAIN, {MIDDLE_REVOKES}, TLS_PURPOSE_CLIENT, 0,
		CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"the intermediate is revoked, no other list", CHAIN, {ROOT_REVOKES}, TLS_PURPOSE_CLIENT, 0,
		CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"no list", CHAIN, {NO_LIST}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED, CERT_TRUSTED,
		CERT_REVOCATION_UNKNOWN},
	{"no list of the root", CHAIN, {MIDDLE_GOOD}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED,
		CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"no list of the intermediate", CHAIN, {ROOT_GOOD}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED,
		CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"a list of another issuer", CHAIN, {OTHER_GOOD}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED,
		CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"a forged list", CHAIN, {ROOT_GOOD, MIDDLE_FORGED}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED,
		CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"a stale list", CHAIN, {ROOT_GOOD, MIDDLE_STALE}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED,
		CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"a stale list has the leaf", CHAIN, {ROOT_GOOD, MIDDLE_STALE_REVOKES}, TLS_PURPOSE_SERVER,
		0, CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"a list of tomorrow", CHAIN, {ROOT_GOOD, MIDDLE_TOMORROW}, TLS_PURPOSE_SERVER, 0,
		CERT_TRUSTED, CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"the anchor is the leaf", {&leaf}, &leaf, {NO_LIST}, TLS_PURPOSE_SERVER, 0,
		ALL(CERT_TRUSTED)},
	{"the anchor is the intermediate", {&leaf}, &intermediate, {MIDDLE_GOOD},
		TLS_PURPOSE_SERVER, 0, ALL(CERT_TRUSTED)},
	{"the anchor is the intermediate, no list", {&leaf}, &intermediate, {NO_LIST},
		TLS_PURPOSE_SERVER, 0, CERT_TRUSTED, CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"the anchor is the intermediate, the leaf is revoked", {&leaf}, &intermediate,
		{MIDDLE_REVOKES}, TLS_PURPOSE_SERVER, 0, CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"unknown root, no list", {&leaf, &intermediate}, &other_root, {NO_LIST},
		TLS_PURPOSE_SERVER, 0, ALL(CERT_UNTRUSTED_ROOT)},
	{"expired, no list", CHAIN, {NO_LIST}, TLS_PURPOSE_SERVER, 400, ALL(CERT_EXPIRED)},
	{"a server's, of a client", {&server_only, &intermediate}, &root, {ROOT_GOOD, MIDDLE_GOOD},
		TLS_PURPOSE_CLIENT, 0, ALL(CERT_PURPOSE)},
	{"a server's, of a client, revoked", {&server_only, &intermediate}, &root, {ROOT_REVOKES},
		TLS_PURPOSE_CLIENT, 0, CERT_PURPOSE, CERT_REVOKED, CERT_REVOKED},
	{"a server's, of either", {&server_only, &intermediate}, &root, {ROOT_GOOD, MIDDLE_GOOD},
		TLS_PURPOSE_EITHER, 0, ALL(CERT_TRUSTED)},
	{"a server's, of either, no list", {&server_only, &intermediate}, &root, {NO_LIST},
		TLS_PURPOSE_EITHER, 0, CERT_TRUSTED, CERT_TRUSTED, CERT_REVOCATION_UNKNOWN},
	{"a server's, of either, revoked", {&server_only, &intermediate}, &root, {ROOT_REVOKES},
		TLS_PURPOSE_EITHER, 0, CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
	{"for something else, of either", {&mail_only, &intermediate}, &root,
		{ROOT_GOOD, MIDDLE_GOOD}, TLS_PURPOSE_EITHER, 0, ALL(CERT_PURPOSE)},
	{"for something else, of any", {&mail_only, &intermediate}, &root, {ROOT_GOOD, MIDDLE_GOOD},
		TLS_PURPOSE_ANY, 0, ALL(CERT_TRUSTED)},
	{"for something else, of any, revoked", {&mail_only, &intermediate}, &root, {ROOT_REVOKES},
		TLS_PURPOSE_ANY, 0, CERT_TRUSTED, CERT_REVOKED, CERT_REVOKED},
};

static enum cert_verdict judge(const struct revocation_row *row, enum tls_revocation revocation)
{
	char *chain =
		test_cert_join(row->chain[0]->pem, row->chain[1] != NULL ? row->chain[1]->pem : "");
	char *crls = test_cert_join(row->lists[0] != NO_LIST ? lists[row->lists[0]] : "",
		row->lists[1] != NO_LIST ? lists[row->lists[1]] : "");
	struct arena *arena = arena_new();
	struct tls_anchors *anchors = NULL;
	const char *detail = NULL;
	enum cert_verdict got;

	assert_int_equal(
		tls_anchors_new(str_of(row->anchor->pem), str_of(crls), &anchors, NULL), ERR_OK);
	got = tls_verify_pem(str_of(chain),
		&(struct tls_verification){.anchors = anchors,
			.purpose = row->purpose,
			.revocation = revocation,
			.now_ms = now_ms + row->days * DAY_S * 1000},
		arena, &detail, NULL);
	assert_int_equal(detail == NULL, got == CERT_TRUSTED);
	tls_anchors_free(&anchors);
	arena_free(&arena);
	free(chain);
	free(crls);
	return got;
}

static void judges_revocation(void **state)
{
	static const enum tls_revocation ways[] = {
		TLS_REVOCATION_OFF, TLS_REVOCATION_PREFER, TLS_REVOCATION_REQUIRE};
	static const char *const names[] = {"off", "prefer", "require"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(revocation_rows); i++) {
		const struct revocation_row *row = &revocation_rows[i];
		const enum cert_verdict want[] = {row->off, row->prefer, row->require};

		for (size_t way = 0; way < ARRAY_LENGTH(ways); way++) {
			enum cert_verdict got = judge(row, ways[way]);

			if (got != want[way])
				fail_msg("%s, %s: %s, not %s", row->name, names[way],
					cert_verdict_names[got], cert_verdict_names[want[way]]);
		}
	}
}

static void refuses_bad_lists(void **state)
{
	struct tls_anchors *anchors = NULL;
	struct err_info info;
	char *broken = test_cert_join(lists[ROOT_GOOD], lists[MIDDLE_GOOD]);

	(void)state;
	assert_int_equal(
		tls_anchors_new(str_of(root.pem), str_of("x"), &anchors, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "list 1"));
	broken[strlen(lists[ROOT_GOOD]) + 60] = '!';
	assert_int_equal(
		tls_anchors_new(str_of(root.pem), str_of(broken), &anchors, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "behind the last readable one"));
	assert_null(anchors);
	free(broken);
}

static void refuses_bad_anchors(void **state)
{
	struct tls_anchors *anchors = NULL;
	struct err_info info;
	char *broken = test_cert_join(root.pem, leaf.pem);

	(void)state;
	assert_int_equal(tls_anchors_new(str_of(""), (struct str){0}, &anchors, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "BEGIN CERTIFICATE"));
	broken[strlen(root.pem) + 60] = '!';
	assert_int_equal(
		tls_anchors_new(str_of(broken), (struct str){0}, &anchors, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "certificate 2"));
	assert_null(anchors);
	free(broken);
}

static struct cert_facts facts_of(const struct test_cert *cert, struct arena *arena)
{
	struct cert_facts *facts = NULL;
	size_t count = 0;

	assert_int_equal(tls_facts_of_pem(str_of(cert->pem), arena, &facts, &count, NULL), ERR_OK);
	assert_int_equal(count, 1);
	return facts[0];
}

static void states_facts(void **state)
{
	struct arena *arena = arena_new();
	struct cert_facts facts = facts_of(&leaf, arena);

	(void)state;
	assert_string_equal(facts.subject, "CN=leaf");
	assert_string_equal(facts.issuer, "CN=Test Intermediate");
	assert_string_equal(facts.key, "ECDSA P-256");
	assert_int_equal(facts.key_bits, 256);
	assert_string_equal(facts.common_name, "leaf");
	assert_null(facts.organisation);
	assert_string_equal(facts.signature, "ecdsa-with-SHA256");
	assert_int_equal(strlen(facts.sha256), 64);
	assert_int_equal(strlen(facts.spki_sha256), 64);
	assert_int_equal(facts.names.count, 2);
	assert_string_equal(facts.names.items[0], "mx.fabrikam.example");
	assert_string_equal(facts.names.items[1], "*.fabrikam.example");
	assert_true(facts.has_san && !facts.is_ca && !facts.is_self_signed && !facts.has_eku);
	assert_true(facts.allows_client && facts.allows_server);
	assert_int_equal(facts.not_before_ms, now_ms - 3 * DAY_S * 1000);
	assert_int_equal(facts.not_after_ms, now_ms + INT64_C(300) * DAY_S * 1000);

	facts = facts_of(&server_only, arena);
	assert_true(facts.has_eku && facts.allows_server && !facts.allows_client);
	/* An address alone is a SAN as well: the common name does not count. */
	assert_true(facts.has_san);
	assert_int_equal(facts.names.count, 0);

	facts = facts_of(&root, arena);
	assert_true(facts.is_ca && facts.is_self_signed);
	facts = facts_of(&weak_key, arena);
	assert_string_equal(facts.key, "RSA 1024");

	/* Without SAN the common name counts, if it can be a name. */
	facts = facts_of(&self_signed, arena);
	assert_false(facts.has_san);
	assert_int_equal(facts.names.count, 1);
	assert_string_equal(facts.names.items[0], "myself.example");
	assert_int_equal(facts_of(&root, arena).names.count, 0);

	facts = facts_of(&renamed, arena);
	assert_string_equal(
		facts.subject, "CN=B\xc3\xbcro\\, \\0A,OU=Two,OU=One,O=Caf\xc3\xa9 & Co");
	assert_string_equal(facts.common_name, "B\xc3\xbcro, \n");
	assert_string_equal(facts.organisation, "Caf\xc3\xa9 & Co");
	assert_string_equal(facts.organisational_unit, "One, Two");
	arena_free(&arena);
}

static struct test_cert make(
	const char *common_name, struct test_cert *issuer, struct test_cert_options options)
{
	options.common_name = common_name;
	options.issuer = issuer;
	return test_cert_make(&options);
}

static void make_lists(int64_t now_s)
{
	struct test_cert forger =
		make("Test Intermediate", &other_root, (struct test_cert_options){.is_ca = true});
	const int64_t day = DAY_S;
	const struct test_crl_options options[LIST_MAX] = {
		[ROOT_GOOD] = {&root, NULL, now_s - day, now_s + 500 * day},
		[ROOT_REVOKES] = {&root, &intermediate, now_s - day, now_s + 500 * day},
		[MIDDLE_GOOD] = {&intermediate, NULL, now_s - day, now_s + 500 * day},
		[MIDDLE_REVOKES] = {&intermediate, &leaf, now_s - day, now_s + 500 * day},
		[MIDDLE_STALE] = {&intermediate, NULL, now_s - 9 * day, now_s - day},
		[MIDDLE_TOMORROW] = {&intermediate, NULL, now_s + day, now_s + 9 * day},
		[MIDDLE_STALE_REVOKES] = {&intermediate, &leaf, now_s - 9 * day, now_s - day},
		[MIDDLE_FORGED] = {&forger, NULL, now_s - day, now_s + 500 * day},
		[OTHER_GOOD] = {&other_root, NULL, now_s - day, now_s + 500 * day},
	};

	for (int i = NO_LIST + 1; i < LIST_MAX; i++)
		lists[i] = test_crl_make(&options[i]);
	test_cert_clear(&forger);
}

static int setup(void **state)
{
	const struct test_cert_options ca = {.is_ca = true}, plain = {0};
	int64_t now_s = (int64_t)time(NULL);

	(void)state;
	now_ms = now_s * 1000;
	root = make("Test Root", NULL, ca);
	other_root = make("Other Root", NULL, ca);
	same_name_root = make("Test Root", NULL, ca);
	intermediate = make("Test Intermediate", &root, ca);
	leaf = make("leaf", &intermediate,
		(struct test_cert_options){.names =
						   "DNS:MX.fabrikam.example,DNS:*.fabrikam.example,"
						   "IP:192.0.2.1,email:a@b.example",
			.from_s = now_s - 3 * DAY_S,
			.until_s = now_s + 300 * DAY_S});
	by_root = make("by root", &root, plain);
	no_ca = make("no ca", &intermediate, plain);
	by_no_ca = make("by no ca", &no_ca, plain);
	self_signed = make("Myself.example", NULL, plain);
	weak_key = make("weak", &intermediate, (struct test_cert_options){.rsa_bits = 1024});
	weak_hash = make("weak", &intermediate, (struct test_cert_options){.weak_hash = true});
	server_only = make("server.example", &intermediate,
		(struct test_cert_options){.usage = "serverAuth", .names = "IP:192.0.2.1"});
	old_server_only = make("server.example", &intermediate,
		(struct test_cert_options){.usage = "serverAuth",
			.from_s = now_s - 20 * DAY_S,
			.until_s = now_s - DAY_S});
	mail_only = make("mail.example", &intermediate,
		(struct test_cert_options){
			.usage = "emailProtection", .names = "DNS:mail.example"});
	renamed = make("B\xc3\xbcro, \n", &intermediate,
		(struct test_cert_options){
			.organisation = "Caf\xc3\xa9 & Co", .units = {"One", "Two"}});
	make_lists(now_s);
	return 0;
}

static int teardown(void **state)
{
	struct test_cert *all[] = {&root, &intermediate, &other_root, &same_name_root, &leaf,
		&by_root, &no_ca, &by_no_ca, &self_signed, &weak_key, &weak_hash, &server_only,
		&old_server_only, &mail_only, &renamed};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		test_cert_clear(all[i]);
	for (size_t i = 0; i < LIST_MAX; i++)
		free(lists[i]);
	return 0;
}

/* Where an own chain leads up to: by itself, by a store, or nowhere. */
static void finds_roots(void **state)
{
	struct arena *arena = arena_new();
	struct str stores[] = {str_of(other_root.pem), str_of(root.pem)};
	char *chain = test_cert_join(leaf.pem, intermediate.pem);
	char *whole = test_cert_join(chain, root.pem);
	struct tls_root found = {.pem = NULL};

	(void)state;
	assert_false(tls_root_of_pem(str_of(chain), stores, 1, arena, &found));
	assert_null(found.pem);
	assert_true(tls_root_of_pem(str_of(whole), stores, 1, arena, &found));
	assert_string_equal(found.pem, root.pem);
	assert_false(found.is_first);
	assert_true(tls_root_of_pem(str_of(chain), stores, 2, arena, &found));
	assert_string_equal(found.pem, root.pem);
	assert_false(found.is_first);
	assert_true(tls_root_of_pem(str_of(chain), &stores[1], 1, arena, &found));
	assert_true(found.is_first && found.facts.is_self_signed);
	assert_true(tls_root_of_pem(str_of(self_signed.pem), NULL, 0, arena, &found));
	assert_string_equal(found.pem, self_signed.pem);
	/* The name of a root alone proves nothing: it must have signed. */
	stores[0] = str_of(same_name_root.pem);
	assert_false(tls_root_of_pem(str_of(chain), stores, 1, arena, &found));
	assert_false(tls_root_of_pem(str_of("x"), stores, 2, arena, &found));
	assert_true(tls_is_among(str_of(root.pem), str_of(whole)));
	assert_false(tls_is_among(str_of(whole), str_of(root.pem)));
	assert_false(tls_is_among(str_of(""), str_of(whole)));
	free(chain);
	free(whole);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_chains),
		cmocka_unit_test(judges_revocation),
		cmocka_unit_test(refuses_bad_lists),
		cmocka_unit_test(refuses_bad_anchors),
		cmocka_unit_test(states_facts),
		cmocka_unit_test(finds_roots),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
