/* jsonout.c - one value after the other; commas and brackets are kept track of here. */
#include "jsonout.h"

#include "text.h"

#include <akashi/base64.h>
#include <akashi/escape.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BASE64_CHUNK 3072u /* a multiple of 3: pieces join without padding between them */

void ak_json_out_init(struct ak_json_out *out, FILE *file)
{
    memset(out, 0, sizeof(*out));
    out->file = file;
}

static void begin_value(struct ak_json_out *out, const char *name)
{
    if (out->depth > 0) {
        if (out->filled[out->depth - 1])
            fputc(',', out->file);
        out->filled[out->depth - 1] = true;
    }
    if (name != NULL)
        fprintf(out->file, "\"%s\":", name);
}

void ak_json_out_open(struct ak_json_out *out, const char *name, char bracket)
{
    assert(out->depth < AK_JSON_OUT_DEPTH_MAX);
    begin_value(out, name);
    fputc(bracket, out->file);
    out->filled[out->depth++] = false;
}

void ak_json_out_close(struct ak_json_out *out, char bracket)
{
    assert(out->depth > 0);
    out->depth--;
    fputc(bracket, out->file);
}

void ak_json_out_uint(struct ak_json_out *out, const char *name, uint64_t value)
{
    begin_value(out, name);
    fprintf(out->file, "%" PRIu64, value);
}

void ak_json_out_bool(struct ak_json_out *out, const char *name, bool value)
{
    begin_value(out, name);
    fputs(value ? "true" : "false", out->file);
}

void ak_json_out_null(struct ak_json_out *out, const char *name)
{
    begin_value(out, name);
    fputs("null", out->file);
}

static bool acts_on_terminal(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void put_character(FILE *file, uint32_t code, const char *p, size_t n)
{
    if (code == '"' || code == '\\')
        fprintf(file, "\\%c", (char)code);
    else if (acts_on_terminal(code))
        fprintf(file, "\\u%04" PRIx32, code);
    else
        fwrite(p, 1, n, file);
}

bool ak_json_out_is_utf8(const void *data, size_t len)
{
    const char *p = data;
    uint32_t code;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = ak_text_character(p + i, len - i, &code);
        if (n == 0)
            return false;
    }
    return true;
}

/* How many bytes from here on are printable ASCII that needs no escaping: most of all there is. */
static size_t plain_bytes(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && p[n] >= ' ' && p[n] <= '~' && p[n] != '"' && p[n] != '\\')
        n++;
    return n;
}

/* `raw`: bytes that are not UTF-8 are there, so backslashes are doubled to keep it reversible. */
static void put_string(FILE *file, const char *p, size_t len, bool raw)
{
    uint32_t code;
    size_t n;

    fputc('"', file);
    for (size_t i = 0; i < len; i += n) {
        n = plain_bytes(p + i, len - i);
        if (n > 0) {
            fwrite(p + i, 1, n, file);
            continue;
        }
        n = ak_text_character(p + i, len - i, &code);
        if (n == 0) {
            fprintf(file, "\\\\x%02x", (unsigned char)p[i]);
            n = 1;
            continue;
        }
        if (raw && code == '\\')
            fputs("\\\\", file);
        put_character(file, code, p + i, n);
    }
    fputc('"', file);
}

void ak_json_out_string(struct ak_json_out *out, const char *name, const char *text)
{
    begin_value(out, name);
    put_string(out->file, text, strlen(text), false);
}

bool ak_json_out_text(struct ak_json_out *out, const char *name, const void *data, size_t len)
{
    bool whole = ak_json_out_is_utf8(data, len);

    begin_value(out, name);
    put_string(out->file, data, len, !whole);
    return whole;
}

void ak_json_out_base64(struct ak_json_out *out, const char *name, const void *data, size_t len)
{
    char text[AK_BASE64_CHARS(BASE64_CHUNK) + 1];
    const uint8_t *p = data;

    begin_value(out, name);
    fputc('"', out->file);
    for (size_t i = 0; i < len; i += BASE64_CHUNK) {
        size_t n = len - i < BASE64_CHUNK ? len - i : BASE64_CHUNK;
        size_t chars = ak_base64_encode(text, sizeof(text), p + i, n);
        fwrite(text, 1, chars, out->file);
    }
    fputc('"', out->file);
}
