/* Reports, searches and evidence as the administrator asks for them, with and without limits. */
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = testing_new(NULL);
	return 0;
}

static int tear_down(void **state)
{
	struct testing *t = *state;

	testing_free(&t);
	return 0;
}

/* A message for one recipient of an organisation, over a connection of that version; NULL: clear.
 */
static void hand_in(struct testing *t, const char *organisation, const char *version)
{
	struct wire_recipient r = {.address = "a@contoso.example",
		.organisation = organisation,
		.connector = "partner"};
	struct wire_data data = {.data = STR("Subject: Offer\r\n\r\nDear all\r\n")};
	struct wire_message m = {.sender = "x@northwind.example",
		.subject = "Offer",
		.recipients = {.items = &r, .count = 1},
		.receipt = {.host = "mail.northwind.example",
			.peer_address = "192.0.2.7",
			.attempt = version != NULL ? RECEIPT_ATTEMPT_FULL : RECEIPT_ATTEMPT_CLEAR,
			.organisation = organisation,
			.version = version,
			.generation = 3}};
	size_t before = t->receive->dones;

	m.id = data.id = t->next_id += 1 << 22;
	m.received_ms = testing_now;
	m.size = (int64_t)data.data.n;
	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, &m);
	testing_until(t, t->receive->dones > before);
	assert_int_equal(t->receive->done, ERR_OK);
}

static size_t rows_of(struct testing *t, const char *arguments)
{
	return json_array_size(json_object_get(testing_ask(t, "report.get", arguments), "rows"));
}

static size_t found(struct testing *t, const char *arguments)
{
	return json_array_size(json_object_get(testing_ask(t, "trace.search", arguments), "items"));
}

static void test_reports_are_limited(void **state)
{
	struct testing *t = *state;

	hand_in(t, "contoso", "TLSv1.3");
	hand_in(t, "other", NULL);
	assert_int_equal(rows_of(t, "{\"name\": \"protection\"}"), 2);
	assert_int_equal(rows_of(t, "{\"name\": \"protection\", \"direction\": \"outbound\"}"), 0);
	assert_int_equal(
		rows_of(t, "{\"name\": \"protection\", \"organisations\": [\"contoso\"]}"), 1);
	assert_int_equal(rows_of(t, "{\"name\": \"clear\", \"organisations\": [\"contoso\"]}"), 0);
	assert_int_equal(rows_of(t, "{\"name\": \"clear\", \"organisations\": [\"other\"]}"), 1);
	assert_int_equal(rows_of(t, "{\"name\": \"volume\", \"connector\": \"other/partner\"}"), 1);
	assert_int_equal(
		json_array_size(json_object_get(testing_ask(t, "report.list", "{}"), "items")), 6);
}

static void test_slips_are_told(void **state)
{
	static const struct {
		const char *verb, *arguments;
		enum err e;
	} rows[] = {
		{"report.get", "{\"name\": \"nothing\"}", ERR_UNKNOWN},
		{"report.get", "{}", ERR_UNKNOWN},
		{"report.get", "{\"name\": \"tls\", \"since\": \"never\"}", ERR_SYNTAX},
		{"report.get", "{\"name\": \"tls\", \"since\": \"2050-01-01\"}", ERR_RANGE},
		{"report.get", "{\"name\": \"tls\", \"step\": \"week\"}", ERR_SYNTAX},
		{"report.get", "{\"name\": \"tls\", \"direction\": \"up\"}", ERR_SYNTAX},
		{"report.get", "{\"name\": \"clear\", \"connector\": \"a/b\"}", ERR_SYNTAX},
		{"report.get",
			"{\"name\": \"tls\", \"connector\": \"other/b\", \"organisations\": "
			"[\"contoso\"]}",
			ERR_REFUSED},
		{"report.expiring", "{\"until\": \"x\"}", ERR_SYNTAX},
		{"trace.search", "{\"tls\": \"1.1\"}", ERR_SYNTAX},
		{"trace.search", "{\"subject\": \"x\"}", ERR_UNSUPPORTED},
		{"trace.evidence", "{\"id\": \"x\"}", ERR_SYNTAX},
		{"trace.evidence", "{\"id\": \"0000000000001\"}", ERR_UNKNOWN},
		{"trace.evidence", "{\"id\": \"0000000000001\", \"format\": \"pdf\"}", ERR_SYNTAX},
	};
	struct testing *t = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		testing_ask(t, rows[i].verb, rows[i].arguments);
		if (t->admin->answer_error != rows[i].e)
			fail_msg("%s %s: %s", rows[i].verb, rows[i].arguments,
				err_text(t->admin->answer_error));
	}
}

static void test_mail_is_found_by_its_hop(void **state)
{
	struct testing *t = *state;

	hand_in(t, "contoso", "TLSv1.3");
	hand_in(t, "contoso", NULL);
	assert_int_equal(found(t, "{\"tls\": \"1.3\"}"), 1);
	assert_int_equal(found(t, "{\"tls\": \"clear\"}"), 1);
	assert_int_equal(found(t, "{\"tls\": \"tlsv1.2\"}"), 0);
	assert_int_equal(found(t, "{\"host\": \"MAIL.northwind.example\"}"), 2);
	assert_int_equal(found(t, "{\"host\": \"192.0.2.7\", \"organisations\": [\"other\"]}"), 0);
}

static void test_subjects_when_asked_for(void **state)
{
	struct testing *t = *state;

	hand_in(t, "contoso", NULL);
	t->node.trace.subjects = true;
	spool_configure(t->spool, &t->node);
	hand_in(t, "contoso", NULL);
	assert_int_equal(found(t, "{\"subject\": \"offer\"}"), 1);
	assert_int_equal(found(t, "{}"), 2);
}

static void test_evidence_shows_what_may_be_seen(void **state)
{
	struct testing *t = *state;
	char id[WIRE_ID_TEXT], arguments[128];
	const json_t *page;

	hand_in(t, "contoso", "TLSv1.3");
	wire_id_format(t->next_id, id);
	snprintf(arguments, sizeof(arguments), "{\"id\": \"%s\", \"format\": \"text\"}", id);
	page = testing_ask(t, "trace.evidence", arguments);
	assert_non_null(strstr(json_string_value(json_object_get(page, "text")), "generation 3"));
	snprintf(arguments, sizeof(arguments), "{\"id\": \"%s\", \"organisations\": [\"contoso\"]}",
		id);
	page = testing_ask(t, "trace.evidence", arguments);
	assert_non_null(strstr(json_string_value(json_object_get(page, "text")),
		"other organisations is left out"));
	snprintf(arguments, sizeof(arguments), "{\"id\": \"%s\", \"organisations\": [\"other\"]}",
		id);
	testing_ask(t, "trace.evidence", arguments);
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reports_are_limited),
		TEST(test_slips_are_told),
		TEST(test_mail_is_found_by_its_hop),
		TEST(test_subjects_when_asked_for),
		TEST(test_evidence_shows_what_may_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
