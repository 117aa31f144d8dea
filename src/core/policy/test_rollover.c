/* What a next version would mean for partners, by what changes. */
#include "core/policy/rollover.h"

#include "base/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static const int64_t now = (int64_t)1000 * MOMENT_DAY_MS;

/* A leaf and its root. */
struct pair {
	const char *name, *key, *leaf_pin, *issuer, *root;
};

static const struct pair old_pair = {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"};

struct row {
	const char *what;
	struct pair next;
	const char *yaml; /* of the connector p of organisation a; NULL: none */
	int ends_days;	  /* of current */
	int next_from_days, advance_days;
	const char *want; /* tokens, one after the other */
};

static const struct row rows[] = {
	{"the same once more", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"}, NULL,
		100, -1, 0, ""},
	{"another key", {"mx.a.example", "ECDSA P-256", "k2", "CN=Issuer", "CN=Root"}, NULL, 100,
		-1, 0, "key-changes "},
	{"a pinned key", {"mx.a.example", "ECDSA P-256", "k2", "CN=Issuer", "CN=Root"},
		"{pins: [K1]}", 100, -1, 0, "partner-pins key-changes "},
	{"a pinned root", {"mx.a.example", "ECDSA P-256", "k2", "CN=Issuer", "CN=Root"},
		"{pins: [pin-of-CN=Root]}", 100, -1, 0, "key-changes "},
	{"a pin of another certificate of ours",
		{"mx.a.example", "ECDSA P-256", "k2", "CN=Issuer", "CN=Root"}, "{pins: [k9]}", 100,
		-1, 0, "key-changes "},
	{"another issuer", {"mx.a.example", "ECDSA P-256", "k1", "CN=Second", "CN=Root"},
		"{issuer: issuer}", 100, -1, 0, "partner-issuer issuer-changes "},
	{"another root", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=New"},
		"{issuer: root}", 100, -1, 0, "partner-issuer root-changes "},
	{"a name is gone", {"b.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"},
		"{names: [mx.a.example]}", 100, -1, 0,
		"partner-name hostname-missing name-missing "},
	{"by a wildcard", {"*.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"},
		"{names: [mx.a.example]}", 100, -1, 0, ""},
	{"another kind", {"mx.a.example", "RSA 2048", "k1", "CN=Issuer", "CN=Root"}, NULL, 100, -1,
		0, "kind-missing "},
	{"too late", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"}, NULL, 20, 30, 0,
		"gap not-yet-valid "},
	{"advanced too late", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"}, NULL,
		20, -1, 21, "gap "},
	{"soon", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"}, NULL, 10, -1, 0,
		"ends-soon "},
	{"soon, and planned", {"mx.a.example", "ECDSA P-256", "k1", "CN=Issuer", "CN=Root"}, NULL,
		10, -1, 5, ""},
};

static struct policy_presented present(const struct pair *pair, struct arena *arena)
{
	struct cert_facts *facts = arena_array(arena, 2, sizeof(*facts));

	facts[0] = (struct cert_facts){.issuer = pair->issuer,
		.key = pair->key,
		.spki_sha256 = pair->leaf_pin,
		.names = {arena_array(arena, 1, sizeof(char *)), 1}};
	facts[0].names.items[0] = pair->name;
	facts[1] = (struct cert_facts){.issuer = pair->root,
		.subject = pair->root,
		.key = "RSA 4096",
		.spki_sha256 = arena_format(arena, "pin-of-%s", pair->root),
		.is_self_signed = true};
	return (struct policy_presented){facts, 2};
}

static void make_config(const char *expects, struct arena *arena, struct model_config *ret)
{
	const char *text = arena_format(arena,
		"organisations: [{name: a, certificate: mx}]\n"
		"connectors: [{name: p, organisation: a, outbound: {recipient_domains: [p.example]}"
		"}]\n");
	struct err_info info = {.text = ""};
	struct model_connector *connector;
	json_t *json;

	assert_int_equal(model_parse_yaml(str_of(text), &json, &info), ERR_OK);
	assert_int_equal(record_from_json(&model_config_desc, json, "", arena, ret, &info), ERR_OK);
	json_decref(json);
	if (expects == NULL)
		return;
	/* Not by way of the table of fields, which wants pins to be 64 digits. */
	connector = &ret->connectors.items[0];
	connector->expects = arena_alloc(arena, sizeof(*connector->expects));
	assert_int_equal(model_parse_yaml(str_of(expects), &json, &info), ERR_OK);
	connector->expects->issuer =
		arena_text(arena, json_string_value(json_object_get(json, "issuer")));
	for (int i = 0; i < 2; i++) {
		struct record_texts *to =
			i == 0 ? &connector->expects->pins : &connector->expects->names;
		const char *one = json_string_value(
			json_array_get(json_object_get(json, i == 0 ? "pins" : "names"), 0));

		to->items = arena_array(arena, 1, sizeof(char *));
		to->items[0] = arena_text(arena, one);
		to->count = one != NULL;
	}
	json_decref(json);
}

static void check(const struct row *row)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct policy_presented current = present(&old_pair, arena);
	struct policy_presented next = present(&row->next, arena);
	struct cert_version versions[] = {
		{.id = "1",
			.state = CERT_CURRENT,
			.not_after_ms = now + row->ends_days * (int64_t)MOMENT_DAY_MS},
		{.id = "2",
			.state = CERT_NEXT,
			.not_before_ms = now + row->next_from_days * (int64_t)MOMENT_DAY_MS,
			.not_after_ms = now + 400 * (int64_t)MOMENT_DAY_MS},
	};
	struct cert_life life = {.name = "mx", .versions = {versions, 2}};
	const struct policy_rollover rollover = {.name = "mx",
		.hostname = "mx.a.example",
		.is_used_by_listeners = true,
		.current = &current,
		.next = &next,
		.current_count = 1,
		.next_count = 1,
		.life = &life,
		.now_ms = now};
	struct policy_findings found;
	struct model_config config;
	const char *tokens = "";

	if (row->advance_days != 0)
		life.plan.advance_ms = now + row->advance_days * (int64_t)MOMENT_DAY_MS;
	make_config(row->yaml, arena, &config);
	policy_rollover(&config, &rollover, arena, &found);
	for (size_t i = 0; i < found.count; i++) {
		tokens = arena_format(arena, "%s%s ", tokens, found.items[i].token);
		assert_non_null(found.items[i].text);
		assert_non_null(found.items[i].remedy);
	}
	assert_string_equal(tokens, row->want);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].what);
		check(&rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
