/* check_number.h - numbering over a whole log: sources, their counts, the clock, and the root of
 * positions that state entries carry (docs/format.md 3.2, 3.3, 10.4; R1, R2, R5, R30). */
#ifndef AK_CHECK_NUMBER_H
#define AK_CHECK_NUMBER_H

#include <akashi/error.h>
#include <akashi/segment.h>

#include <stdbool.h>
#include <stdint.h>

struct ak_number;

/* What is wrong with an entry's numbers; the text says what was expected. */
struct ak_number_fault {
    const char *rule;
    uint64_t index;
    uint32_t source;
    char text[192];
};

/* Gets faults in the order of indices. Numbers go on from what the entry says. */
typedef void (*ak_number_fault_fn)(void *ctx, const struct ak_number_fault *fault);

/* `first` is the index of the first entry; if it is not 0 all sources and the clock start anew. */
struct ak_number *ak_number_new(uint64_t first, ak_number_fault_fn on_fault, void *ctx);
void ak_number_free(struct ak_number *number);

/* Entries are missing or not to be relied on: what comes next starts anew, and positions are not
 * checked any more. */
void ak_number_break(struct ak_number *number);

/* Takes a run whose first entry has this index. AK_ENOMEM. */
enum ak_code ak_number_run(struct ak_number *number, uint64_t index,
                           const struct ak_columns_run *run, struct ak_error *err);

/* Root of positions before the next entry (R30); false after a break. AK_ENOMEM leaves false. */
bool ak_number_root(struct ak_number *number, struct ak_hash *root);

/* Number of declared sources; false after a break. */
bool ak_number_declared(const struct ak_number *number, uint64_t *declared);

/* Whether a position that a footer states is the one counted here. After a break only what was
 * counted since is compared. */
bool ak_number_fits(const struct ak_number *number, const struct ak_footer_position *position);

/* How often the clock run rose, and whether it was seen to rise at this last run. */
bool ak_number_clock_rose(const struct ak_number *number);

#endif
