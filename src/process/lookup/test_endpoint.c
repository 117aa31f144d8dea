/* Endpoints, and everything that a server can do wrong. */
#include "process/lookup/testing_web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

static const struct wire_endpoint_answer *check_endpoint(
	struct asker *a, int kind, const char *path, const char *token)
{
	struct wire_endpoint_ask question = {.tag = 9,
		.kind = kind,
		.certificate = str_of(leaf.pem),
		.issuer = str_of(issuer.pem)};
	const struct wire_endpoint_answer *answer;
	char url[100];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	question.url = url;
	answer = ask(a, WIRE_ENDPOINT_ASK, &question);
	assert_int_equal(a->type, WIRE_ENDPOINT_ANSWER);
	assert_int_equal(answer->tag, 9);
	if (answer->token == NULL || answer->text == NULL || strcmp(answer->token, token) != 0)
		fail_msg("%s instead of %s: %s", answer->token ? answer->token : "none", token,
			answer->text ? answer->text : "without words");
	assert_true(answer->ok == (strcmp(token, "ok") == 0));
	snprintf(url, sizeof(url), "127.0.0.1:%u", port);
	assert_non_null(strstr(answer->hosts, url));
	return answer;
}

static const char login_page[] = "<html>Please log in</html>";
static const struct test_list_options stale = {.issuer = &issuer,
					      .from_s = -9 * DAY,
					      .until_s = -DAY},
				      delta = {.issuer = &issuer, .until_s = DAY, .is_delta = true},
				      huge = {.issuer = &issuer, .until_s = DAY, .filling = 5000},
				      wrong = {.issuer = &issuer, .signer = &root, .until_s = DAY};

/* Everything that a server can do wrong. */
static const struct {
	const char *name;
	enum conduct conduct;
	int status;
	const struct test_list_options *list; /* NULL: a page in HTML */
	const char *to, *token;
} wrongs[] = {
	{"not found", ANSWER, 404, NULL, NULL, "http"},
	{"broken", ANSWER, 500, NULL, NULL, "http"},
	{"a page", ANSWER, 200, NULL, NULL, "malformed"},
	{"hangs up", HANG_UP, 0, NULL, NULL, "closed"},
	{"stalls", STALL, 0, NULL, NULL, "timeout"},
	{"round and round", REDIRECT, 302, NULL, "/issuer.crl", "redirect"},
	{"to nowhere", REDIRECT, 302, NULL, NULL, "redirect"},
	{"to a file", REDIRECT, 301, NULL, "file:///etc/passwd", "redirect"},
	{"to a private address", REDIRECT, 301, NULL, "http://10.0.0.1/x", "blocked"},
	{"to the cloud's secrets", REDIRECT, 307, NULL, "http://169.254.169.254/latest", "blocked"},
	{"to loopback otherwise", REDIRECT, 307, NULL, "http://[::1]/x", "blocked"},
	{"to loopback in disguise", REDIRECT, 307, NULL, "http://2130706434/x", "blocked"},
	{"to loopback as IPv6", REDIRECT, 307, NULL, "http://[::ffff:127.0.0.2]/x", "blocked"},
	{"to a port without anybody", REDIRECT, 302, NULL, "http://127.0.0.1:1/x", "refused"},
	{"to a name that does not exist", REDIRECT, 302, NULL, "http://none.example/", "not-found"},
	{"to a name that fails", REDIRECT, 302, NULL, "http://f.example/", "dns"},
	{"stale", ANSWER, 200, &stale, NULL, "stale"},
	{"delta", ANSWER, 200, &delta, NULL, "delta"},
	{"huge", ANSWER, 200, &huge, NULL, "size"},
	{"of another signer", ANSWER, 200, &wrong, NULL, "signature"},
};

/* To both places that a leaf names. */
static void misbehaviours(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrongs); i++) {
		const struct wire_revocation_answer *answer;
		struct asker a;

		print_message("# %s\n", wrongs[i].name);
		set_up(NULL);
		responder->status = 404;
		issuer_list->conduct = wrongs[i].conduct;
		issuer_list->status = wrongs[i].status;
		issuer_list->to = wrongs[i].to;
		free((char *)issuer_list->body.p);
		issuer_list->body = wrongs[i].list != NULL ? test_list_make(wrongs[i].list)
							   : str_make(mem_text(login_page),
								     sizeof(login_page) - 1);
		begin(&a, RUNTIME_DELIVER);
		answer = ask_of(&a, str_of(NULL), wrongs[i].conduct == STALL ? 600 : 10000);
		check(&answer->certificates.items[0], WIRE_REVOCATION_UNKNOWN, "http");
		if (strcmp(wrongs[i].token, "http") != 0 &&
			strstr(answer->certificates.items[0].text, "issuer.crl: ") == NULL)
			fail_msg("no word of the list: %.600s", answer->certificates.items[0].text);
		check(&answer->certificates.items[1], WIRE_REVOCATION_GOOD, NULL);
		end(&a);
		begin(&a, RUNTIME_ADMIN);
		check_endpoint(&a, WIRE_ENDPOINT_CRL, "/issuer.crl", wrongs[i].token);
		end(&a);
		tear_down(NULL);
	}
}

static void endpoints(void **state)
{
	const struct wire_endpoint_answer *answer;
	unsigned char *der = NULL;
	struct page *page = page_at("/ca.cer");
	struct asker a;
	int n = i2d_X509(issuer.certificate, &der);

	(void)state;
	page->body = str_make(mem_new((size_t)n), (size_t)n);
	memcpy((char *)page->body.p, der, (size_t)n);
	OPENSSL_free(der);
	begin(&a, RUNTIME_ADMIN);
	answer = check_endpoint(&a, WIRE_ENDPOINT_CRL, "/issuer.crl", "ok");
	assert_int_equal(answer->http_status, 200);
	assert_true(answer->bytes > 100 && answer->next_update_ms > answer->this_update_ms);
	assert_non_null(strstr(answer->text, "signed by the issuer"));
	assert_non_null(strstr(answer->address, "127.0.0.1:"));
	check_endpoint(&a, WIRE_ENDPOINT_OCSP, "/ocsp", "ok");
	check_endpoint(&a, WIRE_ENDPOINT_ISSUER, "/ca.cer", "ok");
	check_endpoint(&a, WIRE_ENDPOINT_ISSUER, "/issuer.crl", "malformed");
	check_endpoint(&a, WIRE_ENDPOINT_CRL, "/ocsp", "malformed");
	check_endpoint(&a, WIRE_ENDPOINT_OCSP, "/issuer.crl", "malformed");
	check_endpoint(&a, WIRE_ENDPOINT_CRL, "/root.crl", "indirect");
	response_on(responder, V_OCSP_CERTSTATUS_REVOKED);
	check_endpoint(&a, WIRE_ENDPOINT_OCSP, "/ocsp", "revoked");
	end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(endpoints, set_up, tear_down),
		cmocka_unit_test(misbehaviours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
