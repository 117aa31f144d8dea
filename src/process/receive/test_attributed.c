/*
 * What becomes of mail by who sends it: attribution, the way that is known at RCPT, rules at the
 * end of data, and the header fields of organisations.  The client's certificate is
 * mx.fabrikam.example.
 */
#include "process/receive/testing.h"

#define ORGANISATIONS                                                                              \
	"organisations: [{name: contoso, maximum_message: 64K}, {name: fabrikam}]\n"               \
	"domains:\n"                                                                               \
	"- {name: contoso.example, organisation: contoso, delivery: 'maildir:/c/{local}'}\n"       \
	"- {name: fabrikam.example, organisation: fabrikam, directory: true,\n"                    \
	"   delivery: 'maildir:/f/{local}'}\n"                                                     \
	"recipients:\n"                                                                            \
	"- {address: bob@fabrikam.example}\n"                                                      \
	"- {address: eve@fabrikam.example, place: on-premises}\n"
#define SERVER                                                                                     \
	"connectors:\n"                                                                            \
	"- name: server\n"                                                                         \
	"  organisation: fabrikam\n"                                                               \
	"  type: on-premises\n"                                                                    \
	"  trust: $ROOT\n"                                                                         \
	"  inbound: {certificate_name: mx.fabrikam.example, cross_premises_headers: true}\n"       \
	"  outbound: {all_accepted_domains: true, smart_hosts: [mx.fabrikam.example]}\n"
#define HYBRID ORGANISATIONS SERVER

#define FIELDS                                                                                     \
	"X-MS-Exchange-CrossPremises-SCL: -1\r\n"                                                  \
	"X-MS-Exchange-Organization-AuthAs: Internal\r\n"                                          \
	"x-sealpost-crosspremises-note:\r\n here\r\n"                                              \
	"X-Sealpost-Organization-AuthAs: internal\r\n"                                             \
	"Subject: s\r\n"

#define EHLO_TLS()                                                                                 \
	come(rig.port);                                                                            \
	DIALOG(NULL, "220", "EHLO mx.fabrikam.example\r\n", "250", "STARTTLS\r\n", "220");         \
	start_tls();                                                                               \
	DIALOG("EHLO mx.fabrikam.example\r\n", "250")

static bool body_has(const char *text)
{
	return strstr(buf_text(&spool.body), text) != NULL;
}

static const struct wire_recipient *recipient(size_t i)
{
	assert_true(i < spool.last.recipients.count);
	return &spool.last.recipients.items[i];
}

static bool was_aborted(void)
{
	return spool.aborted != 0;
}

static void promotes_what_its_own_server_says(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<x@else.example>\r\n", "250",
		"RCPT TO:<bob@fabrikam.example>\r\n", "250", "DATA\r\n", "354",
		FIELDS "\r\nX-MS-Exchange-CrossPremises-B: body\r\n.\r\n", "250");
	leave();
	assert_true(body_has("\r\nX-Sealpost-Organization-Directionality: originating\r\n"
			     "X-Sealpost-Organization-AuthAs: internal\r\n"
			     "X-Sealpost-Organization-AuthSource: mx.contoso.example\r\n"
			     "X-MS-Exchange-Organization-SCL: -1\r\n"
			     "X-Sealpost-Organization-note:\r\n here\r\n"
			     "Subject: s\r\n\r\nX-MS-Exchange-CrossPremises-B: body\r\n"));
	assert_true(recipient(0)->originating);
	assert_string_equal(recipient(0)->connector, "server");
	assert_string_equal(spool.last.subject, "s");
}

static void strips_what_strangers_say(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	come(rig.port);
	DIALOG(NULL, "220", "EHLO mx.fabrikam.example\r\n", "250",
		"MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@fabrikam.example>\r\n",
		"250", "DATA\r\n", "354", FIELDS "\r\nx\r\n.\r\n", "250");
	assert_true(body_has("\r\nX-Sealpost-Organization-Directionality: incoming\r\n"
			     "X-Sealpost-Organization-AuthAs: anonymous\r\n"
			     "X-Sealpost-Organization-AuthSource: mx.contoso.example\r\n"
			     "Subject: s\r\n\r\nx\r\n"));
	/* A blank would continue the last stamp. */
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@fabrikam.example>\r\n", "250", "DATA\r\n",
		"354", " internal\r\n.\r\n", "250");
	leave();
	assert_true(body_has("AuthSource: mx.contoso.example\r\n\r\n internal\r\n"));
}

static void promotes_nothing_of_an_unproven_server(void **state)
{
	(void)state;
	/* The same server, and roots that do not know it. */
	send_yaml(2, ORGANISATIONS
		"connectors:\n"
		"- {name: server, organisation: fabrikam, type: on-premises, inbound:\n"
		"   {certificate_name: mx.fabrikam.example, cross_premises_headers: true}}\n");
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<x@else.example>\r\n",
		"550 5.7.64", "RCPT TO:<bob@fabrikam.example>\r\n", "250", "DATA\r\n", "354",
		FIELDS "\r\nx\r\n.\r\n", "250");
	leave();
	assert_true(body_has("AuthAs: anonymous\r\n"));
	assert_false(body_has("SCL"));
	assert_false(body_has("note"));
}

/* What holds for one organisation must not be told to another. */
static void believes_the_least_for_several_organisations(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@fabrikam.example>\r\n",
		"250", "RCPT TO:<carol@contoso.example>\r\n", "250", "DATA\r\n", "354",
		FIELDS "\r\nx\r\n.\r\n", "250");
	leave();
	assert_null(recipient(0)->receiver);
	assert_string_equal(recipient(1)->organisation, "fabrikam");
	assert_true(recipient(1)->originating);
	assert_string_equal(recipient(1)->receiver, "contoso");
	assert_null(recipient(1)->receiver_connector);
	assert_true(body_has("Directionality: incoming\r\nX-Sealpost-Organization-AuthAs: anonymous"
			     "\r\n"));
	assert_false(body_has("SCL"));
}

static void knows_a_partner(void **state)
{
	(void)state;
	send_yaml(2, ORGANISATIONS
		"connectors:\n"
		"- name: partner\n"
		"  organisation: contoso\n"
		"  trust: $ROOT\n"
		"  inbound: {sender_domains: [woodgrove.example], restrict_to_certificate: true,\n"
		"            certificate_name: mx.fabrikam.example}\n");
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@woodgrove.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"250", "DATA\r\n", "354", FIELDS "\r\nx\r\n.\r\n", "250");
	assert_true(body_has("AuthAs: partner\r\n"));
	assert_false(body_has("SCL"));
	/* With a recipient of whom it is no partner. */
	DIALOG("MAIL FROM:<a@woodgrove.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"250", "RCPT TO:<bob@fabrikam.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n",
		"250");
	leave();
	assert_true(body_has("AuthAs: anonymous\r\n"));
	assert_string_equal(recipient(0)->connector, "partner");
	assert_null(recipient(1)->connector);
	assert_string_equal(recipient(1)->organisation, "fabrikam");
}

static void answers_at_rcpt_what_is_known(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<a@else.example>\r\n", "250",
		"RCPT TO:<nobody@fabrikam.example>\r\n", "550 5.1.1",
		"RCPT TO:<bob@fabrikam.example>\r\n", "250", "RCPT TO:<eve@fabrikam.example>\r\n",
		"250", "RCPT TO:<postmaster@fabrikam.example>\r\n", "250", "QUIT\r\n", "221");
	leave();
	assert_int_equal(spool.events, 1);
	assert_string_equal(spool.event.token, "unknown-recipient");
	assert_string_equal(spool.event.organisation, "fabrikam");
	assert_string_equal(spool.event.recipient, "nobody@fabrikam.example");
	assert_true(str_starts_nocase(str_of(spool.event.receipt->reply), str_of("550 5.1.1 ")));
}

static void refuses_to_send_back(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<eve@fabrikam.example>\r\n",
		"554 5.4.6", "RCPT TO:<bob@fabrikam.example>\r\n", "250");
	leave();
	assert_string_equal(spool.event.token, "loop");
	assert_string_equal(spool.event.connector, "server");
}

#define RULES                                                                                      \
	HYBRID "rules:\n"                                                                          \
	       "- {name: secret, organisation: contoso, header: X-Class,\n"                        \
	       "   header_contains: secret, action: refuse, text: Not that}\n"                     \
	       "- {name: odd, organisation: contoso, header: x-odd, mode: report,\n"               \
	       "   action: refuse}\n"                                                              \
	       "- {name: forged, organisation: contoso, action: refuse,\n"                         \
	       "   header: X-MS-Exchange-Organization-AuthAs, header_contains: Internal}\n"        \
	       "- {name: nobody, organisation: contoso, senders: [w@x.example],\n"                 \
	       "   action: refuse, text: Go away}\n"

static void refuses_by_rules(void **state)
{
	(void)state;
	send_yaml(2, RULES);
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<w@x.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "550 5.7.1 Go away", "RSET\r\n", "250",
		"MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"250", "RCPT TO:<dan@contoso.example>\r\n", "250", "DATA\r\n", "354",
		"X-Class: top\r\n\tSECRET\r\n\r\nx\r\n.\r\n", "550 5.7.1 Not that", "NOOP\r\n",
		"250");
	wait_for(was_aborted);
	assert_int_equal(spool.messages, 0);
	assert_int_equal(spool.events, 3);
	assert_string_equal(spool.event.token, "refused-by-rule");
	assert_non_null(strstr(spool.event.text, "contoso/secret"));
	/* One of the recipients is of an organisation without such a rule. */
	DIALOG("MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"250", "RCPT TO:<bob@fabrikam.example>\r\n", "250", "DATA\r\n", "354",
		"X-Class: secret\r\n\r\nx\r\n.\r\n", "250");
	assert_int_equal(spool.last.labels.count, 1);
	assert_string_equal(spool.last.labels.items[0], "contoso/secret");
	/* In report mode it is only told; what was stripped meets no condition. */
	DIALOG("MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"250", "DATA\r\n", "354", FIELDS "X-Odd:\r\n\r\nX-Class: secret\r\n.\r\n", "250");
	leave();
	assert_int_equal(spool.last.labels.count, 1);
	assert_string_equal(spool.last.labels.items[0], "contoso/odd");
	assert_string_equal(recipient(0)->would_token, "refused-by-rule");
	assert_non_null(strstr(recipient(0)->would_by, "contoso/odd"));
}

/* What one organisation calls its rules, and where its mailboxes are, is not told to another. */
static void tells_other_organisations_little(void **state)
{
	(void)state;
	send_yaml(2, RULES);
	EHLO_TLS();
	DIALOG("MAIL FROM:<w@x.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"550 5.7.1 Go away");
	leave();
	assert_string_equal(spool.event.organisation, "fabrikam");
	assert_string_equal(spool.event.text, "Go away");
}

static void keeps_to_the_size_of_organisations(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	come(rig.port);
	DIALOG(NULL, "220", "EHLO c\r\n", "250", "MAIL FROM:<a@else.example> SIZE=65537\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "552 5.3.4",
		"RCPT TO:<bob@fabrikam.example>\r\n", "250", "RSET\r\n", "250",
		"MAIL FROM:<a@else.example> SIZE=65536\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "250", "RSET\r\n", "250");
	assert_string_equal(spool.event.token, "too-large-for-organisation");
	/* Who says nothing, or lies. */
	DIALOG("MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<bob@fabrikam.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "250", "DATA\r\n", "354");
	for (int i = 0; i < 1024; i++)
		say("0123456789012345678901234567890123456789012345678901234567890x\r\n");
	say("\r\n.\r\n");
	expect("552 5.3.4");
	wait_for(was_aborted);
	DIALOG("MAIL FROM:<a@else.example>\r\n", "250", "RCPT TO:<bob@fabrikam.example>\r\n", "250",
		"DATA\r\n", "354");
	for (int i = 0; i < 1025; i++)
		say("0123456789012345678901234567890123456789012345678901234567890x\r\n");
	DIALOG(".\r\n", "250");
	leave();
	assert_int_equal(spool.events, 2);
	assert_int_equal(spool.messages, 1);
}

#define PARTNER(more)                                                                              \
	ORGANISATIONS "connectors:\n"                                                              \
		      "- name: partner\n"                                                          \
		      "  organisation: contoso\n"                                                  \
		      "  inbound: {sender_domains: [woodgrove.example], require_tls: true" more    \
		      "}\n"

static void defers_and_reports_where_told(void **state)
{
	(void)state;
	send_yaml(2, PARTNER(", when_unmet: defer"));
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<a@woodgrove.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "450 4.7.");
	assert_true(str_starts_nocase(str_of(spool.event.enhanced), str_of("4.7.")));
	send_yaml(3, PARTNER(", mode: report"));
	DIALOG("RSET\r\n", "250", "MAIL FROM:<a@woodgrove.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n",
		"250");
	leave();
	assert_string_equal(recipient(0)->would_token, "tls-required");
	assert_string_equal(recipient(0)->would_by, "connector contoso/partner");
	assert_non_null(recipient(0)->would_text);
	assert_string_equal(spool.last.receipt.would_token, "tls-required");
}

/* One transaction, and for each recipient the demands of its own organisation. */
static void judges_each_recipient_by_its_own(void **state)
{
	(void)state;
	send_yaml(2, PARTNER(""));
	come(rig.port);
	DIALOG(NULL, "220", "EHLO c\r\n", "250", "MAIL FROM:<a@woodgrove.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "530 5.7.0",
		"RCPT TO:<bob@fabrikam.example>\r\n", "250",
		"RCPT TO:<nobody@fabrikam.example>\r\n", "550 5.1.1",
		"RCPT TO:<x@else.example>\r\n", "550 5.7.64", "DATA\r\n", "354", "x\r\n.\r\n",
		"250");
	leave();
	assert_int_equal(spool.events, 3);
	assert_int_equal(spool.last.recipients.count, 1);
	assert_string_equal(recipient(0)->organisation, "fabrikam");
}

#define TRUSTING(more)                                                                             \
	HYBRID "- name: partner\n"                                                                 \
	       "  organisation: contoso\n"                                                         \
	       "  inbound: {sender_domains: [fabrikam.example], restrict_to_certificate: true,\n"  \
	       "            certificate_name: else.fabrikam.example" more "}\n"

/* What another organisation of this installation hands over meets what it can meet. */
static void judges_mail_between_organisations(void **state)
{
	(void)state;
	send_yaml(2, TRUSTING(""));
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<carol@contoso.example>\r\n",
		"550 5.7.51", "RCPT TO:<bob@fabrikam.example>\r\n", "250");
	assert_string_equal(spool.event.organisation, "contoso");
	assert_string_equal(spool.event.connector, "partner");
	assert_string_equal(spool.event.receipt->connector, "partner");
	send_yaml(3, TRUSTING(", trusted_organisations: [fabrikam]"));
	DIALOG("RSET\r\n", "250", "MAIL FROM:<a@fabrikam.example>\r\n", "250",
		"RCPT TO:<carol@contoso.example>\r\n", "250", "DATA\r\n", "354",
		FIELDS "\r\nx\r\n.\r\n", "250");
	leave();
	assert_string_equal(recipient(0)->organisation, "fabrikam");
	assert_string_equal(recipient(0)->connector, "server");
	assert_string_equal(recipient(0)->receiver, "contoso");
	assert_string_equal(recipient(0)->receiver_connector, "partner");
	assert_true(body_has(
		"Directionality: incoming\r\nX-Sealpost-Organization-AuthAs: partner\r\n"));
	assert_false(body_has("SCL"));
}

/* A spool that begins anew sends the configuration again, under the number it had. */
static void states_its_facts_anew(void **state)
{
	(void)state;
	send_yaml(2, HYBRID);
	EHLO_TLS();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<x@else.example>\r\n", "250");
	send_yaml(2, HYBRID);
	DIALOG("RCPT TO:<y@else.example>\r\n", "250", "DATA\r\n", "354");
	send_yaml(2, HYBRID);
	DIALOG("X-MS-Exchange-CrossPremises-SCL: -1\r\n\r\nx\r\n.\r\n", "250");
	leave();
	assert_true(body_has("Organization-SCL"));
	assert_string_equal(spool.last.receipt.connector, "server");
	assert_int_equal(spool.last.receipt.verdict, CERT_TRUSTED);
	assert_string_equal(spool.last.receipt.group, "x25519");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(promotes_what_its_own_server_says),
		TEST(strips_what_strangers_say),
		TEST(promotes_nothing_of_an_unproven_server),
		TEST(believes_the_least_for_several_organisations),
		TEST(knows_a_partner),
		TEST(answers_at_rcpt_what_is_known),
		TEST(refuses_to_send_back),
		TEST(refuses_by_rules),
		TEST(tells_other_organisations_little),
		TEST(keeps_to_the_size_of_organisations),
		TEST(defers_and_reports_where_told),
		TEST(judges_each_recipient_by_its_own),
		TEST(judges_mail_between_organisations),
		TEST(states_its_facts_anew),
	};
	int failed;

	make_keys();
	failed = cmocka_run_group_tests_name("receive-attributed", tests, NULL, NULL);
	free_keys();
	return failed;
}
