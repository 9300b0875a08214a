/* note.c - C2SP signed-note: split, read and judge.
 *
 * The happy path: all bytes are UTF-8 text, the last empty line divides text and signature lines,
 * each line reads, and each line of a known key verifies. Reading refuses whatever another reader
 * could read in another way; judging fails as a whole when one known key's line is wrong. */
#include <akashi/note.h>

#include <akashi/base64.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_ID_BYTES 4

static const char line_start[] = "\xe2\x80\x94 "; /* U+2014 and a space */

static uint32_t load_id(const uint8_t bytes[KEY_ID_BYTES])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whether the bytes could be a key's name; other than in own keys, no length is demanded: a line of
 * an unknown key is to be ignored, not judged. */
static bool name_reads(struct ak_text name)
{
    uint32_t code;

    if (name.len == 0)
        return false;
    while (name.len > 0) {
        size_t n = ak_text_character(name.p, name.len, &code);
        if (n == 0 || code == '+' || ak_text_is_space(code))
            return false;
        name.p += n;
        name.len -= n;
    }
    return true;
}

/* Key ID and, where it is short enough to be kept, the signature. */
static enum ak_code parse_signature(struct ak_note_signature *sig, struct ak_text base64,
                                    struct ak_error *err)
{
    uint8_t bytes[KEY_ID_BYTES + AK_NOTE_SIGNATURE_BYTES_KEPT];
    size_t n;
    enum ak_code rc = ak_base64_decode(NULL, 0, &n, base64.p, base64.len, err);

    if (rc != AK_OK)
        return rc;
    if (n <= KEY_ID_BYTES)
        return ak_fail(err, AK_EMALFORMED, "a signature line holds no signature");
    sig->base64 = base64.p;
    sig->base64_len = base64.len;
    sig->bytes = n - KEY_ID_BYTES;
    memset(sig->signature, 0, sizeof(sig->signature));
    if (n <= sizeof(bytes)) {
        rc = ak_base64_decode(bytes, sizeof(bytes), &n, base64.p, base64.len, err);
        memcpy(sig->signature, bytes + KEY_ID_BYTES, n - KEY_ID_BYTES);
    } else {
        rc = ak_base64_decode(bytes, sizeof(bytes), &n, base64.p, 8, err); /* 6 bytes: the ID */
    }
    sig->id = load_id(bytes);
    return rc;
}

/* One line, without its line end. */
static enum ak_code parse_line(struct ak_note_signature *sig, struct ak_text line,
                               struct ak_error *err)
{
    struct ak_text name;
    const char *space;

    if (!ak_text_skip(&line, line_start))
        return ak_fail(err, AK_EMALFORMED, "a signature line does not begin with a dash and space");
    space = line.len > 0 ? memchr(line.p, ' ', line.len) : NULL;
    if (space == NULL)
        return ak_fail(err, AK_EMALFORMED, "a signature line is not NAME BASE64");
    name.p = line.p;
    name.len = (size_t)(space - line.p);
    if (!name_reads(name))
        return ak_fail(err, AK_EMALFORMED, "a signature line has no key name");
    sig->name = name.p;
    sig->name_len = name.len;
    line.p = space + 1;
    line.len -= name.len + 1;
    return parse_signature(sig, line, err);
}

/* Divides the note at its last empty line: `lines` is what lies behind it. */
static bool split(struct ak_note *note, const char *data, size_t len, struct ak_text *lines)
{
    for (size_t at = len; at >= 2; at--) {
        if (data[at - 1] == '\n' && data[at - 2] == '\n') {
            note->text = data;
            note->text_len = at - 1;
            lines->p = data + at;
            lines->len = len - at;
            return true;
        }
    }
    return false;
}

enum ak_code ak_note_parse(struct ak_note *note, const void *data, size_t len, struct ak_error *err)
{
    struct ak_text lines;
    struct ak_text line;

    note->count = 0;
    if (len > AK_NOTE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a note of %zu bytes is over %d", len, AK_NOTE_BYTES_MAX);
    if (!ak_text_is_note(data, len))
        return ak_fail(err, AK_EMALFORMED, "a note is UTF-8 without control characters");
    if (!split(note, data, len, &lines))
        return ak_fail(err, AK_EMALFORMED, "a note has an empty line before its signatures");
    while (ak_text_line(&lines, &line)) {
        enum ak_code rc;
        if (note->count == AK_NOTE_SIGNATURES_MAX)
            return ak_fail(err, AK_ELIMIT, "a note has more than %d signature lines",
                           AK_NOTE_SIGNATURES_MAX);
        rc = parse_line(&note->sig[note->count], line, err);
        if (rc != AK_OK)
            return rc;
        note->count++;
    }
    if (lines.len > 0)
        return ak_fail(err, AK_EMALFORMED, "the last line of a note is not ended");
    if (note->count == 0)
        return ak_fail(err, AK_EMALFORMED, "a note has no signature line");
    return AK_OK;
}

static bool is_of(const struct ak_note_signature *sig, const struct ak_vkey *key)
{
    return sig->id == key->id && sig->name_len == strlen(key->name) &&
           memcmp(sig->name, key->name, sig->name_len) == 0;
}

static enum ak_code verify_line(const struct ak_note *note, const struct ak_note_signature *sig,
                                const struct ak_vkey *key, struct ak_error *err)
{
    if (key->type != AK_VKEY_ED25519)
        return ak_fail(err, AK_EUNSUPPORTED, "key %s is of type 0x%02x", key->name, key->type);
    if (sig->bytes != AK_ED25519_SIGNATURE_BYTES)
        return ak_fail(err, AK_ESIGNATURE, "the signature of %s has %zu bytes instead of 64",
                       key->name, sig->bytes);
    if (ak_ed25519_verify(key->key, note->text, note->text_len, sig->signature, NULL) == AK_OK)
        return AK_OK;
    if (ak_ed25519_nonstrict(key->key, note->text, note->text_len, sig->signature))
        return ak_fail(err, AK_ESIGNATURE,
                       "the signature of %s is of a form that only its holder can make and that "
                       "other programs take (ed25519-nonstrict): it is not valid here",
                       key->name);
    return ak_fail(err, AK_ESIGNATURE, "the signature of %s does not fit the text or the key",
                   key->name);
}

/* Whether and how one known key has signed. */
static enum ak_code verify_key(const struct ak_note *note, const struct ak_vkey *key, bool *signed_,
                               struct ak_error *err)
{
    *signed_ = false;
    for (unsigned i = 0; i < note->count; i++) {
        enum ak_code rc;
        if (!is_of(&note->sig[i], key))
            continue;
        if (*signed_)
            return ak_fail(err, AK_EMALFORMED, "two signature lines of %s", key->name);
        rc = verify_line(note, &note->sig[i], key, err);
        if (rc != AK_OK)
            return rc;
        *signed_ = true;
    }
    return AK_OK;
}

enum ak_code ak_note_verify(const struct ak_note *note, const struct ak_vkey *keys, size_t n,
                            bool *verified, struct ak_error *err)
{
    size_t count = 0;

    for (size_t k = 0; k < n; k++) {
        enum ak_code rc = verify_key(note, &keys[k], &verified[k], err);
        if (rc != AK_OK) {
            memset(verified, 0, n * sizeof(*verified));
            return rc;
        }
        count += verified[k] ? 1 : 0;
    }
    if (count == 0)
        return ak_fail(err, AK_EKEY, "none of the keys given has signed");
    return AK_OK;
}

size_t ak_note_line(char *out, size_t cap, const struct ak_vkey *vkey,
                    const uint8_t sig[AK_ED25519_SIGNATURE_BYTES])
{
    uint8_t bytes[KEY_ID_BYTES + AK_ED25519_SIGNATURE_BYTES];
    char text[AK_BASE64_CHARS(sizeof(bytes)) + 1];
    int n;

    for (unsigned i = 0; i < KEY_ID_BYTES; i++)
        bytes[i] = (uint8_t)(vkey->id >> (24 - 8 * i));
    memcpy(bytes + KEY_ID_BYTES, sig, AK_ED25519_SIGNATURE_BYTES);
    (void)ak_base64_encode(text, sizeof(text), bytes, sizeof(bytes));
    n = snprintf(out, cap, "%s%s %s\n", line_start, vkey->name, text);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
