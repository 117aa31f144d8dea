/* The memory of partners' chains. */
#include "port/store/chain.h"
#include "port/store/testing.h"

struct answer {
	bool finished;
	enum err result;
	size_t count;
	int64_t id;
	char text[4096];
};

static void on_chains(void *context, enum err e, const struct store_chain *chains, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->finished = true;
	a->count = count;
	a->id = count > 0 ? chains[0].id : 0;
	for (size_t i = 0; i < count && i < 20; i++) {
		const struct wire_chain *w = &chains[i].wire;

		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n,
			"%s:%s:%s %lld-%lld*%lld %s%s%s; ", w->sha256, w->host,
			w->facts.count > 0 ? w->facts.items[0].subject : "?",
			(long long)chains[i].first_ms, (long long)chains[i].last_ms,
			(long long)chains[i].seen, chains[i].accepted_ms != 0 ? "ok" : "new",
			chains[i].accepted_by != NULL ? " by " : "",
			chains[i].accepted_by != NULL ? chains[i].accepted_by : "");
	}
}

static void on_alarms(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->finished = true;
	a->count = count;
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n, "%s %s|%s|%s%s; ",
			alarms[i].kind, alarms[i].organisation, alarms[i].subject, alarms[i].text,
			alarms[i].over_ms != 0 ? " over" : "");
}

static const char *list(struct testing *t, struct answer *a, struct store_chain_query query)
{
	*a = (struct answer){0};
	store_chain_list(t->store, &query, on_chains, a);
	testing_wait(t, &a->finished);
	assert_int_equal(a->result, ERR_OK);
	return a->text;
}

static const char *alarms(struct testing *t, struct answer *a)
{
	*a = (struct answer){0};
	store_alarms(t->store, &(struct store_alarm_query){.all = true}, on_alarms, a);
	testing_wait(t, &a->finished);
	return a->text;
}

/* The first is accepted; what comes after it is an alarm that counts those known. */
static struct store_chain_judgement judge(const struct store_chain *chain,
	const struct store_chain *known, size_t count, struct arena *arena)
{
	struct store_chain_judgement j = {.is_accepted = count == 0};

	assert_non_null(chain->wire.sha256);
	if (count > 0)
		j.alarm = arena_format(arena, "%zu known, last %s of %s", count,
			known[0].wire.sha256, known[0].wire.facts.items[0].subject);
	return j;
}

struct report {
	const char *partner, *organisation, *connector, *sha256, *host;
	int64_t at_ms;
};

static enum err put(struct testing *t, struct report r)
{
	struct cert_facts facts = {.subject = "CN=mx", .issuer = "CN=CA"};
	struct store_chain chain = {.partner = r.partner,
		.not_after_ms = 99,
		.wire = {.direction = RECEIPT_OUT,
			.at_ms = r.at_ms,
			.organisation = r.organisation,
			.connector = r.connector,
			.sha256 = r.sha256,
			.host = r.host,
			.facts = {&facts, 1},
			.root = "CN=Root",
			.chain = STR("-----BEGIN")}};

	store_chain_put(t->store, &chain, judge, testing_done, t);
	return testing_finish(t);
}

#define FABRIKAM "connector contoso/fabrikam", "contoso", "fabrikam"

static void a_chain_is_kept_once(struct testing *t)
{
	struct answer a;

	assert_int_equal(put(t, (struct report){FABRIKAM, "s1", "mx1", 10}), ERR_OK);
	assert_int_equal(put(t, (struct report){FABRIKAM, "s1", "mx2", 30}), ERR_OK);
	assert_int_equal(put(t, (struct report){FABRIKAM, "s1", "MX1", 20}), ERR_OK);
	assert_string_equal(
		list(t, &a, (struct store_chain_query){0}), "s1:mx1 mx2:CN=mx 10-30*3 ok; ");
	alarms(t, &a);
	assert_int_equal(a.count, 0);
	/* By hosts without end: only so many are kept. */
	for (int i = 0; i < 40; i++) {
		char host[32];

		snprintf(host, sizeof(host), "h%d", i);
		assert_int_equal(put(t, (struct report){FABRIKAM, "s1", host, 31}), ERR_OK);
	}
	list(t, &a, (struct store_chain_query){0});
	assert_non_null(strstr(a.text, " h13:"));
	assert_null(strstr(a.text, "h14"));
}

static enum err accept_as(struct testing *t, int64_t id, const char *organisation, const char *by)
{
	struct store_acknowledgement acceptance = {
		.id = id, .organisation = organisation, .by = by, .at_ms = 77};

	store_chain_accept(t->store, &acceptance, testing_done, t);
	return testing_finish(t);
}

static void a_change_is_an_alarm_until_accepted(struct testing *t)
{
	struct answer a;
	int64_t id;

	assert_int_equal(put(t, (struct report){FABRIKAM, "s1", "mx1", 10}), ERR_OK);
	assert_int_equal(put(t, (struct report){FABRIKAM, "s2", "mx1", 20}), ERR_OK);
	assert_int_equal(put(t, (struct report){FABRIKAM, "s2", "mx1", 30}), ERR_OK);
	assert_string_equal(alarms(t, &a),
		"partner-certificate-changed contoso|connector contoso/fabrikam (outbound), chain "
		"s2|1 known, last s1 of CN=mx; ");
	assert_string_equal(list(t, &a, (struct store_chain_query){0}),
		"s2:mx1:CN=mx 20-30*2 new; s1:mx1:CN=mx 10-10*1 ok; ");
	id = a.id;
	assert_int_equal(accept_as(t, id, "other", "mallory"), ERR_UNKNOWN);
	assert_int_equal(accept_as(t, id + 1, NULL, "mallory"), ERR_UNKNOWN);
	assert_int_equal(accept_as(t, id, "contoso", "alice"), ERR_OK);
	assert_int_equal(accept_as(t, id, NULL, "bob"), ERR_OK);
	assert_string_equal(list(t, &a, (struct store_chain_query){.id = id}),
		"s2:mx1:CN=mx 20-30*2 ok by alice; ");
	assert_non_null(strstr(alarms(t, &a), " over; "));
}

static void lists_are_limited(struct testing *t)
{
	static const char *ours[] = {"contoso"};
	const struct record_texts organisations = {ours, 1};
	struct answer a;

	put(t, (struct report){FABRIKAM, "s1", "mx1", 10});
	put(t, (struct report){"connector northwind/x", "northwind", "x", "s9", "mx9", 50});
	put(t, (struct report){"host mx.elsewhere.example:25", NULL, NULL, "s5", "mx5", 60});
	put(t, (struct report){FABRIKAM, "s2", "mx1", 70});
	put(t, (struct report){FABRIKAM, "s1", "mx1", 80});
	list(t, &a, (struct store_chain_query){0});
	assert_int_equal(a.count, 4);
	list(t, &a, (struct store_chain_query){.organisations = &organisations});
	assert_int_equal(a.count, 2);
	list(t, &a, (struct store_chain_query){.organisation = "northwind", .connector = "x"});
	assert_int_equal(a.count, 1);
	list(t, &a, (struct store_chain_query){.since_ms = 60});
	assert_int_equal(a.count, 3);
	assert_string_equal(
		list(t, &a, (struct store_chain_query){.newest = true, .organisation = "contoso"}),
		"s1:mx1:CN=mx 10-80*2 ok; ");
	/* Pages. */
	list(t, &a, (struct store_chain_query){.limit = 3});
	assert_int_equal(a.count, 3);
	list(t, &a, (struct store_chain_query){.after = a.id - 2});
	assert_int_equal(a.count, 1);
	/* Whose connector it was is remembered when the mail without one is forgotten. */
	store_trace_expire(t->store, 1000, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	list(t, &a, (struct store_chain_query){0});
	assert_int_equal(a.count, 3);
}

static void their_number_is_bounded(struct testing *t)
{
	struct answer a;
	char sha256[32];

	for (int i = 0; i < STORE_CHAIN_OF_PARTNER + 10; i++) {
		snprintf(sha256, sizeof(sha256), "s%d", i);
		assert_int_equal(put(t, (struct report){FABRIKAM, sha256, "mx1", 100 + i}), ERR_OK);
	}
	list(t, &a, (struct store_chain_query){0});
	assert_int_equal(a.count, STORE_CHAIN_OF_PARTNER);
	assert_null(strstr(a.text, "s9:"));
}

static void what_is_too_long_is_refused(struct testing *t)
{
	char *pem = calloc(1, STORE_CHAIN_PEM + 1);
	struct store_chain chain = {
		.partner = "p", .wire = {.sha256 = "s", .chain = {pem, STORE_CHAIN_PEM + 1}}};
	struct answer a;

	store_chain_put(t->store, &chain, judge, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_TOO_LONG);
	free(pem);
	list(t, &a, (struct store_chain_query){0});
	assert_int_equal(a.count, 0);
}

static const struct testing_case cases[] = {
	{"a chain is kept once", a_chain_is_kept_once},
	{"a change is an alarm until accepted", a_change_is_an_alarm_until_accepted},
	{"lists are limited", lists_are_limited},
	{"their number is bounded", their_number_is_bounded},
	{"what is too long is refused", what_is_too_long_is_refused},
};

TESTING_BOTH(cases)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
