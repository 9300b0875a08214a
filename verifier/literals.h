/* literals.h - many fixed strings, found in one pass over a text.
 *
 * For lists of indicators: 10^5 addresses, names and digests. Each string is known by one window of
 * eight bytes in it (four, if it is shorter), which is picked so that few strings share it. The
 * pass asks a bitmap for the window at each place; the few that are in it are compared. Memory and
 * time to build grow with the list, not with what it holds, and the pass does not grow with either
 * until the bitmap no longer fits the processor's cache. */
#ifndef AK_LITERALS_H
#define AK_LITERALS_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shorter strings have no window, and are not for this. */
#define AK_LITERAL_BYTES_MIN 4u

struct ak_literal {
    const uint8_t *p; /* borrowed as long as the set lives */
    uint32_t len;     /* at least AK_LITERAL_BYTES_MIN */
    uint32_t id;      /* given back */
    bool exact;       /* not even under `fold` is the case of its letters passed over */
};

struct ak_literals;

/* A set of `n` strings; `fold`: the case of ASCII letters is passed over, in strings that are not
 * exact. AK_ENOMEM. */
enum ak_code ak_literals_new(struct ak_literals **out, const struct ak_literal *literal, size_t n,
                             bool fold, struct ak_error *err);
void ak_literals_free(struct ak_literals *set);

bool ak_literals_fold(const struct ak_literals *set);

/* The text with its ASCII letters made small: what a set that folds wants beside the text. */
void ak_literals_folded(uint8_t *out, const uint8_t *text, size_t len);

/* Told of a string that stands at [begin, end). False ends the pass. */
typedef bool (*ak_literals_fn)(void *ctx, uint32_t id, size_t begin, size_t end);

/* Finds all strings of the set in the text, by the place of their windows: ends do not rise.
 * `folded` is NULL, or, for a set that folds, the text so. */
void ak_literals_scan(const struct ak_literals *set, const uint8_t *text, const uint8_t *folded,
                      size_t len, ak_literals_fn on_literal, void *ctx);

#endif
