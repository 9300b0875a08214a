/* duties.c - what a log does by itself: flush what is due, states, silence, clock, room, signing's
 * answers, start and end. */
#include "anchors.h"
#include "clock.h"
#include "cosign_client.h"
#include "epochs.h"
#include "expect.h"
#include "log.h"
#include "manifest.h"
#include "pipeline.h"
#include "room.h"
#include "server.h"
#include "stamps.h"

#include <akashi/format.h>

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S         1000000000ull
#define NOTE_WAIT_NS     10000000ull /* an idle log's note is written by itself after this */
#define CLOCK_JUMP_NS    NS_PER_S    /* wall against boot clock: more is told as a step */
#define UNSIGNED_NS      NS_PER_S    /* the signer's silence is told after this */
#define BACK_PRESSURE_NS NS_PER_S    /* shorter waits are the ordinary way of holding back */

static bool interval_over(const struct ak_runlog *log)
{
    return log->server->boot - log->filling_since >= log->options.interval_ns;
}

/* A batch for which somebody waits goes as soon as the last commit ended; others wait their
 * interval (storage-notes 4, defaults a to c). */
static bool filling_is_due(const struct ak_runlog *log)
{
    if (log->filling == NULL || log->filling->count == 0 || log->committing ||
        log->closed_head != NULL || log->retry_at > log->server->boot)
        return false;
    if (log->stopping || log->segment_wanted)
        return true;
    if (log->filling->waited_for)
        return log->server->boot - log->last_commit >= log->options.interval_min_ns;
    return interval_over(log);
}

void ak_runlog_flush(struct ak_runlog *log)
{
    ak_epoch_turn(log);
    if (filling_is_due(log))
        ak_pipeline_close(log);
    else
        ak_pipeline_go(log);
    if (!log->committing && log->note != NULL && log->commit_count == 0 &&
        log->retry_at <= log->server->boot &&
        (log->stopping || log->server->boot - log->note_since >= NOTE_WAIT_NS) &&
        ak_writer_segment(log->writer, NULL) != UINT64_MAX)
        ak_pipeline_start(log);
}

void ak_runlog_on_note(void *ctx, char *note, size_t len, uint64_t size)
{
    struct ak_runlog *log = ctx;
    char *copy = malloc(len);

    ak_server_look(log->server);
    log->stats.signed_size = log->signed_size = size;
    /* The signer lives; with commits in between there is always something that it has not seen. */
    log->unsigned_since = size >= log->durable ? 0 : log->server->boot;
    log->unsigned_told = false;
    free(log->note);
    log->note = note;
    log->note_len = len;
    log->note_since = log->server->boot;
    if (copy != NULL) {
        memcpy(copy, note, len);
        free(log->checkpoint);
        log->checkpoint = copy;
        log->checkpoint_len = len;
    }
    ak_runlog_flush(log);
}

static void stop_signing(struct ak_runlog *log, const char *cause)
{
    struct ak_payload p;

    log->unsigned_since = 0;
    log->unsigned_told = log->refused = true;
    (void)snprintf(log->cause, sizeof(log->cause), "%s", cause);
    ak_payload_event(&p, "signing-stopped", "collector");
    ak_payload_string(&p, "reason", cause);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

void ak_runlog_on_refused(void *ctx, const struct ak_error *err)
{
    struct ak_runlog *log = ctx;

    ak_server_look(log->server);
    stop_signing(log, err->text);
    ak_log(AK_LOG_ERROR, "log %s: %s", log->options.name, err->text);
}

void ak_runlog_not_signed(struct ak_runlog *log, const char *cause)
{
    stop_signing(log, cause);
    if (log->server->manner != AK_UNSIGNED_SUCCEEDED)
        return; /* opened for the command that is the way on */
    if (log->succeeds)
        ak_log(AK_LOG_ERROR,
               "log %s: receiving, not signed: %s. Go on with: akashi-collector succeed --store %s "
               "--log %s",
               log->options.name, cause, log->server->config->store, log->options.name);
    else
        ak_log(AK_LOG_ERROR,
               "log %s: receiving, not signed: %s. Put the key back and start again: what came "
               "meanwhile is signed then. If it is gone for good: akashi-collector succeed --store "
               "%s --log %s",
               log->options.name, cause, log->server->config->store, log->options.name);
}

void ak_runlog_on_published(void *ctx, const char *note, size_t len, const struct ak_range *more)
{
    ak_cosign_published(ctx, note, len, more);
    ak_stamps_published(ctx, note, len, more->end);
}

static void look_at_silence(struct ak_runlog *log)
{
    uint32_t count = ak_sources_count(log->sources);

    for (uint32_t i = AK_ORDINALS_OWN; i < count; i++) {
        struct ak_source *source = ak_sources_at(log->sources, i);
        struct ak_payload p;
        if (source->silent || source->silence_ns == 0 || source->at.next_seq == 0 ||
            log->server->wall < source->at.last_received + source->silence_ns)
            continue;
        source->silent = true;
        ak_payload_event(&p, "silence", "sender");
        ak_payload_number(&p, "source", i);
        ak_payload_dec(&p, "since", source->at.last_received);
        ak_runlog_own(log, AK_KIND_EVENT, &p);
        ak_log(AK_LOG_WARNING, "log %s: source %s is silent. Look whether it still sends here.",
               log->options.name, source->label);
    }
}

/* A jump of the wall clock, forward or back, that no entry has shown yet. */
static void look_at_clock(struct ak_runlog *log)
{
    int64_t offset = (int64_t)(log->server->wall - log->server->boot);
    int64_t jump = offset - log->wall_offset;
    struct ak_payload p;

    if (log->wall_offset != 0 && (jump > (int64_t)CLOCK_JUMP_NS)) {
        ak_payload_event(&p, "clock-step", "collector");
        ak_payload_dec(&p, "old", log->server->wall - (uint64_t)jump);
        ak_payload_dec(&p, "new", log->server->wall);
        ak_payload_dec(&p, "boottime", log->server->boot);
        ak_payload_string(&p, "boot_id", ak_clock_boot_id());
        ak_runlog_own(log, AK_KIND_EVENT, &p);
        ak_log(AK_LOG_WARNING, "log %s: the clock jumped forward by %.3f s", log->options.name,
               (double)jump / 1e9);
    }
    log->wall_offset = offset;
}

static void look_at_back_pressure(struct ak_runlog *log)
{
    struct ak_payload p;
    bool long_wait = log->waiting != NULL && log->waiting_since != 0 &&
                     log->server->wall > log->waiting_since + BACK_PRESSURE_NS;

    if (log->waiting == NULL)
        log->waiting_since = 0;
    if (long_wait == log->back_pressure_told)
        return;
    log->back_pressure_told = long_wait;
    ak_payload_event(&p, long_wait ? "back-pressure-on" : "back-pressure-off", "collector");
    ak_payload_dec(&p, "since", long_wait ? log->waiting_since : log->server->wall);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

static void look_at_signer(struct ak_runlog *log)
{
    struct ak_payload p;

    if (log->unsigned_told || log->unsigned_since == 0 ||
        log->server->boot - log->unsigned_since < UNSIGNED_NS)
        return;
    log->unsigned_told = true;
    ak_payload_event(&p, "unsigned", "collector");
    ak_payload_dec(&p, "since", log->server->wall - UNSIGNED_NS);
    ak_payload_dec(&p, "until", log->server->wall);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

/* By size at once; by age only if it holds more than the log's own housekeeping. */
void ak_runlog_look_at_segment(struct ak_runlog *log)
{
    bool old = log->segment_used && log->options.segment_age_ns != 0 &&
               log->server->boot - log->segment_opened >= log->options.segment_age_ns;

    if (!log->segment_wanted && !log->segment_rolling && log->durable > 0 &&
        (old || log->segment_size >= log->options.segment_bytes) &&
        ak_writer_segment(log->writer, NULL) != UINT64_MAX)
        log->segment_wanted = true;
}

void ak_runlog_tick(struct ak_runlog *log)
{
    if (log->stopping)
        return;
    look_at_clock(log);
    look_at_silence(log);
    ak_runlog_expect_tick(log);
    look_at_back_pressure(log);
    look_at_signer(log);
    ak_runlog_look_at_segment(log);
    ak_manifest_tick(log);
    ak_room_look(log);
    ak_room_tick(log);
    ak_epoch_tick(log);
    ak_stamps_tick(log);
    ak_anchors_tick(log);
    if (!log->full && log->server->boot >= log->next_state)
        ak_runlog_state(log);
    ak_runlog_flush(log);
}
