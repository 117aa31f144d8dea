#include "port/vault/inside.h"

#include "core/cert/step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4400 };

struct vault {
	char *above; /* DATA/certificates */
	int lock;
};

/* ---- small steps on disk ----------------------------------------------------------------------
 */

static enum err sync_directory(const char *path, struct err_info *info)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;
	enum err e = fine ? ERR_OK : vault_failed(info, path);

	if (fd >= 0)
		close(fd);
	return e;
}

static enum err make_directory(const char *path, struct err_info *info)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return ERR_OK;
	return vault_failed(info, path);
}

static bool put(int fd, struct str content)
{
	while (content.n > 0) {
		ssize_t n = write(fd, content.p, content.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		content = str_part(content, (size_t)n, content.n);
	}
	return fsync(fd) == 0;
}

/* A file that was not there, synced; its name is not. */
static enum err write_new(const char *path, struct str content, struct err_info *info)
{
	enum err e = ERR_OK;
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0 || !put(fd, content))
		e = vault_failed(info, path);
	if (fd >= 0 && close(fd) < 0 && e == ERR_OK)
		e = vault_failed(info, path);
	return e;
}

/* Overwrite, where that is possible, and unlink.  A symbolic link is only unlinked. */
static void destroy(const char *path)
{
	static const char zeros[4096];
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
		for (off_t done = 0; done < st.st_size; done += (off_t)sizeof(zeros)) {
			off_t rest = st.st_size - done;

			if (pwrite(fd, zeros,
				    rest < (off_t)sizeof(zeros) ? (size_t)rest : sizeof(zeros),
				    done) < 0)
				break;
		}
		fsync(fd);
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* A directory of files, and itself; keys are overwritten.  One level deep: we make no others. */
static void remove_directory(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	char file[PATH_SIZE];

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (ends_with(file, ".pem") && !ends_with(file, "/key.pem"))
			unlink(file);
		else
			destroy(file);
	}
	if (folder != NULL)
		closedir(folder);
	rmdir(path);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* Keys that another user's server could not read, or that he could, are no use. */
static enum err check_owner(int fd, const char *path, struct err_info *info)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vault_failed(info, path);
	if (st.st_uid != geteuid())
		return err_set(info, ERR_REFUSED,
			"%s belongs to user %u: do this as the user that starts the server", path,
			(unsigned)st.st_uid);
	return ERR_OK;
}

/* The file that a server which was started on this directory has left says whose it is. */
static enum err check_server(const char *data, struct err_info *info)
{
	char path[PATH_SIZE];
	int fd;
	enum err e;

	snprintf(path, sizeof(path), "%s/lock", data);
	fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ERR_OK;
	e = check_owner(fd, path, info);
	close(fd);
	return e;
}

static enum err open_above(const char *data, const char *above, struct err_info *info)
{
	enum err e = check_server(data, info);
	int fd;

	if (e == ERR_OK)
		e = make_directory(data, info);
	if (e == ERR_OK)
		e = make_directory(above, info);
	if (e != ERR_OK)
		return e;
	fd = open(above, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return vault_failed(info, above);
	e = check_owner(fd, above, info);
	close(fd);
	return e == ERR_OK ? sync_directory(data, info) : e;
}

enum err vault_open(const char *data, bool wait, struct vault **ret, struct err_info *info)
{
	struct vault *vault CLEANUP(vault_free) = mem_new(sizeof(*vault));
	char path[PATH_SIZE];
	enum err e;

	vault->lock = -1;
	snprintf(path, sizeof(path), "%s/certificates", data);
	vault->above = mem_text(path);
	e = open_above(data, vault->above, info);
	if (e != ERR_OK)
		return e;
	snprintf(path, sizeof(path), "%s/.lock", vault->above);
	vault->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (vault->lock < 0)
		return vault_failed(info, path);
	while (flock(vault->lock, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(info, ERR_BUSY,
				"the certificates are being changed by somebody else: try again");
		if (errno != EINTR)
			return vault_failed(info, path);
	}
	vault_sweep(vault);
	*ret = vault;
	vault = NULL;
	return ERR_OK;
}

int vault_lock(const struct vault *vault)
{
	return vault->lock;
}

struct vault *vault_adopt(const char *data, int lock)
{
	struct vault *vault = mem_new(sizeof(*vault));
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/certificates", data);
	vault->above = mem_text(path);
	vault->lock = lock;
	return vault;
}

void vault_free(struct vault **vault)
{
	struct vault *v = *vault;

	if (v == NULL)
		return;
	*vault = NULL;
	if (v->lock >= 0)
		close(v->lock);
	free(v->above);
	free(v);
}

/* ---- versions ---------------------------------------------------------------------------------
 */

static enum err write_pair(
	const char *directory, const struct vault_content *pair, struct err_info *info)
{
	bool is_uri = str_starts_nocase(pair->key, (struct str)STR("pkcs11:"));
	char path[PATH_SIZE];
	enum err e;

	snprintf(path, sizeof(path), "%s/%s.%s", directory, pair->kind, is_uri ? "uri" : "key");
	e = write_new(path, pair->key, info);
	snprintf(path, sizeof(path), "%s/%s.pem", directory, pair->kind);
	return e == ERR_OK ? write_new(path, pair->chain, info) : e;
}

/* DATA/certificates/NAME, made where missing. */
static enum err own_directory(
	const struct vault *vault, const char *name, char path[PATH_SIZE], struct err_info *info)
{
	enum err e;

	if (!vault_is_name(name))
		return err_set(info, ERR_SYNTAX,
			"the name of a certificate is made of letters, digits, \"-\" and \".\"; "
			"found \"%s\"",
			name);
	snprintf(path, PATH_SIZE, "%s/%s", vault->above, name);
	e = make_directory(path, info);
	return e == ERR_OK ? sync_directory(vault->above, info) : e;
}

enum err vault_add(struct vault *vault, const char *name, const char *version,
	const struct vault_content *pairs, size_t count, struct err_info *info)
{
	char above[PATH_SIZE], path[PATH_SIZE + 32];
	enum err e = own_directory(vault, name, above, info);

	if (e == ERR_OK && !vault_is_version(version))
		e = err_set(info, ERR_INTERNAL, "\"%s\" is no version", version);
	if (e != ERR_OK)
		return e;
	snprintf(path, sizeof(path), "%s/%s", above, version);
	e = make_directory(path, info);
	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = write_pair(path, &pairs[i], info);
	if (e == ERR_OK)
		e = sync_directory(path, info);
	if (e == ERR_OK)
		e = sync_directory(above, info);
	if (e != ERR_OK) /* half a key is of no use, and the disk may be full */
		remove_directory(path);
	return e;
}

/* ---- lives ------------------------------------------------------------------------------------
 */

/* What an older version wrote becomes version 1 before there is a life.json. */
static enum err bring_over(struct vault *vault, const char *name, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct str data = str_of(vault->above);
	struct vault_pair pairs[VAULT_PAIRS];
	struct vault_content content;
	enum err e;

	data.n -= strlen("/certificates");
	if (vault_pairs(arena_text_of(arena, data), name, "1", arena, pairs) != 1)
		return ERR_OK;
	content.kind = pairs[0].kind;
	e = vault_read_file(pairs[0].chain, arena, &content.chain, info);
	if (e == ERR_OK)
		e = vault_read_file(pairs[0].key, arena, &content.key, info);
	if (e == ERR_OK)
		e = vault_add(vault, name, "1", &content, 1, info);
	if (e == ERR_OK)
		explicit_bzero((char *)content.key.p, content.key.n);
	return e;
}

static enum err replace_life(
	const char *directory, const struct cert_life *life, struct err_info *info)
{
	json_t *json = record_to_json(&cert_life_desc, life, RECORD_JSON_FULL);
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	char path[PATH_SIZE + 32], beside[PATH_SIZE + 32];
	enum err e;

	snprintf(path, sizeof(path), "%s/life.json", directory);
	snprintf(beside, sizeof(beside), "%s/life.json.new", directory);
	e = write_new(beside, str_of(text), info);
	if (e == ERR_OK && rename(beside, path) < 0)
		e = vault_failed(info, path);
	if (e == ERR_OK)
		e = sync_directory(directory, info);
	else
		unlink(beside);
	free(text);
	json_decref(json);
	return e;
}

enum err vault_write(struct vault *vault, const struct cert_life *life, struct err_info *info)
{
	char directory[PATH_SIZE], path[PATH_SIZE + 32];
	enum err e = cert_step_check(life, info);

	if (e == ERR_OK)
		e = own_directory(vault, life->name, directory, info);
	if (e != ERR_OK)
		return e;
	snprintf(path, sizeof(path), "%s/life.json", directory);
	if (access(path, F_OK) < 0)
		e = bring_over(vault, life->name, info);
	return e == ERR_OK ? replace_life(directory, life, info) : e;
}

/* ---- sweeping ---------------------------------------------------------------------------------
 */

static const struct cert_version *version_of(const struct cert_life *life, const char *id)
{
	for (size_t i = 0; i < life->versions.count; i++)
		if (strcmp(life->versions.items[i].id, id) == 0)
			return &life->versions.items[i];
	return NULL;
}

static void destroy_keys(const char *directory)
{
	char path[PATH_SIZE + 64];

	for (size_t i = 0; i < VAULT_PAIRS; i++) {
		snprintf(path, sizeof(path), "%s/%s.key", directory, vault_kinds[i]);
		if (access(path, F_OK) == 0)
			destroy(path);
		snprintf(path, sizeof(path), "%s/%s.uri", directory, vault_kinds[i]);
		unlink(path);
	}
}

/* A request that was not whole yet, or is no more. */
static bool is_half_request(const char *name)
{
	return strcmp(name, "request.new") == 0 || strcmp(name, "request.old") == 0;
}

static void sweep_entry(const char *directory, const char *name, const struct cert_life *life)
{
	const struct cert_version *version;
	char path[PATH_SIZE + 256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (is_half_request(name))
		remove_directory(path);
	if (strcmp(name, "chain.pem") == 0 || strcmp(name, "life.json.new") == 0)
		unlink(path);
	if (strcmp(name, "key.pem") == 0)
		destroy(path);
	if (!vault_is_version(name))
		return;
	version = version_of(life, name);
	if (version == NULL)
		remove_directory(path);
	else if (version->state == CERT_RETIRED)
		destroy_keys(path);
}

/* Directories of versions that never got into a life. */
static void sweep_unborn(const char *directory)
{
	DIR *folder = opendir(directory);
	const struct dirent *entry;
	char path[PATH_SIZE + 256];

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (vault_is_version(entry->d_name) || is_half_request(entry->d_name))
			remove_directory(path);
		else if (strcmp(entry->d_name, "life.json.new") == 0)
			unlink(path);
	}
	if (folder != NULL)
		closedir(folder);
	rmdir(directory); /* if there is nothing else in it */
}

static void sweep_name(const char *directory, const char *name)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct dirent *entry;
	struct cert_life life;
	DIR *folder;
	enum err e = vault_life_read(directory, name, arena, &life, NULL);

	if (e == ERR_UNKNOWN)
		sweep_unborn(directory);
	if (e != ERR_OK) /* nothing is thrown away by a life that cannot be read */
		return;
	folder = opendir(directory);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		sweep_entry(directory, entry->d_name, &life);
	if (folder != NULL)
		closedir(folder);
}

void vault_sweep(struct vault *vault)
{
	DIR *folder = opendir(vault->above);
	const struct dirent *entry;
	char path[PATH_SIZE];

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!vault_is_name(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", vault->above, entry->d_name);
		sweep_name(path, entry->d_name);
	}
	if (folder != NULL)
		closedir(folder);
}

/* The life goes first: from then on the rest is rubbish. */
static enum err remove_life(const char *directory, const char *name, struct err_info *info)
{
	static const char *const files[] = {"life.json", "chain.pem"};
	char path[PATH_SIZE + 32];
	bool found = false;
	enum err e;

	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		if (unlink(path) == 0)
			found = true;
		else if (errno != ENOENT)
			return vault_failed(info, path);
	}
	if (!found)
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	e = sync_directory(directory, info);
	snprintf(path, sizeof(path), "%s/key.pem", directory);
	destroy(path);
	return e;
}

enum err vault_remove(struct vault *vault, const char *name, struct err_info *info)
{
	char directory[PATH_SIZE];
	enum err e;

	if (!vault_is_name(name))
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	snprintf(directory, sizeof(directory), "%s/%s", vault->above, name);
	e = remove_life(directory, name, info);
	if (e == ERR_UNKNOWN)
		return e;
	vault_request_remove(vault, name);
	sweep_unborn(directory);
	return e;
}

enum err vault_take_back(struct vault *vault, const char *name, const struct cert_life *before,
	struct err_info *info)
{
	char directory[PATH_SIZE];
	enum err e;

	if (before->versions.count > 0)
		return vault_write(vault, before, info);
	if (!vault_is_name(name))
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	snprintf(directory, sizeof(directory), "%s/%s", vault->above, name);
	e = remove_life(directory, name, info);
	if (e == ERR_OK)
		sweep_unborn(directory);
	return e;
}

/* ---- requests ---------------------------------------------------------------------------------
 *
 * Key and request are one: both are written beside, and become visible by one rename.
 */

static enum err write_beside(
	const char *directory, struct str key, struct str request, struct err_info *info)
{
	char path[PATH_SIZE + 64];
	enum err e = make_directory(directory, info);

	snprintf(path, sizeof(path), "%s/key.pem", directory);
	if (e == ERR_OK)
		e = write_new(path, key, info);
	snprintf(path, sizeof(path), "%s/request.pem", directory);
	if (e == ERR_OK)
		e = write_new(path, request, info);
	return e == ERR_OK ? sync_directory(directory, info) : e;
}

enum err vault_request_write(struct vault *vault, const char *name, struct str key,
	struct str request, struct err_info *info)
{
	char above[PATH_SIZE], beside[PATH_SIZE + 32], path[PATH_SIZE + 32];
	enum err e = own_directory(vault, name, above, info);

	if (e != ERR_OK)
		return e;
	snprintf(beside, sizeof(beside), "%s/request.new", above);
	snprintf(path, sizeof(path), "%s/request", above);
	remove_directory(beside);
	e = write_beside(beside, key, request, info);
	if (e == ERR_OK)
		vault_request_remove(vault, name);
	if (e == ERR_OK && rename(beside, path) < 0)
		e = vault_failed(info, path);
	if (e == ERR_OK)
		return sync_directory(above, info);
	remove_directory(beside);
	rmdir(above); /* if there is nothing else in it */
	return e;
}

void vault_request_remove(struct vault *vault, const char *name)
{
	char path[PATH_SIZE], gone[PATH_SIZE];

	if (!vault_is_name(name))
		return;
	snprintf(path, sizeof(path), "%s/%s/request", vault->above, name);
	snprintf(gone, sizeof(gone), "%s/%s/request.old", vault->above, name);
	remove_directory(gone);
	if (rename(path, gone) == 0)
		remove_directory(gone);
	snprintf(path, sizeof(path), "%s/%s", vault->above, name);
	rmdir(path); /* if there is nothing else in it */
}
