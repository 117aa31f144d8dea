/* The content is filtered on the way out, whatever the pieces, and again for every attempt. */
#include "process/deliver/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct spool {
	struct deliver_body *body;
	struct str content;
	size_t chunk; /* bytes in one message */
};

static void on_ask(void *context, const struct wire_body_get *get)
{
	struct spool *s = context;
	int64_t end = get->offset + get->length;

	for (int64_t at = get->offset; at < end; at += (int64_t)s->chunk) {
		struct wire_body piece = {.job = get->job, .offset = at};
		int64_t to = at + (int64_t)s->chunk < end ? at + (int64_t)s->chunk : end;

		piece.data = str_part(s->content, (size_t)at, (size_t)to);
		deliver_body_chunk(s->body, &piece);
	}
}

static void on_came(void *context)
{
	(void)context;
}

static const struct deliver_body_owner owner = {on_ask, on_came};

static void read_all(struct deliver_content *content, size_t max, struct buf *out)
{
	bool last = false;

	while (!last) {
		struct str piece;

		assert_true(deliver_content_take(content, max, &piece, &last));
		assert_true(piece.n <= max);
		assert_true(piece.n > 0 || last);
		assert_int_equal(buf_put(out, piece), ERR_OK);
	}
}

static void check(struct str message, enum message_firewall_mode mode, struct str want)
{
	static const size_t chunks[] = {1, 7, 1000, WIRE_CHUNK};
	static const size_t maxima[] = {1, 13, 4096, WIRE_WINDOW};
	size_t least = message.n > 10000 ? 1000 : 1; /* large ones not byte by byte */

	for (size_t i = 0; i < ARRAY_LENGTH(chunks) * ARRAY_LENGTH(maxima); i++) {
		struct spool s = {.content = message, .chunk = chunks[i % ARRAY_LENGTH(chunks)]};
		size_t max = maxima[i / ARRAY_LENGTH(chunks)];
		struct deliver_content content = {0};

		if (s.chunk < least || max < least)
			continue;
		s.body = deliver_body_new(1, (int64_t)message.n, &owner, &s);
		for (int attempt = 0; attempt < 2; attempt++) {
			struct buf out CLEANUP(buf_free);
			struct str piece;
			bool last;

			buf_init(&out, 1024 * 1024);
			/* An attempt that is given up leaves nothing to the next one. */
			deliver_content_start(&content, s.body, mode);
			assert_true(deliver_content_take(&content, max, &piece, &last));
			deliver_content_start(&content, s.body, mode);
			read_all(&content, max, &out);
			if (!str_equal(buf_str(&out), want))
				fail_msg("chunk %zu, max %zu: %.*s", s.chunk, max,
					STR_ARGS(buf_str(&out)));
		}
		deliver_content_clear(&content);
		deliver_body_free(&s.body);
	}
}

#define OWN	"X-Sealpost-Organization-AuthAs: internal\r\n"
#define CROSSED "X-Sealpost-CrossPremises-AuthAs: internal\r\n"
#define BODY	"Subject: x\r\n\r\n" OWN ".\r\n"

static void test_modes(void **state)
{
	(void)state;
	check((struct str)STR(OWN BODY), MESSAGE_FIREWALL_STRIP, (struct str)STR(BODY));
	check((struct str)STR(OWN BODY), MESSAGE_FIREWALL_KEEP, (struct str)STR(OWN BODY));
	check((struct str)STR(OWN BODY), MESSAGE_FIREWALL_CROSS, (struct str)STR(CROSSED BODY));
	/* Nothing is left: the last piece is empty, and it comes. */
	check((struct str)STR(OWN), MESSAGE_FIREWALL_STRIP, (struct str)STR(""));
	check((struct str)STR(""), MESSAGE_FIREWALL_STRIP, (struct str)STR(""));
	check((struct str)STR(""), MESSAGE_FIREWALL_KEEP, (struct str)STR(""));
}

static void test_large(void **state)
{
	enum { SIZE = 300 * 1000 };
	char *message = mem_new(SIZE);
	const char head[] = OWN "Subject: x\r\n\r\n";
	size_t cut = strlen(OWN);

	(void)state;
	memset(message, 'x', SIZE);
	memcpy(message, head, sizeof(head) - 1);
	check(str_make(message, SIZE), MESSAGE_FIREWALL_STRIP, str_make(message + cut, SIZE - cut));
	free(message);
}

static void test_cross_only_to_a_proven_host(void **state)
{
	struct policy_outbound route = {.headers = POLICY_HEADERS_CROSS};

	(void)state;
	assert_int_equal(deliver_content_mode(&route, MODEL_LEVEL_NAME), MESSAGE_FIREWALL_CROSS);
	for (int got = MODEL_LEVEL_NONE; got < MODEL_LEVEL_NAME; got++)
		assert_int_equal(deliver_content_mode(&route, got), MESSAGE_FIREWALL_STRIP);
	assert_true(deliver_content_size(&route, 1000) > 1000);
	assert_int_equal(deliver_content_size(&route, 0), 0);
	route.headers = POLICY_HEADERS_STRIP;
	assert_int_equal(deliver_content_mode(&route, MODEL_LEVEL_NAME), MESSAGE_FIREWALL_STRIP);
	assert_int_equal(deliver_content_size(&route, 1000), 1000);
	route.headers = POLICY_HEADERS_KEEP;
	assert_int_equal(deliver_content_mode(&route, MODEL_LEVEL_NONE), MESSAGE_FIREWALL_KEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_cross_only_to_a_proven_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
