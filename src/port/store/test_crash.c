/*
 * Kill the process at any moment: what was acknowledged is there, what was acknowledged as gone
 * stays gone.  A child works and tells each acknowledgement through a pipe; the parent kills it
 * somewhere in the middle, opens the store and compares.
 */
#include "port/store/testing.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 12, UNDER_WAY = 40, MOST = 100000 };

struct child {
	struct testing t;
	int pipe;
	int64_t next;
};

/* One message from its acceptance to, for every third, its end. */
struct life {
	struct child *child;
	int64_t id;
	bool ending;
};

static size_t size_of(int64_t id)
{
	static const size_t sizes[] = {10, 3000, 30000, 90000};

	return sizes[(size_t)(id % 97) < 3 ? 3 : (size_t)(id % 3)];
}

static void begin_life(struct child *child);

static void on_done(void *context, enum err e)
{
	struct life *life = context;
	struct child *child = life->child;
	struct store_update end = {.message = life->id, .number = 0, .remove = true};
	struct store_change change = {.updates = &end, .update_count = 1};
	int64_t told = life->ending ? -life->id : life->id;

	if (e != ERR_OK || write(child->pipe, &told, sizeof(told)) != sizeof(told))
		_exit(1);
	if (!life->ending && life->id % 3 == 0) {
		life->ending = true;
		store_apply(child->t.store, &change, on_done, life);
		return;
	}
	free(life);
	begin_life(child);
}

static void begin_life(struct child *child)
{
	struct life *life = mem_new(sizeof(*life));

	life->child = child;
	life->id = child->next++;
	testing_add_async(&child->t, MAIL(life->id, 1, size_of(life->id), 1), on_done, life);
}

static void run_child(const char *directory, int64_t first, int out)
{
	struct child child = {.pipe = out, .next = first};
	struct err_info info;
	int i;

	child.t.base = event_base_new();
	snprintf(child.t.directory, sizeof(child.t.directory), "%s", directory);
	if (testing_try_open(&child.t, &info) != ERR_OK)
		_exit(2);
	for (i = 0; i < UNDER_WAY; i++)
		begin_life(&child);
	event_base_dispatch(child.t.base);
	_exit(3);
}

/* What was told: 1 accepted, 2 gone. */
static size_t listen_and_kill(pid_t pid, int in, char *told, size_t after)
{
	int64_t id;
	size_t n = 0;
	int status;

	while (read(in, &id, sizeof(id)) == sizeof(id)) {
		assert_true(llabs(id) < MOST);
		told[llabs(id)] = id > 0 ? 1 : 2;
		if (++n == after)
			kill(pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	return n;
}

static void check(struct testing *t, const char *told)
{
	struct traced_counts {
		int64_t there, gone;
	} counts = {0};
	int64_t id;

	for (id = 1; id < MOST; id++) {
		struct found f;

		if (told[id] == 0)
			continue;
		load_one(&f, t, id);
		if (told[id] == 1) {
			/* Its end may have been committed and not told. */
			if (f.count == 0 && id % 3 == 0)
				continue;
			assert_int_equal(f.count, 1);
			assert_int_equal(read_body(&f, t, id, 0, STORE_MAX_READ), ERR_OK);
			assert_int_equal(f.count, size_of(id));
			counts.there++;
		} else {
			assert_int_equal(f.count, 0);
			counts.gone++;
		}
	}
	assert_true(counts.there > 0 && counts.gone > 0);
}

static void nothing_acknowledged_is_lost(void **state)
{
	struct testing t;
	char *told = mem_new(MOST);
	int round;

	(void)state;
	testing_begin(&t, true);
	for (round = 0; round < ROUNDS; round++) {
		size_t after = 100 + (size_t)round * 97 % 500;
		int ends[2];
		pid_t pid;

		store_close(&t.store);
		assert_int_equal(pipe(ends), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(ends[0]);
			run_child(t.directory, 1 + round * 5000, ends[1]);
		}
		close(ends[1]);
		listen_and_kill(pid, ends[0], told, after);
		close(ends[0]);
		testing_open(&t);
	}
	check(&t, told);
	testing_end(&t);
	free(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acknowledged_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
