/* manifest.c - the way of a segment that is full: to the sealer, then its manifest into the log,
 * then its open file goes (storage-notes 2.3, S4 and S5). */
#include "manifest.h"

#include "log.h"
#include "sealer.h"
#include "server.h"

#include <akashi/format.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SEALER (-1)
#define RETRY_NS  60000000000ull /* what failed for room or memory is offered again */
#define QUICK_BYTES_MAX                                                                            \
    8388608u /* a last segment up to this is compressed anew: under a second                       \
              */

/* A segment between sealed and done. */
struct ak_seal_wait {
    struct ak_seal_wait *next;
    uint64_t first;
    uint64_t end;
    uint64_t open_bytes;
    uint64_t manifest; /* index of its manifest, or UINT64_MAX while that waits for room */
    uint64_t retry_at; /* boot time; not 0: it is not sealed yet */
};

static struct ak_seal_wait *add_wait(struct ak_runlog *log, uint64_t first, uint64_t end)
{
    struct ak_seal_wait *wait = calloc(1, sizeof(*wait));

    if (wait == NULL)
        return NULL; /* the next start finds it */
    wait->first = first;
    wait->end = end;
    wait->manifest = UINT64_MAX;
    wait->next = log->seal_waits;
    log->seal_waits = wait;
    return wait;
}

static void on_sealed(void *ctx, const struct ak_sealed *sealed)
{
    struct ak_runlog *log = ctx;
    struct ak_seal_wait *wait;
    struct ak_payload p;

    ak_log(AK_LOG_INFO,
           "log %s: sealed %s: entries %" PRIu64 " to %" PRIu64 ", %" PRIu64
           " bytes (open: %" PRIu64 ")",
           log->options.name, sealed->file, sealed->first, sealed->end - 1, sealed->bytes,
           sealed->open_bytes);
    if (sealed->open_bytes > 0)
        log->bytes += sealed->bytes; /* beside the open file until that goes */
    if (log->stopping)
        return; /* the next process writes the manifest */
    ak_server_look(log->server);
    ak_payload_begin(&p, "manifest");
    ak_payload_dec(&p, "first", sealed->first);
    ak_payload_dec(&p, "end", sealed->end);
    ak_payload_number(&p, "generation", sealed->generation);
    ak_payload_string(&p, "file", sealed->file);
    ak_payload_dec(&p, "bytes", sealed->bytes);
    ak_payload_bytes(&p, "sha512", sealed->sha512, sizeof(sealed->sha512));
    ak_payload_bytes(&p, "header", sealed->header.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "root", sealed->root.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "positions", sealed->positions.b, AK_HASH_BYTES);
    ak_runlog_own(log, AK_KIND_MANIFEST, &p);
    wait = add_wait(log, sealed->first, sealed->end);
    if (wait != NULL)
        wait->open_bytes = sealed->open_bytes;
}

static void tell_corruption(struct ak_runlog *log, uint64_t first, uint64_t good,
                            const struct ak_error *fault)
{
    struct ak_payload p;
    char file[AK_FILE_NAME_BYTES];

    (void)snprintf(file, sizeof(file), "%020" PRIu64 ".open.zst", first);
    ak_log(
        AK_LOG_ERROR,
        "log %s: %s is damaged and stays as it is: %s. Look at the disk; akashi-verify names the "
        "place, and a backup of that file can be put in its place while the collector is "
        "stopped.",
        log->options.name, file, fault->text);
    if (log->stopping)
        return; /* its last entry is written; the next start finds the file again */
    ak_payload_event(&p, "corruption", "collector");
    ak_payload_string(&p, "file", file);
    ak_payload_string(&p, "reason", fault->text);
    ak_payload_dec(&p, "good", good);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

static void on_unsealed(void *ctx, uint64_t first, uint64_t end, uint64_t good,
                        const struct ak_error *fault)
{
    struct ak_runlog *log = ctx;
    struct ak_seal_wait *wait;

    ak_server_look(log->server);
    if (fault->code == AK_EINTEGRITY || fault->code == AK_EUNSUPPORTED) {
        if (!log->stopping)
            tell_corruption(log, first, good, fault);
        return;
    }
    ak_log(AK_LOG_WARNING,
           "log %s: the segment at %" PRIu64
           " could not be sealed and is tried again: %s. Nothing is lost; it stays larger.",
           log->options.name, first, fault->text);
    wait = add_wait(log, first, end);
    if (wait != NULL)
        wait->retry_at = log->server->boot + RETRY_NS;
}

void ak_manifest_begin(struct ak_runlog *log, const struct ak_vkey *log_key,
                       const struct ak_vkey *epoch_key)
{
    struct ak_error err = {0};
    const struct ak_sealer_client client = {.ctx = log,
                                            .log = {.log_dir_fd = log->dir_fd,
                                                    .tmp_fd = log->server->store.tmp_fd,
                                                    .tmp_name = log->id,
                                                    .origin = log->origin,
                                                    .log_key = *log_key,
                                                    .epoch_key = *epoch_key},
                                            .on_sealed = on_sealed,
                                            .on_unsealed = on_unsealed};

    if (ak_sealer_add(log->server->sealer, &client, log->durable, &log->sealer_slot, &err) == AK_OK)
        return;
    log->sealer_slot = NO_SEALER;
    ak_log(AK_LOG_WARNING, "log %s: its segments are not sealed until the next start: %s",
           log->options.name, err.text);
}

void ak_manifest_end(struct ak_runlog *log)
{
    while (log->seal_waits != NULL) {
        struct ak_seal_wait *wait = log->seal_waits;
        log->seal_waits = wait->next;
        free(wait);
    }
}

void ak_manifest_rolled(struct ak_runlog *log, uint64_t next)
{
    if (log->segment_live && log->segment_first < next && log->sealer_slot != NO_SEALER)
        ak_sealer_post(log->server->sealer, log->sealer_slot, log->segment_first, next);
    log->segment_live = true;
}

void ak_manifest_committed(struct ak_runlog *log)
{
    struct ak_seal_wait **at = &log->seal_waits;

    while (*at != NULL) {
        struct ak_seal_wait *wait = *at;
        if (wait->retry_at == 0 && wait->manifest == UINT64_MAX && log->pending_head == NULL &&
            log->next_index > 0)
            wait->manifest = log->next_index - 1; /* the manifest's, or one behind it */
        if (wait->retry_at != 0 || wait->manifest >= log->durable) {
            at = &wait->next;
            continue;
        }
        ak_sealer_remove(log->server->sealer, log->sealer_slot, wait->first);
        log->bytes -= wait->open_bytes < log->bytes ? wait->open_bytes : log->bytes;
        *at = wait->next;
        free(wait);
    }
}

void ak_manifest_tick(struct ak_runlog *log)
{
    struct ak_seal_wait **at = &log->seal_waits;

    while (*at != NULL) {
        struct ak_seal_wait *wait = *at;
        if (wait->retry_at == 0 || log->server->boot < wait->retry_at) {
            at = &wait->next;
            continue;
        }
        ak_sealer_post(log->server->sealer, log->sealer_slot, wait->first, wait->end);
        *at = wait->next;
        free(wait);
    }
}

void ak_manifest_last(struct ak_runlog *log)
{
    if (log->segment_live && log->durable > log->segment_first && !log->write_failed &&
        log->sealer_slot != NO_SEALER)
        ak_sealer_last(log->server->sealer, log->sealer_slot, log->segment_first, log->durable,
                       log->segment_size > QUICK_BYTES_MAX);
}
