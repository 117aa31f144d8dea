/* The content of a message, on its way to the spool. */
#include "process/receive/internal.h"

#include "core/message/received.h"

enum { HEADER_PIECE = 4096 };

/* ---- to the spool --------------------------------------------------------------------------- */

static void flush(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_data data = {t->message.id, buf_str(&t->chunk)};

	if (data.data.n == 0)
		return;
	t->window -= (int64_t)data.data.n;
	if (!ipc_send(s->receive->spool, WIRE_ACCEPT_DATA, &data))
		s->receive->spool_is_full = true;
	buf_clear(&t->chunk);
}

/* Content leaves in chunks that are full, the last one excepted. */
static void put_content(struct receive_session *s, struct str bytes)
{
	struct receive_transaction *t = s->transaction;

	t->size += bytes.n;
	while (bytes.n > 0) {
		size_t n = buf_room(&t->chunk);

		n = n < bytes.n ? n : bytes.n;
		buf_put(&t->chunk, str_part(bytes, 0, n));
		bytes = str_part(bytes, n, bytes.n);
		if (buf_room(&t->chunk) == 0)
			flush(s);
	}
}

static void put_received(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_message *m = &t->message;
	char id[WIRE_ID_TEXT];
	struct message_received received = {
		.helo = s->helo != NULL ? s->helo : "unknown",
		.address = s->address[0] != '\0' ? s->address : NULL,
		.hostname = s->settings->node->hostname,
		.is_esmtp = s->is_esmtp,
		.smtputf8 = m->smtputf8,
		.id = id,
		.recipient = m->recipients.count == 1 ? m->recipients.items[0].address : NULL,
		.at_ms = m->received_ms,
		.receipt = &m->receipt,
	};
	struct buf field;

	wire_id_format(m->id, id);
	buf_init(&field, MESSAGE_RECEIVED_MAX);
	if (message_received_format(&received, &field) == ERR_OK)
		put_content(s, buf_str(&field));
	buf_free(&field);
}

/* ---- the header ----------------------------------------------------------------------------- */

/* Rules may ask for header fields. */
static void on_field(void *context, struct str name, struct str value)
{
	struct receive_session *s = context;
	struct receive_transaction *t = s->transaction;

	policy_labels_add(
		s->receive->snapshot, &t->organisations, name, value, t->arena, &t->message.labels);
}

/* What this server believes of the message, for those behind it. */
static void put_stamps(struct receive_session *s)
{
	static const char *const as[] = {"anonymous", "partner", "internal"};
	struct receive_transaction *t = s->transaction;
	struct message_stamps stamps = {
		.originating = t->is_originating,
		.as = as[t->trust],
		.source = s->settings->node->hostname,
	};
	struct buf fields;

	buf_init(&fields, MESSAGE_STAMPS_MAX);
	if (message_stamps_format(&stamps, &fields) == ERR_OK) {
		message_fields_feed(&t->fields, buf_str(&fields));
		put_content(s, buf_str(&fields));
	}
	buf_free(&fields);
}

/* What has passed the firewall is what is looked at, and what goes on. */
static void put_header(struct receive_session *s, struct buf *passed)
{
	struct receive_transaction *t = s->transaction;

	message_headers_feed(&t->headers, buf_str(passed));
	message_fields_feed(&t->fields, buf_str(passed));
	put_content(s, buf_str(passed));
	buf_clear(passed);
}

static void take_header(struct receive_session *s, struct str *data)
{
	struct receive_transaction *t = s->transaction;
	struct buf passed;

	buf_init(&passed, MESSAGE_FIREWALL_GROWTH(HEADER_PIECE));
	while (data->n > 0 && !t->firewall.is_body) {
		struct str piece = str_part(*data, 0, HEADER_PIECE);

		message_firewall_feed(&t->firewall, piece, &passed);
		*data = str_part(*data, piece.n, data->n);
		put_header(s, &passed);
	}
	buf_free(&passed);
}

static void end_header(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct buf passed;

	buf_init(&passed, MESSAGE_FIREWALL_GROWTH(0));
	message_firewall_end(&t->firewall, &passed);
	put_header(s, &passed);
	message_fields_end(&t->fields);
	buf_free(&passed);
}

/* ---- begin, middle, end --------------------------------------------------------------------- */

void receive_content_begin(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;

	if (!receive_envelope_is_open(s)) {
		receive_transaction_drop(s);
		return;
	}
	/* A recipient may be refused now, or accepted for another reason. */
	if (t->generation != policy_snapshot_generation(s->receive->snapshot)) {
		smtp_server_reply(
			s->smtp, 451, "4.3.0", "The configuration has changed, try again");
		receive_transaction_drop(s);
		return;
	}
	t->message.id = receive_spool_next_id(s->receive);
	t->message.received_ms = runtime_now_ms();
	t->message.helo = arena_text(t->arena, s->helo);
	receive_facts(s);
	receive_facts_receipt(s, &t->inbound, t->arena, &t->message.receipt);
	t->has_content = true;
	map_set(s->receive->transactions, str_make(&t->message.id, sizeof(t->message.id)), s);
	message_firewall_init(
		&t->firewall, t->promotes ? MESSAGE_FIREWALL_PROMOTE : MESSAGE_FIREWALL_STRIP);
	message_fields_init(&t->fields, on_field, s);
	put_received(s);
	put_stamps(s);
	smtp_server_go(s->smtp);
}

static void give_up(
	struct receive_session *s, enum policy_outcome outcome, const struct smtp_fault *fault)
{
	receive_transaction_give_up(s, policy_outcome_row(outcome)->token, fault);
	smtp_server_refuse(s->smtp, fault);
}

void receive_content_take(struct receive_session *s, struct str data)
{
	static const struct smtp_fault loop = {554, "5.4.6", "Too many hops: mail loops"};
	static const struct smtp_fault large = {
		552, "5.3.4", "The message is larger than the organisation takes"};
	struct receive_transaction *t = s->transaction;

	if (t == NULL)
		return;
	t->taken += (int64_t)data.n;
	if (t->limit > 0 && t->taken > t->limit) {
		give_up(s, POLICY_TOO_LARGE, &large);
		return;
	}
	if (!t->firewall.is_body)
		take_header(s, &data);
	if (t->headers.received > (unsigned)s->settings->node->limits.hops) {
		give_up(s, POLICY_LOOP, &loop);
		return;
	}
	put_content(s, data);
}

void receive_content_end(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_message *m = &t->message;

	end_header(s);
	flush(s);
	buf_free(&t->chunk);
	m->size = (int64_t)t->size;
	m->hops = t->headers.received;
	m->message_id = message_headers_id(&t->headers);
	m->subject = message_headers_subject(&t->headers);
	if (!receive_envelope_passes(s))
		return;
	if (m->body == WIRE_BODY_7BIT && smtp_server_is_eight_bit(s->smtp))
		/* Said otherwise, or nothing; the next hop must know. */
		m->body = WIRE_BODY_8BITMIME;
	/* What the facts hold may be made anew before the spool has read it, so it is sent now. */
	receive_facts_receipt(s, &t->inbound, t->arena, &m->receipt);
	m->receipt.reply = "250 2.0.0 Ok";
	t->is_committed = true;
	if (!ipc_send(s->receive->spool, WIRE_ACCEPT_COMMIT, m))
		s->receive->spool_is_full = true;
}
