/* japanese.h - characters in the encodings in which Japanese senders write, and where in a record's
 * bytes characters begin.
 *
 * Shift_JIS is that of Windows (code page 932), EUC-JP and ISO-2022-JP have the same characters as
 * far as these have a place for them (JIS X 0208 with rows 13 and 89 to 92). All of it is static
 * data: nothing is loaded at run time, and no locale is asked. */
#ifndef AK_JAPANESE_H
#define AK_JAPANESE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ak_charset {
    AK_CHARSET_UTF8,
    AK_CHARSET_SHIFT_JIS,
    AK_CHARSET_EUC_JP,
    AK_CHARSET_ISO_2022_JP,
    AK_CHARSET_UTF16LE,
    AK_CHARSET_UTF16BE
};

#define AK_CHARSETS     6u
#define AK_CHARSETS_ALL ((1u << AK_CHARSETS) - 1)

/* Longest character. */
#define AK_CHARSET_BYTES_MAX 4u

/* "utf-8", "shift_jis" and so on. */
const char *ak_charset_name(enum ak_charset charset);

/* Set of encodings (bits) by the word for it: a name, "utf-16" or "auto" (all); 0 for others. */
unsigned ak_charset_set(const char *word);

/* Reads one character of valid UTF-8 at the front of `text`: its length, or 0 if there is none. */
unsigned ak_utf8_char(const uint8_t *text, size_t len, uint32_t *character);

/* Whether all of it is valid UTF-8. */
bool ak_utf8_valid(const uint8_t *text, size_t len);

/* Writes a character and gives its length, or 0 if the encoding does not have it. Of ISO-2022-JP a
 * character beyond ASCII is given as its two bytes without escape sequences. */
unsigned ak_charset_encode(enum ak_charset charset, uint32_t character,
                           uint8_t out[AK_CHARSET_BYTES_MAX]);

/* How a text begins, in ISO-2022-JP: there the same bytes are one thing or another. */
enum ak_charset_begin { AK_BEGINS_SINGLE, AK_BEGINS_DOUBLE, AK_BEGINS_EITHER };

/* What is known of a record's bytes; reused from record to record. Zeroed at first. */
struct ak_charset_view {
    bool zero;  /* it holds a zero byte, as UTF-16 does wherever there is ASCII in it */
    bool plain; /* ASCII without escape sequences of ISO-2022-JP: nothing below is asked then */
    bool high;  /* it has bytes beyond ASCII */
    bool utf8;  /* valid UTF-8, with more than ASCII */
    bool sjis;  /* valid as a whole, with more than ASCII */
    bool euc;
    bool jis;      /* it goes to two-byte characters by an escape sequence */
    uint8_t *mark; /* for each place from 0 to len: where a character begins in which encoding */
    size_t room;
};

/* Whether it is ASCII without control characters: no line feed, no zero byte, no escape sequence.
 */
bool ak_charset_is_plain_line(const uint8_t *record, size_t len);

/* Looks at a record. False without memory. */
bool ak_charset_look(struct ak_charset_view *view, const uint8_t *record, size_t len);
void ak_charset_view_free(struct ak_charset_view *view);

/* Whether bytes [begin, end) of the record, which are some text in `charset`, stand there as
 * characters, as far as the record's encoding is known: that they are not the end of one character
 * and the beginning of the next. `wide`: the text begins with a character beyond ASCII. `given`:
 * the user says that records are in this encoding. */
bool ak_charset_stands(const struct ak_charset_view *view, enum ak_charset charset,
                       enum ak_charset_begin begins, bool given, size_t begin, size_t end);

#endif
