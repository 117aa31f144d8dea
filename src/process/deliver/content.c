#include "process/deliver/content.h"

enum { CROSSED_MORE = 256 }; /* a crossed name is one byte longer: that many fields at most */

enum message_firewall_mode deliver_content_mode(const struct policy_outbound *route, int got)
{
	if (route->headers == POLICY_HEADERS_KEEP)
		return MESSAGE_FIREWALL_KEEP;
	if (route->headers == POLICY_HEADERS_CROSS && got >= MODEL_LEVEL_NAME)
		return MESSAGE_FIREWALL_CROSS;
	return MESSAGE_FIREWALL_STRIP;
}

int64_t deliver_content_size(const struct policy_outbound *route, int64_t size)
{
	return size > 0 && route->headers == POLICY_HEADERS_CROSS ? size + CROSSED_MORE : size;
}

void deliver_content_start(
	struct deliver_content *content, struct deliver_body *body, enum message_firewall_mode mode)
{
	if (content->body == NULL)
		buf_init(&content->out,
			MESSAGE_FIREWALL_GROWTH(DELIVER_CONTENT_PIECE) + MESSAGE_FIREWALL_NAME_MAX);
	content->body = body;
	content->shown = 0;
	content->is_whole = false;
	buf_clear(&content->out);
	message_firewall_init(&content->firewall, mode);
	deliver_body_start(body);
}

void deliver_content_clear(struct deliver_content *content)
{
	if (content->body != NULL)
		buf_free(&content->out);
	content->body = NULL;
}

/* Filter what is there until something passes; false: nothing more is there yet. */
static bool fill(struct deliver_content *content, size_t max)
{
	struct str bytes;
	bool last = false;

	if (max > DELIVER_CONTENT_PIECE)
		max = DELIVER_CONTENT_PIECE;
	while (!content->is_whole && buf_length(&content->out) == 0) {
		if (!deliver_body_take(content->body, max, &bytes, &last))
			return false;
		message_firewall_feed(&content->firewall, bytes, &content->out);
		if (last)
			message_firewall_end(&content->firewall, &content->out);
		content->is_whole = last;
	}
	return true;
}

bool deliver_content_take(
	struct deliver_content *content, size_t max, struct str *ret_bytes, bool *ret_last)
{
	if (content->firewall.mode == MESSAGE_FIREWALL_KEEP)
		return deliver_body_take(content->body, max, ret_bytes, ret_last);
	buf_take(&content->out, content->shown);
	content->shown = 0;
	if (!fill(content, max))
		return false;
	*ret_bytes = str_part(buf_str(&content->out), 0, max);
	*ret_last = content->is_whole && ret_bytes->n == buf_length(&content->out);
	content->shown = ret_bytes->n;
	return true;
}
