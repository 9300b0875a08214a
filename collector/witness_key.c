/* witness_key.c - the secret of a witness. */
#include "witness_key.h"

#include "disk.h"

#include <akashi/base64.h>
#include <akashi/cosignature.h>
#include <akashi/locked.h>
#include <akashi/sha256.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_BYTES     crypto_sign_SEEDBYTES
#define PREFIX         "PRIVATE+KEY+"
#define FILE_BYTES_MAX (sizeof(PREFIX) + AK_KEY_NAME_BYTES_MAX + 1 + 8 + 1 + 44 + 1)

/* "cosignature/v1\ntime N\n" with the longest N and a NUL. */
#define COSIGNED_HEAD_BYTES 48u

struct secrets {
    uint8_t encoding[1 + SEED_BYTES];
    uint8_t signing[crypto_sign_SECRETKEYBYTES];
    char line[FILE_BYTES_MAX + 2];
};

struct ak_witness_key {
    struct secrets *secrets;
    struct ak_vkey vkey;
};

static enum ak_code key_new(struct ak_witness_key **out, struct ak_error *err)
{
    struct ak_witness_key *key = calloc(1, sizeof(*key));
    void *secrets;
    enum ak_code rc;

    *out = NULL;
    if (key == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a key");
    rc = ak_locked_new(&secrets, sizeof(*key->secrets), err);
    if (rc != AK_OK) {
        free(key);
        return rc;
    }
    key->secrets = secrets;
    *out = key;
    return AK_OK;
}

void ak_witness_key_free(struct ak_witness_key *key)
{
    if (key == NULL)
        return;
    ak_locked_free(key->secrets);
    free(key);
}

const struct ak_vkey *ak_witness_key_vkey(const struct ak_witness_key *key)
{
    return &key->vkey;
}

/* Both halves from the type and seed in secrets->encoding. */
static enum ak_code set_pair(struct ak_witness_key *key, const char *name, struct ak_error *err)
{
    uint8_t hashed[AK_KEY_NAME_BYTES_MAX + 2 + AK_ED25519_KEY_BYTES];
    uint8_t pk[AK_ED25519_KEY_BYTES];
    struct ak_hash hash;
    size_t n;
    enum ak_code rc;

    (void)crypto_sign_seed_keypair(pk, key->secrets->signing, key->secrets->encoding + 1);
    rc = ak_vkey_make(&key->vkey, name, pk, err); /* of another type: the checks are the same */
    if (rc != AK_OK)
        return rc;
    n = strlen(name);
    memcpy(hashed, name, n);
    hashed[n++] = '\n';
    hashed[n++] = AK_VKEY_COSIGNATURE;
    memcpy(hashed + n, pk, sizeof(pk));
    ak_sha256(&hash, hashed, n + sizeof(pk));
    key->vkey.type = AK_VKEY_COSIGNATURE;
    key->vkey.id = (uint32_t)hash.b[0] << 24 | (uint32_t)hash.b[1] << 16 |
                   (uint32_t)hash.b[2] << 8 | hash.b[3];
    return AK_OK;
}

static enum ak_code write_file(struct ak_witness_key *key, int dir_fd, const char *name,
                               struct ak_error *err)
{
    struct secrets *s = key->secrets;
    enum ak_code rc;
    int fd;
    int n = snprintf(s->line, sizeof(s->line), PREFIX "%s+%08" PRIx32 "+", key->vkey.name,
                     key->vkey.id);

    n += (int)ak_base64_encode(s->line + n, sizeof(s->line) - (size_t)n - 1, s->encoding,
                               sizeof(s->encoding));
    s->line[n++] = '\n';
    rc = ak_disk_create(dir_fd, name, 0600, &fd, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_disk_write(fd, s->line, (size_t)n, err);
    if (rc == AK_OK)
        rc = ak_disk_sync(fd, err);
    if (close(fd) != 0 && rc == AK_OK)
        rc = ak_fail_errno(err, errno, "close the key file");
    if (rc == AK_OK)
        rc = ak_disk_sync_dir(dir_fd, err);
    sodium_memzero(s->line, sizeof(s->line));
    return rc;
}

enum ak_code ak_witness_key_make(struct ak_witness_key **out, int dir_fd, const char *name,
                                 const char *witness, struct ak_error *err)
{
    enum ak_code rc = key_new(out, err);

    if (rc != AK_OK)
        return rc;
    (*out)->secrets->encoding[0] = AK_VKEY_COSIGNATURE;
    randombytes_buf((*out)->secrets->encoding + 1, SEED_BYTES);
    rc = set_pair(*out, witness, err);
    if (rc == AK_OK)
        rc = write_file(*out, dir_fd, name, err);
    if (rc != AK_OK) {
        ak_witness_key_free(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- loading */

static enum ak_code damaged(struct ak_error *err)
{
    return ak_fail(err, AK_EKEY,
                   "it is not the line that `akashi-collector witness --init` wrote: bring back "
                   "the file as it was; without it make a new witness, under a new name");
}

static enum ak_code parse_line(struct ak_witness_key *key, char *line, size_t len,
                               struct ak_error *err)
{
    char name[AK_KEY_NAME_BYTES_MAX + 1];
    char *at = line + strlen(PREFIX);
    char *end = line + len;
    char *plus;
    uint8_t id[4];
    size_t n;
    enum ak_code rc;

    if (len <= strlen(PREFIX) || memcmp(line, PREFIX, strlen(PREFIX)) != 0)
        return damaged(err);
    plus = memchr(at, '+', (size_t)(end - at));
    if (plus == NULL || !ak_key_name_valid(at, (size_t)(plus - at)))
        return damaged(err);
    memcpy(name, at, (size_t)(plus - at));
    name[plus - at] = '\0';
    at = plus + 1;
    if (end - at < 10 || at[8] != '+' || ak_hex_decode(id, sizeof(id), at, 8, NULL) != AK_OK ||
        ak_base64_decode(key->secrets->encoding, sizeof(key->secrets->encoding), &n, at + 9,
                         (size_t)(end - at) - 9, NULL) != AK_OK ||
        n != sizeof(key->secrets->encoding) || key->secrets->encoding[0] != AK_VKEY_COSIGNATURE)
        return damaged(err);
    rc = set_pair(key, name, err);
    if (rc == AK_OK && key->vkey.id != ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
                                        (uint32_t)id[2] << 8 | id[3]))
        rc = damaged(err);
    return rc;
}

/* The bytes of the file, into locked memory. */
static enum ak_code read_line(struct ak_witness_key *key, int dir_fd, const char *name, size_t *len,
                              struct ak_error *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    ssize_t n = 0;
    enum ak_code rc = AK_OK;

    if (fd < 0)
        return ak_fail_errno(err, errno, "open it");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = ak_fail(err, AK_EKEY, "it is not a regular file");
    else if ((st.st_mode & 077) != 0)
        rc = ak_fail(err, AK_EKEY,
                     "it can be read by others than its owner (mode %04o). See who had access; "
                     "then chmod 0600 it, or make a new witness",
                     (unsigned)st.st_mode & 07777u);
    else
        n = read(fd, key->secrets->line, sizeof(key->secrets->line) - 1);
    if (rc == AK_OK && n < 0)
        rc = ak_fail_errno(err, errno, "read it");
    (void)close(fd);
    *len = n > 0 ? (size_t)n : 0;
    return rc;
}

enum ak_code ak_witness_key_load(struct ak_witness_key **out, int dir_fd, const char *name,
                                 struct ak_error *err)
{
    size_t len = 0;
    enum ak_code rc = key_new(out, err);

    if (rc == AK_OK)
        rc = read_line(*out, dir_fd, name, &len, err);
    if (rc == AK_OK && (len == 0 || (*out)->secrets->line[len - 1] != '\n'))
        rc = damaged(err);
    if (rc == AK_OK)
        rc = parse_line(*out, (*out)->secrets->line, len - 1, err);
    if (rc == AK_OK) {
        sodium_memzero((*out)->secrets->line, sizeof((*out)->secrets->line));
        return AK_OK;
    }
    ak_wrap(err, "the witness's key %s", name);
    ak_witness_key_free(*out);
    *out = NULL;
    return rc;
}

/* ---- cosigning */

enum ak_code ak_witness_key_cosign(const struct ak_witness_key *key, const char *text, size_t len,
                                   uint64_t time, char *out, size_t *n, struct ak_error *err)
{
    char head[COSIGNED_HEAD_BYTES];
    uint8_t line[4 + AK_COSIGNATURE_BYTES];
    char base64[AK_BASE64_CHARS(sizeof(line)) + 1];
    char *message;
    int head_len;

    *n = 0;
    if (time == 0 || time > AK_COSIGNATURE_TIME_MAX)
        return ak_fail(err, AK_EUSAGE, "this machine's clock tells no time that can be stated");
    head_len = snprintf(head, sizeof(head), "cosignature/v1\ntime %" PRIu64 "\n", time);
    message = malloc((size_t)head_len + len);
    if (message == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to cosign");
    memcpy(message, head, (size_t)head_len);
    memcpy(message + head_len, text, len);
    for (unsigned i = 0; i < 4; i++)
        line[i] = (uint8_t)(key->vkey.id >> (24 - 8 * i));
    for (unsigned i = 0; i < 8; i++)
        line[4 + i] = (uint8_t)(time >> (56 - 8 * i));
    (void)crypto_sign_detached(line + 12, NULL, (const uint8_t *)message, (size_t)head_len + len,
                               key->secrets->signing);
    free(message);
    (void)ak_base64_encode(base64, sizeof(base64), line, sizeof(line));
    *n = (size_t)snprintf(out, AK_WITNESS_LINE_BYTES_MAX, "\u2014 %s %s\n", key->vkey.name, base64);
    return AK_OK;
}
