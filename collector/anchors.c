/* anchors.c - checkpoints of other logs, and beacons, become entries of kind 6.
 *
 * The happy path of each source, a URL or a file: it is due; it is read (http.c, or in the pool);
 * what is new in it becomes an entry: a checkpoint as `checkpoint`, any other text as `beacon`.
 * Possible failure modes are: it cannot be had, is too long, is empty or no text. Each is told
 * once, by an event and in the diagnostics, and tried again when it is due again. Whether what is
 * entered bounds anything is the question of who verifies. */
#include "anchors.h"

#include "disk.h"
#include "http.h"
#include "log.h"
#include "server.h"

#include <akashi/checkpoint.h>
#include <akashi/format.h>
#include <akashi/note.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS            30000u
#define CHECKPOINT_BYTES_MAX 32768u /* with its escapes it fits an own payload (format.md 11) */
#define BEACON_BYTES_MAX     8192u  /* the same, where each byte takes six */
#define TEXT_BYTES           256u

struct source {
    struct ak_anchors *anchors;
    char *place; /* URL or path */
    bool url;
    bool busy;
    uint64_t due; /* boot time */
    bool failed;  /* and told */
    bool entered; /* `last` holds */
    struct ak_hash last;
    uv_work_t work;
    unsigned char *data; /* of a file */
    size_t len;
    enum ak_code rc;
    struct ak_error err;
};

/* Settings and what is under way with them; as those of stamps.c. */
struct ak_anchors {
    struct ak_runlog *log;
    uint64_t interval;
    struct source *source;
    size_t count;
    bool retired;
};

static bool is_busy(const struct ak_anchors *anchors)
{
    for (size_t i = 0; i < anchors->count; i++) {
        if (anchors->source[i].busy)
            return true;
    }
    return false;
}

static void anchors_free(struct ak_anchors *anchors)
{
    if (anchors == NULL)
        return;
    for (size_t i = 0; i < anchors->count; i++) {
        free(anchors->source[i].place);
        free(anchors->source[i].data);
    }
    free(anchors->source);
    free(anchors);
}

/* A source has nothing under way any more. */
static void end_attempt(struct source *s)
{
    struct ak_anchors *anchors = s->anchors;

    free(s->data);
    s->data = NULL;
    s->busy = false;
    s->due = anchors->log->server->boot + anchors->interval;
    if (anchors->retired && !is_busy(anchors))
        anchors_free(anchors);
}

static void tell_event(const struct source *s, const char *event, const char *reason)
{
    struct ak_payload p;

    ak_payload_event(&p, event, "network");
    ak_payload_string(&p, "name", s->place);
    if (reason != NULL)
        ak_payload_string(&p, "reason", reason);
    ak_runlog_own(s->anchors->log, AK_KIND_EVENT, &p);
}

static bool is_over(const struct source *s)
{
    return s->anchors->retired || s->anchors->log->stopping;
}

static void fail(struct source *s, const char *reason)
{
    if (!s->failed && !is_over(s)) {
        s->failed = true;
        ak_log(AK_LOG_WARNING, "log %s: no anchor from %s: %.*s. It is tried again.",
               s->anchors->log->options.name, s->place, (int)TEXT_BYTES, reason);
        tell_event(s, "anchor-failed", reason);
    }
    end_attempt(s);
}

/* The origin, if the text is a checkpoint; NULL for anything else. */
static const char *checkpoint_origin(struct ak_checkpoint *checkpoint, const void *data, size_t len)
{
    struct ak_note note;

    if (ak_note_parse(&note, data, len, NULL) != AK_OK ||
        ak_checkpoint_parse(checkpoint, note.text, note.text_len, true, NULL) != AK_OK)
        return NULL;
    return checkpoint->origin;
}

/* `data` has a NUL behind it. */
static void take(struct source *s, const char *data, size_t len)
{
    struct ak_checkpoint checkpoint;
    const char *origin = checkpoint_origin(&checkpoint, data, len);
    struct ak_hash digest;
    struct ak_payload p;

    if (len == 0 || strlen(data) != len ||
        len > (origin != NULL ? CHECKPOINT_BYTES_MAX : BEACON_BYTES_MAX)) {
        fail(s, "what is there is empty, no text, or too long");
        return;
    }
    if (s->failed && !is_over(s))
        tell_event(s, "anchor-resumed", NULL);
    s->failed = false;
    ak_sha256(&digest, data, len);
    if (!is_over(s) && !(s->entered && ak_hash_equal(&digest, &s->last))) {
        ak_payload_begin(&p, "anchor");
        ak_payload_string(&p, origin != NULL ? "checkpoint" : "beacon", data);
        ak_payload_string(&p, origin != NULL ? "origin" : "url",
                          origin != NULL ? origin : s->place);
        ak_runlog_own(s->anchors->log, AK_KIND_ANCHOR, &p);
        s->entered = true;
        s->last = digest;
    }
    end_attempt(s);
}

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    struct source *s = ctx;
    char reason[TEXT_BYTES];
    char *copy;

    ak_server_look(s->anchors->log->server);
    if (answer->error != NULL) {
        fail(s, answer->error);
        return;
    }
    if (answer->status != 200) {
        (void)snprintf(reason, sizeof(reason), "it answers with status %d", answer->status);
        fail(s, reason);
        return;
    }
    copy = malloc(answer->len + 1);
    if (copy == NULL) {
        fail(s, "no memory");
        return;
    }
    memcpy(copy, answer->body, answer->len);
    copy[answer->len] = '\0';
    s->data = (unsigned char *)copy;
    take(s, copy, answer->len);
}

static void read_work(uv_work_t *work)
{
    struct source *s = work->data;

    s->err = (struct ak_error){0};
    s->rc = ak_disk_read(AT_FDCWD, s->place, CHECKPOINT_BYTES_MAX, &s->data, &s->len, NULL, NULL,
                         &s->err);
}

static void read_done(uv_work_t *work, int status)
{
    struct source *s = work->data;

    (void)status;
    ak_server_look(s->anchors->log->server);
    if (s->rc == AK_OK)
        take(s, (const char *)s->data, s->len);
    else
        fail(s, s->err.text);
}

static void look(struct source *s)
{
    struct ak_server *server = s->anchors->log->server;
    struct ak_http_request request = {
        .url = s->place, .timeout_ms = ANSWER_MS, .answer_max = CHECKPOINT_BYTES_MAX};
    struct ak_error err = {0};

    s->busy = true;
    s->work.data = s;
    if (!s->url)
        (void)uv_queue_work(&server->loop, &s->work, read_work, read_done);
    else if (ak_http_start(server->http, &request, on_answer, s, NULL, &err) != AK_OK)
        fail(s, err.text);
}

void ak_anchors_tick(struct ak_runlog *log)
{
    struct ak_anchors *anchors = log->anchors;

    if (anchors == NULL || log->server->http == NULL || log->stopping || log->full)
        return;
    for (size_t i = 0; i < anchors->count; i++) {
        struct source *s = &anchors->source[i];
        if (!s->busy && s->due <= log->server->boot)
            look(s);
    }
}

static struct ak_anchors *make(struct ak_runlog *log, const struct ak_config_log *config)
{
    struct ak_anchors *anchors = calloc(1, sizeof(*anchors));

    if (anchors == NULL)
        return NULL;
    anchors->log = log;
    anchors->interval = config->anchor_interval;
    anchors->source = calloc(config->anchor_count, sizeof(*anchors->source));
    for (size_t i = 0; anchors->source != NULL && i < config->anchor_count; i++) {
        struct source *s = &anchors->source[anchors->count];
        s->anchors = anchors;
        s->place = strdup(config->anchor[i]);
        if (s->place == NULL)
            break;
        s->url = s->place[0] != '/';
        anchors->count++;
    }
    if (anchors->count == config->anchor_count)
        return anchors;
    anchors_free(anchors);
    return NULL;
}

/* What was entered before a reload is not entered again. */
static void take_over(struct ak_anchors *anchors, const struct ak_anchors *old)
{
    for (size_t i = 0; i < anchors->count; i++) {
        struct source *s = &anchors->source[i];
        for (size_t j = 0; j < old->count; j++) {
            const struct source *o = &old->source[j];
            if (strcmp(s->place, o->place) != 0)
                continue;
            s->failed = o->failed;
            s->entered = o->entered;
            s->last = o->last;
        }
    }
}

void ak_anchors_configure(struct ak_runlog *log, const struct ak_config_log *config)
{
    struct ak_anchors *old = log->anchors;

    log->anchors = config->anchor_count == 0 ? NULL : make(log, config);
    if (config->anchor_count > 0 && log->anchors == NULL)
        ak_log(AK_LOG_ERROR, "log %s: no memory for anchors: none are entered", log->options.name);
    if (old == NULL)
        return;
    if (log->anchors != NULL)
        take_over(log->anchors, old);
    old->retired = true;
    if (!is_busy(old))
        anchors_free(old);
}

void ak_anchors_free(struct ak_runlog *log)
{
    anchors_free(log->anchors);
    log->anchors = NULL;
}
