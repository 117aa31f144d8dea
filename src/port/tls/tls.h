/*
 * TLS on a non-blocking socket, by OpenSSL 3, for both directions.  Floor TLS 1.2, forward secrecy
 * always, the suites in tls_suites[] order.  Private keys are elsewhere: a signature is a
 * request to the keys process, and the handshake waits for it without blocking the loop.
 *
 * The handshake itself never fails for the peer's certificate: certificates are facts for policy,
 * judged after it with tls_verify().
 */
#ifndef SEALPOST_PORT_TLS_TLS_H
#define SEALPOST_PORT_TLS_TLS_H

#include "core/cert/directory.h"
#include "core/cert/facts.h"
#include "core/model/model.h"
#include "core/report/receipt.h"
#include "port/ipc/ipc.h"

#include <event2/event.h>

/* ---- signatures -------------------------------------------------------------------------------
 */

/* The way to the keys process.  One per process that does TLS. */
struct tls_signer;
struct tls_signer *tls_signer_new(struct event_base *base) MUST_USE;
/* A (new) channel to the keys process; ownership of FD.  Signatures under way are asked for once
 * more.  One that is not given within 10 s fails its handshake. */
void tls_signer_peer(struct tls_signer *signer, int fd);
void tls_signer_free(struct tls_signer **signer);

/* ---- identities and contexts -------------------------------------------------------------------
 */

/* The ECDSA and the RSA certificate of one version are two sources with the same name and version.
 */
struct tls_identity_source {
	const char *name;    /* of the certificate, for receipts */
	struct str chain;    /* PEM, leaf first */
	const char *version; /* NULL: it has none */
	int state;	     /* enum cert_state; never retired */
};

/* Everything that sessions share: identities, suites, the session cache.  Replaced as a whole at
 * reload; sessions keep the one they began with (reference counted). */
struct tls_context;

/* OCSP responses on own certificates, which servers send along to clients that ask (RFC 6066 8).
 * One per process; its contexts share it, and are freed before it. */
struct tls_staples;
struct tls_staples *tls_staples_new(void) MUST_USE;
void tls_staples_free(struct tls_staples **staples);
/* RESPONSE (DER) on the first certificate of CHAIN (PEM); it is sent until its nextUpdate. Empty:
 * there is none any more.  ERR_SYNTAX: it is no OCSP response; what was there stays. */
enum err tls_staples_set(
	struct tls_staples *staples, struct str chain, struct str response, struct err_info *info);

struct tls_context_options {
	const struct tls_identity_source *identities; /* the first one is the default */
	size_t identity_count;
	const unsigned char *ticket_key; /* 80 bytes, server; NULL: no tickets */
	size_t cached_sessions;		 /* client; 0: none */
	struct tls_staples *staples;	 /* server; NULL: none */
	/* Server; as clients of the web expect it. */
	const char *protocol; /* the one of ALPN that is spoken (RFC 7301), static text: who asks
				 for others only is refused; NULL: nobody is answered */
	bool is_for_anybody;  /* clients are not asked for a certificate */
};

/* INFO says which identity is unusable and why; cert_directory_new() says which cannot stand side
 * by side.  With no identities a server context cannot be made (ERR_UNKNOWN) and a client context
 * presents no certificate. */
enum err tls_server_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info);
enum err tls_client_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info);
/* One more holder; each frees it. */
struct tls_context *tls_context_ref(struct tls_context *context) MUST_USE;
void tls_context_free(struct tls_context **context);
/* Forget the cached client sessions of HOST (as given in tls_client_options.cache_key). */
void tls_context_forget(struct tls_context *context, const char *cache_key);

/* ---- sessions ----------------------------------------------------------------------------------
 */

enum tls_event {
	TLS_EVENT_UP,	  /* handshake done: tls_describe() has facts */
	TLS_EVENT_READ,	  /* plaintext can be read */
	TLS_EVENT_WRITE,  /* more can be written after ERR_AGAIN */
	TLS_EVENT_CLOSED, /* the peer closed properly (close_notify) or the socket ended */
	TLS_EVENT_FAILED, /* tls_failure() says why */
};
/* CLOSED and FAILED come once, also after tls_read() or tls_write() has said so already; nothing
 * comes after them.  Handlers are called from the loop only, never from within a call below, and
 * may free the session. */
typedef void tls_handler(void *context, enum tls_event event);

struct tls_session;

struct tls_accept_options {
	/* Which version of a certificate the client is to be shown; called within the handshake,
	 * with the handler's context.  NULL: always the current one.  A session that began with
	 * another version is not resumed. */
	cert_version_chooser *choose;
};

/* FD stays the caller's and is closed after the session was freed.  Bytes that arrived before the
 * ClientHello in clear text must have been thrown away by the caller; nothing read earlier enters
 * the session. */
struct tls_session *tls_accept(struct tls_context *tls, struct event_base *base, int fd,
	const struct tls_accept_options *options, tls_handler *handler, void *context);

struct tls_client_options {
	const char *server_name; /* SNI; NULL: none (address literal) */
	const char *identity;	 /* certificate to present if asked; NULL: none */
	const char *version;	 /* of it; NULL, or not there: the current one */
	const char *cache_key;	 /* resume and store sessions under this; NULL: neither */
	bool reduced_hello;  /* the smaller ClientHello: TLS 1.2 and 1.3, few suites and groups */
	int minimum_version; /* enum model_version; older ones are not offered */
	struct record_texts groups; /* the only ones offered, IANA's names; empty: all of ours */
	bool groups_first;	    /* they come first in the offer; the others stay in it */
};
struct tls_session *tls_connect(struct tls_context *tls, struct event_base *base, int fd,
	const struct tls_client_options *options, tls_handler *handler, void *context);

/* No handler is called afterwards.  Sends close_notify if the session is up and that does not
 * block. */
void tls_session_free(struct tls_session **session);

/* ERR_AGAIN: later (an event will follow); ERR_CLOSED: the peer has closed; ERR_TLS: see
 * tls_failure().  After ERR_AGAIN a write must be repeated with the same bytes in front.  The
 * process must ignore SIGPIPE. */
enum err tls_read(struct tls_session *session, char *to, size_t size, size_t *ret_count);
enum err tls_write(struct tls_session *session, const char *from, size_t size, size_t *ret_count);
/* Handlers READ are called only while reading is wanted (at first: yes). */
void tls_want_read(struct tls_session *session, bool wanted);

/* Why it failed: enum tls_failure_kind and the library's words. */
enum tls_failure_kind {
	TLS_FAILURE_NONE,
	TLS_FAILURE_VERSION,   /* no version of ours */
	TLS_FAILURE_ALERT,     /* the peer sent a fatal alert */
	TLS_FAILURE_PROTOCOL,  /* not TLS, or malformed */
	TLS_FAILURE_CLOSED,    /* the connection ended during the handshake */
	TLS_FAILURE_SIGNATURE, /* our keys process did not answer */
	TLS_FAILURE_OTHER,
	TLS_FAILURE_MAX,
};
extern const char *const tls_failure_names[]; /* "none", "version", "alert", ... */
enum tls_failure_kind tls_failure(const struct tls_session *session, const char **ret_text);

/* Has the session failed because the peer does not take our certificate?  That is a fatal alert
 * about it (RFC 8446 6.2); a client's, also any refusal of the handshake once it has been
 * presented, in TLS 1.3 even after TLS_EVENT_UP; a server's, also a client that can use neither of
 * its keys. Fills own_certificate, own_version and own_sha256 of a receipt with what was refused;
 * the words are as of tls_failure(). */
bool tls_is_refused(
	const struct tls_session *session, struct arena *arena, struct receipt *receipt);

/* After TLS_EVENT_UP: fill version, cipher, group, resumed, server_name, own_certificate,
 * own_version, own_sha256, chain and handshake_ms of a receipt. */
void tls_describe(const struct tls_session *session, struct arena *arena, struct receipt *receipt);
/* What the peer presented, as PEM, leaf first; empty when nothing.  In the arena. */
struct str tls_peer_pem(const struct tls_session *session, struct arena *arena);
/* The OCSP response that the server has sent with its certificate, DER (RFC 6066 8); empty: none,
 * also in a resumed session.  (Client sessions.) */
struct str tls_stapled(const struct tls_session *session);
/* Certificate asked of us by the server?  (Client sessions.) */
bool tls_certificate_asked(const struct tls_session *session);

/* ---- verification
 * --------------------------------------------------------------------------------- */

/* A set of trust anchors: roots, intermediates, or end entities themselves. */
struct tls_anchors;
/* PEM: certificates; CRLS: revocation lists, may be empty. */
enum err tls_anchors_new(
	struct str pem, struct str crls, struct tls_anchors **ret, struct err_info *info);
/* Can the lists be read, all of them? */
enum err tls_check_crls(struct str crls, struct err_info *info);
void tls_anchors_free(struct tls_anchors **anchors);

/* Sets of anchors by the profiles of policy, each parsed once.  One per process that judges. */
struct tls_trust;
struct policy_profile;
struct tls_trust *tls_trust_new(void) MUST_USE;
/* The system's roots as PEM, for profiles without anchors of their own; copied.  Forgets all. */
void tls_trust_set_roots(struct tls_trust *trust, struct str roots);
/* Free what was parsed, as when a new configuration has come: what it returned is gone. */
void tls_trust_forget(struct tls_trust *trust);
/* The anchors of PROFILE, until it is forgotten; NULL: there are none that can be used.  INFO says
 * why the first time, and is untouched later. */
const struct tls_anchors *tls_trust_of(
	struct tls_trust *trust, const struct policy_profile *profile, struct err_info *info);
/* The system's roots as they were set. */
struct str tls_trust_roots(const struct tls_trust *trust);
void tls_trust_free(struct tls_trust **trust);

enum tls_purpose {
	TLS_PURPOSE_SERVER,
	TLS_PURPOSE_CLIENT,
	TLS_PURPOSE_EITHER, /* client or server will do */
	TLS_PURPOSE_ANY,    /* extendedKeyUsage is not looked at */
};
enum tls_revocation {
	TLS_REVOCATION_OFF,
	TLS_REVOCATION_PREFER,	/* revoked counts; unknown does not */
	TLS_REVOCATION_REQUIRE, /* every certificate below the anchor must be known not to be */
};

/* How a chain is judged. */
struct tls_verification {
	const struct tls_anchors *anchors;
	enum tls_purpose purpose;
	enum tls_revocation revocation; /* by the lists that stand beside the anchors */
	int64_t now_ms;
};

/* Of a client's certificate, by enum model_usage; by enum model_revocation. */
enum tls_purpose tls_client_purpose(int usage);
enum tls_revocation tls_revocation_of(int revocation);

/* Certificates that one chain can be made of. */
enum { TLS_OPEN_MAX = 18 };
/* What a verification leaves open: whether certificates of a chain that is trusted otherwise are
 * revoked, as far as no list says.  Count 0: nothing. */
struct tls_open {
	struct str chain;	      /* PEM as built: leaf first, the anchor last; in the arena */
	size_t count;		      /* of its certificates, without the anchor */
	bool is_listed[TLS_OPEN_MAX]; /* a list says that it is not revoked */
};

/* The chain that the peer of SESSION presented.  Never fails: "no certificate" is a verdict.  Of
 * several faults the gravest is told; CERT_PURPOSE means that there is no other.  Names are not
 * looked at.  *ret_detail is the library's words, in the arena, or NULL.  RET_OPEN may be NULL. */
enum cert_verdict tls_verify(const struct tls_session *session, const struct tls_verification *how,
	struct arena *arena, const char **ret_detail, struct tls_open *ret_open);
/* The same for a chain given as PEM (leaf first). */
enum cert_verdict tls_verify_pem(struct str chain, const struct tls_verification *how,
	struct arena *arena, const char **ret_detail, struct tls_open *ret_open);

/* Subject, names and key of a request for a certificate (PKCS #10, PEM); nothing else is set. */
enum err tls_facts_of_request(
	struct str pem, struct arena *arena, struct cert_facts *ret, struct err_info *info);
/* Facts of the certificates in a PEM text, leaf first. */
enum err tls_facts_of_pem(struct str pem, struct arena *arena, struct cert_facts **ret,
	size_t *ret_count, struct err_info *info);

/* The root of a chain. */
struct tls_root {
	struct cert_facts facts;
	const char *pem;
	bool is_first; /* it is in the first of the stores */
};
/* Where CHAIN (PEM, leaf first) leads up to by way of itself and the STORES (PEM).  False: to no
 * certificate that is its own issuer; *ret is untouched. */
bool tls_root_of_pem(struct str chain, const struct str *stores, size_t count, struct arena *arena,
	struct tls_root *ret);
/* Is every certificate of PEM in STORE?  False also when there is none. */
bool tls_is_among(struct str pem, struct str store);

/* The TLS 1.2 suites (OpenSSL names) and 1.3 suites, groups and signature schemes offered, in
 * order: strings for documentation and `sealpost tls`. */
extern const char tls_suites_13[], tls_suites_12[], tls_groups[], tls_signatures[];

#endif
