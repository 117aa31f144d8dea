/* Requests in the vault: whole or not there, whenever the writer is killed; and the lock that
 * another process inherits. */
#include "port/vault/test_disk.h"
#include "port/vault/vault.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct world {
	char data[64];
	struct arena *arena;
	struct err_info info;
};

static int setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));

	w->arena = arena_new();
	snprintf(w->data, sizeof(w->data), "/tmp/sealpost-vault-XXXXXX");
	assert_non_null(mkdtemp(w->data));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char rm[] = "rm", flags[] = "-rf";
	char *const arguments[] = {rm, flags, w->data, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/rm", arguments);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	arena_free(&w->arena);
	free(w);
	return 0;
}

static bool exists(const struct world *w, const char *path)
{
	return access(arena_format(w->arena, "%s/certificates/%s", w->data, path), F_OK) == 0;
}

static struct vault *opened(struct world *w)
{
	struct vault *vault = NULL;

	if (vault_open(w->data, false, &vault, &w->info) != ERR_OK)
		fail_msg("%s", w->info.text);
	return vault;
}

static void put(struct world *w, const char *key, const char *request)
{
	struct vault *vault CLEANUP(vault_free) = opened(w);

	assert_int_equal(
		vault_request_write(vault, "a", str_of(key), str_of(request), &w->info), ERR_OK);
}

/* "1", "2": which one; "-": none.  Key and request are of the same one, and both ways of reading
 * agree. */
static const char *open_one(struct world *w)
{
	struct vault_request *all = NULL;
	struct str key = {0};
	size_t count = 0;
	enum err e = vault_request_key(w->data, "a", w->arena, &key, &w->info);

	assert_int_equal(vault_requests(w->data, w->arena, &all, &count, &w->info), ERR_OK);
	assert_int_equal(count, e == ERR_OK);
	assert_int_equal(vault_request_find(w->data, "a", NULL), e);
	if (count == 0)
		return "-";
	assert_string_equal(all[0].name, "a");
	assert_true(all[0].at_ms > 0);
	assert_true(str_equal(key, (struct str)STR("key 1")) ==
		    str_equal(all[0].request, (struct str)STR("request 1")));
	assert_int_equal(key.n, strlen("key 1"));
	return str_equal(key, (struct str)STR("key 1")) ? "1" : "2";
}

static void ask_again(struct world *w)
{
	put(w, "key 2", "request 2");
}

static void drop_it(struct world *w)
{
	struct vault *vault CLEANUP(vault_free) = opened(w);

	vault_request_remove(vault, "a");
}

/* RUN in a process that is killed before one of its calls. */
static bool was_killed(struct world *w, void (*run)(struct world *w), int left)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		test_disk_calls_left = left;
		run(w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void killed_at_any_call(void **state)
{
	static const struct {
		void (*run)(struct world *w);
		const char *after;
	} rows[] = {{ask_again, "2"}, {drop_it, "-"}};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int left = 0, before = 0;
		bool killed;

		do {
			struct vault *vault;
			const char *now;

			put(w, "key 1", "request 1");
			killed = was_killed(w, rows[i].run, left++);
			now = open_one(w);
			before += strcmp(now, "1") == 0;
			/* Where the old one is thrown away there may be none for a moment. */
			assert_true(strcmp(now, "1") == 0 || strcmp(now, "-") == 0 ||
				    strcmp(now, rows[i].after) == 0);
			assert_true(killed || strcmp(now, rows[i].after) == 0);
			vault = opened(w);
			vault_free(&vault);
			assert_string_equal(open_one(w), now);
			assert_false(exists(w, "a/request.new"));
			assert_false(exists(w, "a/request.old"));
			assert_int_equal(exists(w, "a"), strcmp(now, "-") != 0);
			assert_true(left < 200);
		} while (killed);
		assert_true(before > 2);
	}
}

static void a_first_version_is_taken_back(void **state)
{
	struct world *w = *state;
	const struct vault_content pair = {"ecdsa", STR("chain"), STR("key")};
	struct cert_version version = {.id = "1", .state = CERT_CURRENT, .not_after_ms = 1};
	const struct cert_life before = {.name = "a"},
			       after = {.name = "a", .versions = {&version, 1}};
	struct vault *vault CLEANUP(vault_free) = NULL;

	put(w, "key 1", "request 1");
	vault = opened(w);
	assert_int_equal(vault_add(vault, "a", "1", &pair, 1, &w->info), ERR_OK);
	assert_int_equal(vault_write(vault, &after, &w->info), ERR_OK);
	assert_true(exists(w, "a/life.json") && exists(w, "a/1/ecdsa.key"));
	assert_int_equal(vault_take_back(vault, "a", &before, &w->info), ERR_OK);
	assert_false(exists(w, "a/life.json") || exists(w, "a/1"));
	assert_string_equal(open_one(w), "1");
	assert_int_equal(vault_take_back(vault, "b", &(struct cert_life){.name = "b"}, &w->info),
		ERR_UNKNOWN);
}

/* Who inherits the descriptor may write, and nobody else may before it ends. */
static void the_lock_is_inherited(void **state)
{
	struct world *w = *state;
	struct vault *vault = opened(w), *other = NULL;
	int go[2], status;
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		struct vault *mine = vault_adopt(w->data, vault_lock(vault));
		char byte;

		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(vault_request_write(mine, "a", (struct str)STR("key 1"),
			      (struct str)STR("request 1"), NULL) == ERR_OK
				? 0
				: 1);
	}
	close(go[0]);
	vault_free(&vault);
	assert_int_equal(vault_open(w->data, false, &other, &w->info), ERR_BUSY);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(go[1]);
	other = opened(w);
	vault_free(&other);
	assert_string_equal(open_one(w), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_any_call, setup, teardown),
		cmocka_unit_test_setup_teardown(a_first_version_is_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lock_is_inherited, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
