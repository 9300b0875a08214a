/* when.h - times and stretches of time as people type and read them. Always UTC, never a locale.
 *
 * The one place of akashi-verify that looks at a clock. A verdict never rests on it, but where the
 * user names a time (format.md 13). */
#ifndef AK_WHEN_H
#define AK_WHEN_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

#define AK_WHEN_SECOND UINT64_C(1000000000)

/* Room for "2026-11-24T05:17:27.000000Z" and for "12 days 3 h ago", each with its NUL. */
#define AK_WHEN_TEXT_BYTES 40u

/* This machine's clock, ns since 1970-01-01T00:00:00Z; 0 if it cannot be read. */
uint64_t ak_when_now(void);

/* A clock that never falls, ns; for rates. */
uint64_t ak_when_steady(void);

/* Reads a point in time: RFC 3339 ("2026-11-24T05:17:27.5+09:00"; a space for T, and seconds left
 * out, are taken too), a date, or a stretch before `now` ("-3d"). Without a zone it is UTC.
 * AK_EUSAGE, with the forms that are allowed in its text. */
enum ak_code ak_when_parse(const char *text, uint64_t now, uint64_t *ns, struct ak_error *err);

/* Reads a stretch of time: a number and s, m, h, d or w, e.g. "90s", "24h", "7d". At least 1.
 * AK_EUSAGE. */
enum ak_code ak_when_parse_stretch(const char *text, uint64_t *ns, struct ak_error *err);

/* Writes "2026-11-24T05:17:27.123456Z" and gives `out`, which has AK_WHEN_TEXT_BYTES. */
const char *ak_when_format(char *out, uint64_t ns);

/* The same of whole seconds since 1970, without a fraction: "2026-11-24T05:17:27Z"; what lies past
 * the year 9999 is written as such. */
const char *ak_when_format_seconds(char *out, uint64_t seconds);

/* Writes the two greatest units of a stretch: "3 days 4 h", "2 min 5 s", "12 s", "less than 1 s".
 */
const char *ak_when_format_stretch(char *out, uint64_t ns);

#endif
