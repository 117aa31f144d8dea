/*
 * What the files of the web process share.
 *
 *   web.c      the process: settings, certificate, drain, counters
 *   accept.c   connections in, as many as the limits allow
 *   session.c  one connection from its handshake to its end
 *   relay.c    bytes both ways
 *   staple.c   OCSP responses that are sent along
 *
 * A session goes through
 *
 *     HANDSHAKE --TLS is up--> CONNECTING --> INTRODUCING --204--> RELAYING --> LINGERING --> freed
 *
 * and is freed from any of them when its time is over or something fails.  CONNECTING lasts where
 * admin's queue of connections is full.  LINGERING reads what the client still sends and throws it
 * away: a reset would take the last answer from it (RFC 9112 9.6).
 */
#ifndef SEALPOST_PROCESS_WEB_INTERNAL_H
#define SEALPOST_PROCESS_WEB_INTERNAL_H

#include "base/buf.h"
#include "port/inquiry/stapling.h"
#include "port/tls/tls.h"
#include "process/web/web.h"

#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum {
	WEB_SESSIONS_MAX = 500,
	WEB_PER_ADDRESS_MAX = 50, /* of them from one IPv4 address or IPv6 /64 */
	WEB_HANDSHAKE_MS = 10 * 1000,
	WEB_INTRODUCTION_MS = 40 * 1000, /* admin may just be on its way back */
	WEB_IDLE_MS = 10 * 60 * 1000,
	WEB_LINGER_MS = 2 * 1000,
	WEB_DRAIN_MS = 8 * 1000,  /* then what is still under way is cut off */
	WEB_QUIET_MS = 2 * 1000,  /* an answer that has paused so long has ended, for a drain */
	WEB_BUFFER = 32 * 1024,	  /* in each direction */
	WEB_ANSWER_MAX = 4 * 1024 /* to the introduction */
};

enum web_phase { WEB_HANDSHAKE, WEB_CONNECTING, WEB_INTRODUCING, WEB_RELAYING, WEB_LINGERING };

struct web;

struct web_session {
	struct web *web;
	TAILQ_ENTRY(web_session) links; /* in web.sessions */
	enum web_phase phase;
	struct sockaddr_in6 peer; /* port 0; IPv4 as ::ffff:a.b.c.d */
	char address[INET6_ADDRSTRLEN];
	int fd, admin_fd; /* -1: none */
	struct tls_session *tls;
	struct event *timer;
	struct event *linger;			       /* what the client still sends; NULL */
	struct event *admin_readable, *admin_writable; /* NULL without admin_fd */
	struct buf to_admin, to_client;
	bool client_ended; /* it sends nothing more */
	bool admin_ended;
	bool admin_is_deaf;  /* takes nothing more: what the client sends is thrown away */
	bool is_half_closed; /* admin was told that the client has ended */
	bool awaits_answer;  /* the last bytes came from the client */
	bool is_running;
	int64_t began, active; /* ticks */
};

struct web {
	struct runtime *runtime; /* NULL in tests */
	struct event_base *base;
	void (*drained)(struct web *web);
	char *socket; /* path of web.sock */
	struct tls_signer *signer;
	struct tls_context *tls; /* NULL: there is nothing to present, or nobody to present it to */
	struct ipc *lookup;	 /* NULL: away */
	struct inquiry *inquiry;
	struct tls_staples *staples;
	struct inquiry_stapling *stapling;
	struct event *accept; /* NULL: does not listen */
	struct event *again;  /* after running out of descriptors */
	struct event *draining;
	int64_t drain_since;		    /* ticks */
	TAILQ_HEAD(, web_session) sessions; /* quiet for longest first */
	size_t session_count;
	bool is_started, is_draining;
	char scratch[WEB_BUFFER];
	/* counters */
	int64_t connections, handshakes, failures, over_limit, timeouts;
};

/* As web_process.create, but on any loop; for tests. */
struct web *web_new(struct event_base *base) MUST_USE;

/* ---- accept.c ------------------------------------------------------------------------------- */

/* Accept on FD (taken) from now on, and on no other; -1: on none. */
void web_listen(struct web *web, int fd);
void web_accept_free(struct web *web);

/* ---- session.c ------------------------------------------------------------------------------ */

/* FD is taken; FROM is who is there. */
void web_session_new(struct web *web, int fd, const struct sockaddr *from);
/* Bytes have moved. */
void web_session_touch(struct web_session *session);
/* The client has everything: close its connection as it should be. */
void web_session_finish(struct web_session *session);
/* Close and free; WHY for the log. */
void web_session_end(struct web_session *session, const char *why);
/* Nothing is under way, as far as can be seen without knowing HTTP. */
bool web_session_is_idle(const struct web_session *session);

/* ---- relay.c -------------------------------------------------------------------------------- */

/* Move what can be moved, and watch for what can be moved later.  May free SESSION. */
void web_relay_run(struct web_session *session);
/* Read admin's answer to the introduction; go on behind it.  May free SESSION. */
void web_relay_introduced(struct web_session *session);

/* ---- staple.c ------------------------------------------------------------------------------- */

void web_staple_new(struct web *web), web_staple_free(struct web *web);
/* Ask for the certificates of these settings. */
void web_staple_begin(struct web *web, const struct runtime_settings *settings);
/* A (new) channel to lookup, which is taken. */
void web_staple_peer(struct web *web, int fd);

#endif
