/* Whole imports compared with files, and single properties by cases.
 *
 * usage: test-exchange inbound.json outbound.json domains.json hybrid.golden.json unclear.json
 * unclear.golden.json */
#include "core/exchange/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { INBOUND = 1, OUTBOUND, DOMAINS, HYBRID, UNCLEAR, UNCLEAR_GOLDEN, FILES };

static struct arena *arena;
static struct exchange_import import;
static struct err_info info;
static char **paths;

static struct str file(int which)
{
	FILE *f = fopen(paths[which], "r");
	char *text = arena_alloc(arena, 1 << 20);
	size_t n;

	if (f == NULL)
		fail_msg("%s cannot be opened", paths[which]);
	n = fread(text, 1, 1 << 20, f);
	fclose(f);
	return str_make(text, n);
}

static enum err take(const char *text)
{
	struct exchange_source source = {"test.json", str_of(text)};

	info.text[0] = '\0';
	return exchange_import(&source, 1, "contoso", arena, &import, &info);
}

/* The item of the first object. */
static const struct exchange_item *item(const char *property)
{
	for (size_t i = 0; i < import.objects[0].item_count; i++)
		if (strcmp(import.objects[0].items[i].property, property) == 0)
			return &import.objects[0].items[i];
	fail_msg("no property %s", property);
	return NULL;
}

static void compare(int golden)
{
	json_t *got = exchange_import_json(&import);
	struct str want = file(golden);
	char *text = json_dumps(got, JSON_INDENT(2));

	if (strlen(text) + 1 != want.n || memcmp(text, want.p, strlen(text)) != 0)
		fail_msg("differs from %s, which is the output of sealpost import exchange --json",
			paths[golden]);
	free(text);
	json_decref(got);
}

static void test_hybrid_with_partners(void **state)
{
	struct exchange_source sources[] = {{"inbound.json", file(INBOUND)},
		{"outbound.json", file(OUTBOUND)}, {"domains.json", file(DOMAINS)}};

	(void)state;
	assert_int_equal(
		exchange_import(sources, ARRAY_LENGTH(sources), NULL, arena, &import, &info),
		ERR_OK);
	compare(HYBRID);
	assert_string_equal(import.config.organisations.items[0].name, "contoso");
	assert_int_equal(import.config.connectors.count, 5);
}

static void test_unclear(void **state)
{
	struct exchange_source source = {"unclear.json", file(UNCLEAR)};

	(void)state;
	assert_int_equal(exchange_import(&source, 1, NULL, arena, &import, &info), ERR_OK);
	compare(UNCLEAR_GOLDEN);
	/* Only what is clear is in force. */
	for (size_t i = 0; i < import.config.connectors.count; i++)
		assert_int_equal(import.config.connectors.items[i].enabled,
			strcmp(import.config.connectors.items[i].name, "by-number") == 0);
}

#define IN  "\"Name\":\"x\",\"ConnectorType\":\"Partner\",\"SenderDomains\":[\"x.example\"],"
#define OUT "\"Name\":\"x\",\"ConnectorType\":\"Partner\",\"RecipientDomains\":[\"x.example\"],"
#define OWN_IN                                                                                     \
	"\"Name\":\"x\",\"ConnectorType\":\"OnPremises\",\"SenderDomains\":[\"smtp:*;1\"],"        \
	"\"TlsSenderCertificateName\":\"mx.x.example\","
#define OWN_OUT                                                                                    \
	"\"Name\":\"x\",\"ConnectorType\":\"OnPremises\",\"RecipientDomains\":[\"x.example\"],"

static const struct {
	const char *text, *property;
	enum exchange_fate fate;
	const char *as; /* begins so; NULL: nothing */
} properties[] = {
	{IN "\"RequireTls\":false", "RequireTls", EXCHANGE_TAKEN, "inbound.require_tls: false"},
	{IN "\"RequireTls\":\"True\"", "RequireTls", EXCHANGE_TAKEN, "inbound.require_tls: true"},
	{IN "\"RequireTls\":false,\"TlsSenderCertificateName\":\"mx.x.example\"",
		"TlsSenderCertificateName", EXCHANGE_NOT_NEEDED, NULL},
	{IN "\"TlsSenderCertificateName\":\"<I>CN=a<S>O=b, CN=mx.x.example\"",
		"TlsSenderCertificateName", EXCHANGE_TAKEN,
		"inbound.certificate_name: mx.x.example"},
	{IN "\"TlsSenderCertificateName\":\"<I>CN=a<S>O=b\"", "TlsSenderCertificateName",
		EXCHANGE_DECISION, NULL},
	{IN "\"SenderIPAddresses\":[\"192.0.2.1\"]", "SenderIPAddresses", EXCHANGE_NOT_NEEDED,
		NULL},
	{IN "\"SenderIPAddresses\":[\"2001:db8::/32\"],"
	    "\"RestrictDomainsToIPAddresses\":true",
		"SenderIPAddresses", EXCHANGE_TAKEN, "inbound.addresses"},
	{IN "\"RestrictDomainsToIPAddresses\":true", "RestrictDomainsToIPAddresses",
		EXCHANGE_DECISION, NULL},
	{IN "\"CloudServicesMailEnabled\":true", "CloudServicesMailEnabled", EXCHANGE_UNSUPPORTED,
		NULL},
	{IN "\"TreatMessagesAsInternal\":true", "TreatMessagesAsInternal", EXCHANGE_NOT_NEEDED,
		NULL},
	{IN "\"EFSkipIPs\":[\"192.0.2.1\"]", "EFSkipIPs", EXCHANGE_UNSUPPORTED, NULL},
	{IN "\"EFSkipIPs\":[]", "EFSkipIPs", EXCHANGE_NOT_NEEDED, NULL},
	{IN "\"ClientHostNames\":[\"a\"]", "ClientHostNames", EXCHANGE_UNSUPPORTED, NULL},
	{IN "\"Surprise\":1", "Surprise", EXCHANGE_DECISION, NULL},
	{IN "\"Sender@odata.type\":\"#Collection\"", "Sender@odata.type", EXCHANGE_NOT_NEEDED,
		NULL},
	{OWN_IN "\"RequireTls\":true", "RequireTls", EXCHANGE_NOT_NEEDED, NULL},
	{OWN_IN "\"CloudServicesMailEnabled\":true", "CloudServicesMailEnabled", EXCHANGE_TAKEN,
		"inbound.cross_premises_headers: true"},
	{OWN_IN "\"CloudServicesMailEnabled\":true,\"TreatMessagesAsInternal\":true",
		"TreatMessagesAsInternal", EXCHANGE_NOT_NEEDED, NULL},
	{OWN_IN "\"RestrictDomainsToCertificate\":true", "RestrictDomainsToCertificate",
		EXCHANGE_NOT_NEEDED, NULL},
	{OUT "\"TlsSettings\":null", "TlsSettings", EXCHANGE_NOT_NEEDED, NULL},
	{OUT "\"TlsSettings\":\"EncryptionOnly\"", "TlsSettings", EXCHANGE_TAKEN,
		"outbound.tls: encrypt"},
	{OUT "\"TlsSettings\":\"CertificateValidation\"", "TlsSettings", EXCHANGE_TAKEN,
		"outbound.tls: chain"},
	{OUT "\"TlsSettings\":\"domainvalidation\"", "TlsSettings", EXCHANGE_TAKEN,
		"outbound.tls: name"},
	{OUT "\"TlsSettings\":3", "TlsSettings", EXCHANGE_DECISION, NULL},
	{OUT "\"TlsDomain\":\"mx.x.example\",\"TlsSettings\":1", "TlsDomain", EXCHANGE_NOT_NEEDED,
		NULL},
	{OUT "\"TlsDomain\":\"*.x.example\",\"TlsSettings\":4", "TlsDomain", EXCHANGE_TAKEN,
		"outbound.tls_domain: *.x.example"},
	{OUT "\"SmtpDaneMode\":\"None\"", "SmtpDaneMode", EXCHANGE_TAKEN, "outbound.dane: none"},
	{OUT "\"SmtpDaneMode\":\"Mandatory\"", "SmtpDaneMode", EXCHANGE_DECISION, NULL},
	{OUT "\"UseMXRecord\":false", "UseMXRecord", EXCHANGE_DECISION, NULL},
	{OUT "\"UseMXRecord\":true,\"SmartHosts\":[\"mx.x.example\"]", "SmartHosts",
		EXCHANGE_NOT_NEEDED, NULL},
	{OUT "\"UseMXRecord\":false,\"SmartHosts\":[\"[2001:db8::1]\"]", "SmartHosts",
		EXCHANGE_TAKEN, "outbound.smart_hosts"},
	{OUT "\"AllAcceptedDomains\":true", "AllAcceptedDomains", EXCHANGE_NOT_NEEDED, NULL},
	{OUT "\"IsTransportRuleScoped\":true", "RecipientDomains", EXCHANGE_NOT_NEEDED, NULL},
	{OUT "\"TestMode\":true", "TestMode", EXCHANGE_UNSUPPORTED, NULL},
	{OWN_OUT "\"AllAcceptedDomains\":true", "AllAcceptedDomains", EXCHANGE_DECISION, NULL},
	{OWN_OUT "\"AllAcceptedDomains\":true,\"UseMXRecord\":false,"
		 "\"SmartHosts\":[\"mx.x.example\"]",
		"AllAcceptedDomains", EXCHANGE_TAKEN, "outbound.all_accepted_domains: true"},
	{OWN_OUT "\"CloudServicesMailEnabled\":true", "CloudServicesMailEnabled",
		EXCHANGE_UNSUPPORTED, NULL},
	{OWN_OUT "\"SenderRewritingEnabled\":true", "SenderRewritingEnabled", EXCHANGE_TAKEN,
		"outbound.sender_rewriting: true"},
	{"\"DomainName\":\"x.example\",\"DomainType\":\"ExternalRelay\"", "DomainType",
		EXCHANGE_TAKEN, "type: internal-relay"},
	{"\"DomainName\":\"x.example\",\"DomainType\":0", "DomainType", EXCHANGE_TAKEN,
		"type: authoritative"},
	{"\"DomainName\":\"x.example\",\"DomainType\":9", "DomainType", EXCHANGE_DECISION, NULL},
};

static void test_properties(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(properties); i++) {
		const struct exchange_item *got;

		if (take(arena_format(arena, "{%s}", properties[i].text)) != ERR_OK)
			fail_msg("%s: %s", properties[i].text, info.text);
		got = item(properties[i].property);
		if (got->fate != properties[i].fate)
			fail_msg("%s: %s", properties[i].text, exchange_fate_names[got->fate]);
		if (properties[i].as != NULL &&
			(got->as == NULL || strcmp(got->as, properties[i].as) != 0))
			fail_msg("%s: %s", properties[i].text, got->as);
	}
}

static void test_wildcards_cover_the_domain_itself(void **state)
{
	const struct record_texts *got;

	(void)state;
	assert_int_equal(take("{\"Name\":\"x\",\"ConnectorType\":\"Partner\",\"SenderDomains\":\"*."
			      "x.example,"
			      " smtp:y.example;5\"}"),
		ERR_OK);
	got = &import.config.connectors.items[0].inbound->sender_domains;
	assert_int_equal(got->count, 3);
	assert_string_equal(got->items[0], "x.example");
	assert_string_equal(got->items[1], "*.x.example");
	assert_string_equal(got->items[2], "y.example");
}

static void test_halves_stay_apart(void **state)
{
	(void)state;
	/* One is disabled: together they could not be both. */
	assert_int_equal(take("[{" IN "\"Enabled\":true},{" OUT "\"Enabled\":false}]"), ERR_OK);
	assert_int_equal(import.config.connectors.count, 2);
	assert_string_equal(import.config.connectors.items[1].name, "x-2");
	assert_int_equal(take("[{" IN "\"Enabled\":true},{" OUT "\"Enabled\":true}]"), ERR_OK);
	assert_int_equal(import.config.connectors.count, 1);
	assert_non_null(import.config.connectors.items[0].outbound);
}

static void test_refusals(void **state)
{
	static const char *const rows[][2] = {
		{"", "line"},
		{"[", "line"},
		{"3", "test.json"},
		{"[]", "holds no object"},
		{"{\"Name\":\"x\"}", "is neither an inbound nor an outbound connector"},
		{"[[[[[[{}]]]]]]", "nested too deeply"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (take(rows[i][0]) == ERR_OK || strstr(info.text, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], info.text);
}

/* As `> file` writes it in Windows PowerShell. */
static void test_utf16(void **state)
{
	static const char text[] = "{" IN "\"Comment\":\"B@nk\"}";
	char wide[2 * sizeof(text)] = {(char)0xff, (char)0xfe};
	struct exchange_source source = {"wide.json", {wide, 2 * sizeof(text)}};

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		wide[2 + 2 * i] = text[i];
	*(char *)memchr(wide, '@', sizeof(wide)) = (char)0xe4;
	assert_int_equal(exchange_import(&source, 1, "contoso", arena, &import, &info), ERR_OK);
	assert_string_equal(import.config.connectors.items[0].comment, "B\xc3\xa4nk");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hybrid_with_partners),
		cmocka_unit_test(test_unclear),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_wildcards_cover_the_domain_itself),
		cmocka_unit_test(test_halves_stay_apart),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_utf16),
	};
	int failed;

	if (argc != FILES)
		return 2;
	paths = argv;
	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
