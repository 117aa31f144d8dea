/* What is worked out for the sheet, and that its forms say it. */
#include "core/cert/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY = 24 * 3600 * 1000 };
static const int64_t base_ms = INT64_C(1800000000000); /* 2027-01-15 08:00 UTC */

static struct cert_version versions[] = {
	{.id = "1",
		.state = CERT_DEPRECATED,
		.added_ms = 10,
		.current_ms = 20,
		.deprecated_ms = base_ms - DAY},
	{.id = "2", .state = CERT_CURRENT, .added_ms = 15, .current_ms = base_ms - DAY},
	{.id = "3", .state = CERT_NEXT, .added_ms = base_ms},
};

static void dates_follow_the_plan(void **state)
{
	struct cert_life life = {.versions = {versions, 3},
		.plan = {.start_ms = base_ms + DAY,
			.advance_ms = base_ms + 2 * (int64_t)DAY,
			.retire_ms = base_ms + 3 * (int64_t)DAY}};
	struct cert_sheet_leaf leaf = {.version = NULL};

	(void)state;
	cert_sheet_date(&leaf, &life, "3", CERT_NEXT);
	assert_int_equal(leaf.since_ms, base_ms);
	assert_int_equal(leaf.trial_ms, base_ms + DAY);
	assert_int_equal(leaf.changes_ms, base_ms + 2 * (int64_t)DAY);
	leaf = (struct cert_sheet_leaf){.version = NULL};
	cert_sheet_date(&leaf, &life, "2", CERT_CURRENT);
	assert_int_equal(leaf.since_ms, base_ms - DAY);
	assert_int_equal(leaf.trial_ms, 0);
	assert_int_equal(leaf.changes_ms, base_ms + 2 * (int64_t)DAY);
	leaf = (struct cert_sheet_leaf){.version = NULL};
	cert_sheet_date(&leaf, &life, "1", CERT_DEPRECATED);
	assert_int_equal(leaf.changes_ms, base_ms + 3 * (int64_t)DAY);
	/* Nothing follows: what the plan says is of nothing. */
	life.versions.count = 2;
	leaf = (struct cert_sheet_leaf){.version = NULL};
	cert_sheet_date(&leaf, &life, "2", CERT_CURRENT);
	assert_int_equal(leaf.changes_ms, 0);
	/* A certificate of the node file. */
	leaf = (struct cert_sheet_leaf){.version = NULL};
	cert_sheet_date(&leaf, NULL, NULL, CERT_CURRENT);
	assert_int_equal(leaf.since_ms + leaf.changes_ms, 0);
	assert_int_equal(leaf.state, CERT_CURRENT);
}

static struct cert_endpoint leaf_endpoints[] = {
	{CERT_ENDPOINT_CRL, "http://crl.ca.example/a.crl"},
	{CERT_ENDPOINT_OCSP, "http://ocsp.ca.example"},
};
static struct cert_endpoint issuer_endpoints[] = {
	{CERT_ENDPOINT_CRL, "http://crl.ca.example:80/b.crl"},
	{CERT_ENDPOINT_ISSUER, "ldap://x/y"},
};
static const char *names[] = {"mx.ours.example", "*.ours.example"};

static struct cert_sheet_leaf make_leaf(struct cert_sheet_step steps[3], struct arena *arena)
{
	struct cert_sheet_root *root = arena_alloc(arena, sizeof(*root));

	*root = (struct cert_sheet_root){.subject = "CN=Root", .sha256 = "0a0b"};
	steps[0] = (struct cert_sheet_step){.subject = "CN=mx.ours.example",
		.spki_sha256 = "leafkey",
		.is_presented = true,
		.endpoints = {leaf_endpoints, 2},
		.pem = "LEAF"};
	steps[1] = (struct cert_sheet_step){.subject = "CN=Issuer",
		.spki_sha256 = "issuerkey",
		.is_presented = true,
		.endpoints = {issuer_endpoints, 2},
		.pem = "ISSUER"};
	steps[2] = (struct cert_sheet_step){.subject = "CN=Root", .pem = "ROOT"};
	return (struct cert_sheet_leaf){
		.version = "2",
		.state = CERT_CURRENT,
		.since_ms = base_ms,
		.facts = {.subject = "CN=mx.ours.example,OU=Post,O=Ours",
			.issuer = "CN=Issuer",
			.common_name = "mx.ours.example",
			.organisation = "Ours",
			.organisational_unit = "Post",
			.serial = "01",
			.sha256 = "abcd",
			.spki_sha256 = "leafkey",
			.not_before_ms = base_ms,
			.not_after_ms = base_ms + 90 * (int64_t)DAY,
			.names = {names, 2},
			.key = "RSA 3072",
			.key_bits = 3072,
			.signature = "sha256WithRSAEncryption",
			.allows_server = true,
			.allows_client = true},
		.root = root,
		.path = {steps, 3},
	};
}

static void places_are_collected_once(void **state)
{
	struct arena *arena = arena_new();
	struct cert_sheet_step steps[3];
	struct cert_sheet_leaf leaf = make_leaf(steps, arena);

	(void)state;
	cert_sheet_places(&leaf, arena);
	assert_int_equal(leaf.places.count, 2);
	assert_string_equal(leaf.places.items[0], "crl.ca.example:80");
	assert_string_equal(leaf.places.items[1], "ocsp.ca.example:80");
	arena_free(&arena);
}

static void tlsa_names_only_what_is_presented(void **state)
{
	static const struct cert_sheet_host hosts[] = {
		{25, "mx.ours.example"}, {465, "mx.ours.example"}};
	struct arena *arena = arena_new();
	struct cert_sheet_step steps[3];
	struct cert_sheet_leaf leaf = make_leaf(steps, arena);

	(void)state;
	cert_sheet_tlsa(&leaf, hosts, 2, arena);
	assert_int_equal(leaf.tlsa.count, 4);
	assert_string_equal(leaf.tlsa.items[0], "_25._tcp.mx.ours.example. IN TLSA 3 1 1 leafkey");
	assert_string_equal(
		leaf.tlsa.items[1], "_25._tcp.mx.ours.example. IN TLSA 2 1 1 issuerkey");
	assert_string_equal(
		leaf.tlsa.items[3], "_465._tcp.mx.ours.example. IN TLSA 2 1 1 issuerkey");
	steps[1].is_presented = false;
	cert_sheet_tlsa(&leaf, hosts, 1, arena);
	assert_int_equal(leaf.tlsa.count, 1);
	leaf.path.count = 1;
	cert_sheet_tlsa(&leaf, hosts, 1, arena);
	assert_int_equal(leaf.tlsa.count, 1);
	arena_free(&arena);
}

static void every_form_says_everything(void **state)
{
	static const char *const said[] = {"Certificates of mx.ours.example", "Root issuer",
		"CN=Root", "Certificate name", "Organisation", "Ours", "Organisational unit",
		"Post", "RSA 3072 (3072 bits)", "2027-01-15 to 2027-04-15", "AB:CD", "0A:0B",
		"current since 2027-01-15",
		"next: takes the current one's place on 2027-01-17 08:00",
		"shown to some from 2027-01-16 08:00", "deprecated: shown to whoever refuses",
		"http://crl.ca.example/a.crl", "http://ocsp.ca.example", "(for CN=Issuer)",
		"crl.ca.example:80, ocsp.ca.example:80", "IN TLSA 3 1 1 leafkey ; current",
		"IN TLSA 3 1 1 leafkey ; next", "ROOT"};
	static const struct cert_sheet_host host = {25, "mx.ours.example"};
	struct arena *arena = arena_new();
	struct cert_sheet_step steps[3];
	struct cert_sheet_leaf leaves[3];
	struct cert_sheet_certificate certificate = {
		.name = "mx", .is_server = true, .leaves = {leaves, 3}};
	struct cert_sheet sheet = {.version = CERT_SHEET_VERSION,
		.made_ms = base_ms,
		.host = "mx.ours.example",
		.certificates = {&certificate, 1}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		leaves[i] = make_leaf(steps, arena);
		cert_sheet_places(&leaves[i], arena);
		cert_sheet_tlsa(&leaves[i], &host, 1, arena);
	}
	leaves[1].state = CERT_NEXT;
	leaves[1].changes_ms = base_ms + 2 * (int64_t)DAY;
	leaves[1].trial_ms = base_ms + DAY;
	leaves[2].state = CERT_DEPRECATED;
	for (enum page_format form = PAGE_TEXT; form < PAGE_FORMAT_MAX; form++) {
		struct buf out;

		buf_init(&out, 1 << 20);
		assert_int_equal(cert_sheet_format(&sheet, form, &out), ERR_OK);
		for (size_t i = 0; i < ARRAY_LENGTH(said); i++)
			if (strstr(buf_text(&out), said[i]) == NULL &&
				!(form == PAGE_HTML && strchr(said[i], '\'') != NULL))
				fail_msg("%s: %s is missing in\n%s", page_format_names[form],
					said[i], buf_text(&out));
		buf_free(&out);
	}
	arena_free(&arena);
}

static void json_comes_back(void **state)
{
	struct arena *arena = arena_new();
	struct cert_sheet_step steps[3];
	struct cert_sheet_leaf leaf = make_leaf(steps, arena);
	struct cert_sheet_certificate certificate = {
		.name = "mx", .is_client = true, .leaves = {&leaf, 1}};
	struct cert_sheet sheet = {.version = CERT_SHEET_VERSION,
				  .made_ms = base_ms,
				  .host = "mx.ours.example",
				  .certificates = {&certificate, 1}},
			  again;
	struct err_info info = {.text = ""};
	json_t *json = cert_sheet_json(&sheet);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(json, "sealpost-certificates")), 1);
	if (record_from_json(&cert_sheet_desc, json, "", arena, &again, &info) != ERR_OK)
		fail_msg("%s", info.text);
	assert_true(record_equal(&cert_sheet_desc, &sheet, &again));
	json_decref(json);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_follow_the_plan),
		cmocka_unit_test(places_are_collected_once),
		cmocka_unit_test(tlsa_names_only_what_is_presented),
		cmocka_unit_test(every_form_says_everything),
		cmocka_unit_test(json_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
