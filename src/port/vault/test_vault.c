/*
 * The vault, and what is left of it when the writer is killed before any one of its calls that
 * change the disk: readers find the life from before or the one from after, whole.
 */
#include "port/vault/vault.h"

#include "base/moment.h"
#include "core/cert/step.h"
#include "port/tls/test_certs.h"
#include "port/vault/test_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- a directory, and pairs --------------------------------------------------------------------
 */

struct world {
	char data[64];
	struct arena *arena;
	struct str chain, key, rsa_chain, rsa_key;
	int64_t now;
	struct err_info info;
};

static struct str key_pem(EVP_PKEY *key, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct str ret;
	char *bytes;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &bytes);
	ret = arena_copy(arena, str_make(bytes, (size_t)n));
	BIO_free(bio);
	return ret;
}

static void make_pair(struct world *w, int rsa_bits, struct str *chain, struct str *key)
{
	struct test_cert cert = test_cert_make(&(struct test_cert_options){
		.common_name = "mx.example", .names = "DNS:mx.example", .rsa_bits = rsa_bits});

	*chain = str_of(arena_text(w->arena, cert.pem));
	*key = key_pem(cert.key, w->arena);
	test_cert_clear(&cert);
}

static int setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));

	w->arena = arena_new();
	snprintf(w->data, sizeof(w->data), "/tmp/sealpost-vault-XXXXXX");
	assert_non_null(mkdtemp(w->data));
	make_pair(w, 0, &w->chain, &w->key);
	make_pair(w, 2048, &w->rsa_chain, &w->rsa_key);
	w->now = (int64_t)time(NULL) * 1000;
	*state = w;
	return 0;
}

static void run_rm(const char *path)
{
	char rm[] = "rm", flags[] = "-rf", *copy = mem_text(path);
	char *const arguments[] = {rm, flags, copy, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/rm", arguments);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	free(copy);
}

static int teardown(void **state)
{
	struct world *w = *state;

	run_rm(w->data);
	arena_free(&w->arena);
	free(w);
	return 0;
}

static void must(enum err e, const struct world *w)
{
	if (e != ERR_OK)
		fail_msg("%s: %s", err_token(e), w->info.text);
}

static bool exists(const struct world *w, const char *path)
{
	return access(arena_format(w->arena, "%s/certificates/%s", w->data, path), F_OK) == 0;
}

static struct str content_of(const struct world *w, const char *path)
{
	struct str ret = {0};

	vault_read_file(
		arena_format(w->arena, "%s/certificates/%s", w->data, path), w->arena, &ret, NULL);
	return ret;
}

/* An import: both pairs as one more version. */
static enum err import(struct world *w, const char *name)
{
	const struct vault_content pairs[] = {
		{"ecdsa", w->chain, w->key}, {"rsa", w->rsa_chain, w->rsa_key}};
	const struct cert_arrival arrival = {
		.not_before_ms = w->now - MOMENT_DAY_MS, .not_after_ms = w->now + MOMENT_DAY_MS};
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct cert_life life, after;
	enum err e = vault_open(w->data, false, &vault, &w->info);

	if (e != ERR_OK)
		return e;
	record_init(&cert_life_desc, &life, w->arena);
	life.name = name;
	vault_find(w->data, name, w->arena, &life, NULL);
	must(cert_step_add(&life, &arrival, w->now, w->arena, &after, &w->info), w);
	e = vault_add(
		vault, name, after.versions.items[after.versions.count - 1].id, pairs, 2, &w->info);
	return e == ERR_OK ? vault_write(vault, &after, &w->info) : e;
}

static enum err step(struct world *w, const char *name, enum cert_action action)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	const struct cert_step taken = {.action = action};
	struct cert_life life, after;

	must(vault_open(w->data, false, &vault, &w->info), w);
	must(vault_find(w->data, name, w->arena, &life, &w->info), w);
	must(cert_step_take(&life, &taken, w->now, w->arena, &after, &w->info), w);
	must(vault_write(vault, &after, &w->info), w);
	vault_sweep(vault);
	return ERR_OK;
}

/* "1=current 2=next", or "-". */
static const char *states(struct world *w, const char *name)
{
	const char *text = "";
	struct cert_life life;

	if (vault_find(w->data, name, w->arena, &life, &w->info) != ERR_OK)
		return "-";
	for (size_t i = 0; i < life.versions.count; i++)
		text = arena_format(w->arena, "%s%s%s=%s", text, i > 0 ? " " : "",
			life.versions.items[i].id, cert_state_names[life.versions.items[i].state]);
	return text;
}

/* Every living version has its files, no retired one has a key. */
static void check_files(struct world *w, const char *name)
{
	struct vault_pair pairs[VAULT_PAIRS];
	struct cert_life life;

	if (vault_find(w->data, name, w->arena, &life, &w->info) != ERR_OK)
		return;
	for (size_t i = 0; i < life.versions.count; i++) {
		const struct cert_version *v = &life.versions.items[i];
		size_t count = vault_pairs(w->data, name, v->id, w->arena, pairs);
		struct str text;

		assert_true(count > 0);
		for (size_t j = 0; j < count; j++) {
			must(vault_read_file(pairs[j].chain, w->arena, &text, &w->info), w);
			if (v->state == CERT_RETIRED)
				continue;
			must(vault_read_file(pairs[j].key, w->arena, &text, &w->info), w);
			assert_non_null(strstr(text.p, "-----END PRIVATE KEY-----"));
		}
	}
}

/* ---- cases ------------------------------------------------------------------------------------
 */

static void what_is_written_is_read(void **state)
{
	struct world *w = *state;
	struct vault_pair pairs[VAULT_PAIRS];
	struct cert_life *lives;
	struct stat st;
	size_t count = 0;

	must(vault_list(w->data, w->arena, &lives, &count, &w->info), w);
	assert_int_equal(count, 0);
	must(import(w, "b.mx"), w);
	must(import(w, "a"), w);
	must(import(w, "a"), w);
	must(vault_list(w->data, w->arena, &lives, &count, &w->info), w);
	assert_int_equal(count, 2);
	assert_string_equal(lives[0].name, "a");
	assert_string_equal(states(w, "a"), "1=current 2=next");
	assert_int_equal(vault_pairs(w->data, "a", "2", w->arena, pairs), 2);
	assert_string_equal(pairs[1].kind, "rsa");
	assert_true(str_equal(content_of(w, "a/2/rsa.key"), w->rsa_key));
	assert_int_equal(stat(pairs[1].key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(arena_format(w->arena, "%s/certificates/a/2", w->data), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	step(w, "a", CERT_ADVANCE);
	step(w, "a", CERT_RETIRE);
	assert_string_equal(states(w, "a"), "1=retired 2=current");
	assert_false(exists(w, "a/1/rsa.key"));
	assert_true(exists(w, "a/1/rsa.pem"));
	check_files(w, "a");
}

static void what_is_removed_is_gone(void **state)
{
	struct world *w = *state;
	struct vault *vault CLEANUP(vault_free) = NULL;

	must(import(w, "a"), w);
	must(vault_open(w->data, false, &vault, &w->info), w);
	must(vault_request_write(vault, "a", w->key, w->chain, &w->info), w);
	assert_int_equal(vault_remove(vault, "b", &w->info), ERR_UNKNOWN);
	assert_int_equal(vault_remove(vault, "../a", &w->info), ERR_UNKNOWN);
	must(vault_remove(vault, "a", &w->info), w);
	assert_false(exists(w, "a"));
	assert_string_equal(states(w, "a"), "-");
}

static void one_writes_at_a_time(void **state)
{
	struct world *w = *state;
	struct vault *first CLEANUP(vault_free) = NULL, *second = NULL;

	must(vault_open(w->data, false, &first, &w->info), w);
	assert_int_equal(vault_open(w->data, false, &second, &w->info), ERR_BUSY);
	vault_free(&first);
	must(vault_open(w->data, true, &second, &w->info), w);
	vault_free(&second);
}

static void a_key_that_was_asked_for(void **state)
{
	struct world *w = *state;
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct str key;

	must(vault_open(w->data, false, &vault, &w->info), w);
	assert_int_equal(vault_request_key(w->data, "a", w->arena, &key, &w->info), ERR_UNKNOWN);
	must(vault_request_write(vault, "a", w->key, w->chain, &w->info), w);
	vault_free(&vault);
	must(vault_open(w->data, false, &vault, &w->info), w); /* sweeping leaves it */
	must(vault_request_key(w->data, "a", w->arena, &key, &w->info), w);
	assert_true(str_equal(key, w->key));
	vault_request_remove(vault, "a");
	assert_false(exists(w, "a/request"));
}

static void put_file(struct world *w, const char *path, const char *text)
{
	int fd = open(arena_format(w->arena, "%s/certificates/%s", w->data, path),
		O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void write_old(struct world *w)
{
	mkdir(arena_format(w->arena, "%s/certificates", w->data), 0700);
	mkdir(arena_format(w->arena, "%s/certificates/old", w->data), 0700);
	put_file(w, "old/key.pem", w->key.p);
	put_file(w, "old/chain.pem", w->chain.p);
}

static void the_old_layout_is_version_1(void **state)
{
	struct world *w = *state;
	struct vault_pair pairs[VAULT_PAIRS];

	write_old(w);
	assert_string_equal(states(w, "old"), "1=current");
	assert_int_equal(vault_pairs(w->data, "old", "1", w->arena, pairs), 1);
	check_files(w, "old");
	must(import(w, "old"), w);
	assert_string_equal(states(w, "old"), "1=current 2=next");
	check_files(w, "old");
	must(import(w, "other"), w); /* sweeps */
	assert_false(exists(w, "old/key.pem"));
	assert_false(exists(w, "old/chain.pem"));
	assert_true(str_equal(content_of(w, "old/1/ecdsa.key"), w->key));
}

static void damage_is_named(void **state)
{
	static const struct {
		const char *name, *json, *want;
	} rows[] = {
		{"no JSON", "{", "line"},
		{"another name", "{\"name\": \"b\", \"versions\": []}", "expected \"a\""},
		{"two current",
			"{\"name\":\"a\",\"versions\":[{\"id\":\"1\",\"state\":\"current\"},"
			"{\"id\":\"2\",\"state\":\"current\"}]}",
			"2 are current"},
		{"no number", "{\"name\":\"a\",\"versions\":[{\"id\":\"../x\"}]}", "number"},
		{"unknown key", "{\"name\":\"a\",\"colour\":1}", "colour"},
	};
	struct world *w = *state;
	struct cert_life *lives;
	size_t count;

	must(import(w, "a"), w);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].name);
		put_file(w, "a/life.json", rows[i].json);
		assert_int_equal(
			vault_list(w->data, w->arena, &lives, &count, &w->info), ERR_CORRUPT);
		assert_non_null(strstr(w->info.text, "a/life.json"));
		assert_non_null(strstr(w->info.text, rows[i].want));
	}
	must(import(w, "b"), w); /* sweeps, and throws nothing of it away */
	assert_true(exists(w, "a/1/ecdsa.key"));
}

/* ---- killed -----------------------------------------------------------------------------------
 */

typedef void writer(struct world *w);

/* The data directory is another user's: what he puts there in place of ours is not used. */
static void what_another_user_puts_there_is_refused(void **state)
{
	struct world *w = *state;
	const char *life, *aside;
	struct cert_life found;

	must(import(w, "mx"), w);
	life = arena_format(w->arena, "%s/certificates/mx/life.json", w->data);
	aside = arena_format(w->arena, "%s/aside.json", w->data);
	assert_int_equal(rename(life, aside), 0);
	assert_int_equal(symlink(aside, life), 0);
	assert_int_not_equal(vault_find(w->data, "mx", w->arena, &found, &w->info), ERR_OK);
	assert_non_null(strstr(w->info.text, "life.json"));
	assert_int_equal(rename(aside, life), 0);
	must(vault_find(w->data, "mx", w->arena, &found, &w->info), w);
	if (geteuid() != 0)
		return; /* only root can give a file away */
	assert_int_equal(chown(life, 64200, 64200), 0);
	assert_int_equal(vault_find(w->data, "mx", w->arena, &found, &w->info), ERR_REFUSED);
	assert_non_null(strstr(w->info.text, "belongs to user 64200"));
}

static void import_a(struct world *w)
{
	must(import(w, "a"), w);
}

static void advance_a(struct world *w)
{
	step(w, "a", CERT_ADVANCE);
}

static void retire_a(struct world *w)
{
	step(w, "a", CERT_RETIRE);
}

static void import_old(struct world *w)
{
	must(import(w, "old"), w);
}

static void remove_a(struct world *w)
{
	struct vault *vault CLEANUP(vault_free) = NULL;

	must(vault_open(w->data, false, &vault, &w->info), w);
	must(vault_remove(vault, "a", &w->info), w);
}

/* Run it in a process that is killed before its call number LEFT; false: it came to its end. */
static bool was_killed(struct world *w, writer *run, int left)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		test_disk_calls_left = left;
		run(w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

struct killing {
	const char *what, *name;
	writer *first, *second, *third; /* what was there before; NULL */
	writer *run;
	const char *before, *after;
};

static void make_before(struct world *w, const struct killing *k)
{
	run_rm(arena_format(w->arena, "%s/certificates", w->data));
	if (k->first != NULL)
		k->first(w);
	if (k->second != NULL)
		k->second(w);
	if (k->third != NULL)
		k->third(w);
}

/* Nothing lies about that no life knows. */
static void check_swept(struct world *w, const struct killing *k)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	const char *now = states(w, k->name);

	must(vault_open(w->data, false, &vault, &w->info), w);
	assert_string_equal(states(w, k->name), now);
	check_files(w, k->name);
	assert_false(exists(w, arena_format(w->arena, "%s/life.json.new", k->name)));
	if (strcmp(now, "-") == 0)
		assert_false(exists(w, k->name));
	if (strstr(now, "2=") == NULL)
		assert_false(exists(w, arena_format(w->arena, "%s/2", k->name)));
	if (strstr(now, "1=retired") != NULL)
		assert_false(exists(w, arena_format(w->arena, "%s/1/ecdsa.key", k->name)));
}

static void killed_at_any_call(void **state)
{
	static const struct killing rows[] = {
		{"first import", "a", NULL, NULL, NULL, import_a, "-", "1=current"},
		{"second import", "a", import_a, NULL, NULL, import_a, "1=current",
			"1=current 2=next"},
		{"advance", "a", import_a, import_a, NULL, advance_a, "1=current 2=next",
			"1=deprecated 2=current"},
		{"retire", "a", import_a, import_a, advance_a, retire_a, "1=deprecated 2=current",
			"1=retired 2=current"},
		{"over the old layout", "old", write_old, NULL, NULL, import_old, "1=current",
			"1=current 2=next"},
		{"remove", "a", import_a, import_a, NULL, remove_a, "1=current 2=next", "-"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct killing *k = &rows[i];
		int left = 0, befores = 0, afters = 0;
		bool killed;

		print_message("# %s\n", k->what);
		do {
			const char *now;

			make_before(w, k);
			killed = was_killed(w, k->run, left++);
			now = states(w, k->name);
			befores += strcmp(now, k->before) == 0;
			afters += strcmp(now, k->after) == 0;
			assert_int_equal(befores + afters, left);
			check_files(w, k->name);
			check_swept(w, k);
			assert_true(left < 500);
		} while (killed);
		assert_true(befores > 2);
		assert_true(afters > 0);
	}
}

/* Wherever it gets full, the life from before stands, and the room is given back. */
static void a_full_disk_changes_nothing(void **state)
{
	struct world *w = *state;
	int64_t left = 0;
	enum err e;

	must(import(w, "a"), w);
	do {
		test_disk_room = left;
		e = import(w, "a");
		test_disk_room = -1;
		assert_string_equal(states(w, "a"), e == ERR_OK ? "1=current 2=next" : "1=current");
		assert_false(exists(w, "a/life.json.new"));
		if (e != ERR_OK) {
			assert_non_null(strstr(w->info.text, "No space left"));
			/* All of its files were written, or none is there. */
			assert_int_equal(exists(w, "a/2"), exists(w, "a/2/rsa.pem"));
		}
		check_files(w, "a");
		left += 97;
		assert_true(left < 100000);
	} while (e != ERR_OK);
	assert_true(left > 97 * 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_removed_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(one_writes_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_that_was_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(the_old_layout_is_version_1, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_another_user_puts_there_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_at_any_call, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_changes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
