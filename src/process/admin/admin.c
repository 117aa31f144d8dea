#include "process/admin/admin.h"

#include "core/metrics/set.h"
#include "port/log/log.h"
#include "process/admin/call.h"
#include "process/admin/challenge.h"
#include "process/admin/check.h"
#include "process/admin/complaint.h"
#include "process/admin/events.h"
#include "process/admin/limits.h"
#include "process/admin/login.h"
#include "process/admin/peer.h"
#include "process/admin/publish.h"
#include "process/admin/rates.h"
#include "process/admin/session.h"
#include "process/admin/setup.h"
#include "process/admin/work.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_OBJECTS = 1000000 /* the model's limit for recipients */ };

static void *create(struct runtime *runtime)
{
	struct admin *admin = mem_new(sizeof(*admin));

	admin->runtime = runtime;
	admin->publish = admin_publish_new(runtime_base(runtime), admin_published, admin);
	admin->monitor = admin_publish_new(runtime_base(runtime), admin_metrics_page, admin);
	admin->sessions = admin_sessions_new();
	admin->address_limits = admin_limits_of_addresses();
	admin->user_limits = admin_limits_of_users();
	admin->rates = admin_rates_new((uint64_t)runtime_ticks_ms());
	admin->counts = metrics_set_new();
	admin->work = admin_work_new(runtime_base(runtime));
	admin->links = admin_links_new();
	admin->events = admin_events_new(admin);
	return admin;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* A name that was known before keeps its number: inside the sandbox nobody can be looked up. */
static bool find_user(const struct admin *old, const char *name, uid_t *ret)
{
	const struct passwd *row;
	uint64_t number;

	if (str_to_u64(str_of(name), &number) && number <= UINT32_MAX) {
		*ret = (uid_t)number;
		return true;
	}
	for (size_t i = 0; i < old->administrator_count; i++)
		if (strcmp(old->node.administrators.items[i], name) == 0) {
			*ret = old->administrators[i];
			return true;
		}
	row = getpwnam(name);
	if (row != NULL)
		*ret = row->pw_uid;
	return row != NULL;
}

static void take_administrators(struct admin *admin, const struct admin *old)
{
	struct record_texts *names = &admin->node.administrators;
	size_t kept = 0;

	admin->administrators = arena_array(admin->arena, names->count + 1, sizeof(uid_t));
	for (size_t i = 0; i < names->count; i++) {
		if (!find_user(old, names->items[i], &admin->administrators[kept])) {
			log_event(LOG_WARNING_LEVEL, "admin.administrator_unknown",
				LOG_TEXT("name", names->items[i]));
			continue;
		}
		names->items[kept++] = names->items[i];
	}
	names->count = kept;
	admin->administrator_count = kept;
}

static void take_certificates(struct admin *admin, const struct runtime_settings *settings)
{
	admin->certificate_count = settings->certificate_count;
	admin->certificates = arena_array(
		admin->arena, settings->certificate_count + 1, sizeof(*admin->certificates));
	for (size_t i = 0; i < settings->certificate_count; i++) {
		admin->certificates[i].name =
			arena_text(admin->arena, settings->certificates[i].name);
		admin->certificates[i].chain =
			arena_copy(admin->arena, settings->certificates[i].chain);
		admin->certificates[i].version =
			arena_text(admin->arena, settings->certificates[i].version);
		admin->certificates[i].state = settings->certificates[i].state;
		admin->certificates[i].key_fd = -1;
	}
	admin->life_count = settings->life_count;
	admin->lives = arena_array(admin->arena, settings->life_count + 1, sizeof(*admin->lives));
	for (size_t i = 0; i < settings->life_count; i++)
		record_copy(&cert_life_desc, &settings->lives[i], admin->arena, &admin->lives[i]);
}

const struct cert_life *admin_life(const struct admin *admin, const char *name)
{
	for (size_t i = 0; i < admin->life_count; i++)
		if (strcmp(admin->lives[i].name, name) == 0)
			return &admin->lives[i];
	return NULL;
}

typedef void on_request(struct evhttp_request *request, void *admin);

static struct evhttp *serve(struct admin *admin, int fd, on_request *handler)
{
	struct evhttp *http = evhttp_new(runtime_base(admin->runtime));

	if (http != NULL)
		admin_complaint_watch(admin, http);
	if (http == NULL || evhttp_accept_socket_with_handle(http, fd) == NULL) {
		if (http != NULL)
			evhttp_free(http);
		return NULL;
	}
	evhttp_set_max_body_size(http, ADMIN_MAX_BODY);
	evhttp_set_max_headers_size(http, ADMIN_MAX_HEADERS);
	evhttp_set_timeout(http, ADMIN_IDLE_S);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						 EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						 EVHTTP_REQ_DELETE);
	evhttp_set_gencb(http, handler, admin);
	return http;
}

static enum err listen_on(
	struct admin *admin, const struct runtime_settings *settings, struct err_info *info)
{
	admin->http = serve(admin, settings->socket_fd, admin_on_request);
	admin->web = serve(admin, settings->web_socket_fd, admin_peer_on_request);
	if (admin->http == NULL || admin->web == NULL)
		return err_set(info, ERR_IO, "the management sockets cannot be served");
	return ERR_OK;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct admin *admin = self;
	struct admin old = *admin;

	admin->arena = arena_new();
	record_copy(&model_node_desc, settings->node, admin->arena, &admin->node);
	take_administrators(admin, &old);
	take_certificates(admin, settings);
	admin->roots = arena_copy(admin->arena, settings->roots);
	arena_free(&old.arena);
	admin_published_forget(admin);
	admin_users_ask(admin);
	admin_first_start(admin);
	admin_publish_listen(admin->publish, settings->door_fds[RUNTIME_DOOR_PUBLISH]);
	admin_publish_listen(admin->monitor, settings->door_fds[RUNTIME_DOOR_METRICS]);
	return admin->http == NULL ? listen_on(admin, settings, info) : ERR_OK;
}

/* ---- the spool ------------------------------------------------------------------------------- */

static void config_begin(struct admin *admin)
{
	arena_free(&admin->building_arena);
	admin->building_arena = arena_new();
	memset(&admin->building, 0, sizeof(admin->building));
}

/* Append one object to its list; room doubles. */
static bool config_object(struct admin *admin, const struct wire_config_object *object)
{
	struct {
		char *items;
		size_t count;
	} * list;
	const struct model_kind_row *kind;
	size_t size;

	if (admin->building_arena == NULL || object->kind < 0 || object->kind >= MODEL_KIND_MAX)
		return false;
	kind = &model_kinds[object->kind];
	size = kind->desc->size;
	list = (void *)((char *)&admin->building + kind->list_offset);
	if (list->count >= MAX_OBJECTS)
		return false;
	if ((list->count & (list->count - 1)) == 0) {
		char *items = arena_array(
			admin->building_arena, list->count > 0 ? list->count * 2 : 1, size);

		if (list->count > 0)
			memcpy(items, list->items, list->count * size);
		list->items = items;
	}
	if (record_decode(kind->desc, object->data, admin->building_arena,
		    list->items + list->count * size) != ERR_OK)
		return false;
	list->count++;
	return true;
}

static void config_end(struct admin *admin, const struct wire_config_mark *mark)
{
	if (admin->building_arena == NULL)
		return;
	policy_snapshot_free(&admin->snapshot);
	admin->snapshot = policy_snapshot_new(&admin->building, (uint64_t)mark->generation);
	admin_published_forget(admin);
	admin_users_ask(admin);
	arena_free(&admin->building_arena);
}

static void managed(struct admin *admin, const struct wire_managed *answer)
{
	json_t *result = answer->result.n > 0 ? json_loadb(answer->result.p, answer->result.n,
							JSON_DECODE_ANY, NULL)
					      : NULL;
	enum err e = answer->error >= 0 && answer->error < ERR_MAX ? (enum err)answer->error
								   : ERR_INTERNAL;

	admin_answer(admin, answer->tag, false, e, result);
	json_decref(result);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct admin *admin = context;

	(void)ipc;
	ipc_free(&admin->spool);
	admin_spool_gone(admin);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct admin *admin = context;

	switch (type) {
	case WIRE_CONFIG_BEGIN:
		config_begin(admin);
		break;
	case WIRE_CONFIG_OBJECT:
		if (!config_object(admin, record)) {
			log_event(LOG_ERROR_LEVEL, "admin.config_unreadable",
				LOG_TEXT("from", "spool"));
			on_closed(admin, ipc);
		}
		break;
	case WIRE_CONFIG_END:
		config_end(admin, record);
		break;
	case WIRE_MANAGED:
		managed(admin, record);
		break;
	default:
		break; /* meant for others */
	}
}

static void peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	static const struct ipc_handlers handlers = {on_message, on_closed, NULL};
	struct admin *admin = self;

	if (role == RUNTIME_DELIVER) {
		admin_deliver_came(admin, index, fd);
		return;
	}
	if (role == RUNTIME_LOOKUP) {
		admin_check_lookup_came(admin, fd);
		return;
	}
	if (role != RUNTIME_SPOOL) {
		close(fd);
		return;
	}
	if (admin->spool != NULL)
		on_closed(admin, admin->spool);
	admin->spool = ipc_new(runtime_base(admin->runtime), fd, &handlers, admin);
	admin_spool_came(admin);
	admin_first_start(admin);
}

/* {"ok": false, "error": why, "code": token of an enum err or absent}, or what was asked for. */
static void answer(void *self, int64_t tag, const json_t *result)
{
	const char *code = json_string_value(json_object_get(result, "code"));
	json_t *problem = NULL;

	if (admin_users_answered(self, tag, result) || admin_metrics_answered(self, tag, result))
		return;

	if (json_is_false(json_object_get(result, "ok")))
		problem = json_pack("{s:O?}", "detail", json_object_get(result, "error"));
	admin_answer(self, tag, true,
		problem == NULL ? ERR_OK
		: code != NULL	? err_of_token(code)
				: ERR_CONFLICT,
		problem != NULL ? problem : result);
	json_decref(problem);
}

/* ---- the end --------------------------------------------------------------------------------- */

static json_t *stats(void *self)
{
	const struct admin *admin = self;

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:o}", "requests", (json_int_t)admin->served,
		"refused", (json_int_t)admin->refused, "login_failures",
		(json_int_t)admin->login_failures, "under_way", (json_int_t)admin->call_count,
		"published", (json_int_t)admin_publish_served(admin->publish), "metrics",
		metrics_set_json(admin->counts));
}

static void drain(void *self)
{
	struct admin *admin = self;

	admin->draining = true;
	admin_publish_listen(admin->publish, -1);
	runtime_drained(admin->runtime);
}

static void destroy(void *self)
{
	struct admin *admin = self;

	while (admin->calls != NULL)
		admin_problem(admin->calls, 503, "the server is ending");
	if (admin->http != NULL)
		evhttp_free(admin->http);
	if (admin->web != NULL)
		evhttp_free(admin->web);
	admin_work_free(&admin->work);
	admin_sessions_free(&admin->sessions);
	admin_limits_free(&admin->address_limits);
	admin_limits_free(&admin->user_limits);
	admin_rates_free(&admin->rates);
	metrics_set_free(&admin->counts);
	admin_links_free(&admin->links);
	admin_events_free(&admin->events);
	admin_publish_free(&admin->publish);
	admin_publish_free(&admin->monitor);
	admin_metrics_free(admin);
	admin_published_forget(admin);
	admin_challenges_free(&admin->challenges);
	ipc_free(&admin->spool);
	ipc_free(&admin->lookup);
	admin_deliver_free_all(admin);
	json_decref(admin->openapi);
	policy_snapshot_free(&admin->snapshot);
	arena_free(&admin->building_arena);
	arena_free(&admin->users_arena);
	arena_free(&admin->arena);
	free(admin);
}

const struct runtime_process admin_process = {
	.role = RUNTIME_ADMIN,
	.create = create,
	.apply = apply,
	.peer = peer,
	.drain = drain,
	.stats = stats,
	.answer = answer,
	.destroy = destroy,
};
