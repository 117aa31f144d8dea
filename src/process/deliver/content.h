/* The content as the next hop gets it: the message from the spool, without the header fields that
 * are the organisation's own business (core/message/firewall.h), in pieces. */
#ifndef SEALPOST_PROCESS_DELIVER_CONTENT_H
#define SEALPOST_PROCESS_DELIVER_CONTENT_H

#include "core/message/firewall.h"
#include "core/policy/policy.h"
#include "process/deliver/body.h"

struct deliver_content {
	struct deliver_body *body;
	struct message_firewall firewall;
	struct buf out; /* filtered, not yet handed out */
	size_t shown;	/* of the slice handed out, not yet removed */
	bool is_whole;	/* all of the message is in OUT */
};

enum { DELIVER_CONTENT_PIECE = 128 * 1024 }; /* asked for at once, at most */

/* How the fields are treated on this way: cross-premises ones only go to a host that has proven its
 * name, GOT being the level that its connection reached (enum model_level). */
enum message_firewall_mode deliver_content_mode(const struct policy_outbound *route, int got);
/* Bytes to be declared for a message of SIZE bytes (RFC 1870): never less than will come. */
int64_t deliver_content_size(const struct policy_outbound *route, int64_t size);

/* From the first byte, again for every attempt; what was held of the one before is gone. */
void deliver_content_start(struct deliver_content *content, struct deliver_body *body,
	enum message_firewall_mode mode);
/* As deliver_body_take(). */
bool deliver_content_take(
	struct deliver_content *content, size_t max, struct str *ret_bytes, bool *ret_last);
/* Fine for one that is zeroed. */
void deliver_content_clear(struct deliver_content *content);

#endif
