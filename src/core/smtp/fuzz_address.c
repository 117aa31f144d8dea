/* Whatever parses as an address must parse again from its own text, and the PROXY header, xtext and
 * command arguments must never read beyond their input. */
#include "core/smtp/address.h"
#include "core/smtp/params.h"
#include "core/smtp/proxy.h"
#include "core/smtp/xtext.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make(data, size), in = all;
	struct smtp_params_mail mail;
	struct smtp_params_rcpt rcpt;
	struct smtp_address a, again;
	struct smtp_fault fault;
	struct smtp_proxy proxy;
	uint64_t number;
	bool is_last;

	if (smtp_address_path(&in, SMTP_ADDRESS_REVERSE, &a) == ERR_OK && a.text.n > 0)
		if (smtp_address_parse(a.text, &again) != ERR_OK ||
			!str_equal(a.domain, again.domain))
			abort();
	in = all;
	(void)smtp_proxy_parse(&in, &proxy);
	(void)smtp_xtext_is_valid(all);
	(void)smtp_params_parse_mail(all, &mail, &fault);
	(void)smtp_params_parse_rcpt(all, true, &rcpt, &fault);
	(void)smtp_params_parse_bdat(all, &number, &is_last);
	return 0;
}
