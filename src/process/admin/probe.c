/* Tests of connectors: a question to a process that delivers, and its steps on to the client. */
#include "process/admin/check.h"
#include "process/admin/page.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_S = 240, MAX_STEPS = 1000 };

struct admin_deliver {
	struct admin_deliver *next;
	struct admin *admin;
	unsigned index;
	struct ipc *ipc;
};

/* ---- what is told and kept ------------------------------------------------------------------- */

void admin_probe_step(struct admin_call *call, json_t *step)
{
	json_array_append(call->probe->steps, step);
	admin_stream_line(call, step);
}

json_t *admin_probe_make(const char *step, bool is_ok, const char *expected, const char *presented,
	const char *text, const char *remedy)
{
	json_t *json = json_pack("{s:s,s:s}", "step", step, "result", is_ok ? "ok" : "failed");

	if (expected != NULL)
		json_object_set_new(json, "expected", json_string(expected));
	if (presented != NULL)
		json_object_set_new(json, "presented", json_string(presented));
	if (text != NULL)
		json_object_set_new(json, "text", json_string(text));
	if (remedy != NULL && remedy[0] != '\0')
		json_object_set_new(json, "remedy", json_string(remedy));
	return json;
}

static void forget_probe(struct admin_call *call)
{
	const struct wire_id stop = {.id = call->probe->tag};

	if (call->probe->tag != 0 && call->probe->deliver != NULL)
		ipc_send(call->probe->deliver->ipc, WIRE_PROBE_STOP, &stop);
	call->probe->tag = 0;
}

static void on_gone(struct admin_call *call)
{
	forget_probe(call);
	admin_end(call);
}

/* What could not be stored is missing in the history only. */
static void on_stored(struct admin_call *call, enum err e, const json_t *result)
{
	(void)e;
	(void)result;
	admin_stream_end(call);
}

void admin_probe_finish(struct admin_call *call, bool is_ok, const char *text)
{
	struct admin_probe *probe = call->probe;
	json_t *summary = admin_probe_make("summary", is_ok, NULL, NULL, text, NULL);

	forget_probe(call);
	if (call->tick != NULL)
		evtimer_del(call->tick);
	json_object_set_new(
		summary, "ms", json_integer((json_int_t)(runtime_now_ms() - probe->at_ms)));
	admin_probe_step(call, summary);
	if (call->admin->spool == NULL) {
		admin_stream_end(call);
		return;
	}
	call->is_extra = true;
	admin_ask_spool(call, "test.record",
		json_pack("{s:s,s:s,s:s,s:b,s:{s:s,s:O}}", "organisation", call->segments[0],
			"connector", call->segments[1], "direction", probe->direction, "ok", is_ok,
			"summary", "text", text, "steps", probe->steps),
		on_stored);
}

/* ---- the processes that deliver -------------------------------------------------------------- */

static json_t *step_json(const struct wire_probe_step *step)
{
	json_t *json = record_to_json(&wire_probe_step_desc, step, RECORD_JSON_SPARSE);

	json_object_del(json, "tag");
	json_object_del(json, "is_last");
	json_object_set_new(json, "result", json_string(wire_probe_result_names[step->result]));
	json_object_set_new(json, "ms", json_integer((json_int_t)step->ms));
	return json;
}

static void on_step(struct admin_call *call, const struct wire_probe_step *step)
{
	bool is_ok = step->result == WIRE_PROBE_OK;

	if (step->recipient != NULL) { /* as chosen there; a message goes the same way */
		call->probe->recipient = arena_text(call->arena, step->recipient);
		call->probe->sender = arena_text(call->arena, step->sender);
	}
	if (!step->is_last && json_array_size(call->probe->steps) < MAX_STEPS) {
		admin_probe_step(call, step_json(step));
		return;
	}
	if (!step->is_last) {
		admin_probe_finish(call, false, "there are too many steps");
		return;
	}
	call->probe->tag = 0;
	if (is_ok && call->probe->sends)
		admin_probe_send(call);
	else
		admin_probe_finish(call, is_ok, step->text);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct admin_deliver *deliver = context;
	const struct wire_probe_step *step = record;
	struct admin_call *call = deliver->admin->calls;

	(void)ipc;
	if (type == WIRE_SURVEYED)
		admin_check_surveyed(deliver->admin, record);
	if (type != WIRE_PROBE_STEP || step->tag == 0)
		return;
	while (call != NULL && (call->probe == NULL || call->probe->tag != step->tag ||
				       call->probe->deliver != deliver))
		call = call->next;
	if (call != NULL)
		on_step(call, step);
}

static void drop(struct admin_deliver *deliver)
{
	struct admin *admin = deliver->admin;
	struct admin_deliver **place = &admin->delivers;
	struct admin_call *next;

	while (*place != deliver)
		place = &(*place)->next;
	*place = deliver->next;
	if (admin->turn == deliver)
		admin->turn = NULL;
	admin_check_deliver_gone(admin, deliver);
	for (struct admin_call *call = admin->calls; call != NULL; call = next) {
		next = call->next;
		if (call->probe == NULL || call->probe->deliver != deliver)
			continue;
		call->probe->deliver = NULL;
		if (call->probe->tag != 0)
			admin_probe_finish(
				call, false, "the delivering process was restarted; try again");
	}
	ipc_free(&deliver->ipc);
	free(deliver);
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)ipc;
	drop(context);
}

void admin_deliver_came(struct admin *admin, unsigned index, int fd)
{
	static const struct ipc_handlers handlers = {on_message, on_closed, NULL};
	struct admin_deliver *deliver = admin->delivers;

	while (deliver != NULL && deliver->index != index)
		deliver = deliver->next;
	if (deliver != NULL)
		drop(deliver);
	deliver = mem_new(sizeof(*deliver));
	deliver->admin = admin;
	deliver->index = index;
	deliver->ipc = ipc_new(runtime_base(admin->runtime), fd, &handlers, deliver);
	deliver->next = admin->delivers;
	admin->delivers = deliver;
}

void admin_deliver_free_all(struct admin *admin)
{
	struct admin_deliver *next;

	for (struct admin_deliver *deliver = admin->delivers; deliver != NULL; deliver = next) {
		next = deliver->next;
		drop(deliver);
	}
}

/* One after the other, so that tests share the work. */
struct admin_deliver *admin_deliver_choose(struct admin *admin)
{
	admin->turn = admin->turn != NULL && admin->turn->next != NULL ? admin->turn->next
								       : admin->delivers;
	return admin->turn;
}

void admin_deliver_send(struct admin_deliver *deliver, enum wire_type type, const void *record)
{
	ipc_send(deliver->ipc, type, record);
}

/* ---- the question ---------------------------------------------------------------------------- */

static void on_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	admin_probe_finish(context, false, "the delivering process did not come to an end in time");
}

static void ask_deliver(struct admin_call *call, struct admin_deliver *deliver)
{
	const struct wire_probe probe = {
		.tag = ++call->admin->last_tag,
		.organisation = call->segments[0],
		.connector = call->segments[1],
		.sender = call->probe->sender,
		.recipient = call->probe->recipient,
	};
	const struct timeval late = {.tv_sec = PROBE_S};

	call->probe->tag = probe.tag;
	call->probe->deliver = deliver;
	call->tick = evtimer_new(runtime_base(call->admin->runtime), on_late, call);
	evtimer_add(call->tick, &late);
	ipc_send(deliver->ipc, WIRE_PROBE, &probe);
}

/* A text of the body; NULL when absent.  False: it is something else, and that was answered. */
static bool take_text(struct admin_call *call, const char *key, const char **ret)
{
	const json_t *value = json_object_get(call->body, key);

	*ret = NULL;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value) || json_string_length(value) > 512) {
		admin_problem(call, 422, "%s: expected an address", key);
		return false;
	}
	*ret = arena_text(call->arena, json_string_value(value));
	return true;
}

static bool is_known(struct admin_call *call)
{
	if (admin_view(call) == NULL) {
		admin_problem(call, 503, "the configuration is not loaded yet; try again");
		return false;
	}
	if (policy_connector(admin_view(call), call->segments[0], call->segments[1]) == NULL) {
		admin_problem(call, 404, "there is no connector %s/%s", call->segments[0],
			call->segments[1]);
		return false;
	}
	return true;
}

static void test_connector(struct admin_call *call)
{
	struct admin_probe probe = {.direction = "outbound", .at_ms = runtime_now_ms()};
	const char *direction = NULL;
	struct admin_deliver *deliver;

	if (!is_known(call) || (call->body != NULL && !admin_needs_object(call)) ||
		!take_text(call, "to", &probe.recipient) ||
		!take_text(call, "from", &probe.sender) ||
		!take_text(call, "direction", &direction))
		return;
	if (direction != NULL && strcmp(direction, "inbound") != 0 &&
		strcmp(direction, "outbound") != 0) {
		admin_problem(
			call, 422, "direction: expected inbound or outbound, found %s", direction);
		return;
	}
	if (direction != NULL)
		probe.direction = direction;
	probe.sends = json_is_true(json_object_get(call->body, "send"));
	probe.steps = json_array();
	call->probe = arena_alloc(call->arena, sizeof(probe));
	*call->probe = probe;
	if (strcmp(probe.direction, "inbound") == 0) {
		admin_probe_inbound(call);
		return;
	}
	deliver = admin_deliver_choose(call->admin);
	if (deliver == NULL) {
		admin_problem(call, 503, "no process that delivers is there; try again");
		return;
	}
	admin_stream_begin(call, on_gone);
	ask_deliver(call, deliver);
}

void admin_test_connector(struct admin_call *call)
{
	admin_with_snapshot(call, test_connector);
}

/* What was kept of a test stands beside who asked and when, as it was told. */
static void on_history(struct admin_call *call, enum err e, const json_t *result)
{
	json_t *answer, *item;
	size_t i;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	answer = result != NULL ? json_deep_copy(result) : json_object();
	json_array_foreach (json_object_get(answer, "items"), i, item) {
		json_t *summary = json_object_get(item, "summary");

		if (json_is_object(summary))
			json_object_update(item, summary);
		json_object_del(item, "summary");
	}
	admin_reply(call, 200, answer, NULL);
}

static void get_tests(struct admin_call *call)
{
	json_t *arguments;

	if (!is_known(call))
		return;
	arguments = json_pack(
		"{s:s,s:s}", "organisation", call->segments[0], "connector", call->segments[1]);
	admin_page_ask(call, arguments);
	admin_ask_spool(call, "test.list", arguments, on_history);
}

void admin_get_tests(struct admin_call *call)
{
	admin_with_snapshot(call, get_tests);
}

static void on_last(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

void admin_get_last_tests(struct admin_call *call)
{
	json_t *arguments = json_object();

	admin_page_ask(call, arguments);
	admin_ask_spool(call, "test.last", arguments, on_last);
}
