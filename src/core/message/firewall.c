#include "core/message/firewall.h"

enum state { LINE, NAME, REST };

static const struct family {
	struct str organisation, premises;
} families[] = {
	{STR("X-Sealpost-Organization-"), STR("X-Sealpost-CrossPremises-")},
	{STR("X-MS-Exchange-Organization-"), STR("X-MS-Exchange-CrossPremises-")},
};

/* Of the first family: see struct message_stamps. */
static const struct str stamped[] = {STR("Directionality"), STR("AuthAs"), STR("AuthSource")};

void message_firewall_init(struct message_firewall *f, enum message_firewall_mode mode)
{
	*f = (struct message_firewall){.mode = mode, .is_true_break = true};
}

static bool is_stamped(const struct family *family, struct str rest)
{
	rest = str_trim(str_part(rest, 0, str_find(rest, ':', 0)));
	for (size_t i = 0; i < ARRAY_LENGTH(stamped); i++)
		if (family == &families[0] && str_equal_nocase(rest, stamped[i]))
			return true;
	return false;
}

/* As much of the name is there as is needed: what becomes of the field? */
static void decide(struct message_firewall *f, struct buf *out)
{
	struct str name = str_make(f->name, f->name_length);

	f->state = REST;
	for (size_t i = 0; f->mode != MESSAGE_FIREWALL_KEEP && i < ARRAY_LENGTH(families); i++) {
		const struct family *family = &families[i];
		bool is_organisation = str_starts_nocase(name, family->organisation);
		struct str old = is_organisation ? family->organisation : family->premises;
		struct str to = is_organisation ? family->premises : family->organisation;
		struct str rest = str_part(name, old.n, name.n);

		if (!str_starts_nocase(name, old))
			continue;
		f->is_dropped = f->mode == MESSAGE_FIREWALL_STRIP ||
				is_organisation != (f->mode == MESSAGE_FIREWALL_CROSS) ||
				(f->mode == MESSAGE_FIREWALL_PROMOTE && is_stamped(family, rest));
		if (!f->is_dropped) {
			buf_put(out, to);
			buf_put(out, rest);
		}
		return;
	}
	buf_put(out, name);
}

static void put(const struct message_firewall *f, char c, struct buf *out)
{
	if (!f->is_dropped)
		buf_put_byte(out, c);
}

static void line_breaks(struct message_firewall *f, char c, struct buf *out)
{
	put(f, c, out);
	f->is_empty = f->state == LINE && f->is_true_break;
	f->has_cr = c == '\r';
	f->is_true_break = f->is_dropped && f->is_true_break;
	f->state = LINE;
}

static void line_begins(struct message_firewall *f, char c, struct buf *out)
{
	bool is_first = !f->has_begun;

	f->has_begun = true;
	if (c == ' ' || c == '\t') {
		/* More of the field before: its fate is the same. */
		f->state = REST;
		if (is_first && f->mode != MESSAGE_FIREWALL_KEEP) {
			buf_put_text(out, "\r\n");
			f->is_body = true;
		}
		put(f, c, out);
		return;
	}
	f->is_dropped = false;
	if (c == '\r' || c == '\n') {
		line_breaks(f, c, out);
		return;
	}
	f->state = NAME;
	f->name[0] = c;
	f->name_length = 1;
}

static void take(struct message_firewall *f, char c, struct buf *out)
{
	if (f->has_cr) {
		f->has_cr = false;
		if (c == '\n') {
			put(f, c, out);
			f->is_true_break = f->is_true_break || !f->is_dropped;
			f->is_body = f->is_empty;
			return;
		}
	}
	if (f->state == LINE) {
		line_begins(f, c, out);
		return;
	}
	if (c == '\r' || c == '\n') {
		if (f->state == NAME)
			decide(f, out);
		line_breaks(f, c, out);
		return;
	}
	f->name[f->name_length++] = c;
	if (c == ':' || f->name_length == sizeof(f->name))
		decide(f, out);
}

/* Bytes at the front that are neither looked at nor end anything. */
static size_t plain_run(const struct message_firewall *f, struct str in)
{
	if (f->is_body)
		return in.n;
	if (f->state != REST)
		return 0;
	return str_find(str_part(in, 0, str_find(in, '\n', 0)), '\r', 0);
}

enum err message_firewall_feed(struct message_firewall *f, struct str in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = plain_run(f, in);

		if (n == 0) {
			take(f, in.p[0], out);
			n = 1;
		} else if (f->is_body || !f->is_dropped) {
			buf_put(out, str_part(in, 0, n));
		}
		in = str_part(in, n, in.n);
	}
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

enum err message_firewall_end(struct message_firewall *f, struct buf *out)
{
	if (f->state == NAME)
		decide(f, out);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

enum err message_stamps_format(const struct message_stamps *stamps, struct buf *out)
{
	return buf_format(out,
		"X-Sealpost-Organization-Directionality: %s\r\n"
		"X-Sealpost-Organization-AuthAs: %s\r\n"
		"X-Sealpost-Organization-AuthSource: %s\r\n",
		stamps->originating ? "originating" : "incoming", stamps->as, stamps->source);
}
