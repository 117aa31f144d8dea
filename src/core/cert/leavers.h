/*
 * Clients that do not trust the certificate they were shown and say so by nothing: they finish the
 * handshake, and leave without having sent mail.
 *
 * One such session may have any cause.  Two in a row by the same partner, shown the same version,
 * without mail of that partner in between, are taken for a refusal.  Only who is known to send mail
 * counts: a connector, or an address that has sent some; who looks in now and then, to see whether
 * the server is up, does not.  And it only counts while there is something else to show.
 *
 * Bounded: who was not heard of for longest is forgotten first.
 */
#ifndef SEALPOST_CORE_CERT_LEAVERS_H
#define SEALPOST_CORE_CERT_LEAVERS_H

#include "core/cert/choose.h"

enum {
	CERT_LEAVERS_MAX = 10000,
	CERT_LEAVES = 2,		  /* in a row: that is a refusal */
	CERT_LEAVE_MS = 24 * 3600 * 1000, /* as long does the first one count */
};
/* What a refusal of that kind is called wherever reasons are shown. */
extern const char cert_leave_reason[];

struct cert_leave {
	const char *partner; /* as cert_party_name() */
	const char *certificate, *version;
	bool is_known; /* it need not have sent mail: it is a connector */
	int64_t at_ms;
};

struct cert_leavers;
/* SEED: of a table whose keys strangers choose. */
struct cert_leavers *cert_leavers_new(uint64_t seed) MUST_USE;
void cert_leavers_free(struct cert_leavers **leavers);

/* It has left.  The number of times in a row; 0: it is not known to send mail.  With CERT_LEAVES
 * it is forgotten that it has left, not that it has sent mail. */
unsigned cert_leavers_left(struct cert_leavers *leavers, const struct cert_leave *leave);
/* It has sent mail.  True: that was not known, or it had left before. */
bool cert_leavers_sent(struct cert_leavers *leavers, const char *partner);
/* It tries to send mail, which does not make it known.  True: it had left before. */
bool cert_leavers_tries(struct cert_leavers *leavers, const char *partner);
size_t cert_leavers_count(const struct cert_leavers *leavers);

/* Is VERSION what the peer of FACTS is shown, and is there another one for it that it is not known
 * to refuse? */
bool cert_leave_matters(const struct cert_choose_facts *facts, const char *version);

#endif
