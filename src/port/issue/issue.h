/*
 * Own certificates on their way into the vault: a key and a request for a certificate, the chain
 * that an authority made of it, or a certificate that is signed by its own key.  What partners
 * would refuse is refused here, before anybody sees it.
 *
 * Private keys pass through: only for the command line, and for the process `certify`, which ends
 * with its one order.  INFO begins with the member of the order that it is about ("chain: ...").
 */
#ifndef SEALPOST_PORT_ISSUE_ISSUE_H
#define SEALPOST_PORT_ISSUE_ISSUE_H

#include "core/cert/life.h"
#include "port/vault/vault.h"

enum {
	ISSUE_PEM_MAX = 256 * 1024, /* bytes of a chain, or of roots, in an order */
	ISSUE_NAMES_MAX = 100,
	ISSUE_NOTES_MAX = 16,
};

enum issue_action { ISSUE_REQUEST, ISSUE_CHAIN, ISSUE_SELF_SIGNED };
extern const char *const issue_action_names[]; /* "request", "chain", "self-signed" */

/* What is asked for; travels as JSON. */
struct issue_order {
	int action;	  /* enum issue_action */
	const char *name; /* of the certificate */
	/* of a request, and of one that is self-signed */
	int key;		   /* enum tls_keypair_kind */
	struct record_texts names; /* host names; not empty */
	const char *organisation, *unit, *country;
	int64_t days; /* self-signed */
	/* of a chain */
	const char *chain, *trust; /* PEM; trust may be NULL */
	bool beside;		   /* keep the other kind of key of the version before */
	bool force;		   /* also what is expired, weak or without its intermediates */
	/* of all that makes a version */
	bool advance; /* it is current at once */
	bool replace; /* a version that is next already, or a request that is open, is dropped */
};
extern const struct record_desc issue_order_desc;

/* A text in PEM with a private key in it: ERR_REFUSED; else ERR_OK. */
enum err issue_refuse_key(const char *text, struct err_info *info);

/* What is said with the result and stops nothing; texts live in the arena. */
struct issue_notes {
	const char *items[ISSUE_NOTES_MAX];
	size_t count;
};

/* Where it is done. */
struct issue_place {
	const char *data;
	struct vault *vault; /* open */
	struct str roots;    /* the system's trust store, PEM */
	bool has_passphrase; /* keys are stored encrypted */
	struct str passphrase;
	int64_t now_ms;
	struct arena *arena; /* of all results */
	struct issue_notes *notes;
};

/* A chain and its key. */
struct issue_pair {
	const char *chain_name, *key_name; /* for messages; key_name may be NULL */
	struct str chain;		   /* PEM; after the check leaf first, in order */
	struct str key; /* PEM as it is to be stored, or "pkcs11:..." where is_in_token */
	bool is_in_token, is_requested;
	/* by the check */
	bool is_rsa;
	int64_t not_before_ms, not_after_ms; /* of the shortest that is presented */
	const char *sha256;
};

/* OPEN: the key without encryption; not looked at for one in a token.  Key and chain belong
 * together; the chain is whole, in force and strong (ORDER->force: noted, and passed over).  Looks
 * at trust and force of the order alone.  ERR_CERTIFICATE, ERR_SYNTAX, ERR_UNSUPPORTED. */
enum err issue_check(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *pair, struct str open, struct err_info *info);
/* The OPEN key as the server wants it: with the passphrase, where there is one. */
enum err issue_seal(const struct issue_place *place, struct issue_pair *pair, struct str open,
	struct err_info *info);
/* The key as it was requested, and its chain CHAIN.  ERR_UNKNOWN: nothing was requested. */
enum err issue_requested(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *ret, struct err_info *info);
/* Beside the one pair that comes, the other kind of key of the version that is next, else current:
 * a version of both.  The key stays as it is stored. */
enum err issue_keep_other(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair pairs[VAULT_PAIRS], struct err_info *info);

struct issue_result {
	const char *request; /* PEM, of a request; NULL: a version: */
	const char *version;
	struct cert_life before; /* without versions: there was none of that name */
	struct cert_life after;	 /* not written yet */
};
/* The files of a new version (vault_add), and the life with it; vault_write() makes it so.
 * ERR_EXISTS: another one is next. */
enum err issue_add(const struct issue_place *place, const struct issue_order *order,
	const struct issue_pair *pairs, size_t count, struct issue_result *ret,
	struct err_info *info);

/* The whole order.  A request is on disk when this returns; of a version the files are, which
 * nobody sees before vault_write(). */
enum err issue_run(const struct issue_place *place, const struct issue_order *order,
	struct issue_result *ret, struct err_info *info);

#endif
