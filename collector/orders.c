/* orders.c - an order on its way through a running log.
 *
 *   asked -> ENTERED (its entry is on its way to stable storage and signature)
 *         -> STEPPING (the sealer has a step) -> TELLING (its manifest becomes durable) -> STEPPING
 *         ... -> done
 *
 * Orders to erase are carried out one after the other, those first that stood in the log when the
 * process began. Failure modes: a segment that is not sealed yet, no room, no memory (tried again);
 * a segment that is damaged (left as it is, told, and gone on behind it). */
#include "orders.h"

#include "log.h"
#include "manifest.h"
#include "sealer.h"
#include "server.h"

#include <akashi/format.h>

#include <json.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS     1000000000ull  /* what must wait is looked at again after this */
#define PATIENCE_NS  60000000000ull /* so long nobody is told that an order waits */
#define OUTCOMES_MAX 64u            /* orders of this process whose end can be asked for */

enum order_state { ORDER_IDLE, ORDER_ENTERED, ORDER_WAITING, ORDER_STEPPING, ORDER_TELLING };

struct outcome {
    uint64_t index;
    bool done;
    struct ak_error err;
};

struct ak_orders {
    struct ak_authority *authority; /* NULL: not read yet, or they cannot be */
    struct ak_error unread;         /* why not */
    struct ak_order_worth worth;

    enum order_state state;
    struct ak_erase_order *queue; /* to be carried out; the first one is under way */
    size_t queue_count;
    uint64_t from;           /* STEPPING: where it goes on */
    struct ak_sealed sealed; /* TELLING */
    uint64_t entry;          /* TELLING: the manifest, or an entry behind it; UINT64_MAX: waits */
    uint64_t retry_at;       /* boot time */
    uint64_t waits_since;    /* boot time; 0: it does not wait */
    bool rolled;             /* a new segment was asked for, for this order */
    struct ak_error trouble; /* the first segment that was left as it is */

    struct ak_order_request *request; /* somebody waits */
    struct outcome outcome[OUTCOMES_MAX];
    unsigned outcome_count;
    bool writer_rests; /* ak_orders_go: between two commits, or at the end of one */
};

static struct ak_orders *orders_of(struct ak_runlog *log)
{
    if (log->orders == NULL)
        log->orders = calloc(1, sizeof(*log->orders));
    return log->orders;
}

void ak_orders_free(struct ak_runlog *log)
{
    if (log->orders == NULL)
        return;
    ak_authority_free(log->orders->authority);
    free(log->orders->queue);
    free(log->orders);
    log->orders = NULL;
}

/* ---- entering */

/* Takes the entry of an order. The payload is used up. */
static enum ak_code enter(struct ak_runlog *log, char *payload, size_t len, uint64_t *index,
                          struct ak_error *err)
{
    struct ak_orders *orders = log->orders;
    uint64_t seq = ak_sources_at(log->sources, AK_KIND_ORDER)->at.next_seq;
    struct ak_payload p = {0};
    json_t *object = NULL;
    enum ak_code rc = ak_json_parse(payload, len, &object, err);

    p.object = object;
    if (rc == AK_OK && (log->full || log->pending_head != NULL || !ak_runlog_ready(log))) {
        json_decref(object);
        rc = ak_fail(err, AK_EBUSY,
                     "log %s has no room for the entry now (its disk is full or busy): give the "
                     "order again when it goes on",
                     log->options.name);
    } else if (rc == AK_OK) {
        ak_runlog_own(log, AK_KIND_ORDER, &p);
        if (ak_sources_at(log->sources, AK_KIND_ORDER)->at.next_seq != seq + 1)
            rc = ak_fail(err, AK_ENOMEM, "the entry could not be made");
    }
    if (rc == AK_OK) {
        *index = log->next_index - 1;
        rc = ak_authority_take(orders->authority, *index, seq, payload, len, &orders->worth, err);
    }
    free(payload);
    return rc;
}

static enum ak_code queue(struct ak_orders *orders, uint64_t index, const struct ak_order *order,
                          struct ak_error *err)
{
    struct ak_erase_order *more =
        reallocarray(orders->queue, orders->queue_count + 1, sizeof(*more));

    if (more == NULL)
        return ak_fail(err, AK_ENOMEM,
                       "no memory: the order stands in the log and is carried out by the next "
                       "start");
    orders->queue = more;
    more += orders->queue_count++;
    more->index = index;
    more->range_count = order->range_count;
    memcpy(more->range, order->range, order->range_count * sizeof(order->range[0]));
    return AK_OK;
}

/* An order note: judged, and entered if it is valid. */
static enum ak_code enter_note(struct ak_runlog *log, const void *note, size_t len, uint64_t *index,
                               struct ak_error *err)
{
    struct ak_orders *orders = log->orders;
    char *payload;
    size_t payload_len;
    enum ak_code rc =
        ak_authority_ask(orders->authority, log->next_index, note, len, &orders->worth, err);

    if (rc != AK_OK)
        return rc;
    if (!orders->worth.valid)
        return ak_fail(err, AK_EUSAGE, "the order is not valid, and nothing was done: %s",
                       orders->worth.why.text);
    if (orders->worth.action == AK_ORDER_EXPIRE)
        return ak_fail(err, AK_EUNSUPPORTED, "this program lets nothing expire");
    rc = ak_order_entry_make(note, len, &payload, &payload_len, err);
    if (rc == AK_OK)
        rc = enter(log, payload, payload_len, index, err);
    if (rc == AK_OK && !orders->worth.valid) /* judged the same a moment ago */
        rc = ak_fail(err, AK_EINTEGRITY, "%s", orders->worth.why.text);
    if (rc == AK_OK && orders->worth.action == AK_ORDER_ERASE)
        rc = queue(orders, *index, &orders->worth.order, err);
    if (rc == AK_OK)
        ak_log(AK_LOG_NOTICE, "log %s: order to %s, number %" PRIu64 ", is entry %" PRIu64,
               log->options.name, ak_order_action_name(orders->worth.action),
               orders->worth.order.number, *index);
    return rc;
}

static enum ak_code enter_keys(struct ak_runlog *log, const struct ak_vkey *key, unsigned count,
                               unsigned quorum, uint64_t *index, struct ak_error *err)
{
    struct ak_orders *orders = log->orders;
    const struct ak_vkey *keys;
    unsigned in_force;
    char *payload;
    size_t len;
    enum ak_code rc = AK_OK;

    if (ak_authority_keys(orders->authority, &keys, &in_force) > 0)
        return ak_fail(err, AK_EEXIST,
                       "log %s has authority keys already; only an order that %u of them have "
                       "signed changes them (akashi-verify order authority)",
                       log->options.name, in_force);
    for (unsigned i = 0; rc == AK_OK && i < count; i++)
        rc = ak_authority_key_check(orders->authority, &key[i], err);
    if (rc == AK_OK)
        rc = ak_order_declaration_make(key, count, quorum, &payload, &len, err);
    if (rc == AK_OK)
        rc = enter(log, payload, len, index, err);
    if (rc == AK_OK && !orders->worth.declares)
        rc = ak_fail(err, AK_EINTEGRITY, "%s", orders->worth.why.text);
    if (rc == AK_OK)
        ak_log(AK_LOG_NOTICE, "log %s: %u authority keys are declared in entry %" PRIu64,
               log->options.name, count, *index);
    return rc;
}

/* ---- what came of it */

static void note_outcome(struct ak_orders *orders, uint64_t index, bool done,
                         const struct ak_error *err)
{
    struct outcome *outcome = NULL;

    for (unsigned i = 0; i < orders->outcome_count; i++) {
        if (orders->outcome[i].index == index)
            outcome = &orders->outcome[i];
    }
    if (outcome == NULL && orders->outcome_count == OUTCOMES_MAX) {
        memmove(orders->outcome, orders->outcome + 1,
                (OUTCOMES_MAX - 1) * sizeof(orders->outcome[0]));
        orders->outcome_count--;
    }
    if (outcome == NULL)
        outcome = &orders->outcome[orders->outcome_count++];
    *outcome = (struct outcome){.index = index, .done = done};
    if (err != NULL)
        outcome->err = *err;
    if (orders->request != NULL && orders->request->entered && orders->request->index == index &&
        done) {
        orders->request->done = true;
        if (err != NULL)
            orders->request->err = *err;
        orders->request = NULL;
    }
}

/* Orders that change no file are carried out when they are signed. */
static void note_signed(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;
    uint64_t noted = ak_writer_noted(log->writer);

    for (unsigned i = 0; i < orders->outcome_count; i++) {
        const struct outcome *outcome = &orders->outcome[i];
        bool queued = false;
        for (size_t k = 0; k < orders->queue_count; k++)
            queued = queued || orders->queue[k].index == outcome->index;
        if (!outcome->done && !queued && outcome->index < noted)
            note_outcome(orders, outcome->index, true, NULL);
    }
}

/* ---- carrying out */

static void end_order(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;
    uint64_t index = orders->queue[0].index;
    bool bad = orders->trouble.code != AK_OK;

    orders->queue_count--;
    memmove(orders->queue, orders->queue + 1, orders->queue_count * sizeof(orders->queue[0]));
    orders->state = ORDER_IDLE;
    orders->waits_since = 0;
    if (bad)
        ak_log(AK_LOG_ERROR,
               "log %s: the order in entry %" PRIu64
               " is not carried out everywhere: %s. Bring back a good copy of that file from a "
               "backup while the collector is stopped; the next start goes on",
               log->options.name, index, orders->trouble.text);
    note_outcome(orders, index, true, bad ? &orders->trouble : NULL);
}

static void wait_a_moment(struct ak_runlog *log, const struct ak_error *why)
{
    struct ak_orders *orders = log->orders;

    orders->state = ORDER_WAITING;
    orders->retry_at = log->server->boot + RETRY_NS;
    if (orders->waits_since == 0)
        orders->waits_since = log->server->boot;
    if (log->server->boot - orders->waits_since < PATIENCE_NS)
        return;
    ak_log(AK_LOG_WARNING, "log %s: the order in entry %" PRIu64 " waits: %s", log->options.name,
           orders->queue[0].index, why->text);
    if (orders->request != NULL) { /* who waits is let go; the order is not */
        orders->request->err = *why;
        orders->request->done = true;
        orders->request = NULL;
    }
    orders->waits_since = 0;
}

/* What is erased lies in the segment that is being written: the next entry begins another one. */
static bool must_roll(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;
    const struct ak_erase_order *order = &orders->queue[0];

    if (!log->segment_live || order->range[order->range_count - 1].last < log->segment_first)
        return false;
    if (!orders->rolled && !log->segment_rolling) {
        orders->rolled = true;
        log->segment_wanted = true;
        ak_runlog_state(log);
    }
    return true;
}

static void post_step(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;
    struct ak_error err = {0};

    if (log->sealer_slot >= 0 && ak_sealer_erase(log->server->sealer, log->sealer_slot,
                                                 &orders->queue[0], orders->from, log->began)) {
        orders->state = ORDER_STEPPING;
        return;
    }
    (void)ak_fail(&err, AK_ENOMEM, "no memory");
    wait_a_moment(log, &err);
}

static void run(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;

    switch (orders->state) {
    case ORDER_IDLE:
        if (orders->queue_count == 0)
            return;
        orders->from = 0;
        orders->rolled = false;
        memset(&orders->trouble, 0, sizeof(orders->trouble));
        orders->state = ORDER_ENTERED;
        run(log);
        return;
    case ORDER_ENTERED: /* durable and signed before a byte goes */
        /* The writer is a commit's as long as one runs; at its end we are asked again. */
        if ((orders->writer_rests || !log->committing) &&
            orders->queue[0].index < ak_writer_noted(log->writer) && !must_roll(log))
            post_step(log);
        return;
    case ORDER_WAITING:
        if (log->server->boot >= orders->retry_at)
            post_step(log);
        return;
    case ORDER_STEPPING:
        return;
    case ORDER_TELLING:
        if (orders->entry == UINT64_MAX && log->pending_head == NULL)
            orders->entry = log->next_index - 1; /* the manifest, or one behind it */
        if (orders->entry >= log->durable)
            return;
        ak_sealer_old(log->server->sealer, log->sealer_slot, orders->sealed.first,
                      orders->sealed.generation);
        log->bytes -= orders->sealed.old_bytes < log->bytes ? orders->sealed.old_bytes : log->bytes;
        orders->from = orders->sealed.end;
        post_step(log);
        return;
    }
}

void ak_orders_on_erased(void *ctx, const struct ak_sealed *sealed, bool more,
                         const struct ak_error *err)
{
    struct ak_runlog *log = ctx;
    struct ak_orders *orders = log->orders;

    if (log->stopping)
        return; /* the next start goes on */
    ak_server_look(log->server);
    if (err->code == AK_EINTEGRITY) {
        if (orders->trouble.code == AK_OK)
            orders->trouble = *err;
        orders->from = sealed->end;
        post_step(log);
    } else if (err->code != AK_OK) {
        wait_a_moment(log, err);
    } else if (more) {
        orders->sealed = *sealed;
        orders->waits_since = 0;
        if (sealed->made)
            log->bytes += sealed->bytes; /* beside the old one until that goes */
        ak_log(AK_LOG_INFO, "log %s: %s is written anew without what entry %" PRIu64 " erases",
               log->options.name, sealed->file, sealed->order);
        ak_manifest_write(log, sealed);
        orders->entry = UINT64_MAX;
        orders->state = ORDER_TELLING;
        run(log);
    } else {
        end_order(log);
        run(log);
    }
}

void ak_orders_on_torn(void *ctx, const char *file, const struct ak_hash *sha256)
{
    struct ak_runlog *log = ctx;
    struct ak_payload p;

    if (log->stopping)
        return;
    ak_payload_event(&p, "torn-erased", "operator");
    ak_payload_string(&p, "file", file);
    ak_payload_bytes(&p, "sha256", sha256->b, AK_HASH_BYTES);
    if (log->orders->queue_count > 0)
        ak_payload_dec(&p, "order", log->orders->queue[0].index);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

/* ---- the orders there are */

void ak_orders_read(struct ak_runlog *log)
{
    uint64_t count = ak_sources_at(log->sources, AK_KIND_ORDER)->at.next_seq;

    if (orders_of(log) != NULL)
        ak_sealer_orders(log->server->sealer, log->sealer_slot, log->began, count);
}

static void go_on_with_request(struct ak_runlog *log)
{
    struct ak_orders *orders = log->orders;
    struct ak_order_request *request = orders->request;
    struct ak_error err = {0};
    enum ak_code rc;

    if (request == NULL || request->entered)
        return;
    if (orders->authority == NULL)
        rc = ak_fail(&err, orders->unread.code, "%s", orders->unread.text);
    else if (request->note != NULL)
        rc = enter_note(log, request->note, request->note_len, &request->index, &err);
    else
        rc = enter_keys(log, request->key, request->key_count, request->quorum, &request->index,
                        &err);
    if (rc == AK_OK) {
        request->entered = true;
        note_outcome(orders, request->index, false, NULL);
        run(log);
        return;
    }
    request->err = err;
    request->done = true;
    orders->request = NULL;
}

void ak_orders_on_read(void *ctx, struct ak_authority *authority, struct ak_erase_order *erase,
                       size_t count, const struct ak_error *err)
{
    struct ak_runlog *log = ctx;
    struct ak_orders *orders = log->orders;

    orders->authority = authority;
    orders->unread = *err;
    if (authority == NULL && err->code != AK_EBUSY) {
        ak_wrap(&orders->unread, "the orders of log %s cannot be read, and none is taken",
                log->options.name);
        ak_log(AK_LOG_ERROR, "%s", orders->unread.text);
    }
    free(orders->queue);
    orders->queue = erase;
    orders->queue_count = count;
    ak_server_look(log->server);
    go_on_with_request(log);
    run(log);
}

void ak_orders_go(struct ak_runlog *log)
{
    if (log->orders == NULL || log->stopping)
        return;
    log->orders->writer_rests = true;
    run(log);
    note_signed(log);
    log->orders->writer_rests = false;
}

/* ---- who asks */

enum ak_code ak_orders_ask(struct ak_runlog *log, struct ak_order_request *request,
                           struct ak_error *err)
{
    struct ak_orders *orders = orders_of(log);

    if (orders == NULL || log->sealer_slot < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for orders");
    if (orders->request != NULL)
        return ak_fail(err, AK_EBUSY, "another order is being given to log %s", log->options.name);
    orders->request = request;
    if (orders->authority != NULL || orders->unread.code != AK_OK)
        go_on_with_request(log);
    return AK_OK;
}

bool ak_orders_busy(const struct ak_runlog *log)
{
    return log->orders != NULL && log->orders->request != NULL;
}

static enum ak_code read_keys(const json_t *order, struct ak_vkey *key, unsigned *count,
                              struct ak_error *err)
{
    const json_t *keys = json_object_get(order, "keys");
    size_t n = json_array_size(keys);

    if (n < 1 || n > AK_ORDER_KEYS_MAX)
        return ak_fail(err, AK_EUSAGE, "keys: 1 to %u are wanted", AK_ORDER_KEYS_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *text = json_array_get(keys, i);
        enum ak_code rc = json_is_string(text) ? ak_vkey_parse(&key[i], json_string_value(text),
                                                               json_string_length(text), err)
                                               : ak_fail(err, AK_EUSAGE, "keys: a key is text");
        if (rc != AK_OK)
            return rc;
    }
    *count = (unsigned)n;
    return AK_OK;
}

json_t *ak_orders_take(struct ak_runlog *log, const json_t *order)
{
    const json_t *note = json_object_get(order, "note");
    json_int_t quorum = json_integer_value(json_object_get(order, "quorum"));
    struct ak_vkey key[AK_ORDER_KEYS_MAX];
    struct ak_error err = {0};
    uint64_t index;
    unsigned count = 0;
    enum ak_code rc;

    if (log->stopping)
        return json_pack("{s:s}", "error", "the collector is stopping: give the order again later");
    if (orders_of(log) == NULL)
        return json_pack("{s:s}", "error", "no memory for orders");
    if (log->orders->authority == NULL && log->orders->unread.code == AK_OK)
        return json_pack("{s:b}", "again", 1);
    if (log->orders->authority == NULL)
        return json_pack("{s:s}", "error", log->orders->unread.text);
    if (json_is_string(note)) {
        rc = enter_note(log, json_string_value(note), json_string_length(note), &index, &err);
    } else {
        rc = read_keys(order, key, &count, &err);
        if (rc == AK_OK && (quorum < 1 || quorum > (json_int_t)count))
            rc = ak_fail(&err, AK_EUSAGE, "quorum: write a number from 1 to %u", count);
        if (rc == AK_OK)
            rc = enter_keys(log, key, count, (unsigned)quorum, &index, &err);
    }
    if (rc != AK_OK)
        return json_pack("{s:s}", "error", err.text);
    note_outcome(log->orders, index, false, NULL);
    run(log);
    return json_pack("{s:I}", "entry", (json_int_t)index);
}

json_t *ak_orders_state(const struct ak_runlog *log, const json_t *order)
{
    json_int_t entry = json_integer_value(json_object_get(order, "entry"));

    for (unsigned i = 0; log->orders != NULL && i < log->orders->outcome_count; i++) {
        const struct outcome *outcome = &log->orders->outcome[i];
        if ((json_int_t)outcome->index != entry)
            continue;
        if (outcome->done && outcome->err.code != AK_OK)
            return json_pack("{s:s}", "error", outcome->err.text);
        return json_pack("{s:b}", "done", outcome->done ? 1 : 0);
    }
    return json_pack("{s:s}", "error", "no order of this process stands in that entry");
}
