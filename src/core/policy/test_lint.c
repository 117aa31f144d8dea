/* Every finding by a configuration that has it, and by one that just has not. */
#include "core/policy/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

/* Two organisations in good order; rows add to them. */
#define ORGS "organisations: [{name: a, certificate: mx}, {name: b}]\n"
#define DOMAINS                                                                                    \
	"domains:\n- {name: a.example, organisation: a, delivery: 'lmtp:unix:/l'}\n"               \
	"- {name: b.example, organisation: b, delivery: 'lmtp:unix:/l'}\n"
#define BASE	   ORGS DOMAINS
#define CONNECTORS BASE "connectors:\n"
#define RULES	   BASE "rules:\n"
#define CLOSED                                                                                     \
	"- {name: all, organisation: a, inbound: {sender_domains: ['*'], "                         \
	"certificate_name: gw.x.example, restrict_to_certificate: true}}\n"
#define ALL_NOTED "note restricts-everyone connector a/all\n"
#define ANCHOR	  "\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\""

static const struct {
	const char *name;
	const char *yaml;
	const char *want; /* "severity token subject", a line each */
} rows[] = {
	{"nothing", BASE, ""},
	{"an organisation without domains", "organisations: [{name: c}]\n",
		"note organisation-without-domain organisation c\n"},
	{"name at no accepted domain",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{certificate_name: mail.b.example}}\n",
		"error certificate-name-nowhere connector a/s\n" ALL_NOTED},
	{"name below the accepted domain",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{certificate_name: mail.a.example}}\n",
		ALL_NOTED},
	{"wildcard of the accepted domain",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{certificate_name: '*.a.example'}}\n",
		ALL_NOTED},
	{"one address, two organisations",
		CONNECTORS "- {name: s, organisation: a, type: on-premises, inbound: {addresses: "
			   "[192.0.2.1]}}\n- {name: t, organisation: b, type: on-premises, "
			   "inbound: {addresses: [192.0.2.0/24, '2001:db8::1']}}\n",
		"error address-shared connector a/s\nerror address-shared connector b/t\n"
		"warning front-door-open organisation a\n"
		"warning front-door-open organisation b\n"},
	{"overlap within one organisation",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{addresses: [192.0.2.1]}}\n- {name: t, organisation: a, type: "
				  "on-premises, inbound: {addresses: [192.0.2.0/24]}}\n",
		"warning address-overlaps connector a/s\n" ALL_NOTED},
	{"told apart by certificate",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{addresses: [192.0.2.1]}}\n- {name: t, organisation: a, type: "
				  "on-premises, inbound: {addresses: [192.0.2.0/24], "
				  "certificate_name: m.a.example}}\n",
		ALL_NOTED},
	{"front door open",
		CONNECTORS "- {name: s, organisation: a, type: on-premises, inbound: {addresses: "
			   "[192.0.2.1]}}\n",
		"warning front-door-open organisation a\n"},
	{"front door half closed",
		"organisations: [{name: a, reject_direct_send: true}]\n"
		"domains: [{name: a.example, organisation: a, delivery: 'lmtp:unix:/l'}]\n"
		"connectors:\n- {name: s, organisation: a, type: on-premises, inbound: {addresses: "
		"[192.0.2.1]}}\n",
		"note front-door-open organisation a\n"},
	{"a door in report mode is open",
		CONNECTORS
		"- {name: s, organisation: a, type: on-premises, inbound: {addresses: "
		"[192.0.2.1]}}\n- {name: all, organisation: a, inbound: {sender_domains: "
		"['*'], restrict_to_addresses: true, addresses: [192.0.2.1], mode: report}}\n",
		"warning front-door-open organisation a\nnote report-mode connector a/all\n"
		"note restricts-everyone connector a/all\n"},
	{"two for one sender",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example]}, "
			   "outbound: {recipient_domains: [x.example]}}\n"
			   "- {name: q, organisation: a, inbound: {sender_domains: [x.example]}}\n",
		"warning duplicate-connector connector a/q\n"},
	{"two for one recipient",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example]}, "
			   "outbound: {recipient_domains: [x.example]}}\n"
			   "- {name: q, organisation: a, outbound: {recipient_domains: "
			   "[x.example]}}\n",
		"warning duplicate-connector connector a/q\n"},
	{"a second one at another cost",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example]}, "
			   "outbound: {recipient_domains: [x.example]}}\n"
			   "- {name: q, organisation: a, outbound: {recipient_domains: "
			   "[x.example], cost: 20}}\n",
		""},
	{"two servers by one certificate",
		CONNECTORS CLOSED "- {name: s, organisation: a, type: on-premises, inbound: "
				  "{certificate_name: m.a.example}}\n- {name: t, organisation: a, "
				  "type: on-premises, inbound: {certificate_name: m.a.example}}\n",
		"warning duplicate-connector connector a/t\n" ALL_NOTED},
	{"forced outbound only",
		CONNECTORS "- {name: p, organisation: a, outbound: {recipient_domains: "
			   "[x.example]}}\n",
		"warning one-direction connector a/p\n"},
	{"forced inbound only",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example]}}\n",
		"warning one-direction connector a/p\n"},
	{"forced by a second connector",
		CONNECTORS
		"- {name: p, organisation: a, inbound: {sender_domains: [y.x.example]}}\n"
		"- {name: q, organisation: a, outbound: {recipient_domains: "
		"['*.x.example', x.example]}}\n"
		"- {name: r, organisation: a, inbound: {sender_domains: ['*.x.example', "
		"x.example]}}\n",
		""},
	{"weaker than the wildcard",
		CONNECTORS
		"- {name: p, organisation: a, inbound: {sender_domains: ['*.x.example']},"
		" outbound: {recipient_domains: ['*.x.example'], tls: chain}}\n"
		"- {name: q, organisation: a, inbound: {sender_domains: [y.x.example]}, "
		"outbound: {recipient_domains: [y.x.example]}}\n",
		"warning weaker-than-wildcard connector a/q\n"},
	{"weaker than the wildcard, being in report mode",
		CONNECTORS
		"- {name: p, organisation: a, inbound: {sender_domains: ['*.x.example']},"
		" outbound: {recipient_domains: ['*.x.example'], tls: chain}}\n"
		"- {name: q, organisation: a, inbound: {sender_domains: [y.x.example]}, "
		"outbound: {recipient_domains: [y.x.example], tls: name, mode: report}}\n",
		"warning weaker-than-wildcard connector a/q\n"
		"note report-mode connector a/q\n"},
	{"weaker sender",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: ['*']}}\n"
			   "- {name: q, organisation: a, inbound: {sender_domains: [y.x.example], "
			   "require_tls: false}}\n",
		"warning weaker-than-wildcard connector a/q\n"},
	{"swallowed",
		CONNECTORS CLOSED "- {name: q, organisation: a, inbound: {sender_domains: "
				  "[x.example]}, outbound: {recipient_domains: [x.example]}}\n",
		"warning swallowed-by-wildcard connector a/q\n" ALL_NOTED},
	{"report mode",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example], "
			   "mode: report}, outbound: {recipient_domains: [x.example], mode: "
			   "report}}\n",
		"note report-mode connector a/p\n"},
	{"level none",
		CONNECTORS "- {name: p, organisation: a, outbound: {recipient_domains: "
			   "[x.example], tls: none}}\n",
		"note partner-without-tls connector a/p\n"},
	{"an address as smart host",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, outbound: "
			   "{recipient_domains: [x.example], tls: chain, smart_hosts: "
			   "['192.0.2.1:26', h.example]}}\n",
		"warning smart-host-is-address connector a/p\n"},
	{"an address with own anchors",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, trust: " ANCHOR
			   ", outbound: {recipient_domains: [x.example], tls: chain, smart_hosts: "
			   "['192.0.2.1:26']}}\n",
		""},
	{"no revocation lists: they are fetched",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, revocation: require, "
			   "outbound: {recipient_domains: [x.example], tls: chain}}\n",
		""},
	{"no lists needed",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, revocation: require, "
			   "outbound: {recipient_domains: [x.example]}}\n",
		""},
	{"everything via a server of one half",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, outbound: "
			   "{route_all_via_on_premises: true, smart_hosts: [h.example]}}\n",
		"warning centre-by-halves connector a/p\n"},
	{"for later",
		CONNECTORS "- {name: p, organisation: a, type: on-premises, outbound: "
			   "{recipient_domains: [x.example], sender_rewriting: true, dane: none, "
			   "mta_sts: none}}\n",
		"note setting-without-effect connector a/p\n"
		"note setting-without-effect connector a/p\n"
		"note setting-without-effect connector a/p\n"},
	{"any local part",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a, "
		"delivery: "
		"'maildir:/m/{local}'}]\n",
		"warning any-recipient domain a.example\n"},
	{"recipients are listed",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a, "
		"delivery: "
		"'maildir:/m/{local}', directory: true}]\nrecipients: [{address: u@a.example}]\n",
		""},
	{"an empty directory",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a, "
		"delivery: "
		"'maildir:/m/{local}', directory: true}]\n",
		"error directory-empty domain a.example\n"},
	{"no way", "organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a}]\n",
		"error domain-without-way domain a.example\n"},
	{"no way for those on-premises",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a, "
		"delivery: "
		"'maildir:/m/{local}', directory: true}]\nrecipients: [{address: u@a.example, "
		"place: on-premises}]\n",
		"error domain-without-way domain a.example\n"},
	{"a way by connector",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a}]\n"
		"connectors: [{name: s, organisation: a, type: on-premises, outbound: "
		"{all_accepted_domains: true, smart_hosts: [h.a.example]}}]\n",
		""},
	{"a way by a disabled connector",
		"organisations: [{name: a}]\ndomains: [{name: a.example, organisation: a}]\n"
		"connectors: [{name: s, organisation: a, type: on-premises, enabled: false, "
		"outbound:"
		" {all_accepted_domains: true, smart_hosts: [h.a.example]}}]\n",
		"error domain-without-way domain a.example\n"},
	{"certificates that are not there",
		"organisations: [{name: a, certificate: my, certificates: [my]}]\ndomains: [{name: "
		"a.example, organisation: a, delivery: 'lmtp:unix:/l'}]\nconnectors: [{name: s, "
		"organisation: a, type: on-premises, outbound: {certificate: mz, "
		"recipient_domains: "
		"[x.example]}}]\n",
		"error certificate-missing connector a/s\nerror certificate-missing organisation "
		"a\n"
		"error certificate-missing organisation a\n"},
	{"trusts itself",
		CONNECTORS "- {name: p, organisation: a, inbound: {sender_domains: [x.example], "
			   "trusted_organisations: [a, b]}, outbound: {recipient_domains: "
			   "[x.example]}}\n",
		"warning trusts-itself connector a/p\n"},
	{"a rule for nobody",
		RULES
		"- {name: r, organisation: a, direction: incoming, recipients: [u@b.example], "
		"action: hold}\n"
		"- {name: s, organisation: a, direction: outgoing, recipients: [a.example], "
		"action: hold}\n"
		"- {name: t, organisation: a, direction: internal, recipients: "
		"['*.a.example'], action: hold}\n"
		"- {name: u, organisation: a, direction: internal, recipients: "
		"['*.example'], action: hold}\n",
		"warning rule-never-matches rule a/r\nwarning rule-never-matches rule a/s\n"
		"warning rule-never-matches rule a/t\n"},
	{"a rule for larger messages than are taken",
		"organisations: [{name: a, maximum_message: 1M}]\ndomains: [{name: a.example, "
		"organisation: a, delivery: 'lmtp:unix:/l'}]\nrules: [{name: r, organisation: a, "
		"larger_than: 2M, action: hold}]\n",
		"warning rule-never-matches rule a/r\n"},
	{"a rule by a disabled connector",
		BASE "connectors: [{name: p, organisation: a, enabled: false, outbound: "
		     "{recipient_domains: [x.example]}}]\nrules: [{name: r, organisation: a, "
		     "connector: p}]\n",
		"error rule-connector-disabled rule a/r\n"},
	{"a rule in another's shadow",
		RULES "- {name: r, organisation: a, senders: [u@x.example], action: hold}\n"
		      "- {name: s, organisation: a, senders: [u@x.example], action: hold, "
		      "require_tls: chain}\n"
		      "- {name: t, organisation: a, senders: [v@x.example], action: hold}\n"
		      "- {name: u, organisation: b, senders: [u@x.example], action: hold}\n",
		"note rule-shadowed rule a/r\n"},
	{"a rule where all is refused",
		RULES "- {name: r, organisation: a, direction: outgoing, action: refuse}\n"
		      "- {name: s, organisation: a, direction: outgoing, senders: [u@x.example], "
		      "require_tls: chain}\n"
		      "- {name: t, organisation: a, direction: incoming, senders: [u@x.example], "
		      "require_tls: chain}\n",
		"note rule-shadowed rule a/s\n"},
	{"a rule in report mode",
		RULES "- {name: r, organisation: a, action: hold, mode: report}\n",
		"note report-mode rule a/r\n"},
	{"what is disabled says nothing",
		CONNECTORS "- {name: p, organisation: a, enabled: false, inbound: {sender_domains: "
			   "['*'], mode: report}}\n",
		""},
};

static void read_config(const char *yaml, struct arena *arena, struct model_config *ret)
{
	struct err_info info = {.text = ""};
	json_t *json = NULL;
	enum err e = model_parse_yaml(str_of(yaml), &json, &info);

	if (e == ERR_OK)
		e = record_from_json(&model_config_desc, json, "", arena, ret, &info);
	if (e == ERR_OK)
		e = model_check(ret, &info);
	json_decref(json);
	if (e != ERR_OK)
		fail_msg("%s", info.text);
}

static void test_findings(void **state)
{
	const char *names[] = {"mx"};
	struct record_texts certificates = {names, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct arena *arena = arena_new();
		struct policy_findings found;
		struct model_config config;
		const char *got = "";

		print_message("# %s\n", rows[i].name);
		read_config(rows[i].yaml, arena, &config);
		policy_lint(&config, &certificates, arena, &found);
		for (size_t k = 0; k < found.count; k++) {
			const struct policy_finding *f = &found.items[k];

			got = arena_format(arena, "%s%s %s %s\n", got,
				policy_severity_names[f->severity], f->token, f->subject);
			assert_true(strlen(f->text) > 0 && strlen(f->remedy) > 0);
			assert_non_null(f->organisation);
		}
		assert_string_equal(got, rows[i].want);
		arena_free(&arena);
	}
}

/* What concerns two organisations is told to each without the other's names. */
static void test_others_stand_apart(void **state)
{
	struct arena *arena = arena_new();
	struct policy_findings found;
	struct model_config config;

	(void)state;
	read_config(CONNECTORS
		"- {name: s, organisation: a, type: on-premises, inbound: {addresses: "
		"[192.0.2.1]}}\n- {name: secret, organisation: b, type: on-premises, "
		"inbound: {addresses: [192.0.2.1]}}\n",
		arena, &config);
	policy_lint(&config, NULL, arena, &found);
	assert_string_equal(found.items[0].token, "address-shared");
	assert_string_equal(found.items[0].organisation, "a");
	assert_null(strstr(found.items[0].text, "secret"));
	assert_int_equal(found.items[0].others.count, 1);
	assert_string_equal(found.items[0].others.items[0], "connector b/secret");
	arena_free(&arena);
}

static void test_directions(void **state)
{
	struct arena *arena = arena_new();
	struct policy_directions *d;
	struct model_config config;

	(void)state;
	read_config(CONNECTORS
		"- {name: both, organisation: a, inbound: {sender_domains: [x.example]}, outbound: "
		"{recipient_domains: [x.example]}}\n"
		"- {name: in, organisation: a, inbound: {sender_domains: [y.example]}, outbound: "
		"{recipient_domains: [y.example], mode: report}}\n"
		"- {name: out, organisation: b, outbound: {recipient_domains: [x.example]}}\n"
		"- {name: off, organisation: b, enabled: false, outbound: {recipient_domains: "
		"[z.example]}}\n"
		"- {name: own, organisation: b, type: on-premises, outbound: {recipient_domains: "
		"[z.example]}}\n",
		arena, &config);
	d = policy_directions_new(&config);
	assert_null(policy_directions_only(d, &config.connectors.items[0]));
	assert_string_equal(policy_directions_only(d, &config.connectors.items[1]), "inbound");
	assert_string_equal(policy_directions_only(d, &config.connectors.items[2]), "outbound");
	assert_null(policy_directions_only(d, &config.connectors.items[3]));
	assert_null(policy_directions_only(d, &config.connectors.items[4]));
	policy_directions_free(&d);
	arena_free(&arena);
}

/* Ten thousand connectors, each with what is compared with all others. */
static void test_many(void **state)
{
	enum { MANY = 10000 };
	struct arena *arena = arena_new();
	struct model_config config;
	struct model_connector *connectors = arena_array(arena, MANY, sizeof(*connectors));
	struct policy_findings found;
	clock_t start, took;

	(void)state;
	read_config(BASE, arena, &config);
	for (int i = 0; i < MANY; i++) {
		json_t *json = json_pack("{s:o, s:s, s:s, s:{s:[s, s], s:b}, s:{s:[s], s:[s]}}",
			"name", json_sprintf("c%d", i), "organisation", i % 2 != 0 ? "a" : "b",
			"type", "on-premises", "inbound", "addresses",
			arena_format(arena, "10.%d.%d.0/24", i / 256 % 64, i % 256), "10.0.0.0/8",
			"require_tls", 1, "outbound", "recipient_domains",
			arena_format(arena, "d%d.x.example", i), "smart_hosts", "h.example");

		assert_non_null(json);
		assert_int_equal(record_from_json(&model_connector_desc, json, "", arena,
					 &connectors[i], NULL),
			ERR_OK);
		json_decref(json);
	}
	model_set_list(&config, MODEL_CONNECTOR, connectors, MANY);
	start = clock();
	policy_lint(&config, NULL, arena, &found);
	took = clock() - start;
	print_message(
		"# %zu findings in %ld ms\n", found.count, (long)(took * 1000 / CLOCKS_PER_SEC));
	assert_true(found.count >= MANY);
	assert_true(took < CLOCKS_PER_SEC);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_others_stand_apart),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
