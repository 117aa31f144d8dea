/*
 * Server and client in one loop, over socket pairs, with a keys process that is played by the test
 * itself and can be slow, mute, or gone.
 */
#ifndef SEALPOST_PORT_TLS_TEST_ENDS_H
#define SEALPOST_PORT_TLS_TEST_ENDS_H

#include "port/tls/context.h"
#include "port/tls/test_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

enum { TEST_DEADLINE_S = 60 };

enum keys_mode { KEYS_ANSWER, KEYS_REFUSE, KEYS_MUTE, KEYS_DIE, KEYS_GARBAGE };

struct test_keys {
	enum keys_mode mode;
	struct tls_signer *signer;
	struct ipc *ipc;
	unsigned asked;
};

struct end {
	struct tls_session *session;
	int fd;
	bool up, failed, closed;
	enum tls_failure_kind failure;
	char words[200];
	char got[65536];
	size_t got_count;
	const char *to_send;
	size_t left;
};

struct pair {
	struct end server, client;
};

extern struct event_base *base;
extern struct test_keys keys;
/* root signed intermediate, which signed all others but self_signed. */
extern struct test_cert root, intermediate;
extern struct test_cert *ec, *rsa, *wild, *client, *expired, *self_signed, *weak, *server_only,
	*ec384, *ec521, *rsa4096;

/* A new channel to the keys process. */
void start_keys(void);

void open_sockets(struct pair *pair);
void open_pair(struct pair *pair, struct tls_context *server, struct tls_context *client_tls,
	const struct tls_client_options *options);
void on_event(void *context, enum tls_event event);
void close_end(struct end *end);
void close_pair(struct pair *pair);
bool is_settled(const struct pair *pair);
void exchange(struct pair *pair);
void goodbye(struct pair *pair);
void run_once(void);

/* Run the loop until CONDITION, at most TEST_DEADLINE_S. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		time_t give_up = time(NULL) + TEST_DEADLINE_S;                                     \
		while (!(condition)) {                                                             \
			if (time(NULL) > give_up)                                                  \
				fail_msg("waited in vain for %s", #condition);                     \
			run_once();                                                                \
		}                                                                                  \
	} while (0)

struct tls_context *make_server(const struct tls_identity_source *identities, size_t count);
struct tls_context *make_client(const struct tls_identity_source *identities, size_t count);
struct tls_context *simple_server(void);

int setup_all(void **state);
int teardown_all(void **state);
int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
