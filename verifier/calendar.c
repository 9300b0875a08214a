/* calendar.c - dates of the Gregorian calendar, in UTC. */
#include "calendar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE UINT64_C(60)
#define HOUR   UINT64_C(3600)
#define DAY    UINT64_C(86400)

/* Years begin in March here, so that the leap day is a year's last. */
uint64_t ak_calendar_days(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

void ak_calendar_date(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t shifted = days + 719468;
    uint64_t era = shifted / 146097;
    uint64_t of_era = shifted % 146097;
    uint64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    uint64_t m = (5 * of_year + 2) / 153;

    *day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = (unsigned)(era * 400 + y + (*month <= 2));
}

unsigned ak_calendar_days_of_month(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

void ak_calendar_format(char out[AK_CALENDAR_TEXT_BYTES], uint64_t seconds)
{
    unsigned year;
    unsigned month;
    unsigned day;

    ak_calendar_date(seconds / DAY, &year, &month, &day);
    seconds %= DAY;
    (void)snprintf(out, AK_CALENDAR_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000u,
                   month % 100u, day % 100u, (unsigned)(seconds / HOUR),
                   (unsigned)(seconds / MINUTE % 60), (unsigned)(seconds % 60));
}

/* A number of exactly `n` digits. */
static bool digits(const char *p, size_t n, unsigned *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *value = *value * 10 + (unsigned)(p[i] - '0');
    }
    return true;
}

bool ak_calendar_parse(const char *text, size_t len, uint64_t *seconds)
{
    unsigned y;
    unsigned month;
    unsigned d;
    unsigned h;
    unsigned min;
    unsigned s;

    if (len != AK_CALENDAR_TEXT_BYTES - 1 || !digits(text, 4, &y) || !digits(text + 5, 2, &month) ||
        !digits(text + 8, 2, &d) || !digits(text + 11, 2, &h) || !digits(text + 14, 2, &min) ||
        !digits(text + 17, 2, &s) || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text[19] != 'Z')
        return false;
    if (y < 1970 || month < 1 || month > 12 || d < 1 || d > ak_calendar_days_of_month(y, month) ||
        h > 23 || min > 59 || s > 59)
        return false;
    *seconds = ak_calendar_days(y, month, d) * DAY + h * HOUR + min * MINUTE + s;
    return true;
}
