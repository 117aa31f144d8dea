/*
 * The watch for downgrades.  For every destination, and for every sender's domain together with the
 * network its mail comes from, the best protection seen is remembered.  Where nothing forces TLS, a
 * fall below it is an alarm, once; it is over when the protection is back.
 *
 *     best, got >= best ----> fallen (alarm) ----> got TLS again: over
 *                                |
 *                                +--> forgotten by the administrator: this is how it is now
 *
 * TLS that is gone is a fall wherever mail goes to; a proven name or chain that is gone is one only
 * for the very host that had it: hosts of one domain may differ.
 */
#include "port/log/log.h"
#include "process/spool/page.h"
#include "process/spool/state.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static const int64_t forget_ms = INT64_C(400) * 24 * 3600 * 1000;

/* One allocation: there may be very many. */
struct spool_protection {
	struct store_protection wire; /* texts in data */
	struct spool_protection *older, *newer;
	char data[];
};

static struct str key_of(
	int direction, const char *domain, const char *network, struct arena *arena)
{
	return str_of(arena_format(arena, "%d %s %s", direction, domain, network));
}

static const char *put_text(char **place, const char *text)
{
	char *copy = *place;

	if (text == NULL)
		return NULL;
	*place += strlen(text) + 1;
	memcpy(copy, text, (size_t)(*place - copy));
	return copy;
}

static size_t size_of(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static struct spool_protection *protection_new(const struct store_protection *from)
{
	struct spool_protection *p =
		mem_new(sizeof(*p) + size_of(from->domain) + size_of(from->network) +
			size_of(from->host) + size_of(from->organisation));
	char *place = p->data;

	p->wire = *from;
	p->wire.domain = put_text(&place, from->domain);
	p->wire.network = put_text(&place, from->network);
	p->wire.host = put_text(&place, from->host);
	p->wire.organisation = put_text(&place, from->organisation);
	return p;
}

static struct spool_protections_order *order_of(struct spool *spool, int direction)
{
	return &spool->protection_orders[direction == RECEIPT_OUT];
}

static void link_newest(struct spool *spool, struct spool_protection *p)
{
	struct spool_protections_order *o = order_of(spool, p->wire.direction);

	p->older = o->newest;
	p->newer = NULL;
	*(p->older != NULL ? &p->older->newer : &o->oldest) = p;
	o->newest = p;
	o->count++;
}

static void take_out(struct spool *spool, struct spool_protection *p)
{
	struct spool_protections_order *o = order_of(spool, p->wire.direction);

	*(p->older != NULL ? &p->older->newer : &o->oldest) = p->newer;
	*(p->newer != NULL ? &p->newer->older : &o->newest) = p->older;
	o->count--;
}

static void keep(struct spool *spool, const struct store_protection *from)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct spool_protection *p = protection_new(from), *old;

	old = map_set(
		spool->protections, key_of(from->direction, from->domain, from->network, arena), p);
	if (old != NULL)
		take_out(spool, old);
	link_newest(spool, p);
	free(old);
}

static void written(void *context, enum err e)
{
	(void)context;
	if (e != ERR_OK && e != ERR_CLOSED)
		log_event(LOG_WARNING_LEVEL, "spool.protection-not-written",
			LOG_TEXT("error", err_token(e)));
}

static void forget(struct spool *spool, struct spool_protection *p)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	map_remove(spool->protections,
		key_of(p->wire.direction, p->wire.domain, p->wire.network, arena));
	take_out(spool, p);
	store_protection_remove(spool->store, &p->wire, written, NULL);
	free(p);
}

/* A place for one more.  Strangers choose domains and networks: each direction is bounded by
 * itself, and what was not seen for longest goes.  Whoever has mail all the time stays. */
static void make_room(struct spool *spool, int direction)
{
	struct spool_protections_order *o = order_of(spool, direction);

	if (o->oldest == NULL || o->count < o->limit)
		return;
	if (!o->is_full)
		log_event(LOG_WARNING_LEVEL, "spool.protections-full",
			LOG_TEXT("direction", receipt_direction_names[direction]),
			LOG_NUMBER("count", (int64_t)o->count));
	o->is_full = true;
	forget(spool, o->oldest);
}

static int by_age(const void *a, const void *b)
{
	const struct store_protection *x = *(const struct store_protection *const *)a;
	const struct store_protection *y = *(const struct store_protection *const *)b;

	return (x->seen_ms > y->seen_ms) - (x->seen_ms < y->seen_ms);
}

static void loaded(void *context, enum err e, const struct store_protection *all, size_t count)
{
	struct spool *spool = context;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct store_protection **sorted;

	if (e != ERR_OK || count == 0)
		return;
	sorted = arena_array(arena, count, sizeof(*sorted));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &all[i];
	qsort(sorted, count, sizeof(*sorted), by_age);
	for (size_t i = 0; i < count; i++) {
		make_room(spool, sorted[i]->direction);
		keep(spool, sorted[i]);
	}
}

void spool_protections_load(struct spool *spool)
{
	store_protections(spool->store, loaded, spool);
}

/* What nobody has heard of for a year is forgotten; called now and then. */
void spool_protections_expire(struct spool *spool)
{
	int64_t before = spool->now_ms() - forget_ms;
	size_t position = 0;
	void *value;

	while (map_next(spool->protections, &position, NULL, &value))
		if (((struct spool_protection *)value)->wire.seen_ms < before)
			forget(spool, value);
}

void spool_protections_free(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->protections, &position, NULL, &value))
		free(value);
	map_free(&spool->protections);
}

/* ---- alarms ------------------------------------------------------------------------------------
 */

static const char *subject_of(const struct store_protection *p, struct arena *arena)
{
	return p->direction == RECEIPT_OUT
		       ? arena_text(arena, p->domain)
		       : arena_format(arena, "%s from %s", p->domain, p->network);
}

static const char *level_words(int level)
{
	static const char *const words[MODEL_LEVEL_MAX] = {[MODEL_LEVEL_NONE] = "no TLS",
		[MODEL_LEVEL_ENCRYPT] = "TLS without a proven certificate",
		[MODEL_LEVEL_CHAIN] = "TLS with a trusted certificate",
		[MODEL_LEVEL_NAME] = "TLS with a proven name"};

	return level >= 0 && level < MODEL_LEVEL_MAX ? words[level] : "?";
}

static void tell(struct spool *spool, const struct store_protection *p, const char *kind,
	const char *text, const char *subject)
{
	struct wire_event event = {.at_ms = spool->now_ms(),
		.kind = kind,
		.token = "downgrade",
		.organisation = p->organisation,
		.sender = subject,
		.text = text};
	struct store_change change = {.events = &event, .event_count = 1};

	store_apply(spool->store, &change, written, NULL);
	spool_alerts_soon(spool);
	log_event(strcmp(kind, "alarm") == 0 ? LOG_WARNING_LEVEL : LOG_INFO_LEVEL,
		strcmp(kind, "alarm") == 0 ? "downgrade" : "downgrade.over",
		LOG_TEXT("subject", subject), LOG_TEXT("organisation", p->organisation),
		LOG_TEXT("text", text));
}

static void fall(struct spool *spool, struct store_protection *p, const char *host)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	bool out = p->direction == RECEIPT_OUT;

	p->fallen_ms = spool->now_ms();
	tell(spool, p, "alarm",
		arena_format(arena, "%s %s had %s (%s); %s has %s now",
			out ? "mail to" : "mail from", p->domain, level_words(p->best),
			p->host != NULL ? p->host : "-", host != NULL ? host : "-",
			level_words(p->got)),
		subject_of(p, arena));
}

static void recover(struct spool *spool, struct store_protection *p)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	p->fallen_ms = 0;
	tell(spool, p, "alarm-over", "the protection is back", subject_of(p, arena));
}

/* ---- learning ----------------------------------------------------------------------------------
 */

static bool is_fall(const struct store_protection *p, int got, const char *host)
{
	if (got == MODEL_LEVEL_NONE)
		return p->best > MODEL_LEVEL_NONE;
	return p->best >= MODEL_LEVEL_CHAIN && got < MODEL_LEVEL_CHAIN && host != NULL &&
	       p->host != NULL && str_equal_nocase(str_of(host), str_of(p->host));
}

static void learn(struct spool *spool, const struct store_protection *seen)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct spool_protection *p = map_get(
		spool->protections, key_of(seen->direction, seen->domain, seen->network, arena));
	struct store_protection next;
	bool changed;

	/* Who never had TLS cannot lose it. */
	if (p == NULL && seen->got == MODEL_LEVEL_NONE)
		return;
	if (p == NULL) {
		make_room(spool, seen->direction);
		next = *seen;
		next.best = seen->got;
		next.best_ms = seen->seen_ms;
		keep(spool, &next);
		store_protection_put(spool->store, &next, written, NULL);
		return;
	}
	take_out(spool, p);
	link_newest(spool, p);
	next = p->wire;
	changed = next.got != seen->got || seen->seen_ms - next.seen_ms > day_ms;
	next.got = seen->got;
	/* The alarm stays with the one who has it until it is over. */
	if (next.fallen_ms == 0)
		next.organisation = seen->organisation;
	if (is_fall(&next, seen->got, seen->host)) {
		changed = changed || next.fallen_ms == 0;
		if (next.fallen_ms == 0)
			fall(spool, &next, seen->host);
	} else if (next.fallen_ms != 0) {
		recover(spool, &next);
		changed = true;
	}
	if (seen->got >= next.best) {
		changed = changed || seen->got > next.best;
		next.best = seen->got;
		next.best_ms = seen->seen_ms;
		next.host = seen->host;
	}
	if (!changed)
		return;
	next.seen_ms = seen->seen_ms;
	store_protection_put(spool->store, &next, written, NULL);
	keep(spool, &next);
}

static const char *domain_of(const char *address, struct arena *arena)
{
	struct str s = str_of(address);
	size_t at = str_find_last(s, '@');
	char *domain;

	if (at >= s.n || at + 1 >= s.n)
		return NULL;
	domain = arena_text_of(arena, str_part(s, at + 1, s.n));
	str_lower_in_place(domain, strlen(domain));
	return domain;
}

void spool_protection_sent(
	struct spool *spool, const struct wire_recipient *recipient, const struct receipt *receipt)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_protection seen = {.direction = RECEIPT_OUT,
		.network = "",
		.got = receipt->got,
		.host = receipt->host,
		.seen_ms = spool->now_ms(),
		.organisation = recipient->organisation};

	seen.domain = domain_of(recipient->address, arena);
	if (seen.domain == NULL || receipt->required > MODEL_LEVEL_NONE ||
		receipt->attempt == RECEIPT_ATTEMPT_NONE ||
		receipt->attempt == RECEIPT_ATTEMPT_LOCAL)
		return;
	learn(spool, &seen);
}

/* "192.0.2.0/24", "2001:db8:1::/48"; NULL: not an address of a network. */
static const char *network_of(const char *address, struct arena *arena)
{
	struct model_prefix p;
	const unsigned char *b = p.bytes;
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (address == NULL || !model_parse_prefix(str_of(address), &p))
		return NULL;
	if (memcmp(b, mapped, sizeof(mapped)) == 0)
		return arena_format(arena, "%u.%u.%u.0/24", b[12], b[13], b[14]);
	return arena_format(arena, "%x:%x:%x::/48", (unsigned)(b[0] << 8 | b[1]),
		(unsigned)(b[2] << 8 | b[3]), (unsigned)(b[4] << 8 | b[5]));
}

void spool_protection_received(struct spool *spool, const struct wire_message *message,
	const struct wire_recipient *recipient)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct receipt *receipt = &message->receipt;
	struct store_protection seen = {.direction = RECEIPT_IN,
		.got = receipt->got,
		.host = receipt->host,
		.seen_ms = spool->now_ms(),
		.organisation = recipient->organisation};

	seen.domain = domain_of(message->sender, arena);
	seen.network = network_of(receipt->peer_address, arena);
	if (seen.domain == NULL || seen.network == NULL || receipt->required > MODEL_LEVEL_NONE)
		return;
	/* A client that shows its certificate only at times is none that has fallen. */
	if (seen.got > MODEL_LEVEL_ENCRYPT)
		seen.got = MODEL_LEVEL_ENCRYPT;
	learn(spool, &seen);
}

void spool_protection_tell(
	const struct spool *spool, const char *domain, int64_t *ret_best, int64_t *ret_fallen_ms)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct spool_protection *p =
		map_get(spool->protections, key_of(RECEIPT_OUT, domain, "", arena));

	*ret_best = p != NULL ? p->wire.best : MODEL_LEVEL_NONE;
	*ret_fallen_ms = p != NULL ? p->wire.fallen_ms : 0;
}

int64_t spool_protection_due(
	const struct spool *spool, const struct wire_recipient *recipient, int64_t due_ms)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct model_organisation *o =
		recipient->organisation != NULL
			? policy_organisation(spool->snapshot, recipient->organisation)
			: NULL;
	const char *domain = domain_of(recipient->address, arena);
	int64_t best, fallen, over;

	if (o == NULL || domain == NULL || o->downgrade_grace_ms <= 0)
		return due_ms;
	spool_protection_tell(spool, domain, &best, &fallen);
	over = fallen + o->downgrade_grace_ms + 1;
	return fallen != 0 && over > spool->now_ms() && over < due_ms ? over : due_ms;
}

/* ---- asked by the administrator ----------------------------------------------------------------
 */

static json_t *protection_json(const struct store_protection *p)
{
	return json_pack("{s:s,s:o,s:o,s:s,s:o,s:o,s:s,s:o,s:o,s:o}", "direction",
		p->direction == RECEIPT_OUT ? "outbound" : "inbound", "domain",
		spool_text_json(p->domain), "network",
		p->network[0] != '\0' ? spool_text_json(p->network) : json_null(), "best",
		model_level_names[p->best], "best_at", spool_moment_json(p->best_ms), "host",
		spool_text_json(p->host), "now", model_level_names[p->got], "seen",
		spool_moment_json(p->seen_ms), "fallen", spool_moment_json(p->fallen_ms),
		"organisation", spool_text_json(p->organisation));
}

static int by_place(const void *a, const void *b)
{
	const struct store_protection *x = a, *y = b;
	int order = y->direction - x->direction;

	if (order == 0)
		order = strcmp(x->domain, y->domain);
	return order != 0 ? order : strcmp(x->network, y->network);
}

/* "1 192.0.2.0/24 contoso.example": direction, network, domain.  False: answered. */
static bool read_cursor(struct spool_request *request, struct store_protection *ret)
{
	const char *text = spool_argument(request, "cursor");
	struct str rest = str_of(text), direction, network;

	*ret = (struct store_protection){.domain = NULL};
	if (text == NULL)
		return true;
	direction = str_cut(&rest, ' ');
	network = str_cut(&rest, ' ');
	if ((!str_is(direction, "0") && !str_is(direction, "1")) || rest.n == 0) {
		spool_answer_error(request, ERR_SYNTAX, "cursor: not one of an earlier answer");
		return false;
	}
	ret->direction = direction.p[0] - '0';
	ret->network = arena_text_of(request->arena, network);
	ret->domain = arena_text_of(request->arena, rest);
	return true;
}

static json_t *cursor_of(const struct store_protection *p)
{
	return json_sprintf("%d %s %s", p->direction, p->network, p->domain);
}

/* {domain, fallen: true, cursor, limit}: what goes out first, then by domain. */
void spool_manage_protection_list(struct spool_request *request)
{
	const char *domain = spool_argument(request, "domain");
	bool fallen = json_is_true(json_object_get(request->arguments, "fallen"));
	json_t *items = json_array(), *next = json_null();
	struct store_protection after;
	size_t position = 0, count = 0;
	struct spool_page page;
	void *value;

	if (!read_cursor(request, &after)) {
		json_decref(items);
		return;
	}
	spool_page_init(&page, request->arena,
		spool_limit(json_object_get(request->arguments, "limit")), by_place,
		after.domain != NULL ? &after : NULL);
	while (map_next(request->spool->protections, &position, NULL, &value)) {
		const struct store_protection *p = &((struct spool_protection *)value)->wire;

		if ((domain != NULL && !str_equal_nocase(str_of(domain), str_of(p->domain))) ||
			(fallen && p->fallen_ms == 0))
			continue;
		spool_page_offer(&page, p);
		count++;
	}
	for (size_t i = 0; i < spool_page_shown(&page); i++)
		json_array_append_new(items, protection_json(page.items[i]));
	if (page.count > page.limit)
		next = cursor_of(page.items[page.limit - 1]);
	spool_answer(request, json_pack("{s:o,s:I,s:o}", "items", items, "count", (json_int_t)count,
				      "next", next));
}

/* {domain}: what it does from now on is what it is measured by. */
void spool_manage_protection_forget(struct spool_request *request)
{
	struct spool *spool = request->spool;
	const char *domain = spool_argument(request, "domain");
	size_t position = 0;
	int64_t count = 0;
	void *value;

	if (domain == NULL) {
		spool_answer_error(request, ERR_SYNTAX, "domain: expected");
		return;
	}
	while (map_next(spool->protections, &position, NULL, &value)) {
		struct spool_protection *p = value;

		if (!str_equal_nocase(str_of(domain), str_of(p->wire.domain)))
			continue;
		if (p->wire.fallen_ms != 0)
			recover(spool, &p->wire);
		forget(spool, p);
		count++;
	}
	if (count == 0)
		spool_answer_error(request, ERR_UNKNOWN, "nothing is remembered of %s", domain);
	else
		spool_answer(request, json_pack("{s:I}", "forgotten", (json_int_t)count));
}
