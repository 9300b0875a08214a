/* witness_answer.c - which request is which, and the queue of each log.
 *
 * POST <prefix>/add-checkpoint goes to the queue of its log: one request of a log at a time is
 * judged and stored, in the thread pool; those of other logs run beside it.
 * GET <prefix>/<id>/checkpoint gives the newest cosigned checkpoint, GET <prefix>/status what the
 * witness has done, as JSON.
 *
 * A request whose client leaves before it is begun is dropped; one that was begun is finished. */
#include "witness_private.h"

#include "clock.h"
#include "log.h"

#include <akashi/policy.h>

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define TEXT     "text/plain; charset=utf-8"

static void run_next(struct ak_witness_log *log);

static void say(struct ak_witness_conn *conn, unsigned status, const char *text)
{
    struct ak_witness_answer answer = {0};

    ak_witness_say(&answer, status, "%s", text);
    ak_witness_conn_answer(conn, status, TEXT, answer.text, answer.len);
}

/* ---- forks */

void ak_witness_tell_forks(const struct ak_witness *w)
{
    for (size_t i = 0; i < w->log_count; i++) {
        const struct ak_witness_log *log = &w->log[i];
        if (log->forks > 0)
            ak_log(
                AK_LOG_ERROR,
                "FORK: log %s has signed two histories: %u %s kept in forks/fork-%.16s-* of the "
                "state. Tell everybody who relies on it; `akashi-verify history` shows it to them: "
                "operating.md, Being a witness",
                log->origin, log->forks, log->forks == 1 ? "is" : "are", log->id);
        if (log->suspects > 0)
            ak_log(AK_LOG_WARNING,
                   "log %s: %u signed checkpoint%s came with a proof that leads nowhere, kept in "
                   "forks/suspect-%.16s-* of the state: ask the log's operator, and compare with "
                   "`akashi-verify history FIRST SECOND --store STORE --key VKEY`",
                   log->origin, log->suspects, log->suspects == 1 ? "" : "s", log->id);
    }
}

static void tell_contradiction(struct ak_witness_log *log, const struct ak_witness_job *job)
{
    const struct ak_witness_answer *a = &job->answer;

    if (!a->kept)
        return;
    if (a->contradiction == AK_WITNESS_FORK) {
        log->forks++;
        ak_log(AK_LOG_ERROR,
               "FORK: log %s has signed two histories: size %" PRIu64 ", which this witness "
               "cosigned, and size %" PRIu64 " contradict each other. Both are kept in "
               "forks/fork-%.16s-* of the state. Tell everybody who relies on it; `akashi-verify "
               "history` shows it to them: operating.md, Being a witness",
               log->origin, a->base.size, job->request.checkpoint.size, log->id);
    } else {
        log->suspects++;
        ak_log(AK_LOG_WARNING,
               "log %s: a signed checkpoint of size %" PRIu64 " came with a proof that does not "
               "lead from size %" PRIu64 " to it: either the proof was spoiled on its way, or the "
               "log has two histories. Kept in forks/suspect-%.16s-* of the state",
               log->origin, job->request.checkpoint.size, a->base.size, log->id);
    }
}

/* ---- jobs */

static void job_free(struct ak_witness_job *job)
{
    ak_witness_record_free(&job->answer.base);
    free(job->body);
    free(job);
}

static void on_work(uv_work_t *work)
{
    struct ak_witness_job *job = work->data;

    ak_witness_judge(job->server->w, job->log, &job->request, job->body, job->body_len, job->now,
                     &job->answer);
}

/* The record of the log becomes what the medium has. */
static void take_over(struct ak_witness_log *log, struct ak_witness_answer *answer)
{
    log->stale = answer->stale;
    if (!answer->changed)
        return;
    ak_witness_record_free(&log->record);
    log->record = answer->base;
    answer->base.note = NULL;
}

static void on_judged(uv_work_t *work, int status)
{
    struct ak_witness_job *job = work->data;
    struct ak_witness_log *log = job->log;
    struct ak_witness_conn *conn = job->conn;
    struct ak_witness_server *server = job->server;

    assert(status == 0);
    (void)status;
    if (job->answer.err.code != AK_OK)
        ak_log(AK_LOG_ERROR, "%s", job->answer.err.text);
    tell_contradiction(log, job);
    take_over(log, &job->answer);
    job->server->cosigned += job->answer.status == 200;
    job->server->jobs--;
    log->busy = false;
    if (conn != NULL) {
        conn->job = NULL;
        ak_witness_conn_answer(conn, job->answer.status,
                               job->answer.is_size ? "text/x.tlog.size" : TEXT, job->answer.text,
                               job->answer.len);
    }
    job_free(job);
    run_next(log);
    ak_witness_maybe_end(server);
}

/* Takes the first one that waits and whose client does. */
static void run_next(struct ak_witness_log *log)
{
    struct ak_witness_job *job;

    if (log->busy)
        return;
    while ((job = log->waiting) != NULL && job->conn == NULL) {
        log->waiting = job->next;
        job->server->jobs--;
        job_free(job);
    }
    if (job == NULL)
        return;
    log->waiting = job->next;
    log->busy = true;
    job->now = ak_clock_wall() / NS_PER_S;
    job->work.data = job;
    (void)uv_queue_work(&job->server->loop, &job->work, on_work, on_judged); /* cannot fail */
}

static void queue(struct ak_witness_job *job)
{
    struct ak_witness_job *last = job->log->waiting;

    job->server->jobs++;
    if (last == NULL) {
        job->log->waiting = job;
    } else {
        while (last->next != NULL)
            last = last->next;
        last->next = job;
    }
    run_next(job->log);
}

static void add_checkpoint(struct ak_witness_conn *conn)
{
    const struct ak_witness_http *http = ak_witness_parser_request(conn->parser);
    struct ak_witness_job *job = NULL;
    struct ak_error err = {0};

    if (conn->listener->server->jobs < AK_WITNESS_JOBS_MAX)
        job = calloc(1, sizeof(*job));
    if (job != NULL)
        job->body = malloc(http->body_len + 1);
    if (job == NULL || job->body == NULL) {
        free(job);
        say(conn, 503, "this witness has too much to do");
        return;
    }
    if (http->body_len > 0)
        memcpy(job->body, http->body, http->body_len);
    job->body_len = http->body_len;
    if (ak_witness_request_parse(&job->request, job->body, job->body_len, &err) != AK_OK) {
        say(conn, 400, err.text);
        job_free(job);
        return;
    }
    job->log = ak_witness_find(conn->listener->server->w, job->request.checkpoint.origin);
    if (job->log == NULL) {
        say(conn, 404, "this witness does not know the log");
        job_free(job);
        return;
    }
    job->server = conn->listener->server;
    job->conn = conn;
    conn->job = job;
    queue(job);
}

/* ---- what is read */

static json_t *log_json(const struct ak_witness_log *log)
{
    return json_pack("{s:s, s:I, s:I, s:i, s:i}", "origin", log->origin, "size",
                     (json_int_t)log->record.size, "time", (json_int_t)log->record.time, "forks",
                     (int)log->forks, "suspects", (int)log->suspects);
}

static void give_status(struct ak_witness_conn *conn)
{
    const struct ak_witness_server *server = conn->listener->server;
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    json_t *logs = json_array();
    json_t *status;
    char *text = NULL;

    (void)ak_vkey_format(vkey, sizeof(vkey), ak_witness_key_vkey(server->w->key));
    for (size_t i = 0; i < server->w->log_count; i++)
        (void)json_array_append_new(logs, log_json(&server->w->log[i]));
    status = json_pack("{s:s, s:I, s:I, s:I, s:i, s:o}", "witness", vkey, "answered",
                       (json_int_t)server->answered, "cosigned", (json_int_t)server->cosigned,
                       "refused", (json_int_t)server->refused, "connections",
                       (int)server->conn_count, "logs", logs);
    if (status != NULL)
        text = json_dumps(status, JSON_ENSURE_ASCII | JSON_COMPACT);
    json_decref(status);
    if (text == NULL)
        say(conn, 500, "no memory");
    else
        ak_witness_conn_answer(conn, 200, "application/json", text, strlen(text));
    free(text);
}

static void give_checkpoint(struct ak_witness_conn *conn, const char *id, size_t len)
{
    const struct ak_witness_log *log = ak_witness_find_id(conn->listener->server->w, id, len);

    if (log == NULL || log->record.note == NULL)
        say(conn, 404, "no checkpoint of such a log was cosigned");
    else
        ak_witness_conn_answer(conn, 200, TEXT, log->record.note, log->record.note_len);
}

void ak_witness_route(struct ak_witness_conn *conn)
{
    static const char tail[] = "/checkpoint";
    const struct ak_witness_http *http = ak_witness_parser_request(conn->parser);
    const char *prefix = conn->listener->url->prefix;
    const char *path = http->path + strlen(prefix);
    size_t len = http->path_len;
    bool reads = http->method == AK_WITNESS_GET || http->method == AK_WITNESS_HEAD;

    if (len <= strlen(prefix) || memcmp(http->path, prefix, strlen(prefix)) != 0 || *path != '/') {
        say(conn, 404, "there is nothing here");
        return;
    }
    path++;
    len -= strlen(prefix) + 1;
    if (len == 14 && memcmp(path, "add-checkpoint", 14) == 0) {
        if (http->method == AK_WITNESS_POST)
            add_checkpoint(conn);
        else
            say(conn, 405, "add-checkpoint wants POST");
    } else if (!reads) {
        say(conn, 405, "only add-checkpoint takes anything");
    } else if (len == 6 && memcmp(path, "status", 6) == 0) {
        give_status(conn);
    } else if (len == AK_WITNESS_ID_CHARS + sizeof(tail) - 1 &&
               memcmp(path + AK_WITNESS_ID_CHARS, tail, sizeof(tail) - 1) == 0) {
        give_checkpoint(conn, path, AK_WITNESS_ID_CHARS);
    } else {
        say(conn, 404, "there is nothing here");
    }
}
