/*
 * A packet: type, role, index, error, whether a memory file carries the data (4 bytes each), tag (8
 * bytes), then the data.  With a memory file its descriptor comes first, then the message's own.
 */
#include "port/runtime/control.h"

#include "base/wirebytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HEADER = 28,
	MAX_INLINE = 48 * 1024,
	MAX_DATA = 256 * 1024 * 1024,
	MAX_WAITING = 100000,
	MAX_FDS = 2,
};

static const struct record_field hello_fields[] = {
	{.name = "change_user",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct runtime_control_hello, change_user)},
	{.name = "drop_only",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct runtime_control_hello, drop_only)},
	{.name = "uid", .kind = RECORD_INT, .offset = offsetof(struct runtime_control_hello, uid)},
	{.name = "gid", .kind = RECORD_INT, .offset = offsetof(struct runtime_control_hello, gid)},
	{.name = "log_format",
		.kind = RECORD_INT,
		.offset = offsetof(struct runtime_control_hello, log_format)},
	{.name = "log_level",
		.kind = RECORD_INT,
		.offset = offsetof(struct runtime_control_hello, log_level)},
};
const struct record_desc runtime_control_hello_desc = {.name = "hello",
	.size = sizeof(struct runtime_control_hello),
	.fields = hello_fields,
	.count = ARRAY_LENGTH(hello_fields)};

static const struct record_field certificate_fields[] = {
	{.name = "name",
		.kind = RECORD_TEXT,
		.offset = offsetof(struct runtime_control_certificate, name)},
	{.name = "version",
		.kind = RECORD_TEXT,
		.offset = offsetof(struct runtime_control_certificate, version)},
	{.name = "state",
		.kind = RECORD_ENUM,
		.names = cert_state_names,
		.offset = offsetof(struct runtime_control_certificate, state)},
	{.name = "key_uri",
		.kind = RECORD_TEXT,
		.offset = offsetof(struct runtime_control_certificate, key_uri)},
	{.name = "chain",
		.kind = RECORD_BYTES,
		.offset = offsetof(struct runtime_control_certificate, chain)},
};
const struct record_desc runtime_control_certificate_desc = {.name = "certificate",
	.size = sizeof(struct runtime_control_certificate),
	.fields = certificate_fields,
	.count = ARRAY_LENGTH(certificate_fields)};

struct packet {
	struct packet *next;
	int fds[MAX_FDS]; /* own copies */
	size_t fd_count;
	size_t length;
	char bytes[];
};

struct runtime_control {
	int fd;
	const struct runtime_control_handlers *handlers;
	void *context;
	struct event *readable, *writable, *ending;
	struct packet *first, **end; /* waiting */
	size_t waiting;
	char *room; /* for one packet */
	bool is_dead, in_handler, is_freed;
};

static void packet_free(struct packet *p)
{
	for (size_t i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
	free(p);
}

static void release(struct runtime_control *c)
{
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->ending);
	while (c->first != NULL) {
		struct packet *gone = c->first;

		c->first = gone->next;
		packet_free(gone);
	}
	close(c->fd);
	free(c->room);
	free(c);
}

static void die(struct runtime_control *c)
{
	if (c->is_dead)
		return;
	c->is_dead = true;
	event_del(c->readable);
	event_del(c->writable);
	event_active(c->ending, EV_TIMEOUT, 0);
}

static void on_ending(evutil_socket_t fd, short what, void *context)
{
	struct runtime_control *c = context;

	(void)fd;
	(void)what;
	c->in_handler = true;
	c->handlers->closed(c->context);
	c->in_handler = false;
	if (c->is_freed)
		release(c);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* A sealed memory file with DATA; -1 on failure. */
static int memory_file(struct str data)
{
	int fd = memfd_create("sealpost-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	for (size_t done = 0; done < data.n;) {
		ssize_t n = write(fd, data.p + done, data.n - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	return fd;
}

static struct packet *packet_new(const struct runtime_control_message *m)
{
	bool is_large = m->data.n > MAX_INLINE;
	struct packet *p;
	struct buf b;

	buf_init(&b, HEADER + MAX_INLINE);
	wirebytes_put_u32(&b, (uint32_t)m->type);
	wirebytes_put_u32(&b, (uint32_t)m->role);
	wirebytes_put_u32(&b, m->index);
	wirebytes_put_u32(&b, (uint32_t)m->error);
	wirebytes_put_u32(&b, is_large ? 1 : 0);
	wirebytes_put_u64(&b, (uint64_t)m->tag);
	if (!is_large)
		buf_put(&b, m->data);
	p = mem_new(sizeof(*p) + buf_length(&b));
	p->length = buf_length(&b);
	memcpy(p->bytes, buf_str(&b).p, p->length);
	buf_free(&b);
	if (is_large)
		p->fds[p->fd_count++] = memory_file(m->data);
	if (m->fd >= 0)
		p->fds[p->fd_count++] = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);
	for (size_t i = 0; i < p->fd_count; i++) {
		if (p->fds[i] < 0) { /* out of descriptors, or not allowed any */
			packet_free(p);
			return NULL;
		}
	}
	return p;
}

static enum err packet_send(int fd, struct packet *p)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	} extra = {.room = {0}};
	struct iovec part = {p->bytes, p->length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (p->fd_count > 0) {
		message.msg_control = extra.room;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * p->fd_count);
		extra.head.cmsg_level = SOL_SOCKET;
		extra.head.cmsg_type = SCM_RIGHTS;
		extra.head.cmsg_len = CMSG_LEN(sizeof(int) * p->fd_count);
		memcpy(CMSG_DATA(&extra.head), p->fds, sizeof(int) * p->fd_count);
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return ERR_OK;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? ERR_AGAIN : ERR_GONE;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct runtime_control *c = context;

	(void)what;
	while (c->first != NULL) {
		struct packet *p = c->first;
		enum err e = packet_send(fd, p);

		if (e == ERR_AGAIN)
			return;
		if (e != ERR_OK) {
			die(c);
			return;
		}
		c->first = p->next;
		c->waiting--;
		packet_free(p);
	}
	c->end = &c->first;
	event_del(c->writable);
}

void runtime_control_send(struct runtime_control *c, const struct runtime_control_message *message)
{
	struct packet *p;
	enum err e = ERR_AGAIN;

	if (c->is_dead || c->is_freed)
		return;
	p = packet_new(message);
	if (p != NULL && c->first == NULL)
		e = packet_send(c->fd, p);
	if (p != NULL && e == ERR_AGAIN && c->waiting < MAX_WAITING) {
		*c->end = p;
		c->end = &p->next;
		c->waiting++;
		event_add(c->writable, NULL);
		return;
	}
	if (p != NULL)
		packet_free(p);
	if (e != ERR_OK)
		die(c);
}

/* ---- receiving ------------------------------------------------------------------------------ */

struct incoming {
	struct runtime_control_message message;
	int fds[MAX_FDS];
	size_t fd_count;
	bool is_large;
	char *large; /* content of a memory file */
};

static bool take_fds(struct msghdr *m, struct incoming *in)
{
	bool fine = (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (in->fd_count < MAX_FDS)
				in->fds[in->fd_count++] = fd;
			else
				close(fd);
		}
	}
	return fine;
}

static bool parse_header(struct str *rest, struct incoming *in)
{
	struct runtime_control_message *m = &in->message;
	uint32_t type, role, index, error, large;

	if (!wirebytes_get_u32(rest, &type) || !wirebytes_get_u32(rest, &role) ||
		!wirebytes_get_u32(rest, &index) || !wirebytes_get_u32(rest, &error) ||
		!wirebytes_get_u32(rest, &large) || !wirebytes_get_u64(rest, &m->tag))
		return false;
	if (type >= RUNTIME_CONTROL_TYPE_MAX || role >= RUNTIME_ROLE_MAX || error >= ERR_MAX ||
		large > 1)
		return false;
	m->type = (enum runtime_control_type)type;
	m->role = (enum runtime_role)role;
	m->index = index;
	m->error = (enum err)error;
	m->data = *rest;
	in->is_large = large == 1;
	return true;
}

static bool read_large(struct incoming *in)
{
	struct stat st;
	size_t size;

	if (!in->is_large)
		return true;
	if (in->fd_count == 0 || fstat(in->fds[0], &st) < 0 || st.st_size > MAX_DATA)
		return false;
	size = (size_t)st.st_size;
	in->large = mem_new(size + 1);
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(in->fds[0], in->large + done, size - done, (off_t)done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	in->message.data = str_make(in->large, size);
	return true;
}

static void deliver(struct runtime_control *c, struct incoming *in)
{
	size_t own = in->is_large ? 1 : 0;

	in->message.fd = -1;
	if (in->fd_count > own) {
		in->message.fd = in->fds[own];
		in->fds[own] = -1;
	}
	c->in_handler = true;
	c->handlers->message(c->context, &in->message);
	c->in_handler = false;
	if (in->message.fd >= 0)
		close(in->message.fd);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	} extra = {.room = {0}};
	struct runtime_control *c = context;
	struct iovec part = {c->room, HEADER + MAX_INLINE};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = extra.room,
		.msg_controllen = sizeof(extra.room)};
	struct incoming in = {.message.fd = -1};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct str rest = str_make(c->room, n > 0 ? (size_t)n : 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !take_fds(&message, &in) || !parse_header(&rest, &in) || !read_large(&in))
		die(c);
	else
		deliver(c, &in);
	for (size_t i = 0; i < in.fd_count; i++)
		if (in.fds[i] >= 0)
			close(in.fds[i]);
	free(in.large);
	if (c->is_freed)
		release(c);
}

struct runtime_control *runtime_control_new(struct event_base *base, int fd,
	const struct runtime_control_handlers *handlers, void *context)
{
	struct runtime_control *c = mem_new(sizeof(*c));

	evutil_make_socket_nonblocking(fd);
	c->fd = fd;
	c->handlers = handlers;
	c->context = context;
	c->end = &c->first;
	c->room = mem_new(HEADER + MAX_INLINE);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->ending = event_new(base, -1, 0, on_ending, c);
	if (c->readable == NULL || c->writable == NULL || c->ending == NULL)
		abort(); /* out of memory */
	event_add(c->readable, NULL);
	return c;
}

void runtime_control_free(struct runtime_control **control)
{
	struct runtime_control *c = *control;

	if (c == NULL)
		return;
	*control = NULL;
	c->is_freed = true;
	event_del(c->readable);
	event_del(c->writable);
	event_del(c->ending);
	if (!c->in_handler)
		release(c);
}
