#include "core/message/fields.h"

enum state { LINE, NAME, VALUE, JUNK };

void message_fields_init(struct message_fields *f,
	void (*on_field)(void *context, struct str name, struct str value), void *context)
{
	*f = (struct message_fields){.on_field = on_field, .context = context};
	buf_init(&f->name, MESSAGE_FIELD_NAME_MAX);
	buf_init(&f->value, MESSAGE_FIELD_VALUE_MAX);
}

void message_fields_clear(struct message_fields *f)
{
	buf_free(&f->name);
	buf_free(&f->value);
}

static void tell(struct message_fields *f)
{
	struct str name = str_trim(buf_str(&f->name));

	if (name.n > 0)
		f->on_field(f->context, name, str_trim(buf_str(&f->value)));
	buf_clear(&f->name);
	buf_clear(&f->value);
}

/* The first byte of a line. */
static void line_begins(struct message_fields *f, char c)
{
	if (c == ' ' || c == '\t') {
		/* Behind a field it goes on, behind a line that is none it is none. */
		f->state = buf_length(&f->name) > 0 ? VALUE : JUNK;
		return;
	}
	tell(f);
	f->is_body = c == '\r' || c == '\n';
	f->state = NAME;
}

static void name_byte(struct message_fields *f, char c)
{
	if (c == ':') {
		f->state = VALUE;
	} else if (c == '\n') {
		/* No field. */
		buf_clear(&f->name);
		f->state = LINE;
	} else if (buf_put_byte(&f->name, c) != ERR_OK) {
		buf_clear(&f->name);
		f->state = JUNK;
	}
}

void message_fields_feed(struct message_fields *f, struct str bytes)
{
	for (size_t i = 0; i < bytes.n && !f->is_body; i++) {
		char c = bytes.p[i];

		if (f->state == LINE)
			line_begins(f, c);
		if (f->is_body)
			break;
		if (f->state == NAME)
			name_byte(f, c);
		else if (c == '\n')
			f->state = LINE;
		else if (f->state == VALUE && c != '\r')
			/* What does not fit is cut off. */
			buf_put_byte(&f->value, c);
	}
}

void message_fields_end(struct message_fields *f)
{
	if (f->state == NAME)
		buf_clear(&f->name);
	if (!f->is_body)
		tell(f);
	f->is_body = true;
}
