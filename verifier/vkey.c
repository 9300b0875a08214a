/* vkey.c - public keys in the text form of C2SP signed-note: NAME+ID+BASE64(type || key). */
#include <akashi/note.h>

#include <akashi/base64.h>
#include <akashi/sha256.h>

#include "vkey_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_CHARS 8 /* 32 bits in hexadecimal */

static const char private_prefix[] = "PRIVATE+KEY+"; /* golang.org/x/mod/sumdb/note */

bool ak_key_name_valid(const char *name, size_t len)
{
    uint32_t code;

    if (len == 0 || len > AK_KEY_NAME_BYTES_MAX)
        return false;
    while (len > 0) {
        size_t n = ak_text_character(name, len, &code);
        if (n == 0 || code == '+' || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
            ak_text_is_space(code))
            return false;
        name += n;
        len -= n;
    }
    return true;
}

/* signed-note: SHA-256(name || 0A || type || key), first 4 bytes. */
static uint32_t key_id(const char *name, size_t name_len, const uint8_t *encoding, size_t n)
{
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;

    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, name, name_len);
    ak_sha256_update(&ctx, "\n", 1);
    ak_sha256_update(&ctx, encoding, n);
    ak_sha256_final(&ctx, &hash);
    return (uint32_t)hash.b[0] << 24 | (uint32_t)hash.b[1] << 16 | (uint32_t)hash.b[2] << 8 |
           hash.b[3];
}

static enum ak_code set(struct ak_vkey *vkey, uint8_t type, const char *name, size_t name_len,
                        const uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err)
{
    uint8_t encoding[1 + AK_ED25519_KEY_BYTES];
    enum ak_code rc = ak_ed25519_key_check(pk, err);

    if (rc != AK_OK)
        return rc;
    encoding[0] = type;
    memcpy(encoding + 1, pk, AK_ED25519_KEY_BYTES);
    memset(vkey, 0, sizeof(*vkey));
    memcpy(vkey->name, name, name_len);
    vkey->type = type;
    memcpy(vkey->key, pk, AK_ED25519_KEY_BYTES);
    vkey->id = key_id(name, name_len, encoding, sizeof(encoding));
    return AK_OK;
}

enum ak_code ak_vkey_make(struct ak_vkey *vkey, const char *name,
                          const uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err)
{
    size_t len = strnlen(name, AK_KEY_NAME_BYTES_MAX + 1);

    if (!ak_key_name_valid(name, len))
        return ak_fail(err, AK_EUSAGE,
                       "a key's name is 1 to %d bytes of UTF-8 without white space, control "
                       "characters and '+'",
                       AK_KEY_NAME_BYTES_MAX);
    return set(vkey, AK_VKEY_ED25519, name, len, pk, err);
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

enum ak_code ak_vkey_text_parse(struct ak_vkey_text *parts, const char *text, size_t len,
                                struct ak_error *err)
{
    struct ak_text rest = {text, len};
    struct ak_text id_text;
    uint8_t id[4];

    if (ak_text_skip(&rest, private_prefix))
        return ak_fail(err, AK_EUSAGE,
                       "this is a private key; --key wants the vkey that "
                       "`akashi-collector key show` prints, or `akashi-verify key show` of the "
                       "private key's file");
    if (!take_field(&rest, &parts->name) || !take_field(&rest, &id_text))
        return ak_fail(err, AK_EMALFORMED, "a vkey has the form NAME+KEYID+BASE64");
    if (!ak_key_name_valid(parts->name.p, parts->name.len))
        return ak_fail(err, AK_EMALFORMED, "the vkey's name is not the name of a key");
    if (ak_hex_decode(id, sizeof(id), id_text.p, id_text.len, NULL) != AK_OK)
        return ak_fail(err, AK_EMALFORMED,
                       "the vkey's key ID is not %d lower-case hexadecimal digits", ID_CHARS);
    if (ak_base64_decode(parts->encoding, sizeof(parts->encoding), &parts->bytes, rest.p, rest.len,
                         err) != AK_OK) {
        ak_wrap(err, "vkey");
        return AK_EMALFORMED;
    }
    if (parts->bytes == 0)
        return ak_fail(err, AK_EMALFORMED, "the vkey holds no key");
    parts->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return AK_OK;
}

enum ak_code ak_vkey_text_check_id(const struct ak_vkey_text *parts, struct ak_error *err)
{
    uint32_t actual = key_id(parts->name.p, parts->name.len, parts->encoding, parts->bytes);

    if (actual == parts->id)
        return AK_OK;
    return ak_fail(err, AK_EMALFORMED,
                   "the vkey's key ID is %08" PRIx32 ", but its name and key give %08" PRIx32
                   ": part of it was changed or mistyped",
                   parts->id, actual);
}

enum ak_code ak_vkey_of_text(struct ak_vkey *vkey, const struct ak_vkey_text *parts,
                             struct ak_error *err)
{
    enum ak_code rc;

    if (parts->bytes != 1 + AK_ED25519_KEY_BYTES)
        return ak_fail(err, AK_EMALFORMED, "an Ed25519 key has 32 bytes, this vkey holds %zu",
                       parts->bytes - 1);
    rc = ak_vkey_text_check_id(parts, err);
    if (rc != AK_OK)
        return rc;
    return set(vkey, parts->encoding[0], parts->name.p, parts->name.len, parts->encoding + 1, err);
}

enum ak_code ak_vkey_parse(struct ak_vkey *vkey, const char *text, size_t len, struct ak_error *err)
{
    struct ak_vkey_text parts;
    enum ak_code rc = ak_vkey_text_parse(&parts, text, len, err);

    if (rc != AK_OK)
        return rc;
    if (parts.encoding[0] == AK_VKEY_COSIGNATURE)
        return ak_fail(err, AK_EUNSUPPORTED,
                       "the vkey is of type 0x04, a witness's; a log's key is of type 0x01. "
                       "Witnesses are named in a policy file: --policy");
    if (parts.encoding[0] != AK_VKEY_ED25519)
        return ak_fail(err, AK_EUNSUPPORTED,
                       "the vkey is of type 0x%02x; only Ed25519 keys, type 0x01, are known here",
                       parts.encoding[0]);
    return ak_vkey_of_text(vkey, &parts, err);
}

size_t ak_vkey_format(char *out, size_t cap, const struct ak_vkey *vkey)
{
    uint8_t encoding[1 + AK_ED25519_KEY_BYTES];
    char text[AK_BASE64_CHARS(sizeof(encoding)) + 1];
    int n;

    encoding[0] = vkey->type;
    memcpy(encoding + 1, vkey->key, AK_ED25519_KEY_BYTES);
    (void)ak_base64_encode(text, sizeof(text), encoding, sizeof(encoding));
    n = snprintf(out, cap, "%s+%08" PRIx32 "+%s", vkey->name, vkey->id, text);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
