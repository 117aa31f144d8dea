/*
 * The heart: who is this mail from, may it pass, where does it go, and what must the way prove.
 *
 * Pure functions of stated facts.  Total: every combination of facts has an answer, and "unknown"
 * is a fact.  Every answer carries its reason and every candidate that was considered, so that the
 * SMTP reply, the trace, the bounce and `sealpost explain` tell the same story.
 */
#ifndef SEALPOST_CORE_POLICY_POLICY_H
#define SEALPOST_CORE_POLICY_POLICY_H

#include "core/cert/facts.h"
#include "core/model/model.h"
#include "core/policy/outcome.h"

/* An indexed, immutable picture of a configuration.  Decisions take O(log n) of its size. */
struct policy_snapshot;

/* CONFIG is copied. */
struct policy_snapshot *policy_snapshot_new(const struct model_config *config, uint64_t generation);
void policy_snapshot_free(struct policy_snapshot **snapshot);
uint64_t policy_snapshot_generation(const struct policy_snapshot *snapshot);
const struct model_config *policy_snapshot_config(const struct policy_snapshot *snapshot);
const struct model_organisation *policy_organisation(
	const struct policy_snapshot *snapshot, const char *name);
const struct model_connector *policy_connector(
	const struct policy_snapshot *snapshot, const char *organisation, const char *name);

/* ---- inbound --------------------------------------------------------------------------------- */

/* The verdict of the presented chain against one set of anchors. */
struct policy_trust {
	const char *anchors; /* PEM text of a connector's own anchors; NULL: the system's roots */
	int verdict;	     /* enum cert_verdict */
	const char *detail;
};

/* Facts of one connection. */
struct policy_peer {
	struct model_prefix address; /* bits 128; of the client, behind a proxy the real one */
	bool has_address;	     /* false: a Unix socket, or unknown */
	bool is_tls;
	const char *tls_version;	      /* NULL: clear */
	const struct cert_facts *certificate; /* the client's leaf; NULL: none presented */
	const struct policy_trust *trust;
	size_t trust_count;
};

/* Which anchor sets the verdict is needed for, given the presented leaf: call before
 * policy_attribute(), verify the chain against each, and state the results as policy_peer.trust.
 * Always contains NULL (the system's) first.  Returns the count; the array lives in the arena. */
size_t policy_trust_wanted(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, struct arena *arena, const char *const **ret_anchors);

/* One connector, or one reason, that was considered. */
struct policy_candidate {
	const char
		*subject; /* "connector contoso/fabrikam", "domain fabrikam.example", "default" */
	bool applies;
	const char *why; /* why, or why not: words with values */
};
struct policy_candidates {
	struct policy_candidate *items;
	size_t count;
};

struct policy_inbound {
	bool accepted;
	enum policy_outcome outcome; /* POLICY_OK, or why not */
	const char *text;	     /* words for reply and account, values filled in */
	const char *organisation;    /* NULL: none */
	const char *connector;	     /* NULL: anonymous */
	bool originating;	     /* the organisation's own server: may relay */
	int required;		     /* enum model_level asked of the client */
	struct record_texts required_by;
	const char *name_expected; /* certificate name asked; NULL: none */
	const char *name_matched;
	const char *anchors; /* "system" or "connector contoso/fabrikam" */
	int verdict;	     /* enum cert_verdict that was used */
	struct policy_candidates considered;
};

/*
 * One recipient of one transaction.  SENDER is the reverse-path without brackets, empty for "<>";
 * RECIPIENT the forward-path.  Order (design, and Exchange's attribution): certificate over all
 * organisations' on-premises connectors; address with MAIL FROM; then the recipient's organisation
 * and its partner connectors.  Ambiguity never grants.
 */
void policy_attribute(const struct policy_snapshot *snapshot, const struct policy_peer *peer,
	struct str sender, struct str recipient, struct arena *arena, struct policy_inbound *ret);

/* ---- outbound -------------------------------------------------------------------------------- */

enum policy_route_type {
	POLICY_ROUTE_REFUSE,  /* nowhere to go: outcome says why */
	POLICY_ROUTE_MAILDIR, /* path */
	POLICY_ROUTE_LMTP,    /* hosts[0] is "unix:/path" or "host:port" */
	POLICY_ROUTE_HOSTS,   /* hosts in order, each "host", "host:port", "[v6]:port" */
	POLICY_ROUTE_MX,      /* the MX hosts of domain */
	POLICY_ROUTE_LITERAL, /* hosts[0]: the address of an address literal */
};

struct policy_outbound {
	enum policy_route_type type;
	enum policy_outcome outcome; /* POLICY_OK, or for REFUSE why */
	const char *text;
	const char *key;    /* groups recipients and limits connections: equal for the same next hop
			       under the same requirement; e.g. "mx:fabrikam.example" or
			       "connector:contoso/fabrikam" */
	const char *domain; /* recipient's, A-label form */
	const char *path;   /* Maildir with {local} and {domain} filled in and made safe */
	struct record_texts hosts;
	const char *organisation; /* whose connectors were asked */
	const char *connector;	  /* NULL: default routing */
	int required;		  /* enum model_level */
	struct record_texts required_by;
	struct record_texts names; /* level NAME: any of these must be on the certificate; empty:
				      the host's own name */
	const char *names_why;	   /* static: where the names come from; NULL: none are asked */
	const char *anchors_pem;   /* NULL: the system's roots */
	const char *anchors;	   /* "system" or "connector contoso/fabrikam" */
	const char *certificate;   /* own certificate to present; NULL: none */
	struct policy_candidates considered;
};

/* ORGANISATION: the sender's when the message is originating, else NULL; for a notice made here,
 * that of the recipient it is about, so that it goes back over that organisation's connectors.
 * RECIPIENT as above.  Recipients with one key may still have different paths. */
void policy_outbound(const struct policy_snapshot *snapshot, const char *organisation,
	struct str recipient, struct arena *arena, struct policy_outbound *ret);

/* ---- the verdict on a connection made ---------------------------------------------------------
 */

struct policy_hop {
	bool is_tls;
	bool starttls_offered;
	bool starttls_refused;
	bool handshake_failed;
	bool version_too_old;
	const char *host;		      /* the name that was connected to */
	const struct cert_facts *certificate; /* the server's leaf; NULL: none */
	size_t chain_length;
	int verdict;	    /* enum cert_verdict against the route's anchors */
	const char *detail; /* the library's words */
};

struct policy_check {
	bool may_send; /* false: never send here, whatever else */
	enum policy_outcome outcome;
	const char *text;
	int got; /* enum model_level reached */
	const char *name_matched;
	const char *name_expected;
};

/* May this message go over this connection?  With required > NONE and no TLS the answer is no,
 * under every combination of facts. */
void policy_hop_check(const struct policy_outbound *route, const struct policy_hop *hop,
	struct arena *arena, struct policy_check *ret);

#endif
