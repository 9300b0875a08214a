/* fingerprint.c - the text of a certificate's fingerprint, both ways. Fails only for text that is
 * none, and then says what to write. */
#include "fingerprint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHOWN_BYTES_MAX 40 /* of a text that is refused; enough to find it again */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Pairs of hex digits at the front of `text`, `max` at most. *colons: a colon stood somewhere;
 * *used is where the pairs end. A mix of colons and none ends them. */
static size_t pairs_read(const char *text, size_t len, uint8_t *out, size_t max, size_t *used)
{
    bool colons = len > 2 && text[2] == ':';
    size_t pairs = 0;
    size_t at = 0;

    *used = 0;
    while (pairs < max && len - at >= 2 && hex_value(text[at]) >= 0 &&
           hex_value(text[at + 1]) >= 0) {
        out[pairs++] = (uint8_t)(hex_value(text[at]) << 4 | hex_value(text[at + 1]));
        at += 2;
        *used = at;
        if (colons && (at == len || text[at++] != ':'))
            break;
    }
    return pairs;
}

static bool has_prefix(const char *text, size_t len, const char *prefix)
{
    size_t n = strlen(prefix);

    return len >= n && strncasecmp(text, prefix, n) == 0;
}

enum ak_code ak_fingerprint_parse(const char *text, size_t len, struct ak_hash *out,
                                  struct ak_error *err)
{
    static const char *const prefixes[] = {"sha-256:", "sha256:"};
    int shown = len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len;
    const char *p = text;
    size_t left = len;
    struct ak_hash hash;
    size_t used;

    if (has_prefix(text, len, "sha-1:") || has_prefix(text, len, "sha1:"))
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\" is a SHA-1 fingerprint, which can be forged; write what `openssl "
                       "x509 -noout -fingerprint -sha256 -in FILE` prints behind the =",
                       shown, text);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (!has_prefix(text, len, prefixes[i]))
            continue;
        p += strlen(prefixes[i]);
        left -= strlen(prefixes[i]);
        break;
    }
    if (pairs_read(p, left, hash.b, sizeof(hash.b), &used) != sizeof(hash.b) || used != left)
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\" is not a SHA-256 fingerprint; write what `openssl x509 -noout "
                       "-fingerprint -sha256 -in FILE` prints behind the =",
                       shown, text);
    *out = hash;
    return AK_OK;
}

const char *ak_fingerprint_text(const uint8_t fingerprint[32], char *out)
{
    static const char prefix[] = "sha-256:";
    static const char digits[] = "0123456789ABCDEF";
    char *p = out + sizeof(prefix) - 1;

    memcpy(out, prefix, sizeof(prefix));
    for (size_t i = 0; i < 32; i++) {
        *p++ = digits[fingerprint[i] >> 4];
        *p++ = digits[fingerprint[i] & 15];
        *p++ = i < 31 ? ':' : '\0';
    }
    return out;
}
