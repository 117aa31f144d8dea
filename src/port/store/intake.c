#include "port/store/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct store_intake *store_begin(struct store *store, int64_t id)
{
	struct store_intake *intake = mem_new(sizeof(*intake));

	intake->store = store;
	intake->body = store_body_new(id);
	return intake;
}

static enum err file_error(int number)
{
	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		return ERR_FULL;
	return number == EEXIST ? ERR_EXISTS : ERR_IO;
}

static enum err write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_error(errno);
		bytes = str_part(bytes, (size_t)n, bytes.n);
	}
	return ERR_OK;
}

/* The content outgrows the row. */
static enum err overflow(struct store_intake *intake)
{
	struct store_body *body = intake->body;
	enum err e;

	body->fd = store_files_create(intake->store->files, body->message);
	if (body->fd < 0)
		return file_error(errno);
	body->in_file = true;
	e = write_all(body->fd, buf_str(&body->data));
	buf_free(&body->data);
	return e;
}

enum err store_write(struct store_intake *intake, struct str bytes)
{
	struct store_body *body = intake->body;

	if (intake->failed != ERR_OK)
		return intake->failed;
	if (!body->in_file && body->size + (int64_t)bytes.n > STORE_BODY_IN_ROW &&
		store_files_is_open(intake->store->files))
		intake->failed = overflow(intake);
	if (intake->failed == ERR_OK && body->in_file)
		intake->failed = write_all(body->fd, bytes);
	else if (intake->failed == ERR_OK)
		intake->failed = buf_put(&body->data, bytes);
	body->size += (int64_t)bytes.n;
	return intake->failed;
}

void store_abort(struct store_intake **intake)
{
	struct store_intake *i;

	if (intake == NULL || *intake == NULL)
		return;
	i = *intake;
	*intake = NULL;
	if (i->body != NULL && i->body->in_file)
		store_files_remove(i->store->files, i->body->message);
	store_body_drop(&i->body);
	free(i);
}

struct store_body *store_intake_take(struct store_intake **intake, enum err *ret_failed)
{
	struct store_body *body = (*intake)->body;

	*ret_failed = (*intake)->failed;
	(*intake)->body = NULL;
	store_abort(intake);
	return body;
}
