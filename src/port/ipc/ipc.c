/*
 * Both directions are plain buffers.  What is sent is only appended, and written when the loop
 * comes round: all messages of one turn leave in one write.  A sender that never holds back is cut
 * off at MAX_BACKLOG.
 */
#include "port/ipc/ipc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, MAX_BACKLOG = 256 * 1024 * 1024 };

/* All channels of a process live on its one loop. */
static size_t backlog_all;

struct ipc {
	int fd;
	const struct ipc_handlers *handlers;
	void *context;
	struct event *readable, *writable;
	struct event *ending; /* tells closed() from the loop when sending found the end */
	struct buf in, out;
	struct arena *arena; /* of the message being handled */
	bool is_high;	     /* above IPC_HIGH since, drained() is owed */
	bool is_dead;	     /* nothing more is read or written */
	bool in_handler;
	bool is_freed; /* ipc_free() was called from a handler */
};

static void release(struct ipc *ipc)
{
	event_free(ipc->readable);
	event_free(ipc->writable);
	event_free(ipc->ending);
	if (ipc->fd >= 0)
		close(ipc->fd);
	backlog_all -= buf_length(&ipc->out);
	buf_free(&ipc->in);
	buf_free(&ipc->out);
	arena_free(&ipc->arena);
	free(ipc);
}

/* Stop; the handler is told from the loop. */
static void die(struct ipc *ipc)
{
	if (ipc->is_dead)
		return;
	ipc->is_dead = true;
	event_del(ipc->readable);
	event_del(ipc->writable);
	backlog_all -= buf_length(&ipc->out);
	buf_clear(&ipc->out);
	event_active(ipc->ending, EV_TIMEOUT, 0);
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
	struct ipc *ipc = context;

	(void)fd;
	(void)what;
	close(ipc->fd);
	ipc->fd = -1;
	ipc->in_handler = true;
	ipc->handlers->closed(ipc->context, ipc);
	ipc->in_handler = false;
	if (ipc->is_freed)
		release(ipc);
}

/* Hand over one frame; false when the channel must end. */
static bool handle(struct ipc *ipc, enum wire_type type, struct str payload)
{
	const struct record_desc *desc = wire_types[type].desc;
	void *record = arena_alloc(ipc->arena, desc->size);
	bool fine = record_decode(desc, payload, ipc->arena, record) == ERR_OK;

	if (fine) {
		ipc->in_handler = true;
		ipc->handlers->message(ipc->context, ipc, type, record);
		ipc->in_handler = false;
	}
	arena_clear(ipc->arena);
	return fine;
}

static void take_frames(struct ipc *ipc)
{
	while (!ipc->is_freed) {
		enum wire_type type;
		struct str payload;
		size_t size;
		enum err e = wire_peek(buf_str(&ipc->in), &type, &payload, &size);

		if (e == ERR_AGAIN)
			return;
		if (e != ERR_OK || !handle(ipc, type, payload)) {
			die(ipc);
			return;
		}
		buf_take(&ipc->in, size);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct ipc *ipc = context;
	char *room = buf_reserve(&ipc->in, READ_SIZE);
	ssize_t n = read(fd, room, READ_SIZE);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		die(ipc);
		return;
	}
	buf_added(&ipc->in, (size_t)n);
	take_frames(ipc);
	if (ipc->is_freed)
		release(ipc);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct ipc *ipc = context;
	struct str out = buf_str(&ipc->out);
	ssize_t n = send(fd, out.p, out.n, MSG_NOSIGNAL);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		die(ipc);
		return;
	}
	buf_take(&ipc->out, (size_t)n);
	backlog_all -= (size_t)n;
	if (buf_length(&ipc->out) == 0)
		event_del(ipc->writable);
	if (!ipc->is_high || buf_length(&ipc->out) >= IPC_LOW)
		return;
	ipc->is_high = false;
	if (ipc->handlers->drained != NULL) {
		ipc->in_handler = true;
		ipc->handlers->drained(ipc->context, ipc);
		ipc->in_handler = false;
		if (ipc->is_freed)
			release(ipc);
	}
}

struct ipc *ipc_new(
	struct event_base *base, int fd, const struct ipc_handlers *handlers, void *context)
{
	struct ipc *ipc = mem_new(sizeof(*ipc));

	evutil_make_socket_nonblocking(fd);
	ipc->fd = fd;
	ipc->handlers = handlers;
	ipc->context = context;
	ipc->arena = arena_new();
	buf_init(&ipc->in, WIRE_HEADER + WIRE_MAX_PAYLOAD + READ_SIZE);
	buf_init(&ipc->out, MAX_BACKLOG);
	ipc->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ipc);
	ipc->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, ipc);
	ipc->ending = event_new(base, -1, 0, on_ending, ipc);
	if (ipc->readable == NULL || ipc->writable == NULL || ipc->ending == NULL)
		abort(); /* out of memory */
	event_add(ipc->readable, NULL);
	return ipc;
}

void ipc_free(struct ipc **ipc)
{
	struct ipc *gone = *ipc;

	if (gone == NULL)
		return;
	*ipc = NULL;
	gone->is_freed = true;
	event_del(gone->readable);
	event_del(gone->writable);
	event_del(gone->ending);
	if (!gone->in_handler)
		release(gone);
}

bool ipc_send(struct ipc *ipc, enum wire_type type, const void *record)
{
	size_t before = buf_length(&ipc->out);

	if (ipc->is_dead || ipc->is_freed)
		return true;
	if (wire_put(&ipc->out, type, record) != ERR_OK) {
		die(ipc);
		return true;
	}
	backlog_all += buf_length(&ipc->out) - before;
	event_add(ipc->writable, NULL);
	if (buf_length(&ipc->out) > IPC_HIGH)
		ipc->is_high = true;
	return buf_length(&ipc->out) <= IPC_HIGH;
}

size_t ipc_backlog(const struct ipc *ipc)
{
	return buf_length(&ipc->out);
}

size_t ipc_backlog_all(void)
{
	return backlog_all;
}
