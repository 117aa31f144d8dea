/* What the files of this port share about contexts and sessions. */
#ifndef SEALPOST_PORT_TLS_CONTEXT_H
#define SEALPOST_PORT_TLS_CONTEXT_H

#include "base/map.h"
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
	char *name;
	X509 *leaf;
	STACK_OF(X509) * issuers; /* the rest of the chain, to be sent */
	EVP_PKEY *key;		  /* a handle (provider.c) */
	struct cert_facts facts;  /* in the context's arena */
	bool is_rsa;
};

/* One SSL_CTX for each combination of an ECDSA and an RSA certificate that serve the same name:
 * OpenSSL chooses among them by what the peer can verify. */
struct tls_slot {
	const struct tls_identity *ecdsa, *rsa; /* one of them may be NULL; client: both may */
	SSL_CTX *ssl;
};

struct tls_cache;

struct tls_context {
	unsigned references;
	bool is_server;
	struct tls_signer *signer;
	struct arena *arena;
	struct tls_identity *identities;
	size_t identity_count;
	struct tls_slot *slots; /* the first one is the default */
	size_t slot_count;
	struct map *names; /* server: "mx.example", "*.example" -> struct named, in the arena */
	bool tickets;
	unsigned char ticket_key[TLS_TICKET_KEY];
	struct tls_cache *cache; /* client; NULL: none */
};

/* The client slot that presents the certificate NAME; the default one presents none. */
const struct tls_slot *tls_context_slot(const struct tls_context *context, const char *name);

/* identity.c */
enum err tls_identity_load(const struct tls_identity_source *source, struct tls_context *context,
	struct tls_identity *to, struct err_info *info);
void tls_identity_clear(struct tls_identity *identity);

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
	const struct tls_slot *slot; /* client */
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
	bool is_server : 1;
	bool watches_read : 1, watches_write : 1;
	bool read_wanted : 1;	    /* by the owner */
	bool write_blocked : 1;	    /* tell the owner when writable */
	bool read_needs_write : 1;  /* the library must write before it can read */
	bool must_read : 1;	    /* call READ from the loop, whatever is buffered */
	bool reported : 1;	    /* CLOSED or FAILED has been delivered */
	bool certificate_asked : 1; /* client */
	bool is_paused : 1;	    /* the handshake waits for a signature */
	bool is_queued : 1;	    /* the handshake waits for a job */
	TAILQ_ENTRY(tls_session) queue;
};

/* describe.c: name of the certificate that a client has presented in this handshake, or NULL. */
const char *tls_client_certificate(const struct tls_session *session);

#endif
