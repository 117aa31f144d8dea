/* What the files of this port share about contexts and sessions. */
#ifndef SEALPOST_PORT_TLS_CONTEXT_H
#define SEALPOST_PORT_TLS_CONTEXT_H

#include "port/tls/signer.h"

#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

enum {
	TLS_TICKET_KEY = 80,
	TLS_SESSION_LIFE_S = 2 * 3600,
	TLS_CERTIFICATE_BYTES_MAX = 64 * 1024, /* a Certificate message of the peer */
	TLS_IDENTITIES_MAX = 10000,
};

struct tls_identity {
	char *name, *version; /* version may be NULL */
	X509 *leaf;
	STACK_OF(X509) * issuers; /* the rest of the chain, to be sent */
	EVP_PKEY *key;		  /* a handle (provider.c) */
	struct cert_facts facts;  /* in the context's arena */
	bool is_rsa;
};

/* One SSL_CTX for what is presented together. */
struct tls_slot {
	struct tls_slot *next;
	const struct tls_identity *ecdsa, *rsa; /* one of them may be NULL; client: both may */
	SSL_CTX *ssl;				/* its application data is the slot */
	char *label;				/* client: for the cache; NULL: bare */
};

struct tls_cache;

struct tls_context {
	unsigned references;
	bool is_server;
	struct tls_signer *signer;
	struct arena *arena;
	struct tls_identity *identities;
	struct cert_offer *offers; /* of the identities, in the same order */
	struct tls_slot **slots;   /* lists of those with that identity in the first place */
	size_t identity_count;
	struct tls_slot *bare; /* client: presents nothing */
	struct cert_directory *directory;
	bool tickets, is_for_anybody;
	const char *protocol; /* server, ALPN; NULL: none */
	unsigned char ticket_key[TLS_TICKET_KEY];
	struct tls_cache *cache;     /* client; NULL: none */
	struct tls_staples *staples; /* server; NULL: none */
};

/* slots.c: the slot that presents PAIR, made if need be; NULL if a certificate cannot be used. */
const struct tls_slot *tls_slot_get(
	struct tls_context *context, struct cert_pair pair, struct err_info *info);
void tls_slots_free(struct tls_slot **list);
/* Can all identities be used? */
enum err tls_slots_check(const struct tls_context *context, struct err_info *info);
const struct tls_identity *tls_identity_of(
	const struct tls_context *context, const struct cert_offer *offer);

/* offer.c: versions, suites, groups, signatures and the security level of all connections; and what
 * the options of one client make of them. */
void tls_offer_set(SSL_CTX *ssl);
void tls_offer_narrow(SSL *ssl, const struct tls_client_options *options);

/* identity.c */
enum err tls_identity_load(const struct tls_identity_source *source, struct tls_context *context,
	struct tls_identity *to, struct err_info *info);
void tls_identity_clear(struct tls_identity *identity);
/* Is it the certificate with that fingerprint?  IDENTITY may be NULL. */
bool tls_identity_has(const struct tls_identity *identity, const char *sha256);

/* cache.c: sessions of the client by host and identity; oldest out first. */
struct tls_cache *tls_cache_new(size_t limit) MUST_USE;
void tls_cache_free(struct tls_cache **cache);
/* Takes the reference to SESSION. */
void tls_cache_put(
	struct tls_cache *cache, const char *host, const char *identity, SSL_SESSION *session);
/* A new reference, or NULL.  A TLS 1.3 session is given once only (RFC 8446 C.4). */
SSL_SESSION *tls_cache_take(
	struct tls_cache *cache, const char *host, const char *identity, int64_t now_s) MUST_USE;
void tls_cache_forget(struct tls_cache *cache, const char *host);

enum tls_state { TLS_STATE_HANDSHAKE, TLS_STATE_UP, TLS_STATE_CLOSED, TLS_STATE_FAILED };

struct tls_session {
	struct tls_context *tls;
	const struct tls_slot *slot;  /* client */
	cert_version_chooser *choose; /* server; NULL: the current versions */
	SSL *ssl;
	tls_handler *handler;
	void *context;
	char *cache_key; /* client; NULL: not cached */
	char *failure_text;
	int64_t started_ms;
	int64_t handshake_ms;
	struct event read, write, later;
	unsigned char state;   /* enum tls_state */
	unsigned char failure; /* enum tls_failure_kind */
	unsigned char alert;   /* the peer's fatal one; 0: none, which is no fatal alert */
	bool is_server : 1;
	bool watches_read : 1, watches_write : 1;
	bool read_wanted : 1;	    /* by the owner */
	bool write_blocked : 1;	    /* tell the owner when writable */
	bool read_needs_write : 1;  /* the library must write before it can read */
	bool must_read : 1;	    /* call READ from the loop, whatever is buffered */
	bool reported : 1;	    /* CLOSED or FAILED has been delivered */
	bool certificate_asked : 1; /* client */
	bool is_misfit : 1;	    /* server: the client can use no key of ours */
	bool has_read : 1;	    /* application data came */
	bool is_paused : 1;	    /* the handshake waits for a signature */
	bool is_queued : 1;	    /* the handshake waits for a job */
	TAILQ_ENTRY(tls_session) queue;
};

/* describe.c: what is presented in this handshake, or will be; NULL: nothing. */
const struct tls_identity *tls_own_identity(const struct tls_session *session);
/* ... and by a client has been. */
const struct tls_identity *tls_client_identity(const struct tls_session *session);

/* What a session that can be resumed began with. */
struct tls_mark {
	char certificate[256], version[32], sha256[65]; /* version may be "" */
};
void tls_mark(SSL_SESSION *session, const struct tls_identity *identity);
bool tls_mark_read(SSL_SESSION *session, struct tls_mark *ret);

#endif
