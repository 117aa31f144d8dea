#include "port/tls/path.h"
#include "port/tls/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct {
	struct test_cert root, stranger, middle, leaf, bare;
	struct arena *arena;
} x;

static int setup(void **state)
{
	(void)state;
	x.arena = arena_new();
	x.root = test_cert_make(&(struct test_cert_options){
		.common_name = "Root", .is_ca = true, .lists = "URI:http://root.example/own.crl"});
	x.stranger = test_cert_make(
		&(struct test_cert_options){.common_name = "Stranger", .is_ca = true});
	x.middle = test_cert_make(&(struct test_cert_options){.common_name = "Middle",
		.is_ca = true,
		.issuer = &x.root,
		.lists = "URI:http://root.example/root.crl",
		.access = "caIssuers;URI:http://root.example/root.crt"});
	x.leaf = test_cert_make(&(struct test_cert_options){.common_name = "mx.example",
		.names = "DNS:mx.example",
		.issuer = &x.middle,
		.lists =
			"URI:http://a.example/m.crl,URI:ldap://b.example/cn=m,URI:http://a.example/"
			"m.crl,URI:http://c.example/m.crl,DNS:d.example",
		.access =
			"OCSP;URI:http://ocsp.example,OCSP;URI:http://bad.example/\x01,"
			"caIssuers;URI:http://a.example/m.crt,caRepository;URI:http://e.example"});
	x.bare = test_cert_make(
		&(struct test_cert_options){.common_name = "Bare", .issuer = &x.stranger});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_cert_clear(&x.root);
	test_cert_clear(&x.stranger);
	test_cert_clear(&x.middle);
	test_cert_clear(&x.leaf);
	test_cert_clear(&x.bare);
	arena_free(&x.arena);
	return 0;
}

/* "kind url, kind url" of a step. */
static const char *endpoints_of(const struct tls_path_step *step)
{
	const char *all = "";

	for (size_t i = 0; i < step->endpoint_count; i++)
		all = arena_format(x.arena, "%s%s%s %s", all, i > 0 ? ", " : "",
			cert_endpoint_names[step->endpoints[i].kind], step->endpoints[i].url);
	return all;
}

static struct tls_path climb(const char *chain, const struct tls_store *const *stores, size_t count)
{
	struct tls_path path;

	assert_int_equal(
		tls_path_of_pem(str_of(chain), stores, count, x.arena, &path, NULL), ERR_OK);
	return path;
}

static void test_the_way_and_its_endpoints(void **state)
{
	struct tls_store *other = tls_store_new(str_of(x.stranger.pem));
	struct tls_store *store = tls_store_new(str_of(x.root.pem));
	const struct tls_store *stores[] = {other, store};
	char *chain = test_cert_join(x.leaf.pem, x.middle.pem);
	struct tls_path path = climb(chain, stores, 2);

	(void)state;
	assert_int_equal(path.count, 3);
	assert_true(path.is_complete);
	assert_int_equal(path.store, 1);
	assert_true(path.steps[0].is_presented && path.steps[1].is_presented);
	assert_false(path.steps[2].is_presented);
	assert_string_equal(path.steps[2].facts.subject, "CN=Root");
	assert_true(str_is(path.steps[1].pem, x.middle.pem));
	/* Each once; what is no address is left out. */
	assert_string_equal(endpoints_of(&path.steps[0]),
		"crl http://a.example/m.crl, crl ldap://b.example/cn=m, crl "
		"http://c.example/m.crl, "
		"ocsp http://ocsp.example, issuer http://a.example/m.crt");
	assert_string_equal(endpoints_of(&path.steps[1]),
		"crl http://root.example/root.crl, issuer http://root.example/root.crt");
	/* Nobody asks whether a root is revoked. */
	assert_int_equal(path.steps[2].endpoint_count, 0);
	free(chain);
	tls_store_free(&store);
	tls_store_free(&other);
}

static void test_ways_that_end(void **state)
{
	struct tls_store *empty = tls_store_new(str_of("no certificate"));
	struct tls_store *store = tls_store_new(str_of(x.middle.pem));
	const struct tls_store *stores[] = {empty, store};
	struct tls_path path = climb(x.leaf.pem, NULL, 0);

	(void)state;
	assert_int_equal(path.count, 1);
	assert_false(path.is_complete);
	assert_int_equal(path.store, -1);
	/* A store may hold an intermediate, and that is where the way ends. */
	path = climb(x.leaf.pem, stores, 2);
	assert_int_equal(path.count, 2);
	assert_false(path.is_complete);
	assert_int_equal(path.store, 1);
	assert_false(path.steps[1].is_presented);
	path = climb(x.bare.pem, stores, 2);
	assert_int_equal(path.count, 1);
	assert_int_equal(path.steps[0].endpoint_count, 0);
	path = climb(x.root.pem, stores, 2);
	assert_int_equal(path.count, 1);
	assert_true(path.is_complete);
	assert_int_equal(tls_path_of_pem(str_of("x"), stores, 2, x.arena, &path, NULL), ERR_SYNTAX);
	tls_store_free(&store);
	tls_store_free(&empty);
}

/* The same name with another key is not the issuer. */
static void test_a_namesake_is_no_issuer(void **state)
{
	struct test_cert namesake =
		test_cert_make(&(struct test_cert_options){.common_name = "Middle", .is_ca = true});
	char *chain = test_cert_join(x.leaf.pem, namesake.pem);
	struct tls_path path = climb(chain, NULL, 0);

	(void)state;
	assert_int_equal(path.count, 1);
	free(chain);
	test_cert_clear(&namesake);
}

static void test_facts_of_a_store(void **state)
{
	char *both = test_cert_join(x.root.pem, x.stranger.pem);
	struct tls_store *store = tls_store_new(str_of(both));
	struct cert_facts *facts;

	(void)state;
	assert_int_equal(tls_store_facts(store, x.arena, &facts), 2);
	assert_string_equal(facts[1].subject, "CN=Stranger");
	assert_true(tls_store_holds(store, str_of(x.stranger.pem)));
	assert_false(tls_store_holds(store, str_of(x.middle.pem)));
	assert_false(tls_store_holds(store, str_of("nothing")));
	tls_store_free(&store);
	store = tls_store_new((struct str){0});
	assert_int_equal(tls_store_facts(store, x.arena, &facts), 0);
	tls_store_free(&store);
	free(both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_way_and_its_endpoints),
		cmocka_unit_test(test_ways_that_end),
		cmocka_unit_test(test_a_namesake_is_no_issuer),
		cmocka_unit_test(test_facts_of_a_store),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
