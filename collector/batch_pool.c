/* batch_pool.c - the bytes in flight: batches shared fairly between logs, and the scratch of the
 * jobs that prepare them. None free means that readers stop; nothing is dropped here. */
#include "clock.h"
#include "server.h"

#include <stdlib.h>

struct ak_prepare_scratch_item {
    struct ak_prepare_scratch_item *next;
    struct ak_prepare_scratch *scratch;
};

void ak_server_look(struct ak_server *server)
{
    server->wall = ak_clock_wall();
    server->boot = ak_clock_boottime();
}

/* A log's share: the pool over the logs that hold or want something, never under what one record
 * may need. */
static unsigned share_of(const struct ak_server *server, const struct ak_runlog *log)
{
    unsigned active = 0;
    unsigned share;

    for (const struct ak_runlog *other = server->logs; other != NULL; other = other->next)
        active += other == log || other->held > 0 || other->waiting != NULL;
    share = server->batches_max / (active > 0 ? active : 1);
    return share < AK_SHARE_BATCHES_MIN ? AK_SHARE_BATCHES_MIN : share;
}

unsigned ak_server_batches_left(const struct ak_server *server, const struct ak_runlog *log)
{
    unsigned share = share_of(server, log);
    unsigned in_use = 0;
    unsigned left;

    for (const struct ak_runlog *other = server->logs; other != NULL; other = other->next)
        in_use += other->held;
    if (log->held >= share)
        return 0;
    left = share - log->held;
    /* Below the least share a log always gets its batches, over the pool's bound if need be: a
     * flood elsewhere must not starve it. */
    if (log->held < AK_SHARE_BATCHES_MIN && in_use >= server->batches_max)
        return AK_SHARE_BATCHES_MIN - log->held;
    if (in_use >= server->batches_max)
        return 0;
    return left < server->batches_max - in_use ? left : server->batches_max - in_use;
}

struct ak_batch *ak_server_batch_take(struct ak_server *server, struct ak_runlog *log)
{
    struct ak_batch *batch = server->free_batches;

    if (ak_server_batches_left(server, log) == 0)
        return NULL;
    if (batch != NULL) {
        server->free_batches = batch->next;
    } else {
        batch = ak_batch_new();
        if (batch == NULL)
            return NULL;
        server->batches_made++;
    }
    ak_batch_begin(batch, log);
    log->held++;
    return batch;
}

void ak_server_batch_give(struct ak_server *server, struct ak_batch *batch)
{
    struct ak_runlog *log = batch->log;

    log->held--;
    batch->state = AK_BATCH_FREE;
    if (server->batches_made > server->batches_max) {
        server->batches_made--;
        ak_batch_free(batch);
        return;
    }
    batch->next = server->free_batches;
    server->free_batches = batch;
}

struct ak_prepare_scratch *ak_server_scratch_take(struct ak_server *server)
{
    struct ak_prepare_scratch_item *item;
    struct ak_prepare_scratch *scratch;

    uv_mutex_lock(&server->scratch_lock);
    item = server->scratch;
    if (item != NULL)
        server->scratch = item->next;
    uv_mutex_unlock(&server->scratch_lock);
    if (item == NULL)
        return ak_prepare_scratch_new();
    scratch = item->scratch;
    free(item);
    return scratch;
}

void ak_server_scratch_give(struct ak_server *server, struct ak_prepare_scratch *scratch)
{
    struct ak_prepare_scratch_item *item = malloc(sizeof(*item));

    if (item == NULL) {
        ak_prepare_scratch_free(scratch);
        return;
    }
    item->scratch = scratch;
    uv_mutex_lock(&server->scratch_lock);
    item->next = server->scratch;
    server->scratch = item;
    uv_mutex_unlock(&server->scratch_lock);
}

/* Each log's readers are taken off first: one that finds no room waits again. */
void ak_server_room(struct ak_server *server)
{
    for (struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        struct ak_reader *readers = log->waiting;

        if (readers == NULL || !ak_runlog_ready(log))
            continue;
        log->waiting = NULL;
        while (readers != NULL) {
            struct ak_reader *reader = readers;
            readers = reader->next;
            reader->waiting = false;
            reader->on_room(reader);
        }
    }
}

void ak_server_pool_free(struct ak_server *server)
{
    while (server->free_batches != NULL) {
        struct ak_batch *batch = server->free_batches;
        server->free_batches = batch->next;
        ak_batch_free(batch);
    }
    while (server->scratch != NULL) {
        struct ak_prepare_scratch_item *item = server->scratch;
        server->scratch = item->next;
        ak_prepare_scratch_free(item->scratch);
        free(item);
    }
    uv_mutex_destroy(&server->scratch_lock);
}
