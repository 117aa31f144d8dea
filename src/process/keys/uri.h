/* What a pkcs11: URI of the node file says of a key in a token (RFC 7512). */
#ifndef SEALPOST_PROCESS_KEYS_URI_H
#define SEALPOST_PROCESS_KEYS_URI_H

#include "base/err.h"
#include "base/mem.h"

/* NULL, and a length of 0 for the id: does not matter. */
struct keys_uri {
	const char *token, *manufacturer, *model, *serial; /* of the token */
	const char *object;				   /* label of the key */
	struct str id;					   /* CKA_ID */
};

/* TEXT begins with "pkcs11:".  What tells one token or key from another is understood; what selects
 * slots and modules, and a PIN within the URI, is refused with what to do instead: ERR_UNSUPPORTED.
 * ERR_SYNTAX: anything else.  Neither object nor id: ERR_SYNTAX, too. */
enum err keys_uri_parse(
	const char *text, struct arena *arena, struct keys_uri *ret, struct err_info *info);

#endif
