/*
 * What every process but the supervisor is built on: how it is started, gets its settings and its
 * channels, gives up privileges, drains and ends.
 *
 * A child is this same binary, executed anew as `sealpost process ROLE INDEX` with its control
 * channel (a SOCK_SEQPACKET socket to the supervisor) as descriptor 3.  It
 *   1. drops to its own user, sets no-new-privileges, makes itself undumpable;
 *   2. receives settings (node, certificates, roots, listeners or keys as far as its row in the
 *      process table says so);
 *   3. calls apply(), for what must be opened while the file system is still there;
 *   4. enters its landlock and seccomp sandbox, and says ready;
 *   5. receives channels to its peers: peer(); once all of them are ready as well: start();
 *   6. runs its event loop; later settings (reload) lead to apply() again, inside the sandbox.
 *
 * Every path in the node is absolute by then.
 */
#ifndef SEALPOST_PORT_RUNTIME_RUNTIME_H
#define SEALPOST_PORT_RUNTIME_RUNTIME_H

#include "core/cert/life.h"
#include "core/model/model.h"
#include "port/ipc/ipc.h"
#include "port/runtime/table.h"

#include <event2/event.h>

struct runtime;

/* A certificate as handed out: never with its private key. */
struct runtime_certificate {
	const char *name;
	const char *version; /* NULL: it stands in the node file, and has none */
	int state;	     /* enum cert_state; never retired */
	const char *key_uri; /* keys process only: "pkcs11:..."; NULL: see key_fd */
	struct str chain;    /* PEM, leaf first */
	int key_fd; /* keys process only: open for reading, at offset 0; else -1.  Closed by
		       the runtime after apply() */
};

struct runtime_listener {
	const struct model_listener *model; /* into settings.node */
	int fd; /* listening, non-blocking; shared with sister processes */
};

/* Lives until the next apply() has returned; copy what is needed longer.  Listener fds are new with
 * every apply and belong to the process (close them, or keep them). */
struct runtime_settings {
	const struct model_node *node;
	const struct runtime_certificate *certificates;
	size_t certificate_count;
	const struct cert_life *lives; /* of the certificates that have versions; those who get
					  certificates */
	size_t life_count;
	const struct runtime_listener *listeners; /* receive only */
	size_t listener_count;
	struct str roots;	      /* PEM of the system's trust store; receive, deliver */
	struct str webhook_secret;    /* spool: node.alerts.webhook_secret's content; empty: none */
	unsigned char ticket_key[80]; /* for SSL_CTX_set_tlsext_ticket_keys(); receive, web */
	/* Those of the process's row, open for reading, -1: there is none.  Read them from offset
	 * 0 by pread(); closed by the runtime after apply(). */
	int secret_fds[RUNTIME_SECRET_MAX];
	int address_table_fd; /* receive: for runtime_addresses_open(); else -1.  The same table
				 every time, closed by the runtime after apply() */
	int door_fds[RUNTIME_DOOR_MAX]; /* listening sockets by the process's row; -1: none.  As
					   with listeners, new with every apply, and they belong to
					   the process */
	int socket_fd, web_socket_fd;	/* admin: the listening sockets admin.sock and web.sock,
					   belong to the process; -1 at later calls */
};

/* All but create, apply and destroy may be NULL. */
struct runtime_process {
	enum runtime_role role;
	/* Build the process's state. */
	void *(*create)(struct runtime *runtime);
	/* New settings. Threads must not run before the first call has returned: the sandbox of
	 * files covers only those that are started in it.  An error at the first call ends the
	 * process with that message; later, the old settings stay in force and the message is
	 * logged by the supervisor. */
	enum err (*apply)(
		void *self, const struct runtime_settings *settings, struct err_info *info);
	/* A channel to another process was made, at start or after that process was restarted; take
	 * ownership of FD. An older channel to the same (role, index) is dead. */
	void (*peer)(void *self, enum runtime_role role, unsigned index, int fd);
	/* Everything for the first time is there: begin to work. */
	void (*start)(void *self);
	/* Take no new work; call runtime_drained() when what is under way has ended: the process
	 * then ends, after everything it sent over its channels has left.  The supervisor waits
	 * RUNTIME_DRAIN_MS, then kills it.  The order is receive, deliver, spool, the rest: who
	 * feeds the spool has ended before the spool is asked.  */
	void (*drain)(void *self);
	/* Counters for `sealpost status`; new reference. */
	json_t *(*stats)(void *self);
	/* Admin only: answer of the supervisor to runtime_ask(). */
	void (*answer)(void *self, int64_t tag, const json_t *answer);
	void (*destroy)(void *self);
};

/* main() of a child; returns its exit status.  argv as executed. */
int runtime_main(const struct runtime_process *process, int argc, char **argv);

struct event_base *runtime_base(const struct runtime *runtime);
unsigned runtime_index(const struct runtime *runtime);
/* Wall clock, ms since 1970; and a clock that never goes back, for intervals. */
int64_t runtime_now_ms(void);
int64_t runtime_ticks_ms(void);
void runtime_drained(struct runtime *runtime);
/* A fault that only a restart can mend (fsync failed, ...): log, and end with failure. */
void runtime_fail(struct runtime *runtime, const char *event, const char *reason) NO_RETURN;
/* Admin only: ask the supervisor; {"verb": "status" | "reload" | "rollover" | "drain", ...}. */
void runtime_ask(struct runtime *runtime, int64_t tag, const json_t *question);

enum { RUNTIME_DRAIN_MS = 30000 };

/* What this process uses: {"cpu_us", "fds"}; new reference. */
json_t *runtime_resources(void) MUST_USE;
/* Bytes of memory that process PID has in use; 0: not known. */
int64_t runtime_memory_of(int64_t pid);

#endif
