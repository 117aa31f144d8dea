/*
 * Trying out a connector: a connection to each of its next hops in earnest, with the connector's
 * own policy, resolver, TLS and gate, up to the answer to RCPT - and then RSET.  No content is
 * sent. Each step is told to the asker as it ends.
 *
 *     route ─► resolve ─► connect ─► greeting ─► ehlo ─► starttls ─► handshake ─► chain, name, pin,
 *     client-certificate ─► revocation ─► mail ─► rcpt        (then the next host, then: summary)
 *
 * Every step is bounded in time, the whole too; nothing goes on when nobody listens.
 */
#ifndef SEALPOST_PROCESS_DELIVER_PROBE_H
#define SEALPOST_PROCESS_DELIVER_PROBE_H

#include "process/deliver/standing.h"

enum {
	DELIVER_PROBES = 4, /* under way at once */
	DELIVER_PROBE_CONNECT_MS = 10 * 1000,
	DELIVER_PROBE_STEP_MS = 20 * 1000,
	DELIVER_PROBE_ALL_MS = 180 * 1000,
};

struct deliver_probe {
	struct deliver *self;
	struct deliver_probe *next, **place; /* in self->probes */
	struct arena *arena;
	struct deliver_config *config;
	struct wire_probe wire;
	struct policy_outbound route;
	struct event *timer;
	int64_t began_ticks;

	struct deliver_resolve *resolve;
	struct deliver_target targets[DELIVER_MAX_HOSTS];
	size_t target_count, target_at;
	struct deliver_address addresses[DELIVER_MAX_ADDRESSES];
	size_t address_count, address_at;
	enum receipt_attempt attempt;
	size_t tries;

	struct deliver_link *link;
	struct deliver_standing standing; /* while the revocation is being asked about */
	const char *step;		  /* under way; static */
	int64_t step_ticks;
	struct smtp_client_recipient to;
	struct smtp_client_transaction mail;
	struct policy_hop hop;
	struct policy_check check;

	bool is_disabled; /* the connector: no mail goes by it yet */
	bool host_failed;
	size_t hosts_passed;
	bool any_failed;
};

void deliver_probe_begin(struct deliver *self, const struct wire_probe *wire);
/* By its tag; an unknown one has ended. */
void deliver_probe_stop(struct deliver *self, int64_t tag);
/* The asker is gone, or this process ends. */
void deliver_probe_stop_all(struct deliver *self);

/* ---- the course (probe.c) -------------------------------------------------------------------- */

/* A step is under way from now on, for so long at most; STEP is static. */
void deliver_probe_begin_step(struct deliver_probe *probe, const char *step);
int64_t deliver_probe_step_ms(const struct deliver_probe *probe);
/* Tell what came of it. */
void deliver_probe_end_step(struct deliver_probe *probe, enum wire_probe_result result,
	const char *presented, const char *text, const char *remedy);
/* Done with this host, or address: the next one. */
void deliver_probe_leave_host(struct deliver_probe *probe);
void deliver_probe_next_address(struct deliver_probe *probe);

/* ---- a connection (probe_link.c) ------------------------------------------------------------- */

void deliver_probe_connect(struct deliver_probe *probe, const struct deliver_address *address);
/* The address does not answer; the next one is tried. */
void deliver_probe_unreachable(struct deliver_probe *probe, const char *why);

/* ---- telling (probe_steps.c) ----------------------------------------------------------------- */

/* A step that has ended.  Of STEP what it says is taken; tag, time, host and address are filled in.
 */
void deliver_probe_tell(struct deliver_probe *probe, const struct wire_probe_step *step);
/* "TLS 1.2 or newer, groups x25519". In the probe's arena. */
const char *deliver_probe_tls_expected(
	const struct deliver_probe *probe, int version, const struct record_texts *groups);
/* What came of the handshake: it, chain, name, pin, client certificate. */
void deliver_probe_tell_tls(struct deliver_probe *probe, int64_t ms);
/* What is known of the certificates' revocation. */
void deliver_probe_tell_revocation(struct deliver_probe *probe, int64_t ms);
/* STARTTLS is not to be had. */
void deliver_probe_tell_no_tls(struct deliver_probe *probe, int64_t ms);
/* The EHLO answer. */
void deliver_probe_tell_ehlo(struct deliver_probe *probe, int64_t ms);
/* Where mail goes and what is asked. */
void deliver_probe_tell_route(struct deliver_probe *probe);

#endif
