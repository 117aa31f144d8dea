/*
 * The one table of errors.  It gives each error its class, its stable token (log field, metric
 * label, JSON) and its text.  Functions return enum err; results come last as ret_x and are left
 * untouched on failure.
 */
#ifndef SEALPOST_BASE_ERR_H
#define SEALPOST_BASE_ERR_H

enum err_class {
	ERR_CLASS_NONE,	     /* no error */
	ERR_CLASS_TEMPORARY, /* trying again later may succeed; SMTP 4xx */
	ERR_CLASS_PERMANENT, /* the same input fails again; SMTP 5xx */
	ERR_CLASS_BUG,	     /* this program is wrong */
};

/*      code              class      token                text */
#define ERR_TABLE(X)                                                                               \
	X(ERR_OK, NONE, "ok", "no error")                                                          \
	X(ERR_AGAIN, TEMPORARY, "again", "not ready yet")                                          \
	X(ERR_IO, TEMPORARY, "io", "input or output failed")                                       \
	X(ERR_FULL, TEMPORARY, "full", "no space left")                                            \
	X(ERR_BUSY, TEMPORARY, "busy", "too much is under way already")                            \
	X(ERR_TIMEOUT, TEMPORARY, "timeout", "took too long")                                      \
	X(ERR_GONE, TEMPORARY, "gone", "the other process has gone away")                          \
	X(ERR_CLOSED, TEMPORARY, "closed", "the connection is closed")                             \
	X(ERR_UNAVAILABLE, TEMPORARY, "unavailable", "the service is not available")               \
	X(ERR_SYNTAX, PERMANENT, "syntax", "malformed input")                                      \
	X(ERR_RANGE, PERMANENT, "range", "value out of range")                                     \
	X(ERR_TOO_LONG, PERMANENT, "too-long", "longer than the limit allows")                     \
	X(ERR_TOO_MANY, PERMANENT, "too-many", "more than the limit allows")                       \
	X(ERR_UNKNOWN, PERMANENT, "unknown", "no such thing")                                      \
	X(ERR_EXISTS, PERMANENT, "exists", "exists already")                                       \
	X(ERR_CONFLICT, PERMANENT, "conflict", "contradicts something else")                       \
	X(ERR_REFUSED, PERMANENT, "refused", "not allowed")                                        \
	X(ERR_UNSUPPORTED, PERMANENT, "unsupported", "not supported")                              \
	X(ERR_TLS, TEMPORARY, "tls", "TLS failed")                                                 \
	X(ERR_CERTIFICATE, PERMANENT, "certificate", "certificate not acceptable")                 \
	X(ERR_CORRUPT, PERMANENT, "corrupt", "stored data is damaged")                             \
	X(ERR_INTERNAL, BUG, "internal", "internal error")

#define ERR_ENUM(code, class, token, text) code,
enum err { ERR_TABLE(ERR_ENUM) ERR_MAX };
#undef ERR_ENUM

/* All total: an unknown code reads as ERR_INTERNAL.  Static text, nothing to free. */
enum err_class err_class(enum err e);
const char *err_token(enum err e);
const char *err_text(enum err e);
/* The error of that token; ERR_INTERNAL for none, NULL too. */
enum err err_of_token(const char *token);

/* The nearest error for an errno value; 0 gives ERR_OK. */
enum err err_from_errno(int number);

/*
 * A reason a person can act on: which error, where, what was expected.  Plain data, on the
 * caller's stack; the text is cut to fit.
 */
struct err_info {
	enum err code;
	char text[480];
};

/* Set INFO (which may be NULL) and return CODE, so that a caller can `return err_set(...)`. */
enum err err_set(struct err_info *info, enum err code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
