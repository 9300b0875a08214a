/* orders.h - orders of authorities in a running log (docs/format.md 10.5): judged, entered, carried
 * out, and gone on with at the next start. Loop thread only.
 *
 * An order is entered only if it is valid. When its entry is durable and signed the sealer takes
 * step after step (erase.h), each followed by a manifest; commits go on meanwhile. */
#ifndef AK_ORDERS_H
#define AK_ORDERS_H

#include "erase.h"
#include "runlog.h"

#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/order.h>

#include <jansson.h>

/* What a log is asked for, and what came of it. Owned by who asks, until `done`. */
struct ak_order_request {
    const void
        *note; /* the order note, borrowed until it is entered; NULL: a declaration of keys */
    size_t note_len;
    struct ak_vkey key[AK_ORDER_KEYS_MAX]; /* of a declaration */
    unsigned key_count;
    unsigned quorum;
    bool entered;
    uint64_t index; /* of its entry */
    bool done;      /* it is carried out, or was refused: `err` */
    struct ak_error err;
};

/* Asks for an order, also where the orders before it are still being read. AK_OK: `request` is done
 * in a later turn of the loop, or already. AK_EBUSY: another one is asked for at this moment. */
enum ak_code ak_orders_ask(struct ak_runlog *log, struct ak_order_request *request,
                           struct ak_error *err);

/* Whether somebody waits for an order that is not done. */
bool ak_orders_busy(const struct ak_runlog *log);

/* ---- For the socket: the same, without somebody who waits ---- */

/* {"order":"carry-out","log":NAME,"note":TEXT}, or {"order":"declare","log":NAME,"keys":[VKEY...],
 * "quorum":N}: the answer has the entry's index, {"entry":N}; {"again":true} while the log's orders
 * are being read; or {"error":TEXT}. */
json_t *ak_orders_take(struct ak_runlog *log, const json_t *order);

/* {"order":"carried-out","log":NAME,"entry":N}: {"done":BOOL} or {"error":TEXT}. */
json_t *ak_orders_state(const struct ak_runlog *log, const json_t *order);

/* ---- Called by the log ---- */

void ak_orders_free(struct ak_runlog *log);
void ak_orders_read(struct ak_runlog *log);
void ak_orders_go(struct ak_runlog *log);

/* Answers of the sealer; ctx is the log. */
void ak_orders_on_read(void *ctx, struct ak_authority *authority, struct ak_erase_order *erase,
                       size_t count, const struct ak_error *err);
void ak_orders_on_erased(void *ctx, const struct ak_sealed *sealed, bool more,
                         const struct ak_error *err);
void ak_orders_on_torn(void *ctx, const char *file, const struct ak_hash *sha256);

#endif
