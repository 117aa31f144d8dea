/* Users, tokens and the audit log, on both backends; and what the database itself refuses. */
#include "port/store/access.h"
#include "port/store/testing.h"

#include <sqlite3.h>

struct seen {
	struct testing *t;
	enum err result;
	bool finished;
	char text[2000]; /* one line an item */
	size_t count;
	int64_t next;
	struct store_audit_verdict verdict;
	char head[ACCOUNT_AUDIT_HASH], why[200];
};

static void on_access(
	void *context, enum err e, const struct store_access *access, const char *text)
{
	struct seen *seen = context;
	size_t n = 0;

	seen->result = e;
	snprintf(seen->text, sizeof(seen->text), "%s", text != NULL ? text : "");
	for (size_t i = 0; access != NULL && i < access->user_count; i++) {
		const struct account_user *u = &access->users[i];

		n += (size_t)snprintf(seen->text + n, sizeof(seen->text) - n, "%s %s %zu%s %lld\n",
			u->name, account_role_names[u->role], u->organisations.count,
			u->disabled ? " disabled" : "", (long long)u->totp_step);
	}
	for (size_t i = 0; access != NULL && i < access->token_count; i++)
		n += (size_t)snprintf(seen->text + n, sizeof(seen->text) - n, "%s %s %lld\n",
			access->tokens[i].id, access->tokens[i].label,
			(long long)access->tokens[i].expires_ms);
	seen->finished = true;
}

static void ask_access(struct seen *seen, struct testing *t, const char *want)
{
	*seen = (struct seen){.t = t};
	store_access(t->store, on_access, seen);
	testing_wait(t, &seen->finished);
	assert_int_equal(seen->result, ERR_OK);
	assert_string_equal(seen->text, want);
}

static void on_audit(
	void *context, enum err e, const struct account_entry *entries, size_t count, int64_t next)
{
	struct seen *seen = context;
	size_t n = 0;

	seen->result = e;
	seen->count = count;
	seen->next = next;
	for (size_t i = 0; i < count && n < sizeof(seen->text); i++)
		n += (size_t)snprintf(seen->text + n, sizeof(seen->text) - n, "%lld %s %s %s\n",
			(long long)entries[i].id, entries[i].action,
			entries[i].before != NULL ? entries[i].before : "-",
			entries[i].after != NULL ? entries[i].after : "-");
	seen->finished = true;
}

static void ask_audit(struct seen *seen, struct testing *t, const struct store_audit_query *query)
{
	*seen = (struct seen){.t = t};
	store_audit(t->store, query, on_audit, seen);
	testing_wait(t, &seen->finished);
	assert_int_equal(seen->result, ERR_OK);
}

static void on_verified(void *context, enum err e, const struct store_audit_verdict *verdict)
{
	struct seen *seen = context;

	seen->result = e;
	if (verdict != NULL) {
		seen->verdict = *verdict;
		snprintf(seen->head, sizeof(seen->head), "%s", verdict->head);
		snprintf(seen->why, sizeof(seen->why), "%s",
			verdict->text != NULL ? verdict->text : "");
	}
	seen->finished = true;
}

static void verify(struct seen *seen, struct testing *t, int64_t entries, int64_t broken_at)
{
	*seen = (struct seen){.t = t};
	store_audit_verify(t->store, on_verified, seen);
	testing_wait(t, &seen->finished);
	assert_int_equal(seen->result, ERR_OK);
	assert_int_equal(seen->verdict.broken_at, broken_at);
	assert_int_equal(seen->verdict.entries, entries);
	assert_int_equal(seen->why[0] != '\0', broken_at != 0);
}

static void apply(struct testing *t, const struct store_access_change *change)
{
	store_access_apply(t->store, change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static const struct account_entry first = {.at_ms = 1000,
	.actor = "root",
	.via = "socket",
	.action = "user.add",
	.object = "ann",
	.after = "{\"name\":\"ann\"}",
	.result = "ok"};
static const struct account_entry second = {.at_ms = 2000,
	.actor = "ann",
	.via = "session",
	.address = "192.0.2.1",
	.action = "connector.change",
	.object = "fabrikam/partner",
	.organisation = "fabrikam",
	.before = "{\"name\":\"partner\"}",
	.after = "{\"name\":\"partner\",\"x\":1}",
	.result = "ok"};
static const struct account_entry third = {.at_ms = 3000,
	.actor = "Ann",
	.via = "token",
	.action = "connectors.change",
	.object = "contoso/other",
	.organisation = "contoso",
	.result = "failed"};

static void log_three(struct testing *t)
{
	const struct account_entry two[] = {second, third};

	apply(t, &(struct store_access_change){.audited = {&first, 1}});
	apply(t, &(struct store_access_change){.audited = {two, 2}});
}

/* ---- on both backends -------------------------------------------------------------------------
 */

static void users_and_tokens_are_kept(struct testing *t)
{
	const char *organisations[] = {"fabrikam"};
	struct account_user ann = {.name = "ann",
		.role = ACCOUNT_ORGANISATION_ADMIN,
		.organisations = {organisations, 1},
		.created_ms = 5};
	struct account_user bob = {.name = "bob", .role = ACCOUNT_AUDITOR};
	struct account_token token = {.id = "abc",
		.label = "monitoring",
		.role = ACCOUNT_READER,
		.hash = "00",
		.expires_ms = 77};
	struct seen seen;

	ask_access(&seen, t, "");
	apply(t, &(struct store_access_change){.user = &bob});
	apply(t, &(struct store_access_change){.user = &ann, .token = &token});
	if (t->directory[0] != '\0') {
		store_close(&t->store);
		testing_open(t);
	}
	ask_access(&seen, t, "ann organisation-admin 1 0\nbob auditor 0 0\nabc monitoring 77\n");
	ann.disabled = true;
	ann.totp_step = 9;
	apply(t, &(struct store_access_change){
			 .user = &ann, .user_gone = "bob", .token_gone = "abc"});
	ask_access(&seen, t, "ann organisation-admin 1 disabled 9\n");
	apply(t, &(struct store_access_change){.user_gone = "nobody"});
	ask_access(&seen, t, "ann organisation-admin 1 disabled 9\n");
}

static void the_log_is_listed(struct testing *t)
{
	const char *names[] = {"contoso", "x"};
	const struct record_texts contoso = {names, 2};
	const struct {
		struct store_audit_query query;
		const char *ids;
		int64_t next;
	} rows[] = {
		{{0}, "321", 0},
		{{.limit = 2}, "32", 2},
		{{.limit = 2, .before = 2}, "1", 0},
		{{.actor = "ann"}, "32", 0},
		{{.action = "connector"}, "2", 0},
		{{.action = "connector.change"}, "2", 0},
		{{.object = "Fabrikam/Partner"}, "2", 0},
		{{.organisations = &contoso}, "3", 0},
		{{.since_ms = 2000}, "32", 0},
		{{.since_ms = 2000, .until_ms = 3000}, "2", 0},
		{{.object = "nothing"}, "", 0},
	};
	struct seen seen;

	ask_audit(&seen, t, &(struct store_audit_query){0});
	assert_int_equal(seen.count, 0);
	log_three(t);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *line;
		size_t n = 0;

		print_message("  # row %zu\n", i);
		ask_audit(&seen, t, &rows[i].query);
		assert_int_equal(seen.count, strlen(rows[i].ids));
		assert_int_equal(seen.next, rows[i].next);
		for (line = seen.text; *line != '\0'; line = strchr(line, '\n') + 1)
			assert_int_equal(line[0], rows[i].ids[n++]);
	}
	ask_audit(&seen, t, &(struct store_audit_query){.object = "fabrikam/partner"});
	assert_string_equal(seen.text, "2 connector.change {\"name\":\"partner\"} "
				       "{\"name\":\"partner\",\"x\":1}\n");
}

/* More than one step looks at. */
static void a_long_log_is_listed(struct testing *t)
{
	enum { MANY = 4500 };
	struct account_entry *many = mem_resize(NULL, MANY, sizeof(*many));
	struct seen seen;
	char *large = mem_new(ACCOUNT_AUDIT_VALUE);
	struct account_entry big = first;

	for (size_t i = 0; i < MANY; i++)
		many[i] = i == 0 ? first : second;
	apply(t, &(struct store_access_change){.audited = {many, MANY}});
	ask_audit(&seen, t, &(struct store_audit_query){.actor = "root"});
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.next, 0);
	ask_audit(&seen, t, &(struct store_audit_query){.actor = "ann", .limit = 1000});
	assert_int_equal(seen.count, 1000);
	assert_int_equal(seen.next, MANY - 1000 + 1);
	verify(&seen, t, MANY, 0);
	/* An answer has a limit in bytes, too. */
	memset(large, '1', ACCOUNT_AUDIT_VALUE - 1);
	big.before = big.after = large;
	for (size_t i = 0; i < 20; i++)
		apply(t, &(struct store_access_change){.audited = {&big, 1}});
	ask_audit(&seen, t, &(struct store_audit_query){0});
	assert_true(seen.count > 1 && seen.count < 20);
	assert_int_equal(seen.next, MANY + 20 - (int64_t)seen.count + 1);
	free(many);
	free(large);
}

static void the_log_proves_itself(struct testing *t)
{
	char head[ACCOUNT_AUDIT_HASH];
	struct seen seen;

	verify(&seen, t, 0, 0);
	assert_string_equal(seen.head, account_audit_start);
	log_three(t);
	verify(&seen, t, 3, 0);
	memcpy(head, seen.head, sizeof(head));
	apply(t, &(struct store_access_change){.audited = {&first, 1}});
	verify(&seen, t, 4, 0);
	assert_string_not_equal(head, seen.head);
}

static void the_configuration_is_logged(struct testing *t)
{
	struct arena *arena = arena_new();
	struct model_organisation o;
	struct model_config config = {.organisations = {&o, 1}};
	struct store_audited audited = {&second, 1};
	struct model_change change = {
		.kind = MODEL_ORGANISATION, .type = MODEL_ADDED, .key = "contoso", .after = &o};
	struct seen seen;

	record_init(&model_organisation_desc, &o, arena);
	o.name = "contoso";
	store_config_put(t->store, 1, &config, &audited, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	store_config_change(t->store, 2, &change, 1, &audited, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	verify(&seen, t, 2, 0);
	arena_free(&arena);
}

static const struct testing_case cases[] = {
	CASE(users_and_tokens_are_kept),
	CASE(the_log_is_listed),
	CASE(a_long_log_is_listed),
	CASE(the_log_proves_itself),
	CASE(the_configuration_is_logged),
};
TESTING_BOTH(cases)

/* ---- the database -----------------------------------------------------------------------------
 */

static int run_sql(const struct testing *t, const char *sql)
{
	char path[256];
	sqlite3 *db;
	int code;

	snprintf(path, sizeof(path), "%s/queue.db", t->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	code = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return code;
}

#define UNLOCK "DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept;"

static const struct {
	const char *sql;
	int64_t entries, broken_at;
} harms[] = {
	{"UPDATE audit SET actor = 'bob' WHERE id = 2", 1, 2},
	{"UPDATE audit SET after = '{}' WHERE id = 1", 0, 1},
	{"UPDATE audit SET at = at + 1 WHERE id = 3", 2, 3},
	{"UPDATE audit SET address = NULL WHERE id = 2", 1, 2},
	{"UPDATE audit SET result = 'ok' WHERE id = 3", 2, 3},
	{"UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE id = 2", 1, 2},
	{"DELETE FROM audit WHERE id = 1", 0, 1},
	{"DELETE FROM audit WHERE id = 2", 1, 2},
	{"DELETE FROM audit WHERE id = 3", 2, 3},
	{"DELETE FROM audit", 0, 1},
};

static void what_is_changed_behind_its_back_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(harms); i++) {
		struct arena *arena = arena_new();
		struct testing t;
		struct seen seen;

		print_message("# %s\n", harms[i].sql);
		testing_begin(&t, true);
		log_three(&t);
		store_close(&t.store);
		assert_int_equal(run_sql(&t, harms[i].sql), SQLITE_CONSTRAINT);
		assert_int_equal(
			run_sql(&t, arena_format(arena, UNLOCK "%s", harms[i].sql)), SQLITE_OK);
		testing_open(&t);
		verify(&seen, &t, harms[i].entries, harms[i].broken_at);
		/* Whatever comes behind does not heal it. */
		apply(&t, &(struct store_access_change){.audited = {&first, 1}});
		verify(&seen, &t, harms[i].entries, harms[i].broken_at);
		testing_end(&t);
		arena_free(&arena);
	}
}

/* The version before had neither users nor an audit log. */
static void the_schema_before_is_taken_over(void **state)
{
	struct testing t;
	struct seen seen;
	struct found f;

	(void)state;
	testing_begin(&t, true);
	assert_int_equal(testing_add(&t, MAIL(1, 2, 100, 5)), ERR_OK);
	store_close(&t.store);
	assert_int_equal(run_sql(&t, "DROP TABLE user; DROP TABLE token; DROP TABLE audit;"
				     "DELETE FROM setting WHERE name = 'audit';"
				     "PRAGMA user_version = 5"),
		SQLITE_OK);
	testing_open(&t);
	load_one(&f, &t, 1);
	assert_int_equal(f.recipients[0], 2);
	ask_access(&seen, &t, "");
	log_three(&t);
	verify(&seen, &t, 3, 0);
	testing_end(&t);
}

/* A user of a later version: said, not guessed at. */
static void what_cannot_be_read_is_said(void **state)
{
	struct testing t;
	struct seen seen = {0};

	(void)state;
	testing_begin(&t, true);
	store_close(&t.store);
	assert_int_equal(run_sql(&t, "INSERT INTO user VALUES('ann', '{\"name\": \"ann\","
				     " \"role\": \"emperor\"}')"),
		SQLITE_OK);
	testing_open(&t);
	store_access(t.store, on_access, &seen);
	testing_wait(&t, &seen.finished);
	assert_int_equal(seen.result, ERR_UNSUPPORTED);
	assert_non_null(strstr(seen.text, "user ann cannot be read: role"));
	testing_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
		cmocka_unit_test(what_is_changed_behind_its_back_is_found),
		cmocka_unit_test(the_schema_before_is_taken_over),
		cmocka_unit_test(what_cannot_be_read_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
