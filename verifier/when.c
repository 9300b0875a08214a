/* when.c - reading and writing times. Calendar arithmetic is the proleptic Gregorian one, in whole
 * days, so neither time zone data nor the C library's locale is asked.
 *
 * Failure modes: text that is no time, or one before 1970 or past what 64 bits of nanoseconds hold
 * (the year 2554). */
#include "when.h"

#include "calendar.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE        UINT64_C(60)
#define HOUR          UINT64_C(3600)
#define DAY           UINT64_C(86400)
#define YEAR_MAX      2553u /* the last whole year that fits */
#define FRACTION_UNIT 100000000u

uint64_t ak_when_now(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0)
        return 0;
    return (uint64_t)now.tv_sec * AK_WHEN_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t ak_when_steady(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * AK_WHEN_SECOND + (uint64_t)now.tv_nsec;
}

/* Takes exactly `n` digits. */
static bool take_digits(const char **p, unsigned n, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        *value = *value * 10 + (unsigned)(**p - '0');
    }
    return true;
}

static bool take_char(const char **p, const char *allowed)
{
    if (**p == '\0' || strchr(allowed, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

static bool take_date(const char **p, uint64_t *seconds)
{
    unsigned year;
    unsigned month;
    unsigned day;

    if (!take_digits(p, 4, &year) || !take_char(p, "-") || !take_digits(p, 2, &month) ||
        !take_char(p, "-") || !take_digits(p, 2, &day))
        return false;
    if (year < 1970 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > ak_calendar_days_of_month(year, month))
        return false;
    *seconds = ak_calendar_days(year, month, day) * DAY;
    return true;
}

static bool take_clock(const char **p, uint64_t *seconds, unsigned *ns)
{
    unsigned hour;
    unsigned minute;
    unsigned second = 0;

    if (!take_digits(p, 2, &hour) || !take_char(p, ":") || !take_digits(p, 2, &minute))
        return false;
    if (take_char(p, ":")) {
        if (!take_digits(p, 2, &second))
            return false;
        if (take_char(p, ".")) {
            unsigned unit = FRACTION_UNIT;
            if (**p < '0' || **p > '9')
                return false;
            for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
                *ns += (unsigned)(**p - '0') * unit;
        }
    }
    if (hour > 23 || minute > 59 || second > 60) /* RFC 3339 knows leap seconds */
        return false;
    *seconds += hour * HOUR + minute * MINUTE + second;
    return true;
}

static bool take_zone(const char **p, uint64_t *seconds)
{
    unsigned hour;
    unsigned minute;
    uint64_t shift;
    char sign = **p;

    if (sign == '\0' || take_char(p, "Zz"))
        return true;
    if (!take_char(p, "+-") || !take_digits(p, 2, &hour) || !take_char(p, ":") ||
        !take_digits(p, 2, &minute) || hour > 23 || minute > 59)
        return false;
    shift = hour * HOUR + minute * MINUTE;
    if (sign == '+' && shift > *seconds)
        return false;
    *seconds = sign == '+' ? *seconds - shift : *seconds + shift;
    return true;
}

enum ak_code ak_when_parse_stretch(const char *text, uint64_t *ns, struct ak_error *err)
{
    static const char letters[] = "smhdw";
    static const uint64_t units[] = {1, MINUTE, HOUR, DAY, 7 * DAY};
    const uint64_t max = UINT64_MAX / AK_WHEN_SECOND;
    const char *unit;
    const char *p = text;
    uint64_t value = 0;

    for (; *p >= '0' && *p <= '9' && value < max; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    unit = p == text || *p == '\0' || p[1] != '\0' ? NULL : strchr(letters, *p);
    if (unit == NULL || value == 0 || value > max / units[unit - letters])
        return ak_fail(err, AK_EUSAGE,
                       "'%s' is no stretch of time: write a number and s, m, h, d or w, e.g. 24h "
                       "or 7d",
                       text);
    *ns = value * units[unit - letters] * AK_WHEN_SECOND;
    return AK_OK;
}

enum ak_code ak_when_parse(const char *text, uint64_t now, uint64_t *ns, struct ak_error *err)
{
    const char *p = text;
    uint64_t seconds = 0;
    uint64_t stretch;
    unsigned fraction = 0;
    bool good;

    if (text[0] == '-') {
        if (ak_when_parse_stretch(text + 1, &stretch, NULL) == AK_OK && stretch <= now) {
            *ns = now - stretch;
            return AK_OK;
        }
    } else {
        good = take_date(&p, &seconds);
        if (good && *p != '\0')
            good = take_char(&p, "Tt ") && take_clock(&p, &seconds, &fraction) &&
                   take_zone(&p, &seconds) && *p == '\0';
        if (good) {
            *ns = seconds * AK_WHEN_SECOND + fraction;
            return AK_OK;
        }
    }
    return ak_fail(err, AK_EUSAGE,
                   "'%s' is no time: write 2026-11-24T05:17:27Z, with +09:00 for another zone than "
                   "UTC, a date as 2026-11-24, or -3d for three days ago",
                   text);
}

const char *ak_when_format(char *out, uint64_t ns)
{
    uint64_t seconds = ns / AK_WHEN_SECOND;
    unsigned year;
    unsigned month;
    unsigned day;

    ak_calendar_date(seconds / DAY, &year, &month, &day);
    seconds %= DAY;
    (void)snprintf(out, AK_WHEN_TEXT_BYTES,
                   "%04u-%02u-%02uT%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%06" PRIu64 "Z", year,
                   month, day, seconds / HOUR, seconds / MINUTE % 60, seconds % 60,
                   ns % AK_WHEN_SECOND / 1000);
    return out;
}

const char *ak_when_format_seconds(char *out, uint64_t seconds)
{
    if (seconds > AK_CALENDAR_SECONDS_MAX)
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "after the year 9999");
    else
        ak_calendar_format(out, seconds);
    return out;
}

const char *ak_when_format_stretch(char *out, uint64_t ns)
{
    uint64_t s = ns / AK_WHEN_SECOND;

    if (s >= DAY)
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "%" PRIu64 " day%s %" PRIu64 " h", s / DAY,
                       s / DAY == 1 ? "" : "s", s % DAY / HOUR);
    else if (s >= HOUR)
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "%" PRIu64 " h %" PRIu64 " min", s / HOUR,
                       s % HOUR / MINUTE);
    else if (s >= MINUTE)
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "%" PRIu64 " min %" PRIu64 " s", s / MINUTE,
                       s % MINUTE);
    else if (s >= 1)
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "%" PRIu64 " s", s);
    else
        (void)snprintf(out, AK_WHEN_TEXT_BYTES, "less than 1 s");
    return out;
}
