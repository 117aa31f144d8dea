/*
 * The shape of JSON, in a notation that is read as easily as it is written, and what JSON Schema
 * (2020-12) says of it.
 *
 *     {id: text, size: integer, next: text|null}      an object with these members
 *     {name: text, comment?: text..1000}              comment may be absent; at most 1000 bytes
 *     {id: text (of the message), at: moment}         words about a member, in parentheses
 *     {...connector, one_direction: text|null}        the members of another shape, and one more
 *     {*: integer}                                    any members, each a number
 *     {ok: boolean, ...}                              and others that are not told
 *     [text]                                          a list
 *     1..1000                                         a whole number within these limits
 *     'json'|'text'                                   one of these texts
 *     connector                                       what stands under that name
 *
 * Words: text, integer, number, boolean, moment ("2026-11-21T21:43:04Z"), duration ("15m"), size
 * ("35M"), any, null; every other one is a name.  The texts of this notation are the program's own:
 * none comes from outside.
 */
#ifndef SEALPOST_CORE_SHAPE_SHAPE_H
#define SEALPOST_CORE_SHAPE_SHAPE_H

#include "base/compiler.h"
#include "base/err.h"

#include <jansson.h>

enum { SHAPE_MAX_DEPTH = 12 };

/* What durations and sizes look like in answers. */
#define SHAPE_DURATION_PATTERN "^[0-9]+(ms|s|m|h|d)$"
#define SHAPE_SIZE_PATTERN     "^[0-9]+[KMG]?$"

/* The schema under NAME, which stays the owner's; NULL: there is none. */
typedef const json_t *shape_find(void *context, const char *name);

/*
 * The schema of SHAPE; names become references to "#/components/schemas/NAME".  FIND is asked for
 * each (to know that it is there, and for the members of "...name"); it may be NULL, then each is
 * there and has no members.  ERR_SYNTAX: INFO tells what was expected, and at which byte.
 */
enum err shape_schema(const char *shape, shape_find *find, void *context, json_t **ret,
	struct err_info *info) MUST_USE;

/*
 * Does VALUE fit a schema that shape_schema() made?  INFO names the place in VALUE
 * ("filter.state", "changes[2]"), what was expected and what was found.  References are followed by
 * FIND; one that it does not know fits everything.  ERR_SYNTAX, ERR_RANGE, ERR_TOO_LONG, or
 * ERR_UNKNOWN for a member that there is not.
 */
enum err shape_check(const json_t *schema, const json_t *value, shape_find *find, void *context,
	struct err_info *info) MUST_USE;

/* The schema of one member of an object; NULL: it has none of that name. */
const json_t *shape_member(const json_t *schema, const char *name);

/* The same for a text, as it stands in the query of a URL: numbers and truth are written out ("1",
 * "true"), a list is the parameter repeated, of which TEXT is one. */
enum err shape_check_text(const json_t *schema, const char *name, const char *text,
	shape_find *find, void *context, struct err_info *info) MUST_USE;

#endif
