/*
 * What a stranger asks of the socket that is open to everybody: the head of one HTTP/1.1 request
 * (RFC 9112), read strictly.  There is one request to a connection; a body is never read.
 */
#ifndef SEALPOST_CORE_PUBLISH_REQUEST_H
#define SEALPOST_CORE_PUBLISH_REQUEST_H

#include "base/str.h"

enum {
	PUBLISH_HEAD_MAX = 4096,  /* bytes of request line and fields; then 431 */
	PUBLISH_TARGET_MAX = 512, /* bytes of the request target; then 414 */
};

struct publish_request {
	bool is_head;	 /* HEAD; else GET */
	struct str path; /* as it came, still percent-encoded, without the query; begins with "/" */
};

/* Read the head of a request from the first bytes of a connection.  Returns
 *   0    it is not complete, and may become one;
 *   200  *ret is filled; its slices point into HEAD;
 *   else the status to refuse it with (RFC 9110 15): 400, 405, 414, 431 or 505. */
int publish_request_parse(struct str head, struct publish_request *ret);

#endif
