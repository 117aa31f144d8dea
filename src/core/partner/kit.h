/*
 * The partner kit: what the administrator of a partner must know to force TLS with an organisation
 * of this installation, both ways, and what this installation proposes when it is given one.
 *
 * A kit is a record; its JSON form carries its version in "sealpost-partner-kit" and is what
 * another Sealpost reads.  Text and HTML are for people, with settings to paste.  A kit that comes
 * from outside is checked field by field and has limits; it is never more than a proposal.
 */
#ifndef SEALPOST_CORE_PARTNER_KIT_H
#define SEALPOST_CORE_PARTNER_KIT_H

#include "core/cert/facts.h"
#include "core/cert/life.h"
#include "core/model/model.h"
#include "core/page/page.h"

enum {
	PARTNER_KIT_VERSION = 2, /* the newest; 1 is without certificates that are not current */
	PARTNER_KIT_MAX = 1024 * 1024, /* bytes of its JSON form */
};

struct partner_listener {
	const char *address; /* NULL: the addresses of the host name */
	int64_t port;
	bool is_implicit; /* TLS from the first byte; else STARTTLS */
};

struct partner_certificate {
	const char *tls_name; /* the name to ask for; NULL: it carries none that can be */
	struct record_texts names;
	const char *subject, *issuer;
	const char *root; /* subject; NULL: not known here */
	int64_t not_before_ms, not_after_ms;
	const char *sha256, *spki_sha256; /* hex */
	const char *key;		  /* "ECDSA P-256" */
	bool allows_client;
	int state;	    /* enum cert_state; never retired */
	int64_t changes_ms; /* NEXT: it becomes current; DEPRECATED: it ends; 0: no day is fixed */
};

struct partner_root {
	const char *subject;
	const char *sha256;
	int64_t not_after_ms;
	bool is_public; /* the maker's system trusts it */
	const char *pem;
};

struct partner_tls {
	struct record_texts versions, suites_13, suites_12, groups, signatures;
};

/* What the maker's connector asks of the partner. */
struct partner_requirements {
	/* mail from the partner */
	bool has_inbound;
	struct record_texts sender_domains;
	bool require_tls;
	const char *certificate_name;
	bool restrict_to_certificate;
	struct record_texts addresses;
	struct record_texts pins;
	/* mail to the partner */
	bool has_outbound;
	struct record_texts recipient_domains;
	struct record_texts hosts; /* empty: by MX */
	int tls;		   /* enum model_level */
	const char *tls_domain;	   /* NULL: the host's or the recipient's domain */
	/* both */
	int minimum_version; /* enum model_version */
	struct record_texts groups;
};

struct partner_kit {
	int64_t version;
	int64_t made_ms;
	const char *organisation;
	struct record_texts domains; /* "contoso.example", "*.contoso.example" */
	const char *host;	     /* in MX records, greeting and EHLO */
	RECORD_LIST_OF(struct partner_listener) listeners;
	RECORD_LIST_OF(struct partner_certificate) server_certificates;
	struct partner_certificate *client_certificate; /* NULL: none is presented */
	/* What may be presented in place of those, before and after a change: next, deprecated. */
	RECORD_LIST_OF(struct partner_certificate) other_server_certificates;
	RECORD_LIST_OF(struct partner_certificate) other_client_certificates;
	struct record_texts addresses; /* mail comes from; empty: not told */
	RECORD_LIST_OF(struct partner_root) roots;
	struct partner_tls tls;
	struct partner_requirements *requirements; /* NULL: no connector was named */
	struct record_texts notes;		   /* what the maker should put right or say */
};

extern const struct record_desc partner_kit_desc;

/* The name of a certificate that others are to ask for: HOST where it is one, else the first that
 * is a domain name; NULL: none.  In the arena. */
const char *partner_tls_name(const struct cert_facts *facts, const char *host, struct arena *arena);

/* A kit from outside.  INFO names the place and what was expected; ERR_UNSUPPORTED: of another
 * version. */
enum err partner_kit_parse(
	struct str text, struct arena *arena, struct partner_kit *ret, struct err_info *info);
/* New reference; what is absent is left out. */
json_t *partner_kit_json(const struct partner_kit *kit);

/* ---- for people ----------------------------------------------------------------------------- */

/* One thing to paste. */
struct partner_setting {
	const char *system; /* "Postfix" */
	const char *file;   /* where it goes, or what it is for */
	const char *text;   /* lines */
};
/* Everything in the arena.  Names that are no domain names are left out. */
size_t partner_settings(
	const struct partner_kit *kit, struct arena *arena, struct partner_setting **ret);

/* As page_format(). */
enum err partner_format(const struct partner_kit *kit, enum page_format format, struct buf *out);

/* ---- the other side of it ------------------------------------------------------------------- */

/* How a kit is taken. */
struct partner_import {
	const char *organisation; /* ours */
	const char *name;	  /* of the connector; NULL: made of the kit's organisation */
	bool has_public_roots;	  /* our system trusts every root that the kit names */
};

struct partner_choice {
	const char *property; /* "inbound.certificate_name" */
	const char *why;
};
struct partner_proposal {
	struct model_connector connector;
	struct partner_choice *choices;
	size_t choice_count;
};

/* The connector that a kit amounts to, with a reason for each choice.  ERR_SYNTAX or ERR_CONFLICT
 * when nothing sensible can be made of it; the message says what is missing. */
enum err partner_propose(const struct partner_kit *kit, const struct partner_import *how,
	struct arena *arena, struct partner_proposal *ret, struct err_info *info);
/* What a kit decides of a connector that is there already, as a patch of it: mode, cost and the
 * like stay as they are.  New reference. */
json_t *partner_decided_json(const struct model_connector *proposed);

#endif
