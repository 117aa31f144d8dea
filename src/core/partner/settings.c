/*
 * What the partner's administrator pastes.  Only names that are domain names, and numbers, get into
 * it, so that nothing has to be escaped.
 */
#include "core/partner/kit.h"

enum { MAX_TEXT = 256 * 1024, MAX_SETTINGS = 16 };

struct work {
	const struct partner_kit *kit;
	struct arena *arena;
	const char *label;	 /* of the maker, as part of a file's name */
	const char *server_name; /* NULL: none can be asked for */
	const char *client_name; /* NULL: no client certificate that can be named */
	const struct partner_listener *listener;
	bool has_private_root;
	struct partner_setting *items;
	size_t count;
};

static void add(struct work *w, const char *system, const char *file, const char *text)
{
	if (w->count < MAX_SETTINGS && text[0] != '\0')
		w->items[w->count++] = (struct partner_setting){system, file, text};
}

/* The domains as one text; "*.x" is written with WILDCARD in front of ".x". NULL WILDCARD: left
 * out. */
static const char *domains(const struct work *w, const char *wildcard, const char *before,
	const char *after, const char *between)
{
	struct buf out;
	const char *text;

	buf_init(&out, MAX_TEXT);
	for (size_t i = 0; i < w->kit->domains.count; i++) {
		const char *name = w->kit->domains.items[i];
		bool is_wildcard = name[0] == '*';

		if (model_domain_name(str_of(name), true, w->arena) == NULL ||
			(is_wildcard && wildcard == NULL))
			continue;
		buf_format(&out, "%s%s%s%s%s", buf_length(&out) > 0 ? between : "", before,
			is_wildcard ? wildcard : "", is_wildcard ? name + 1 : name, after);
	}
	text = arena_text_of(w->arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* The listener that settings are made for: STARTTLS on port 25, else the first with STARTTLS. */
static const struct partner_listener *best_listener(const struct partner_kit *kit)
{
	const struct partner_listener *best = NULL;

	for (size_t i = 0; i < kit->listeners.count; i++) {
		const struct partner_listener *l = &kit->listeners.items[i];

		if (!l->is_implicit && (best == NULL || (best->port != 25 && l->port == 25)))
			best = l;
	}
	return best;
}

static const char *checked(struct work *w, const char *name, bool wildcard)
{
	return name != NULL ? model_domain_name(str_of(name), wildcard, w->arena) : NULL;
}

/* Colons between pairs, upper case, as Postfix writes fingerprints. */
static const char *with_colons(struct work *w, const char *hex)
{
	size_t n = strlen(hex);
	char *text = arena_alloc(w->arena, n * 2 + 1), *to = text;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 2 == 0)
			*to++ = ':';
		*to++ = hex[i] >= 'a' && hex[i] <= 'f' ? (char)(hex[i] - 'a' + 'A') : hex[i];
	}
	return text;
}

/* ---- Postfix --------------------------------------------------------------------------------- */

/* "sealpost_contoso": a restriction class may not have other characters. */
static const char *class_name(struct work *w)
{
	char *text = arena_format(w->arena, "sealpost_%s", w->label);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '-' || *p == '.')
			*p = '_';
	return text;
}

static void postfix_main(struct work *w)
{
	const char *class = class_name(w), *label = w->label;
	const char *condition = "reject_plaintext_session";
	const char *transport = "", *roots = "";

	if (w->client_name != NULL)
		condition = arena_format(w->arena,
			"check_ccert_access texthash:/etc/postfix/%s.certificates, reject", label);
	if (w->listener != NULL && w->listener->port != 25)
		transport = arena_format(
			w->arena, "transport_maps = texthash:/etc/postfix/%s.transport\n", label);
	if (w->server_name != NULL && !w->has_private_root)
		roots = "# Public roots, as your system keeps them.\n"
			"smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n";
	add(w, "Postfix", "/etc/postfix/main.cf",
		arena_format(w->arena,
			"# Mail to %s: only by TLS, to whoever proves the name.\n"
			"smtp_tls_policy_maps = texthash:/etc/postfix/%s.policy\n%s%s"
			"# The certificate that you show there (key first).\n"
			"smtp_tls_chain_files = /etc/postfix/tls/key.pem, "
			"/etc/postfix/tls/chain.pem\n"
			"# The certificate that you show here, and ask for one.\n"
			"smtpd_tls_chain_files = /etc/postfix/tls/key.pem, "
			"/etc/postfix/tls/chain.pem\n"
			"smtpd_tls_security_level = may\n"
			"smtpd_tls_ask_ccert = yes\n"
			"smtpd_tls_fingerprint_digest = sha256\n"
			"# Mail from %s: only by TLS%s.\n"
			"smtpd_restriction_classes = %s\n"
			"%s = %s\n"
			"smtpd_sender_restrictions = check_sender_access "
			"texthash:/etc/postfix/%s.senders\n",
			label, label, transport, roots, label,
			w->client_name != NULL ? ", with its certificate" : "", class, class,
			condition, label));
}

/* The key of the policy: the recipient's domain, or the next hop as transport_maps gives it. */
static void postfix_policy(struct work *w)
{
	const struct partner_listener *l = w->listener;
	const char *match = w->server_name, *what, *hop;

	if (match != NULL && match[0] == '*')
		match++; /* ".x": all below x */
	what = arena_format(w->arena, " %s%s protocols=>=TLSv1.2%s",
		match != NULL ? "secure match=" : "encrypt", match != NULL ? match : "",
		w->has_private_root && match != NULL
			? arena_format(w->arena, " tafile=/etc/postfix/%s.pem", w->label)
			: "");
	if (l == NULL || l->port == 25) {
		add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.policy", w->label),
			domains(w, "", "", arena_format(w->arena, "%s\n", what), ""));
		return;
	}
	hop = arena_format(
		w->arena, "[%s]:%d", l->address != NULL ? l->address : w->kit->host, (int)l->port);
	add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.policy", w->label),
		arena_format(w->arena, "%s%s\n", hop, what));
	add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.transport", w->label),
		domains(w, "", "", arena_format(w->arena, " smtp:%s\n", hop), ""));
}

static void postfix(struct work *w)
{
	const struct partner_certificate *c = w->kit->client_certificate;
	const char *lines = "";

	postfix_main(w);
	postfix_policy(w);
	add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.senders", w->label),
		domains(w, NULL, "", arena_format(w->arena, " %s\n", class_name(w)), ""));
	if (w->client_name == NULL || c == NULL || c->spki_sha256 == NULL || c->sha256 == NULL)
		return;
	for (size_t i = 0; i < w->kit->other_client_certificates.count; i++) {
		const struct partner_certificate *o = &w->kit->other_client_certificates.items[i];

		if (o->sha256 != NULL && o->spki_sha256 != NULL)
			lines = arena_format(w->arena, "%s# The %s one.\n%s OK\n%s OK\n", lines,
				cert_state_names[o->state], with_colons(w, o->spki_sha256),
				with_colons(w, o->sha256));
	}
	add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.certificates", w->label),
		arena_format(w->arena,
			"# The public key, which may outlive the certificate; then the "
			"certificate.\n%s OK\n%s OK\n%s",
			with_colons(w, c->spki_sha256), with_colons(w, c->sha256), lines));
}

/* ---- roots ----------------------------------------------------------------------------------- */

static void roots(struct work *w)
{
	struct buf out;

	buf_init(&out, MAX_TEXT);
	for (size_t i = 0; i < w->kit->roots.count; i++) {
		const struct partner_root *r = &w->kit->roots.items[i];
		size_t n = strlen(r->pem);

		if (!r->is_public)
			buf_format(
				&out, "%s%s", r->pem, n > 0 && r->pem[n - 1] == '\n' ? "" : "\n");
	}
	w->has_private_root = buf_length(&out) > 0;
	add(w, "Postfix", arena_format(w->arena, "/etc/postfix/%s.pem", w->label),
		arena_text_of(w->arena, buf_str(&out)));
	buf_free(&out);
}

/* ---- Exchange Online ------------------------------------------------------------------------- */

static void exchange(struct work *w)
{
	const char *list = domains(w, "*", "'", "'", ", ");
	const char *warning = w->has_private_root
				      ? "# Exchange Online trusts public certification "
					"authorities only: with a root of the maker's own,\n"
					"# DomainValidation and a certificate name cannot be met.\n"
				      : "";
	const char *proof = w->client_name != NULL
				    ? arena_format(w->arena,
					      " `\n  -RestrictDomainsToCertificate $true "
					      "-TlsSenderCertificateName '%s'",
					      w->client_name)
				    : "";
	const char *level =
		w->server_name != NULL
			? arena_format(w->arena, "DomainValidation -TlsDomain '%s'", w->server_name)
			: "EncryptionOnly";
	const char *route = "-UseMXRecord $true";

	if (w->listener != NULL && w->listener->port != 25)
		warning = arena_format(w->arena,
			"%s# Exchange Online connects to port 25 only, and the maker listens on "
			"port %d.\n",
			warning, (int)w->listener->port);
	add(w, "Exchange Online", "PowerShell",
		arena_format(w->arena,
			"%s# Mail from %s: only by TLS%s.\n"
			"New-InboundConnector -Name 'From %s' -ConnectorType Partner `\n"
			"  -SenderDomains %s -RequireTls $true%s\n"
			"# Mail to %s: only by TLS%s.\n"
			"New-OutboundConnector -Name 'To %s' -ConnectorType Partner `\n"
			"  -RecipientDomains %s %s `\n"
			"  -TlsSettings %s\n",
			warning, w->label, w->client_name != NULL ? ", with its certificate" : "",
			w->label, list, proof, w->label,
			w->server_name != NULL ? ", to its certificate" : "", w->label, list, route,
			level));
}

static void sealpost(struct work *w)
{
	add(w, "Sealpost", "command",
		arena_format(w->arena,
			"# Save the JSON form of this kit (it was made with --format json) as "
			"%s.json.\n"
			"sealpost partner import %s.json            # shows what it would do\n"
			"sealpost partner import %s.json --apply\n",
			w->label, w->label, w->label));
}

size_t partner_settings(
	const struct partner_kit *kit, struct arena *arena, struct partner_setting **ret)
{
	struct work w = {.kit = kit, .arena = arena, .label = kit->organisation};

	w.items = arena_array(arena, MAX_SETTINGS, sizeof(*w.items));
	w.listener = best_listener(kit);
	if (kit->server_certificates.count > 0)
		w.server_name = checked(&w, kit->server_certificates.items[0].tls_name, true);
	if (kit->client_certificate != NULL && kit->client_certificate->sha256 != NULL &&
		kit->client_certificate->spki_sha256 != NULL)
		w.client_name = checked(&w, kit->client_certificate->tls_name, true);
	roots(&w);
	postfix(&w);
	exchange(&w);
	sealpost(&w);
	*ret = w.items;
	return w.count;
}
