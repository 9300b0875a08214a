/* keys_sign.c - signing what goes on from what was signed.
 *
 * Signing takes nothing but a range that continues the signed tree: that is a consistency proof by
 * construction, so this module cannot be made to sign a fork of what it signed since it was loaded;
 * what was signed before stands in the state file, which lies with the key and not with the store.
 * Every own signature is checked by the strict rule before it is given out: a flipped bit in memory
 * must not become a statement of ours. */
#include "clock.h"
#include "disk.h"
#include "keys_private.h"
#include "keys_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES (8u + AK_HASH_BYTES)

/* A signature just made, ours or a token's: checked, then put behind what is there. */
static enum ak_code put_line(const struct ak_vkey *vkey, const uint8_t *signature, char *out,
                             size_t cap, size_t text_len, size_t *len, struct ak_error *err)
{
    enum ak_code rc;
    size_t n;

    rc = ak_ed25519_verify(vkey->key, out, text_len, signature, err);
    if (rc != AK_OK) {
        ak_wrap(err, "signer: an own signature does not verify: memory or processor of this "
                     "machine fail; nothing was given out");
        return rc;
    }
    n = ak_note_line(out + *len, cap - *len, vkey, signature);
    if (n == 0)
        return ak_fail(err, AK_ELIMIT, "no room for a signature line");
    *len += n;
    return AK_OK;
}

enum ak_code ak_keys_add_line(const struct ak_vkey *vkey, const unsigned char *sk, char *out,
                              size_t cap, size_t text_len, size_t *len, struct ak_error *err)
{
    uint8_t signature[AK_ED25519_SIGNATURE_BYTES];

    (void)crypto_sign_detached(signature, NULL, (const unsigned char *)out, text_len, sk);
    return put_line(vkey, signature, out, cap, text_len, len, err);
}

enum ak_code ak_keys_add_log_line(const struct ak_keys *keys, char *out, size_t cap,
                                  size_t text_len, size_t *len, struct ak_error *err)
{
    uint8_t signature[AK_ED25519_SIGNATURE_BYTES];
    enum ak_code rc;

    if (keys->token == NULL)
        return ak_keys_add_line(&keys->log, keys->secrets->log_sk, out, cap, text_len, len, err);
    rc = ak_token_sign(keys->token, out, text_len, signature, err);
    if (rc != AK_OK) {
        ak_wrap(err, "signer");
        return rc;
    }
    return put_line(&keys->log, signature, out, cap, text_len, len, err);
}

/* Puts the empty line behind the text at the front of `out` and the lines of both keys. */
static enum ak_code sign_text(const struct ak_keys *keys, char *out, size_t cap, size_t text_len,
                              size_t *len, struct ak_error *err)
{
    enum ak_code rc;

    if (text_len + 2 > cap)
        return ak_fail(err, AK_ELIMIT, "no room for a note");
    out[text_len] = '\n';
    *len = text_len + 1;
    rc = ak_keys_add_log_line(keys, out, cap, text_len, len, err);
    if (rc == AK_OK)
        rc =
            ak_keys_add_line(&keys->running, keys->secrets->epoch_sk, out, cap, text_len, len, err);
    return rc;
}

enum ak_code ak_keys_older(const struct ak_keys *keys, uint64_t size, struct ak_error *err)
{
    uint64_t newest =
        keys->signed_range.end > keys->state_size ? keys->signed_range.end : keys->state_size;
    char when[32];

    ak_clock_text(keys->state_time, when, sizeof(when));
    return ak_fail(err, AK_EINTEGRITY,
                   "signer: asked for size %" PRIu64 ", but signed %" PRIu64
                   " on %.10s: an older copy of this store. Nothing is signed. Bring back the "
                   "newest copy of the store and start again",
                   size, newest, when);
}

/* Whether `more` goes on from what was signed; merges it into `next`. */
static enum ak_code continue_tree(const struct ak_keys *keys, const struct ak_range *more,
                                  struct ak_range *next, struct ak_error *err)
{
    const struct ak_range *from = &keys->signed_range;
    struct ak_hash root;
    enum ak_code rc;

    if (more->end == 0)
        return ak_fail(err, AK_EUSAGE, "signer: an empty log is never signed");
    if (more->end < from->end || more->end < keys->state_size)
        return ak_keys_older(keys, more->end, err);
    if (more->begin != from->end || more->begin > more->end)
        return ak_fail(err, AK_EINTEGRITY,
                       "signer: asked to go on from size %" PRIu64 ", but signed %" PRIu64
                       ": nothing is signed without the proof that it continues what was signed",
                       more->begin, from->end);
    if (from->end < keys->state_size)
        return ak_fail(err, AK_EINTEGRITY,
                       "signer: signed %" PRIu64 " before; what is in the store has not been shown "
                       "to go on from there. Nothing is signed",
                       keys->state_size);
    if (keys->ending != NULL && more->end != keys->ending_index)
        return ak_fail(err, AK_EINTEGRITY,
                       "signer: epoch %" PRIu32 " has ended at size %" PRIu64
                       ": its key signs nothing more",
                       keys->epoch, keys->ending_index);
    *next = *from;
    rc = ak_range_merge(next, more, err);
    if (rc != AK_OK || next->end != keys->state_size)
        return rc;
    rc = ak_range_root(next, &root, err);
    if (rc == AK_OK && !ak_hash_equal(&root, &keys->state_root))
        rc = ak_fail(err, AK_EINTEGRITY,
                     "signer: another tree of size %" PRIu64 " was signed before", next->end);
    return rc;
}

enum ak_code ak_keys_sign(struct ak_keys *keys, const struct ak_range *more, char *out, size_t cap,
                          size_t *len, struct ak_error *err)
{
    struct ak_checkpoint checkpoint;
    struct ak_range next;
    size_t text_len;
    enum ak_code rc;

    if (ak_keys_only_public(keys))
        return ak_fail(err, AK_EKEY, "signer: these keys are not here: nothing is signed");
    if (keys->channel != NULL)
        return ak_keys_remote_sign(keys, more, out, cap, len, err);
    rc = continue_tree(keys, more, &next, err);
    if (rc != AK_OK)
        return rc;
    memset(&checkpoint, 0, sizeof(checkpoint));
    memcpy(checkpoint.origin, keys->origin, strlen(keys->origin));
    checkpoint.size = next.end;
    rc = ak_range_root(&next, &checkpoint.root, err);
    if (rc != AK_OK)
        return rc;
    text_len = ak_checkpoint_format(out, cap, &checkpoint);
    if (text_len == 0)
        return ak_fail(err, AK_ELIMIT, "no room for a checkpoint");
    rc = sign_text(keys, out, cap, text_len, len, err);
    if (rc != AK_OK)
        return rc;
    keys->signed_range = next;
    keys->state_time = ak_clock_wall();
    return AK_OK;
}

/* Whether the note is one of ours, of the range's size and root. */
static enum ak_code check_note(const struct ak_keys *keys, const void *note, size_t note_len,
                               uint64_t size, const struct ak_hash *root, struct ak_error *err)
{
    struct ak_log_checkpoint judged;
    enum ak_code rc = ak_epoch_list_judge(keys->list, &keys->log, note, note_len, &judged, err);

    if (rc != AK_OK)
        return rc;
    if (judged.checkpoint.size != size || !ak_hash_equal(&judged.checkpoint.root, root))
        return ak_fail(err, AK_EINTEGRITY,
                       "the entries found do not lead to the root of the signed checkpoint of size "
                       "%" PRIu64,
                       judged.checkpoint.size);
    return AK_OK;
}

/* What these keys signed since they were loaded is newer than the state file: nobody takes them
 * back behind it. */
static enum ak_code check_known(const struct ak_keys *keys, uint64_t size,
                                const struct ak_hash *root, struct ak_error *err)
{
    struct ak_hash known;
    enum ak_code rc = AK_OK;

    if (size < keys->signed_range.end)
        return ak_keys_older(keys, size, err);
    if (size > keys->signed_range.end)
        return AK_OK;
    rc = ak_range_root(&keys->signed_range, &known, err);
    if (rc == AK_OK && !ak_hash_equal(&known, root))
        rc = ak_fail(err, AK_EINTEGRITY,
                     "signer: another tree of size %" PRIu64 " was signed before", size);
    return rc;
}

enum ak_code ak_keys_resume(struct ak_keys *keys, const void *note, size_t note_len,
                            const struct ak_range *range, struct ak_error *err)
{
    struct ak_hash root;
    enum ak_code rc;

    if (keys->channel != NULL)
        return ak_keys_remote_resume(keys, note, note_len, range, err);
    rc = ak_range_root(range, &root, err);
    if (rc != AK_OK)
        return rc;
    if (note != NULL) {
        rc = check_note(keys, note, note_len, range->end, &root, err);
        if (rc != AK_OK)
            return rc;
    } else if (range->end > keys->state_size) {
        return ak_fail(err, AK_EUSAGE, "size %" PRIu64 " was never signed", range->end);
    }
    if (range->end < keys->state_size)
        return ak_keys_older(keys, range->end, err);
    if (range->end == keys->state_size && !ak_hash_equal(&root, &keys->state_root))
        return ak_fail(err, AK_EINTEGRITY,
                       "signer: the tree of size %" PRIu64 " in this store is not the one that was "
                       "signed. Nothing is signed. Bring back the newest copy of the store",
                       range->end);
    rc = check_known(keys, range->end, &root, err);
    if (rc == AK_OK)
        keys->signed_range = *range;
    return rc;
}

static void pack_uint(unsigned char *out, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (unsigned char)(value >> (8 * (n - 1 - i)));
}

enum ak_code ak_keys_expect(struct ak_keys *keys, const struct ak_range *range,
                            struct ak_error *err)
{
    if (keys->secrets == NULL || keys->signed_range.end != 0 || keys->state_size != 0)
        return ak_fail(err, AK_EUSAGE, "signer: these keys have signed before");
    keys->signed_range = *range;
    return ak_keys_save(keys, err);
}

enum ak_code ak_keys_save(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char state[STATE_BYTES];
    struct ak_hash root;
    uint64_t size = keys->signed_range.end;
    enum ak_code rc;

    if (size <= keys->state_size)
        return AK_OK;
    if (keys->channel != NULL)
        return ak_keys_remote_save(keys, err);
    rc = ak_range_root(&keys->signed_range, &root, err);
    if (rc != AK_OK)
        return rc;
    pack_uint(state, size, 8);
    memcpy(state + 8, root.b, AK_HASH_BYTES);
    rc = ak_disk_put(keys->dir_fd, "state.new", keys->dir_fd, "state", 0600, state, sizeof(state),
                     err);
    if (rc != AK_OK) {
        ak_wrap(err, "signer: what was signed last could not be written beside the key");
        return rc;
    }
    keys->state_size = size;
    keys->state_root = root;
    return AK_OK;
}
