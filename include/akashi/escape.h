/* escape.h - bytes of senders and files, made safe to show on a terminal.
 *
 * What is escaped: C0 controls (line end and tab too), DEL, C1 controls, the characters that turn
 * the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), line and
 * paragraph separators (U+2028, U+2029) and every byte that is not part of valid UTF-8, each byte
 * as \xHH (lower case); a backslash becomes \\. Everything else is left as it is, so Japanese text
 * stays readable, and the result can be turned back into the bytes without doubt. */
#ifndef AKASHI_ESCAPE_H
#define AKASHI_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* One input byte becomes at most this many output bytes. */
#define AK_ESCAPE_GROWTH_MAX 4u

/* Escapes `len` bytes of `data` into `out` and ends it with NUL. Stops in front of the first
 * character whose escaped form does not fit any more, so never cuts an escape or a UTF-8 character
 * in two; `cap` must be at least 1. Gives the length written, without the NUL. With `cap` of
 * AK_ESCAPE_GROWTH_MAX * len + 1 nothing is ever left out. */
size_t ak_escape_terminal(char *out, size_t cap, const void *data, size_t len);

/* The same onto a stream, for data of any length, in constant memory. Gives 0, or -1 if the stream
 * reported an error (errno is the stream's). */
int ak_escape_terminal_file(FILE *file, const void *data, size_t len);

#endif
