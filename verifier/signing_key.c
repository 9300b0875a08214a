/* signing_key.c - private keys of people: made, kept in a file, and used to sign notes.
 *
 * Happy path: the line of a key file is read into locked memory, taken apart there, and the seed
 * gives the key pair; a note's text is signed, and the note is judged like anybody's before it is
 * given out. Nothing of a seed passes through stdio or ordinary memory. */
#include <akashi/signing_key.h>

#include <akashi/base64.h>
#include <akashi/epoch.h>
#include <akashi/locked.h>

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_BYTES crypto_sign_SEEDBYTES
#define FILE_MODE  0600
#define PREFIX     "PRIVATE+KEY+"

/* What must never leave this process; in locked memory. */
struct secrets {
    uint8_t encoding[1 + SEED_BYTES]; /* type and seed, as the file has them */
    uint8_t signing[crypto_sign_SECRETKEYBYTES];
    char line[AK_SIGNING_KEY_FILE_BYTES_MAX + 2]; /* the file while it is read or written */
};

struct ak_signing_key {
    struct secrets *secrets;
    struct ak_vkey vkey;
};

static enum ak_code key_new(struct ak_signing_key **out, struct ak_error *err)
{
    struct ak_signing_key *key = calloc(1, sizeof(*key));
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

void ak_signing_key_free(struct ak_signing_key *key)
{
    if (key == NULL)
        return;
    ak_locked_free(key->secrets);
    free(key);
}

const struct ak_vkey *ak_signing_key_vkey(const struct ak_signing_key *key)
{
    return &key->vkey;
}

/* Whether a key of this name would be taken for that of a log or of its epochs. */
static bool is_of_log(const char *name)
{
    if (ak_origin_check(name, strlen(name), NULL) == AK_OK)
        return true;
    for (const char *at = strstr(name, "/epoch/"); at != NULL; at = strstr(at + 1, "/epoch/")) {
        if (ak_origin_check(name, (size_t)(at - name), NULL) == AK_OK)
            return true;
    }
    return false;
}

/* The key pair from type and seed in secrets->encoding. */
static enum ak_code set_pair(struct ak_signing_key *key, const char *name, struct ak_error *err)
{
    uint8_t pk[AK_ED25519_KEY_BYTES];

    if (is_of_log(name))
        return ak_fail(err, AK_EUSAGE,
                       "%s is the name of a log's key; a person's key has another one, as "
                       "agency.example/k.sato",
                       name);
    (void)crypto_sign_seed_keypair(pk, key->secrets->signing, key->secrets->encoding + 1);
    return ak_vkey_make(&key->vkey, name, pk, err);
}

enum ak_code ak_signing_key_make(struct ak_signing_key **out, const char *name,
                                 struct ak_error *err)
{
    enum ak_code rc = key_new(out, err);

    if (rc != AK_OK)
        return rc;
    (*out)->secrets->encoding[0] = AK_VKEY_ED25519;
    randombytes_buf((*out)->secrets->encoding + 1, SEED_BYTES);
    rc = set_pair(*out, name, err);
    if (rc != AK_OK) {
        ak_signing_key_free(*out);
        *out = NULL;
    }
    return rc;
}

static enum ak_code write_line(int fd, const char *line, size_t len, const char *path,
                               struct ak_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, line, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ak_fail_errno(err, n < 0 ? errno : EIO, "write %s", path);
        line += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0 && errno != EINVAL) /* not every file system can */
        return ak_fail_errno(err, errno, "write %s", path);
    return AK_OK;
}

/* Makes the name durable, as far as the file system can. */
static enum ak_code sync_directory(const char *path, struct ak_error *err)
{
    char *copy = strdup(path);
    enum ak_code rc = AK_OK;
    int fd;

    if (copy == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to write %s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        rc = ak_fail_errno(err, errno, "write the directory of %s", path);
    if (fd >= 0)
        (void)close(fd);
    free(copy);
    return rc;
}

enum ak_code ak_signing_key_save(const struct ak_signing_key *key, const char *path,
                                 struct ak_error *err)
{
    struct secrets *s = key->secrets;
    enum ak_code rc;
    int fd;
    int n = snprintf(s->line, sizeof(s->line), PREFIX "%s+%08x+", key->vkey.name, key->vkey.id);

    n += (int)ak_base64_encode(s->line + n, sizeof(s->line) - (size_t)n - 1, s->encoding,
                               sizeof(s->encoding));
    s->line[n++] = '\n';
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0 && errno == EEXIST)
        return ak_fail(err, AK_EEXIST,
                       "%s is there already, and a private key is never overwritten: choose "
                       "another name, or move that one away",
                       path);
    if (fd < 0)
        return ak_fail_errno(err, errno, "write %s", path);
    rc = write_line(fd, s->line, (size_t)n, path, err);
    if (close(fd) != 0 && rc == AK_OK)
        rc = ak_fail_errno(err, errno, "write %s", path);
    sodium_memzero(s->line, sizeof(s->line));
    if (rc == AK_OK)
        rc = sync_directory(path, err);
    if (rc != AK_OK)
        (void)unlink(path);
    return rc;
}

/* Takes what lies before the next '+' off `rest`, with the '+'. */
static bool take_field(struct ak_text *rest, struct ak_text *field)
{
    const char *plus = rest->len > 0 ? memchr(rest->p, '+', rest->len) : NULL;

    if (plus == NULL)
        return false;
    field->p = rest->p;
    field->len = (size_t)(plus - rest->p);
    rest->p = plus + 1;
    rest->len -= field->len + 1;
    return true;
}

static enum ak_code parse_line(struct ak_signing_key *key, struct ak_text line,
                               struct ak_error *err)
{
    char owner[AK_KEY_NAME_BYTES_MAX + 1];
    struct ak_text name;
    struct ak_text id;
    uint8_t stated[4];
    size_t n;
    enum ak_code rc;

    if (!ak_text_skip(&line, PREFIX) || !take_field(&line, &name) || !take_field(&line, &id) ||
        !ak_key_name_valid(name.p, name.len) ||
        ak_hex_decode(stated, sizeof(stated), id.p, id.len, NULL) != AK_OK ||
        ak_base64_decode(key->secrets->encoding, sizeof(key->secrets->encoding), &n, line.p,
                         line.len, NULL) != AK_OK ||
        n != sizeof(key->secrets->encoding) || key->secrets->encoding[0] != AK_VKEY_ED25519)
        return ak_fail(err, AK_EKEY,
                       "this is not the line of a private Ed25519 key as `akashi-verify key new` "
                       "writes it: bring back the file as it was");
    memcpy(owner, name.p, name.len);
    owner[name.len] = '\0';
    rc = set_pair(key, owner, err);
    if (rc == AK_OK && key->vkey.id != ((uint32_t)stated[0] << 24 | (uint32_t)stated[1] << 16 |
                                        (uint32_t)stated[2] << 8 | stated[3]))
        return ak_fail(err, AK_EKEY,
                       "the key ID in it is not that of its name and key: part of it was changed; "
                       "bring back the file as it was");
    return rc;
}

/* Opens what can be a key file and nothing else. */
static enum ak_code open_file(const char *path, int *fd, mode_t *mode, struct ak_error *err)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0)
        return ak_fail_errno(err, errno, "open it");
    if (fstat(*fd, &st) != 0)
        return ak_fail_errno(err, errno, "look at it");
    if (!S_ISREG(st.st_mode))
        return ak_fail(err, AK_EUSAGE,
                       "a private key is a regular file, as `akashi-verify key new` writes it");
    *mode = st.st_mode;
    return AK_OK;
}

/* Reads at most `cap` bytes. */
static enum ak_code read_bytes(int fd, char *data, size_t cap, size_t *len, struct ak_error *err)
{
    ssize_t n = 1;

    *len = 0;
    while (*len < cap && n != 0) {
        n = read(fd, data + *len, cap - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ak_fail_errno(err, errno, "read it");
        *len += (size_t)n;
    }
    return AK_OK;
}

static enum ak_code load(struct ak_signing_key *key, int fd, mode_t mode, struct ak_error *err)
{
    char *line = key->secrets->line;
    size_t len;
    enum ak_code rc = read_bytes(fd, line, AK_SIGNING_KEY_FILE_BYTES_MAX + 1, &len, err);

    if (rc != AK_OK)
        return rc;
    if (len < strlen(PREFIX) || memcmp(line, PREFIX, strlen(PREFIX)) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "this is no private key: what signs is the file that `akashi-verify key "
                       "new NAME -o FILE` writes, not a vkey and not a log's key");
    if ((mode & 077) != 0)
        return ak_fail(err, AK_EKEY,
                       "can be read by others than its owner (mode %04o): nothing is done with "
                       "it. See who had access; then chmod 0600 it, or make a new key",
                       (unsigned)mode & 07777u);
    if (line[len - 1] == '\n')
        len--;
    rc = parse_line(key, (struct ak_text){line, len}, err);
    sodium_memzero(line, sizeof(key->secrets->line));
    return rc;
}

enum ak_code ak_signing_key_load(struct ak_signing_key **out, const char *path,
                                 struct ak_error *err)
{
    mode_t mode = 0;
    int fd = -1;
    enum ak_code rc = key_new(out, err);

    if (rc == AK_OK)
        rc = open_file(path, &fd, &mode, err);
    if (rc == AK_OK)
        rc = load(*out, fd, mode, err);
    if (fd >= 0)
        (void)close(fd);
    if (rc != AK_OK) {
        ak_wrap(err, "%s", path);
        ak_signing_key_free(*out);
        *out = NULL;
    }
    return rc;
}

bool ak_signing_key_is_file(const char *path)
{
    char begin[sizeof(PREFIX) - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    size_t len = 0;
    bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
              read_bytes(fd, begin, sizeof(begin), &len, NULL) == AK_OK && len == sizeof(begin) &&
              memcmp(begin, PREFIX, len) == 0;

    if (fd >= 0)
        (void)close(fd);
    return is;
}

/* Appends the line for `text` to the `len` bytes in `out`, and judges the note that this makes. */
static enum ak_code sign(const struct ak_signing_key *key, const char *text, size_t text_len,
                         char *out, size_t cap, size_t len, size_t *n, struct ak_error *err)
{
    uint8_t sig[AK_ED25519_SIGNATURE_BYTES];
    struct ak_note note;
    bool verified;
    size_t line;
    enum ak_code rc;

    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)text, text_len, key->secrets->signing);
    line = ak_note_line(out + len, cap - len, &key->vkey, sig);
    if (line == 0)
        return ak_fail(err, AK_ELIMIT, "a note of %zu bytes and a signature is too long", len);
    rc = ak_note_parse(&note, out, len + line, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_note_verify(&note, &key->vkey, 1, &verified, err);
    if (rc != AK_OK)
        return ak_fail(err, AK_EIO,
                       "an own signature does not verify: memory or processor of this machine "
                       "fail; nothing was given out");
    *n = len + line;
    return AK_OK;
}

enum ak_code ak_signing_key_note(const struct ak_signing_key *key, const char *text, size_t len,
                                 char *out, size_t cap, size_t *n, struct ak_error *err)
{
    *n = 0;
    if (len == 0 || text[len - 1] != '\n' || !ak_text_is_note(text, len))
        return ak_fail(err, AK_EMALFORMED,
                       "what is signed is lines of UTF-8 without control characters");
    if (len > AK_NOTE_BYTES_MAX || len + 1 >= cap)
        return ak_fail(err, AK_ELIMIT, "a text of %zu bytes is too long to be signed", len);
    memmove(out, text, len);
    out[len] = '\n';
    return sign(key, out, len, out, cap, len + 1, n, err);
}

enum ak_code ak_signing_key_add(const struct ak_signing_key *key, const char *note, size_t len,
                                char *out, size_t cap, size_t *n, struct ak_error *err)
{
    struct ak_note parsed;
    enum ak_code rc = ak_note_parse(&parsed, note, len, err);

    *n = 0;
    if (rc != AK_OK)
        return rc;
    for (unsigned i = 0; i < parsed.count; i++) {
        if (parsed.sig[i].id == key->vkey.id && parsed.sig[i].name_len == strlen(key->vkey.name) &&
            memcmp(parsed.sig[i].name, key->vkey.name, parsed.sig[i].name_len) == 0)
            return ak_fail(err, AK_EEXIST, "%s has signed this already", key->vkey.name);
    }
    if (len >= cap)
        return ak_fail(err, AK_ELIMIT, "a note of %zu bytes and a signature is too long", len);
    memmove(out, note, len);
    return sign(key, out, parsed.text_len, out, cap, len, n, err);
}
