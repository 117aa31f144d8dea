#include "process/receive/internal.h"

#include <stdlib.h>
#include <unistd.h>

static bool wants(const struct model_listener *model, const char *certificate)
{
	if (model->certificates.count == 0)
		return true;
	for (size_t i = 0; i < model->certificates.count; i++)
		if (strcmp(model->certificates.items[i], certificate) == 0)
			return true;
	return false;
}

static enum err make_tls(struct receive_listener *l, const struct runtime_settings *from,
	struct arena *arena, struct err_info *info)
{
	struct tls_identity_source *identities =
		arena_array(arena, from->certificate_count + 1, sizeof(*identities));
	struct tls_context_options options = {.identities = identities};
	struct err_info why = {0};
	enum err e;

	if (l->model->tls == MODEL_TLS_OFF)
		return ERR_OK;
	for (size_t i = 0; i < from->certificate_count; i++)
		if (wants(l->model, from->certificates[i].name))
			identities[options.identity_count++] =
				(struct tls_identity_source){.name = from->certificates[i].name,
					.version = from->certificates[i].version,
					.state = from->certificates[i].state,
					.chain = from->certificates[i].chain};
	if (options.identity_count == 0)
		return err_set(
			info, ERR_UNKNOWN, "listener %s: no certificate for TLS", l->model->name);
	options.staples = l->receive->staples;
	options.ticket_key = l->settings->node->tls.tickets ? from->ticket_key : NULL;
	e = tls_server_context_new(l->receive->signer, &options, &l->tls, &why);
	if (e != ERR_OK)
		return err_set(info, e, "listener %s: %s", l->model->name, why.text);
	return ERR_OK;
}

static void set_smtp(struct receive_listener *l)
{
	const struct model_limits *limits = &l->settings->node->limits;

	l->smtp = (struct smtp_server_config){
		.hostname = l->settings->node->hostname,
		.offers_tls = l->tls != NULL && l->model->tls == MODEL_TLS_STARTTLS,
		.requires_tls = l->model->require_tls,
		.refuses_early = l->model->refuse_early,
		.bare_newline = l->model->bare_newline,
		.message_max = (uint64_t)limits->message,
		.recipients_max = (uint64_t)limits->recipients,
		.messages_max = (uint64_t)limits->messages_per_connection,
		.errors_max = (uint64_t)limits->errors,
	};
}

static enum err add_listener(struct receive_settings *s, const struct runtime_listener *from,
	const struct runtime_settings *all, struct err_info *info)
{
	struct receive_listener *l = &s->listeners[s->listener_count];
	size_t index = (size_t)(from->model - all->node->listeners.items);
	enum err e;

	l->settings = s;
	l->model = &s->node->listeners.items[index];
	l->fd = from->fd;
	s->listener_count++;
	e = make_tls(l, all, s->arena, info);
	set_smtp(l);
	return e;
}

enum err receive_settings_new(struct receive *receive, const struct runtime_settings *from,
	struct receive_settings **ret, struct err_info *info)
{
	struct receive_settings *s = mem_new(sizeof(*s));
	enum err result = ERR_OK;

	s->references = 1;
	s->arena = arena_new();
	s->node = arena_alloc(s->arena, sizeof(*s->node));
	record_copy(&model_node_desc, from->node, s->arena, s->node);
	if (s->node->hostname == NULL)
		s->node->hostname = "localhost";
	s->life_count = cert_lives_with_choice(from->lives, from->life_count, s->arena, &s->lives);
	s->listeners = arena_array(s->arena, from->listener_count + 1, sizeof(*s->listeners));
	/* All are taken even after a failure: their descriptors are ours now. */
	for (size_t i = 0; i < from->listener_count; i++) {
		enum err e;

		s->listeners[i].receive = receive;
		e = add_listener(s, &from->listeners[i], from, result == ERR_OK ? info : NULL);
		if (result == ERR_OK)
			result = e;
	}
	if (result != ERR_OK) {
		receive_settings_close(s);
		receive_settings_drop(&s);
		return result;
	}
	*ret = s;
	return ERR_OK;
}

struct receive_settings *receive_settings_keep(struct receive_settings *s)
{
	s->references++;
	return s;
}

void receive_settings_close(struct receive_settings *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		struct receive_listener *l = &s->listeners[i];

		if (l->accept != NULL)
			event_free(l->accept);
		l->accept = NULL;
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
	}
}

void receive_settings_drop(struct receive_settings **settings)
{
	struct receive_settings *s = settings != NULL ? *settings : NULL;

	if (s == NULL)
		return;
	*settings = NULL;
	if (--s->references > 0)
		return;
	for (size_t i = 0; i < s->listener_count; i++)
		tls_context_free(&s->listeners[i].tls);
	arena_free(&s->arena);
	free(s);
}
