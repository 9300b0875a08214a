/* cosignature.h - C2SP tlog-cosignature: what a witness says of a log's checkpoint, and when.
 *
 * A line of type 0x04: u64 time and an Ed25519 signature over "cosignature/v1\n", "time N\n" and
 * the text of the note, judged by the one rule of ed25519.h. It says that at this time the
 * checkpoint was the largest consistent one that the witness had seen of this log. ML-DSA-44 lines
 * (type 0x06) are not checked here. */
#ifndef AKASHI_COSIGNATURE_H
#define AKASHI_COSIGNATURE_H

#include <akashi/note.h>

#include <stdint.h>

/* Seconds since 1970; tlog-cosignature: at most 2^63 - 1. */
#define AK_COSIGNATURE_TIME_MAX INT64_MAX

/* Bytes of a line of type 0x04 behind the key ID. */
#define AK_COSIGNATURE_BYTES (8 + AK_ED25519_SIGNATURE_BYTES)

/* Reads the vkey of a witness: type 0x04. Codes of ak_vkey_parse. */
enum ak_code ak_cosigner_parse(struct ak_vkey *vkey, const char *text, size_t len,
                               struct ak_error *err);

/* Judges line `sig` of `note` by the key of the witness whose it is (name and key ID agree: the
 * caller's part). `*time` becomes the witness's time. AK_ESIGNATURE for whatever is wrong, also a
 * time of 0, which would say nothing, or past AK_COSIGNATURE_TIME_MAX. AK_ENOMEM. */
enum ak_code ak_cosignature_verify(const struct ak_note *note, const struct ak_note_signature *sig,
                                   const struct ak_vkey *witness, uint64_t *time,
                                   struct ak_error *err);

#endif
