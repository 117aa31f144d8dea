#include "core/metrics/text.h"

#include "base/map.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char metrics_text_type[] = "text/plain; version=0.0.4; charset=utf-8";

struct sample {
	struct sample *next;
	const char *values[METRICS_LABELS_MAX];
	double number;
	struct metrics_histogram histogram;
};

struct metrics_text {
	struct arena *arena;
	struct sample *first[METRICS_MAX], **end[METRICS_MAX];
};

struct metrics_text *metrics_text_new(void)
{
	struct arena *arena = arena_new();
	struct metrics_text *text = arena_alloc(arena, sizeof(*text));

	text->arena = arena;
	for (size_t i = 0; i < METRICS_MAX; i++) {
		text->first[i] = NULL;
		text->end[i] = &text->first[i];
	}
	return text;
}

void metrics_text_free(struct metrics_text **text)
{
	struct arena *arena = *text != NULL ? (*text)->arena : NULL;

	*text = NULL;
	arena_free(&arena);
}

static bool is_there(const struct metrics_text *text, enum metrics_id id, const char *const *values,
	size_t count)
{
	for (const struct sample *s = text->first[id]; s != NULL; s = s->next) {
		size_t same = 0;

		while (same < count &&
			strcmp(s->values[same], values[same] != NULL ? values[same] : "") == 0)
			same++;
		if (same == count)
			return true;
	}
	return false;
}

static struct sample *add(struct metrics_text *text, enum metrics_id id, const char *const *values)
{
	size_t count = metrics_label_count(id);
	struct sample *s;

	if (is_there(text, id, values, count))
		return NULL;
	s = arena_alloc(text->arena, sizeof(*s));
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < count; i++)
		s->values[i] = arena_text(text->arena, values[i] != NULL ? values[i] : "");
	*text->end[id] = s;
	text->end[id] = &s->next;
	return s;
}

void metrics_text_add(
	struct metrics_text *text, enum metrics_id id, const char *const *values, double number)
{
	struct sample *s = add(text, id, values);

	if (s != NULL)
		s->number = number;
}

void metrics_text_histogram(struct metrics_text *text, enum metrics_id id,
	const char *const *values, const struct metrics_histogram *histogram)
{
	struct sample *s = add(text, id, values);

	if (s != NULL)
		s->histogram = *histogram;
}

static bool read_histogram(const json_t *list, struct metrics_histogram *ret)
{
	if (json_array_size(list) != METRICS_BUCKETS + 2)
		return false;
	for (size_t i = 0; i <= METRICS_BUCKETS; i++)
		ret->counts[i] = json_integer_value(json_array_get(list, i));
	ret->sum_us = json_integer_value(json_array_get(list, METRICS_BUCKETS + 1));
	return true;
}

static void take_one(struct metrics_text *text, const char *process, const json_t *sample)
{
	const char *name = json_string_value(json_array_get(sample, 0));
	const json_t *list = json_array_get(sample, 1), *number = json_array_get(sample, 2);
	const char *values[METRICS_LABELS_MAX] = {process};
	enum metrics_id id = name != NULL ? metrics_find(name) : METRICS_MAX;
	struct metrics_histogram histogram = {.sum_us = 0};
	size_t count;

	if (id == METRICS_MAX)
		return;
	count = metrics_label_count(id);
	if (count == 0 || json_array_size(list) + 1 != count)
		return;
	for (size_t i = 1; i < count; i++)
		values[i] = json_string_value(json_array_get(list, i - 1));
	if (metrics_rows[id].type != METRICS_HISTOGRAM)
		metrics_text_add(text, id, values, (double)json_integer_value(number));
	else if (read_histogram(number, &histogram))
		metrics_text_histogram(text, id, values, &histogram);
}

void metrics_text_take(struct metrics_text *text, const char *process, const json_t *samples)
{
	const json_t *sample;
	size_t i;

	json_array_foreach (samples, i, sample)
		take_one(text, process, sample);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Backslash and line feed; in the value of a label the quote as well. */
static void put_escaped(struct buf *out, const char *text, bool is_label)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n')
			buf_put_text(out, "\\n");
		else if (*p == '\\' || (*p == '"' && is_label))
			buf_format(out, "\\%c", *p);
		else
			buf_put_byte(out, *p);
	}
}

static void put_number(struct buf *out, double number)
{
	const double exact = 9e15; /* integers below it are exact */

	if (number < exact && number > -exact && (double)(int64_t)number == number)
		buf_format(out, " %" PRId64 "\n", (int64_t)number);
	else
		buf_format(out, " %.15g\n", number);
}

/* name{a="b",le="1"}; LE NULL: none. */
static void put_series(struct buf *out, enum metrics_id id, const char *suffix,
	const struct sample *s, const char *le)
{
	struct str labels = str_of(metrics_rows[id].labels);
	const char *before = "{";

	buf_format(out, "sealpost_%s%s", metrics_rows[id].name, suffix);
	for (size_t i = 0; labels.n > 0; i++) {
		struct str label = str_cut(&labels, ',');

		buf_format(out, "%s%.*s=\"", before, STR_ARGS(label));
		put_escaped(out, s->values[i], true);
		buf_put_byte(out, '"');
		before = ",";
	}
	if (le != NULL) {
		buf_format(out, "%sle=\"%s\"", before, le);
		before = ",";
	}
	if (before[0] == ',')
		buf_put_byte(out, '}');
}

static void put_histogram(struct buf *out, enum metrics_id id, const struct sample *s)
{
	int64_t count = 0;

	for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
		char le[32] = "+Inf";

		count += s->histogram.counts[i];
		if (i < METRICS_BUCKETS)
			snprintf(le, sizeof(le), "%g", (double)metrics_bounds_us[i] / 1e6);
		put_series(out, id, "_bucket", s, le);
		put_number(out, (double)count);
	}
	put_series(out, id, "_sum", s, NULL);
	put_number(out, (double)s->histogram.sum_us / 1e6);
	put_series(out, id, "_count", s, NULL);
	put_number(out, (double)count);
}

static void put_metric(struct buf *out, enum metrics_id id, const struct sample *first)
{
	buf_format(out, "# HELP sealpost_%s ", metrics_rows[id].name);
	put_escaped(out, metrics_rows[id].help, false);
	buf_format(out, "\n# TYPE sealpost_%s %s\n", metrics_rows[id].name,
		metrics_type_names[metrics_rows[id].type]);
	for (const struct sample *s = first; s != NULL; s = s->next) {
		if (metrics_rows[id].type == METRICS_HISTOGRAM) {
			put_histogram(out, id, s);
		} else {
			put_series(out, id, "", s, NULL);
			put_number(out, s->number);
		}
	}
}

void metrics_text_write(const struct metrics_text *text, struct buf *out)
{
	for (size_t i = 0; i < METRICS_MAX; i++)
		if (text->first[i] != NULL)
			put_metric(out, (enum metrics_id)i, text->first[i]);
}
