/* However the bytes are cut into pieces, the same replies come out. */
#include "core/smtp/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t replies(struct str all, size_t chunk)
{
	struct smtp_reply_reader reader;
	struct smtp_reply reply;
	uint64_t sum = 0;
	enum err e = ERR_AGAIN;

	smtp_reply_init(&reader);
	for (size_t given = 0; given < all.n && (e == ERR_OK || e == ERR_AGAIN); given += chunk) {
		struct str in = str_part(all, given, given + chunk);

		do {
			char shown[SMTP_REPLY_SHOWN + 1];

			e = smtp_reply_feed(&reader, &in, &reply);
			if (e != ERR_OK)
				break;
			smtp_reply_show(&reply, shown);
			if (reply.code < 200 || reply.code > 599 || !str_is_utf8(str_of(shown)))
				abort();
			for (size_t i = 0; shown[i] != '\0'; i++)
				sum = sum * 31 + (unsigned char)shown[i];
		} while (in.n > 0);
	}
	smtp_reply_free(&reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make(data, size);

	if (size == 0)
		return 0;
	if (replies(all, size) != replies(all, 1))
		abort();
	return 0;
}
