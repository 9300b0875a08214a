/* epoch.c - start notes of epochs and the strict judgement of a log's checkpoint.
 *
 * A start note is text of eight lines and a proof, then two or three signature lines in one order.
 * What it claims about the list of keys is checked against the origin that it is read for; that the
 * log key in it is the trusted one is checked by comparing, never by believing. */
#include <akashi/epoch.h>

#include <akashi/base64.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char first_line[] = "akashi/epoch/v1";

enum ak_code ak_origin_check(const char *origin, size_t len, struct ak_error *err)
{
    uint8_t id[AK_EPOCH_PIN_BYTES];

    if (len > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "an origin has %zu bytes, at most %u are read", len,
                       AK_LOG_ORIGIN_BYTES_MAX);
    if (!ak_key_name_valid(origin, len))
        return ak_fail(err, AK_EMALFORMED,
                       "an origin holds white space, control characters, '+' or no UTF-8");
    if (len < AK_LOG_ID_CHARS + 2 || origin[len - AK_LOG_ID_CHARS - 1] != '/' ||
        ak_hex_decode(id, sizeof(id), origin + len - AK_LOG_ID_CHARS, AK_LOG_ID_CHARS, NULL) !=
            AK_OK)
        return ak_fail(err, AK_EMALFORMED,
                       "an origin does not end in '/' and 32 hexadecimal digits");
    return AK_OK;
}

const char *ak_origin_id(const char *origin)
{
    return origin + strlen(origin) - AK_LOG_ID_CHARS;
}

static enum ak_code epoch_key_make(struct ak_vkey *key, const char *origin, uint32_t epoch,
                                   const uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err)
{
    char name[AK_KEY_NAME_BYTES_MAX + 1];

    (void)snprintf(name, sizeof(name), "%s/epoch/%" PRIu32, origin, epoch);
    return ak_vkey_make(key, name, pk, err);
}

static bool read_hash(struct ak_text line, struct ak_hash *hash)
{
    size_t n;

    return ak_base64_decode(hash->b, AK_HASH_BYTES, &n, line.p, line.len, NULL) == AK_OK &&
           n == AK_HASH_BYTES;
}

static bool line_is(struct ak_text line, const char *text)
{
    return line.len == strlen(text) && memcmp(line.p, text, line.len) == 0;
}

/* The hashes behind the public key, to the end of the text. */
static enum ak_code read_proof(struct ak_epoch_note *epoch, struct ak_text rest,
                               struct ak_error *err)
{
    struct ak_text line;

    epoch->proof_count = 0;
    while (ak_text_line(&rest, &line)) {
        if (epoch->proof_count == AK_PROOF_HASHES_MAX)
            return ak_fail(err, AK_EMALFORMED, "a start note's proof has too many hashes");
        if (!read_hash(line, &epoch->proof[epoch->proof_count++]))
            return ak_fail(err, AK_EMALFORMED, "a start note's proof holds what is no hash");
    }
    if (rest.len > 0)
        return ak_fail(err, AK_EMALFORMED, "a start note's last line is not ended");
    return AK_OK;
}

static enum ak_code read_text(struct ak_epoch_note *epoch, const struct ak_note *note,
                              const char *origin, struct ak_hash *public_key, struct ak_error *err)
{
    struct ak_text rest = {note->text, note->text_len};
    struct ak_text line[8];
    uint64_t number;
    uint64_t count;

    for (unsigned i = 0; i < 8; i++) {
        if (!ak_text_line(&rest, &line[i]))
            return ak_fail(err, AK_EMALFORMED, "a start note has too few lines");
    }
    if (!line_is(line[0], first_line))
        return ak_fail(err, AK_EMALFORMED, "a start note does not begin with %s", first_line);
    if (!line_is(line[1], origin))
        return ak_fail(err, AK_EMALFORMED, "a start note is of another log");
    if (!ak_text_decimal(line[6], AK_EPOCHS_MAX, &count) || count == 0)
        return ak_fail(err, AK_EMALFORMED, "a start note's list of keys has no possible length");
    if (!ak_text_decimal(line[2], count - 1, &number))
        return ak_fail(err, AK_EMALFORMED, "a start note's epoch is not in the list of keys");
    if (!ak_text_decimal(line[3], AK_TREE_SIZE_MAX, &epoch->index))
        return ak_fail(err, AK_EMALFORMED, "a start note's index is no number");
    if (!read_hash(line[4], &epoch->root) || !read_hash(line[7], public_key))
        return ak_fail(err, AK_EMALFORMED, "a start note's root or key is not base64 of 32 bytes");
    epoch->epoch = (uint32_t)number;
    epoch->epochs = (uint32_t)count;
    if (ak_vkey_parse(&epoch->log, line[5].p, line[5].len, err) != AK_OK)
        return ak_fail(err, AK_EMALFORMED, "a start note's log key is not a usable vkey");
    if (strcmp(epoch->log.name, origin) != 0)
        return ak_fail(err, AK_EMALFORMED, "a start note's log key is not named as the origin");
    return read_proof(epoch, rest, err);
}

/* The names of the lines, in the one order: epoch e-1, epoch e, log key. */
static enum ak_code check_lines(const struct ak_epoch_note *epoch, const struct ak_note *note,
                                struct ak_error *err)
{
    char before[AK_KEY_NAME_BYTES_MAX + 1];
    const char *name[3];
    unsigned n = 0;

    if (epoch->epoch > 0) {
        (void)snprintf(before, sizeof(before), "%s/epoch/%" PRIu32, epoch->origin,
                       epoch->epoch - 1);
        name[n++] = before;
    }
    name[n++] = epoch->key.name;
    name[n++] = epoch->log.name;
    if (note->count != n)
        return ak_fail(err, AK_EMALFORMED, "a start note has %u signature lines, it needs %u",
                       note->count, n);
    for (unsigned i = 0; i < n; i++) {
        if (!line_is((struct ak_text){note->sig[i].name, note->sig[i].name_len}, name[i]))
            return ak_fail(err, AK_EMALFORMED, "a start note's signature lines are not in order");
    }
    return AK_OK;
}

/* R9: the key is in the list that the origin pins. */
static enum ak_code check_pin(const struct ak_epoch_note *epoch, const struct ak_hash *public_key,
                              struct ak_error *err)
{
    struct ak_hash at;
    uint8_t pin[AK_EPOCH_PIN_BYTES];
    uint64_t index = epoch->epoch;
    uint64_t last = epoch->epochs - 1;
    unsigned used = 0;

    ak_hash_leaf(&at, public_key->b, AK_HASH_BYTES);
    /* RFC 9162 2.1.3.2, computing the root instead of comparing it: 16 bytes of it are known. */
    for (; last > 0; index >>= 1, last >>= 1) {
        if ((index & 1) == 1 || index < last) {
            if (used == epoch->proof_count)
                return ak_fail(err, AK_EMALFORMED, "a start note's proof is too short");
            if ((index & 1) == 1)
                ak_hash_node(&at, &epoch->proof[used], &at);
            else
                ak_hash_node(&at, &at, &epoch->proof[used]);
            used++;
        }
    }
    if (used != epoch->proof_count)
        return ak_fail(err, AK_EMALFORMED, "a start note's proof is too long");
    if (ak_hex_decode(pin, sizeof(pin), ak_origin_id(epoch->origin), AK_LOG_ID_CHARS, err) != AK_OK)
        return AK_EMALFORMED;
    if (memcmp(pin, at.b, sizeof(pin)) != 0)
        return ak_fail(err, AK_EINTEGRITY,
                       "the key of epoch %" PRIu32 " is not in the list that the origin pins (R9)",
                       epoch->epoch);
    return AK_OK;
}

static enum ak_code parse(struct ak_epoch_note *epoch, struct ak_note *note, const void *data,
                          size_t len, const char *origin, struct ak_error *err)
{
    struct ak_hash public_key;
    enum ak_code rc;

    memset(epoch, 0, sizeof(*epoch));
    rc = ak_origin_check(origin, strlen(origin), err);
    if (rc != AK_OK)
        return rc;
    (void)snprintf(epoch->origin, sizeof(epoch->origin), "%s", origin);
    if (len > AK_EPOCH_NOTE_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "a start note has %zu bytes, at most %u are read", len,
                       AK_EPOCH_NOTE_BYTES_MAX);
    rc = ak_note_parse(note, data, len, err);
    if (rc == AK_OK)
        rc = read_text(epoch, note, origin, &public_key, err);
    if (rc == AK_OK)
        rc = epoch_key_make(&epoch->key, origin, epoch->epoch, public_key.b, err);
    if (rc == AK_OK)
        rc = check_lines(epoch, note, err);
    if (rc == AK_OK)
        rc = check_pin(epoch, &public_key, err);
    return rc;
}

enum ak_code ak_epoch_note_parse(struct ak_epoch_note *epoch, const void *data, size_t len,
                                 const char *origin, struct ak_error *err)
{
    struct ak_note note;

    return parse(epoch, &note, data, len, origin, err);
}

enum ak_code ak_epoch_note_verify(struct ak_epoch_note *epoch, const void *data, size_t len,
                                  const struct ak_vkey *log_key, const struct ak_vkey *previous,
                                  struct ak_error *err)
{
    struct ak_vkey keys[3];
    bool verified[3];
    struct ak_note note;
    size_t n = 0;
    enum ak_code rc = parse(epoch, &note, data, len, log_key->name, err);

    if (rc != AK_OK)
        return rc;
    if (memcmp(epoch->log.key, log_key->key, sizeof(log_key->key)) != 0)
        return ak_fail(err, AK_EKEY, "the start note names another log key than the trusted one");
    keys[n++] = *log_key;
    keys[n++] = epoch->key;
    if (epoch->epoch > 0 && previous != NULL)
        keys[n++] = *previous;
    rc = ak_note_verify(&note, keys, n, verified, err);
    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        if (!verified[i])
            rc = ak_fail(err, AK_ESIGNATURE, "a start note is not signed by %s", keys[i].name);
    }
    return rc;
}

static enum ak_code check_checkpoint(const struct ak_vkey *log_key, const struct ak_checkpoint *cp,
                                     struct ak_error *err)
{
    if (strcmp(cp->origin, log_key->name) != 0)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint is of another log");
    if (cp->size == 0)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint of size 0 is never signed (R6)");
    return AK_OK;
}

enum ak_code ak_log_checkpoint_verify(const struct ak_vkey *log_key,
                                      const struct ak_vkey *epoch_key, const void *data, size_t len,
                                      struct ak_log_checkpoint *out, struct ak_error *err)
{
    struct ak_vkey keys[2];
    bool verified[2] = {false, false};
    struct ak_note note;
    size_t n = epoch_key == NULL ? 1 : 2;
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    rc = ak_note_parse(&note, data, len, err);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&out->checkpoint, note.text, note.text_len, false, err);
    if (rc == AK_OK)
        rc = check_checkpoint(log_key, &out->checkpoint, err);
    if (rc != AK_OK)
        return rc;
    keys[0] = *log_key;
    if (epoch_key != NULL)
        keys[1] = *epoch_key;
    rc = ak_note_verify(&note, keys, n, verified, err);
    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (!verified[i])
            return ak_fail(err, AK_EKEY, "a checkpoint is not signed by %s (R6)", keys[i].name);
    }
    out->unknown = note.count - (unsigned)n;
    return AK_OK;
}

bool ak_note_has_other_epoch(const void *data, size_t len, const char *origin, uint32_t epoch)
{
    struct ak_note note;

    if (ak_note_parse(&note, data, len, NULL) != AK_OK)
        return false;
    for (unsigned i = 0; i < note.count; i++) {
        struct ak_text name = {note.sig[i].name, note.sig[i].name_len};
        uint64_t e;
        if (ak_text_skip(&name, origin) && ak_text_skip(&name, "/epoch/") &&
            ak_text_decimal(name, AK_EPOCHS_MAX - 1, &e) && e != epoch)
            return true;
    }
    return false;
}
