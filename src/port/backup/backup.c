#include "port/backup/files.h"
#include "port/store/copied.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char manifest_name[] = "manifest.json";

/* Both databases, and where they stand. */
static enum err check_databases(
	const char *directory, struct backup_counts *counts, struct err_info *info)
{
	char path[BACKUP_PATH];
	struct store_copied_facts facts;
	enum err e;

	snprintf(path, sizeof(path), "%s/queue.db", directory);
	e = store_copied_check(path, true, &facts, info);
	counts->messages = facts.messages;
	counts->traced = -1;
	snprintf(path, sizeof(path), "%s/trace.db", directory);
	if (e == ERR_OK && access(path, F_OK) == 0) {
		e = store_copied_check(path, false, &facts, info);
		counts->traced = facts.messages;
	}
	return e;
}

/* ---- making one --------------------------------------------------------------------------------
 */

enum err backup_begin(const char *to, struct err_info *info)
{
	if (mkdir(to, 0700) == 0)
		return ERR_OK;
	if (errno != EEXIST)
		return backup_failed(info, to);
	if (rmdir(to) < 0 || mkdir(to, 0700) < 0)
		return err_set(info, ERR_EXISTS,
			"%s is there and not empty: name a directory that is not there yet", to);
	return ERR_OK;
}

enum err backup_add_file(const char *to, const char *from, const char *name, struct err_info *info)
{
	char path[BACKUP_PATH];
	enum err e = backup_make_above(to, name, info);

	snprintf(path, sizeof(path), "%s/%s", to, name);
	return e == ERR_OK ? backup_copy_file(from, path, info) : e;
}

struct transfer {
	const char *from, *to;
	bool with_keys;
	const struct backup_owner *owner;
};

static bool is_key(const char *name)
{
	size_t n = strlen(name);

	return (n > 4 && strcmp(name + n - 4, ".key") == 0) ||
	       (n > 7 && strcmp(name + n - 7, "key.pem") == 0);
}

static enum err take_along(void *context, const char *name, struct err_info *info)
{
	const struct transfer *t = context;
	char path[BACKUP_PATH];
	const char *last = strrchr(name, '/');

	if ((is_key(name) && !t->with_keys) || (last != NULL && last[1] == '.'))
		return ERR_OK;
	snprintf(path, sizeof(path), "%s/%s", t->from, name);
	return backup_add_file(t->to, path, name, info);
}

enum err backup_add_certificates(
	const char *to, const char *data, bool with_keys, struct err_info *info)
{
	struct transfer t = {.from = data, .to = to, .with_keys = with_keys};
	char path[BACKUP_PATH];

	snprintf(path, sizeof(path), "%s/certificates", data);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return ERR_OK;
	return backup_walk(data, "certificates", take_along, &t, info);
}

enum err backup_add_content(
	const char *to, const char *data, struct backup_counts *counts, struct err_info *info)
{
	struct transfer t = {.from = data, .to = to};
	char path[BACKUP_PATH];

	snprintf(path, sizeof(path), "%s/queue.db", to);
	return store_copied_files(path, take_along, &t, &counts->gone, info);
}

struct listing {
	const char *top;
	json_t *files;
	struct backup_counts *counts;
};

static enum err list_file(void *context, const char *name, struct err_info *info)
{
	struct listing *l = context;
	char path[BACKUP_PATH], hash[BACKUP_HASH] = "";
	int64_t bytes;
	enum err e;

	if (strcmp(name, manifest_name) == 0)
		return ERR_OK;
	if (l->counts->files == BACKUP_FILES_MAX)
		return err_set(info, ERR_TOO_MANY, "%s: too many files", l->top);
	snprintf(path, sizeof(path), "%s/%s", l->top, name);
	e = backup_hash_file(path, hash, &bytes, info);
	if (e != ERR_OK)
		return e;
	l->counts->files++;
	l->counts->bytes += bytes;
	json_object_set_new(
		l->files, name, json_pack("{s:I,s:s}", "bytes", (json_int_t)bytes, "sha256", hash));
	return ERR_OK;
}

static enum err write_manifest(const char *to, const json_t *manifest, struct err_info *info)
{
	char path[BACKUP_PATH], before[BACKUP_PATH];
	FILE *file;
	bool fine;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", to, manifest_name);
	snprintf(before, sizeof(before), "%s/.%s", to, manifest_name);
	fd = open(before, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file == NULL)
		return backup_failed(info, before);
	fine = json_dumpf(manifest, file, JSON_INDENT(1)) == 0 && fputc('\n', file) != EOF &&
	       fflush(file) == 0 && fsync(fd) == 0;
	if (fclose(file) != 0 || !fine || rename(before, path) < 0)
		return backup_failed(info, path);
	return ERR_OK;
}

enum err backup_finish(
	const char *to, json_t *about, struct backup_counts *counts, struct err_info *info)
{
	struct listing l = {.top = to, .files = json_object(), .counts = counts};
	enum err e = check_databases(to, counts, info);

	json_object_set_new(about, "form", json_integer(BACKUP_FORM));
	json_object_set_new(about, "files", l.files);
	if (e == ERR_OK)
		e = backup_walk(to, "", list_file, &l, info);
	if (e == ERR_OK)
		e = write_manifest(to, about, info);
	json_decref(about);
	return e;
}

/* ---- looking at one ----------------------------------------------------------------------------
 */

static enum err read_manifest(const char *from, json_t **ret, struct err_info *info)
{
	char path[BACKUP_PATH];
	json_error_t error;
	json_t *manifest;

	snprintf(path, sizeof(path), "%s/%s", from, manifest_name);
	manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (manifest == NULL)
		return err_set(info, ERR_SYNTAX,
			"%s: %s: not a backup, or one that was not finished", path, error.text);
	if (json_integer_value(json_object_get(manifest, "form")) != BACKUP_FORM ||
		!json_is_object(json_object_get(manifest, "files"))) {
		json_decref(manifest);
		return err_set(info, ERR_UNSUPPORTED,
			"%s: expected a manifest of form %d: made by another version", path,
			BACKUP_FORM);
	}
	*ret = manifest;
	return ERR_OK;
}

static enum err compare(
	const char *from, const json_t *named, const json_t *found, struct err_info *info)
{
	const char *name;
	json_t *row;

	json_object_foreach ((json_t *)named, name, row) {
		const json_t *other = json_object_get(found, name);

		if (other == NULL)
			return err_set(info, ERR_CORRUPT, "%s/%s is missing", from, name);
		if (!json_equal(row, other))
			return err_set(info, ERR_CORRUPT,
				"%s/%s was changed: its SHA-256 is not that of the manifest", from,
				name);
	}
	json_object_foreach ((json_t *)found, name, row)
		if (json_object_get(named, name) == NULL)
			return err_set(info, ERR_CORRUPT,
				"%s/%s does not belong here: the manifest does not name it", from,
				name);
	return ERR_OK;
}

enum err backup_verify(const char *from, struct backup_counts *counts, json_t **ret_manifest,
	struct err_info *info)
{
	struct listing l = {.top = from, .files = json_object(), .counts = counts};
	json_t *manifest = NULL;
	enum err e = read_manifest(from, &manifest, info);

	*counts = (struct backup_counts){0};
	if (e == ERR_OK)
		e = backup_walk(from, "", list_file, &l, info);
	if (e == ERR_OK)
		e = compare(from, json_object_get(manifest, "files"), l.files, info);
	if (e == ERR_OK)
		e = check_databases(from, counts, info);
	json_decref(l.files);
	*ret_manifest = e == ERR_OK ? json_incref(manifest) : NULL;
	json_decref(manifest);
	return e;
}

/* ---- bringing one back -------------------------------------------------------------------------
 */

static enum err give(const char *path, const struct backup_owner *owner, struct err_info *info)
{
	if (owner->change && lchown(path, owner->uid, owner->gid) < 0)
		return backup_failed(info, path);
	return ERR_OK;
}

/* Of the spool, but for certificates. */
static enum err bring_back(void *context, const char *name, struct err_info *info)
{
	const struct transfer *t = context;
	char path[BACKUP_PATH];
	const char *slash = name;
	enum err e;

	if (strcmp(name, manifest_name) == 0 || strcmp(name, "node.yaml") == 0)
		return ERR_OK;
	snprintf(path, sizeof(path), "%s/%s", t->from, name);
	e = backup_add_file(t->to, path, name, info);
	if (strncmp(name, "certificates/", 13) == 0)
		return e;
	while (e == ERR_OK && slash != NULL) {
		slash = strchr(slash + 1, '/');
		snprintf(path, sizeof(path), "%s/%.*s", t->to,
			slash != NULL ? (int)(slash - name) : (int)strlen(name), name);
		e = give(path, t->owner, info);
	}
	return e;
}

enum err backup_restore(const char *from, const char *data, bool hold,
	const struct backup_owner *owner, struct err_info *info)
{
	struct transfer t = {.from = from, .to = data, .owner = owner};
	char path[BACKUP_PATH];
	enum err e = ERR_OK;

	if (mkdir(data, 0711) < 0 && errno != EEXIST)
		return backup_failed(info, data);
	for (int i = 0; i < 3; i++) {
		static const char *const parts[] = {"queue.db", "trace.db", "certificates"};

		snprintf(path, sizeof(path), "%s/%s", data, parts[i]);
		if (access(path, F_OK) == 0)
			return err_set(info, ERR_EXISTS,
				"%s is there: move the directory away first (mv %s %s.before), or "
				"name another one",
				path, data, data);
	}
	e = backup_walk(from, "", bring_back, &t, info);
	snprintf(path, sizeof(path), "%s/queue.db", data);
	if (e == ERR_OK && hold)
		e = store_copied_hold(path, info);
	return e == ERR_OK ? give(data, owner, info) : e;
}
