/*
 * Which of our certificates serves a name, and which of its versions: the same answer for the TLS
 * port and for those who explain it.
 *
 * A name belongs to the first offer that carries it; a current version comes before a next, and
 * that before a deprecated one.  Without an exact name the wildcard above it counts, and without
 * that the default: the certificate that was offered first.  An ECDSA and an RSA certificate that
 * carry the same name serve it side by side.
 */
#ifndef SEALPOST_CORE_CERT_DIRECTORY_H
#define SEALPOST_CORE_CERT_DIRECTORY_H

#include "core/cert/life.h"

/* One certificate with its key. */
struct cert_offer {
	const char *certificate;
	const char *version; /* NULL: it has none */
	int state;	     /* enum cert_state; never retired */
	bool is_rsa;	     /* else ECDSA */
	struct record_texts names;
};

enum cert_match { CERT_MATCH_EXACT, CERT_MATCH_WILDCARD, CERT_MATCH_DEFAULT };

/* What is presented: one of them is NULL where there is no such twin. */
struct cert_pair {
	const struct cert_offer *ecdsa, *rsa;
	enum cert_match match;
};

struct cert_directory;

/* OFFERS stay the caller's and must outlive the directory.  ERR_EXISTS: two of the same
 * certificate, version and kind, or two versions in the same state; INFO names them. */
enum err cert_directory_new(const struct cert_offer *offers, size_t count,
	struct cert_directory **ret, struct err_info *info);
void cert_directory_free(struct cert_directory **directory);

/* Who serves NAME (case and one trailing dot do not matter; empty: the client gave none).  Both
 * NULL only when there is no offer at all. */
struct cert_pair cert_directory_find(const struct cert_directory *directory, struct str name);

/* The current version of that certificate, of either kind; NULL: it is not there. */
const struct cert_offer *cert_directory_current(
	const struct cert_directory *directory, const char *certificate);
/* That version (NULL: the current one; also if it is not there) with what it has of both kinds. */
struct cert_pair cert_directory_version(
	const struct cert_directory *directory, const char *certificate, const char *version);

/* The version of CERTIFICATE that a peer is to be shown; NULL: the current one. */
typedef const char *cert_version_chooser(void *context, const char *certificate);
/* PAIR in the versions that CHOOSE (may be NULL) says.  Where a version has no certificate of a
 * kind, that of the other certificate of the pair stands in, if there is one. */
struct cert_pair cert_directory_choose(const struct cert_directory *directory,
	struct cert_pair pair, cert_version_chooser *choose, void *context);

#endif
