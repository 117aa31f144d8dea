/* The conformance suite: the same cases on every backend.  Administration: test_admin.c. */
#include "port/store/acceptance.h"
#include "port/store/testing.h"

/* ---- cases -------------------------------------------------------------------------------------
 */

static void a_message_is_there_as_accepted(struct testing *t)
{
	struct found f;
	struct store_counts counts;

	assert_int_equal(testing_add(t, MAIL(5, 2, 3000, 100)), ERR_OK);
	load_one(&f, t, 5);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.recipients[0], 2);
	assert_string_equal(f.text, "Alice@Fabrikam.example|A subject|<One@fabrikam.example>|"
				    "TLSv1.3|a0@b.example|mx:b.example|-|-");
	assert_int_equal(f.first.due_ms, 100);
	assert_int_equal(f.first.state, STORE_WAITING);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 1);
	assert_int_equal(counts.recipients, 2);
	load_one(&f, t, 6);
	assert_int_equal(f.count, 0);
}

struct whole {
	struct testing *t;
	bool finished;
	char text[512];
};

static void on_whole(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct whole *w = context;
	const struct wire_recipient *r;

	(void)next;
	assert_int_equal(e, ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(messages->wire.labels.count, 2);
	assert_int_equal(messages->recipients.count, 2);
	r = &messages->recipients.items[0].wire;
	assert_null(messages->recipients.items[1].wire.would_token);
	snprintf(w->text, sizeof(w->text), "%s|%s|%s|%s|%s|%s|%s|%s",
		messages->wire.labels.items[0], messages->wire.labels.items[1], messages->wire.via,
		r->receiver, r->receiver_connector, r->would_token, r->would_text, r->would_by);
	w->finished = true;
}

static void what_policy_said_at_reception_is_kept(struct testing *t)
{
	const char *labels[] = {"contoso/archive", "contoso/secret"};
	struct store_recipient recipients[] = {
		{.wire = {.address = "a@b",
			 .receiver = "fabrikam",
			 .receiver_connector = "from-contoso",
			 .would_token = "no-client-certificate",
			 .would_text = "none was presented",
			 .would_by = "connector fabrikam/from-contoso"}},
		{.wire = {.number = 1, .address = "b@b"}},
	};
	struct wire_message message = {.id = 5,
		.sender = "x@y",
		.labels = {.items = labels, .count = 2},
		.via = "contoso/to-fabrikam"};
	struct store_new new = {.message = &message, .recipients = recipients, .count = 2};
	struct whole whole = {.t = t};
	int64_t id = 5;

	new.intake = store_begin(t->store, 5);
	store_commit(t->store, &new, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	for (int round = 0; round < 2; round++) {
		whole.finished = false;
		store_load(t->store, &id, 1, on_whole, &whole);
		testing_wait(t, &whole.finished);
		assert_string_equal(whole.text,
			"contoso/archive|contoso/secret|contoso/to-fabrikam|fabrikam|from-contoso|"
			"no-client-certificate|none was presented|connector fabrikam/from-contoso");
		if (t->directory[0] != '\0')
			testing_reopen(t);
	}
}

static void an_id_is_taken_once(struct testing *t)
{
	struct found f;

	assert_int_equal(testing_add(t, MAIL(5, 1, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(5, 2, 99, 100)), ERR_EXISTS);
	assert_int_equal(read_body(&f, t, 5, 0, 1000), ERR_OK);
	assert_int_equal(f.count, 10);
}

static void nonsense_is_refused(struct testing *t)
{
	struct store_recipient same[2] = {
		{.wire.address = "a@b", .route = "r"}, {.wire.address = "c@b", .route = "r"}};
	struct wire_message message = {.id = 5, .sender = ""};
	struct store_new new = {.message = &message, .recipients = same, .count = 2};
	struct found f;

	new.intake = store_begin(t->store, 5);
	testing_fill(new.intake, 5, 100000);
	store_commit(t->store, &new, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_CONFLICT);
	new.count = 0;
	new.intake = store_begin(t->store, 5);
	testing_fill(new.intake, 5, 100000);
	store_commit(t->store, &new, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_RANGE);
	load_one(&f, t, 5);
	assert_int_equal(f.count, 0);
}

static void bodies_are_read_in_parts(struct testing *t)
{
	static const size_t sizes[] = {
		0, 1, 1000, STORE_BODY_IN_ROW, STORE_BODY_IN_ROW + 1, 300000};
	struct found f;
	size_t i;
	int round;

	for (i = 0; i < ARRAY_LENGTH(sizes); i++)
		assert_int_equal(testing_add(t, MAIL(10 + (int64_t)i, 1, sizes[i], 1)), ERR_OK);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_LENGTH(sizes); i++) {
			int64_t id = 10 + (int64_t)i;

			assert_int_equal(read_body(&f, t, id, 0, STORE_MAX_READ), ERR_OK);
			assert_int_equal(f.count, sizes[i]);
			if (sizes[i] > 0)
				assert_int_equal(f.text[0], 'a' + id % 26);
			assert_int_equal(read_body(&f, t, id, (int64_t)sizes[i] - 1, 100), ERR_OK);
			assert_int_equal(f.count, sizes[i] > 0 ? 1 : 0);
			assert_int_equal(read_body(&f, t, id, (int64_t)sizes[i] + 5, 100), ERR_OK);
			assert_int_equal(f.count, 0);
		}
		/* Once from memory, once from where they stand. */
		if (t->directory[0] != '\0')
			testing_reopen(t);
	}
	assert_int_equal(read_body(&f, t, 99, 0, 10), ERR_UNKNOWN);
}

static void due_comes_in_order_and_in_pages(struct testing *t)
{
	struct found f;
	struct store_due_entry last;

	assert_int_equal(testing_add(t, MAIL(3, 2, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(2, 1, 10, 300)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(1, 1, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(4, 1, 10, 900)), ERR_OK);
	get_due(&f, t, 500, NULL, 2);
	assert_int_equal(f.count, 2);
	assert_true(f.more);
	assert_int_equal(f.due[0].message, 1);
	assert_int_equal(f.due[1].message, 3);
	assert_int_equal(f.due[1].number, 0);
	assert_string_equal(f.routes[1], "mx:b.example");
	last = f.due[1];
	get_due(&f, t, 500, &last, 10);
	assert_int_equal(f.count, 2);
	assert_false(f.more);
	assert_int_equal(f.due[0].message, 3);
	assert_int_equal(f.due[0].number, 1);
	assert_int_equal(f.due[1].message, 2);
	get_due(&f, t, 50, NULL, 10);
	assert_int_equal(f.count, 0);
}

static void outcomes_change_and_remove(struct testing *t)
{
	struct found f;
	struct store_counts counts;
	struct store_update defer = {.message = 7,
		.number = 0,
		.due_ms = 5000,
		.attempts = 1,
		.last_ms = 400,
		.token = "connect",
		.text = "no answer"};
	struct store_update again = {.message = 7, .number = 0, .due_ms = 6000, .attempts = 2};
	struct store_update both[2] = {{.message = 7, .number = 1, .remove = true},
		{.message = 7, .number = 0, .remove = true}};
	struct store_update missing = {.message = 70, .number = 1, .remove = true};

	assert_int_equal(testing_add(t, MAIL(7, 2, 100000, 100)), ERR_OK);
	assert_int_equal(testing_update(t, &defer, 1), ERR_OK);
	assert_int_equal(testing_update(t, &again, 1), ERR_OK);
	assert_int_equal(testing_update(t, &missing, 1), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.first.due_ms, 6000);
	assert_int_equal(f.first.attempts, 2);
	assert_non_null(strstr(f.text, "|connect|no answer"));
	assert_int_equal(testing_update(t, both, 1), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.recipients[0], 1);
	assert_int_equal(testing_update(t, both, 2), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.count, 0);
	assert_int_equal(read_body(&f, t, 7, 0, 10), ERR_UNKNOWN);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 0);
	assert_int_equal(counts.recipients, 0);
	assert_int_equal(counts.cached, 0);
}

/* A bounce replaces what it is about in one change. */
static void a_notice_comes_with_the_end_of_its_cause(struct testing *t)
{
	struct store_recipient to = {.wire.address = "alice@fabrikam.example", .route = "mx:f"};
	struct wire_message notice = {.id = 21, .received_ms = 21, .sender = ""};
	struct store_new new = {.message = &notice, .recipients = &to, .count = 1};
	struct store_update end = {.message = 20, .number = 0, .remove = true};
	struct wire_event event = {.message = 20, .at_ms = 3, .kind = "failed"};
	struct store_change change = {.news = &new,
		.new_count = 1,
		.updates = &end,
		.update_count = 1,
		.events = &event,
		.event_count = 1};
	struct found f;

	assert_int_equal(testing_add(t, MAIL(20, 1, 10, 100)), ERR_OK);
	new.intake = store_begin(t->store, 21);
	store_write(new.intake, (struct str)STR("Subject: Undelivered\r\n\r\n"));
	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	load_one(&f, t, 20);
	assert_int_equal(f.count, 0);
	load_one(&f, t, 21);
	assert_int_equal(f.count, 1);
	/* And when the notice cannot be added, nothing has ended. */
	assert_int_equal(testing_add(t, MAIL(22, 1, 10, 100)), ERR_OK);
	end.message = 22;
	new.intake = store_begin(t->store, 21);
	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_EXISTS);
	load_one(&f, t, 22);
	assert_int_equal(f.count, 1);
}

static void an_abandoned_message_leaves_nothing(struct testing *t)
{
	struct store_intake *intake = store_begin(t->store, 30);
	struct found f;

	testing_fill(intake, 30, 200000);
	store_abort(&intake);
	assert_null(intake);
	assert_int_equal(read_body(&f, t, 30, 0, 10), ERR_UNKNOWN);
	assert_int_equal(testing_add(t, MAIL(30, 1, 200000, 1)), ERR_OK);
}

static void on_config(void *context, enum err e, int64_t generation,
	const struct model_config *config, const char *text)
{
	struct found *f = context;

	(void)text;
	f->result = e;
	f->next = generation;
	f->count = config != NULL ? config->organisations.count : 99;
	if (f->count == 2)
		snprintf(f->text, sizeof(f->text), "%s %s", config->organisations.items[1].name,
			config->domains.items[0].name);
	f->finished = true;
}

static void the_configuration_is_replaced_whole(struct testing *t)
{
	struct model_organisation organisations[2];
	struct model_domain domain;
	struct arena *arena = arena_new();
	struct model_config config = {
		.organisations = {organisations, 2},
		.domains = {&domain, 1},
	};
	struct found f;

	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.result, ERR_OK);
	assert_int_equal(f.next, 0);
	assert_int_equal(f.count, 0);
	record_init(&model_organisation_desc, &organisations[0], arena);
	record_init(&model_organisation_desc, &organisations[1], arena);
	record_init(&model_domain_desc, &domain, arena);
	organisations[0].name = "contoso";
	organisations[1].name = "fabrikam";
	domain.name = "contoso.example";
	domain.organisation = "contoso";
	store_config_put(t->store, 3, &config, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.result, ERR_OK);
	assert_int_equal(f.next, 3);
	assert_string_equal(f.text, "fabrikam contoso.example");
	config.organisations.count = 0;
	config.domains.count = 0;
	store_config_put(t->store, 4, &config, NULL, NULL, NULL);
	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.next, 4);
	assert_int_equal(f.count, 0);
	arena_free(&arena);
}

static void on_changed(void *context, enum err e, int64_t generation,
	const struct model_config *config, const char *text)
{
	struct found *f = context;
	size_t n = 0;

	assert_null(text);
	f->result = e;
	f->next = generation;
	for (size_t i = 0; i < config->organisations.count; i++)
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%s %d ",
			config->organisations.items[i].name,
			config->organisations.items[i].minimum_tls);
	f->finished = true;
}

/* Single objects change, come and go; the others stay, in their order. */
static void objects_of_the_configuration_are_changed(struct testing *t)
{
	static const char *const names[] = {"adatum", "contoso", "fabrikam", "tailspin"};
	struct model_organisation o[ARRAY_LENGTH(names)];
	struct arena *arena = arena_new();
	struct model_config config = {.organisations = {o, 3}};
	struct model_change changes[] = {
		{MODEL_REMOVED, MODEL_ORGANISATION, names[0], &o[0], NULL},
		{MODEL_CHANGED, MODEL_ORGANISATION, names[1], &o[1], &o[1]},
		{MODEL_ADDED, MODEL_ORGANISATION, names[3], NULL, &o[3]},
	};
	struct model_change back = {MODEL_ADDED, MODEL_ORGANISATION, names[0], NULL, &o[0]};
	struct found f;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		record_init(&model_organisation_desc, &o[i], arena);
		o[i].name = names[i];
		o[i].minimum_tls = MODEL_LEVEL_NONE;
	}
	store_config_put(t->store, 1, &config, NULL, NULL, NULL);
	o[1].minimum_tls = MODEL_LEVEL_CHAIN;
	store_config_change(t->store, 2, changes, ARRAY_LENGTH(changes), NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	store_config_change(t->store, 3, &back, 1, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	for (int round = 0; round < 2; round++) {
		store_config_get(t->store, on_changed, find(&f, t));
		testing_wait(t, &f.finished);
		assert_int_equal(f.result, ERR_OK);
		assert_int_equal(f.next, 3);
		assert_string_equal(f.text, "contoso 2 fabrikam 0 tailspin 0 adatum 0 ");
		if (t->directory[0] != '\0')
			testing_reopen(t);
	}
	arena_free(&arena);
}

static void on_hosts(void *context, enum err e, const struct wire_host *hosts, size_t count)
{
	struct found *f = context;

	f->result = e;
	f->count = count;
	if (count > 0)
		snprintf(f->text, sizeof(f->text), "%s %d %s", hosts[0].host, hosts[0].attempt,
			hosts[0].reason);
	f->finished = true;
}

static void hosts_are_remembered(struct testing *t)
{
	struct wire_host host = {"mx.b.example:25", RECEIPT_ATTEMPT_CLEAR, 5, "no cipher"};
	struct found f;

	store_host_put(t->store, &host, NULL, NULL);
	host.host = "mx.a.example:25";
	store_host_put(t->store, &host, NULL, NULL);
	host.attempt = RECEIPT_ATTEMPT_REDUCED;
	store_host_put(t->store, &host, NULL, NULL);
	store_host_remove(t->store, "mx.b.example:25", NULL, NULL);
	store_host_remove(t->store, "nobody", testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	store_hosts(t->store, on_hosts, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.text, "mx.a.example:25 2 no cipher");
}

static void on_refusals(
	void *context, enum err e, const struct wire_refused *refusals, size_t count)
{
	struct found *f = context;
	size_t n = 0;

	f->result = e;
	f->count = count;
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n, "%s %s/%s %d %lld %s; ",
			refusals[i].partner, refusals[i].certificate, refusals[i].version,
			refusals[i].direction, (long long)refusals[i].until_ms, refusals[i].reason);
	f->finished = true;
}

static void refusals_are_remembered(struct testing *t)
{
	struct wire_refused refused = {.partner = "connector o/c",
		.certificate = "mx",
		.version = "2",
		.direction = RECEIPT_OUT,
		.at_ms = 20,
		.until_ms = 90,
		.reason = "unknown ca"};
	struct found f;

	store_refusal_put(t->store, &refused, NULL, NULL);
	refused.direction = RECEIPT_IN;
	refused.at_ms = 10;
	store_refusal_put(t->store, &refused, NULL, NULL);
	refused.version = "1";
	store_refusal_put(t->store, &refused, NULL, NULL);
	/* A newer one takes the place of the older. */
	refused.version = "2";
	refused.until_ms = 95;
	store_refusal_put(t->store, &refused, NULL, NULL);
	refused.version = "1";
	store_refusal_remove(t->store, &refused, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	store_refusals(t->store, on_refusals, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.result, ERR_OK);
	assert_string_equal(f.text, "connector o/c mx/2 0 95 unknown ca; "
				    "connector o/c mx/2 1 90 unknown ca; ");
}

static void closing_completes_what_was_asked(struct testing *t)
{
	int done = 0, i;
	bool finished[20] = {0};
	struct testing results[20] = {0};

	for (i = 0; i < 20; i++)
		testing_add_async(t, MAIL(100 + i, 1, 10, 1), testing_done, &results[i]);
	store_close(&t->store);
	for (i = 0; i < 20; i++)
		done += results[i].finished && results[i].result == ERR_OK;
	assert_int_equal(done, 20);
	(void)finished;
}

static const struct testing_case cases[] = {
	CASE(a_message_is_there_as_accepted),
	CASE(what_policy_said_at_reception_is_kept),
	CASE(an_id_is_taken_once),
	CASE(nonsense_is_refused),
	CASE(bodies_are_read_in_parts),
	CASE(due_comes_in_order_and_in_pages),
	CASE(outcomes_change_and_remove),
	CASE(a_notice_comes_with_the_end_of_its_cause),
	CASE(an_abandoned_message_leaves_nothing),
	CASE(the_configuration_is_replaced_whole),
	CASE(objects_of_the_configuration_are_changed),
	CASE(hosts_are_remembered),
	CASE(refusals_are_remembered),
	CASE(closing_completes_what_was_asked),
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
