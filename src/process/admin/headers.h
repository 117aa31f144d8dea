/* Inside process/admin: what the headers of strangers say.  Slices lie in the text given; all take
 * NULL, which says nothing. */
#ifndef SEALPOST_PROCESS_ADMIN_HEADERS_H
#define SEALPOST_PROCESS_ADMIN_HEADERS_H

#include "base/str.h"

/* The value of one cookie in a Cookie header (RFC 6265 4.2.1).  Empty: it is not there, or there
 * twice: another site of the domain has put one in front of ours. */
struct str admin_headers_cookie(const char *header, const char *name);
/* The token of "Bearer TOKEN" (RFC 6750 2.1); empty: another scheme, or nothing behind it. */
struct str admin_headers_bearer(const char *header);
/* Is ORIGIN ("https://host:port", RFC 6454 6.1) that of who asked for HOST (the Host header)?  What
 * is opaque ("null") is not. */
bool admin_headers_same_origin(const char *origin, const char *host);
/* Is it application/json, whatever its parameters? */
bool admin_headers_is_json(const char *type);
/* May the answer be in gzip (RFC 9110 12.5.3)?  Who says nothing takes all. */
bool admin_headers_gzip(const char *accepted);

#endif
