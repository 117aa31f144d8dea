/*
 * Metrics as text: the exposition format of Prometheus, version 0.0.4.  Samples may come in any
 * order; those of one metric stand together, behind one HELP and one TYPE.
 */
#ifndef SEALPOST_CORE_METRICS_TEXT_H
#define SEALPOST_CORE_METRICS_TEXT_H

#include "base/buf.h"
#include "core/metrics/set.h"

extern const char metrics_text_type[]; /* Content-Type */

struct metrics_text;
struct metrics_text *metrics_text_new(void) MUST_USE;
void metrics_text_free(struct metrics_text **text);

/* One sample; VALUES as many as the row has labels, "process" among them.  A second one with the
 * same values is left out. */
void metrics_text_add(
	struct metrics_text *text, enum metrics_id id, const char *const *values, double number);
void metrics_text_histogram(struct metrics_text *text, enum metrics_id id,
	const char *const *values, const struct metrics_histogram *histogram);
/* What metrics_set_json() made in PROCESS.  What is not as it says is passed over. */
void metrics_text_take(struct metrics_text *text, const char *process, const json_t *samples);

/* All of it; out->failed when it does not fit. */
void metrics_text_write(const struct metrics_text *text, struct buf *out);

#endif
