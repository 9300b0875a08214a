/* keys_source.h - where a log's key comes from, if not from the file log.key beside the others.
 *
 * keys/<log id>/log.source holds one line: "credential:NAME", the 32-byte seed in the file NAME of
 * systemd's $CREDENTIALS_DIRECTORY; or "pkcs11:...", a URI of a key in a token (keys_token.h). */
#ifndef AK_KEYS_SOURCE_H
#define AK_KEYS_SOURCE_H

#include <akashi/error.h>

#include <stdbool.h>

#define AK_KEY_SOURCE_BYTES_MAX 1024u

/* Whether a text can be a source; AK_EUSAGE with what it must be. */
enum ak_code ak_keys_source_check(const char *text, struct ak_error *err);

/* The credentials' directory of this process, opened at the first call; -1: there is none. */
int ak_keys_credentials(void);

/* Of a log whose key is not in the store: what is left to do after its keys were erased here, as a
 * sentence, for the operator; empty if nothing is. */
#define AK_KEY_LEFT_BYTES 2048u
void ak_keys_source_left(int keys_dir_fd, const char *origin, char out[AK_KEY_LEFT_BYTES]);

/* Whether some log in keys/ has its key in a token. */
bool ak_keys_tokens_in(int keys_dir_fd);

#endif
