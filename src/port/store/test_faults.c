/* A full disk, a broken disk, a damaged file, a stranger's file. */
#include "port/store/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* ---- a disk with a limit: a VFS around the real one, for the queue's files --------------------
 */

static struct {
	sqlite3_vfs *real;
	atomic_bool full; /* no file may grow */
	atomic_bool sync_fails;
	char reserve[128]; /* while it is full: once this file has gone, there is that room */
	atomic_llong room;
} disk;

struct limited {
	sqlite3_file base;
	sqlite3_file *real;
	bool is_queue;
};

#define REAL(f) (((struct limited *)(f))->real)

static int limited_close(sqlite3_file *f)
{
	return REAL(f)->pMethods->xClose(REAL(f));
}

static int limited_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static bool may_grow(sqlite3_int64 bytes)
{
	if (!atomic_load(&disk.full))
		return true;
	if (disk.reserve[0] == '\0' || access(disk.reserve, F_OK) == 0)
		return false;
	return atomic_fetch_sub(&disk.room, bytes) >= bytes;
}

static int limited_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	sqlite3_int64 size = 0;

	REAL(f)->pMethods->xFileSize(REAL(f), &size);
	if (((struct limited *)f)->is_queue && at + n > size && !may_grow(at + n - size))
		return SQLITE_FULL;
	return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}

static int limited_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int limited_sync(sqlite3_file *f, int flags)
{
	if (((struct limited *)f)->is_queue && atomic_load(&disk.sync_fails))
		return SQLITE_IOERR_FSYNC;
	return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int limited_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int limited_lock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int limited_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int limited_reserved(sqlite3_file *f, int *out)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int limited_control(sqlite3_file *f, int what, void *p)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), what, p);
}

static int limited_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int limited_device(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static const sqlite3_io_methods limited_methods = {
	.iVersion = 1,
	.xClose = limited_close,
	.xRead = limited_read,
	.xWrite = limited_write,
	.xTruncate = limited_truncate,
	.xSync = limited_sync,
	.xFileSize = limited_size,
	.xLock = limited_lock,
	.xUnlock = limited_unlock,
	.xCheckReservedLock = limited_reserved,
	.xFileControl = limited_control,
	.xSectorSize = limited_sector,
	.xDeviceCharacteristics = limited_device,
};

static int limited_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct limited *limited = (struct limited *)file;
	int code;

	(void)vfs;
	limited->real = (sqlite3_file *)(limited + 1);
	limited->is_queue = name != NULL && strstr(name, "/queue.db") != NULL;
	code = disk.real->xOpen(disk.real, name, limited->real, flags, out_flags);
	limited->base.pMethods = limited->real->pMethods != NULL ? &limited_methods : NULL;
	return code;
}

static sqlite3_vfs limited_vfs;

static void use_limited_disk(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	limited_vfs = *disk.real;
	limited_vfs.zName = "limited";
	limited_vfs.szOsFile = (int)sizeof(struct limited) + disk.real->szOsFile;
	limited_vfs.xOpen = limited_open;
	limited_vfs.pNext = NULL;
	assert_int_equal(sqlite3_vfs_register(&limited_vfs, 1), SQLITE_OK);
}

/* ---- cases
 * --------------------------------------------------------------------------------------- */

static void a_full_disk_refuses_and_recovers(void **state)
{
	struct store_update end = {.message = 3, .number = 0, .remove = true};
	struct testing t;
	struct found f;
	int64_t id;

	(void)state;
	testing_begin(&t, true);
	for (id = 1; id <= 20; id++)
		assert_int_equal(testing_add(&t, MAIL(id, 1, 5000, id)), ERR_OK);
	atomic_store(&disk.full, true);
	for (id = 21; id <= 25; id++)
		assert_int_equal(testing_add(&t, MAIL(id, 1, 5000, id)), ERR_FULL);
	assert_int_equal(t.broken, ERR_OK);
	load_one(&f, &t, 21);
	assert_int_equal(f.count, 0);
	/* What is there can be read, and what ends makes room: from the reserve at first. */
	load_one(&f, &t, 3);
	assert_int_equal(f.count, 1);
	snprintf(disk.reserve, sizeof(disk.reserve), "%s/reserve", t.directory);
	atomic_store(&disk.room, 4 * 1024 * 1024);
	assert_int_equal(testing_update(&t, &end, 1), ERR_OK);
	load_one(&f, &t, 3);
	assert_int_equal(f.count, 0);
	disk.reserve[0] = '\0';
	atomic_store(&disk.full, false);
	for (id = 31; id <= 35; id++)
		assert_int_equal(testing_add(&t, MAIL(id, 1, 5000, id)), ERR_OK);
	testing_reopen(&t);
	for (id = 1; id <= 35; id++) {
		bool wanted = id != 3 && (id <= 20 || id > 30);

		load_one(&f, &t, id);
		assert_int_equal(f.count, wanted);
		assert_int_equal(read_body(&f, &t, id, 0, 9999), wanted ? ERR_OK : ERR_UNKNOWN);
	}
	testing_end(&t);
}

static void a_failed_sync_ends_everything(void **state)
{
	struct testing t;
	struct found f;
	int64_t id;
	struct store_counts counts;

	(void)state;
	testing_begin(&t, true);
	for (id = 1; id <= 5; id++)
		assert_int_equal(testing_add(&t, MAIL(id, 1, 100, id)), ERR_OK);
	assert_int_equal(testing_add(&t, MAIL(6, 1, 100000, 6)), ERR_OK);
	atomic_store(&disk.sync_fails, true);
	assert_int_equal(testing_add(&t, MAIL(7, 1, 100, 7)), ERR_IO);
	assert_int_equal(t.broken, ERR_IO);
	/* Also when the disk seems well again. */
	atomic_store(&disk.sync_fails, false);
	assert_int_equal(testing_add(&t, MAIL(8, 1, 100000, 8)), ERR_IO);
	testing_reopen(&t);
	t.broken = ERR_OK;
	for (id = 1; id <= 6; id++) {
		assert_int_equal(read_body(&f, &t, id, 0, STORE_MAX_READ), ERR_OK);
		assert_int_equal(f.count, id == 6 ? 100000 : 100);
	}
	load_one(&f, &t, 8);
	assert_int_equal(f.count, 0);
	store_counts(t.store, &counts);
	assert_true(counts.messages == 6 || counts.messages == 7);
	assert_int_equal(t.broken, ERR_OK);
	testing_end(&t);
}

static void a_body_that_does_not_fit_is_refused(void **state)
{
	struct rlimit before, limit;
	struct testing t;
	struct found f;
	struct store_intake *intake;
	struct wire_message message = {.id = 9, .sender = ""};
	struct store_recipient to = {.wire.address = "a@b", .route = "r"};
	struct store_new new = {.message = &message, .recipients = &to, .count = 1};

	(void)state;
	testing_begin(&t, true);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 100000;
	intake = store_begin(t.store, 9);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	testing_fill(intake, 9, 300000);
	assert_int_equal(store_write(intake, (struct str)STR("x")), ERR_FULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	new.intake = intake;
	store_commit(t.store, &new, NULL, testing_done, &t);
	assert_int_equal(testing_finish(&t), ERR_FULL);
	assert_int_equal(read_body(&f, &t, 9, 0, 10), ERR_UNKNOWN);
	assert_int_equal(testing_add(&t, MAIL(9, 1, 300000, 1)), ERR_OK);
	testing_end(&t);
}

static void what_a_crash_left_over_is_swept(void **state)
{
	struct testing t;
	struct found f;
	char path[256];
	int fd;

	(void)state;
	testing_begin(&t, true);
	assert_int_equal(testing_add(&t, MAIL(0x105, 1, 100000, 1)), ERR_OK);
	assert_int_equal(testing_add(&t, MAIL(0x205, 1, 100, 1)), ERR_OK);
	store_close(&t.store);
	snprintf(path, sizeof(path), "%s/spool/05/%016x", t.directory, 0x305);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	/* One whose message has its content in the row. */
	snprintf(path, sizeof(path), "%s/spool/05/%016x", t.directory, 0x205);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	testing_open(&t);
	assert_int_equal(store_facts(t.store)->swept, 2);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(read_body(&f, &t, 0x105, 0, STORE_MAX_READ), ERR_OK);
	assert_int_equal(f.count, 100000);
	/* A file that is missing is that message's trouble only. */
	snprintf(path, sizeof(path), "%s/spool/05/%016x", t.directory, 0x105);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_body(&f, &t, 0x105, 0, 10), ERR_UNAVAILABLE);
	assert_int_equal(read_body(&f, &t, 0x205, 0, 10), ERR_OK);
	testing_end(&t);
}

static void spoil(const struct testing *t, const char *name)
{
	char path[256], junk[4096];
	int fd;

	memset(junk, 'x', sizeof(junk));
	snprintf(path, sizeof(path), "%s/%s", t->directory, name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
}

static void set_version(const struct testing *t, const char *name)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", t->directory, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA user_version = 99", NULL,
			NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

static void what_cannot_be_opened_says_why(void **state)
{
	static const char *const files[] = {"queue.db", "trace.db"};
	struct err_info info = {0};
	struct testing t, other;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LENGTH(files); i++) {
		testing_begin(&t, true);
		other = t;
		assert_int_equal(testing_try_open(&other, &info), ERR_BUSY);
		assert_non_null(strstr(info.text, "another process has it open"));
		store_close(&t.store);
		set_version(&t, files[i]);
		assert_int_equal(testing_try_open(&t, &info), ERR_UNSUPPORTED);
		assert_non_null(strstr(info.text, "newer version"));
		spoil(&t, files[i]);
		assert_int_equal(testing_try_open(&t, &info), ERR_CORRUPT);
		assert_non_null(strstr(info.text, files[i]));
		testing_end(&t);
	}
	t.base = event_base_new();
	snprintf(t.directory, sizeof(t.directory), "/proc/no-such-place");
	assert_int_not_equal(testing_try_open(&t, &info), ERR_OK);
	assert_non_null(strstr(info.text, "/proc/no-such-place"));
	event_base_free(t.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_refuses_and_recovers),
		cmocka_unit_test(a_failed_sync_ends_everything),
		cmocka_unit_test(a_body_that_does_not_fit_is_refused),
		cmocka_unit_test(what_a_crash_left_over_is_swept),
		cmocka_unit_test(what_cannot_be_opened_says_why),
	};

	use_limited_disk();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
