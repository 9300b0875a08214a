/* witness_key.h - the one key of a witness: made, loaded, and used to cosign (C2SP
 * tlog-cosignature, type 0x04).
 *
 * The file is one line, mode 0600:
 *
 *     PRIVATE+KEY+NAME+KEYID+BASE64(04 || 32-byte seed)
 *
 * An Ed25519 cosignature does not name who made it, so a key serves one witness and nothing else:
 * its type keeps it from being taken for a key that signs notes. */
#ifndef AK_WITNESS_KEY_H
#define AK_WITNESS_KEY_H

#include <akashi/error.h>
#include <akashi/note.h>

#include <stddef.h>
#include <stdint.h>

/* Longest cosignature line, with its NUL: 76 bytes are 104 characters of base64. */
#define AK_WITNESS_LINE_BYTES_MAX (4 + AK_KEY_NAME_BYTES_MAX + 1 + 104 + 1 + 1)

struct ak_witness_key; /* its secret lies in sodium_malloc memory; any thread may sign */

/* Makes a key from random numbers and writes it to a new file `name` of the directory, durably.
 * `witness` (NUL-terminated) is the name of the witness for everybody else. AK_EUSAGE if it cannot
 * be one, AK_EEXIST if the file is there. Free with ak_witness_key_free. */
enum ak_code ak_witness_key_make(struct ak_witness_key **out, int dir_fd, const char *name,
                                 const char *witness, struct ak_error *err);

/* AK_EKEY, with the remedy, if the file is damaged or others may read it; AK_ENOTFOUND. */
enum ak_code ak_witness_key_load(struct ak_witness_key **out, int dir_fd, const char *name,
                                 struct ak_error *err);

/* Wipes. NULL is taken. */
void ak_witness_key_free(struct ak_witness_key *key);

/* The public half, of type AK_VKEY_COSIGNATURE. */
const struct ak_vkey *ak_witness_key_vkey(const struct ak_witness_key *key);

/* Writes the cosignature line over a note's text at `time` (seconds since 1970, at least 1), with
 * its line end and a NUL; `out` has AK_WITNESS_LINE_BYTES_MAX of room. AK_ENOMEM; AK_EUSAGE for a
 * time that cannot be stated. */
enum ak_code ak_witness_key_cosign(const struct ak_witness_key *key, const char *text, size_t len,
                                   uint64_t time, char *out, size_t *n, struct ak_error *err);

#endif
