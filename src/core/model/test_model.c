#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_file),
		cmocka_unit_test(test_node_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
