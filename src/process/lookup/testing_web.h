/* For tests: a web server that misbehaves on demand, a small hierarchy of authorities that points
 * to it, and those who ask the lookup process. */
#ifndef SEALPOST_PROCESS_LOOKUP_TESTING_WEB_H
#define SEALPOST_PROCESS_LOOKUP_TESTING_WEB_H

#include "port/revocation/test_answers.h"
#include "process/lookup/testing.h"

enum { DAY = 86400 };

enum conduct { ANSWER, STALL, HANG_UP, REDIRECT };

struct page {
	const char *path;
	enum conduct conduct;
	int status;
	struct str body; /* free()d at the end */
	const char *to;	 /* redirects */
	unsigned hits;
	char last_body[4096], last_header[200];
	size_t last_length;
};

extern unsigned port; /* of the server, on 127.0.0.1 */
extern struct test_cert root, issuer, leaf;
extern struct page *root_list, *issuer_list, *responder;
extern char *chain; /* all three */

/* Everything, with the process; and its end. */
int set_up(void **state);
int tear_down(void **state);
struct page *page_at(const char *path);
void list_on(struct page *page, const struct test_cert *by, const struct test_cert *revoked);
/* STATUS is V_OCSP_CERTSTATUS_..., of the leaf. */
void response_on(struct page *page, int status);

struct asker {
	struct ipc *ipc;
	struct arena *arena;
	enum wire_type type; /* of the last answer; 0: none yet */
	union {
		struct wire_revocation_answer revocation;
		struct wire_staple staple;
		struct wire_endpoint_answer endpoint;
		struct wire_posted posted;
	} answer;
	unsigned answers;
	bool is_closed;
};
void begin(struct asker *a, enum runtime_role role);
void end(struct asker *a);
/* The answer lives until the next one. */
const void *ask(struct asker *a, enum wire_type type, const void *record);
const struct wire_revocation_answer *ask_of(struct asker *a, struct str stapled, int wait_ms);
void check(const struct wire_revocation *found, int status, const char *token);

#endif
