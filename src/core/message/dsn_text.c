/* The part of a notification that a person reads. */
#include "base/moment.h"
#include "core/message/dsn_internal.h"

static const char wide[] = "                  ";

/* Length of the well-formed UTF-8 sequence at the front; 0 when it is none. */
static size_t sequence(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.n && str_is_utf8(str_part(s, 0, n)) ? n : 0;
}

void message_dsn_put_clean(struct buf *out, struct str text, size_t max, bool ascii)
{
	bool blank = false, any = false;
	size_t start = buf_length(out);

	while (text.n > 0) {
		size_t n = sequence(text);
		unsigned char c = (unsigned char)text.p[0];

		if (c <= ' ' || c == 0x7f) {
			blank = any;
			text = str_part(text, 1, text.n);
			continue;
		}
		if (buf_length(out) - start + n + 1 > max)
			break;
		if (blank)
			buf_put_byte(out, ' ');
		blank = false;
		any = true;
		/* C1 controls hide in U+0080 to U+009F. */
		if (n == 0 || (ascii && n > 1) ||
			(n == 2 && c == 0xc2 && (unsigned char)text.p[1] < 0xa0))
			buf_put_byte(out, '?');
		else
			buf_put(out, str_part(text, 0, n));
		text = str_part(text, n > 0 ? n : 1, text.n);
	}
}

void message_dsn_put_wrapped(
	struct buf *out, struct str text, const char *indent, size_t column, bool ascii)
{
	struct buf clean CLEANUP(buf_free);
	struct str rest;
	bool first = true;

	buf_init(&clean, MESSAGE_DSN_MAX_TEXT + 8);
	message_dsn_put_clean(&clean, text, MESSAGE_DSN_MAX_TEXT, ascii);
	rest = buf_str(&clean);
	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');

		/* No line beyond the limit of RFC 5322 2.1.1, even where there is no blank. */
		while (word.n > 0) {
			struct str piece = str_part(word, 0, 900);

			while (piece.n < word.n && piece.n > 0 &&
				((unsigned char)word.p[piece.n] & 0xc0) == 0x80)
				piece.n--;
			if (!first && column + 1 + piece.n > 76) {
				buf_put_text(out, "\r\n");
				buf_put_text(out, indent);
				column = strlen(indent);
			} else if (!first) {
				buf_put_byte(out, ' ');
				column++;
			}
			buf_put(out, piece);
			column += piece.n;
			first = false;
			word = str_part(word, piece.n, word.n);
		}
	}
}

static void put_line(struct buf *out, const char *label, const char *text)
{
	buf_format(out, "  %-16s", label);
	message_dsn_put_wrapped(out, str_of(text), wide, strlen(wide), false);
	buf_put_text(out, "\r\n");
}

static void put_paragraph(struct buf *out, const char *text)
{
	message_dsn_put_wrapped(out, str_of(text), "", 0, false);
	buf_put_text(out, "\r\n\r\n");
}

static void put_opening(const struct message_dsn *dsn, struct buf *out)
{
	static const char *const openings[][2] = {
		[MESSAGE_DSN_FAILED] = {"Your message could not be delivered to this recipient.",
			"Your message could not be delivered to these recipients."},
		[MESSAGE_DSN_DELAYED] = {"Your message has not been delivered to this recipient "
					 "yet. You need not send it again.",
			"Your message has not been delivered to these recipients yet. You need "
			"not send it again."},
		[MESSAGE_DSN_DELIVERED] = {"Your message was delivered to this recipient.",
			"Your message was delivered to these recipients."},
	};
	enum message_dsn_action action = message_dsn_gravest(dsn);

	if (action > MESSAGE_DSN_DELIVERED)
		action = MESSAGE_DSN_DELIVERED;
	if (dsn->sender != NULL)
		put_paragraph(out, "A notice about a failed delivery could not be given to the "
				   "sender of the message. You get it as postmaster; nobody else "
				   "is told. The notice could not be delivered here:");
	else
		put_paragraph(out, openings[action][dsn->count > 1]);
}

static void put_facts(const struct message_dsn *dsn, struct buf *out)
{
	char moment[MOMENT_TEXT_SIZE];

	if (dsn->subject != NULL && dsn->subject[0] != '\0')
		put_line(out, "Subject:", dsn->subject);
	if (dsn->sender != NULL)
		put_line(out, "From:", dsn->sender[0] != '\0' ? dsn->sender : "<>");
	moment_format_rfc5322(dsn->received_ms, moment);
	put_line(out, "Received:", moment);
	put_line(out, "Number:", dsn->id);
	if (message_dsn_gravest(dsn) == MESSAGE_DSN_DELAYED) {
		moment_format_rfc5322(dsn->expires_ms, moment);
		put_line(out, "Tried until:", moment);
	}
	buf_put_text(out, "\r\n");
}

static void put_given_up(
	const struct message_dsn *dsn, const struct message_dsn_recipient *r, struct buf *out)
{
	char span[MOMENT_TEXT_SIZE];
	struct buf line CLEANUP(buf_free);

	buf_init(&line, 200);
	moment_format_span(dsn->now_ms - dsn->received_ms, span);
	buf_format(&line, "It was tried %lld times in %s, and is not tried again.",
		(long long)r->attempts, span);
	put_line(out, "Given up:", buf_text(&line));
}

static void put_said(const struct message_dsn_recipient *r, struct buf *out)
{
	struct buf label CLEANUP(buf_free);

	if (r->text == NULL || r->text[0] == '\0')
		return;
	buf_init(&label, 400);
	if (r->host != NULL) {
		message_dsn_put_clean(&label, str_of(r->host), 255, false);
		put_line(out, "Server:", buf_text(&label));
	}
	put_line(out, message_dsn_is_reply(r) ? "Its words:" : "In detail:", r->text);
}

static void put_recipient(
	const struct message_dsn *dsn, const struct message_dsn_recipient *r, struct buf *out)
{
	struct message_dsn_words words = message_dsn_words(r->token, r->enhanced);

	message_dsn_put_clean(out, str_of(r->address), 400, false);
	buf_put_text(out, "\r\n");
	switch (r->action) {
	case MESSAGE_DSN_FAILED:
	case MESSAGE_DSN_DELAYED:
		put_line(out, "What happened:", words.what);
		put_line(out, "Who must act:", words.who);
		put_line(out, "What to do:",
			r->action == MESSAGE_DSN_DELAYED
				? "nothing yet: this server tries again by itself"
				: words.remedy);
		if (r->expired)
			put_given_up(dsn, r, out);
		put_said(r, out);
		break;
	case MESSAGE_DSN_DELIVERED:
		put_line(out, "Delivered to:", r->host != NULL ? r->host : dsn->hostname);
		break;
	case MESSAGE_DSN_RELAYED:
		put_line(out, "Passed to:", r->host != NULL ? r->host : dsn->hostname);
		put_line(out, "", "That server sends no notices: you may hear no more of it.");
		break;
	case MESSAGE_DSN_EXPANDED:
		put_line(out, "Passed to:", "a list; you may hear no more of it");
		break;
	}
	buf_put_text(out, "\r\n");
}

void message_dsn_put_words(const struct message_dsn *dsn, struct buf *out)
{
	put_opening(dsn, out);
	put_facts(dsn, out);
	for (size_t i = 0; i < dsn->count && i < MESSAGE_DSN_MAX_RECIPIENTS; i++)
		put_recipient(dsn, &dsn->recipients[i], out);
	if (dsn->count > MESSAGE_DSN_MAX_RECIPIENTS)
		put_paragraph(out, "More recipients stand in the report attached.");
	buf_put_text(out, "This notice was written by the mail server ");
	message_dsn_put_clean(out, str_of(dsn->hostname), 255, false);
	buf_put_text(out, ".\r\n");
}
