/* What a kit says, in the order in which a person needs it. */
#include "base/moment.h"
#include "core/page/page.h"
#include "core/partner/kit.h"

struct sheet {
	const struct partner_kit *kit;
	struct arena *arena;
	struct page page;
};

static void put(struct sheet *s, enum page_kind kind, const char *label, const char *text)
{
	page_put(&s->page, kind, label, text);
}

static void put_listeners(struct sheet *s)
{
	put(s, PAGE_ROW, "Host", s->kit->host);
	for (size_t i = 0; i < s->kit->listeners.count; i++) {
		const struct partner_listener *l = &s->kit->listeners.items[i];

		put(s, PAGE_ROW, "Listens on",
			arena_format(s->arena, "%s, port %d, %s",
				l->address != NULL ? l->address : "the addresses of the host",
				(int)l->port, l->is_implicit ? "implicit TLS" : "STARTTLS"));
	}
}

static void put_certificate(struct sheet *s, const struct partner_certificate *c)
{
	put(s, PAGE_ROW, "Name to ask for",
		c->tls_name != NULL ? c->tls_name : "none: the certificate carries no DNS name");
	put(s, PAGE_ROW, "All names", page_join(&s->page, &c->names));
	put(s, PAGE_ROW, "Subject", c->subject);
	put(s, PAGE_ROW, "Issuer", c->issuer);
	put(s, PAGE_ROW, "Root", c->root != NULL ? c->root : "not known to the maker of this kit");
	put(s, PAGE_ROW, "Valid",
		arena_format(s->arena, "%s to %s", page_day(&s->page, c->not_before_ms),
			page_day(&s->page, c->not_after_ms)));
	put(s, PAGE_ROW, "Key", c->key);
	put(s, PAGE_ROW, "SHA-256", c->sha256);
	put(s, PAGE_ROW, "Public key", c->spki_sha256);
}

static const char *when_words(struct sheet *s, const struct partner_certificate *c)
{
	if (c->state == CERT_NEXT)
		return c->changes_ms != 0 ? arena_format(s->arena,
						    "From %s on it will be this one; be ready for "
						    "it before:",
						    page_day(&s->page, c->changes_ms))
					  : "It will be this one, on a day that is not fixed yet:";
	return c->changes_ms != 0
		       ? arena_format(s->arena,
				 "Until %s this one, to who does not accept the one above:",
				 page_day(&s->page, c->changes_ms))
		       : "Or this one, to who does not accept the one above:";
}

static void put_others(struct sheet *s, const struct partner_certificate *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		put(s, PAGE_PARAGRAPH, NULL, when_words(s, &items[i]));
		put_certificate(s, &items[i]);
	}
}

static void put_receiving(struct sheet *s)
{
	put(s, PAGE_HEADING, NULL, "When you send to us");
	put(s, PAGE_PARAGRAPH, NULL,
		"Insist on TLS, and ask for the name below. The public key may stay when the "
		"certificate is renewed; the fingerprint does not.");
	put(s, PAGE_ROW, "Domains", page_join(&s->page, &s->kit->domains));
	put_listeners(s);
	for (size_t i = 0; i < s->kit->server_certificates.count; i++) {
		put(s, PAGE_PARAGRAPH, NULL,
			i == 0 ? "The certificate that our server presents:"
			       : "Or, by the kind of key that you ask for or the name:");
		put_certificate(s, &s->kit->server_certificates.items[i]);
	}
	put_others(s, s->kit->other_server_certificates.items,
		s->kit->other_server_certificates.count);
}

static void put_sending(struct sheet *s)
{
	const struct partner_certificate *c = s->kit->client_certificate;

	put(s, PAGE_HEADING, NULL, "When we send to you");
	put(s, PAGE_ROW, "EHLO", s->kit->host);
	put(s, PAGE_ROW, "Addresses",
		s->kit->addresses.count > 0 ? page_join(&s->page, &s->kit->addresses)
					    : "not told: know us by the certificate");
	if (c == NULL) {
		put(s, PAGE_PARAGRAPH, NULL,
			"We present no certificate: you can insist on TLS, but not on knowing us.");
		return;
	}
	put(s, PAGE_PARAGRAPH, NULL, "The certificate that we present when your server asks:");
	put_certificate(s, c);
	put(s, PAGE_ROW, "Client use",
		c->allows_client
			? "allowed by its extended key usage"
			: "not named in its extended key usage: do not ask for clientAuth");
	put_others(s, s->kit->other_client_certificates.items,
		s->kit->other_client_certificates.count);
}

static void put_roots(struct sheet *s)
{
	put(s, PAGE_HEADING, NULL, "Roots to trust");
	if (s->kit->roots.count == 0)
		put(s, PAGE_PARAGRAPH, NULL, "None is known to the maker of this kit.");
	for (size_t i = 0; i < s->kit->roots.count; i++) {
		const struct partner_root *r = &s->kit->roots.items[i];

		put(s, PAGE_ROW, "Subject", r->subject);
		put(s, PAGE_ROW, "Valid until", page_day(&s->page, r->not_after_ms));
		put(s, PAGE_ROW, "SHA-256", r->sha256);
		put(s, PAGE_ROW, "Kind",
			r->is_public ? "in our system's store, and probably in yours"
				     : "of our own: your server must be told to trust it");
		put(s, PAGE_CODE, "PEM", r->pem);
	}
}

static void put_tls(struct sheet *s)
{
	const struct partner_tls *t = &s->kit->tls;

	put(s, PAGE_HEADING, NULL, "TLS that we speak");
	put(s, PAGE_ROW, "Versions", page_join(&s->page, &t->versions));
	put(s, PAGE_ROW, "TLS 1.3 suites", page_join(&s->page, &t->suites_13));
	put(s, PAGE_ROW, "TLS 1.2 suites", page_join(&s->page, &t->suites_12));
	put(s, PAGE_ROW, "Groups", page_join(&s->page, &t->groups));
	put(s, PAGE_ROW, "Signatures", page_join(&s->page, &t->signatures));
}

static const char *level_words(int level)
{
	static const char *const words[MODEL_LEVEL_MAX] = {
		[MODEL_LEVEL_NONE] = "TLS where you offer it",
		[MODEL_LEVEL_ENCRYPT] = "TLS, any certificate",
		[MODEL_LEVEL_CHAIN] = "TLS, and a certificate that we trust",
		[MODEL_LEVEL_NAME] = "TLS, and a certificate that we trust with the name below",
	};

	return level >= 0 && level < MODEL_LEVEL_MAX ? words[level] : "?";
}

static void put_requirements(struct sheet *s)
{
	const struct partner_requirements *r = s->kit->requirements;

	if (r == NULL)
		return;
	put(s, PAGE_HEADING, NULL, "What we ask of you");
	if (r->has_inbound) {
		put(s, PAGE_ROW, "Mail from", page_join(&s->page, &r->sender_domains));
		put(s, PAGE_ROW, "must come", r->require_tls ? "by TLS" : "by TLS or not");
		put(s, PAGE_ROW, "Client certificate", r->certificate_name);
		put(s, PAGE_ROW, "without it",
			r->certificate_name == NULL  ? NULL
			: r->restrict_to_certificate ? "your mail is refused"
						     : "your mail by TLS is refused");
		put(s, PAGE_ROW, "Its public key", page_join(&s->page, &r->pins));
		put(s, PAGE_ROW, "Addresses", page_join(&s->page, &r->addresses));
	}
	if (r->has_outbound) {
		put(s, PAGE_ROW, "Mail to", page_join(&s->page, &r->recipient_domains));
		put(s, PAGE_ROW, "goes to",
			r->hosts.count > 0 ? page_join(&s->page, &r->hosts) : "your MX hosts");
		put(s, PAGE_ROW, "and asks for", level_words(r->tls));
		if (r->tls == MODEL_LEVEL_NAME)
			put(s, PAGE_ROW, "Server name",
				r->tls_domain != NULL ? r->tls_domain
				: r->hosts.count > 0  ? "that of the host"
						      : "the recipient's domain");
	}
	put(s, PAGE_ROW, "TLS version",
		arena_format(s->arena, "%s or newer",
			model_version_names[r->minimum_version == MODEL_TLS_13]));
	put(s, PAGE_ROW, "Groups", page_join(&s->page, &r->groups));
}

static void put_settings(struct sheet *s)
{
	struct partner_setting *items;
	size_t count = partner_settings(s->kit, s->arena, &items);
	const char *system = "";
	json_t *json = partner_kit_json(s->kit);
	char *dump = json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(system, items[i].system) != 0) {
			system = items[i].system;
			put(s, PAGE_HEADING, NULL,
				arena_format(s->arena, "Settings for %s", system));
			if (strcmp(system, "Postfix") == 0)
				put(s, PAGE_PARAGRAPH, NULL,
					"Postfix 3.6 or newer. Add to what is there: a setting "
					"that stands twice counts once. Where the smtp service is "
					"chrooted, the file with our root must also be below the "
					"queue directory.");
		}
		put(s, PAGE_CODE, items[i].file, items[i].text);
	}
	put(s, PAGE_CODE, arena_format(s->arena, "%s.json", s->kit->organisation),
		dump != NULL ? arena_text(s->arena, dump) : NULL);
	free(dump);
	json_decref(json);
}

enum err partner_format(const struct partner_kit *kit, enum page_format format, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct sheet s = {.kit = kit, .arena = arena, .page = {.arena = arena}};

	put(&s, PAGE_TITLE, NULL, arena_format(arena, "Forced TLS with %s", kit->organisation));
	put(&s, PAGE_PARAGRAPH, NULL,
		arena_format(arena,
			"What you need to insist on TLS with us, and to know us by certificate, in "
			"both directions. Made %s.",
			page_day(&s.page, kit->made_ms)));
	for (size_t i = 0; i < kit->notes.count; i++)
		put(&s, PAGE_NOTE, NULL, kit->notes.items[i]);
	put_receiving(&s);
	put_sending(&s);
	put_requirements(&s);
	put_roots(&s);
	put_tls(&s);
	put_settings(&s);
	return page_format(&s.page, format, out);
}
