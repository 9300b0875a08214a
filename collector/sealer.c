/* sealer.c - one thread, one queue of jobs in, one list of answers out.
 *
 * The happy path: a job is appended under the mutex and the thread woken; it works without the
 * mutex, appends an answer, and uv_async brings it to the loop. Failure modes: a segment cannot be
 * sealed (the loop is told); no memory for a job (left for the next start, which finds it). */
#include "sealer.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOGS_MAX    1024 /* as the signer's */
#define BACKLOG_MAX 8u   /* more segments than this waiting: frames are copied as they are */
#define IDLE_NICE   19

enum job_kind { JOB_FIND, JOB_SEAL, JOB_LAST, JOB_REMOVE, JOB_ORDERS, JOB_ERASE, JOB_OLD };

struct job {
    struct job *next;
    enum job_kind kind;
    int slot;
    uint64_t first;
    uint64_t end;                 /* of JOB_FIND the size at the start */
    bool copy;                    /* of JOB_LAST */
    uint64_t count;               /* of JOB_ORDERS: how many there are; of JOB_OLD the generation */
    struct ak_erase_order *order; /* of JOB_ERASE; `first` is where it goes on, `end` the size */
};

enum answer_kind { ANSWER_SEALED, ANSWER_REMOVED, ANSWER_ORDERS, ANSWER_ERASED, ANSWER_TORN };

struct answer {
    struct answer *next;
    enum answer_kind kind;
    int slot;
    bool ok;                 /* SEALED; of ERASED: there is more */
    struct ak_sealed sealed; /* ok */
    uint64_t first, end, good;
    struct ak_error err;
    uint64_t removed;               /* REMOVED: bytes that were found to be needed no more */
    struct ak_authority *authority; /* ORDERS */
    struct ak_erase_order *erase;
    size_t erase_count;
    char file[AK_FILE_NAME_BYTES]; /* TORN */
    struct ak_hash sha256;
};

struct ak_sealer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    uv_async_t async;
    struct job *head, **tail;         /* under the mutex */
    unsigned waiting;                 /* jobs that seal; under the mutex */
    struct answer *answers, **behind; /* under the mutex */
    bool closing;                     /* under the mutex */
    atomic_bool stop;                 /* what is under way gives up */
    int count;
    struct ak_sealer_client *clients[LOGS_MAX];
    struct ak_seal_memory *memory; /* of the thread; made when it is first needed */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static bool post(struct ak_sealer *sealer, const struct job *content)
{
    struct job *job = malloc(sizeof(*job));

    if (job == NULL)
        return false;
    *job = *content;
    job->next = NULL;
    pthread_mutex_lock(&sealer->mutex);
    if (job->kind == JOB_REMOVE && sealer->head != NULL) { /* room is given back at once */
        job->next = sealer->head;
        sealer->head = job;
    } else {
        *sealer->tail = job;
        sealer->tail = &job->next;
    }
    sealer->waiting += job->kind == JOB_SEAL;
    pthread_cond_signal(&sealer->wake);
    pthread_mutex_unlock(&sealer->mutex);
    return true;
}

static void answer(struct ak_sealer *sealer, const struct answer *content)
{
    struct answer *copy = malloc(sizeof(*copy));

    if (copy == NULL) { /* the next start finds the segment again */
        ak_authority_free(content->authority);
        free(content->erase);
        return;
    }
    *copy = *content;
    copy->next = NULL;
    pthread_mutex_lock(&sealer->mutex);
    *sealer->behind = copy;
    sealer->behind = &copy->next;
    pthread_mutex_unlock(&sealer->mutex);
    uv_async_send(&sealer->async);
}

struct find_ctx {
    struct ak_sealer *sealer;
    int slot;
};

static void on_found(void *ctx, uint64_t first, uint64_t end, const struct ak_sealed *sealed)
{
    const struct find_ctx *find = ctx;
    struct answer found = {.slot = find->slot, .ok = true};

    if (sealed == NULL) {
        const struct job job = {.kind = JOB_SEAL, .slot = find->slot, .first = first, .end = end};
        (void)post(find->sealer, &job);
        return;
    }
    found.sealed = *sealed;
    answer(find->sealer, &found);
}

static enum ak_code find_left(struct ak_sealer *sealer, const struct job *job, struct ak_error *err)
{
    struct find_ctx find = {.sealer = sealer, .slot = job->slot};
    struct answer gone = {.kind = ANSWER_REMOVED, .slot = job->slot};
    enum ak_code rc = ak_seal_find(&sealer->clients[job->slot]->log, sealer->memory, job->end,
                                   on_found, &find, &gone.removed, err);

    if (gone.removed > 0)
        answer(sealer, &gone);
    return rc;
}

/* Whether frames are copied as they are. */
static bool in_a_hurry(struct ak_sealer *sealer, const struct job *job)
{
    unsigned waiting;

    pthread_mutex_lock(&sealer->mutex);
    waiting = sealer->waiting;
    pthread_mutex_unlock(&sealer->mutex);
    return job->kind == JOB_LAST ? job->copy : waiting > BACKLOG_MAX;
}

static void seal(struct ak_sealer *sealer, const struct job *job)
{
    const struct ak_seal_log *log = &sealer->clients[job->slot]->log;
    struct answer result = {.slot = job->slot, .first = job->first, .end = job->end};
    enum ak_code rc;

    rc = ak_seal(log, sealer->memory, job->first, job->end, in_a_hurry(sealer, job), &result.sealed,
                 &result.good, &result.err);
    if (rc == AK_OK && job->kind == JOB_LAST)
        rc = ak_seal_remove(log, job->first, &result.err);
    result.ok = rc == AK_OK;
    if (job->kind != JOB_LAST || rc != AK_OK)
        answer(sealer, &result);
}

static void on_erase_order(void *ctx, const struct ak_erase_order *order)
{
    struct answer *result = ctx;
    struct ak_erase_order *more =
        result->err.code != AK_OK
            ? NULL
            : reallocarray(result->erase, result->erase_count + 1, sizeof(*more));

    if (more == NULL) {
        (void)ak_fail(&result->err, AK_ENOMEM, "no memory for orders");
        return;
    }
    result->erase = more;
    more[result->erase_count++] = *order;
}

static void read_orders(struct ak_sealer *sealer, const struct job *job)
{
    struct answer result = {.kind = ANSWER_ORDERS, .slot = job->slot};

    (void)ak_erase_orders(&sealer->clients[job->slot]->log, sealer->memory, job->end, job->count,
                          &result.authority, on_erase_order, &result, &result.err);
    if (result.err.code != AK_OK) {
        ak_authority_free(result.authority);
        free(result.erase);
        result.authority = NULL;
        result.erase = NULL;
        result.erase_count = 0;
    }
    answer(sealer, &result);
}

static void on_torn(void *ctx, const char *file, const struct ak_hash *sha256)
{
    const struct find_ctx *find = ctx;
    struct answer result = {.kind = ANSWER_TORN, .slot = find->slot, .sha256 = *sha256};

    (void)snprintf(result.file, sizeof(result.file), "%s", file);
    answer(find->sealer, &result);
}

static void erase(struct ak_sealer *sealer, const struct job *job)
{
    struct find_ctx find = {.sealer = sealer, .slot = job->slot};
    struct answer result = {.kind = ANSWER_ERASED, .slot = job->slot};

    (void)ak_erase_step(&sealer->clients[job->slot]->log, sealer->memory, job->order, job->first,
                        job->end, on_torn, &find, &result.sealed, &result.ok, &result.err);
    answer(sealer, &result);
}

static void run(struct ak_sealer *sealer, const struct job *job)
{
    const struct ak_seal_log *log = &sealer->clients[job->slot]->log;
    struct ak_error err = {0};
    enum ak_code rc = AK_OK;

    if (sealer->memory == NULL)
        sealer->memory = ak_seal_memory_new();
    if (sealer->memory != NULL)
        ak_seal_memory_stop(sealer->memory, &sealer->stop);
    if (sealer->memory == NULL)
        rc = ak_fail(&err, AK_ENOMEM, "no memory to seal segments; the next start goes on");
    else if (job->kind == JOB_FIND)
        rc = find_left(sealer, job, &err);
    else if (job->kind == JOB_REMOVE)
        rc = ak_seal_remove(log, job->first, &err);
    else if (job->kind == JOB_ORDERS)
        read_orders(sealer, job);
    else if (job->kind == JOB_ERASE)
        erase(sealer, job);
    else if (job->kind == JOB_OLD)
        rc = ak_erase_old(log, job->first, (uint32_t)job->count, &err);
    else
        seal(sealer, job);
    if (rc != AK_OK && rc != AK_EBUSY)
        ak_log(AK_LOG_WARNING, "log %s: sealing: %s", log->origin, err.text);
}

/* Takes the first job there is, or NULL. Under the mutex. */
static struct job *take_job(struct ak_sealer *sealer)
{
    struct job *job = sealer->head;

    if (job != NULL) {
        sealer->head = job->next;
        if (sealer->head == NULL)
            sealer->tail = &sealer->head;
    }
    return job;
}

/* Waits for the next job; NULL when it is time to end. */
static struct job *next_job(struct ak_sealer *sealer)
{
    struct job *job;

    pthread_mutex_lock(&sealer->mutex);
    /* A last segment is sealed by who closes, and nothing is posted behind it. */
    while ((sealer->head == NULL || sealer->head->kind == JOB_LAST) && !sealer->closing)
        pthread_cond_wait(&sealer->wake, &sealer->mutex);
    job = sealer->closing ? NULL : take_job(sealer);
    pthread_mutex_unlock(&sealer->mutex);
    return job;
}

static void free_job(struct job *job)
{
    free(job->order);
    free(job);
}

static void *sealer_main(void *arg)
{
    struct ak_sealer *sealer = arg;
    const struct sched_param none = {0};
    struct job *job;

    /* A hint: where it is refused, sealing is only less polite. */
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), IDLE_NICE);
    while ((job = next_job(sealer)) != NULL) {
        run(sealer, job);
        pthread_mutex_lock(&sealer->mutex);
        if (job->kind == JOB_SEAL && sealer->waiting > 0)
            sealer->waiting--;
        pthread_mutex_unlock(&sealer->mutex);
        free_job(job);
    }
    return NULL;
}

static void deliver(const struct ak_sealer_client *client, const struct answer *done)
{
    switch (done->kind) {
    case ANSWER_SEALED:
        if (done->ok)
            client->on_sealed(client->ctx, &done->sealed);
        else
            client->on_unsealed(client->ctx, done->first, done->end, done->good, &done->err);
        break;
    case ANSWER_REMOVED:
        client->on_removed(client->ctx, done->removed);
        break;
    case ANSWER_ORDERS:
        client->on_orders(client->ctx, done->authority, done->erase, done->erase_count, &done->err);
        break;
    case ANSWER_ERASED:
        client->on_erased(client->ctx, &done->sealed, done->ok, &done->err);
        break;
    case ANSWER_TORN:
        client->on_torn_erased(client->ctx, done->file, &done->sha256);
        break;
    }
}

static void on_async(uv_async_t *async)
{
    struct ak_sealer *sealer = async->data;
    struct answer *list;

    pthread_mutex_lock(&sealer->mutex);
    list = sealer->answers;
    sealer->answers = NULL;
    sealer->behind = &sealer->answers;
    pthread_mutex_unlock(&sealer->mutex);
    while (list != NULL) {
        struct answer *done = list;
        const struct ak_sealer_client *client = sealer->clients[done->slot];
        list = done->next;
        deliver(client, done);
        free(done);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ak_sealer *sealer = handle->data;
    void (*on_closed)(void *) = sealer->on_closed;
    void *ctx = sealer->closed_ctx;

    on_async(&sealer->async); /* what the loop did not come to */
    for (int i = 0; i < sealer->count; i++)
        free(sealer->clients[i]);
    ak_seal_memory_free(sealer->memory);
    pthread_cond_destroy(&sealer->wake);
    pthread_mutex_destroy(&sealer->mutex);
    free(sealer);
    if (on_closed != NULL)
        on_closed(ctx);
}

enum ak_code ak_sealer_new(uv_loop_t *loop, struct ak_sealer **out, struct ak_error *err)
{
    struct ak_sealer *sealer = calloc(1, sizeof(*sealer));
    int rc;

    if (sealer == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the sealer");
    sealer->tail = &sealer->head;
    sealer->behind = &sealer->answers;
    pthread_mutex_init(&sealer->mutex, NULL);
    pthread_cond_init(&sealer->wake, NULL);
    sealer->async.data = sealer;
    rc = uv_async_init(loop, &sealer->async, on_async);
    if (rc != 0) {
        free(sealer);
        return ak_fail(err, AK_EIO, "start the sealer: %s", uv_strerror(rc));
    }
    rc = pthread_create(&sealer->thread, NULL, sealer_main, sealer);
    if (rc != 0) {
        uv_close((uv_handle_t *)&sealer->async, on_handle_closed);
        return ak_fail_errno(err, rc, "start the sealer's thread");
    }
    *out = sealer;
    return AK_OK;
}

enum ak_code ak_sealer_add(struct ak_sealer *sealer, const struct ak_sealer_client *client,
                           int *slot, struct ak_error *err)
{
    struct ak_sealer_client *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the sealer");
    if (sealer->count == LOGS_MAX) {
        free(copy);
        return ak_fail(err, AK_ELIMIT, "one collector keeps at most %d logs", LOGS_MAX);
    }
    *copy = *client;
    *slot = sealer->count;
    sealer->clients[sealer->count++] = copy; /* before any job of it is posted */
    return AK_OK;
}

void ak_sealer_find(struct ak_sealer *sealer, int slot, uint64_t size)
{
    (void)post(sealer, &(struct job){.kind = JOB_FIND, .slot = slot, .end = size});
}

void ak_sealer_post(struct ak_sealer *sealer, int slot, uint64_t first, uint64_t end)
{
    (void)post(sealer, &(struct job){.kind = JOB_SEAL, .slot = slot, .first = first, .end = end});
}

void ak_sealer_last(struct ak_sealer *sealer, int slot, uint64_t first, uint64_t end, bool copy)
{
    (void)post(
        sealer,
        &(struct job){.kind = JOB_LAST, .slot = slot, .first = first, .end = end, .copy = copy});
}

void ak_sealer_remove(struct ak_sealer *sealer, int slot, uint64_t first)
{
    (void)post(sealer, &(struct job){.kind = JOB_REMOVE, .slot = slot, .first = first});
}

void ak_sealer_orders(struct ak_sealer *sealer, int slot, uint64_t size, uint64_t count)
{
    (void)post(sealer,
               &(struct job){.kind = JOB_ORDERS, .slot = slot, .end = size, .count = count});
}

bool ak_sealer_erase(struct ak_sealer *sealer, int slot, const struct ak_erase_order *order,
                     uint64_t from, uint64_t size)
{
    struct ak_erase_order *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return false;
    *copy = *order;
    if (post(sealer,
             &(struct job){
                 .kind = JOB_ERASE, .slot = slot, .first = from, .end = size, .order = copy}))
        return true;
    free(copy);
    return false;
}

void ak_sealer_old(struct ak_sealer *sealer, int slot, uint64_t first, uint32_t generation)
{
    (void)post(sealer,
               &(struct job){.kind = JOB_OLD, .slot = slot, .first = first, .count = generation});
}

/* What the next start finds and does by itself is not waited for. */
static void drop_waiting(struct ak_sealer *sealer)
{
    struct job **at = &sealer->head;

    while (*at != NULL) {
        struct job *job = *at;
        if (job->kind == JOB_LAST || job->kind == JOB_REMOVE) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        free_job(job);
    }
    sealer->tail = at;
    sealer->waiting = 0;
}

/* What is left is done here, not in the thread: on a busy machine that one would get no time. */
void ak_sealer_close(struct ak_sealer *sealer, void (*on_closed)(void *ctx), void *ctx)
{
    struct job *job;

    sealer->on_closed = on_closed;
    sealer->closed_ctx = ctx;
    pthread_mutex_lock(&sealer->mutex);
    sealer->closing = true;
    atomic_store(&sealer->stop, true);
    drop_waiting(sealer);
    pthread_cond_signal(&sealer->wake);
    pthread_mutex_unlock(&sealer->mutex);
    (void)pthread_join(sealer->thread, NULL);
    atomic_store(&sealer->stop, false);
    while ((job = take_job(sealer)) != NULL) {
        run(sealer, job);
        free_job(job);
    }
    uv_close((uv_handle_t *)&sealer->async, on_handle_closed);
}
