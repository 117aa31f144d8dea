/* The whole content arrives in order, the window is kept, and an attempt given up leaves nothing.
 */
#include "process/deliver/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SIZE = 1000 * 1000 };

struct spool {
	struct wire_body_get asked[64];
	size_t count, served;
	int came;
	int64_t under_way;
};

static char content[SIZE];

static void on_ask(void *context, const struct wire_body_get *get)
{
	struct spool *s = context;

	assert_in_range(s->count, 0, 63);
	s->under_way += get->length;
	assert_true(s->under_way <= WIRE_WINDOW);
	s->asked[s->count++] = *get;
}

static void on_came(void *context)
{
	((struct spool *)context)->came++;
}

static const struct deliver_body_owner owner = {on_ask, on_came};

static void serve(struct spool *s, struct deliver_body *body)
{
	struct wire_body_get get = s->asked[s->served++];

	while (get.length > 0) {
		int64_t n = get.length < WIRE_CHUNK ? get.length : WIRE_CHUNK;
		struct wire_body chunk = {
			get.job, get.offset, {content + get.offset, (size_t)n}, 0};

		deliver_body_chunk(body, &chunk);
		get.offset += n;
		get.length -= n;
	}
}

static void read_all(struct spool *s, struct deliver_body *body)
{
	size_t at = 0;
	bool last = false;

	while (!last) {
		struct str piece;

		if (!deliver_body_take(body, 10007, &piece, &last)) {
			assert_true(s->served < s->count);
			serve(s, body);
			continue;
		}
		assert_memory_equal(piece.p, content + at, piece.n);
		s->under_way -= (int64_t)piece.n;
		at += piece.n;
	}
	assert_int_equal(at, SIZE);
}

static void test_all(void **state)
{
	struct spool s = {0};
	struct deliver_body *body = deliver_body_new(7, SIZE, &owner, &s);

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 2654435761u >> 13);
	deliver_body_start(body);
	read_all(&s, body);
	deliver_body_free(&body);
}

static void test_again(void **state)
{
	struct spool s = {0};
	struct deliver_body *body = deliver_body_new(7, SIZE, &owner, &s);

	(void)state;
	deliver_body_start(body);
	s.under_way = 0;
	/* Given up while the first answer is under way: it must not be taken for the new one. */
	deliver_body_start(body);
	read_all(&s, body);
	deliver_body_free(&body);
}

static void test_empty(void **state)
{
	struct spool s = {0};
	struct deliver_body *body = deliver_body_new(7, 0, &owner, &s);
	struct str piece;
	bool last = false;

	(void)state;
	deliver_body_start(body);
	assert_int_equal(s.count, 0);
	assert_true(deliver_body_take(body, 100, &piece, &last));
	assert_true(last && piece.n == 0);
	deliver_body_free(&body);
}

static void test_failure(void **state)
{
	struct spool s = {0};
	struct deliver_body *body = deliver_body_new(7, 100, &owner, &s);
	struct wire_body wrong = {7, 50, STR("x"), 0};
	struct wire_body failed = {7, 0, STR(""), ERR_IO};
	struct str piece;
	bool last;

	(void)state;
	deliver_body_start(body);
	deliver_body_chunk(body, &wrong);
	assert_int_equal(deliver_body_error(body), ERR_CORRUPT);
	assert_false(deliver_body_take(body, 100, &piece, &last));
	deliver_body_chunk(body, &failed);
	assert_int_equal(deliver_body_error(body), ERR_IO);
	assert_int_equal(s.came, 2);
	deliver_body_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
