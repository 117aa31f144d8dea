/*
 * Does a certificate carry a name?  RFC 9525: DNS names in subjectAltName; the subject's common
 * name only where there is no subjectAltName at all (struct cert_facts.names has applied that
 * already).  Letter case and one trailing dot do not matter.
 *
 * A certificate's wildcard "*.x" stands for exactly one whole label, leftmost, above at least two
 * labels; any other asterisk matches nothing.  An expectation "*.x", as an administrator writes it,
 * is met by a name exactly one label below x, and by the certificate's own wildcard "*.x".
 */
#ifndef SEALPOST_CORE_CERT_NAMES_H
#define SEALPOST_CORE_CERT_NAMES_H

#include "core/cert/facts.h"

/* EXPECTED may hold U-labels in UTF-8; names of certificates are A-labels.  NULL, malformed names
 * and addresses match nothing.  *ret_matched (NULL is fine) is the name of FACTS that did. */
bool cert_names_match(
	const char *expected, const struct cert_facts *facts, const char **ret_matched);

/* One name of a certificate, also used to choose an own certificate by SNI. */
bool cert_name_matches(struct str expected, struct str presented);

#endif
