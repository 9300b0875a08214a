/* syslog_host.c - which word behind a stamp names a host, since RFC 3164 lets a tag stand there,
 * too.
 */
#include "syslog_private.h"

/* Letters of an address: digits, hexadecimal letters, dots, colons. */
static bool is_address(const char *p, size_t len)
{
    bool divided = false;

    for (size_t i = 0; i < len; i++) {
        char c = ak_syslog_lower(p[i]);
        divided = divided || c == '.' || c == ':';
        if (!ak_syslog_digit(c) && !(c >= 'a' && c <= 'f') && c != '.' && c != ':')
            return false;
    }
    return divided;
}

bool ak_syslog_is_host(const char *p, size_t len)
{
    if (len == 0 || len > AK_SYSLOG_HOST_BYTES_MAX)
        return false;
    if (p[0] == '[' && p[len - 1] == ']')
        return is_address(p + 1, len - 2);
    if (p[0] == '/' || p[0] == '%' || p[0] == '-' || p[0] == ':')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool fits = ak_syslog_letter(p[i]) || ak_syslog_digit(p[i]) || (unsigned char)p[i] >= 128 ||
                    strchr("-_.:/%@", p[i]) != NULL;
        if (p[i] == '\0' || !fits)
            return false;
    }
    return true;
}

/* Bytes of the word at the start that are before a comma, if what follows has a "=": some devices
 * write "host,name=value,...". 0 if it is not so. */
static size_t before_comma(const struct ak_syslog_rest *r, size_t word)
{
    const char *comma = word == 0 ? NULL : memchr(r->p, ',', word);

    return comma == NULL || memchr(comma, '=', word - (size_t)(comma - r->p)) == NULL
               ? 0
               : (size_t)(comma - r->p);
}

void ak_syslog_host(struct ak_syslog *s, struct ak_syslog_rest *r, bool bsd)
{
    size_t n = ak_syslog_word(r);
    size_t comma = before_comma(r, n);
    struct ak_syslog_rest behind = {r->p + n, r->len - n};
    bool colon = n > 0 && r->p[n - 1] == ':';

    if (comma > 0 && ak_syslog_is_host(r->p, comma)) {
        s->host = ak_syslog_take(r, comma);
        ak_syslog_skip(r, 1);
        return;
    }
    ak_syslog_skip_blanks(&behind);
    if (colon && !(is_address(r->p, n - 1) || (bsd && ak_syslog_is_cisco_tag(&behind))))
        return;
    if (!ak_syslog_is_host(r->p, colon ? n - 1 : n))
        return;
    s->host = ak_syslog_take(r, colon ? n - 1 : n);
    *r = behind;
    if (ak_syslog_at(r, 0) == ':' && ak_syslog_at(r, 1) == ' ') { /* "host : %ASA-..." */
        ak_syslog_skip(r, 1);
        ak_syslog_skip_blanks(r);
    }
}
