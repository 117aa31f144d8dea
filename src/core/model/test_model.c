#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static const char node_text[] =
	"hostname: MX.contoso.example\n"
	"data: ./data\n"
	"run: /run/x\n"
	"listeners:\n"
	"  - {name: mx, address: \"127.0.0.1:2525\", tls: starttls}\n"
	"  - name: \"two\"\n"
	"    address: \"[::]:25\"\n"
	"    certificates: mx\n"
	"certificates:\n"
	"  - {name: mx, chain: mx.chain.pem, key: sub/mx.key.pem}   # comment\n"
	"dns: {servers: [\"127.0.0.1@5353\"], trust_anchor: none}\n"
	"ports: {smtp: 2526}\n"
	"maildirs: [./mail]\n"
	"queue: {retry: [1m, 5m, 15], expiry: 24h}\n"
	"users: {keys: keep}\n";

static void test_node_file(void **state)
{
	struct arena *arena = arena_new();
	struct model_node node;
	struct err_info info = {.text = ""};
	json_t *json = NULL;

	(void)state;
	assert_int_equal(model_parse_yaml(str_of(node_text), &json, &info), ERR_OK);
	assert_int_equal(record_from_json(&model_node_desc, json, "", arena, &node, &info), ERR_OK);
	assert_int_equal(model_check_node(&node, &info), ERR_OK);
	json_decref(json);
	model_resolve_paths(&node, "/etc/sealpost", arena);
	assert_string_equal(node.hostname, "mx.contoso.example");
	assert_string_equal(node.data, "/etc/sealpost/data");
	assert_string_equal(node.run, "/run/x");
	assert_string_equal(node.roots, "/etc/ssl/certs/ca-certificates.crt");
	assert_int_equal(node.listeners.count, 2);
	assert_string_equal(node.listeners.items[1].certificates.items[0], "mx");
	assert_string_equal(node.certificates.items[0].chain, "/etc/sealpost/mx.chain.pem");
	assert_string_equal(node.certificates.items[0].key, "/etc/sealpost/sub/mx.key.pem");
	assert_string_equal(node.dns.trust_anchor, "none");
	assert_string_equal(node.maildirs.items[0], "/etc/sealpost/mail");
	assert_int_equal(node.queue.retry.count, 3);
	assert_int_equal(node.queue.retry.items[2], 15000);
	assert_int_equal(node.queue.delay_notice_ms, 4 * 3600 * 1000);
	assert_int_equal(node.limits.idle_ms, 300 * 1000);
	assert_int_equal(node.limits.message, 35 * 1024 * 1024);
	assert_string_equal(node.users.keys, "keep");
	assert_null(node.users.spool);
	assert_int_equal(node.ports.smtp, 2526);
	arena_free(&arena);
}

static void test_node_defaults(void **state)
{
	struct arena *arena = arena_new();
	struct model_node node;

	(void)state;
	record_init(&model_node_desc, &node, arena);
	assert_int_equal(model_check_node(&node, NULL), ERR_OK);
	assert_int_equal(node.queue.retry.count, 6);
	assert_int_equal(node.queue.retry.items[5], 3600 * 1000);
	assert_int_equal(node.queue.expiry_ms, 24 * 3600 * 1000);
	assert_int_equal(node.ports.smtp, 25);
	assert_int_equal(node.processes.receive, 2);
	assert_true(node.tls.tickets);
	assert_null(node.dns.trust_anchor);
	arena_free(&arena);
}

/* ---- messages: what a person reads who made a mistake -----------------------------------------
 */

static const char *const wrong_yaml[][2] = {
	{"a: 1\na: 2\n", "line 2, column 1: \"a\" stands twice"},
	{"a: &x 1\n", "line 1, column 4: anchors, aliases and tags are not supported"},
	{"a: *x\n", "line 1, column 4: anchors, aliases and tags are not supported"},
	{"a: !!int 5\n", "line 1, column 4: anchors, aliases and tags are not supported"},
	{"&k a: 5\n", "line 1, column 1: anchors and tags are not supported"},
	{"[a]: 5\n", "line 1, column 1: a key must be a plain word"},
	{"a: 1\n---\nb: 2\n", "line 2, column 1: a second document is not supported"},
	{"a: \"\\xff\\x00\"\n? \"b\\0\"\n: 1\n",
		"line 2, column 3: this key is too long, or holds a NUL"},
	{"a:\n\t- b\n", "line 2, column 1: found character that cannot start any token (while "
			"scanning for the next token)"},
	{"a: [1, 2\n", "line 2, column 1: did not find expected ',' or ']' (while parsing a flow "
		       "sequence)"},
	{"a: \xff\n", "byte 4: invalid leading UTF-8 octet"},
};

static void test_yaml_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong_yaml); i++) {
		struct err_info info = {.text = ""};
		json_t *json = NULL;

		assert_int_not_equal(
			model_parse_yaml(str_of(wrong_yaml[i][0]), &json, &info), ERR_OK);
		assert_null(json);
		assert_string_equal(info.text, wrong_yaml[i][1]);
	}
}

static void test_yaml_depth(void **state)
{
	char text[400];
	json_t *json = NULL;
	struct err_info info = {.text = ""};

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(
		model_parse_yaml(str_make(text, sizeof(text)), &json, &info), ERR_TOO_LONG);
	assert_string_equal(info.text, "line 1, column 33: nested too deeply");
}

static void test_yaml_scalars(void **state)
{
	static const char text[] =
		"[true, False, null, ~, 5, -5, 007, 1.5, 'true', \"5\", yes, 15m,"
		" 9223372036854775807, 9223372036854775808, -0, '']";
	static const char expected[] =
		"[true,false,null,null,5,-5,\"007\",\"1.5\",\"true\",\"5\",\"yes\",\"15m\","
		"9223372036854775807,\"9223372036854775808\",\"-0\",\"\"]";
	json_t *json = NULL;
	char *dump;

	(void)state;
	assert_int_equal(model_parse_yaml(str_of(text), &json, NULL), ERR_OK);
	dump = json_dumps(json, JSON_COMPACT);
	assert_string_equal(dump, expected);
	free(dump);
	json_decref(json);
	assert_int_equal(model_parse_yaml(str_of("# nothing\n"), &json, NULL), ERR_OK);
	assert_true(json_is_object(json));
	assert_int_equal(json_object_size(json), 0);
	json_decref(json);
}

/* kind: 'n' node, 'c' configuration */
static const struct {
	char kind;
	const char *yaml, *message;
} wrong[] = {
	{'n', "hostname: \"-x\"",
		"hostname: expected a domain name such as contoso.example, found \"-x\""},
	{'n', "listeners: [{name: a}]", "listeners[0].address: is missing"},
	{'n', "listeners: [{name: a, address: 127.0.0.1}]",
		"listeners[0].address: expected an address and port such as 127.0.0.1:2525, "
		"0.0.0.0:25 or [::]:25, found \"127.0.0.1\""},
	{'n', "listeners: [{name: a, address: '[::]:25'}, {name: a, address: '[::]:26'}]",
		"listeners[1].name: \"a\" stands twice"},
	{'n', "listeners: [{name: a, address: '[::]:25'}, {name: b, address: '[::]:25'}]",
		"listeners[1].address: [::]:25 stands twice"},
	{'n', "listeners: [{name: a, address: '[::]:25', certificates: [x]}]",
		"listeners[0].certificates[0]: there is no certificate named \"x\""},
	{'n', "listeners: [{name: a, address: '[::]:25', tls: off, require_tls: true}]",
		"listeners[0].require_tls: cannot be met, because tls is off"},
	{'n', "listeners: [{name: a, address: '[::]:25', tls: maybe}]",
		"listeners[0].tls: expected one of starttls, implicit, off, found \"maybe\""},
	{'n', "queue: {retry: []}", "queue.retry: is missing"},
	{'n', "queue: {retry: [0s]}", "queue.retry[0]: expected 100ms to 24h"},
	{'n', "queue: {expiry: 8d}", "queue.expiry: expected 1s to 7d, found \"8d\""},
	{'n', "queue: {expiry_ms: 8d}", "queue.expiry_ms: a queue has no such property"},
	{'n', "dns: {servers: [localhost]}",
		"dns.servers[0]: expected an address, or address@port such as 127.0.0.1@5353, "
		"found \"localhost\""},
	{'n', "log: {level: loud}",
		"log.level: expected one of debug, info, warning, error, found \"loud\""},
	{'n', "limits: {connections: 5}",
		"limits.connections_per_address: 50 is more than connections, 5"},
	{'n', "users: keep", "users: expected the properties of an users, found \"keep\""},
	{'c', "organisations: [{name: a/b}]",
		"organisations[0].name: expected a name of 1 to 64 letters, digits, \"-\", \".\" "
		"and "
		"\"_\" that begins with none of \"-\" and \".\", found \"a/b\""},
	{'c', "organisations: [{name: a}, {name: a}]", "organisation a: stands twice"},
	{'c', "organisations: [{name: a, minimum_tls: name}]",
		"organisations[0].minimum_tls: expected none, encrypt or chain, found \"name\": a "
		"name can only be asked by a connector"},
	{'c', "domains: [{name: x.example, organisation: a}]",
		"domain x.example: organisation: there is no organisation named \"a\""},
	{'c',
		"organisations: [{name: a}]\ndomains: [{name: X.example, organisation: a}, {name: "
		"x.example, organisation: a}]",
		"domain x.example: stands twice"},
	{'c', "domains: [{name: x.example, organisation: a, delivery: 'maildir:../x'}]",
		"domains[0].delivery: expected maildir:PATH (with {local} and {domain}, without "
		"\"..\"), lmtp:unix:/PATH, lmtp:HOST:PORT or smtp:HOST:PORT, found "
		"\"maildir:../x\""},
	{'c', "connectors: [{name: c, organisation: a}]",
		"connectors[0].inbound: is missing, and so is outbound"},
	{'c', "connectors: [{name: c, organisation: a, inbound: {}}]",
		"connectors[0].inbound.sender_domains: is missing: the connector would cover "
		"nothing"},
	{'c', "connectors: [{name: c, organisation: a, inbound: {sender_domains: ['x.*']}}]",
		"connectors[0].inbound.sender_domains[0]: expected a domain name, \"*.\" and a "
		"domain name (all its subdomains), or \"*\", found \"x.*\""},
	{'c',
		"connectors: [{name: c, organisation: a, inbound: {sender_domains: [x.y], "
		"restrict_to_certificate: true}}]",
		"connectors[0].inbound.certificate_name: is missing, and restrict_to_certificate "
		"is true"},
	{'c',
		"connectors: [{name: c, organisation: a, inbound: {sender_domains: [x.y], "
		"addresses: "
		"[192.0.2.1]}}]",
		"connectors[0].inbound.addresses: has no effect unless restrict_to_addresses is "
		"true"},
	{'c', "connectors: [{name: c, organisation: a, type: on-premises, inbound: {}}]",
		"connectors[0].inbound.certificate_name: is missing: an on-premises server is "
		"known by certificate_name or addresses"},
	{'c',
		"connectors: [{name: c, organisation: a, outbound: {recipient_domains: [x.y], "
		"tls_domain: x.y}}]",
		"connectors[0].outbound.tls_domain: has no effect unless tls is name, and tls is "
		"encrypt"},
	{'c',
		"connectors: [{name: c, organisation: a, outbound: {recipient_domains: [x.y], "
		"cost: "
		"0}}]",
		"connectors[0].outbound.cost: expected 1 to 100, found 0"},
	{'c',
		"connectors: [{name: c, organisation: a, trust: 'hello', outbound: "
		"{recipient_domains: [x.y]}}]",
		"connectors[0].trust: expected one or more certificates in PEM form (-----BEGIN "
		"CERTIFICATE----- "
		"...), found \"hello\""},
	{'c', "connectors: [{name: c, organisation: a, trust: '-----BEGIN PRIVATE KEY-----'}]",
		"connectors[0].trust: expected certificates in PEM form, found a private key: it "
		"does not belong here"},
	{'n', "admin: {listen: '[::]:8443', certificate: mx}",
		"admin.certificate: there is no certificate named \"mx\""},
	{'n', "admin: {listen: '[::]:25'}\nlisteners: [{name: mx, address: '[::]:25'}]",
		"admin.listen: [::]:25 is where listener mx receives mail"},
	{'n', "admin: {listen: '[::]:80'}\npublish: {listen: '[::]:80'}",
		"admin.listen: [::]:80 is publish.listen, too"},
	{'n', "admin: {listen: '127.0.0.1:80'}\nmetrics: {listen: '127.0.0.1:80'}",
		"metrics.listen: 127.0.0.1:80 is admin.listen, too"},
	{'n', "publish: {listen: '0.0.0.0:80'}\nmetrics: {listen: '127.0.0.1:80'}",
		"metrics.listen: 127.0.0.1:80 is publish.listen, too, at 0.0.0.0:80"},
	{'n', "metrics: {listen: '[::1]:25'}\nlisteners: [{name: mx, address: '[::]:25'}]",
		"metrics.listen: [::1]:25 is where listener mx receives mail, at [::]:25"},
	{'n', "publish: {listen: '[::]:25'}\nlisteners: [{name: mx, address: '[::]:25'}]",
		"publish.listen: [::]:25 is where listener mx receives mail"},
	{'n', "listeners: [{name: a, address: '[::1]:25'}, {name: b, address: '[0::1]:25'}]",
		"listeners[1].address: [0::1]:25 is taken by [::1]:25 of listener a"},
	{'n', "listeners: [{name: a, address: '0.0.0.0:25'}, {name: b, address: '192.0.2.1:25'}]",
		"listeners[1].address: 192.0.2.1:25 is taken by 0.0.0.0:25 of listener a"},
	{'n', "admin: {listen: '192.0.2.1:25'}\nlisteners: [{name: mx, address: '[::]:25'}]",
		"admin.listen: 192.0.2.1:25 is where listener mx receives mail, at [::]:25"},
	{'c',
		"connectors: [{name: c, organisation: a, outbound: {all_accepted_domains: true, "
		"smart_hosts: [h]}}]",
		"connectors[0].outbound.all_accepted_domains: only for type on-premises"},
};

static enum err read_wrong(size_t i, struct err_info *info)
{
	struct arena *arena = arena_new();
	struct model_config config;
	struct model_node node;
	json_t *json = NULL;
	enum err e = model_parse_yaml(str_of(wrong[i].yaml), &json, info);

	if (e == ERR_OK && wrong[i].kind == 'n') {
		e = record_from_json(&model_node_desc, json, "", arena, &node, info);
		if (e == ERR_OK)
			e = model_check_node(&node, info);
	} else if (e == ERR_OK) {
		e = record_from_json(&model_config_desc, json, "", arena, &config, info);
		if (e == ERR_OK)
			e = model_check(&config, info);
	}
	json_decref(json);
	arena_free(&arena);
	return e;
}

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct err_info info = {.text = ""};

		assert_int_not_equal(read_wrong(i, &info), ERR_OK);
		assert_string_equal(info.text, wrong[i].message);
	}
}

static void test_places_that_do_not_meet(void **state)
{
	static const char yaml[] =
		"listeners: [{name: a, address: '0.0.0.0:25'}, {name: b, address: '[::1]:25'}]\n"
		"publish: {listen: '192.0.2.1:80'}\n"
		"metrics: {listen: '192.0.2.2:80'}\n"
		"admin: {listen: '192.0.2.1:8443'}\n";
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct err_info info = {.text = ""};
	struct model_node node;
	json_t *json = NULL;

	(void)state;
	assert_int_equal(model_parse_yaml(str_of(yaml), &json, &info), ERR_OK);
	assert_int_equal(record_from_json(&model_node_desc, json, "", arena, &node, &info), ERR_OK);
	if (model_check_node(&node, &info) != ERR_OK)
		fail_msg("%s", info.text);
	json_decref(json);
}

/* ---- export and parse -------------------------------------------------------------------------
 */

static const char config_text[] = "organisations:\n"
				  "  - name: contoso\n"
				  "    comment: \"Contoso & Co: yes\"\n"
				  "    certificate: mx\n"
				  "    minimum_tls: encrypt\n"
				  "    expiry: 2d\n"
				  "domains:\n"
				  "  - name: xn--bcher-kva.example\n"
				  "    organisation: contoso\n"
				  "    delivery: \"maildir:./mail/{local}\"\n"
				  "connectors:\n"
				  "  - name: fabrikam\n"
				  "    organisation: contoso\n"
				  "    trust: |\n"
				  "      -----BEGIN CERTIFICATE-----\n"
				  "      QUJD\n"
				  "      -----END CERTIFICATE-----\n"
				  "    inbound:\n"
				  "      sender_domains:\n"
				  "        - fabrikam.example\n"
				  "        - \"*.fabrikam.example\"\n"
				  "      certificate_name: mx.fabrikam.example\n"
				  "      restrict_to_certificate: true\n"
				  "    outbound:\n"
				  "      recipient_domains:\n"
				  "        - fabrikam.example\n"
				  "      smart_hosts:\n"
				  "        - \"127.0.0.1:2526\"\n"
				  "      tls: name\n"
				  "      cost: 5\n";

static void test_export(void **state)
{
	struct arena *arena = arena_new();
	struct model_config a, b;
	struct err_info info = {.text = ""};
	json_t *json = NULL, *back;
	struct buf out;

	(void)state;
	assert_int_equal(model_parse_yaml(str_of(config_text), &json, &info), ERR_OK);
	if (record_from_json(&model_config_desc, json, "", arena, &a, &info) != ERR_OK)
		fail_msg("%s", info.text);
	json_decref(json);
	assert_int_equal(model_check(&a, &info), ERR_OK);
	back = record_to_json(&model_config_desc, &a, RECORD_JSON_SPARSE);
	buf_init(&out, 1 << 20);
	assert_int_equal(model_format_yaml(back, &out), ERR_OK);
	json_decref(back);
	assert_string_equal(buf_text(&out), config_text);
	/* Everything written out says the same. */
	back = record_to_json(&model_config_desc, &a, RECORD_JSON_FULL);
	buf_clear(&out);
	assert_int_equal(model_format_yaml(back, &out), ERR_OK);
	json_decref(back);
	assert_int_equal(model_parse_yaml(buf_str(&out), &json, &info), ERR_OK);
	assert_int_equal(record_from_json(&model_config_desc, json, "", arena, &b, &info), ERR_OK);
	json_decref(json);
	assert_true(record_equal(&model_config_desc, &a, &b));
	buf_free(&out);
	arena_free(&arena);
}

/* Texts of every sort of byte come back from YAML as they were. */
static void test_yaml_texts(void **state)
{
	static const char *const pieces[] = {"a", " ", "\n", "\t", ":", "#", "- ", "'", "\"", "\\",
		"|", "true", "5", "\xc3\xa4", "\xe2\x80\xa8", "\xc2\x85", "\xef\xbb\xbf", "\x01",
		"{", "*", "&", "!", "%", "@", "\r", "\x7f", "?", ",", "~", "\xf0\x9f\x93\xac"};
	uint64_t seed = 42;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (unsigned i = 0; i < 20000; i++) {
		char text[64] = "";
		json_t *json, *again = NULL;
		struct err_info info = {.text = ""};

		for (unsigned n = (unsigned)(seed >> 60) % 6; n > 0; n--) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			strncat(text, pieces[(seed >> 33) % ARRAY_LENGTH(pieces)], 8);
		}
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		json = json_pack(
			"{s:s, s:[s, {s:s}], s:s}", "k", text, "l", text, "m", text, text, "end");
		buf_clear(&out);
		assert_int_equal(model_format_yaml(json, &out), ERR_OK);
		if (model_parse_yaml(buf_str(&out), &again, &info) != ERR_OK)
			fail_msg("%s: %s", info.text, buf_text(&out));
		if (!json_equal(json, again))
			fail_msg("%s", buf_text(&out));
		json_decref(json);
		json_decref(again);
	}
	buf_free(&out);
}

static void test_compare(void **state)
{
	static const char before_text[] = "organisations: [{name: a}, {name: b}]\n"
					  "domains: [{name: x.y, organisation: a}, {name: z.y, "
					  "organisation: b}]\n"
					  "connectors: [{name: c, organisation: b, outbound: "
					  "{recipient_domains: [q.r]}}]\n";
	static const char after_text[] = "organisations: [{name: n}, {name: a}]\n"
					 "domains: [{name: x.y, organisation: a, subdomains: "
					 "true}, {name: w.y, organisation: n}]\n"
					 "connectors: [{name: c, organisation: n, outbound: "
					 "{recipient_domains: [q.r]}}]\n";
	static const struct {
		int type, kind;
		const char *key;
	} expected[] = {
		{MODEL_REMOVED, MODEL_CONNECTOR, "b/c"},
		{MODEL_REMOVED, MODEL_DOMAIN, "z.y"},
		{MODEL_REMOVED, MODEL_ORGANISATION, "b"},
		{MODEL_CHANGED, MODEL_DOMAIN, "x.y"},
		{MODEL_ADDED, MODEL_ORGANISATION, "n"},
		{MODEL_ADDED, MODEL_DOMAIN, "w.y"},
		{MODEL_ADDED, MODEL_CONNECTOR, "n/c"},
	};
	struct arena *arena = arena_new();
	struct model_config before, after;
	struct model_change *changes;
	json_t *json = NULL;
	size_t count;

	(void)state;
	assert_int_equal(model_parse_yaml(str_of(before_text), &json, NULL), ERR_OK);
	assert_int_equal(record_from_json(&model_config_desc, json, "", arena, &before, NULL), 0);
	json_decref(json);
	assert_int_equal(model_parse_yaml(str_of(after_text), &json, NULL), ERR_OK);
	assert_int_equal(record_from_json(&model_config_desc, json, "", arena, &after, NULL), 0);
	json_decref(json);
	count = model_compare(&before, &after, arena, &changes);
	assert_int_equal(count, ARRAY_LENGTH(expected));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal((int)changes[i].type, expected[i].type);
		assert_int_equal((int)changes[i].kind, expected[i].kind);
		assert_string_equal(changes[i].key, expected[i].key);
		assert_int_equal(changes[i].before == NULL, expected[i].type == MODEL_ADDED);
		assert_int_equal(changes[i].after == NULL, expected[i].type == MODEL_REMOVED);
	}
	assert_int_equal(model_compare(&before, &before, arena, &changes), 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_file),
		cmocka_unit_test(test_node_defaults),
		cmocka_unit_test(test_yaml_messages),
		cmocka_unit_test(test_yaml_depth),
		cmocka_unit_test(test_yaml_scalars),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_places_that_do_not_meet),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_yaml_texts),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
