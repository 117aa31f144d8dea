/*
 * Log lines: one event with fields, to stderr (which the service manager gives to its journal).
 * Only processes and programs log; base, core and ports return a code and a reason.
 * Secrets and message content have no field.
 */
#ifndef SEALPOST_PORT_LOG_LOG_H
#define SEALPOST_PORT_LOG_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARNING_LEVEL, LOG_ERROR_LEVEL };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* A field: name and value.  A field whose value is NULL is left out. */
struct log_field {
	const char *name;
	const char *text;
	int64_t number;
	bool is_number;
};
#define LOG_TEXT(field_name, value) ((struct log_field){.name = (field_name), .text = (value)})
#define LOG_NUMBER(field_name, value)                                                              \
	((struct log_field){.name = (field_name), .number = (value), .is_number = true})

/* Once per process, before the first line.  PROCESS is static ("receive/0"). */
void log_setup(const char *process, enum log_format format, enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret);

/* log_event(LOG_INFO_LEVEL, "message.accepted", LOG_TEXT("id", id), LOG_NUMBER("size", n)); */
#define log_event(level, event, ...)                                                               \
	log_write((level), (event), (struct log_field[]){__VA_ARGS__},                             \
		sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count);

#endif
