/* What lists and responses say, of every kind that can be met. */
#include "port/revocation/inside.h"
#include "port/revocation/test_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SHARD_A "http://ca.example/a.crl"
#define SHARD_B "http://ca.example/b.crl"

static struct test_cert root, issuer, stranger, leaf, other, plain, partial, signer, bad_signer;
static struct revocation_pair *of_leaf, *of_other, *of_plain, *of_partial, *of_issuer;

static int64_t now_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

static struct test_cert make(const char *name, struct test_cert *by, const char *lists,
	const char *access, const char *usage)
{
	struct test_cert_options options = {.common_name = name,
		.issuer = by,
		.lists = lists,
		.access = access,
		.usage = usage,
		.is_ca = usage == NULL && lists == NULL && access == NULL};

	return test_cert_make(&options);
}

static struct revocation_pair *pair_of(const struct test_cert *cert, const struct test_cert *by)
{
	struct revocation_pair *pair = NULL;

	assert_int_equal(
		revocation_pair_new(str_of(cert->pem), str_of(by->pem), &pair, NULL), ERR_OK);
	return pair;
}

static int set_up(void **state)
{
	(void)state;
	root = make("Root", NULL, NULL, NULL, NULL);
	issuer = make("Issuer", &root, NULL, NULL, NULL);
	stranger = make("Issuer", NULL, NULL, NULL, NULL); /* of the same name */
	leaf = make("leaf", &issuer, "URI:" SHARD_A ",URI:http://ca.example/second.crl",
		"OCSP;URI:http://ocsp.ca.example,caIssuers;URI:http://ca.example/ca.cer",
		"serverAuth");
	other = make("other", &issuer, "URI:" SHARD_A, NULL, "serverAuth");
	plain = make("plain", &issuer, NULL, NULL, "serverAuth");
	partial = make("partial", &issuer, "URI:ldap:///cn=x,URI:" SHARD_A, NULL, "serverAuth");
	signer = make("signer", &issuer, NULL, NULL, "OCSPSigning");
	bad_signer = make("bad signer", &issuer, NULL, NULL, "serverAuth");
	of_leaf = pair_of(&leaf, &issuer);
	of_other = pair_of(&other, &issuer);
	of_plain = pair_of(&plain, &issuer);
	of_partial = pair_of(&partial, &issuer);
	of_issuer = pair_of(&issuer, &root);
	return 0;
}

static int tear_down(void **state)
{
	struct test_cert *all[] = {
		&root, &issuer, &stranger, &leaf, &other, &plain, &partial, &signer, &bad_signer};
	struct revocation_pair **pairs[] = {
		&of_leaf, &of_other, &of_plain, &of_partial, &of_issuer};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		test_cert_clear(all[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
		revocation_pair_free(pairs[i]);
	return 0;
}

enum { DAY = 86400 };

static void check(const struct revocation_finding *found, int status, const char *token)
{
	if (token == NULL ? found->token != NULL
			  : found->token == NULL || strcmp(found->token, token) != 0)
		fail_msg("token %s instead of %s: %s", found->token, token, found->text);
	assert_int_equal(found->status, status);
	assert_true((token == NULL) == (found->text[0] == '\0'));
}

static void ask_list(const struct test_list_options *options, const struct revocation_pair *pair,
	struct revocation_finding *ret)
{
	struct str bytes = test_list_make(options);
	struct revocation_list *list = revocation_list_new(bytes, pair, now_ms(), ret);

	if (list != NULL) {
		assert_null(ret->token);
		revocation_list_find(list, pair, 0, now_ms(), ret);
	}
	revocation_list_free(&list);
	free((char *)bytes.p);
}

static const struct {
	const char *name;
	struct test_list_options options;
	struct revocation_pair **pair;
	int status;
	const char *token;
} list_rows[] = {
	{"not among them", {.issuer = &issuer, .filling = 3}, &of_leaf, WIRE_REVOCATION_GOOD, NULL},
	{"empty", {.issuer = &issuer}, &of_leaf, WIRE_REVOCATION_GOOD, NULL},
	{"revoked", {.issuer = &issuer, .filling = 1000, .revoked = &leaf, .reason = 1}, &of_leaf,
		WIRE_REVOCATION_REVOKED, "revoked"},
	{"another is", {.issuer = &issuer, .revoked = &other}, &of_leaf, WIRE_REVOCATION_GOOD,
		NULL},
	{"on hold is revoked", {.issuer = &issuer, .revoked = &leaf, .reason = 6}, &of_leaf,
		WIRE_REVOCATION_REVOKED, "revoked"},
	{"removed from the list", {.issuer = &issuer, .revoked = &leaf, .reason = 8}, &of_leaf,
		WIRE_REVOCATION_GOOD, NULL},
	{"an authority", {.issuer = &root, .revoked = &issuer}, &of_issuer, WIRE_REVOCATION_REVOKED,
		"revoked"},
	{"by another issuer", {.issuer = &root}, &of_leaf, WIRE_REVOCATION_UNKNOWN, "indirect"},
	{"by one of the same name", {.issuer = &issuer, .signer = &stranger}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "signature"},
	{"of yesterday", {.issuer = &issuer, .from_s = -3 * DAY, .until_s = -DAY}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "stale"},
	{"of tomorrow", {.issuer = &issuer, .from_s = DAY, .until_s = 2 * DAY}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "early"},
	{"clocks differ", {.issuer = &issuer, .from_s = 200, .until_s = DAY}, &of_leaf,
		WIRE_REVOCATION_GOOD, NULL},
	{"delta", {.issuer = &issuer, .is_delta = true}, &of_leaf, WIRE_REVOCATION_UNKNOWN,
		"delta"},
	{"indirect", {.issuer = &issuer, .scope = "critical,indirectCRL:TRUE"}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "indirect"},
	{"an entry of another issuer", {.issuer = &issuer, .has_other_issuer = true}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "indirect"},
	{"an extension unknown to us", {.issuer = &issuer, .has_unknown = true}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "malformed"},
	{"the right part", {.issuer = &issuer, .scope = "critical,fullname:URI:" SHARD_A}, &of_leaf,
		WIRE_REVOCATION_GOOD, NULL},
	{"the right part, revoked",
		{.issuer = &issuer, .scope = "critical,fullname:URI:" SHARD_A, .revoked = &leaf},
		&of_leaf, WIRE_REVOCATION_REVOKED, "revoked"},
	{"another part", {.issuer = &issuer, .scope = "critical,fullname:URI:" SHARD_B}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "scope"},
	{"a part, and the certificate names none",
		{.issuer = &issuer, .scope = "critical,fullname:URI:" SHARD_A}, &of_plain,
		WIRE_REVOCATION_UNKNOWN, "scope"},
	{"the part of another point",
		{.issuer = &issuer, .scope = "critical,fullname:URI:" SHARD_A}, &of_partial,
		WIRE_REVOCATION_UNKNOWN, "scope"}, /* that is point 1, and 0 was asked */
	{"of users", {.issuer = &issuer, .scope = "critical,onlyuser:TRUE"}, &of_leaf,
		WIRE_REVOCATION_GOOD, NULL},
	{"of authorities", {.issuer = &issuer, .scope = "critical,onlyCA:TRUE"}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "scope"},
	{"of authorities, of one", {.issuer = &root, .scope = "critical,onlyCA:TRUE"}, &of_issuer,
		WIRE_REVOCATION_GOOD, NULL},
	{"of users, of an authority", {.issuer = &root, .scope = "critical,onlyuser:TRUE"},
		&of_issuer, WIRE_REVOCATION_UNKNOWN, "scope"},
	{"of attributes", {.issuer = &issuer, .scope = "critical,onlyAA:TRUE"}, &of_leaf,
		WIRE_REVOCATION_UNKNOWN, "scope"},
	{"some reasons", {.issuer = &issuer, .scope = "critical,onlysomereasons:keyCompromise"},
		&of_leaf, WIRE_REVOCATION_UNKNOWN, "scope"},
	{"some reasons, revoked",
		{.issuer = &issuer,
			.scope = "critical,onlysomereasons:keyCompromise",
			.revoked = &leaf,
			.reason = 1},
		&of_leaf, WIRE_REVOCATION_REVOKED, "revoked"},
};

static void lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(list_rows); i++) {
		struct test_list_options options = list_rows[i].options;
		struct revocation_finding found;

		print_message("# %s\n", list_rows[i].name);
		if (options.until_s == 0)
			options.until_s = DAY;
		ask_list(&options, *list_rows[i].pair, &found);
		check(&found, list_rows[i].status, list_rows[i].token);
		assert_true((found.at_ms != 0) == (found.status == WIRE_REVOCATION_REVOKED));
	}
}

static void list_without_end(void **state)
{
	struct test_list_options options = {.issuer = &issuer};
	struct revocation_finding found;

	(void)state;
	ask_list(&options, of_leaf, &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
}

/* A list that has counted, and counts no more. */
static void list_runs_out(void **state)
{
	struct test_list_options options = {.issuer = &issuer, .until_s = DAY};
	struct str bytes = test_list_make(&options);
	struct revocation_finding found;
	struct revocation_list *list = revocation_list_new(bytes, of_leaf, now_ms(), &found);

	(void)state;
	assert_non_null(list);
	revocation_list_find(list, of_leaf, 0, now_ms() + (int64_t)2 * DAY * 1000, &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "stale");
	revocation_list_free(&list);
	free((char *)bytes.p);
}

/* Every cut, and every byte changed: never good, never a crash. */
static void damaged_lists(void **state)
{
	struct test_list_options options = {
		.issuer = &issuer, .until_s = DAY, .filling = 2, .revoked = &leaf, .reason = 1};
	struct str bytes = test_list_make(&options);
	struct revocation_finding found;
	struct revocation_list *list;
	char *p = (char *)bytes.p;

	(void)state;
	for (size_t i = 0; i < bytes.n; i++) {
		list = revocation_list_new(str_part(bytes, 0, i), of_leaf, now_ms(), &found);
		assert_null(list);
		check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
		p[i] ^= 0x01;
		list = revocation_list_new(bytes, of_leaf, now_ms(), &found);
		p[i] ^= 0x01;
		if (list != NULL)
			fail_msg("byte %zu may be changed", i);
		assert_int_equal(found.status, WIRE_REVOCATION_UNKNOWN);
		assert_non_null(found.token);
	}
	free(p);
}

static void list_in_pem(void **state)
{
	struct test_crl_options options = {.issuer = &issuer,
		.revoked = &leaf,
		.from_s = time(NULL) - DAY,
		.until_s = time(NULL) + DAY};
	char *pem = test_crl_make(&options);
	struct revocation_finding found;
	struct revocation_list *list = revocation_list_new(str_of(pem), of_leaf, now_ms(), &found);

	(void)state;
	assert_non_null(list);
	assert_int_equal(found.entries, 1);
	revocation_list_find(list, of_leaf, 0, now_ms(), &found);
	check(&found, WIRE_REVOCATION_REVOKED, "revoked");
	revocation_list_free(&list);
	free(pem);
}

/* ---- OCSP ------------------------------------------------------------------------------------ */

static void responses(void **state)
{
	const struct {
		const char *name;
		struct test_ocsp_options options;
		int status;
		const char *token;
	} rows[] = {
		{"good", {.until_s = DAY}, WIRE_REVOCATION_GOOD, NULL},
		{"good, made on the spot", {.from_s = -60}, WIRE_REVOCATION_GOOD, NULL},
		{"made on the spot, long ago", {.from_s = -DAY}, WIRE_REVOCATION_UNKNOWN, "stale"},
		{"good, another hash", {.until_s = DAY, .is_sha256 = true}, WIRE_REVOCATION_GOOD,
			NULL},
		{"revoked", {.status = V_OCSP_CERTSTATUS_REVOKED, .until_s = DAY},
			WIRE_REVOCATION_REVOKED, "revoked"},
		{"not known", {.status = V_OCSP_CERTSTATUS_UNKNOWN, .until_s = DAY},
			WIRE_REVOCATION_UNKNOWN, "unknown"},
		{"by one appointed", {.signer = &signer, .until_s = DAY}, WIRE_REVOCATION_GOOD,
			NULL},
		{"by one not appointed", {.signer = &bad_signer, .until_s = DAY},
			WIRE_REVOCATION_UNKNOWN, "signature"},
		{"by another of the same name", {.signer = &stranger, .until_s = DAY},
			WIRE_REVOCATION_UNKNOWN, "signature"},
		{"by the root", {.signer = &root, .until_s = DAY}, WIRE_REVOCATION_UNKNOWN,
			"signature"},
		{"by itself", {.signer = &leaf, .until_s = DAY}, WIRE_REVOCATION_UNKNOWN,
			"signature"},
		{"stale", {.from_s = -2 * DAY, .until_s = -DAY}, WIRE_REVOCATION_UNKNOWN, "stale"},
		{"early", {.from_s = DAY, .until_s = 2 * DAY}, WIRE_REVOCATION_UNKNOWN, "early"},
		{"about another", {.certificate = &other, .until_s = DAY}, WIRE_REVOCATION_UNKNOWN,
			"scope"},
		{"later", {.reply = OCSP_RESPONSE_STATUS_TRYLATER}, WIRE_REVOCATION_UNKNOWN,
			"responder"},
		{"not for us", {.reply = OCSP_RESPONSE_STATUS_UNAUTHORIZED},
			WIRE_REVOCATION_UNKNOWN, "responder"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct test_ocsp_options options = rows[i].options;
		struct revocation_finding found;
		struct str bytes;

		print_message("# %s\n", rows[i].name);
		options.issuer = &issuer;
		if (options.certificate == NULL)
			options.certificate = &leaf;
		bytes = test_ocsp_make(&options);
		revocation_ocsp_read(of_leaf, bytes, now_ms(), &found);
		check(&found, rows[i].status, rows[i].token);
		free((char *)bytes.p);
	}
}

static void damaged_responses(void **state)
{
	struct test_ocsp_options options = {
		.certificate = &leaf, .issuer = &issuer, .until_s = DAY, .signer = &signer};
	struct str bytes = test_ocsp_make(&options);
	struct revocation_finding found;

	(void)state;
	for (size_t i = 0; i < bytes.n; i++) {
		revocation_ocsp_read(of_leaf, str_part(bytes, 0, i), now_ms(), &found);
		check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
	}
	revocation_ocsp_read(of_leaf, str_make("<html>\r\n", 8), now_ms(), &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
	free((char *)bytes.p);
}

static void question(void **state)
{
	struct arena *arena = arena_new();
	struct str der = revocation_ocsp_ask(of_leaf, arena);
	const unsigned char *p = (const unsigned char *)der.p;
	OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &p, (long)der.n);
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf.certificate, issuer.certificate);

	(void)state;
	assert_non_null(request);
	assert_int_equal(OCSP_request_onereq_count(request), 1);
	assert_int_equal(
		OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id), 0);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	arena_free(&arena);
}

/* ---- pairs, places, issuers ------------------------------------------------------------------ */

static void places(void **state)
{
	struct arena *arena = arena_new();
	struct revocation_place *found;

	(void)state;
	assert_int_equal(revocation_places(of_leaf, arena, &found), 4);
	assert_string_equal(found[0].url, SHARD_A);
	assert_int_equal(found[1].kind, WIRE_ENDPOINT_CRL);
	assert_int_equal(found[1].point, 1);
	assert_int_equal(found[2].kind, WIRE_ENDPOINT_OCSP);
	assert_string_equal(found[2].url, "http://ocsp.ca.example");
	assert_int_equal(found[3].kind, WIRE_ENDPOINT_ISSUER);
	assert_int_equal(revocation_places(of_plain, arena, &found), 0);
	assert_int_equal(revocation_places(of_partial, arena, &found), 2);
	arena_free(&arena);
}

static void chains(void **state)
{
	char *two = test_cert_join(leaf.pem, issuer.pem);
	char *three = test_cert_join(two, root.pem), *wrong = test_cert_join(leaf.pem, root.pem);
	char *same_name = test_cert_join(leaf.pem, stranger.pem);
	struct revocation_pair *pairs[REVOCATION_CHAIN_MAX];
	struct err_info info;
	size_t count = 9;

	(void)state;
	assert_int_equal(revocation_pairs_of_chain(str_of(three), pairs, &count, &info), ERR_OK);
	assert_int_equal(count, 2);
	assert_false(revocation_pair_is_ca(pairs[0]));
	assert_true(revocation_pair_is_ca(pairs[1]));
	revocation_pair_free(&pairs[0]);
	revocation_pair_free(&pairs[1]);
	assert_int_equal(revocation_pairs_of_chain(str_of(root.pem), pairs, &count, &info), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(
		revocation_pairs_of_chain(str_of(wrong), pairs, &count, &info), ERR_CERTIFICATE);
	assert_int_equal(revocation_pairs_of_chain(str_of(same_name), pairs, &count, &info),
		ERR_CERTIFICATE);
	assert_int_equal(
		revocation_pairs_of_chain(str_of("none"), pairs, &count, &info), ERR_SYNTAX);
	free(two);
	free(three);
	free(wrong);
	free(same_name);
}

/* Two authorities that name the same address do not get each other's lists; responses are for one
 * certificate. */
static void keys(void **state)
{
	unsigned char a[REVOCATION_KEY], b[REVOCATION_KEY];

	(void)state;
	revocation_pair_key(of_leaf, WIRE_ENDPOINT_CRL, SHARD_A, a);
	revocation_pair_key(of_other, WIRE_ENDPOINT_CRL, SHARD_A, b);
	assert_memory_equal(a, b, sizeof(a));
	revocation_pair_key(of_issuer, WIRE_ENDPOINT_CRL, SHARD_A, b);
	assert_memory_not_equal(a, b, sizeof(a));
	revocation_pair_key(of_leaf, WIRE_ENDPOINT_OCSP, SHARD_A, a);
	revocation_pair_key(of_other, WIRE_ENDPOINT_OCSP, SHARD_A, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void issuers(void **state)
{
	struct revocation_finding found;
	unsigned char *der = NULL;
	int n = i2d_X509(issuer.certificate, &der);

	(void)state;
	revocation_issuer_read(of_leaf, str_make(der, (size_t)n), now_ms(), &found);
	check(&found, WIRE_REVOCATION_GOOD, NULL);
	revocation_issuer_read(of_leaf, str_of(issuer.pem), now_ms(), &found);
	check(&found, WIRE_REVOCATION_GOOD, NULL);
	revocation_issuer_read(of_leaf, str_of(stranger.pem), now_ms(), &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "signature");
	revocation_issuer_read(of_leaf, str_of("<html>"), now_ms(), &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
	revocation_issuer_read(of_leaf, str_of(""), now_ms(), &found);
	check(&found, WIRE_REVOCATION_UNKNOWN, "malformed");
	OPENSSL_free(der);
}

static void integers(void **state)
{
	(void)state;
	assert_true(revocation_der_same_integer(str_make("\1", 1), str_make("\0\1", 2)));
	assert_true(revocation_der_same_integer(str_make("\0", 1), str_make("\0\0", 2)));
	assert_false(revocation_der_same_integer(str_make("\0\xff", 2), str_make("\xff", 1)));
	assert_false(revocation_der_same_integer(str_make("\1", 1), str_make("\1\0", 2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(list_without_end),
		cmocka_unit_test(list_runs_out),
		cmocka_unit_test(damaged_lists),
		cmocka_unit_test(list_in_pem),
		cmocka_unit_test(responses),
		cmocka_unit_test(damaged_responses),
		cmocka_unit_test(question),
		cmocka_unit_test(places),
		cmocka_unit_test(chains),
		cmocka_unit_test(keys),
		cmocka_unit_test(issuers),
		cmocka_unit_test(integers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
