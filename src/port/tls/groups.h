/* Key exchange groups: the names of the configuration and of receipts (IANA's, lower case) beside
 * those of the library. */
#ifndef SEALPOST_PORT_TLS_GROUPS_H
#define SEALPOST_PORT_TLS_GROUPS_H

#include "core/record/record.h"

/* By the library's number, or by its name; NULL: not one of ours. */
const char *tls_group_of_number(int nid);
const char *tls_group_of_library(const char *name);

enum { TLS_GROUPS_TEXT = 128 };

/* The library's list ("X25519:P-256") of those among WANTED (any case; empty: all) that are also in
 * AMONG, a list of the library's; in the order of AMONG.  False: none is left. */
bool tls_groups_list(
	const struct record_texts *wanted, const char *among, char ret[TLS_GROUPS_TEXT]);
/* The same with the others behind them: all of AMONG. */
void tls_groups_first(
	const struct record_texts *wanted, const char *among, char ret[TLS_GROUPS_TEXT]);

#endif
