/* jsonout.h - writing JSON (RFC 8259) as a stream, for reports and --jsonl.
 *
 * What jansson would hold in memory as a tree goes straight to the file here, and characters that
 * act on a terminal (escape.h names them) are written as \uXXXX, so that machine output can be
 * looked at, too. Strings that are not UTF-8 cannot be JSON: ak_json_out_text escapes them first.
 *
 * The stream's own error flag tells whether all was written. */
#ifndef AK_JSONOUT_H
#define AK_JSONOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Depth of what is written; our own reports have 5 levels. */
#define AK_JSON_OUT_DEPTH_MAX 8u

struct ak_json_out {
    FILE *file;                         /* borrowed */
    unsigned depth;                     /* open objects and arrays */
    bool filled[AK_JSON_OUT_DEPTH_MAX]; /* something stands before the next value */
};

void ak_json_out_init(struct ak_json_out *out, FILE *file);

/* In an object every value has a name; in an array and at the top it is NULL. Names are ours and
 * need no escaping. */
void ak_json_out_open(struct ak_json_out *out, const char *name, char bracket); /* '{' or '[' */
void ak_json_out_close(struct ak_json_out *out, char bracket);                  /* '}' or ']' */
void ak_json_out_uint(struct ak_json_out *out, const char *name, uint64_t value);
void ak_json_out_bool(struct ak_json_out *out, const char *name, bool value);
void ak_json_out_null(struct ak_json_out *out, const char *name);

/* Our own text: valid UTF-8. */
void ak_json_out_string(struct ak_json_out *out, const char *name, const char *text);

/* Bytes that may be anything. Valid UTF-8 is given as it is; otherwise every byte that is not part
 * of it becomes \xHH and a backslash \\ (akashi/escape.h), and the result is false. */
bool ak_json_out_text(struct ak_json_out *out, const char *name, const void *data, size_t len);

/* Base64 of any bytes. */
void ak_json_out_base64(struct ak_json_out *out, const char *name, const void *data, size_t len);

/* Whether all of it is valid UTF-8. */
bool ak_json_out_is_utf8(const void *data, size_t len);

#endif
