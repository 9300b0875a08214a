/* cosign_answer.c - see cosign_answer.h. Answers are hostile until they are checked. */
#include "cosign_answer.h"

#include <akashi/base64.h>
#include <akashi/tree.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD_LINE_BYTES  32u /* "old ", 20 digits, line end, NUL */
#define HASH_LINE_CHARS (AK_BASE64_CHARS(AK_HASH_BYTES) + 1)
#define SIZE_DIGITS_MAX 19u /* of 2^63 - 1 */

enum ak_code ak_cosign_request(char **out, size_t *len, uint64_t old, const struct ak_hash *proof,
                               unsigned n, const char *note, size_t note_len, struct ak_error *err)
{
    char *text = malloc(OLD_LINE_BYTES + n * HASH_LINE_CHARS + 2 + note_len);
    size_t used;

    if (text == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a question to a witness");
    used = (size_t)snprintf(text, OLD_LINE_BYTES, "old %" PRIu64 "\n", old);
    for (unsigned i = 0; i < n; i++) {
        used += ak_base64_encode(text + used, HASH_LINE_CHARS, proof[i].b, AK_HASH_BYTES);
        text[used++] = '\n';
    }
    text[used++] = '\n';
    memcpy(text + used, note, note_len);
    *out = text;
    *len = used + note_len;
    return AK_OK;
}

/* The witness's only line among those of `note`. */
static enum ak_code find_line(const struct ak_note *note, const struct ak_vkey *witness,
                              const struct ak_note_signature **found, struct ak_error *err)
{
    size_t name_len = strlen(witness->name);

    *found = NULL;
    for (unsigned i = 0; i < note->count; i++) {
        const struct ak_note_signature *sig = &note->sig[i];

        if (sig->id != witness->id || sig->name_len != name_len ||
            memcmp(sig->name, witness->name, name_len) != 0)
            continue;
        if (*found != NULL)
            return ak_fail(err, AK_EMALFORMED, "the answer has two lines of the witness's key");
        *found = sig;
    }
    return *found != NULL
               ? AK_OK
               : ak_fail(err, AK_EKEY,
                         "the answer has no line of the witness's key: it has another key than the "
                         "policy names");
}

static enum ak_code take_line(const struct ak_note *note, const struct ak_vkey *witness,
                              struct ak_cosign_line *line, struct ak_error *err)
{
    const struct ak_note_signature *sig;
    enum ak_code rc = find_line(note, witness, &sig, err);
    uint64_t time = 0;

    if (rc == AK_OK)
        rc = ak_cosignature_verify(note, sig, witness, &time, err);
    if (rc != AK_OK)
        return rc;
    line->time = time;
    line->len = (size_t)snprintf(line->text, sizeof(line->text), "\xe2\x80\x94 %s %.*s\n",
                                 witness->name, (int)sig->base64_len, sig->base64);
    return AK_OK;
}

enum ak_code ak_cosign_answer(const char *note, size_t note_len, const void *body, size_t len,
                              const struct ak_vkey *witness, struct ak_cosign_line *line,
                              struct ak_error *err)
{
    struct ak_note *parsed = malloc(sizeof(*parsed));
    char *joined = NULL;
    enum ak_code rc;

    line->time = 0;
    if (parsed == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a witness's answer");
    rc = ak_note_parse(parsed, note, note_len, err);
    if (rc == AK_OK && (len == 0 || len > AK_COSIGN_ANSWER_BYTES_MAX))
        rc = ak_fail(err, AK_EMALFORMED, "the answer has %zu bytes", len);
    if (rc == AK_OK) {
        size_t text_len = parsed->text_len;

        joined = malloc(text_len + 1 + len);
        if (joined == NULL) {
            rc = ak_fail(err, AK_ENOMEM, "no memory for a witness's answer");
        } else { /* as a note of its own, so that it is read by the one reader of notes */
            memcpy(joined, note, text_len);
            joined[text_len] = '\n';
            memcpy(joined + text_len + 1, body, len);
            rc = ak_note_parse(parsed, joined, text_len + 1 + len, err);
            if (rc != AK_OK)
                ak_wrap(err, "the answer is no signature line");
            else if (parsed->text_len != text_len)
                rc = ak_fail(err, AK_EMALFORMED, "the answer is not signature lines alone");
        }
    }
    if (rc == AK_OK)
        rc = take_line(parsed, witness, line, err);
    free(joined);
    free(parsed);
    return rc;
}

enum ak_code ak_cosign_size(const void *body, size_t len, uint64_t *size, struct ak_error *err)
{
    const char *text = body;
    uint64_t value = 0;

    if (len < 2 || len > SIZE_DIGITS_MAX + 1 || text[len - 1] != '\n' ||
        (text[0] == '0' && len > 2))
        return ak_fail(err, AK_EMALFORMED, "the witness's size is no number on a line");
    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ak_fail(err, AK_EMALFORMED, "the witness's size is no number on a line");
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EMALFORMED, "the witness's size is larger than a log can be");
    *size = value;
    return AK_OK;
}
