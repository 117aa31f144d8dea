#include "core/message/received.h"

#include "base/moment.h"

const char *message_received_with(const struct message_received *r)
{
	bool is_tls = r->receipt->version != NULL;

	if (r->smtputf8)
		return is_tls ? "UTF8SMTPS" : "UTF8SMTP";
	if (!r->is_esmtp)
		return "SMTP";
	return is_tls ? "ESMTPS" : "ESMTP";
}

/* Text that others gave, within a comment: nothing in it may end the comment or the line. */
static void put_comment(struct buf *out, const char *text)
{
	for (size_t n = 0; text[n] != '\0' && n < 255; n++) {
		char c = text[n];
		bool is_fine = c >= ' ' && c < 0x7f && c != '(' && c != ')' && c != '\\';

		buf_put_byte(out, is_fine ? c : '?');
	}
}

static void put_tls(struct buf *out, const struct receipt *receipt)
{
	const struct cert_facts *leaf = receipt->chain.count > 0 ? receipt->chain.items : NULL;

	if (receipt->version == NULL)
		return;
	if (receipt->cipher != NULL)
		buf_format(out, " tls %s", receipt->cipher);
	buf_format(out, "\r\n\t(%s", receipt->version);
	if (receipt->group != NULL) {
		buf_put_byte(out, ' ');
		put_comment(out, receipt->group);
	}
	if (leaf != NULL) {
		const char *name = receipt->name_matched;

		if (name == NULL && leaf->names.count > 0)
			name = leaf->names.items[0];
		buf_put_text(out, ", client certificate ");
		put_comment(out, name != NULL ? name : leaf->subject != NULL ? leaf->subject : "?");
		buf_format(out, ": %s", cert_verdict_names[receipt->verdict]);
	} else {
		buf_put_text(out, ", no client certificate");
	}
	buf_put_byte(out, ')');
}

enum err message_received_format(const struct message_received *r, struct buf *out)
{
	char date[MOMENT_TEXT_SIZE];
	const char *tag = r->address != NULL && strchr(r->address, ':') != NULL ? "IPv6:" : "";

	moment_format_rfc5322(r->at_ms, date);
	buf_format(out, "Received: from %s", r->helo);
	if (r->address != NULL)
		buf_format(out, " ([%s%s])", tag, r->address);
	buf_format(out, "\r\n\tby %s (Sealpost) with %s id %s", r->hostname,
		message_received_with(r), r->id);
	if (r->recipient != NULL)
		buf_format(out, "\r\n\tfor <%s>", r->recipient);
	put_tls(out, r->receipt);
	return buf_format(out, ";\r\n\t%s\r\n", date);
}
