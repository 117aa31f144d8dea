/*
 * Moments and durations as text.  A moment is int64_t milliseconds since 1970-01-01 UTC, a duration
 * int64_t milliseconds; names end in _ms.  Nothing here reads a clock.
 */
#ifndef SEALPOST_BASE_MOMENT_H
#define SEALPOST_BASE_MOMENT_H

#include "base/str.h"

enum {
	MOMENT_SECOND_MS = 1000,
	MOMENT_MINUTE_MS = 60 * 1000,
	MOMENT_HOUR_MS = 3600 * 1000,
	MOMENT_DAY_MS = 24 * 3600 * 1000,
	MOMENT_TEXT_SIZE = 48, /* enough for every text below */
};

/* "Sat, 21 Nov 2026 21:43:04 +0000" (RFC 5322 3.3). */
void moment_format_rfc5322(int64_t at_ms, char ret[MOMENT_TEXT_SIZE]);
/* "2026-11-21T21:43:04.123Z" (RFC 3339). */
void moment_format_rfc3339(int64_t at_ms, char ret[MOMENT_TEXT_SIZE]);
/* RFC 3339 with Z, a numeric offset, or neither (UTC); seconds and fraction optional; or a bare
 * date. */
bool moment_parse_rfc3339(struct str s, int64_t *ret_ms);

/* "500ms", "90s", "15m", "24h", "7d": the largest unit that loses nothing. */
void moment_format_duration(int64_t ms, char ret[MOMENT_TEXT_SIZE]);
/* The same, or several together ("1h30m"); a bare number means seconds. */
bool moment_parse_duration(struct str s, int64_t *ret_ms);

/* "12h 5m", for people. */
void moment_format_span(int64_t ms, char ret[MOMENT_TEXT_SIZE]);

#endif
