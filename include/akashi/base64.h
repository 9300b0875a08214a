/* base64.h - bytes as text, each with exactly one encoding: RFC 4648 section 4 with padding, and
 * lower-case hexadecimal. Decoders refuse everything else, so equal bytes mean equal text. */
#ifndef AKASHI_BASE64_H
#define AKASHI_BASE64_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

/* Characters of the base64 text of n bytes, without a NUL. */
#define AK_BASE64_CHARS(n) (((n) + 2) / 3 * 4)

/* Writes the base64 text of `n` bytes and a NUL. Gives the number of characters without the NUL; if
 * `cap` is below AK_BASE64_CHARS(n) + 1 it writes nothing but a NUL (when `cap` is not 0) and
 * gives 0. */
size_t ak_base64_encode(char *out, size_t cap, const uint8_t *data, size_t n);

/* Decodes `len` characters, which need no NUL; `*n` becomes the number of bytes. With `out` NULL it
 * only checks and counts. Refused with AK_EMALFORMED: a length that is no multiple of 4, characters
 * outside the alphabet (white space and line ends too), padding anywhere but at the end, bits
 * behind the last byte that are not 0. AK_ELIMIT if the bytes do not fit into `cap`. What `out`
 * holds after a refusal is undefined. */
enum ak_code ak_base64_decode(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len,
                              struct ak_error *err);

/* Writes 2 * n lower-case digits and a NUL. Gives 2 * n; if `cap` is below 2 * n + 1 it writes
 * nothing but a NUL (when `cap` is not 0) and gives 0. */
size_t ak_hex_encode(char *out, size_t cap, const uint8_t *data, size_t n);

/* Decodes exactly 2 * n lower-case digits. AK_EMALFORMED for another length or character. */
enum ak_code ak_hex_decode(uint8_t *out, size_t n, const char *text, size_t len,
                           struct ak_error *err);

#endif
