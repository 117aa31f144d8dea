#include "port/log/log.h"
#include "process/lookup/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 2 * REVOCATION_KEY, FILES_MAX = 50000, FILE_MAX = 300 << 20 };

struct file {
	TAILQ_ENTRY(file) links;
	char name[NAME + 1];
	int64_t size, used_s; /* used_s: of the file, for the order at the start */
};

TAILQ_HEAD(files, file);

struct lookup_cache {
	char *directory; /* NULL: nothing is kept */
	int64_t max, size;
	struct map *by_name;
	struct files files; /* used least recently first */
	bool has_complained;
};

static void name_of(const unsigned char key[REVOCATION_KEY], char ret[NAME + 1])
{
	for (size_t i = 0; i < REVOCATION_KEY; i++)
		snprintf(ret + 2 * i, 3, "%02x", key[i]);
}

static void complain(struct lookup_cache *cache, const char *path)
{
	if (cache->has_complained)
		return;
	cache->has_complained = true;
	log_event(LOG_WARNING_LEVEL, "lookup.cache_failed", LOG_TEXT("path", path),
		LOG_TEXT("reason", strerror(errno)),
		LOG_TEXT("consequence", "lists are fetched anew after a restart"));
}

static char *path_of(const struct lookup_cache *cache, const char *name, const char *end)
{
	size_t size = strlen(cache->directory) + strlen(name) + strlen(end) + 2;
	char *path = mem_new(size);

	snprintf(path, size, "%s/%s%s", cache->directory, name, end);
	return path;
}

struct lookup_cache *lookup_cache_new(const char *directory, int64_t max)
{
	struct lookup_cache *cache = mem_new(sizeof(*cache));

	cache->directory = mem_text(directory);
	cache->max = max;
	cache->by_name = map_new(0);
	TAILQ_INIT(&cache->files);
	return cache;
}

static void forget(struct lookup_cache *cache, struct file *file)
{
	map_remove(cache->by_name, str_of(file->name));
	TAILQ_REMOVE(&cache->files, file, links);
	cache->size -= file->size;
	free(file);
}

void lookup_cache_free(struct lookup_cache **cache)
{
	if (*cache == NULL)
		return;
	for (struct file *file = TAILQ_FIRST(&(*cache)->files), *next; file != NULL; file = next) {
		next = TAILQ_NEXT(file, links);
		forget(*cache, file);
	}
	map_free(&(*cache)->by_name);
	free((*cache)->directory);
	free(*cache);
	*cache = NULL;
}

static void drop(struct lookup_cache *cache, struct file *file)
{
	char *path = path_of(cache, file->name, "");

	if (unlink(path) < 0 && errno != ENOENT)
		complain(cache, path);
	free(path);
	forget(cache, file);
}

static void shrink(struct lookup_cache *cache)
{
	for (struct file *file = TAILQ_FIRST(&cache->files), *next; file != NULL; file = next) {
		next = TAILQ_NEXT(file, links);
		if (cache->size <= cache->max && map_count(cache->by_name) <= FILES_MAX)
			return;
		drop(cache, file);
	}
}

void lookup_cache_limit(struct lookup_cache *cache, int64_t max)
{
	cache->max = max;
	shrink(cache);
}

static struct file *note(struct lookup_cache *cache, const char *name, int64_t size)
{
	struct file *file = map_get(cache->by_name, str_of(name));

	if (file != NULL)
		forget(cache, file);
	file = mem_new(sizeof(*file));
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->size = size;
	cache->size += size;
	map_set(cache->by_name, str_of(file->name), file);
	TAILQ_INSERT_TAIL(&cache->files, file, links);
	return file;
}

/* ---- at the start ---------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
	return strlen(name) == NAME && strspn(name, "0123456789abcdef") == NAME;
}

static int by_use(const void *a, const void *b)
{
	const struct file *const *one = a, *const *two = b;

	return ((*one)->used_s > (*two)->used_s) - ((*one)->used_s < (*two)->used_s);
}

static void sort(struct lookup_cache *cache)
{
	size_t count = map_count(cache->by_name), n = 0;
	struct file **all = mem_resize(NULL, count + 1, sizeof(struct file *));
	struct file *file;

	while ((file = TAILQ_FIRST(&cache->files)) != NULL) {
		TAILQ_REMOVE(&cache->files, file, links);
		all[n++] = file;
	}
	qsort(all, n, sizeof(struct file *), by_use);
	for (size_t i = 0; i < n; i++)
		TAILQ_INSERT_TAIL(&cache->files, all[i], links);
	free(all);
}

/* What was half written when a process ended goes, and so does what is none of ours. */
static void see(struct lookup_cache *cache, const char *name)
{
	char *path = path_of(cache, name, "");
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		if (is_name(name))
			note(cache, name, st.st_size)->used_s = st.st_mtime;
		else
			unlink(path);
	}
	free(path);
}

void lookup_cache_open(struct lookup_cache *cache)
{
	struct dirent *entry;
	DIR *directory;

	if (cache->directory == NULL)
		return;
	directory = opendir(cache->directory);
	if (directory == NULL) {
		complain(cache, cache->directory);
		free(cache->directory);
		cache->directory = NULL;
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		see(cache, entry->d_name);
	closedir(directory);
	sort(cache);
	shrink(cache);
}

int64_t lookup_cache_size(const struct lookup_cache *cache)
{
	return cache->size;
}

/* ---- one file -------------------------------------------------------------------------------- */

static bool write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_part(bytes, (size_t)n, bytes.n);
	}
	return true;
}

static bool write_file(const char *path, const char *head, struct str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool fine;

	if (fd < 0)
		return false;
	fine = write_all(fd, str_of(head)) && write_all(fd, bytes);
	close(fd);
	return fine;
}

void lookup_cache_save(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY],
	const char *url, int64_t fetched_ms, struct str bytes)
{
	char name[NAME + 1], head[REVOCATION_URL_MAX + 80];
	char *path, *next;

	if (cache->directory == NULL || (int64_t)bytes.n > cache->max)
		return;
	name_of(key, name);
	path = path_of(cache, name, "");
	next = path_of(cache, name, ".new");
	snprintf(head, sizeof(head), "sealpost-lookup 1 %" PRId64 " %s\n", fetched_ms, url);
	/* Not synced: what is torn by a crash is found out by its signature. */
	if (write_file(next, head, bytes) && rename(next, path) == 0) {
		note(cache, name, (int64_t)(strlen(head) + bytes.n));
		shrink(cache);
	} else {
		complain(cache, path);
		unlink(next);
	}
	free(path);
	free(next);
}

static bool read_file(const char *path, char **ret, size_t *ret_length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char *all;
	size_t n = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
		st.st_size > FILE_MAX) {
		close(fd);
		return false;
	}
	all = mem_resize(NULL, (size_t)st.st_size, 1);
	while (n < (size_t)st.st_size) {
		ssize_t more = read(fd, all + n, (size_t)st.st_size - n);

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			break;
		n += (size_t)more;
	}
	close(fd);
	*ret = all;
	*ret_length = n;
	return true;
}

static bool take_head(struct str *bytes, int64_t *ret_fetched_ms)
{
	struct str line = str_cut(bytes, '\n'), word = str_cut(&line, ' ');
	uint64_t fetched = 0;

	if (!str_is(word, "sealpost-lookup") || !str_is(str_cut(&line, ' '), "1") ||
		!str_to_u64(str_cut(&line, ' '), &fetched) || fetched > INT64_MAX)
		return false;
	*ret_fetched_ms = (int64_t)fetched;
	return true;
}

bool lookup_cache_load(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY],
	char **ret_memory, struct str *ret_bytes, int64_t *ret_fetched_ms)
{
	char name[NAME + 1], *path, *all = NULL;
	struct file *file;
	size_t length = 0;
	bool found;

	name_of(key, name);
	file = cache->directory != NULL ? map_get(cache->by_name, str_of(name)) : NULL;
	if (file == NULL)
		return false;
	TAILQ_REMOVE(&cache->files, file, links);
	TAILQ_INSERT_TAIL(&cache->files, file, links);
	path = path_of(cache, name, "");
	found = read_file(path, &all, &length);
	free(path);
	*ret_bytes = str_make(all, length);
	if (found && take_head(ret_bytes, ret_fetched_ms)) {
		*ret_memory = all;
		return true;
	}
	free(all);
	drop(cache, file);
	return false;
}

void lookup_cache_remove(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY])
{
	char name[NAME + 1];
	struct file *file;

	name_of(key, name);
	file = map_get(cache->by_name, str_of(name));
	if (file != NULL)
		drop(cache, file);
}
