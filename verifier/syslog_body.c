/* syslog_body.c - headers taken off, by the shapes that relays write.
 *
 * `<PRI>` in front; then `1 ` and the fields of RFC 5424; else a time and a host (RFC 3164, or with
 * a time as RFC 3339 has it); then a tag that ends in a colon. A tag alone, without anything of a
 * header before it, is taken apart too, so that a line whose header was cut off still equals it; on
 * both sides the same is done. */
#include "syslog_body.h"

#include <stdbool.h>
#include <string.h>

struct rest {
    const char *p;
    size_t len;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip(struct rest *r, size_t n)
{
    r->p += n;
    r->len -= n;
}

static void skip_blanks(struct rest *r)
{
    while (r->len > 0 && r->p[0] == ' ')
        skip(r, 1);
}

/* `<0>` to `<191>`. */
static void skip_pri(struct rest *r)
{
    size_t n = 1;
    unsigned value = 0;

    if (r->len < 3 || r->p[0] != '<')
        return;
    while (n < r->len && n < 4 && is_digit(r->p[n]))
        value = value * 10 + (unsigned)(r->p[n++] - '0');
    if (n > 1 && n < r->len && r->p[n] == '>' && value <= 191)
        skip(r, n + 1);
}

/* Bytes up to the next blank, at least 1 and at most `max`; 0 if there is no such word. */
static size_t word(const struct rest *r, size_t max)
{
    const char *end = memchr(r->p, ' ', r->len < max + 1 ? r->len : max + 1);

    return end == NULL ? 0 : (size_t)(end - r->p);
}

/* STRUCTURED-DATA: `-`, or elements in brackets whose quoted values may hold anything. */
static bool skip_structured_data(struct rest *r)
{
    bool quoted = false;
    size_t n = 0;

    if (r->len > 0 && r->p[0] == '-') {
        skip(r, 1);
        return true;
    }
    while (n < r->len && r->p[n] == '[') {
        for (n++; n < r->len && (quoted || r->p[n] != ']'); n++) {
            if (quoted && r->p[n] == '\\' && n + 1 < r->len)
                n++;
            else if (r->p[n] == '"')
                quoted = !quoted;
        }
        if (n == r->len)
            return false;
        n++;
    }
    skip(r, n);
    return n > 0;
}

static void trim(struct ak_syslog_body *body, struct rest r)
{
    skip_blanks(&r);
    while (r.len > 0 && (r.p[r.len - 1] == '\r' || r.p[r.len - 1] == '\0'))
        r.len--;
    body->content = r.p;
    body->content_len = r.len;
}

/* RFC 5424 behind the PRI. */
static bool read_5424(struct ak_syslog_body *body, struct rest r)
{
    static const size_t longest[] = {64, 255, AK_SYSLOG_NAME_BYTES_MAX, AK_SYSLOG_PROCID_BYTES_MAX,
                                     32}; /* TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID */
    struct rest field[5];

    if (r.len < 2 || r.p[0] != '1' || r.p[1] != ' ')
        return false;
    skip(&r, 2);
    for (unsigned i = 0; i < 5; i++) {
        size_t n = word(&r, longest[i]);
        if (n == 0)
            return false;
        field[i] = (struct rest){r.p, n};
        skip(&r, n + 1);
    }
    if (!skip_structured_data(&r) || (r.len > 0 && r.p[0] != ' '))
        return false;
    if (r.len > 0)
        skip(&r, 1);
    if (r.len >= 3 && memcmp(r.p, "\xef\xbb\xbf", 3) == 0)
        skip(&r, 3);
    if (field[2].len != 1 || field[2].p[0] != '-') {
        body->app = field[2].p;
        body->app_len = field[2].len;
        if (field[3].len != 1 || field[3].p[0] != '-') {
            body->procid = field[3].p;
            body->procid_len = field[3].len;
        }
    }
    trim(body, r);
    return true;
}

/* "hh:mm:ss". */
static bool is_clock(const char *p)
{
    for (unsigned i = 0; i < 8; i++) {
        if (i % 3 == 2 ? p[i] != ':' : !is_digit(p[i]))
            return false;
    }
    return true;
}

/* "Mmm dd hh:mm:ss " of RFC 3164, also with a year behind the day; its length, 0 if there is none.
 */
static size_t time_3164(const struct rest *r)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    bool month = false;
    size_t at = 7;

    if (r->len < 16)
        return 0;
    for (unsigned i = 0; i < 12; i++)
        month = month || memcmp(r->p, months + 3 * i, 3) == 0;
    if (!month || r->p[3] != ' ' || (r->p[4] != ' ' && !is_digit(r->p[4])) || !is_digit(r->p[5]) ||
        r->p[6] != ' ')
        return 0;
    if (r->len >= 21 && is_digit(r->p[7]) && is_digit(r->p[8]) && is_digit(r->p[9]) &&
        is_digit(r->p[10]) && r->p[11] == ' ')
        at = 12;
    return r->len > at + 8 && is_clock(r->p + at) && r->p[at + 8] == ' ' ? at + 9 : 0;
}

/* "2026-11-24T05:17:27.123456+09:00 ". */
static size_t time_3339(const struct rest *r)
{
    size_t n = word(r, 40);

    if (n < 19 || !is_digit(r->p[0]) || !is_digit(r->p[3]) || r->p[4] != '-' || r->p[7] != '-' ||
        (r->p[10] != 'T' && r->p[10] != 't') || !is_clock(r->p + 11))
        return 0;
    return n + 1;
}

static bool is_tag_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           c == '_' || c == '.' || c == '/' || c == '(' || c == ')';
}

/* "TAG:" or "TAG[PROCID]:". */
static void read_tag(struct ak_syslog_body *body, struct rest *r)
{
    size_t n = 0;
    size_t procid = 0;
    size_t procid_len = 0;

    while (n < r->len && n <= AK_SYSLOG_NAME_BYTES_MAX && is_tag_char(r->p[n]))
        n++;
    if (n == 0 || n > AK_SYSLOG_NAME_BYTES_MAX || n == r->len)
        return;
    body->app_len = n;
    if (r->p[n] == '[') {
        procid = ++n;
        while (n < r->len && n - procid <= AK_SYSLOG_PROCID_BYTES_MAX && r->p[n] != ']' &&
               r->p[n] != ' ')
            n++;
        procid_len = n - procid;
        if (n == r->len || r->p[n] != ']' || procid_len > AK_SYSLOG_PROCID_BYTES_MAX ||
            ++n == r->len)
            return;
    }
    if (r->p[n] != ':' || (n + 1 < r->len && r->p[n + 1] != ' '))
        return;
    body->app = r->p;
    if (procid_len > 0) {
        body->procid = r->p + procid;
        body->procid_len = procid_len;
    }
    skip(r, n + 1);
}

void ak_syslog_body(struct ak_syslog_body *body, const char *line, size_t len)
{
    struct rest r = {line, len};
    size_t n;

    memset(body, 0, sizeof(*body));
    skip_pri(&r);
    if (read_5424(body, r))
        return;
    n = time_3164(&r);
    if (n == 0)
        n = time_3339(&r);
    if (n > 0) {
        skip(&r, n);
        n = word(&r, 255);
        if (n > 0 && r.p[n - 1] != ':') /* without a host the tag follows at once */
            skip(&r, n + 1);
    }
    read_tag(body, &r);
    trim(body, r);
}
