/* nearest.h - "did you mean ...?": the known word nearest to a mistyped one. */
#ifndef AKASHI_NEAREST_H
#define AKASHI_NEAREST_H

#include <stddef.h>

/* Words longer than this are not compared: nothing we know is so long. */
#define AK_NEAREST_WORD_BYTES_MAX 64u

/* The word of `words` (`count` of them, NULL entries are skipped) that takes the fewest insertions,
 * deletions, replacements and swaps of neighbours, letter case aside, to come from `text`; NULL if
 * even that takes more than a third of the longer word's length. The first of equals. */
const char *ak_nearest(const char *text, size_t len, const char *const *words, size_t count);

#endif
