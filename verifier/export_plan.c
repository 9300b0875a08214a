/* export_plan.c - which entries a bundle shows: what was asked for, and what others need to judge
 * it. */
#include "export.h"

#include <akashi/segment.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOWS 3u

enum ak_code ak_export_plan_add(struct ak_export_plan *plan, uint64_t first, uint64_t last,
                                enum ak_export_how how, struct ak_error *err)
{
    size_t n = plan->count;
    struct ak_export_piece *piece = n == 0 ? NULL : &plan->piece[n - 1];

    assert(first <= last);
    if (piece != NULL && piece->how == how && first >= piece->first && first <= piece->last + 1) {
        if (last > piece->last)
            piece->last = last;
        return AK_OK;
    }
    if (n == AK_EXPORT_PIECES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "this would show more than %u separate pieces of the log: narrow it",
                       AK_EXPORT_PIECES_MAX);
    if ((n & (n - 1)) == 0) {
        piece = reallocarray(plan->piece, n == 0 ? 1 : n * 2, sizeof(*piece));
        if (piece == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the pieces of a bundle");
        plan->piece = piece;
    }
    assert(plan->piece != NULL); /* it was made with the first one */
    plan->piece[plan->count++] = (struct ak_export_piece){first, last, how};
    return AK_OK;
}

void ak_export_plan_free(struct ak_export_plan *plan)
{
    free(plan->piece);
    memset(plan, 0, sizeof(*plan));
}

static int compare_pieces(const void *a, const void *b)
{
    const struct ak_export_piece *x = a;
    const struct ak_export_piece *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* How the entry at `index` is shown by the pieces from `i` on that begin at or before it, and up to
 * where that holds; pieces may overlap. */
struct sweep {
    const struct ak_export_piece *piece;
    size_t count;
    size_t next;          /* the first piece that was not met */
    uint64_t until[HOWS]; /* index behind the last entry that is shown so, 0: none */
};

static void meet(struct sweep *s, uint64_t index)
{
    while (s->next < s->count && s->piece[s->next].first <= index) {
        const struct ak_export_piece *p = &s->piece[s->next++];
        if (p->last + 1 > s->until[p->how])
            s->until[p->how] = p->last + 1;
    }
}

/* The stretch that begins at `index`; false if nothing shows it. */
static bool stretch(struct sweep *s, uint64_t index, struct ak_export_piece *out)
{
    uint64_t end;
    unsigned how = HOWS;

    meet(s, index);
    while (how > 0 && s->until[how - 1] <= index)
        how--;
    if (how == 0)
        return false;
    end = s->until[how - 1];
    /* A piece that outweighs may begin within. */
    for (size_t i = s->next; i < s->count && s->piece[i].first < end; i++) {
        if (s->piece[i].how > how - 1) {
            end = s->piece[i].first;
            break;
        }
    }
    *out = (struct ak_export_piece){index, end - 1, (enum ak_export_how)(how - 1)};
    return true;
}

enum ak_code ak_export_plan_settle(struct ak_export_plan *plan, struct ak_error *err)
{
    struct ak_export_plan settled = {0};
    struct sweep s;
    uint64_t index = 0;
    enum ak_code rc = AK_OK;

    if (plan->count > 1)
        qsort(plan->piece, plan->count, sizeof(*plan->piece), compare_pieces);
    s = (struct sweep){.piece = plan->piece, .count = plan->count};
    while (rc == AK_OK) {
        struct ak_export_piece piece;
        if (stretch(&s, index, &piece)) {
            rc = ak_export_plan_add(&settled, piece.first, piece.last, piece.how, err);
            index = piece.last + 1;
        } else if (s.next < s.count) {
            index = s.piece[s.next].first;
        } else {
            break;
        }
    }
    if (rc != AK_OK) {
        ak_export_plan_free(&settled);
        return rc;
    }
    ak_export_plan_free(plan);
    *plan = settled;
    return AK_OK;
}

/* ---- Start notes ---- */

/* The start note of the epoch in force at an entry. A HEADER's note may be an older one only where
 * the epoch changed within its segment. */
static enum ak_code epoch_at(struct ak_export_log *log, uint64_t index, struct ak_epoch_note *note,
                             struct ak_error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum ak_code rc = ak_log_tree_epoch_note(log->tree, index, false, &bytes, &len, err);

    if (rc == AK_OK)
        rc = ak_epoch_note_parse(note, bytes, len, log->key.name, err);
    free(bytes);
    if (rc != AK_OK || note->epoch >= log->epoch.epoch)
        return rc;
    if (ak_log_tree_epoch_note(log->tree, index, true, &bytes, &len, NULL) == AK_OK) {
        rc = ak_epoch_note_parse(note, bytes, len, log->key.name, err);
        free(bytes);
    }
    return rc;
}

/* Where the epoch behind `epoch` begins: between `low`, which is not behind it, and the start of
 * the checkpoint's. */
static enum ak_code next_epoch(struct ak_export_log *log, uint32_t epoch, uint64_t low,
                               uint64_t *start, struct ak_error *err)
{
    uint64_t high = log->epoch.index; /* of a later epoch */
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        struct ak_epoch_note note;
        rc = epoch_at(log, middle, &note, err);
        if (rc == AK_OK && note.epoch > epoch)
            high = middle;
        else
            low = middle;
    }
    *start = high;
    return rc;
}

enum ak_code ak_export_plan_epochs(struct ak_export_plan *plan, struct ak_export_log *log,
                                   struct ak_error *err)
{
    uint64_t covered = 0; /* entries of pieces before it have their notes: pieces must rise */
    enum ak_code rc = ak_export_plan_settle(plan, err);
    size_t count = plan->count;

    if (rc == AK_OK)
        rc = ak_export_plan_add(plan, log->epoch.index, log->epoch.index, AK_EXPORT_SHOWN, err);
    for (size_t i = 0; rc == AK_OK && i < count; i++) {
        struct ak_export_piece piece = plan->piece[i];
        uint64_t at = piece.first > covered ? piece.first : covered;
        struct ak_epoch_note note = {0};
        while (rc == AK_OK && at <= piece.last && at < log->epoch.index) {
            rc = epoch_at(log, at, &note, err);
            if (rc == AK_OK)
                rc = ak_export_plan_add(plan, note.index, note.index, AK_EXPORT_SHOWN, err);
            if (rc == AK_OK)
                rc = next_epoch(log, note.epoch, at, &covered, err);
            if (rc == AK_OK)
                rc = ak_export_plan_add(plan, covered, covered, AK_EXPORT_SHOWN, err);
            at = covered;
        }
    }
    return rc;
}

/* ---- Declarations ---- */

struct met {
    uint8_t *source; /* by ordinal - 256: whether one of its entries is shown */
    uint64_t last;   /* greatest index of these entries */
    bool any;
};

static enum ak_code on_run(void *ctx, uint64_t index, const struct ak_columns_run *run,
                           struct ak_error *err)
{
    struct met *met = ctx;
    uint32_t s = run->source - AK_SOURCE_FIRST;

    if (!ak_kind_received(run->kind) || run->source < AK_SOURCE_FIRST)
        return AK_OK;
    if (s >= AK_DECLARED_MAX)
        return ak_fail(err, AK_EMALFORMED, "entry %" PRIu64 " has a source above all", index);
    met->source[s] = 1;
    met->any = true;
    if (index > met->last)
        met->last = index;
    return AK_OK;
}

enum ak_code ak_export_plan_sources(struct ak_export_plan *plan, struct ak_export_log *log,
                                    struct ak_error *err)
{
    struct met met = {.source = calloc(AK_DECLARED_MAX, 1)};
    struct ak_positions positions = {0};
    size_t count = plan->count;
    enum ak_code rc =
        met.source == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a list of sources") : AK_OK;

    for (size_t i = 0; rc == AK_OK && i < count; i++) {
        if (plan->piece[i].how == AK_EXPORT_ASKED)
            rc = ak_log_tree_runs(log->tree, plan->piece[i].first, plan->piece[i].last + 1, on_run,
                                  &met, err);
    }
    if (rc == AK_OK && met.any)
        rc = ak_log_tree_positions(log->tree, met.last, &positions, err);
    for (size_t s = 0; rc == AK_OK && met.any && s < AK_DECLARED_MAX; s++) {
        uint64_t declared;
        if (met.source[s] == 0)
            continue;
        if (AK_SOURCE_FIRST + s >= positions.count)
            rc = ak_fail(err, AK_EMALFORMED, "the store declares no source %zu",
                         AK_SOURCE_FIRST + s);
        if (rc != AK_OK)
            break;
        declared = positions.row[AK_SOURCE_FIRST + s].declared;
        rc = ak_export_plan_add(plan, declared, declared, AK_EXPORT_SHOWN, err);
    }
    ak_positions_free(&positions);
    free(met.source);
    return rc;
}

/* ---- Orders ---- */

static enum ak_code on_order(void *ctx, uint64_t index, const struct ak_columns_run *run,
                             struct ak_error *err)
{
    if (run->kind != AK_KIND_ORDER)
        return AK_OK;
    return ak_export_plan_add(ctx, index, index + run->count - 1, AK_EXPORT_SHOWN, err);
}

enum ak_code ak_export_plan_orders(struct ak_export_plan *plan, struct ak_export_log *log,
                                   struct ak_error *err)
{
    size_t count = plan->count;
    bool any = false;
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && !any && i < count; i++) {
        if (plan->piece[i].how == AK_EXPORT_ASKED)
            rc = ak_log_tree_any_removed(log->tree, plan->piece[i].first, plan->piece[i].last + 1,
                                         &any, err);
    }
    /* An order before the first of them may declare whose orders count, so all are looked for. */
    return rc == AK_OK && any
               ? ak_log_tree_runs(log->tree, 0, log->checkpoint.size, on_order, plan, err)
               : rc;
}
