/*
 * One line, one write(): lines of several threads and processes never mix.
 *
 *     time=2026-11-21T21:43:04.123Z level=info process=receive/0 event=message.accepted size=12
 *     {"time":"2026-11-21T21:43:04.123Z","level":"info","process":"receive/0",...}
 *
 * A value is cut at MAX_VALUE bytes, and fields that would make a line longer than MAX_LINE are
 * left out: a stranger's text can neither flood the log nor forge a line.
 */
#include "port/log/log.h"

#include "base/moment.h"
#include "port/log/line.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINE = 8192, MAX_VALUE = 1024 };

static const char *const level_names[] = {
	[LOG_DEBUG_LEVEL] = "debug",
	[LOG_INFO_LEVEL] = "info",
	[LOG_WARNING_LEVEL] = "warning",
	[LOG_ERROR_LEVEL] = "error",
};

static struct {
	const char *process;
	enum log_format format;
	enum log_level level;
} settings = {.process = "sealpost", .level = LOG_INFO_LEVEL};

void log_setup(const char *process, enum log_format format, enum log_level level)
{
	settings.process = process;
	settings.format = format;
	settings.level = level;
}

bool log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(level_names); i++) {
		if (str_is(str_of(name), level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static bool is_plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return value.n > 0;
}

/* Both formats quote alike, but for the escape of a byte that is no character. */
static void put_quoted(struct buf *out, struct str value, enum log_format format)
{
	bool is_utf8 = str_is_utf8(value);

	buf_put_byte(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c == '"' || c == '\\')
			buf_format(out, "\\%c", c);
		else if (c == '\n')
			buf_put_text(out, "\\n");
		else if (c == '\r')
			buf_put_text(out, "\\r");
		else if (c < ' ' || c == 0x7f || (c >= 0x80 && !is_utf8))
			buf_format(out, format == LOG_JSON ? "\\u%04x" : "\\x%02x", c);
		else
			buf_put_byte(out, (char)c);
	}
	buf_put_byte(out, '"');
}

/* At most MAX_VALUE bytes, and not in the middle of a character. */
static struct str cut(struct str value)
{
	size_t n = MAX_VALUE;

	if (value.n <= MAX_VALUE)
		return value;
	while (n > MAX_VALUE - 4 && ((unsigned char)value.p[n] & 0xc0) == 0x80)
		n--;
	return str_part(value, 0, n);
}

static void put_field(struct buf *out, enum log_format format, const struct log_field *field)
{
	struct str text = cut(str_of(field->text));

	if (!field->is_number && field->text == NULL)
		return;
	buf_format(out, format == LOG_JSON ? ",\"%s\":" : " %s=", field->name);
	if (field->is_number)
		buf_format(out, "%lld", (long long)field->number);
	else if (format == LOG_LOGFMT && is_plain(text))
		buf_put(out, text);
	else
		put_quoted(out, text, format);
}

void log_line(struct buf *out, const struct log_line *line)
{
	char time_text[MOMENT_TEXT_SIZE];
	const struct log_field head[] = {
		LOG_TEXT("level", level_names[line->level]),
		LOG_TEXT("process", line->process),
		LOG_TEXT("event", line->event),
	};

	moment_format_rfc3339(line->now_ms, time_text);
	buf_format(out, line->format == LOG_JSON ? "{\"time\":\"%s\"" : "time=%s", time_text);
	for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
		put_field(out, line->format, &head[i]);
	for (size_t i = 0; i < line->count; i++) {
		size_t before = out->to;

		put_field(out, line->format, &line->fields[i]);
		if (out->failed || buf_room(out) < 2) {
			out->to = before;
			out->failed = false;
		}
	}
	buf_put_text(out, line->format == LOG_JSON ? "}\n" : "\n");
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void log_write(
	enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	const struct log_line line = {
		.now_ms = now_ms(),
		.level = level,
		.format = settings.format,
		.process = settings.process,
		.event = event,
		.fields = fields,
		.count = count,
	};
	int number = errno;
	struct str text;
	struct buf b;

	if (level < settings.level)
		return;
	buf_init(&b, MAX_LINE);
	log_line(&b, &line);
	text = buf_str(&b);
	while (text.n > 0) {
		ssize_t n = write(STDERR_FILENO, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nobody reads the log: mail goes on */
		text = str_part(text, (size_t)n, text.n);
	}
	buf_free(&b);
	errno = number;
}
