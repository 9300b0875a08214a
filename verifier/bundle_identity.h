/* bundle_identity.h - whether a declaration is of somebody (docs/format.md 10.1, 14.10). */
#ifndef AK_BUNDLE_IDENTITY_H
#define AK_BUNDLE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/* `payload` is that of a declaration; `identity` its whole name, address or fingerprint. */
bool ak_bundle_is_identity(const void *payload, size_t len, const char *identity);

#endif
