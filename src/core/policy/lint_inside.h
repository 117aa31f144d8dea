/* Inside core/policy: what the parts of the lint share. */
#ifndef SEALPOST_CORE_POLICY_LINT_INSIDE_H
#define SEALPOST_CORE_POLICY_LINT_INSIDE_H

#include "base/map.h"
#include "core/policy/lint.h"

#include <stdarg.h>

/*    code, token, severity, remedy */
#define POLICY_LINT_TABLE(X)                                                                       \
	X(LINT_NAME_NOWHERE, "certificate-name-nowhere", POLICY_SEVERITY_ERROR,                    \
		"Accept the domain of that name for the organisation, or use a name at a domain "  \
		"it has")                                                                          \
	X(LINT_ADDRESS_SHARED, "address-shared", POLICY_SEVERITY_ERROR,                            \
		"Leave each address to one organisation, or tell them apart by certificate_name")  \
	X(LINT_ADDRESS_OVERLAPS, "address-overlaps", POLICY_SEVERITY_WARNING,                      \
		"Leave each address in one connector")                                             \
	X(LINT_FRONT_DOOR, "front-door-open", POLICY_SEVERITY_WARNING,                             \
		"If all mail should come by the connector, add a partner connector with "          \
		"sender_domains \"*\" that restricts to certificate or addresses; "                \
		"reject_direct_send closes it for the own domains only")                           \
	X(LINT_DUPLICATE, "duplicate-connector", POLICY_SEVERITY_WARNING,                          \
		"Remove one of them, or give them different patterns")                             \
	X(LINT_ONE_DIRECTION, "one-direction", POLICY_SEVERITY_WARNING,                            \
		"Force TLS for the partner's domains in the other direction as well")              \
	X(LINT_WEAKER, "weaker-than-wildcard", POLICY_SEVERITY_WARNING,                            \
		"Give the more specific connector at least the wildcard's requirement, or say in " \
		"its comment why not")                                                             \
	X(LINT_SWALLOWED, "swallowed-by-wildcard", POLICY_SEVERITY_WARNING,                        \
		"Let it restrict to certificate or addresses too, or remove it")                   \
	X(LINT_RESTRICTS_ALL, "restricts-everyone", POLICY_SEVERITY_NOTE,                          \
		"Nothing, if all mail is to come that way; other senders need a connector that "   \
		"restricts, too")                                                                  \
	X(LINT_REPORT_MODE, "report-mode", POLICY_SEVERITY_NOTE,                                   \
		"Look at what would have been refused, then set mode enforce")                     \
	X(LINT_CENTRE, "centre-by-halves", POLICY_SEVERITY_WARNING,                                \
		"Put both halves of the server into one connector: then what it sends on is not "  \
		"sent back to it")                                                                 \
	X(LINT_LEVEL_NONE, "partner-without-tls", POLICY_SEVERITY_NOTE,                            \
		"Set outbound.tls to encrypt or better, if the partner can")                       \
	X(LINT_HOST_ADDRESS, "smart-host-is-address", POLICY_SEVERITY_WARNING,                     \
		"Name the smart host, set tls_domain, or give the connector its own trust "        \
		"anchors")                                                                         \
	X(LINT_LATER, "setting-without-effect", POLICY_SEVERITY_NOTE,                              \
		"Nothing: it is kept for a later version")                                         \
	X(LINT_CATCH_ALL, "any-recipient", POLICY_SEVERITY_WARNING,                                \
		"Set directory and list the domain's recipients")                                  \
	X(LINT_NO_RECIPIENTS, "directory-empty", POLICY_SEVERITY_ERROR,                            \
		"List the domain's recipients, or unset directory")                                \
	X(LINT_RULE_NEVER, "rule-never-matches", POLICY_SEVERITY_WARNING,                          \
		"Correct its conditions, or remove it")                                            \
	X(LINT_RULE_CONNECTOR, "rule-connector-disabled", POLICY_SEVERITY_ERROR,                   \
		"Enable the connector, or let the rule name another")                              \
	X(LINT_RULE_SHADOWED, "rule-shadowed", POLICY_SEVERITY_NOTE,                               \
		"Remove it, or give it other conditions")                                          \
	X(LINT_NO_CERTIFICATE, "certificate-missing", POLICY_SEVERITY_ERROR,                       \
		"Import the certificate (sealpost cert import), or name another")                  \
	X(LINT_NO_WAY, "domain-without-way", POLICY_SEVERITY_ERROR,                                \
		"Give the domain a delivery, or the organisation an outbound connector for it")    \
	X(LINT_TRUSTS_ITSELF, "trusts-itself", POLICY_SEVERITY_WARNING,                            \
		"Remove it from trusted_organisations: own mail is not judged by partner "         \
		"connectors")                                                                      \
	X(LINT_NO_DOMAIN, "organisation-without-domain", POLICY_SEVERITY_NOTE,                     \
		"Add the domains it accepts mail for")

#define POLICY_LINT_ENUM(code, token, severity, remedy) code,
enum policy_lint_code { POLICY_LINT_TABLE(POLICY_LINT_ENUM) POLICY_LINT_CODES };
#undef POLICY_LINT_ENUM

/* What is known of one organisation. */
struct policy_lint_owner {
	const struct model_organisation *model;
	size_t domains;
	const char *own_server; /* first on-premises connector with an inbound half */
	bool is_closed;		/* a partner connector restricts every sender */
	bool carries_all;	/* a connector for all accepted domains */
	const struct model_rule *unconditional[4]; /* by direction: refuses all */
};

struct policy_lint {
	const struct model_config *config;
	const struct record_texts *certificates;
	struct arena *arena;
	struct policy_findings *ret;
	size_t room;
	struct policy_directions *directions;
	struct map *owners;	/* organisation -> policy_lint_owner */
	struct map *domains;	/* name -> model_domain */
	struct map *above;	/* "organisation/x": an accepted domain lies below x */
	struct map *connectors; /* "organisation/name" -> model_connector */
	/* "organisation/pattern" -> the enabled connector that comes first there */
	struct map *senders, *routes;
	struct map *served;   /* domain -> its recipients, counted */
	struct map *prefixes; /* 17 bytes -> first on-premises connector */
	struct map *listed;   /* certificates of the node */
	struct map *seen;     /* what stands twice: a text that tells -> the first object */
};

/* Add a finding about SUBJECT; the text is formatted.  It stays the last of l->ret. */
struct policy_finding *policy_lint_add(struct policy_lint *l, enum policy_lint_code code,
	const char *organisation, const char *subject, const char *format, ...) PRINTF_LIKE(5, 6);
/* The accepted domain that covers NAME; NULL: none. */
const struct model_domain *policy_lint_accepted(const struct policy_lint *l, const char *name);
/* A certificate that the node does not have? */
bool policy_lint_lacks(const struct policy_lint *l, const char *certificate);
/* In the map of KEY made of two texts with a slash between. */
void *policy_lint_get(const struct policy_lint *l, const struct map *map, const char *organisation,
	const char *name);
/* The connector that NAME (a domain or "*.x") falls to by a less specific pattern; NULL: none. */
const struct model_connector *policy_lint_wider(const struct policy_lint *l, const struct map *map,
	const char *organisation, const char *name, const char **ret_pattern);

void policy_lint_connectors(struct policy_lint *l);
void policy_lint_addresses(struct policy_lint *l);
void policy_lint_domains(struct policy_lint *l);
void policy_lint_rules(struct policy_lint *l);

#endif
