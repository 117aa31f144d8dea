#include "base/moment.h"

#include <stdio.h>
#include <time.h>

static void split(int64_t at_ms, struct tm *ret_tm, int *ret_ms)
{
	int64_t seconds = at_ms / 1000;
	int64_t rest = at_ms % 1000;
	time_t t;

	if (rest < 0) {
		rest += 1000;
		seconds--;
	}
	t = (time_t)seconds;
	if (gmtime_r(&t, ret_tm) == NULL)
		*ret_tm = (struct tm){.tm_mday = 1};
	*ret_ms = (int)rest;
}

void moment_format_rfc5322(int64_t at_ms, char ret[MOMENT_TEXT_SIZE])
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;
	int ms;

	split(at_ms, &tm, &ms);
	snprintf(ret, MOMENT_TEXT_SIZE, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void moment_format_rfc3339(int64_t at_ms, char ret[MOMENT_TEXT_SIZE])
{
	struct tm tm;
	int ms;

	split(at_ms, &tm, &ms);
	snprintf(ret, MOMENT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

/* Read exactly COUNT digits. */
static bool digits(struct str *s, size_t count, int *ret)
{
	uint64_t value;

	if (s->n < count || !str_to_u64(str_part(*s, 0, count), &value))
		return false;
	*ret = (int)value;
	*s = str_part(*s, count, s->n);
	return true;
}

static bool literal(struct str *s, char c)
{
	if (s->n == 0 || str_lower(s->p[0]) != str_lower(c))
		return false;
	*s = str_part(*s, 1, s->n);
	return true;
}

static bool fraction(struct str *s, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (!literal(s, '.'))
		return true;
	if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9')
		return false;
	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
		*ret_ms += (s->p[0] - '0') * scale;
		scale /= 10;
		*s = str_part(*s, 1, s->n);
	}
	return true;
}

static bool clock_part(struct str *s, struct tm *tm, int *ret_ms)
{
	if (!digits(s, 2, &tm->tm_hour) || !literal(s, ':') || !digits(s, 2, &tm->tm_min))
		return false;
	if (literal(s, ':') && !(digits(s, 2, &tm->tm_sec) && fraction(s, ret_ms)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 61;
}

static bool offset_part(struct str *s, int *ret_minutes)
{
	int sign = literal(s, '-') ? -1 : 1;
	int hours, minutes;

	*ret_minutes = 0;
	if (s->n == 0 || literal(s, 'Z'))
		return sign > 0;
	if (sign > 0 && !literal(s, '+'))
		return false;
	if (!digits(s, 2, &hours) || !literal(s, ':') || !digits(s, 2, &minutes))
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return hours < 24 && minutes < 60;
}

static bool is_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool moment_parse_rfc3339(struct str s, int64_t *ret_ms)
{
	struct tm tm = {0};
	int ms = 0, minutes = 0;

	if (!digits(&s, 4, &tm.tm_year) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mon) ||
		!literal(&s, '-') || !digits(&s, 2, &tm.tm_mday))
		return false;
	if (!is_day(tm.tm_year, tm.tm_mon, tm.tm_mday))
		return false;
	if (s.n > 0) {
		if (!literal(&s, 'T') && !literal(&s, ' '))
			return false;
		if (!clock_part(&s, &tm, &ms) || !offset_part(&s, &minutes))
			return false;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (s.n != 0)
		return false;
	*ret_ms = ((int64_t)timegm(&tm) - (int64_t)minutes * 60) * 1000 + ms;
	return true;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"d", MOMENT_DAY_MS},
	{"h", MOMENT_HOUR_MS},
	{"m", MOMENT_MINUTE_MS},
	{"s", MOMENT_SECOND_MS},
	{"ms", 1},
};
enum { UNITS = sizeof(units) / sizeof(units[0]) };

void moment_format_duration(int64_t ms, char ret[MOMENT_TEXT_SIZE])
{
	size_t i = 0;

	if (ms == 0) {
		snprintf(ret, MOMENT_TEXT_SIZE, "0s");
		return;
	}
	/* Whole days read better as hours up to two days: "24h", not "1d". */
	if (ms % MOMENT_DAY_MS == 0 && ms < 2 * (int64_t)MOMENT_DAY_MS)
		i = 1;
	while (ms % units[i].ms != 0)
		i++;
	snprintf(ret, MOMENT_TEXT_SIZE, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

static bool unit_of(struct str name, int64_t *ret)
{
	for (size_t i = 0; i < UNITS; i++)
		if (str_is_nocase(name, units[i].name)) {
			*ret = units[i].ms;
			return true;
		}
	return false;
}

bool moment_parse_duration(struct str s, int64_t *ret_ms)
{
	int64_t total = 0;

	if (s.n == 0)
		return false;
	while (s.n > 0) {
		size_t number = 0, unit;
		uint64_t value;
		int64_t scale = MOMENT_SECOND_MS;

		while (number < s.n && s.p[number] >= '0' && s.p[number] <= '9')
			number++;
		for (unit = number; unit < s.n && (s.p[unit] < '0' || s.p[unit] > '9');)
			unit++;
		if (!str_to_u64(str_part(s, 0, number), &value) || value > INT64_MAX / 1000)
			return false;
		if (unit > number && !unit_of(str_part(s, number, unit), &scale))
			return false;
		if (__builtin_mul_overflow((int64_t)value, scale, &scale) ||
			__builtin_add_overflow(total, scale, &total))
			return false;
		s = str_part(s, unit, s.n);
	}
	*ret_ms = total;
	return true;
}

void moment_format_span(int64_t ms, char ret[MOMENT_TEXT_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(ret, MOMENT_TEXT_SIZE, "%lldms", (long long)ms);
	else if (s < 60)
		snprintf(ret, MOMENT_TEXT_SIZE, "%llds", (long long)s);
	else if (s < 3600)
		snprintf(ret, MOMENT_TEXT_SIZE, "%lldm %llds", (long long)(s / 60),
			(long long)(s % 60));
	else if (s < 48 * 3600)
		snprintf(ret, MOMENT_TEXT_SIZE, "%lldh %lldm", (long long)(s / 3600),
			(long long)(s % 3600 / 60));
	else
		snprintf(ret, MOMENT_TEXT_SIZE, "%lldd %lldh", (long long)(s / 86400),
			(long long)(s % 86400 / 3600));
}
