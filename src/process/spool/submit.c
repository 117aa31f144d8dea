/*
 * A test message of the administrator's, by a connector of his choice:
 *
 *     test.submit {organisation, connector, to, from} -> {"id": "0AB1CD2EF3GH4"}
 *
 * It goes into the queue like any other, and its account is in the trace.
 */
#include "base/moment.h"
#include "process/spool/state.h"

enum { MAX_TEXT = 4096, MAX_ADDRESS = 512 };

struct submission {
	struct spool_request *request;
	struct spool_message *message;
};

/* NULL: none, or an address literal. */
static const char *domain_of(const char *address, struct arena *arena)
{
	struct str s = str_of(address);

	return model_domain_name(str_part(s, str_find_last(s, '@') + 1, s.n), false, arena);
}

static bool is_address(const char *text, struct arena *arena)
{
	size_t n = strlen(text), at = str_find_last(str_of(text), '@');

	if (n > MAX_ADDRESS || at == 0 || at + 1 >= n)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '<' || *p == '>')
			return false;
	return text[at + 1] == '[' || domain_of(text, arena) != NULL;
}

/* Who manages an organisation does not send in the name of another. */
static bool is_another_s(const struct spool_request *request, const char *from)
{
	const char *domain = domain_of(from, request->arena);
	const struct model_domain *d =
		domain != NULL ? policy_accepted(request->spool->snapshot, domain) : NULL;

	return d != NULL && !spool_is_asked_by(request, d->organisation);
}

/* False: answered. */
static bool check(struct spool_request *request, const char *from, const char *to)
{
	const char *organisation = spool_argument(request, "organisation");
	const char *connector = spool_argument(request, "connector");
	const struct model_connector *c;

	if (organisation == NULL || connector == NULL || to == NULL) {
		spool_answer_error(request, ERR_SYNTAX, "organisation, connector, to: expected");
		return false;
	}
	c = policy_connector(request->spool->snapshot, organisation, connector);
	if (c == NULL)
		spool_answer_error(request, ERR_UNKNOWN, "there is no connector %s/%s",
			organisation, connector);
	else if (!c->enabled || c->outbound == NULL)
		spool_answer_error(request, ERR_CONFLICT, "the connector %s/%s %s", organisation,
			connector, c->enabled ? "has no outbound half" : "is not enabled");
	else if (from == NULL)
		spool_answer_error(request, ERR_SYNTAX,
			"from: expected, since the organisation has no domain of its own");
	else if (is_another_s(request, from))
		spool_answer_error(
			request, ERR_REFUSED, "from: you do not manage its organisation");
	else if (!is_address(from, request->arena) || !is_address(to, request->arena))
		spool_answer_error(request, ERR_SYNTAX, "from, to: expected an address, found %s",
			is_address(from, request->arena) ? to : from);
	else
		return true;
	return false;
}

static void write_text(const struct spool_request *request, const struct wire_message *m,
	const char *to, struct buf *out)
{
	char date[MOMENT_TEXT_SIZE];

	moment_format_rfc5322(m->received_ms, date);
	buf_format(out,
		"From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: %s\r\n"
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
		"\r\n",
		m->sender, to, m->subject, date, m->message_id);
	buf_format(out,
		"This message was sent to try out the connector %s of the mail server\r\n%s."
		"  An administrator (%s) asked for it.\r\n\r\n"
		"If it reached you, the connector works.  There is nothing to do.\r\n",
		m->via, request->spool->settings.hostname, request->actor);
}

static void committed(void *context, enum err e)
{
	struct submission *s = context;
	struct spool_request *request = s->request;
	struct spool *spool = request->spool;
	char id[WIRE_ID_TEXT];

	spool->accepting--;
	wire_id_format(s->message->id, id);
	if (e == ERR_OK)
		spool_plan_message(spool, &s->message->m, spool->now_ms());
	else
		spool_message_forget(spool, s->message->id);
	spool_message_drop(spool, &s->message);
	spool_wake(spool);
	if (e == ERR_OK)
		spool_answer(request, json_pack("{s:s}", "id", id));
	else
		spool_answer_error(request, e, "the message could not be kept: %s", err_text(e));
}

static void enqueue(
	struct spool_request *request, const struct store_message *m, struct str content)
{
	struct spool *spool = request->spool;
	struct submission *s = arena_alloc(request->arena, sizeof(*s));
	struct store_new new = {.intake = store_begin(spool->store, m->wire.id),
		.message = &m->wire,
		.recipients = m->recipients.items,
		.count = m->recipients.count};
	struct store_change change = {.news = &new, .new_count = 1};
	enum err e = store_write(new.intake, content);

	if (e != ERR_OK) {
		store_abort(&new.intake);
		spool_answer_error(request, e, "the message could not be kept: %s", err_text(e));
		return;
	}
	change.events = spool_events_accepted(
		spool, m, &m->wire.receipt, request->arena, &change.event_count);
	s->request = request;
	s->message = spool_message_add(spool, m);
	spool->accepting++;
	store_apply(spool->store, &change, committed, s);
}

void spool_manage_test_submit(struct spool_request *request)
{
	struct spool *spool = request->spool;
	struct arena *arena = request->arena;
	const char *organisation = spool_argument(request, "organisation");
	const char *to = spool_argument(request, "to"), *from = spool_argument(request, "from");
	struct store_recipient *r = arena_alloc(arena, sizeof(*r));
	struct store_message m = {.recipients = {.items = r, .count = 1}};
	struct policy_outbound out;
	struct buf text CLEANUP(buf_free);
	char id[WIRE_ID_TEXT];

	buf_init(&text, MAX_TEXT);
	if (from == NULL && organisation != NULL)
		from = spool_notice_postmaster(spool, organisation, arena);
	if (!check(request, from, to))
		return;
	m.wire.id = spool_new_id(spool);
	wire_id_format(m.wire.id, id);
	m.wire.received_ms = spool->now_ms();
	m.wire.sender = from;
	m.wire.subject = "Sealpost connector test";
	m.wire.message_id = arena_format(arena, "<%s@%s>", id, spool->settings.hostname);
	m.wire.via =
		arena_format(arena, "%s/%s", organisation, spool_argument(request, "connector"));
	m.wire.receipt = (struct receipt){.at_ms = m.wire.received_ms,
		.host = spool->settings.hostname,
		.organisation = organisation,
		.attempt = RECEIPT_ATTEMPT_LOCAL,
		.token = "ok",
		.reason = arena_format(arena, "test message of %s", request->actor)};
	write_text(request, &m.wire, to, &text);
	/* Not every server does 8BITMIME, and addresses are ASCII as a rule. */
	m.wire.body = str_is_ascii(buf_str(&text)) ? WIRE_BODY_7BIT : WIRE_BODY_8BITMIME;
	m.wire.size = (int64_t)buf_length(&text);
	r->wire = (struct wire_recipient){.address = to,
		.organisation = organisation,
		.originating = true,
		.notify = WIRE_NOTIFY_NEVER};
	r->route = spool_route(spool, &m.wire, &r->wire, arena, &out);
	r->due_ms = m.wire.received_ms;
	enqueue(request, &m, buf_str(&text));
}
