/* Slices of bytes that somebody else owns.  Not NUL-terminated; may hold any byte. */
#ifndef SEALPOST_BASE_STR_H
#define SEALPOST_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* Slice of a string literal; usable in static initialisers. */
#define STR(literal)                                                                               \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
/* For printf("%.*s", STR_ARGS(s)). */
#define STR_ARGS(s) (int)(s).n, (s).p != NULL ? (s).p : ""

/* Slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct str str_of(const char *text)
{
	return (struct str){text, text != NULL ? strlen(text) : 0};
}

static inline struct str str_make(const void *p, size_t n)
{
	return (struct str){p, n};
}

bool str_equal(struct str a, struct str b);
/* ASCII case does not matter; no locale. */
bool str_equal_nocase(struct str a, struct str b);
bool str_is(struct str a, const char *text);
bool str_is_nocase(struct str a, const char *text);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends_nocase(struct str s, struct str suffix);
/* <0, 0, >0 in byte order, shorter first. */
int str_compare(struct str a, struct str b);

/* First position of BYTE at or after FROM; s.n when there is none. */
size_t str_find(struct str s, char byte, size_t from);
/* Last position of BYTE; s.n when there is none. */
size_t str_find_last(struct str s, char byte);

/* The part [from, to), clamped to the slice. */
struct str str_part(struct str s, size_t from, size_t to);
/* Without blanks (SP, HTAB) at both ends. */
struct str str_trim(struct str s);
/* Cut S at the first SEPARATOR: return what stands before it and leave in *S what stands behind;
 * without a separator return all and leave the empty slice. */
struct str str_cut(struct str *s, char separator);

/* Decimal digits only, at least one, no sign; false on anything else or overflow. */
bool str_to_u64(struct str s, uint64_t *ret);

/* ASCII only, no locale. */
char str_lower(char c);
/* Fold ASCII letters of a buffer in place. */
void str_lower_in_place(char *p, size_t n);
bool str_is_ascii(struct str s);
/* Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms. */
bool str_is_utf8(struct str s);

#endif
