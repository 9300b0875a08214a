/* part_pattern.h - which bytes of a record a regular expression means: all places where it fits,
 * and of each the groups in it. */
#ifndef AK_PART_PATTERN_H
#define AK_PART_PATTERN_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

struct ak_part_pattern;

/* Longest expression: more is a list, and no expression. */
#define AK_PART_PATTERN_BYTES_MAX 4000u

/* AK_EUSAGE for an expression that is not one, with its place and why; AK_ENOMEM. */
enum ak_code ak_part_pattern_compile(struct ak_part_pattern **pattern, const char *text,
                                     struct ak_error *err);
void ak_part_pattern_free(struct ak_part_pattern *pattern); /* NULL is allowed */

/* Version of the regex library. */
const char *ak_part_pattern_library(void);

/* Gets bytes [begin, end) of the record; a code other than AK_OK ends the search with it. */
typedef enum ak_code (*ak_part_pattern_fn)(void *ctx, size_t begin, size_t end,
                                           struct ak_error *err);

/* Gives what is meant in one record: of each match the groups that took part in it, the whole match
 * where there are none. Matches do not overlap, and do not go from one record to the next.
 * AK_ELIMIT if an expression tries too much on this record; AK_ENOMEM. */
enum ak_code ak_part_pattern_each(struct ak_part_pattern *pattern, const uint8_t *record,
                                  size_t len, ak_part_pattern_fn on_bytes, void *ctx,
                                  struct ak_error *err);

#endif
