/* pattern.h - what is looked for, said in the encodings that senders use.
 *
 * A pattern is typed in UTF-8. Its characters are written in another encoding, one by one, and so
 * that each stays one thing: a repeat behind it repeats the whole character, and where bytes of a
 * character look like letters, their case counts. In UTF-16 ASCII characters have two bytes too. */
#ifndef AK_PATTERN_H
#define AK_PATTERN_H

#include "japanese.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that a range of a class, as [ぁ-ん], may have beyond ASCII. */
#define AK_PATTERN_RANGE_MAX 512u

/* Whether it holds characters beyond ASCII. */
bool ak_pattern_is_wide(const uint8_t *p, size_t len);

/* A fixed string in an encoding, malloc'ed: as bytes, and as an expression that matches them.
 * `*begins` is what ak_charset_stands wants. AK_ENOTFOUND if the encoding lacks one of its
 * characters; AK_EMALFORMED if it is not UTF-8. */
struct ak_pattern_text {
    uint8_t *bytes;
    size_t len;
    char *expression;
    enum ak_charset_begin begins;
};
enum ak_code ak_pattern_string(struct ak_pattern_text *out, const uint8_t *p, size_t len,
                               enum ak_charset charset, bool ignore_case, struct ak_error *err);
void ak_pattern_text_free(struct ak_pattern_text *text);

/* An expression in an encoding, malloc'ed. AK_ENOTFOUND if the encoding lacks one of its
 * characters, AK_EUNSUPPORTED, with what it is, if something in it cannot be said there; AK_EUSAGE
 * for what cannot be said in any encoding; AK_EMALFORMED if it is not UTF-8. */
enum ak_code ak_pattern_expression(char **out, const char *pattern, enum ak_charset charset,
                                   bool ignore_case, enum ak_charset_begin *begins,
                                   struct ak_error *err);

#endif
