/* What the lookup process fetches. */
#include "process/lookup/testing_web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- revocation ------------------------------------------------------------------------------ */

static void plain_cases(void **state)
{
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, str_of(NULL), 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_string_equal(answer->certificates.items[0].kind, "ocsp");
	assert_non_null(strstr(answer->certificates.items[0].source, "/ocsp"));
	check(&answer->certificates.items[1], WIRE_REVOCATION_GOOD, NULL);
	assert_string_equal(answer->certificates.items[1].kind, "crl");
	/* From memory. */
	ask_of(&a, str_of(NULL), 0);
	check(&answer->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_int_equal(responder->hits, 1);
	assert_int_equal(root_list->hits, 1);
	assert_int_equal(issuer_list->hits, 0);
	end(&a);
}

static void revoked(void **state)
{
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	response_on(responder, V_OCSP_CERTSTATUS_REVOKED);
	list_on(root_list, &root, &issuer);
	begin(&a, RUNTIME_RECEIVE);
	answer = ask_of(&a, str_of(NULL), 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	check(&answer->certificates.items[1], WIRE_REVOCATION_REVOKED, "revoked");
	assert_true(answer->certificates.items[1].at_ms > 0);
	end(&a);
}

/* What the responder does not give, the list does. */
static void list_instead(void **state)
{
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	responder->status = 500;
	list_on(issuer_list, &issuer, &leaf);
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, str_of(NULL), 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	assert_string_equal(answer->certificates.items[0].kind, "crl");
	assert_int_equal(responder->hits, 1);
	end(&a);
}

/* A responder that is slow costs a third of the time. */
static void list_beside(void **state)
{
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	responder->conduct = STALL;
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, str_of(NULL), 900);
	check(&answer->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_string_equal(answer->certificates.items[0].kind, "crl");
	end(&a);
}

static void stapled(void **state)
{
	struct test_ocsp_options options = {
		.certificate = &leaf, .issuer = &issuer, .until_s = DAY};
	struct str good = test_ocsp_make(&options), stale;
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	options.from_s = -2 * DAY;
	options.until_s = -DAY;
	stale = test_ocsp_make(&options);
	response_on(responder, V_OCSP_CERTSTATUS_REVOKED);
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, good, 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_string_equal(answer->certificates.items[0].source, "stapled");
	assert_int_equal(responder->hits, 0);
	answer = ask_of(&a, stale, 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	assert_int_equal(responder->hits, 1);
	end(&a);
	free((char *)good.p);
	free((char *)stale.p);
}

/* What is known to be revoked stays so, whatever its holder staples. */
static void stapled_too_late(void **state)
{
	struct test_ocsp_options options = {
		.certificate = &leaf, .issuer = &issuer, .until_s = DAY};
	struct str good = test_ocsp_make(&options);
	struct asker a;
	const struct wire_revocation_answer *answer;

	(void)state;
	response_on(responder, V_OCSP_CERTSTATUS_REVOKED);
	begin(&a, RUNTIME_RECEIVE);
	answer = ask_of(&a, str_of(NULL), 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	answer = ask_of(&a, good, 5000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	assert_int_equal(responder->hits, 1);
	/* From disk, too. */
	end(&a);
	testing_stop();
	testing_start("none");
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, good, 0);
	check(&answer->certificates.items[0], WIRE_REVOCATION_REVOKED, "revoked");
	end(&a);
	free((char *)good.p);
}

static void staples(void **state)
{
	struct wire_staple_ask question = {.tag = 3, .chain = str_of(chain)};
	const struct wire_staple *answer;
	struct asker a;

	(void)state;
	begin(&a, RUNTIME_RECEIVE);
	answer = ask(&a, WIRE_STAPLE_ASK, &question);
	assert_int_equal(a.type, WIRE_STAPLE);
	assert_int_equal(answer->tag, 3);
	assert_true(str_equal(answer->response, responder->body));
	assert_true(answer->next_ms > 0);
	answer = ask(&a, WIRE_STAPLE_ASK, &question);
	assert_true(str_equal(answer->response, responder->body));
	assert_int_equal(responder->hits, 1);
	question.chain = str_of(leaf.pem);
	answer = ask(&a, WIRE_STAPLE_ASK, &question);
	assert_int_equal(answer->response.n, 0);
	assert_non_null(strstr(answer->text, "issuer"));
	end(&a);
}

static void no_staple(void **state)
{
	struct wire_staple_ask question = {.tag = 3, .chain = str_of(chain)};
	const struct wire_staple *answer;
	struct asker a;

	(void)state;
	responder->conduct = HANG_UP;
	begin(&a, RUNTIME_RECEIVE);
	answer = ask(&a, WIRE_STAPLE_ASK, &question);
	assert_int_equal(answer->response.n, 0);
	assert_non_null(strstr(answer->text, "/ocsp: "));
	end(&a);
}

static void posts(void **state)
{
	struct page *hook = page_at("/hook");
	struct wire_header headers[] = {{"X-Sealpost-Test", "signature"}};
	char url[100];
	struct wire_post question = {.tag = 5,
		.url = url,
		.content_type = "application/json",
		.body = str_of("{\"alarm\":1}")};
	const struct wire_posted *answer;
	struct asker a;

	(void)state;
	question.headers.items = headers;
	question.headers.count = 1;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", port);
	begin(&a, RUNTIME_SPOOL);
	answer = ask(&a, WIRE_POST, &question);
	assert_int_equal(a.type, WIRE_POSTED);
	assert_int_equal(answer->tag, 5);
	assert_true(answer->ok);
	assert_string_equal(hook->last_header, "signature");
	assert_true(str_equal(str_make(hook->last_body, hook->last_length), question.body));
	hook->status = 503;
	answer = ask(&a, WIRE_POST, &question);
	assert_false(answer->ok);
	assert_int_equal(answer->http_status, 503);
	/* Who was named is called, nobody else. */
	hook->status = 307;
	hook->to = "/ocsp";
	answer = ask(&a, WIRE_POST, &question);
	assert_false(answer->ok);
	assert_int_equal(responder->hits, 0);
	end(&a);
}

/* One byte in the middle of every file. */
static void spoil_files(void)
{
	char directory[80], path[400];
	struct dirent *entry;
	DIR *all;

	snprintf(directory, sizeof(directory), "%s/lookup", child.data);
	all = opendir(directory);
	assert_non_null(all);
	while ((entry = readdir(all)) != NULL) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		file = fopen(path, "r+");
		assert_non_null(file);
		fseek(file, 200, SEEK_SET);
		fputc('x', file);
		fputc('y', file);
		fclose(file);
	}
	closedir(all);
}

/* What was fetched outlives the process; what is damaged on disk is fetched again. */
static void outlives(void **state)
{
	struct asker a;

	(void)state;
	begin(&a, RUNTIME_DELIVER);
	ask_of(&a, str_of(NULL), 5000);
	end(&a);
	testing_stop();
	testing_start("none");
	begin(&a, RUNTIME_DELIVER);
	check(&ask_of(&a, str_of(NULL), 0)->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_int_equal(responder->hits, 1);
	assert_int_equal(root_list->hits, 1);
	end(&a);
	testing_stop();
	spoil_files();
	testing_start("none");
	begin(&a, RUNTIME_DELIVER);
	check(&ask_of(&a, str_of(NULL), 5000)->certificates.items[0], WIRE_REVOCATION_GOOD, NULL);
	assert_int_equal(responder->hits, 2);
	assert_int_equal(root_list->hits, 2);
	end(&a);
}

/* A peer that asks what it may not is cut off; one that goes away is forgotten. */
static void peers(void **state)
{
	struct wire_post question = {.tag = 5, .url = "http://127.0.0.1/"};
	struct wire_revocation_ask slow = {.tag = 1, .chain = str_of(chain), .wait_ms = 20000};
	struct asker a, b;

	(void)state;
	begin(&a, RUNTIME_DELIVER);
	ipc_send(a.ipc, WIRE_POST, &question);
	RUN_UNTIL(a.is_closed);
	end(&a);
	responder->conduct = issuer_list->conduct = STALL;
	begin(&b, RUNTIME_RECEIVE);
	ipc_send(b.ipc, WIRE_REVOCATION_ASK, &slow);
	RUN_UNTIL(responder->hits == 1);
	end(&b);
	/* Ends at once: nobody waits any more. */
}

/* The time is over: what is known by then, and that is all. */
static void bounded(void **state)
{
	const struct wire_revocation_answer *answer;
	struct asker a;
	int64_t began = runtime_ticks_ms();

	(void)state;
	responder->conduct = issuer_list->conduct = STALL;
	begin(&a, RUNTIME_DELIVER);
	answer = ask_of(&a, str_of(NULL), 600);
	assert_in_range(runtime_ticks_ms() - began, 590, 3000);
	check(&answer->certificates.items[0], WIRE_REVOCATION_UNKNOWN, "timeout");
	check(&answer->certificates.items[1], WIRE_REVOCATION_GOOD, NULL);
	/* Not known, and nobody waits. */
	began = runtime_ticks_ms();
	answer = ask_of(&a, str_of(NULL), 0);
	assert_true(runtime_ticks_ms() - began < 500);
	check(&answer->certificates.items[0], WIRE_REVOCATION_UNKNOWN, "timeout");
	end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain_cases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(revoked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(list_instead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(list_beside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stapled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stapled_too_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(staples, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_staple, set_up, tear_down),
		cmocka_unit_test_setup_teardown(posts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(outlives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(peers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
