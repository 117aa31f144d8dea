#include "port/backup/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, DEPTH_MAX = 6 };

enum err backup_failed(struct err_info *info, const char *path)
{
	return err_set(info, err_from_errno(errno), "%s: %s", path, strerror(errno));
}

enum err backup_make_above(const char *top, const char *name, struct err_info *info)
{
	char path[BACKUP_PATH];
	const char *slash = strchr(name, '/');

	for (; slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%s/%.*s", top, (int)(slash - name), name);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return backup_failed(info, path);
	}
	return ERR_OK;
}

static enum err open_to_read(const char *path, int *ret, struct err_info *info)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(info, ERR_UNKNOWN, "%s is not there", path);
	if (fd < 0)
		return backup_failed(info, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(info, ERR_REFUSED, "%s is not a plain file", path);
	}
	*ret = fd;
	return ERR_OK;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		bytes += done;
		n -= (size_t)done;
	}
	return true;
}

enum err backup_copy_file(const char *from, const char *to, struct err_info *info)
{
	char *block;
	int in = -1, out;
	ssize_t n = 0;
	enum err e = open_to_read(from, &in, info);

	if (e != ERR_OK)
		return e;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0) {
		e = backup_failed(info, to);
		close(in);
		return e;
	}
	block = mem_new(BLOCK);
	while (e == ERR_OK && (n = read(in, block, BLOCK)) != 0) {
		if (n < 0 && errno != EINTR)
			e = backup_failed(info, from);
		else if (n > 0 && !write_all(out, block, (size_t)n))
			e = backup_failed(info, to);
	}
	if (e == ERR_OK && fsync(out) < 0)
		e = backup_failed(info, to);
	if (close(out) < 0 && e == ERR_OK)
		e = backup_failed(info, to);
	if (e != ERR_OK)
		unlink(to);
	close(in);
	free(block);
	return e;
}

enum err backup_hash_file(
	const char *path, char ret[BACKUP_HASH], int64_t *ret_bytes, struct err_info *info)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *hash;
	char *block;
	int in = -1;
	ssize_t n = 0;
	enum err e = open_to_read(path, &in, info);

	*ret_bytes = 0;
	if (e != ERR_OK)
		return e;
	hash = EVP_MD_CTX_new();
	block = mem_new(BLOCK);
	if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		e = err_set(info, ERR_INTERNAL, "SHA-256 is not there");
	while (e == ERR_OK && (n = read(in, block, BLOCK)) != 0) {
		if (n < 0 && errno != EINTR)
			e = backup_failed(info, path);
		else if (n > 0 && EVP_DigestUpdate(hash, block, (size_t)n) != 1)
			e = err_set(info, ERR_INTERNAL, "SHA-256 failed");
		*ret_bytes += n > 0 ? n : 0;
	}
	if (e == ERR_OK && EVP_DigestFinal_ex(hash, digest, NULL) == 1)
		for (size_t i = 0; i < 32; i++)
			snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	EVP_MD_CTX_free(hash);
	free(block);
	close(in);
	return e;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err names_in(const char *path, char ***ret, size_t *ret_count, struct err_info *info)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	*ret = NULL;
	*ret_count = 0;
	if (directory == NULL)
		return backup_failed(info, path);
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		*ret = mem_resize(*ret, *ret_count + 1, sizeof(**ret));
		(*ret)[(*ret_count)++] = mem_text(entry->d_name);
	}
	closedir(directory);
	if (*ret_count > 0)
		qsort(*ret, *ret_count, sizeof(**ret), by_name);
	return ERR_OK;
}

static enum err walk(const char *top, const char *below, int depth, backup_visit *visit,
	void *context, struct err_info *info);

static enum err visit_entry(const char *top, const char *name, int depth, backup_visit *visit,
	void *context, struct err_info *info)
{
	char path[BACKUP_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	if (lstat(path, &st) < 0)
		return backup_failed(info, path);
	if (S_ISREG(st.st_mode))
		return visit(context, name, info);
	if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return walk(top, name, depth + 1, visit, context, info);
	return err_set(info, ERR_REFUSED, "%s is neither a file nor a directory", path);
}

static enum err walk(const char *top, const char *below, int depth, backup_visit *visit,
	void *context, struct err_info *info)
{
	char path[BACKUP_PATH], name[BACKUP_PATH];
	char **names;
	size_t count;
	enum err e;

	snprintf(path, sizeof(path), "%s%s%s", top, below[0] != '\0' ? "/" : "", below);
	e = names_in(path, &names, &count, info);
	for (size_t i = 0; i < count; i++) {
		snprintf(
			name, sizeof(name), "%s%s%s", below, below[0] != '\0' ? "/" : "", names[i]);
		if (e == ERR_OK)
			e = visit_entry(top, name, depth, visit, context, info);
		free(names[i]);
	}
	free(names);
	return e;
}

enum err backup_walk(const char *top, const char *below, backup_visit *visit, void *context,
	struct err_info *info)
{
	return walk(top, below, 0, visit, context, info);
}
