/* Chains and keys of everything that is presented, opened. */
#include "port/runtime/runtime.h"
#include "port/vault/vault.h"
#include "process/supervise/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_CHAIN = 1024 * 1024,
	LIVING_MAX = 3 * VAULT_PAIRS, /* pairs of one certificate: next, current, deprecated */
};

static struct supervise_certificate *add_certificate(struct supervise_settings *s)
{
	struct supervise_certificate *to = &s->certificates[s->certificate_count++];

	to->state = CERT_CURRENT;
	to->key_fd = -1;
	return to;
}

/* A file that the node file names. */
static enum err open_key(struct supervise_certificate *to, const char *path, struct err_info *info)
{
	struct stat st;

	if (str_starts_nocase(str_of(path), (struct str)STR("pkcs11:"))) {
		to->key_uri = path;
		return ERR_OK;
	}
	to->key_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (to->key_fd < 0)
		return err_set(info, err_from_errno(errno), "certificate %s: key: %s: %s", to->name,
			path, strerror(errno));
	if (fstat(to->key_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(
			info, ERR_SYNTAX, "certificate %s: key: %s: not a file", to->name, path);
	return ERR_OK;
}

static enum err open_pair(struct supervise_settings *s, struct supervise_certificate *to,
	const struct model_certificate *files, struct err_info *info)
{
	struct err_info why = {.text = ""};
	enum err e = supervise_file_read(files->chain, MAX_CHAIN, s->arena, &to->chain, &why);

	to->name = files->name;
	if (e != ERR_OK)
		return err_set(info, e, "certificate %s: chain: %s", files->name, why.text);
	return open_key(to, files->key, info);
}

static enum err open_stored(struct supervise_settings *s, struct supervise_certificate *to,
	const struct vault_pair *pair, struct err_info *info)
{
	struct err_info why = {.text = ""};
	enum err e = vault_read_file(pair->chain, s->arena, &to->chain, &why);

	to->key_uri = pair->key_uri;
	if (e == ERR_OK && pair->key == NULL && pair->key_uri == NULL)
		e = err_set(&why, ERR_CORRUPT, "%s has no key", pair->chain);
	if (e == ERR_OK && pair->key != NULL)
		e = vault_open_file(pair->key, &to->key_fd, &why);
	return e == ERR_OK ? e : err_set(info, e, "certificate %s: %s", to->name, why.text);
}

static enum err open_version(struct supervise_settings *s, const struct cert_life *life,
	const struct cert_version *version, struct err_info *info)
{
	struct vault_pair pairs[VAULT_PAIRS];
	size_t count = vault_pairs(s->node->data, life->name, version->id, s->arena, pairs);
	enum err e = ERR_OK;

	if (count == 0)
		return err_set(info, ERR_CORRUPT,
			"certificate %s: the files of version %s are missing in "
			"%s/certificates/%s",
			life->name, version->id, s->node->data, life->name);
	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		struct supervise_certificate *to = add_certificate(s);

		to->name = life->name;
		to->version = version->id;
		to->state = version->state;
		e = open_stored(s, to, &pairs[i], info);
	}
	return e;
}

static const struct cert_life *life_of(const struct supervise_settings *s, const char *name)
{
	for (size_t i = 0; i < s->life_count; i++)
		if (strcmp(s->lives[i].name, name) == 0)
			return &s->lives[i];
	return NULL;
}

/* The current version first: who looks for the name finds that one. */
static enum err open_certificate(
	struct supervise_settings *s, const struct model_certificate *model, struct err_info *info)
{
	static const enum cert_state order[] = {CERT_CURRENT, CERT_NEXT, CERT_DEPRECATED};
	const struct cert_life *life = life_of(s, model->name);
	enum err e = ERR_OK;

	if (life == NULL)
		return open_pair(s, add_certificate(s), model, info);
	for (size_t i = 0; i < ARRAY_LENGTH(order) && e == ERR_OK; i++) {
		const struct cert_version *version = cert_life_in(life, order[i]);

		if (version != NULL)
			e = open_version(s, life, version, info);
	}
	return e;
}

enum err supervise_certificates_open(struct supervise_settings *s, struct err_info *info)
{
	size_t count = s->node->certificates.count;
	struct model_certificate *self;
	enum err e = ERR_OK;

	if (count == 0) {
		self = arena_alloc(s->arena, sizeof(*self));
		e = supervise_self_signed(s->node, runtime_now_ms(), s->arena, self, info);
		if (e != ERR_OK)
			return e;
		s->node->certificates.items = self;
		s->node->certificates.count = count = 1;
	}
	s->certificates = arena_array(
		s->arena, count + s->life_count * LIVING_MAX, sizeof(s->certificates[0]));
	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = open_certificate(s, &s->node->certificates.items[i], info);
	return e;
}
