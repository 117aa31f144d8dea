/*
 * What is allowed in a configuration and yet hardly meant: connectors that never match, doors left
 * open, requirements that hold in one direction only, settings without effect.  model_check()
 * refuses what is wrong; this tells what is doubtful.
 */
#ifndef SEALPOST_CORE_POLICY_LINT_H
#define SEALPOST_CORE_POLICY_LINT_H

#include "core/model/model.h"

enum policy_severity {
	POLICY_SEVERITY_ERROR,	 /* mail is refused or stuck that should not be, or open to all */
	POLICY_SEVERITY_WARNING, /* probably not what is meant */
	POLICY_SEVERITY_NOTE,	 /* worth knowing */
};
extern const char *const policy_severity_names[];

struct policy_finding {
	int severity;		  /* enum policy_severity */
	const char *token;	  /* stable: "front-door-open" */
	const char *organisation; /* whose configuration it is about */
	const char *subject;	  /* "connector contoso/fabrikam" */
	const char *text;	  /* one sentence, values filled in; names no other organisation */
	const char *remedy;	  /* what to do */
	/* Objects of other organisations that it has to do with: not for this one's eyes. */
	struct record_texts others;
};
extern const struct record_desc policy_finding_desc;

struct policy_findings {
	struct policy_finding *items;
	size_t count;
};

/* All findings, errors first, then by subject and token.  CERTIFICATES: names of those the node
 * has; NULL: not known.  Time grows with the size of the configuration, not with its square. */
void policy_lint(const struct model_config *config, const struct record_texts *certificates,
	struct arena *arena, struct policy_findings *ret);

/* ---- forced in one direction only -------------------------------------------------------------
 */

/* Which patterns the partner connectors of a configuration force TLS for, and which way. */
struct policy_directions;
struct policy_directions *policy_directions_new(const struct model_config *config) MUST_USE;
/* NULL is fine; leaves NULL. */
void policy_directions_free(struct policy_directions **directions);
/* "inbound" or "outbound": the only direction in which an enabled partner connector's TLS is
 * forced, counting what other connectors of its organisation force for the same domains; NULL: both
 * or neither. */
const char *policy_directions_only(
	const struct policy_directions *directions, const struct model_connector *connector);

#endif
