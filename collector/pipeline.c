/* pipeline.c - batches of one log on their way to stable storage.
 *
 * The happy path is:
 *   1. ak_pipeline_close gives the filling batch its first index and group keys and appends it to
 *      the log's closed list; with something under way it is prepared in the pool at once.
 *   2. ak_pipeline_go takes the ready batches from the front and starts one commit; an unprepared
 *      batch at the front is prepared in the same job (one hop when idle).
 *   3. on_committed releases: ackers, the signer, the pool; and starts the next commit.
 * Possible failure modes are:
 *   - no room: the batches stay at the front, the log is full, the commit is offered again.
 *   - a failed write or sync: the batches stay at the front and go to a new segment at once, with
 * an event behind them. */
#include "pipeline.h"

#include "epochs.h"
#include "log.h"
#include "manifest.h"
#include "room.h"
#include "server.h"

#include <akashi/format.h>

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS       1000000000u /* a commit without room is offered again after this */
#define FUSE_BYTES_MAX 65536u      /* a batch up to this is prepared in its commit's job */

struct prepare_job {
    uv_work_t work;
    struct ak_batch *batch;
};

static void prepare(struct ak_server *server, struct ak_batch *batch)
{
    struct ak_prepare_scratch *scratch = ak_server_scratch_take(server);

    if (scratch == NULL) {
        batch->rc = ak_fail(&batch->err, AK_ENOMEM, "no memory to prepare a batch");
        return;
    }
    batch->rc = ak_prepare(batch, scratch);
    batch->prepared = batch->rc == AK_OK;
    ak_server_scratch_give(server, scratch);
}

static void prepare_work(uv_work_t *work)
{
    struct prepare_job *job = work->data;
    const struct ak_runlog *log = job->batch->log;

    prepare(log->server, job->batch);
}

static void prepare_done(uv_work_t *work, int status)
{
    struct prepare_job *job = work->data;
    struct ak_runlog *log = job->batch->log;

    (void)status; /* jobs are never cancelled */
    assert(job->batch->state == AK_BATCH_PREPARING);
    job->batch->state = AK_BATCH_READY;
    free(job);
    ak_pipeline_go(log);
}

/* Without memory for a job the batch stays unprepared and its commit does the work. */
static void start_prepare(struct ak_runlog *log, struct ak_batch *batch)
{
    struct prepare_job *job = malloc(sizeof(*job));

    if (job == NULL)
        return;
    job->batch = batch;
    job->work.data = job;
    batch->state = AK_BATCH_PREPARING;
    if (uv_queue_work(&log->server->loop, &job->work, prepare_work, prepare_done) != 0) {
        batch->state = AK_BATCH_FILLING;
        free(job);
    }
}

/* One key for each group the batch touches; the group that goes on from the batch before keeps its
 * key within a segment (format.md 6.3.5). */
static void give_keys(struct ak_runlog *log, struct ak_batch *batch)
{
    uint64_t first = batch->first / 256;
    uint64_t last = (batch->first + batch->count - 1) / 256;

    for (uint64_t group = first; group <= last; group++) {
        if (group != log->key_group) {
            randombytes_buf(log->key, sizeof(log->key));
            log->key_group = group;
        }
        memcpy(batch->group_key[group - first], log->key, sizeof(log->key));
    }
}

static void close_filling(struct ak_runlog *log, bool may_prepare)
{
    struct ak_batch *batch = log->filling;
    bool alone = log->closed_head == NULL && !log->committing;

    assert(batch != NULL && batch->count > 0);
    log->filling = NULL;
    batch->first = log->next_index - batch->count;
    batch->new_segment = log->segment_wanted;
    log->segment_wanted = false;
    if (batch->new_segment) {
        log->segment_rolling = true;
        log->key_group = UINT64_MAX;
    }
    give_keys(log, batch);
    batch->prepared = false;
    batch->level = alone ? 3 : 1; /* faster when something waits behind */
    batch->next = NULL;
    if (log->closed_tail != NULL)
        log->closed_tail->next = batch;
    else
        log->closed_head = batch;
    log->closed_tail = batch;
    if (may_prepare && (!alone || batch->used > FUSE_BYTES_MAX))
        start_prepare(log, batch);
    ak_pipeline_go(log);
}

void ak_pipeline_close(struct ak_runlog *log)
{
    close_filling(log, true);
}

static void commit_work(uv_work_t *work)
{
    struct ak_runlog *log = work->data;

    log->commit_rc = AK_OK;
    for (unsigned i = 0; i < log->commit_count && log->commit_rc == AK_OK; i++) {
        struct ak_batch *batch = log->commit_batches[i];
        if (!batch->prepared)
            prepare(log->server, batch);
        if (!batch->prepared) {
            log->commit_rc = batch->rc;
            log->commit_error = batch->err;
        }
    }
    if (log->commit_rc == AK_OK && log->commit_count > 0)
        log->commit_rc = ak_writer_commit(
            log->writer, log->commit_batches, log->commit_count, log->commit_note,
            log->commit_note_len, log->commit_checkpoint, log->commit_checkpoint_len,
            log->commit_wall, &log->commit_result, &log->commit_error);
    else if (log->commit_rc == AK_OK)
        log->commit_rc =
            ak_writer_note(log->writer, log->commit_note, log->commit_note_len, &log->commit_error);
}

/* Tells everybody whose records are in the batch, then gives it back. */
static void release(struct ak_runlog *log, struct ak_batch *batch)
{
    batch->state = AK_BATCH_RELEASING;
    for (uint32_t i = 0; i < batch->run_count; i++) {
        struct ak_acker *acker = batch->run[i].ack;
        if (acker == NULL)
            continue;
        log->stats.acknowledged += batch->run[i].count;
        acker->on_durable(acker, batch->run[i].count);
    }
    ak_server_batch_give(log->server, batch);
}

static void committed(struct ak_runlog *log)
{
    const struct ak_commit_result *result = &log->commit_result;
    struct ak_batch *last = log->commit_batches[log->commit_count - 1];
    struct ak_batch *released = log->closed_head;
    struct ak_range more;

    ak_range_init(&more, log->commit_batches[0]->first);
    for (unsigned i = 0; i < log->commit_count; i++) {
        enum ak_code rc = ak_range_merge(&more, &log->commit_batches[i]->range, NULL);
        assert(rc == AK_OK);
        (void)rc;
    }
    log->closed_head = last->next;
    if (log->closed_head == NULL)
        log->closed_tail = NULL;
    last->next = NULL;
    log->bytes += result->written;
    log->stats.commits++;
    log->stats.durable = log->durable = result->size;
    if (result->has_torn)
        ak_runlog_tell_torn(log, &result->torn);
    if (result->rolled) {
        log->segment_rolling = false;
        ak_manifest_rolled(log, result->segment_first);
        log->segment_opened = log->server->boot;
        log->segment_used = log->filling != NULL || log->closed_head != NULL;
        log->segment_text = 0;
    }
    for (unsigned i = 0; i < log->commit_count; i++)
        log->segment_text += log->commit_batches[i]->used;
    log->segment_first = result->segment_first;
    log->segment_size = result->file_bytes;
    if (log->unsigned_since == 0 && !log->refused)
        log->unsigned_since = log->server->boot;
    ak_runlog_look_at_segment(log);
    ak_room_committed(log);
    ak_epoch_committed(log, result->size);
    ak_signer_post(log->server->signer, log->signer_slot, &more);
    while (released != NULL) {
        struct ak_batch *batch = released;
        released = batch->next;
        release(log, batch);
    }
}

static void tell_write_failure(struct ak_runlog *log)
{
    struct ak_payload p;
    char file[40];

    (void)snprintf(file, sizeof(file), "%020llu.open.zst", (unsigned long long)log->segment_first);
    ak_log(AK_LOG_ERROR,
           "log %s: %s; nothing of it was acknowledged, the records go to a new segment. Look at "
           "the disk.",
           log->options.name, log->commit_error.text);
    ak_payload_event(&p, "write-failure", "collector");
    ak_payload_string(&p, "file", file);
    ak_payload_string(&p, "reason", log->commit_error.text);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

static void on_failed(struct ak_runlog *log)
{
    struct ak_torn torn;

    for (unsigned i = 0; i < log->commit_count; i++)
        log->commit_batches[i]->state = AK_BATCH_READY;
    log->retry_at = log->server->boot + RETRY_NS;
    if (log->commit_rc == AK_ENOSPC) {
        ak_room_exhausted(log);
        return;
    }
    if (ak_writer_torn(log->writer, &torn))
        ak_runlog_tell_torn(log, &torn);
    tell_write_failure(log);
    if (!log->write_failed)
        log->retry_at = 0; /* at once, into a new segment; after that each second */
    log->write_failed = true;
    /* What tells of the segment left behind goes into the commit that begins the next one: then
     * nobody sees that one without it. */
    for (struct ak_batch *batch = log->closed_head; batch != NULL; batch = batch->next)
        batch->new_segment = false; /* one begins anyway */
    log->segment_wanted = false;
    if (log->filling != NULL && log->filling->count > 0)
        close_filling(log, false);
}

static void commit_done(uv_work_t *work, int status)
{
    struct ak_runlog *log = work->data;
    bool ok = log->commit_rc == AK_OK;

    (void)status;
    ak_server_look(log->server);
    log->last_commit = log->server->boot;
    free(log->commit_checkpoint);
    log->commit_checkpoint = NULL;
    if (ok || log->note != NULL) {
        free(log->commit_note); /* written, or a newer one waits */
    } else {
        log->note = log->commit_note;
        log->note_len = log->commit_note_len;
    }
    log->commit_note = NULL;
    if (!ok) {
        on_failed(log);
    } else {
        log->write_failed = false;
        if (log->commit_count > 0)
            committed(log);
        ak_manifest_durable(log);
    }
    log->committing = false; /* last: entries that this made must not start a commit in here */
    if (ok)
        ak_server_room(log->server);
    ak_runlog_flush(log);
}

/* Takes what is ready at the front: prepared batches, or one unprepared batch alone. After a failed
 * commit all that is closed goes at once, with what tells of the failure at its end: the next
 * segment is never seen without that. */
static void collect(struct ak_runlog *log)
{
    bool all = log->write_failed;
    unsigned most = all ? AK_COMMIT_BATCHES_MAX : AK_COMMIT_BATCHES_USUAL;

    log->commit_count = 0;
    for (struct ak_batch *batch = log->closed_head; batch != NULL && log->commit_count < most;
         batch = batch->next) {
        bool ready = batch->state == AK_BATCH_READY || batch->state == AK_BATCH_FILLING;
        if (!ready && all) {
            log->commit_count = 0; /* it will be; then this is asked again */
            return;
        }
        if (!ready || (batch->new_segment && log->commit_count > 0))
            break;
        log->commit_batches[log->commit_count++] = batch;
        if (!batch->prepared && !all)
            break;
    }
}

/* A segment ends in a checkpoint of exactly its size, so that it can be judged by itself: the batch
 * that begins the next one waits for it, at most a second. */
static bool must_wait_for_note(const struct ak_runlog *log)
{
    return log->commit_count > 0 && log->commit_batches[0]->new_segment &&
           ak_writer_segment(log->writer, NULL) != UINT64_MAX && log->unsigned_since != 0 &&
           log->server->boot - log->unsigned_since < RETRY_NS;
}

void ak_pipeline_go(struct ak_runlog *log)
{
    bool note_alone;

    if (log->committing || log->retry_at > log->server->boot)
        return;
    collect(log);
    /* The last note of a segment goes into it before the next one begins. */
    note_alone = log->note != NULL && log->commit_count > 0 &&
                 log->commit_batches[0]->new_segment &&
                 ak_writer_segment(log->writer, NULL) != UINT64_MAX;
    if (must_wait_for_note(log) && !note_alone)
        return;
    if (note_alone)
        log->commit_count = 0;
    if (log->commit_count == 0 && !note_alone)
        return;
    for (unsigned i = 0; i < log->commit_count; i++)
        log->commit_batches[i]->state = AK_BATCH_COMMITTING;
    ak_pipeline_start(log);
}

void ak_pipeline_start(struct ak_runlog *log)
{
    log->commit_note = log->note;
    log->commit_note_len = log->note_len;
    log->note = NULL;
    if (log->commit_count > 0 && log->commit_batches[0]->new_segment && log->checkpoint != NULL) {
        log->commit_checkpoint = malloc(log->checkpoint_len);
        log->commit_checkpoint_len = log->commit_checkpoint != NULL ? log->checkpoint_len : 0;
        if (log->commit_checkpoint != NULL)
            memcpy(log->commit_checkpoint, log->checkpoint, log->checkpoint_len);
    }
    log->commit_wall = log->server->wall;
    log->commit_work.data = log;
    log->committing = true;
    if (uv_queue_work(&log->server->loop, &log->commit_work, commit_work, commit_done) != 0)
        abort(); /* only for a missing callback: our own mistake */
}
