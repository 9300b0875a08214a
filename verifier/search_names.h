/* search_names.h - who the sources of found records are: declarations, looked up one by one. */
#ifndef AK_SEARCH_NAMES_H
#define AK_SEARCH_NAMES_H

#include "prover.h"
#include "source_table.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_search_names {
    struct ak_prover *prover; /* borrowed */
    struct ak_source_table table;
    struct ak_positions positions; /* hints where declarations stand */
    uint64_t known_to;             /* index up to which they are listed */
    uint32_t unknown;              /* ordinal that was looked for last, and not found */
};

/* Makes the table know the source of an entry, if its declaration can be read and, where there is a
 * key, is proven; otherwise it stays a number. AK_ENOMEM. */
enum ak_code ak_search_names_learn(struct ak_search_names *names, uint64_t index, uint32_t ordinal,
                                   struct ak_error *err);

/* All sources declared so far; `*unproven` is the number of those whose declaration cannot be read
 * or is not proven. They are in the table too, as far as they can be read. AK_ENOMEM. */
enum ak_code ak_search_names_all(struct ak_search_names *names, size_t *unproven,
                                 struct ak_error *err);

void ak_search_names_free(struct ak_search_names *names);

#endif
