/*
 * Counters of one process, by metric and values of labels.  A set has at most METRICS_SERIES_MAX
 * series: what comes beyond them is counted with "other" for every label, so that nobody outside
 * can make it grow.
 */
#ifndef SEALPOST_CORE_METRICS_SET_H
#define SEALPOST_CORE_METRICS_SET_H

#include "base/compiler.h"
#include "core/metrics/table.h"

#include <jansson.h>
#include <stdint.h>

enum {
	METRICS_LABELS_MAX = 6,
	METRICS_BUCKETS = 15,
	METRICS_SERIES_MAX = 2000,
	METRICS_VALUE_MAX = 128, /* bytes of a label's value; the rest is cut */
};

/* Upper bounds of the buckets of every histogram, in microseconds. */
extern const int64_t metrics_bounds_us[METRICS_BUCKETS];

struct metrics_histogram {
	int64_t counts[METRICS_BUCKETS + 1]; /* the last: above all bounds */
	int64_t sum_us;
};
void metrics_observe(struct metrics_histogram *histogram, int64_t us);

struct metrics_set;
struct metrics_set *metrics_set_new(void) MUST_USE;
void metrics_set_free(struct metrics_set **set);

/* VALUES: of the labels behind "process", as many as the row has; NULL reads as "".  Without a set
 * nothing is counted. */
void metrics_set_add(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t n);
void metrics_set_put(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t n);
/* One more value of a histogram. */
void metrics_set_observe(
	struct metrics_set *set, enum metrics_id id, const char *const *values, int64_t us);
/* Forget all series of a metric, as before gauges are put anew. */
void metrics_set_clear(struct metrics_set *set, enum metrics_id id);

/* [[name, [value, ...], number], ...]; of a histogram [..., [count, ..., sum in us]]. New
 * reference.
 */
json_t *metrics_set_json(const struct metrics_set *set);
json_t *metrics_histogram_json(const struct metrics_histogram *histogram);

/* How many labels a row has, "process" among them. */
size_t metrics_label_count(enum metrics_id id);
/* METRICS_MAX: there is no such row. */
enum metrics_id metrics_find(const char *name);

#endif
