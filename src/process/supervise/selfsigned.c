/* A certificate that a node without any makes for itself, so that STARTTLS can be offered from the
 * first minute: ECDSA P-256, for the node's host name. */
#include "process/supervise/settings.h"

#include "base/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALID_DAYS = 825, RENEW_DAYS = 30 };

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

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

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool fine;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	fine = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return fine;
}

static bool fill(X509 *c, EVP_PKEY *key, const char *hostname, int64_t now_ms)
{
	unsigned char serial[16];
	time_t now = (time_t)(now_ms / 1000);
	X509_NAME *name = X509_get_subject_name(c);
	char san[300];
	BIGNUM *number;
	bool fine;

	snprintf(san, sizeof(san), "DNS:%s", hostname);
	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	fine = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(c)) != NULL;
	BN_free(number);
	/* The common name is for people; it has room for 64 characters, the SAN for all. */
	return fine && X509_set_version(c, X509_VERSION_3) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		       (const unsigned char *)hostname,
		       (int)(strlen(hostname) < 64 ? strlen(hostname) : 64), -1, 0) == 1 &&
	       X509_set_issuer_name(c, name) == 1 &&
	       X509_time_adj_ex(X509_getm_notBefore(c), -1, 0, &now) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(c), VALID_DAYS, 0, &now) != NULL &&
	       X509_set_pubkey(c, key) == 1 &&
	       add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(c, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(c, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       add_extension(c, NID_subject_key_identifier, "hash") &&
	       add_extension(c, NID_subject_alt_name, san) && X509_sign(c, key, EVP_sha256()) > 0;
}

static FILE *create(const char *path)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static bool write_both(const struct model_certificate *to, X509 *c, EVP_PKEY *key)
{
	FILE *key_file = create(to->key);
	FILE *chain_file = key_file != NULL ? create(to->chain) : NULL;
	bool fine = chain_file != NULL &&
		    PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		    PEM_write_X509(chain_file, c) == 1;

	if (key_file != NULL)
		fine = fclose(key_file) == 0 && fine;
	if (chain_file != NULL)
		fine = fclose(chain_file) == 0 && fine;
	return fine;
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
	EVP_PKEY *key CLEANUP(free_key) = NULL;
	X509 *certificate CLEANUP(free_certificate) = NULL;

	*ret = made;
	if (is_good(made.chain, node->hostname, now_ms) && access(made.key, R_OK) == 0)
		return ERR_OK;
	if ((mkdir(above, 0700) < 0 && errno != EEXIST) ||
		(mkdir(directory, 0700) < 0 && errno != EEXIST))
		return err_set(info, err_from_errno(errno), "%s: %s", directory, strerror(errno));
	key = EVP_EC_gen("P-256");
	certificate = X509_new();
	if (key == NULL || certificate == NULL || !fill(certificate, key, node->hostname, now_ms))
		return err_set(info, ERR_TLS, "no certificate could be made for %s: %s",
			node->hostname, ERR_error_string(ERR_get_error(), NULL));
	if (!write_both(&made, certificate, key))
		return err_set(info, ERR_IO, "%s: %s", made.chain, strerror(errno));
	return ERR_OK;
}
