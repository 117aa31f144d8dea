/* From the bytes of files to objects of known kind. */
#include "core/exchange/inside.h"

enum { MAX_NESTING = 4 };

struct reading {
	struct exchange_read *items;
	size_t count;
	const char *source;
	struct arena *arena;
	struct err_info *info;
};

/* ---- UTF-16, as Windows PowerShell writes it ------------------------------------------------- */

static void put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_byte(out, (char)c);
	} else if (c < 0x800) {
		buf_put_byte(out, (char)(0xc0 | c >> 6));
		buf_put_byte(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_put_byte(out, (char)(0xe0 | c >> 12));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_put_byte(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_put_byte(out, (char)(0xf0 | c >> 18));
		buf_put_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_put_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_put_byte(out, (char)(0x80 | (c & 0x3f)));
	}
}

static uint32_t unit_at(struct str text, size_t i, bool is_big)
{
	const unsigned char *p = (const unsigned char *)text.p + i;

	return is_big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static struct str from_utf16(struct str text, bool is_big, struct arena *arena)
{
	struct buf out;
	struct str result;

	buf_init(&out, EXCHANGE_MAX_TEXT * 2);
	for (size_t i = 2; i + 1 < text.n; i += 2) {
		uint32_t c = unit_at(text, i, is_big), low;

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < text.n) {
			low = unit_at(text, i + 2, is_big);
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		put_utf8(&out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	}
	result = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return result;
}

static struct str decoded(struct str text, struct arena *arena)
{
	const unsigned char *p = (const unsigned char *)text.p;

	if (text.n >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return str_part(text, 3, text.n);
	if (text.n >= 2 && p[0] == 0xff && p[1] == 0xfe)
		return from_utf16(text, false, arena);
	if (text.n >= 2 && p[0] == 0xfe && p[1] == 0xff)
		return from_utf16(text, true, arena);
	return text;
}

/* ---- what an object is ----------------------------------------------------------------------- */

static bool has(const json_t *object, const char *property)
{
	return exchange_get(object, property) != NULL;
}

static bool find_kind(const json_t *object, enum exchange_kind *ret)
{
	if (has(object, "DomainName") && has(object, "DomainType"))
		*ret = EXCHANGE_DOMAIN;
	else if (has(object, "SenderDomains") || has(object, "TlsSenderCertificateName") ||
		 has(object, "SenderIPAddresses"))
		*ret = EXCHANGE_INBOUND;
	else if (has(object, "RecipientDomains") || has(object, "SmartHosts") ||
		 has(object, "UseMXRecord"))
		*ret = EXCHANGE_OUTBOUND;
	else
		return false;
	return true;
}

static enum err add(struct reading *r, const json_t *object, const char *where)
{
	struct exchange_read *item = &r->items[r->count];

	if (r->count == EXCHANGE_MAX_OBJECTS)
		return err_set(r->info, ERR_TOO_MANY, "%s: more than %d objects", r->source,
			EXCHANGE_MAX_OBJECTS);
	if (json_object_size(object) > EXCHANGE_MAX_PROPERTIES)
		return err_set(r->info, ERR_TOO_MANY, "%s: %s has more than %d properties",
			r->source, where, EXCHANGE_MAX_PROPERTIES);
	if (!find_kind(object, &item->kind))
		return err_set(r->info, ERR_SYNTAX,
			"%s: %s is neither an inbound nor an outbound connector nor an accepted "
			"domain; expected what Get-InboundConnector, Get-OutboundConnector or "
			"Get-AcceptedDomain prints through ConvertTo-Json",
			r->source, where);
	item->json = object;
	r->count++;
	return ERR_OK;
}

static enum err walk(struct reading *r, const json_t *json, const char *where, unsigned depth);

static enum err walk_list(struct reading *r, const json_t *list, const char *where, unsigned depth)
{
	const json_t *item;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach (list, i, item) {
		e = walk(r, item, arena_format(r->arena, "%s[%zu]", where, i), depth + 1);
		if (e != ERR_OK)
			break;
	}
	return e;
}

/* An object of ours, or one that holds lists of them ({"InboundConnector": [...]}, or {"value":
 * [...], "Count": 2} of older shells). */
static enum err walk_object(
	struct reading *r, const json_t *object, const char *where, unsigned depth)
{
	enum exchange_kind kind;
	const char *key;
	const json_t *value;
	size_t held = 0;
	enum err e = ERR_OK;

	if (find_kind(object, &kind))
		return add(r, object, where);
	json_object_foreach ((json_t *)object, key, value) {
		if (!json_is_array(value) && !json_is_object(value))
			continue;
		held++;
		e = walk(r, value, key, depth + 1);
		if (e != ERR_OK)
			return e;
	}
	return held > 0 ? ERR_OK : add(r, object, where);
}

static enum err walk(struct reading *r, const json_t *json, const char *where, unsigned depth)
{
	if (depth > MAX_NESTING)
		return err_set(
			r->info, ERR_TOO_LONG, "%s: %.80s is nested too deeply", r->source, where);
	if (json_is_array(json))
		return walk_list(r, json, where, depth);
	if (json_is_object(json))
		return walk_object(r, json, where, depth);
	return err_set(r->info, ERR_SYNTAX, "%s: expected an object at %.80s", r->source, where);
}

static enum err read_one(struct reading *r, const struct exchange_source *source, json_t *documents)
{
	json_error_t problem;
	struct str text;
	json_t *json;

	r->source = source->name;
	if (source->text.n > EXCHANGE_MAX_TEXT)
		return err_set(r->info, ERR_TOO_LONG, "%s: larger than %d MiB", source->name,
			EXCHANGE_MAX_TEXT >> 20);
	text = decoded(source->text, r->arena);
	json = json_loadb(text.p != NULL ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &problem);
	if (json == NULL)
		return err_set(r->info, ERR_SYNTAX,
			"%s: line %d: expected what ConvertTo-Json prints: %s", source->name,
			problem.line, problem.text);
	json_array_append_new(documents, json);
	return walk(r, json, "the file", 0);
}

enum err exchange_read_all(const struct exchange_source *sources, size_t count, struct arena *arena,
	json_t **ret_documents, struct exchange_read **ret, size_t *ret_count,
	struct err_info *info)
{
	struct reading r = {.arena = arena, .info = info};
	json_t *documents = json_array();
	enum err e = ERR_OK;

	r.items = arena_array(arena, EXCHANGE_MAX_OBJECTS + 1, sizeof(*r.items));
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = read_one(&r, &sources[i], documents);
	if (e == ERR_OK && r.count == 0)
		e = err_set(info, ERR_SYNTAX, "%s: holds no object",
			count > 0 ? sources[0].name : "the input");
	if (e != ERR_OK) {
		json_decref(documents);
		return e;
	}
	*ret_documents = documents;
	*ret = r.items;
	*ret_count = r.count;
	return ERR_OK;
}
