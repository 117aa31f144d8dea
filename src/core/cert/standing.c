#include "core/cert/standing.h"

#include "base/moment.h"

static const char *or_none(const char *text)
{
	return text != NULL ? text : "";
}

static const char *moment(int64_t at_ms, struct arena *arena)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_text(arena, text);
}

static const char *kind_of(const struct wire_revocation *r)
{
	return r->kind == NULL			 ? "an answer"
	       : str_is(str_of(r->kind), "ocsp") ? "OCSP"
	       : str_is(str_of(r->kind), "crl")	 ? "CRL"
						 : r->kind;
}

/* "certificate 1 by OCSP, stapled, until 2026-12-01T00:00:00.000Z" */
static const char *words_of(
	size_t place, const struct wire_revocation *r, const char *why, struct arena *arena)
{
	const char *what = arena_format(arena, "certificate %zu", place + 1);

	if (r == NULL)
		return arena_format(arena, "%s: %s", what, why != NULL ? why : "nothing is known");
	if (r->status == WIRE_REVOCATION_UNKNOWN)
		return arena_format(arena, "%s: %s%s%s", what,
			r->token != NULL ? r->token : "unknown", r->text != NULL ? ": " : "",
			or_none(r->text));
	if (r->status == WIRE_REVOCATION_REVOKED)
		return arena_format(arena, "%s by %s, %s%s%s", what, kind_of(r), or_none(r->source),
			r->at_ms != 0 ? ", since " : "",
			r->at_ms != 0 ? moment(r->at_ms, arena) : "");
	return arena_format(arena, "%s by %s, %s%s%s", what, kind_of(r), or_none(r->source),
		r->next_update_ms != 0 ? ", until " : "",
		r->next_update_ms != 0 ? moment(r->next_update_ms, arena) : "");
}

struct told {
	struct arena *arena;
	const char *good, *revoked, *unknown; /* joined; NULL: none is */
};

static void tell(struct told *told, const char **list, const char *words)
{
	*list = *list == NULL ? words : arena_format(told->arena, "%s; %s", *list, words);
}

static void look_at(struct told *told, const struct cert_standing_question *q, size_t i)
{
	const struct wire_revocation *r = q->answer != NULL && i < q->answer->certificates.count
						  ? &q->answer->certificates.items[i]
						  : NULL;
	const char *words = words_of(i, r, q->why, told->arena);

	if (r != NULL && r->status == WIRE_REVOCATION_REVOKED)
		tell(told, &told->revoked, words);
	else if (q->is_listed[i])
		tell(told, &told->good,
			arena_format(told->arena,
				"certificate %zu by a list given with the connector", i + 1));
	else if (r != NULL && r->status == WIRE_REVOCATION_GOOD)
		tell(told, &told->good, words);
	else
		tell(told, &told->unknown, words);
}

void cert_standing_judge(const struct cert_standing_question *question, struct arena *arena,
	struct cert_standing *ret)
{
	struct told told = {.arena = arena};

	for (size_t i = 0; i < question->count; i++)
		look_at(&told, question, i);
	*ret = (struct cert_standing){.verdict = CERT_TRUSTED};
	if (told.revoked != NULL) {
		ret->verdict = CERT_REVOKED;
		ret->detail = told.revoked;
		ret->words = arena_format(arena, "revoked: %s", told.revoked);
	} else if (told.unknown != NULL) {
		ret->verdict = question->is_required ? CERT_REVOCATION_UNKNOWN : CERT_TRUSTED;
		ret->detail = question->is_required ? told.unknown : NULL;
		ret->words = arena_format(arena, "unknown: %s%s%s", told.unknown,
			told.good != NULL ? "; good: " : "", or_none(told.good));
	} else {
		ret->words = arena_format(arena, "good: %s",
			told.good != NULL ? told.good : "there is nothing to be revoked");
	}
}
