/* What organisations of one installation share, and what they cannot take from each other. */
#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TWO	      "domains: [{name: a.example, organisation: a}, {name: b.example, organisation: b}]\n"
#define ORGANISATIONS "organisations: [{name: a}, {name: b}]\n"
#define OWNED	      "organisations: [{name: a}, {name: b, certificates: [mine], certificate: mine}]\n" TWO

static const struct {
	const char *name, *yaml;
	const char *message; /* "": fine */
} rows[] = {
	{"connectors and rules of one name in both",
		ORGANISATIONS TWO
		"connectors:\n- {name: p, organisation: a, outbound: {recipient_domains: "
		"[x.example]}}\n- {name: p, organisation: b, outbound: {recipient_domains: "
		"[x.example], tls: chain}}\n"
		"rules: [{name: r, organisation: a, connector: p}, {name: r, organisation: b, "
		"connector: p}]\n",
		""},
	{"twice in one",
		ORGANISATIONS TWO
		"connectors:\n- {name: p, organisation: a, outbound: {recipient_domains: "
		"[x.example]}}\n- {name: p, organisation: a, outbound: {recipient_domains: "
		"[y.example]}}\n",
		"connector a/p: stands twice"},
	{"one domain for both",
		ORGANISATIONS
		"domains: [{name: x.example, organisation: a}, {name: x.example, organisation: "
		"b}]\n",
		"domain x.example: stands twice"},
	{"a rule by another's connector",
		ORGANISATIONS TWO
		"connectors: [{name: p, organisation: b, outbound: {recipient_domains: "
		"[x.example]}}]\nrules: [{name: r, organisation: a, connector: p}]\n",
		"rule a/r: connector: organisation a has no connector \"p\" with an outbound half"},
	{"another's certificate, in a connector",
		OWNED "connectors: [{name: p, organisation: a, outbound: {recipient_domains: "
		      "[x.example], certificate: mine}}]\n",
		"connector a/p: outbound.certificate: certificate \"mine\" belongs to another "
		"organisation: it is not among the certificates of a"},
	{"the own certificate, in a connector",
		OWNED "connectors: [{name: p, organisation: b, outbound: {recipient_domains: "
		      "[x.example], certificate: mine}}]\n",
		""},
	{"a certificate that nobody claims",
		OWNED "connectors: [{name: p, organisation: a, outbound: {recipient_domains: "
		      "[x.example], certificate: mx}}]\n",
		""},
	{"another's certificate, by default",
		"organisations: [{name: a, certificate: mine}, {name: b, certificates: [mine]}]\n",
		"organisation a: certificate: certificate \"mine\" belongs to another "
		"organisation: "
		"it is not among the certificates of a"},
	{"a certificate that both list",
		"organisations: [{name: a, certificates: [mine], certificate: mine}, {name: b, "
		"certificates: [mine], certificate: mine}]\n",
		""},
	{"another's accepted domain",
		ORGANISATIONS TWO
		"connectors: [{name: s, organisation: a, type: on-premises, inbound: {addresses: "
		"[192.0.2.1], associated_accepted_domains: [b.example]}}]\n",
		"connector a/s: inbound.associated_accepted_domains: \"b.example\" is no accepted "
		"domain of organisation a"},
	{"trust in another",
		ORGANISATIONS TWO
		"connectors: [{name: p, organisation: a, inbound: {sender_domains: [b.example], "
		"trusted_organisations: [b]}}]\n",
		""},
	{"trust in nobody",
		ORGANISATIONS TWO
		"connectors: [{name: p, organisation: a, inbound: {sender_domains: [b.example], "
		"trusted_organisations: [c]}}]\n",
		"connector a/p: inbound.trusted_organisations: there is no organisation named "
		"\"c\""},
	{"a recipient at no domain", ORGANISATIONS TWO "recipients: [{address: u@c.example}]\n",
		"recipient u@c.example: its domain is no accepted domain"},
};

static void test_references(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct arena *arena = arena_new();
		struct err_info info = {.text = ""};
		struct model_config config;
		json_t *json = NULL;
		enum err e = model_parse_yaml(str_of(rows[i].yaml), &json, &info);

		print_message("# %s\n", rows[i].name);
		if (e == ERR_OK)
			e = record_from_json(&model_config_desc, json, "", arena, &config, &info);
		if (e == ERR_OK)
			e = model_check(&config, &info);
		assert_string_equal(info.text, rows[i].message);
		assert_int_equal(e == ERR_OK, rows[i].message[0] == '\0');
		json_decref(json);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_references)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
