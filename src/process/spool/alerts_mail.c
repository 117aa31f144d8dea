/*
 * Alarms as mail: one message for each mailbox, with all that is to be told.
 *
 * Its sender is the null sender and nobody is told when it cannot be delivered; spool_alert_marker
 * in the envelope keeps its own way from raising the next alarm.
 */
#include "base/moment.h"
#include "process/spool/alerts.h"

#include <stdlib.h>

enum {
	MAX_TEXT = 512 * 1024,
	WIDTH = 76,
	MAX_WORD = 900, /* RFC 5322 2.1.1: a line has at most 998 bytes */
};

/* Kept in the envelope's helo, where no client can put a blank. */
const char spool_alert_marker[] = " alert";

bool spool_alert_is(const struct wire_message *message)
{
	return message->helo != NULL && strcmp(message->helo, spool_alert_marker) == 0;
}

/* A mailbox, and which alarms it gets. */
struct letter {
	const char *to;
	const char *organisation; /* NULL: of all */
	struct store_message message;
	struct buf text;
};

struct sending {
	struct spool *spool;
	struct arena *arena;
	const struct store_alarm *alarms;
	size_t alarm_count;
	struct letter *letters;
	size_t count;
	store_done *done;
	void *context;
};

/* ---- text --------------------------------------------------------------------------------------
 */

/* Without what could begin a header or drive a terminal: much of it comes from strangers. */
static const char *clean(const char *text, struct arena *arena)
{
	struct str s = str_of(text);
	bool is_utf8 = str_is_utf8(s);
	char *copy = arena_text_of(arena, s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)copy[i];

		if (c < ' ' || c == 0x7f || (c >= 0x80 && !is_utf8))
			copy[i] = '?';
	}
	return copy;
}

/* Words in lines, each behind INDENT. */
static void put_wrapped(struct buf *out, const char *text, const char *indent)
{
	struct str rest = str_of(text);
	size_t column = 0;

	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');

		for (; word.n > 0; word = str_part(word, MAX_WORD, word.n)) {
			struct str part = str_part(word, 0, MAX_WORD);

			if (column > 0 && column + 1 + part.n > WIDTH) {
				buf_put_text(out, "\r\n");
				column = 0;
			}
			buf_put_text(out, column == 0 ? indent : " ");
			column += (column == 0 ? strlen(indent) : 1) + part.n;
			buf_put(out, part);
		}
	}
	buf_put_text(out, "\r\n");
}

static bool is_for(const struct letter *letter, const struct store_alarm *alarm)
{
	return letter->organisation == NULL ||
	       (alarm->organisation != NULL &&
		       strcmp(letter->organisation, alarm->organisation) == 0);
}

static void put_alarm(struct sending *s, const struct store_alarm *alarm, struct buf *out)
{
	char at[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(alarm->is_end ? alarm->over_ms : alarm->first_ms, at);
	buf_format(out, "* %s", clean(alarm->kind, s->arena));
	if (alarm->id > 0)
		buf_format(out, " (alarm %lld)", (long long)alarm->id);
	if (alarm->is_end)
		buf_put_text(out, " is over");
	buf_format(out, ", %.10s %.8s UTC", at, at + 11);
	if (alarm->organisation != NULL)
		buf_format(out, ", organisation %s", clean(alarm->organisation, s->arena));
	buf_put_text(out, "\r\n");
	put_wrapped(out, clean(alarm->subject, s->arena), "  ");
	put_wrapped(out, clean(alarm->text != NULL ? alarm->text : "", s->arena), "  ");
	if (alarm->over_ms != 0 && !alarm->is_end)
		buf_put_text(out, "  This is over already.\r\n");
	buf_put_text(out, "\r\n");
}

static void put_alarms(struct sending *s, const struct letter *letter, struct buf *out)
{
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < s->alarm_count; i++) {
		if (!is_for(letter, &s->alarms[i]))
			continue;
		if (shown < SPOOL_ALERTS_SHOWN)
			put_alarm(s, &s->alarms[i], out);
		else
			more++;
		shown += shown < SPOOL_ALERTS_SHOWN;
	}
	if (more > 0)
		buf_format(out, "... and %zu more.\r\n\r\n", more);
	buf_put_text(out,
		"sealpost alarms list shows them all; sealpost alarms acknowledge ID notes that\r\n"
		"you have seen one.\r\n");
}

/* Beginnings first: who reads subjects alone must not miss one. */
static const char *subject_of(struct sending *s, const struct letter *letter)
{
	const struct store_alarm *first[2] = {NULL, NULL}; /* a beginning, an end */
	size_t counts[2] = {0, 0}, which;
	const char *host = s->spool->settings.hostname;
	const char *over;

	for (size_t i = 0; i < s->alarm_count; i++) {
		which = s->alarms[i].is_end;
		if (!is_for(letter, &s->alarms[i]))
			continue;
		first[which] = first[which] != NULL ? first[which] : &s->alarms[i];
		counts[which]++;
	}
	which = counts[0] == 0;
	over = which == 1 ? " over" : "";
	return counts[which] == 1
		       ? arena_format(s->arena, "Alarm%s on %s: %.100s", over, host,
				 clean(first[which]->kind, s->arena))
		       : arena_format(s->arena, "%zu alarms%s on %s", counts[which], over, host);
}

static void put_letter(struct sending *s, struct letter *letter)
{
	struct wire_message *m = &letter->message.wire;
	const char *host = s->spool->settings.hostname;
	struct buf body CLEANUP(buf_free);
	char date[MOMENT_TEXT_SIZE];

	buf_init(&body, MAX_TEXT);
	put_alarms(s, letter, &body);
	m->body = str_is_ascii(buf_str(&body)) ? WIRE_BODY_7BIT : WIRE_BODY_8BITMIME;
	moment_format_rfc5322(m->received_ms, date);
	buf_init(&letter->text, MAX_TEXT + 4096);
	buf_format(&letter->text,
		"From: Sealpost on %s <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\n"
		"Message-ID: %s\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		host, host, letter->to, m->subject, date, m->message_id,
		m->body == WIRE_BODY_7BIT ? "7bit" : "8bit");
	buf_put(&letter->text, buf_str(&body));
	m->size = (int64_t)buf_length(&letter->text);
}

/* ---- envelopes ---------------------------------------------------------------------------------
 */

static void write_letter(struct sending *s, struct letter *letter)
{
	struct spool *spool = s->spool;
	struct store_recipient *r = arena_alloc(s->arena, sizeof(*r));
	struct wire_message *m = &letter->message.wire;
	struct policy_outbound out;
	char id[WIRE_ID_TEXT];

	m->id = spool_new_id(spool);
	wire_id_format(m->id, id);
	m->received_ms = spool->now_ms();
	m->sender = "";
	m->ret = WIRE_RET_HEADERS;
	m->helo = spool_alert_marker;
	m->subject = subject_of(s, letter);
	m->message_id = arena_format(s->arena, "<%s@%s>", id, spool->settings.hostname);
	put_letter(s, letter);
	r->wire.address = letter->to;
	r->wire.notify = WIRE_NOTIFY_NEVER;
	r->wire.organisation = letter->organisation;
	r->wire.originating = letter->organisation != NULL;
	r->route = spool_route(spool, m, &r->wire, s->arena, &out);
	r->due_ms = m->received_ms;
	letter->message.recipients.items = r;
	letter->message.recipients.count = 1;
}

static void add_letter(struct sending *s, const char *to, const char *organisation)
{
	struct letter *letter = &s->letters[s->count];

	*letter = (struct letter){
		.to = clean(to, s->arena), .organisation = arena_text(s->arena, organisation)};
	for (size_t i = 0; i < s->alarm_count; i++)
		if (is_for(letter, &s->alarms[i])) {
			write_letter(s, letter);
			s->count++;
			return;
		}
}

static void sending_free(struct sending *s)
{
	for (size_t i = 0; i < s->count; i++)
		buf_free(&s->letters[i].text);
	arena_free(&s->arena);
	free(s);
}

static void written(void *context, enum err e)
{
	struct sending *s = context;

	for (size_t i = 0; i < s->count && e == ERR_OK; i++)
		spool_plan_message(s->spool, &s->letters[i].message, s->spool->now_ms());
	if (e != ERR_CLOSED)
		spool_wake(s->spool);
	s->done(s->context, e);
	sending_free(s);
}

/* Into the queue, all or none. */
static void commit(struct sending *s)
{
	struct store_new *news = arena_array(s->arena, s->count, sizeof(*news));
	struct wire_event *events = arena_array(s->arena, s->count, sizeof(*events));
	struct store_change change = {.news = news, .events = events};

	for (size_t i = 0; i < s->count; i++) {
		struct letter *letter = &s->letters[i];
		const struct wire_message *m = &letter->message.wire;
		struct store_intake *intake = store_begin(s->spool->store, m->id);

		if (store_write(intake, buf_str(&letter->text)) != ERR_OK) {
			store_abort(&intake);
			while (change.new_count > 0)
				store_abort(&news[--change.new_count].intake);
			written(s, ERR_FULL);
			return;
		}
		news[change.new_count++] = (struct store_new){.intake = intake,
			.message = m,
			.recipients = letter->message.recipients.items,
			.count = 1};
		events[change.event_count++] = (struct wire_event){.message = m->id,
			.at_ms = m->received_ms,
			.kind = "received",
			.sender = "",
			.recipient = letter->to,
			.organisation = letter->organisation,
			.text = "alarms told from here",
			.message_id = m->message_id,
			.size = m->size};
	}
	store_apply(s->spool->store, &change, written, s);
}

/* The end of an alarm whose beginning is told in the same letter needs no line of its own. */
static void take_alarms(struct sending *s, const struct store_alarm *alarms, size_t count)
{
	struct store_alarm *taken = arena_array(s->arena, count, sizeof(*taken));
	struct map *begun = map_new_lent(0, count);

	for (size_t i = 0; i < count; i++) {
		struct str key = spool_key(&alarms[i].id);

		if (alarms[i].is_end && map_get(begun, key) != NULL)
			continue;
		if (!alarms[i].is_end)
			map_set(begun, key, taken);
		taken[s->alarm_count++] = alarms[i];
	}
	map_free(&begun);
	s->alarms = taken;
}

void spool_alerts_send(struct spool *spool, const struct store_alarm *alarms, size_t count,
	store_done *done, void *context, size_t *ret_count)
{
	struct sending *s = mem_new(sizeof(*s));
	const struct model_config *config = spool->config;
	size_t organisations = config != NULL ? config->organisations.count : 0;

	*s = (struct sending){
		.spool = spool, .arena = arena_new(), .done = done, .context = context};
	take_alarms(s, alarms, count);
	s->letters = arena_array(s->arena, organisations + 1, sizeof(*s->letters));
	if (spool->alerts->mail != NULL)
		add_letter(s, spool->alerts->mail, NULL);
	for (size_t i = 0; i < organisations; i++) {
		const struct model_organisation *o = &config->organisations.items[i];

		if (o->alerts != NULL)
			add_letter(s, o->alerts, o->name);
	}
	*ret_count = s->count;
	s->alarms = NULL; /* their texts are the caller's */
	if (s->count == 0)
		sending_free(s);
	else
		commit(s);
}

json_t *spool_alerts_json(const struct spool *spool, const struct store_alarm *a)
{
	return json_pack("{s:s,s:i,s:I,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "type",
		a->is_end ? "alarm-over" : "alarm", "sealpost-alarm", 1, "number",
		(json_int_t)a->number, "host", spool_text_json(spool->settings.hostname), "id",
		(json_int_t)a->id, "kind", spool_text_json(a->kind), "organisation",
		spool_text_json(a->organisation), "subject", spool_text_json(a->subject), "text",
		spool_text_json(a->text), "first", spool_moment_json(a->first_ms), "last",
		spool_moment_json(a->last_ms), "count", (json_int_t)a->count, "over",
		spool_moment_json(a->over_ms));
}
