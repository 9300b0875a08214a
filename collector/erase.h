/* erase.h - carrying out an order to erase in a log's directory: sealed segments are written anew
 * without the payloads (docs/format.md 6.3.4, 6.3.5, 10.5), and every other copy of them goes.
 *
 * A segment is one step. Its new file appears under the name of the next generation whole or not at
 * all; the old one goes when the manifest of the new one is durable. What was done before a crash
 * is seen from the files: an order that stands in the log is simply carried out again, and what is
 * done already is passed over. Any thread, one at a time per log. */
#ifndef AK_ERASE_H
#define AK_ERASE_H

#include "seal.h"

#include <akashi/order.h>

/* An order to erase that stands in the log. */
struct ak_erase_order {
    uint64_t index;
    unsigned range_count;
    struct ak_order_range range[AK_ORDER_RANGES_MAX];
};

/* Tells of a file of bytes cut earlier that went with what was erased, with its digest. */
typedef void (*ak_erase_torn_fn)(void *ctx, const char *file, const struct ak_hash *sha256);

/* Takes the next step with segments that begin at `from` or behind. `size` is where this process
 * began: what earlier ones wrote of manifests is looked up.
 *
 * AK_OK with `*more`: the segment in `*sealed` has a new generation, made now or by a process that
 * ended before its manifest; when that is durable, ak_erase_old takes the older files away, and the
 * next step begins at sealed->end. AK_OK without: nothing is left; copies outside of segments are
 * gone too (bytes cut earlier, caches). AK_EBUSY: a segment is not sealed yet, try again.
 * AK_EINTEGRITY: a segment does not lead to its signed root, or cannot be read, and was left as it
 * is; the text names it and `sealed->end` is where to go on. AK_ENOSPC, AK_EIO, AK_ENOMEM: nothing
 * was done, it can be tried again. */
enum ak_code ak_erase_step(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                           const struct ak_erase_order *order, uint64_t from, uint64_t size,
                           ak_erase_torn_fn on_torn, void *ctx, struct ak_sealed *sealed,
                           bool *more, struct ak_error *err);

/* Takes the generations of a segment away that are older than `generation`. */
enum ak_code ak_erase_old(const struct ak_seal_log *log, uint64_t first, uint32_t generation,
                          struct ak_error *err);

/* ---- The orders of a log ---- */

/* Reads all `count` orders that stand in the log's segments below index `size`, and gives what they
 * come to: `*authority` (to be freed), and each valid order to erase, in order, to `on_erase`.
 * AK_EINTEGRITY if not all of them can be read: then nothing may be ordered. `*authority` borrows
 * `log`. */
typedef void (*ak_erase_order_fn)(void *ctx, const struct ak_erase_order *order);
enum ak_code ak_erase_orders(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                             uint64_t size, uint64_t count, struct ak_authority **authority,
                             ak_erase_order_fn on_erase, void *ctx, struct ak_error *err);

#endif
