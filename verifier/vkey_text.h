/* vkey_text.h - the parts of a vkey of any type, for those who decide which types they take. */
#ifndef AK_VKEY_TEXT_H
#define AK_VKEY_TEXT_H

#include <akashi/note.h>

#include "text.h"

/* Longest encoding of (type || key) that is looked at: ML-DSA-44 has 1,313 bytes, and a key of a
 * type that is not known should still be named as such. */
#define AK_VKEY_ENCODING_BYTES_MAX 4096

struct ak_vkey_text {
    struct ak_text name;                          /* borrowed from the input; the name of a key */
    uint32_t id;                                  /* as stated */
    uint8_t encoding[AK_VKEY_ENCODING_BYTES_MAX]; /* type and key */
    size_t bytes;                                 /* at least 1 */
};

/* Reads NAME+ID+BASE64 whatever the type is; whether the ID fits is not asked. Codes of
 * ak_vkey_parse. */
enum ak_code ak_vkey_text_parse(struct ak_vkey_text *parts, const char *text, size_t len,
                                struct ak_error *err);

/* Whether the ID is the one that signed-note computes of name, type and key. AK_EMALFORMED. */
enum ak_code ak_vkey_text_check_id(const struct ak_vkey_text *parts, struct ak_error *err);

/* An Ed25519 key of the type that the parts state: length, ID and the rules of ed25519.h. */
enum ak_code ak_vkey_of_text(struct ak_vkey *vkey, const struct ak_vkey_text *parts,
                             struct ak_error *err);

#endif
