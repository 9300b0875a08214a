/* text.h - what the text formats have in common: UTF-8, lines, decimal numbers. */
#ifndef AK_TEXT_H
#define AK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits of UINT64_MAX. */
#define AK_DECIMAL_CHARS_MAX 20

/* A stretch of text; borrowed, without a NUL. */
struct ak_text {
    const char *p;
    size_t len;
};

/* Length of the valid UTF-8 character (RFC 3629: shortest form, no surrogates) at the start of
 * `len` bytes, at least 1, and its code point; 0 if there is none. */
size_t ak_text_character(const char *p, size_t len, uint32_t *code);

/* Whether all is valid UTF-8 without control characters below U+0020 but LF (signed-note). */
bool ak_text_is_note(const char *p, size_t len);

/* Whether the code point has the Unicode property White_Space. */
bool ak_text_is_space(uint32_t code);

/* Takes the next line off `rest`, without its LF; false if `rest` has no LF. */
bool ak_text_line(struct ak_text *rest, struct ak_text *line);

/* Takes `prefix` (NUL-terminated) off the front; false, and nothing taken, if it is not there. */
bool ak_text_skip(struct ak_text *rest, const char *prefix);

/* Reads all of the text as a decimal number without leading zeros, at most `max`. */
bool ak_text_decimal(struct ak_text text, uint64_t max, uint64_t *value);

#endif
