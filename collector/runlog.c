/* runlog.c - numbering and filling: from bytes handed over to entries of the filling batch.
 *
 * Every entry gets its index, its time and its place in its source here, once, in the loop's
 * thread; nothing later changes them. */
#include "runlog.h"

#include "clock.h"
#include "cosign_client.h"
#include "epochs.h"
#include "log.h"
#include "pipeline.h"
#include "server.h"

#include <akashi/format.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_FALL_NS 100000000u /* format.md 3.3: a greater fall begins a new clock run */

static bool room_in(const struct ak_runlog *log, size_t len)
{
    const struct ak_batch *batch = log->filling;

    return batch != NULL && batch->used + len + AK_RESERVE_OWN_BYTES < AK_BATCH_TEXT_MAX &&
           batch->count + 16 < AK_BATCH_ENTRIES_MAX && batch->run_count + 16 < AK_BATCH_RUNS_MAX;
}

bool ak_runlog_ready(struct ak_runlog *log)
{
    if (log->full || log->stopping || ak_epoch_gate(log) || ak_cosign_gate(log))
        return false;
    if (room_in(log, log->options.record_bytes_max))
        return true;
    /* A declaration may take the first batch and the record the second. */
    if (ak_server_batches_left(log->server, log) >= 2)
        return true;
    if (log->filling != NULL && log->filling->count > 0)
        ak_pipeline_close(log); /* what waits in it becomes durable and its batch comes back */
    return false;
}

void ak_runlog_wait(struct ak_runlog *log, struct ak_reader *reader)
{
    assert(!reader->waiting);
    reader->waiting = true;
    reader->next = log->waiting;
    log->waiting = reader;
    if (log->waiting_since == 0)
        log->waiting_since = log->server->wall;
}

void ak_runlog_unwait(struct ak_runlog *log, struct ak_reader *reader)
{
    struct ak_reader **at = &log->waiting;

    if (!reader->waiting)
        return;
    while (*at != reader)
        at = &(*at)->next;
    *at = reader->next;
    reader->waiting = false;
}

/* Makes sure that a payload of `len` bytes fits the filling batch. */
static bool make_room(struct ak_runlog *log, size_t len)
{
    if (log->filling != NULL && !ak_batch_fits(log->filling, len))
        ak_pipeline_close(log);
    if (log->filling == NULL) {
        log->filling = ak_server_batch_take(log->server, log);
        log->filling_since = log->server->boot;
        if (log->filling != NULL)
            log->filling->form = log->options.form;
    }
    return log->filling != NULL;
}

/* Puts one entry into the filling batch, which has room. */
static uint64_t put(struct ak_runlog *log, uint8_t kind, uint32_t ordinal, const void *data,
                    size_t len, struct ak_acker *acker)
{
    struct ak_source *source = ak_sources_at(log->sources, ordinal);
    uint64_t index = log->next_index++;
    struct ak_run run = {
        .received = log->received,
        .seq = source->at.next_seq,
        .source = ordinal,
        .clock_run = log->clock_run,
        .kind = kind,
        .ack = acker,
    };

    ak_batch_add(log->filling, &run, data, len);
    source->at.next_seq++;
    source->at.last_index = index;
    source->at.last_received = log->received;
    if (acker != NULL)
        log->filling->waited_for = true;
    return index;
}

static void put_own_now(struct ak_runlog *log, uint8_t kind, const char *data, size_t len)
{
    (void)put(log, kind, kind, data, len, NULL);
}

static void put_pending(struct ak_runlog *log)
{
    while (!ak_epoch_gate(log) && log->pending_head != NULL &&
           make_room(log, log->pending_head->len)) {
        struct ak_pending_own *own = log->pending_head;
        log->pending_head = own->next;
        if (log->pending_head == NULL)
            log->pending_tail = NULL;
        log->pending_count--;
        put_own_now(log, own->kind, own->data, own->len);
        free(own);
    }
}

/* The clock fell back: the event that says so is the first entry of the new run (3.3). */
static void begin_clock_run(struct ak_runlog *log, uint64_t now)
{
    struct ak_payload p;

    ak_payload_event(&p, "clock-step", "collector");
    ak_payload_dec(&p, "old", log->received);
    ak_payload_dec(&p, "new", now);
    ak_payload_dec(&p, "boottime", log->server->boot);
    ak_payload_string(&p, "boot_id", ak_clock_boot_id());
    log->clock_run++;
    log->received = now;
    ak_log(AK_LOG_WARNING,
           "log %s: the clock fell back; records keep their order, times begin a new run (%u)",
           log->options.name, log->clock_run);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

/* Gives the log's time for this turn (format.md 3.3). */
static void stamp(struct ak_runlog *log)
{
    uint64_t now = log->server->wall;

    if (now >= log->received)
        log->received = now;
    else if (log->received - now > CLOCK_FALL_NS && log->clock_run < UINT16_MAX)
        begin_clock_run(log, now);
}

void ak_runlog_own(struct ak_runlog *log, uint8_t kind, struct ak_payload *payload)
{
    struct ak_error err = {0};
    char *data;
    size_t len;

    if (ak_payload_end(payload, &data, &len, &err) != AK_OK) {
        ak_log(AK_LOG_ERROR, "log %s: an entry of its own could not be made: %s", log->options.name,
               err.text);
        return;
    }
    ak_runlog_own_text(log, kind, data, len);
    free(data);
}

void ak_runlog_own_text(struct ak_runlog *log, uint8_t kind, const char *data, size_t len)
{
    struct ak_pending_own *own;

    if (log->pending_head == NULL && !ak_epoch_gate(log))
        stamp(log); /* before the room is looked at: it may add an entry itself */
    if (log->pending_head == NULL && !ak_epoch_gate(log) && make_room(log, len)) {
        put_own_now(log, kind, data, len);
        return;
    }
    own = log->pending_count < AK_PENDING_OWN_MAX ? malloc(sizeof(*own) + len) : NULL;
    if (own == NULL) {
        log->pending_lost++;
        return;
    }
    own->next = NULL;
    own->kind = kind;
    own->len = len;
    memcpy(own->data, data, len);
    if (log->pending_tail != NULL)
        log->pending_tail->next = own;
    else
        log->pending_head = own;
    log->pending_tail = own;
    log->pending_count++;
}

static enum ak_code declare(struct ak_runlog *log, const struct ak_identity *identity,
                            const struct ak_declaration *declaration, uint32_t *ordinal,
                            struct ak_error *err)
{
    const char *label = declaration->name != NULL      ? declaration->name
                        : declaration->address != NULL ? declaration->address
                                                       : declaration->listener;
    struct ak_payload p;
    enum ak_code rc;
    char *data;
    size_t len;

    ak_payload_begin(&p, "source");
    ak_payload_string(&p, "transport", declaration->transport);
    ak_payload_string(&p, "listener", declaration->listener);
    ak_payload_string(&p, "identity", declaration->identity);
    if (declaration->address != NULL)
        ak_payload_string(&p, "address", declaration->address);
    if (declaration->name != NULL)
        ak_payload_string(&p, "name", declaration->name);
    if (declaration->fingerprint != NULL)
        ak_payload_bytes(&p, "fingerprint", declaration->fingerprint, AK_HASH_BYTES);
    ak_payload_bool(&p, "relay", declaration->relay);
    rc = ak_payload_end(&p, &data, &len, err);
    if (rc != AK_OK)
        return rc;
    stamp(log);
    if (!make_room(log, len)) {
        free(data);
        return ak_fail(err, AK_ENOMEM, "no batch for a declaration");
    }
    rc = ak_sources_add(log->sources, identity, label, ordinal, err);
    if (rc == AK_OK) {
        ak_sources_at(log->sources, *ordinal)->at.declared = log->next_index;
        ak_sources_at(log->sources, *ordinal)->silence_ns = log->options.silence_ns;
        put_own_now(log, AK_KIND_SOURCE, data, len);
        assert(*ordinal + 1 ==
               AK_ORDINALS_OWN + ak_sources_at(log->sources, AK_KIND_SOURCE)->at.next_seq);
    }
    free(data);
    return rc;
}

uint32_t ak_runlog_source(struct ak_runlog *log, const struct ak_identity *identity,
                          const struct ak_declaration *declaration)
{
    uint32_t ordinal = ak_sources_find(log->sources, identity);
    struct ak_error err = {0};

    if (ordinal != 0)
        return ordinal;
    if (declare(log, identity, declaration, &ordinal, &err) != AK_OK) {
        ak_log(AK_LOG_ERROR,
               "log %s: a new sender cannot be declared, nothing is taken from it: %s",
               log->options.name, err.text);
        return 0;
    }
    return ordinal;
}

static void tell_resumed(struct ak_runlog *log, uint32_t ordinal)
{
    struct ak_source *source = ak_sources_at(log->sources, ordinal);
    struct ak_payload p;

    source->silent = false;
    ak_payload_event(&p, "resumed", "sender");
    ak_payload_number(&p, "source", ordinal);
    ak_payload_dec(&p, "since", source->at.last_received);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    ak_log(AK_LOG_NOTICE, "log %s: source %s sends again", log->options.name, source->label);
}

uint64_t ak_runlog_record(struct ak_runlog *log, uint32_t ordinal, uint8_t kind, const void *data,
                          size_t len, struct ak_acker *acker)
{
    assert(kind == AK_KIND_RECORD || kind == AK_KIND_FRAGMENT);
    stamp(log);
    if (log->pending_head != NULL)
        put_pending(log);
    if (ak_sources_at(log->sources, ordinal)->silent)
        tell_resumed(log, ordinal);
    if (!make_room(log, len))
        abort(); /* ak_runlog_ready said that there is room: going on would lose a record */
    log->stats.records += kind == AK_KIND_RECORD;
    log->stats.fragments += kind == AK_KIND_FRAGMENT;
    log->stats.bytes += len;
    log->segment_used = true;
    return put(log, kind, ordinal, data, len, acker);
}

void ak_runlog_start_note(struct ak_runlog *log, const void *note, size_t len)
{
    bool room = make_room(log, len);

    assert(room && log->next_index == log->epoch.index); /* nothing else is in the log's hands */
    (void)room;
    if (log->server->wall > log->received)
        log->received = log->server->wall; /* a clock that fell is told by what comes next */
    put_own_now(log, AK_KIND_EPOCH, note, len);
}

void ak_runlog_state(struct ak_runlog *log)
{
    struct ak_clock_sync sync;
    struct ak_payload p, clock;
    struct ak_hash root;
    char offset[24];

    if (ak_epoch_gate(log))
        return;
    if (log->pending_head != NULL)
        put_pending(log);
    stamp(log);
    if (log->pending_head != NULL || !make_room(log, AK_RESERVE_OWN_BYTES / 2))
        return; /* it speaks of now: later is another state */
    ak_clock_sync(&sync);
    ak_sources_positions_root(log->sources, &root);
    (void)snprintf(offset, sizeof(offset), "%" PRId64, sync.offset_ns);
    ak_payload_begin(&p, "state");
    ak_payload_dec(&p, "wall", log->server->wall);
    ak_payload_dec(&p, "boottime", log->server->boot);
    ak_payload_string(&p, "boot_id", ak_clock_boot_id());
    ak_payload_inner(&p, "clock", &clock);
    ak_payload_bool(&clock, "synchronized", sync.synchronized);
    ak_payload_dec(&clock, "max_error_us", sync.max_error_us);
    ak_payload_string(&clock, "offset_ns", offset);
    ak_payload_number(&p, "sources", ak_sources_count(log->sources) - AK_ORDINALS_OWN);
    ak_payload_bytes(&p, "positions", root.b, sizeof(root.b));
    ak_runlog_own(log, AK_KIND_STATE, &p);
    log->next_state = log->server->boot + log->options.state_ns;
}
