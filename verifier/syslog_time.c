/* syslog_time.c - the stamps that senders write, and what point in time they mean.
 *
 * Two families: RFC 3339 (2026-11-24T05:17:27.5+09:00, also with a blank for T), and that of RFC
 * 3164 (Nov 24 05:17:27) with a year, a fraction or a zone around it. A stamp whose numbers are in
 * no calendar is no stamp. */
#include "calendar.h"
#include "syslog_private.h"

/* Digits of a fraction: RFC 5424 allows 6, senders that count in nanoseconds write 9. */
#define FRACTION_DIGITS_MAX 9u

/* Seconds since 1970 have ten digits from 2001 to 2286. */
#define EPOCH_DIGITS 10u

/* The range of ns since 1970 in a signed number of 64 bits ends in 2262. */
#define YEAR_FIRST 1970u
#define YEAR_LAST  2261u
#define LEAP_YEAR  2000u

/* A sender's clock may be ahead, most of all by a zone that is not told. What would be later than
 * this is taken for a record of the year before. */
#define AHEAD_S (INT64_C(7) * 86400)

#define NANO  UINT64_C(1000000000)
#define DAY_S 86400

/* Names of zones with one meaning, and those that have several or a sender's own: known as names
 * only, so that they are not taken for a host. */
struct zone {
    const char *name;
    int16_t offset; /* minutes; NO_OFFSET: ambiguous */
};
#define NO_OFFSET 9999

static const struct zone zones[] = {
    {"UTC", 0},         {"GMT", 0},         {"Z", 0},           {"JST", 540},
    {"KST", 540},       {"SGT", 480},       {"HKT", 480},       {"WET", 0},
    {"WEST", 60},       {"CET", 60},        {"CEST", 120},      {"MEZ", 60},
    {"MESZ", 120},      {"EET", 120},       {"EEST", 180},      {"MSK", 180},
    {"AEST", 600},      {"AEDT", 660},      {"NZST", 720},      {"NZDT", 780},
    {"EST", NO_OFFSET}, {"EDT", NO_OFFSET}, {"CST", NO_OFFSET}, {"CDT", NO_OFFSET},
    {"MST", NO_OFFSET}, {"MDT", NO_OFFSET}, {"PST", NO_OFFSET}, {"PDT", NO_OFFSET},
    {"BST", NO_OFFSET}, {"IST", NO_OFFSET}, {"AST", NO_OFFSET}, {"ADT", NO_OFFSET},
};

/* `count` digits at `at` as a number; false if one is none. */
static bool digits(const struct ak_syslog_rest *r, size_t at, size_t count, unsigned *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ak_syslog_digit(ak_syslog_at(r, at + i)))
            return false;
        *value = *value * 10 + (unsigned)(r->p[at + i] - '0');
    }
    return true;
}

/* With `year` 0, one that is not written, February may have 29 days. */
static bool is_date(unsigned year, unsigned month, unsigned day)
{
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= ak_calendar_days_of_month(year == 0 ? LEAP_YEAR : year, month);
}

/* "hh:mm:ss" at `at`. */
static bool clock_of(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r, size_t at,
                     unsigned second_max)
{
    unsigned h;
    unsigned m;
    unsigned s;

    if (!digits(r, at, 2, &h) || ak_syslog_at(r, at + 2) != ':' || !digits(r, at + 3, 2, &m) ||
        ak_syslog_at(r, at + 5) != ':' || !digits(r, at + 6, 2, &s) || h > 23 || m > 59 ||
        s > second_max)
        return false;
    stamp->hour = (uint8_t)h;
    stamp->minute = (uint8_t)m;
    stamp->second = (uint8_t)s;
    return true;
}

/* ".123456" at `at`; its length, 0 if there is none. More digits than can be told are no fraction.
 */
static size_t fraction_of(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r, size_t at)
{
    uint32_t value = 0;
    size_t n = 0;

    if (ak_syslog_at(r, at) != '.' && ak_syslog_at(r, at) != ',')
        return 0;
    while (n <= FRACTION_DIGITS_MAX && ak_syslog_digit(ak_syslog_at(r, at + 1 + n))) {
        if (n < FRACTION_DIGITS_MAX)
            value = value * 10 + (uint32_t)(r->p[at + 1 + n] - '0');
        n++;
    }
    if (n == 0 || n > FRACTION_DIGITS_MAX)
        return 0;
    for (size_t i = n; i < FRACTION_DIGITS_MAX; i++)
        value *= 10;
    stamp->nanoseconds = value;
    return n + 1;
}

/* "+09:00" or "+0900" at `at`; its length, or 0. */
static size_t offset_of(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r, size_t at,
                        bool colon)
{
    char sign = ak_syslog_at(r, at);
    bool has_colon = ak_syslog_at(r, at + 3) == ':';
    unsigned h;
    unsigned m;

    if ((sign != '+' && sign != '-') || (colon && !has_colon) || !digits(r, at + 1, 2, &h) ||
        !digits(r, at + 3 + (has_colon ? 1 : 0), 2, &m) || h > 23 || m > 59)
        return 0;
    stamp->offset = (int16_t)(h * 60 + m);
    if (sign == '-')
        stamp->offset = (int16_t)-stamp->offset;
    stamp->zone_known = true;
    return has_colon ? 6 : 5;
}

size_t ak_syslog_stamp_3339(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r,
                            bool strict)
{
    unsigned year;
    unsigned month;
    unsigned day;
    char t = ak_syslog_at(r, 10);
    size_t at = 19;
    size_t zone;

    memset(stamp, 0, sizeof(*stamp));
    if (!digits(r, 0, 4, &year) || ak_syslog_at(r, 4) != '-' || !digits(r, 5, 2, &month) ||
        ak_syslog_at(r, 7) != '-' || !digits(r, 8, 2, &day) || year == 0 ||
        !is_date(year, month, day))
        return 0;
    if ((t != 'T' && (strict || (t != 't' && t != ' '))) ||
        !clock_of(stamp, r, 11, strict ? 59 : 60))
        return 0;
    at += fraction_of(stamp, r, at);
    if (ak_syslog_at(r, at) == 'Z' || (!strict && ak_syslog_at(r, at) == 'z')) {
        stamp->zone_known = true;
        at++;
    } else {
        zone = offset_of(stamp, r, at, strict);
        if (zone == 0 && strict)
            return 0;
        if (zone == 0 && ak_syslog_at(r, at) == ' ' && (zone = offset_of(stamp, r, at + 1, false)))
            zone++;
        at += zone;
        if (zone > 0 && ak_syslog_at(r, at) == 'Z') /* "+09:00Z" is written, too */
            at++;
    }
    stamp->year = (uint16_t)year;
    stamp->month = (uint8_t)month;
    stamp->day = (uint8_t)day;
    return at;
}

static unsigned month_of(const struct ak_syslog_rest *r, size_t at)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    for (unsigned m = 0; m < 12; m++) {
        unsigned same = 0;
        while (same < 3 && ak_syslog_lower(ak_syslog_at(r, at + same)) == months[3 * m + same])
            same++;
        if (same == 3)
            return m + 1;
    }
    return 0;
}

/* Four digits that stand alone and are a year of our time. */
static bool year_of(const struct ak_syslog_rest *r, size_t at, unsigned *year)
{
    char end = ak_syslog_at(r, at + 4);
    char next = ak_syslog_at(r, at + 5);

    return digits(r, at, 4, year) && *year >= YEAR_FIRST && *year <= YEAR_LAST &&
           (end == ' ' || end == '\0' || (end == ':' && (next == ' ' || next == '\0')));
}

/* A known name of a zone at `at` that ends in a blank, a colon or the end; its length. "TZ-6" and
 * the like are names, too, without a meaning. */
static size_t zone_of(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r, size_t at)
{
    size_t n = 0;
    char end;

    if (ak_syslog_at(r, at) == 'T' && ak_syslog_at(r, at + 1) == 'Z' &&
        (ak_syslog_at(r, at + 2) == '-' || ak_syslog_at(r, at + 2) == '+'))
        for (n = 3; n < 5 && ak_syslog_digit(ak_syslog_at(r, at + n));)
            n++;
    while (n < 5 && ak_syslog_letter(ak_syslog_at(r, at + n)))
        n++;
    end = ak_syslog_at(r, at + n);
    if (n == 0 || (end != ' ' && end != ':' && end != '\0'))
        return 0;
    if (n > 3 && ak_syslog_digit(r->p[at + n - 1]))
        return n;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        size_t same = 0;
        while (same < n && ak_syslog_lower(r->p[at + same]) ==
                               ak_syslog_lower(zones[i].name[same])) /* NUL ends it */
            same++;
        if (same != n || zones[i].name[n] != '\0')
            continue;
        stamp->zone_known = zones[i].offset != NO_OFFSET;
        stamp->offset = stamp->zone_known ? zones[i].offset : 0;
        return n;
    }
    return 0;
}

/* Year and zone that follow the clock, in either order, each once. */
static size_t tail_of(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r, size_t at,
                      unsigned *year)
{
    bool zone = false;
    size_t n;

    while (ak_syslog_at(r, at) == ' ') {
        unsigned found;
        if (!zone && (n = zone_of(stamp, r, at + 1)) > 0)
            zone = true;
        else if (*year == 0 && year_of(r, at + 1, &found) && (n = 4) > 0)
            *year = found;
        else
            break;
        at += n + 1;
    }
    return at;
}

size_t ak_syslog_stamp_3164(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r)
{
    unsigned year = 0;
    unsigned found;
    unsigned month;
    unsigned day;
    size_t at = 0;

    memset(stamp, 0, sizeof(*stamp));
    if (year_of(r, 0, &found) && ak_syslog_at(r, 4) == ' ') {
        year = found;
        at = 5;
    }
    month = month_of(r, at);
    if (month == 0 || ak_syslog_at(r, at + 3) != ' ')
        return 0;
    at += ak_syslog_at(r, at + 4) == ' ' ? 5 : 4;
    if (digits(r, at, 2, &day))
        at += 2;
    else if (digits(r, at, 1, &day))
        at += 1;
    else
        return 0;
    if (ak_syslog_at(r, at) != ' ')
        return 0;
    if (year == 0 && year_of(r, at + 1, &found) && ak_syslog_at(r, at + 5) == ' ') {
        year = found;
        at += 5;
    }
    if (!is_date(year, month, day) || !clock_of(stamp, r, at + 1, 60))
        return 0;
    at += 9;
    at += fraction_of(stamp, r, at);
    at = tail_of(stamp, r, at, &year);
    stamp->year = (uint16_t)year;
    stamp->month = (uint8_t)month;
    stamp->day = (uint8_t)day;
    return at;
}

size_t ak_syslog_stamp_epoch(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r)
{
    uint64_t seconds = 0;
    unsigned year;
    unsigned month;
    unsigned day;
    size_t fraction;

    memset(stamp, 0, sizeof(*stamp));
    for (size_t i = 0; i < EPOCH_DIGITS; i++) {
        if (!ak_syslog_digit(ak_syslog_at(r, i)))
            return 0;
        seconds = seconds * 10 + (uint64_t)(r->p[i] - '0');
    }
    fraction = fraction_of(stamp, r, EPOCH_DIGITS);
    if (fraction == 0)
        return 0;
    ak_calendar_date(seconds / DAY_S, &year, &month, &day);
    stamp->year = (uint16_t)year;
    stamp->month = (uint8_t)month;
    stamp->day = (uint8_t)day;
    stamp->hour = (uint8_t)(seconds % DAY_S / 3600);
    stamp->minute = (uint8_t)(seconds % 3600 / 60);
    stamp->second = (uint8_t)(seconds % 60);
    stamp->zone_known = true;
    return EPOCH_DIGITS + fraction;
}

/* `year` is from YEAR_FIRST on. */
static int64_t seconds_of(const struct ak_syslog_stamp *s, unsigned year)
{
    return (int64_t)ak_calendar_days(year, s->month, s->day) * DAY_S + s->hour * 3600 +
           s->minute * 60 + s->second - (int64_t)s->offset * 60;
}

/* The latest year that puts the stamp no more than AHEAD_S after `received`; 0 if there is none. */
static unsigned likely_year(const struct ak_syslog_stamp *s, uint64_t received)
{
    int64_t latest = (int64_t)(received / NANO) + AHEAD_S;
    unsigned year = YEAR_FIRST + (unsigned)(latest / DAY_S / 365); /* never too early */

    for (; year >= YEAR_FIRST; year--) {
        if (is_date(year, s->month, s->day) && seconds_of(s, year) <= latest)
            return year;
    }
    return 0;
}

bool ak_syslog_time(const struct ak_syslog *syslog, uint64_t received, uint64_t *ns,
                    unsigned *assumed)
{
    const struct ak_syslog_stamp *s = &syslog->stamp;
    unsigned year = s->year;
    int64_t seconds;

    *ns = 0;
    *assumed = 0;
    if (s->month == 0)
        return false;
    if (year == 0) {
        year = likely_year(s, received);
        *assumed |= AK_SYSLOG_ASSUMED_YEAR;
    }
    if (!s->zone_known)
        *assumed |= AK_SYSLOG_ASSUMED_ZONE;
    if (year < YEAR_FIRST || year > YEAR_LAST)
        return false;
    seconds = seconds_of(s, year);
    if (seconds < 0)
        return false;
    *ns = (uint64_t)seconds * NANO + s->nanoseconds;
    return true;
}
