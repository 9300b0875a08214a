/* ed25519.h - the one rule by which signatures are judged (format.md 4.2).
 *
 * Key and R must be canonical, in the prime-order subgroup and not the identity, and S < L. Under
 * these conditions all public rules agree on the equation: what is accepted here, everyone accepts.
 * Only public data is handled: nothing here takes constant time. */
#ifndef AKASHI_ED25519_H
#define AKASHI_ED25519_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_ED25519_KEY_BYTES       32
#define AK_ED25519_SIGNATURE_BYTES 64

/* Whether a public key may be used at all; AK_EKEY if not. */
enum ak_code ak_ed25519_key_check(const uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err);

/* AK_OK if `sig` is a signature of the `n` bytes of `msg` by `pk`; AK_EKEY if the key is unusable,
 * AK_ESIGNATURE for every other failure. */
enum ak_code ak_ed25519_verify(const uint8_t pk[AK_ED25519_KEY_BYTES], const void *msg, size_t n,
                               const uint8_t sig[AK_ED25519_SIGNATURE_BYTES], struct ak_error *err);

/* Whether the common rule (libcrypto's) accepts what ak_ed25519_verify refuses. With a usable key
 * only its holder can have made such a signature: it proves nothing for him and counts against
 * him. */
bool ak_ed25519_nonstrict(const uint8_t pk[AK_ED25519_KEY_BYTES], const void *msg, size_t n,
                          const uint8_t sig[AK_ED25519_SIGNATURE_BYTES]);

#endif
