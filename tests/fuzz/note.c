/* note.c - notes, checkpoints and vkeys from hostile bytes: what is read is, written again, the
 * same bytes, and nothing of it verifies under a key that did not sign it. */
#include <akashi/base64.h>
#include <akashi/checkpoint.h>
#include <akashi/note.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of the signed-note specification's example. */
static const char known_key[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char known_text[] = "This is an example message.\n";

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_vkey(const char *text, size_t len)
{
    char again[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_vkey vkey;

    if (ak_vkey_parse(&vkey, text, len, NULL) != AK_OK)
        return;
    check(ak_vkey_format(again, sizeof(again), &vkey) == len);
    check(memcmp(again, text, len) == 0);
}

static void try_checkpoint(const char *text, size_t len)
{
    char again[AK_CHECKPOINT_BYTES_MAX];
    struct ak_checkpoint cp;
    struct ak_checkpoint loose;
    enum ak_code rc = ak_checkpoint_parse(&cp, text, len, false, NULL);
    enum ak_code rc_loose = ak_checkpoint_parse(&loose, text, len, true, NULL);

    if (rc != AK_OK)
        return;
    check(rc_loose == AK_OK && memcmp(&cp, &loose, sizeof(cp)) == 0);
    check(ak_checkpoint_format(again, sizeof(again), &cp) == len);
    check(memcmp(again, text, len) == 0);
}

/* The note put together again of its parts. */
static void write_again(const struct ak_note *note, const uint8_t *data, size_t size)
{
    static char again[AK_NOTE_BYTES_MAX + 1];
    size_t used = note->text_len;

    memcpy(again, note->text, used);
    again[used++] = '\n';
    for (unsigned i = 0; i < note->count; i++) {
        const struct ak_note_signature *sig = &note->sig[i];
        int n = snprintf(again + used, sizeof(again) - used, "\xe2\x80\x94 %.*s %.*s\n",
                         (int)sig->name_len, sig->name, (int)sig->base64_len, sig->base64);
        check(n > 0);
        used += (size_t)n;
        check(used < sizeof(again));
    }
    check(used == size && memcmp(again, data, size) == 0);
}

static void try_note(const uint8_t *data, size_t size)
{
    static struct ak_note note;
    struct ak_vkey vkey;
    bool verified;

    if (ak_note_parse(&note, data, size, NULL) != AK_OK)
        return;
    check(note.count >= 1 && note.count <= AK_NOTE_SIGNATURES_MAX);
    write_again(&note, data, size);
    try_checkpoint(note.text, note.text_len);
    check(ak_vkey_parse(&vkey, known_key, strlen(known_key), NULL) == AK_OK);
    if (ak_note_verify(&note, &vkey, 1, &verified, NULL) == AK_OK) {
        check(verified && note.text_len == strlen(known_text));
        check(memcmp(note.text, known_text, note.text_len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_note(data, size);
    try_checkpoint((const char *)data, size);
    try_vkey((const char *)data, size);
    return 0;
}
