/*
 * Internal to the supervisor and port/runtime: the control channel, a SOCK_SEQPACKET socket pair.
 * One packet is one message; descriptors travel beside it.  Sending never blocks: what does not
 * fit into the socket waits here.  Data too large for a packet goes as a sealed memory file, which
 * the receiver reads for its handler.
 */
#ifndef SEALPOST_PORT_RUNTIME_CONTROL_H
#define SEALPOST_PORT_RUNTIME_CONTROL_H

#include "core/cert/life.h"
#include "port/runtime/table.h"

#include <event2/event.h>

enum runtime_control_type {
	/* to a process, in this order; SETTINGS to APPLY again at every reload */
	RUNTIME_CONTROL_HELLO,	     /* data: struct runtime_control_hello */
	RUNTIME_CONTROL_NODE,	     /* data: struct model_node; begins a set of settings */
	RUNTIME_CONTROL_ROOTS,	     /* data: PEM */
	RUNTIME_CONTROL_CERTIFICATE, /* data: struct runtime_control_certificate; fd: key, or none
				      */
	RUNTIME_CONTROL_LIFE,	     /* data: struct cert_life */
	RUNTIME_CONTROL_SECRET_FILE, /* tag: enum runtime_secret; fd */
	RUNTIME_CONTROL_LISTENER,    /* tag: index in the node's list; fd */
	RUNTIME_CONTROL_TICKET_KEY,  /* data: 80 bytes */
	RUNTIME_CONTROL_ADDRESSES,   /* fd */
	RUNTIME_CONTROL_SOCKET,	     /* tag: 0: admin.sock, 1: web.sock; fd */
	RUNTIME_CONTROL_DOOR,	     /* tag: enum runtime_door; fd */
	RUNTIME_CONTROL_SECRET,	     /* data: key of the webhook */
	RUNTIME_CONTROL_APPLY,	     /* tag: number of the settings */
	RUNTIME_CONTROL_PEER,	     /* role, index; fd */
	RUNTIME_CONTROL_START,
	RUNTIME_CONTROL_STATS, /* tag */
	RUNTIME_CONTROL_DRAIN,
	RUNTIME_CONTROL_ANSWER, /* tag, data: JSON */
	/* from a process */
	RUNTIME_CONTROL_APPLIED,    /* tag; error, data: why not.  The first one also means: in the
				       sandbox */
	RUNTIME_CONTROL_STATISTICS, /* tag, data: JSON */
	RUNTIME_CONTROL_ASK,	    /* tag, data: JSON */
	RUNTIME_CONTROL_TYPE_MAX,
};

struct runtime_control_hello {
	bool change_user; /* else stay who we are */
	bool drop_only;	  /* stay root, without capabilities */
	int64_t uid, gid;
	int64_t log_format, log_level;
};
extern const struct record_desc runtime_control_hello_desc;

struct runtime_control_certificate {
	const char *name;
	const char *version; /* NULL: it has none */
	int state;	     /* enum cert_state */
	const char *key_uri; /* keys only; NULL: the key is a file */
	struct str chain;
};
extern const struct record_desc runtime_control_certificate_desc;

struct runtime_control_message {
	enum runtime_control_type type;
	enum runtime_role role;
	unsigned index;
	int64_t tag;
	enum err error;
	struct str data;
	int fd; /* -1: none */
};

struct runtime_control;

struct runtime_control_handlers {
	/* The handler takes a descriptor by setting message->fd to -1; else it is closed.  It may
	 * call runtime_control_free(). */
	void (*message)(void *context, struct runtime_control_message *message);
	/* The other end is gone, or sent what cannot be read.  Called once, from the loop. */
	void (*closed)(void *context);
};

struct runtime_control *runtime_control_new(struct event_base *base, int fd,
	const struct runtime_control_handlers *handlers, void *context) MUST_USE;
void runtime_control_free(struct runtime_control **control);
/* MESSAGE and its descriptor stay the caller's. */
void runtime_control_send(
	struct runtime_control *control, const struct runtime_control_message *message);

#endif
