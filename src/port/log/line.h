/* Internal to port/log: the text of one line, without clock or output. */
#ifndef SEALPOST_PORT_LOG_LINE_H
#define SEALPOST_PORT_LOG_LINE_H

#include "base/buf.h"
#include "port/log/log.h"

struct log_line {
	int64_t now_ms;
	enum log_level level;
	enum log_format format;
	const char *process;
	const char *event;
	const struct log_field *fields;
	size_t count;
};

/* Append the line with its newline.  Fields that do not fit are left out. */
void log_line(struct buf *out, const struct log_line *line);

#endif
