#include "port/sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum err failed(struct err_info *info, const char *what)
{
	return err_set(info, ERR_REFUSED, "%s: %s", what, strerror(errno));
}

static enum err change_user(const struct sandbox_user *user, struct err_info *info)
{
	if (setgroups(0, NULL) < 0)
		return failed(info, "setgroups");
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return failed(info, "setresgid");
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return failed(info, "setresuid");
	if (user->uid != 0 && setuid(0) == 0)
		return err_set(info, ERR_INTERNAL, "root can be had back");
	return ERR_OK;
}

/* None is to be had again.  Only root may say so: it comes before the change of user, and is
 * refused to ordinary users, who have none. */
static void empty_bounding_set(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

/* No capability in any set. */
static enum err drop_capabilities(struct err_info *info)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return failed(info, "capset");
	return ERR_OK;
}

enum err sandbox_become(const struct sandbox_user *user, struct err_info *info)
{
	const struct rlimit nothing = {0, 0};
	enum err e = ERR_OK;

	empty_bounding_set();
	if (user->change && !user->drop_only)
		e = change_user(user, info);
	if (e == ERR_OK)
		e = drop_capabilities(info);
	if (e != ERR_OK)
		return e;
	if (setrlimit(RLIMIT_CORE, &nothing) < 0)
		return failed(info, "RLIMIT_CORE");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(info, "PR_SET_NO_NEW_PRIVS");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed(info, "PR_SET_DUMPABLE");
	/* After the change of user, which resets it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(info, "PR_SET_PDEATHSIG");
	return ERR_OK;
}
