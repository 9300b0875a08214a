/* export_time.h - which entries show that a stretch of time, or a source in it, is whole
 * (docs/format.md 14.10, claim 2). */
#ifndef AK_EXPORT_TIME_H
#define AK_EXPORT_TIME_H

#include "export.h"

#include <akashi/bundle.h>

/* Entries of one run of the clock that were received in the time: [begin, end), maybe none. */
struct ak_export_window {
    uint64_t begin;
    uint64_t end;
};

struct ak_export_windows {
    struct ak_export_window *window; /* one for each run of the clock, rising */
    size_t count;
};

/* Finds them by halving: times do not fall within a run. Codes of the tree, AK_ENOMEM. */
enum ak_code ak_export_windows_find(struct ak_export_windows *windows, struct ak_export_log *log,
                                    uint64_t from, uint64_t to, struct ak_error *err);
void ak_export_windows_free(struct ak_export_windows *windows);

/* `received` of an entry. */
enum ak_code ak_export_received(struct ak_export_log *log, uint64_t index, uint64_t *received,
                                struct ak_error *err);

/* A state entry whose positions say how many entries some sources have before it. */
struct ak_export_state {
    uint64_t index;
    uint32_t *ordinal; /* rising */
    size_t count;
};

struct ak_export_states {
    struct ak_export_state *state; /* rising by index, none twice */
    size_t count;
};

void ak_export_states_free(struct ak_export_states *states);

/* Adds to the plan all entries of the windows, and what bounds them. */
enum ak_code ak_export_plan_time(struct ak_export_plan *plan, struct ak_export_log *log,
                                 const struct ak_export_windows *windows, struct ak_error *err);

/* The same for some ordinals (rising): their entries, the one before each window, and behind it
 * either the next one or a state entry that counts them, which goes into `states`. With
 * `declarations` all declarations up to there are shown, and counted. */
enum ak_code ak_export_plan_ordinals(struct ak_export_plan *plan, struct ak_export_log *log,
                                     const struct ak_export_windows *windows,
                                     const uint32_t *ordinals, size_t count, bool declarations,
                                     struct ak_export_states *states, struct ak_error *err);

/* Writes the file `positions`. AK_EINTEGRITY if the store's positions are not those that a state
 * entry vouches for. */
enum ak_code ak_export_positions(FILE *file, struct ak_export_log *log,
                                 const struct ak_export_states *states, struct ak_error *err);

#endif
