/* note.h - C2SP signed-note: keys in text form, reading and checking notes, writing lines.
 *
 * A note is text, an empty line, and signature lines "— NAME BASE64(key ID || signature)". Reading
 * (ak_note_parse) makes no judgement about keys; ak_note_verify does. */
#ifndef AKASHI_NOTE_H
#define AKASHI_NOTE_H

#include <akashi/ed25519.h>
#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name of a key: C2SP tlog-cosignature signs names with a length of one byte. */
#define AK_KEY_NAME_BYTES_MAX 255

/* Signature lines of one note: signed-note demands at least 16; 32 leave room for a log, its epoch
 * and the 30 witnesses of a large policy, and bound the work of checking (format.md 11). */
#define AK_NOTE_SIGNATURES_MAX 32

/* A whole note. A line of a post-quantum cosignature (ML-DSA-44) has up to 3.5 KiB; 16 of them, as
 * many as every reader must take, with their text stay below 64 KiB (format.md 11). */
#define AK_NOTE_BYTES_MAX 65536

/* Bytes of a signature that are kept decoded: type 04 has u64 time and 64 bytes. */
#define AK_NOTE_SIGNATURE_BYTES_KEPT 72

/* Longest line and vkey that are written here (Ed25519), each with its NUL. */
#define AK_NOTE_LINE_BYTES_MAX (4 + AK_KEY_NAME_BYTES_MAX + 1 + 92 + 1 + 1)
#define AK_VKEY_TEXT_BYTES_MAX (AK_KEY_NAME_BYTES_MAX + 1 + 8 + 1 + 44 + 1)

/* Key types of signed-note that this library checks; the second one in cosignature.h only. */
#define AK_VKEY_ED25519     0x01
#define AK_VKEY_COSIGNATURE 0x04

/* A public key with its name. */
struct ak_vkey {
    char name[AK_KEY_NAME_BYTES_MAX + 1]; /* NUL-terminated; never holds a NUL itself */
    uint8_t type;                         /* AK_VKEY_ED25519; a witness's: AK_VKEY_COSIGNATURE */
    uint8_t key[AK_ED25519_KEY_BYTES];    /* passed ak_ed25519_key_check */
    uint32_t id;                          /* key ID: first 4 bytes of a hash, big-endian */
};

/* One signature line; the pointers borrow from the note's input. */
struct ak_note_signature {
    const char *name;
    size_t name_len;
    uint32_t id;        /* key ID as the line states it */
    const char *base64; /* the whole of key ID and signature, canonical */
    size_t base64_len;
    size_t bytes; /* length of the signature, without the key ID; at least 1 */
    uint8_t signature[AK_NOTE_SIGNATURE_BYTES_KEPT]; /* all of it if `bytes` is not more than that,
                                                        else zero: decode `base64` */
};

/* A note as it was read; everything borrows from the input, which must stay as it is. */
struct ak_note {
    const char *text; /* what is signed: with its last line end, without the empty line */
    size_t text_len;
    unsigned count; /* signature lines, at least 1 */
    struct ak_note_signature sig[AK_NOTE_SIGNATURES_MAX];
};

/* Whether these bytes can be the name of a key: valid UTF-8 of 1 to AK_KEY_NAME_BYTES_MAX bytes,
 * without Unicode white space, control characters and '+'. */
bool ak_key_name_valid(const char *name, size_t len);

/* Reads "NAME+ID+BASE64" (signed-note, "Verifier keys"); `text` is exactly that, without a line
 * end. AK_EMALFORMED for another form or a key ID that does not fit; AK_EUNSUPPORTED for key types
 * other than Ed25519; AK_EKEY for a key that ak_ed25519_key_check refuses; AK_EUSAGE for a private
 * key, which must not be where this is read from. */
enum ak_code ak_vkey_parse(struct ak_vkey *vkey, const char *text, size_t len,
                           struct ak_error *err);

/* Makes a key of its parts. AK_EUSAGE if the name (NUL-terminated) is not one, AK_EKEY if the key
 * is unusable. */
enum ak_code ak_vkey_make(struct ak_vkey *vkey, const char *name,
                          const uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err);

/* Writes the text form and a NUL. Gives its length, or 0 if it does not fit into `cap`;
 * AK_VKEY_TEXT_BYTES_MAX are always enough. */
size_t ak_vkey_format(char *out, size_t cap, const struct ak_vkey *vkey);

/* Reads a note of exactly `len` bytes. AK_EMALFORMED for anything that is not one: bytes that are
 * not UTF-8, control characters, no empty line, a line that is no signature line, a name that is
 * none, base64 that is not canonical, bytes behind the last line. AK_ELIMIT past AK_NOTE_BYTES_MAX
 * or AK_NOTE_SIGNATURES_MAX. */
enum ak_code ak_note_parse(struct ak_note *note, const void *data, size_t len,
                           struct ak_error *err);

/* Judges a note by `n` known keys; `verified[i]` tells whether keys[i] has signed (all false on
 * failure). Lines of unknown keys (name and key ID) are ignored. AK_ESIGNATURE if a line of a known
 * key does not verify, whatever else verifies; AK_EMALFORMED for two lines of one known key
 * (format.md R7); AK_EKEY if no known key has signed. */
enum ak_code ak_note_verify(const struct ak_note *note, const struct ak_vkey *keys, size_t n,
                            bool *verified, struct ak_error *err);

/* Writes one signature line with its line end and a NUL. Gives its length, or 0 if it does not fit
 * into `cap`; AK_NOTE_LINE_BYTES_MAX are always enough. A note is its text, "\n", and lines. */
size_t ak_note_line(char *out, size_t cap, const struct ak_vkey *vkey,
                    const uint8_t sig[AK_ED25519_SIGNATURE_BYTES]);

#endif
