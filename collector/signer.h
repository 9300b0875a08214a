/* signer.h - the thread that has signed: the newest durable head of each log, at most every 10 ms.
 *
 * The loop posts what became durable as a compact range; the thread merges it into what it signed
 * last, signs with both keys, publishes the `checkpoint` file at most once a second, and answers
 * into the loop. No acknowledgement waits for it: the thread is woken when they are sent, for what
 * it wakes takes the processor for longer than they do. A refusal (an older copy of the store, a
 * foreign range) stops signing for that log until the process starts again; receiving goes on. */
#ifndef AK_SIGNER_H
#define AK_SIGNER_H

#include "key_channel.h"
#include "keys.h"

#include <uv.h>

#define AK_SIGNER_LOGS_MAX ((int)AK_KEY_LOGS_MAX) /* logs of one process; one slot each */

#define AK_SIGNER_NONE                                                                             \
    (-1) /* slot of a log that is not signed: what is asked for it is passed over */

struct ak_signer;

struct ak_signer_client {
    void *ctx;
    struct ak_keys *keys; /* given to the signer: it frees them */
    int log_dir_fd;       /* borrowed: where `checkpoint` is published */
    int tmp_fd;           /* borrowed: the store's tmp/ */
    const char *tmp_name; /* borrowed: name of this log's own in tmp/ */
    /* Both are called in the loop's thread. `note` is malloc'ed and given. */
    void (*on_note)(void *ctx, char *note, size_t len, uint64_t size);
    void (*on_refused)(void *ctx, const struct ak_error *err);
    /* Answers ak_signer_end_epoch: the start note of the next epoch, malloc'ed and given, and the
     * index of the entry that it must become; or NULL and why the epoch goes on. */
    void (*on_ended)(void *ctx, char *note, size_t len, uint64_t index, const struct ak_error *err);
    /* Answers ak_signer_begin_epoch: the old key is erased. Not called where that failed: then
     * on_refused was. */
    void (*on_begun)(void *ctx);
    /* A checkpoint was published: the keys' state that covers it is saved, so others may see it.
     * At the end of an epoch that is its last one, before on_ended. `more` is the compact range
     * from the size told before (at first: the size that the keys had signed) to its own. Both are
     * borrowed for the call. May be NULL. */
    void (*on_published)(void *ctx, const char *note, size_t len, const struct ak_range *more);
};

/* Starts the thread. `keys` (borrowed until it is closed) is the line to the process that has the
 * keys: if that ends, every log is refused at once. `interval_ns` is the least time between two
 * signatures of one log. */
enum ak_code ak_signer_new(uv_loop_t *loop, struct ak_key_channel *keys, uint64_t interval_ns,
                           struct ak_signer **out, struct ak_error *err);

/* Adds a log before its first post; gives its slot. On failure the keys stay the caller's. */
enum ak_code ak_signer_add(struct ak_signer *signer, const struct ak_signer_client *client,
                           int *slot, struct ak_error *err);

/* `more` goes on from the end of what was posted last for this slot. Copied. It is signed once
 * ak_signer_wake is called, or something else wakes the thread. */
void ak_signer_post(struct ak_signer *signer, int slot, const struct ak_range *more);

/* Wakes the thread if anything was posted since it was called last: at the end of each turn of the
 * loop. */
void ak_signer_wake(struct ak_signer *signer);

/* Ends the running epoch of a log at the end of what was posted for it, once all of that is signed.
 * Nothing more may be posted before on_ended has answered and its entry is durable. */
void ak_signer_end_epoch(struct ak_signer *signer, int slot);

/* The start note's entry is durable: what is posted from now on is signed by the next epoch's key,
 * and the old one is erased first. */
void ak_signer_begin_epoch(struct ak_signer *signer, int slot);

/* Ends the thread after what is posted was signed, publishes the newest checkpoints, makes the
 * keys' state durable, and closes the handle in the loop; `on_closed` may be NULL. */
void ak_signer_close(struct ak_signer *signer, void (*on_closed)(void *ctx), void *ctx);

#endif
