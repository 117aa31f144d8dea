/* Connections kept open for more mail of the same kind.  The key says for whom a link is good:
 * host, port, requirement, anchors, identity and connector; a link is never used for another key.
 */
#ifndef SEALPOST_PROCESS_DELIVER_POOL_H
#define SEALPOST_PROCESS_DELIVER_POOL_H

#include "process/deliver/link.h"

struct deliver_pool;

enum { DELIVER_POOL_MAX = 200 };

struct deliver_pool *deliver_pool_new(void) MUST_USE;
void deliver_pool_free(struct deliver_pool **pool);
/* Keep an idle link for a while; *LINK becomes NULL. */
void deliver_pool_put(struct deliver_pool *pool, struct deliver_link **link, int64_t idle_ms);
/* A link with that key, owned by nobody now; NULL: none. */
struct deliver_link *deliver_pool_take(struct deliver_pool *pool, const char *key);
/* Say QUIT to all. */
void deliver_pool_clear(struct deliver_pool *pool);
size_t deliver_pool_count(const struct deliver_pool *pool);

#endif
