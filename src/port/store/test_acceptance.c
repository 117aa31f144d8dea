/* How often partners have accepted and refused our certificates. */
#include "port/store/acceptance.h"
#include "port/store/testing.h"

struct answer {
	char last[4][64]; /* partner, version, sha256, organisation of the last row */
	int last_direction;
	bool finished;
	enum err result;
	size_t count;
	char text[2048];
};

static void on_rows(void *context, enum err e, const struct store_acceptance *rows, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->count = count;
	if (count > 0) {
		const struct store_acceptance *row = &rows[count - 1];

		snprintf(a->last[0], sizeof(a->last[0]), "%s", row->partner);
		snprintf(a->last[1], sizeof(a->last[1]), "%s", row->version);
		snprintf(a->last[2], sizeof(a->last[2]), "%s", row->sha256);
		snprintf(a->last[3], sizeof(a->last[3]), "%s",
			row->organisation != NULL ? row->organisation : "");
		a->last_direction = row->direction;
	}
	for (size_t i = 0; i < count && i < 10; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n,
			"%s %s %s %d +%lld -%lld %lld-%lld %s; ", rows[i].partner, rows[i].version,
			rows[i].sha256, rows[i].direction, (long long)rows[i].accepted,
			(long long)rows[i].refused, (long long)rows[i].first_ms,
			(long long)rows[i].last_ms, rows[i].reason != NULL ? rows[i].reason : "-");
	a->finished = true;
}

static const char *list(struct testing *t, struct answer *a, const char *organisation)
{
	*a = (struct answer){0};
	store_acceptances(t->store,
		&(struct store_acceptance_query){.certificate = "mx", .organisation = organisation},
		on_rows, a);
	testing_wait(t, &a->finished);
	assert_int_equal(a->result, ERR_OK);
	return a->text;
}

static void tell(struct testing *t, const struct wire_event *event)
{
	struct store_change change = {.events = event, .event_count = 1};

	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static struct receipt receipt_of(int direction, const char *version)
{
	return (struct receipt){.direction = direction,
		.host = "mx.fabrikam.example",
		.peer_address = "192.0.2.1",
		.peer_port = 25,
		.own_certificate = "mx",
		.own_version = version,
		.own_sha256 = version != NULL ? "ab" : NULL};
}

static void passing(struct testing *t, const char *kind, struct receipt receipt, int64_t at_ms)
{
	const struct wire_event event = {.message = 7,
		.at_ms = at_ms,
		.kind = kind,
		.recipient = "a@b.example",
		.receipt = &receipt};

	tell(t, &event);
}

static void refusing(struct testing *t, const char *organisation, int64_t at_ms)
{
	struct receipt receipt = receipt_of(RECEIPT_OUT, "2");
	const struct wire_event event = {.at_ms = at_ms,
		.kind = "certificate-refused",
		.sender = "connector o/c",
		.organisation = organisation,
		.text = "unknown ca",
		.receipt = &receipt};

	receipt.organisation = organisation;
	tell(t, &event);
}

/* One by one, each behind the one before. */
static void expect_pages(struct testing *t, const char *whole)
{
	struct answer before, a = {.count = 0};
	char all[2048] = "";
	bool goes_on = false;

	do {
		struct store_acceptance after;

		before = a;
		after = (struct store_acceptance){.partner = before.last[0],
			.version = before.last[1],
			.sha256 = before.last[2],
			.organisation = before.last[3][0] != '\0' ? before.last[3] : NULL,
			.direction = before.last_direction};
		a = (struct answer){0};
		store_acceptances(t->store,
			&(struct store_acceptance_query){
				.certificate = "mx", .after = goes_on ? &after : NULL, .limit = 1},
			on_rows, &a);
		testing_wait(t, &a.finished);
		assert_true(a.count <= 1);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s", a.text);
		goes_on = true;
	} while (a.count > 0);
	assert_string_equal(all, whole);
}

static void versions_are_counted(struct testing *t)
{
	struct receipt connector = receipt_of(RECEIPT_OUT, "1");
	struct answer a;

	connector.organisation = "o";
	connector.connector = "c";
	passing(t, "delivered", connector, 10);
	passing(t, "delivered", connector, 20);
	/* What waits has not passed, and what has no version is not counted. */
	passing(t, "deferred", connector, 30);
	passing(t, "delivered", receipt_of(RECEIPT_OUT, NULL), 30);
	passing(t, "received", receipt_of(RECEIPT_IN, "1"), 40);
	passing(t, "relayed", receipt_of(RECEIPT_OUT, "1"), 50);
	refusing(t, "o", 60);
	refusing(t, "o", 70);
	assert_string_equal(list(t, &a, NULL),
		"connector o/c 1 ab 1 +2 -0 10-20 -; connector o/c 2 ab 1 +0 -2 60-70 unknown ca; "
		"address 192.0.2.1 1 ab 0 +1 -0 40-40 -; "
		"host mx.fabrikam.example:25 1 ab 1 +1 -0 50-50 -; ");
	expect_pages(t, list(t, &a, NULL));
	list(t, &a, "o");
	assert_int_equal(a.count, 2);
	list(t, &a, "other");
	assert_int_equal(a.count, 0);
}

static void on_found(void *context, enum err e, const struct store_trace_item *items, size_t count,
	const char *next)
{
	struct answer *a = context;

	(void)items;
	(void)next;
	a->result = e;
	a->count = count;
	a->finished = true;
}

static void refusals_are_no_mail(struct testing *t)
{
	struct store_trace_query query = {.limit = 10};
	struct answer a = {0};

	refusing(t, "o", 60);
	store_trace_search(t->store, &query, on_found, &a);
	testing_wait(t, &a.finished);
	assert_int_equal(a.count, 0);
}

static const struct testing_case cases[] = {
	CASE(versions_are_counted),
	CASE(refusals_are_no_mail),
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
