/* cosign_client.c - the log's side of witnessing: rounds, quorum, what is kept and what is told.
 *
 * The happy path: a published checkpoint becomes `newest`; the next round asks every witness that
 * is free; lines come in one by one, and with each the file of that checkpoint is written anew.
 * Failure modes: a witness that fails is left for a growing time; too few of them for too long is
 * an event, and shuts the log where `witness_required` says closed. */
#include "cosign_client.h"

#include "clock.h"
#include "cosign_private.h"
#include "disk.h"
#include "log.h"
#include "room.h"
#include "server.h"

#include <akashi/format.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define DOUBLED   16u /* pauses are doubled at most so often; the bound in time comes before */

/* ---- Notes ---- */

struct ak_cosign_note *ak_cosign_note_ref(struct ak_cosign_note *note)
{
    note->refs++;
    return note;
}

void ak_cosign_note_unref(struct ak_cosign_note *note)
{
    if (note == NULL || --note->refs > 0)
        return;
    free(note->text);
    free(note->line);
    free(note);
}

static struct ak_cosign_note *note_new(const struct ak_cosign_client *client, const char *text,
                                       size_t len, uint64_t size)
{
    struct ak_cosign_note *note = calloc(1, sizeof(*note));

    if (note == NULL)
        return NULL;
    note->refs = 1;
    note->size = size;
    note->len = len;
    note->text = malloc(len);
    note->line = calloc(client->count, sizeof(*note->line));
    if (note->text == NULL || note->line == NULL) {
        ak_cosign_note_unref(note);
        return NULL;
    }
    memcpy(note->text, text, len);
    return note;
}

/* ---- Events ---- */

static void tell_witness(const struct ak_cosign_witness *w, const char *event, const char *reason)
{
    struct ak_runlog *log = w->client->log;
    struct ak_payload p;

    ak_payload_event(&p, event, "network");
    ak_payload_string(&p, "name", w->who->name);
    ak_payload_dec(&p, "size", w->size);
    if (w->answered != 0)
        ak_payload_dec(&p, "since", w->answered);
    if (reason != NULL)
        ak_payload_string(&p, "reason", reason);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

static void tell_quorum(struct ak_cosign_client *client, const char *event)
{
    struct ak_payload p;

    ak_payload_event(&p, event, "network");
    ak_payload_string(&p, "name", ak_policy_quorum_name(client->policy));
    ak_payload_dec(&p, "size", client->met_size);
    ak_payload_dec(&p, "since", client->unmet_wall);
    ak_runlog_own(client->log, AK_KIND_EVENT, &p);
}

/* ---- Files ---- */

struct writing {
    uv_work_t work;
    struct ak_cosign_client *client;
    struct ak_cosign_put put;
};

static void write_next(struct ak_cosign_client *client);

static void put_work(uv_work_t *work)
{
    ak_cosign_files_put(&((struct writing *)work->data)->put);
}

static void put_done(uv_work_t *work, int status)
{
    struct writing *job = work->data;
    struct ak_cosign_client *client = job->client;

    (void)status; /* it is never cancelled */
    if (job->put.rc != AK_OK)
        ak_log(AK_LOG_WARNING, "what witnesses said of size %" PRIu64 " is not kept: %s",
               job->put.size, job->put.err.text);
    if (client->log != NULL) /* else it has ended meanwhile, and counts at the next start */
        ak_room_beside(client->log, job->put.written, job->put.removed);
    free(job->put.data);
    free(job);
    client->writing = false;
    if (!ak_cosign_job_back(client))
        write_next(client);
}

/* The checkpoint with the lines there are, in the order of the policy. */
static bool fill_put(const struct ak_cosign_client *client, const struct ak_cosign_note *note,
                     struct ak_cosign_put *put, unsigned *lines)
{
    size_t len = note->len;

    *lines = 0;
    for (size_t i = 0; i < client->count; i++) {
        len += note->line[i].time != 0 ? note->line[i].len : 0;
        *lines += note->line[i].time != 0;
    }
    put->data = malloc(len);
    if (put->data == NULL)
        return false;
    memcpy(put->data, note->text, note->len);
    put->len = note->len;
    for (size_t i = 0; i < client->count; i++) {
        if (note->line[i].time == 0)
            continue;
        memcpy(put->data + put->len, note->line[i].text, note->line[i].len);
        put->len += note->line[i].len;
    }
    put->size = note->size;
    return true;
}

static bool quorum_of(const struct ak_cosign_client *client, const struct ak_cosign_note *note)
{
    uint64_t times[AK_POLICY_WITNESSES_MAX] = {0};
    uint64_t existed_by;

    for (size_t i = 0; i < client->count; i++)
        times[i] = note->line[i].time;
    return ak_policy_met(client->policy, times, &existed_by);
}

static void write_next(struct ak_cosign_client *client)
{
    struct ak_runlog *log = client->log;
    struct ak_cosign_note *note = client->dirty;
    struct ak_cosign_old now = {0};
    struct writing *job;

    if (client->writing || note == NULL)
        return;
    client->dirty = note->next;
    note->dirty = false;
    job = calloc(1, sizeof(*job));
    if (job == NULL || !fill_put(client, note, &job->put, &now.lines)) {
        ak_log(AK_LOG_WARNING, "log %s: no memory to keep what witnesses said", log->options.name);
        free(job);
        ak_cosign_note_unref(note);
        return;
    }
    now.size = note->size;
    now.seconds = log->server->wall / NS_PER_S;
    now.quorum = quorum_of(client, note);
    now.keep = note->last;
    ak_cosign_files_plan(&client->files, &now, &job->put);
    job->work.data = job;
    job->client = client;
    job->put.dir_fd = log->dir_fd;
    job->put.tmp_fd = log->server->store.tmp_fd;
    (void)snprintf(job->put.tmp_name, sizeof(job->put.tmp_name), "%s.cosigned", log->id);
    client->writing = true;
    client->jobs++;
    (void)uv_queue_work(&log->server->loop, &job->work, put_work, put_done);
    ak_cosign_note_unref(note);
}

static void keep(struct ak_cosign_client *client, struct ak_cosign_note *note)
{
    if (!note->dirty) {
        note->dirty = true;
        note->next = client->dirty;
        client->dirty = ak_cosign_note_ref(note);
    }
    write_next(client);
}

/* ---- Quorum ---- */

static bool demanded(const struct ak_cosign_client *client)
{
    return strcmp(ak_policy_quorum_name(client->policy), "none") != 0;
}

static void begin_unmet(struct ak_cosign_client *client)
{
    client->unmet_since = client->log->server->boot;
    client->unmet_wall = client->log->server->wall;
}

static void look_at_met(struct ak_cosign_client *client, const struct ak_cosign_note *note)
{
    if (!demanded(client) || note->size <= client->met_size || !quorum_of(client, note))
        return;
    client->met_size = note->size;
    client->met_wall = client->log->server->wall;
    if (client->missed) {
        client->missed = false;
        ak_log(AK_LOG_NOTICE, "log %s: the quorum %s is met again, up to size %" PRIu64 "%s",
               client->log->options.name, ak_policy_quorum_name(client->policy), note->size,
               client->closed ? "; the log takes records in again" : "");
        tell_quorum(client, "quorum-met");
        ak_server_room(client->log->server);
    }
    client->unmet_since = 0;
    if (client->newest->size > client->met_size)
        begin_unmet(client);
}

static void look_at_missed(struct ak_cosign_client *client)
{
    if (client->missed || client->unmet_since == 0 ||
        client->log->server->boot - client->unmet_since < AK_COSIGN_MISSED * client->interval_ns)
        return;
    client->missed = true;
    ak_log(AK_LOG_ERROR,
           "log %s: too few witnesses answer: the quorum %s is met up to size %" PRIu64
           " only. %s. `akashi-collector status` names who is behind and why",
           client->log->options.name, ak_policy_quorum_name(client->policy), client->met_size,
           client->closed ? "Nothing is taken in until it is met (witness_required: closed)"
                          : "The log goes on (witness_required: open)");
    tell_quorum(client, "quorum-missed");
}

bool ak_cosign_gate(const struct ak_runlog *log)
{
    return log->cosign != NULL && log->cosign->closed && log->cosign->missed;
}

/* ---- Rounds ---- */

static bool lacks(const struct ak_cosign_witness *w, const struct ak_cosign_note *note)
{
    return w->size < note->size || (w->size == note->size && !w->cosigned);
}

static void ask_if_due(struct ak_cosign_witness *w)
{
    struct ak_cosign_client *client = w->client;
    bool contradicted = client->newest != NULL && w->size > client->newest->size;

    if (client->newest == NULL || w->url == NULL || w->state != AK_COSIGN_IDLE ||
        client->log->server->boot < w->not_before)
        return;
    if (client->epoch_end != NULL && lacks(w, client->epoch_end))
        ak_cosign_ask(w, client->epoch_end);
    else if (lacks(w, client->newest) || contradicted)
        ak_cosign_ask(w, client->newest);
}

static void ask_all(struct ak_cosign_client *client)
{
    for (size_t i = 0; i < client->count; i++)
        ask_if_due(&client->witness[i]);
}

static void on_round(uv_timer_t *timer)
{
    struct ak_cosign_client *client = timer->data;

    ak_server_look(client->log->server);
    ask_all(client);
    look_at_missed(client);
}

/* The ranges of a witness go on to what was published now. */
static void extend(struct ak_cosign_witness *w, const struct ak_range *more)
{
    if (w->state == AK_COSIGN_IDLE)
        w->known = w->known && ak_range_merge(&w->right, more, NULL) == AK_OK;
    else
        w->tail_known = w->tail_known && ak_range_merge(&w->tail, more, NULL) == AK_OK;
}

void ak_cosign_published(struct ak_runlog *log, const char *text, size_t len,
                         const struct ak_range *more)
{
    struct ak_cosign_client *client = log->cosign;
    struct ak_cosign_note *note;

    if (client == NULL)
        return;
    ak_server_look(log->server);
    note = note_new(client, text, len, more->end);
    for (size_t i = 0; i < client->count; i++) {
        if (note != NULL)
            extend(&client->witness[i], more);
        else
            client->witness[i].known = client->witness[i].tail_known = false;
    }
    if (note == NULL) {
        ak_log(AK_LOG_WARNING, "log %s: no memory to ask witnesses", log->options.name);
        return;
    }
    ak_cosign_note_unref(client->newest);
    client->newest = note;
    if (demanded(client) && client->unmet_since == 0)
        begin_unmet(client);
    if (!client->began) {
        client->began = true;
        (void)uv_timer_start(&client->timer, on_round, 0, client->interval_ns / NS_PER_MS);
    }
}

void ak_cosign_epoch_ended(struct ak_runlog *log, uint64_t size)
{
    struct ak_cosign_client *client = log->cosign;

    if (client == NULL)
        return;
    ak_cosign_files_keep(&client->files, size);
    if (client->newest == NULL || client->newest->size != size)
        return; /* it could not be published: that was said */
    ak_cosign_note_unref(client->epoch_end);
    client->epoch_end = ak_cosign_note_ref(client->newest);
    client->epoch_end->last = true;
    ask_all(client);
}

/* ---- What witnesses answer ---- */

static void release_epoch_end(struct ak_cosign_client *client)
{
    for (size_t i = 0; client->epoch_end != NULL && i < client->count; i++) {
        if (client->witness[i].url != NULL && lacks(&client->witness[i], client->epoch_end))
            return;
    }
    ak_cosign_note_unref(client->epoch_end);
    client->epoch_end = NULL;
}

void ak_cosign_on_line(struct ak_cosign_witness *w, struct ak_cosign_note *note)
{
    struct ak_cosign_client *client = w->client;
    bool more = client->epoch_end != NULL && lacks(w, client->epoch_end);

    w->answered = client->log->server->wall;
    w->failures = 0;
    w->not_before = 0;
    if (w->behind || w->conflict) {
        ak_log(AK_LOG_NOTICE, "log %s: witness %s cosigns again, size %" PRIu64,
               client->log->options.name, w->who->name, w->size);
        tell_witness(w, "witness-back", NULL);
    }
    w->behind = w->conflict = false;
    look_at_met(client, note);
    keep(client, note);
    if (more)
        ask_if_due(w);
    else
        release_epoch_end(client);
}

static void put_off(struct ak_cosign_witness *w)
{
    uint64_t interval = w->client->interval_ns;
    uint64_t most = interval > AK_COSIGN_RETRY_NS_MAX ? interval : AK_COSIGN_RETRY_NS_MAX;
    unsigned doubled = w->failures < DOUBLED ? w->failures : DOUBLED;
    uint64_t wait = interval << doubled;

    w->failures++;
    w->not_before = w->client->log->server->boot + (wait < most ? wait : most);
}

void ak_cosign_on_failure(struct ak_cosign_witness *w)
{
    put_off(w);
    if (w->behind || w->failures < AK_COSIGN_BEHIND)
        return;
    w->behind = true;
    ak_log(AK_LOG_WARNING, "log %s: witness %s does not cosign: %s. It is asked again",
           w->client->log->options.name, w->who->name, w->error);
    tell_witness(w, "witness-behind", w->error);
}

void ak_cosign_on_conflict(struct ak_cosign_witness *w)
{
    put_off(w);
    if (w->conflict)
        return;
    w->conflict = true;
    ak_log(AK_LOG_ERROR,
           "log %s: WITNESS %s CONTRADICTS THIS LOG: %s. Either this store is an older copy, or "
           "somebody signs another history with its keys. Get the checkpoint that the witness "
           "holds and compare it: akashi-verify history",
           w->client->log->options.name, w->who->name, w->error);
    tell_witness(w, "witness-conflict", w->error);
}

/* ---- Begin and end ---- */

static void client_free(struct ak_cosign_client *client)
{
    if (client->jobs > 0 || !client->timer_closed)
        return;
    for (size_t i = 0; i < client->count; i++)
        free(client->witness[i].url);
    while (client->dirty != NULL) {
        struct ak_cosign_note *note = client->dirty;
        client->dirty = note->next;
        ak_cosign_note_unref(note);
    }
    ak_cosign_note_unref(client->newest);
    ak_cosign_note_unref(client->epoch_end);
    ak_policy_free(client->policy);
    free(client->ca);
    free(client->policy_path);
    free(client);
}

bool ak_cosign_job_back(struct ak_cosign_client *client)
{
    client->jobs--;
    if (client->log != NULL)
        return false;
    client_free(client);
    return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ak_cosign_client *client = handle->data;

    client->timer_closed = true;
    client_free(client);
}

void ak_cosign_end(struct ak_runlog *log)
{
    struct ak_cosign_client *client = log->cosign;

    if (client == NULL)
        return;
    log->cosign = NULL;
    client->log = NULL;
    for (size_t i = 0; i < client->count; i++)
        ak_cosign_ask_end(&client->witness[i]);
    (void)uv_timer_stop(&client->timer);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

/* Reads a policy and sees whether anybody in it can be asked. */
static enum ak_code load_policy(const char *path, struct ak_policy **out, struct ak_hash *digest,
                                struct ak_error *err)
{
    const struct ak_policy_witness *witness;
    unsigned char *data = NULL;
    size_t len = 0, count = 0, asked = 0;
    enum ak_code rc =
        ak_disk_read(AT_FDCWD, path, AK_POLICY_BYTES_MAX, &data, &len, NULL, NULL, err);

    *out = NULL;
    if (rc == AK_OK)
        rc = ak_policy_parse(out, data, len, err);
    if (rc == AK_OK) {
        ak_sha256(digest, data, len);
        witness = ak_policy_witnesses(*out, &count);
        for (size_t i = 0; i < count && rc == AK_OK; i++) {
            if (!witness[i].checkable || witness[i].url == NULL)
                continue;
            asked++;
            rc = ak_http_url_check(witness[i].url, err);
        }
        if (rc == AK_OK && asked == 0)
            rc = ak_fail(err, AK_EUSAGE,
                         "no witness in it can be asked; write lines \"witness NAME VKEY URL\" "
                         "with Ed25519 keys of type 04");
    }
    free(data);
    if (rc != AK_OK) {
        ak_wrap(err, "policy %.300s", path);
        ak_policy_free(*out);
        *out = NULL;
    }
    return rc;
}

enum ak_code ak_cosign_check(const struct ak_config *config, struct ak_error *err)
{
    for (size_t i = 0; i < config->log_count; i++) {
        struct ak_policy *policy;
        struct ak_hash digest;
        enum ak_code rc;

        if (config->logs[i].policy == NULL)
            continue;
        rc = load_policy(config->logs[i].policy, &policy, &digest, err);
        ak_policy_free(policy);
        if (rc != AK_OK) {
            ak_wrap(err, "log %s", config->logs[i].name);
            return rc;
        }
    }
    return AK_OK;
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool is_unchanged(const struct ak_cosign_client *client, const struct ak_config_log *config,
                         const struct ak_hash *digest)
{
    return client != NULL && client->interval_ns == config->witness_interval &&
           client->closed == (config->witness_required == AK_WITNESS_CLOSED) &&
           same_text(client->ca, config->witness_ca) &&
           ak_hash_equal(&client->policy_digest, digest);
}

static bool fill_witness(struct ak_cosign_client *client, size_t i,
                         const struct ak_policy_witness *who)
{
    struct ak_cosign_witness *w = &client->witness[i];
    size_t len;

    w->client = client;
    w->who = who;
    w->number = i;
    if (!who->checkable || who->url == NULL)
        return true; /* its cosignatures come another way, or are not checked here */
    len = strlen(who->url);
    while (len > 0 && who->url[len - 1] == '/')
        len--;
    return asprintf(&w->url, "%.*s/add-checkpoint", (int)len, who->url) >= 0;
}

/* Takes the policy. NULL without memory. */
static struct ak_cosign_client *
client_new(struct ak_runlog *log, const struct ak_config_log *config, struct ak_policy *policy)
{
    size_t count;
    const struct ak_policy_witness *witness = ak_policy_witnesses(policy, &count);
    struct ak_cosign_client *client =
        calloc(1, sizeof(*client) + count * sizeof(struct ak_cosign_witness));
    bool ok = client != NULL;

    if (!ok) {
        ak_policy_free(policy);
        return NULL;
    }
    client->policy = policy;
    client->timer_closed = true;
    client->count = count;
    client->interval_ns = config->witness_interval;
    client->closed = config->witness_required == AK_WITNESS_CLOSED;
    client->policy_path = strdup(config->policy);
    client->ca = config->witness_ca == NULL ? NULL : strdup(config->witness_ca);
    (void)snprintf(client->path, sizeof(client->path), "%s/%s", log->server->config->store,
                   log->id);
    ok = client->policy_path != NULL && (config->witness_ca == NULL || client->ca != NULL);
    for (size_t i = 0; i < count && ok; i++)
        ok = fill_witness(client, i, &witness[i]);
    if (!ok || uv_timer_init(&log->server->loop, &client->timer) != 0) {
        client_free(client);
        return NULL;
    }
    client->timer_closed = false;
    client->timer.data = client;
    client->log = log;
    return client;
}

enum ak_code ak_cosign_configure(struct ak_runlog *log, const struct ak_config_log *config,
                                 struct ak_error *err)
{
    struct ak_cosign_client *client;
    struct ak_policy *policy = NULL;
    struct ak_hash digest;
    enum ak_code rc = AK_OK;

    if (config->policy != NULL)
        rc = load_policy(config->policy, &policy, &digest, err);
    if (rc != AK_OK)
        return rc;
    if (policy == NULL || is_unchanged(log->cosign, config, &digest)) {
        ak_policy_free(policy);
        if (config->policy == NULL)
            ak_cosign_end(log);
        return AK_OK;
    }
    client = client_new(log, config, policy);
    if (client == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the witnesses of log %s", log->name);
    client->policy_digest = digest;
    ak_cosign_files_begin(&client->files, log->dir_fd);
    ak_cosign_files_keep(&client->files, log->epoch.start);
    ak_cosign_end(log);
    log->cosign = client;
    return AK_OK;
}

/* ---- Status ---- */

static json_t *time_json(uint64_t wall)
{
    char text[32];

    if (wall == 0)
        return json_null();
    ak_clock_text(wall, text, sizeof(text));
    return json_string(text);
}

static json_t *witness_json(const struct ak_cosign_witness *w)
{
    const struct ak_cosign_client *client = w->client;
    uint64_t newest = client->newest != NULL ? client->newest->size : 0;

    return json_pack("{s:s, s:s?, s:I, s:I, s:o, s:b, s:b, s:I, s:s}", "name", w->who->name, "url",
                     w->who->url, "size", (json_int_t)w->size, "behind_by",
                     (json_int_t)(newest > w->size ? newest - w->size : 0), "cosigned_at",
                     time_json(w->answered), "behind", (int)w->behind, "conflict", (int)w->conflict,
                     "failures", (json_int_t)w->failures, "error", w->error);
}

json_t *ak_cosign_json(const struct ak_runlog *log)
{
    const struct ak_cosign_client *client = log->cosign;
    json_t *list;

    if (client == NULL)
        return NULL;
    list = json_array();
    for (size_t i = 0; i < client->count; i++)
        (void)json_array_append_new(list, witness_json(&client->witness[i]));
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "quorum",
                     ak_policy_quorum_name(client->policy), "required",
                     client->closed ? "closed" : "open", "met_size", (json_int_t)client->met_size,
                     "met_at", time_json(client->met_wall), "missed_since",
                     time_json(client->missed ? client->unmet_wall : 0), "witnesses", list);
}
