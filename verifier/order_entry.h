/* order_entry.h - a kind-5 entry as it was read; for the files of libakashi that judge orders. */
#ifndef AK_ORDER_ENTRY_H
#define AK_ORDER_ENTRY_H

#include "json.h"

#include <akashi/order.h>

/* About 20 KiB. What the order borrows stays as long as the JSON object that it was read from. */
struct ak_order_entry {
    bool noted;            /* it has an order note: `note`, and all of `order` */
    struct ak_order order; /* without one only action, keys and quorum */
    struct ak_note note;
};

/* Reads the members of an order that are this file's (not ranges, reason and case of an order
 * without a note, which check_own.c reads). AK_EMALFORMED, AK_ENOMEM. */
enum ak_code ak_order_entry_read(struct ak_order_entry *entry, const json_t *object,
                                 struct ak_error *err);

#endif
