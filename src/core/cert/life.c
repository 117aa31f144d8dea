#include "core/cert/life.h"

const char *const cert_state_names[] = {"next", "current", "deprecated", "retired", NULL};

#define MOMENT(type, member, ...)                                                                  \
	{                                                                                          \
		.name = #member, .kind = RECORD_MOMENT, .offset = offsetof(type, member##_ms),     \
		__VA_ARGS__                                                                        \
	}

#define F(member, k, ...) RECORD_FIELD(struct cert_version, member, k, __VA_ARGS__)
#define M(member, ...)	  MOMENT(struct cert_version, member, __VA_ARGS__)
static const struct record_field version_fields[] = {
	F(id, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .max = 16,
		.doc = "Number of the version; never used twice."),
	F(state, RECORD_ENUM, .names = cert_state_names,
		.doc = "next, current, deprecated or retired."),
	M(added, .doc = "When it was imported."),
	M(current, .doc = "When it became current; absent: it was not yet."),
	M(deprecated, .doc = "When it was deprecated."),
	M(retired, .doc = "When it was retired."),
	M(not_before, .doc = "Start of validity."),
	M(not_after, .doc = "End of validity."),
	F(sha256, RECORD_TEXTS, .max = 2, .doc = "Fingerprints of its certificates, hexadecimal."),
};
#undef F
#undef M
const struct record_desc cert_version_desc = RECORD_DESC(struct cert_version, "version",
	version_fields, .doc = "One certificate that was issued for a name.");

#define F(member, k, ...) RECORD_FIELD(struct cert_plan, member, k, __VA_ARGS__)
#define M(member, ...)	  MOMENT(struct cert_plan, member, __VA_ARGS__)
static const struct record_field plan_fields[] = {
	M(start, .doc = "When the trial of the next version begins; absent: by hand."),
	M(advance, .doc = "When the next version becomes current; absent: by hand."),
	M(retire, .doc = "When the deprecated version is retired; absent: by hand."),
	F(is_forced, RECORD_BOOL,
		.doc = "Whether it becomes current then even where a partner's checks do not "
		       "pass."),
	F(is_trial, RECORD_BOOL, .doc = "Whether the trial has begun."),
	F(share, RECORD_INT, .max = 100,
		.doc = "Share of the connections that are shown the next version, per cent."),
	F(connectors, RECORD_TEXTS, .max = 1000,
		.doc = "Connectors (organisation/name) that are shown the next version."),
};
#undef F
#undef M
const struct record_desc cert_plan_desc = RECORD_DESC(struct cert_plan, "plan", plan_fields,
	.doc = "What is to happen to a certificate, and when.");

#define F(member, k, ...) RECORD_FIELD(struct cert_life, member, k, __VA_ARGS__)
static const struct record_field life_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY,
		.doc = "Name of the certificate."),
	F(versions, RECORD_LIST, .sub = &cert_version_desc, .max = CERT_VERSIONS_MAX,
		.doc = "Its versions, oldest first."),
	F(plan, RECORD_INLINE, .sub = &cert_plan_desc, .doc = "What is to happen, and when."),
};
#undef F
const struct record_desc cert_life_desc = RECORD_DESC(
	struct cert_life, "certificate", life_fields, .doc = "A certificate's versions.");

const struct cert_version *cert_life_in(const struct cert_life *life, enum cert_state state)
{
	for (size_t i = 0; i < life->versions.count; i++)
		if (life->versions.items[i].state == (int)state)
			return &life->versions.items[i];
	return NULL;
}

const struct cert_life *cert_life_of(
	const struct cert_life *lives, size_t count, const char *certificate)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(lives[i].name, certificate) == 0)
			return &lives[i];
	return NULL;
}

static bool has_choice(const struct cert_life *life)
{
	size_t living = 0;

	for (size_t i = 0; i < life->versions.count; i++)
		living += life->versions.items[i].state != CERT_RETIRED;
	return living > 1;
}

size_t cert_lives_with_choice(const struct cert_life *lives, size_t count, struct arena *arena,
	const struct cert_life **ret)
{
	struct cert_life *copies = arena_array(arena, count + 1, sizeof(*copies));
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (has_choice(&lives[i]))
			record_copy(&cert_life_desc, &lives[i], arena, &copies[n++]);
	*ret = copies;
	return n;
}

bool cert_life_has_other(
	const struct cert_life *lives, size_t count, const char *certificate, const char *version)
{
	const struct cert_life *life = cert_life_of(lives, count, certificate);
	bool lives_itself = false;
	size_t others = 0;

	for (size_t i = 0; life != NULL && i < life->versions.count; i++) {
		const struct cert_version *v = &life->versions.items[i];

		if (v->state == CERT_RETIRED)
			continue;
		if (strcmp(v->id, version) == 0)
			lives_itself = true;
		else
			others++;
	}
	return lives_itself && others > 0;
}
