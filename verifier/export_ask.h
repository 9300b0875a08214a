/* export_ask.h - what is to be handed over, as it was typed, and as this log understands it. */
#ifndef AK_EXPORT_ASK_H
#define AK_EXPORT_ASK_H

#include "export_time.h"
#include "matcher.h"
#include "options.h"
#include "source_table.h"

#include <akashi/bundle.h>

struct ak_export_ask {
    const struct ak_options *options;
    uint64_t now;
    bool has_from;
    bool has_to;
    struct ak_bundle_range range; /* for bundle.json; ordinals are filled for each log */
    uint32_t *ordinals;           /* rising, malloc'ed: what --source or --identity mean here */
    size_t ordinal_count;
    struct ak_matcher **matcher; /* one for each --match */
    size_t matcher_count;
};

/* Reads --index, or --from and --to with --source, --identity and --events, or --match. AK_EUSAGE
 * and what a matcher gives. Free in any case. */
enum ak_code ak_export_ask_parse(struct ak_export_ask *ask, const struct ak_options *options,
                                 uint64_t now, struct ak_error *err);
void ak_export_ask_free(struct ak_export_ask *ask);

/* Makes the plan of pieces, and of states whose positions are needed, for this log. What cannot be
 * handed over, because nobody vouches for it, is told by the claim. */
enum ak_code ak_export_ask_plan(struct ak_export_ask *ask, struct ak_export_log *log,
                                struct ak_export_plan *plan, struct ak_export_states *states,
                                struct ak_claim *claim, struct ak_error *err);

/* How many entries a checkpoint needs to cover what is asked for, and, with `*states`, that a state
 * entry is among them that is not before the end of the time. False: only the newest will do. */
bool ak_export_ask_least(const struct ak_export_ask *ask, struct ak_export_log *log,
                         uint64_t *least, bool *states);

/* The part of it for --match: entries that fit one of the patterns, of the sources and in the time
 * that were asked for. */
enum ak_code ak_export_plan_match(struct ak_export_ask *ask, struct ak_export_log *log,
                                  struct ak_export_plan *plan, struct ak_error *err);

#endif
