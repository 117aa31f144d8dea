/* Whether the user of a process reaches a directory: asked of the kernel, by a process that is that
 * user, so that every kind of permission counts. */
#include "process/supervise/settings.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_ASKED = 255 };

/* In the process that asks: the number of the first directory on the way that is closed, counted
 * from 1; 0: none. */
static int first_closed(const struct supervise_user *user, const char *path)
{
	char part[4096];
	int number = 0;

	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
		setresuid(user->uid, user->uid, user->uid) < 0)
		return NOT_ASKED;
	for (size_t i = 1; i < sizeof(part) && number < NOT_ASKED - 1; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		number++;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (access(part, X_OK) < 0 && errno == EACCES)
			return number;
		if (path[i] == '\0')
			break;
	}
	return 0;
}

enum err supervise_reach(const struct supervise_user *user, enum runtime_role role,
	const char *path, struct err_info *info)
{
	size_t length = 0;
	int status, closed;
	pid_t pid;

	if (!user->change)
		return ERR_OK;
	pid = fork();
	if (pid == 0)
		_exit(first_closed(user, path));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return err_set(info, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	closed = WEXITSTATUS(status);
	if (closed == 0 || closed == NOT_ASKED) /* who cannot change users is told so later */
		return ERR_OK;
	for (; closed > 0; closed--)
		length += 1 + strcspn(path + length + 1, "/");
	return err_set(info, ERR_REFUSED,
		"%s: the process %s (user %u) may not pass through %.*s: give others that right "
		"(chmod o+x), or choose another directory",
		path, runtime_table[role].name, (unsigned)user->uid, (int)length, path);
}
