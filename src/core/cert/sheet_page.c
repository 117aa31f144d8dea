/* What the sheet says to people. */
#include "base/moment.h"
#include "core/cert/sheet.h"

struct writer {
	struct page page;
	struct arena *arena;
};

static void put(struct writer *w, enum page_kind kind, const char *label, const char *text)
{
	page_put(&w->page, kind, label, text);
}

static const char *moment(struct writer *w, int64_t at_ms)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_format(w->arena, "%.10s %.5s UTC", text, text + 11);
}

/* "ab:cd:..." as other programs show it. */
static const char *colons(struct writer *w, const char *hex)
{
	size_t n = hex != NULL ? strlen(hex) : 0, at = 0;
	char *text = arena_alloc(w->arena, n * 2 + 1);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 2 == 0)
			text[at++] = ':';
		text[at++] = hex[i] >= 'a' ? (char)(hex[i] - 'a' + 'A') : hex[i];
	}
	return text;
}

static const char *state_words(struct writer *w, const struct cert_sheet_leaf *l)
{
	const char *text;

	switch (l->state) {
	case CERT_NEXT:
		text = l->changes_ms != 0
			       ? arena_format(w->arena, "next: takes the current one's place on %s",
					 moment(w, l->changes_ms))
			       : "next: will take the current one's place on a day not fixed yet";
		if (l->trial_ms != 0)
			text = arena_format(w->arena, "%s; shown to some from %s on", text,
				moment(w, l->trial_ms));
		return text;
	case CERT_DEPRECATED:
		text = "deprecated: shown to whoever refuses the current one";
		if (l->changes_ms != 0)
			text = arena_format(
				w->arena, "%s, until %s", text, moment(w, l->changes_ms));
		return text;
	default:
		text = l->since_ms != 0 ? arena_format(w->arena, "current since %s",
						  page_day(&w->page, l->since_ms))
					: "current";
		if (l->changes_ms != 0)
			text = arena_format(
				w->arena, "%s, until %s", text, moment(w, l->changes_ms));
		return text;
	}
}

static const char *title_of(struct writer *w, const struct cert_sheet_leaf *l)
{
	const char *state = cert_state_names[l->state];

	return l->version != NULL ? arena_format(w->arena, "Version %s, %s, %s", l->version, state,
					    l->facts.key)
				  : arena_format(w->arena, "%s", l->facts.key);
}

static void put_root(struct writer *w, const struct cert_sheet_leaf *l)
{
	const struct cert_sheet_root *r = l->root;

	if (r == NULL) {
		put(w, PAGE_ROW, "Root issuer", "not known to the maker of this sheet");
		return;
	}
	put(w, PAGE_ROW, "Root issuer", r->subject);
	put(w, PAGE_ROW, "Root's SHA-256", colons(w, r->sha256));
	put(w, PAGE_ROW, "Root valid until", page_day(&w->page, r->not_after_ms));
	put(w, PAGE_ROW, "Root is",
		r->is_public ? "public: in the maker's system, and probably in yours"
			     : "the maker's own: you must be told to trust it (below)");
}

static const char *kind_words(int kind)
{
	return kind == CERT_ENDPOINT_CRL    ? "Revocation list"
	       : kind == CERT_ENDPOINT_OCSP ? "OCSP responder"
					    : "Issuer published at";
}

static void put_endpoints(struct writer *w, const struct cert_sheet_leaf *l)
{
	for (size_t i = 0; i < l->path.count; i++)
		for (size_t k = 0; k < l->path.items[i].endpoints.count; k++) {
			const struct cert_endpoint *e = &l->path.items[i].endpoints.items[k];

			put(w, PAGE_ROW, kind_words(e->kind),
				i == 0 ? e->url
				       : arena_format(w->arena, "%s (for %s)", e->url,
						 l->path.items[i].subject));
		}
	put(w, PAGE_ROW, "To be reached",
		l->places.count > 0 ? page_join(&w->page, &l->places)
				    : "nothing: its chain names no places");
}

static const char *use_of(const struct cert_facts *f)
{
	if (f->allows_client && f->allows_server)
		return "server and client";
	return f->allows_server ? "server only" : f->allows_client ? "client only" : "neither";
}

static void put_leaf(struct writer *w, const struct cert_sheet_leaf *l)
{
	const struct cert_facts *f = &l->facts;

	put(w, PAGE_SUBHEADING, NULL, title_of(w, l));
	put(w, PAGE_ROW, "State", state_words(w, l));
	put(w, PAGE_ROW, "Certificate name", f->common_name);
	put(w, PAGE_ROW, "Organisation", f->organisation);
	put(w, PAGE_ROW, "Organisational unit", f->organisational_unit);
	put(w, PAGE_ROW, "Names", f->names.count > 0 ? page_join(&w->page, &f->names) : "none");
	put(w, PAGE_ROW, "Key strength",
		arena_format(w->arena, "%s (%lld bits)", f->key, (long long)f->key_bits));
	put(w, PAGE_ROW, "Signature", f->signature);
	put(w, PAGE_ROW, "Valid",
		arena_format(w->arena, "%s to %s", page_day(&w->page, f->not_before_ms),
			page_day(&w->page, f->not_after_ms)));
	put(w, PAGE_ROW, "Use", use_of(f));
	put(w, PAGE_ROW, "Subject", f->subject);
	put(w, PAGE_ROW, "Issuer", f->issuer);
	put(w, PAGE_ROW, "Serial number", f->serial);
	put(w, PAGE_ROW, "SHA-256", colons(w, f->sha256));
	put(w, PAGE_ROW, "Public key", colons(w, f->spki_sha256));
	put_root(w, l);
	put_endpoints(w, l);
}

static const char *use_words(const struct cert_sheet_certificate *c)
{
	if (c->is_server && c->is_client)
		return "Presented when you bring us mail, and when we bring you mail.";
	if (c->is_server)
		return "Presented when you bring us mail.";
	return c->is_client ? "Presented when we bring you mail and your server asks for it."
			    : "Not in use.";
}

/* The records of all versions together: all are to stand in the zone before any version changes
 * (RFC 7671 8.1). */
static void put_tlsa(struct writer *w, const struct cert_sheet_certificate *c)
{
	const char *text = "";

	for (size_t i = 0; i < c->leaves.count; i++) {
		const struct cert_sheet_leaf *l = &c->leaves.items[i];

		for (size_t k = 0; k < l->tlsa.count; k++)
			text = arena_format(w->arena, "%s%s ; %s\n", text, l->tlsa.items[k],
				cert_state_names[l->state]);
	}
	put(w, PAGE_CODE, "TLSA records, where the zone is signed", text);
}

/* Roots that are nobody's system's, each once. */
static void put_roots(struct writer *w, const struct cert_sheet_certificate *c)
{
	for (size_t i = 0; i < c->leaves.count; i++) {
		const struct cert_sheet_leaf *l = &c->leaves.items[i];
		bool is_new = l->root != NULL && !l->root->is_public && l->path.count > 0;

		for (size_t k = 0; k < i && is_new; k++)
			is_new = c->leaves.items[k].root == NULL ||
				 strcmp(c->leaves.items[k].root->sha256, l->root->sha256) != 0;
		if (is_new)
			put(w, PAGE_CODE, arena_format(w->arena, "Root: %s", l->root->subject),
				l->path.items[l->path.count - 1].pem);
	}
}

enum err cert_sheet_format(const struct cert_sheet *sheet, enum page_format format, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct writer w = {.arena = arena, .page = {.arena = arena}};

	put(&w, PAGE_TITLE, NULL, arena_format(arena, "Certificates of %s", sheet->host));
	put(&w, PAGE_PARAGRAPH, NULL,
		arena_format(arena,
			"What to trust and to expect, now and after the next change. Compare "
			"fingerprints by another way, such as the telephone, before you pin them. "
			"Made %s.",
			moment(&w, sheet->made_ms)));
	if (sheet->certificates.count == 0)
		put(&w, PAGE_PARAGRAPH, NULL, "There is none.");
	for (size_t i = 0; i < sheet->certificates.count; i++) {
		const struct cert_sheet_certificate *c = &sheet->certificates.items[i];

		put(&w, PAGE_HEADING, NULL, arena_format(arena, "Certificate %s", c->name));
		put(&w, PAGE_PARAGRAPH, NULL, use_words(c));
		for (size_t k = 0; k < c->leaves.count; k++)
			put_leaf(&w, &c->leaves.items[k]);
		put_tlsa(&w, c);
		put_roots(&w, c);
	}
	return page_format(&w.page, format, out);
}
