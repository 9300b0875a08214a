/* units.h - sizes and durations as people write them: 64M, 10ms. */
#ifndef AK_UNITS_H
#define AK_UNITS_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

#define AK_NS_PER_US UINT64_C(1000)
#define AK_NS_PER_MS UINT64_C(1000000)
#define AK_NS_PER_S  UINT64_C(1000000000)

/* Room for what the two format functions write, NUL included. */
#define AK_UNITS_TEXT_BYTES 32u

/* Bytes: digits with no suffix or B, K, M, G, T (powers of 1024; KiB, MiB, ... are the same).
 * At most INT64_MAX. AK_EUSAGE, with a text that names what is allowed, for anything else.
 * `text` need not end in NUL. */
enum ak_code ak_units_size(const char *text, size_t len, uint64_t *bytes, struct ak_error *err);

/* Nanoseconds: digits and one of ns, us, ms, s, m, h, d; a bare 0 needs no suffix. At most
 * INT64_MAX. Errors as above. */
enum ak_code ak_units_duration(const char *text, size_t len, uint64_t *ns, struct ak_error *err);

/* A plain count: digits, at most INT64_MAX. */
enum ak_code ak_units_count(const char *text, size_t len, uint64_t *count, struct ak_error *err);

/* The shortest text that reads back as the same value: "256K", "1048575", "10ms", "0".
 * Gives `out`, which has AK_UNITS_TEXT_BYTES of room. */
const char *ak_units_size_text(uint64_t bytes, char *out);
const char *ak_units_duration_text(uint64_t ns, char *out);

#endif
