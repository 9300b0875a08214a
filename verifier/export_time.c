/* export_time.c - stretches of time, and sources in them.
 *
 * Happy path: the runs of the clock are found by halving, in each run the first entry of the time
 * and the first behind it. For all sources these stretches are shown with their neighbours. For
 * some, their entries in it, the one before, and what closes it at the right: the source's next
 * entry, or a state entry's count, whichever comes first. */
#include "export_time.h"

#include <akashi/segment.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Windows ---- */

struct place {
    uint16_t run;
    uint64_t received;
};

static enum ak_code on_one(void *ctx, uint64_t index, const struct ak_columns_run *run,
                           struct ak_error *err)
{
    struct place *place = ctx;

    (void)index;
    (void)err;
    place->run = run->clock_run;
    place->received = run->received;
    return AK_OK;
}

static enum ak_code place_of(struct ak_export_log *log, uint64_t index, struct place *place,
                             struct ak_error *err)
{
    return ak_log_tree_runs(log->tree, index, index + 1, on_one, place, err);
}

enum ak_code ak_export_received(struct ak_export_log *log, uint64_t index, uint64_t *received,
                                struct ak_error *err)
{
    struct place place = {0};
    enum ak_code rc = place_of(log, index, &place, err);

    *received = place.received;
    return rc;
}

/* The first entry of [low, high) that is not before (run, received); `high` if none is. */
static enum ak_code first_from(struct ak_export_log *log, uint64_t low, uint64_t high, uint16_t run,
                               uint64_t received, uint64_t *out, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct place place = {0};
        rc = place_of(log, middle, &place, err);
        if (place.run < run || (place.run == run && place.received < received))
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return rc;
}

enum ak_code ak_export_windows_find(struct ak_export_windows *windows, struct ak_export_log *log,
                                    uint64_t from, uint64_t to, struct ak_error *err)
{
    uint64_t size = log->checkpoint.size;
    struct place last = {0};
    uint64_t begin = 0;
    enum ak_code rc = place_of(log, size - 1, &last, err);

    memset(windows, 0, sizeof(*windows));
    if (rc != AK_OK)
        return rc;
    windows->window = calloc((size_t)last.run + 1, sizeof(*windows->window));
    if (windows->window == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the runs of a clock");
    windows->count = (size_t)last.run + 1;
    for (size_t r = 0; rc == AK_OK && r < windows->count; r++) {
        struct ak_export_window *w = &windows->window[r];
        uint64_t end = size;
        if (r < last.run)
            rc = first_from(log, begin, size, (uint16_t)(r + 1), 0, &end, err);
        if (rc == AK_OK)
            rc = first_from(log, begin, end, (uint16_t)r, from, &w->begin, err);
        if (rc == AK_OK)
            rc = first_from(log, w->begin, end, (uint16_t)r, to, &w->end, err);
        begin = end;
    }
    return rc;
}

void ak_export_windows_free(struct ak_export_windows *windows)
{
    free(windows->window);
    memset(windows, 0, sizeof(*windows));
}

/* ---- All sources ---- */

static enum ak_code add_bound(struct ak_export_plan *plan, const struct ak_export_log *log,
                              uint64_t index, struct ak_error *err)
{
    if (index >= log->checkpoint.size) /* also the one before entry 0 */
        return AK_OK;
    return ak_export_plan_add(plan, index, index, AK_EXPORT_BOUND, err);
}

enum ak_code ak_export_plan_time(struct ak_export_plan *plan, struct ak_export_log *log,
                                 const struct ak_export_windows *windows, struct ak_error *err)
{
    enum ak_code rc = add_bound(plan, log, log->checkpoint.size - 1, err);

    for (size_t r = 0; rc == AK_OK && r < windows->count; r++) {
        const struct ak_export_window *w = &windows->window[r];
        rc = add_bound(plan, log, w->begin - 1, err);
        if (rc == AK_OK && w->begin < w->end)
            rc = ak_export_plan_add(plan, w->begin, w->end - 1, AK_EXPORT_ASKED, err);
        if (rc == AK_OK)
            rc = add_bound(plan, log, w->end, err);
    }
    return rc;
}

/* ---- Some sources ---- */

void ak_export_states_free(struct ak_export_states *states)
{
    for (size_t i = 0; i < states->count; i++)
        free(states->state[i].ordinal);
    free(states->state);
    memset(states, 0, sizeof(*states));
}

struct narrowing {
    struct ak_export_plan *plan;
    const uint32_t *ordinals;
    size_t count;
    uint64_t *declared; /* index of the declaration of each; 0 for the log's own */
    bool *closed;       /* by place in `ordinals`: its next entry behind the window was met */
    size_t open;        /* how many are not */
    bool has_state;
    uint64_t state;
};

/* Place of an ordinal in the list, or its count. */
static size_t find(const struct narrowing *n, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = n->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (n->ordinals[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n->count && n->ordinals[low] == ordinal ? low : n->count;
}

static enum ak_code on_inside(void *ctx, uint64_t index, const struct ak_columns_run *run,
                              struct ak_error *err)
{
    struct narrowing *n = ctx;

    if (find(n, run->source) == n->count)
        return AK_OK;
    return ak_export_plan_add(n->plan, index, index + run->count - 1, AK_EXPORT_ASKED, err);
}

/* Ends a scan: never leaves this file. */
#define FOUND AK_EEXIST

/* What closes the window at the right. */
static enum ak_code on_behind(void *ctx, uint64_t index, const struct ak_columns_run *run,
                              struct ak_error *err)
{
    struct narrowing *n = ctx;
    size_t i = find(n, run->source);
    enum ak_code rc = AK_OK;

    if (i < n->count && !n->closed[i]) {
        n->closed[i] = true;
        n->open--;
        rc = ak_export_plan_add(n->plan, index, index, AK_EXPORT_BOUND, err);
    }
    if (rc == AK_OK && run->kind == AK_KIND_STATE) {
        n->has_state = true;
        n->state = index;
        return FOUND;
    }
    return rc == AK_OK && n->open == 0 ? FOUND : rc;
}

/* Whether only a state can close the window for the ordinal in this place. What is declared later
 * is closed by its declaration. */
static bool needs_count(const struct narrowing *n, size_t i)
{
    return !n->closed[i] && n->declared[i] < n->state;
}

static bool needs_state(const struct narrowing *n)
{
    for (size_t i = 0; i < n->count; i++) {
        if (needs_count(n, i))
            return true;
    }
    return false;
}

static enum ak_code add_state(struct ak_export_states *states, const struct narrowing *n,
                              struct ak_error *err)
{
    struct ak_export_state *s = states->count == 0 ? NULL : &states->state[states->count - 1];

    if (s == NULL || s->index != n->state) {
        s = reallocarray(states->state, states->count + 1, sizeof(*s));
        if (s == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        states->state = s;
        s = &states->state[states->count];
        *s = (struct ak_export_state){.index = n->state,
                                      .ordinal = calloc(n->count + 1, sizeof(*s->ordinal))};
        if (s->ordinal == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        states->count++;
    }
    s->count = 0;
    for (size_t i = 0; i < n->count; i++) {
        if (needs_count(n, i))
            s->ordinal[s->count++] = n->ordinals[i];
    }
    return AK_OK;
}

/* The entry of each ordinal before the window. */
static enum ak_code add_before(struct narrowing *n, struct ak_export_log *log, uint64_t begin,
                               struct ak_error *err)
{
    struct ak_positions positions = {0};
    enum ak_code rc = ak_log_tree_positions(log->tree, begin, &positions, err);

    for (size_t i = 0; rc == AK_OK && i < n->count; i++) {
        if (n->ordinals[i] >= positions.count || positions.row[n->ordinals[i]].next_seq == 0)
            continue;
        rc = add_bound(n->plan, log, positions.row[n->ordinals[i]].last_index, err);
    }
    ak_positions_free(&positions);
    return rc;
}

static enum ak_code narrow_window(struct narrowing *n, struct ak_export_log *log,
                                  const struct ak_export_window *w, struct ak_export_states *states,
                                  struct ak_error *err)
{
    enum ak_code rc = add_before(n, log, w->begin, err);

    n->has_state = false;
    n->open = n->count;
    memset(n->closed, 0, n->count * sizeof(*n->closed));
    if (rc == AK_OK)
        rc = ak_log_tree_runs(log->tree, w->begin, w->end, on_inside, n, err);
    if (rc == AK_OK)
        rc = ak_log_tree_runs(log->tree, w->end, log->checkpoint.size, on_behind, n, err);
    if (rc == FOUND)
        rc = AK_OK;
    if (rc == AK_OK && n->has_state && needs_state(n)) {
        rc = ak_export_plan_add(n->plan, n->state, n->state, AK_EXPORT_SHOWN, err);
        if (rc == AK_OK)
            rc = add_state(states, n, err);
    }
    return rc;
}

/* All declarations up to the end of the last window: without them one could be of the identity
 * that is asked for. */
static enum ak_code add_declarations(struct ak_export_plan *plan, struct ak_export_log *log,
                                     uint64_t end, struct ak_error *err)
{
    struct ak_positions positions = {0};
    enum ak_code rc = ak_log_tree_positions(log->tree, end, &positions, err);

    for (uint64_t i = AK_SOURCE_FIRST; rc == AK_OK && i < positions.count; i++)
        rc = ak_export_plan_add(plan, positions.row[i].declared, positions.row[i].declared,
                                AK_EXPORT_SHOWN, err);
    ak_positions_free(&positions);
    return rc;
}

static enum ak_code find_declared(struct narrowing *n, struct ak_export_log *log,
                                  struct ak_error *err)
{
    struct ak_positions positions = {0};
    enum ak_code rc = ak_log_tree_positions(log->tree, log->checkpoint.size, &positions, err);

    for (size_t i = 0; rc == AK_OK && i < n->count; i++) {
        uint32_t ordinal = n->ordinals[i];
        if (ordinal < AK_SOURCE_FIRST || ordinal >= positions.count)
            continue;
        n->declared[i] = positions.row[ordinal].declared;
        /* Who it is must be shown even if it sent nothing. */
        rc = ak_export_plan_add(n->plan, n->declared[i], n->declared[i], AK_EXPORT_SHOWN, err);
    }
    ak_positions_free(&positions);
    return rc;
}

enum ak_code ak_export_plan_ordinals(struct ak_export_plan *plan, struct ak_export_log *log,
                                     const struct ak_export_windows *windows,
                                     const uint32_t *ordinals, size_t count, bool declarations,
                                     struct ak_export_states *states, struct ak_error *err)
{
    struct narrowing n = {.plan = plan, .ordinals = ordinals, .count = count};
    enum ak_code rc = add_bound(plan, log, log->checkpoint.size - 1, err);

    n.closed = calloc(count + 1, sizeof(*n.closed));
    n.declared = calloc(count + 1, sizeof(*n.declared));
    if (n.closed == NULL || n.declared == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a list of sources");
    if (rc == AK_OK)
        rc = find_declared(&n, log, err);
    for (size_t r = 0; rc == AK_OK && r < windows->count; r++)
        rc = narrow_window(&n, log, &windows->window[r], states, err);
    if (rc == AK_OK && declarations)
        rc = add_declarations(plan, log, windows->window[windows->count - 1].end, err);
    free(n.closed);
    free(n.declared);
    return rc;
}
