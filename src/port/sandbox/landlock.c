/*
 * Landlock by its system calls.  The numbers of newer versions stand here, because the headers of
 * the build machine may be older than the kernel the program runs on.
 */
#include "port/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	VERSION_REFER = 2,
	VERSION_TRUNCATE = 3,
	VERSION_NET = 4,
	VERSION_IOCTL = 5,
	VERSION_SCOPE = 6,
};

/* linux/landlock.h as of version 6. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

#define FILE_EXECUTE	(UINT64_C(1) << 0)
#define FILE_WRITE	(UINT64_C(1) << 1)
#define FILE_READ	(UINT64_C(1) << 2)
#define FILE_READ_DIR	(UINT64_C(1) << 3)
#define FILE_ALL_1	((UINT64_C(1) << 13) - 1) /* remove, make, ...: all of version 1 */
#define FILE_MAKE_CHAR	(UINT64_C(1) << 6)
#define FILE_MAKE_BLOCK (UINT64_C(1) << 11)
#define FILE_REFER	(UINT64_C(1) << 13)
#define FILE_TRUNCATE	(UINT64_C(1) << 14)
#define FILE_IOCTL	(UINT64_C(1) << 15)
#define NET_BIND	(UINT64_C(1) << 0)
#define NET_CONNECT	(UINT64_C(1) << 1)
#define SCOPE_ABSTRACT	(UINT64_C(1) << 0)
#define SCOPE_SIGNAL	(UINT64_C(1) << 1)

static uint64_t files_of(int version)
{
	uint64_t all = FILE_ALL_1;

	if (version >= VERSION_REFER)
		all |= FILE_REFER;
	if (version >= VERSION_TRUNCATE)
		all |= FILE_TRUNCATE;
	if (version >= VERSION_IOCTL)
		all |= FILE_IOCTL;
	return all;
}

static enum err allow(int ruleset, const char *path, uint64_t access, struct err_info *info)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	struct stat st;
	long result;

	if (rule.parent_fd < 0)
		return err_set(info, err_from_errno(errno), "%s: %s", path, strerror(errno));
	/* What concerns directories is refused for anything else. */
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_READ | FILE_WRITE;
	result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	if (result < 0)
		return err_set(info, ERR_INTERNAL, "landlock: %s: %s", path, strerror(errno));
	return ERR_OK;
}

static enum err allow_all(
	int ruleset, const struct sandbox_rules *rules, uint64_t files, struct err_info *info)
{
	const uint64_t never = FILE_EXECUTE | FILE_MAKE_CHAR | FILE_MAKE_BLOCK | FILE_IOCTL;
	enum err e = ERR_OK;

	for (size_t i = 0; i < rules->writable_count && e == ERR_OK; i++)
		e = allow(ruleset, rules->writable[i], files & ~never, info);
	for (size_t i = 0; i < rules->readable_count && e == ERR_OK; i++)
		e = allow(ruleset, rules->readable[i], FILE_READ | FILE_READ_DIR, info);
	return e;
}

enum err sandbox_landlock(
	const struct sandbox_rules *rules, int *ret_version, struct err_info *info)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset wanted = {.files = files_of((int)version)};
	size_t size = sizeof(wanted.files);
	enum err e;
	int fd;

	*ret_version = 0;
	if (version <= 0)
		return ERR_OK;
	if (version >= VERSION_NET) {
		wanted.network = rules->may_connect ? 0 : NET_BIND | NET_CONNECT;
		size = offsetof(struct ruleset, scoped);
	}
	if (version >= VERSION_SCOPE) {
		wanted.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
		size = sizeof(wanted);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
	if (fd < 0)
		return err_set(info, ERR_INTERNAL, "landlock: %s", strerror(errno));
	e = allow_all(fd, rules, wanted.files, info);
	if (e == ERR_OK && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		e = err_set(info, ERR_INTERNAL, "landlock: %s", strerror(errno));
	close(fd);
	if (e == ERR_OK)
		*ret_version = (int)version;
	return e;
}
