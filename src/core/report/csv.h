/*
 * Comma-separated values (RFC 4180), for spreadsheets.  Names in a report come from strangers: a
 * cell that a spreadsheet would take for a formula gets an apostrophe in front.
 */
#ifndef SEALPOST_CORE_REPORT_CSV_H
#define SEALPOST_CORE_REPORT_CSV_H

#include "base/buf.h"

#include <jansson.h>

/* Arrays of JSON values, one a line: COLUMNS, an array of texts, then ROWS, an array of arrays.
 * null is an empty cell.  ERR_TOO_LONG when OUT is too small. */
enum err report_csv_table(const json_t *columns, const json_t *rows, struct buf *out);

#endif
