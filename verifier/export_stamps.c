/* export_stamps.c - the checkpoint whose time stamps say the earliest by when what is handed over
 * existed (docs/format.md 14.10, claim 4).
 *
 * A stamp speaks of all entries below its size, and times rise with sizes: the smallest stamped
 * checkpoint that covers everything says it best, signed in the records' own epoch where one was.
 *
 * Failure modes: what is not right beside the log is passed over, since nothing may be handed over
 * that would not stand; check tells of it. Without a stamp all stays as it was. */
#include "export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stamped checkpoints that are tried: one that is not right is rare. */
#define TRIED_MAX 8u

/* Replies that are looked at of one size. */
#define REPLIES_MAX 64u

static bool same_text(const void *a, size_t a_len, const void *b, size_t b_len)
{
    struct ak_note x;
    struct ak_note y;

    return ak_note_parse(&x, a, a_len, NULL) == AK_OK &&
           ak_note_parse(&y, b, b_len, NULL) == AK_OK && x.text_len == y.text_len &&
           memcmp(x.text, y.text, x.text_len) == 0;
}

static bool verify(struct ak_export_log *log, const char *note, size_t len, uint64_t size)
{
    return (ak_export_log_verify(log, note, len, size, false, NULL) == AK_OK ||
            ak_export_log_verify(log, note, len, size, true, NULL) == AK_OK) &&
           log->checkpoint.size == size;
}

static char *read_beside(const struct ak_export_log *log, uint64_t size, const char *rest,
                         size_t max, size_t *len)
{
    char name[64];
    char *data = NULL;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".%s", size, rest);
    return ak_log_tree_beside(log->tree, name, max, &data, len, NULL) == AK_OK ? data : NULL;
}

/* The note of this size that was stamped, if it is right (R47). */
static char *read_stamped(struct ak_export_log *log, uint64_t size, size_t *len)
{
    char *note = read_beside(log, size, "stamped", AK_NOTE_BYTES_MAX, len);
    struct ak_note parsed;

    if (note != NULL && ak_note_parse(&parsed, note, *len, NULL) == AK_OK && parsed.count == 2 &&
        verify(log, note, *len, size))
        return note;
    free(note);
    return NULL;
}

/* Replies over `stamped` that are right in form; whose they are the reader judges. */
static void read_replies(struct ak_export_log *log)
{
    uint64_t number[REPLIES_MAX];
    size_t n = ak_log_tree_stamps(log->tree, log->checkpoint.size, number, REPLIES_MAX);

    for (size_t i = 0; i < n && log->stamp_count < AK_BUNDLE_STAMPS; i++) {
        struct ak_timestamp stamp;
        char rest[32];
        size_t len;
        char *reply;

        (void)snprintf(rest, sizeof(rest), "%" PRIu64 ".tsr", number[i]);
        reply = read_beside(log, log->checkpoint.size, rest, AK_TIMESTAMP_BYTES_MAX, &len);
        if (reply == NULL)
            continue;
        if (ak_timestamp_judge(reply, len, log->stamped, log->stamped_len, NULL, &stamp, NULL) ==
            AK_OK)
            log->stamp[log->stamp_count++] = (struct ak_export_stamp){reply, len};
        else
            free(reply);
    }
}

static void drop(struct ak_export_log *log)
{
    for (unsigned k = 0; k < log->stamp_count; k++)
        free(log->stamp[k].reply);
    log->stamp_count = 0;
    free(log->stamped);
    log->stamped = NULL;
}

void ak_export_stamps_add(struct ak_export_log *log)
{
    struct ak_export_log kept = *log;

    if (log->stamped != NULL)
        return;
    log->stamped = read_stamped(log, kept.checkpoint.size, &log->stamped_len);
    log->checkpoint = kept.checkpoint;
    log->epoch = kept.epoch;
    if (log->stamped != NULL && same_text(log->stamped, log->stamped_len, log->note, log->note_len))
        read_replies(log);
    if (log->stamp_count == 0)
        drop(log);
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

/* The checkpoint of the size of `stamped`: with cosignatures if there are any. */
static char *read_note(struct ak_export_log *log, const struct ak_policy *policy, size_t *len)
{
    uint64_t size = log->checkpoint.size;
    char *note = read_beside(log, size, "cosigned", AK_NOTE_BYTES_MAX, len);

    if (note == NULL || !same_text(note, *len, log->stamped, log->stamped_len) ||
        !verify(log, note, *len, size)) {
        free(note);
        *len = log->stamped_len;
        note = malloc(*len + 1);
        if (note != NULL)
            memcpy(note, log->stamped, *len);
        (void)verify(log, log->stamped, log->stamped_len, size);
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

    log->stamped = read_stamped(log, size, &log->stamped_len);
    if (log->stamped != NULL)
        read_replies(log);
    if (log->stamp_count > 0)
        note = read_note(log, policy, &len);
    if (note != NULL) {
        free(log->note);
        log->note = note;
        log->note_len = len;
        return true;
    }
    drop(log);
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
