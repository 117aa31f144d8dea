/* xtext: printable ASCII without "+" and "=", anything else as "+" and two hex digits (RFC 3461 4).
 */
#ifndef SEALPOST_CORE_SMTP_XTEXT_H
#define SEALPOST_CORE_SMTP_XTEXT_H

#include "base/buf.h"

bool smtp_xtext_is_valid(struct str text);
/* Append the decoded bytes; ERR_SYNTAX when it is no xtext, else as buf_put(). */
enum err smtp_xtext_decode(struct str text, struct buf *out);
/* Append BYTES as xtext.  Fails as buf_put(). */
enum err smtp_xtext_encode(struct str bytes, struct buf *out);

#endif
