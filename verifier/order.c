/* order.c - the text of an order: what authorities sign (docs/format.md 10.5).
 *
 * There is one encoding: what was read is written again and must give the same bytes, so reading
 * itself may be simple. */
#include <akashi/order.h>

#include <akashi/epoch.h>
#include <akashi/tree.h>

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "akashi/order/v1";

static const char *const actions[AK_ORDER_ACTIONS] = {"erase",   "expire",    "hold",
                                                      "release", "authority", "succeed"};

const char *ak_order_action_name(enum ak_order_action action)
{
    return actions[action];
}

bool ak_order_action_find(const char *name, size_t len, enum ak_order_action *action)
{
    for (unsigned i = 0; i < AK_ORDER_ACTIONS; i++) {
        if (strlen(actions[i]) == len && memcmp(actions[i], name, len) == 0) {
            *action = (enum ak_order_action)i;
            return true;
        }
    }
    return false;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct ak_order_range *x = a;
    const struct ak_order_range *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

unsigned ak_order_ranges_join(struct ak_order_range *range, unsigned count)
{
    unsigned kept = 0;

    if (count > 1)
        qsort(range, count, sizeof(*range), compare_ranges);
    for (unsigned i = 0; i < count; i++) {
        struct ak_order_range *last = kept == 0 ? NULL : &range[kept - 1];
        if (last == NULL || range[i].first > last->last + 1)
            range[kept++] = range[i];
        else if (range[i].last > last->last)
            last->last = range[i].last;
    }
    return kept;
}

/* ---- what an order may say */

static enum ak_code check_ranges(const struct ak_order *order, struct ak_error *err)
{
    bool wanted = order->action != AK_ORDER_AUTHORITY && order->action != AK_ORDER_SUCCEED;

    if (wanted != (order->range_count > 0) || order->range_count > AK_ORDER_RANGES_MAX)
        return ak_fail(err, AK_EUSAGE, "an order to %s has %s", actions[order->action],
                       wanted ? "1 to 256 ranges" : "no ranges");
    for (unsigned i = 0; i < order->range_count; i++) {
        const struct ak_order_range *range = &order->range[i];
        if (range->first > range->last || range->last > AK_TREE_SIZE_MAX)
            return ak_fail(err, AK_EUSAGE, "a range ends before it begins, or past 2^63");
        if (i > 0 && range->first <= range[-1].last + 1)
            return ak_fail(err, AK_EUSAGE, "ranges are out of order, overlap or touch");
    }
    return AK_OK;
}

static enum ak_code check_keys(const struct ak_order *order, struct ak_error *err)
{
    if (order->action != AK_ORDER_AUTHORITY)
        return order->key_count == 0 && order->quorum == 0
                   ? AK_OK
                   : ak_fail(err, AK_EUSAGE, "only an order of authority has keys");
    if (order->key_count < 1 || order->key_count > AK_ORDER_KEYS_MAX)
        return ak_fail(err, AK_EUSAGE, "an order of authority has 1 to %u keys", AK_ORDER_KEYS_MAX);
    if (order->quorum < 1 || order->quorum > order->key_count)
        return ak_fail(err, AK_EUSAGE, "%u of %u keys cannot be what must sign", order->quorum,
                       order->key_count);
    for (unsigned i = 0; i < order->key_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(order->key[i].name, order->key[k].name) == 0 ||
                memcmp(order->key[i].key, order->key[k].key, sizeof(order->key[i].key)) == 0)
                return ak_fail(err, AK_EUSAGE, "key %s is there twice, by name or by its bytes",
                               order->key[i].name);
        }
    }
    return AK_OK;
}

static enum ak_code check_succession(const struct ak_order *order, struct ak_error *err)
{
    if (order->action != AK_ORDER_SUCCEED)
        return order->from[0] == '\0' && order->size == 0 && order->lost == 0
                   ? AK_OK
                   : ak_fail(err, AK_EUSAGE, "only an order to succeed names an old log");
    if (ak_origin_check(order->from, strlen(order->from), NULL) != AK_OK ||
        strcmp(order->from, order->origin) == 0)
        return ak_fail(err, AK_EUSAGE, "the old log's origin is none, or the log's own");
    if (order->size > AK_TREE_SIZE_MAX || order->lost > AK_TREE_SIZE_MAX - order->size)
        return ak_fail(err, AK_EUSAGE, "an old log of more than 2^63 entries");
    return AK_OK;
}

/* A line of words: what the note's own reader takes, in one line. */
static bool is_words(const char *text, size_t len, size_t max)
{
    return len >= 1 && len <= max && memchr(text, '\n', len) == NULL && ak_text_is_note(text, len);
}

static enum ak_code check_order(const struct ak_order *order, struct ak_error *err)
{
    enum ak_code rc;

    if (ak_origin_check(order->origin, strlen(order->origin), NULL) != AK_OK)
        return ak_fail(err, AK_EUSAGE, "the origin is none of a log");
    if (order->number < 1 || order->number > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EUSAGE, "the number is not from 1 to 2^63 - 1");
    rc = check_ranges(order, err);
    if (rc == AK_OK)
        rc = check_keys(order, err);
    if (rc == AK_OK)
        rc = check_succession(order, err);
    if (rc == AK_OK && !is_words(order->case_text, order->case_len, AK_ORDER_CASE_BYTES_MAX))
        rc = ak_fail(err, AK_EUSAGE, "the case is not one line of 1 to %u bytes of text",
                     AK_ORDER_CASE_BYTES_MAX);
    if (rc == AK_OK && !is_words(order->reason, order->reason_len, AK_ORDER_REASON_BYTES_MAX))
        rc = ak_fail(err, AK_EUSAGE, "the reason is not one line of 1 to %u bytes of text",
                     AK_ORDER_REASON_BYTES_MAX);
    return rc;
}

/* ---- writing */

struct writer {
    char *out;
    size_t len;
    size_t cap;
    bool full;
};

static void put(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(w->out + w->len, w->cap - w->len, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= w->cap - w->len)
        w->full = true;
    else
        w->len += (size_t)n;
}

static void put_words(struct writer *w, const char *name, const char *text, size_t len)
{
    put(w, "%s ", name);
    if (w->full || len + 2 > w->cap - w->len) {
        w->full = true;
        return;
    }
    memcpy(w->out + w->len, text, len);
    w->len += len;
    put(w, "\n");
}

enum ak_code ak_order_text(const struct ak_order *order, char *out, size_t cap, size_t *len,
                           struct ak_error *err)
{
    struct writer w = {.out = out, .cap = cap};
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    enum ak_code rc = check_order(order, err);

    if (rc != AK_OK)
        return rc;
    put(&w, "%s\n%s\n%" PRIu64 "\n%s\n", first_line, order->origin, order->number,
        actions[order->action]);
    for (unsigned i = 0; i < order->range_count; i++)
        put(&w, "range %" PRIu64 " %" PRIu64 "\n", order->range[i].first, order->range[i].last);
    if (order->action == AK_ORDER_AUTHORITY)
        put(&w, "quorum %u\n", order->quorum);
    for (unsigned i = 0; i < order->key_count; i++) {
        (void)ak_vkey_format(vkey, sizeof(vkey), &order->key[i]);
        put(&w, "key %s\n", vkey);
    }
    if (order->action == AK_ORDER_SUCCEED)
        put(&w, "from %s\nsize %" PRIu64 "\nlost %" PRIu64 "\n", order->from, order->size,
            order->lost);
    put_words(&w, "case", order->case_text, order->case_len);
    put_words(&w, "reason", order->reason, order->reason_len);
    if (w.full)
        return ak_fail(err, AK_ELIMIT, "an order of more than %zu bytes", cap);
    *len = w.len;
    return AK_OK;
}

/* ---- reading */

static bool take_range(struct ak_order *order, struct ak_text line)
{
    struct ak_order_range *range = &order->range[order->range_count];
    const char *space = memchr(line.p, ' ', line.len);
    struct ak_text first;
    struct ak_text last;

    if (space == NULL || order->range_count == AK_ORDER_RANGES_MAX)
        return false;
    first = (struct ak_text){line.p, (size_t)(space - line.p)};
    last = (struct ak_text){space + 1, line.len - first.len - 1};
    order->range_count++;
    return ak_text_decimal(first, AK_TREE_SIZE_MAX, &range->first) &&
           ak_text_decimal(last, AK_TREE_SIZE_MAX, &range->last);
}

static enum ak_code take_from(struct ak_order *order, struct ak_text line, struct ak_error *err)
{
    if (line.len > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "an old log's origin that is none");
    memcpy(order->from, line.p, line.len);
    order->from[line.len] = '\0';
    return AK_OK;
}

static enum ak_code take_line(struct ak_order *order, struct ak_text line, struct ak_error *err)
{
    uint64_t number;

    if (ak_text_skip(&line, "range "))
        return take_range(order, line) ? AK_OK
                                       : ak_fail(err, AK_EMALFORMED,
                                                 "a range of no form, or one "
                                                 "too many");
    if (ak_text_skip(&line, "quorum ")) {
        if (!ak_text_decimal(line, AK_ORDER_KEYS_MAX, &number))
            return ak_fail(err, AK_EMALFORMED, "a quorum that is no number up to %u",
                           AK_ORDER_KEYS_MAX);
        order->quorum = (unsigned)number;
    } else if (ak_text_skip(&line, "key ")) {
        if (order->key_count == AK_ORDER_KEYS_MAX ||
            ak_vkey_parse(&order->key[order->key_count], line.p, line.len, err) != AK_OK)
            return ak_fail(err, AK_EMALFORMED, "a key that is none, or one too many");
        order->key_count++;
    } else if (ak_text_skip(&line, "from ")) {
        return take_from(order, line, err);
    } else if (ak_text_skip(&line, "size ")) {
        if (!ak_text_decimal(line, AK_TREE_SIZE_MAX, &order->size))
            return ak_fail(err, AK_EMALFORMED, "a size that is none");
    } else if (ak_text_skip(&line, "lost ")) {
        if (!ak_text_decimal(line, AK_TREE_SIZE_MAX, &order->lost))
            return ak_fail(err, AK_EMALFORMED, "a number of lost entries that is none");
    } else if (ak_text_skip(&line, "case ")) {
        order->case_text = line.p;
        order->case_len = line.len;
    } else if (ak_text_skip(&line, "reason ")) {
        order->reason = line.p;
        order->reason_len = line.len;
    } else {
        return ak_fail(err, AK_EMALFORMED, "a line that no order has");
    }
    return AK_OK;
}

static enum ak_code take_head(struct ak_order *order, struct ak_text *rest, struct ak_error *err)
{
    struct ak_text line[4];

    for (unsigned i = 0; i < 4; i++) {
        if (!ak_text_line(rest, &line[i]))
            return ak_fail(err, AK_EMALFORMED, "it has too few lines");
    }
    if (line[0].len != strlen(first_line) || memcmp(line[0].p, first_line, line[0].len) != 0)
        return ak_fail(err, AK_EMALFORMED, "it does not begin with %s", first_line);
    if (line[1].len > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "its origin is none of a log");
    memcpy(order->origin, line[1].p, line[1].len);
    order->origin[line[1].len] = '\0';
    if (!ak_text_decimal(line[2], AK_TREE_SIZE_MAX, &order->number))
        return ak_fail(err, AK_EMALFORMED, "its number is none");
    if (!ak_order_action_find(line[3].p, line[3].len, &order->action))
        return ak_fail(err, AK_EMALFORMED, "its action is none");
    return AK_OK;
}

/* Everything is as this program would have written it. */
static enum ak_code check_encoding(const struct ak_order *order, const struct ak_note *note,
                                   struct ak_error *err)
{
    char *again = malloc(AK_ORDER_NOTE_BYTES_MAX);
    size_t len;
    enum ak_code rc;

    if (again == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    rc = ak_order_text(order, again, AK_ORDER_NOTE_BYTES_MAX, &len, err);
    if (rc != AK_OK) {
        rc = AK_EMALFORMED;
        if (err != NULL)
            err->code = rc;
    } else if (len != note->text_len || memcmp(again, note->text, len) != 0) {
        rc = ak_fail(err, AK_EMALFORMED, "its lines are not in their one order and form");
    }
    free(again);
    return rc;
}

enum ak_code ak_order_parse(struct ak_order *order, struct ak_note *note, const void *data,
                            size_t len, struct ak_error *err)
{
    struct ak_text rest;
    struct ak_text line;
    enum ak_code rc;

    memset(order, 0, sizeof(*order));
    order->case_text = order->reason = "";
    if (len > AK_ORDER_NOTE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "an order note has at most %u bytes",
                       AK_ORDER_NOTE_BYTES_MAX);
    rc = ak_note_parse(note, data, len, err);
    if (rc == AK_OK) {
        rest = (struct ak_text){note->text, note->text_len};
        rc = take_head(order, &rest, err);
        while (rc == AK_OK && ak_text_line(&rest, &line))
            rc = take_line(order, line, err);
    }
    if (rc == AK_OK)
        rc = check_encoding(order, note, err);
    if (rc != AK_OK)
        ak_wrap(err, "the order note");
    return rc;
}
