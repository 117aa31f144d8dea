#include "core/message/headers.h"

enum state { LINE_START, NAME, VALUE };
enum field { OTHER, RECEIVED, ID, SUBJECT };

static void field_begins(struct message_headers *h)
{
	struct str name = str_trim(str_make(h->name, h->name_length));

	h->field = OTHER;
	if (str_is_nocase(name, "received")) {
		h->received++;
	} else if (str_is_nocase(name, "message-id") && !h->has_id) {
		h->has_id = true;
		h->field = ID;
	} else if (str_is_nocase(name, "subject") && !h->has_subject) {
		h->has_subject = true;
		h->field = SUBJECT;
	}
	h->state = VALUE;
}

static void name_byte(struct message_headers *h, char c)
{
	if (c == ':') {
		field_begins(h);
	} else if (c == '\n') {
		/* No field at all; whatever it is, it is over. */
		h->state = LINE_START;
	} else if (h->name_length < sizeof(h->name)) {
		/* A name that does not fit is none that we look for. */
		h->name[h->name_length++] = c;
	}
}

static void line_begins(struct message_headers *h, char c)
{
	if (c == ' ' || c == '\t') {
		/* Folded: the line break alone goes away (RFC 5322 2.2.3). */
		h->state = VALUE;
		return;
	}
	h->field = OTHER;
	if (c == '\r' || c == '\n') {
		h->is_body = true;
		return;
	}
	h->state = NAME;
	h->name_length = 0;
	name_byte(h, c);
}

static void capture(struct message_headers *h, char c)
{
	bool is_blank = c == ' ' || c == '\t';

	if (c == '\r' || c == '\n')
		return;

	if (h->field == ID && h->id_length < sizeof(h->id) - 1 && (h->id_length > 0 || !is_blank))
		h->id[h->id_length++] = c;
	if (h->field == SUBJECT && h->subject_length < sizeof(h->subject) - 1 &&
		(h->subject_length > 0 || !is_blank))
		h->subject[h->subject_length++] = c;
}

void message_headers_feed(struct message_headers *h, struct str bytes)
{
	h->bytes += bytes.n;
	for (size_t i = 0; i < bytes.n && !h->is_body; i++) {
		char c = bytes.p[i];

		if (h->state == NAME) {
			name_byte(h, c);
			continue;
		}
		if (h->state == LINE_START)
			line_begins(h, c);
		if (h->state == VALUE && c == '\n')
			h->state = LINE_START;
		else if (h->state == VALUE && h->field != OTHER)
			capture(h, c);
	}
}

/* End the text, without blanks behind it. */
static const char *finish(char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	return length > 0 ? text : NULL;
}

const char *message_headers_id(struct message_headers *h)
{
	const char *text = finish(h->id, h->id_length);

	return h->id_length > MESSAGE_HEADERS_ID_MAX ? NULL : text;
}

const char *message_headers_subject(struct message_headers *h)
{
	return finish(h->subject, h->subject_length);
}
