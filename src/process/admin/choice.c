/*
 * Which certificate, and which version of it, a peer is shown, and why: the same functions that the
 * processes call, asked with what the question states and with what partners are known to refuse.
 */
#include "process/admin/page.h"

#include "core/cert/choose.h"
#include "core/cert/directory.h"
#include "core/cert/refusals.h"
#include "port/tls/tls.h"

#include <string.h>

struct question {
	struct admin_call *call;
	const char *name;			 /* that the client asks for; NULL: none */
	const char *from;			 /* address; NULL: not said */
	const char *host;			 /* "host:port": outbound */
	const struct model_connector *connector; /* NULL: not said, and not known by the address */
	bool is_known_by_address;
	struct cert_party party;
	struct cert_choose_facts facts;
	json_t *items;
};

/* ---- the question -----------------------------------------------------------------------------
 */

static const char *text_of(const struct admin_call *call, const char *key)
{
	const char *text = json_string_value(json_object_get(call->body, key));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* "organisation/name"; false: answered. */
static bool find_connector(struct question *q, const char *key)
{
	struct admin_call *call = q->call;
	struct str name = str_of(key);
	const char *organisation;

	if (key == NULL)
		return true;
	organisation = arena_text_of(call->arena, str_cut(&name, '/'));
	q->connector = policy_connector(
		call->admin->snapshot, organisation, arena_text_of(call->arena, name));
	if (q->connector == NULL)
		admin_problem(call, 422,
			"connector: expected ORGANISATION/NAME of one that there is, found %s",
			key);
	return q->connector != NULL;
}

/* Of several addresses that cover it the narrowest counts, as for mail. */
static void find_by_address(struct question *q, const struct model_prefix *address)
{
	const struct model_config *config = policy_snapshot_config(q->call->admin->snapshot);
	unsigned best = 0;

	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		for (size_t k = 0;
			c->enabled && c->inbound != NULL && k < c->inbound->addresses.count; k++) {
			struct model_prefix prefix;

			if (!model_parse_prefix(str_of(c->inbound->addresses.items[k]), &prefix) ||
				!model_prefix_contains(&prefix, address) ||
				(q->connector != NULL && prefix.bits <= best))
				continue;
			best = prefix.bits;
			q->connector = c;
			q->is_known_by_address = true;
		}
	}
}

/* False: answered. */
static bool read_question(struct question *q)
{
	struct admin_call *call = q->call;
	const char *to = text_of(call, "to");
	struct model_prefix address;
	struct str host;
	uint16_t port;

	q->name = text_of(call, "name");
	q->from = text_of(call, "from");
	if (!find_connector(q, text_of(call, "connector")))
		return false;
	if (to != NULL && (q->connector == NULL || q->name != NULL || q->from != NULL)) {
		admin_problem(call, 422,
			"to: expected with connector, whose certificate it is, and without name "
			"and from");
		return false;
	}
	if (to != NULL && !model_parse_endpoint(str_of(to), (uint16_t)call->admin->node.ports.smtp,
				  &host, &port)) {
		admin_problem(call, 422, "to: expected HOST or HOST:PORT, found %s", to);
		return false;
	}
	if (to != NULL)
		q->host = arena_format(call->arena, "%.*s:%u", (int)host.n, host.p, port);
	if (q->from == NULL)
		return true;
	if (!model_parse_prefix(str_of(q->from), &address) || address.bits != 128) {
		admin_problem(call, 422, "from: expected an address, found %s", q->from);
		return false;
	}
	if (q->connector == NULL)
		find_by_address(q, &address);
	return true;
}

static void state_facts(struct question *q, struct cert_refusals *memory)
{
	struct arena *arena = q->call->arena;
	bool is_out = q->host != NULL;
	struct str host = str_of(q->host);

	q->party = (struct cert_party){
		.memory = memory,
		.place = is_out		   ? arena_format(arena, "host %s", q->host)
			 : q->from != NULL ? arena_format(arena, "address %s", q->from)
					   : NULL,
		.connector = q->connector != NULL
				     ? arena_format(arena, "%s/%s", q->connector->organisation,
					       q->connector->name)
				     : NULL,
		.direction = is_out ? RECEIPT_OUT : RECEIPT_IN,
		.now_ms = runtime_now_ms(),
	};
	q->facts = (struct cert_choose_facts){
		.peer = is_out ? arena_text_of(arena, str_part(host, 0, str_find_last(host, ':')))
			       : q->from,
		.connector = q->party.connector,
		.now_ms = q->party.now_ms,
		.is_refused = cert_party_refuses,
		.context = &q->party,
	};
}

/* ---- the answer -------------------------------------------------------------------------------
 */

/* Offers that WANTED names, all when it is empty; facts[i] belongs to offers[i]. */
struct offered {
	struct cert_offer *offers;
	const struct cert_facts **facts;
	size_t count;
};

static void find_offers(
	const struct question *q, const struct model_listener *listener, struct offered *ret)
{
	const struct admin *admin = q->call->admin;
	struct arena *arena = q->call->arena;

	ret->offers = arena_array(arena, admin->certificate_count + 1, sizeof(*ret->offers));
	ret->facts = arena_array(arena, admin->certificate_count + 1, sizeof(*ret->facts));
	for (size_t i = 0; i < admin->certificate_count; i++) {
		const struct runtime_certificate *c = &admin->certificates[i];
		struct cert_facts *facts;
		size_t count = 0;

		if ((listener != NULL && !admin_listener_uses(listener, c->name)) ||
			tls_facts_of_pem(c->chain, arena, &facts, &count, NULL) != ERR_OK ||
			count == 0)
			continue;
		ret->offers[ret->count] = (struct cert_offer){.certificate = c->name,
			.version = c->version,
			.state = c->version != NULL ? c->state : CERT_CURRENT,
			.is_rsa = strncmp(facts[0].key, "RSA", 3) == 0,
			.names = facts[0].names};
		ret->facts[ret->count++] = &facts[0];
	}
}

static const char *choose(void *context, const char *certificate)
{
	struct question *q = context;
	struct cert_choice choice;

	q->facts.life = admin_life(q->call->admin, certificate);
	if (q->facts.life == NULL)
		return NULL;
	choice = cert_choose(&q->facts);
	return choice.version != NULL ? choice.version->id : NULL;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text != NULL ? json_string(text) : json_null());
}

static void add_item(struct question *q, const struct cert_offer *offer,
	const struct offered *offered, const char *where, const char *match)
{
	const struct cert_facts *facts;
	json_t *item;
	struct cert_choice choice;

	if (offer == NULL)
		return;
	facts = offered->facts[offer - offered->offers];
	item = json_object();
	set_text(item, q->host != NULL ? "connector" : "listener", where);
	set_text(item, "match", match);
	set_text(item, "certificate", offer->certificate);
	set_text(item, "version", offer->version);
	set_text(item, "state", cert_state_names[offer->state]);
	set_text(item, "key", facts->key);
	set_text(item, "issuer", facts->issuer);
	set_text(item, "sha256", facts->sha256);
	q->facts.life = admin_life(q->call->admin, offer->certificate);
	if (q->facts.life == NULL) {
		set_text(item, "reason", "current");
		set_text(item, "why", "it has no versions");
	} else {
		choice = cert_choose(&q->facts);
		set_text(item, "reason", cert_choose_reason_names[choice.reason]);
		set_text(item, "why", cert_choose_words(&choice, &q->facts, q->call->arena));
	}
	json_array_append_new(q->items, item);
}

static void explain_listener(struct question *q, const struct model_listener *listener)
{
	static const char *const matches[] = {"name", "wildcard", "default"};
	struct cert_directory *directory CLEANUP(cert_directory_free) = NULL;
	struct offered offered = {0};
	struct cert_pair pair;

	find_offers(q, listener, &offered);
	if (listener->tls == MODEL_TLS_OFF || offered.count == 0 ||
		cert_directory_new(offered.offers, offered.count, &directory, NULL) != ERR_OK)
		return;
	pair = cert_directory_find(directory, str_of(q->name));
	pair = cert_directory_choose(directory, pair, choose, q);
	add_item(q, pair.ecdsa, &offered, listener->name, matches[pair.match]);
	add_item(q, pair.rsa, &offered, listener->name, matches[pair.match]);
}

static void explain_outbound(struct question *q)
{
	const struct model_connector *c = q->connector;
	const struct model_organisation *organisation =
		policy_organisation(q->call->admin->snapshot, c->organisation);
	bool is_own = c->outbound != NULL && c->outbound->certificate != NULL;
	const char *name = is_own		  ? c->outbound->certificate
			   : organisation != NULL ? organisation->certificate
						  : NULL;
	struct cert_directory *directory CLEANUP(cert_directory_free) = NULL;
	struct offered offered = {0};
	struct cert_pair pair;

	if (name == NULL)
		return;
	find_offers(q, NULL, &offered);
	if (cert_directory_new(offered.offers, offered.count, &directory, NULL) != ERR_OK)
		return;
	pair = cert_directory_version(directory, name, choose(q, name));
	add_item(
		q, pair.ecdsa, &offered, q->party.connector, is_own ? "connector" : "organisation");
	add_item(q, pair.rsa, &offered, q->party.connector, is_own ? "connector" : "organisation");
}

static struct cert_refusals *read_refusals(const json_t *result)
{
	struct cert_refusals *memory = cert_refusals_new(0);
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, item) {
		struct cert_refusal refusal = {
			.partner = json_string_value(json_object_get(item, "partner")),
			.certificate = json_string_value(json_object_get(item, "certificate")),
			.version = json_string_value(json_object_get(item, "version")),
			.until_ms = INT64_MAX, /* the spool knows what is over */
		};
		const char *direction = json_string_value(json_object_get(item, "direction"));

		refusal.direction = direction != NULL && strcmp(direction, "out") == 0 ? RECEIPT_OUT
										       : RECEIPT_IN;
		if (refusal.partner != NULL && refusal.certificate != NULL &&
			refusal.version != NULL)
			cert_refusals_put(memory, &refusal);
	}
	return memory;
}

static void answer(struct admin_call *call, enum err e, const json_t *result)
{
	struct cert_refusals *memory CLEANUP(cert_refusals_free) = NULL;
	const struct model_node *node = &call->admin->node;
	struct question q = {.call = call};

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	/* The configuration may be another one than when the spool was asked. */
	if (!read_question(&q))
		return;
	memory = read_refusals(result);
	state_facts(&q, memory);
	q.items = json_array();
	if (q.host != NULL)
		explain_outbound(&q);
	for (size_t i = 0; q.host == NULL && i < node->listeners.count; i++)
		explain_listener(&q, &node->listeners.items[i]);
	admin_reply(call, 200,
		json_pack("{s:s,s:s?,s:b,s:o}", "direction", q.host != NULL ? "out" : "in",
			"connector", q.party.connector, "known_by_address", q.is_known_by_address,
			"items", q.items),
		NULL);
}

static void ask(struct admin_call *call)
{
	struct question q = {.call = call};

	if (read_question(&q))
		admin_ask_spool(call, "refusals.list", json_object(), answer);
}

void admin_explain_certificate(struct admin_call *call)
{
	if (admin_needs_object(call))
		admin_with_snapshot(call, ask);
}

/* ---- who accepts what -------------------------------------------------------------------------
 */

static void pass_on(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200,
			result != NULL ? json_incref((json_t *)result) : json_object(), NULL);
}

void admin_get_acceptance(struct admin_call *call)
{
	json_t *arguments = json_pack("{s:s}", "certificate", call->segments[0]);

	admin_page_ask(call, arguments);
	admin_ask_spool(call, "acceptance.list", arguments, pass_on);
}
