/*
 * A channel between two processes: frames (core/wire) over a stream socket, on a libevent loop.
 * Sending never blocks and never fails visibly: when the other process has gone, messages are
 * dropped and closed() is called once, from the loop.
 */
#ifndef SEALPOST_PORT_IPC_IPC_H
#define SEALPOST_PORT_IPC_IPC_H

#include "base/mem.h"
#include "core/wire/wire.h"

#include <event2/event.h>

struct ipc;

struct ipc_handlers {
	/* RECORD is the decoded struct of that type; it and all it points to live until this call
	 * returns. The handler may send, and may call ipc_free() on this channel. */
	void (*message)(void *context, struct ipc *ipc, enum wire_type type, const void *record);
	/* The other process has gone, or sent what cannot be read. Free the channel here or later.
	 */
	void (*closed)(void *context, struct ipc *ipc);
	/* What waits to be written has fallen below IPC_LOW after it was above IPC_HIGH; may be
	 * NULL. */
	void (*drained)(void *context, struct ipc *ipc);
};

enum { IPC_HIGH = 4 * 1024 * 1024, IPC_LOW = 1024 * 1024 };

/* Takes FD, makes it non-blocking.  HANDLERS must outlive the channel. */
struct ipc *ipc_new(struct event_base *base, int fd, const struct ipc_handlers *handlers,
	void *context) MUST_USE;
void ipc_free(struct ipc **ipc);

/* Queue a message.  Returns false once more than IPC_HIGH bytes wait: the caller should then hold
 * back until drained(); the message is queued all the same. */
bool ipc_send(struct ipc *ipc, enum wire_type type, const void *record);
/* Bytes that wait to be written. */
size_t ipc_backlog(const struct ipc *ipc);
/* The same over all channels of this process. */
size_t ipc_backlog_all(void);

#endif
