/* cosignature.c - C2SP tlog-cosignature, lines of type 0x04. */
#include <akashi/cosignature.h>

#include "vkey_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "cosignature/v1\ntime N\n" with the longest N and a NUL. */
#define HEAD_BYTES_MAX (15 + 5 + AK_DECIMAL_CHARS_MAX + 1 + 1)

enum ak_code ak_cosigner_parse(struct ak_vkey *vkey, const char *text, size_t len,
                               struct ak_error *err)
{
    struct ak_vkey_text parts;
    enum ak_code rc = ak_vkey_text_parse(&parts, text, len, err);

    if (rc != AK_OK)
        return rc;
    if (parts.encoding[0] != AK_VKEY_COSIGNATURE)
        return ak_fail(err, AK_EUNSUPPORTED,
                       "the vkey is of type 0x%02x; a witness's is of type 0x04 "
                       "(tlog-cosignature, Ed25519)",
                       parts.encoding[0]);
    return ak_vkey_of_text(vkey, &parts, err);
}

/* What is signed, malloc'ed. */
static char *signed_text(const struct ak_note *note, uint64_t time, size_t *len)
{
    char head[HEAD_BYTES_MAX];
    int n = snprintf(head, sizeof(head), "cosignature/v1\ntime %" PRIu64 "\n", time);
    char *text = malloc((size_t)n + note->text_len);

    if (text == NULL)
        return NULL;
    memcpy(text, head, (size_t)n);
    memcpy(text + n, note->text, note->text_len);
    *len = (size_t)n + note->text_len;
    return text;
}

enum ak_code ak_cosignature_verify(const struct ak_note *note, const struct ak_note_signature *sig,
                                   const struct ak_vkey *witness, uint64_t *time,
                                   struct ak_error *err)
{
    const uint8_t *bytes = sig->signature;
    uint64_t at = 0;
    enum ak_code rc;
    char *text;
    size_t len;

    *time = 0;
    if (sig->bytes != AK_COSIGNATURE_BYTES)
        return ak_fail(err, AK_ESIGNATURE, "the cosignature of %s has %zu bytes instead of %d",
                       witness->name, sig->bytes, AK_COSIGNATURE_BYTES);
    for (unsigned i = 0; i < 8; i++)
        at = at << 8 | bytes[i];
    if (at == 0 || at > AK_COSIGNATURE_TIME_MAX)
        return ak_fail(err, AK_ESIGNATURE, "the cosignature of %s states no time that can be",
                       witness->name);
    text = signed_text(note, at, &len);
    if (text == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to check a cosignature");
    rc = ak_ed25519_verify(witness->key, text, len, bytes + 8, NULL);
    free(text);
    if (rc != AK_OK)
        return ak_fail(err, AK_ESIGNATURE,
                       "the cosignature of %s does not fit the checkpoint, its time or the key",
                       witness->name);
    *time = at;
    return AK_OK;
}
