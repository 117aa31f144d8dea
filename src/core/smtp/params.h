/*
 * The arguments of MAIL, RCPT and BDAT: path and ESMTP parameters.  SIZE (RFC 1870), BODY (RFC
 * 6152), SMTPUTF8 (RFC 6531), RET ENVID NOTIFY ORCPT (RFC 3461), chunk sizes (RFC 3030).
 */
#ifndef SEALPOST_CORE_SMTP_PARAMS_H
#define SEALPOST_CORE_SMTP_PARAMS_H

#include "core/smtp/address.h"
#include "core/smtp/command.h"
#include "core/wire/wire.h"

enum {
	SMTP_PARAMS_MAX_ENVID = 100, /* RFC 3461 4.4 */
	SMTP_PARAMS_MAX_ORCPT = 500, /* RFC 3461 4.2 */
};

struct smtp_params_mail {
	struct smtp_address sender;
	bool has_size;
	uint64_t size;
	enum wire_body_type body;
	bool smtputf8;
	enum wire_ret ret;
	struct str envelope_id; /* still xtext; empty: none */
};

struct smtp_params_rcpt {
	struct smtp_address recipient;
	unsigned notify;     /* enum wire_notify bits; 0: not given */
	struct str original; /* "rfc822;xtext"; empty: none */
};

/* ARGUMENT is all behind the verb, "FROM:<a@b> SIZE=1".  False: *ret_fault says how to refuse. */
bool smtp_params_parse_mail(
	struct str argument, struct smtp_params_mail *ret, struct smtp_fault *ret_fault);
/* SMTPUTF8: whether MAIL asked for it. */
bool smtp_params_parse_rcpt(struct str argument, bool smtputf8, struct smtp_params_rcpt *ret,
	struct smtp_fault *ret_fault);
/* "86 LAST". */
bool smtp_params_parse_bdat(struct str argument, uint64_t *ret_size, bool *ret_is_last);

#endif
