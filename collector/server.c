/* server.c - the life of the process: start, turns of the loop, reload, and the end in order.
 *
 * The happy path is:
 *   1. start: store and lock, signer, sealer, logs (recovery and the entries of a start),
 *      listeners, orders; `listening URL` and `ready` on stdout.
 *   2. turns, until SIGTERM, SIGINT or the order to stop.
 *   3. end, stage by stage: DRAIN (listeners and connections end, what was received is taken),
 *      COMMIT (state and stop entries, commit, last checkpoint), SEAL (segments are sealed), SIGN
 *      (the signer ends), CLOSE.
 * Possible failure modes are:
 *   - start fails: nothing was received; the error says what to do.
 *   - a stage takes too long (a peer that does not end, a full disk): it is given up, and what that
 *     means for the records is said. */
#include "server.h"

#include "anchors.h"
#include "clock.h"
#include "conn.h"
#include "control.h"
#include "cosign_client.h"
#include "expect.h"
#include "http.h"
#include "key_channel.h"
#include "listener.h"
#include "log.h"
#include "manifest.h"
#include "orders.h"
#include "pipeline.h"
#include "sealer.h"
#include "stamps.h"
#include "stream.h"
#include "successor.h"
#include "tls.h"

#include <akashi/format.h>

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NS_PER_S         1000000000ull
#define TICK_MS          1000u
#define WAKE_MS          5u /* half of the shortest wait anything has by default */
#define DRAIN_NS         (5 * NS_PER_S)
#define COMMIT_NS        (15 * NS_PER_S)
#define COMMIT_LOG_NS    (NS_PER_S / 20)  /* more for each log: its last commits on a busy disk */
#define SEAL_NS          (600 * NS_PER_S) /* a segment takes seconds; a backlog of them longer */
#define POOL_THREADS_MIN 4l
#define OWN_DESCRIPTORS  64u /* the loop, the store, orders, sealing; 20 are in use as a rule */
#define LOG_DESCRIPTORS  8u  /* of each log: directories, the open segment, one being sealed */

enum stage { STAGE_RUN, STAGE_DRAIN, STAGE_COMMIT, STAGE_SEAL, STAGE_SIGN, STAGE_CLOSE };

static void advance(struct ak_server *server);

struct ak_runlog *ak_server_log(const struct ak_server *server, size_t i)
{
    return i < server->config->log_count ? server->by_config[i] : NULL;
}

const struct ak_config_log *ak_server_log_config(const struct ak_server *server,
                                                 const struct ak_runlog *log)
{
    for (size_t i = 0; i < server->config->log_count; i++) {
        if (server->by_config[i] == log)
            return &server->config->logs[i];
    }
    return NULL;
}

/* Something is due within milliseconds: a batch that waits its interval, a note, a retry. */
static bool something_waits(const struct ak_server *server)
{
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        if ((log->filling != NULL && log->filling->count > 0) || log->note != NULL ||
            (log->closed_head != NULL && !log->committing))
            return true;
    }
    return false;
}

static void on_wake(uv_timer_t *timer)
{
    ak_server_look(timer->data); /* the turn that follows does the rest */
}

/* Before the loop waits again. */
static void on_turn(uv_prepare_t *handle)
{
    struct ak_server *server = handle->data;

    for (struct ak_runlog *log = server->logs; log != NULL; log = log->next)
        ak_runlog_flush(log);
    ak_conns_talk(server);
    ak_signer_wake(server->signer); /* behind the answers */
    if (server->stage != STAGE_RUN)
        advance(server);
    if (!uv_is_active((uv_handle_t *)&server->wake) && something_waits(server))
        (void)uv_timer_start(&server->wake, on_wake, WAKE_MS, 0);
}

/* In each turn, and the loop does not wait meanwhile. */
static void on_look(uv_idle_t *idle)
{
    struct ak_server *server = idle->data;

    ak_server_look(server);
    if (!ak_conns_look(server))
        (void)uv_idle_stop(idle);
}

static void on_tick(uv_timer_t *timer)
{
    struct ak_server *server = timer->data;

    ak_server_look(server);
    ak_listeners_tick(server);
    ak_conns_tick(server);
    (void)uv_idle_start(&server->look, on_look);
    for (struct ak_runlog *log = server->logs; log != NULL; log = log->next)
        ak_runlog_tick(log);
    ak_server_room(server);
}

static void fill_options(const struct ak_config_log *config, struct ak_runlog_options *options)
{
    *options = (struct ak_runlog_options){
        .name = config->name,
        .interval_ns = config->commit_interval,
        .interval_min_ns = config->commit_interval_min,
        .state_ns = config->state_interval,
        .segment_bytes = config->seal_size,
        .segment_age_ns = config->seal_age,
        .epoch_ns = config->epoch,
        .silence_ns = config->silence,
        .share_bytes = config->share,
        .record_bytes_max = (uint32_t)config->record_max,
        .source = config->log_key,
        .form = config->commitment == AK_COMMITMENT_PARTS ? AK_FORM_PARTS : AK_FORM_WHOLE,
    };
}

static struct ak_runlog *find_log(const struct ak_server *server, const char *name)
{
    struct ak_runlog *log = server->logs;

    while (log != NULL && strcmp(log->options.name, name) != 0)
        log = log->next;
    return log;
}

static void append_log(struct ak_server *server, struct ak_runlog *log)
{
    struct ak_runlog **at = &server->logs;

    while (*at != NULL)
        at = &(*at)->next;
    *at = log;
}

/* Opens the logs of the configuration that are not open yet; gives all of them by their place. */
static enum ak_code open_logs(struct ak_server *server, const struct ak_config *config,
                              const struct ak_hash *digest, struct ak_runlog ***by_config,
                              struct ak_error *err)
{
    struct ak_runlog **list = calloc(config->log_count, sizeof(struct ak_runlog *));
    enum ak_code rc = AK_OK;

    if (list == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list of logs");
    for (size_t i = 0; i < config->log_count && rc == AK_OK; i++) {
        struct ak_runlog_options options;
        list[i] = find_log(server, config->logs[i].name);
        if (list[i] != NULL)
            continue;
        fill_options(&config->logs[i], &options);
        rc = ak_runlog_open(server, &options, digest, &list[i], err);
        if (rc == AK_OK) {
            append_log(server, list[i]);
            continue;
        }
        if (config->log_count == 1 || rc == AK_ENOMEM)
            break;
        /* Other logs go on: one bad disk or key must not stop a whole collection point. */
        ak_log_fault(AK_LOG_ERROR, err);
        ak_log(AK_LOG_ERROR,
               "log %s: not opened: its senders are refused and keep their records; the other "
               "logs go on",
               config->logs[i].name);
        list[i] = NULL;
        rc = AK_OK;
    }
    if (rc == AK_OK && server->logs == NULL)
        rc = ak_fail(err, AK_EINTEGRITY, "none of the logs could be opened");
    if (rc != AK_OK) {
        free(list);
        return rc;
    }
    *by_config = list;
    return AK_OK;
}

static void configure_logs(struct ak_server *server)
{
    for (size_t i = 0; i < server->config->log_count; i++) {
        struct ak_runlog_options options;
        if (server->by_config[i] == NULL)
            continue; /* it could not be opened */
        fill_options(&server->config->logs[i], &options);
        ak_runlog_configure(server->by_config[i], &options);
        ak_runlog_expect(server->by_config[i], &server->config->logs[i]);
        ak_stamps_configure(server->by_config[i], &server->config->logs[i]);
        ak_anchors_configure(server->by_config[i], &server->config->logs[i]);
    }
}

/* Witnesses; the logs go on without them where memory is short. */
static enum ak_code configure_witnesses(struct ak_server *server, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (size_t i = 0; i < server->config->log_count && rc == AK_OK; i++) {
        if (server->by_config[i] != NULL)
            rc = ak_cosign_configure(server->by_config[i], &server->config->logs[i], err);
    }
    return rc;
}

static void tell_configuration(struct ak_runlog *log, const struct ak_hash *digest)
{
    struct ak_payload p;

    ak_payload_event(&p, "configuration", "operator");
    ak_payload_bytes(&p, "sha256", digest->b, AK_HASH_BYTES);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

/* What cannot change while the process runs. */
static enum ak_code check_fixed(const struct ak_config *old, const struct ak_config *new,
                                struct ak_error *err)
{
    if (strcmp(old->store, new->store) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "`store` cannot change while the collector runs: restart it");
    if (strcmp(old->control, new->control) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "`control` cannot change while the collector runs: restart it");
    return AK_OK;
}

static void warn_of_removed(const struct ak_server *server)
{
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        if (ak_server_log_config(server, log) == NULL)
            ak_log(AK_LOG_WARNING,
                   "log %s: not configured any more: nothing feeds it. It stays open, with its "
                   "state entries, until the collector is restarted.",
                   log->options.name);
    }
}

/* A connection needs a descriptor: take as many as the system gives, and keep those back that logs,
 * listeners and orders need, so that connections cannot keep a segment from being opened. */
static void share_descriptors(struct ak_server *server)
{
    const struct ak_config *config = server->config;
    struct rlimit limit;
    uint64_t own = OWN_DESCRIPTORS + LOG_DESCRIPTORS * config->log_count + config->listener_count;
    uint64_t wanted = own;

    for (size_t i = 0; i < config->listener_count; i++)
        wanted += config->listeners[i].limits.connections;
    server->conns_max = wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    server->conns_max = limit.rlim_cur > 2 * own ? limit.rlim_cur - own : limit.rlim_cur / 2;
    if (limit.rlim_cur < wanted)
        ak_log(AK_LOG_WARNING,
               "%llu open files are allowed, the listeners' `connections` may need %llu: raise "
               "LimitNOFILE (ulimit -n), or lower `connections`",
               (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

enum ak_code ak_server_reload(struct ak_server *server, struct ak_error *err)
{
    struct ak_config *config = NULL;
    struct ak_config *old = server->config;
    struct ak_runlog **by_config = NULL;
    struct ak_hash digest;
    enum ak_code rc;

    if (server->config_path == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "the collector was started without a configuration file: there is nothing "
                       "to read again");
    ak_server_look(server);
    rc = ak_config_load(server->config_path, &config, err);
    if (rc == AK_OK)
        rc = check_fixed(old, config, err);
    if (rc == AK_OK)
        rc = ak_config_digest(config, &digest, err);
    if (rc == AK_OK)
        rc = ak_stream_check_tls(config, err);
    if (rc == AK_OK)
        rc = ak_cosign_check(config, err);
    if (rc == AK_OK)
        rc = open_logs(server, config, &digest, &by_config, err);
    if (rc != AK_OK) {
        ak_config_free(config);
        return rc;
    }
    free(server->by_config);
    server->by_config = by_config;
    server->config = config;
    server->config_digest = digest;
    server->batches_max = (unsigned)config->batches;
    server->frames.max = config->partial_frames;
    ak_log_set_level(config->log_level);
    share_descriptors(server);
    configure_logs(server);
    for (struct ak_runlog *log = server->logs; log != NULL; log = log->next)
        tell_configuration(log, &digest);
    warn_of_removed(server);
    rc = configure_witnesses(server, err);
    if (rc == AK_OK)
        rc = ak_listeners_open(server, err);
    ak_config_free(old);
    return rc;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct ak_server *server = handle->data;
    struct ak_error err = {0};

    if (number != SIGHUP) {
        ak_server_stop(server, "signal");
        return;
    }
    if (server->stage != STAGE_RUN)
        return;
    if (ak_server_reload(server, &err) != AK_OK)
        ak_log(AK_LOG_ERROR, "reload: %s", err.text);
    else
        ak_log(AK_LOG_NOTICE, "reload: configuration and certificates are in force");
}

static void enter(struct ak_server *server, enum stage stage, uint64_t patience_ns)
{
    server->stage = (int)stage;
    server->stage_until = ak_clock_boottime() + patience_ns;
}

void ak_server_stop(struct ak_server *server, const char *reason)
{
    if (server->stage != STAGE_RUN)
        return;
    server->stop_reason = reason;
    ak_log(AK_LOG_NOTICE, "stopping: taking in what was received, then commit and seal");
    ak_server_look(server);
    ak_listeners_stop(server);
    enter(server, STAGE_DRAIN, DRAIN_NS);
}

/* How long the last commits, and the last signatures, of all logs may take. */
static uint64_t commit_patience(const struct ak_server *server)
{
    uint64_t patience = COMMIT_NS;

    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next)
        patience += COMMIT_LOG_NS;
    return patience;
}

static bool all_stopped(const struct ak_server *server)
{
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        if (!ak_runlog_stopped(log))
            return false;
    }
    return true;
}

static bool late(struct ak_server *server)
{
    return ak_clock_boottime() > server->stage_until;
}

/* The end cannot be waited for: what was not durable was never acknowledged. */
static void give_up_commit(struct ak_server *server)
{
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        if (ak_runlog_stopped(log))
            continue;
        ak_log(AK_LOG_ERROR,
               "log %s: stopped without its last commit%s. Senders with acknowledgements keep "
               "those records; what came over UDP, TCP or TLS since then is lost.",
               log->options.name, log->full ? ": the disk is full" : "");
        server->rc = ak_fail(&server->error, log->full ? AK_ENOSPC : AK_EIO,
                             "log %s: the last commit did not end", log->options.name);
    }
}

static void on_signer_closed(void *ctx)
{
    struct ak_server *server = ctx;

    server->signer = NULL;
    ak_key_channel_stop(server->keys);
    server->keys = NULL;
    enter(server, STAGE_CLOSE, 0);
    uv_close((uv_handle_t *)&server->turn, NULL);
    uv_close((uv_handle_t *)&server->wake, NULL);
    uv_close((uv_handle_t *)&server->tick, NULL);
    uv_close((uv_handle_t *)&server->look, NULL);
    uv_close((uv_handle_t *)&server->terminate, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    uv_close((uv_handle_t *)&server->hangup, NULL);
    ak_control_close(server->control);
    server->control = NULL;
}

static void on_sealer_closed(void *ctx)
{
    struct ak_server *server = ctx;

    server->sealer = NULL;
    enter(server, STAGE_SIGN, commit_patience(server));
    ak_signer_close(server->signer, on_signer_closed, server);
}

static void seal_all(struct ak_server *server)
{
    for (struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        ak_cosign_end(log);
        ak_manifest_last(log);
    }
    if (server->http != NULL)
        ak_http_close(server->http, NULL, NULL);
    server->http = NULL;
    enter(server, STAGE_SEAL, SEAL_NS);
    ak_sealer_close(server->sealer, on_sealer_closed, server);
}

static bool orders_wait(const struct ak_server *server)
{
    for (const struct ak_runlog *log = server->logs; server->patient && log != NULL;
         log = log->next) {
        if (ak_orders_busy(log))
            return true;
    }
    return false;
}

static void advance(struct ak_server *server)
{
    if (server->stage == STAGE_DRAIN) {
        if (ak_conns_open(server) && late(server))
            ak_conns_abort(server);
        if (ak_conns_open(server) || orders_wait(server))
            return;
        for (struct ak_runlog *log = server->logs; log != NULL; log = log->next)
            ak_runlog_stop(log, server->stop_reason);
        enter(server, STAGE_COMMIT, commit_patience(server));
    }
    if (server->stage == STAGE_COMMIT) {
        if (!all_stopped(server) && !late(server))
            return;
        give_up_commit(server);
        seal_all(server);
    }
}

static enum ak_code check_uv(int code, const char *what, struct ak_error *err)
{
    return code == 0 ? AK_OK : ak_fail(err, AK_EIO, "%s: %s", what, uv_strerror(code));
}

/* More threads than cores: commits wait for the disk while others compute. */
static void size_pool(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    char text[24];

    (void)snprintf(text, sizeof(text), "%ld",
                   cores + 2 > POOL_THREADS_MIN ? cores + 2 : POOL_THREADS_MIN);
    (void)setenv("UV_THREADPOOL_SIZE", text, 0);
}

static void on_remark(void *ctx, const char *text)
{
    (void)ctx;
    ak_log(AK_LOG_WARNING, "%s", text);
}

static enum ak_code start_handles(struct ak_server *server, struct ak_error *err)
{
    uv_signal_t *signals[] = {&server->terminate, &server->interrupt, &server->hangup};
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    enum ak_code rc = check_uv(uv_prepare_init(&server->loop, &server->turn), "loop", err);

    server->turn.data = server->wake.data = server->tick.data = server->look.data = server;
    if (rc == AK_OK)
        rc = check_uv(uv_idle_init(&server->loop, &server->look), "loop", err);
    if (rc == AK_OK)
        rc = check_uv(uv_timer_init(&server->loop, &server->wake), "timer", err);
    if (rc == AK_OK)
        rc = check_uv(uv_timer_init(&server->loop, &server->tick), "timer", err);
    for (unsigned i = 0; i < 3 && rc == AK_OK; i++) {
        signals[i]->data = server;
        rc = check_uv(uv_signal_init(&server->loop, signals[i]), "signal", err);
        if (rc == AK_OK)
            rc = check_uv(uv_signal_start(signals[i], on_signal, numbers[i]), "signal", err);
    }
    if (rc == AK_OK) {
        (void)uv_prepare_start(&server->turn, on_turn);
        (void)uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
    }
    return rc;
}

/* What a crash left of one; what cannot be done now is done by the next start. */
static void mend_successors(const struct ak_server *server)
{
    struct ak_error err = {0};

    if (ak_successor_mend(&server->store, server->manner == AK_UNSIGNED_SUCCEEDED, &err) != AK_OK)
        ak_log(AK_LOG_ERROR, "%s", err.text);
}

/* The store and its logs. */
static enum ak_code start_logs(struct ak_server *server, const char *command, struct ak_error *err)
{
    struct ak_config *config = server->config;
    enum ak_code rc = ak_config_digest(config, &server->config_digest, err);

    ak_log_set_level(config->log_level);
    ak_config_remarks(config, on_remark, NULL);
    share_descriptors(server);
    if (rc == AK_OK)
        rc = ak_store_open(config->store, command, config->control, &server->store, err);
    if (rc == AK_OK && server->manner != AK_UNSIGNED_REFUSED)
        mend_successors(server);
    if (rc == AK_OK)
        rc = ak_key_channel_start(server->store.keys_fd, &server->keys, err);
    if (rc == AK_OK)
        rc = ak_signer_new(&server->loop, server->keys, config->signing_interval, &server->signer,
                           err);
    if (rc == AK_OK)
        rc = ak_sealer_new(&server->loop, &server->sealer, err);
    if (rc == AK_OK)
        rc = open_logs(server, config, &server->config_digest, &server->by_config, err);
    if (rc == AK_OK)
        configure_logs(server);
    return rc;
}

static enum ak_code start(struct ak_server *server, struct ak_error *err)
{
    enum ak_code rc;

    server->manner = AK_UNSIGNED_SUCCEEDED;
    rc = start_logs(server, "akashi-collector run", err);

    if (rc == AK_OK)
        rc = ak_http_new(&server->loop, &server->http, err);
    if (rc == AK_OK)
        rc = configure_witnesses(server, err);
    if (rc == AK_OK)
        rc = ak_control_open(server, err);
    if (rc == AK_OK)
        rc = ak_listeners_open(server, err);
    return rc;
}

static enum ak_code make(struct ak_server *server, struct ak_error *err)
{
    server->store = (struct ak_store){.fd = -1, .tmp_fd = -1, .keys_fd = -1, .lock_fd = -1};
    server->batches_max = (unsigned)server->config->batches;
    server->frames.max = server->config->partial_frames;
    server->read_scratch = malloc(AK_READ_BYTES);
    server->plain_scratch = malloc(AK_TLS_PLAIN_BYTES_MAX);
    if (server->read_scratch == NULL || server->plain_scratch == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read into");
    if (uv_mutex_init(&server->scratch_lock) != 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a lock");
    ak_server_look(server);
    server->started = server->wall;
    return AK_OK;
}

static void unmake(struct ak_server *server)
{
    while (server->logs != NULL) {
        struct ak_runlog *log = server->logs;
        server->logs = log->next;
        ak_runlog_free(log);
    }
    ak_server_pool_free(server);
    ak_datagram_scratch_free(server);
    free(server->read_scratch);
    free(server->plain_scratch);
    free(server->by_config);
    ak_store_close(&server->store);
    ak_config_free(server->config);
    (void)uv_loop_close(&server->loop);
    free(server);
}

/* A server whose loop can run; NULL and the code in `*rc` if there is none. The configuration is
 * its own, or freed. */
static struct ak_server *server_new(struct ak_config *config, const char *path, enum ak_code *rc,
                                    struct ak_error *err)
{
    struct ak_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        ak_config_free(config);
        *rc = ak_fail(err, AK_ENOMEM, "no memory to start");
        return NULL;
    }
    size_pool();
    (void)signal(SIGPIPE, SIG_IGN);
    server->config = config;
    server->config_path = path;
    *rc = check_uv(uv_loop_init(&server->loop), "loop", err);
    if (*rc != AK_OK) {
        ak_config_free(config);
        free(server);
        return NULL;
    }
    *rc = make(server, err);
    if (*rc == AK_OK)
        *rc = start_handles(server, err);
    return server;
}

/* Turns of the loop until the end. */
static enum ak_code run_loop(struct ak_server *server, struct ak_error *err)
{
    enum ak_code rc;

    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    rc = server->rc;
    if (rc != AK_OK) {
        if (err != NULL)
            *err = server->error;
        return rc; /* batches are still held */
    }
    unmake(server);
    return AK_OK;
}

enum ak_code ak_server_run(struct ak_config *config, const char *path, struct ak_error *err)
{
    enum ak_code rc;
    struct ak_server *server = server_new(config, path, &rc, err);

    if (rc == AK_OK)
        rc = start(server, err);
    if (rc != AK_OK)
        return rc; /* the process ends now: what a start made is the system's to take back */
    ak_listeners_print(server);
    (void)printf("ready\n");
    (void)fflush(stdout);
    return run_loop(server, err);
}

enum ak_code ak_server_once(struct ak_config *config, const char *command, enum ak_unsigned manner,
                            ak_server_once_fn once, void *ctx, struct ak_error *err)
{
    enum ak_log_level level = ak_log_get_level();
    enum ak_code done = AK_OK;
    enum ak_code rc;
    struct ak_server *server;

    config->log_level = AK_LOG_WARNING; /* what it does besides is not what the command is about */
    server = server_new(config, NULL, &rc, err);
    if (rc == AK_OK) {
        server->manner = manner;
        rc = start_logs(server, command, err);
    }
    if (rc == AK_OK) {
        done = once(server, ctx, err);
        ak_server_stop(server, "order");
        rc = run_loop(server, done == AK_OK ? err : NULL);
    }
    ak_log_set_level(level);
    return done == AK_OK ? rc : done;
}
