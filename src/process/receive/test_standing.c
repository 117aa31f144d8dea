/*
 * Revocation of a client's certificate, with a lookup process that does as it is told: what is
 * asked and when, who waits for it and who does not; and OCSP responses on our own certificate.
 */
#include "process/receive/testing.h"

#include <openssl/ocsp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PARTNER                                                                                    \
	"organisations: [{name: contoso}]\n"                                                       \
	"domains: [{name: contoso.example, organisation: contoso, delivery: "                      \
	"'maildir:/c/{local}'}]\n"                                                                 \
	"connectors:\n"                                                                            \
	"- name: fabrikam\n"                                                                       \
	"  organisation: contoso\n"                                                                \
	"  trust: $ROOT\n"                                                                         \
	"  inbound: {sender_domains: [fabrikam.example], certificate_name: mx.fabrikam.example,\n" \
	"    require_tls: true, restrict_to_certificate: true}\n"

/* ---- the lookup process ---------------------------------------------------------------------- */

static struct {
	struct ipc *ipc;
	bool holds; /* answers nobody */
	struct wire_revocation says;
	size_t asked;
	int64_t tag, wait_ms;
	char chain[16384];
	struct str staple; /* in answer to WIRE_STAPLE_ASK */
	size_t staples;
} lookup;

static void answer(void)
{
	struct wire_revocation items[2] = {lookup.says, {.status = WIRE_REVOCATION_GOOD}};
	struct wire_revocation_answer sent = {.tag = lookup.tag};

	sent.certificates.items = items;
	sent.certificates.count = 1;
	ipc_send(lookup.ipc, WIRE_REVOCATION_ANSWER, &sent);
}

static void on_question(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_revocation_ask *ask = record;
	struct wire_staple staple = {.response = lookup.staple};

	(void)context;
	if (type == WIRE_STAPLE_ASK) {
		staple.tag = ((const struct wire_staple_ask *)record)->tag;
		staple.next_ms = runtime_now_ms() + 3600 * 1000;
		lookup.staples++;
		ipc_send(ipc, WIRE_STAPLE, &staple);
		return;
	}
	assert_int_equal(type, WIRE_REVOCATION_ASK);
	lookup.asked++;
	lookup.tag = ask->tag;
	lookup.wait_ms = ask->wait_ms;
	assert_true(ask->chain.n < sizeof(lookup.chain));
	memcpy(lookup.chain, ask->chain.p, ask->chain.n);
	lookup.chain[ask->chain.n] = '\0';
	if (!lookup.holds)
		answer();
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
	ipc_free(&lookup.ipc);
}

static void connect_lookup(void)
{
	static const struct ipc_handlers handlers = {on_question, on_closed, NULL};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	lookup.ipc = ipc_new(base, fds[0], &handlers, NULL);
	receive_process.peer(rig.receive, RUNTIME_LOOKUP, 0, fds[1]);
}

static int begin(void **state)
{
	set_up(state);
	memset(&lookup, 0, sizeof(lookup));
	lookup.says = (struct wire_revocation){
		.status = WIRE_REVOCATION_GOOD, .kind = "ocsp", .source = "http://ca/"};
	connect_lookup();
	return 0;
}

static int end(void **state)
{
	ipc_free(&lookup.ipc);
	tear_down(state);
	return 0;
}

static bool has_asked(void)
{
	return lookup.asked > 0;
}

/* ---- the partner ----------------------------------------------------------------------------- */

static void configure(const char *revocation)
{
	static int64_t generation = 10;
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), "%s  revocation: %s\n", PARTNER, revocation);
	send_yaml(++generation, yaml);
}

static void come_with_certificate(void)
{
	come(rig.port);
	DIALOG(NULL, "220", "EHLO mx.fabrikam.example\r\n", "250", "STARTTLS\r\n", "220");
	start_tls();
	DIALOG("EHLO mx.fabrikam.example\r\n", "250", "MAIL FROM:<a@fabrikam.example>\r\n", "250");
}

static bool has_message(void)
{
	return spool.messages > 0;
}

static void finish_mail(void)
{
	DIALOG("DATA\r\n", "354", "Subject: x\r\n\r\nx\r\n.\r\n", "250");
	wait_for(has_message);
}

static bool has_event(void)
{
	return spool.events > 0;
}

#define BEGINS(text, with) assert_true(strncmp(text, with, strlen(with)) == 0)

static void good_passes_and_is_told(void **state)
{
	(void)state;
	configure("require");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "250");
	finish_mail();
	leave();
	assert_int_equal(lookup.asked, 1);
	assert_int_equal(lookup.wait_ms, rig.node.fetch.wait_ms);
	BEGINS(spool.last.receipt.revocation, "good: certificate 1 by OCSP, http://ca/");
	assert_int_equal(spool.last.receipt.verdict, CERT_TRUSTED);
	/* As verified: the leaf, and the anchor that it has led to. */
	BEGINS(lookup.chain, keys.client.pem);
	assert_string_equal(lookup.chain + strlen(keys.client.pem), keys.root.pem);
}

static void revoked_is_refused(void **state)
{
	static const char *const modes[] = {"prefer", "require"};

	(void)state;
	lookup.says = (struct wire_revocation){
		.status = WIRE_REVOCATION_REVOKED, .kind = "crl", .source = "http://ca/x.crl"};
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		configure(modes[i]);
		spool.events = 0;
		come_with_certificate();
		DIALOG("RCPT TO:<b@contoso.example>\r\n", "550 5.7.51");
		leave();
		wait_for(has_event);
		assert_string_equal(spool.event.token, "revoked");
		assert_string_equal(spool.event.receipt->revocation,
			"revoked: certificate 1 by CRL, http://ca/x.crl");
		assert_int_equal(spool.event.receipt->verdict, CERT_REVOKED);
	}
	assert_int_equal(spool.messages, 0);
}

static void unknown_passes_where_known_is_preferred(void **state)
{
	(void)state;
	lookup.says = (struct wire_revocation){
		.status = WIRE_REVOCATION_UNKNOWN, .token = "timeout", .text = "slow"};
	configure("prefer");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "250");
	finish_mail();
	leave();
	assert_string_equal(spool.last.receipt.revocation, "unknown: certificate 1: timeout: slow");
	assert_int_equal(spool.last.receipt.verdict, CERT_TRUSTED);
	configure("require");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "550 5.7.51");
	leave();
	wait_for(has_event);
	assert_string_equal(spool.event.token, "revocation-unknown");
}

static void nobody_is_asked_needlessly(void **state)
{
	(void)state;
	configure("off");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "250");
	leave();
	/* No connector for that name; a chain that is not trusted. */
	send_yaml(90, "organisations: [{name: contoso}]\n"
		      "domains: [{name: contoso.example, organisation: contoso, delivery: "
		      "'maildir:/c/{local}'}]\n");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "250");
	leave();
	send_yaml(91, "organisations: [{name: contoso}]\n"
		      "domains: [{name: contoso.example, organisation: contoso, delivery: "
		      "'maildir:/c/{local}'}]\n"
		      "connectors: [{name: f, organisation: contoso, inbound: {sender_domains: "
		      "[fabrikam.example], certificate_name: mx.fabrikam.example, require_tls: "
		      "true}}]\n");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "550");
	leave();
	assert_int_equal(lookup.asked, 0);
}

/* While one waits others are served, and what it says in the meantime is not lost. */
static void only_who_asks_waits(void **state)
{
	struct testing_client waiting;

	(void)state;
	lookup.holds = true;
	configure("prefer");
	come_with_certificate();
	say("RCPT TO:<b@contoso.example>\r\nRCPT TO:<c@contoso.example>\r\nNOOP\r\n");
	wait_for(has_asked);
	/* Events of this one would be taken for those of the other. */
	tls_want_read(client.tls, false);
	waiting = client;
	come(rig.port);
	DIALOG(NULL, "220", "EHLO other.example\r\n", "250", "MAIL FROM:<x@other.example>\r\n",
		"250", "RCPT TO:<b@contoso.example>\r\n", "250");
	finish_mail();
	leave();
	client = waiting;
	tls_want_read(client.tls, true);
	assert_int_equal(buf_length(&client.got), 0);
	answer();
	expect("250 2.1.5");
	expect("250 2.1.5");
	expect("250");
	finish_mail();
	assert_int_equal(spool.last.recipients.count, 2);
	assert_string_equal(spool.last.recipients.items[0].address, "b@contoso.example");
	leave();
	assert_int_equal(lookup.asked, 1);
}

static void a_lookup_that_goes_leaves_it_unknown(void **state)
{
	(void)state;
	lookup.holds = true;
	configure("prefer");
	come_with_certificate();
	say("RCPT TO:<b@contoso.example>\r\n");
	wait_for(has_asked);
	ipc_free(&lookup.ipc);
	expect("250 2.1.5");
	finish_mail();
	leave();
	BEGINS(spool.last.receipt.revocation,
		"unknown: certificate 1: the lookup process has gone away");
	/* The next one. */
	lookup.holds = false;
	connect_lookup();
	configure("require");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "250");
	leave();
}

static void a_silent_lookup_is_not_waited_for_long(void **state)
{
	(void)state;
	rig.node.fetch.wait_ms = 1;
	apply();
	lookup.holds = true;
	configure("require");
	come_with_certificate();
	DIALOG("RCPT TO:<b@contoso.example>\r\n", "550 5.7.51");
	leave();
	assert_int_equal(lookup.wait_ms, 1);
}

static bool has_no_session(void)
{
	return rig.receive->session_count == 0;
}

static void who_leaves_is_forgotten(void **state)
{
	(void)state;
	lookup.holds = true;
	configure("prefer");
	come_with_certificate();
	say("RCPT TO:<b@contoso.example>\r\n");
	wait_for(has_asked);
	receive_process.drain(rig.receive);
	leave();
	answer();
	wait_for(has_no_session);
	assert_int_equal(spool.messages, 0);
}

static bool has_asked_again(void)
{
	return lookup.asked > 1;
}

/* The answer was to what the old configuration asked. */
static void a_new_configuration_asks_anew(void **state)
{
	(void)state;
	lookup.holds = true;
	configure("prefer");
	come_with_certificate();
	say("RCPT TO:<b@contoso.example>\r\n");
	wait_for(has_asked);
	configure("require");
	answer();
	wait_for(has_asked_again);
	lookup.says = (struct wire_revocation){
		.status = WIRE_REVOCATION_UNKNOWN, .token = "timeout", .text = "slow"};
	answer();
	expect("550 5.7.51");
	leave();
}

/* ---- our own certificate --------------------------------------------------------------------- */

/* A response of the root on our certificate, "good"; free() it. */
static struct str make_response(int64_t next_s)
{
	OCSP_BASICRESP *inner = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, keys.server.certificate, keys.root.certificate);
	ASN1_TIME *now = ASN1_TIME_adj(NULL, time(NULL), 0, -60);
	ASN1_TIME *next = ASN1_TIME_adj(NULL, time(NULL), 0, next_s);
	OCSP_RESPONSE *outer;
	unsigned char *der = NULL;
	int length;

	assert_non_null(
		OCSP_basic_add1_status(inner, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next));
	assert_int_equal(
		OCSP_basic_sign(inner, keys.root.certificate, keys.root.key, EVP_sha256(), NULL, 0),
		1);
	outer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, inner);
	length = i2d_OCSP_RESPONSE(outer, &der);
	assert_true(length > 0);
	OCSP_RESPONSE_free(outer);
	OCSP_BASICRESP_free(inner);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	return str_make(der, (size_t)length);
}

static bool has_staple(void)
{
	return lookup.staples > 0;
}

static struct str staple_seen(void)
{
	come(rig.port);
	DIALOG(NULL, "220", "EHLO x.example\r\n", "250", "STARTTLS\r\n", "220");
	start_tls();
	return tls_stapled(client.tls);
}

static void sends_what_lookup_gives(void **state)
{
	struct test_cert own =
		test_cert_make(&(struct test_cert_options){.common_name = "mx.contoso.example",
			.names = "DNS:mx.contoso.example",
			.access = "OCSP;URI:http://ocsp.example/",
			.issuer = &keys.root});
	struct test_cert before = keys.server;
	struct str response, stale;
	char *chain;

	(void)state;
	keys.server = own;
	chain = keys.server.pem = test_cert_join(own.pem, keys.root.pem);
	response = make_response(3600);
	stale = make_response(-30);
	lookup.staple = response;
	apply();
	wait_for(has_staple);
	/* Its answer has been read when the one to the next question has. */
	configure("prefer");
	assert_true(str_equal(staple_seen(), response));
	leave();
	/* What has run out is not sent, nor what is none; what was there stays then. */
	lookup.staple = (struct str)STR("nonsense");
	apply();
	configure("prefer");
	assert_true(str_equal(staple_seen(), response));
	leave();
	lookup.staple = stale;
	apply();
	configure("prefer");
	assert_int_equal(staple_seen().n, 0);
	leave();
	lookup.staple = response;
	apply();
	configure("prefer");
	assert_true(str_equal(staple_seen(), response));
	leave();
	lookup.staple = (struct str){0};
	apply();
	configure("prefer");
	assert_int_equal(staple_seen().n, 0);
	leave();
	assert_int_equal(lookup.staples, 5);
	keys.server.pem = own.pem;
	keys.server = before;
	test_cert_clear(&own);
	free(chain);
	OPENSSL_free((void *)response.p);
	OPENSSL_free((void *)stale.p);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_passes_and_is_told),
		TEST(revoked_is_refused),
		TEST(unknown_passes_where_known_is_preferred),
		TEST(nobody_is_asked_needlessly),
		TEST(only_who_asks_waits),
		TEST(a_lookup_that_goes_leaves_it_unknown),
		TEST(a_silent_lookup_is_not_waited_for_long),
		TEST(who_leaves_is_forgotten),
		TEST(a_new_configuration_asks_anew),
		TEST(sends_what_lookup_gives),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as the process does */
	make_keys();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_keys();
	return failed;
}
