/*
 * Records: plain structs described by one table each.  A field stands in one place, and from the
 * table come its JSON and YAML form, its command line flag, its default, limits and messages, its
 * bytes between processes, its comparison and its line in the reference documentation.
 *
 * Everything a record points to lives in an arena.  Text is NUL-terminated and NULL when absent;
 * bytes are slices.  All functions are pure.
 */
#ifndef SEALPOST_CORE_RECORD_RECORD_H
#define SEALPOST_CORE_RECORD_RECORD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>

enum record_kind {	 /* C type of the field          JSON form */
	RECORD_BOOL,	 /* bool                         true, false */
	RECORD_INT,	 /* int64_t                      number */
	RECORD_SIZE,	 /* int64_t bytes                "35M" (binary units), or a number */
	RECORD_DURATION, /* int64_t ms                   "15m", or a number of seconds */
	RECORD_MOMENT,	 /* int64_t ms since 1970        "2026-11-21T21:43:04.123Z"; 0 = absent */
	RECORD_ENUM,	 /* int                          one of the names */
	RECORD_TEXT,	 /* const char *                 string; NULL = absent */
	RECORD_BYTES,	 /* struct str                   string if UTF-8, else "hex:0a1b..." */
	RECORD_TEXTS, /* struct record_texts          array of strings; one string is a list of one
		       */
	RECORD_DURATIONS, /* struct record_numbers        array of durations */
	RECORD_INLINE,	  /* struct (sub)                 object */
	RECORD_OPTIONAL,  /* struct (sub) *, or NULL      object or absent */
	RECORD_LIST,	  /* RECORD_LIST_OF(struct sub)   array of objects */
};

struct record_texts {
	const char **items;
	size_t count;
};

struct record_numbers {
	int64_t *items;
	size_t count;
};

/* The type of a RECORD_LIST field, whatever the struct. */
#define RECORD_LIST_OF(type)                                                                       \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
	}

enum record_flags {
	RECORD_REQUIRED = 1 << 0, /* must be given; text not empty, list not empty */
	RECORD_KEY = 1 << 1,	  /* part of the object's identity: never changed in place */
	RECORD_STATE = 1 << 2,	  /* set by the program, never by configuration */
};

struct record_desc;

struct record_field {
	const char *name; /* snake_case; "-" instead of "_" on the command line */
	const char *doc;  /* one sentence for a person */
	enum record_kind kind;
	unsigned flags;
	size_t offset;
	const struct record_desc *sub; /* INLINE, OPTIONAL, LIST */
	const char *const *names;      /* ENUM: NULL-terminated, index is the value */
	const char *preset; /* default in text form; lists: comma separated; NULL: zero */
	int64_t min, max;   /* numbers; bytes of a text; items of a list; 0,0: no limit
			       but RECORD_MAX_TEXT and RECORD_MAX_ITEMS */
	/* Further check of each text; sets a message that says what was expected. May be NULL. */
	enum err (*check)(const char *text, struct err_info *info);
	/* The form in which a text that passed the check is kept (a domain name in lower case).
	 * Lives in the arena.  May be NULL. */
	const char *(*normal)(const char *text, struct arena *arena);
};

struct record_desc {
	const char *name; /* singular, "connector" */
	const char *doc;
	size_t size; /* of the struct */
	const struct record_field *fields;
	size_t count;
	/* Check of the whole, after every field is set; may be NULL. The message names the field.
	 */
	enum err (*check)(const void *object, struct err_info *info);
};

enum {
	RECORD_MAX_TEXT = 65536,
	RECORD_MAX_ITEMS = 10000,
	RECORD_MAX_DEPTH = 8,
};

/* RECORD_FIELD(struct x, member, KIND, .doc = "...", ...) */
#define RECORD_FIELD(type, member, k, ...)                                                         \
	{                                                                                          \
		.name = #member, .kind = k, .offset = offsetof(type, member), __VA_ARGS__          \
	}
#define RECORD_DESC(type, label, table, ...)                                                       \
	{                                                                                          \
		.name = label, .size = sizeof(type), .fields = table,                              \
		.count = ARRAY_LENGTH(table), __VA_ARGS__                                          \
	}

/* Set every field to its default. */
void record_init(const struct record_desc *desc, void *object, struct arena *arena);

/* Append the binary form (only for another process of the same build).  Fails as buf_put(). */
enum err record_encode(const struct record_desc *desc, const void *object, struct buf *out);
/* Read all of BYTES.  Texts and bytes are copied into ARENA.  ERR_SYNTAX on anything malformed,
 * too long or left over; the object is then undefined. */
enum err record_decode(
	const struct record_desc *desc, struct str bytes, struct arena *arena, void *ret_object);
/* Deep copy. */
void record_copy(const struct record_desc *desc, const void *from, struct arena *arena, void *to);
bool record_equal(const struct record_desc *desc, const void *a, const void *b);

enum record_json_flags {
	RECORD_JSON_FULL = 0,	     /* every field; absent ones as null */
	RECORD_JSON_SPARSE = 1 << 0, /* leave out what equals the default */
};

/* New reference. */
json_t *record_to_json(const struct record_desc *desc, const void *object, unsigned flags);
/*
 * Defaults, then what JSON says, then all checks.  Unknown keys are errors.  INFO (may be NULL)
 * names the place as a path ("inbound.addresses[2]"), what was expected and what was found.
 * WHERE is put in front of the path; "" for none.
 */
enum err record_from_json(const struct record_desc *desc, const json_t *json, const char *where,
	struct arena *arena, void *ret_object, struct err_info *info);
/* Only the keys present are set in an object that has values already (PATCH); then all checks.
 * null resets a field to its default. */
enum err record_merge_json(const struct record_desc *desc, const json_t *json, const char *where,
	struct arena *arena, void *object, struct err_info *info);

/* The length of the path that such a message begins with ("inbound.addresses[2]: ..."), without the
 * colon; 0: it names no place. */
size_t record_place(const char *text);

enum record_schema_form {
	RECORD_SCHEMA_SHOWN,  /* as record_to_json() writes it: every field is there */
	RECORD_SCHEMA_SPARSE, /* with RECORD_JSON_SPARSE */
	RECORD_SCHEMA_INPUT,  /* as record_from_json() takes it */
	RECORD_SCHEMA_PATCH,  /* as record_merge_json() takes it: nothing is required */
};
/* The name under which a record's schema stands; NULL: it has none, and stands where it is used. */
typedef const char *record_schema_name(const struct record_desc *desc);
/* JSON Schema (2020-12), with words, defaults and limits.  Other records are references to
 * "#/components/schemas/NAME", "NAME-sparse", "NAME-input" or "NAME-patch", by the form.  NAME_OF
 * may be NULL.  New reference. */
json_t *record_schema(
	const struct record_desc *desc, enum record_schema_form form, record_schema_name *name_of);

/* The field at a dotted path ("inbound.require_tls"); NULL if there is none.  ret_desc may be NULL;
 * it gets the description of the struct that holds the field. */
const struct record_field *record_find(
	const struct record_desc *desc, const char *path, const struct record_desc **ret_desc);

/* Call VISIT for every field (leaf) whose value differs; texts as in record_format_field. */
typedef void record_visit(void *context, const char *path, const char *before, const char *after);
void record_diff(const struct record_desc *desc, const void *before, const void *after,
	record_visit *visit, void *context);

/* One value as text for a person or a flag: lists joined by ", ". Lives in the arena. */
const char *record_format_field(
	const struct record_field *field, const void *object, struct arena *arena);

/* "35M", "512K", "100": binary units K M G. */
bool record_parse_size(struct str s, int64_t *ret);
void record_format_size(int64_t bytes, char *ret, size_t size);

#endif
