#include "core/metrics/table.h"

#define METRICS_ROW(code, name, type, labels, help) [code] = {name, METRICS_##type, labels, help},
const struct metrics_row metrics_rows[METRICS_MAX] = {METRICS_TABLE(METRICS_ROW)};
#undef METRICS_ROW

const char *const metrics_type_names[] = {"counter", "gauge", "histogram"};
