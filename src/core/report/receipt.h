/*
 * The TLS receipt: what one hop of one message required, got, and why.  Made by the process that
 * held the connection, stored with the trace, shown by every account of the message.
 */
#ifndef SEALPOST_CORE_REPORT_RECEIPT_H
#define SEALPOST_CORE_REPORT_RECEIPT_H

#include "core/cert/facts.h"
#include "core/record/record.h"

enum receipt_direction { RECEIPT_IN, RECEIPT_OUT };

/* How the connection came to the protection it had (outbound ladder; inbound is always FULL or
 * CLEAR). */
enum receipt_attempt {
	RECEIPT_ATTEMPT_NONE,	 /* no connection came about */
	RECEIPT_ATTEMPT_FULL,	 /* TLS at the first try */
	RECEIPT_ATTEMPT_REDUCED, /* TLS with the smaller ClientHello */
	RECEIPT_ATTEMPT_CLEAR,	 /* no TLS */
	RECEIPT_ATTEMPT_LOCAL,	 /* a file or a Unix socket on this machine */
};

struct receipt {
	int direction;	  /* enum receipt_direction */
	int64_t at_ms;	  /* when the connection was made */
	const char *host; /* out: next hop name; in: name in EHLO */
	const char
		*peer_address; /* "192.0.2.1", "2001:db8::1", "unix:/path"; NULL before connect */
	int64_t peer_port;
	const char *listener; /* in: name of the listener */
	const char *organisation;
	const char *connector;		 /* NULL: none applied */
	int64_t generation;		 /* of the configuration that judged; 0: not known */
	int required;			 /* enum model_level */
	struct record_texts required_by; /* "connector fabrikam", one line a contributor */
	const char
		*name_expected; /* the names asked of the certificate, joined by ", "; NULL: none */
	int attempt;		/* enum receipt_attempt */
	int got;		/* enum model_level that the connection reached */
	const char *version;	/* "TLSv1.3"; NULL: clear */
	const char *cipher;	/* IANA name, "TLS_AES_256_GCM_SHA384" */
	const char *group;	/* "x25519", "secp256r1" */
	bool resumed;
	const char *server_name;     /* SNI sent or received */
	const char *own_certificate; /* name of the certificate this side presented; NULL: none */
	const char *own_version;     /* which version of it; NULL: it has none */
	const char *own_sha256;	     /* fingerprint of its leaf, hex; NULL: none was presented */
	RECORD_LIST_OF(struct cert_facts) chain; /* the peer's, leaf first */
	const char *name_matched;   /* the name of the peer's leaf that satisfied name_expected */
	int verdict;		    /* enum cert_verdict, against the anchors that applied */
	const char *verdict_detail; /* the library's words; NULL when trusted */
	const char *revocation;	    /* what was found, and where: "good: OCSP, stapled, until ...";
				       NULL:     not looked at */
	const char *anchors;	    /* "system", or "connector fabrikam" */
	const char *token;	    /* stable reason, "ok" or a policy outcome */
	const char *reason;	    /* the same in words, with names filled in */
	const char *would_token; /* a restriction in report mode would have said so; NULL: none */
	const char *would_reason;
	const char *would_by; /* "connector contoso/fabrikam", "rule contoso/records" */
	int64_t handshake_ms;
	int64_t total_ms;  /* from connect to final reply */
	const char *reply; /* last SMTP reply of the hop that decided, as received or given */
};

extern const char *const receipt_direction_names[];
extern const char *const receipt_attempt_names[];
extern const struct record_desc receipt_desc;

#endif
