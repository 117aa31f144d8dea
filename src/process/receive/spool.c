#include "process/receive/internal.h"

#include "port/log/log.h"

#include <stdlib.h>

/* 2020-01-01T00:00:00Z: where the time in message ids begins. */
static const int64_t id_epoch_ms = 1577836800000;
enum { ID_PROCESS_BITS = 10, ID_COUNTER_BITS = 12 };

int64_t receive_spool_next_id(struct receive *r)
{
	int64_t now = runtime_now_ms() - id_epoch_ms;

	/* Never the same twice, also when the clock is set back or the counter is used up. */
	if (now > r->last_id_ms) {
		r->last_id_ms = now;
		r->id_counter = 0;
	} else if (++r->id_counter == 1U << ID_COUNTER_BITS) {
		r->last_id_ms++;
		r->id_counter = 0;
	}
	return r->last_id_ms << (ID_PROCESS_BITS + ID_COUNTER_BITS) |
	       (int64_t)(r->index & ((1U << ID_PROCESS_BITS) - 1)) << ID_COUNTER_BITS |
	       (int64_t)r->id_counter;
}

/* ---- configuration -------------------------------------------------------------------------- */

/* A configuration on its way in. */
struct receive_collector {
	struct arena *arena;
	int64_t generation;
	struct {
		char *items;
		size_t count, room;
	} lists[MODEL_KIND_MAX];
};

static void free_collector(struct receive_collector **collector)
{
	struct receive_collector *c = *collector;

	if (c == NULL)
		return;
	for (size_t i = 0; i < MODEL_KIND_MAX; i++)
		free(c->lists[i].items);
	arena_free(&c->arena);
	free(c);
	*collector = NULL;
}

static void begin_config(struct receive *r, const struct wire_config_mark *mark)
{
	free_collector(&r->collector);
	r->collector = mem_new(sizeof(*r->collector));
	r->collector->arena = arena_new();
	r->collector->generation = mark->generation;
}

static bool add_object(struct receive *r, const struct wire_config_object *object)
{
	struct receive_collector *c = r->collector;
	const struct record_desc *desc;
	size_t kind = (size_t)object->kind;

	if (c == NULL || object->kind < 0 || kind >= MODEL_KIND_MAX)
		return false;
	desc = model_kinds[kind].desc;
	if (c->lists[kind].count == c->lists[kind].room) {
		c->lists[kind].room = c->lists[kind].room * 2 + 16;
		c->lists[kind].items =
			mem_resize(c->lists[kind].items, c->lists[kind].room, desc->size);
	}
	if (record_decode(desc, object->data, c->arena,
		    c->lists[kind].items + c->lists[kind].count * desc->size) != ERR_OK)
		return false;
	c->lists[kind].count++;
	return true;
}

static bool end_config(struct receive *r, const struct wire_config_mark *mark)
{
	struct receive_collector *c = r->collector;
	struct model_config config = {0};

	if (c == NULL || c->generation != mark->generation)
		return false;
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		model_set_list(&config, kind, c->lists[kind].items, c->lists[kind].count);
	policy_snapshot_free(&r->snapshot);
	r->snapshot = policy_snapshot_new(&config, (uint64_t)mark->generation);
	r->snapshots++;
	tls_trust_forget(r->trust);
	free_collector(&r->collector);
	log_event(LOG_INFO_LEVEL, "config.taken", LOG_NUMBER("generation", mark->generation));
	receive_accept_open(r);
	return true;
}

/* ---- messages ------------------------------------------------------------------------------- */

static struct receive_session *session_of(struct receive *r, int64_t id)
{
	return map_get(r->transactions, str_make(&id, sizeof(id)));
}

static void on_credit(struct receive *r, const struct wire_credit *credit)
{
	struct receive_session *s = session_of(r, credit->id);

	if (s == NULL || s->transaction == NULL || credit->amount <= 0)
		return;
	s->transaction->window += credit->amount;
	if (s->transaction->window > WIRE_WINDOW)
		s->transaction->window = WIRE_WINDOW;
	s->active_ticks = runtime_ticks_ms();
	receive_session_run(s);
}

static void on_intake(struct receive *r, const struct wire_intake *intake)
{
	if (r->intake_closed == intake->open)
		log_event(intake->open ? LOG_INFO_LEVEL : LOG_WARNING_LEVEL,
			intake->open ? "intake.open" : "intake.closed",
			LOG_TEXT("reason", intake->reason));
	r->intake_closed = !intake->open;
}

static void lose(struct receive *r, const char *reason)
{
	log_event(LOG_WARNING_LEVEL, "spool.lost", LOG_TEXT("reason", reason));
	ipc_free(&r->spool);
	r->spool_is_full = false;
	free_collector(&r->collector);
	/* Losing one transaction may end sessions, so begin anew after each. */
	while (map_count(r->transactions) > 0) {
		size_t position = 0;
		struct str key;
		void *value;

		map_next(r->transactions, &position, &key, &value);
		map_remove(r->transactions, key);
		receive_transaction_lost(value);
	}
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct receive *r = context;
	const struct wire_done *done = record;
	struct receive_session *s;
	bool is_fine = true;

	if (ipc != r->spool)
		return;
	switch (type) {
	case WIRE_CONFIG_BEGIN:
		begin_config(r, record);
		break;
	case WIRE_CONFIG_OBJECT:
		is_fine = add_object(r, record);
		break;
	case WIRE_CONFIG_END:
		is_fine = end_config(r, record);
		break;
	case WIRE_ACCEPT_CREDIT:
		on_credit(r, record);
		break;
	case WIRE_ACCEPT_DONE:
		s = session_of(r, done->id);
		if (s != NULL)
			receive_transaction_done(s, done);
		break;
	case WIRE_INTAKE:
		on_intake(r, record);
		break;
	case WIRE_REFUSED:
		receive_present_learn(r, record);
		break;
	case WIRE_LEFT:
		receive_leaving_learn(r, record);
		break;
	default:
		is_fine = false;
	}
	if (!is_fine)
		lose(r, "protocol");
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct receive *r = context;

	if (ipc == r->spool)
		lose(r, "closed");
}

static void on_drained(void *context, struct ipc *ipc)
{
	struct receive *r = context;
	struct receive_session *next;

	if (ipc != r->spool)
		return;
	r->spool_is_full = false;
	for (struct receive_session *s = r->sessions; s != NULL; s = next) {
		next = s->next;
		if (s->transaction != NULL)
			receive_session_run(s);
	}
}

static const struct ipc_handlers handlers = {on_message, on_closed, on_drained};

void receive_spool_peer(struct receive *r, int fd)
{
	if (r->spool != NULL)
		lose(r, "replaced");
	r->intake_closed = false;
	r->spool = ipc_new(r->base, fd, &handlers, r);
}

void receive_spool_free(struct receive *r)
{
	ipc_free(&r->spool);
	free_collector(&r->collector);
	policy_snapshot_free(&r->snapshot);
}
