/*
 * What a rollover would mean for partners: what next versions of a certificate change about it,
 * held against what connectors know that their partners check, and against the names that it is
 * needed for.  Told beforehand; nothing here stops anything.
 */
#ifndef SEALPOST_CORE_POLICY_ROLLOVER_H
#define SEALPOST_CORE_POLICY_ROLLOVER_H

#include "core/cert/facts.h"
#include "core/cert/life.h"
#include "core/policy/lint.h"

/* One certificate with those above it, leaf first. */
struct policy_presented {
	const struct cert_facts *facts;
	size_t count;
};

struct policy_rollover {
	const char *name;     /* of the certificate */
	const char *hostname; /* of the node */
	bool is_used_by_listeners;
	const struct policy_presented *current, *next; /* ECDSA, RSA or both */
	size_t current_count, next_count;
	const struct cert_life *life;
	int64_t now_ms;
};

/* Findings, errors first: an error is a partner whose checks the next version does not pass.
 * CONFIG may be NULL: not known.  Tokens:
 *   partner-pins, partner-issuer, partner-name   what a connector's `expects` asks for is not there
 *   name-missing      a name that the current version has is not on the next
 *   hostname-missing  the node's own name is not on it, and listeners present it
 *   root-changes      partners must trust another root
 *   issuer-changes    the same root by another issuer: who pinned the issuer has to know
 *   key-changes       who pinned the key has to know
 *   kind-missing      current has an ECDSA or RSA certificate, next has not
 *   gap               by the plan there is a time without a valid certificate
 *   not-yet-valid     the next version is not valid yet
 *   ends-soon         current ends within 14 days, and nothing is planned */
void policy_rollover(const struct model_config *config, const struct policy_rollover *rollover,
	struct arena *arena, struct policy_findings *ret);

/* Does this connector present the certificate of that name when it connects?  DEFAULT: the
 * organisation's. */
bool policy_rollover_presents(const struct model_config *config,
	const struct model_connector *connector, const char *name);

#endif
