/* Users, directories and the sockets in RUN. */
#include "process/supervise/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_USER = 64200, MANAGEMENT_BACKLOG = 128, WEB_BACKLOG = 1024 };

static const char *named_user(const struct model_node *node, enum runtime_role role)
{
	switch (role) {
	case RUNTIME_KEYS:
		return node->users.keys;
	case RUNTIME_LOOKUP:
		return node->users.lookup;
	case RUNTIME_SPOOL:
		return node->users.spool;
	case RUNTIME_RECEIVE:
		return node->users.receive;
	case RUNTIME_DELIVER:
		return node->users.deliver;
	case RUNTIME_ADMIN:
		return node->users.admin;
	case RUNTIME_WEB:
		return node->users.web;
	default:
		return NULL;
	}
}

enum err supervise_user_find(const struct model_node *node, enum runtime_role role,
	struct supervise_user *ret, struct err_info *info)
{
	const char *name = named_user(node, role);
	const struct passwd *entry;
	char usual[64];
	uint64_t number;

	*ret = (struct supervise_user){.uid = geteuid(), .gid = getegid()};
	if (geteuid() != 0)
		return ERR_OK;
	if (name != NULL && str_is(str_of(name), "keep")) {
		ret->keep = true;
		return ERR_OK;
	}
	ret->change = true;
	snprintf(usual, sizeof(usual), "sealpost-%s", runtime_table[role].name);
	entry = getpwnam(name != NULL ? name : usual);
	if (entry != NULL) {
		ret->uid = entry->pw_uid;
		ret->gid = entry->pw_gid;
		return ERR_OK;
	}
	if (name == NULL) {
		number = FIRST_USER + runtime_table[role].user_offset;
	} else if (!str_to_u64(str_of(name), &number) || number > UINT32_MAX - 1) {
		return err_set(info, ERR_UNKNOWN, "users.%s: there is no user \"%s\"",
			runtime_table[role].name, name);
	}
	ret->uid = (uid_t)number;
	ret->gid = (gid_t)number;
	return ERR_OK;
}

static enum err failed(struct err_info *info, const char *path)
{
	return err_set(info, err_from_errno(errno), "%s: %s", path, strerror(errno));
}

/* Like mkdir -p; the last part gets MODE and, where made here, OWNER. */
static enum err make(
	const char *path, mode_t mode, const struct supervise_user *owner, struct err_info *info)
{
	char part[4096];
	struct stat st;

	if (strlen(path) >= sizeof(part))
		return err_set(info, ERR_TOO_LONG, "%s: too long a path", path);
	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return failed(info, part);
	}
	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) < 0 ||
			(owner->change && chown(path, owner->uid, owner->gid) < 0))
			return failed(info, path);
		return ERR_OK;
	}
	if (errno != EEXIST)
		return failed(info, path);
	if (stat(path, &st) < 0)
		return failed(info, path);
	if (!S_ISDIR(st.st_mode))
		return err_set(info, ERR_EXISTS, "%s: is not a directory", path);
	return ERR_OK;
}

/* One instance for one data directory. */
static enum err take_lock(const char *data, int *ret, struct err_info *info)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", data);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failed(info, path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return err_set(
			info, ERR_BUSY, "%s: another sealpost is using this directory", data);
	}
	*ret = fd;
	return ERR_OK;
}

static enum err make_maildir(
	const char *path, const struct supervise_user *deliver, struct err_info *info)
{
	enum err e = make(path, 0700, deliver, info);

	return e == ERR_OK ? supervise_reach(deliver, RUNTIME_DELIVER, path, info) : e;
}

/* What was fetched is worth little, and follows a change of the user. */
static enum err make_cache(
	const char *path, const struct supervise_user *lookup, struct err_info *info)
{
	enum err e = make(path, 0700, lookup, info);

	if (e == ERR_OK && lookup->change && chown(path, lookup->uid, lookup->gid) < 0)
		return failed(info, path);
	return e == ERR_OK ? supervise_reach(lookup, RUNTIME_LOOKUP, path, info) : e;
}

/* The data directory belongs to the spool; when others run as other users, they may pass through it
 * to what is theirs, but not look around. */
static enum err make_data(const struct model_node *node, struct err_info *info)
{
	struct supervise_user spool, deliver, lookup;
	bool is_shared;
	char path[4200];
	enum err e = supervise_user_find(node, RUNTIME_SPOOL, &spool, info);

	if (e == ERR_OK)
		e = supervise_user_find(node, RUNTIME_DELIVER, &deliver, info);
	if (e == ERR_OK)
		e = supervise_user_find(node, RUNTIME_LOOKUP, &lookup, info);
	if (e == ERR_OK)
		e = make(node->data, 0700, &spool, info);
	if (e != ERR_OK)
		return e;
	is_shared = spool.uid != deliver.uid || spool.uid != lookup.uid || spool.uid != geteuid();
	if (chmod(node->data, is_shared ? 0711 : 0700) < 0)
		return failed(info, node->data);
	if (spool.change && chown(node->data, spool.uid, spool.gid) < 0)
		return failed(info, node->data);
	e = supervise_reach(&spool, RUNTIME_SPOOL, node->data, info);
	snprintf(path, sizeof(path), "%s/lookup", node->data);
	if (e == ERR_OK)
		e = make_cache(path, &lookup, info);
	snprintf(path, sizeof(path), "%s/maildir", node->data);
	if (e == ERR_OK && node->maildirs.count == 0)
		e = make_maildir(path, &deliver, info);
	for (size_t i = 0; i < node->maildirs.count && e == ERR_OK; i++)
		e = make_maildir(node->maildirs.items[i], &deliver, info);
	return e;
}

/* Where the socket is that the web process connects to. */
static enum err reach_run(const struct model_node *node, struct err_info *info)
{
	struct supervise_user web;
	enum err e = supervise_user_find(node, RUNTIME_WEB, &web, info);

	return e == ERR_OK ? supervise_reach(&web, RUNTIME_WEB, node->run, info) : e;
}

enum err supervise_directories_make(const struct model_node *node, int *lock, struct err_info *info)
{
	const struct supervise_user self = {.change = false};
	enum err e = make_data(node, info);

	if (e == ERR_OK)
		e = make(node->run, 0755, &self, info);
	if (e == ERR_OK && node->admin.listen != NULL)
		e = reach_run(node, info);
	if (e == ERR_OK && *lock < 0)
		e = take_lock(node->data, lock, info);
	return e;
}

static bool path_of(const struct model_node *node, const char *name, struct sockaddr_un *ret)
{
	int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%s.sock", node->run, name);

	return n >= 0 && (size_t)n < sizeof(ret->sun_path);
}

/* A socket that nobody but who makes it may connect to; then its owner and its mode. */
static bool bind_at(int fd, const struct sockaddr_un *at, const struct supervise_user *owner,
	mode_t mode, int backlog)
{
	mode_t before = umask(0177);
	bool is_bound = bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;

	umask(before);
	return is_bound && (!owner->change || lchown(at->sun_path, owner->uid, owner->gid) == 0) &&
	       chmod(at->sun_path, mode) == 0 && listen(fd, backlog) == 0;
}

static enum err open_socket(const struct model_node *node, const char *name,
	const struct supervise_user *owner, mode_t mode, int backlog, int *ret_fd,
	struct err_info *info)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;

	if (!path_of(node, name, &at))
		return err_set(info, ERR_TOO_LONG,
			"run: %s is too long for the path of a socket (at most %zu bytes)",
			node->run, sizeof(at.sun_path) - sizeof("/admin.sock"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(info, at.sun_path);
	unlink(at.sun_path); /* left behind by one that was killed: we hold the lock */
	if (!bind_at(fd, &at, owner, mode, backlog)) {
		enum err e = failed(info, at.sun_path);

		close(fd);
		return e;
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err supervise_socket_open(const struct model_node *node, int *ret_fd, struct err_info *info)
{
	const struct supervise_user self = {.change = false};

	/* Anybody may connect; the admin process looks at who it is. */
	return open_socket(node, "admin", &self, 0666, MANAGEMENT_BACKLOG, ret_fd, info);
}

enum err supervise_web_socket_open(
	const struct model_node *node, int *ret_fd, struct err_info *info)
{
	struct supervise_user web;
	enum err e = supervise_user_find(node, RUNTIME_WEB, &web, info);

	return e == ERR_OK ? open_socket(node, "web", &web, 0600, WEB_BACKLOG, ret_fd, info) : e;
}

void supervise_sockets_unlink(const struct model_node *node)
{
	static const char *const names[] = {"admin", "web"};
	struct sockaddr_un at;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (path_of(node, names[i], &at))
			unlink(at.sun_path);
}
