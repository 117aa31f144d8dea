#include "process/receive/internal.h"

#include "core/cert/standing.h"
#include "port/log/log.h"

/* ---- answers --------------------------------------------------------------------------------- */

static void judge(struct receive_standing *standing, const struct wire_revocation_answer *answer,
	const char *why)
{
	struct policy_trust *trust = standing->trust;
	struct arena *arena = standing->session->facts_arena;
	const struct cert_standing_question question = {
		.is_required = standing->is_required,
		.count = standing->open.count,
		.is_listed = standing->open.is_listed,
		.answer = answer,
		.why = why,
	};
	struct cert_standing found;

	cert_standing_judge(&question, arena, &found);
	trust->verdict = (int)found.verdict;
	trust->detail = found.detail;
	standing->words = found.words;
}

static void on_answer(void *context, const struct wire_revocation_answer *answer, const char *why)
{
	struct receive_standing *asked = context;
	struct receive_session *s = asked->session;

	asked->question = NULL;
	s->standings_open--;
	for (size_t i = 0; i < s->standing_count; i++)
		if (&s->standings[i] == asked || s->standings[i].as == asked)
			judge(&s->standings[i], answer, why);
	receive_envelope_resume(s);
}

/* ---- questions ------------------------------------------------------------------------------- */

void receive_standing_ask(struct receive_session *s, struct receive_standing *standing,
	struct policy_trust *trust, const struct tls_open *open)
{
	struct wire_revocation_ask ask = {
		.chain = open->chain, .wait_ms = s->settings->node->fetch.wait_ms};

	*standing = (struct receive_standing){.session = s,
		.trust = trust,
		.is_required = trust->profile->revocation == MODEL_REVOCATION_REQUIRE,
		.open = *open};
	for (struct receive_standing *other = s->standings; other < standing; other++)
		if (other->question != NULL && str_equal(other->open.chain, open->chain)) {
			standing->as = other;
			return;
		}
	s->standings_open++;
	standing->question = inquiry_revocation(s->receive->inquiry, &ask, on_answer, standing);
}

void receive_standing_forget(struct receive_session *s)
{
	for (size_t i = 0; i < s->standing_count; i++)
		inquiry_cancel(&s->standings[i].question);
	s->standing_count = s->standings_open = 0;
}

/* ---- the channel ----------------------------------------------------------------------------- */

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct receive *r = context;

	(void)ipc;
	if (!inquiry_take(r->inquiry, type, record))
		log_event(LOG_WARNING_LEVEL, "channel.unexpected",
			LOG_TEXT("type", wire_types[type].name));
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct receive *r = context;

	(void)ipc;
	inquiry_channel(r->inquiry, NULL);
	ipc_free(&r->lookup);
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

void receive_standing_peer(struct receive *r, int fd)
{
	ipc_free(&r->lookup);
	r->lookup = ipc_new(r->base, fd, &handlers, r);
	inquiry_channel(r->inquiry, r->lookup);
	receive_staple_ask(r);
}
