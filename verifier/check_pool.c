/* check_pool.c - the threads that decode: blocks, signatures of checkpoints.
 *
 * One queue, first in first out. An item belongs to a worker from the moment it is put until `done`
 * is set under the lock; the merge waits for the item that is next in order. Without threads an
 * item is worked on when the merge asks for it. */
#include "check_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ak_check_pool {
    pthread_mutex_t lock;
    pthread_cond_t queued;
    pthread_cond_t done;
    const struct ak_check_state *state; /* keys; the same for all items in the queue */
    struct ak_check_item *head;
    struct ak_check_item *tail;
    bool stop;
    pthread_t thread[AK_CHECK_JOBS_MAX];
    unsigned threads;
    struct ak_check_work *free; /* the caller's thread only */
    struct ak_check_work *all;
    unsigned works;
};

static void work_block(struct ak_check_item *item)
{
    struct ak_check_work *work = item->work;
    size_t head = ak_frame_head(&item->frame);

    item->rc = ak_frame_read(item->open->fd, &item->frame, work->columns_bytes,
                             AK_FRAME_BUFFER_BYTES, &item->digest, &item->err);
    if (item->rc != AK_OK)
        return;
    item->rc = ak_columns_decode(work->columns, work->columns_bytes + head,
                                 (size_t)item->frame.content_bytes, &item->err);
    if (item->rc != AK_OK)
        item->fixed = item->frame.content_bytes >= AK_COLUMNS_FIXED_BYTES &&
                      ak_columns_decode_fixed(work->columns, work->columns_bytes + head,
                                              (size_t)item->frame.content_bytes, NULL) == AK_OK;
    item->data_rc = item->has_data
                        ? ak_frame_read(item->open->fd, &item->data, work->data_bytes,
                                        AK_DATA_BYTES_MAX, &item->data_digest, &item->data_err)
                        : ak_fail(&item->data_err, AK_EMALFORMED, "the DATA frame is not there");
    item->has_data = item->data_rc == AK_OK;
    if (item->rc == AK_OK && item->has_data)
        item->data_rc =
            ak_block_open(work->block, work->columns, work->data_bytes, (size_t)item->data.bytes,
                          &item->data_digest, &item->data_err);
    else if (item->rc == AK_OK)
        (void)ak_block_open(work->block, work->columns, work->data_bytes, 0, NULL, NULL);
}

static void work_note(const struct ak_check_state *state, struct ak_check_item *item)
{
    size_t head = ak_frame_head(&item->frame);
    const uint8_t *note;
    size_t len;

    item->rc = ak_segment_note_decode(&note, &len, item->content + head, item->content_len - head,
                                      &item->err);
    if (item->rc != AK_OK)
        return;
    if (state->log_key == NULL) {
        item->rc = ak_fail(&item->err, AK_EKEY, "no key of this log was given");
        return;
    }
    item->rc =
        ak_check_epochs_judge(state->epochs, state->log_key, note, len, &item->judged, &item->err);
}

static void work(const struct ak_check_state *state, struct ak_check_item *item)
{
    switch (item->type) {
    case AK_ITEM_BLOCK:
        work_block(item);
        break;
    case AK_ITEM_NOTE:
        work_note(state, item);
        break;
    default:
        break;
    }
}

static struct ak_check_item *take(struct ak_check_pool *pool)
{
    struct ak_check_item *item;

    while (pool->head == NULL && !pool->stop)
        pthread_cond_wait(&pool->queued, &pool->lock);
    item = pool->stop ? NULL : pool->head;
    if (item != NULL) {
        pool->head = item->next;
        if (pool->head == NULL)
            pool->tail = NULL;
    }
    return item;
}

static void *worker(void *arg)
{
    struct ak_check_pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct ak_check_item *item = take(pool);
        const struct ak_check_state *state = pool->state;
        if (item == NULL)
            break;
        pthread_mutex_unlock(&pool->lock);
        work(state, item);
        pthread_mutex_lock(&pool->lock);
        item->done = true;
        pthread_cond_broadcast(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static struct ak_check_work *work_new(void)
{
    struct ak_check_work *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->columns = ak_columns_new();
    w->block = ak_block_new();
    w->columns_bytes = malloc(AK_FRAME_BUFFER_BYTES);
    w->data_bytes = malloc(AK_DATA_BYTES_MAX);
    return w;
}

static void work_free(struct ak_check_work *w)
{
    ak_columns_free(w->columns);
    ak_block_free(w->block);
    free(w->columns_bytes);
    free(w->data_bytes);
    free(w);
}

/* Memory for blocks is made when it is first wanted: a small log needs little. */
struct ak_check_work *ak_check_pool_work(struct ak_check_pool *pool)
{
    struct ak_check_work *w = pool->free;
    unsigned most = pool->threads == 0 ? 1 : pool->threads * 2;

    if (w != NULL) {
        pool->free = w->next;
        return w;
    }
    if (pool->works == most)
        return NULL;
    w = work_new();
    if (w == NULL)
        return NULL;
    if (w->columns == NULL || w->block == NULL || w->columns_bytes == NULL ||
        w->data_bytes == NULL) {
        work_free(w);
        return NULL;
    }
    pool->works++;
    return w;
}

void ak_check_pool_give(struct ak_check_pool *pool, struct ak_check_work *w)
{
    w->next = pool->free;
    pool->free = w;
}

enum ak_code ak_check_pool_new(unsigned jobs, struct ak_check_pool **out, struct ak_error *err)
{
    struct ak_check_pool *pool = calloc(1, sizeof(*pool));
    struct ak_check_work *first;

    *out = NULL;
    if (pool == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a check");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->queued, NULL);
    pthread_cond_init(&pool->done, NULL);
    first = ak_check_pool_work(pool);
    if (first == NULL) {
        if (first != NULL)
            ak_check_pool_give(pool, first);
        ak_check_pool_free(pool);
        return ak_fail(err, AK_ENOMEM, "no memory for a check");
    }
    ak_check_pool_give(pool, first);
    if (jobs > AK_CHECK_JOBS_MAX)
        jobs = AK_CHECK_JOBS_MAX;
    for (unsigned i = 0; jobs > 1 && i < jobs; i++) {
        if (pthread_create(&pool->thread[pool->threads], NULL, worker, pool) != 0)
            break; /* fewer do as well */
        pool->threads++;
    }
    *out = pool;
    return AK_OK;
}

void ak_check_pool_free(struct ak_check_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->queued);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads; i++)
        pthread_join(pool->thread[i], NULL);
    while (pool->free != NULL) {
        struct ak_check_work *w = pool->free;
        pool->free = w->next;
        work_free(w);
    }
    pthread_cond_destroy(&pool->queued);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void ak_check_pool_put(struct ak_check_pool *pool, const struct ak_check_state *state,
                       struct ak_check_item *item)
{
    item->queued = true;
    if (pool->threads == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->state = state;
    item->next = NULL;
    if (pool->tail != NULL)
        pool->tail->next = item;
    else
        pool->head = item;
    pool->tail = item;
    pthread_cond_signal(&pool->queued);
    pthread_mutex_unlock(&pool->lock);
}

void ak_check_pool_wait(struct ak_check_pool *pool, const struct ak_check_state *state,
                        struct ak_check_item *item)
{
    if (!item->queued)
        return;
    if (pool->threads == 0) {
        if (!item->done)
            work(state, item);
        item->done = true;
        return;
    }
    pthread_mutex_lock(&pool->lock);
    while (!item->done)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
