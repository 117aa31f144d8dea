#include "process/receive/internal.h"

#include "port/log/log.h"
#include "port/tls/present.h"

#include <inttypes.h>
#include <stdlib.h>

static void on_digger(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	receive_session_bury(context);
}

struct receive *receive_new(struct event_base *base, unsigned index)
{
	struct receive *r = mem_new(sizeof(*r));

	r->base = base;
	r->index = index;
	r->signer = tls_signer_new(base);
	r->transactions = map_new(0);
	r->trust = tls_trust_new();
	r->present = tls_present_new();
	r->inquiry = inquiry_new(base);
	r->staples = tls_staples_new();
	r->metrics = metrics_set_new();
	r->digger = event_new(base, -1, 0, on_digger, r);
	return r;
}

static void tell_drained(struct receive *r)
{
	runtime_drained(r->runtime);
}

static void *create(struct runtime *runtime)
{
	struct receive *r = receive_new(runtime_base(runtime), runtime_index(runtime));

	r->runtime = runtime;
	r->drained = tell_drained;
	return r;
}

/* Facts by the old roots are worth nothing, in sessions that live, too. */
static void set_roots(struct receive *r, struct str roots)
{
	struct err_info info = {.text = ""};

	tls_trust_set_roots(r->trust, roots);
	if (roots.n > 0 && tls_trust_of(r->trust, &policy_profile_system, &info) == NULL)
		log_event(LOG_WARNING_LEVEL, "roots.unusable", LOG_TEXT("reason", info.text));
	r->snapshots++;
}

static enum err apply(void *self, const struct runtime_settings *from, struct err_info *info)
{
	struct receive *r = self;
	struct receive_settings *settings = NULL;
	enum err e;

	if (r->addresses == NULL && from->address_table_fd >= 0) {
		e = runtime_addresses_open(from->address_table_fd, r->index, &r->addresses);
		if (e != ERR_OK)
			return err_set(info, e, "the table of addresses cannot be opened");
	}
	e = receive_settings_new(r, from, &settings, info);
	if (e != ERR_OK)
		return e;
	if (r->settings != NULL)
		receive_settings_close(r->settings);
	receive_settings_drop(&r->settings);
	r->settings = settings;
	set_roots(r, from->roots);
	receive_present_forget(r);
	receive_staple_begin(r, from);
	if (r->is_draining)
		receive_settings_close(settings);
	receive_accept_open(r);
	return ERR_OK;
}

static void peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct receive *r = self;

	(void)index;
	if (role == RUNTIME_SPOOL)
		receive_spool_peer(r, fd);
	else if (role == RUNTIME_KEYS)
		tls_signer_peer(r->signer, fd);
	else if (role == RUNTIME_LOOKUP)
		receive_standing_peer(r, fd);
	else
		evutil_closesocket(fd);
}

static void start(void *self)
{
	struct receive *r = self;

	r->is_started = true;
	receive_accept_open(r);
}

static void drain(void *self)
{
	struct receive *r = self;
	struct receive_session *next;

	r->is_draining = true;
	if (r->accept_again != NULL)
		event_del(r->accept_again);
	if (r->settings != NULL)
		receive_settings_close(r->settings);
	for (struct receive_session *s = r->sessions; s != NULL; s = next) {
		next = s->next;
		receive_session_drain(s);
	}
	/* Says that it is done when nobody is left. */
	event_active(r->digger, EV_TIMEOUT, 0);
}

static json_t *stats(void *self)
{
	return receive_count_json(self);
}

static void destroy(void *self)
{
	struct receive *r = self;

	r->drained = NULL;
	while (r->sessions != NULL)
		receive_session_end(r->sessions, "process-ends");
	receive_session_bury(r);
	if (r->settings != NULL)
		receive_settings_close(r->settings);
	receive_settings_drop(&r->settings);
	receive_spool_free(r);
	receive_present_free(r);
	tls_signer_free(&r->signer);
	tls_present_free(&r->present);
	tls_trust_free(&r->trust);
	receive_staple_forget(r);
	tls_staples_free(&r->staples);
	inquiry_free(&r->inquiry);
	ipc_free(&r->lookup);
	runtime_addresses_close(&r->addresses);
	map_free(&r->transactions);
	metrics_set_free(&r->metrics);
	event_free(r->digger);
	if (r->accept_again != NULL)
		event_free(r->accept_again);
	free(r);
}

const struct runtime_process receive_process = {
	.role = RUNTIME_RECEIVE,
	.create = create,
	.apply = apply,
	.peer = peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
