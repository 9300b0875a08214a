/* prover_own.c - what a log says of itself: its start notes, and its manifests, which name the
 * digests of sealed files. Listed without trust; what of it counts is proven when it is asked for.
 */
#include "prover_private.h"

#include "check_own.h"

#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Start notes and manifests of one log: an epoch an hour for a century. */
#define OWN_MAX 1048576u

#define EVERY_KIND ((1u << AK_KIND_MANIFEST) | (1u << AK_KIND_EPOCH))

static enum ak_code grow(void **list, size_t count, size_t bytes, struct ak_error *err)
{
    void *more;

    if (count == OWN_MAX)
        return ak_fail(err, AK_ELIMIT, "more than %u epochs or manifests in one log", OWN_MAX);
    if ((count & (count - 1)) != 0)
        return AK_OK;
    more = reallocarray(*list, count == 0 ? 1 : count * 2, bytes);
    if (more == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a log's epochs");
    *list = more;
    return AK_OK;
}

static enum ak_code add_epoch(struct ak_prover *prover, const void *note, size_t len, bool own,
                              uint64_t index, struct ak_error *err)
{
    struct ak_prover_epoch *epoch;
    enum ak_code rc = grow((void **)&prover->epoch, prover->epoch_count, sizeof(*epoch), err);

    if (rc != AK_OK)
        return rc;
    epoch = &prover->epoch[prover->epoch_count];
    memset(epoch, 0, sizeof(*epoch));
    if (ak_epoch_note_parse(&epoch->parsed, note, len, prover->key->name, NULL) != AK_OK ||
        (own && epoch->parsed.index != index))
        return AK_OK; /* it begins no epoch, and what would be under it is not proven */
    epoch->note = malloc(len + 1);
    if (epoch->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a start note");
    memcpy(epoch->note, note, len);
    epoch->len = len;
    epoch->own = own;
    epoch->index = epoch->parsed.index;
    prover->epoch_count++;
    return AK_OK;
}

static enum ak_code add_manifest(struct ak_prover *prover, const struct ak_log_tree_entry *entry,
                                 struct ak_error *err)
{
    struct ak_prover_listed *manifest;
    struct ak_own own;
    enum ak_code rc =
        grow((void **)&prover->manifest, prover->manifest_count, sizeof(*manifest), err);

    if (rc != AK_OK)
        return rc;
    manifest = &prover->manifest[prover->manifest_count++];
    memset(manifest, 0, sizeof(*manifest));
    manifest->index = entry->index;
    manifest->seq = entry->entry.source_seq;
    manifest->first = UINT64_MAX;
    if (ak_own_read(&own, AK_KIND_MANIFEST, entry->payload, entry->len, NULL) != AK_OK)
        return AK_OK;
    manifest->first = own.first;
    manifest->generation = own.generation;
    manifest->has_frames = own.has_frames;
    manifest->says = (struct ak_prover_manifest){entry->index, own.end, own.bytes, own.frames};
    return AK_OK;
}

static enum ak_code on_own(void *ctx, const struct ak_log_tree_entry *entry, struct ak_error *err)
{
    struct ak_prover *prover = ctx;

    if (entry->state != AK_STATE_PRESENT)
        return AK_OK;
    return entry->entry.kind == AK_KIND_EPOCH
               ? add_epoch(prover, entry->payload, entry->len, true, entry->index, err)
               : add_manifest(prover, entry, err);
}

/* The epoch that is in force where the first segment here begins, if that is not the first of the
 * log: its HEADER has the start note. */
static enum ak_code add_header_epoch(struct ak_prover *prover, struct ak_error *err)
{
    uint64_t first = ak_log_tree_first(prover->tree);
    uint8_t *note;
    size_t len;
    enum ak_code rc;

    if (first == 0 ||
        ak_log_tree_epoch_note(prover->tree, first, false, &note, &len, NULL) != AK_OK)
        return AK_OK;
    rc = add_epoch(prover, note, len, false, 0, err);
    free(note);
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const struct ak_prover_named *x = a;
    const struct ak_prover_named *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Numbers of manifests by the files they speak of, the first of each file first. */
static enum ak_code name_files(struct ak_prover *prover, struct ak_error *err)
{
    prover->named = calloc(prover->manifest_count + 1, sizeof(*prover->named));
    if (prover->named == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a log's manifests");
    for (size_t i = 0; i < prover->manifest_count; i++)
        prover->named[i] = (struct ak_prover_named){prover->manifest[i].first, i};
    qsort(prover->named, prover->manifest_count, sizeof(*prover->named), by_first);
    return AK_OK;
}

enum ak_code ak_prover_read_own(struct ak_prover *prover, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (prover->key != NULL)
        rc = add_header_epoch(prover, err);
    if (rc == AK_OK && prover->key != NULL)
        rc = ak_log_tree_each(prover->tree, EVERY_KIND, on_own, prover, err);
    return rc == AK_OK ? name_files(prover, err) : rc;
}

/* Proves manifests in the order of their numbers, up to the given one. */
static bool prove_manifests(struct ak_prover *prover, size_t to)
{
    while (prover->manifests_proven <= to && !prover->manifests_end) {
        const struct ak_prover_listed *manifest = &prover->manifest[prover->manifests_proven];
        struct ak_log_tree_entry entry;
        bool proven = false;
        if (manifest->seq != prover->manifests_proven ||
            ak_prover_entry(prover, manifest->index, &entry, &proven, NULL) != AK_OK || !proven ||
            entry.entry.kind != AK_KIND_MANIFEST || entry.entry.source_seq != manifest->seq)
            prover->manifests_end = true;
        else
            prover->manifests_proven++;
    }
    return prover->manifests_proven > to;
}

bool ak_prover_manifest(struct ak_prover *prover, uint64_t first, struct ak_prover_manifest *out)
{
    size_t low = 0;
    size_t high = prover->manifest_count;
    size_t i;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (prover->named[middle].first < first)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == prover->manifest_count || prover->named[low].first != first)
        return false;
    i = prover->named[low].number;
    if (prover->manifest[i].generation != 0 || !prover->manifest[i].has_frames ||
        !prove_manifests(prover, i))
        return false;
    *out = prover->manifest[i].says;
    return true;
}
