/* trust.h - what the user brings from outside of the evidence: keys and kept checkpoints.
 *
 * Everything a verdict rests on comes in here. Files are read whole and bounded; pipes are taken
 * too, so that a key can come straight from another command. */
#ifndef AK_TRUST_H
#define AK_TRUST_H

#include <akashi/check.h>
#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/policy.h>
#include <akashi/timestamp.h>

#include <stddef.h>

/* Keys of one run, from all files: one for each log of the largest store, and to spare. */
#define AK_TRUST_KEYS_MAX 8192u

/* A file with keys. */
#define AK_TRUST_FILE_BYTES_MAX 4194304u

/* "4f:0c:..." would be long to read aloud; 32 hexadecimal digits name a key well enough. */
#define AK_TRUST_FINGERPRINT_CHARS 32u

struct ak_trust {
    struct ak_vkey *keys;
    size_t key_count;
    struct ak_policy *policy; /* NULL: none was given */
    char *policy_text;        /* the file that it was read from */
    size_t policy_len;
    struct ak_tsa *tsa;          /* certificates of --tsa-ca; NULL: none were given */
    struct ak_vkey *authorities; /* keys that orders are accepted by */
    size_t authority_count;
    struct ak_vkey *custodians; /* keys that custody records are signed by */
    size_t custodian_count;
    struct ak_check_kept *kept;
    char **notes; /* what `kept` borrows from */
    size_t kept_count;
};

/* Adds the key or keys of one --key: a vkey, or a file with one a line (empty lines and lines that
 * begin with # are passed over). AK_EUSAGE with what is wrong and what is wanted. */
enum ak_code ak_trust_add_key(struct ak_trust *trust, const char *text, struct ak_error *err);

/* Reads the policy of --policy, and adds the keys of its logs. AK_EUSAGE with file, line and
 * remedy. */
enum ak_code ak_trust_set_policy(struct ak_trust *trust, const char *path, struct ak_error *err);
/* Adds the certificates of one --tsa-ca. AK_EUSAGE. */
enum ak_code ak_trust_add_tsa(struct ak_trust *trust, const char *path, struct ak_error *err);

/* The same for one --authority. Several keys may have one name: an authority's key changes, its
 * name does not. */
enum ak_code ak_trust_add_authority(struct ak_trust *trust, const char *text, struct ak_error *err);

/* The same of one --custody-key. */
enum ak_code ak_trust_add_custodian(struct ak_trust *trust, const char *text, struct ak_error *err);

/* Adds a kept checkpoint from a file. `*missing` (or NULL: then it is a fault) becomes true, and
 * AK_OK is given, when there is no such file. `path` is borrowed as long as `trust` lives. */
enum ak_code ak_trust_add_kept(struct ak_trust *trust, const char *path, bool *missing,
                               struct ak_error *err);

void ak_trust_free(struct ak_trust *trust);

/* First 16 bytes of the SHA-256 of the raw public key, in hexadecimal. */
const char *ak_trust_fingerprint(const struct ak_vkey *key,
                                 char out[AK_TRUST_FINGERPRINT_CHARS + 1]);

/* Reads a whole file of at most `max` bytes; `*data` is malloc'ed, with a NUL behind it. AK_ELIMIT
 * if it is longer, AK_ENOTFOUND, AK_EIO. */
enum ak_code ak_trust_read_file(const char *path, size_t max, char **data, size_t *len,
                                struct ak_error *err);

#endif
