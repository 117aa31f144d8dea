/* Steps in the lives of certificates, and what the next version would mean for partners. */
#include "core/cert/step.h"
#include "core/policy/rollover.h"
#include "port/tls/path.h"
#include "process/admin/call.h"
#include "process/admin/uses.h"

#include <string.h>

/* ---- what partners see ------------------------------------------------------------------------
 */

/* The certificates of NAME in that state, each with its way up as far as it is known here. */
static size_t presented_in(struct admin_call *call, const char *name, enum cert_state state,
	struct policy_presented **ret)
{
	const struct admin *admin = call->admin;
	struct tls_store *roots = tls_store_new(admin->roots);
	const struct tls_store *const stores[] = {roots};
	size_t count = 0;

	*ret = arena_array(call->arena, admin->certificate_count + 1, sizeof(**ret));
	for (size_t i = 0; i < admin->certificate_count; i++) {
		const struct runtime_certificate *c = &admin->certificates[i];
		struct cert_facts *facts;
		struct tls_path path;

		if (strcmp(c->name, name) != 0 || c->state != (int)state ||
			tls_path_of_pem(c->chain, stores, 1, call->arena, &path, NULL) != ERR_OK)
			continue;
		facts = arena_array(call->arena, path.count, sizeof(*facts));
		for (size_t j = 0; j < path.count; j++)
			facts[j] = path.steps[j].facts;
		(*ret)[count++] = (struct policy_presented){facts, path.count};
	}
	tls_store_free(&roots);
	return count;
}

static bool is_used_by_listeners(const struct admin *admin, const char *name)
{
	for (size_t i = 0; i < admin->node.listeners.count; i++)
		if (admin_listener_uses(&admin->node.listeners.items[i], name))
			return true;
	return false;
}

static void find_warnings(
	struct admin_call *call, const struct cert_life *life, struct policy_findings *ret)
{
	const struct admin *admin = call->admin;
	struct policy_presented *current, *next;
	struct policy_rollover rollover = {.name = life->name,
		.hostname = admin->node.hostname,
		.is_used_by_listeners = is_used_by_listeners(admin, life->name),
		.life = life,
		.now_ms = runtime_now_ms()};

	rollover.current_count = presented_in(call, life->name, CERT_CURRENT, &current);
	rollover.next_count = presented_in(call, life->name, CERT_NEXT, &next);
	rollover.current = current;
	rollover.next = next;
	policy_rollover(policy_snapshot_config(admin->snapshot), &rollover, call->arena, ret);
}

/* As far as they are for the one who asks. */
static json_t *warnings_json(struct admin_call *call, const struct policy_findings *found)
{
	json_t *items = json_array();

	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].organisation == NULL ||
			admin_manages(call, found->items[i].organisation))
			json_array_append_new(items, record_to_json(&policy_finding_desc,
							     &found->items[i], RECORD_JSON_FULL));
	return items;
}

/* Connectors of others are not shown to who manages some organisations only. */
static json_t *life_json(struct admin_call *call, const struct cert_life *life)
{
	json_t *json = record_to_json(&cert_life_desc, life, RECORD_JSON_FULL);
	json_t *all = json_object_get(json_object_get(json, "plan"), "connectors");

	for (size_t i = json_array_size(all); call->is_limited && i-- > 0;) {
		struct str name = str_of(json_string_value(json_array_get(all, i)));
		const char *owner = arena_text_of(call->arena, str_cut(&name, '/'));

		if (!admin_manages(call, owner))
			json_array_remove(all, i);
	}
	return json;
}

/* Another organisation's own, for each of those that the asking one manages. */
static bool is_foreign(const struct admin_call *call, const char *name)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);

	for (size_t i = 0; i < call->organisations.count; i++) {
		const struct model_organisation *o =
			policy_organisation(call->admin->snapshot, call->organisations.items[i]);

		if (o != NULL && !admin_use_is_foreign(config, o, name))
			return false;
	}
	return true;
}

/* Is it presented for one of the organisations that the asking one manages? */
static bool is_hers(const struct admin_call *call, const char *name)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);

	if (!call->is_limited ||
		(is_used_by_listeners(call->admin, name) && !is_foreign(call, name)))
		return true;
	for (size_t i = 0; i < config->connectors.count; i++)
		if (admin_manages(call, config->connectors.items[i].organisation) &&
			policy_rollover_presents(config, &config->connectors.items[i], name))
			return true;
	return false;
}

static void no_such_certificate(struct admin_call *call)
{
	admin_problem(call, 404,
		"there is no certificate %s with versions: those of the node file have none",
		call->segments[0]);
}

/* ---- plan -------------------------------------------------------------------------------------
 */

static void plan(struct admin_call *call)
{
	const struct cert_life *life = admin_life(call->admin, call->segments[0]);
	struct policy_findings found;

	if (life == NULL || !is_hers(call, life->name)) {
		no_such_certificate(call);
		return;
	}
	find_warnings(call, life, &found);
	admin_reply(call, 200,
		json_pack("{s:o,s:o}", "life", life_json(call, life), "warnings",
			warnings_json(call, &found)),
		NULL);
}

void admin_get_rollover_plan(struct admin_call *call)
{
	admin_with_snapshot(call, plan);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void done(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

static bool read_step(struct admin_call *call, struct cert_step *ret)
{
	struct err_info info = {.text = ""};

	if (record_from_json(&cert_step_desc, call->body, "", call->arena, ret, &info) != ERR_OK) {
		admin_problem(call, 400, "%s", info.text);
		return false;
	}
	if (json_is_string(json_object_get(call->body, "at")) && ret->at_ms == 0)
		ret->at_ms = 1; /* 1970: over, and not absent */
	if (cert_step_check_moment(ret, runtime_now_ms(), &info) == ERR_OK)
		return true;
	admin_problem(call, 422, "%s", info.text);
	return false;
}

static bool are_known(struct admin_call *call, const struct record_texts *names)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);

	for (size_t i = 0; i < names->count; i++) {
		bool found = false;

		for (size_t j = 0; j < config->connectors.count && !found; j++)
			found = strcmp(names->items[i],
					model_key(MODEL_CONNECTOR, &config->connectors.items[j],
						call->arena)) == 0;
		if (!found) {
			admin_problem(
				call, 400, "connectors: there is no connector %s", names->items[i]);
			return false;
		}
	}
	return true;
}

/* A partner whose checks the next version does not pass is told of before, not after. */
static bool is_harmless(struct admin_call *call, const struct cert_life *life)
{
	struct policy_findings found;

	find_warnings(call, life, &found);
	for (size_t i = 0; i < found.count; i++) {
		const struct policy_finding *f = &found.items[i];

		if (f->severity != POLICY_SEVERITY_ERROR)
			continue;
		admin_problem(
			call, 409, "%s: %s. %s; or say force", f->subject, f->text, f->remedy);
		return false;
	}
	return true;
}

static void take(struct admin_call *call)
{
	const struct cert_life *life = admin_life(call->admin, call->segments[0]);
	struct cert_step step;

	if (life == NULL) {
		no_such_certificate(call);
		return;
	}
	if (!read_step(call, &step) || !are_known(call, &step.connectors) ||
		(step.action == CERT_ADVANCE && !step.force && !is_harmless(call, life)))
		return;
	admin_ask_supervisor(call,
		json_pack("{s:s,s:s,s:s,s:o}", "verb", "rollover", "name", life->name, "actor",
			call->actor, "step",
			record_to_json(&cert_step_desc, &step, RECORD_JSON_FULL)),
		done);
}

void admin_rollover(struct admin_call *call)
{
	if (admin_needs_object(call))
		admin_with_snapshot(call, take);
}
