/* When answers are validated and when not, with two tables as resolvers. */
#include "process/lookup/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { TYPE_SOA = 6 };

struct fixture {
	struct event_base *base;
	struct dns *validating, *plain;
	struct lookup_trust *trust;
	unsigned changes;
};

static void on_changed(void *context)
{
	((struct fixture *)context)->changes++;
}

static void begin(struct fixture *f, bool validating, bool plain)
{
	memset(f, 0, sizeof(*f));
	f->base = event_base_new();
	f->validating = validating ? dns_table_new(f->base) : NULL;
	f->plain = plain ? dns_table_new(f->base) : NULL;
	f->trust = lookup_trust_new(f->base, f->validating, f->plain, on_changed, f);
}

/* A table answers in the next turn of the loop. */
static void probe(struct fixture *f)
{
	lookup_trust_probe(f->trust);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void end(struct fixture *f)
{
	lookup_trust_free(&f->trust);
	event_base_free(f->base);
}

static void root(struct dns *dns, enum wire_dns_status status)
{
	dns_table_add(dns, ".", TYPE_SOA, status, str_of(status == WIRE_DNS_FAILED ? "" : "x"));
}

static void first_probe(void **state)
{
	static const struct {
		const char *name;
		enum wire_dns_status validating, plain;
		bool want;
		const char *why; /* in the reason */
	} rows[] = {
		{"signatures pass", WIRE_DNS_SECURE, WIRE_DNS_INSECURE, true, NULL},
		{"only the plain question fails", WIRE_DNS_SECURE, WIRE_DNS_FAILED, true, NULL},
		{"signatures are stripped", WIRE_DNS_BOGUS, WIRE_DNS_INSECURE, false,
			"does not validate"},
		{"signatures are dropped", WIRE_DNS_FAILED, WIRE_DNS_INSECURE, false,
			"does not validate"},
		{"proven to be unsigned", WIRE_DNS_INSECURE, WIRE_DNS_INSECURE, false,
			"not signed"},
		{"no root at all", WIRE_DNS_BOGUS, WIRE_DNS_FAILED, false, "does not answer"},
		{"no resolver", WIRE_DNS_FAILED, WIRE_DNS_FAILED, false, "does not answer"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fixture f;

		print_message("# %s\n", rows[i].name);
		begin(&f, true, true);
		root(f.validating, rows[i].validating);
		root(f.plain, rows[i].plain);
		assert_int_equal(lookup_trust_state(f.trust), LOOKUP_TRUST_UNDECIDED);
		assert_null(lookup_trust_dns(f.trust));
		probe(&f);
		assert_int_equal(f.changes, 1);
		assert_ptr_equal(lookup_trust_dns(f.trust), rows[i].want ? f.validating : f.plain);
		if (rows[i].why == NULL)
			assert_null(lookup_trust_reason(f.trust));
		else
			assert_non_null(strstr(lookup_trust_reason(f.trust), rows[i].why));
		end(&f);
	}
}

static void validates_later(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, true, true);
	root(f.plain, WIRE_DNS_INSECURE);
	probe(&f);
	probe(&f);
	/* Told once. */
	assert_int_equal(f.changes, 1);
	assert_int_equal(lookup_trust_state(f.trust), LOOKUP_TRUST_PLAIN);
	root(f.validating, WIRE_DNS_SECURE);
	probe(&f);
	assert_int_equal(f.changes, 2);
	assert_ptr_equal(lookup_trust_dns(f.trust), f.validating);
	assert_null(lookup_trust_reason(f.trust));
	/* And for good: who strips signatures from now on is not believed. */
	root(f.validating, WIRE_DNS_BOGUS);
	probe(&f);
	assert_int_equal(f.changes, 2);
	assert_ptr_equal(lookup_trust_dns(f.trust), f.validating);
	end(&f);
}

static void settled_from_the_start(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, true, false);
	root(f.validating, WIRE_DNS_BOGUS);
	probe(&f);
	assert_int_equal(lookup_trust_state(f.trust), LOOKUP_TRUST_VALIDATING);
	assert_ptr_equal(lookup_trust_dns(f.trust), f.validating);
	end(&f);
	begin(&f, false, true);
	root(f.plain, WIRE_DNS_SECURE);
	probe(&f);
	assert_int_equal(lookup_trust_state(f.trust), LOOKUP_TRUST_PLAIN);
	assert_ptr_equal(lookup_trust_dns(f.trust), f.plain);
	assert_null(lookup_trust_reason(f.trust));
	assert_int_equal(f.changes, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_probe),
		cmocka_unit_test(validates_later),
		cmocka_unit_test(settled_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
