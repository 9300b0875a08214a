/* server.h - what all logs and listeners of one process share: the loop, the batch pool, the
 * signer, the time of this turn. Loop thread only, but for ak_server_scratch_*. */
#ifndef AK_SERVER_H
#define AK_SERVER_H

#include "batch.h"
#include "config.h"
#include "runlog.h"
#include "segment_writer.h"
#include "signer.h"
#include "store.h"

#include <uv.h>

#define AK_SHARE_BATCHES_MIN 3u /* one fills, two more have room for a record and what it needs */

struct ak_server {
    uv_loop_t loop;
    struct ak_config *config;
    struct ak_store store;
    struct ak_signer *signer;
    struct ak_runlog *logs;
    unsigned log_count;

    uint64_t wall; /* the clocks when this turn's read returned; see ak_server_look */
    uint64_t boot;

    struct ak_batch *free_batches; /* last in, first out: warm memory first */
    unsigned batches_made;
    unsigned batches_max;

    uv_mutex_t scratch_lock;
    struct ak_prepare_scratch_item *scratch;
};

/* Reads the clocks: once behind every read of a socket and every timer, so that all records of one
 * read have one time. */
void ak_server_look(struct ak_server *server);

/* How many batches the log may still take: its fair share and what is free. */
unsigned ak_server_batches_left(const struct ak_server *server, const struct ak_runlog *log);

/* Takes one for the log, or NULL. Gives one back. */
struct ak_batch *ak_server_batch_take(struct ak_server *server, struct ak_runlog *log);
void ak_server_batch_give(struct ak_server *server, struct ak_batch *batch);

/* A prepare scratch for the running job; any thread. NULL without memory. */
struct ak_prepare_scratch *ak_server_scratch_take(struct ak_server *server);
void ak_server_scratch_give(struct ak_server *server, struct ak_prepare_scratch *scratch);

/* Room for batches is there again: readers that waited go on. */
void ak_server_room(struct ak_server *server);

#endif
