/* What is counted, for `sealpost status` and for monitoring. */
#include "process/receive/internal.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

void receive_count_connection(struct receive_session *s)
{
	s->receive->connections++;
	metrics_set_add(
		s->receive->metrics, METRICS_CONNECTIONS, VALUES(s->listener->model->name), 1);
}

void receive_count_handshake(struct receive_session *s)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct metrics_set *set = s->receive->metrics;
	struct receipt r = {.direction = RECEIPT_IN};

	tls_describe(s->tls, arena, &r);
	s->receive->tls_sessions++;
	metrics_set_add(set, METRICS_HANDSHAKES,
		VALUES("in", r.version, r.group, r.resumed ? "yes" : "no"), 1);
	metrics_set_add(set, METRICS_CIPHERS, VALUES("in", r.cipher), 1);
	metrics_set_observe(set, METRICS_HANDSHAKE_TIME, VALUES("in"), r.handshake_ms * 1000);
}

void receive_count_handshake_failed(struct receive_session *s)
{
	enum tls_failure_kind kind = tls_failure(s->tls, NULL);

	/* The client has left in the middle of it. */
	if (kind == TLS_FAILURE_NONE)
		kind = TLS_FAILURE_CLOSED;
	s->receive->tls_failures++;
	metrics_set_add(s->receive->metrics, METRICS_HANDSHAKE_FAILURES,
		VALUES("in", tls_failure_names[kind]), 1);
}

void receive_count_refusal(struct receive_session *s, const char *token)
{
	struct receive *r = s->receive;

	r->refused++;
	metrics_set_add(r->metrics, METRICS_REFUSED, VALUES(s->listener->model->name, token), 1);
	for (size_t i = 0; i < RECEIVE_REASONS_MAX; i++) {
		struct receive_reason *reason = &r->reasons[i];

		if (reason->token == NULL)
			reason->token = token; /* tokens are static text */
		if (strcmp(reason->token, token) != 0)
			continue;
		reason->count++;
		return;
	}
}

void receive_count_accepted(struct receive_session *s)
{
	const struct receive_transaction *t = s->transaction;
	const struct receipt *receipt = &t->message.receipt;
	int got = receipt->got >= 0 && receipt->got < MODEL_LEVEL_MAX ? receipt->got : 0;

	s->receive->accepted++;
	s->receive->accepted_bytes += t->size;
	metrics_set_add(s->receive->metrics, METRICS_RECEIVED,
		VALUES(s->listener->model->name,
			got == MODEL_LEVEL_NONE ? "clear" : model_level_names[got],
			receipt->required > MODEL_LEVEL_NONE ? "yes" : "no"),
		1);
}

json_t *receive_count_json(const struct receive *r)
{
	json_t *reasons = json_object(), *result;

	for (size_t i = 0; i < RECEIVE_REASONS_MAX && r->reasons[i].token != NULL; i++)
		json_object_set_new(reasons, r->reasons[i].token,
			json_integer((json_int_t)r->reasons[i].count));
	result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o}",
		"sessions", (json_int_t)r->session_count,		   /**/
		"connections", (json_int_t)r->connections,		   /**/
		"over_limit", (json_int_t)r->over_limit,		   /**/
		"tls_sessions", (json_int_t)r->tls_sessions,		   /**/
		"tls_failures", (json_int_t)r->tls_failures,		   /**/
		"client_certificates", (json_int_t)r->client_certificates, /**/
		"accepted", (json_int_t)r->accepted,			   /**/
		"accepted_bytes", (json_int_t)r->accepted_bytes,	   /**/
		"refused", (json_int_t)r->refused,			   /**/
		"timeouts", (json_int_t)r->timeouts,			   /**/
		"early_talkers", (json_int_t)r->early,			   /**/
		"spool_connected", r->spool != NULL,			   /**/
		"intake_open", r->spool != NULL && !r->intake_closed, "refused_by", reasons);
	json_object_set_new(result, "metrics", metrics_set_json(r->metrics));
	return result;
}
