/* Objects to a configuration: each by its rows, then halves to connectors, then all checked. */
#include "core/exchange/inside.h"

#include "base/map.h"

/* A connector's half, before it finds its other one. */
struct half {
	struct exchange_object *object;
	struct model_inbound *in; /* one of both */
	struct model_outbound *out;
	bool is_partner, is_enabled, is_unsafe, is_used;
	const char *name;  /* as Exchange has it */
	const char *plain; /* as it is called here */
	const char *comment;
};

struct importing {
	struct arena *arena;
	struct exchange_import *to;
	const char *organisation;
	const char *default_domain; /* NULL: none said so */
	struct half *halves;
	size_t half_count;
	size_t own_in, own_out; /* on-premises halves */
	struct map *names;	/* of connectors taken */
	struct map *ways;	/* domain: the first partner's half with mail to it */
};

static void ask(struct importing *im, const char *text)
{
	exchange_add_text(&im->to->questions, text, im->arena);
}

/* ---- one object ------------------------------------------------------------------------------ */

static const struct exchange_row *find_row(const struct exchange_row *rows, const char *property)
{
	for (; rows->property != NULL; rows++)
		if (str_is_nocase(str_of(property), rows->property))
			return rows;
	return NULL;
}

static const struct exchange_row *row_of(enum exchange_kind kind, const char *property)
{
	static const struct exchange_row *const tables[EXCHANGE_KIND_MAX] = {
		[EXCHANGE_INBOUND] = exchange_inbound_rows,
		[EXCHANGE_OUTBOUND] = exchange_outbound_rows,
		[EXCHANGE_DOMAIN] = exchange_domain_rows,
	};
	const struct exchange_row *row = find_row(tables[kind], property);

	return row != NULL ? row : find_row(exchange_common_rows, property);
}

/* These say something also when they are false. */
static bool speaks_unset(const char *property)
{
	return str_is_nocase(str_of(property), "Enabled") ||
	       str_is_nocase(str_of(property), "RequireTls") ||
	       str_is_nocase(str_of(property), "UseMXRecord") ||
	       str_is_nocase(str_of(property), "SmtpDaneMode") ||
	       str_is_nocase(str_of(property), "MtaStsMode") ||
	       str_is_nocase(str_of(property), "DomainType") ||
	       str_is_nocase(str_of(property), "ConnectorType");
}

static void judge(struct exchange_work *w, const json_t *value)
{
	const struct exchange_row *row = row_of(w->object->kind, w->item->property);
	bool is_unset = exchange_is_unset(value) &&
			(json_is_null(value) || !speaks_unset(w->item->property));

	if (is_unset)
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "not set");
	else if (row != NULL && row->take != NULL)
		row->take(w, value);
	else if (row != NULL)
		exchange_fate(w, row->fate, NULL, row->note);
	else if (strchr(w->item->property, '@') != NULL)
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of the shell");
	else
		exchange_ask(w, "not known to this program: does it matter?");
}

static void go_through(struct exchange_work *w)
{
	struct exchange_object *o = w->object;
	const char *key;
	json_t *value;

	o->items = arena_array(w->arena, json_object_size(w->json) + 1, sizeof(*o->items));
	json_object_foreach ((json_t *)w->json, key, value) {
		w->item = &o->items[o->item_count++];
		w->item->property = arena_text(w->arena, key);
		w->item->value = exchange_show(value, w->arena);
		judge(w, value);
	}
}

static struct exchange_object *new_object(struct importing *im, const struct exchange_read *read)
{
	struct exchange_object *o = &im->to->objects[im->to->object_count++];

	o->kind = read->kind;
	o->name = exchange_text(
		read->json, read->kind == EXCHANGE_DOMAIN ? "DomainName" : "Name", im->arena);
	if (o->name == NULL)
		o->name = "without a name";
	return o;
}

static struct exchange_work begin(struct importing *im, const struct exchange_read *read)
{
	return (struct exchange_work){
		.arena = im->arena,
		.json = read->json,
		.object = new_object(im, read),
		.is_enabled = true,
		.questions = &im->to->questions,
		.config = &im->to->config,
	};
}

static bool is_partner(const json_t *json)
{
	static const char *const names[] = {"OnPremises", NULL};
	static const int numbers[] = {1};
	bool is_number;

	return exchange_enum(exchange_get(json, "ConnectorType"), names, numbers, &is_number) != 0;
}

static void take_connector(struct importing *im, const struct exchange_read *read)
{
	struct exchange_work w = begin(im, read);
	struct half *half = &im->halves[im->half_count++];

	w.is_partner = is_partner(read->json);
	if (read->kind == EXCHANGE_INBOUND) {
		w.in = arena_alloc(im->arena, sizeof(*w.in));
		record_init(&model_inbound_desc, w.in, im->arena);
	} else {
		w.out = arena_alloc(im->arena, sizeof(*w.out));
		record_init(&model_outbound_desc, w.out, im->arena);
		w.out->tls = MODEL_LEVEL_NONE;
	}
	go_through(&w);
	*half = (struct half){.object = w.object,
		.in = w.in,
		.out = w.out,
		.is_partner = w.is_partner,
		.is_enabled = w.is_enabled,
		.is_unsafe = w.is_unsafe,
		.name = w.object->name,
		.comment = w.comment};
}

/* What was taken is not, after all. */
static void leave_out(struct exchange_object *o, enum exchange_fate fate, const char *note)
{
	for (size_t i = 0; i < o->item_count; i++) {
		struct exchange_item *item = &o->items[i];

		if (item->fate == EXCHANGE_TAKEN || item->fate == EXCHANGE_MERGED) {
			item->fate = fate;
			item->note = note;
			item->as = NULL;
		}
	}
}

static bool has_domain(const struct importing *im, const char *name)
{
	for (size_t i = 0; i < im->to->config.domains.count; i++)
		if (strcmp(im->to->config.domains.items[i].name, name) == 0)
			return true;
	return false;
}

static void take_domain(struct importing *im, const struct exchange_read *read)
{
	struct exchange_work w = begin(im, read);
	struct model_domain *d = &im->to->config.domains.items[im->to->config.domains.count];

	record_init(&model_domain_desc, d, im->arena);
	d->organisation = im->organisation;
	w.domain = d;
	go_through(&w);
	if (d->name == NULL) {
		leave_out(w.object, EXCHANGE_NOT_NEEDED, "the domain is left out");
		return;
	}
	w.object->became = arena_format(im->arena, "domain %s", d->name);
	if (has_domain(im, d->name)) {
		leave_out(w.object, EXCHANGE_MERGED, "the domain was given before");
		return;
	}
	if (w.is_default)
		im->default_domain = d->name;
	im->to->config.domains.count++;
	if (d->type == MODEL_AUTHORITATIVE)
		ask(im, arena_format(im->arena,
				"domain %s: add delivery: where do its mailboxes live?", d->name));
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_word_of_direction(struct str word)
{
	static const char *const words[] = {
		"inbound", "outbound", "from", "to", "in", "out", "connector", "-"};

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (str_is_nocase(word, words[i]))
			return true;
	return false;
}

/* "Inbound from Fabrikam Bank" to "fabrikam-bank". */
static const char *plain_name(struct importing *im, const char *text)
{
	char *name = arena_alloc(im->arena, strlen(text) + 2), *to = name;

	for (struct str rest = str_of(text); rest.n > 0;) {
		struct str word = str_cut(&rest, ' ');

		if (word.n == 0 || is_word_of_direction(word))
			continue;
		if (to > name)
			*to++ = '-';
		for (size_t i = 0; i < word.n; i++) {
			char c = str_lower(word.p[i]);

			if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
				c == '_' || c == '-')
				*to++ = c;
		}
	}
	*to = '\0';
	while (name[0] == '-' || name[0] == '.')
		name++;
	return name[0] != '\0' ? arena_format(im->arena, "%.56s", name) : "connector";
}

static const char *free_name(struct importing *im, const char *wanted)
{
	const char *name = wanted;

	for (unsigned n = 2; map_get(im->names, str_of(name)) != NULL; n++)
		name = arena_format(im->arena, "%s-%u", wanted, n);
	return name;
}

/* ---- halves to connectors -------------------------------------------------------------------- */

static bool are_one(const struct half *in, const struct half *out)
{
	return out != NULL && !out->is_used && in->is_partner == out->is_partner &&
	       in->is_enabled == out->is_enabled && in->is_unsafe == out->is_unsafe;
}

/* A partner's other half is about one of its domains; the own server's has its name, or is the only
 * one. */
static struct half *other_half(struct importing *im, const struct half *in)
{
	struct half *out;

	for (size_t i = 0; in->is_partner && i < in->in->sender_domains.count; i++) {
		out = map_get(im->ways, str_of(in->in->sender_domains.items[i]));
		if (are_one(in, out))
			return out;
	}
	for (size_t i = 0; !in->is_partner && i < im->half_count; i++) {
		out = &im->halves[i];
		if (out->out != NULL && are_one(in, out) &&
			(strcmp(in->plain, out->plain) == 0 ||
				(im->own_in == 1 && im->own_out == 1)))
			return out;
	}
	return NULL;
}

static void set_became(struct importing *im, struct half *half, const struct model_connector *c)
{
	half->is_used = true;
	half->object->became = arena_format(im->arena, "connector %s/%s", c->organisation, c->name);
}

/* As the server would read it: what is left of an unclear object may not be a connector. */
static bool is_whole(struct importing *im, struct model_connector *c, struct err_info *info)
{
	json_t *json = record_to_json(&model_connector_desc, c, RECORD_JSON_SPARSE);
	bool fine = record_from_json(&model_connector_desc, json, "", im->arena, c, info) == ERR_OK;

	json_decref(json);
	return fine;
}

static void add_connector(struct importing *im, struct half *one, struct half *other)
{
	struct model_connector *c =
		&im->to->config.connectors.items[im->to->config.connectors.count];
	struct err_info info = {.text = ""};
	bool is_unsafe = one->is_unsafe || (other != NULL && other->is_unsafe);

	record_init(&model_connector_desc, c, im->arena);
	c->organisation = im->organisation;
	c->name = free_name(im, one->plain);
	c->type = one->is_partner ? MODEL_PARTNER : MODEL_ON_PREMISES;
	c->enabled = one->is_enabled && !is_unsafe;
	c->comment = one->comment != NULL || other == NULL ? one->comment : other->comment;
	c->inbound = one->in;
	c->outbound = one->in == NULL ? one->out : other != NULL ? other->out : NULL;
	one->is_used = true;
	if (!is_whole(im, c, &info)) {
		ask(im, arena_format(im->arena, "%s \"%s\" is left out: %s",
				exchange_kind_names[one->object->kind], one->name, info.text));
		return;
	}
	map_set(im->names, str_of(c->name), (void *)c->name);
	set_became(im, one, c);
	if (other != NULL)
		set_became(im, other, c);
	im->to->config.connectors.count++;
}

static void index_halves(struct importing *im)
{
	for (size_t i = 0; i < im->half_count; i++) {
		struct half *h = &im->halves[i];

		h->plain = plain_name(im, h->name);
		if (!h->is_partner)
			*(h->in != NULL ? &im->own_in : &im->own_out) += 1;
		for (size_t k = 0;
			h->is_partner && h->out != NULL && k < h->out->recipient_domains.count;
			k++) {
			struct str domain = str_of(h->out->recipient_domains.items[k]);

			if (map_get(im->ways, domain) == NULL)
				map_set(im->ways, domain, h);
		}
	}
}

static void pair(struct importing *im)
{
	im->names = map_new(0);
	im->ways = map_new(0);
	index_halves(im);
	for (size_t i = 0; i < im->half_count; i++)
		if (im->halves[i].in != NULL)
			add_connector(im, &im->halves[i], other_half(im, &im->halves[i]));
	for (size_t i = 0; i < im->half_count; i++)
		if (!im->halves[i].is_used)
			add_connector(im, &im->halves[i], NULL);
	map_free(&im->names);
	map_free(&im->ways);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The first label of the default domain, else of the first. */
static const char *name_organisation(
	const struct exchange_read *items, size_t count, struct arena *arena)
{
	const char *first = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *name = items[i].kind == EXCHANGE_DOMAIN
					   ? exchange_text(items[i].json, "DomainName", arena)
					   : NULL;
		const char *domain =
			name != NULL ? model_domain_name(str_of(name), false, arena) : NULL;

		if (domain == NULL)
			continue;
		if (first == NULL || exchange_bool(items[i].json, "Default", false))
			first = domain;
	}
	return first != NULL ? arena_text_of(arena,
				       str_part(str_of(first), 0, str_find(str_of(first), '.', 0)))
			     : NULL;
}

/* The default domain comes first: that is where the postmaster is. */
static void put_default_first(struct importing *im)
{
	struct model_domain *items = im->to->config.domains.items;

	for (size_t i = 1; im->default_domain != NULL && i < im->to->config.domains.count; i++) {
		struct model_domain d = items[i];

		if (d.name != im->default_domain)
			continue;
		memmove(&items[1], &items[0], i * sizeof(d));
		items[0] = d;
	}
}

static enum err name_it(struct importing *im, const struct exchange_read *items, size_t count,
	const char *given, struct err_info *info)
{
	struct model_organisation *o = arena_alloc(im->arena, sizeof(*o));
	const struct record_field *row = record_find(&model_organisation_desc, "name", NULL);

	im->organisation = given != NULL ? given : name_organisation(items, count, im->arena);
	if (im->organisation == NULL)
		return err_set(info, ERR_SYNTAX,
			"there is no accepted domain to name the organisation after: say which "
			"organisation it is to be");
	record_init(&model_organisation_desc, o, im->arena);
	o->name = im->organisation;
	im->to->config.organisations.items = o;
	im->to->config.organisations.count = 1;
	return row->check(im->organisation, info);
}

enum err exchange_import(const struct exchange_source *sources, size_t count,
	const char *organisation, struct arena *arena, struct exchange_import *ret,
	struct err_info *info)
{
	struct importing im = {.arena = arena, .to = ret};
	struct exchange_read *items;
	json_t *documents;
	size_t item_count;
	enum err e =
		exchange_read_all(sources, count, arena, &documents, &items, &item_count, info);

	if (e != ERR_OK)
		return e;
	*ret = (struct exchange_import){0};
	ret->objects = arena_array(arena, item_count, sizeof(*ret->objects));
	ret->config.domains.items =
		arena_array(arena, item_count, sizeof(*ret->config.domains.items));
	ret->config.connectors.items =
		arena_array(arena, item_count, sizeof(*ret->config.connectors.items));
	im.halves = arena_array(arena, item_count, sizeof(*im.halves));
	e = name_it(&im, items, item_count, organisation, info);
	for (size_t i = 0; e == ERR_OK && i < item_count; i++)
		if (items[i].kind == EXCHANGE_DOMAIN)
			take_domain(&im, &items[i]);
	for (size_t i = 0; e == ERR_OK && i < item_count; i++)
		if (items[i].kind != EXCHANGE_DOMAIN)
			take_connector(&im, &items[i]);
	json_decref(documents);
	if (e != ERR_OK)
		return e;
	pair(&im);
	put_default_first(&im);
	return model_check(&ret->config, info);
}

static json_t *object_json(const struct exchange_object *o)
{
	json_t *items = json_array();

	for (size_t i = 0; i < o->item_count; i++)
		json_array_append_new(
			items, json_pack("{s:s,s:s,s:s,s:s?,s:s?}", "property",
				       o->items[i].property, "value", o->items[i].value, "fate",
				       exchange_fate_names[o->items[i].fate], "as", o->items[i].as,
				       "note", o->items[i].note));
	return json_pack("{s:s,s:s,s:s?,s:o}", "kind", exchange_kind_names[o->kind], "name",
		o->name, "became", o->became, "properties", items);
}

json_t *exchange_import_json(const struct exchange_import *import)
{
	json_t *objects = json_array(), *questions = json_array();

	for (size_t i = 0; i < import->object_count; i++)
		json_array_append_new(objects, object_json(&import->objects[i]));
	for (size_t i = 0; i < import->questions.count; i++)
		json_array_append_new(questions, json_string(import->questions.items[i]));
	return json_pack("{s:o,s:o,s:o}", "objects", objects, "questions", questions,
		"configuration",
		record_to_json(&model_config_desc, &import->config, RECORD_JSON_SPARSE));
}
