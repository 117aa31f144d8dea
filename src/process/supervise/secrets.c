/* Secrets: opened here, where the rights to do so are, and read by the one process that needs them.
 * Their content is never in this process. */
#include "process/supervise/settings.h"

#include "port/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *credential; /* its name as a credential of the service manager */
	const char *setting;
} secrets[RUNTIME_SECRET_MAX] = {
	[RUNTIME_SECRET_PASSPHRASE] = {"sealpost-passphrase", "keys.passphrase"},
	[RUNTIME_SECRET_PIN] = {"sealpost-pin", "keys.pkcs11_pin"},
};

static const char *configured(const struct model_node *node, enum runtime_secret secret)
{
	switch (secret) {
	case RUNTIME_SECRET_PASSPHRASE:
		return node->keys.passphrase;
	case RUNTIME_SECRET_PIN:
		return node->keys.pkcs11_pin;
	case RUNTIME_SECRET_MAX:
		break;
	}
	return NULL;
}

/* systemd.exec(5), "Credentials". */
static const char *credential(enum runtime_secret secret, struct arena *arena)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	const char *path;

	if (directory == NULL || directory[0] != '/')
		return NULL;
	path = arena_format(arena, "%s/%s", directory, secrets[secret].credential);
	return access(path, F_OK) == 0 ? path : NULL;
}

static enum err open_secret(
	struct supervise_settings *s, enum runtime_secret secret, struct err_info *info)
{
	const char *path = configured(s->node, secret);
	struct stat st;
	int fd;

	if (path == NULL)
		path = credential(secret, s->arena);
	if (path == NULL)
		return ERR_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	s->secret_fds[secret] = fd;
	if (fd < 0)
		return err_set(info, err_from_errno(errno), "%s: %s: %s", secrets[secret].setting,
			path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(
			info, ERR_SYNTAX, "%s: %s: not a file", secrets[secret].setting, path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && st.st_uid == geteuid())
		log_event(LOG_WARNING_LEVEL, "secret.open_to_others", LOG_TEXT("file", path),
			LOG_TEXT("remedy", "chmod 600"));
	return ERR_OK;
}

enum err supervise_secrets_open(struct supervise_settings *s, struct err_info *info)
{
	enum err e = ERR_OK;

	for (int i = 0; i < RUNTIME_SECRET_MAX && e == ERR_OK; i++)
		e = open_secret(s, (enum runtime_secret)i, info);
	return e;
}

void supervise_secrets_close(struct supervise_settings *s)
{
	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++) {
		if (s->secret_fds[i] >= 0)
			close(s->secret_fds[i]);
		s->secret_fds[i] = -1;
	}
}
