/* order_entry.c - the entry of kind 5: JSON members, and what its order note says of them
 * (docs/format.md 10.5). */
#include "order_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *keys_json(const struct ak_vkey *key, unsigned count)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    json_t *array = json_array();

    for (unsigned i = 0; array != NULL && i < count; i++) {
        (void)ak_vkey_format(vkey, sizeof(vkey), &key[i]);
        if (json_array_append_new(array, json_string(vkey)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *ranges_json(const struct ak_order *order)
{
    json_t *array = json_array();

    for (unsigned i = 0; array != NULL && i < order->range_count; i++) {
        json_t *pair = json_pack("[o, o]", ak_json_from_dec(order->range[i].first),
                                 ak_json_from_dec(order->range[i].last));
        if (pair == NULL || json_array_append_new(array, pair) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Sets a member that is a new reference. */
static bool set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

/* All members that an entry with this note must have; NULL without memory. */
static json_t *members_of(const struct ak_order *order, const char *note, size_t note_len)
{
    json_t *object = json_object();
    bool good = object != NULL && set(object, "type", json_string("order")) &&
                set(object, "action", json_string(ak_order_action_name(order->action))) &&
                set(object, "case", json_stringn(order->case_text, order->case_len)) &&
                set(object, "reason", json_stringn(order->reason, order->reason_len)) &&
                set(object, "authority_note", json_stringn(note, note_len));

    if (good && order->range_count > 0)
        good = set(object, "ranges", ranges_json(order));
    if (good && order->key_count > 0)
        good = set(object, "keys", keys_json(order->key, order->key_count)) &&
               set(object, "quorum", json_integer((json_int_t)order->quorum));
    if (good && order->action == AK_ORDER_SUCCEED)
        good = set(object, "from", json_string(order->from)) &&
               set(object, "size", ak_json_from_dec(order->size)) &&
               set(object, "lost", ak_json_from_dec(order->lost));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* The members that a note speaks of are what it says, and no others of them are there. */
static enum ak_code compare_members(const json_t *object, const json_t *said, struct ak_error *err)
{
    static const char *const names[] = {"action", "ranges", "keys", "quorum", "case",
                                        "reason", "from",   "size", "lost"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const json_t *here = json_object_get(object, names[i]);
        const json_t *there = json_object_get(said, names[i]);
        if ((here == NULL) != (there == NULL) || (here != NULL && !json_equal(here, there)))
            return ak_fail(err, AK_EMALFORMED, "member %s is not what the order note says",
                           names[i]);
    }
    return AK_OK;
}

static enum ak_code read_keys(struct ak_order *order, const json_t *object, struct ak_error *err)
{
    const json_t *keys = json_object_get(object, "keys");
    const json_t *quorum = json_object_get(object, "quorum");
    size_t count = json_array_size(keys);
    json_int_t q = json_integer_value(quorum);

    if (keys == NULL && quorum == NULL)
        return AK_OK;
    if (!json_is_array(keys) || !json_is_integer(quorum) || count < 1 ||
        count > AK_ORDER_KEYS_MAX || q < 1 || (size_t)q > count)
        return ak_fail(err, AK_EMALFORMED, "keys and quorum are not of their form");
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(keys, i);
        if (!json_is_string(text) || ak_vkey_parse(&order->key[i], json_string_value(text),
                                                   json_string_length(text), NULL) != AK_OK)
            return ak_fail(err, AK_EMALFORMED, "member keys holds what is no key");
        for (size_t k = 0; k < i; k++) {
            if (strcmp(order->key[i].name, order->key[k].name) == 0 ||
                memcmp(order->key[i].key, order->key[k].key, sizeof(order->key[i].key)) == 0)
                return ak_fail(err, AK_EMALFORMED, "member keys holds a key twice");
        }
    }
    order->key_count = (unsigned)count;
    order->quorum = (unsigned)q;
    return AK_OK;
}

static enum ak_code read_note(struct ak_order_entry *entry, const json_t *object,
                              struct ak_error *err)
{
    const json_t *text = json_object_get(object, "authority_note");
    json_t *said;
    enum ak_code rc;

    if (!json_is_string(text))
        return ak_fail(err, AK_EMALFORMED, "member authority_note is no string");
    rc = ak_order_parse(&entry->order, &entry->note, json_string_value(text),
                        json_string_length(text), err);
    if (rc == AK_ELIMIT) {
        rc = AK_EMALFORMED; /* format.md 11: what exceeds a bound of an order note is that */
        if (err != NULL)
            err->code = rc;
    }
    if (rc != AK_OK)
        return rc;
    entry->noted = true;
    said = members_of(&entry->order, json_string_value(text), json_string_length(text));
    if (said == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    rc = compare_members(object, said, err);
    json_decref(said);
    return rc;
}

enum ak_code ak_order_entry_read(struct ak_order_entry *entry, const json_t *object,
                                 struct ak_error *err)
{
    const json_t *action = json_object_get(object, "action");
    enum ak_code rc;

    memset(entry, 0, sizeof(*entry));
    if (!json_is_string(action) ||
        !ak_order_action_find(json_string_value(action), json_string_length(action),
                              &entry->order.action))
        return ak_fail(err, AK_EMALFORMED, "member action has none of its values");
    rc = read_keys(&entry->order, object, err);
    if (rc == AK_OK && json_object_get(object, "authority_note") != NULL)
        rc = read_note(entry, object, err);
    return rc;
}

enum ak_code ak_order_entry_check(const void *payload, size_t len, struct ak_error *err)
{
    struct ak_order_entry *entry = malloc(sizeof(*entry));
    json_t *object;
    enum ak_code rc;

    if (entry == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    rc = ak_json_parse(payload, len, &object, err);
    if (rc == AK_OK) {
        rc = ak_order_entry_read(entry, object, err);
        json_decref(object);
    }
    free(entry);
    return rc;
}

enum ak_code ak_order_entry_make(const void *note, size_t note_len, char **payload, size_t *len,
                                 struct ak_error *err)
{
    struct ak_order_entry *entry = malloc(sizeof(*entry));
    json_t *object = NULL;
    enum ak_code rc;

    if (entry == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for an order");
    rc = ak_order_parse(&entry->order, &entry->note, note, note_len, err);
    if (rc == AK_OK) {
        object = members_of(&entry->order, note, note_len);
        rc = object != NULL ? ak_json_dump(object, payload, len, err)
                            : ak_fail(err, AK_ENOMEM, "no memory for an order");
    }
    json_decref(object);
    free(entry);
    return rc;
}

enum ak_code ak_order_declaration_make(const struct ak_vkey *key, unsigned count, unsigned quorum,
                                       char **payload, size_t *len, struct ak_error *err)
{
    json_t *object;
    enum ak_code rc;

    if (count < 1 || count > AK_ORDER_KEYS_MAX)
        return ak_fail(err, AK_EUSAGE, "a log has 1 to %u authority keys", AK_ORDER_KEYS_MAX);
    if (quorum < 1 || quorum > count)
        return ak_fail(err, AK_EUSAGE, "%u of %u keys cannot be what must sign", quorum, count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(key[i].name, key[k].name) == 0 ||
                memcmp(key[i].key, key[k].key, sizeof(key[i].key)) == 0)
                return ak_fail(err, AK_EUSAGE, "key %s is there twice, by name or by its bytes",
                               key[i].name);
        }
    }
    object = json_pack("{s:s, s:s, s:I}", "type", "order", "action", "authority", "quorum",
                       (json_int_t)quorum);
    if (object == NULL || !set(object, "keys", keys_json(key, count)))
        rc = ak_fail(err, AK_ENOMEM, "no memory for a declaration of keys");
    else
        rc = ak_json_dump(object, payload, len, err);
    json_decref(object);
    return rc;
}

bool ak_order_entry_ranges(const void *payload, size_t len, enum ak_order_action *action,
                           ak_order_range_fn on_range, void *ctx)
{
    const json_t *ranges;
    const char *name;
    json_t *object;
    uint64_t first;
    uint64_t last;
    bool known;

    if (ak_json_parse(payload, len, &object, NULL) != AK_OK)
        return false;
    known = ak_json_string(object, "action", &name, NULL) == AK_OK &&
            ak_order_action_find(name, strlen(name), action);
    ranges = json_object_get(object, "ranges");
    for (size_t i = 0; known && on_range != NULL && i < json_array_size(ranges); i++) {
        const json_t *pair = json_array_get(ranges, i);
        if (ak_json_dec_at(pair, 0, &first) && ak_json_dec_at(pair, 1, &last) && first <= last)
            on_range(ctx, first, last);
    }
    json_decref(object);
    return known;
}
