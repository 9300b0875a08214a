/* epoch_list.c - the public keys of all epochs of one log. */
#include "epoch_list.h"

#include "text.h"

#include <akashi/base64.h>
#include <akashi/proof.h>
#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct ak_epoch_list {
    atomic_uint refs;
    uint32_t count;
    uint8_t *key; /* `count` of AK_ED25519_KEY_BYTES */
};

enum ak_code ak_epoch_list_new(uint8_t *keys, uint32_t count, struct ak_epoch_list **out,
                               struct ak_error *err)
{
    struct ak_epoch_list *list = malloc(sizeof(*list));

    *out = NULL;
    if (list == NULL || count == 0 || count > AK_EPOCHS_MAX) {
        free(list);
        free(keys);
        return ak_fail(err, list == NULL ? AK_ENOMEM : AK_EUSAGE, "a list of %u epoch keys", count);
    }
    atomic_init(&list->refs, 1);
    list->count = count;
    list->key = keys;
    *out = list;
    return AK_OK;
}

struct ak_epoch_list *ak_epoch_list_ref(struct ak_epoch_list *list)
{
    (void)atomic_fetch_add(&list->refs, 1);
    return list;
}

void ak_epoch_list_unref(struct ak_epoch_list *list)
{
    if (list == NULL || atomic_fetch_sub(&list->refs, 1) > 1)
        return;
    free(list->key);
    free(list);
}

uint32_t ak_epoch_list_count(const struct ak_epoch_list *list)
{
    return list->count;
}

const uint8_t *ak_epoch_list_keys(const struct ak_epoch_list *list)
{
    return list->key;
}

/* Range of the leaves [begin, end). */
static void leaves(const struct ak_epoch_list *list, uint64_t begin, uint64_t end,
                   struct ak_range *range)
{
    ak_range_init(range, begin);
    for (uint64_t e = begin; e < end; e++) {
        struct ak_hash leaf;
        enum ak_code rc;

        ak_hash_leaf(&leaf, list->key + AK_ED25519_KEY_BYTES * e, AK_ED25519_KEY_BYTES);
        rc = ak_range_append(range, &leaf);
        assert(rc == AK_OK);
        (void)rc;
    }
}

void ak_epoch_list_id(const struct ak_epoch_list *list, char id[AK_LOG_ID_CHARS + 1])
{
    struct ak_range range;
    struct ak_hash root;
    enum ak_code rc;

    leaves(list, 0, list->count, &range);
    rc = ak_range_root(&range, &root, NULL);
    assert(rc == AK_OK);
    (void)rc;
    (void)ak_hex_encode(id, AK_LOG_ID_CHARS + 1, root.b, AK_LOG_ID_CHARS / 2);
}

enum ak_code ak_epoch_list_vkey(const struct ak_epoch_list *list, const char *origin, uint32_t e,
                                struct ak_vkey *vkey, struct ak_error *err)
{
    char name[AK_KEY_NAME_BYTES_MAX + 1];

    if (e >= list->count)
        return ak_fail(err, AK_EUSAGE, "epoch %" PRIu32 " is not in the list of %" PRIu32, e,
                       list->count);
    (void)snprintf(name, sizeof(name), "%s/epoch/%" PRIu32, origin, e);
    return ak_vkey_make(vkey, name, list->key + (size_t)AK_ED25519_KEY_BYTES * e, err);
}

/* ak_node_fn over the list. */
static enum ak_code node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                         struct ak_error *err)
{
    const struct ak_epoch_list *list = ctx;
    uint64_t begin = index << level;
    uint64_t end = begin + ((uint64_t)1 << level);
    struct ak_range range;

    if (end > list->count)
        return ak_fail(err, AK_EUSAGE, "epoch %" PRIu64 " is not in the list", end - 1);
    leaves(list, begin, end, &range);
    assert(range.count == 1);
    *out = range.hash[0];
    return AK_OK;
}

enum ak_code ak_epoch_list_proof(const struct ak_epoch_list *list, uint32_t e, struct ak_hash *hash,
                                 unsigned *count, struct ak_error *err)
{
    return ak_inclusion_make(e, list->count, node, (void *)list, hash, AK_PROOF_HASHES_MAX, count,
                             err);
}

enum ak_code ak_epoch_list_judge(const struct ak_epoch_list *list, const struct ak_vkey *log_key,
                                 const void *data, size_t len, struct ak_log_checkpoint *out,
                                 struct ak_error *err)
{
    struct ak_vkey key;
    struct ak_note note;
    uint64_t e;
    enum ak_code rc = ak_note_parse(&note, data, len, err);

    for (unsigned i = 0; rc == AK_OK && i < note.count; i++) {
        struct ak_text name = {note.sig[i].name, note.sig[i].name_len};
        if (ak_text_skip(&name, log_key->name) && ak_text_skip(&name, "/epoch/") &&
            ak_text_decimal(name, list->count - 1, &e) &&
            ak_epoch_list_vkey(list, log_key->name, (uint32_t)e, &key, err) == AK_OK)
            return ak_log_checkpoint_verify(log_key, &key, data, len, out, err);
    }
    return rc == AK_OK ? ak_fail(err, AK_EKEY, "a checkpoint is not signed by the key of an epoch")
                       : rc;
}
