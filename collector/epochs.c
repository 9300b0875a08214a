/* epochs.c - a change of epoch, step by step:
 *
 *   1. wanted: by the clock or by order. From the next turn on the log takes nothing (gate), and
 *      what it holds is committed.
 *   2. asked: all is durable; the signer signs it and ends the running epoch (keys_rotate.c).
 *   3. placed: the start note is the next entry, a state follows (format.md 10.4), the gate opens.
 *   4. durable: the signer erases the old key and signs with the new one.
 *
 * Failure modes: no room on the disk (the gate stays, as the log is full anyway); the list of keys
 * is used up, or the note cannot be written beside the key (the old epoch goes on, and that is
 * said); a crash (ak_epoch_resume goes on at the step that was reached). */
#include "epochs.h"

#include "cosign_client.h"
#include "log.h"
#include "pipeline.h"
#include "recover.h"
#include "server.h"
#include "stamps.h"

#include <akashi/epoch.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define AGAIN_NS (3600 * NS_PER_S) /* after a change that could not be made */

bool ak_epoch_gate(const struct ak_runlog *log)
{
    return log->epoch.gate;
}

static void set_due(struct ak_runlog *log, uint64_t age)
{
    uint64_t lasts = log->options.epoch_ns;

    log->epoch.due = lasts == 0    ? UINT64_MAX
                     : age < lasts ? log->server->boot + (lasts - age)
                                   : log->server->boot;
}

static enum ak_code keep_note(struct ak_runlog *log, const void *note, size_t len, uint64_t index,
                              struct ak_error *err)
{
    free(log->epoch.note);
    log->epoch.note = malloc(len);
    if (log->epoch.note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a start note");
    memcpy(log->epoch.note, note, len);
    log->epoch.note_len = len;
    log->epoch.index = index;
    return AK_OK;
}

/* The newest start note of the log. If its entry is damaged, the keys have a copy. */
static enum ak_code newest_note(const struct ak_runlog *log, const struct ak_keys *keys,
                                struct ak_recovered *recovered, struct ak_epoch_note *note,
                                struct ak_error *err)
{
    size_t len;
    const char *copy = ak_keys_start_note(keys, &len);
    unsigned char *taken;
    enum ak_code rc = ak_epoch_note_parse(note, recovered->epoch_note, recovered->epoch_note_len,
                                          log->origin, err);

    if (rc != AK_OK || note->epoch >= ak_keys_epoch_number(keys) || copy == NULL)
        return rc;
    rc = ak_epoch_note_parse(note, copy, len, log->origin, err);
    if (rc != AK_OK || note->index >= recovered->range.end)
        return rc; /* the log is older than its keys: told by who asks */
    taken = malloc(len);
    if (taken == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a start note");
    memcpy(taken, copy, len);
    free(recovered->epoch_note);
    recovered->epoch_note = taken;
    recovered->epoch_note_len = len;
    return AK_OK;
}

/* The running epoch had ended, but nobody knows whether its last checkpoint reached the disk: both
 * that and the start note are made again, byte for byte, and go into what follows. */
static enum ak_code end_again(struct ak_runlog *log, struct ak_keys *keys,
                              struct ak_recovered *recovered, struct ak_error *err)
{
    uint64_t index = 0;
    size_t len = 0;
    const char *ending = ak_keys_ending(keys, &len, &index);
    struct ak_range nothing;
    char *checkpoint = malloc(AK_NOTE_BYTES_MAX);
    enum ak_code rc = keep_note(log, ending, len, index, err);

    ak_range_init(&nothing, index);
    if (rc == AK_OK && checkpoint == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    if (rc == AK_OK)
        rc = ak_keys_sign(keys, &nothing, checkpoint, AK_NOTE_BYTES_MAX, &len, err);
    if (rc != AK_OK) {
        free(checkpoint);
        return rc;
    }
    free(recovered->note);
    recovered->note = checkpoint;
    recovered->note_len = len;
    return AK_OK;
}

/* Without the keys no epoch ends. One that had ended must have its start note where that says, or
 * the keys could never go on when they are back. */
static enum ak_code resume_unsigned(struct ak_runlog *log, struct ak_keys *keys,
                                    const struct ak_recovered *recovered, struct ak_error *err)
{
    uint64_t index = 0;
    size_t len = 0;
    const char *ending = ak_keys_ending(keys, &len, &index);
    struct ak_epoch_note note;
    enum ak_code rc = ak_epoch_note_parse(&note, recovered->epoch_note, recovered->epoch_note_len,
                                          log->origin, err);

    if (rc == AK_OK && ending != NULL && index == recovered->range.end)
        rc = keep_note(log, ending, len, index, err);
    log->epoch.number = note.epoch;
    log->epoch.start = note.index;
    log->epoch.due = UINT64_MAX;
    return rc;
}

enum ak_code ak_epoch_resume(struct ak_runlog *log, struct ak_keys *keys,
                             struct ak_recovered *recovered, struct ak_error *err)
{
    uint64_t wall = log->server->wall;
    uint64_t index = 0;
    size_t len = 0;
    const char *ending = ak_keys_ending(keys, &len, &index);
    struct ak_epoch_note note;
    enum ak_code rc;

    log->epoch.list = ak_epoch_list_ref(ak_keys_list(keys));
    if (ak_keys_only_public(keys))
        return resume_unsigned(log, keys, recovered, err);
    rc = ak_keys_mend(keys, err);
    if (rc == AK_OK)
        rc = newest_note(log, keys, recovered, &note, err);
    if (rc != AK_OK)
        return rc;
    if (ending != NULL && note.epoch == ak_keys_epoch_number(keys) + 1)
        rc = ak_keys_begin_epoch(keys, err); /* its entry is durable */
    else if (note.epoch != ak_keys_epoch_number(keys) || note.index >= recovered->range.end)
        rc =
            ak_fail(err, AK_EKEY,
                    "the log is in epoch %" PRIu32 ", its keys are in epoch %" PRIu32
                    ": one of both is an older copy. Nothing is signed. Bring back the newest copy "
                    "of store and keys",
                    note.epoch, ak_keys_epoch_number(keys));
    else if (ending != NULL && index != recovered->range.end)
        rc =
            ak_fail(err, AK_EKEY,
                    "epoch %" PRIu32 " ended at entry %" PRIu64 ", but the log has %" PRIu64
                    ": one of both is an older copy. Nothing is signed. Bring back the newest copy "
                    "of store and keys",
                    note.epoch, index, recovered->range.end);
    else if (ending != NULL)
        rc = end_again(log, keys, recovered, err);
    log->epoch.number = ak_keys_epoch_number(keys);
    log->epoch.start = note.index;
    set_due(log, wall > ak_keys_epoch_time(keys) ? wall - ak_keys_epoch_time(keys) : 0);
    return rc;
}

/* The start note becomes the next entry. */
static void place(struct ak_runlog *log)
{
    log->epoch.placed = true;
    ak_runlog_start_note(log, log->epoch.note, log->epoch.note_len);
}

void ak_epoch_first(struct ak_runlog *log)
{
    if (log->epoch.note != NULL)
        place(log);
}

void ak_epoch_want(struct ak_runlog *log)
{
    if (!log->refused)
        log->epoch.wanted = true;
}

void ak_epoch_turn(struct ak_runlog *log)
{
    struct ak_runlog_epoch *epoch = &log->epoch;

    if (!epoch->wanted || epoch->asked || epoch->placed || epoch->beginning || log->full)
        return;
    epoch->gate = true;
    if (log->filling != NULL && log->filling->count > 0)
        ak_pipeline_close(log);
    if (log->filling != NULL || log->closed_head != NULL || log->committing)
        return;
    epoch->asked = true;
    ak_signer_end_epoch(log->server->signer, log->signer_slot);
}

static void open_gate(struct ak_runlog *log)
{
    log->epoch.wanted = log->epoch.asked = log->epoch.gate = false;
}

void ak_epoch_on_ended(void *ctx, char *note, size_t len, uint64_t index,
                       const struct ak_error *err)
{
    struct ak_runlog *log = ctx;
    struct ak_error none = {0};

    ak_server_look(log->server);
    if (note == NULL || index != log->next_index ||
        keep_note(log, note, len, index, &none) != AK_OK) {
        ak_log(AK_LOG_ERROR, "log %s: its epoch goes on: %s", log->options.name,
               note == NULL ? err->text : "the start note does not stand at the log's end");
        log->epoch.due = log->server->boot + AGAIN_NS;
        open_gate(log);
    } else {
        ak_cosign_epoch_ended(log, index);
        ak_stamps_epoch_ended(log);
        place(log);
        open_gate(log);
        if (!log->stopping)
            ak_runlog_state(log);
    }
    free(note);
    ak_server_room(log->server);
    ak_runlog_flush(log);
}

void ak_epoch_committed(struct ak_runlog *log, uint64_t size)
{
    struct ak_runlog_epoch *epoch = &log->epoch;

    if (!epoch->placed || size <= epoch->index)
        return;
    ak_signer_begin_epoch(log->server->signer, log->signer_slot);
    ak_writer_epoch(log->writer, epoch->note, epoch->note_len);
    free(log->epoch_note);
    log->epoch_note = epoch->note;
    epoch->note = NULL;
    epoch->placed = false;
    epoch->beginning = true;
}

void ak_epoch_on_begun(void *ctx)
{
    struct ak_runlog *log = ctx;

    ak_server_look(log->server);
    log->epoch.beginning = false;
    log->epoch.number++;
    log->epoch.start = log->epoch.index;
    set_due(log, 0);
}

void ak_epoch_tick(struct ak_runlog *log)
{
    if (log->server->boot >= log->epoch.due && !log->epoch.placed && !log->epoch.beginning)
        ak_epoch_want(log);
}

void ak_epoch_stop(struct ak_runlog *log)
{
    if (log->epoch.wanted && !log->epoch.asked)
        open_gate(log);
}

void ak_epoch_free(struct ak_runlog *log)
{
    free(log->epoch.note);
    ak_epoch_list_unref(log->epoch.list);
}
