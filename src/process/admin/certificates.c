/* The certificates this server holds, and what uses them. */
#include "process/admin/call.h"

#include "base/moment.h"
#include "port/tls/tls.h"

#include <string.h>

static void add_use(json_t *uses, struct arena *arena, const char *kind, const char *name)
{
	json_array_append_new(uses, json_string(arena_format(arena, "%s %s", kind, name)));
}

bool admin_listener_uses(const struct model_listener *listener, const char *name)
{
	if (listener->tls == MODEL_TLS_OFF)
		return false;
	for (size_t i = 0; i < listener->certificates.count; i++)
		if (strcmp(listener->certificates.items[i], name) == 0)
			return true;
	return listener->certificates.count == 0;
}

static bool is_named(const char *certificate, const char *name)
{
	return certificate != NULL && strcmp(certificate, name) == 0;
}

json_t *admin_uses_of(struct admin_call *call, const char *name)
{
	const struct model_node *node = &call->admin->node;
	const struct model_config *config;
	json_t *uses = json_array();

	for (size_t i = 0; i < node->listeners.count; i++)
		if (admin_listener_uses(&node->listeners.items[i], name))
			add_use(uses, call->arena, "listener", node->listeners.items[i].name);
	if (is_named(model_https_certificate(node), name))
		json_array_append_new(uses, json_string("admin center"));
	if (call->admin->snapshot == NULL)
		return uses;
	config = policy_snapshot_config(call->admin->snapshot);
	for (size_t i = 0; i < config->organisations.count; i++)
		if (is_named(config->organisations.items[i].certificate, name))
			add_use(uses, call->arena, "organisation",
				config->organisations.items[i].name);
	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if (c->outbound != NULL && is_named(c->outbound->certificate, name))
			add_use(uses, call->arena, "connector",
				model_key(MODEL_CONNECTOR, c, call->arena));
	}
	return uses;
}

static json_t *certificate_json(
	struct admin_call *call, const struct runtime_certificate *certificate)
{
	json_t *object = json_object(), *chain = json_array();
	const struct cert_life *life;
	struct cert_facts *facts;
	struct err_info info = {0};
	size_t count = 0;

	json_object_set_new(object, "name", json_string(certificate->name));
	if (certificate->version != NULL)
		json_object_set_new(object, "version", json_string(certificate->version));
	life = admin_life(call->admin, certificate->name);
	json_object_set_new(object, "life",
		life != NULL ? record_to_json(&cert_life_desc, life, RECORD_JSON_FULL)
			     : json_null());
	json_object_set_new(object, "state", json_string(cert_state_names[certificate->state]));
	if (tls_facts_of_pem(certificate->chain, call->arena, &facts, &count, &info) != ERR_OK)
		json_object_set_new(object, "problem", json_string(info.text));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			chain, record_to_json(&cert_facts_desc, &facts[i], RECORD_JSON_FULL));
	if (count > 0)
		json_object_set_new(object, "days_left",
			json_integer((facts[0].not_after_ms - runtime_now_ms()) / MOMENT_DAY_MS));
	json_object_set_new(object, "chain", chain);
	json_object_set_new(object, "used_by", admin_uses_of(call, certificate->name));
	return object;
}

void admin_get_certificates(struct admin_call *call)
{
	json_t *items = json_array();

	for (size_t i = 0; i < call->admin->certificate_count; i++)
		json_array_append_new(items, certificate_json(call, &call->admin->certificates[i]));
	admin_reply(call, 200, json_pack("{s:o}", "items", items), NULL);
}
