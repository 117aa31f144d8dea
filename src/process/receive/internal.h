/*
 * What the files of the receiving process share.
 *
 *   receive.c      the process: settings, peers, drain, counters
 *   settings.c     listeners, TLS contexts, limits; counted references, sessions keep what they
 *                  began with
 *   accept.c       connections in, as many as the limits allow
 *   session.c      one connection: bytes, TLS, timeouts
 *   link.c         reading and writing, clear or TLS, and the PROXY header
 *   transaction.c  the answers to SMTP, refusals, and the life of a transaction
 *   envelope.c     MAIL and RCPT: what policy says of each recipient
 *   content.c      content, through the header firewall, to the spool
 *   present.c      which version of our certificate a client is shown
 *   leaving.c      clients that were shown one and left without sending
 *   facts.c        what is known about the client, for policy and for the receipt
 *   chain.c        what clients present, for the observatory
 *   standing.c     whether its certificates are revoked: asked of lookup, RCPT waits for it
 *   staple.c       what lookup says of our own ones, to be sent along
 *   spool.c        the channel to the spool: configuration, credits, verdicts
 *   count.c        counters, for the administrator and for monitoring
 */
#ifndef SEALPOST_PROCESS_RECEIVE_INTERNAL_H
#define SEALPOST_PROCESS_RECEIVE_INTERNAL_H

#include "base/map.h"
#include "core/cert/leavers.h"
#include "core/cert/refusals.h"
#include "core/message/fields.h"
#include "core/message/firewall.h"
#include "core/message/headers.h"
#include "core/metrics/set.h"
#include "core/policy/policy.h"
#include "core/smtp/proxy.h"
#include "core/smtp/server.h"
#include "port/inquiry/stapling.h"
#include "port/ipc/ipc.h"
#include "port/runtime/addresses.h"
#include "port/runtime/runtime.h"
#include "port/tls/tls.h"
#include "process/receive/receive.h"

#include <netinet/in.h>

struct receive;
struct receive_session;

/* ---- settings ------------------------------------------------------------------------------- */

struct receive_listener {
	struct receive *receive;
	struct receive_settings *settings;
	const struct model_listener *model;
	int fd;
	struct event *accept;	 /* NULL: not listening */
	struct tls_context *tls; /* NULL: none */
	struct smtp_server_config smtp;
};

struct receive_settings {
	unsigned references;
	struct arena *arena;
	struct model_node *node;
	struct receive_listener *listeners;
	size_t listener_count;
	const struct cert_life *lives; /* of certificates with more than one living version */
	size_t life_count;
};

enum err receive_settings_new(struct receive *receive, const struct runtime_settings *from,
	struct receive_settings **ret, struct err_info *info);
struct receive_settings *receive_settings_keep(struct receive_settings *settings);
/* Drop one reference; NULL is fine; leaves NULL. */
void receive_settings_drop(struct receive_settings **settings);
/* Close the listening sockets. */
void receive_settings_close(struct receive_settings *settings);

/* ---- the process ---------------------------------------------------------------------------- */

enum { RECEIVE_SCRATCH = 32 * 1024, RECEIVE_REASONS_MAX = 64 };

/* Refusals, counted by token. */
struct receive_reason {
	const char *token;
	uint64_t count;
};

struct receive {
	struct runtime *runtime; /* NULL in tests */
	struct event_base *base;
	unsigned index;
	void (*drained)(struct receive *receive);
	struct receive_settings *settings;
	struct runtime_addresses *addresses;
	struct tls_signer *signer;
	struct policy_snapshot *snapshot;
	uint64_t snapshots;	     /* and settings taken so far: facts are of one of these */
	struct tls_present *present; /* chains that the spool knows of */
	struct tls_trust *trust;     /* of this snapshot and these settings */
	/* see present.c */
	struct cert_refusals *refusals;
	struct cert_leavers *leavers; /* see leaving.c; NULL: nobody is known */
	struct map *attributed;	      /* address -> "organisation/connector" of its last mail */
	struct receive_place *places;
	size_t place_count;
	uint64_t places_of; /* the snapshot they were taken from; 0: none */
	/* the spool */
	struct ipc *spool;
	struct receive_collector *collector;
	bool intake_closed;
	bool spool_is_full;	  /* the channel's backlog is high */
	struct map *transactions; /* id -> struct receive_session * */
	int64_t last_id_ms;
	unsigned id_counter;
	/* lookup */
	struct ipc *lookup; /* NULL: away */
	struct inquiry *inquiry;
	struct tls_staples *staples;
	struct inquiry_stapling *stapling; /* NULL: before the first settings */
	/* sessions */
	struct receive_session *sessions; /* list */
	size_t session_count;
	struct receive_session *graves; /* to be freed when the loop comes round */
	struct event *digger;
	struct event *accept_again; /* after running out of descriptors */
	bool is_started, is_draining, is_drained;
	char scratch[RECEIVE_SCRATCH];
	/* counters */
	uint64_t connections, over_limit, tls_sessions, tls_failures, client_certificates;
	uint64_t accepted, accepted_bytes, refused, timeouts, early;
	struct receive_reason reasons[RECEIVE_REASONS_MAX];
	struct metrics_set *metrics;
};

/* As receive_process.create, but on any loop; for tests. */
struct receive *receive_new(struct event_base *base, unsigned index);

/* ---- counting (count.c) --------------------------------------------------------------------- */

void receive_count_connection(struct receive_session *session);
void receive_count_handshake(struct receive_session *session);
void receive_count_handshake_failed(struct receive_session *session);
void receive_count_refusal(struct receive_session *session, const char *token);
/* The message of the session's transaction is in the queue. */
void receive_count_accepted(struct receive_session *session);
/* For `sealpost status` and /metrics; new reference. */
json_t *receive_count_json(const struct receive *receive);

/* ---- accept --------------------------------------------------------------------------------- */

/* Listen if everything for it is there. */
void receive_accept_open(struct receive *receive);
/* Does one more connection from this address fit? If not, *ret_reply is a whole reply line. */
bool receive_accept_fits(struct receive *receive, const struct receive_settings *settings,
	const struct sockaddr *peer, const char **ret_reply);

/* ---- sessions ------------------------------------------------------------------------------- */

enum receive_phase {
	RECEIVE_PHASE_PROXY,	 /* its header is awaited */
	RECEIVE_PHASE_HANDSHAKE, /* TLS is being set up */
	RECEIVE_PHASE_SMTP,
	RECEIVE_PHASE_STARTTLS, /* the 220 is being written */
	RECEIVE_PHASE_CLOSING,	/* last words are being written */
	RECEIVE_PHASE_LINGER,	/* written; the client is given time to read them */
	RECEIVE_PHASE_DEAD,
};

union receive_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* How far the sender is believed, in the order of trust. */
enum receive_trust { RECEIVE_ANONYMOUS, RECEIVE_PARTNER, RECEIVE_INTERNAL };

struct receive_transaction {
	struct arena *arena;
	struct wire_message message;
	size_t recipients_size;	       /* bytes of all addresses */
	size_t recipient_room;	       /* of the array */
	struct policy_inbound inbound; /* of the first recipient */
	uint64_t generation;	       /* of the configuration then */
	int64_t declared_size;	       /* SIZE of MAIL; 0: none */
	int64_t limit;		       /* the least that an organisation concerned takes; 0: none */
	struct smtp_params_rcpt *held; /* RCPT that waits for facts; NULL: none does */
	struct record_texts organisations; /* concerned */
	/* What holds for all recipients. */
	enum receive_trust trust;
	bool is_originating, promotes;
	struct message_firewall firewall;
	struct message_headers headers;
	struct message_fields fields;
	int64_t taken;	  /* bytes of content that came */
	struct buf chunk; /* content not yet sent */
	int64_t window;	  /* bytes that may still be sent */
	uint64_t size;
	bool has_content; /* the spool knows of it */
	bool is_committed;
};

struct receive_session {
	struct receive *receive;
	struct receive_listener *listener;
	struct receive_settings *settings;
	struct receive_session *next, **place;
	enum receive_phase phase;
	int fd;
	struct event *readable, *writable, *timer;
	struct tls_session *tls;
	struct smtp_server *smtp;
	struct buf pending; /* input that could not be taken yet */
	union receive_address peer;
	char address[64];
	int port;
	bool is_counted; /* in the table of addresses */
	bool has_ended;	 /* the client closed its side */
	bool is_esmtp;
	bool is_running; /* in receive_session_run() */
	bool is_readable_wanted, is_writable_wanted;
	char *helo;
	int64_t began_ms, began_ticks, active_ticks;
	bool has_tried; /* it has said MAIL */
	uint64_t refused;
	const char *end; /* why it ended; static */
	/* facts about the client, made when first needed, again for a new snapshot */
	struct arena *facts_arena;
	uint64_t facts_of; /* receive.snapshots then; 0: not made */
	struct policy_peer facts;
	struct receipt facts_receipt;
	struct receive_standing *standings; /* of the chain by each trust of the facts */
	size_t standing_count;
	size_t standings_open; /* not answered yet */
	struct receive_transaction *transaction;
};

void receive_session_new(
	struct receive_listener *listener, int fd, const struct sockaddr *peer, socklen_t length);
/* Go on as far as possible: after an answer, a credit, ... */
void receive_session_run(struct receive_session *session);
/* Close and free, soon; never called back again. */
void receive_session_end(struct receive_session *session, const char *why);
/* The end of a drain, or of patience. */
void receive_session_drain(struct receive_session *session);
void receive_session_bury(struct receive *receive);

/* ---- link ----------------------------------------------------------------------------------- */

/* ERR_AGAIN, ERR_CLOSED, or what went wrong. */
enum err receive_link_read(
	struct receive_session *session, char *to, size_t size, size_t *ret_count);
/* Write as much of OUT as goes; ERR_AGAIN when something is left. */
enum err receive_link_write(struct receive_session *session, struct buf *out);
void receive_link_want(struct receive_session *session, bool reading, bool writing);
/* Read the PROXY header, and nothing behind it. */
enum err receive_link_proxy(struct receive_session *session);
void receive_link_address(struct receive_session *session, const struct sockaddr *peer);
/* Bytes are there already. */
bool receive_link_has_input(const struct receive_session *session);

/* ---- transactions --------------------------------------------------------------------------- */

/* Carry out what the session machine asks for. */
void receive_transaction_act(
	struct receive_session *session, const struct smtp_server_action *action);
/* May more content be taken now? */
bool receive_transaction_has_room(const struct receive_session *session);
/* Forget it; the spool is told if it knows of it. */
void receive_transaction_drop(struct receive_session *session);
/* The spool's verdict. */
void receive_transaction_done(struct receive_session *session, const struct wire_done *done);
/* The spool is gone. */
void receive_transaction_lost(struct receive_session *session);

/* A refusal as the log, the counters, the trace and the client see it. */
struct receive_refusal {
	const char *token, *text, *recipient;
	int code;
	const char *enhanced;
	const char *told;		      /* to the client; NULL: the text */
	const struct policy_inbound *inbound; /* NULL: not by policy */
};
void receive_transaction_report(
	struct receive_session *session, const struct receive_refusal *refusal);
/* Report it, and forget the transaction; the client is not answered. */
void receive_transaction_give_up(
	struct receive_session *session, const char *token, const struct smtp_fault *fault);

/* ---- envelope ------------------------------------------------------------------------------- */

/* Whether mail can be taken at all now; else the reply is given. */
bool receive_envelope_is_open(struct receive_session *session);
void receive_envelope_mail(struct receive_session *session, const struct smtp_params_mail *mail);
void receive_envelope_rcpt(struct receive_session *session, const struct smtp_params_rcpt *rcpt);
/* The facts that a RCPT has waited for may be there. */
void receive_envelope_resume(struct receive_session *session);
/* The content is known now.  False: every recipient is refused, the client has its reply, the
 * transaction is over.  Where only some are refused the spool returns the message for these. */
bool receive_envelope_passes(struct receive_session *session);

/* ---- content -------------------------------------------------------------------------------- */

void receive_content_begin(struct receive_session *session);
void receive_content_take(struct receive_session *session, struct str data);
void receive_content_end(struct receive_session *session);

/* ---- present --------------------------------------------------------------------------------
 */

/* For tls_accept(); the context is a session. */
const char *receive_present_choose(void *session, const char *certificate);
/* The handshake has failed: if that was for our certificate, it is remembered, here and by all. */
void receive_present_failed(struct receive_session *session, const char *reason);
/* The client does not accept what it was shown in this session, which gets REASON. */
void receive_present_refused(
	struct receive_session *session, const struct receipt *shown, const char *reason);
/* Who the client is taken for when a version is chosen; its memory and moment are filled in. */
struct cert_party receive_present_party(
	struct receive_session *session, struct arena *arena, bool *ret_is_proven);
/* Whom what it does is remembered of: a connector only where the client is proven to be its. */
struct cert_party receive_present_partner(struct receive_session *session, struct arena *arena);
/* Mail from the session's client belongs to the connector of INBOUND, or to none. */
void receive_present_attributed(
	struct receive_session *session, const struct policy_inbound *inbound);
/* The spool has heard of a refusal. */
void receive_present_learn(struct receive *receive, const struct wire_refused *refused);
/* The settings are new: what was refused may be over. */
void receive_present_forget(struct receive *receive);
void receive_present_free(struct receive *receive);

/* ---- leaving --------------------------------------------------------------------------------
 */

/* The client says MAIL. */
void receive_leaving_tries(struct receive_session *session);
/* A recipient of its was taken. */
void receive_leaving_sent(struct receive_session *session);
/* The session ends for that reason. */
void receive_leaving_ends(struct receive_session *session, const char *why);
/* Another receiving process has seen one. */
void receive_leaving_learn(struct receive *receive, const struct wire_left *left);

/* ---- facts ---------------------------------------------------------------------------------- */

/* Facts for policy under the current snapshot. */
const struct policy_peer *receive_facts(struct receive_session *session);
/* They are complete: nothing is awaited of lookup. */
bool receive_facts_are_known(const struct receive_session *session);
/* A receipt of this hop; lives in ARENA or as long as the facts. */
void receive_facts_receipt(struct receive_session *session, const struct policy_inbound *inbound,
	struct arena *arena, struct receipt *ret);

/* ---- chain ---------------------------------------------------------------------------------- */

/* Tell the spool what the client has presented, if it does not know.  Facts have been stated. */
void receive_chain_tell(struct receive_session *session, const struct policy_inbound *inbound);

/* ---- standing ------------------------------------------------------------------------------- */

/* Is the client's chain revoked, as one profile asks? */
struct receive_standing {
	struct receive_session *session;
	struct policy_trust *trust; /* gets the verdict */
	bool is_required;	    /* by its profile, which may be gone by then */
	struct tls_open open;
	struct receive_standing *as;	   /* the same chain was asked for another profile; NULL */
	struct inquiry_question *question; /* NULL: answered, or not asked */
	const char *words;		   /* for the receipt; NULL: not looked at */
};

/* Ask about what OPEN leaves open; STANDING is one of session.standings, TRUST of its facts. */
void receive_standing_ask(struct receive_session *session, struct receive_standing *standing,
	struct policy_trust *trust, const struct tls_open *open);
/* Nothing more is awaited. */
void receive_standing_forget(struct receive_session *session);
/* A (new) channel to lookup. */
void receive_standing_peer(struct receive *receive, int fd);

/* ---- staples -------------------------------------------------------------------------------- */

/* From now on for the certificates of these settings; what is known of them is not lost. */
void receive_staple_begin(struct receive *receive, const struct runtime_settings *settings);
/* Lookup is there: ask for all. */
void receive_staple_ask(struct receive *receive);
void receive_staple_forget(struct receive *receive);

/* ---- the spool ------------------------------------------------------------------------------ */

/* A (new) channel. */
void receive_spool_peer(struct receive *receive, int fd);
void receive_spool_free(struct receive *receive);
int64_t receive_spool_next_id(struct receive *receive);

#endif
