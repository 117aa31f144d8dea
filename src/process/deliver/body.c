#include "process/deliver/body.h"

#include <stdlib.h>

struct deliver_body {
	const struct deliver_body_owner *owner;
	void *context;
	int64_t job, size;
	int64_t asked, got, taken; /* offsets; taken <= got <= asked <= size */
	int64_t stale;		   /* bytes still to come for an attempt given up */
	size_t shown;		   /* of the slice handed out, not yet removed */
	struct buf data;
	enum err error;
};

struct deliver_body *deliver_body_new(
	int64_t job, int64_t size, const struct deliver_body_owner *owner, void *context)
{
	struct deliver_body *body = mem_new(sizeof(*body));

	body->owner = owner;
	body->context = context;
	body->job = job;
	body->size = size;
	buf_init(&body->data, WIRE_WINDOW);
	return body;
}

void deliver_body_free(struct deliver_body **body)
{
	if (*body == NULL)
		return;
	buf_free(&(*body)->data);
	free(*body);
	*body = NULL;
}

static void ask(struct deliver_body *body)
{
	int64_t room = WIRE_WINDOW - (body->asked - body->taken);
	int64_t left = body->size - body->asked;
	struct wire_body_get get = {.job = body->job, .offset = body->asked};

	/* Not for every little piece. */
	if (left <= 0 || (room < WIRE_WINDOW / 2 && room < left))
		return;
	get.length = room < left ? room : left;
	body->asked += get.length;
	body->owner->ask(body->context, &get);
}

void deliver_body_start(struct deliver_body *body)
{
	body->stale += body->asked - body->got;
	body->asked = body->got = body->taken = 0;
	body->shown = 0;
	body->error = ERR_OK;
	buf_clear(&body->data);
	ask(body);
}

bool deliver_body_take(struct deliver_body *body, size_t max, struct str *ret_bytes, bool *ret_last)
{
	struct str piece;

	buf_take(&body->data, body->shown);
	body->taken += (int64_t)body->shown;
	body->shown = 0;
	if (body->error != ERR_OK)
		return false;
	ask(body);
	piece = str_part(buf_str(&body->data), 0, max);
	if (piece.n == 0 && body->taken < body->size)
		return false;
	body->shown = piece.n;
	*ret_bytes = piece;
	*ret_last = body->taken + (int64_t)piece.n == body->size;
	return true;
}

void deliver_body_chunk(struct deliver_body *body, const struct wire_body *chunk)
{
	struct str data = chunk->data;

	if (chunk->error != ERR_OK) {
		body->error = chunk->error > 0 && chunk->error < ERR_MAX ? (enum err)chunk->error
									 : ERR_INTERNAL;
	} else if (body->stale > 0) {
		/* Answers come in the order of the questions. */
		body->stale -= (int64_t)data.n < body->stale ? (int64_t)data.n : body->stale;
		return;
	} else if (chunk->offset != body->got || body->got + (int64_t)data.n > body->asked ||
		   buf_put(&body->data, data) != ERR_OK) {
		body->error = ERR_CORRUPT;
	} else {
		body->got += (int64_t)data.n;
	}
	body->owner->came(body->context);
}

enum err deliver_body_error(const struct deliver_body *body)
{
	return body->error;
}
