/* sha256_avx512.h - sixteen SHA-256 side by side; used by leafhash.c alone. */
#ifndef AK_SHA256_AVX512_H
#define AK_SHA256_AVX512_H

#include "leafhash.h"

#define AK_SHA256_LANES 16u

/* Whether this processor, and this build, can run ak_sha256_x16. */
bool ak_sha256_x16_available(void);

/* Hashes `n` messages, 1 to AK_SHA256_LANES, in as many steps as the longest of them has blocks.
 * Every `out` is written after the last message was read. */
void ak_sha256_x16(const struct ak_message *const *message, unsigned n);

#endif
