/* stamps.c - one log's time stamps: whom to ask when, what came of it, and the files that keep it
 * (format.md 9.4).
 *
 * The happy path of each authority is:
 *   IDLE      it is due, and there is a published checkpoint newer than what it stamped last
 *   ASKING    a request with a nonce is on its way (http.c)
 *   ANSWERED  its reply waits for the pool: one of a log at a time, since they share a file
 *   STORING   the reply is judged, and note and reply are written
 *   IDLE      until the interval is over, or an epoch ends
 * Possible failure modes are: no answer, another status than 200, a reply that is not good, a disk
 * that takes no file. Each is told once, by an event and in the diagnostics, and tried again after
 * 10 s, 20 s and so on, at most the interval. What lies beside the log is never replaced. */
#include "stamps.h"

#include "clock.h"
#include "disk.h"
#include "http.h"
#include "log.h"
#include "room.h"
#include "server.h"
#include "stamp_request.h"

#include <akashi/note.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S      1000000000ull
#define ANSWER_MS     30000u /* an authority answers in well under a second; then it is asked anew */
#define RETRY_NS      (10 * NS_PER_S)
#define RETRY_DOUBLES 10u     /* 10 s to 2.8 h; the interval bounds it before */
#define FILE_MODE     0444    /* evidence, never written again */
#define REPLIES_MAX   100000u /* names tried for one size; each attempt takes one */
#define NAME_BYTES    48u     /* 20 digits, a number and an ending */
#define TEXT_BYTES    256u

enum state { IDLE, ASKING, ANSWERED, STORING };

struct authority {
    struct ak_stamps *stamps;
    char *url;
    enum state state;
    uint64_t due; /* boot time */
    bool again;   /* an epoch ended meanwhile */
    unsigned failures;
    char failure[TEXT_BYTES];
    uint64_t stamped_size; /* of the last good one */
    uint64_t stamped_time; /* what it states; seconds since 1970 */
    char *note;            /* what is being stamped */
    size_t len;
    uint64_t size;
    uint8_t nonce[AK_STAMP_NONCE_BYTES];
    unsigned char *reply;
    size_t reply_len;
    uint64_t written; /* bytes of files, by the job */
    enum ak_code rc;  /* of the job */
    struct ak_error err;
    struct ak_timestamp stamp;
};

/* Settings and what is under way with them; a reload makes new ones, the old ones go when nothing
 * is under way any more. */
struct ak_stamps {
    struct ak_runlog *log;
    uint64_t interval;
    char *policy;
    struct ak_tsa *tsa; /* used by one job at a time */
    struct authority *authority;
    size_t count;
    char *note; /* the newest that was published */
    size_t len;
    uint64_t size;
    struct authority *storing;
    uv_work_t work;
    bool retired;
    unsigned number; /* of these settings: files of two of them never meet in tmp/ */
};

static void go(struct ak_stamps *stamps);

static bool is_busy(const struct ak_stamps *stamps)
{
    for (size_t i = 0; i < stamps->count; i++) {
        if (stamps->authority[i].state != IDLE)
            return true;
    }
    return false;
}

static void stamps_free(struct ak_stamps *stamps)
{
    if (stamps == NULL)
        return;
    for (size_t i = 0; i < stamps->count; i++) {
        free(stamps->authority[i].url);
        free(stamps->authority[i].note);
        free(stamps->authority[i].reply);
    }
    free(stamps->authority);
    free(stamps->policy);
    free(stamps->note);
    ak_tsa_free(stamps->tsa);
    free(stamps);
}

/* An authority has nothing under way any more. */
static void end_attempt(struct authority *a)
{
    struct ak_stamps *stamps = a->stamps;

    free(a->note);
    free(a->reply);
    a->note = NULL;
    a->reply = NULL;
    a->state = IDLE;
    if (stamps->retired && !is_busy(stamps))
        stamps_free(stamps);
    else
        go(stamps);
}

static void tell_event(struct authority *a, const char *event, const char *reason)
{
    struct ak_runlog *log = a->stamps->log;
    struct ak_payload p;

    if (log->stopping || a->stamps->retired)
        return;
    ak_payload_event(&p, event, "network");
    ak_payload_string(&p, "name", a->url);
    if (reason != NULL)
        ak_payload_string(&p, "reason", reason);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

static void fail(struct authority *a, const char *reason)
{
    struct ak_stamps *stamps = a->stamps;
    struct ak_runlog *log = stamps->log;
    unsigned doubles = a->failures < RETRY_DOUBLES ? a->failures : RETRY_DOUBLES;
    uint64_t wait = RETRY_NS << doubles;

    (void)snprintf(a->failure, sizeof(a->failure), "%.*s", (int)sizeof(a->failure) - 1, reason);
    a->due = log->server->boot + (wait < stamps->interval ? wait : stamps->interval);
    a->again = false;
    if (a->failures++ == 0 && !log->stopping) {
        ak_log(AK_LOG_WARNING,
               "log %s: no time stamp from %s: %s. Records are taken on; it is tried again.",
               log->options.name, a->url, a->failure);
        tell_event(a, "stamp-failed", a->failure);
    }
    end_attempt(a);
}

static void succeed(struct authority *a)
{
    struct ak_stamps *stamps = a->stamps;

    if (a->failures > 0)
        tell_event(a, "stamp-resumed", NULL);
    a->failures = 0;
    a->failure[0] = '\0';
    a->stamped_size = a->size;
    a->stamped_time = a->stamp.time;
    a->due = stamps->log->server->boot + (a->again ? 0 : stamps->interval);
    a->again = false;
    ak_log(AK_LOG_INFO, "log %s: %" PRIu64 " entries time-stamped by %s", stamps->log->options.name,
           a->size, a->url);
    end_attempt(a);
}

/* The note beside the log, unless another attempt has written it. In the pool. */
static enum ak_code store_note(struct authority *a, struct ak_error *err)
{
    const struct ak_runlog *log = a->stamps->log;
    char name[NAME_BYTES];
    char tmp[NAME_BYTES];
    enum ak_code rc;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".stamped", a->size);
    (void)snprintf(tmp, sizeof(tmp), "%s.%u", log->id, a->stamps->number);
    if (faccessat(log->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return AK_OK;
    rc = ak_disk_put(log->server->store.tmp_fd, tmp, log->dir_fd, name, FILE_MODE, a->note, a->len,
                     err);
    if (rc == AK_OK)
        a->written += a->len;
    return rc;
}

/* The reply under the first number that is free. In the pool, where no other one of this log is. */
static enum ak_code store_reply(struct authority *a, struct ak_error *err)
{
    const struct ak_runlog *log = a->stamps->log;
    char name[NAME_BYTES];
    char tmp[NAME_BYTES];
    enum ak_code rc;

    (void)snprintf(tmp, sizeof(tmp), "%s.%u", log->id, a->stamps->number);
    for (unsigned k = 0; k < REPLIES_MAX; k++) {
        (void)snprintf(name, sizeof(name), "%020" PRIu64 ".%u.tsr", a->size, k);
        if (faccessat(log->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (errno != ENOENT)
            return ak_fail_errno(err, errno, "look for %s", name);
        rc = ak_disk_put(log->server->store.tmp_fd, tmp, log->dir_fd, name, FILE_MODE, a->reply,
                         a->reply_len, err);
        if (rc == AK_OK)
            a->written += a->reply_len;
        return rc;
    }
    return ak_fail(err, AK_ELIMIT, "%u time stamps of one size", REPLIES_MAX);
}

static void store_work(uv_work_t *work)
{
    struct ak_stamps *stamps = work->data;
    struct authority *a = stamps->storing;

    a->err = (struct ak_error){0};
    a->written = 0;
    a->rc = ak_stamp_answer(a->reply, a->reply_len, a->note, a->len, a->nonce, stamps->policy,
                            stamps->tsa, &a->stamp, &a->err);
    if (a->rc == AK_OK)
        a->rc = store_note(a, &a->err);
    if (a->rc == AK_OK)
        a->rc = store_reply(a, &a->err);
}

static void store_done(uv_work_t *work, int status)
{
    struct ak_stamps *stamps = work->data;
    struct authority *a = stamps->storing;

    (void)status;
    stamps->storing = NULL;
    ak_room_beside(stamps->log, a->written, 0);
    ak_server_look(stamps->log->server);
    if (a->rc == AK_OK)
        succeed(a);
    else
        fail(a, a->err.text);
}

/* Gives the next answer to the pool. */
static void go(struct ak_stamps *stamps)
{
    for (size_t i = 0; i < stamps->count && stamps->storing == NULL; i++) {
        struct authority *a = &stamps->authority[i];
        if (a->state != ANSWERED)
            continue;
        a->state = STORING;
        stamps->storing = a;
        stamps->work.data = stamps;
        (void)uv_queue_work(&stamps->log->server->loop, &stamps->work, store_work, store_done);
    }
}

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    struct authority *a = ctx;
    char reason[TEXT_BYTES];

    assert(a->state == ASKING);
    ak_server_look(a->stamps->log->server);
    if (answer->error != NULL) {
        fail(a, answer->error);
        return;
    }
    if (answer->status != 200 || strcmp(answer->content_type, "application/timestamp-reply") != 0) {
        (void)snprintf(reason, sizeof(reason), "it answers with status %d, type \"%.80s\"",
                       answer->status, answer->content_type);
        fail(a, reason);
        return;
    }
    a->reply = malloc(answer->len + 1);
    if (a->reply == NULL) {
        fail(a, "no memory");
        return;
    }
    memcpy(a->reply, answer->body, answer->len);
    a->reply_len = answer->len;
    a->state = ANSWERED;
    go(a->stamps);
}

static void ask(struct authority *a)
{
    struct ak_stamps *stamps = a->stamps;
    struct ak_http_request request = {.url = a->url,
                                      .content_type = "application/timestamp-query",
                                      .timeout_ms = ANSWER_MS,
                                      .answer_max = AK_TIMESTAMP_BYTES_MAX};
    struct ak_error err = {0};
    unsigned char *der = NULL;
    enum ak_code rc = AK_OK;

    a->note = malloc(stamps->len);
    if (a->note == NULL)
        rc = ak_fail(&err, AK_ENOMEM, "no memory for a time stamp");
    if (rc == AK_OK) {
        memcpy(a->note, stamps->note, stamps->len);
        a->len = stamps->len;
        a->size = stamps->size;
        ak_stamp_nonce(a->nonce);
        rc = ak_stamp_request(a->note, a->len, a->nonce, stamps->policy, &der, &request.len, &err);
    }
    request.body = der;
    if (rc == AK_OK)
        rc = ak_http_start(stamps->log->server->http, &request, on_answer, a, NULL, &err);
    free(der);
    if (rc == AK_OK)
        a->state = ASKING;
    else
        fail(a, err.text);
}

void ak_stamps_tick(struct ak_runlog *log)
{
    struct ak_stamps *stamps = log->stamps;

    if (stamps == NULL || stamps->note == NULL || log->server->http == NULL || log->stopping)
        return;
    for (size_t i = 0; i < stamps->count; i++) {
        struct authority *a = &stamps->authority[i];
        if (a->state == IDLE && a->due <= log->server->boot && stamps->size > a->stamped_size)
            ask(a);
    }
}

void ak_stamps_published(struct ak_runlog *log, const char *note, size_t len, uint64_t size)
{
    struct ak_stamps *stamps = log->stamps;
    char *copy = stamps == NULL ? NULL : malloc(len);

    if (copy == NULL)
        return; /* without memory the next one is taken */
    memcpy(copy, note, len);
    free(stamps->note);
    stamps->note = copy;
    stamps->len = len;
    stamps->size = size;
}

void ak_stamps_epoch_ended(struct ak_runlog *log)
{
    struct ak_stamps *stamps = log->stamps;

    for (size_t i = 0; stamps != NULL && i < stamps->count; i++) {
        struct authority *a = &stamps->authority[i];
        if (a->state != IDLE)
            a->again = true;
        else if (a->failures == 0)
            a->due = 0;
    }
    ak_stamps_tick(log);
}

/* Settings of their own; NULL without memory, or when the certificates cannot be used. */
static struct ak_stamps *make(struct ak_runlog *log, const struct ak_config_log *config,
                              struct ak_error *err)
{
    static unsigned made; /* the loop's alone */
    struct ak_stamps *stamps = calloc(1, sizeof(*stamps));
    unsigned char *pem = NULL;
    size_t len = 0;
    enum ak_code rc = AK_OK;

    if (stamps == NULL) {
        (void)ak_fail(err, AK_ENOMEM, "no memory for time stamps");
        return NULL;
    }
    stamps->log = log;
    stamps->number = ++made;
    stamps->interval = config->stamp_interval;
    stamps->authority = calloc(config->stamp_count, sizeof(*stamps->authority));
    stamps->policy = config->stamp_policy == NULL ? NULL : strdup(config->stamp_policy);
    if (stamps->authority == NULL || (config->stamp_policy != NULL && stamps->policy == NULL))
        rc = ak_fail(err, AK_ENOMEM, "no memory for time stamps");
    for (size_t i = 0; rc == AK_OK && i < config->stamp_count; i++) {
        stamps->authority[i] =
            (struct authority){.stamps = stamps, .url = strdup(config->stamp[i])};
        stamps->count++;
        if (stamps->authority[i].url == NULL)
            rc = ak_fail(err, AK_ENOMEM, "no memory for time stamps");
    }
    if (rc == AK_OK)
        rc = ak_disk_read(AT_FDCWD, config->stamp_ca, AK_TSA_FILE_BYTES_MAX, &pem, &len, NULL, NULL,
                          err);
    if (rc == AK_OK)
        rc = ak_tsa_new(&stamps->tsa, err);
    if (rc == AK_OK)
        rc = ak_tsa_add(stamps->tsa, pem, len, err);
    free(pem);
    if (rc == AK_OK)
        return stamps;
    stamps_free(stamps);
    return NULL;
}

/* What an authority asked before and after a reload has done stays known. */
static void take_over(struct ak_stamps *stamps, struct ak_stamps *old)
{
    stamps->note = old->note;
    stamps->len = old->len;
    stamps->size = old->size;
    old->note = NULL;
    for (size_t i = 0; i < stamps->count; i++) {
        struct authority *a = &stamps->authority[i];
        for (size_t j = 0; j < old->count; j++) {
            const struct authority *b = &old->authority[j];
            if (strcmp(a->url, b->url) != 0)
                continue;
            a->stamped_size = b->stamped_size;
            a->stamped_time = b->stamped_time;
            a->due = b->due;
        }
    }
}

static void retire(struct ak_stamps *stamps)
{
    stamps->retired = true;
    if (!is_busy(stamps))
        stamps_free(stamps);
}

void ak_stamps_configure(struct ak_runlog *log, const struct ak_config_log *config)
{
    struct ak_stamps *old = log->stamps;
    struct ak_error err = {0};

    log->stamps = config->stamp_count == 0 ? NULL : make(log, config, &err);
    if (config->stamp_count > 0 && log->stamps == NULL) {
        ak_log(AK_LOG_ERROR, "log %s: stamp_ca: %s: no time stamps are asked for",
               log->options.name, err.text);
    }
    if (old != NULL && log->stamps != NULL)
        take_over(log->stamps, old);
    if (old != NULL)
        retire(old);
}

json_t *ak_stamps_json(const struct ak_runlog *log)
{
    const struct ak_stamps *stamps = log->stamps;
    json_t *list = json_array();

    for (size_t i = 0; stamps != NULL && i < stamps->count; i++) {
        const struct authority *a = &stamps->authority[i];
        char time[40];
        json_t *one = json_pack("{s:s, s:I, s:i}", "url", a->url, "size",
                                (json_int_t)a->stamped_size, "failures", (int)a->failures);
        if (a->stamped_time > 0) {
            ak_clock_text(a->stamped_time * NS_PER_S, time, sizeof(time));
            (void)json_object_set_new(one, "existed_by", json_string(time));
        }
        if (a->failures > 0)
            (void)json_object_set_new(one, "failure", json_string(a->failure));
        (void)json_array_append_new(list, one);
    }
    return list;
}

void ak_stamps_free(struct ak_runlog *log)
{
    stamps_free(log->stamps);
    log->stamps = NULL;
}
