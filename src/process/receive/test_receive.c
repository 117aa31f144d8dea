/*
 * The receiving process in one loop with its neighbours: the spool and the keys process are played
 * here, clients come by TCP over the loopback.
 */
#include "process/receive/testing.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void accepts_a_message(void **state)
{
	const char *body;

	(void)state;
	come(rig.port);
	DIALOG(NULL, "220 mx.contoso.example", "EHLO client.example\r\n", "250 ",
		"MAIL FROM:<a@else.example> RET=HDRS ENVID=q1\r\n", "250 2.1.0",
		"RCPT TO:<bob@contoso.example> NOTIFY=DELAY ORCPT=rfc822;b@c\r\n", "250 2.1.5",
		"DATA\r\n", "354",
		"Received: x\r\nSubject: hi\r\nMessage-ID: <1@x>\r\n\r\n..dot\xff\r\n.\r\n",
		"250 2.0.0 Ok: queued as ", "QUIT\r\n", "221");
	expect_end();
	leave();
	assert_int_equal(spool.messages, 1);
	assert_string_equal(spool.last.sender, "a@else.example");
	assert_string_equal(spool.last.envelope_id, "q1");
	assert_int_equal(spool.last.ret, WIRE_RET_HEADERS);
	assert_int_equal(spool.last.body, WIRE_BODY_8BITMIME);
	assert_int_equal(spool.last.hops, 1);
	assert_string_equal(spool.last.message_id, "<1@x>");
	assert_string_equal(spool.last.subject, "hi");
	assert_string_equal(spool.last.helo, "client.example");
	assert_int_equal(spool.last.id >> 12 & 1023, 7);
	assert_int_equal(spool.last.recipients.count, 1);
	assert_string_equal(spool.last.recipients.items[0].address, "bob@contoso.example");
	assert_string_equal(spool.last.recipients.items[0].original, "rfc822;b@c");
	assert_int_equal(spool.last.recipients.items[0].notify, WIRE_NOTIFY_DELAY);
	assert_string_equal(spool.last.recipients.items[0].organisation, "contoso");
	assert_string_equal(spool.last.receipt.peer_address, "127.0.0.1");
	assert_string_equal(spool.last.receipt.listener, "mx");
	body = buf_text(&spool.body);
	assert_true(str_starts_nocase(
		str_of(body), str_of("Received: from client.example ([127.0.0.1])\r\n")));
	assert_non_null(strstr(body, "with ESMTP id "));
	assert_non_null(strstr(body, "for <bob@contoso.example>;"));
	assert_non_null(strstr(body, "\r\n\r\n.dot\xff\r\n"));
}

static void refuses_by_policy_and_reports_it(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<a@else.example>\r\n", "250",
		"RCPT TO:<x@nowhere.example>\r\n", "550 5.7.64",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "RSET\r\n", "250",
		"MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n",
		"5", "DATA\r\n", "554 5.5.1", "QUIT\r\n", "221");
	leave();
	assert_int_equal(spool.events, 2);
	assert_string_equal(spool.event.kind, "refused");
	assert_string_equal(spool.event.sender, "a@fabrikam.example");
	assert_string_equal(spool.event.recipient, "bob@contoso.example");
	assert_string_equal(spool.event.connector, "fabrikam");
	assert_string_equal(spool.event.receipt->token, spool.event.token);
	assert_int_equal(rig.receive->refused, 2);
}

static bool spool_is_gone(void)
{
	return rig.receive->spool == NULL;
}

static bool has_committed(void)
{
	return spool.messages > 0;
}

static void survives_the_loss_of_the_spool(void **state)
{
	(void)state;
	come(rig.port);
	spool.holds_verdict = true;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	say("x\r\n.\r\n");
	wait_for(has_committed);
	ipc_free(&spool.ipc);
	expect("451 4.3.0");
	/* Lost within the content: it is read to its end, then refused. */
	connect_spool(rig.receive);
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354");
	ipc_free(&spool.ipc);
	wait_for(spool_is_gone);
	DIALOG("x\r\n.\r\n", "451 4.3.0", "MAIL FROM:<>\r\n", "451 4.3.0");
	/* And between the recipients. */
	connect_spool(rig.receive);
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250");
	ipc_free(&spool.ipc);
	wait_for(spool_is_gone);
	DIALOG("DATA\r\n", "451 4.3.0");
	connect_spool(rig.receive);
	spool.holds_verdict = false;
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354", "x\r\n.\r\n", "250 2.0.0", "QUIT\r\n", "221");
	leave();
	assert_int_equal(map_count(rig.receive->transactions), 0);
}

static bool intake_is_closed(void)
{
	return rig.receive->intake_closed;
}

static void says_when_there_is_no_room(void **state)
{
	struct wire_intake closed = {.open = false, .reason = "disk-full"};

	(void)state;
	come(rig.port);
	spool.verdict = ERR_FULL;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n",
		"452 4.3.1");
	spool.verdict = ERR_IO;
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354", "x\r\n.\r\n", "451 4.3.0");
	ipc_send(spool.ipc, WIRE_INTAKE, &closed);
	wait_for(intake_is_closed);
	DIALOG("MAIL FROM:<>\r\n", "452 4.3.1", "QUIT\r\n", "221");
	leave();
}

static bool window_is_used_up(void)
{
	return spool.unpaid >= WIRE_WINDOW - WIRE_CHUNK;
}

static void reads_no_more_than_the_spool_takes(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	char *big = mem_new(SIZE + 8);
	struct wire_credit credit;

	(void)state;
	for (size_t i = 0; i < SIZE; i += 64)
		memcpy(big + i, "0123456789012345678901234567890123456789012345678901234567890\r\n",
			64);
	for (size_t i = 0; i + 64 <= SIZE; i += 64)
		memcpy(big + i + 61, "x\r\n", 3);
	memcpy(big + SIZE, ".\r\n", 3);
	come(rig.port);
	spool.holds_credit = true;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	/* What the kernel takes. */
	for (int i = 0; i < 200; i++) {
		ssize_t n = send(client.fd, big, 65536, MSG_NOSIGNAL);

		turn();
		if (n > 0)
			memmove(big, big + n, SIZE + 3 - (size_t)n);
		if (n <= 0 && window_is_used_up())
			break;
	}
	wait_for(window_is_used_up);
	assert_int_equal(rig.receive->session_count, 1);
	assert_true(buf_length(&rig.receive->sessions->pending) <= RECEIVE_SCRATCH);
	spool.holds_credit = false;
	credit = (struct wire_credit){spool.body_id, spool.unpaid};
	spool.unpaid = 0;
	ipc_send(spool.ipc, WIRE_ACCEPT_CREDIT, &credit);
	say(big);
	expect("250 2.0.0");
	leave();
	free(big);
	assert_true(spool.last.size > SIZE);
}

static bool was_aborted(void)
{
	return spool.aborted != 0;
}

static void refuses_loops(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	for (int i = 0; i <= rig.node.limits.hops; i++)
		say("Received: x\r\n");
	DIALOG("\r\nx\r\n.\r\n", "554 5.4.6", "NOOP\r\n", "250");
	wait_for(was_aborted);
	leave();
	assert_int_equal(spool.messages, 0);
	assert_string_equal(spool.event.token, "loop");
}

static void forgets_an_unfinished_message(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	say("x\r\n");
	leave();
	wait_for(was_aborted);
	assert_int_equal(spool.messages, 0);
	assert_int_equal(rig.receive->session_count, 0);
}

static void limits_connections(void **state)
{
	int first, fd = -1;

	(void)state;
	rig.node.limits.connections = 1;
	apply();
	come(rig.port);
	expect("220");
	first = client.fd;
	buf_free(&client.got);
	come(rig.port);
	fd = client.fd;
	expect("421 4.3.2");
	expect_end();
	leave();
	close(first);
	assert_true(fd >= 0);
	assert_int_equal(rig.receive->over_limit, 1);
}

static void ends_the_idle(void **state)
{
	(void)state;
	rig.node.limits.idle_ms = 100;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", NULL, "421 4.4.2");
	expect_end();
	leave();
	assert_int_equal(rig.receive->timeouts, 1);
}

static void ends_sessions_that_last_too_long(void **state)
{
	(void)state;
	rig.node.limits.session_ms = 100;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", NULL, "421 4.4.2");
	expect_end();
	leave();
}

static void reads_the_proxy_header(void **state)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24"
				     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
				     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
				     "\x12\x34\x00\x19";

	(void)state;
	come(rig.proxy_port);
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		assert_int_equal(send(client.fd, header + i, 1, MSG_NOSIGNAL), 1);
		turn();
	}
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n", "250");
	leave();
	assert_string_equal(spool.last.receipt.peer_address, "2001:db8::1");
	assert_int_equal(spool.last.receipt.peer_port, 0x1234);
	assert_non_null(strstr(buf_text(&spool.body), "([IPv6:2001:db8::1])"));
	come(rig.proxy_port);
	say("EHLO c\r\n");
	expect_end();
	leave();
}

/* Whoever the proxy cannot name is nobody, and not the proxy. */
static void takes_nobody_for_the_proxy(void **state)
{
	static const char headers[][17] = {
		"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", "\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
		come(rig.proxy_port);
		assert_int_equal(send(client.fd, headers[i], 16, MSG_NOSIGNAL), 16);
		DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
			"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n",
			"250");
		assert_false(rig.receive->sessions->facts.has_address);
		leave();
		assert_null(spool.last.receipt.peer_address);
	}
}

static bool has_new_configuration(void)
{
	return policy_snapshot_generation(rig.receive->snapshot) == 9;
}

/* Who was accepted by the configuration of before is not accepted by this one. */
static void asks_again_under_a_new_configuration(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250");
	send_config(9, NULL);
	wait_for(has_new_configuration);
	DIALOG("DATA\r\n", "451 4.3.0", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n", "250",
		"QUIT\r\n", "221");
	leave();
}

static bool is_drained(void)
{
	return rig.drained;
}

static void drains(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	receive_process.drain(rig.receive);
	assert_false(rig.drained);
	DIALOG("x\r\n.\r\n", "250 2.0.0", NULL, "421 4.3.2");
	expect_end();
	leave();
	wait_for(is_drained);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void knows_its_partner_by_certificate(void **state)
{
	const char *body;

	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "EHLO mx.fabrikam.example\r\n", "250", "STARTTLS\r\n", "220 2.0.0");
	start_tls();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "503", "EHLO mx.fabrikam.example\r\n", "250",
		"MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n",
		"250", "BDAT 3 LAST\r\nx\r\n", "250 2.0.0");
	leave();
	/* What it presented was told once, for all that comes after it. */
	assert_int_equal(spool.chains, 1);
	assert_int_equal(spool.chain.direction, RECEIPT_IN);
	assert_string_equal(spool.chain.connector, "fabrikam");
	assert_string_equal(spool.chain.host, "mx.fabrikam.example");
	assert_string_equal(spool.chain.address, "127.0.0.1");
	assert_int_equal(spool.chain.verdict, CERT_TRUSTED);
	assert_int_equal(strlen(spool.chain.sha256), 64);
	assert_true(spool.chain.facts.count > 0 && spool.chain.chain.n > 0);
	assert_string_equal(spool.chain.root, "CN=Fabrikam root");
	assert_int_equal(strlen(spool.chain.root_sha256), 64);
	assert_string_equal(spool.last.receipt.connector, "fabrikam");
	assert_string_equal(spool.last.receipt.name_matched, "mx.fabrikam.example");
	assert_int_equal(spool.last.receipt.verdict, CERT_TRUSTED);
	assert_int_equal(spool.last.receipt.got, MODEL_LEVEL_NAME);
	assert_int_equal(spool.last.receipt.attempt, RECEIPT_ATTEMPT_FULL);
	assert_string_equal(spool.last.receipt.version, "TLSv1.3");
	assert_string_equal(spool.last.receipt.own_certificate, "mx");
	body = buf_text(&spool.body);
	assert_non_null(strstr(body, "with ESMTPS id "));
	assert_non_null(strstr(body, " tls TLS_"));
	assert_non_null(strstr(body, "client certificate mx.fabrikam.example: trusted"));
}

static void demands_tls_where_told(void **state)
{
	(void)state;
	rig.listeners[0].require_tls = true;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "EHLO c\r\n", "250", "MAIL FROM:<>\r\n", "530 5.7.0", "STARTTLS\r\n",
		"220 2.0.0");
	start_tls();
	DIALOG("EHLO c\r\n", "250", "MAIL FROM:<>\r\n", "250");
	leave();
}

static void speaks_tls_from_the_first_byte(void **state)
{
	(void)state;
	rig.listeners[0].tls = MODEL_TLS_IMPLICIT;
	apply();
	come(rig.port);
	start_tls();
	DIALOG(NULL, "220 mx.contoso.example", "EHLO c\r\n", "250", "STARTTLS\r\n", "502",
		"QUIT\r\n", "221");
	leave();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepts_a_message),
		TEST(refuses_by_policy_and_reports_it),
		TEST(survives_the_loss_of_the_spool),
		TEST(says_when_there_is_no_room),
		TEST(reads_no_more_than_the_spool_takes),
		TEST(refuses_loops),
		TEST(forgets_an_unfinished_message),
		TEST(limits_connections),
		TEST(ends_the_idle),
		TEST(ends_sessions_that_last_too_long),
		TEST(reads_the_proxy_header),
		TEST(takes_nobody_for_the_proxy),
		TEST(asks_again_under_a_new_configuration),
		TEST(drains),
		TEST(knows_its_partner_by_certificate),
		TEST(demands_tls_where_told),
		TEST(speaks_tls_from_the_first_byte),
	};
	int failed;

	make_keys();
	failed = cmocka_run_group_tests_name("receive", tests, NULL, NULL);
	free_keys();
	return failed;
}
