/*
 * What the processes say to each other.  Each message is a record (core/record) in a frame:
 *
 *     4 bytes  length of the payload, little endian, at most WIRE_MAX_PAYLOAD
 *     4 bytes  enum wire_type
 *     payload  the record of that type, binary form
 *
 * One table, wire_types, gives every type its name and description.  A process that gets a frame it
 * cannot read closes the channel: the other side is broken or hostile.
 */
#ifndef SEALPOST_CORE_WIRE_WIRE_H
#define SEALPOST_CORE_WIRE_WIRE_H

#include "core/record/record.h"
#include "core/report/receipt.h"

enum {
	WIRE_HEADER = 8,
	WIRE_MAX_PAYLOAD = 4 * 1024 * 1024,
	WIRE_CHUNK = 32 * 1024,	  /* body bytes in one message */
	WIRE_WINDOW = 128 * 1024, /* body bytes under way for one message */
};

enum wire_type {
	/* spool -> receive, deliver, admin: the configuration, again after every change */
	WIRE_CONFIG_BEGIN,  /* struct wire_config_mark */
	WIRE_CONFIG_OBJECT, /* struct wire_config_object */
	WIRE_CONFIG_END,    /* struct wire_config_mark: now take it */
	/* receive -> spool */
	WIRE_ACCEPT_DATA,   /* struct wire_data: content of a message, in order */
	WIRE_ACCEPT_COMMIT, /* struct wire_message: envelope; content is complete; make it durable
			     */
	WIRE_ACCEPT_ABORT,  /* struct wire_id: forget it */
	WIRE_EVENT,	    /* struct wire_event: something for the trace (a refusal) */
	/* spool -> receive */
	WIRE_ACCEPT_CREDIT, /* struct wire_credit: that many more bytes may be sent */
	WIRE_ACCEPT_DONE,   /* struct wire_done: durable, or why not */
	WIRE_INTAKE,	    /* struct wire_intake: whether new mail is taken at all */
	/* spool -> deliver */
	WIRE_JOB,	 /* struct wire_job */
	WIRE_JOB_CANCEL, /* struct wire_id: do not begin it; if it has begun, finish it */
	WIRE_BODY,	 /* struct wire_body */
	/* deliver -> spool */
	WIRE_READY,    /* struct wire_credit: take that many jobs in all (id is 0) */
	WIRE_BODY_GET, /* struct wire_body_get */
	WIRE_OUTCOME,  /* struct wire_outcome: ends the job */
	/* both ways between spool and deliver: what is known of a host */
	WIRE_HOST, /* struct wire_host */
	/* receive, deliver -> keys, and back */
	WIRE_SIGN,   /* struct wire_sign */
	WIRE_SIGNED, /* struct wire_signed */
	/* receive, deliver, admin -> lookup, and back */
	WIRE_DNS_ASK,	 /* struct wire_dns_ask */
	WIRE_DNS_ANSWER, /* struct wire_dns_answer */
	/* admin -> spool, and back */
	WIRE_MANAGE,  /* struct wire_manage */
	WIRE_MANAGED, /* struct wire_managed */
	/* admin -> deliver, and back: trying out a connector */
	WIRE_PROBE,	 /* struct wire_probe */
	WIRE_PROBE_STOP, /* struct wire_id: nobody waits for the probe or survey of that tag
				any more */
	WIRE_PROBE_STEP, /* struct wire_probe_step, one or more; the last one says so */
	/* receive, deliver -> lookup, and back: is any certificate of a chain revoked? */
	WIRE_REVOCATION_ASK,	/* struct wire_revocation_ask */
	WIRE_REVOCATION_ANSWER, /* struct wire_revocation_answer */
	/* receive -> lookup, and back: an OCSP answer on our own certificate, for stapling */
	WIRE_STAPLE_ASK, /* struct wire_staple_ask */
	WIRE_STAPLE,	 /* struct wire_staple */
	/* admin -> lookup, and back: try out where a certificate points to */
	WIRE_ENDPOINT_ASK,    /* struct wire_endpoint_ask */
	WIRE_ENDPOINT_ANSWER, /* struct wire_endpoint_answer */
	/* spool -> lookup, and back: call a webhook */
	WIRE_POST,   /* struct wire_post */
	WIRE_POSTED, /* struct wire_posted */
	/* receive, deliver -> spool: a chain that a partner has presented */
	WIRE_CHAIN, /* struct wire_chain */
	/* receive, deliver -> spool -> all receive, deliver: a partner refuses a certificate of
	 * ours */
	WIRE_REFUSED, /* struct wire_refused */
	/* admin -> deliver, and back: which chain does a host present? */
	WIRE_SURVEY,   /* struct wire_survey */
	WIRE_SURVEYED, /* struct wire_surveyed, one or more */
	/* receive -> spool -> all other receive: a client has left without sending, or has sent */
	WIRE_LEFT, /* struct wire_left */
	WIRE_TYPE_MAX,
};

struct wire_id {
	int64_t id;
};

struct wire_config_mark {
	int64_t generation;
};

struct wire_config_object {
	int64_t kind;	 /* enum model_kind */
	struct str data; /* record_encode() of the model object */
};

struct wire_data {
	int64_t id;
	struct str data;
};

struct wire_credit {
	int64_t id;
	int64_t amount;
};

enum wire_body_type { WIRE_BODY_7BIT, WIRE_BODY_8BITMIME, WIRE_BODY_BINARYMIME };
/* RFC 3461: NOTIFY as bits, RET. */
enum wire_notify {
	WIRE_NOTIFY_NEVER = 1,
	WIRE_NOTIFY_SUCCESS = 2,
	WIRE_NOTIFY_FAILURE = 4,
	WIRE_NOTIFY_DELAY = 8
};
enum wire_ret { WIRE_RET_NONE, WIRE_RET_FULL, WIRE_RET_HEADERS };

struct wire_recipient {
	int64_t number;		  /* within the message, from 0 */
	const char *address;	  /* as given, without brackets */
	const char *original;	  /* ORCPT, still xtext, "rfc822;..."; NULL */
	int64_t notify;		  /* enum wire_notify bits; 0: not given */
	const char *organisation; /* attribution at reception: the recipient's, or the originating
				     one */
	const char *connector;	  /* inbound connector; NULL */
	bool originating;
	/* Mail of one organisation for another of this installation. */
	const char *receiver;
	const char *receiver_connector;
	/* What a restriction in report mode would have refused; NULL: nothing. */
	const char *would_token;
	const char *would_text;
	const char *would_by;
};

/* A message as accepted.  Its id is positive: 41 bits milliseconds since 2020-01-01, 10 bits
 * process, 12 bits counter. */
struct wire_message {
	int64_t id;
	int64_t received_ms;
	const char *sender;	 /* reverse-path without brackets; "" for <> */
	const char *envelope_id; /* ENVID, still xtext; NULL */
	int ret;		 /* enum wire_ret */
	int body;		 /* enum wire_body_type */
	bool smtputf8;
	int64_t size;		/* bytes of content, the new Received header included */
	int64_t hops;		/* Received headers found, ours not counted */
	const char *message_id; /* header, with brackets; NULL */
	const char *subject;	/* header as it stands, cut at 200 bytes; NULL */
	const char *helo;
	struct record_texts labels; /* see policy_labels_add() */
	const char *via; /* connector to try out, "organisation/name"; NULL: as policy says */
	RECORD_LIST_OF(struct wire_recipient) recipients;
	struct receipt receipt; /* of the hop it came by */
};

struct wire_done {
	int64_t id;
	int64_t error; /* enum err; ERR_OK: durable */
	const char *text;
};

struct wire_intake {
	bool open;
	const char *reason; /* "disk-full", "queue-full", "store-failed" */
};

/* Recipients of one message that share a next hop. */
struct wire_job {
	int64_t id; /* of the job */
	int64_t message;
	int64_t received_ms;
	const char *sender;
	const char *envelope_id;
	int ret;
	int body;
	bool smtputf8;
	int64_t size;
	const char *organisation; /* the originating one; NULL: mail came from outside */
	const char *route;	  /* policy_outbound.key as the spool saw it */
	int64_t attempts;	  /* made before this one */
	struct record_texts labels;
	const char *via;
	/* The best protection this destination has had (enum model_level), and since when it has
	 * had less; 0: it has not. */
	int64_t best;
	int64_t fallen_ms;
	RECORD_LIST_OF(struct wire_recipient) recipients;
};

struct wire_body_get {
	int64_t job;
	int64_t offset;
	int64_t length; /* at most WIRE_WINDOW; answered by chunks */
};

struct wire_body {
	int64_t job;
	int64_t offset;
	struct str data;
	int64_t error; /* enum err; on failure data is empty */
};

enum wire_result {
	WIRE_DELIVERED, /* accepted by the next hop */
	WIRE_RELAYED,	/* accepted, and the next hop does not do DSN (RFC 3461 5.2.2) */
	WIRE_DEFERRED,
	WIRE_FAILED,
	WIRE_NOT_TRIED, /* the job was given up before this recipient's turn; no attempt counted */
	WIRE_UNDER_WAY, /* not over: a job of a spool before this one still awaits the last reply */
};

struct wire_recipient_outcome {
	int64_t number;
	int result; /* enum wire_result */
	const char
		*token; /* stable reason: policy outcome token, or "smtp", "dns", "connect", ... */
	const char *enhanced; /* "4.4.1" */
	const char *text;     /* for a person: reply of the remote host, or what happened */
	const char *host;     /* remote MTA, for the DSN; NULL */
	int64_t receipt;      /* index into wire_outcome.receipts; -1: none */
	bool passed_on; /* DELIVERED to a host that does DSN: it sends the success notification,
			   not we */
};

/* An outcome may come over a channel that is younger than the job: the spool was restarted while
 * the last reply was awaited.  Then job is 0, and message and recipient numbers say what is
 * settled. What is not settled yet a deliver process reports as under way on a new channel, before
 * it says WIRE_READY there; an outcome for it follows. */
struct wire_outcome {
	int64_t job;
	int64_t message;
	RECORD_LIST_OF(struct wire_recipient_outcome) recipients;
	RECORD_LIST_OF(struct receipt) receipts;
	bool host_dead; /* no host of the route could be reached at all: back off the whole route */
};

/* Memory of the TLS ladder for one host. */
struct wire_host {
	const char *host; /* "mx.example:25" */
	int attempt;	  /* enum receipt_attempt to begin with: REDUCED or CLEAR */
	int64_t until_ms;
	const char *reason; /* the library's words */
};

/* Something that happened to a message, or to a session without one. */
struct wire_event {
	int64_t message; /* 0: refused before it was accepted */
	int64_t at_ms;
	const char *kind; /* "received", "delivered", "deferred", "failed", "refused", ... */
	const char *sender;
	const char *recipient;
	const char *organisation;
	const char *connector;
	const char *token;
	const char *enhanced;
	const char *text;
	const char *would_token; /* refused, had the restriction been enforced; NULL: no */
	const char *would_text;
	const char *would_by;
	const char *message_id;
	int64_t size;
	struct receipt *receipt; /* NULL: none */
};

struct wire_sign {
	int64_t tag;
	struct str key;	    /* SHA-256 of the SubjectPublicKeyInfo, 32 bytes */
	const char *scheme; /* "ecdsa", "rsa-pkcs1", "rsa-pss" */
	const char *digest; /* "SHA256", ...: what DATA is the digest of */
	struct str data;    /* the digest */
};

struct wire_signed {
	int64_t tag;
	int64_t error; /* enum err */
	struct str signature;
};

struct wire_dns_ask {
	int64_t tag;
	const char *name;
	int64_t type; /* RR type number: 1 A, 28 AAAA, 15 MX, 12 PTR, 52 TLSA, 16 TXT */
};

enum wire_dns_status {
	WIRE_DNS_SECURE,   /* answer, or proven absence, validated by DNSSEC */
	WIRE_DNS_INSECURE, /* from a zone that is not signed */
	WIRE_DNS_BOGUS,	   /* signed, and the signature is wrong */
	WIRE_DNS_FAILED,   /* no answer: server failure, timeout */
};

struct wire_dns_record {
	struct str rdata; /* wire form; names inside are not compressed */
};

struct wire_dns_answer {
	int64_t tag;
	int status;    /* enum wire_dns_status */
	bool nxdomain; /* the name does not exist; else no records means: none of this type */
	const char *canonical; /* name at the end of a CNAME chain; NULL: the one asked for */
	int64_t ttl_s;
	const char *why; /* when BOGUS or FAILED */
	RECORD_LIST_OF(struct wire_dns_record) records;
};

/* A management request that needs the store.  Arguments and result are JSON. */
struct wire_manage {
	int64_t tag;
	const char *verb;  /* "config.apply", "queue.list", "trace.search", ... */
	const char *actor; /* user name, for the audit line */
	struct str arguments;
};

struct wire_managed {
	int64_t tag;
	int64_t error;	   /* enum err */
	struct str result; /* JSON; on error {"detail": "..."} */
};

/* Carry a message to the next hops of a connector in earnest, up to the answer to RCPT. */
struct wire_probe {
	int64_t tag;
	const char *organisation;
	const char *connector;
	const char *sender;    /* reverse-path without brackets; NULL or "": null sender */
	const char *recipient; /* NULL: one that the connector is for */
};

enum wire_probe_result {
	WIRE_PROBE_OK,
	WIRE_PROBE_FAILED,  /* mail would not have gone on from here */
	WIRE_PROBE_SKIPPED, /* not asked for, or not reached */
	WIRE_PROBE_NOTE,    /* worth knowing; mail goes all the same */
};

struct wire_probe_step {
	int64_t tag;
	int64_t at_ms;
	const char *host;    /* next hop; NULL: of the whole */
	const char *address; /* "192.0.2.1:25"; NULL: before connect */
	const char *step;    /* "resolve", "connect", ..., "rcpt"; "summary" for the last one */
	int result;	     /* enum wire_probe_result */
	int64_t ms;	     /* it took */
	const char *expected;
	const char *presented;
	const char *text;
	const char *remedy; /* what to do; NULL: nothing */
	const char *token;  /* stable reason of a failure, as in receipts; NULL */
	/* With "route": for whom it is tried, as asked or as chosen. */
	const char *sender;
	const char *recipient;
	bool is_last;
};

/* ---- certificates: revocation, endpoints, partners --------------------------------------------
 */

enum wire_revocation_status {
	WIRE_REVOCATION_GOOD,
	WIRE_REVOCATION_REVOKED,
	WIRE_REVOCATION_UNKNOWN
};
extern const char *const wire_revocation_status_names[]; /* "good", "revoked", "unknown" */

/* The chain as it was verified: leaf first, up to and with the trust anchor, so that each issuer is
 * there.  lookup believes only what an issuer in it has signed. */
struct wire_revocation_ask {
	int64_t tag;
	struct str chain;   /* PEM */
	struct str stapled; /* OCSP response on the leaf, DER; empty: none */
	int64_t wait_ms;    /* answer by then, with what is known; 0: only from the cache */
};

struct wire_revocation {
	int status;	    /* enum wire_revocation_status */
	const char *source; /* "stapled", or the URL; NULL: nothing answered */
	const char *kind;   /* "ocsp", "crl"; NULL */
	/* Stable word when unknown or revoked: "no-endpoint", "timeout", "refused", "not-found",
	 * "http", "size", "malformed", "signature", "stale", "delta", "indirect", "blocked",
	 * "scheme", "proxy", "revoked"; NULL when good. */
	const char *token;
	const char *text;			/* for a person */
	int64_t at_ms;				/* of revocation; 0 */
	int64_t this_update_ms, next_update_ms; /* 0: not told */
};

/* One for each certificate of the chain but the anchor, leaf first. */
struct wire_revocation_answer {
	int64_t tag;
	RECORD_LIST_OF(struct wire_revocation) certificates;
};

struct wire_staple_ask {
	int64_t tag;
	struct str chain; /* PEM, leaf first, with its issuer */
};

struct wire_staple {
	int64_t tag;
	struct str response; /* DER; empty: there is none */
	const char *text;    /* why there is none */
	int64_t next_ms;     /* ask again then */
};

enum wire_endpoint_kind { WIRE_ENDPOINT_CRL, WIRE_ENDPOINT_OCSP, WIRE_ENDPOINT_ISSUER };
extern const char *const wire_endpoint_kind_names[]; /* "crl", "ocsp", "issuer" */

struct wire_endpoint_ask {
	int64_t tag;
	int kind; /* enum wire_endpoint_kind */
	const char *url;
	struct str certificate; /* PEM: the one that points there; empty: only that it is one */
	struct str issuer;	/* PEM; empty: not known, signatures are not verified */
};

struct wire_endpoint_answer {
	int64_t tag;
	bool ok;
	const char *token;   /* "ok", or a word as in struct wire_revocation */
	const char *text;    /* what was found, or the cause and what to do */
	const char *address; /* that was connected to, with port; NULL */
	const char
		*hosts; /* "host:port", one a line, redirects and proxy included: to be allowed */
	int64_t http_status; /* 0: none */
	int64_t bytes;
	int64_t ms;
	int64_t this_update_ms, next_update_ms; /* 0: not told */
	int64_t entries;			/* of a list */
};

struct wire_header {
	const char *name, *value;
};
struct wire_post {
	int64_t tag;
	const char *url;
	const char *content_type;
	RECORD_LIST_OF(struct wire_header) headers;
	struct str body;
};
struct wire_posted {
	int64_t tag;
	bool ok; /* status 2xx */
	int64_t http_status;
	const char *text; /* why not */
};

/* A chain as presented, once for each partner and chain in the life of a process. */
struct wire_chain {
	int64_t at_ms;
	int direction;		  /* enum receipt_direction: they connected, or we did */
	const char *organisation; /* NULL: none */
	const char *connector;	  /* NULL: none; then the host is the partner */
	const char *host;	  /* out: next hop; in: name in EHLO */
	const char *address;
	const char *asked;			 /* name that was expected; NULL */
	int verdict;				 /* enum cert_verdict */
	struct str chain;			 /* PEM as presented, leaf first */
	RECORD_LIST_OF(struct cert_facts) facts; /* of the same certificates */
	const char *sha256; /* of the whole: over their DER forms, one behind the other; hex */
	/* The root that it leads up to; NULL: not known. */
	const char *root, *root_sha256;
	int64_t root_not_after_ms; /* 0: not known */
};

/* PARTNER does not accept that version of our certificate: show it the other living one. */
struct wire_refused {
	const char *partner;	  /* "connector organisation/name", "address 192.0.2.1" or "host
				     mx.example:25" */
	const char *organisation; /* of that connector; NULL: none */
	const char *certificate, *version;
	const char *sha256; /* of which of its certificates */
	int direction;	    /* enum receipt_direction */
	int64_t at_ms;
	int64_t until_ms;   /* then it is tried anew */
	const char *reason; /* alert, in words */
};
/* See core/cert/leavers.h. */
struct wire_left {
	const char *partner;	 /* as above */
	const char *certificate; /* what it was shown when it left; NULL: it has sent mail */
	const char *version;
	bool is_known; /* it is a connector */
	int64_t at_ms;
};

struct wire_survey {
	int64_t tag;
	const char *host; /* name or address */
	int64_t port;	  /* 0: the usual one; and where HOST is a domain with MX, its MX hosts */
	bool is_implicit; /* TLS from the first byte; else STARTTLS */
};
/* One for each host that was found, at least one; the last one says so. */
struct wire_surveyed {
	int64_t tag;
	bool is_last;
	const char *host;
	int64_t port;
	bool ok;
	const char *text; /* why not */
	const char *address;
	const char *version, *cipher, *group;
	int verdict; /* enum cert_verdict, by the system's roots */
	const char *verdict_detail;
	bool has_stapled;
	struct str chain; /* PEM as presented */
};

struct wire_type_row {
	const char *name;
	const struct record_desc *desc;
};
extern const struct wire_type_row wire_types[WIRE_TYPE_MAX];

extern const char *const wire_body_names[],
	*const wire_ret_names[], *const wire_result_names[],
					 *const wire_dns_status_names[],
						 *const wire_probe_result_names[];

extern const struct record_desc wire_message_desc, wire_recipient_desc, wire_event_desc,
	wire_outcome_desc, wire_host_desc, wire_probe_step_desc, wire_revocation_desc,
	wire_endpoint_answer_desc, wire_chain_desc, wire_refused_desc, wire_left_desc;

/* Message ids as people see them: 13 characters of Crockford's base 32, case does not matter. */
enum { WIRE_ID_TEXT = 14 };
void wire_id_format(int64_t id, char ret[WIRE_ID_TEXT]);
bool wire_id_parse(struct str text, int64_t *ret);

/* Append a frame; ERR_TOO_LONG when the payload exceeds WIRE_MAX_PAYLOAD (nothing is appended). */
enum err wire_put(struct buf *out, enum wire_type type, const void *record);

/* Look at the front of IN: ERR_AGAIN when the frame is not complete, ERR_SYNTAX when it is not
 * one.  On success *ret_payload is a slice and *ret_size the bytes to take. */
enum err wire_peek(
	struct str in, enum wire_type *ret_type, struct str *ret_payload, size_t *ret_size);

#endif
