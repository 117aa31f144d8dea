/* MAIL and RCPT: what policy says of each recipient. */
#include "process/receive/internal.h"

enum {
	/* All recipients of one message must fit into one frame to the spool. */
	RECIPIENTS_SIZE_MAX = WIRE_MAX_PAYLOAD / 2,
	RECIPIENT_OVERHEAD = 256,
};

bool receive_envelope_is_open(struct receive_session *s)
{
	struct receive *r = s->receive;

	if (r->spool == NULL || r->snapshot == NULL) {
		smtp_server_reply(s->smtp, 451, "4.3.0", "Try again later");
		return false;
	}
	if (r->intake_closed) {
		smtp_server_reply(s->smtp, 452, "4.3.1", "No space for mail, try again later");
		return false;
	}
	return true;
}

void receive_envelope_mail(struct receive_session *s, const struct smtp_params_mail *mail)
{
	struct receive_transaction *t;

	receive_transaction_drop(s);
	if (!receive_envelope_is_open(s))
		return;
	t = mem_new(sizeof(*t));
	t->arena = arena_new();
	t->message.sender = arena_text_of(t->arena, mail->sender.text);
	t->message.envelope_id =
		mail->envelope_id.n > 0 ? arena_text_of(t->arena, mail->envelope_id) : NULL;
	t->message.ret = mail->ret;
	t->message.body = mail->body;
	t->message.smtputf8 = mail->smtputf8;
	t->declared_size = mail->has_size ? (int64_t)mail->size : 0;
	t->window = WIRE_WINDOW;
	buf_init(&t->chunk, WIRE_CHUNK);
	s->transaction = t;
	smtp_server_reply(s->smtp, 250, "2.1.0", "Ok");
}

/* ---- what is kept of a recipient ------------------------------------------------------------ */

/* What is kept of policy's answer must outlive the snapshot. */
static void keep_inbound(struct receive_transaction *t, const struct policy_inbound *from)
{
	struct arena *a = t->arena;
	struct policy_inbound *to = &t->inbound;

	*to = *from;
	to->text = arena_text(a, from->text);
	to->reply = arena_text(a, from->reply);
	to->organisation = arena_text(a, from->organisation);
	to->connector = arena_text(a, from->connector);
	to->receiver = arena_text(a, from->receiver);
	to->receiver_connector = arena_text(a, from->receiver_connector);
	to->would.text = arena_text(a, from->would.text);
	to->would.by = arena_text(a, from->would.by);
	to->name_expected = arena_text(a, from->name_expected);
	to->name_matched = arena_text(a, from->name_matched);
	to->anchors = arena_text(a, from->anchors);
	to->required_by.items = arena_array(a, from->required_by.count + 1, sizeof(char *));
	for (size_t i = 0; i < from->required_by.count; i++)
		to->required_by.items[i] = arena_text(a, from->required_by.items[i]);
	to->considered = (struct policy_candidates){0};
}

/* The organisations that the message concerns: their limits and rules apply. */
static void note_organisation(
	struct receive_session *s, struct receive_transaction *t, const char *name)
{
	const struct model_organisation *o;
	struct record_texts *list = &t->organisations;
	const char **items;

	for (size_t i = 0; i < list->count && name != NULL; i++)
		if (strcmp(list->items[i], name) == 0)
			return;
	o = name != NULL ? policy_organisation(s->receive->snapshot, name) : NULL;
	if (o == NULL)
		return;
	if (o->maximum_message > 0 && (t->limit == 0 || o->maximum_message < t->limit))
		t->limit = o->maximum_message;
	items = arena_array(t->arena, list->count + 1, sizeof(*items));
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	items[list->count++] = arena_text(t->arena, name);
	list->items = items;
}

/* What the server states of the message holds for all its recipients: the least that any of them
 * may believe.  To another organisation of this installation the sender's is an outsider. */
static void note_trust(struct receive_transaction *t, const struct policy_inbound *inbound)
{
	bool is_own = inbound->receiver == NULL;
	bool is_partner = is_own ? !inbound->originating && inbound->connector != NULL &&
					   inbound->name_matched != NULL &&
					   inbound->verdict == CERT_TRUSTED
				 : inbound->receiver_connector != NULL;
	enum receive_trust trust = is_own && inbound->is_internal ? RECEIVE_INTERNAL
				   : is_partner			  ? RECEIVE_PARTNER
								  : RECEIVE_ANONYMOUS;
	bool is_first = t->message.recipients.count == 0;

	t->trust = is_first || trust < t->trust ? trust : t->trust;
	t->is_originating = (is_first || t->is_originating) && is_own && inbound->originating;
	t->promotes = (is_first || t->promotes) && is_own && inbound->promotes_headers;
}

static void note_would(
	struct receive_transaction *t, struct wire_recipient *to, const struct policy_would *would)
{
	if (would->outcome == POLICY_OK || to->would_token != NULL)
		return;
	to->would_token = policy_outcome_row(would->outcome)->token;
	to->would_text = arena_text(t->arena, would->text);
	to->would_by = arena_text(t->arena, would->by);
}

static struct wire_recipient *new_recipient(struct receive_transaction *t)
{
	if (t->message.recipients.count == t->recipient_room) {
		size_t room = t->recipient_room * 2 + 4;
		struct wire_recipient *more = arena_array(t->arena, room, sizeof(*more));

		if (t->message.recipients.count > 0)
			memcpy(more, t->message.recipients.items,
				t->message.recipients.count * sizeof(*more));
		t->message.recipients.items = more;
		t->recipient_room = room;
	}
	return &t->message.recipients.items[t->message.recipients.count];
}

static void add_recipient(struct receive_session *s, const struct smtp_params_rcpt *rcpt,
	const struct policy_inbound *inbound)
{
	struct receive_transaction *t = s->transaction;
	struct wire_recipient *to = new_recipient(t);

	if (t->message.recipients.count == 0) {
		keep_inbound(t, inbound);
		t->generation = policy_snapshot_generation(s->receive->snapshot);
		receive_present_attributed(s, inbound);
		receive_leaving_sent(s);
	}
	note_organisation(s, t, inbound->organisation);
	note_organisation(s, t, inbound->receiver);
	note_trust(t, inbound);
	*to = (struct wire_recipient){
		.number = (int64_t)t->message.recipients.count,
		.address = arena_text_of(t->arena, rcpt->recipient.text),
		.original = rcpt->original.n > 0 ? arena_text_of(t->arena, rcpt->original) : NULL,
		.notify = rcpt->notify,
		.organisation = arena_text(t->arena, inbound->organisation),
		.connector = arena_text(t->arena, inbound->connector),
		.originating = inbound->originating,
		.receiver = arena_text(t->arena, inbound->receiver),
		.receiver_connector = arena_text(t->arena, inbound->receiver_connector),
	};
	note_would(t, to, &inbound->would);
	t->message.recipients.count++;
}

/* ---- judging -------------------------------------------------------------------------------- */

static struct receive_refusal refusal_of(const struct policy_inbound *inbound)
{
	const struct policy_outcome_row *row = policy_outcome_row(inbound->outcome);
	struct receive_refusal refusal = {.token = row->token, .inbound = inbound};

	refusal.code = policy_inbound_reply(inbound, &refusal.enhanced);
	refusal.text = inbound->text != NULL ? inbound->text : row->text;
	refusal.told = inbound->reply != NULL ? inbound->reply : refusal.text;
	return refusal;
}

static void refuse(struct policy_inbound *inbound, enum policy_outcome outcome, const char *text,
	const char *reply)
{
	inbound->accepted = false;
	inbound->outcome = outcome;
	inbound->text = text;
	inbound->reply = reply;
	inbound->is_temporary = false;
}

/* What an outsider may know of it. */
static const char *told(enum policy_outcome outcome)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	return row->told != NULL ? row->told : row->text;
}

/* RULE as "rule contoso/records". */
static bool is_rule_of(const char *rule, const char *organisation)
{
	struct str name = str_of(rule);

	str_cut(&name, ' ');
	return str_is(str_cut(&name, '/'), organisation);
}

/* Is there a way for it?  What is known already need not be found out after the content came, by
 * a notice of failure: unknown recipients, loops, rules. */
static void judge_way(struct receive_session *s, const struct wire_recipient *recipient,
	int64_t size, struct arena *arena, struct policy_inbound *inbound)
{
	const struct wire_message *m = &s->transaction->message;
	struct policy_outbound way;
	struct policy_mail mail = {
		.organisation = recipient->originating ? recipient->organisation : NULL,
		.connector = recipient->connector,
		.sender = m->sender,
		.size = size,
		.labels = m->labels,
	};

	policy_outbound(s->receive->snapshot, &mail, str_of(recipient->address), arena, &way);
	if (inbound->would.outcome == POLICY_OK)
		inbound->would = way.would;
	if (way.type != POLICY_ROUTE_REFUSE)
		return;
	if (way.outcome == POLICY_RULE)
		/* Its words are meant for the sender, its name for its own organisation. */
		refuse(inbound, way.outcome,
			is_rule_of(way.refused_by, recipient->organisation)
				? arena_format(arena, "%s refuses: %s", way.refused_by, way.text)
				: way.text,
			way.text);
	else
		refuse(inbound, way.outcome, way.text,
			recipient->originating && recipient->receiver == NULL ? NULL
									      : told(way.outcome));
}

static void judge_size(struct receive_session *s, const char *organisation, int64_t size,
	struct arena *arena, struct policy_inbound *inbound)
{
	const struct model_organisation *o =
		organisation != NULL ? policy_organisation(s->receive->snapshot, organisation)
				     : NULL;

	if (!inbound->accepted || o == NULL || o->maximum_message == 0 ||
		size <= o->maximum_message)
		return;
	refuse(inbound, POLICY_TOO_LARGE,
		arena_format(arena,
			"The message has %lld bytes, organisation %s takes at most %lld",
			(long long)size, o->name, (long long)o->maximum_message),
		arena_format(arena, "The message is too large: at most %lld bytes are taken",
			(long long)o->maximum_message));
}

/* Until receive_envelope_resume(): the client waits for its answer, and nobody else does. */
static void hold(struct receive_transaction *t, const struct smtp_params_rcpt *rcpt)
{
	if (t->held != NULL)
		return;
	t->held = arena_alloc(t->arena, sizeof(*t->held));
	*t->held = *rcpt;
	t->held->original = arena_copy(t->arena, rcpt->original);
	t->held->recipient =
		(struct smtp_address){.text = arena_copy(t->arena, rcpt->recipient.text),
			.is_literal = rcpt->recipient.is_literal,
			.is_utf8 = rcpt->recipient.is_utf8};
}

void receive_envelope_resume(struct receive_session *s)
{
	struct smtp_params_rcpt *held = s->transaction != NULL ? s->transaction->held : NULL;

	if (held == NULL || !receive_facts_are_known(s))
		return;
	s->transaction->held = NULL;
	receive_envelope_rcpt(s, held);
	receive_session_run(s);
}

void receive_envelope_rcpt(struct receive_session *s, const struct smtp_params_rcpt *rcpt)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receive_transaction *t = s->transaction;
	struct policy_inbound inbound = {0};
	struct wire_recipient recipient = {.address = arena_text_of(arena, rcpt->recipient.text)};
	size_t size = rcpt->recipient.text.n + rcpt->original.n + RECIPIENT_OVERHEAD;

	if (t->recipients_size + size > RECIPIENTS_SIZE_MAX) {
		smtp_server_reply(s->smtp, 452, "4.5.3", "Too many recipients");
		return;
	}
	receive_facts(s);
	if (!receive_facts_are_known(s)) {
		hold(t, rcpt);
		return;
	}
	policy_attribute(s->receive->snapshot, receive_facts(s), str_of(t->message.sender),
		rcpt->recipient.text, arena, &inbound);
	receive_chain_tell(s, &inbound);
	if (inbound.accepted) {
		recipient.organisation = inbound.organisation;
		recipient.connector = inbound.connector;
		recipient.receiver = inbound.receiver;
		recipient.originating = inbound.originating;
		judge_way(s, &recipient, t->declared_size, arena, &inbound);
		judge_size(s, inbound.organisation, t->declared_size, arena, &inbound);
		judge_size(s, inbound.receiver, t->declared_size, arena, &inbound);
	}
	if (!inbound.accepted) {
		struct receive_refusal refusal = refusal_of(&inbound);

		refusal.recipient = recipient.address;
		receive_transaction_report(s, &refusal);
		smtp_server_reply(s->smtp, refusal.code, refusal.enhanced, refusal.told);
		return;
	}
	t->recipients_size += size;
	add_recipient(s, rcpt, &inbound);
	smtp_server_reply(s->smtp, 250, "2.1.5", "Ok");
}

/* The client gets one reply, the first recipient's; each is reported. */
static void refuse_all(struct receive_session *s, const struct policy_inbound *judged)
{
	const struct wire_message *m = &s->transaction->message;
	struct receive_refusal refusal = {0};

	for (size_t i = m->recipients.count; i-- > 0;) {
		refusal = refusal_of(&judged[i]);
		refusal.recipient = m->recipients.items[i].address;
		receive_transaction_report(s, &refusal);
	}
	smtp_server_reply(s->smtp, refusal.code, refusal.enhanced, refusal.told);
	receive_transaction_drop(s);
}

bool receive_envelope_passes(struct receive_session *s)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receive_transaction *t = s->transaction;
	struct wire_message *m = &t->message;
	struct policy_inbound *judged = arena_array(arena, m->recipients.count, sizeof(*judged));
	bool passes = false;

	/* All that else could refuse was known at RCPT. */
	if (policy_snapshot_config(s->receive->snapshot)->rules.count == 0)
		return true;
	for (size_t i = 0; i < m->recipients.count; i++) {
		struct wire_recipient *to = &m->recipients.items[i];

		judged[i] = t->inbound;
		judged[i].organisation = to->organisation;
		judged[i].connector = to->connector;
		judged[i].receiver = to->receiver;
		judged[i].receiver_connector = to->receiver_connector;
		judged[i].originating = to->originating;
		judged[i].would = (struct policy_would){.outcome = POLICY_OK};
		judge_way(s, to, m->size, arena, &judged[i]);
		note_would(t, to, &judged[i].would);
		passes = passes || judged[i].accepted;
	}
	if (!passes)
		refuse_all(s, judged);
	return passes;
}
