/* The process itself: settings, channels, configuration, and what ends it. */
#include "process/deliver/deliver.h"

#include "port/log/log.h"
#include "port/tls/present.h"
#include "process/deliver/config.h"
#include "process/deliver/inside.h"
#include "process/deliver/present.h"
#include "process/deliver/probe.h"
#include "process/deliver/survey.h"

#include <stdlib.h>
#include <unistd.h>

enum { KEPT_MAX = 10000 };

/* Outcomes of jobs whose spool went away, for the next one. */
struct deliver_kept {
	struct deliver_kept *next;
	struct arena *arena;
	struct wire_outcome outcome;
};

/* ---- what the other files use ---------------------------------------------------------------- */

void deliver_send(struct deliver *self, enum wire_type type, const void *record)
{
	if (self->spool != NULL)
		ipc_send(self->spool, type, record);
}

static void keep(struct deliver *self, const struct wire_outcome *outcome)
{
	struct deliver_kept *kept, **end = &self->kept;
	size_t count = 0;

	for (; *end != NULL; end = &(*end)->next)
		count++;
	if (count >= KEPT_MAX) {
		log_event(LOG_WARNING_LEVEL, "outcome.dropped",
			LOG_NUMBER("message", outcome->message));
		return;
	}
	kept = mem_new(sizeof(*kept));
	kept->arena = arena_new();
	record_copy(&wire_outcome_desc, outcome, kept->arena, &kept->outcome);
	/* The number of the job meant something only to the spool that gave it. */
	kept->outcome.job = 0;
	*end = kept;
}

void deliver_send_outcome(struct deliver *self, const struct wire_outcome *outcome)
{
	if (self->spool != NULL)
		ipc_send(self->spool, WIRE_OUTCOME, outcome);
	else
		keep(self, outcome);
}

/* First of all on a new channel: what that spool must not give out again. */
static void report_orphans(struct deliver *self)
{
	for (struct deliver_job *job = self->jobs; job != NULL; job = job->next)
		deliver_job_report(job);
}

static void send_kept(struct deliver *self)
{
	struct deliver_kept *kept;

	while ((kept = self->kept) != NULL) {
		self->kept = kept->next;
		deliver_send(self, WIRE_OUTCOME, &kept->outcome);
		arena_free(&kept->arena);
		free(kept);
	}
}

void deliver_remember(struct deliver *self, const struct wire_host *host)
{
	deliver_memory_set(self->memory, host);
	deliver_send(self, WIRE_HOST, host);
	log_event(LOG_WARNING_LEVEL, "host.tls-failed", LOG_TEXT("host", host->host),
		LOG_TEXT("attempt", receipt_attempt_names[host->attempt]),
		LOG_TEXT("reason", host->reason));
}

const struct tls_anchors *deliver_anchors(
	struct deliver *self, const struct policy_profile *profile)
{
	struct err_info info = {.text = ""};
	const struct tls_anchors *anchors = tls_trust_of(self->trust, profile, &info);

	if (info.text[0] != '\0')
		log_event(LOG_WARNING_LEVEL, "anchors.unusable", LOG_TEXT("reason", info.text));
	return anchors;
}

void deliver_config_release(struct deliver_config **config)
{
	if (*config == NULL)
		return;
	if (--(*config)->references == 0) {
		policy_snapshot_free(&(*config)->snapshot);
		free(*config);
	}
	*config = NULL;
}

void deliver_check_drained(struct deliver *self)
{
	if (!self->draining || self->job_count > 0)
		return;
	deliver_pool_clear(self->pool);
	runtime_drained(self->runtime);
}

/* ---- the spool ------------------------------------------------------------------------------- */

static void offer_slots(struct deliver *self)
{
	struct wire_credit ready = {.amount = self->draining ? 0 : DELIVER_JOBS};

	if (self->started)
		deliver_send(self, WIRE_READY, &ready);
}

static void on_config_end(struct deliver *self, const struct wire_config_mark *mark)
{
	struct deliver_config *config = mem_new(sizeof(*config));

	config->snapshot = deliver_config_end(self->reader, mark->generation);
	config->references = 1;
	deliver_config_release(&self->config);
	self->config = config;
	tls_trust_forget(self->trust);
	log_event(LOG_INFO_LEVEL, "config.taken", LOG_NUMBER("generation", mark->generation));
}

static void on_body(struct deliver *self, const struct wire_body *chunk)
{
	struct deliver_job *job = deliver_job_find(self, chunk->job);

	if (job != NULL)
		deliver_body_chunk(job->body, chunk);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct deliver *self = context;
	struct deliver_job *job;

	(void)ipc;
	switch (type) {
	case WIRE_CONFIG_BEGIN:
		deliver_config_begin(self->reader);
		break;
	case WIRE_CONFIG_OBJECT:
		if (deliver_config_object(self->reader, record) != ERR_OK)
			runtime_fail(self->runtime, "config.unreadable",
				"an object of the configuration cannot be read");
		break;
	case WIRE_CONFIG_END:
		on_config_end(self, record);
		break;
	case WIRE_JOB:
		deliver_job_begin(self, record);
		break;
	case WIRE_JOB_CANCEL:
		job = deliver_job_find(self, ((const struct wire_id *)record)->id);
		if (job != NULL)
			deliver_job_cancel(job);
		break;
	case WIRE_BODY:
		on_body(self, record);
		break;
	case WIRE_HOST:
		deliver_memory_set(self->memory, record);
		break;
	case WIRE_REFUSED:
		deliver_present_learn(self, record);
		break;
	default:
		log_event(LOG_WARNING_LEVEL, "channel.unexpected",
			LOG_TEXT("type", wire_types[type].name));
		break;
	}
}

static void lose_spool(struct deliver *self)
{
	struct deliver_job *job = self->jobs;

	ipc_free(&self->spool);
	while (job != NULL) {
		struct deliver_job *next = job->next;

		deliver_job_orphan(job);
		job = next;
	}
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct deliver *self = context;

	(void)ipc;
	log_event(LOG_WARNING_LEVEL, "spool.gone", LOG_NUMBER("jobs", (int64_t)self->job_count));
	lose_spool(self);
}

static const struct ipc_handlers spool_handlers = {
	.message = on_message,
	.closed = on_closed,
};

/* ---- admin ----------------------------------------------------------------------------------- */

static void on_question(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct deliver *self = context;

	(void)ipc;
	if (type == WIRE_PROBE) {
		deliver_probe_begin(self, record);
	} else if (type == WIRE_SURVEY) {
		deliver_survey_begin(self, record);
	} else if (type == WIRE_PROBE_STOP) {
		deliver_probe_stop(self, ((const struct wire_id *)record)->id);
		deliver_survey_stop(self, ((const struct wire_id *)record)->id);
	} else {
		log_event(LOG_WARNING_LEVEL, "channel.unexpected",
			LOG_TEXT("type", wire_types[type].name));
	}
}

static void on_admin_closed(void *context, struct ipc *ipc)
{
	struct deliver *self = context;

	(void)ipc;
	deliver_probe_stop_all(self);
	deliver_survey_stop_all(self);
	ipc_free(&self->admin);
}

static const struct ipc_handlers admin_handlers = {
	.message = on_question,
	.closed = on_admin_closed,
};

/* ---- lookup ----------------------------------------------------------------------------------
 */

static void on_answer(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct deliver *self = context;

	(void)ipc;
	if (!dns_remote_take(self->dns, type, record) && !inquiry_take(self->inquiry, type, record))
		log_event(LOG_WARNING_LEVEL, "channel.unexpected",
			LOG_TEXT("type", wire_types[type].name));
}

static void on_lookup_closed(void *context, struct ipc *ipc)
{
	struct deliver *self = context;

	(void)ipc;
	dns_remote_channel(self->dns, NULL);
	inquiry_channel(self->inquiry, NULL);
	ipc_free(&self->lookup);
}

static const struct ipc_handlers lookup_handlers = {
	.message = on_answer,
	.closed = on_lookup_closed,
};

static void connect_lookup(struct deliver *self, int fd)
{
	ipc_free(&self->lookup);
	self->lookup = ipc_new(self->base, fd, &lookup_handlers, self);
	dns_remote_channel(self->dns, self->lookup);
	inquiry_channel(self->inquiry, self->lookup);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void *create(struct runtime *runtime)
{
	struct deliver *self = mem_new(sizeof(*self));

	self->runtime = runtime;
	self->base = runtime_base(runtime);
	self->signer = tls_signer_new(self->base);
	self->dns = dns_remote_new(self->base);
	self->inquiry = inquiry_new(self->base);
	self->reader = deliver_config_reader_new();
	self->memory = deliver_memory_new();
	self->pool = deliver_pool_new();
	self->slots = deliver_slots_new();
	self->trust = tls_trust_new();
	self->present = tls_present_new();
	self->metrics = metrics_set_new();
	return self;
}

static enum err new_context(struct deliver *self, const struct runtime_settings *settings,
	struct arena *arena, struct err_info *info)
{
	struct tls_identity_source *sources =
		arena_array(arena, settings->certificate_count + 1, sizeof(*sources));
	struct tls_context_options options = {
		.identities = sources,
		.identity_count = settings->certificate_count,
		.cached_sessions = DELIVER_SESSIONS,
	};
	struct tls_context *tls;
	enum err e;

	for (size_t i = 0; i < settings->certificate_count; i++)
		sources[i] = (struct tls_identity_source){
			.name = settings->certificates[i].name,
			.version = settings->certificates[i].version,
			.state = settings->certificates[i].state,
			.chain = settings->certificates[i].chain,
		};
	e = tls_client_context_new(self->signer, &options, &tls, info);
	if (e != ERR_OK)
		return e;
	tls_context_free(&self->tls);
	self->tls = tls;
	return ERR_OK;
}

static const char *own_name(const struct model_node *node, struct arena *arena)
{
	char name[256] = "";

	if (node->hostname != NULL)
		return node->hostname;
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return "localhost";
	return arena_text(arena, name);
}

static enum err apply(void *context, const struct runtime_settings *settings, struct err_info *info)
{
	struct deliver *self = context;
	struct arena *arena = arena_new();
	struct model_node *node = arena_alloc(arena, sizeof(*node));
	enum err e = new_context(self, settings, arena, info);

	if (e != ERR_OK) {
		arena_free(&arena);
		return e;
	}
	record_copy(&model_node_desc, settings->node, arena, node);
	/* Texts of the old settings are not kept anywhere: tasks copy what they need. */
	self->node = node;
	self->hostname = own_name(node, arena);
	tls_trust_set_roots(self->trust, settings->roots);
	arena_free(&self->arena);
	self->arena = arena;
	deliver_present_lives(self, settings);
	if (self->maildir == NULL)
		self->maildir = deliver_maildir_new(self->base, self->hostname);
	return ERR_OK;
}

static void peer(void *context, enum runtime_role role, unsigned index, int fd)
{
	struct deliver *self = context;

	(void)index;
	switch (role) {
	case RUNTIME_SPOOL:
		if (self->spool != NULL)
			lose_spool(self);
		self->spool = ipc_new(self->base, fd, &spool_handlers, self);
		report_orphans(self);
		send_kept(self);
		offer_slots(self);
		break;
	case RUNTIME_ADMIN:
		if (self->admin != NULL)
			on_admin_closed(self, self->admin);
		self->admin = ipc_new(self->base, fd, &admin_handlers, self);
		break;
	case RUNTIME_KEYS:
		tls_signer_peer(self->signer, fd);
		break;
	case RUNTIME_LOOKUP:
		connect_lookup(self, fd);
		break;
	default:
		close(fd);
		break;
	}
}

static void start(void *context)
{
	struct deliver *self = context;

	self->started = true;
	offer_slots(self);
}

static void drain(void *context)
{
	struct deliver *self = context;

	self->draining = true;
	deliver_probe_stop_all(self);
	deliver_survey_stop_all(self);
	offer_slots(self);
	deliver_check_drained(self);
}

static json_t *stats(void *context)
{
	return deliver_count_json(context);
}

static void destroy(void *context)
{
	struct deliver *self = context;

	while (self->jobs != NULL) {
		struct deliver_job *job = self->jobs;

		deliver_job_free(&job);
	}
	deliver_probe_stop_all(self);
	deliver_survey_stop_all(self);
	ipc_free(&self->admin);
	ipc_free(&self->spool);
	while (self->kept != NULL) {
		struct deliver_kept *kept = self->kept;

		self->kept = kept->next;
		arena_free(&kept->arena);
		free(kept);
	}
	deliver_pool_free(&self->pool);
	deliver_slots_free(&self->slots);
	deliver_maildir_free(&self->maildir);
	deliver_memory_free(&self->memory);
	cert_refusals_free(&self->refusals);
	deliver_config_release(&self->config);
	deliver_config_reader_free(&self->reader);
	tls_present_free(&self->present);
	tls_trust_free(&self->trust);
	tls_context_free(&self->tls);
	dns_free(&self->dns);
	inquiry_free(&self->inquiry);
	ipc_free(&self->lookup);
	tls_signer_free(&self->signer);
	metrics_set_free(&self->metrics);
	arena_free(&self->arena);
	free(self);
}

const struct runtime_process deliver_process = {
	.role = RUNTIME_DELIVER,
	.create = create,
	.apply = apply,
	.peer = peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
