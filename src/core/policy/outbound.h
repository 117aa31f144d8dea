/* Internal to core/policy: what the steps of working out a way share. */
#ifndef SEALPOST_CORE_POLICY_OUTBOUND_H
#define SEALPOST_CORE_POLICY_OUTBOUND_H

#include "core/policy/snapshot.h"

/* The first enforced rule, by name, that routes by a connector. */
struct policy_rule_way {
	const struct model_rule *rule; /* NULL: none */
	const struct policy_entry *entry;
};

/* What the rules say. */
struct policy_ruling {
	/* Those whose conditions hold, in either mode: the sender's first, each by name. */
	const struct model_rule **items;
	size_t count, room;
	struct policy_rule_way senders;	  /* of the organisation that sends */
	struct policy_rule_way receivers; /* of that of the recipient, where it is another */
};

struct policy_routing {
	const struct policy_snapshot *s;
	const struct policy_mail *mail;
	struct arena *arena;
	struct policy_outbound *ret;
	struct policy_mailbox recipient;
	const struct model_organisation *sender; /* NULL: mail from outside, or unknown */
	const struct model_domain *domain;	 /* that accepts the recipient; NULL: none */
	const struct model_organisation *owner;	 /* of the domain */
	const struct policy_entry *came_by;	 /* NULL: no connector */
	struct policy_ruling ruling;
	/* The connector chosen so far, and by what. */
	const struct policy_entry *best;
	unsigned best_specificity;
	const char *best_pattern;
	const char *best_why; /* where no pattern chose it */
};

void policy_outbound_consider(
	const struct policy_routing *r, const char *subject, bool applies, const char *why);
void policy_outbound_refuse(
	const struct policy_routing *r, enum policy_outcome outcome, const char *text);

/* Judge every rule of the organisations concerned. */
void policy_rules_judge(struct policy_routing *r);

/* Choose, in r->best, among the outbound connectors of ORGANISATION; IS_ACCEPTED: the recipient's
 * domain is one of its accepted domains. */
void policy_route_choose(struct policy_routing *r, const char *organisation, bool is_accepted);
/* Why r->best was chosen. */
const char *policy_route_why(const struct policy_routing *r);
/* Go by r->best; or without any connector. */
void policy_route_by_connector(const struct policy_routing *r);
void policy_route_by_default(const struct policy_routing *r);
/* Into the domain's own delivery, which is not NONE. */
void policy_route_local(const struct policy_routing *r, const struct model_delivery *delivery);

/* Who asks for what: fill in the requirement, and the key of the next hop HOP.  ENTRY: the
 * connector, or NULL; OTHER: the organisation whose minimum counts besides the sender's, or NULL.
 * BY_MX: the host is found by the MX records of the recipient's domain. */
struct policy_asked {
	const char *hop;
	const struct policy_entry *entry;
	const struct model_organisation *other;
	bool by_mx;
};
void policy_demand_work_out(const struct policy_routing *r, const struct policy_asked *asked);
/* The same for a delivery that does not leave the machine: nothing is asked. */
void policy_demand_local(const struct policy_routing *r, const char *hop);

/* Where the directory of r->domain says that the recipient lives. */
enum policy_place {
	POLICY_PLACE_UNLISTED, /* the domain has no directory */
	POLICY_PLACE_HERE,
	POLICY_PLACE_THERE, /* on-premises */
	POLICY_PLACE_UNKNOWN,
};
enum policy_place policy_directory_look_up(const struct policy_routing *r);
/* LOCAL as a mailbox knows it: without quotes, in lower case; TAGGED: with "+tag", else without. */
const char *policy_local_name(struct str local, bool tagged, struct arena *arena);

#endif
