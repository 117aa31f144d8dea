/*
 * Safe delivery into a Maildir: a file in tmp/, written and fsynced, renamed into new/, the
 * directory fsynced; only then is the message said to be delivered.  Writing happens on worker
 * threads, so that a slow disk does not hold up the loop.  Lines end in LF in the file, as readers
 * expect.
 */
#ifndef SEALPOST_PROCESS_DELIVER_MAILDIR_H
#define SEALPOST_PROCESS_DELIVER_MAILDIR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <event2/event.h>

struct deliver_maildir;
struct deliver_mailfile;

enum { DELIVER_MAILDIR_THREADS = 4 };

/* Threads are started with the first file, when the process is in its sandbox already. */
struct deliver_maildir *deliver_maildir_new(struct event_base *base, const char *hostname) MUST_USE;
/* Waits for steps under way. */
void deliver_maildir_free(struct deliver_maildir **maildir);

struct deliver_mailfile_options {
	const char *path; /* the Maildir; made if it is not there */
	const char *sender;
	const char *recipient;
	int64_t now_ms;
};

/* A step ended: ERR_OK, or ERROR with words, and the file is gone. */
typedef void deliver_mailfile_done(void *context, enum err error, const char *text);

struct deliver_mailfile *deliver_mailfile_new(struct deliver_maildir *maildir,
	const struct deliver_mailfile_options *options, deliver_mailfile_done *done,
	void *context) MUST_USE;
/* One step: bytes are copied; DONE is called from the loop; no other step before that.  With LAST
 * the file is complete and DONE means delivered. */
void deliver_mailfile_write(struct deliver_mailfile *file, struct str bytes, bool last);
/* Give it up; DONE is not called any more.  A last step under way is finished all the same. */
void deliver_mailfile_free(struct deliver_mailfile **file);

#endif
