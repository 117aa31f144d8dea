#include "core/message/dsn.h"

#include "base/moment.h"
#include "core/message/dsn_internal.h"
#include "core/wire/wire.h"

#include <stdio.h>

enum { MAX_LINE = 998, MAX_SUBJECT = 180, BOUNDARY_SIZE = 96 };

/* The parts, made before the header that must describe them. */
struct parts {
	struct buf words;
	struct buf status;
	struct buf header; /* of the message, where not all of it goes back */
	bool full;
	bool global_status, global_content;
	bool eightbit_content;
	char boundary[BOUNDARY_SIZE];
};

bool message_dsn_is_wanted(enum message_dsn_action action, int64_t notify, const char *sender)
{
	if (sender == NULL || sender[0] == '\0')
		return false;
	if (notify == 0)
		return action == MESSAGE_DSN_FAILED || action == MESSAGE_DSN_DELAYED;
	if ((notify & WIRE_NOTIFY_NEVER) != 0)
		return false;
	switch (action) {
	case MESSAGE_DSN_FAILED:
		return (notify & WIRE_NOTIFY_FAILURE) != 0;
	case MESSAGE_DSN_DELAYED:
		return (notify & WIRE_NOTIFY_DELAY) != 0;
	case MESSAGE_DSN_DELIVERED:
	case MESSAGE_DSN_RELAYED:
	case MESSAGE_DSN_EXPANDED:
		break;
	}
	return (notify & WIRE_NOTIFY_SUCCESS) != 0;
}

enum message_dsn_action message_dsn_gravest(const struct message_dsn *dsn)
{
	enum message_dsn_action gravest = MESSAGE_DSN_EXPANDED;

	for (size_t i = 0; i < dsn->count; i++)
		if (dsn->recipients[i].action < gravest)
			gravest = dsn->recipients[i].action;
	return gravest;
}

/* ---- what is given back ------------------------------------------------------------------------
 */

/* May it stand in a MIME part as it is: only CRLF line ends, no NUL, no endless line? */
static bool is_lines(struct str content)
{
	size_t line = 0;

	for (size_t i = 0; i < content.n; i++) {
		char c = content.p[i];

		if (c == '\r' && i + 1 < content.n && content.p[i + 1] == '\n') {
			line = 0;
			i++;
		} else if (c == '\r' || c == '\n' || c == '\0' || ++line > MAX_LINE) {
			return false;
		}
	}
	return true;
}

/* The header of the message, one proper line after the other, as far as it fits. */
static void put_header(struct buf *out, struct str content)
{
	while (content.n > 0) {
		struct str line = str_cut(&content, '\n');
		size_t start = buf_length(out);

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			return;
		if (line.n > MAX_LINE)
			continue;
		if (buf_room(out) < line.n + 2)
			return;
		buf_put(out, line);
		for (char *p = out->p + out->from + start; p < out->p + out->to; p++)
			if ((*p >= 0 && *p < ' ' && *p != '\t') || *p == 0x7f)
				*p = '?';
		buf_put_text(out, "\r\n");
	}
}

static struct str header_of(struct str content)
{
	const char *end = content.n > 0 ? memmem(content.p, content.n, "\r\n\r\n", 4) : NULL;

	return end != NULL ? str_part(content, 0, (size_t)(end - content.p)) : content;
}

static bool stands_in(const char *boundary, const struct parts *parts, struct str content)
{
	size_t n = strlen(boundary);
	struct str words = buf_str(&parts->words), status = buf_str(&parts->status);

	return (content.n > 0 && memmem(content.p, content.n, boundary, n) != NULL) ||
	       memmem(words.p, words.n, boundary, n) != NULL ||
	       memmem(status.p, status.n, boundary, n) != NULL;
}

static void choose_boundary(const struct message_dsn *dsn, struct parts *parts)
{
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(parts->boundary, sizeof(parts->boundary), "report-%.60s-%u", dsn->own_id,
			i);
		if (!stands_in(parts->boundary, parts, dsn->content))
			return;
	}
}

static bool any_utf8_address(const struct message_dsn *dsn)
{
	for (size_t i = 0; i < dsn->count; i++) {
		const struct message_dsn_recipient *r = &dsn->recipients[i];

		if (!str_is_ascii(str_of(r->address)) ||
			(r->original != NULL && !str_is_ascii(str_of(r->original))))
			return true;
	}
	return false;
}

static void make_parts(const struct message_dsn *dsn, struct parts *parts)
{
	struct str header = header_of(dsn->content);

	parts->full = dsn->full && !dsn->binary && dsn->size <= MESSAGE_DSN_MAX_FULL &&
		      (uint64_t)dsn->size == dsn->content.n && is_lines(dsn->content);
	parts->global_status = dsn->utf8 && any_utf8_address(dsn);
	parts->global_content = dsn->utf8 && !str_is_ascii(header) && str_is_utf8(header);
	message_dsn_put_words(dsn, &parts->words);
	message_dsn_put_status(dsn, parts->global_status, &parts->status);
	if (!parts->full)
		put_header(&parts->header, header);
	parts->eightbit_content =
		!str_is_ascii(parts->full ? dsn->content : buf_str(&parts->header));
	choose_boundary(dsn, parts);
}

/* ---- putting it together -----------------------------------------------------------------------
 */

static void put_subject(const struct message_dsn *dsn, struct buf *out)
{
	static const char *const beginnings[] = {
		[MESSAGE_DSN_FAILED] = "Not delivered",
		[MESSAGE_DSN_DELAYED] = "Not delivered yet",
		[MESSAGE_DSN_DELIVERED] = "Delivered",
		[MESSAGE_DSN_RELAYED] = "Passed on",
		[MESSAGE_DSN_EXPANDED] = "Passed on",
	};

	buf_format(out, "Subject: %s",
		dsn->sender != NULL ? "Notice not delivered"
				    : beginnings[message_dsn_gravest(dsn)]);
	if (dsn->subject != NULL && str_is_ascii(str_of(dsn->subject))) {
		struct buf clean CLEANUP(buf_free);

		/* Folded only at blanks, which may stand between encoded words as well. */
		buf_init(&clean, MAX_SUBJECT + 4);
		message_dsn_put_clean(&clean, str_of(dsn->subject), MAX_SUBJECT, true);
		if (buf_length(&clean) > 0)
			buf_put_text(out, ": ");
		message_dsn_put_wrapped(out, buf_str(&clean), " ", 25, true);
	}
	buf_put_text(out, "\r\n");
}

static void put_top(
	const struct message_dsn *dsn, const struct parts *parts, bool eightbit, struct buf *out)
{
	char date[MOMENT_TEXT_SIZE];

	moment_format_rfc5322(dsn->now_ms, date);
	buf_format(out, "Date: %s\r\n", date);
	buf_format(out, "From: Mail delivery <MAILER-DAEMON@%s>\r\nTo: <", dsn->hostname);
	message_dsn_put_clean(out, str_of(dsn->to), 400, false);
	buf_put_text(out, ">\r\n");
	put_subject(dsn, out);
	buf_format(out, "Message-ID: <%s@%s>\r\n", dsn->own_id, dsn->hostname);
	buf_put_text(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	buf_format(out,
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"%s\"\r\n",
		parts->boundary);
	if (eightbit)
		buf_put_text(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_put_text(
		out, "\r\nThis is a delivery status notification in MIME format (RFC 3464).\r\n");
}

static void put_part(struct buf *out, const struct parts *parts, const char *type,
	const char *description, bool eightbit)
{
	buf_format(out, "\r\n--%s\r\nContent-Type: %s\r\nContent-Description: %s\r\n",
		parts->boundary, type, description);
	if (eightbit)
		buf_put_text(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_put_text(out, "\r\n");
}

static const char *content_type(const struct parts *parts)
{
	if (parts->full)
		return parts->global_content ? "message/global" : "message/rfc822";
	return parts->global_content ? "message/global-headers" : "text/rfc822-headers";
}

static enum err put_all(const struct message_dsn *dsn, const struct parts *parts, struct buf *out,
	struct message_dsn_needs *ret_needs)
{
	bool words = !str_is_ascii(buf_str(&parts->words));
	bool status = !str_is_ascii(buf_str(&parts->status));

	ret_needs->eightbit = words || status || parts->eightbit_content;
	ret_needs->utf8 = !str_is_ascii(str_of(dsn->to));
	put_top(dsn, parts, ret_needs->eightbit, out);
	put_part(out, parts, words ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
		"What happened", words);
	buf_put(out, buf_str(&parts->words));
	put_part(out, parts,
		parts->global_status ? "message/global-delivery-status" : "message/delivery-status",
		"Report", status);
	buf_put(out, buf_str(&parts->status));
	put_part(out, parts, content_type(parts),
		parts->full ? "Your message" : "Header of your message", parts->eightbit_content);
	buf_put(out, parts->full ? dsn->content : buf_str(&parts->header));
	return buf_format(out, "\r\n--%s--\r\n", parts->boundary);
}

enum err message_dsn_format(
	const struct message_dsn *dsn, struct buf *out, struct message_dsn_needs *ret_needs)
{
	struct parts parts = {0};
	enum err e;

	buf_init(&parts.words, MESSAGE_DSN_MAX);
	buf_init(&parts.status, MESSAGE_DSN_MAX);
	buf_init(&parts.header, MESSAGE_DSN_MAX_HEADER);
	make_parts(dsn, &parts);
	e = parts.words.failed || parts.status.failed ? ERR_TOO_LONG
						      : put_all(dsn, &parts, out, ret_needs);
	buf_free(&parts.words);
	buf_free(&parts.status);
	buf_free(&parts.header);
	return e;
}
