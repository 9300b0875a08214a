/* keys.c - secret keys of one log: making, loading, signing what goes on from what was signed.
 *
 * Seeds and secret keys live in sodium_malloc memory (locked, guarded, wiped when freed) and in
 * files that only their owner reads. Signing takes nothing but a range that continues the signed
 * tree: that is a consistency proof by construction, so this module cannot be made to sign a fork
 * of what it signed since it was loaded; what was signed before stands in the state file, which
 * lies with the key and not with the store. Every own signature is checked by the strict rule
 * before it is given out: a flipped bit in memory must not become a statement of ours. */
#include "keys.h"

#include "clock.h"
#include "disk.h"

#include <akashi/base64.h>
#include <akashi/ed25519.h>
#include <akashi/format.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_BYTES       32u
#define EPOCH_SEED_BYTES (4u + SEED_BYTES)
#define STATE_BYTES      (8u + AK_HASH_BYTES)
#define NEXT_PREFIX      "akashi/epoch-next/v1\n"
#define KEY_PREFIX       "akashi/epoch-key/v1\n"
#define PREFIX_BYTES_MAX 32u

static_assert(sizeof(NEXT_PREFIX) <= PREFIX_BYTES_MAX, "prefix and seed fit into one buffer");
static_assert(SEED_BYTES == crypto_sign_SEEDBYTES, "RFC 8032 seeds");
static_assert(AK_ED25519_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "RFC 8032 keys");

/* All that must never leave this process. */
struct secrets {
    unsigned char log_seed[SEED_BYTES];
    unsigned char log_sk[crypto_sign_SECRETKEYBYTES];
    unsigned char epoch_seed[SEED_BYTES]; /* seed_e of the running epoch */
    unsigned char epoch_sk[crypto_sign_SECRETKEYBYTES];
    unsigned char work[SEED_BYTES];                      /* seed while a chain is walked */
    unsigned char hashed[PREFIX_BYTES_MAX + SEED_BYTES]; /* what is hashed on the way */
};

struct ak_keys {
    struct secrets *secrets;
    int dir_fd;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint32_t epoch;
    uint32_t epochs;
    uint8_t *pub; /* `epochs` raw public keys */
    struct ak_vkey log;
    struct ak_vkey running;
    uint64_t state_size; /* as the state file says */
    struct ak_hash state_root;
    uint64_t state_time;          /* ns; when it was written, or signed last */
    struct ak_range signed_range; /* [0, m) */
};

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static bool sodium_ready;

static void start_sodium(void)
{
    sodium_ready = sodium_init() >= 0;
}

static enum ak_code keys_new(struct ak_keys **out, struct ak_error *err)
{
    struct ak_keys *keys;

    *out = NULL;
    (void)pthread_once(&sodium_once, start_sodium);
    if (!sodium_ready)
        return ak_fail(err, AK_EIO, "libsodium found no source of random numbers");
    keys = calloc(1, sizeof(*keys));
    if (keys == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for keys");
    keys->dir_fd = -1;
    ak_range_init(&keys->signed_range, 0);
    keys->secrets = sodium_malloc(sizeof(*keys->secrets));
    if (keys->secrets == NULL) {
        free(keys);
        return ak_fail(err, AK_ENOMEM, "no locked memory for keys: raise RLIMIT_MEMLOCK");
    }
    sodium_memzero(keys->secrets, sizeof(*keys->secrets));
    *out = keys;
    return AK_OK;
}

void ak_keys_free(struct ak_keys *keys)
{
    if (keys == NULL)
        return;
    sodium_free(keys->secrets);
    if (keys->dir_fd >= 0)
        (void)close(keys->dir_fd);
    free(keys->pub);
    free(keys);
}

/* H(prefix || seed) into `out`, which may be the seed. */
static void derive(struct secrets *secrets, const char *prefix, const unsigned char *seed,
                   unsigned char *out)
{
    size_t n = strlen(prefix);
    struct ak_hash hash;

    memcpy(secrets->hashed, prefix, n);
    memcpy(secrets->hashed + n, seed, SEED_BYTES);
    ak_sha256(&hash, secrets->hashed, n + SEED_BYTES);
    memcpy(out, hash.b, SEED_BYTES);
    sodium_memzero(&hash, sizeof(hash));
}

/* Key pair of the epoch whose seed is given; the secret half into secrets->epoch_sk. */
static void epoch_pair(struct secrets *secrets, const unsigned char *seed, uint8_t *pk)
{
    unsigned char key_seed[SEED_BYTES];

    derive(secrets, KEY_PREFIX, seed, key_seed);
    (void)crypto_sign_seed_keypair(pk, secrets->epoch_sk, key_seed);
    sodium_memzero(key_seed, sizeof(key_seed));
}

/* All public keys, from seed_0 (5.1). Leaves secrets->epoch_sk undefined. */
static void make_list(struct ak_keys *keys)
{
    struct secrets *s = keys->secrets;

    memcpy(s->work, s->epoch_seed, SEED_BYTES);
    for (uint32_t e = 0; e < keys->epochs; e++) {
        epoch_pair(s, s->work, keys->pub + (size_t)AK_ED25519_KEY_BYTES * e);
        derive(s, NEXT_PREFIX, s->work, s->work);
    }
    sodium_memzero(s->work, SEED_BYTES);
}

/* ak_node_fn over the list of public keys. */
static enum ak_code list_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                              struct ak_error *err)
{
    const struct ak_keys *keys = ctx;
    uint64_t begin = index << level;
    struct ak_range range;

    ak_range_init(&range, begin);
    for (uint64_t e = begin; e < begin + ((uint64_t)1 << level); e++) {
        struct ak_hash leaf;
        enum ak_code rc;

        if (e >= keys->epochs)
            return ak_fail(err, AK_EUSAGE, "epoch %" PRIu64 " is not in the list", e);
        ak_hash_leaf(&leaf, keys->pub + AK_ED25519_KEY_BYTES * e, AK_ED25519_KEY_BYTES);
        rc = ak_range_append(&range, &leaf);
        if (rc != AK_OK)
            return ak_fail(err, rc, "the list of epoch keys is too long");
    }
    assert(range.count == 1);
    *out = range.hash[0];
    return AK_OK;
}

/* Log id of the list: the first 16 bytes of its root, in hexadecimal. */
static void list_id(const struct ak_keys *keys, char id[AK_LOG_ID_CHARS + 1])
{
    struct ak_range range;
    struct ak_hash root;
    enum ak_code rc = AK_OK;

    ak_range_init(&range, 0);
    for (uint32_t e = 0; e < keys->epochs; e++) {
        struct ak_hash leaf;
        ak_hash_leaf(&leaf, keys->pub + (size_t)AK_ED25519_KEY_BYTES * e, AK_ED25519_KEY_BYTES);
        rc = ak_range_append(&range, &leaf);
        assert(rc == AK_OK);
    }
    rc = ak_range_root(&range, &root, NULL);
    assert(rc == AK_OK);
    (void)rc;
    (void)ak_hex_encode(id, AK_LOG_ID_CHARS + 1, root.b, AK_LOG_ID_CHARS / 2);
}

/* Both public keys with their names, from the secrets and the list. */
static enum ak_code name_keys(struct ak_keys *keys, struct ak_error *err)
{
    char name[AK_KEY_NAME_BYTES_MAX + 1];
    uint8_t pk[AK_ED25519_KEY_BYTES];
    enum ak_code rc;

    (void)crypto_sign_seed_keypair(pk, keys->secrets->log_sk, keys->secrets->log_seed);
    rc = ak_vkey_make(&keys->log, keys->origin, pk, err);
    if (rc != AK_OK)
        return rc;
    epoch_pair(keys->secrets, keys->secrets->epoch_seed, pk);
    if (memcmp(pk, keys->pub + (size_t)AK_ED25519_KEY_BYTES * keys->epoch, sizeof(pk)) != 0)
        return ak_fail(err, AK_EKEY,
                       "epoch.seed is not the seed of epoch %u of this log: bring back the file "
                       "that was made with epoch.pub",
                       keys->epoch);
    (void)snprintf(name, sizeof(name), "%s/epoch/%u", keys->origin, keys->epoch);
    return ak_vkey_make(&keys->running, name, pk, err);
}

static enum ak_code put_new(int dir_fd, const char *name, mode_t mode, const void *data, size_t len,
                            struct ak_error *err)
{
    int fd;
    enum ak_code rc = ak_disk_create(dir_fd, name, mode, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_disk_write(fd, data, len, err);
    if (rc == AK_OK)
        rc = ak_disk_sync(fd, err);
    (void)close(fd); /* synced, or given up */
    if (rc != AK_OK)
        ak_wrap(err, "%s", name);
    return rc;
}

static void pack_uint(unsigned char *out, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (unsigned char)(value >> (8 * (n - 1 - i)));
}

static uint64_t unpack_uint(const unsigned char *in, unsigned n)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < n; i++)
        value = value << 8 | in[i];
    return value;
}

/* The files of a new log. */
static enum ak_code write_files(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char *epoch = keys->secrets->hashed; /* locked memory; large enough */
    unsigned char state[STATE_BYTES] = {0};
    struct ak_hash empty;
    enum ak_code rc;

    static_assert(EPOCH_SEED_BYTES <= PREFIX_BYTES_MAX + SEED_BYTES, "fits");
    pack_uint(epoch, keys->epoch, 4);
    memcpy(epoch + 4, keys->secrets->epoch_seed, SEED_BYTES);
    ak_hash_empty(&empty);
    memcpy(state + 8, empty.b, AK_HASH_BYTES);
    rc = put_new(keys->dir_fd, "log.key", 0400, keys->secrets->log_seed, SEED_BYTES, err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "epoch.seed", 0400, epoch, EPOCH_SEED_BYTES, err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "epoch.pub", 0400, keys->pub,
                     (size_t)AK_ED25519_KEY_BYTES * keys->epochs, err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "state", 0600, state, sizeof(state), err);
    if (rc == AK_OK)
        rc = ak_disk_sync_dir(keys->dir_fd, err);
    keys->state_root = empty;
    keys->state_time = ak_clock_wall();
    return rc;
}

/* Seeds, list and origin, in memory. */
static enum ak_code make_keys(struct ak_keys *keys, const char *name, const unsigned char *seed,
                              struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];

    keys->pub = malloc((size_t)AK_ED25519_KEY_BYTES * keys->epochs);
    if (keys->pub == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for %u epoch keys", keys->epochs);
    if (seed != NULL) {
        memcpy(keys->secrets->log_seed, seed, SEED_BYTES);
        memcpy(keys->secrets->epoch_seed, seed + SEED_BYTES, SEED_BYTES);
    } else {
        randombytes_buf(keys->secrets->log_seed, SEED_BYTES);
        randombytes_buf(keys->secrets->epoch_seed, SEED_BYTES);
    }
    make_list(keys);
    list_id(keys, id);
    (void)snprintf(keys->origin, sizeof(keys->origin), "%s/%s", name, id);
    return name_keys(keys, err);
}

enum ak_code ak_keys_make(int keys_dir_fd, const char *name, uint32_t epochs,
                          const unsigned char *seed, char *origin, struct ak_keys **out,
                          struct ak_error *err)
{
    size_t len = strlen(name);
    struct ak_keys *keys;
    enum ak_code rc;

    *out = NULL;
    if (!ak_key_name_valid(name, len) || len + 1 + AK_LOG_ID_CHARS > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_EUSAGE,
                       "origin %s: it must be UTF-8 of 1 to %u bytes, without white space, control "
                       "characters and '+'",
                       name, AK_LOG_ORIGIN_BYTES_MAX - 1 - AK_LOG_ID_CHARS);
    if (epochs == 0 || epochs > AK_EPOCHS_MAX)
        return ak_fail(err, AK_EUSAGE, "%u epochs: it must be 1 to %u", epochs, AK_EPOCHS_MAX);
    rc = keys_new(&keys, err);
    if (rc != AK_OK)
        return rc;
    keys->epochs = epochs;
    rc = make_keys(keys, name, seed, err);
    if (rc == AK_OK)
        rc = ak_disk_mkdir(keys_dir_fd, keys->origin + len + 1, 0700, &keys->dir_fd, err);
    if (rc == AK_OK)
        rc = write_files(keys, err);
    if (rc != AK_OK) {
        ak_wrap(err, "keys of a new log");
        ak_keys_free(keys);
        return rc;
    }
    memcpy(origin, keys->origin, strlen(keys->origin) + 1);
    *out = keys;
    return AK_OK;
}

/* Reads a file of the keys' directory that must have `len` bytes (0: any up to `max`) and, if it is
 * `secret`, be closed to others. */
static enum ak_code read_file(const struct ak_keys *keys, const char *name, size_t max,
                              unsigned char **data, size_t *len, struct ak_error *err)
{
    mode_t mode;
    enum ak_code rc = ak_disk_read(keys->dir_fd, name, max, data, len, &mode, NULL, err);

    if (rc != AK_OK)
        return rc;
    if ((mode & (S_IRWXG | S_IRWXO)) == 0)
        return AK_OK;
    sodium_memzero(*data, *len);
    free(*data);
    *data = NULL;
    return ak_fail(err, AK_EKEY,
                   "%s can be read by others than its owner (mode %03o): nothing is signed with "
                   "it. See who had access; then chmod 0400 %s",
                   name, (unsigned)(mode & 0777), name);
}

/* The same for a file of a fixed length, copied to `out`. */
static enum ak_code read_fixed(const struct ak_keys *keys, const char *name, unsigned char *out,
                               size_t want, struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    enum ak_code rc = read_file(keys, name, want, &data, &len, err);

    if (rc != AK_OK)
        return rc;
    if (len == want)
        memcpy(out, data, want);
    sodium_memzero(data, len);
    free(data);
    if (len != want)
        return ak_fail(err, AK_EKEY, "%s has %zu bytes, it must have %zu: bring back a good copy",
                       name, len, want);
    return AK_OK;
}

static enum ak_code load_list(struct ak_keys *keys, struct ak_error *err)
{
    const char *want = keys->origin + strlen(keys->origin) - AK_LOG_ID_CHARS;
    char id[AK_LOG_ID_CHARS + 1];
    size_t len;
    enum ak_code rc = read_file(keys, "epoch.pub", (size_t)AK_EPOCHS_MAX * AK_ED25519_KEY_BYTES,
                                &keys->pub, &len, err);

    if (rc != AK_OK)
        return rc;
    keys->epochs = (uint32_t)(len / AK_ED25519_KEY_BYTES);
    if (len != 0 && len % AK_ED25519_KEY_BYTES == 0) {
        list_id(keys, id);
        if (strcmp(id, want) == 0)
            return AK_OK;
    }
    return ak_fail(err, AK_EKEY,
                   "epoch.pub is not the list of keys that the origin names: bring back a good "
                   "copy");
}

static enum ak_code load_state(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    enum ak_code rc =
        ak_disk_read(keys->dir_fd, "state", STATE_BYTES, &data, &len, NULL, &keys->state_time, err);

    if (rc != AK_OK)
        return rc;
    if (len == STATE_BYTES) {
        keys->state_size = unpack_uint(data, 8);
        memcpy(keys->state_root.b, data + 8, AK_HASH_BYTES);
    }
    free(data);
    if (len != STATE_BYTES || keys->state_size > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EKEY,
                       "state, which says what was signed last, is damaged: bring back the newest "
                       "copy of the keys' directory");
    return AK_OK;
}

static enum ak_code load(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char *epoch = keys->secrets->hashed;
    enum ak_code rc = load_list(keys, err);

    if (rc == AK_OK)
        rc = read_fixed(keys, "log.key", keys->secrets->log_seed, SEED_BYTES, err);
    if (rc == AK_OK)
        rc = read_fixed(keys, "epoch.seed", epoch, EPOCH_SEED_BYTES, err);
    if (rc != AK_OK)
        return rc;
    keys->epoch = (uint32_t)unpack_uint(epoch, 4);
    memcpy(keys->secrets->epoch_seed, epoch + 4, SEED_BYTES);
    if (keys->epoch >= keys->epochs)
        return ak_fail(err, AK_EKEY, "epoch.seed speaks of epoch %u, the log has %u", keys->epoch,
                       keys->epochs);
    rc = name_keys(keys, err);
    return rc == AK_OK ? load_state(keys, err) : rc;
}

enum ak_code ak_keys_load(int keys_dir_fd, const char *origin, struct ak_keys **out,
                          struct ak_error *err)
{
    size_t len = strlen(origin);
    struct ak_keys *keys;
    enum ak_code rc;

    *out = NULL;
    if (len < AK_LOG_ID_CHARS + 2 || len > AK_LOG_ORIGIN_BYTES_MAX ||
        origin[len - AK_LOG_ID_CHARS - 1] != '/')
        return ak_fail(err, AK_EUSAGE, "%s is no origin of a log", origin);
    rc = keys_new(&keys, err);
    if (rc != AK_OK)
        return rc;
    memcpy(keys->origin, origin, len + 1);
    keys->dir_fd = openat(keys_dir_fd, origin + len - AK_LOG_ID_CHARS,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (keys->dir_fd < 0)
        rc = ak_fail_errno(err, errno, "could not open the directory");
    else
        rc = load(keys, err);
    if (rc != AK_OK) {
        ak_wrap(err, "keys/%s", origin + len - AK_LOG_ID_CHARS);
        ak_keys_free(keys);
        return rc;
    }
    *out = keys;
    return AK_OK;
}

const struct ak_vkey *ak_keys_log(const struct ak_keys *keys)
{
    return &keys->log;
}

const struct ak_vkey *ak_keys_epoch(const struct ak_keys *keys)
{
    return &keys->running;
}

const struct ak_range *ak_keys_signed(const struct ak_keys *keys)
{
    return &keys->signed_range;
}

uint64_t ak_keys_state(const struct ak_keys *keys, struct ak_hash *root)
{
    if (root != NULL)
        *root = keys->state_root;
    return keys->state_size;
}

/* Signs the text at the front of `out`, checks the signature and appends its line to what is there.
 */
static enum ak_code add_line(const struct ak_vkey *vkey, const unsigned char *sk, char *out,
                             size_t cap, size_t text_len, size_t *len, struct ak_error *err)
{
    uint8_t signature[AK_ED25519_SIGNATURE_BYTES];
    enum ak_code rc;
    size_t n;

    (void)crypto_sign_detached(signature, NULL, (const unsigned char *)out, text_len, sk);
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

/* Puts the empty line behind the text at the front of `out` and both lines: the first by `first`.
 */
static enum ak_code sign_text(const struct ak_keys *keys, bool log_first, char *out, size_t cap,
                              size_t text_len, size_t *len, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (text_len + 2 > cap)
        return ak_fail(err, AK_ELIMIT, "no room for a note");
    out[text_len] = '\n';
    *len = text_len + 1;
    if (log_first)
        rc = add_line(&keys->log, keys->secrets->log_sk, out, cap, text_len, len, err);
    if (rc == AK_OK)
        rc = add_line(&keys->running, keys->secrets->epoch_sk, out, cap, text_len, len, err);
    if (rc == AK_OK && !log_first)
        rc = add_line(&keys->log, keys->secrets->log_sk, out, cap, text_len, len, err);
    return rc;
}

/* Text of the start note of epoch 0 without the proof; gives its length. */
static size_t start_text(const struct ak_keys *keys, char *out, size_t cap)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    char key[AK_BASE64_CHARS(AK_ED25519_KEY_BYTES) + 1];
    struct ak_hash empty;
    int n;

    ak_hash_empty(&empty);
    (void)ak_vkey_format(vkey, sizeof(vkey), &keys->log);
    (void)ak_base64_encode(root, sizeof(root), empty.b, AK_HASH_BYTES);
    (void)ak_base64_encode(key, sizeof(key), keys->running.key, AK_ED25519_KEY_BYTES);
    n = snprintf(out, cap, "akashi/epoch/v1\n%s\n0\n0\n%s\n%s\n%u\n%s\n", keys->origin, root, vkey,
                 keys->epochs, key);
    return n < 0 ? cap : (size_t)n;
}

enum ak_code ak_keys_epoch_note(struct ak_keys *keys, char *out, size_t cap, size_t *len,
                                struct ak_error *err)
{
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    size_t at = start_text(keys, out, cap);
    unsigned n;
    enum ak_code rc;

    if (keys->epoch != 0)
        return ak_fail(err, AK_EUSAGE, "the start note of epoch 0 is made by its key only");
    rc = ak_inclusion_make(0, keys->epochs, list_node, keys, proof, AK_PROOF_HASHES_MAX, &n, err);
    if (rc != AK_OK)
        return rc;
    for (unsigned i = 0; i < n && at < cap; i++) {
        size_t chars = ak_base64_encode(out + at, cap - at, proof[i].b, AK_HASH_BYTES);
        at += chars;
        if (chars == 0 || at >= cap)
            at = cap;
        else
            out[at++] = '\n';
    }
    if (at >= cap)
        return ak_fail(err, AK_ELIMIT, "no room for a start note");
    return sign_text(keys, false, out, cap, at, len, err);
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
    enum ak_code rc = continue_tree(keys, more, &next, err);

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
    rc = sign_text(keys, true, out, cap, text_len, len, err);
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
    const struct ak_vkey both[2] = {keys->log, keys->running};
    struct ak_checkpoint checkpoint;
    struct ak_note parsed;
    bool verified[2];
    enum ak_code rc = ak_note_parse(&parsed, note, note_len, err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&checkpoint, parsed.text, parsed.text_len, false, err);
    if (rc == AK_OK)
        rc = ak_note_verify(&parsed, both, 2, verified, err);
    if (rc != AK_OK)
        return rc;
    if (!verified[0] || !verified[1])
        return ak_fail(err, AK_EKEY, "a checkpoint of the log is not signed by both of its keys");
    if (strcmp(checkpoint.origin, keys->origin) != 0)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint of another log");
    if (checkpoint.size != size || !ak_hash_equal(&checkpoint.root, root))
        return ak_fail(err, AK_EINTEGRITY,
                       "the entries found do not lead to the root of the signed checkpoint of size "
                       "%" PRIu64,
                       checkpoint.size);
    return AK_OK;
}

enum ak_code ak_keys_resume(struct ak_keys *keys, const void *note, size_t note_len,
                            const struct ak_range *range, struct ak_error *err)
{
    struct ak_hash root;
    enum ak_code rc = ak_range_root(range, &root, err);

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
    keys->signed_range = *range;
    return AK_OK;
}

enum ak_code ak_keys_save(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char state[STATE_BYTES];
    struct ak_hash root;
    uint64_t size = keys->signed_range.end;
    enum ak_code rc;

    if (size <= keys->state_size)
        return AK_OK;
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
