/* units.c - one parser for digits and a suffix, with a table of suffixes for each kind. */
#include "units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 40 /* of a wrong value, in a message */
#define DAY             (86400 * AK_NS_PER_S)

struct unit {
    const char *suffix;
    uint64_t factor;
};

/* Largest first, so that the text forms find the shortest. */
static const struct unit size_units[] = {{"T", UINT64_C(1) << 40},
                                         {"G", UINT64_C(1) << 30},
                                         {"M", UINT64_C(1) << 20},
                                         {"K", UINT64_C(1) << 10},
                                         {"B", 1},
                                         {"TiB", UINT64_C(1) << 40},
                                         {"GiB", UINT64_C(1) << 30},
                                         {"MiB", UINT64_C(1) << 20},
                                         {"KiB", UINT64_C(1) << 10},
                                         {"", 1}};
static const struct unit duration_units[] = {
    {"d", DAY},         {"h", 3600 * AK_NS_PER_S}, {"m", 60 * AK_NS_PER_S},
    {"s", AK_NS_PER_S}, {"ms", AK_NS_PER_MS},      {"us", AK_NS_PER_US},
    {"ns", 1}};
static const struct unit count_units[] = {{"", 1}};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct kind {
    const char *name;    /* "size" */
    const char *allowed; /* how one is written */
    const char *most;    /* the largest */
    const struct unit *units;
    size_t unit_count;
};

static const struct kind kind_size = {
    "a size", "digits and one of B, K, M, G, T (powers of 1024), as in 64M or 256K", "8388607T",
    size_units, COUNT_OF(size_units)};
static const struct kind kind_duration = {
    "a duration", "digits and one of ns, us, ms, s, m, h, d, as in 10ms or 24h", "106751d",
    duration_units, COUNT_OF(duration_units)};
static const struct kind kind_count = {"a number", "digits alone, as in 24", "9223372036854775807",
                                       count_units, COUNT_OF(count_units)};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum ak_code not_one(const struct kind *kind, const char *text, size_t len,
                            struct ak_error *err)
{
    int shown = len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len;

    if (len > 1 && text[0] == '-' && is_digit(text[1]))
        return ak_fail(err, AK_EUSAGE, "\"%.*s\" is negative; write 0 or more: %s", shown, text,
                       kind->allowed);
    return ak_fail(err, AK_EUSAGE, "\"%.*s\" is not %s; write %s", shown, text, kind->name,
                   kind->allowed);
}

static const struct unit *unit_find(const struct kind *kind, const char *suffix, size_t len)
{
    for (size_t i = 0; i < kind->unit_count; i++) {
        const char *known = kind->units[i].suffix;

        if (strlen(known) == len && memcmp(known, suffix, len) == 0)
            return &kind->units[i];
    }
    return NULL;
}

static enum ak_code parse(const struct kind *kind, const char *text, size_t len, uint64_t *out,
                          struct ak_error *err)
{
    const struct unit *unit;
    uint64_t value = 0;
    bool overflow = false;
    size_t digits = 0;

    while (digits < len && is_digit(text[digits])) {
        overflow = overflow || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
                   __builtin_add_overflow(value, (uint64_t)(text[digits] - '0'), &value);
        digits++;
    }
    if (digits == 0)
        return not_one(kind, text, len, err);
    unit = unit_find(kind, text + digits, len - digits);
    if (unit == NULL && digits == len && value == 0 && !overflow)
        unit = &kind->units[0]; /* nothing of any unit is nothing */
    if (unit == NULL)
        return not_one(kind, text, len, err);
    overflow = overflow || __builtin_mul_overflow(value, unit->factor, &value);
    if (overflow || value > INT64_MAX)
        return ak_fail(err, AK_EUSAGE, "\"%.*s\" is too large; the largest is %s",
                       len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len, text, kind->most);
    *out = value;
    return AK_OK;
}

enum ak_code ak_units_size(const char *text, size_t len, uint64_t *bytes, struct ak_error *err)
{
    return parse(&kind_size, text, len, bytes, err);
}

enum ak_code ak_units_duration(const char *text, size_t len, uint64_t *ns, struct ak_error *err)
{
    return parse(&kind_duration, text, len, ns, err);
}

enum ak_code ak_units_count(const char *text, size_t len, uint64_t *count, struct ak_error *err)
{
    return parse(&kind_count, text, len, count, err);
}

/* A unit is used from `least` of it on: 24h reads better than 1d. */
static const char *format(const struct unit *units, size_t count, uint64_t value, char *out)
{
    for (size_t i = 0; value != 0 && i < count; i++) {
        uint64_t least = units[i].factor == DAY ? 2 : 1;

        if (value % units[i].factor != 0 || value / units[i].factor < least)
            continue;
        (void)snprintf(out, AK_UNITS_TEXT_BYTES, "%llu%s",
                       (unsigned long long)(value / units[i].factor), units[i].suffix);
        return out;
    }
    (void)snprintf(out, AK_UNITS_TEXT_BYTES, "%llu", (unsigned long long)value);
    return out;
}

const char *ak_units_size_text(uint64_t bytes, char *out)
{
    return format(size_units, 4 /* T to K; below it plain digits */, bytes, out);
}

const char *ak_units_duration_text(uint64_t ns, char *out)
{
    return format(duration_units, COUNT_OF(duration_units), ns, out);
}
