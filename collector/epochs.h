/* epochs.h - how one epoch of a log ends and the next begins while records come in (format.md 5).
 *
 * The start note must be the entry directly behind the tree that it signs. So for the few
 * milliseconds of a change the log takes nothing: readers wait, what the kernel received stays
 * there, own entries are kept. Loop thread only. */
#ifndef AK_EPOCHS_H
#define AK_EPOCHS_H

#include "runlog.h"

struct ak_recovered;

/* At start, behind recovery: finishes a change that a crash cut short, or keeps its start note to
 * be entered first. AK_EKEY if keys and log are not of the same epoch. */
enum ak_code ak_epoch_resume(struct ak_runlog *log, struct ak_keys *keys,
                             struct ak_recovered *recovered, struct ak_error *err);

/* The first entries of a process: the start note that waits, if one does. */
void ak_epoch_first(struct ak_runlog *log);

/* The running epoch is to end now. */
void ak_epoch_want(struct ak_runlog *log);

/* Whether the log takes nothing, because its epoch changes. */
bool ak_epoch_gate(const struct ak_runlog *log);

/* End of a turn: takes the next step of a change. */
void ak_epoch_turn(struct ak_runlog *log);

/* A commit is durable up to `size`; before the signer is asked for it. */
void ak_epoch_committed(struct ak_runlog *log, uint64_t size);

/* Once a second: whether the epoch has lasted as long as it may. */
void ak_epoch_tick(struct ak_runlog *log);

/* The log stops: a change that has not begun is left to the next start. */
void ak_epoch_stop(struct ak_runlog *log);

/* The signer's answers. */
void ak_epoch_on_ended(void *log, char *note, size_t len, uint64_t index,
                       const struct ak_error *err);

void ak_epoch_on_begun(void *log);

void ak_epoch_free(struct ak_runlog *log);

#endif
