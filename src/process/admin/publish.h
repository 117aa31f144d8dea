/*
 * Inside process/admin: the socket that is open to everybody (publish.listen in the node file).
 *
 * HTTP without TLS: this process holds no keys, and what is published is no secret.  One GET or
 * HEAD a connection, of fixed paths only; nothing of the management API is there, and nothing that
 * comes changes anything.  Limits are below; when there are too many connections the oldest one is
 * closed, so that who holds many keeps nobody out.
 *
 *     READING --whole head, or a bad one--> WRITING --all has left--> LINGERING --> closed
 *        +--------> LATER --page is made-------^
 *
 * LINGERING reads what the client still sends and throws it away: a reset would take the answer
 * from it (RFC 9112 9.6).
 */
#ifndef SEALPOST_PROCESS_ADMIN_PUBLISH_H
#define SEALPOST_PROCESS_ADMIN_PUBLISH_H

#include "base/buf.h"
#include "base/compiler.h"

#include <event2/event.h>

enum {
	ADMIN_PUBLISH_MAX = 256,     /* connections at once */
	ADMIN_PUBLISH_PER_PEER = 16, /* of them from one IPv4 address or IPv6 /64 */
	ADMIN_PUBLISH_READ_S = 10,   /* for the head of a request */
	ADMIN_PUBLISH_WRITE_S = 30,  /* for the answer to leave */
	ADMIN_PUBLISH_LATER_S = 10,  /* for a page to be made */
	ADMIN_PUBLISH_LINGER_S = 2,
	ADMIN_PAGE_MAX = 4 * 1024 * 1024,
};

/* What stands at a path.  Shared by the connections that it is being sent to. */
struct admin_page {
	size_t holders;
	int status;	   /* 200; 503 */
	const char *type;  /* static: of the content */
	int64_t max_age_s; /* how long others may keep it; 0: not at all */
	struct buf body;
};
/* Empty, with one holder. */
struct admin_page *admin_page_new(const char *type, int64_t max_age_s) MUST_USE;
struct admin_page *admin_page_ref(struct admin_page *page) MUST_USE;
void admin_page_free(struct admin_page **page);

/* The page at PATH, held for the caller; NULL: there is nothing.  *ret_later: it is being made, and
 * admin_publish_again() will be called. */
typedef struct admin_page *admin_page_find(void *context, struct str path, bool *ret_later);

struct admin_publish;
struct admin_publish *admin_publish_new(
	struct event_base *base, admin_page_find *find, void *context) MUST_USE;
/* Serve on FD from now on (taken; it listens and does not block), and on no other; -1: on none.
 * Connections that are there go on. */
void admin_publish_listen(struct admin_publish *publish, int fd);
/* What was to come later may be there. */
void admin_publish_again(struct admin_publish *publish);
void admin_publish_free(struct admin_publish **publish);

/* For the counters of the process. */
int64_t admin_publish_served(const struct admin_publish *publish);
size_t admin_publish_count(const struct admin_publish *publish);

#endif
