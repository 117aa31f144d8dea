/* What TLS is offered and accepted, by the configuration that is in force: for each listener, and
 * for both halves of each connector. */
#include "process/admin/check.h"

#include "port/tls/offer.h"

#include <string.h>

static json_t *texts_json(const struct record_texts *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_string(texts->items[i]));
	return list;
}

static json_t *offer_json(struct admin_call *call, const struct tls_offer_question *question)
{
	struct tls_offer offer;
	json_t *suites = json_array();

	tls_offer_of(question, call->arena, &offer);
	for (size_t i = 0; i < offer.suite_count; i++)
		json_array_append_new(suites,
			json_pack("{s:s,s:s,s:s,s:b}", "name", offer.suites[i].name, "library",
				offer.suites[i].library, "version", offer.suites[i].version,
				"forward_secrecy", offer.suites[i].is_forward_secret));
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "versions", texts_json(&offer.versions), "suites",
		suites, "groups", texts_json(&offer.groups), "signatures",
		texts_json(&offer.signatures), "own_signatures", texts_json(&offer.own_signatures));
}

static const char *join(const char *front, const struct record_texts *texts, struct arena *arena)
{
	for (size_t i = 0; i < texts->count; i++)
		front = arena_format(arena, "%s,%s", front, texts->items[i]);
	return front;
}

/* Put the offer into TO.  The library is asked once for all that ask the same. */
static void add_offer(
	struct admin_call *call, const struct tls_offer_question *question, json_t *to)
{
	const struct tls_client_options *narrow = &question->narrow;
	const char *key = arena_format(call->arena, "%d %d %d", question->is_server,
		narrow->minimum_version, narrow->groups_first);
	json_t *offer;

	key = join(key, &narrow->groups, call->arena);
	key = join(arena_format(call->arena, "%s;", key), &question->keys, call->arena);
	if (call->object == NULL)
		call->object = json_object();
	offer = json_object_get(call->object, key);
	if (offer == NULL) {
		offer = offer_json(call, question);
		json_object_set_new(call->object, key, offer);
	}
	json_object_update(to, offer);
}

/* ---- own certificates ------------------------------------------------------------------------ */

/* Kinds of key of the certificates named (NULL: of all): what a handshake may have to sign with. */
static struct record_texts keys_of(struct admin_call *call, const struct record_texts *names)
{
	const struct admin *admin = call->admin;
	struct record_texts keys = {
		.items = arena_array(call->arena, admin->certificate_count + 1, sizeof(char *))};

	for (size_t i = 0; i < admin->certificate_count; i++) {
		bool is_named = names == NULL;
		struct cert_facts *facts;
		size_t count;

		for (size_t k = 0; !is_named && k < names->count; k++)
			is_named = strcmp(names->items[k], admin->certificates[i].name) == 0;
		if (is_named && tls_facts_of_pem(admin->certificates[i].chain, call->arena, &facts,
					&count, NULL) == ERR_OK)
			keys.items[keys.count++] = facts[0].key;
	}
	return keys;
}

/* ---- listeners ------------------------------------------------------------------------------- */

static json_t *listener_json(struct admin_call *call, const struct model_listener *listener)
{
	static const char *const modes[] = {"starttls", "implicit", "off"};
	const struct record_texts *names =
		listener->certificates.count > 0 ? &listener->certificates : NULL;
	struct tls_offer_question question = {.is_server = true};
	json_t *json = json_pack("{s:s,s:s,s:s,s:b}", "name", listener->name, "address",
		listener->address, "tls", modes[listener->tls], "required", listener->require_tls);

	if (listener->tls == MODEL_TLS_OFF)
		return json;
	question.keys = keys_of(call, names);
	json_object_set_new(json, "keys", texts_json(&question.keys));
	add_offer(call, &question, json);
	return json;
}

static json_t *https_json(struct admin_call *call)
{
	const struct model_node *node = &call->admin->node;
	const char *certificate = model_https_certificate(node);
	const struct model_listener https = {.name = "https",
		.address = node->admin.listen,
		.tls = MODEL_TLS_IMPLICIT,
		.require_tls = true,
		.certificates = {&certificate, certificate != NULL ? 1 : 0}};

	return listener_json(call, &https);
}

/* ---- connectors ------------------------------------------------------------------------------ */

/* Somebody whom mail by this connector could be for; what is asked does not depend on whom. */
static const char *some_recipient(const struct model_connector *c, struct arena *arena)
{
	const struct record_texts *domains = &c->outbound->recipient_domains;
	const char *domain = domains->count > 0 ? domains->items[0] : "nobody.invalid";

	if (strncmp(domain, "*.", 2) == 0)
		return arena_format(arena, "postmaster@any%s", domain + 1);
	return arena_format(
		arena, "postmaster@%s", strcmp(domain, "*") == 0 ? "nobody.invalid" : domain);
}

/* What the connector itself says, where no mail goes by it (it is disabled, ...). */
static void route_alone(const struct model_connector *c, struct policy_outbound *ret)
{
	*ret = (struct policy_outbound){.required = c->outbound->tls,
		.minimum_version = c->minimum_version,
		.groups = c->groups,
		.certificate = c->outbound->certificate};
}

static json_t *connector_base(
	struct admin_call *call, const struct model_connector *c, const char *direction, int mode)
{
	return json_pack("{s:s,s:s,s:b,s:s}", "name", model_key(MODEL_CONNECTOR, c, call->arena),
		"direction", direction, "enabled", c->enabled, "mode", model_mode_names[mode]);
}

static json_t *outbound_json(struct admin_call *call, const struct model_connector *c)
{
	json_t *json = connector_base(call, c, "outbound", c->outbound->mode);
	struct policy_mail mail = {
		.organisation = c->organisation, .via = model_key(MODEL_CONNECTOR, c, call->arena)};
	struct tls_offer_question question = {.is_server = false};
	struct policy_outbound route = {.type = POLICY_ROUTE_REFUSE};
	struct record_texts own;
	struct policy_hello hello;

	if (c->enabled)
		policy_outbound(call->admin->snapshot, &mail,
			str_of(some_recipient(c, call->arena)), call->arena, &route);
	if (route.connector == NULL || strcmp(route.connector, c->name) != 0)
		route_alone(c, &route);
	hello = policy_hello_of(&route);
	question.narrow.minimum_version = hello.minimum_version;
	question.narrow.groups = hello.groups;
	question.narrow.groups_first = hello.groups_first;
	own = (struct record_texts){&route.certificate, route.certificate != NULL ? 1 : 0};
	question.keys = keys_of(call, &own);
	json_object_set_new(json, "required", json_string(model_level_names[route.required]));
	if (route.certificate != NULL)
		json_object_set_new(json, "certificate", json_string(route.certificate));
	add_offer(call, &question, json);
	return json;
}

/* A listener does not know yet who comes: what the connector does not allow is refused after the
 * handshake.  This is what is left then. */
static json_t *inbound_json(struct admin_call *call, const struct model_connector *c)
{
	json_t *json = connector_base(call, c, "inbound", c->inbound->mode);
	struct tls_offer_question question = {.is_server = true, .keys = keys_of(call, NULL)};

	if (c->inbound->mode == MODEL_ENFORCE) {
		question.narrow.minimum_version = c->minimum_version;
		question.narrow.groups = c->groups;
	}
	json_object_set_new(
		json, "required", json_string(c->inbound->require_tls ? "encrypt" : "none"));
	add_offer(call, &question, json);
	return json;
}

static void reply(struct admin_call *call)
{
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	const struct model_node *node = &call->admin->node;
	json_t *listeners = json_array(), *connectors = json_array();
	struct tls_offer_question plain = {.is_server = false};
	json_t *others = json_object();
	struct tls_offer offer;

	for (size_t i = 0; i < node->listeners.count; i++)
		json_array_append_new(listeners, listener_json(call, &node->listeners.items[i]));
	if (node->admin.listen != NULL)
		json_array_append_new(listeners, https_json(call));
	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if (c->inbound != NULL)
			json_array_append_new(connectors, inbound_json(call, c));
		if (c->outbound != NULL)
			json_array_append_new(connectors, outbound_json(call, c));
	}
	add_offer(call, &plain, others);
	tls_offer_of(&plain, call->arena, &offer);
	admin_reply(call, 200,
		json_pack("{s:s,s:i,s:b,s:o,s:o,s:o}", "library", offer.library, "security_level",
			offer.security_level, "tickets", node->tls.tickets, "listeners", listeners,
			"connectors", connectors, "others", others),
		NULL);
}

void admin_get_tls(struct admin_call *call)
{
	admin_with_snapshot(call, reply);
}
