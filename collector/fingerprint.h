/* fingerprint.h - SHA-256 fingerprints of certificates as people and RFC 5425 4.2.2 write them. */
#ifndef AK_FINGERPRINT_H
#define AK_FINGERPRINT_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stddef.h>
#include <stdint.h>

/* Room for ak_fingerprint_text, NUL included: "sha-256:" and 32 pairs with colons. */
#define AK_FINGERPRINT_TEXT_BYTES 104u

/* 32 pairs of hex digits of either case, all with colons between or none, with "sha-256:",
 * "SHA256:" or the like in front or nothing. AK_EUSAGE for anything else; the text says what to
 * write instead, also for SHA-1. `text` need not end in NUL. */
enum ak_code ak_fingerprint_parse(const char *text, size_t len, struct ak_hash *out,
                                  struct ak_error *err);

/* "sha-256:E1:2D:..." into `out`, which has AK_FINGERPRINT_TEXT_BYTES of room. Gives `out`. */
const char *ak_fingerprint_text(const uint8_t fingerprint[32], char *out);

#endif
