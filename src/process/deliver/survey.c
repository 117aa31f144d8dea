#include "process/deliver/survey.h"

#include <stdlib.h>

static void next_host(struct deliver_survey *survey);

static void arm(struct deliver_survey *survey, int64_t ms)
{
	struct timeval time = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(survey->timer, &time);
}

static void survey_free(struct deliver_survey **pointer)
{
	struct deliver_survey *survey = *pointer;

	*pointer = NULL;
	*survey->place = survey->next;
	if (survey->next != NULL)
		survey->next->place = survey->place;
	survey->self->survey_count--;
	deliver_resolve_cancel(&survey->resolve);
	deliver_link_free(&survey->link);
	event_free(survey->timer);
	arena_free(&survey->arena);
	free(survey);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* What came of the host that has its turn; tag, host and port are filled in. */
static void tell(struct deliver_survey *survey, struct wire_surveyed *surveyed)
{
	const struct deliver_target *target = &survey->targets[survey->target_at];

	surveyed->tag = survey->wire.tag;
	surveyed->host = survey->wire.host;
	surveyed->port = survey->wire.port;
	if (survey->target_at < survey->target_count) {
		surveyed->host = target->host;
		surveyed->port = target->port;
	}
	surveyed->is_last = survey->target_at + 1 >= survey->target_count;
	if (survey->self->admin != NULL)
		ipc_send(survey->self->admin, WIRE_SURVEYED, surveyed);
}

/* Nothing can be said of this host. */
static void fail(struct deliver_survey *survey, const char *why)
{
	struct wire_surveyed surveyed = {.text = why, .verdict = CERT_NONE};

	if (survey->address_at < survey->address_count)
		surveyed.address = survey->addresses[survey->address_at].text;
	tell(survey, &surveyed);
	survey->target_at++;
}

static void fail_and_go_on(struct deliver_survey *survey, const char *why)
{
	fail(survey, why);
	next_host(survey);
}

static void tell_chain(struct deliver_survey *survey)
{
	static const struct policy_profile by_system = {.anchors = NULL};
	const struct tls_session *tls = deliver_link_tls(survey->link);
	const struct receipt *receipt = deliver_link_receipt(survey->link);
	struct tls_verification how = {.anchors = deliver_anchors(survey->self, &by_system),
		.purpose = TLS_PURPOSE_SERVER,
		.revocation = TLS_REVOCATION_OFF,
		.now_ms = runtime_now_ms()};
	struct wire_surveyed surveyed = {.ok = true,
		.address = arena_format(survey->arena,
			strchr(receipt->peer_address, ':') != NULL ? "[%s]:%d" : "%s:%d",
			receipt->peer_address, (int)receipt->peer_port),
		.version = receipt->version,
		.cipher = receipt->cipher,
		.group = receipt->group,
		.verdict = CERT_UNTRUSTED_ROOT,
		.has_stapled = tls_stapled(tls).n > 0,
		.chain = tls_peer_pem(tls, survey->arena)};

	if (how.anchors != NULL)
		surveyed.verdict =
			(int)tls_verify(tls, &how, survey->arena, &surveyed.verdict_detail, NULL);
	tell(survey, &surveyed);
}

/* ---- one connection -------------------------------------------------------------------------- */

static void on_handshake(struct deliver_survey *survey)
{
	tell_chain(survey);
	survey->target_at++;
	survey->is_done = true;
	arm(survey, 0);
}

static void connect_next(struct deliver_survey *survey);

/* The next address, if there is one. */
static void try_another(struct deliver_survey *survey, const char *why)
{
	deliver_link_free(&survey->link);
	if (survey->address_at + 1 < survey->address_count &&
		survey->address_at + 1 < DELIVER_SURVEY_ADDRESSES) {
		survey->address_at++;
		connect_next(survey);
		return;
	}
	fail_and_go_on(survey, why);
}

static void on_lost(struct deliver_survey *survey)
{
	const struct smtp_client_failure *failure =
		smtp_client_failure(deliver_link_client(survey->link));

	try_another(survey,
		arena_text(survey->arena,
			failure->text[0] != '\0' ? failure->text : "the connection was lost"));
}

static void on_event(void *context, enum deliver_link_event event)
{
	struct deliver_survey *survey = context;

	if (survey->is_done)
		return;
	switch (event) {
	case DELIVER_LINK_READY:
		if (deliver_link_tls(survey->link) != NULL)
			on_handshake(survey);
		else
			try_another(survey, deliver_link_starttls_refused(survey->link)
						    ? "the host refuses STARTTLS"
						    : "the host does not offer STARTTLS");
		break;
	case DELIVER_LINK_TLS_FAILED:
		try_another(survey, arena_format(survey->arena, "the handshake failed: %s",
					    deliver_link_reason(survey->link)));
		break;
	case DELIVER_LINK_UNREACHABLE:
		try_another(survey, arena_text(survey->arena, deliver_link_reason(survey->link)));
		break;
	case DELIVER_LINK_LOST:
		on_lost(survey);
		break;
	case DELIVER_LINK_DONE:
		break;
	}
}

/* The handshake is enough: who speaks something else than SMTP over TLS will do, too. */
static void on_progress(void *context, const char *stage)
{
	struct deliver_survey *survey = context;

	(void)stage;
	if (!survey->is_done && survey->link != NULL && deliver_link_tls(survey->link) != NULL)
		on_handshake(survey);
}

static const struct deliver_link_owner owner = {.event = on_event, .progress = on_progress};

static void connect_next(struct deliver_survey *survey)
{
	const struct deliver_target *target = &survey->targets[survey->target_at];
	struct policy_outbound none = {.required = MODEL_LEVEL_NONE};
	struct deliver_link_options options = deliver_way_options(
		survey->self, &none, target, &survey->addresses[survey->address_at]);

	options.key = "survey";
	options.attempt = RECEIPT_ATTEMPT_FULL;
	options.is_implicit = survey->wire.is_implicit;
	survey->link = deliver_link_new(&options, &owner, survey);
	arm(survey, DELIVER_SURVEY_STEP_MS);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static const char *unresolved(
	struct deliver_survey *survey, const struct deliver_resolve_answer *answer)
{
	if (answer->status == DELIVER_RESOLVE_LATER)
		return arena_text(survey->arena, answer->why);
	return answer->status == DELIVER_RESOLVE_NXDOMAIN ? "the name does not exist"
							  : "the host has no address";
}

static void on_addresses(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_survey *survey = context;

	survey->resolve = NULL;
	if (answer->status != DELIVER_RESOLVE_OK) {
		fail_and_go_on(survey, unresolved(survey, answer));
		return;
	}
	survey->address_count = answer->address_count;
	memcpy(survey->addresses, answer->addresses, sizeof(survey->addresses));
	connect_next(survey);
}

static void next_host(struct deliver_survey *survey)
{
	const struct deliver_target *target = &survey->targets[survey->target_at];

	survey->is_done = false;
	survey->address_at = survey->address_count = 0;
	deliver_link_free(&survey->link);
	if (runtime_ticks_ms() - survey->began_ticks > DELIVER_SURVEY_ALL_MS)
		while (survey->target_at < survey->target_count)
			fail(survey, "there was no time left for it");
	if (survey->target_at >= survey->target_count) {
		survey_free(&survey);
		return;
	}
	if (deliver_targets_literal(str_of(target->host), target->port, &survey->addresses[0])) {
		survey->address_count = 1;
		connect_next(survey);
		return;
	}
	arm(survey, DELIVER_SURVEY_STEP_MS);
	survey->resolve = deliver_resolve_host(
		survey->self->dns, target->host, target->port, on_addresses, survey);
}

static void begin_with_host(struct deliver_survey *survey)
{
	const struct wire_survey *wire = &survey->wire;
	int64_t preset =
		wire->is_implicit ? DELIVER_SURVEY_TLS_PORT : survey->self->node->ports.smtp;

	survey->targets[0] = (struct deliver_target){
		.host = wire->host, .port = (uint16_t)(wire->port > 0 ? wire->port : preset)};
	survey->target_count = 1;
	next_host(survey);
}

/* A domain that says by its MX that it takes no mail has no host to look at. */
static void on_mx(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_survey *survey = context;
	bool is_loop = false;

	survey->resolve = NULL;
	if (answer->status != DELIVER_RESOLVE_OK || answer->mx_count == 0) {
		begin_with_host(survey);
		return;
	}
	if (deliver_targets_is_null_mx(answer->mx, answer->mx_count)) {
		fail_and_go_on(survey, "the domain takes no mail (null MX)");
		return;
	}
	survey->target_count =
		deliver_way_mx(survey->self, answer, survey->arena, survey->targets, &is_loop);
	if (survey->target_count > DELIVER_SURVEY_MX)
		survey->target_count = DELIVER_SURVEY_MX;
	if (survey->target_count == 0) /* all of them lead here: that host is worth a look */
		begin_with_host(survey);
	else
		next_host(survey);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct deliver_survey *survey = context;

	(void)fd;
	(void)what;
	if (survey->is_done) {
		next_host(survey);
	} else if (survey->link != NULL) {
		try_another(survey, "no answer in time");
	} else {
		deliver_resolve_cancel(&survey->resolve);
		fail_and_go_on(survey, "the name servers did not answer in time");
	}
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void refuse(struct deliver *self, const struct wire_survey *wire, const char *why)
{
	const struct wire_surveyed surveyed = {.tag = wire->tag,
		.is_last = true,
		.host = wire->host,
		.port = wire->port,
		.text = why};

	if (self->admin != NULL)
		ipc_send(self->admin, WIRE_SURVEYED, &surveyed);
}

void deliver_survey_begin(struct deliver *self, const struct wire_survey *wire)
{
	struct deliver_survey *survey;
	struct deliver_address literal;

	if (wire->host == NULL || wire->port < 0 || wire->port > UINT16_MAX) {
		refuse(self, wire, "no host and port were given");
		return;
	}
	if (self->draining || self->survey_count >= DELIVER_SURVEYS) {
		refuse(self, wire, "too much is looked at already: try again later");
		return;
	}
	survey = mem_new(sizeof(*survey));
	survey->self = self;
	survey->arena = arena_new();
	survey->wire = *wire;
	survey->wire.host = arena_text(survey->arena, wire->host);
	survey->began_ticks = runtime_ticks_ms();
	survey->timer = evtimer_new(self->base, on_timer, survey);
	survey->next = self->surveys;
	survey->place = &self->surveys;
	if (survey->next != NULL)
		survey->next->place = &survey->next;
	self->surveys = survey;
	self->survey_count++;
	if (wire->port > 0 || deliver_targets_literal(str_of(wire->host), 0, &literal)) {
		begin_with_host(survey);
		return;
	}
	arm(survey, DELIVER_SURVEY_STEP_MS);
	survey->resolve = deliver_resolve_mx(self->dns, survey->wire.host, on_mx, survey);
}

void deliver_survey_stop(struct deliver *self, int64_t tag)
{
	struct deliver_survey *survey = self->surveys;

	while (survey != NULL && survey->wire.tag != tag)
		survey = survey->next;
	if (survey != NULL)
		survey_free(&survey);
}

void deliver_survey_stop_all(struct deliver *self)
{
	struct deliver_survey *next;

	for (struct deliver_survey *survey = self->surveys; survey != NULL; survey = next) {
		next = survey->next;
		refuse(self, &survey->wire, "this server is ending");
		survey_free(&survey);
	}
}
