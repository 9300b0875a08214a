/* lifetime.c - how a log begins and ends in one process.
 *
 * Begin: keys, recovery, writer, signer, then the entries of a start (start, recovery and gap
 * where they apply, configuration, state). End: state and stop, commit, note. */
#include "anchors.h"
#include "clock.h"
#include "epochs.h"
#include "expect.h"
#include "key_channel.h"
#include "log.h"
#include "manifest.h"
#include "orders.h"
#include "pipeline.h"
#include "recover.h"
#include "room.h"
#include "server.h"
#include "stamps.h"
#include "store.h"

#include <akashi/format.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ak_runlog_tell_torn(struct ak_runlog *log, const struct ak_torn *torn)
{
    struct ak_payload p;

    ak_payload_event(&p, torn->corruption ? "corruption" : "recovery", "collector");
    ak_payload_string(&p, "file", torn->file);
    ak_payload_dec(&p, "good", torn->good);
    if (torn->corruption) {
        ak_payload_string(&p, "reason", torn->reason);
    } else {
        ak_payload_dec(&p, "cut", torn->cut);
        ak_payload_bytes(&p, "sha256", torn->sha256.b, AK_HASH_BYTES);
        ak_payload_dec(&p, "size", torn->size);
    }
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    if (torn->corruption)
        ak_log(AK_LOG_ERROR, "log %s: %s: %s. It is left as it is; akashi-verify names the place.",
               log->options.name, torn->file, torn->reason);
    else if (torn->cut == 0)
        ak_log(AK_LOG_NOTICE,
               "log %s: recovered: the last process did not end in order; every commit in %s is "
               "there",
               log->options.name, torn->file);
    else
        ak_log(
            AK_LOG_NOTICE,
            "log %s: recovered: %llu bytes behind the last commit in %s were never acknowledged; "
            "they are kept and recorded",
            log->options.name, (unsigned long long)torn->cut, torn->file);
}

static void tell_start(struct ak_runlog *log, const struct ak_recovered *recovered,
                       const struct ak_hash *configuration)
{
    struct ak_payload p;

    ak_epoch_first(log);
    ak_payload_event(&p, "start", "collector");
    ak_payload_string(&p, "version", AKASHI_VERSION);
    ak_payload_dec(&p, "claim", log->claim);
    ak_payload_number(&p, "pid", (uint64_t)getpid());
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    for (unsigned i = 0; i < recovered->torn_count; i++)
        ak_runlog_tell_torn(log, &recovered->torn[i]);
    ak_payload_event(&p, "gap", "collector");
    ak_payload_dec(&p, "since", recovered->positions.received);
    ak_payload_dec(&p, "until", log->server->wall);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    ak_payload_event(&p, "configuration", "operator");
    ak_payload_bytes(&p, "sha256", configuration->b, AK_HASH_BYTES);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    ak_runlog_state(log);
}

static enum ak_code on_declared(void *ctx, uint32_t ordinal, const void *payload, size_t len,
                                struct ak_error *err)
{
    struct ak_runlog *log = ctx;

    struct ak_identity lost;

    if (ordinal != ak_sources_count(log->sources))
        return ak_fail(err, AK_EMALFORMED, "source %u is declared out of order", ordinal);
    if (payload != NULL)
        return ak_sources_load(log->sources, payload, len, err);
    memset(&lost, 0, sizeof(lost)); /* an identity that no peer has */
    memcpy(lost.value, &ordinal, sizeof(ordinal));
    return ak_sources_add(log->sources, &lost, "(its declaration is damaged)", &ordinal, err);
}

/* Numbering goes on where the log ends. */
static void take_positions(struct ak_runlog *log, const struct ak_recovered *recovered)
{
    for (uint32_t i = 0; i < recovered->positions.count; i++) {
        struct ak_source *source = ak_sources_at(log->sources, i);
        source->at = recovered->positions.at[i];
        source->silence_ns = i < AK_ORDINALS_OWN ? 0 : log->options.silence_ns;
    }
    log->next_index = log->durable = log->began = recovered->range.end;
    log->received = recovered->positions.received;
    log->clock_run = recovered->positions.clock_run;
    log->claim = recovered->claim + 1;
}

static enum ak_code begin_writer(struct ak_runlog *log, const struct ak_recovered *recovered,
                                 struct ak_error *err)
{
    struct ak_writer_options options = {
        .log_dir_fd = log->dir_fd,
        .origin = log->origin,
        .epoch_note = log->epoch_note,
        .epoch_note_len = recovered->epoch_note_len,
        .claim = log->claim,
        .previous = recovered->previous,
    };

    return ak_writer_new(&options, &recovered->range, &log->writer, err);
}

static enum ak_code begin_signing(struct ak_runlog *log, struct ak_keys *keys,
                                  const struct ak_recovered *recovered, struct ak_error *err)
{
    struct ak_signer_client client = {
        .ctx = log,
        .keys = keys,
        .log_dir_fd = log->dir_fd,
        .tmp_fd = log->server->store.tmp_fd,
        .tmp_name = log->id,
        .on_note = ak_runlog_on_note,
        .on_refused = ak_runlog_on_refused,
        .on_ended = ak_epoch_on_ended,
        .on_begun = ak_epoch_on_begun,
        .on_published = ak_runlog_on_published,
    };
    enum ak_code rc;

    if (ak_keys_only_public(keys)) {
        ak_keys_free(keys); /* they have said what they know */
        log->signer_slot = AK_SIGNER_NONE;
        return AK_OK;
    }
    rc = ak_signer_add(log->server->signer, &client, &log->signer_slot, err);
    if (rc == AK_OK && recovered->more.end > recovered->more.begin)
        ak_signer_post(log->server->signer, log->signer_slot, &recovered->more);
    return rc;
}

static enum ak_code open_directory(struct ak_runlog *log, struct ak_error *err)
{
    char next[AK_STORE_NAME_BYTES_MAX + 1];
    enum ak_code rc;

    ak_store_next_name(log->options.name, next);
    rc = ak_store_find(log->server->store.fd, log->succeeds ? next : log->options.name, log->id,
                       err);
    if (rc == AK_OK)
        rc = ak_store_origin(log->server->store.fd, log->id, log->origin, err);
    if (rc != AK_OK)
        return rc;
    log->dir_fd =
        openat(log->server->store.fd, log->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (log->dir_fd < 0)
        return ak_fail_errno(err, errno, "open the directory of log %s", log->options.name);
    return AK_OK;
}

void ak_runlog_configure(struct ak_runlog *log, const struct ak_runlog_options *options)
{
    log->options = *options;
    log->options.name = log->name;
    log->options.source = NULL;
}

/* Keys, recovery, epoch: what says where the log goes on. */
static enum ak_code resume(struct ak_runlog *log, struct ak_runlog_opening *opening,
                           struct ak_keys **keys, struct ak_recovered *recovered,
                           struct ak_error *err)
{
    struct ak_server *server = log->server;
    enum ak_code rc = open_directory(log, err);

    *keys = NULL;
    if (rc != AK_OK)
        return rc;
    memcpy(opening->origin, log->origin, sizeof(opening->origin));
    opening->at_keys = true;
    rc = opening->cause != NULL
             ? ak_keys_load_public(server->store.keys_fd, log->origin, keys, err)
             : ak_key_channel_load(server->keys, server->store.keys_fd, log->origin, keys, err);
    if (rc != AK_OK)
        return rc;
    opening->at_keys = false;
    rc = ak_recover(log->dir_fd, log->origin, *keys, on_declared, log, recovered, err);
    return rc == AK_OK ? ak_epoch_resume(log, *keys, recovered, err) : rc;
}

/* The log is there; its duties begin. */
static void begin(struct ak_runlog *log, const struct ak_vkey *log_key,
                  struct ak_recovered *recovered, const struct ak_runlog_opening *opening)
{
    ak_room_count(log);
    log->checkpoint = recovered->note;
    log->checkpoint_len = recovered->note_len;
    recovered->note = NULL;
    ak_room_begin(log);
    ak_manifest_begin(log, log_key);
    tell_start(log, recovered, opening->configuration);
    if (opening->cause != NULL)
        ak_runlog_not_signed(log, opening->cause);
}

enum ak_code ak_runlog_open_as(struct ak_server *server, struct ak_runlog_opening *opening,
                               struct ak_runlog **out, struct ak_error *err)
{
    const struct ak_runlog_options *options = opening->options;
    struct ak_runlog *log = calloc(1, sizeof(*log));
    struct ak_recovered *recovered = calloc(1, sizeof(*recovered));
    struct ak_keys *keys = NULL;
    struct ak_vkey log_key;
    enum ak_code rc;

    opening->at_keys = false;
    opening->origin[0] = '\0';
    if (log == NULL || recovered == NULL) {
        free(log);
        free(recovered);
        return ak_fail(err, AK_ENOMEM, "no memory for log %s", options->name);
    }
    log->server = server;
    (void)snprintf(log->name, sizeof(log->name), "%s", options->name);
    ak_runlog_configure(log, options);
    log->dir_fd = -1;
    log->key_group = UINT64_MAX;
    log->segment_wanted = true; /* a new process begins a new segment */
    log->succeeds = opening->succeeds;
    log->sources = ak_sources_new();
    rc = log->sources != NULL ? resume(log, opening, &keys, recovered, err)
                              : ak_fail(err, AK_ENOMEM, "no memory");
    if (rc == AK_OK) {
        take_positions(log, recovered);
        log->epoch_note = recovered->epoch_note;
        recovered->epoch_note = NULL;
        rc = begin_writer(log, recovered, err);
    }
    if (rc == AK_OK) {
        log_key = *ak_keys_log(keys);
        rc = begin_signing(log, keys, recovered, err);
    }
    if (rc != AK_OK) {
        ak_keys_free(keys);
        ak_runlog_free(log);
    } else {
        begin(log, &log_key, recovered, opening);
        *out = log;
    }
    ak_recovered_free(recovered);
    free(recovered);
    return rc;
}

void ak_runlog_free(struct ak_runlog *log)
{
    if (log == NULL)
        return;
    assert(!log->committing && log->held == 0);
    while (log->pending_head != NULL) {
        struct ak_pending_own *own = log->pending_head;
        log->pending_head = own->next;
        free(own);
    }
    ak_room_end(log);
    ak_runlog_expect_free(log);
    ak_stamps_free(log);
    ak_anchors_free(log);
    ak_manifest_end(log);
    ak_orders_free(log);
    ak_writer_free(log->writer);
    free(log->epoch_note);
    ak_epoch_free(log);
    ak_sources_free(log->sources);
    free(log->note);
    free(log->checkpoint);
    if (log->dir_fd >= 0)
        (void)close(log->dir_fd);
    free(log);
}

void ak_runlog_stop(struct ak_runlog *log, const char *reason)
{
    struct ak_payload p;

    if (!log->stopped_entries_written) {
        ak_room_stop(log);
        ak_epoch_stop(log);
        ak_runlog_state(log);
        ak_payload_event(&p, "stop", "operator");
        ak_payload_string(&p, "reason", reason);
        ak_runlog_own(log, AK_KIND_EVENT, &p);
        log->stopped_entries_written = true;
    }
    log->stopping = true;
    ak_runlog_flush(log);
}

bool ak_runlog_stopped(const struct ak_runlog *log)
{
    return log->stopping && log->filling == NULL && log->closed_head == NULL && !log->committing &&
           log->note == NULL && log->unsigned_since == 0 && !log->epoch.gate;
}
