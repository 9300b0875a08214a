/* order_list.c - the orders of a log, read once, and only where something was taken out. */
#include "order_list.h"

#include "json.h"

#include <akashi/log_reader.h>
#include <akashi/order.h>

#include <stdlib.h>
#include <string.h>

/* Ranges that are kept; who erases more finds the others with `cat --kind order`. */
#define LISTED_MAX 65536u

struct taking {
    struct ak_order_list *list;
    uint64_t index;
    bool expiry;
    const char *case_text;
    const char *reason;
    bool failed;
};

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct taking *taking = ctx;
    struct ak_order_list *list = taking->list;
    struct ak_listed_order *more;

    if (taking->failed || list->count == LISTED_MAX || first >= taking->index)
        return;
    more = reallocarray(list->order, list->count + 1, sizeof(*more));
    if (more != NULL) {
        list->order = more;
        more += list->count;
        *more = (struct ak_listed_order){taking->index,
                                         first,
                                         last < taking->index ? last : taking->index - 1,
                                         taking->expiry,
                                         strdup(taking->case_text),
                                         strdup(taking->reason)};
        list->count++;
    }
    taking->failed = more == NULL || more->case_text == NULL || more->reason == NULL;
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct taking taking = {.list = ctx, .index = entry->index, .case_text = "", .reason = ""};
    enum ak_order_action action;
    json_t *object;

    if (entry->entry.kind != AK_KIND_ORDER || entry->payload == NULL ||
        !ak_order_entry_ranges(entry->payload, entry->len, &action, NULL, NULL) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE) ||
        ak_json_parse(entry->payload, entry->len, &object, NULL) != AK_OK)
        return AK_OK;
    taking.expiry = action == AK_ORDER_EXPIRE;
    (void)ak_json_string(object, "case", &taking.case_text, NULL);
    (void)ak_json_string(object, "reason", &taking.reason, NULL);
    (void)ak_order_entry_ranges(entry->payload, entry->len, &action, on_range, &taking);
    json_decref(object);
    return taking.failed ? ak_fail(err, AK_ENOMEM, "no memory for orders") : AK_OK;
}

static enum ak_code read_orders(struct ak_order_list *list, const char *path, struct ak_error *err)
{
    static const uint32_t source = AK_KIND_ORDER;
    const struct ak_log_visitor visitor = {.ctx = list, .on_entry = on_entry};
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    enum ak_code rc;

    list->read = true;
    filter.sources = &source;
    filter.source_count = 1;
    rc = ak_log_read(path, &filter, NULL, &visitor, err);
    return rc == AK_ENOMEM ? rc : AK_OK;
}

enum ak_code ak_order_list_find(struct ak_order_list *list, const char *path, uint64_t index,
                                bool expiry, const struct ak_listed_order **order,
                                struct ak_error *err)
{
    enum ak_code rc = list->read ? AK_OK : read_orders(list, path, err);

    *order = NULL;
    for (size_t i = list->count; rc == AK_OK && i > 0 && *order == NULL; i--) {
        const struct ak_listed_order *one = &list->order[i - 1];
        if (one->first <= index && index <= one->last && one->expiry == expiry)
            *order = one;
    }
    return rc;
}

void ak_order_list_free(struct ak_order_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->order[i].case_text);
        free(list->order[i].reason);
    }
    free(list->order);
    memset(list, 0, sizeof(*list));
}
