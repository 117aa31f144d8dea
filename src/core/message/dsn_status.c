/* The part of a notification that programs read (RFC 3464 2, RFC 6533 3). */
#include "base/moment.h"
#include "core/message/dsn_internal.h"
#include "core/smtp/xtext.h"

#include <ctype.h>

static const char *const action_names[] = {
	[MESSAGE_DSN_FAILED] = "failed",
	[MESSAGE_DSN_DELAYED] = "delayed",
	[MESSAGE_DSN_DELIVERED] = "delivered",
	[MESSAGE_DSN_RELAYED] = "relayed",
	[MESSAGE_DSN_EXPANDED] = "expanded",
};

static void put_date(struct buf *out, const char *name, int64_t at_ms)
{
	char moment[MOMENT_TEXT_SIZE];

	moment_format_rfc5322(at_ms, moment);
	buf_format(out, "%s: %s\r\n", name, moment);
}

/* The code point at the front of well-formed UTF-8, taken from it. */
static uint32_t take_point(struct str *s)
{
	unsigned char c = (unsigned char)s->p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t point = n == 1 ? c : c & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		point = point << 6 | ((unsigned char)s->p[i] & 0x3f);
	*s = str_part(*s, n, s->n);
	return point;
}

/* utf-8-addr-xtext of RFC 6533 3: ASCII but for "+", "=" and "\", the rest as \x{HEX}. */
static void put_utf8_xtext(struct buf *out, struct str address)
{
	while (address.n > 0) {
		uint32_t point = take_point(&address);

		if (point > ' ' && point < 0x7f && point != '+' && point != '=' && point != '\\')
			buf_put_byte(out, (char)point);
		else
			buf_format(out, "\\x{%02X}", (unsigned)point);
	}
}

/* "rfc822; a@b", "utf-8; ..." */
static void put_address(struct buf *out, const char *name, struct str address, bool global)
{
	buf_format(out, "%s: ", name);
	if (str_is_ascii(address) || !str_is_utf8(address)) {
		buf_put_text(out, "rfc822; ");
		message_dsn_put_clean(out, address, 400, true);
	} else if (global) {
		buf_put_text(out, "utf-8; ");
		message_dsn_put_clean(out, address, 400, false);
	} else {
		buf_put_text(out, "utf-8; ");
		put_utf8_xtext(out, address);
	}
	buf_put_text(out, "\r\n");
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* What stood behind xtext, if it can stand in a header; else the xtext itself. */
static void put_decoded(struct buf *out, struct str text)
{
	struct buf plain CLEANUP(buf_free);

	buf_init(&plain, 1000);
	if (smtp_xtext_decode(text, &plain) == ERR_OK && is_printable(buf_str(&plain)))
		buf_put(out, buf_str(&plain));
	else
		message_dsn_put_clean(out, text, 900, true);
}

/* ORCPT, "type;xtext" (RFC 3461 4.2). */
static void put_original(struct buf *out, const char *original, bool global)
{
	struct str rest = str_of(original);
	struct str type = str_cut(&rest, ';');

	if (type.n == 0 || rest.n == 0)
		return;
	if (global && str_is_nocase(type, "utf-8") && !str_is_ascii(rest)) {
		put_address(out, "Original-Recipient", rest, true);
		return;
	}
	buf_put_text(out, "Original-Recipient: ");
	message_dsn_put_clean(out, type, 60, true);
	buf_put_text(out, "; ");
	put_decoded(out, rest);
	buf_put_text(out, "\r\n");
}

/* The code with the class that the action asks for (RFC 3464 2.3.4). */
static void put_status(struct buf *out, const struct message_dsn_recipient *r)
{
	static const char classes[] = {[MESSAGE_DSN_FAILED] = '5',
		[MESSAGE_DSN_DELAYED] = '4',
		[MESSAGE_DSN_DELIVERED] = '2',
		[MESSAGE_DSN_RELAYED] = '2',
		[MESSAGE_DSN_EXPANDED] = '2'};
	const char *code = r->enhanced;

	if (code == NULL || !isdigit((unsigned char)code[0]) || code[1] != '.' ||
		strspn(code, "0123456789.") != strlen(code) || strlen(code) > 9)
		code = r->expired ? "5.4.7" : "5.0.0";
	buf_format(out, "Status: %c%s\r\n", classes[r->action], code + 1);
}

bool message_dsn_is_reply(const struct message_dsn_recipient *r)
{
	return r->host != NULL && r->text != NULL && strspn(r->text, "0123456789") == 3;
}

static void put_diagnostic(struct buf *out, const struct message_dsn_recipient *r, bool global)
{
	const char *text = r->text;

	if (text == NULL || text[0] == '\0' || r->action > MESSAGE_DSN_DELAYED)
		return;
	buf_format(out, "Diagnostic-Code: %s; ", message_dsn_is_reply(r) ? "smtp" : "X-Sealpost");
	message_dsn_put_wrapped(out, str_of(text), "    ", 30, !global);
	buf_put_text(out, "\r\n");
}

static void put_recipient(struct buf *out, const struct message_dsn *dsn, size_t i, bool global)
{
	const struct message_dsn_recipient *r = &dsn->recipients[i];

	buf_put_text(out, "\r\n");
	if (r->original != NULL)
		put_original(out, r->original, global);
	put_address(out, "Final-Recipient", str_of(r->address), global);
	buf_format(out, "Action: %s\r\n", action_names[r->action]);
	put_status(out, r);
	if (r->host != NULL) {
		buf_put_text(out, "Remote-MTA: dns; ");
		message_dsn_put_clean(out, str_of(r->host), 255, !global);
		buf_put_text(out, "\r\n");
	}
	put_diagnostic(out, r, global);
	if (r->last_ms != 0)
		put_date(out, "Last-Attempt-Date", r->last_ms);
	buf_put_text(out, "Final-Log-ID: ");
	message_dsn_put_clean(out, str_of(dsn->id), 60, true);
	buf_put_text(out, "\r\n");
	if (r->action == MESSAGE_DSN_DELAYED && dsn->expires_ms != 0)
		put_date(out, "Will-Retry-Until", dsn->expires_ms);
}

void message_dsn_put_status(const struct message_dsn *dsn, bool global, struct buf *out)
{
	if (dsn->envelope_id != NULL && dsn->envelope_id[0] != '\0') {
		buf_put_text(out, "Original-Envelope-Id: ");
		put_decoded(out, str_of(dsn->envelope_id));
		buf_put_text(out, "\r\n");
	}
	buf_put_text(out, "Reporting-MTA: dns; ");
	message_dsn_put_clean(out, str_of(dsn->hostname), 255, !global);
	buf_put_text(out, "\r\n");
	put_date(out, "Arrival-Date", dsn->received_ms);
	for (size_t i = 0; i < dsn->count; i++)
		put_recipient(out, dsn, i, global);
}
