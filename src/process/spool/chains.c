/*
 * The observatory: which certificates partners present.
 *
 *     WIRE_CHAIN ---> cut to size ---> store_chain_put(judge) ---> row, and perhaps an alarm
 *
 * A chain that was not seen before is compared with what the same host has presented last.  Where a
 * connector stands behind it a change is an alarm, until somebody accepts it.  A host that was not
 * known is no change as long as issuer and root are those of its partner's others.  What hosts on
 * the Internet present that nobody has a connector for is kept, and alarms nobody.
 */
#include "base/moment.h"
#include "core/cert/watch.h"
#include "port/log/log.h"
#include "port/store/chain.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum {
	MAX_CERTIFICATES = 16,
	MAX_NAMES = 100, /* of one certificate */
	MAX_TEXT = 1024,
	MAX_HOST = 255,
	MAX_DIGEST = 64,	  /* hex */
	STRANGERS_A_MINUTE = 300, /* chains of no connector; each is a transaction */
};

/* ---- judging ------------------------------------------------------------------------------------
 */

static struct cert_watch_chain view(const struct wire_chain *w)
{
	return (struct cert_watch_chain){.certificates = w->facts.items,
		.count = w->facts.count,
		.root = w->root,
		.root_sha256 = w->root_sha256};
}

static bool has_host(const struct store_chain *chain, const char *host)
{
	struct str rest = str_of(chain->wire.host);

	while (host != NULL && rest.n > 0)
		if (str_equal_nocase(str_cut(&rest, ' '), str_of(host)))
			return true;
	return false;
}

/* What the same host has presented last; else what any host of the partner has. */
static const struct store_chain *before_it(const struct store_chain *chain,
	const struct store_chain *known, size_t count, bool *ret_is_same_host)
{
	*ret_is_same_host = true;
	for (size_t i = 0; i < count; i++)
		if (has_host(&known[i], chain->wire.host))
			return &known[i];
	*ret_is_same_host = false;
	return &known[0];
}

static struct store_chain_judgement judge(const struct store_chain *chain,
	const struct store_chain *known, size_t count, struct arena *arena)
{
	const struct wire_chain *w = &chain->wire;
	struct store_chain_judgement judgement = {.is_accepted = true};
	struct cert_watch_chain before, after = view(w);
	const struct store_chain *last;
	bool is_same_host;
	unsigned changes;

	if (count == 0 || w->connector == NULL)
		return judgement;
	last = before_it(chain, known, count, &is_same_host);
	before = view(&last->wire);
	changes = cert_watch_compare(&before, &after);
	if (!is_same_host)
		changes &= CERT_WATCH_ISSUER | CERT_WATCH_ROOT;
	/* The same certificate with other intermediates is the same to everybody. */
	if ((changes & ~(unsigned)CERT_WATCH_PATH) == 0)
		return judgement;
	judgement.is_accepted = false;
	judgement.alarm = arena_format(arena,
		"%s presents a certificate that was not seen before (%s): %s; verdict: %s; if this "
		"is right: sealpost chain accept, see sealpost chain list",
		w->host != NULL ? w->host : chain->partner,
		w->direction == RECEIPT_OUT ? "outbound" : "inbound",
		cert_watch_words(changes, &before, &after, arena), cert_verdict_names[w->verdict]);
	return judgement;
}

/* ---- taking in ----------------------------------------------------------------------------------
 */

static const char *cut(const char *text, size_t max, struct arena *arena)
{
	return arena_text_of(arena, str_part(str_of(text), 0, max));
}

static const char *cut_or_none(const char *text, size_t max, struct arena *arena)
{
	return text != NULL ? cut(text, max, arena) : NULL;
}

/* A name of a host, by which the names are kept apart: without blanks. */
static const char *clean_host(const char *host, struct arena *arena)
{
	char *copy;

	if (host == NULL || host[0] == '\0')
		return NULL;
	copy = arena_text_of(arena, str_part(str_of(host), 0, MAX_HOST));
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ')
			*p = '_';
	return copy;
}

static void cut_facts(struct cert_facts *facts, struct arena *arena)
{
	facts->subject = cut_or_none(facts->subject, MAX_TEXT, arena);
	facts->issuer = cut_or_none(facts->issuer, MAX_TEXT, arena);
	facts->names.count = facts->names.count < MAX_NAMES ? facts->names.count : MAX_NAMES;
	for (size_t i = 0; i < facts->names.count; i++)
		facts->names.items[i] = cut(facts->names.items[i], MAX_HOST, arena);
}

/* What a process that was taken over could say must not fill the database. */
static void copy_chain(const struct wire_chain *from, struct arena *arena, struct wire_chain *to)
{
	record_copy(&wire_chain_desc, from, arena, to);
	to->host = clean_host(to->host, arena);
	to->address = cut_or_none(to->address, MAX_HOST, arena);
	to->asked = cut_or_none(to->asked, MAX_TEXT, arena);
	to->sha256 = cut(to->sha256, MAX_DIGEST, arena);
	to->root = cut_or_none(to->root, MAX_TEXT, arena);
	to->root_sha256 = cut_or_none(to->root_sha256, MAX_DIGEST, arena);
	if (to->facts.count > MAX_CERTIFICATES)
		to->facts.count = MAX_CERTIFICATES;
	for (size_t i = 0; i < to->facts.count; i++)
		cut_facts(&to->facts.items[i], arena);
	if (to->verdict < 0 || to->verdict >= CERT_VERDICT_MAX)
		to->verdict = CERT_NONE;
}

/* A connector of the configuration counts; of another name the host does. */
static const char *partner_of(const struct spool *spool, struct wire_chain *w, struct arena *arena)
{
	if (w->organisation != NULL && w->connector != NULL && spool->snapshot != NULL &&
		policy_connector(spool->snapshot, w->organisation, w->connector) != NULL)
		return arena_format(arena, "connector %s/%s", w->organisation, w->connector);
	w->connector = NULL;
	if (w->direction == RECEIPT_OUT && w->host != NULL)
		return arena_format(arena, "host %s", w->host);
	return arena_format(arena, "address %s", w->address != NULL ? w->address : "unknown");
}

static void written(void *context, enum err e)
{
	(void)context;
	if (e != ERR_OK && e != ERR_CLOSED)
		log_event(LOG_WARNING_LEVEL, "chain.not-written", LOG_TEXT("error", err_token(e)));
}

/* Strangers can show new certificates without end. */
static bool is_too_many(struct spool *spool)
{
	int64_t minute = spool->ticks_ms() / MOMENT_MINUTE_MS;

	if (spool->strangers_minute != minute)
		spool->strangers = 0;
	spool->strangers_minute = minute;
	return spool->strangers++ >= STRANGERS_A_MINUTE;
}

/* A client may say that it is a partner's, by MAIL FROM, and show what nobody vouches for. */
static bool is_anybodys(const struct wire_chain *w)
{
	return w->connector == NULL || (w->direction == RECEIPT_IN && w->verdict != CERT_TRUSTED);
}

void spool_chain_seen(struct spool *spool, const struct wire_chain *wire)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_chain chain = {0};

	if (wire->sha256 == NULL || wire->sha256[0] == '\0' || wire->facts.count == 0)
		return;
	copy_chain(wire, arena, &chain.wire);
	/* Its clock is ours. */
	chain.wire.at_ms = spool->now_ms();
	chain.partner = partner_of(spool, &chain.wire, arena);
	if (is_anybodys(&chain.wire) && is_too_many(spool))
		return;
	chain.not_after_ms = cert_watch_end(chain.wire.facts.items, chain.wire.facts.count);
	store_chain_put(spool->store, &chain, judge, written, NULL);
	/* Its alarm, if there is one, is told soon. */
	spool_alerts_soon(spool);
}

/* ---- asked by the administrator ----------------------------------------------------------------
 */

static json_t *hosts_json(const char *hosts)
{
	json_t *array = json_array();
	struct str rest = str_of(hosts);

	while (rest.n > 0) {
		struct str host = str_cut(&rest, ' ');
		char *text = mem_text_of(host);

		json_array_append_new(array, spool_text_json(text));
		free(text);
	}
	return array;
}

static json_t *certificates_json(const struct wire_chain *w)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->facts.count; i++)
		json_array_append_new(array,
			record_to_json(&cert_facts_desc, &w->facts.items[i], RECORD_JSON_FULL));
	return array;
}

static json_t *chain_json(const struct store_chain *c, bool with_pem)
{
	const struct wire_chain *w = &c->wire;
	json_t *json = json_pack("{s:I,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:I,s:o,s:o,s:o,s:o,"
				 "s:o,s:o,s:o,s:o}",
		"id", (json_int_t)c->id, "partner", spool_text_json(c->partner), "direction",
		w->direction == RECEIPT_OUT ? "outbound" : "inbound", "organisation",
		spool_text_json(w->organisation), "connector", spool_text_json(w->connector),
		"hosts", hosts_json(w->host), "address", spool_text_json(w->address), "asked",
		spool_text_json(w->asked), "verdict", cert_verdict_names[w->verdict], "first",
		spool_moment_json(c->first_ms), "last", spool_moment_json(c->last_ms), "seen",
		(json_int_t)c->seen, "accepted", spool_moment_json(c->accepted_ms), "accepted_by",
		spool_text_json(c->accepted_by), "not_after", spool_moment_json(c->not_after_ms),
		"sha256", spool_text_json(w->sha256), "root", spool_text_json(w->root),
		"root_sha256", spool_text_json(w->root_sha256), "root_not_after",
		spool_moment_json(w->root_not_after_ms), "certificates", certificates_json(w));

	if (with_pem)
		json_object_set_new(json, "pem", json_stringn(w->chain.p, w->chain.n));
	return json;
}

static bool is_pem_asked(const struct spool_request *request)
{
	return json_is_true(json_object_get(request->arguments, "pem"));
}

static void listed(void *context, enum err e, const struct store_chain *chains, size_t count)
{
	struct spool_request *request = context;
	size_t room = WIRE_MAX_PAYLOAD / 2, shown = 0;
	json_t *items, *result;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the chains could not be read: %s", err_text(e));
		return;
	}
	items = json_array();
	/* No more than one answer holds; the rest is another page. */
	for (; shown < count && shown < request->left; shown++) {
		json_t *item = chain_json(&chains[shown], is_pem_asked(request));
		size_t size = json_dumpb(item, NULL, 0, JSON_COMPACT);

		if (size > room && shown > 0) {
			json_decref(item);
			break;
		}
		room -= size < room ? size : room;
		json_array_append_new(items, item);
	}
	result = json_pack("{s:o,s:n}", "items", items, "next");
	if (shown > 0 && (shown < count || count == STORE_MAX_LIST))
		json_object_set_new(
			result, "next", json_sprintf("%lld", (long long)chains[shown - 1].id));
	spool_answer(request, result);
}

/* {organisation, connector, since (ms), newest, pem, cursor, limit}: chains, those first seen last
 * come first. */
void spool_manage_chains_list(struct spool_request *request)
{
	const json_t *arguments = request->arguments;
	const char *after = spool_argument(request, "cursor");
	struct store_chain_query query = {.organisations = spool_organisations(request),
		.organisation = spool_argument(request, "organisation"),
		.connector = spool_argument(request, "connector"),
		.since_ms = json_integer_value(json_object_get(arguments, "since")),
		.newest = json_is_true(json_object_get(arguments, "newest")),
		.with_pem = is_pem_asked(request),
		.limit = spool_limit(json_object_get(arguments, "limit"))};
	uint64_t id;

	if (after != NULL && (!str_to_u64(str_of(after), &id) || id > INT64_MAX)) {
		spool_answer_error(request, ERR_SYNTAX, "cursor: expected what \"next\" said");
		return;
	}
	query.after = after != NULL ? (int64_t)id : 0;
	request->left = query.limit;
	query.limit++;
	store_chain_list(request->spool->store, &query, listed, request);
}

static void shown(void *context, enum err e, const struct store_chain *chains, size_t count)
{
	struct spool_request *request = context;

	if (e != ERR_OK)
		spool_answer_error(request, e, "the chain could not be read: %s", err_text(e));
	else if (count == 0)
		spool_answer_error(request, ERR_UNKNOWN, "there is no such chain");
	else
		spool_answer(request, chain_json(&chains[0], true));
}

/* {id} -> id; false: answered. */
static bool take_id(struct spool_request *request, int64_t *ret)
{
	const json_t *id = json_object_get(request->arguments, "id");

	*ret = json_integer_value(id);
	if (json_is_integer(id) && *ret > 0)
		return true;
	spool_answer_error(request, ERR_SYNTAX, "id: expected a number");
	return false;
}

void spool_manage_chains_show(struct spool_request *request)
{
	struct store_chain_query query = {
		.organisations = spool_organisations(request), .with_pem = true};

	if (take_id(request, &query.id))
		store_chain_list(request->spool->store, &query, shown, request);
}

static void accepted(void *context, enum err e)
{
	struct spool_request *request = context;

	/* Who manages several organisations has one of them after the other looked for it. */
	if (e == ERR_UNKNOWN && request->is_limited && request->left < request->organisations.count)
		spool_manage_chains_accept(request);
	else if (e == ERR_UNKNOWN)
		spool_answer_error(request, e, "there is no such chain");
	else if (e != ERR_OK)
		spool_answer_error(request, e, "the chain could not be changed: %s", err_text(e));
	else
		spool_answer(request, json_object());
}

/* {id}: this is how it is now; the alarm is over. */
void spool_manage_chains_accept(struct spool_request *request)
{
	struct store_acknowledgement a = {.by = request->actor, .at_ms = request->spool->now_ms()};

	if (!take_id(request, &a.id))
		return;
	if (request->is_limited && request->organisations.count == 0) {
		spool_answer_error(request, ERR_UNKNOWN, "there is no such chain");
		return;
	}
	if (request->is_limited)
		a.organisation = request->organisations.items[request->left++];
	store_chain_accept(request->spool->store, &a, accepted, request);
}
