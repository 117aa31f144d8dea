/* However a message is cut into pieces the same comes out, and none of the names that do not pass
 * stands at the start of a line of the header. */
#include "core/message/firewall.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(enum message_firewall_mode mode, struct str in, size_t step, struct buf *out)
{
	struct message_firewall f;

	message_firewall_init(&f, mode);
	for (size_t at = 0; at < in.n; at += step) {
		struct str piece = str_part(in, at, at + step);
		size_t before = buf_length(out);

		if (message_firewall_feed(&f, piece, out) != ERR_OK ||
			buf_length(out) - before > MESSAGE_FIREWALL_GROWTH(piece.n))
			abort();
	}
	if (message_firewall_end(&f, out) != ERR_OK)
		abort();
}

static void expect_none(struct str message, struct str name)
{
	bool is_line = true;

	for (size_t i = 0; i < message.n; i++) {
		struct str rest = str_part(message, i, message.n);

		if ((i == 0 && str_starts_nocase(rest, str_make("\r\n", 2))) ||
			str_starts_nocase(rest, str_make("\r\n\r\n", 4)))
			return;
		if (is_line && str_starts_nocase(rest, name))
			abort();
		is_line = message.p[i] == '\r' || message.p[i] == '\n';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str organisation[] = {
		STR("X-Sealpost-Organization-"), STR("X-MS-Exchange-Organization-")};
	static const struct str premises[] = {
		STR("X-Sealpost-CrossPremises-"), STR("X-MS-Exchange-CrossPremises-")};
	enum message_firewall_mode mode;
	struct str in;
	struct buf whole, pieces;

	if (size < 2)
		return 0;
	mode = (enum message_firewall_mode)(data[0] & 3);
	in = str_make(data + 2, size - 2);
	buf_init(&whole, 2 * size + 256);
	buf_init(&pieces, 2 * size + 256);
	run(mode, in, size, &whole);
	run(mode, in, (size_t)data[1] % 64 + 1, &pieces);
	if (!str_equal(buf_str(&whole), buf_str(&pieces)))
		abort();
	for (size_t i = 0; i < ARRAY_LENGTH(premises); i++) {
		if (mode == MESSAGE_FIREWALL_STRIP || mode == MESSAGE_FIREWALL_CROSS)
			expect_none(buf_str(&whole), organisation[i]);
		if (mode == MESSAGE_FIREWALL_STRIP || mode == MESSAGE_FIREWALL_PROMOTE)
			expect_none(buf_str(&whole), premises[i]);
	}
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
