/* sha256_ni.h - two SHA-256 side by side; used by leafhash.c alone. */
#ifndef AK_SHA256_NI_H
#define AK_SHA256_NI_H

#include "leafhash.h"

/* Whether this processor, and this build, can run ak_sha256_x2. */
bool ak_sha256_x2_available(void);

/* Hashes two messages; it is fastest when they have equally many blocks. Both `out` are written
 * after both messages were read. */
void ak_sha256_x2(const struct ak_message *a, const struct ak_message *b);

#endif
