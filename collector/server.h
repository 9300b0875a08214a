/* server.h - what all logs and listeners of one process share: the loop, the batch pool, the
 * signer, the time of this turn; and the life of the process. Loop thread only, but for
 * ak_server_scratch_*.
 *
 * A turn of the loop: sockets are read and records handed over (stream.c, datagram.c); answers of
 * the pool, the signer and the sealer come in; before the loop waits again every log closes and
 * commits what is due and every connection sends what it has to say. */
#ifndef AK_SERVER_H
#define AK_SERVER_H

#include "batch.h"
#include "config.h"
#include "frame.h"
#include "runlog.h"
#include "segment_writer.h"
#include "signer.h"
#include "store.h"

#include <uv.h>

#define AK_SHARE_BATCHES_MIN   3u /* one fills, two more have room for a record and what it needs */
#define AK_DATAGRAM_SLOT_BYTES 65536u  /* above the longest UDP datagram */
#define AK_READ_BYTES          262144u /* of one read of a connection: one scratch for all */

/* What is done with a log that cannot be signed (unsigned.c). */
enum ak_unsigned {
    AK_UNSIGNED_REFUSED,  /* it is not opened */
    AK_UNSIGNED_OPENED,   /* it is opened, or its successor if one waits; none is made */
    AK_UNSIGNED_SUCCEEDED /* a successor is made where the log itself must not grow */
};

struct ak_conn;
struct ak_control;
struct ak_datagram_scratch;
struct ak_http;
struct ak_listener;
struct ak_sealer;

struct ak_server {
    uv_loop_t loop;
    bool patient; /* it ends when the orders are carried out that somebody waits for */
    enum ak_unsigned manner;
    struct ak_config *config;
    const char *config_path; /* NULL: made from options, nothing to read again */
    struct ak_hash config_digest;
    struct ak_store store;
    struct ak_key_channel *keys; /* to the process that has the secret keys */
    struct ak_signer *signer;
    struct ak_sealer *sealer;
    struct ak_http *http; /* NULL: no other machine is asked (a log opened for one order) */
    struct ak_control *control;
    struct ak_runlog *logs;
    struct ak_runlog **by_config; /* log i of the configuration in force; NULL: not open */
    struct ak_listener *listeners;

    uint64_t wall; /* the clocks when this turn's read returned; see ak_server_look */
    uint64_t boot;
    uint64_t started; /* wall clock */

    struct ak_batch *free_batches; /* last in, first out: warm memory first */
    unsigned batches_made;
    unsigned batches_max;

    uv_mutex_t scratch_lock;
    struct ak_prepare_scratch_item *scratch;

    uint8_t *read_scratch;  /* AK_READ_BYTES; its content means nothing between calls */
    uint8_t *plain_scratch; /* AK_TLS_PLAIN_BYTES_MAX; likewise */
    struct ak_datagram_scratch *datagrams;
    struct ak_frame_budget frames; /* memory of unfinished frames and of held input */
    struct ak_conn *conns;         /* all that are not freed yet */
    struct ak_conn *talkers;       /* those that have something to send in this turn */
    struct ak_conn *look_next;     /* next one of this second's round; NULL: it has ended */
    uint64_t conn_count;           /* that hold a descriptor */
    uint64_t conns_max;            /* by RLIMIT_NOFILE: segments need descriptors as well */

    uv_prepare_t turn;
    uv_timer_t wake; /* for what is due before anything else happens */
    uv_timer_t tick; /* each second */
    uv_idle_t look;  /* while the round that the tick began goes on */
    uv_signal_t terminate, interrupt, hangup;
    int stage;               /* of the end; server.c */
    uint64_t stage_until;    /* boot time at which it is given up */
    const char *stop_reason; /* for the stop event */
    enum ak_code rc;         /* how the process ends */
    struct ak_error error;
};

/* Runs until a signal ends it. The configuration is given: it is freed. `path` is where a reload
 * reads it again; NULL: options of the command line. */
enum ak_code ak_server_run(struct ak_config *config, const char *path, struct ak_error *err);

/* What is done to a log that nothing else has open: entries are taken with ak_runlog_own. */
typedef enum ak_code (*ak_server_once_fn)(struct ak_server *server, void *ctx,
                                          struct ak_error *err);

/* The whole life of a process without listeners: the logs are opened with the entries of a start,
 * `once` is called, and all ends in order, with everything signed. The configuration is freed.
 * `command` is named to whoever finds the store locked. AK_EBUSY if somebody holds it. */
enum ak_code ak_server_once(struct ak_config *config, const char *command, enum ak_unsigned manner,
                            ak_server_once_fn once, void *ctx, struct ak_error *err);

/* Log `i` of the configuration in force, or NULL; and the settings of a log, or NULL if it is not
 * configured any more. */
struct ak_runlog *ak_server_log(const struct ak_server *server, size_t i);
const struct ak_config_log *ak_server_log_config(const struct ak_server *server,
                                                 const struct ak_runlog *log);

/* Begins the end, as SIGTERM does. `reason` is for the stop event: "signal" or "order". */
void ak_server_stop(struct ak_server *server, const char *reason);

/* Reads configuration and certificates again, as SIGHUP does. On failure all stays as it was. */
enum ak_code ak_server_reload(struct ak_server *server, struct ak_error *err);

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

/* Frees batches and scratches; all were given back. */
void ak_server_pool_free(struct ak_server *server);

/* Room for batches is there again: readers that waited go on. */
void ak_server_room(struct ak_server *server);

/* Frees the scratch of datagram listeners (datagram.c). */
void ak_datagram_scratch_free(struct ak_server *server);

#endif
