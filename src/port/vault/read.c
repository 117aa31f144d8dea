#include "port/vault/inside.h"

#include "base/moment.h"
#include "core/cert/step.h"
#include "port/tls/tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const vault_kinds[VAULT_PAIRS] = {"ecdsa", "rsa"};

enum err vault_failed(struct err_info *info, const char *path)
{
	return err_set(info, err_from_errno(errno), "%s: %s", path, strerror(errno));
}

bool vault_is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	return n > 0 && n <= 64 && name[n] == '\0' && name[0] != '.' && name[0] != '-' &&
	       strcmp(name, "self") != 0;
}

bool vault_is_version(const char *name)
{
	uint64_t number;

	return name[0] != '0' && strlen(name) <= 16 && str_to_u64(str_of(name), &number);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static enum err read_all(int fd, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		done += (size_t)n;
	}
	return ERR_OK;
}

static enum err check_file(int fd, const char *path, struct err_info *info)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > VAULT_FILE_MAX)
		return err_set(info, ERR_TOO_LONG, "%s: not a file of at most %d bytes", path,
			VAULT_FILE_MAX);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(info, ERR_REFUSED,
			"%s belongs to user %u: it is only used if it belongs to the user that "
			"starts the server",
			path, (unsigned)st.st_uid);
	return ERR_OK;
}

enum err vault_open_file(const char *path, int *ret, struct err_info *info)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	enum err e;

	if (fd < 0)
		return vault_failed(info, path);
	e = check_file(fd, path, info);
	if (e == ERR_OK)
		*ret = fd;
	else
		close(fd);
	return e;
}

enum err vault_read_file(
	const char *path, struct arena *arena, struct str *ret, struct err_info *info)
{
	int fd = -1;
	struct stat st;
	char *bytes;
	enum err e = vault_open_file(path, &fd, info);

	if (e != ERR_OK)
		return e;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return vault_failed(info, path);
	}
	bytes = arena_alloc(arena, (size_t)st.st_size + 1);
	e = read_all(fd, bytes, (size_t)st.st_size);
	if (e != ERR_OK)
		vault_failed(info, path);
	close(fd);
	if (e == ERR_OK)
		*ret = str_make(bytes, (size_t)st.st_size);
	return e;
}

bool vault_is_served(const char *data)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	int fd = open(arena_format(arena, "%s/lock", data), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_free = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0;

	if (fd >= 0)
		close(fd);
	return !is_free;
}

/* ---- lives ------------------------------------------------------------------------------------
 */

enum err vault_life_read(const char *directory, const char *name, struct arena *arena,
	struct cert_life *ret, struct err_info *info)
{
	const char *path = arena_format(arena, "%s/life.json", directory);
	struct err_info why = {.text = ""};
	struct cert_life life;
	json_error_t at;
	struct str text = {0};
	json_t *json;
	enum err e;

	if (!is_there(path))
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	e = vault_read_file(path, arena, &text, info);
	if (e != ERR_OK)
		return e;
	json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &at);
	if (json == NULL)
		return err_set(info, ERR_CORRUPT, "%s: line %d: %s", path, at.line, at.text);
	e = record_from_json(&cert_life_desc, json, "", arena, &life, &why);
	json_decref(json);
	if (e == ERR_OK)
		e = cert_step_check(&life, &why);
	if (e == ERR_OK && strcmp(life.name, name) != 0)
		e = err_set(&why, ERR_CORRUPT, "name: expected \"%s\"", name);
	if (e != ERR_OK)
		return err_set(info, ERR_CORRUPT, "%s: %s", path, why.text);
	*ret = life;
	return ERR_OK;
}

/* chain.pem and key.pem, as older versions wrote them. */
static enum err read_old(const char *directory, const char *name, struct arena *arena,
	struct cert_life *ret, struct err_info *info)
{
	const char *path = arena_format(arena, "%s/chain.pem", directory);
	const char *key = arena_format(arena, "%s/key.pem", directory);
	struct err_info why = {.text = ""};
	struct cert_version *version;
	struct cert_facts *facts = NULL;
	struct str chain = {0};
	struct stat st;
	size_t count = 0;
	enum err e;

	if (!is_there(key) || stat(path, &st) < 0)
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	e = vault_read_file(path, arena, &chain, info);
	if (e != ERR_OK)
		return e;
	e = tls_facts_of_pem(chain, arena, &facts, &count, &why);
	if (e != ERR_OK || count == 0)
		return err_set(info, ERR_CORRUPT, "%s: %s", path,
			e != ERR_OK ? why.text : "no certificate");
	record_init(&cert_life_desc, ret, arena);
	version = arena_alloc(arena, sizeof(*version));
	*version = (struct cert_version){
		.id = "1",
		.state = CERT_CURRENT,
		.added_ms = (int64_t)st.st_mtime * MOMENT_SECOND_MS,
		.current_ms = (int64_t)st.st_mtime * MOMENT_SECOND_MS,
		.not_before_ms = facts[0].not_before_ms,
		.not_after_ms = facts[0].not_after_ms,
		.sha256 = {arena_array(arena, 1, sizeof(char *)), 1},
	};
	version->sha256.items[0] = facts[0].sha256;
	ret->name = arena_text(arena, name);
	ret->versions.items = version;
	ret->versions.count = 1;
	return ERR_OK;
}

enum err vault_find(const char *data, const char *name, struct arena *arena, struct cert_life *ret,
	struct err_info *info)
{
	const char *directory = arena_format(arena, "%s/certificates/%s", data, name);
	enum err e;

	if (!vault_is_name(name))
		return err_set(info, ERR_UNKNOWN, "there is no certificate %s", name);
	e = vault_life_read(directory, name, arena, ret, info);
	return e == ERR_UNKNOWN ? read_old(directory, name, arena, ret, info) : e;
}

static int by_name(const void *a, const void *b)
{
	const struct cert_life *left = a, *right = b;

	return strcmp(left->name, right->name);
}

enum err vault_list(const char *data, struct arena *arena, struct cert_life **ret,
	size_t *ret_count, struct err_info *info)
{
	const char *above = arena_format(arena, "%s/certificates", data);
	DIR *folder = opendir(above);
	struct cert_life *lives;
	const struct dirent *entry;
	size_t count = 0;
	enum err e = ERR_OK;

	if (folder == NULL && errno != ENOENT)
		return vault_failed(info, above);
	lives = arena_array(arena, folder != NULL ? VAULT_NAMES : 0, sizeof(*lives));
	while (folder != NULL && e == ERR_OK && count < VAULT_NAMES &&
		(entry = readdir(folder)) != NULL) {
		if (!vault_is_name(entry->d_name))
			continue;
		e = vault_find(data, entry->d_name, arena, &lives[count], info);
		if (e == ERR_UNKNOWN) /* what a crash has left, or only a request */
			e = ERR_OK;
		else
			count++;
	}
	if (folder != NULL)
		closedir(folder);
	if (e != ERR_OK)
		return e;
	qsort(lives, count, sizeof(*lives), by_name);
	*ret = lives;
	*ret_count = count;
	return ERR_OK;
}

/* ---- pairs ------------------------------------------------------------------------------------
 */

static const char *uri_of(const char *path, struct arena *arena)
{
	struct str text = {0};

	if (vault_read_file(path, arena, &text, NULL) != ERR_OK || text.n > 4096)
		return NULL;
	return arena_text_of(arena, str_trim(str_cut(&text, '\n')));
}

/* Where NAME keeps its key, and its URI where it is in a token. */
static void find_key(struct vault_pair *pair, const char *stem, struct arena *arena)
{
	const char *key = arena_format(arena, "%s.key", stem);
	const char *uri = arena_format(arena, "%s.uri", stem);

	if (is_there(key))
		pair->key = key;
	else if (is_there(uri))
		pair->key_uri = uri_of(uri, arena);
}

static const char *old_kind(const char *chain, struct arena *arena)
{
	struct cert_facts *facts = NULL;
	struct str text = {0};
	size_t count = 0;

	if (vault_read_file(chain, arena, &text, NULL) == ERR_OK &&
		tls_facts_of_pem(text, arena, &facts, &count, NULL) == ERR_OK && count > 0 &&
		strncmp(facts[0].key, "RSA", 3) == 0)
		return "rsa";
	return "ecdsa";
}

size_t vault_pairs(const char *data, const char *name, const char *version, struct arena *arena,
	struct vault_pair ret[VAULT_PAIRS])
{
	const char *above = arena_format(arena, "%s/certificates/%s", data, name);
	const char *old = arena_format(arena, "%s/chain.pem", above);
	size_t count = 0;

	if (!is_there(arena_format(arena, "%s/life.json", above))) {
		if (strcmp(version, "1") != 0 || !is_there(old))
			return 0;
		ret[0] = (struct vault_pair){.kind = old_kind(old, arena),
			.chain = old,
			.key = arena_format(arena, "%s/key.pem", above)};
		return 1;
	}
	for (size_t i = 0; i < VAULT_PAIRS; i++) {
		const char *stem = arena_format(arena, "%s/%s/%s", above, version, vault_kinds[i]);
		struct vault_pair pair = {
			.kind = vault_kinds[i], .chain = arena_format(arena, "%s.pem", stem)};

		if (!is_there(pair.chain))
			continue;
		find_key(&pair, stem, arena);
		ret[count++] = pair;
	}
	return count;
}

static const char *request_key_path(const char *data, const char *name, struct arena *arena)
{
	const char *path = arena_format(arena, "%s/certificates/%s/request/key.pem", data, name);

	return vault_is_name(name) && is_there(path) ? path : NULL;
}

enum err vault_request_find(const char *data, const char *name, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	if (request_key_path(data, name, arena) != NULL)
		return ERR_OK;
	return err_set(info, ERR_UNKNOWN, "nothing was requested for %s", name);
}

enum err vault_request_key(const char *data, const char *name, struct arena *arena, struct str *ret,
	struct err_info *info)
{
	enum err e = vault_request_find(data, name, info);

	return e == ERR_OK ? vault_read_file(request_key_path(data, name, arena), arena, ret, info)
			   : e;
}

static bool read_request(
	const char *data, const char *name, struct arena *arena, struct vault_request *ret)
{
	const char *directory = arena_format(arena, "%s/certificates/%s/request", data, name);
	const char *path = arena_format(arena, "%s/request.pem", directory);
	struct stat st;

	if (!is_there(arena_format(arena, "%s/key.pem", directory)) || stat(path, &st) < 0 ||
		vault_read_file(path, arena, &ret->request, NULL) != ERR_OK)
		return false;
	ret->name = arena_text(arena, name);
	ret->at_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return true;
}

static int request_by_name(const void *a, const void *b)
{
	const struct vault_request *left = a, *right = b;

	return strcmp(left->name, right->name);
}

enum err vault_requests(const char *data, struct arena *arena, struct vault_request **ret,
	size_t *ret_count, struct err_info *info)
{
	const char *above = arena_format(arena, "%s/certificates", data);
	DIR *folder = opendir(above);
	struct vault_request *all;
	const struct dirent *entry;
	size_t count = 0;

	if (folder == NULL && errno != ENOENT)
		return vault_failed(info, above);
	all = arena_array(arena, folder != NULL ? VAULT_NAMES : 0, sizeof(*all));
	while (folder != NULL && count < VAULT_NAMES && (entry = readdir(folder)) != NULL)
		if (vault_is_name(entry->d_name) &&
			read_request(data, entry->d_name, arena, &all[count]))
			count++;
	if (folder != NULL)
		closedir(folder);
	if (count > 1)
		qsort(all, count, sizeof(*all), request_by_name);
	*ret = all;
	*ret_count = count;
	return ERR_OK;
}
