#include "process/deliver/maildir.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	struct event_base *base;
	struct deliver_maildir *maildir;
	char root[64], path[128];
	int steps;
	enum err error;
	char text[256];
};

static void on_done(void *context, enum err error, const char *text)
{
	struct fixture *x = context;

	x->steps++;
	x->error = error;
	snprintf(x->text, sizeof(x->text), "%s", text);
	event_base_loopbreak(x->base);
}

static int setup(void **state)
{
	struct fixture *x = mem_new(sizeof(*x));

	snprintf(x->root, sizeof(x->root), "/tmp/test-maildir-XXXXXX");
	assert_non_null(mkdtemp(x->root));
	snprintf(x->path, sizeof(x->path), "%s/example.org/joe", x->root);
	x->base = event_base_new();
	x->maildir = deliver_maildir_new(x->base, "mx.example:1");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	deliver_maildir_free(&x->maildir);
	event_base_free(x->base);
	free(x);
	return 0;
}

static size_t list(const char *path, const char *part, char name[512])
{
	char directory[256];
	struct dirent *entry;
	size_t n = 0;
	DIR *d;

	snprintf(directory, sizeof(directory), "%s/%s", path, part);
	d = opendir(directory);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, 512, "%s/%s", directory, entry->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static void write_step(
	struct fixture *x, struct deliver_mailfile *file, const char *bytes, bool last)
{
	struct timeval deadline = {60, 0};
	int before = x->steps;

	deliver_mailfile_write(file, str_of(bytes), last);
	event_base_loopexit(x->base, &deadline);
	event_base_dispatch(x->base);
	assert_int_equal(x->steps, before + 1);
}

static struct deliver_mailfile *new_file(struct fixture *x)
{
	return deliver_mailfile_new(x->maildir,
		&(struct deliver_mailfile_options){
			.path = x->path,
			.sender = "a@b",
			.recipient = "joe@example.org",
			.now_ms = 1700000000123,
		},
		on_done, x);
}

static void test_delivered(void **state)
{
	struct fixture *x = *state;
	struct deliver_mailfile *file = new_file(x);
	char name[512], got[512] = "";
	struct stat info;
	FILE *f;

	write_step(x, file, "Subject: x\r\n\r\na\r", false);
	assert_int_equal(x->error, ERR_OK);
	assert_int_equal(list(x->path, "new", name), 0);
	write_step(x, file, "\nb\rc\r\n", true);
	assert_int_equal(x->error, ERR_OK);
	deliver_mailfile_free(&file);
	assert_int_equal(list(x->path, "tmp", name), 0);
	assert_int_equal(list(x->path, "cur", name), 0);
	assert_int_equal(list(x->path, "new", name), 1);
	assert_non_null(strstr(name, "/1700000000.M123000P"));
	assert_non_null(strstr(name, "mx.example_1"));
	assert_int_equal(stat(name, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	f = fopen(name, "r");
	assert_true(fread(got, 1, sizeof(got) - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, "Return-Path: <a@b>\nDelivered-To: joe@example.org\n"
				 "Subject: x\n\na\nb\rc\n");
}

static void test_given_up_leaves_nothing(void **state)
{
	struct fixture *x = *state;
	struct deliver_mailfile *file = new_file(x);
	char name[512];

	write_step(x, file, "Subject: x\r\n", false);
	assert_int_equal(list(x->path, "tmp", name), 1);
	deliver_mailfile_free(&file);
	assert_int_equal(list(x->path, "tmp", name), 0);
	assert_int_equal(list(x->path, "new", name), 0);
}

static void test_unwritable(void **state)
{
	struct fixture *x = *state;
	struct deliver_mailfile *file;
	FILE *f;

	/* A file where a directory should be. */
	snprintf(x->path, sizeof(x->path), "%s/joe", x->root);
	f = fopen(x->path, "w");
	fclose(f);
	file = new_file(x);
	write_step(x, file, "x", true);
	assert_int_not_equal(x->error, ERR_OK);
	assert_true(strlen(x->text) > 0);
	deliver_mailfile_free(&file);
}

static void test_many_at_once(void **state)
{
	struct fixture *x = *state;
	struct deliver_mailfile *files[50];
	struct timeval deadline = {60, 0};
	char name[512];

	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		files[i] = new_file(x);
		deliver_mailfile_write(files[i], (struct str)STR("x\r\n"), true);
	}
	event_base_loopexit(x->base, &deadline);
	while (x->steps < (int)ARRAY_LENGTH(files) && !event_base_got_exit(x->base))
		event_base_dispatch(x->base);
	assert_int_equal(x->steps, ARRAY_LENGTH(files));
	assert_int_equal(list(x->path, "new", name), ARRAY_LENGTH(files));
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		deliver_mailfile_free(&files[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_delivered),
		TEST(test_given_up_leaves_nothing),
		TEST(test_unwritable),
		TEST(test_many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
