/* keys.c - secret keys of one log: making and loading.
 *
 * Seeds and secret keys live in sodium_malloc memory (locked, guarded, wiped when freed) and in
 * files that only their owner reads. What signs with them is keys_sign.c; how one epoch's key gives
 * way to the next is keys_rotate.c. */
#include "clock.h"
#include "disk.h"
#include "keys_private.h"
#include "keys_source.h"
#include "keys_token.h"
#include "successor_mark.h"

#include <akashi/base64.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_BYTES (8u + AK_HASH_BYTES)
#define NEXT_PREFIX "akashi/epoch-next/v1\n"
#define KEY_PREFIX  "akashi/epoch-key/v1\n"
#define NOTE_BYTES  AK_EPOCH_NOTE_BYTES_MAX

static_assert(sizeof(NEXT_PREFIX) <= AK_KEY_PREFIX_BYTES, "prefix and seed fit into one buffer");

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static bool sodium_ready;

static void start_sodium(void)
{
    sodium_ready = sodium_init() >= 0;
}

enum ak_code ak_keys_new(bool secret, struct ak_keys **out, struct ak_error *err)
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
    *out = keys;
    if (!secret)
        return AK_OK;
    keys->secrets = sodium_malloc(sizeof(*keys->secrets));
    if (keys->secrets == NULL) {
        free(keys);
        *out = NULL;
        return ak_fail(err, AK_ENOMEM, "no locked memory for keys: raise RLIMIT_MEMLOCK");
    }
    sodium_memzero(keys->secrets, sizeof(*keys->secrets));
    return AK_OK;
}

void ak_keys_free(struct ak_keys *keys)
{
    if (keys == NULL)
        return;
    if (keys->channel != NULL)
        ak_keys_remote_forget(keys);
    ak_token_close(keys->token);
    sodium_free(keys->secrets);
    if (keys->dir_fd >= 0)
        (void)close(keys->dir_fd);
    ak_epoch_list_unref(keys->list);
    free(keys->start);
    free(keys->ending);
    free(keys);
}

/* H(prefix || seed) into `out`, which may be the seed. */
static void derive(struct ak_secrets *secrets, const char *prefix, const unsigned char *seed,
                   unsigned char *out)
{
    size_t n = strlen(prefix);
    struct ak_hash hash;

    memcpy(secrets->hashed, prefix, n);
    memcpy(secrets->hashed + n, seed, AK_SEED_BYTES);
    ak_sha256(&hash, secrets->hashed, n + AK_SEED_BYTES);
    memcpy(out, hash.b, AK_SEED_BYTES);
    sodium_memzero(&hash, sizeof(hash));
}

void ak_keys_next_seed(struct ak_secrets *secrets, const unsigned char *seed, unsigned char *out)
{
    derive(secrets, NEXT_PREFIX, seed, out);
}

void ak_keys_epoch_pair(struct ak_secrets *secrets, const unsigned char *seed, uint8_t *pk,
                        unsigned char *sk)
{
    derive(secrets, KEY_PREFIX, seed, secrets->work);
    (void)crypto_sign_seed_keypair(pk, sk, secrets->work);
    sodium_memzero(secrets->work, sizeof(secrets->work));
}

/* All public keys, from seed_0 (5.1); malloc'ed. Leaves secrets->epoch_sk undefined. */
static uint8_t *make_list(struct ak_secrets *secrets, uint32_t epochs)
{
    uint8_t *pub = malloc((size_t)AK_ED25519_KEY_BYTES * epochs);
    unsigned char *seed = sodium_malloc(AK_SEED_BYTES);

    if (pub == NULL || seed == NULL) {
        free(pub);
        sodium_free(seed);
        return NULL;
    }
    memcpy(seed, secrets->epoch_seed, AK_SEED_BYTES);
    for (uint32_t e = 0; e < epochs; e++) {
        ak_keys_epoch_pair(secrets, seed, pub + (size_t)AK_ED25519_KEY_BYTES * e,
                           secrets->epoch_sk);
        ak_keys_next_seed(secrets, seed, seed);
    }
    sodium_free(seed);
    return pub;
}

enum ak_code ak_keys_take_epoch(struct ak_keys *keys, struct ak_error *err)
{
    uint8_t pk[AK_ED25519_KEY_BYTES];
    enum ak_code rc =
        ak_epoch_list_vkey(keys->list, keys->origin, keys->epoch, &keys->running, err);

    if (rc != AK_OK)
        return rc;
    ak_keys_epoch_pair(keys->secrets, keys->secrets->epoch_seed, pk, keys->secrets->epoch_sk);
    if (memcmp(pk, keys->running.key, sizeof(pk)) != 0)
        return ak_fail(err, AK_EKEY,
                       "epoch.seed is not the seed of epoch %u of this log: bring back the file "
                       "that was made with epoch.pub",
                       keys->epoch);
    return AK_OK;
}

/* Both public keys with their names, from the secrets and the list. */
static enum ak_code name_keys(struct ak_keys *keys, struct ak_error *err)
{
    uint8_t pk[AK_ED25519_KEY_BYTES];
    enum ak_code rc;

    if (keys->token != NULL)
        memcpy(pk, keys->token_pk, sizeof(pk));
    else
        (void)crypto_sign_seed_keypair(pk, keys->secrets->log_sk, keys->secrets->log_seed);
    rc = ak_vkey_make(&keys->log, keys->origin, pk, err);
    return rc == AK_OK ? ak_keys_take_epoch(keys, err) : rc;
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

void ak_keys_pack_epoch(unsigned char *out, uint32_t epoch, const unsigned char *seed)
{
    pack_uint(out, epoch, 4);
    memcpy(out + 4, seed, AK_SEED_BYTES);
}

/* The files of a new log. */
static enum ak_code write_files(struct ak_keys *keys, const char *source, const char *mark,
                                struct ak_error *err)
{
    unsigned char *epoch = keys->secrets->hashed; /* locked memory; large enough */
    unsigned char state[STATE_BYTES] = {0};
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_hash empty;
    enum ak_code rc;

    ak_keys_pack_epoch(epoch, keys->epoch, keys->secrets->epoch_seed);
    ak_hash_empty(&empty);
    memcpy(state + 8, empty.b, AK_HASH_BYTES);
    (void)ak_vkey_format(vkey, sizeof(vkey), &keys->log);
    rc = mark == NULL ? AK_OK
                      : ak_disk_put(keys->dir_fd, AK_SUCCESSOR_MARK_FILE ".new", keys->dir_fd,
                                    AK_SUCCESSOR_MARK_FILE, 0400, mark, strlen(mark), err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "log.vkey", 0400, vkey, strlen(vkey), err);
    if (rc == AK_OK && source != NULL)
        rc = put_new(keys->dir_fd, "log.source", 0400, source, strlen(source), err);
    else if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "log.key", 0400, keys->secrets->log_seed, AK_SEED_BYTES, err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "epoch.seed", 0400, epoch, AK_EPOCH_SEED_BYTES, err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "epoch.pub", 0400, ak_epoch_list_keys(keys->list),
                     (size_t)AK_ED25519_KEY_BYTES * ak_epoch_list_count(keys->list), err);
    if (rc == AK_OK)
        rc = put_new(keys->dir_fd, "state", 0600, state, sizeof(state), err);
    if (rc == AK_OK)
        rc = ak_disk_sync_dir(keys->dir_fd, err);
    keys->state_root = empty;
    keys->state_time = keys->epoch_time = ak_clock_wall();
    return rc;
}

/* Seeds, list and origin, in memory. */
static enum ak_code make_keys(struct ak_keys *keys, const char *name, uint32_t epochs,
                              const unsigned char *seed, const char *source, struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];
    uint8_t *pub;
    enum ak_code rc;

    if (seed != NULL) {
        memcpy(keys->secrets->log_seed, seed, AK_SEED_BYTES);
        memcpy(keys->secrets->epoch_seed, seed + AK_SEED_BYTES, AK_SEED_BYTES);
    } else {
        randombytes_buf(keys->secrets->log_seed, AK_SEED_BYTES);
        randombytes_buf(keys->secrets->epoch_seed, AK_SEED_BYTES);
    }
    rc = source != NULL ? ak_keys_source_open(keys, source, err) : AK_OK;
    if (rc != AK_OK)
        return rc;
    pub = make_list(keys->secrets, epochs);
    if (pub == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for %u epoch keys", epochs);
    rc = ak_epoch_list_new(pub, epochs, &keys->list, err);
    if (rc != AK_OK)
        return rc;
    ak_epoch_list_id(keys->list, id);
    (void)snprintf(keys->origin, sizeof(keys->origin), "%s/%s", name, id);
    return name_keys(keys, err);
}

enum ak_code ak_keys_make(int keys_dir_fd, const char *name, uint32_t epochs,
                          const unsigned char *seed, char *origin, struct ak_keys **out,
                          struct ak_error *err)
{
    return ak_keys_make_from(keys_dir_fd, name, epochs, seed, NULL, NULL, origin, out, err);
}

enum ak_code ak_keys_make_from(int keys_dir_fd, const char *name, uint32_t epochs,
                               const unsigned char *seed, const char *source, const char *mark,
                               char *origin, struct ak_keys **out, struct ak_error *err)
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
    rc = ak_keys_new(true, &keys, err);
    if (rc != AK_OK)
        return rc;
    rc = make_keys(keys, name, epochs, seed, source, err);
    if (rc == AK_OK)
        rc = ak_disk_mkdir(keys_dir_fd, keys->origin + len + 1, 0700, &keys->dir_fd, err);
    if (rc == AK_OK)
        rc = write_files(keys, source, mark, err);
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
                              unsigned char **data, size_t *len, uint64_t *mtime,
                              struct ak_error *err)
{
    mode_t mode;
    enum ak_code rc = ak_disk_read(keys->dir_fd, name, max, data, len, &mode, mtime, err);

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
                               size_t want, uint64_t *mtime, struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    enum ak_code rc = read_file(keys, name, want, &data, &len, mtime, err);

    if (rc != AK_OK)
        return rc;
    assert(data != NULL);
    if (len == want)
        memcpy(out, data, want);
    sodium_memzero(data, len);
    free(data);
    if (len != want)
        return ak_fail(err, AK_EKEY, "%s has %zu bytes, it must have %zu: bring back a good copy",
                       name, len, want);
    return AK_OK;
}

enum ak_code ak_keys_load_list(struct ak_keys *keys, struct ak_error *err)
{
    const char *want = keys->origin + strlen(keys->origin) - AK_LOG_ID_CHARS;
    char id[AK_LOG_ID_CHARS + 1] = "";
    unsigned char *pub;
    size_t len;
    enum ak_code rc = read_file(keys, "epoch.pub", (size_t)AK_EPOCHS_MAX * AK_ED25519_KEY_BYTES,
                                &pub, &len, NULL, err);

    if (rc != AK_OK)
        return rc;
    if (len == 0 || len % AK_ED25519_KEY_BYTES != 0) {
        free(pub);
    } else {
        rc = ak_epoch_list_new(pub, (uint32_t)(len / AK_ED25519_KEY_BYTES), &keys->list, err);
        if (rc != AK_OK)
            return rc;
        ak_epoch_list_id(keys->list, id);
    }
    if (strcmp(id, want) == 0)
        return AK_OK;
    return ak_fail(err, AK_EKEY,
                   "epoch.pub is not the list of keys that the origin names: bring back a good "
                   "copy");
}

enum ak_code ak_keys_load_state(struct ak_keys *keys, struct ak_error *err)
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

/* A start note that lies beside the keys; `*note` is NULL if there is none, or one of an epoch that
 * is over. */
static enum ak_code load_note(const struct ak_keys *keys, const char *name, uint32_t epoch,
                              char **note, size_t *len, uint64_t *index, struct ak_error *err)
{
    struct ak_epoch_note parsed;
    unsigned char *data;
    enum ak_code rc = ak_disk_read(keys->dir_fd, name, NOTE_BYTES, &data, len, NULL, NULL, err);

    *note = NULL;
    if (rc != AK_OK)
        return rc == AK_ENOTFOUND ? AK_OK : rc;
    rc = ak_epoch_note_verify(&parsed, data, *len, &keys->log, NULL, err);
    if (rc == AK_OK && parsed.epoch == epoch) {
        *note = (char *)data;
        *index = parsed.index;
        return AK_OK;
    }
    free(data);
    if (rc == AK_OK && parsed.epoch < epoch)
        return AK_OK;
    return ak_fail(err, AK_EKEY,
                   "%s is not a start note of these keys: bring back the newest copy of the keys' "
                   "directory",
                   name);
}

/* A key from elsewhere must be the one that the log was made with. */
static enum ak_code same_key(const struct ak_keys *keys, struct ak_error *err)
{
    struct ak_vkey vkey;
    enum ak_code rc = ak_keys_pinned(keys->dir_fd, &vkey, err);

    if (rc == AK_ENOTFOUND)
        return AK_OK; /* made before there was such a file */
    if (rc != AK_OK || memcmp(vkey.key, keys->log.key, sizeof(vkey.key)) == 0)
        return rc;
    return ak_fail(err, AK_EKEY,
                   "the log key that was found is not the log's, as log.vkey has it: nothing is "
                   "signed with it");
}

static enum ak_code load_log_key(struct ak_keys *keys, struct ak_error *err)
{
    char source[AK_KEY_SOURCE_BYTES_MAX];
    enum ak_code rc = ak_keys_source_read(keys->dir_fd, source, err);

    if (rc != AK_OK)
        return rc;
    if (source[0] != '\0')
        return ak_keys_source_open(keys, source, err);
    return read_fixed(keys, "log.key", keys->secrets->log_seed, AK_SEED_BYTES, NULL, err);
}

/* The keys of a successor that waits sign nothing, whoever asks. */
static enum ak_code check_mark(const struct ak_keys *keys, struct ak_error *err)
{
    struct ak_successor_mark mark;
    enum ak_code rc = ak_successor_mark_read(keys->dir_fd, &mark, err);

    if (rc != AK_OK || (mark.state != AK_SUCCESSOR_MAKING && mark.state != AK_SUCCESSOR_WAITING))
        return rc;
    return ak_fail(err, AK_EKEY,
                   "these keys are those of a successor that waits for akashi-collector succeed: "
                   "nothing is signed with them");
}

static enum ak_code load(struct ak_keys *keys, struct ak_error *err)
{
    unsigned char *epoch = keys->secrets->hashed;
    uint64_t index;
    enum ak_code rc = ak_keys_revoked(keys, err);

    if (rc == AK_OK)
        rc = check_mark(keys, err);
    if (rc == AK_OK)
        rc = ak_keys_load_list(keys, err);
    if (rc == AK_OK)
        rc = load_log_key(keys, err);
    if (rc == AK_OK)
        rc = read_fixed(keys, "epoch.seed", epoch, AK_EPOCH_SEED_BYTES, &keys->epoch_time, err);
    if (rc != AK_OK)
        return rc;
    keys->epoch = (uint32_t)unpack_uint(epoch, 4);
    memcpy(keys->secrets->epoch_seed, epoch + 4, AK_SEED_BYTES);
    if (keys->epoch >= ak_epoch_list_count(keys->list))
        return ak_fail(err, AK_EKEY, "epoch.seed speaks of epoch %u, the log has %u", keys->epoch,
                       ak_epoch_list_count(keys->list));
    rc = name_keys(keys, err);
    if (rc == AK_OK)
        rc = same_key(keys, err);
    if (rc == AK_OK)
        rc =
            load_note(keys, "epoch.note", keys->epoch, &keys->start, &keys->start_len, &index, err);
    if (rc == AK_OK)
        rc = load_note(keys, "epoch.next", keys->epoch + 1, &keys->ending, &keys->ending_len,
                       &keys->ending_index, err);
    return rc == AK_OK ? ak_keys_load_state(keys, err) : rc;
}

enum ak_code ak_keys_open(struct ak_keys *keys, int keys_dir_fd, const char *origin,
                          struct ak_error *err)
{
    size_t len = strlen(origin);

    if (len < AK_LOG_ID_CHARS + 2 || len > AK_LOG_ORIGIN_BYTES_MAX ||
        origin[len - AK_LOG_ID_CHARS - 1] != '/' || strchr(origin + len - AK_LOG_ID_CHARS, '/'))
        return ak_fail(err, AK_EUSAGE, "%s is no origin of a log", origin);
    memcpy(keys->origin, origin, len + 1);
    keys->dir_fd = openat(keys_dir_fd, origin + len - AK_LOG_ID_CHARS,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return keys->dir_fd >= 0 ? AK_OK : ak_fail_errno(err, errno, "could not open the directory");
}

enum ak_code ak_keys_load_by(int keys_dir_fd, const char *origin, bool secret,
                             ak_keys_load_fn load_parts, struct ak_keys **out, struct ak_error *err)
{
    struct ak_keys *keys;
    enum ak_code rc = ak_keys_new(secret, &keys, err);

    *out = NULL;
    if (rc != AK_OK)
        return rc;
    rc = ak_keys_open(keys, keys_dir_fd, origin, err);
    if (rc == AK_OK)
        rc = load_parts(keys, err);
    if (rc != AK_OK) {
        if (keys->origin[0] != '\0')
            ak_wrap(err, "keys/%s", keys->origin + strlen(keys->origin) - AK_LOG_ID_CHARS);
        ak_keys_free(keys);
        return rc;
    }
    *out = keys;
    return AK_OK;
}

enum ak_code ak_keys_load(int keys_dir_fd, const char *origin, struct ak_keys **out,
                          struct ak_error *err)
{
    return ak_keys_load_by(keys_dir_fd, origin, true, load, out, err);
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

struct ak_epoch_list *ak_keys_list(const struct ak_keys *keys)
{
    return keys->list;
}

uint32_t ak_keys_epoch_number(const struct ak_keys *keys)
{
    return keys->epoch;
}

uint64_t ak_keys_state_time(const struct ak_keys *keys)
{
    return keys->state_time;
}

uint64_t ak_keys_epoch_time(const struct ak_keys *keys)
{
    return keys->epoch_time;
}
