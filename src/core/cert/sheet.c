/* The description tables of the sheet, and what is worked out for it. */
#include "core/cert/sheet.h"

enum { MAX_TLSA = CERT_SHEET_HOSTS_MAX * 4, MAX_PEM = 65536 };

#define MOMENT(type, member, ...)                                                                  \
	{                                                                                          \
		.name = #member, .kind = RECORD_MOMENT, .offset = offsetof(type, member##_ms),     \
		__VA_ARGS__                                                                        \
	}
#define CLAIM(type, label, member, ...)                                                            \
	{                                                                                          \
		.name = label, .kind = RECORD_BOOL, .offset = offsetof(type, member), __VA_ARGS__  \
	}

#define F(member, k, ...) RECORD_FIELD(struct cert_sheet_step, member, k, __VA_ARGS__)
static const struct record_field step_fields[] = {
	F(subject, RECORD_TEXT, .doc = "Subject."),
	F(issuer, RECORD_TEXT, .doc = "Issuer."),
	F(sha256, RECORD_TEXT, .doc = "SHA-256 fingerprint, hexadecimal."),
	F(spki_sha256, RECORD_TEXT, .doc = "SHA-256 of its public key, hexadecimal."),
	MOMENT(struct cert_sheet_step, not_after, .doc = "End of validity."),
	CLAIM(struct cert_sheet_step, "presented", is_presented,
		.doc = "Whether it is sent; else the other side must have it."),
	F(endpoints, RECORD_LIST, .sub = &cert_endpoint_desc, .max = CERT_ENDPOINTS_MAX,
		.doc = "Where it sends those who validate it."),
	F(pem, RECORD_TEXT, .max = MAX_PEM, .doc = "The certificate."),
};
#undef F
static const struct record_desc step_desc = RECORD_DESC(struct cert_sheet_step, "step", step_fields,
	.doc = "A certificate on the way to the root.");

#define F(member, k, ...) RECORD_FIELD(struct cert_sheet_root, member, k, __VA_ARGS__)
static const struct record_field root_fields[] = {
	F(subject, RECORD_TEXT, .doc = "Subject."),
	F(sha256, RECORD_TEXT, .doc = "SHA-256 fingerprint, hexadecimal."),
	MOMENT(struct cert_sheet_root, not_after, .doc = "End of validity."),
	CLAIM(struct cert_sheet_root, "public", is_public,
		.doc = "Whether the trust store of the maker's system has it."),
};
#undef F
static const struct record_desc root_desc =
	RECORD_DESC(struct cert_sheet_root, "root", root_fields, .doc = "The root to trust.");

#define F(member, k, ...) RECORD_FIELD(struct cert_sheet_leaf, member, k, __VA_ARGS__)
#define M(member, ...)	  MOMENT(struct cert_sheet_leaf, member, __VA_ARGS__)
static const struct record_field leaf_fields[] = {
	F(version, RECORD_TEXT, .doc = "Number of the version; absent: it has none."),
	F(state, RECORD_ENUM, .names = cert_state_names, .preset = "current",
		.doc = "next, current or deprecated."),
	M(since, .doc = "Since when it is in that state."),
	M(changes,
		.doc = "When a next one becomes current, a current one is followed, a deprecated "
		       "one is retired; absent: no day is fixed."),
	M(trial, .doc = "From when on some are shown a next one."),
	{.name = "certificate",
		.kind = RECORD_INLINE,
		.sub = &cert_facts_desc,
		.offset = offsetof(struct cert_sheet_leaf, facts),
		.doc = "Its facts."},
	F(root, RECORD_OPTIONAL, .sub = &root_desc, .doc = "The root to trust."),
	F(path, RECORD_LIST, .sub = &step_desc, .max = CERT_SHEET_STEPS_MAX,
		.doc = "The way to the root, leaf first."),
	F(places, RECORD_TEXTS, .doc = "Hosts and ports that whoever validates must reach."),
	F(tlsa, RECORD_TEXTS, .max = MAX_TLSA, .doc = "TLSA records, as lines of a zone file."),
};
#undef F
#undef M
static const struct record_desc leaf_desc = RECORD_DESC(
	struct cert_sheet_leaf, "version", leaf_fields, .doc = "One certificate of a version.");

#define F(member, k, ...) RECORD_FIELD(struct cert_sheet_certificate, member, k, __VA_ARGS__)
static const struct record_field certificate_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .doc = "Its name here."),
	CLAIM(struct cert_sheet_certificate, "server", is_server,
		.doc = "Whether it is presented to who brings mail."),
	CLAIM(struct cert_sheet_certificate, "client", is_client,
		.doc = "Whether it is presented to who is brought mail."),
	{.name = "versions",
		.kind = RECORD_LIST,
		.sub = &leaf_desc,
		.max = CERT_SHEET_MAX,
		.offset = offsetof(struct cert_sheet_certificate, leaves),
		.doc = "Its living versions: current, next, deprecated."},
};
#undef F
static const struct record_desc certificate_desc = RECORD_DESC(struct cert_sheet_certificate,
	"certificate", certificate_fields, .doc = "A certificate of the maker.");

#define F(member, k, ...) RECORD_FIELD(struct cert_sheet, member, k, __VA_ARGS__)
static const struct record_field sheet_fields[] = {
	{.name = "sealpost-certificates",
		.kind = RECORD_INT,
		.flags = RECORD_REQUIRED,
		.offset = offsetof(struct cert_sheet, version),
		.min = CERT_SHEET_VERSION,
		.max = CERT_SHEET_VERSION,
		.doc = "Version of this form."},
	MOMENT(struct cert_sheet, made, .doc = "When it was made."),
	F(host, RECORD_TEXT, .doc = "The maker's host, as in MX records, greeting and EHLO."),
	F(certificates, RECORD_LIST, .sub = &certificate_desc, .max = CERT_SHEET_MAX,
		.doc = "Its certificates."),
};
#undef F
const struct record_desc cert_sheet_desc = RECORD_DESC(
	struct cert_sheet, "certificate sheet", sheet_fields, .doc = "The certificates of a host.");

/* ---- dates ----------------------------------------------------------------------------------- */

void cert_sheet_date(
	struct cert_sheet_leaf *leaf, const struct cert_life *life, const char *id, int state)
{
	const struct cert_version *version = NULL;

	leaf->version = id;
	leaf->state = state;
	for (size_t i = 0; life != NULL && id != NULL && i < life->versions.count; i++)
		if (strcmp(life->versions.items[i].id, id) == 0)
			version = &life->versions.items[i];
	if (version == NULL)
		return;
	switch (state) {
	case CERT_NEXT:
		leaf->since_ms = version->added_ms;
		leaf->changes_ms = life->plan.advance_ms;
		leaf->trial_ms = life->plan.start_ms;
		break;
	case CERT_CURRENT:
		leaf->since_ms = version->current_ms;
		if (cert_life_in(life, CERT_NEXT) != NULL)
			leaf->changes_ms = life->plan.advance_ms;
		break;
	default:
		leaf->since_ms = version->deprecated_ms;
		leaf->changes_ms = life->plan.retire_ms;
	}
}

/* ---- TLSA and places ------------------------------------------------------------------------- */

static void add_tlsa(struct cert_sheet_leaf *leaf, const struct cert_sheet_host *host, int usage,
	const char *digest, struct arena *arena)
{
	if (leaf->tlsa.count < MAX_TLSA)
		leaf->tlsa.items[leaf->tlsa.count++] =
			arena_format(arena, "_%d._tcp.%s. IN TLSA %d 1 1 %s", (int)host->port,
				host->name, usage, digest);
}

void cert_sheet_tlsa(struct cert_sheet_leaf *leaf, const struct cert_sheet_host *hosts,
	size_t count, struct arena *arena)
{
	const struct cert_sheet_step *issuer =
		leaf->path.count > 1 && leaf->path.items[1].is_presented ? &leaf->path.items[1]
									 : NULL;

	leaf->tlsa = (struct record_texts){arena_array(arena, MAX_TLSA, sizeof(char *)), 0};
	for (size_t i = 0; i < count && i < CERT_SHEET_HOSTS_MAX; i++) {
		add_tlsa(leaf, &hosts[i], 3, leaf->facts.spki_sha256, arena);
		if (issuer != NULL)
			add_tlsa(leaf, &hosts[i], 2, issuer->spki_sha256, arena);
	}
}

void cert_sheet_places(struct cert_sheet_leaf *leaf, struct arena *arena)
{
	struct cert_places *places = arena_alloc(arena, sizeof(*places));

	for (size_t i = 0; i < leaf->path.count; i++)
		for (size_t k = 0; k < leaf->path.items[i].endpoints.count; k++)
			cert_places_add(places,
				cert_endpoint_place(
					leaf->path.items[i].endpoints.items[k].url, arena),
				arena);
	leaf->places = (struct record_texts){places->items, places->count};
}

json_t *cert_sheet_json(const struct cert_sheet *sheet)
{
	return record_to_json(&cert_sheet_desc, sheet, RECORD_JSON_SPARSE);
}
