/* The kit's forms compared with files, what is refused, and what is proposed. */
#include "core/partner/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PEM "-----BEGIN CERTIFICATE-----\\nTm90IGEgY2VydGlmaWNhdGU=\\n-----END CERTIFICATE-----\\n"
#define START                                                                                      \
	"{\"sealpost-partner-kit\":1,\"organisation\":\"fabrikam\",\"domains\":[\"fabrikam."       \
	"example\",\"*.fabrikam.example\"],\"host\":\"mx.fabrikam.example\""
#define CERTIFICATE(name, more)                                                                    \
	"{\"tls_name\":\"" name "\",\"names\":[\"" name "\"],\"sha256\":\"" SHA                    \
	"\",\"spki_sha256\":\"" SHA "\"" more "}"

static struct arena *arena;
static struct partner_kit kit;
static struct partner_proposal proposal;

static enum err parse(const char *text, struct err_info *info)
{
	return partner_kit_parse(str_of(text), arena, &kit, info);
}

/* The choice on that property; fails where there is none. */
static const char *why(const char *property)
{
	for (size_t i = 0; i < proposal.choice_count; i++)
		if (strcmp(proposal.choices[i].property, property) == 0)
			return proposal.choices[i].why;
	fail_msg("no word on %s", property);
	return "";
}

static enum err propose(const char *text, struct partner_import how, struct err_info *info)
{
	assert_int_equal(parse(text, info), ERR_OK);
	how.organisation = "contoso";
	return partner_propose(&kit, &how, arena, &proposal, info);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text, *said;
		enum err want;
	} rows[] = {
		{"", "expected the JSON form", ERR_SYNTAX},
		{"[]", "is no partner kit", ERR_SYNTAX},
		{"{\"sealpost-partner-kit\":\"1\"}", "is no partner kit", ERR_SYNTAX},
		{"{\"sealpost-partner-kit\":3,\"new\":1}",
			"version 3, and this program knows "
			"version 2",
			ERR_UNSUPPORTED},
		{"{\"sealpost-partner-kit\":1,\"sealpost-partner-kit\":1}", "duplicate",
			ERR_SYNTAX},
		{"{\"sealpost-partner-kit\":1}", "organisation", ERR_SYNTAX},
		{START ",\"colour\":1}", "colour", ERR_UNKNOWN},
		{START ",\"listeners\":[{\"port\":0}]}", "listeners[0].port", ERR_RANGE},
		{START ",\"addresses\":[\"here\"]}", "addresses[0]", ERR_SYNTAX},
		{START ",\"roots\":[{\"pem\":\"x\"}]}", "roots[0].pem", ERR_SYNTAX},
		{START ",\"client_certificate\":{\"tls_name\":\"a b\"}}",
			"client_certificate.tls_name", ERR_SYNTAX},
		{START ",\"client_certificate\":{\"sha256\":\"12\"}}", "client_certificate.sha256",
			ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info = {.text = ""};
		enum err e = parse(rows[i].text, &info);

		if (e == ERR_OK || strstr(info.text, rows[i].said) == NULL)
			fail_msg("%s: %s: %s", rows[i].text, err_token(e), info.text);
	}
}

static void test_too_large(void **state)
{
	struct err_info info = {.text = ""};
	char *text = mem_new(PARTNER_KIT_MAX + 2);

	(void)state;
	memset(text, ' ', PARTNER_KIT_MAX + 1);
	assert_int_equal(parse(text, &info), ERR_TOO_LONG);
	assert_non_null(strstr(info.text, "1024 KiB"));
	free(text);
}

static void test_full_proposal(void **state)
{
	struct err_info info = {.text = ""};
	const struct model_connector *c = &proposal.connector;

	(void)state;
	assert_int_equal(
		propose(START
			",\"listeners\":[{\"port\":25}],\"server_certificates\":[" CERTIFICATE(
				"mx.fabrikam.example",
				"") "],\"client_certificate\":" CERTIFICATE("out.fabrikam.example",
				",\"allows_client\":true") ",\"roots\":[{\"pem\":\"" PEM "\"}]}",
			(struct partner_import){0}, &info),
		ERR_OK);
	assert_string_equal(c->name, "fabrikam");
	assert_string_equal(c->organisation, "contoso");
	assert_non_null(c->trust);
	assert_int_equal(c->inbound->sender_domains.count, 2);
	assert_string_equal(c->inbound->certificate_name, "out.fabrikam.example");
	assert_true(c->inbound->restrict_to_certificate && c->inbound->require_tls);
	assert_int_equal(c->inbound->usage, MODEL_USAGE_CLIENT);
	assert_int_equal(c->outbound->tls, MODEL_LEVEL_NAME);
	assert_string_equal(c->outbound->tls_domain, "mx.fabrikam.example");
	assert_int_equal(c->outbound->smart_hosts.count, 0);
	assert_non_null(strstr(why("outbound.smart_hosts"), "MX"));
	assert_non_null(strstr(why("trust"), "Compare the fingerprint"));
}

static void test_public_root_and_server_usage(void **state)
{
	struct err_info info = {.text = ""};
	const struct model_connector *c = &proposal.connector;

	(void)state;
	assert_int_equal(
		propose(START ",\"client_certificate\":" CERTIFICATE(
				"*.fabrikam.example", "") ",\"roots\":[{\"pem\":\"" PEM "\"}]}",
			(struct partner_import){.has_public_roots = true, .name = "bank"}, &info),
		ERR_OK);
	assert_string_equal(c->name, "bank");
	assert_null(c->trust);
	assert_int_equal(c->inbound->usage, MODEL_USAGE_CLIENT_OR_SERVER);
	assert_string_equal(c->inbound->certificate_name, "*.fabrikam.example");
	/* No server certificate: encryption is all that can be asked for. */
	assert_int_equal(c->outbound->tls, MODEL_LEVEL_ENCRYPT);
	assert_null(c->outbound->tls_domain);
}

static void test_without_client_certificate(void **state)
{
	struct err_info info = {.text = ""};
	const struct model_connector *c = &proposal.connector;

	(void)state;
	assert_int_equal(propose(START ",\"addresses\":[\"192.0.2.0/24\"],\"listeners\":[{"
				       "\"address\":\"2001:db8::1\",\"port\":2525}]}",
				 (struct partner_import){0}, &info),
		ERR_OK);
	assert_null(c->inbound->certificate_name);
	assert_true(c->inbound->restrict_to_addresses);
	assert_string_equal(c->outbound->smart_hosts.items[0], "[2001:db8::1]:2525");
	assert_int_equal(propose(START "}", (struct partner_import){0}, &info), ERR_OK);
	assert_false(c->inbound->restrict_to_addresses);
	assert_non_null(strstr(why("inbound.addresses"), "Nothing proves"));
}

static void test_requirements_meet_back(void **state)
{
	struct err_info info = {.text = ""};

	(void)state;
	assert_int_equal(propose(START ",\"requirements\":{\"inbound\":true,\"certificate_name\":"
				       "\"mx.contoso.example\",\"minimum_version\":\"1.3\"}}",
				 (struct partner_import){0}, &info),
		ERR_OK);
	assert_int_equal(proposal.connector.minimum_version, MODEL_TLS_13);
	assert_int_equal(
		propose(START "}", (struct partner_import){.name = "no/name"}, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "name"));
}

static const struct partner_setting *setting(const char *file)
{
	struct partner_setting *items;
	size_t count = partner_settings(&kit, arena, &items);

	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].file, file) == 0)
			return &items[i];
	return NULL;
}

static void test_settings(void **state)
{
	struct err_info info = {.text = ""};

	(void)state;
	assert_int_equal(
		parse(START
			",\"listeners\":[{\"port\":465,\"implicit\":true},{\"port\":25}],"
			"\"server_certificates\":[" CERTIFICATE("*.fabrikam.example",
				"") "],\"client_certificate\":" CERTIFICATE("out.fabrikam.example",
				"") "}",
			&info),
		ERR_OK);
	assert_string_equal(setting("/etc/postfix/fabrikam.policy")->text,
		"fabrikam.example secure match=.fabrikam.example protocols=>=TLSv1.2\n"
		".fabrikam.example secure match=.fabrikam.example protocols=>=TLSv1.2\n");
	assert_string_equal(setting("/etc/postfix/fabrikam.senders")->text,
		"fabrikam.example sealpost_fabrikam\n");
	assert_non_null(strstr(
		setting("/etc/postfix/fabrikam.certificates")->text, "01:23:45:67:89:AB:CD:EF:"));
	assert_null(setting("/etc/postfix/fabrikam.transport"));
	/* No root of its own: Postfix must be told where the public ones are. */
	assert_non_null(strstr(setting("/etc/postfix/main.cf")->text, "\nsmtp_tls_CAfile = "));
	assert_non_null(strstr(setting("PowerShell")->text,
		"-SenderDomains 'fabrikam.example', '*.fabrikam.example' -RequireTls $true `\n"
		"  -RestrictDomainsToCertificate $true -TlsSenderCertificateName "
		"'out.fabrikam.example'"));
	assert_non_null(strstr(setting("PowerShell")->text,
		"-TlsSettings DomainValidation -TlsDomain '*.fabrikam.example'"));
}

/* What is about to change is told: names, fingerprints, the day. */
static void test_certificates_that_come(void **state)
{
	static const char current[] = CERTIFICATE("out.fabrikam.example", "");
	static const char next[] = CERTIFICATE(
		"new.fabrikam.example", ",\"state\":\"next\",\"changes\":\"2027-03-01T06:00:00Z\"");
	static const char old[] = CERTIFICATE("old.fabrikam.example", ",\"state\":\"deprecated\"");
	const char *text = arena_format(arena,
		"%s,\"client_certificate\":%s,\"other_client_certificates\":[%s,%s]}", START,
		current, next, old);
	struct err_info info = {.text = ""};
	struct buf page;
	size_t said = 0;

	(void)state;
	assert_int_equal(propose(text, (struct partner_import){0}, &info), ERR_OK);
	assert_string_equal(proposal.connector.inbound->certificate_name, "out.fabrikam.example");
	for (size_t i = 0; i < proposal.choice_count; i++)
		said += strcmp(proposal.choices[i].property, "inbound.certificate_name") == 0 &&
			strstr(proposal.choices[i].why,
				"next certificate carries the name new.fabrikam.example, from "
				"2027-03-01 on") != NULL;
	assert_int_equal(said, 1);
	assert_non_null(strstr(setting("/etc/postfix/fabrikam.certificates")->text,
		"OK\n# The next one.\n01:23:"));
	buf_init(&page, 1 << 20);
	assert_int_equal(partner_format(&kit, PAGE_TEXT, &page), ERR_OK);
	assert_non_null(strstr(buf_text(&page), "From 2027-03-01 on it will be this one"));
	assert_non_null(strstr(buf_text(&page), "Or this one, to who does not accept"));
	buf_free(&page);
}

static void test_settings_for_another_port(void **state)
{
	struct err_info info = {.text = ""};

	(void)state;
	assert_int_equal(parse(START ",\"listeners\":[{\"port\":2525}]}", &info), ERR_OK);
	assert_string_equal(setting("/etc/postfix/fabrikam.policy")->text,
		"[mx.fabrikam.example]:2525 encrypt protocols=>=TLSv1.2\n");
	assert_string_equal(setting("/etc/postfix/fabrikam.transport")->text,
		"fabrikam.example smtp:[mx.fabrikam.example]:2525\n"
		".fabrikam.example smtp:[mx.fabrikam.example]:2525\n");
	assert_non_null(strstr(setting("/etc/postfix/main.cf")->text, "reject_plaintext_session"));
	assert_non_null(strstr(setting("PowerShell")->text, "port 25 only"));
}

/* No text of a kit can close an element of the page or drive a terminal. */
static void test_strange_texts_are_harmless(void **state)
{
	struct err_info info = {.text = ""};
	struct buf page;

	(void)state;
	assert_int_equal(
		parse(START ",\"notes\":[\"</p><script>\\u001b[2J\\u009b'\\\"&\"]}", &info),
		ERR_OK);
	buf_init(&page, 1 << 20);
	assert_int_equal(partner_format(&kit, PAGE_HTML, &page), ERR_OK);
	assert_null(strstr(buf_text(&page), "<script"));
	assert_non_null(strstr(buf_text(&page), "&lt;/p&gt;&lt;script&gt;?[2J"));
	buf_clear(&page);
	assert_int_equal(partner_format(&kit, PAGE_TEXT, &page), ERR_OK);
	assert_null(strchr(buf_text(&page), '\033'));
	assert_non_null(strstr(buf_text(&page), "<script>?[2J?'\"&"));
	buf_free(&page);
	buf_init(&page, 100);
	assert_int_equal(partner_format(&kit, PAGE_TEXT, &page), ERR_TOO_LONG);
	buf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_full_proposal),
		cmocka_unit_test(test_public_root_and_server_usage),
		cmocka_unit_test(test_without_client_certificate),
		cmocka_unit_test(test_requirements_meet_back),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_certificates_that_come),
		cmocka_unit_test(test_settings_for_another_port),
		cmocka_unit_test(test_strange_texts_are_harmless),
	};
	int failed;

	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
