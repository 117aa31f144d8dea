/* What kind of place a route's key stands for: for counters, which must stay few. */
#include "core/policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char config_text[] =
	"organisations: [{name: a}, {name: b}]\n"
	"connectors:\n"
	"  - {name: out, organisation: a, outbound: {recipient_domains: [x.example]}}\n"
	"  - {name: home, organisation: a, type: on-premises, outbound: {recipient_domains: "
	"[y.example], smart_hosts: [mx.a.example]}}\n";

static struct policy_snapshot *snapshot_new(void)
{
	struct arena *arena = arena_new();
	struct model_config config;
	struct policy_snapshot *snapshot;
	struct err_info info = {.text = ""};
	json_t *json = NULL;

	if (model_parse_yaml(str_of(config_text), &json, &info) != ERR_OK ||
		record_from_json(&model_config_desc, json, "", arena, &config, &info) != ERR_OK)
		fail_msg("%s", info.text);
	snapshot = policy_snapshot_new(&config, 1);
	json_decref(json);
	arena_free(&arena);
	return snapshot;
}

static void keys_have_classes(void **state)
{
	static const struct {
		const char *key, *want;
	} rows[] = {
		{"maildir:a.example", "maildir"},
		{"lmtp:unix:/run/a;rules=a/x", "lmtp"},
		{"smtp:[2001:db8::1]:25;tls=name", "smtp"},
		{"mx:x.example;tls=encrypt;as=mx", "mx"},
		{"literal:[192.0.2.1]", "literal"},
		{"refuse:no-route", "refused"},
		{"connector:a/out", "partner"},
		{"connector:a/out;mx:x.example;tls=name", "partner"},
		{"connector:a/home;tls=name", "on-premises"},
		{"connector:b/out", "other"},
		{"connector:a/gone", "other"},
		{"connector:", "other"},
		{"*", "other"},
		{"", "other"},
	};
	struct policy_snapshot *snapshot = snapshot_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_string_equal(
			policy_route_class(snapshot, str_of(rows[i].key)), rows[i].want);
	assert_string_equal(policy_route_class(NULL, str_of("connector:a/out")), "other");
	assert_string_equal(policy_route_class(NULL, str_of("mx:x.example")), "mx");
	policy_snapshot_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(keys_have_classes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
