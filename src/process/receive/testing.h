/* What surrounds the receiving process in its tests: a spool, a keys process, and a client. */
#ifndef SEALPOST_PROCESS_RECEIVE_TESTING_H
#define SEALPOST_PROCESS_RECEIVE_TESTING_H

#include "port/tls/test_certs.h"
#include "process/receive/internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TESTING_PATIENCE_MS = 10000, TESTING_MAX_BODY = 4 * 1024 * 1024 };

extern struct event_base *base;

/* The spool. */
extern struct testing_spool {
	struct ipc *ipc;
	struct arena *arena;
	bool holds_credit;  /* gives none back */
	bool holds_verdict; /* leaves commits unanswered */
	enum err verdict;
	struct buf body;
	int64_t body_id, aborted, unpaid;
	size_t messages, events;
	struct wire_message last; /* in the arena */
	struct wire_event event;
	size_t chains;
	struct wire_chain chain;
} spool;

/* The keys process, ours and the client's. */
extern struct testing_keys {
	struct ipc *ipc;
	struct test_cert root, server, client;
	char *server_chain, *client_chain;
	struct tls_signer *signer; /* of the client */
	struct ipc *client_ipc;
} keys;

/* The process under test. */
extern struct testing_rig {
	struct receive *receive;
	struct arena *arena;
	struct model_node node;
	struct model_listener listeners[2];
	int port, proxy_port;
	bool drained;
} rig;

/* The client. */
extern struct testing_client {
	int fd;
	struct tls_context *context;
	struct tls_session *tls;
	bool is_up, is_closed;
	struct buf got;
} client;

void send_config(int64_t generation, const char *trust);
/* A configuration in YAML; $ROOT stands for the root's certificate as a quoted scalar.  Waits until
 * it is taken. */
void send_yaml(int64_t generation, const char *yaml);
void connect_spool(void *receive);
void make_keys(void);
void apply(void);
void wait_for(bool (*condition)(void));
int set_up(void **state);
int tear_down(void **state);
void come(int port);
void leave(void);
void turn(void);
void say(const char *text);
void expect(const char *prefix);
void expect_end(void);
void dialog(const char *const *lines, size_t count);
void start_tls(void);
void free_keys(void);

/* What the client says and what must come, in turn; NULL: nothing is said. */
#define DIALOG(...)                                                                                \
	dialog((const char *const[]){__VA_ARGS__},                                                 \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#endif
