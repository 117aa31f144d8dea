/*
 * Giving up power, for good.  First sandbox_become(): another user, no new privileges, no core
 * dumps, not traceable.  Later, once everything that must be opened is open, sandbox_enter(): files
 * by landlock, system calls by seccomp.  Both are inherited by every later thread.
 *
 * Landlock is used as far as the kernel has it: sandbox_enter() says how far.  Seccomp alone
 * already denies every file to a process without paths.
 */
#ifndef SEALPOST_PORT_SANDBOX_SANDBOX_H
#define SEALPOST_PORT_SANDBOX_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sandbox_user {
	bool change;	/* become uid and gid, without supplementary groups */
	bool drop_only; /* stay who we are, without any capability */
	uid_t uid;
	gid_t gid;
};

/* Also ends this process when its parent ends.  Must be called while there is one thread. */
enum err sandbox_become(const struct sandbox_user *user, struct err_info *info);

struct sandbox_rules {
	bool may_connect;	     /* open sockets, connect, and bind for a reply */
	bool may_connect_locally;    /* open Unix stream sockets and connect them */
	bool may_accept;	     /* accept on listening sockets it has */
	bool may_thread;	     /* start threads */
	const char *const *writable; /* directories: everything below, but no execution */
	size_t writable_count;
	const char *const *readable; /* files and directories to read */
	size_t readable_count;
};

/* *ret_landlock (may be NULL) is the landlock version in force, 0: none.  A path that does not
 * exist is an error. */
enum err sandbox_enter(const struct sandbox_rules *rules, int *ret_landlock, struct err_info *info);

#endif
