/* order_list.h - which order of a log took an entry's payload out, for showing: nothing of it is
 * judged here. */
#ifndef AK_ORDER_LIST_H
#define AK_ORDER_LIST_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One range of an order; texts are owned by the list, and may hold any text: escape them. */
struct ak_listed_order {
    uint64_t index; /* of the order */
    uint64_t first;
    uint64_t last;
    bool expiry;
    char *case_text; /* or "" */
    char *reason;
};

struct ak_order_list {
    bool read;
    struct ak_listed_order *order;
    size_t count;
};

/* The newest order that names this entry, or NULL. The first call reads the log's orders from
 * `path`; what cannot be read is as if it were not there. AK_ENOMEM. */
enum ak_code ak_order_list_find(struct ak_order_list *list, const char *path, uint64_t index,
                                bool expiry, const struct ak_listed_order **order,
                                struct ak_error *err);
void ak_order_list_free(struct ak_order_list *list);

#endif
