#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum err_class class;
	const char *token;
	const char *text;
} err_rows[ERR_MAX] = {
#define ERR_ROW(code, class, token, text) [code] = {ERR_CLASS_##class, token, text},
	ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static enum err known(enum err e)
{
	return (unsigned)e < ERR_MAX ? e : ERR_INTERNAL;
}

enum err_class err_class(enum err e)
{
	return err_rows[known(e)].class;
}

const char *err_token(enum err e)
{
	return err_rows[known(e)].token;
}

const char *err_text(enum err e)
{
	return err_rows[known(e)].text;
}

enum err err_of_token(const char *token)
{
	for (int e = 0; token != NULL && e < ERR_MAX; e++)
		if (strcmp(err_rows[e].token, token) == 0)
			return (enum err)e;
	return ERR_INTERNAL;
}

enum err err_from_errno(int number)
{
	switch (number) {
	case 0:
		return ERR_OK;
	case EAGAIN:
	case EINTR:
	case EINPROGRESS:
		return ERR_AGAIN;
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
		return ERR_BUSY;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return ERR_CLOSED;
	case ECONNREFUSED:
	case ENETUNREACH:
	case EHOSTUNREACH:
		return ERR_UNAVAILABLE;
	case ENOENT:
		return ERR_UNKNOWN;
	case EEXIST:
	case EADDRINUSE:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_REFUSED;
	case EINVAL:
		return ERR_RANGE;
	default:
		return ERR_IO;
	}
}

enum err err_set(struct err_info *info, enum err code, const char *format, ...)
{
	va_list arguments;

	if (info == NULL)
		return code;
	info->code = code;
	va_start(arguments, format);
	vsnprintf(info->text, sizeof(info->text), format, arguments);
	va_end(arguments);
	return code;
}
