/* export_stamps.c - the checkpoint whose time stamps say the earliest by when what is handed over
 * existed (docs/format.md 14.10, claim 4).
 *
 * A stamp speaks of all entries below its size, and times rise with sizes: the smallest stamped
 * checkpoint that covers everything says it best, signed in the records' own epoch where one was.
 *
 * Failure modes: what is not right beside the log is passed over, since nothing may be handed over
 * that would not stand; check tells of it. Without a stamp all stays as it was. */
#include "export.h"

#include <stdlib.h>
#include <string.h>

/* Stamped checkpoints that are tried: one that is not right is rare. */
#define TRIED_MAX 8u

static bool verify(struct ak_export_log *log, const char *note, size_t len, uint64_t size)
{
    return (ak_export_log_verify(log, note, len, size, false, NULL) == AK_OK ||
            ak_export_log_verify(log, note, len, size, true, NULL) == AK_OK) &&
           log->checkpoint.size == size;
}

static bool same_text(const struct ak_stamped *stamped, const char *note, size_t len)
{
    struct ak_note a;
    struct ak_note b;

    return ak_note_parse(&a, stamped->note, stamped->len, NULL) == AK_OK &&
           ak_note_parse(&b, note, len, NULL) == AK_OK && a.text_len == b.text_len &&
           memcmp(a.text, b.text, a.text_len) == 0;
}

void ak_export_stamps_add(struct ak_export_log *log)
{
    struct ak_export_log kept = *log;
    struct ak_stamped *stamped = &log->stamped;
    bool good;

    if (stamped->count > 0 || !ak_stamped_read(log->tree, kept.checkpoint.size, stamped))
        return;
    good = verify(log, stamped->note, stamped->len, kept.checkpoint.size) &&
           same_text(stamped, log->note, log->note_len);
    log->checkpoint = kept.checkpoint;
    log->epoch = kept.epoch;
    if (!good)
        ak_stamped_free(stamped);
}

static bool meets(const struct ak_policy *policy, const char *note, size_t len)
{
    struct ak_claim claim = {0};
    struct ak_quorum quorum;

    if (policy == NULL)
        return true;
    ak_policy_claim(policy, note, len, &claim, &quorum);
    return !claim.told;
}

/* The checkpoint of the size of what was stamped: with cosignatures if there are any. */
static char *read_note(struct ak_export_log *log, const struct ak_policy *policy, size_t *len)
{
    uint64_t size = log->checkpoint.size;
    char *note = ak_stamped_cosigned(log->tree, size, &log->stamped, len);

    if (note == NULL || !verify(log, note, *len, size)) {
        free(note);
        *len = log->stamped.len;
        note = malloc(*len + 1);
        if (note != NULL)
            memcpy(note, log->stamped.note, *len);
        (void)verify(log, log->stamped.note, log->stamped.len, size);
    }
    if (note != NULL && meets(policy, note, *len))
        return note;
    free(note);
    return NULL;
}

/* Whether a state entry below `size` was received at `to` or later. */
static bool closed_by_state(struct ak_export_log *log, uint64_t size, uint64_t to)
{
    struct ak_positions positions = {0};
    bool closed = ak_log_tree_positions(log->tree, size, &positions, NULL) == AK_OK &&
                  positions.count > AK_KIND_STATE &&
                  positions.row[AK_KIND_STATE].last_received >= to;

    ak_positions_free(&positions);
    return closed;
}

static bool take(struct ak_export_log *log, uint64_t size, const struct ak_policy *policy)
{
    struct ak_export_log kept = *log;
    size_t len = 0;
    char *note = NULL;

    if (!ak_stamped_read(log->tree, size, &log->stamped))
        return false;
    if (verify(log, log->stamped.note, log->stamped.len, size))
        note = read_note(log, policy, &len);
    if (note != NULL) {
        free(log->note);
        log->note = note;
        log->note_len = len;
        return true;
    }
    ak_stamped_free(&log->stamped);
    log->checkpoint = kept.checkpoint;
    log->epoch = kept.epoch;
    return false;
}

bool ak_export_stamps_choose(struct ak_export_log *log, uint64_t least, bool states, uint64_t to,
                             const struct ak_policy *policy)
{
    uint64_t size[TRIED_MAX];
    size_t n = ak_log_tree_stamped_sizes(log->tree, least, size, TRIED_MAX);

    for (size_t i = 0; i < n && size[i] < log->checkpoint.size; i++) {
        if ((!states || closed_by_state(log, size[i], to)) && take(log, size[i], policy))
            return true;
    }
    return false;
}
