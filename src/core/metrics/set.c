#include "core/metrics/set.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

const int64_t metrics_bounds_us[METRICS_BUCKETS] = {500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};

enum { KEY_MAX = 16 + METRICS_LABELS_MAX * (METRICS_VALUE_MAX + 1) };

struct series {
	enum metrics_id id;
	size_t count;
	char *values[METRICS_LABELS_MAX];
	int64_t number;
	struct metrics_histogram histogram;
};

struct metrics_set {
	struct map *series;
};

void metrics_observe(struct metrics_histogram *histogram, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < METRICS_BUCKETS && us > metrics_bounds_us[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_us += us;
}

size_t metrics_label_count(enum metrics_id id)
{
	size_t count = metrics_rows[id].labels[0] != '\0';

	for (const char *p = metrics_rows[id].labels; *p != '\0'; p++)
		count += *p == ',';
	return count;
}

enum metrics_id metrics_find(const char *name)
{
	for (size_t i = 0; i < METRICS_MAX; i++)
		if (strcmp(metrics_rows[i].name, name) == 0)
			return (enum metrics_id)i;
	return METRICS_MAX;
}

static size_t own_labels(enum metrics_id id)
{
	static const char process[] = "process";
	bool has_process = strncmp(metrics_rows[id].labels, process, sizeof(process) - 1) == 0;

	return metrics_label_count(id) - has_process;
}

struct metrics_set *metrics_set_new(void)
{
	struct metrics_set *set = mem_new(sizeof(*set));

	set->series = map_new(0);
	return set;
}

static void series_free(struct series *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->values[i]);
	free(s);
}

void metrics_set_free(struct metrics_set **set)
{
	size_t position = 0;
	void *value;

	if (*set == NULL)
		return;
	while (map_next((*set)->series, &position, NULL, &value))
		series_free(value);
	map_free(&(*set)->series);
	free(*set);
	*set = NULL;
}

/* Short, and in characters that every reader of the text understands. */
static void clean(const char *value, char ret[METRICS_VALUE_MAX + 1])
{
	struct str s = str_of(value != NULL ? value : "");
	bool is_utf8;

	s = str_part(s, 0, METRICS_VALUE_MAX);
	is_utf8 = str_is_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		ret[i] = (char)(c < ' ' || c == 0x7f || (c >= 0x80 && !is_utf8) ? '?' : c);
	}
	ret[s.n] = '\0';
}

static struct series *series_of(
	struct metrics_set *set, enum metrics_id id, const char *const *values)
{
	char texts[METRICS_LABELS_MAX][METRICS_VALUE_MAX + 1];
	size_t count = own_labels(id);
	struct buf key CLEANUP(buf_free);
	struct series *s;

	buf_init(&key, KEY_MAX);
	buf_format(&key, "%d", (int)id);
	for (size_t i = 0; i < count; i++) {
		clean(values[i], texts[i]);
		buf_format(&key, "\n%s", texts[i]);
	}
	s = map_get(set->series, buf_str(&key));
	if (s != NULL)
		return s;
	if (count > 0 && map_count(set->series) >= METRICS_SERIES_MAX) {
		static const char *const other[METRICS_LABELS_MAX] = {
			"other", "other", "other", "other", "other", "other"};

		/* Each metric has one such series at most. */
		if (map_count(set->series) >= METRICS_SERIES_MAX + METRICS_MAX)
			return NULL;
		if (strcmp(texts[0], "other") != 0)
			return series_of(set, id, other);
	}
	s = mem_new(sizeof(*s));
	s->id = id;
	s->count = count;
	for (size_t i = 0; i < count; i++)
		s->values[i] = mem_text(texts[i]);
	map_set(set->series, buf_str(&key), s);
	return s;
}

void metrics_set_add(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t n)
{
	struct series *s = set != NULL ? series_of(set, id, values) : NULL;

	if (s != NULL)
		s->number += n;
}

void metrics_set_put(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t n)
{
	struct series *s = set != NULL ? series_of(set, id, values) : NULL;

	if (s != NULL)
		s->number = n;
}

void metrics_set_observe(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t us)
{
	struct series *s = set != NULL ? series_of(set, id, values) : NULL;

	if (s != NULL)
		metrics_observe(&s->histogram, us);
}

void metrics_set_clear(struct metrics_set *set, enum metrics_id id)
{
	size_t position = 0;
	struct str key;
	void *value;

	while (map_next(set->series, &position, &key, &value)) {
		struct series *s = value;

		if (s->id != id)
			continue;
		map_remove(set->series, key);
		series_free(s);
	}
}

json_t *metrics_histogram_json(const struct metrics_histogram *histogram)
{
	json_t *list = json_array();

	for (size_t i = 0; i <= METRICS_BUCKETS; i++)
		json_array_append_new(list, json_integer((json_int_t)histogram->counts[i]));
	json_array_append_new(list, json_integer((json_int_t)histogram->sum_us));
	return list;
}

json_t *metrics_set_json(const struct metrics_set *set)
{
	json_t *list = json_array();
	size_t position = 0;
	void *value;

	while (map_next(set->series, &position, NULL, &value)) {
		const struct series *s = value;
		json_t *values = json_array();

		for (size_t i = 0; i < s->count; i++)
			json_array_append_new(values, json_string(s->values[i]));
		json_array_append_new(list, json_pack("[s,o,o]", metrics_rows[s->id].name, values,
						    metrics_rows[s->id].type == METRICS_HISTOGRAM
							    ? metrics_histogram_json(&s->histogram)
							    : json_integer((json_int_t)s->number)));
	}
	return list;
}
