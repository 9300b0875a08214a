/* keys_rotate.c - how one epoch's key gives way to the next (format.md 5).
 *
 * The happy path is:
 *   1. ak_keys_end_epoch: the start note of the next epoch is signed by both epochs' keys and the
 *      log key, over the tree that was signed last, and lies in epoch.next before it is given out.
 *      From here on the running key signs nothing more but that size again.
 *   2. the log makes the note its next entry, durable.
 *   3. ak_keys_begin_epoch: the next seed takes the place of the old one, which is erased from the
 *      disk and from memory.
 * A crash between any two steps leaves either the old seed with the note, which is then entered
 * again as it is, or the new seed with leftovers, which ak_keys_mend erases: never two notes, never
 * a key too much or too little. */
#include "clock.h"
#include "disk.h"
#include "keys_private.h"

#include <akashi/base64.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING "epoch.next" /* the start note that ends the running epoch; nothing secret */
#define START  "epoch.note" /* that of the running one, once it has begun */
#define SEED   "epoch.seed"
#define MADE   "epoch.new" /* the next seed before it has its name */
#define OLD    "epoch.old" /* the old seed, about to be erased */

/* Text of a start note with the proof of its key; gives its length, or `cap` if it does not fit. */
static size_t start_text(const struct ak_keys *keys, uint32_t epoch, const struct ak_vkey *key,
                         char *out, size_t cap)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    char base64[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    char raw[AK_BASE64_CHARS(AK_ED25519_KEY_BYTES) + 1];
    struct ak_hash hash[AK_PROOF_HASHES_MAX];
    unsigned count;
    size_t at;
    int n;

    if (ak_range_root(&keys->signed_range, &hash[0], NULL) != AK_OK)
        return cap;
    (void)ak_vkey_format(vkey, sizeof(vkey), &keys->log);
    (void)ak_base64_encode(base64, sizeof(base64), hash[0].b, AK_HASH_BYTES);
    (void)ak_base64_encode(raw, sizeof(raw), key->key, AK_ED25519_KEY_BYTES);
    n = snprintf(out, cap,
                 "akashi/epoch/v1\n%s\n%" PRIu32 "\n%" PRIu64 "\n%s\n%s\n%" PRIu32 "\n%s\n",
                 keys->origin, epoch, keys->signed_range.end, base64, vkey,
                 ak_epoch_list_count(keys->list), raw);
    at = n < 0 ? cap : (size_t)n;
    if (ak_epoch_list_proof(keys->list, epoch, hash, &count, NULL) != AK_OK)
        return cap;
    for (unsigned i = 0; i < count && at < cap; i++) {
        (void)ak_base64_encode(base64, sizeof(base64), hash[i].b, AK_HASH_BYTES);
        n = snprintf(out + at, cap - at, "%s\n", base64);
        at += n < 0 ? cap : (size_t)n;
    }
    return at < cap ? at : cap;
}

/* The note of epoch `epoch`: signed by the key of the epoch before (NULL for epoch 0), by its own
 * and by the log key, in this order (5.2). */
static enum ak_code start_note(const struct ak_keys *keys, uint32_t epoch,
                               const struct ak_vkey *before, const struct ak_vkey *key,
                               const unsigned char *sk, char *out, size_t cap, size_t *len,
                               struct ak_error *err)
{
    size_t text_len = start_text(keys, epoch, key, out, cap);
    enum ak_code rc = AK_OK;

    if (text_len + 2 > cap)
        return ak_fail(err, AK_ELIMIT, "no room for a start note");
    out[text_len] = '\n';
    *len = text_len + 1;
    if (before != NULL)
        rc = ak_keys_add_line(before, keys->secrets->epoch_sk, out, cap, text_len, len, err);
    if (rc == AK_OK)
        rc = ak_keys_add_line(key, sk, out, cap, text_len, len, err);
    if (rc == AK_OK)
        rc = ak_keys_add_log_line(keys, out, cap, text_len, len, err);
    return rc;
}

enum ak_code ak_keys_epoch_note(struct ak_keys *keys, char *out, size_t cap, size_t *len,
                                struct ak_error *err)
{
    if (keys->secrets == NULL || keys->epoch != 0 || keys->signed_range.end != 0)
        return ak_fail(err, AK_EUSAGE, "the start note of epoch 0 is made by its key only");
    return start_note(keys, 0, NULL, &keys->running, keys->secrets->epoch_sk, out, cap, len, err);
}

/* Signs the note that ends the running epoch. */
static enum ak_code make_ending(struct ak_keys *keys, char *out, size_t cap, size_t *len,
                                struct ak_error *err)
{
    struct ak_secrets *s = keys->secrets;
    uint8_t pk[AK_ED25519_KEY_BYTES];
    struct ak_vkey next;
    enum ak_code rc = ak_epoch_list_vkey(keys->list, keys->origin, keys->epoch + 1, &next, err);

    if (rc != AK_OK)
        return rc;
    ak_keys_next_seed(s, s->epoch_seed, s->next_seed);
    ak_keys_epoch_pair(s, s->next_seed, pk, s->next_sk);
    sodium_memzero(s->next_seed, sizeof(s->next_seed));
    if (memcmp(pk, next.key, sizeof(pk)) != 0)
        rc = ak_fail(err, AK_EKEY, "signer: the key of epoch %" PRIu32 " is not that of epoch.pub",
                     keys->epoch + 1);
    else
        rc = start_note(keys, keys->epoch + 1, &keys->running, &next, s->next_sk, out, cap, len,
                        err);
    sodium_memzero(s->next_sk, sizeof(s->next_sk));
    return rc;
}

enum ak_code ak_keys_end_epoch(struct ak_keys *keys, struct ak_error *err)
{
    char *note;
    size_t len = 0;
    enum ak_code rc;

    if (keys->ending != NULL)
        return AK_OK;
    if (keys->channel != NULL)
        return ak_keys_remote_end(keys, err);
    if (keys->epoch + 1 >= ak_epoch_list_count(keys->list))
        return ak_fail(err, AK_ELIMIT,
                       "signer: the list of %" PRIu32 " epoch keys is used up: epoch %" PRIu32
                       " goes on. Make a log with new keys",
                       ak_epoch_list_count(keys->list), keys->epoch);
    if (keys->signed_range.end == 0 || keys->signed_range.end < keys->state_size)
        return ak_fail(err, AK_EUSAGE, "signer: nothing was signed yet in this epoch");
    note = malloc(AK_EPOCH_NOTE_BYTES_MAX);
    if (note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a start note");
    rc = make_ending(keys, note, AK_EPOCH_NOTE_BYTES_MAX, &len, err);
    if (rc == AK_OK)
        rc = ak_keys_save(keys, err);
    if (rc == AK_OK)
        rc = ak_disk_put(keys->dir_fd, "epoch.tmp", keys->dir_fd, ENDING, 0400, note, len, err);
    if (rc != AK_OK) {
        free(note);
        return rc;
    }
    keys->ending = note;
    keys->ending_len = len;
    keys->ending_index = keys->signed_range.end;
    return AK_OK;
}

const char *ak_keys_ending(const struct ak_keys *keys, size_t *len, uint64_t *index)
{
    if (keys->ending != NULL) {
        *len = keys->ending_len;
        *index = keys->ending_index;
    }
    return keys->ending;
}

const char *ak_keys_start_note(const struct ak_keys *keys, size_t *len)
{
    *len = keys->start_len;
    return keys->start;
}

/* Overwrites a file and removes it, if it is there. A second name of the running seed, which a
 * crash left, only goes. */
static enum ak_code erase(int dir_fd, const char *name, struct ak_error *err)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return AK_OK;
    return ak_disk_wipe(dir_fd, name, err);
}

enum ak_code ak_keys_mend(struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc;

    if (keys->channel != NULL)
        return ak_keys_remote_mend(keys, err);
    rc = erase(keys->dir_fd, OLD, err);
    if (rc == AK_OK)
        rc = erase(keys->dir_fd, MADE, err);
    if (rc == AK_OK && keys->ending == NULL && unlinkat(keys->dir_fd, ENDING, 0) == 0)
        rc = ak_disk_sync_dir(keys->dir_fd, err);
    return rc;
}

/* The next seed under the name of the old one, the old one erased. */
static enum ak_code replace_seed(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char *file = keys->secrets->hashed;
    int dir = keys->dir_fd;
    enum ak_code rc = ak_keys_mend(keys, err);

    if (rc == AK_OK && linkat(dir, SEED, dir, OLD, 0) != 0)
        rc = ak_fail_errno(err, errno, "name the old seed");
    ak_keys_pack_epoch(file, keys->epoch + 1, keys->secrets->next_seed);
    if (rc == AK_OK)
        rc = ak_disk_put_secret(dir, MADE, SEED, 0400, file, AK_EPOCH_SEED_BYTES, err);
    sodium_memzero(file, AK_EPOCH_SEED_BYTES);
    return rc == AK_OK ? erase(dir, OLD, err) : rc;
}

enum ak_code ak_keys_begin_epoch(struct ak_keys *keys, struct ak_error *err)
{
    struct ak_secrets *s = keys->secrets;
    enum ak_code rc;

    if (keys->ending == NULL)
        return ak_fail(err, AK_EUSAGE, "signer: no epoch has ended");
    if (keys->channel != NULL)
        return ak_keys_remote_begin(keys, err);
    ak_keys_next_seed(s, s->epoch_seed, s->next_seed);
    rc = replace_seed(keys, err);
    if (rc != AK_OK) {
        sodium_memzero(s->next_seed, sizeof(s->next_seed));
        ak_wrap(err, "signer: the key of epoch %" PRIu32 " could not be erased", keys->epoch);
        return rc;
    }
    memcpy(s->epoch_seed, s->next_seed, sizeof(s->epoch_seed));
    sodium_memzero(s->next_seed, sizeof(s->next_seed));
    sodium_memzero(s->epoch_sk, sizeof(s->epoch_sk));
    keys->epoch++;
    keys->epoch_time = ak_clock_wall();
    free(keys->start);
    keys->start = keys->ending;
    keys->start_len = keys->ending_len;
    keys->ending = NULL;
    if (renameat(keys->dir_fd, ENDING, keys->dir_fd, START) != 0)
        return ak_fail_errno(err, errno, "rename %s", ENDING);
    return ak_keys_take_epoch(keys, err);
}
