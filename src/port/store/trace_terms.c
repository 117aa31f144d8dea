/* What mail is found by. */
#include "base/map.h"
#include "port/store/trace_inside.h"

const char *store_trace_fold(struct arena *arena, struct str text)
{
	char *copy = arena_text_of(arena, text);

	str_lower_in_place(copy, text.n);
	return copy;
}

const char *store_trace_fold_id(struct arena *arena, const char *message_id)
{
	struct str s = str_trim(str_of(message_id));

	if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_part(s, 1, s.n - 1);
	return store_trace_fold(arena, s);
}

/* The events of a message bring the same terms again and again. */
static bool is_known(struct store_trace_terms *t, enum store_term kind, const char *value)
{
	uint64_t mark = map_hash(str_of(value), (uint64_t)t->key * 31 + (uint64_t)kind);
	uint64_t *place;

	if (t->known == NULL)
		return false;
	place = &t->known[mark % STORE_TRACE_TERMS];
	if (*place == mark)
		return true;
	*place = mark;
	return false;
}

static void term(struct store_trace_terms *t, enum store_term kind, struct str text)
{
	const char *value;
	sqlite3_stmt *s;

	if (t->failed != ERR_OK || text.n == 0)
		return;
	value = store_trace_fold(t->arena, text);
	if (is_known(t, kind, value))
		return;
	s = store_trace_statement(t->db, t->what);
	if (s == NULL) {
		t->failed = store_trace_error(t->db);
		return;
	}
	sqlite3_bind_int(s, 1, (int)kind);
	store_db_bind_text(s, 2, value);
	sqlite3_bind_int64(s, 3, t->at);
	sqlite3_bind_int64(s, 4, t->key);
	t->failed = store_db_run(s);
}

static void address_terms(struct store_trace_terms *t, enum store_term kind,
	enum store_term domain_kind, struct str address)
{
	size_t at = str_find_last(address, '@');

	term(t, kind, address);
	if (at < address.n)
		term(t, domain_kind, str_part(address, at + 1, address.n));
}

void store_trace_terms_recipients(
	struct store_trace_terms *t, const char *recipient, const char *recipients)
{
	struct str rest = str_of(recipients);

	address_terms(t, STORE_TERM_RECIPIENT, STORE_TERM_RECIPIENT_DOMAIN, str_of(recipient));
	while (rest.n > 0)
		address_terms(
			t, STORE_TERM_RECIPIENT, STORE_TERM_RECIPIENT_DOMAIN, str_cut(&rest, '\n'));
}

void store_trace_terms_connector(
	struct store_trace_terms *t, const char *organisation, const char *connector)
{
	term(t, STORE_TERM_ORGANISATION, str_of(organisation));
	if (connector == NULL)
		return;
	term(t, STORE_TERM_CONNECTOR, str_of(connector));
	if (organisation != NULL)
		term(t, STORE_TERM_CONNECTOR,
			str_of(arena_format(t->arena, "%s/%s", organisation, connector)));
}

void store_trace_terms_mail(struct store_trace_terms *t, const char *sender, const char *message_id)
{
	address_terms(t, STORE_TERM_SENDER, STORE_TERM_SENDER_DOMAIN, str_of(sender));
	if (message_id != NULL)
		term(t, STORE_TERM_MESSAGE_ID, str_of(store_trace_fold_id(t->arena, message_id)));
}

/* Most mail is received and delivered: that names nothing. */
bool store_trace_is_indexed_kind(const char *kind)
{
	return kind != NULL && strcmp(kind, "received") != 0 && strcmp(kind, "delivered") != 0;
}

void store_trace_terms_event(
	struct store_trace_terms *t, const char *kind, const struct store_trace_hop *hop)
{
	if (store_trace_is_indexed_kind(kind))
		term(t, STORE_TERM_OUTCOME, str_of(kind));
	if (!hop->is_there || hop->is_local)
		return;
	if (hop->version != NULL || hop->is_clear)
		term(t, STORE_TERM_TLS, str_of(hop->version != NULL ? hop->version : "clear"));
	term(t, STORE_TERM_HOST, str_of(hop->host));
	term(t, STORE_TERM_HOST, str_of(hop->address));
}
