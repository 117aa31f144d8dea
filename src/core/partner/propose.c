/* The connector that a partner's kit amounts to.  Each choice is told with its reason. */
#include "core/partner/kit.h"

#include "base/moment.h"

enum { MAX_CHOICES = 32, SMTP_PORT = 25 };

struct work {
	const struct partner_kit *kit;
	const struct partner_import *how;
	struct arena *arena;
	struct partner_proposal *proposal;
};

static void choose(struct work *w, const char *property, const char *why)
{
	struct partner_proposal *p = w->proposal;

	if (p->choice_count < MAX_CHOICES)
		p->choices[p->choice_count++] = (struct partner_choice){property, why};
}

/* The roots as one PEM text, in the arena. */
static const char *all_roots(struct work *w)
{
	struct buf out;
	const char *text = NULL;

	buf_init(&out, RECORD_MAX_TEXT);
	for (size_t i = 0; i < w->kit->roots.count; i++) {
		const char *pem = w->kit->roots.items[i].pem;
		size_t n = strlen(pem);

		buf_format(&out, "%s%s", pem, n > 0 && pem[n - 1] == '\n' ? "" : "\n");
	}
	if (!out.failed && buf_length(&out) > 0)
		text = arena_text_of(w->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static void take_trust(struct work *w)
{
	struct model_connector *c = &w->proposal->connector;

	if (w->kit->roots.count == 0) {
		choose(w, "trust", "not set: the kit holds no root; the system's roots count");
		return;
	}
	if (w->how->has_public_roots) {
		choose(w, "trust", "not set: the system's store has the roots of the kit");
		return;
	}
	c->trust = all_roots(w);
	choose(w, "trust",
		c->trust != NULL
			? "the roots of the kit: the system's store does not have them all; for "
			  "this connector nobody else is trusted. Compare the fingerprint with the "
			  "partner by another way, such as the telephone"
			: "not set: the kit's roots are too large together");
}

static void take_addresses(struct work *w, struct model_inbound *in)
{
	if (in->certificate_name != NULL) {
		choose(w, "inbound.addresses",
			"not set: the certificate proves more, and addresses change");
		return;
	}
	if (w->kit->addresses.count == 0) {
		choose(w, "inbound.addresses",
			"not set: the kit tells none. Nothing proves who sends: ask the partner "
			"for "
			"a client certificate");
		return;
	}
	in->addresses = w->kit->addresses;
	in->restrict_to_addresses = true;
	choose(w, "inbound.addresses",
		"the partner presents no certificate that could be named: its addresses are all "
		"there is");
}

/* The name will be another after the partner's next change: then mail would stop. */
static void warn_of_next(struct work *w, const char *property, const char *name,
	const struct partner_certificate *others, size_t count)
{
	char on[MOMENT_TEXT_SIZE] = "";

	for (size_t i = 0; i < count; i++) {
		const struct partner_certificate *o = &others[i];

		if (o->state != CERT_NEXT ||
			(o->tls_name != NULL && strcmp(o->tls_name, name) == 0))
			continue;
		if (o->changes_ms != 0)
			moment_format_rfc3339(o->changes_ms, on);
		choose(w, property,
			arena_format(w->arena,
				"mind: the partner's next certificate carries %s%s, %s; "
				"change it in time",
				o->tls_name != NULL ? "the name " : "no name that can be asked for",
				o->tls_name != NULL ? o->tls_name : "",
				on[0] != '\0' ? arena_format(w->arena, "from %.10s on", on)
					      : "on a day not fixed yet"));
	}
}

static void take_inbound(struct work *w, struct model_inbound *in)
{
	const struct partner_certificate *c = w->kit->client_certificate;

	in->sender_domains = w->kit->domains;
	choose(w, "inbound.sender_domains", "the partner's domains");
	in->require_tls = true;
	choose(w, "inbound.require_tls", "mail from them without TLS is refused");
	if (c != NULL && c->tls_name != NULL) {
		in->certificate_name = c->tls_name;
		in->restrict_to_certificate = true;
		choose(w, "inbound.certificate_name",
			"the name of the certificate that the partner presents when it sends");
		warn_of_next(w, "inbound.certificate_name", c->tls_name,
			w->kit->other_client_certificates.items,
			w->kit->other_client_certificates.count);
		choose(w, "inbound.restrict_to_certificate",
			"mail from these domains without that certificate is refused");
		if (!c->allows_client) {
			in->usage = MODEL_USAGE_CLIENT_OR_SERVER;
			choose(w, "inbound.usage",
				"its extended key usage names servers only, as public authorities "
				"now issue them");
		}
		choose(w, "inbound.pins",
			"not set: a pin breaks at the next renewal with a new key");
	}
	take_addresses(w, in);
}

/* "host:port" where the partner does not listen on port 25. */
static void take_hosts(struct work *w, struct model_outbound *out)
{
	const struct partner_listener *best = NULL;
	const char *host;

	for (size_t i = 0; i < w->kit->listeners.count; i++) {
		const struct partner_listener *l = &w->kit->listeners.items[i];

		if (!l->is_implicit && (best == NULL || l->port == SMTP_PORT))
			best = l;
	}
	if (best == NULL || best->port == SMTP_PORT) {
		choose(w, "outbound.smart_hosts", "not set: the partner's MX hosts are used");
		return;
	}
	host = best->address != NULL ? best->address : w->kit->host;
	out->smart_hosts.items = arena_array(w->arena, 1, sizeof(char *));
	out->smart_hosts.count = 1;
	out->smart_hosts.items[0] = arena_format(
		w->arena, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, (int)best->port);
	choose(w, "outbound.smart_hosts",
		"the partner listens on another port than 25, which MX records cannot tell");
}

static void take_outbound(struct work *w, struct model_outbound *out)
{
	const char *name = w->kit->server_certificates.count > 0
				   ? w->kit->server_certificates.items[0].tls_name
				   : NULL;

	out->recipient_domains = w->kit->domains;
	choose(w, "outbound.recipient_domains", "the partner's domains");
	take_hosts(w, out);
	if (name != NULL) {
		out->tls = MODEL_LEVEL_NAME;
		out->tls_domain = name;
		choose(w, "outbound.tls", "a trusted certificate with the name below, or no mail");
		choose(w, "outbound.tls_domain",
			"the name of the certificate that the partner's server presents");
		warn_of_next(w, "outbound.tls_domain", name,
			w->kit->other_server_certificates.items,
			w->kit->other_server_certificates.count);
	} else {
		out->tls = MODEL_LEVEL_ENCRYPT;
		choose(w, "outbound.tls",
			"the kit names no server certificate that could be asked for: TLS, but "
			"nobody knows with whom");
	}
	choose(w, "outbound.certificate",
		"not set: the organisation's certificate is presented to them");
}

static void take_requirements(struct work *w)
{
	const struct partner_requirements *r = w->kit->requirements;
	struct model_connector *c = &w->proposal->connector;

	if (r == NULL)
		return;
	if (r->minimum_version == MODEL_TLS_13) {
		c->minimum_version = MODEL_TLS_13;
		choose(w, "minimum_version", "the partner asks for it as well");
	}
	if (r->has_inbound && r->certificate_name != NULL)
		choose(w, "outbound.certificate",
			arena_format(w->arena,
				"the partner expects %s on it: compare with `sealpost cert list`",
				r->certificate_name));
}

/* What was put together, read as a stranger's would be: all checks of the model. */
static enum err check(struct work *w, struct err_info *info)
{
	struct model_connector *c = &w->proposal->connector;
	json_t *json = record_to_json(&model_connector_desc, c, RECORD_JSON_SPARSE);
	enum err e = record_from_json(&model_connector_desc, json, "", w->arena, c, info);

	json_decref(json);
	return e;
}

enum err partner_propose(const struct partner_kit *kit, const struct partner_import *how,
	struct arena *arena, struct partner_proposal *ret, struct err_info *info)
{
	struct work w = {kit, how, arena, ret};
	struct model_connector *c = &ret->connector;
	char made[MOMENT_TEXT_SIZE];

	*ret = (struct partner_proposal){0};
	ret->choices = arena_array(arena, MAX_CHOICES, sizeof(*ret->choices));
	record_init(&model_connector_desc, c, arena);
	c->organisation = how->organisation;
	c->name = how->name != NULL ? how->name : kit->organisation;
	c->type = MODEL_PARTNER;
	moment_format_rfc3339(kit->made_ms, made);
	made[10] = '\0';
	c->comment =
		arena_format(arena, "From the partner kit of %s, made %s", kit->organisation, made);
	c->inbound = arena_alloc(arena, sizeof(*c->inbound));
	c->outbound = arena_alloc(arena, sizeof(*c->outbound));
	record_init(&model_inbound_desc, c->inbound, arena);
	record_init(&model_outbound_desc, c->outbound, arena);
	take_trust(&w);
	take_inbound(&w, c->inbound);
	take_outbound(&w, c->outbound);
	take_requirements(&w);
	return check(&w, info);
}

/* ---- where there is one ------------------------------------------------------------------------
 */

static void keep(json_t *to, const json_t *from, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		json_object_set(to, *keys, json_object_get(from, *keys));
}

json_t *partner_decided_json(const struct model_connector *c)
{
	static const char *const top[] = {"comment", "trust", NULL};
	static const char *const in[] = {"sender_domains", "require_tls", "certificate_name",
		"restrict_to_certificate", "restrict_to_addresses", "addresses", "usage", NULL};
	static const char *const out[] = {
		"recipient_domains", "smart_hosts", "tls", "tls_domain", NULL};
	json_t *full = record_to_json(&model_connector_desc, c, RECORD_JSON_FULL);
	json_t *body = json_object(), *inbound = json_object(), *outbound = json_object();

	keep(body, full, top);
	keep(inbound, json_object_get(full, "inbound"), in);
	keep(outbound, json_object_get(full, "outbound"), out);
	json_object_set_new(body, "inbound", inbound);
	json_object_set_new(body, "outbound", outbound);
	if (c->minimum_version != MODEL_TLS_12)
		json_object_set(body, "minimum_version", json_object_get(full, "minimum_version"));
	json_decref(full);
	return body;
}
