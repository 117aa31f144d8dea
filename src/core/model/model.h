/*
 * What an installation consists of.  Two files describe it: the node file (this machine: listeners,
 * directories, certificates, limits) and the configuration (organisations, accepted domains,
 * connectors), which lives in the store and is changed through the management API.
 *
 * One description table per object; see core/record.  Names follow Exchange's connector vocabulary.
 */
#ifndef SEALPOST_CORE_MODEL_MODEL_H
#define SEALPOST_CORE_MODEL_MODEL_H

#include "core/record/record.h"

/* ---- the configuration ---------------------------------------------------------------------- */

/* The requirement lattice; each level includes the one before it. */
enum model_level {
	MODEL_LEVEL_NONE,    /* TLS if the peer offers it */
	MODEL_LEVEL_ENCRYPT, /* TLS, any certificate */
	MODEL_LEVEL_CHAIN,   /* + a chain to a trust anchor, dates, revocation */
	MODEL_LEVEL_NAME,    /* + the name asked for */
	MODEL_LEVEL_MAX,
};
extern const char *const model_level_names[];	/* "none", "encrypt", "chain", "name" */
extern const char *const model_version_names[]; /* "1.2", "1.3" */
extern const char *const model_mode_names[];	/* "enforce", "report" */

struct model_organisation {
	const char *name; /* key; letters, digits, "-", "." */
	const char *comment;
	const char *postmaster;	 /* receives double bounces; NULL: postmaster at the first domain */
	const char *certificate; /* presented to next hops unless a connector names another; NULL:
				    none */
	/* Certificates of the node that are this organisation's: what any organisation lists, only
	 * those that list it may name. */
	struct record_texts certificates;
	int minimum_tls; /* enum model_level for mail that leaves; NONE or ENCRYPT or CHAIN */
	bool reject_direct_send; /* refuse anonymous mail whose sender is an own accepted domain */
	int64_t expiry_ms;	 /* 0: the node's */
	/* System users that may manage this organisation, and see nothing of the others. */
	struct record_texts administrators;
	int64_t maximum_message; /* bytes of one message; 0: the node's */
	int64_t maximum_queued;	 /* messages of this organisation in the queue; 0: the node's */
	/* How long mail that nothing forces waits before it goes in clear to a destination that has
	 * had TLS before; 0: it goes at once, and an alarm is raised. */
	int64_t downgrade_grace_ms;
	const char *trust;  /* trust anchors as PEM where a connector has none of its own; NULL: the
			       system's roots */
	const char *alerts; /* mailbox that gets its alarms; NULL: none */
};

enum model_domain_type {
	MODEL_AUTHORITATIVE,  /* all its recipients live here */
	MODEL_INTERNAL_RELAY, /* recipients not known here are passed on */
};

struct model_domain {
	const char *name; /* key; A-label form, lower case */
	const char *organisation;
	const char *comment;
	int type;
	bool subdomains; /* its subdomains at any depth are accepted too */
	/* Its recipients are listed (struct model_recipient): others are refused at RCPT when it is
	 * authoritative, and passed on when it is internal-relay. */
	bool directory;
	/* Where its mail goes: "maildir:/var/mail/{local}", "lmtp:unix:/run/dovecot/lmtp",
	 * "lmtp:host:port", "smtp:host:port", or NULL: through a connector. */
	const char *delivery;
};

/* Where a recipient of a domain with a directory lives. */
enum model_place { MODEL_HERE, MODEL_PLACE_ON_PREMISES };

struct model_recipient {
	const char *address; /* key; lower case, domain in A-label form */
	int place;	     /* enum model_place */
	const char *comment;
};

enum model_connector_type { MODEL_PARTNER, MODEL_ON_PREMISES };

/* A restriction in report mode refuses nothing: what it would have refused is counted. */
enum model_mode { MODEL_ENFORCE, MODEL_REPORT };
enum model_revocation {
	MODEL_REVOCATION_PREFER,  /* revoked refuses; unknown does not */
	MODEL_REVOCATION_REQUIRE, /* unknown refuses, too */
	MODEL_REVOCATION_OFF,	  /* not looked at */
};
/* Extended key usage asked of a client's certificate.  Public CAs stop issuing clientAuth. */
enum model_usage {
	MODEL_USAGE_CLIENT,	      /* clientAuth, or no such extension */
	MODEL_USAGE_CLIENT_OR_SERVER, /* serverAuth will do */
	MODEL_USAGE_ANY,	      /* the extension is not looked at */
};
enum model_version { MODEL_TLS_12, MODEL_TLS_13 };
enum model_in_unmet { MODEL_UNMET_REFUSE, MODEL_UNMET_DEFER }; /* 5yz, 4yz */
enum model_out_unmet { MODEL_UNMET_WAIT, MODEL_UNMET_RETURN }; /* until expiry; at once */

struct model_inbound {
	struct record_texts sender_domains; /* "fabrikam.example", "*.fabrikam.example", "*" */
	bool require_tls;
	const char *certificate_name;  /* name the client certificate must carry; "*.x" one label */
	bool restrict_to_certificate;  /* mail from sender_domains only with that certificate */
	bool restrict_to_addresses;    /* mail from sender_domains only from addresses */
	struct record_texts addresses; /* IPv4 or IPv6 addresses and prefixes */
	/* Only these accepted domains of the organisation; empty: all.  On-premises: the domain
	 * that certificate or MAIL FROM must be at; partner: the recipient's. */
	struct record_texts associated_accepted_domains;
	bool cross_premises_headers; /* on-premises by certificate: its headers are promoted */
	bool treat_as_internal;	     /* on-premises, without the above: mail is internal */
	/* Partner: organisations of this installation whose mail meets the conditions. */
	struct record_texts trusted_organisations;
	struct record_texts pins; /* SHA-256 of the client's SubjectPublicKeyInfo, hex */
	int usage;		  /* enum model_usage */
	int mode;		  /* enum model_mode */
	int when_unmet;		  /* enum model_in_unmet */
};

/* RFC 7672, RFC 8461. */
enum model_dane { MODEL_DANE_OPPORTUNISTIC, MODEL_DANE_MANDATORY, MODEL_DANE_NONE };
enum model_mta_sts { MODEL_MTA_STS_OPPORTUNISTIC, MODEL_MTA_STS_NONE };

struct model_outbound {
	struct record_texts recipient_domains; /* "fabrikam.example", "*.fabrikam.example" */
	bool all_accepted_domains; /* on-premises: every accepted domain of the organisation */
	/* On-premises: all mail that the organisation sends from here leaves by it. */
	bool route_all_via_on_premises;
	bool rule_scoped;		 /* only where a rule names it */
	struct record_texts smart_hosts; /* "host", "host:port", "[2001:db8::1]:25"; empty: MX */
	int tls;			 /* enum model_level */
	const char *tls_domain;		 /* with level name: what the certificate must carry */
	struct record_texts pins;	 /* SHA-256 of the server's SubjectPublicKeyInfo, hex */
	const char *certificate;	 /* own certificate to present; NULL: the organisation's */
	bool cross_premises_headers;	 /* on-premises at level name: own headers go along */
	bool sender_rewriting;		 /* kept for later: has no effect yet */
	int dane;			 /* enum model_dane; kept for later */
	int mta_sts;			 /* enum model_mta_sts; kept for later */
	int mode;			 /* enum model_mode */
	int when_unmet;			 /* enum model_out_unmet */
	int64_t cost;			 /* 1..100, lower first among equals */
};

/* What the partner is known to check in our certificate; a rollover that would break it is told
 * beforehand. */
struct model_expects {
	struct record_texts names; /* any of which it must carry */
	const char
		*issuer; /* in the name of an issuer or root of its chain; case does not matter */
	struct record_texts pins; /* SHA-256 of SubjectPublicKeyInfo, hex, anywhere in the chain */
};

struct model_connector {
	const char *name; /* key, within the organisation */
	const char *organisation;
	int type; /* enum model_connector_type */
	bool enabled;
	const char *comment;
	const char *trust; /* own trust anchors as PEM, for both halves; NULL: the organisation's */
	const char *crls;  /* revocation lists as PEM, for both halves; NULL: none */
	int revocation;	   /* enum model_revocation */
	int minimum_version;		 /* enum model_version */
	struct record_texts groups;	 /* key exchange: "x25519", ...; empty: any we offer */
	struct model_inbound *inbound;	 /* NULL: no such half */
	struct model_outbound *outbound; /* NULL: no such half */
	struct model_expects *expects;	 /* NULL: not known */
};

/* Which way a message goes, seen from the organisation that a rule belongs to. */
enum model_direction {
	MODEL_DIRECTION_ANY,
	MODEL_DIRECTION_INCOMING, /* from outside, or from another organisation */
	MODEL_DIRECTION_OUTGOING, /* its own, to others */
	MODEL_DIRECTION_INTERNAL, /* its own, to its own */
};
enum model_rule_action { MODEL_RULE_PASS, MODEL_RULE_HOLD, MODEL_RULE_REFUSE };

/* All conditions given must hold; then all that is asked applies.  Of several rules the strictest
 * wins. */
struct model_rule {
	const char *name; /* key, within the organisation */
	const char *organisation;
	bool enabled;
	const char *comment;
	int mode; /* enum model_mode */
	/* conditions */
	int direction;		     /* enum model_direction */
	struct record_texts senders; /* "user@x.example", "x.example", "*.x.example", "*", "<>" */
	struct record_texts recipients; /* the same without "<>" */
	const char *header;		/* name of a header field */
	const char *header_contains;	/* in its value, case does not matter; NULL: it is there */
	int64_t larger_than;		/* bytes; 0: no condition */
	/* what is asked */
	int require_tls;       /* enum model_level */
	const char *connector; /* route by it; of the same organisation */
	int action;	       /* enum model_rule_action */
	const char *text;      /* with refuse: told to the sender */
};

struct model_config {
	RECORD_LIST_OF(struct model_organisation) organisations;
	RECORD_LIST_OF(struct model_domain) domains;
	RECORD_LIST_OF(struct model_connector) connectors;
	RECORD_LIST_OF(struct model_recipient) recipients;
	RECORD_LIST_OF(struct model_rule) rules;
};

extern const struct record_desc model_organisation_desc;
extern const struct record_desc model_domain_desc;
extern const struct record_desc model_inbound_desc;
extern const struct record_desc model_outbound_desc;
extern const struct record_desc model_expects_desc;
extern const struct record_desc model_connector_desc;
extern const struct record_desc model_recipient_desc;
extern const struct record_desc model_rule_desc;
extern const struct record_desc model_config_desc;

/* The kinds of object in the configuration, for every table that is indexed by kind. */
enum model_kind {
	MODEL_ORGANISATION,
	MODEL_DOMAIN,
	MODEL_CONNECTOR,
	MODEL_RECIPIENT,
	MODEL_RULE,
	MODEL_KIND_MAX
};
struct model_kind_row {
	const char *singular; /* "connector" */
	const char *plural;   /* "connectors": YAML key and API path */
	const char *key;      /* property that names it: "name" or "address" */
	bool is_nested;	      /* its key is "organisation/name" */
	const struct record_desc *desc;
	size_t list_offset; /* of the list in struct model_config */
};
extern const struct model_kind_row model_kinds[MODEL_KIND_MAX];

/* Make ITEMS (an array of that kind's struct) the list of that kind; they stay the caller's. */
void model_set_list(struct model_config *config, enum model_kind kind, void *items, size_t count);

/* Change CONFIG by a list of changes of single objects, [{kind, op, key, object}], as change.c has
 * it: all of them, or none and an error that names the object and the place in it.  What is changed
 * lives in the arena; the rest is shared with the configuration that CONFIG was a copy of.  Only
 * single objects are checked: ask model_check() for the whole.  ERR_EXISTS, ERR_UNKNOWN, or as
 * record_from_json(). */
enum err model_change_objects(const json_t *changes, struct arena *arena,
	struct model_config *config, struct err_info *info);

/* Key of an object of that kind: "name" or "address", or "organisation/name" for connectors and
 * rules. */
const char *model_key(enum model_kind kind, const void *object, struct arena *arena);

/* Check references and contradictions of a whole configuration (fields are checked when read):
 * unknown organisations, one domain twice, a connector without halves, ...  The message names the
 * object. */
enum err model_check(const struct model_config *config, struct err_info *info);

/* One difference between two configurations, in the order: removals, changes, additions. */
enum model_change_type { MODEL_ADDED, MODEL_CHANGED, MODEL_REMOVED };
struct model_change {
	enum model_change_type type;
	enum model_kind kind;
	const char *key;
	const void *before; /* NULL when added */
	const void *after;  /* NULL when removed */
};
/* All differences; the array lives in the arena. */
size_t model_compare(const struct model_config *before, const struct model_config *after,
	struct arena *arena, struct model_change **ret);

/* ---- YAML (one document; a subset: no tags, no anchors) ------------------------------------- */

/* Parse to JSON: plain scalars true/false/null/integers become such, quoted ones text.  The message
 * names line and column.  New reference in *ret. */
enum err model_parse_yaml(struct str text, json_t **ret, struct err_info *info);
/* The line on which the property at PATH ("connectors[2].inbound.addresses[0]") stands, or as much
 * of the path as there is; 0 when nothing of it is there. */
unsigned model_yaml_line(struct str text, struct str path);
/* Text in block style, keys in the order of the object; multi-line text as literal blocks. */
enum err model_format_yaml(const json_t *json, struct buf *out);

/* ---- the node file --------------------------------------------------------------------------- */

enum model_listener_tls { MODEL_TLS_STARTTLS, MODEL_TLS_IMPLICIT, MODEL_TLS_OFF };
enum model_bare_newline { MODEL_BARE_REJECT, MODEL_BARE_NORMALISE };

struct model_listener {
	const char *name;
	const char *address; /* "0.0.0.0:25", "[::]:25" (both families), "127.0.0.1:2525" */
	int tls;	     /* enum model_listener_tls */
	bool require_tls;    /* refuse MAIL before STARTTLS, whoever asks */
	bool refuse_early;   /* 554 to who speaks before the greeting; else it is noted */
	bool proxy;	     /* every connection starts with a PROXY protocol v2 header */
	int bare_newline;    /* enum model_bare_newline */
	struct record_texts certificates; /* names; empty: all; chosen by SNI, first one without */
};

struct model_certificate {
	const char *name;
	const char *chain; /* PEM file, leaf first */
	const char *key;   /* PEM file, or "pkcs11:..." (RFC 7512) */
};

/* System users (names or numbers) for processes when started as root; "keep" stays root without
 * capabilities.  NULL: "sealpost-ROLE" where that user exists, else the number 64200 + role. */
struct model_users {
	const char *keys, *receive, *spool, *deliver, *lookup, *admin, *web;
};

struct model_dns {
	struct record_texts servers; /* "address" or "address@port"; empty: those of resolv.conf */
	const char *trust_anchor;    /* file with DNSSEC anchors; "none": do not validate; NULL:
				    with the system's, where the resolver lets us */
	int64_t timeout_ms;
	int64_t cache; /* bytes */
};

struct model_limits {
	int64_t connections;		 /* at once, all listeners */
	int64_t connections_per_address; /* IPv6: per /64 */
	int64_t messages_per_connection;
	int64_t recipients;   /* in one transaction */
	int64_t message;      /* bytes */
	int64_t errors;	      /* in one session, then 421 */
	int64_t hops;	      /* Received headers, then 5.4.6 */
	int64_t idle_ms;      /* between commands */
	int64_t data_idle_ms; /* between two chunks of data */
	int64_t session_ms;   /* whole session */
	int64_t handshake_ms;
	int64_t queue;	   /* messages in the queue, then 452 */
	int64_t disk_free; /* bytes that must stay free, else 452 */
};

struct model_queue {
	struct record_numbers retry; /* waits; the last repeats */
	int64_t expiry_ms;	     /* up to 7 d; below 1 h only makes sense in trials */
	int64_t delay_notice_ms;     /* 0: none */
	const char *postmaster;	     /* for double bounces where the organisation names none */
	int64_t connections_per_destination;
	int64_t messages_per_connection;
	int64_t recipients_per_transaction;
	int64_t idle_connection_ms; /* keep an open connection for reuse */
};

enum model_handshake_failure { MODEL_FAILURE_CLEAR, MODEL_FAILURE_DEFER };

struct model_tls {
	int on_handshake_failure; /* opportunistic only */
	int64_t remember_ms;	  /* how long a host's failure is remembered */
	bool tickets;		  /* session tickets for clients without a certificate */
};

struct model_trace {
	int64_t keep_ms;
	int64_t reports_ms; /* of the counts that reports are made of */
	bool subjects;	    /* kept, and searched for */
};

enum model_log_format { MODEL_LOG_LOGFMT, MODEL_LOG_JSON };

struct model_log {
	int format;
	const char *level; /* "debug", "info", "warning", "error" */
};

struct model_processes {
	int64_t receive, deliver;
};

/* What lookup fetches for others: revocation lists, OCSP answers, issuers; and webhooks. */
struct model_fetch {
	struct record_texts allow; /* addresses and prefixes that may be fetched from although they
				      are loopback, private or link-local */
	const char *proxy;	   /* "http://host:port"; NULL: direct */
	int64_t timeout_ms;	   /* of one fetch */
	int64_t size;		   /* bytes of one answer */
	int64_t redirects;
	int64_t wait_ms; /* how long a session waits for the state of a certificate */
	int64_t cache;	 /* bytes on disk */
};

struct model_keys {
	const char *passphrase;	   /* file with that of encrypted keys; NULL: the service manager's
				      credential "sealpost-passphrase", else none */
	const char *pkcs11_module; /* shared object; NULL: none */
	const char *pkcs11_pin;	   /* file; NULL: none */
	struct record_texts pkcs11_paths; /* what the module reads or writes */
	bool pkcs11_connect;		  /* the module talks to a daemon or over the network */
};

/* Who is told of alarms, besides the log. */
struct model_alerts {
	const char *mail;	    /* mailbox; NULL: nobody */
	const char *webhook;	    /* URL; NULL: none */
	const char *webhook_secret; /* file with the key that its requests are signed with */
	struct record_numbers before_expiry; /* ms before a certificate's end */
	struct record_texts events;	     /* kinds that are posted to the webhook, too */
};

/* Kinds of events of the trace; NULL ends them. */
extern const char *const model_event_kinds[];

/* What anybody may fetch by HTTP: the certificate sheet, and answers to ACME challenges. */
struct model_publish {
	const char *listen;		  /* "0.0.0.0:80"; NULL: nothing is published */
	struct record_texts certificates; /* that the sheet shows; empty: all in use */
};

struct model_admin {		 /* the admin center and the API, over HTTPS */
	const char *listen;	 /* "127.0.0.1:8443"; NULL: on the management socket alone */
	const char *certificate; /* by name; NULL: the first one */
	int64_t session_idle_ms; /* without a request; then one must log in again */
	int64_t session_life_ms; /* at most */
	int64_t requests_per_second, requests_burst; /* of one user, token, or address */
};

struct model_metrics {
	const char *listen; /* "127.0.0.1:9425"; NULL: none */
};

struct model_ports { /* where next hops listen; other values only make sense in trials */
	int64_t smtp;
};

struct model_node {
	const char *hostname; /* in greeting, EHLO and Received; NULL: the system's */
	const char *data;     /* directory: queue, trace, certificates made here */
	const char *run;      /* directory of the management socket */
	const char *roots;    /* PEM file: the system's trust store */
	RECORD_LIST_OF(struct model_listener) listeners;
	RECORD_LIST_OF(struct model_certificate) certificates;
	struct model_users users;
	struct model_dns dns;
	struct model_limits limits;
	struct model_queue queue;
	struct model_tls tls;
	struct model_trace trace;
	struct model_log log;
	struct model_processes processes;
	struct model_ports ports;
	struct model_fetch fetch;
	struct model_keys keys;
	struct model_alerts alerts;
	struct model_publish publish;
	struct model_admin admin;
	struct model_metrics metrics;
	struct record_texts maildirs; /* directories below which Maildirs may be written; empty:
					 only DATA/maildir */
	struct record_texts administrators; /* user names besides root and the server's own user
					       that may use the management socket */
};
extern const struct record_desc model_node_desc;

/* Check a node as a whole (names unique, certificates referred to exist, ...). */
enum err model_check_node(const struct model_node *node, struct err_info *info);
/* The certificate that the HTTPS port presents; NULL: there is no such port. */
const char *model_https_certificate(const struct model_node *node);
/* Relative paths count from DIRECTORY (of the node file).  New texts live in the arena. */
void model_resolve_paths(struct model_node *node, const char *directory, struct arena *arena);

/* ---- notation shared by checks and policy --------------------------------------------------- */

/* A domain name in A-label form, lower case; "*." in front where WILDCARD allows. Converts U-labels
 * (IDNA 2008, libidn2). The result lives in the arena; NULL when it is none. */
const char *model_domain_name(struct str text, bool wildcard, struct arena *arena);

/* An address or prefix: "192.0.2.0/24", "2001:db8::/32", "::1".  Bits behind the prefix are
 * cleared.
 * "::/0" covers IPv4 too. */
struct model_prefix {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;		 /* 0..128, counted in the 16 byte form */
};
bool model_parse_prefix(struct str text, struct model_prefix *ret);
bool model_prefix_contains(const struct model_prefix *prefix, const struct model_prefix *address);

/* "host", "host:port", "[v6]:port", "[v6]".  False when malformed.  *ret_host is a slice of TEXT,
 * v6 without brackets.  A DEFAULT_PORT of 0 means that the port must be given. */
bool model_parse_endpoint(
	struct str text, uint16_t default_port, struct str *ret_host, uint16_t *ret_port);

enum model_delivery_type {
	MODEL_DELIVERY_NONE,
	MODEL_DELIVERY_MAILDIR,
	MODEL_DELIVERY_LMTP_UNIX,
	MODEL_DELIVERY_LMTP_TCP,
	MODEL_DELIVERY_SMTP
};
struct model_delivery {
	enum model_delivery_type type;
	struct str path; /* maildir pattern, or socket */
	struct str host;
	uint16_t port;
};
/* The delivery property of a domain; NULL text gives NONE. */
bool model_parse_delivery(const char *text, struct model_delivery *ret);

#endif
