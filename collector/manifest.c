/* manifest.c - the way of a segment that is full: to the sealer, then its manifest into the log,
 * then its open file goes (storage-notes 2.3, S4 and S5).
 *
 * Nothing is sealed before a NOTE behind it is durable: the next start finds its footing there, and
 * the entries that tell of a tail are signed before that is moved into a file of its own. */
#include "manifest.h"

#include "log.h"
#include "orders.h"
#include "sealer.h"
#include "server.h"

#include <akashi/format.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_SEALER (-1)
#define RETRY_NS  60000000000ull /* what failed for room or memory is offered again */

/* A last segment of at most so much text and so many entries is cut into blocks anew: under a
 * second. Its file says nothing of that work, for commits of one record make it ten times as long.
 */
#define QUICK_TEXT_MAX    33554432u
#define QUICK_ENTRIES_MAX 262144u

/* A segment between sealed and done. */
struct ak_seal_wait {
    struct ak_seal_wait *next;
    enum { SEAL_UNSIGNED, SEAL_RETRY, SEAL_MANIFEST } state;
    uint64_t first;
    uint64_t end;
    uint64_t open_bytes;
    uint64_t entry;    /* UNSIGNED: a NOTE must be greater; MANIFEST: index of it, or of an entry
                          behind. UINT64_MAX while own entries wait for room */
    uint64_t retry_at; /* RETRY: boot time */
};

static struct ak_seal_wait *add_wait(struct ak_runlog *log, uint64_t first, uint64_t end)
{
    struct ak_seal_wait *wait = calloc(1, sizeof(*wait));
    struct ak_seal_wait **at = &log->seal_waits;

    if (wait == NULL)
        return NULL; /* the next start finds it */
    wait->first = first;
    wait->end = end;
    wait->entry = UINT64_MAX;
    while (*at != NULL) /* in the order of the log: positions go on from the FOOTER before */
        at = &(*at)->next;
    *at = wait;
    return wait;
}

void ak_manifest_write(struct ak_runlog *log, const struct ak_sealed *sealed)
{
    struct ak_payload p;

    ak_payload_begin(&p, "manifest");
    ak_payload_dec(&p, "first", sealed->first);
    ak_payload_dec(&p, "end", sealed->end);
    ak_payload_number(&p, "generation", sealed->generation);
    ak_payload_string(&p, "file", sealed->file);
    ak_payload_dec(&p, "bytes", sealed->bytes);
    ak_payload_bytes(&p, "sha512", sealed->sha512, sizeof(sealed->sha512));
    ak_payload_bytes(&p, "header", sealed->header.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "frames", sealed->frames.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "root", sealed->root.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "positions", sealed->positions.b, AK_HASH_BYTES);
    if (sealed->ordered)
        ak_payload_dec(&p, "order", sealed->order);
    ak_runlog_own(log, AK_KIND_MANIFEST, &p);
}

static void on_sealed(void *ctx, const struct ak_sealed *sealed)
{
    struct ak_runlog *log = ctx;
    struct ak_seal_wait *wait;

    ak_log(AK_LOG_INFO,
           "log %s: sealed %s: entries %" PRIu64 " to %" PRIu64 ", %" PRIu64
           " bytes (open: %" PRIu64 ")",
           log->options.name, sealed->file, sealed->first, sealed->end - 1, sealed->bytes,
           sealed->open_bytes);
    if (sealed->made)
        log->bytes += sealed->bytes; /* beside the open file until that goes */
    if (log->stopping)
        return; /* the next process writes the manifest */
    ak_server_look(log->server);
    ak_manifest_write(log, sealed);
    wait = add_wait(log, sealed->first, sealed->end);
    if (wait != NULL) {
        wait->state = SEAL_MANIFEST;
        wait->open_bytes = sealed->open_bytes;
    }
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
    if (fault->code == AK_EBUSY)
        return; /* we stop: the next start finds it */
    if (fault->code == AK_EINTEGRITY || fault->code == AK_EUNSUPPORTED) {
        if (!log->stopping)
            tell_corruption(log, first, good, fault);
        return;
    }
    if (fault->code == AK_ENOTFOUND) {
        ak_log(AK_LOG_WARNING,
               "log %s: the segment at %" PRIu64
               " is not sealed: %s. Nothing is lost; it stays larger, and the next start tries "
               "again.",
               log->options.name, first, fault->text);
        return;
    }
    ak_log(AK_LOG_WARNING,
           "log %s: the segment at %" PRIu64
           " could not be sealed and is tried again: %s. Nothing is lost; it stays larger.",
           log->options.name, first, fault->text);
    wait = add_wait(log, first, end);
    if (wait != NULL) {
        wait->state = SEAL_RETRY;
        wait->retry_at = log->server->boot + RETRY_NS;
    }
}

static void on_removed(void *ctx, uint64_t bytes)
{
    struct ak_runlog *log = ctx;

    log->bytes -= bytes < log->bytes ? bytes : log->bytes;
}

void ak_manifest_begin(struct ak_runlog *log, const struct ak_vkey *log_key)
{
    struct ak_error err = {0};
    const struct ak_sealer_client client = {.ctx = log,
                                            .log = {.log_dir_fd = log->dir_fd,
                                                    .tmp_fd = log->server->store.tmp_fd,
                                                    .tmp_name = log->id,
                                                    .origin = log->origin,
                                                    .log_key = *log_key,
                                                    .epochs = log->epoch.list},
                                            .on_sealed = on_sealed,
                                            .on_unsealed = on_unsealed,
                                            .on_removed = on_removed,
                                            .on_orders = ak_orders_on_read,
                                            .on_erased = ak_orders_on_erased,
                                            .on_torn_erased = ak_orders_on_torn};

    if (ak_sealer_add(log->server->sealer, &client, &log->sealer_slot, &err) == AK_OK)
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
        (void)add_wait(log, log->segment_first, next);
    log->segment_live = true;
}

/* Takes one step with one segment; true when nothing of it waits any more. */
static bool step(struct ak_runlog *log, struct ak_seal_wait *wait, uint64_t noted)
{
    if (wait->state != SEAL_RETRY && wait->entry == UINT64_MAX && log->pending_head == NULL &&
        log->next_index > 0)
        wait->entry = log->next_index - 1; /* what is to be waited for, or one behind it */
    switch (wait->state) {
    case SEAL_UNSIGNED:
        if (wait->entry >= noted)
            return false;
        ak_sealer_post(log->server->sealer, log->sealer_slot, wait->first, wait->end);
        return true;
    case SEAL_MANIFEST:
        if (wait->entry >= log->durable)
            return false;
        ak_sealer_remove(log->server->sealer, log->sealer_slot, wait->first);
        log->bytes -= wait->open_bytes < log->bytes ? wait->open_bytes : log->bytes;
        return true;
    case SEAL_RETRY:
        if (log->server->boot < wait->retry_at)
            return false;
        ak_sealer_post(log->server->sealer, log->sealer_slot, wait->first, wait->end);
        return true;
    }
    return false;
}

static void step_all(struct ak_runlog *log)
{
    uint64_t noted = ak_writer_noted(log->writer);
    struct ak_seal_wait **at = &log->seal_waits;

    while (*at != NULL) {
        struct ak_seal_wait *wait = *at;
        if (!step(log, wait, noted)) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        free(wait);
    }
}

void ak_manifest_durable(struct ak_runlog *log)
{
    /* Every NOTE of this process covers its first commit, and so what that tells of. */
    if (!log->seal_found && log->sealer_slot != NO_SEALER &&
        ak_writer_noted(log->writer) > log->began) {
        log->seal_found = true;
        ak_sealer_find(log->server->sealer, log->sealer_slot, log->began);
        ak_orders_read(log);
    }
    step_all(log);
    ak_orders_go(log);
}

void ak_manifest_tick(struct ak_runlog *log)
{
    if (!log->committing) {
        step_all(log);
        ak_orders_go(log);
    }
}

void ak_manifest_last(struct ak_runlog *log)
{
    /* What did not end, or is not signed, is the next start's. */
    if (log->segment_live && log->durable > log->segment_first && ak_runlog_stopped(log) &&
        ak_writer_noted(log->writer) >= log->durable && log->sealer_slot != NO_SEALER)
        ak_sealer_last(log->server->sealer, log->sealer_slot, log->segment_first, log->durable,
                       log->segment_text > QUICK_TEXT_MAX ||
                           log->durable - log->segment_first > QUICK_ENTRIES_MAX);
}
