#include "port/store/body.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 17 };

static void file_name(int64_t id, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, "%016llx", (unsigned long long)id);
}

static int folder_of(const struct store_files *files, int64_t id)
{
	return files->folders[(uint64_t)id % STORE_BODY_FOLDERS];
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_folder(int top, size_t i)
{
	char name[8];

	snprintf(name, sizeof(name), "%02zx", i);
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The folders that are there; others are made when they are needed. */
static enum err open_folders(struct store_files *files, struct err_info *info)
{
	size_t i;

	for (i = 0; i < STORE_BODY_FOLDERS; i++) {
		files->folders[i] = open_folder(files->top, i);
		if (files->folders[i] < 0 && errno != ENOENT)
			return err_set(
				info, err_from_errno(errno), "spool/%02zx: %s", i, strerror(errno));
	}
	return ERR_OK;
}

static bool make_folder(struct store_files *files, size_t i)
{
	char name[8];

	snprintf(name, sizeof(name), "%02zx", i);
	if (mkdirat(files->top, name, 0700) != 0 && errno != EEXIST)
		return false;
	if (fsync(files->top) != 0)
		return false;
	files->folders[i] = open_folder(files->top, i);
	return files->folders[i] >= 0;
}

enum err store_files_open(const char *directory, struct store_files **ret, struct err_info *info)
{
	struct store_files *files CLEANUP(store_files_close) = mem_new(sizeof(*files));
	int parent CLEANUP(close_fd) = -1;
	enum err e;
	size_t i;

	files->top = -1;
	for (i = 0; i < STORE_BODY_FOLDERS; i++)
		files->folders[i] = -1;
	if (directory != NULL) {
		parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0 || (mkdirat(parent, "spool", 0700) != 0 && errno != EEXIST))
			return err_set(info, err_from_errno(errno), "%s/spool: %s", directory,
				strerror(errno));
		files->top = openat(parent, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (files->top < 0 || fsync(parent) != 0)
			return err_set(info, err_from_errno(errno), "%s/spool: %s", directory,
				strerror(errno));
		e = open_folders(files, info);
		if (e != ERR_OK)
			return e;
	}
	*ret = files;
	files = NULL;
	return ERR_OK;
}

void store_files_close(struct store_files **files)
{
	size_t i;

	if (files == NULL || *files == NULL)
		return;
	for (i = 0; i < STORE_BODY_FOLDERS; i++)
		close_fd(&(*files)->folders[i]);
	close_fd(&(*files)->top);
	free(*files);
	*files = NULL;
}

bool store_files_is_open(const struct store_files *files)
{
	return files != NULL && files->top >= 0;
}

int store_files_create(struct store_files *files, int64_t id)
{
	char name[NAME_SIZE];

	if (folder_of(files, id) < 0 && !make_folder(files, (uint64_t)id % STORE_BODY_FOLDERS))
		return -1;
	file_name(id, name);
	return openat(folder_of(files, id), name,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int store_files_open_one(const struct store_files *files, int64_t id)
{
	char name[NAME_SIZE];

	file_name(id, name);
	return openat(folder_of(files, id), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

enum err store_files_sync_folder(const struct store_files *files, int64_t id)
{
	return fsync(folder_of(files, id)) == 0 ? ERR_OK : ERR_IO;
}

void store_files_remove(const struct store_files *files, int64_t id)
{
	char name[NAME_SIZE];

	if (!store_files_is_open(files))
		return;
	file_name(id, name);
	unlinkat(folder_of(files, id), name, 0);
}

static bool parse_name(const char *name, int64_t *ret)
{
	char *end;
	unsigned long long value;

	if (strlen(name) != NAME_SIZE - 1)
		return false;
	value = strtoull(name, &end, 16);
	if (*end != '\0' || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

enum err store_files_sweep(const struct store_files *files,
	enum err (*keep)(void *context, int64_t id, bool *ret_keep), void *context,
	int64_t *ret_removed)
{
	int64_t removed = 0;
	size_t i;

	for (i = 0; store_files_is_open(files) && i < STORE_BODY_FOLDERS; i++) {
		int fd = openat(files->folders[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *dir CLEANUP(close_dir) = fd >= 0 ? fdopendir(fd) : NULL;
		struct dirent *entry;

		if (files->folders[i] < 0)
			continue;
		if (dir == NULL)
			return err_from_errno(errno);
		while ((entry = readdir(dir)) != NULL) {
			bool wanted = false;
			int64_t id;
			enum err e;

			if (!parse_name(entry->d_name, &id))
				continue;
			e = keep(context, id, &wanted);
			if (e != ERR_OK)
				return e;
			if (!wanted && unlinkat(files->folders[i], entry->d_name, 0) == 0)
				removed++;
		}
	}
	*ret_removed = removed;
	return ERR_OK;
}
