/* tasks.c - one queue, one lock. */
#include "tasks.h"

#include <akashi/check.h>

#include <pthread.h>
#include <stdlib.h>

struct ak_tasks {
    pthread_mutex_t lock;
    pthread_cond_t queued;
    pthread_cond_t done;
    struct ak_task *head;
    struct ak_task *tail;
    bool stop;
    pthread_t thread[AK_CHECK_JOBS_MAX];
    unsigned threads;
};

static struct ak_task *take(struct ak_tasks *tasks)
{
    struct ak_task *task;

    while (tasks->head == NULL && !tasks->stop)
        pthread_cond_wait(&tasks->queued, &tasks->lock);
    task = tasks->head;
    if (task != NULL) {
        tasks->head = task->next;
        if (tasks->head == NULL)
            tasks->tail = NULL;
    }
    return task;
}

static void *worker(void *arg)
{
    struct ak_tasks *tasks = arg;
    struct ak_task *task;

    pthread_mutex_lock(&tasks->lock);
    while ((task = take(tasks)) != NULL) {
        pthread_mutex_unlock(&tasks->lock);
        task->run(task);
        pthread_mutex_lock(&tasks->lock);
        task->done = true;
        pthread_cond_broadcast(&tasks->done);
    }
    pthread_mutex_unlock(&tasks->lock);
    return NULL;
}

enum ak_code ak_tasks_new(struct ak_tasks **out, unsigned jobs, struct ak_error *err)
{
    struct ak_tasks *tasks = calloc(1, sizeof(*tasks));

    *out = tasks;
    if (tasks == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for threads");
    pthread_mutex_init(&tasks->lock, NULL);
    pthread_cond_init(&tasks->queued, NULL);
    pthread_cond_init(&tasks->done, NULL);
    for (unsigned i = 0; jobs > 1 && i < jobs && i < AK_CHECK_JOBS_MAX; i++) {
        if (pthread_create(&tasks->thread[tasks->threads], NULL, worker, tasks) != 0)
            break; /* fewer do as well */
        tasks->threads++;
    }
    return AK_OK;
}

void ak_tasks_free(struct ak_tasks *tasks)
{
    if (tasks == NULL)
        return;
    pthread_mutex_lock(&tasks->lock);
    tasks->stop = true;
    pthread_cond_broadcast(&tasks->queued);
    pthread_mutex_unlock(&tasks->lock);
    for (unsigned i = 0; i < tasks->threads; i++)
        pthread_join(tasks->thread[i], NULL);
    pthread_cond_destroy(&tasks->queued);
    pthread_cond_destroy(&tasks->done);
    pthread_mutex_destroy(&tasks->lock);
    free(tasks);
}

unsigned ak_tasks_threads(const struct ak_tasks *tasks)
{
    return tasks->threads;
}

void ak_tasks_put(struct ak_tasks *tasks, struct ak_task *task)
{
    task->next = NULL;
    task->put = true;
    task->done = false;
    if (tasks->threads == 0)
        return;
    pthread_mutex_lock(&tasks->lock);
    if (tasks->tail != NULL)
        tasks->tail->next = task;
    else
        tasks->head = task;
    tasks->tail = task;
    pthread_cond_signal(&tasks->queued);
    pthread_mutex_unlock(&tasks->lock);
}

void ak_tasks_wait(struct ak_tasks *tasks, struct ak_task *task)
{
    if (!task->put)
        return;
    task->put = false;
    if (tasks->threads == 0) {
        task->run(task);
        return;
    }
    pthread_mutex_lock(&tasks->lock);
    while (!task->done)
        pthread_cond_wait(&tasks->done, &tasks->lock);
    pthread_mutex_unlock(&tasks->lock);
}
