/* check_epochs.c - start notes of one log, rising by number and by start, and what the lines of a
 * checkpoint are worth under them.
 *
 * A start note is believed because the log key signed it and the origin pins its key (5.1); that it
 * stands in its right place is asked where it stands (check_start.c). */
#include "check_epochs.h"

#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct epoch {
    uint32_t number;
    uint64_t start;
    struct ak_hash root; /* of size `start` */
    struct ak_tree_place place;
    bool ended; /* the key of the epoch before has signed it */
    uint8_t key[AK_ED25519_KEY_BYTES];
};

struct ak_check_epochs {
    pthread_mutex_t lock;
    struct epoch *epoch;
    size_t count;
    size_t cap;
};

struct ak_check_epochs *ak_check_epochs_new(void)
{
    struct ak_check_epochs *epochs = calloc(1, sizeof(*epochs));

    if (epochs != NULL)
        pthread_mutex_init(&epochs->lock, NULL);
    return epochs;
}

void ak_check_epochs_free(struct ak_check_epochs *epochs)
{
    if (epochs == NULL)
        return;
    pthread_mutex_destroy(&epochs->lock);
    free(epochs->epoch);
    free(epochs);
}

/* Position of the first one whose number is not below `number`. */
static size_t find(const struct ak_check_epochs *epochs, uint32_t number)
{
    size_t low = 0;
    size_t high = epochs->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (epochs->epoch[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool same(const struct epoch *a, const struct epoch *b)
{
    return a->number == b->number && a->start == b->start && ak_hash_equal(&a->root, &b->root) &&
           memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static enum ak_code insert(struct ak_check_epochs *epochs, const struct epoch *added,
                           struct ak_error *err)
{
    size_t at = find(epochs, added->number);

    if (at < epochs->count && epochs->epoch[at].number == added->number) {
        if (!same(&epochs->epoch[at], added))
            return ak_fail(err, AK_EMALFORMED,
                           "another start note of epoch %" PRIu32 " is in this log", added->number);
        epochs->epoch[at].ended = epochs->epoch[at].ended || added->ended;
        epochs->epoch[at].place = added->place;
        return AK_OK;
    }
    if ((at > 0 && epochs->epoch[at - 1].start >= added->start) ||
        (at < epochs->count && epochs->epoch[at].start <= added->start))
        return ak_fail(err, AK_EMALFORMED,
                       "epoch %" PRIu32 " begins at entry %" PRIu64
                       ", which is not between the epochs before and behind it",
                       added->number, added->start);
    if (epochs->count == epochs->cap) {
        size_t cap = epochs->cap == 0 ? 16 : epochs->cap * 2;
        struct epoch *more = reallocarray(epochs->epoch, cap, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for epochs");
        epochs->epoch = more;
        epochs->cap = cap;
    }
    assert(epochs->epoch != NULL);
    memmove(epochs->epoch + at + 1, epochs->epoch + at,
            (epochs->count - at) * sizeof(*epochs->epoch));
    epochs->epoch[at] = *added;
    epochs->count++;
    return AK_OK;
}

enum ak_code ak_check_epochs_add(struct ak_check_epochs *epochs, const struct ak_epoch_note *note,
                                 bool ended, struct ak_tree_place place, struct ak_error *err)
{
    struct epoch added = {.number = note->epoch,
                          .start = note->index,
                          .root = note->root,
                          .place = place,
                          .ended = ended};
    enum ak_code rc;

    memcpy(added.key, note->key.key, sizeof(added.key));
    pthread_mutex_lock(&epochs->lock);
    rc = insert(epochs, &added, err);
    pthread_mutex_unlock(&epochs->lock);
    return rc;
}

bool ak_check_epochs_empty(struct ak_check_epochs *epochs)
{
    bool empty;

    pthread_mutex_lock(&epochs->lock);
    empty = epochs->count == 0;
    pthread_mutex_unlock(&epochs->lock);
    return empty;
}

bool ak_check_epochs_key(struct ak_check_epochs *epochs, const char *origin, uint32_t number,
                         struct ak_vkey *key)
{
    uint8_t raw[AK_ED25519_KEY_BYTES];
    char name[AK_KEY_NAME_BYTES_MAX + 1];
    bool found;
    size_t at;

    pthread_mutex_lock(&epochs->lock);
    at = find(epochs, number);
    found = at < epochs->count && epochs->epoch[at].number == number;
    if (found)
        memcpy(raw, epochs->epoch[at].key, sizeof(raw));
    pthread_mutex_unlock(&epochs->lock);
    if (!found)
        return false;
    (void)snprintf(name, sizeof(name), "%s/epoch/%" PRIu32, origin, number);
    return ak_vkey_make(key, name, raw, NULL) == AK_OK;
}

bool ak_check_epochs_each(struct ak_check_epochs *epochs,
                          bool (*on_key)(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES]),
                          void *ctx)
{
    bool more = true;

    pthread_mutex_lock(&epochs->lock);
    for (size_t i = 0; more && i < epochs->count; i++)
        more = on_key(ctx, epochs->epoch[i].key);
    pthread_mutex_unlock(&epochs->lock);
    return more;
}

/* Position of the first one that does not begin below `size`. */
static size_t find_start(const struct ak_check_epochs *epochs, uint64_t size)
{
    size_t low = 0;
    size_t high = epochs->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (epochs->epoch[middle].start < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ak_check_epochs_next(struct ak_check_epochs *epochs, uint64_t after, uint64_t *start,
                          struct ak_hash *root, struct ak_tree_place *place)
{
    bool found;
    size_t at;

    pthread_mutex_lock(&epochs->lock);
    at = find_start(epochs, after + 1);
    while (at < epochs->count && !epochs->epoch[at].ended)
        at++;
    found = at < epochs->count;
    if (found) {
        *start = epochs->epoch[at].start;
        *root = epochs->epoch[at].root;
        *place = epochs->epoch[at].place;
    }
    pthread_mutex_unlock(&epochs->lock);
    return found;
}

bool ak_check_epochs_at(struct ak_check_epochs *epochs, uint64_t size, uint32_t *number,
                        uint64_t *start)
{
    size_t low;

    pthread_mutex_lock(&epochs->lock);
    low = find_start(epochs, size);
    if (low > 0) {
        *number = epochs->epoch[low - 1].number;
        *start = epochs->epoch[low - 1].start;
    }
    pthread_mutex_unlock(&epochs->lock);
    return low > 0;
}

/* The epoch that a line names. */
static bool named_epoch(const struct ak_note_signature *sig, const char *origin, uint32_t *epoch)
{
    struct ak_text name = {sig->name, sig->name_len};
    uint64_t number;

    if (!ak_text_skip(&name, origin) || !ak_text_skip(&name, "/epoch/") ||
        !ak_text_decimal(name, AK_EPOCHS_MAX - 1, &number))
        return false;
    *epoch = (uint32_t)number;
    return true;
}

/* One line that names an epoch. */
static enum ak_code judge_line(struct ak_check_epochs *epochs, const struct ak_vkey *log_key,
                               const struct ak_note *note, uint32_t number,
                               struct ak_check_judged *out, struct ak_error *err)
{
    struct ak_vkey key;
    bool verified = false;
    enum ak_code rc;

    if (!ak_check_epochs_key(epochs, log_key->name, number, &key)) {
        out->open = true;
        out->open_epoch = number;
        return AK_OK;
    }
    if (ak_check_judged_by(out, number))
        return AK_OK; /* both lines were looked at with the first one */
    rc = ak_note_verify(note, &key, 1, &verified, err);
    if (rc == AK_EKEY)
        return AK_OK; /* its name, but another key: unknown */
    if (rc == AK_OK && out->count < AK_CHECK_LINES_MAX) {
        out->epoch[out->count++] = number;
        out->unknown--;
    }
    return rc;
}

enum ak_code ak_check_epochs_judge(struct ak_check_epochs *epochs, const struct ak_vkey *log_key,
                                   const void *data, size_t len, struct ak_check_judged *out,
                                   struct ak_error *err)
{
    struct ak_log_checkpoint checkpoint;
    struct ak_note note;
    uint32_t number;
    enum ak_code rc = ak_log_checkpoint_verify(log_key, NULL, data, len, &checkpoint, err);

    memset(out, 0, sizeof(*out));
    out->checkpoint = checkpoint.checkpoint;
    out->unknown = checkpoint.unknown;
    if (rc == AK_OK)
        rc = ak_note_parse(&note, data, len, err);
    for (unsigned i = 0; rc == AK_OK && i < note.count; i++) {
        if (named_epoch(&note.sig[i], log_key->name, &number))
            rc = judge_line(epochs, log_key, &note, number, out, err);
    }
    if (rc != AK_OK)
        return rc;
    if (ak_check_epochs_empty(epochs))
        out->open = true; /* nobody can say which line it needs */
    if (out->count == 0 && !out->open)
        return ak_fail(err, AK_EKEY, "a checkpoint is not signed by the key of an epoch (R6)");
    out->open = out->count == 0;
    return AK_OK;
}

bool ak_check_judged_by(const struct ak_check_judged *judged, uint32_t epoch)
{
    for (unsigned i = 0; i < judged->count; i++) {
        if (judged->epoch[i] == epoch)
            return true;
    }
    return false;
}
