/* status.c - gathers the status of a running collector. It only looks. */
#include "status.h"

#include "clock.h"
#include "cosign_client.h"
#include "listener.h"
#include "server.h"
#include "stamps.h"

#include <string.h>
#include <unistd.h>

#define TIME_BYTES 32u

static json_t *time_json(uint64_t wall)
{
    char text[TIME_BYTES];

    if (wall == 0)
        return json_null();
    ak_clock_text(wall, text, sizeof(text));
    return json_string(text);
}

/* Counters are far below 2^63: they count things that each took time. */
static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *age_json(uint64_t since, uint64_t now)
{
    return number(since == 0 || now < since ? 0 : (now - since) / 1000000);
}

/* Sets a member that is a new reference; without memory it is left out, and said so by the caller's
 * look at the whole. */
static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static void sources_json(json_t *object, const struct ak_runlog *log)
{
    json_t *names = json_array();
    uint32_t count = ak_sources_count(log->sources);
    uint64_t silent = 0;

    for (uint32_t i = AK_ORDINALS_OWN; i < count; i++) {
        const struct ak_source *source = ak_sources_at(log->sources, i);

        if (!source->silent)
            continue;
        if (silent++ < AK_STATUS_SILENT_MAX)
            (void)json_array_append_new(
                names, json_stringn_nocheck(source->label, strnlen(source->label, 96)));
    }
    set(object, "sources", number(count - AK_ORDINALS_OWN));
    set(object, "silent", number(silent));
    set(object, "silent_sources", names);
}

static json_t *log_json(const struct ak_runlog *log, uint64_t boot)
{
    json_t *object = json_object();
    json_t *segment = json_object();
    json_t *witnesses;

    set(object, "name", json_string(log->name));
    set(object, "origin", json_string(log->origin));
    set(object, "id", json_string(log->id));
    set(object, "durable", number(log->durable));
    set(object, "signed", number(log->signed_size));
    set(object, "epoch", number(log->epoch.number));
    set(object, "epochs", number(ak_epoch_list_count(log->epoch.list)));
    set(object, "records", number(log->stats.records));
    set(object, "fragments", number(log->stats.fragments));
    set(object, "bytes", number(log->stats.bytes));
    set(object, "acknowledged", number(log->stats.acknowledged));
    set(object, "commits", number(log->stats.commits));
    set(object, "udp_dropped", number(log->stats.udp_dropped));
    set(object, "disk_bytes", number(log->bytes));
    set(object, "share", number(log->options.share_bytes));
    set(object, "full_since", time_json(log->full ? log->full_since : 0));
    set(object, "write_failed", json_boolean(log->write_failed));
    set(object, "back_pressure_since", time_json(log->waiting_since));
    set(object, "not_signed", log->cause[0] == '\0' ? json_null() : json_string(log->cause));
    set(object, "successor_waits", json_boolean(log->succeeds));
    set(object, "unsigned_ms", age_json(log->unsigned_since, boot));
    set(segment, "first", number(log->segment_first));
    set(segment, "bytes", number(log->segment_size));
    set(segment, "age_ms", age_json(log->segment_opened, boot));
    set(object, "segment", segment);
    sources_json(object, log);
    witnesses = ak_cosign_json(log);
    if (witnesses != NULL)
        set(object, "witnesses", witnesses);
    if (log->stamps != NULL)
        set(object, "stamps", ak_stamps_json(log));
    return object;
}

static json_t *batches_json(const struct ak_server *server)
{
    unsigned idle = 0;

    for (const struct ak_batch *batch = server->free_batches; batch != NULL; batch = batch->next)
        idle++;
    return json_pack("{s:i, s:i, s:i}", "made", (int)server->batches_made, "max",
                     (int)server->batches_max, "free", (int)idle);
}

json_t *ak_status_json(const struct ak_server *server)
{
    uint64_t boot = ak_clock_boottime();
    json_t *object = json_object();
    json_t *logs = json_array();
    json_t *frames = json_object();

    set(object, "version", json_string(AKASHI_VERSION));
    set(object, "pid", number((uint64_t)getpid()));
    set(object, "since", time_json(server->started));
    set(object, "now", time_json(ak_clock_wall()));
    set(object, "store", json_string(server->config->store));
    set(object, "config",
        server->config_path == NULL ? json_null() : json_string(server->config_path));
    set(object, "batches", batches_json(server));
    set(frames, "used", number(server->frames.used));
    set(frames, "max", number(server->frames.max));
    set(object, "partial_frames", frames);
    set(object, "listeners", ak_listeners_json(server));
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next)
        (void)json_array_append_new(logs, log_json(log, boot));
    set(object, "logs", logs);
    return object;
}
