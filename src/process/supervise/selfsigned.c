/* A certificate that a node without any makes for itself, so that STARTTLS can be offered from the
 * first minute: ECDSA P-256, for the node's host name. */
#include "process/supervise/settings.h"

#include "port/tls/keypair.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALID_DAYS = 825, RENEW_DAYS = 30, PEM_MAX = 16384 };

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static bool is_good(const char *path, const char *hostname, int64_t now_ms)
{
	FILE *file = fopen(path, "re");
	X509 *certificate CLEANUP(free_certificate) = NULL;
	time_t soon = (time_t)(now_ms / 1000) + RENEW_DAYS * 24 * 3600;

	if (file == NULL)
		return false;
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (certificate == NULL) {
		ERR_clear_error();
		return false;
	}
	return X509_cmp_time(X509_get0_notAfter(certificate), &soon) > 0 &&
	       X509_check_host(certificate, hostname, 0, 0, NULL) == 1;
}

static bool write_new(const char *path, const struct buf *content)
{
	struct str rest = buf_str(content);
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd >= 0 && rest.n > 0) {
		ssize_t n = write(fd, rest.p, rest.n);

		if (n < 0)
			break;
		rest = str_part(rest, (size_t)n, rest.n);
	}
	return fd >= 0 && close(fd) == 0 && rest.n == 0;
}

/* Make a pair for HOSTNAME and write it to the two files. */
static enum err make(const struct model_certificate *to, const char *hostname, int64_t now_ms,
	struct err_info *info)
{
	const struct tls_keypair_request request = {
		.names = &hostname,
		.count = 1,
		.now_ms = now_ms,
		.days = VALID_DAYS,
	};
	struct buf chain, key;
	enum err e;

	buf_init(&chain, PEM_MAX);
	buf_init(&key, PEM_MAX);
	e = tls_keypair_self_signed(&request, &chain, &key, info);
	if (e == ERR_OK && (!write_new(to->key, &key) || !write_new(to->chain, &chain)))
		e = err_set(info, err_from_errno(errno), "%s: %s", to->chain, strerror(errno));
	buf_free(&chain);
	tls_keypair_forget(&key);
	return e;
}

enum err supervise_self_signed(const struct model_node *node, int64_t now_ms, struct arena *arena,
	struct model_certificate *ret, struct err_info *info)
{
	const char *above = arena_format(arena, "%s/certificates", node->data);
	const char *directory = arena_format(arena, "%s/self", above);
	struct model_certificate made = {
		.name = "self",
		.chain = arena_format(arena, "%s/chain.pem", directory),
		.key = arena_format(arena, "%s/key.pem", directory),
	};

	*ret = made;
	if (is_good(made.chain, node->hostname, now_ms) && access(made.key, R_OK) == 0)
		return ERR_OK;
	if ((mkdir(above, 0700) < 0 && errno != EEXIST) ||
		(mkdir(directory, 0700) < 0 && errno != EEXIST))
		return err_set(info, err_from_errno(errno), "%s: %s", directory, strerror(errno));
	return make(&made, node->hostname, now_ms, info);
}
