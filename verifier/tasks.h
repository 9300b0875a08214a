/* tasks.h - threads that do what is put before them, first in first out.
 *
 * A task belongs to a thread from ak_tasks_put until ak_tasks_wait returns. Without threads it is
 * done when it is waited for. */
#ifndef AK_TASKS_H
#define AK_TASKS_H

#include <akashi/error.h>

#include <stdbool.h>

struct ak_task {
    void (*run)(struct ak_task *task); /* set by whoever puts it */
    struct ak_task *next;              /* all below is ours */
    bool put;
    bool done;
};

struct ak_tasks;

/* `jobs` threads, or none for 0 and 1; fewer if there are no more to be had. AK_ENOMEM. */
enum ak_code ak_tasks_new(struct ak_tasks **tasks, unsigned jobs, struct ak_error *err);
/* No task may be on its way. NULL is allowed. */
void ak_tasks_free(struct ak_tasks *tasks);

/* Threads that there are. */
unsigned ak_tasks_threads(const struct ak_tasks *tasks);

void ak_tasks_put(struct ak_tasks *tasks, struct ak_task *task);

/* Returns when the task is done; at once if it was not put. */
void ak_tasks_wait(struct ak_tasks *tasks, struct ak_task *task);

#endif
