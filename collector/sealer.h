/* sealer.h - the thread that seals segments (seal.h), at the lowest priority: it never takes part
 * in a commit. Its answers come in the loop's thread. */
#ifndef AK_SEALER_H
#define AK_SEALER_H

#include "erase.h"
#include "seal.h"

#include <uv.h>

struct ak_sealer;

/* A log whose segments are sealed. What `log` borrows must live as long as the sealer. */
struct ak_sealer_client {
    void *ctx;
    struct ak_seal_log log;
    /* A segment is sealed (or was, and no manifest speaks of it): write its manifest, and when that
     * is durable, ak_sealer_remove. Not called for ak_sealer_last. */
    void (*on_sealed)(void *ctx, const struct ak_sealed *sealed);
    /* A segment could not be sealed. AK_EINTEGRITY: it never will be, `good` is the byte up to
     * which it came out. Other codes: offer it again later. */
    void (*on_unsealed)(void *ctx, uint64_t first, uint64_t end, uint64_t good,
                        const struct ak_error *err);
    /* Open files of so many bytes went at the start: a manifest spoke of their sealed ones. */
    void (*on_removed)(void *ctx, uint64_t bytes);
    /* The orders that stand in the log (ak_sealer_orders). `authority` and `erase`, which holds
     * `count` orders to erase, are given: freed with ak_authority_free and free. NULL after a
     * failure. */
    void (*on_orders)(void *ctx, struct ak_authority *authority, struct ak_erase_order *erase,
                      size_t count, const struct ak_error *err);
    /* A step of an erasure ended (ak_erase_step). */
    void (*on_erased)(void *ctx, const struct ak_sealed *sealed, bool more,
                      const struct ak_error *err);
    /* A file of bytes cut earlier went with what was erased. */
    void (*on_torn_erased)(void *ctx, const char *file, const struct ak_hash *sha256);
};

/* Starts the thread. */
enum ak_code ak_sealer_new(uv_loop_t *loop, struct ak_sealer **out, struct ak_error *err);

/* Adds a log; gives its slot. */
enum ak_code ak_sealer_add(struct ak_sealer *sealer, const struct ak_sealer_client *client,
                           int *slot, struct ak_error *err);

/* Looks what earlier processes left to do in the log's directory; `size` is where this one began.
 * Not before its first entries are signed and durable: they tell of the tails that sealing takes
 * away. */
void ak_sealer_find(struct ak_sealer *sealer, int slot, uint64_t size);

/* Segment [first, end) is not written any more. Without memory it is left for the next start. */
void ak_sealer_post(struct ak_sealer *sealer, int slot, uint64_t first, uint64_t end);

/* The same at an orderly stop: the open file goes at once, and the next process writes the
 * manifest. `copy`: frames are copied as they are, for what would take too long. */
void ak_sealer_last(struct ak_sealer *sealer, int slot, uint64_t first, uint64_t end, bool copy);

/* The manifest of the segment is durable: its open file goes. */
void ak_sealer_remove(struct ak_sealer *sealer, int slot, uint64_t first);

/* Reads the orders of the log below index `size`, of which there are `count`. */
void ak_sealer_orders(struct ak_sealer *sealer, int slot, uint64_t size, uint64_t count);

/* One step of an erasure (erase.h). `order` is copied. False without memory: nothing is answered.
 */
bool ak_sealer_erase(struct ak_sealer *sealer, int slot, const struct ak_erase_order *order,
                     uint64_t from, uint64_t size);

/* The manifest of a later generation is durable: the files before it go. */
void ak_sealer_old(struct ak_sealer *sealer, int slot, uint64_t first, uint32_t generation);

/* Ends the thread, and does what is left of last segments and removals in the caller's; a segment
 * under way and others that wait are the next start's. Blocks for so long. Closes the handle in the
 * loop; `on_closed` may be NULL.
 */
void ak_sealer_close(struct ak_sealer *sealer, void (*on_closed)(void *ctx), void *ctx);

#endif
