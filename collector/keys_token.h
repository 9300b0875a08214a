/* keys_token.h - a log key that never leaves its hardware: PKCS#11, called directly. */
#ifndef AK_KEYS_TOKEN_H
#define AK_KEYS_TOKEN_H

#include <akashi/ed25519.h>
#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

struct ak_token; /* one key of one token; one thread at a time */

/* Opens the Ed25519 key that a PKCS#11 URI (RFC 7512) names: `token`, `serial` and so on say which
 * token, `object` or `id` which key, `module-path` the library to load, `pin-source` the file with
 * the PIN. Gives its public key. AK_EKEY, with the remedy, if there is none or more than one. */
enum ak_code ak_token_open(const char *uri, struct ak_token **out, uint8_t pk[AK_ED25519_KEY_BYTES],
                           struct ak_error *err);
void ak_token_close(struct ak_token *token); /* NULL is allowed */

/* Signs; the caller checks the signature by the strict rule before it is used. */
enum ak_code ak_token_sign(struct ak_token *token, const void *msg, size_t len,
                           uint8_t signature[AK_ED25519_SIGNATURE_BYTES], struct ak_error *err);

/* The command that destroys the key of such a URI in its token, for an operator to give: this
 * program never does. Names that a shell would read otherwise are left for him to fill in. */
#define AK_TOKEN_DESTROY_BYTES 1536u
void ak_token_destroy_command(const char *uri, char out[AK_TOKEN_DESTROY_BYTES]);

#endif
