#include "core/cert/watch.h"

#include "base/moment.h"

/* ---- what has changed ---------------------------------------------------------------------------
 */

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool has_name(const struct cert_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->names.count; i++)
		if (strcmp(facts->names.items[i], name) == 0)
			return true;
	return false;
}

/* The order of names means nothing. */
static bool are_names_in(const struct cert_facts *a, const struct cert_facts *b)
{
	for (size_t i = 0; i < a->names.count; i++)
		if (!has_name(b, a->names.items[i]))
			return false;
	return true;
}

static bool is_same_path(const struct cert_watch_chain *a, const struct cert_watch_chain *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!is_same(a->certificates[i].sha256, b->certificates[i].sha256))
			return false;
	return true;
}

unsigned cert_watch_compare(
	const struct cert_watch_chain *before, const struct cert_watch_chain *after)
{
	const struct cert_facts *a, *b;
	unsigned changes = 0;

	if (before->count == 0 || after->count == 0)
		return before->count != after->count ? CERT_WATCH_PATH : 0;
	a = &before->certificates[0];
	b = &after->certificates[0];
	if (!is_same(a->issuer, b->issuer))
		changes |= CERT_WATCH_ISSUER;
	if (before->root_sha256 != NULL && after->root_sha256 != NULL &&
		!is_same(before->root_sha256, after->root_sha256))
		changes |= CERT_WATCH_ROOT;
	if (!is_same(a->spki_sha256, b->spki_sha256))
		changes |= CERT_WATCH_KEY;
	if (!are_names_in(a, b) || !are_names_in(b, a))
		changes |= CERT_WATCH_NAMES;
	if (a->not_before_ms != b->not_before_ms || a->not_after_ms != b->not_after_ms)
		changes |= CERT_WATCH_VALIDITY;
	if (changes == 0 && !is_same_path(before, after))
		changes |= CERT_WATCH_PATH;
	return changes;
}

static const char *shown(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "(none)";
}

static void add(struct buf *out, const char *text)
{
	if (buf_length(out) > 0)
		buf_put_text(out, "; ");
	buf_put_text(out, text);
}

/* A certificate may have thousands of names. */
static const char *names(const struct cert_facts *facts, struct arena *arena)
{
	enum { SHOWN = 5 };
	const char *text = facts->names.count == 0 ? "(none)" : "";

	for (size_t i = 0; i < facts->names.count && i < SHOWN; i++)
		text = arena_format(
			arena, "%s%s%.255s", text, i > 0 ? ", " : "", facts->names.items[i]);
	if (facts->names.count > SHOWN)
		text = arena_format(arena, "%s and %zu more", text, facts->names.count - SHOWN);
	return text;
}

static const char *day(int64_t at_ms, struct arena *arena)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_format(arena, "%.10s", text);
}

const char *cert_watch_words(unsigned changes, const struct cert_watch_chain *before,
	const struct cert_watch_chain *after, struct arena *arena)
{
	enum { MAX = 8192 };
	static const struct cert_facts none = {0};
	const struct cert_facts *a = before->count > 0 ? &before->certificates[0] : &none;
	const struct cert_facts *b = after->count > 0 ? &after->certificates[0] : &none;
	struct buf out CLEANUP(buf_free);

	buf_init(&out, MAX);
	if (changes & CERT_WATCH_ISSUER)
		add(&out, arena_format(arena, "issuer was %.512s, is %.512s", shown(a->issuer),
				  shown(b->issuer)));
	if (changes & CERT_WATCH_ROOT)
		add(&out, arena_format(arena, "root was %.512s, is %.512s", shown(before->root),
				  shown(after->root)));
	if (changes & CERT_WATCH_KEY)
		add(&out, arena_format(arena, "another key (%s)", shown(b->key)));
	if (changes & CERT_WATCH_NAMES)
		add(&out, arena_format(arena, "names were %s, are %s", names(a, arena),
				  names(b, arena)));
	if (changes & CERT_WATCH_VALIDITY)
		add(&out, arena_format(arena, "valid from %s to %s (before: to %s)",
				  day(b->not_before_ms, arena), day(b->not_after_ms, arena),
				  day(a->not_after_ms, arena)));
	if (changes & CERT_WATCH_PATH)
		add(&out, "the same certificate with others beside it");
	return arena_text_of(arena, buf_str(&out));
}

int64_t cert_watch_end(const struct cert_facts *certificates, size_t count)
{
	int64_t end = 0;

	/* A root that is sent along counts for nobody: who trusts it has it. */
	for (size_t i = 0; i < count; i++)
		if ((i == 0 || !certificates[i].is_self_signed) &&
			(end == 0 || certificates[i].not_after_ms < end))
			end = certificates[i].not_after_ms;
	return end;
}

/* ---- what ends soon -----------------------------------------------------------------------------
 */

int64_t cert_watch_mark(const struct record_numbers *marks, int64_t not_after_ms, int64_t now_ms)
{
	int64_t rest = not_after_ms - now_ms, found = CERT_WATCH_NOTHING;

	if (rest <= 0)
		return 0;
	for (size_t i = 0; i < marks->count; i++)
		if (marks->items[i] >= rest &&
			(found == CERT_WATCH_NOTHING || marks->items[i] < found))
			found = marks->items[i];
	return found;
}

static const char *minute(int64_t at_ms, struct arena *arena)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_format(arena, "%.10s %.5s UTC", text, text + 11);
}

const char *cert_watch_when(int64_t not_after_ms, int64_t now_ms, struct arena *arena)
{
	char span[MOMENT_TEXT_SIZE];

	if (not_after_ms <= now_ms)
		return arena_format(arena, "ended on %s", minute(not_after_ms, arena));
	moment_format_span(not_after_ms - now_ms, span);
	return arena_format(arena, "ends on %s, in %s", minute(not_after_ms, arena), span);
}

struct look {
	const struct cert_life *life;
	const struct cert_version *current, *next, *deprecated;
	const struct record_numbers *marks;
	int64_t now_ms;
	struct arena *arena;
	struct cert_watch_finding *ret;
	size_t count;
};

static void find(struct look *l, enum cert_watch_kind kind, const struct cert_version *version,
	int64_t mark, const char *text)
{
	l->ret[l->count++] = (struct cert_watch_finding){
		.kind = kind, .version = version->id, .mark = mark, .text = text};
}

/* The next one becomes current before the current one ends, and is valid then. */
static bool is_covered(const struct look *l)
{
	int64_t advance = l->life->plan.advance_ms;

	return l->next != NULL && advance != 0 && advance < l->current->not_after_ms &&
	       advance >= l->next->not_before_ms && advance < l->next->not_after_ms;
}

static void look_at_current(struct look *l)
{
	const struct cert_version *c = l->current;
	int64_t mark = cert_watch_mark(l->marks, c->not_after_ms, l->now_ms);
	const char *remedy;

	if (mark == CERT_WATCH_NOTHING || (mark > 0 && is_covered(l)))
		return;
	remedy = l->next != NULL
			 ? arena_format(l->arena,
				   "version %s is there to take its place: sealpost cert "
				   "rollover advance %s",
				   l->next->id, l->life->name)
			 : arena_format(l->arena,
				   "there is no next version: sealpost cert request %s, then "
				   "sealpost cert import %s",
				   l->life->name, l->life->name);
	find(l, CERT_WATCH_EXPIRES, c, mark,
		arena_format(l->arena, "certificate %s, version %s (current), %s; %s",
			l->life->name, c->id, cert_watch_when(c->not_after_ms, l->now_ms, l->arena),
			remedy));
}

static void look_at_next(struct look *l)
{
	const struct cert_version *n = l->next;
	int64_t mark = cert_watch_mark(l->marks, n->not_after_ms, l->now_ms);

	if (mark == CERT_WATCH_NOTHING)
		return;
	find(l, CERT_WATCH_EXPIRES, n, mark,
		arena_format(l->arena,
			"certificate %s, version %s (next), %s: it is hardly worth a rollover; "
			"cancel it and import a newer one",
			l->life->name, n->id,
			cert_watch_when(n->not_after_ms, l->now_ms, l->arena)));
}

/* One that is retired in time need not be mentioned. */
static void look_at_deprecated(struct look *l)
{
	const struct cert_version *d = l->deprecated;
	int64_t retire = l->life->plan.retire_ms;
	int64_t mark = cert_watch_mark(l->marks, d->not_after_ms, l->now_ms);

	if (mark == CERT_WATCH_NOTHING || (mark > 0 && retire != 0 && retire < d->not_after_ms))
		return;
	find(l, CERT_WATCH_EXPIRES, d, mark,
		arena_format(l->arena,
			"certificate %s, version %s (deprecated), %s; partners that refuse the "
			"current version have no other from then on: sealpost cert acceptance %s "
			"names them",
			l->life->name, d->id, cert_watch_when(d->not_after_ms, l->now_ms, l->arena),
			l->life->name));
}

static void look_for_gap(struct look *l)
{
	const struct cert_version *c = l->current, *n = l->next;
	int64_t advance = l->life->plan.advance_ms;
	const char *why = NULL;

	if (n->not_before_ms > c->not_after_ms)
		why = arena_format(l->arena,
			"version %s (current) ends on %s, before version %s (next) begins on %s: "
			"import one that begins earlier",
			c->id, minute(c->not_after_ms, l->arena), n->id,
			minute(n->not_before_ms, l->arena));
	else if (advance != 0 && advance >= c->not_after_ms)
		why = arena_format(l->arena,
			"version %s (next) is to become current on %s, after version %s (current) "
			"has ended on %s: set an earlier date",
			n->id, minute(advance, l->arena), c->id, minute(c->not_after_ms, l->arena));
	else if (advance != 0 && (advance < n->not_before_ms || advance >= n->not_after_ms))
		why = arena_format(l->arena,
			"version %s (next) is to become current on %s, when it is not valid (%s to "
			"%s): set another date",
			n->id, minute(advance, l->arena), minute(n->not_before_ms, l->arena),
			minute(n->not_after_ms, l->arena));
	if (why != NULL)
		find(l, CERT_WATCH_GAP, n, 0,
			arena_format(l->arena, "certificate %s: %s", l->life->name, why));
}

size_t cert_watch_life(const struct cert_life *life, const struct record_numbers *marks,
	int64_t now_ms, struct arena *arena, struct cert_watch_finding ret[CERT_WATCH_FINDINGS])
{
	struct look look = {.life = life,
		.current = cert_life_in(life, CERT_CURRENT),
		.next = cert_life_in(life, CERT_NEXT),
		.deprecated = cert_life_in(life, CERT_DEPRECATED),
		.marks = marks,
		.now_ms = now_ms,
		.arena = arena,
		.ret = ret};

	if (look.current != NULL)
		look_at_current(&look);
	if (look.next != NULL)
		look_at_next(&look);
	if (look.deprecated != NULL)
		look_at_deprecated(&look);
	if (look.current != NULL && look.next != NULL)
		look_for_gap(&look);
	return look.count;
}
