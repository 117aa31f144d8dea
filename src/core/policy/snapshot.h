/* Internal to core/policy: the indexes of a snapshot, and small helpers that the decisions share.
 */
#ifndef SEALPOST_CORE_POLICY_SNAPSHOT_H
#define SEALPOST_CORE_POLICY_SNAPSHOT_H

#include "base/map.h"
#include "core/policy/policy.h"

/* A connector with what is worked out of it once. */
struct policy_entry {
	const struct model_connector *model;
	const char *subject;		      /* "connector contoso/fabrikam" */
	const struct policy_profile *profile; /* interned: equal ones are the same pointer */
	const char *trust_label;	      /* "system", "organisation contoso" or the subject */
	struct model_prefix *prefixes;
	size_t prefix_count;
	/* On-premises: the accepted domain of its organisation that its certificate_name is at: x
	 * for "*.x"; for "host.x" itself, else x.  NULL: none, so that no certificate leads to it.
	 */
	const struct model_domain *own_domain;
};

struct policy_bucket {
	const struct policy_entry **items;
	size_t count, room;
};

/* By how many profiles a chain that carries some name is to be verified. */
enum { POLICY_MAX_PROFILES = 64 };
struct policy_profiles {
	const struct policy_profile *items[POLICY_MAX_PROFILES];
	size_t count;
};

/* All rules of one organisation, in the order of their names. */
struct policy_rules {
	const struct model_rule **items;
	size_t count, room;
};

struct policy_snapshot {
	struct arena *arena;
	struct model_config config;
	uint64_t generation;
	struct map *organisations; /* name -> model_organisation */
	struct map *domains;	   /* name -> model_domain */
	struct map *connectors;	   /* "organisation/name" -> policy_entry */
	struct map *profiles;	   /* -> policy_profile, by its record as text */
	/* All below are to policy_bucket.  Disabled connectors stand in them too, so that an
	 * account can say that they were passed over. */
	struct map *by_name;   /* on-premises: certificate_name as written */
	struct map *by_parent; /* exact ones by what stands behind the first label */
	struct map *by_prefix; /* on-premises: 1 byte bits, 16 bytes address, organisation */
	/* On-premises by certificate_name, or by bits and address, that can not match or are
	 * another organisation's: a few, for the account. */
	struct map *passed_over;
	/* To policy_profiles: by "=" and certificate_name, "^" and what is behind the first label
	 * of exact ones. */
	struct map *wanted;
	bool has_bits[129];  /* prefix lengths that occur */
	struct map *senders; /* partner: "organisation/pattern" */
	/* Partner: many of one organisation and pattern that differ by their addresses alone do not
	 * stand in senders, but for the first few by name.  All of them stand in crowds, by
	 * "organisation/pattern", and by the same, a zero byte, and bits and address in gateways.
	 */
	struct map *crowds;
	struct map *gateways;
	bool has_gateway_bits[129];
	struct map *routes;	 /* outbound: "organisation/pattern" */
	struct map *recipients;	 /* address -> model_recipient */
	struct map *rules;	 /* organisation -> policy_rules */
	struct map *accepted;	 /* outbound with all_accepted_domains: "organisation" */
	struct map *centralised; /* outbound with route_all_via_on_premises: "organisation" */
};

const struct policy_bucket *policy_bucket(const struct map *map, struct str key);
const struct policy_bucket *policy_bucket_of(
	const struct map *map, const char *organisation, struct str pattern);

/* With either half; NULL: there is none. */
const struct policy_entry *policy_entry_of(
	const struct policy_snapshot *snapshot, const char *organisation, struct str name);

/* Those of the crowd of ORGANISATION and PATTERN whose prefix has just these BITS of the address.
 */
const struct policy_bucket *policy_gateways(const struct policy_snapshot *snapshot,
	const char *organisation, const char *pattern, const struct model_prefix *address,
	unsigned bits);

enum { POLICY_PREFIX_KEY = 300 };
/* Key of by_prefix, and with an empty organisation of passed_over: the first BITS of the address.
 */
struct str policy_prefix_key(const struct model_prefix *address, unsigned bits,
	const char *organisation, char buffer[POLICY_PREFIX_KEY]);

/* Call VISIT for every connector of ORGANISATION whose pattern covers NAME (NULL: no domain, which
 * only "*" covers), most specific pattern first, while it returns true.  SPECIFICITY falls. */
typedef bool policy_visit(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity);
void policy_covering(const struct map *map, const char *organisation, const char *name,
	struct arena *arena, policy_visit *visit, void *context);

/* A mailbox taken apart. */
struct policy_mailbox {
	struct str local;   /* as given, perhaps quoted */
	const char *domain; /* A-labels, lower case; NULL: a literal, or none */
	struct str literal; /* address within brackets, "IPv6:" cut off; empty: none */
};
/* False when ADDRESS is no mailbox. */
bool policy_parse_mailbox(struct str address, struct arena *arena, struct policy_mailbox *ret);

enum { POLICY_MAX_CONSIDERED = 50 };
/* Add to LIST.  Beyond the maximum, what does not apply is summed up in one line. */
void policy_consider(struct policy_candidates *list, struct arena *arena, const char *subject,
	bool applies, const char *why);
void policy_add_text(struct record_texts *list, struct arena *arena, const char *text);
/* "a, b, c", cut after ten; "none" for an empty list. */
const char *policy_join(const struct record_texts *list, struct arena *arena);

#endif
