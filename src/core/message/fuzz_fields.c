/* However a header is cut into pieces, the same fields come out, within their limits. */
#include "core/message/fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(void *context, struct str name, struct str value)
{
	uint64_t *sum = context;

	if (name.n == 0 || name.n > MESSAGE_FIELD_NAME_MAX || value.n > MESSAGE_FIELD_VALUE_MAX ||
		str_find(name, '\n', 0) < name.n || str_find(value, '\n', 0) < value.n)
		abort();
	for (size_t i = 0; i < name.n; i++)
		*sum = *sum * 31 + (unsigned char)name.p[i];
	*sum = *sum * 31 + 1;
	for (size_t i = 0; i < value.n; i++)
		*sum = *sum * 31 + (unsigned char)value.p[i];
}

static uint64_t fields(struct str in, size_t step)
{
	struct message_fields f;
	uint64_t sum = 0;

	message_fields_init(&f, note, &sum);
	for (size_t at = 0; at < in.n; at += step)
		message_fields_feed(&f, str_part(in, at, at + step));
	message_fields_end(&f);
	message_fields_clear(&f);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make(data, size);

	if (size > 0 && fields(in, size) != fields(in, (size_t)data[0] % 32 + 1))
		abort();
	return 0;
}
