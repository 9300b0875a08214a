/* cosign_ask.c - one witness: from a published checkpoint to its cosignature.
 *
 * The happy path: the proof comes out of the two ranges at hand, the POST goes out, the line in the
 * answer is checked, and the ranges move on. Failure modes:
 *   - 409 with another size (we started, or somebody else asked): the ranges are read from the
 *     log's files, and it is asked again at once.
 *   - 409 with a size that we never had, or 422 for a proof that came fresh from the files: it has
 *     seen another history under our key. That is told, loudly.
 *   - anything else: its text, and a later try. */
#include "cosign_private.h"
#include "cosign_proof.h"

#include "log.h"
#include "server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MAX 3u /* other sizes in one turn; somebody else may ask at the same time */

static void post(struct ak_cosign_witness *w);

/* ---- Ends ---- */

static void drop_asked(struct ak_cosign_witness *w)
{
    w->known = w->known && w->tail_known && ak_range_merge(&w->right, &w->tail, NULL) == AK_OK;
    ak_cosign_note_unref(w->asked);
    w->asked = NULL;
    w->state = AK_COSIGN_IDLE;
}

static void fail_with(struct ak_cosign_witness *w, const char *text)
{
    (void)snprintf(w->error, sizeof(w->error), "%s", text);
    drop_asked(w);
    ak_cosign_on_failure(w);
}

static void conflict_with(struct ak_cosign_witness *w)
{
    drop_asked(w);
    w->known = false;
    ak_cosign_on_conflict(w);
}

/* ---- Ranges from the files ---- */

struct learning {
    uv_work_t work;
    struct ak_cosign_witness *w;
    struct ak_cosign_client *client;
    char path[AK_COSIGN_PATH_BYTES];
    uint64_t old, size;
    struct ak_range left, right;
    enum ak_code rc;
    struct ak_error err;
};

static void learn_work(uv_work_t *work)
{
    struct learning *job = work->data;

    job->rc = ak_cosign_learn(job->path, job->old, job->size, &job->left, &job->right, &job->err);
}

static void learn_done(uv_work_t *work, int status)
{
    struct learning *job = work->data;
    struct ak_cosign_client *client = job->client;
    struct ak_cosign_witness *w = job->w;

    (void)status; /* it is never cancelled */
    if (ak_cosign_job_back(client)) {
        free(job);
        return;
    }
    ak_server_look(client->log->server);
    if (job->rc != AK_OK) {
        ak_wrap(&job->err, "the log's hashes cannot be read");
        fail_with(w, job->err.text);
    } else {
        w->left = job->left;
        w->right = job->right;
        w->known = w->learned = true;
        post(w);
    }
    free(job);
}

static void learn(struct ak_cosign_witness *w)
{
    struct learning *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        fail_with(w, "no memory to read the log's hashes");
        return;
    }
    job->work.data = job;
    job->w = w;
    job->client = w->client;
    job->old = w->size;
    job->size = w->asked->size;
    memcpy(job->path, w->client->path, sizeof(job->path));
    w->state = AK_COSIGN_LEARNING;
    w->client->jobs++;
    (void)uv_queue_work(&w->client->log->server->loop, &job->work, learn_work, learn_done);
}

/* ---- Answers ---- */

/* The ranges go on behind what it has cosigned now. */
static void move_on(struct ak_cosign_witness *w)
{
    bool whole = w->known || w->size == 0;

    w->size = w->asked->size;
    w->cosigned = true;
    w->known = whole && w->next_left.end == w->size && w->tail_known;
    if (w->known) {
        w->left = w->next_left;
        w->right = w->tail;
    }
}

static void take_200(struct ak_cosign_witness *w, const struct ak_http_answer *answer)
{
    struct ak_cosign_note *note = w->asked;
    struct ak_cosign_line line;
    struct ak_error err = {0};

    if (ak_cosign_answer(note->text, note->len, answer->body, answer->len, &w->who->vkey, &line,
                         &err) != AK_OK) {
        fail_with(w, err.text);
        return;
    }
    note->line[w->number] = line;
    move_on(w);
    w->error[0] = '\0';
    w->learned = false;
    w->asked = NULL;
    w->state = AK_COSIGN_IDLE;
    ak_cosign_on_line(w, note);
    ak_cosign_note_unref(note);
}

static void take_409(struct ak_cosign_witness *w, const struct ak_http_answer *answer)
{
    uint64_t newest = w->client->newest->size;
    struct ak_error err = {0};
    uint64_t size;

    if (strcmp(answer->content_type, AK_COSIGN_SIZE_TYPE) != 0 ||
        ak_cosign_size(answer->body, answer->len, &size, &err) != AK_OK) {
        fail_with(w, "it answers 409 without saying which size it has");
        return;
    }
    if (size > newest) {
        w->size = size;
        (void)snprintf(w->error, sizeof(w->error),
                       "it has seen this log at size %" PRIu64 ", ours ends at %" PRIu64, size,
                       newest);
        conflict_with(w);
        return;
    }
    if (size == w->size || w->again++ == AGAIN_MAX) {
        fail_with(w, "it answers 409 for the size that it names itself");
        return;
    }
    w->size = size;
    w->cosigned = w->known = false;
    if (size > w->asked->size) { /* it has more than this one covers: the next round's is newer */
        drop_asked(w);
        w->error[0] = '\0';
        w->not_before = 0;
        return;
    }
    w->state = AK_COSIGN_IDLE;
    post(w);
}

/* The proof was refused. One that was made from memory is made again from the files. */
static void take_422(struct ak_cosign_witness *w)
{
    if (w->known && !w->learned && w->size > 0) {
        w->known = false;
        w->state = AK_COSIGN_IDLE;
        post(w);
        return;
    }
    (void)snprintf(w->error, sizeof(w->error),
                   "it refuses the proof from its size %" PRIu64 " to ours %" PRIu64
                   ": the history that it has seen is not the one that is here",
                   w->size, w->asked->size);
    conflict_with(w);
}

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    struct ak_cosign_witness *w = ctx;
    char text[64];

    w->call = NULL;
    if (w->client->log == NULL || answer->error != NULL) {
        if (w->client->log == NULL)
            drop_asked(w);
        else
            fail_with(w, answer->error);
        return;
    }
    ak_server_look(w->client->log->server);
    switch (answer->status) {
    case 200:
        take_200(w, answer);
        break;
    case 409:
        take_409(w, answer);
        break;
    case 422:
        take_422(w);
        break;
    case 403:
    case 404: /* the older word for it, and the specification's */
        fail_with(w, "it does not know this log: give its operator the log's key "
                     "(akashi-collector key show)");
        break;
    default:
        (void)snprintf(text, sizeof(text), "it answers with status %d", answer->status);
        fail_with(w, text);
    }
}

/* ---- Asking ---- */

static enum ak_code send_to(struct ak_cosign_witness *w, const struct ak_hash *proof, unsigned n,
                            struct ak_error *err)
{
    struct ak_cosign_client *client = w->client;
    char *body = NULL;
    size_t len = 0;
    enum ak_code rc =
        ak_cosign_request(&body, &len, w->size, proof, n, w->asked->text, w->asked->len, err);
    struct ak_http_request request = {.url = w->url,
                                      .content_type = "text/plain",
                                      .body = body,
                                      .len = len,
                                      .ca_file = client->ca,
                                      .timeout_ms = AK_COSIGN_TIMEOUT_MS,
                                      .answer_max = AK_COSIGN_ANSWER_BYTES_MAX};

    if (rc == AK_OK)
        rc = ak_http_start(client->log->server->http, &request, on_answer, w, &w->call, err);
    free(body);
    return rc;
}

/* From the witness's size to what is asked about: nothing, a proof at hand, or one to be read. */
static void post(struct ak_cosign_witness *w)
{
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    struct ak_error err = {0};
    uint64_t size = w->asked->size;
    unsigned n = 0;

    if (w->size > 0 && w->size < size && (!w->known || w->right.end != size)) {
        learn(w);
        return;
    }
    ak_range_init(&w->next_left, 0);
    if (w->size == size) {
        if (w->known)
            w->next_left = w->left;
    } else if (w->size > 0) {
        w->next_left = w->left;
        if (ak_cosign_proof(&w->left, &w->right, proof, &n, &err) != AK_OK ||
            ak_range_merge(&w->next_left, &w->right, &err) != AK_OK) {
            w->known = false;
            fail_with(w, err.text);
            return;
        }
    }
    w->state = AK_COSIGN_ASKING;
    if (send_to(w, proof, n, &err) != AK_OK)
        fail_with(w, err.text);
}

void ak_cosign_ask(struct ak_cosign_witness *w, struct ak_cosign_note *note)
{
    assert(w->state == AK_COSIGN_IDLE && w->asked == NULL);
    if (w->size > note->size) { /* contradicted before: it says again what it has */
        w->size = 0;
        w->cosigned = w->known = false;
    }
    w->asked = ak_cosign_note_ref(note);
    w->again = 0;
    w->tail_known = note == w->client->newest;
    ak_range_init(&w->tail, note->size);
    post(w);
}

void ak_cosign_ask_end(struct ak_cosign_witness *w)
{
    if (w->call != NULL)
        ak_http_cancel(w->call);
    w->call = NULL;
    if (w->asked != NULL)
        drop_asked(w);
}
