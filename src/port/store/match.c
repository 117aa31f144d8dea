#include "port/store/work.h"

/* A pattern for an address: all of it, or "@domain". */
struct pattern {
	bool given;
	struct str text;
};

struct store_match {
	int64_t id;
	const char *route;
	struct str domain, connector;
	struct pattern sender, recipient;
	int state;
	const struct record_texts *organisations; /* NULL: any */
};

static struct pattern pattern_of(struct arena *arena, const char *text)
{
	return (struct pattern){
		.given = text != NULL,
		.text = arena_copy(arena, str_of(text)),
	};
}

struct store_match *store_match_new(struct arena *arena, const struct store_filter *filter)
{
	struct store_match *match = arena_alloc(arena, sizeof(*match));

	match->state = STORE_ANY_STATE;
	if (filter == NULL)
		return match;
	match->id = filter->id;
	match->route = arena_text(arena, filter->route);
	match->domain = arena_copy(arena, str_of(filter->domain));
	match->connector = arena_copy(arena, str_of(filter->connector));
	match->sender = pattern_of(arena, filter->sender);
	match->recipient = pattern_of(arena, filter->recipient);
	match->state = filter->state;
	if (filter->organisations != NULL)
		match->organisations = store_texts_copy(filter->organisations, arena);
	return match;
}

const struct record_texts *store_texts_copy(const struct record_texts *texts, struct arena *arena)
{
	struct record_texts *copy = arena_alloc(arena, sizeof(*copy));

	copy->items = arena_array(arena, texts->count, sizeof(*copy->items));
	for (; copy->count < texts->count; copy->count++)
		copy->items[copy->count] = arena_text(arena, texts->items[copy->count]);
	return copy;
}

static struct str domain_of(struct str address)
{
	return str_part(address, str_find_last(address, '@') + 1, address.n);
}

static bool match_pattern(const struct pattern *pattern, const char *address)
{
	struct str a = str_of(address);

	if (!pattern->given)
		return true;
	if (pattern->text.n > 1 && pattern->text.p[0] == '@')
		return str_equal_nocase(domain_of(a), str_part(pattern->text, 1, pattern->text.n));
	return str_equal_nocase(a, pattern->text);
}

/* "organisation/name" against the two parts. */
static bool match_inbound(struct str connector, const struct wire_recipient *r)
{
	size_t slash = str_find(connector, '/', 0);

	if (r->connector == NULL)
		return false;
	if (slash == connector.n)
		return str_is_nocase(connector, r->connector);
	return r->organisation != NULL &&
	       str_is_nocase(str_part(connector, 0, slash), r->organisation) &&
	       str_is_nocase(str_part(connector, slash + 1, connector.n), r->connector);
}

/* "organisation/name", or a name alone, against the connector that a route goes through. */
static bool match_outbound(struct str connector, const char *route)
{
	struct str rest = str_of(route);

	if (!str_is(str_cut(&rest, ':'), "connector"))
		return false;
	if (str_find(connector, '/', 0) == connector.n)
		str_cut(&rest, '/');
	return str_equal_nocase(connector, rest);
}

static bool is_in_charge(const struct record_texts *organisations, const struct wire_recipient *r)
{
	const char *owner = r->receiver != NULL ? r->receiver : r->organisation;

	for (size_t i = 0; owner != NULL && i < organisations->count; i++)
		if (strcmp(organisations->items[i], owner) == 0)
			return true;
	return false;
}

bool store_match_row(const struct store_match *match, const struct store_scan_row *row)
{
	const struct store_recipient *r = &row->recipient;

	if (match->id != 0 && row->message != match->id)
		return false;
	if (match->state != STORE_ANY_STATE && r->state != match->state)
		return false;
	if (match->route != NULL && strcmp(match->route, r->route) != 0)
		return false;
	if (match->organisations != NULL && !is_in_charge(match->organisations, &r->wire))
		return false;
	if (match->domain.n > 0 &&
		!str_equal_nocase(domain_of(str_of(r->wire.address)), match->domain))
		return false;
	if (match->connector.n > 0 && !match_inbound(match->connector, &r->wire) &&
		!match_outbound(match->connector, r->route))
		return false;
	return match_pattern(&match->sender, row->sender) &&
	       match_pattern(&match->recipient, r->wire.address);
}

struct store_scan store_match_scan(const struct store_match *match)
{
	return (struct store_scan){
		.id = match->id,
		.route = match->route,
		.message = INT64_MIN,
		.number = INT64_MAX,
		.limit = STORE_STEP_ROWS,
	};
}
