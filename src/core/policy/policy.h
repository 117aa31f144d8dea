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

/* The accepted domain that covers NAME: itself, or the nearest parent with subdomains; NULL: none.
 */
const struct model_domain *policy_accepted(
	const struct policy_snapshot *snapshot, const char *name);

/* CONFIG is copied. */
struct policy_snapshot *policy_snapshot_new(const struct model_config *config, uint64_t generation);
void policy_snapshot_free(struct policy_snapshot **snapshot);
uint64_t policy_snapshot_generation(const struct policy_snapshot *snapshot);
const struct model_config *policy_snapshot_config(const struct policy_snapshot *snapshot);
const struct model_organisation *policy_organisation(
	const struct policy_snapshot *snapshot, const char *name);
const struct model_connector *policy_connector(
	const struct policy_snapshot *snapshot, const char *organisation, const char *name);

/* What kind of place policy_outbound.key stands for: "maildir", "lmtp", "smtp" (a domain's own
 * server), "on-premises", "partner", "mx", "literal", "refused", or "other" where its connector is
 * gone.  Static text.  SNAPSHOT may be NULL. */
const char *policy_route_class(const struct policy_snapshot *snapshot, struct str key);

/* ---- inbound --------------------------------------------------------------------------------- */

/* How a chain is verified: by which anchors, revocation lists and key usage. */
struct policy_profile {
	const char *anchors; /* PEM text; NULL: the system's roots */
	const char *crls;    /* PEM text; NULL: none */
	int revocation;	     /* enum model_revocation */
	int usage;	     /* enum model_usage; of a client's certificate only */
};
/* System roots, revocation prefer, usage client: where no connector says otherwise. */
extern const struct policy_profile policy_profile_system;
bool policy_profile_equal(const struct policy_profile *a, const struct policy_profile *b);

/* The verdict on the presented chain by one profile. */
struct policy_trust {
	const struct policy_profile *profile;
	int verdict; /* enum cert_verdict */
	const char *detail;
};

/* Facts of one connection. */
struct policy_peer {
	struct model_prefix address; /* bits 128; of the client, behind a proxy the real one */
	bool has_address;	     /* false: a Unix socket, or unknown */
	bool is_tls;
	const char *tls_version;	      /* "TLSv1.3"; NULL: clear */
	const char *group;		      /* "x25519"; NULL: clear, or not known */
	const struct cert_facts *certificate; /* the client's leaf; NULL: none presented */
	const struct policy_trust *trust;
	size_t trust_count;
};

/* Which profiles the verdict is needed for, given the presented leaf: call before
 * policy_attribute(), verify the chain by each, and state the results as policy_peer.trust.
 * Always contains policy_profile_system first.  Returns the count; the array lives in the arena,
 * the profiles in the snapshot. */
size_t policy_trust_wanted(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, struct arena *arena,
	const struct policy_profile *const **ret_profiles);
/* Of those: does any connector that a name of the certificate leads to judge by this one?  The
 * system's is always wanted, if only for the account. */
bool policy_trust_counts(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, const struct policy_profile *profile);

/* The profile of a connector, and whose anchors it has ("system", "organisation contoso" or
 * "connector contoso/fabrikam"; NULL is fine); NULL: there is no such connector. */
const struct policy_profile *policy_connector_profile(const struct policy_snapshot *snapshot,
	const char *organisation, const char *name, const char **ret_anchors);

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

/* What a restriction in report mode would have refused of what is accepted; POLICY_OK: nothing. */
struct policy_would {
	enum policy_outcome outcome;
	const char *text;
	const char *by; /* "connector contoso/fabrikam", "rule contoso/records" */
};

struct policy_inbound {
	bool accepted;
	enum policy_outcome outcome; /* POLICY_OK, or why not */
	const char *text;	     /* words for the account, values filled in */
	const char *reply; /* words for the client: as much as is safe to tell; NULL: the text */
	bool is_temporary; /* refuse with 4yz (when_unmet defer) */
	const char *organisation; /* NULL: none */
	const char *connector;	  /* NULL: anonymous */
	bool originating;	  /* the organisation's own server: may relay */
	bool is_internal;	  /* of the organisation itself, proven or treated so */
	bool promotes_headers;	  /* its cross-premises headers become the organisation's */
	/* Mail of one organisation for another of this installation: the other one, and its partner
	 * connector that judged the mail; NULL: none. */
	const char *receiver;
	const char *receiver_connector;
	struct policy_would would;
	int required; /* enum model_level asked of the client */
	struct record_texts required_by;
	const char *name_expected; /* certificate name asked; NULL: none */
	const char *name_matched;
	const char *anchors; /* "system", "organisation contoso", "connector contoso/fabrikam" */
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

/* SMTP reply code and enhanced status code of a refusal at reception. */
int policy_inbound_reply(const struct policy_inbound *answer, const char **ret_enhanced);

/* ---- rules -----------------------------------------------------------------------------------
 */

/* Header conditions are looked at once, when the message is accepted: a header field, unfolded, of
 * a message that concerns ORGANISATIONS.  Adds "organisation/rule" to LABELS for each enabled rule
 * of theirs whose header condition it meets and that is not in it yet. */
void policy_labels_add(const struct policy_snapshot *snapshot,
	const struct record_texts *organisations, struct str name, struct str value,
	struct arena *arena, struct record_texts *labels);

/* ---- outbound -------------------------------------------------------------------------------- */

/* What is known of a message when its way is worked out. */
struct policy_mail {
	/* The sender's organisation when the message is originating, else NULL; for a notice made
	 * here, that of the recipient it is about, so that it goes back over that organisation's
	 * connectors. */
	const char *organisation;
	/* By which it came in: of that organisation, or for mail from outside of the recipient's;
	 * NULL: none. */
	const char *connector;
	const char *sender;	    /* reverse-path without brackets; NULL or "": null sender */
	int64_t size;		    /* bytes; 0: not known yet */
	struct record_texts labels; /* as policy_labels_add() left them */
	const char *via; /* "organisation/name" of a connector to try out; NULL: as policy says */
};

enum policy_route_type {
	POLICY_ROUTE_REFUSE,  /* nowhere to go: outcome says why */
	POLICY_ROUTE_MAILDIR, /* path */
	POLICY_ROUTE_LMTP,    /* hosts[0] is "unix:/path" or "host:port" */
	POLICY_ROUTE_HOSTS,   /* hosts in order, each "host", "host:port", "[v6]:port" */
	POLICY_ROUTE_MX,      /* the MX hosts of domain */
	POLICY_ROUTE_LITERAL, /* hosts[0]: the address of an address literal */
};

/* What becomes of the organisation's own header fields ("X-Sealpost-Organization-...") on the way
 * out; see core/message/firewall.h. */
enum policy_headers {
	POLICY_HEADERS_STRIP, /* the next hop is outside */
	POLICY_HEADERS_KEEP,  /* local delivery */
	POLICY_HEADERS_CROSS, /* as cross-premises headers, to a proven on-premises server */
};

/* A requirement and everything that belongs to it. */
struct policy_demand {
	int required; /* enum model_level */
	struct record_texts required_by;
	struct record_texts names;
	struct record_texts pins;
	struct record_texts groups;
	int minimum_version;
};

struct policy_outbound {
	enum policy_route_type type;
	enum policy_outcome outcome; /* POLICY_OK, or for REFUSE why */
	const char *text;
	const char *reply;  /* of REFUSE: words for the client: as much as is safe to tell */
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
	struct record_texts names;  /* level NAME: any of these must be on the certificate; empty:
				       the host's own name */
	const char *names_why;	    /* static: where the names come from; NULL: none are asked */
	struct record_texts pins;   /* SHA-256 of public keys, any of which must be the server's */
	struct record_texts groups; /* any of which must be negotiated; empty: any */
	int minimum_version;	    /* enum model_version */
	struct policy_profile profile; /* for the server's chain */
	const char *anchors; /* "system", "organisation contoso", "connector contoso/fabrikam" */
	const char *certificate; /* own certificate to present; NULL: none */
	/* The connector requires revocation to be known, in report mode: unknown will do. */
	bool tolerates_unknown_revocation;
	/* What is asked in report mode only; required NONE: nothing. */
	struct policy_demand reported;
	struct policy_would would; /* what rules in report mode would have done */
	const char *refused_by;	   /* "rule contoso/records", with outcome POLICY_RULE */
	bool returns_when_unmet;   /* do not wait for a better day */
	bool hold;		   /* a rule keeps it in the queue */
	const char *hold_by;	   /* "rule contoso/records" */
	int headers;		   /* enum policy_headers */
	/* Nothing forces TLS: watch for a downgrade, and wait that long before going clear. */
	bool watches_downgrade;
	int64_t downgrade_grace_ms;
	struct policy_candidates considered;
};

/* RECIPIENT as above.  Recipients with one key may still have different paths. */
void policy_outbound(const struct policy_snapshot *snapshot, const struct policy_mail *mail,
	struct str recipient, struct arena *arena, struct policy_outbound *ret);

/* What a route makes of the offer of TLS.  Where nothing is enforced it is the best possible. */
struct policy_hello {
	int minimum_version;	    /* enum model_version; older ones are not offered */
	struct record_texts groups; /* the only ones offered; empty: all */
	bool groups_first;	    /* they come first, and the others stay */
};
struct policy_hello policy_hello_of(const struct policy_outbound *route);

/* ---- the verdict on a connection made ---------------------------------------------------------
 */

struct policy_hop {
	bool is_tls;
	bool starttls_offered;
	bool starttls_refused;
	bool handshake_failed;
	bool version_too_old;
	const char *version;		      /* "TLSv1.3"; NULL: clear */
	const char *group;		      /* "x25519" */
	const char *host;		      /* the name that was connected to */
	const struct cert_facts *certificate; /* the server's leaf; NULL: none */
	size_t chain_length;
	int verdict;		/* enum cert_verdict by the route's profile */
	const char *detail;	/* the library's words */
	const char *revocation; /* what is known of it, in words; NULL: it was not looked at */
};

struct policy_check {
	bool may_send; /* false: never send here, whatever else */
	enum policy_outcome outcome;
	const char *text;
	int got; /* enum model_level reached */
	const char *name_matched;
	const char *name_expected;
	struct policy_would would;
};

/* May this message go over this connection?  With required > NONE and no TLS the answer is no,
 * under every combination of facts. */
void policy_hop_check(const struct policy_outbound *route, const struct policy_hop *hop,
	struct arena *arena, struct policy_check *ret);

#endif
