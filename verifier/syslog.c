/* syslog.c - one message taken apart, from its PRI on.
 *
 * First RFC 5424 is tried, then the numbers that Cisco's devices put in front, then a stamp, a host
 * and a tag as RFC 3164 has them. Each step takes what is there and leaves the rest to the next
 * one; what is left in the end is the message. docs/fields.md lists the forms. */
#include "syslog_private.h"

/* Names of severities that F5's devices write in front of the tag. */
static const char *const severities[] = {"emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug"};

const char *ak_syslog_severity(int pri)
{
    return pri < 0 || pri > 191 ? "" : severities[pri % 8];
}

const char *ak_syslog_facility(int pri)
{
    static const char *const names[] = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
        "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

    return pri < 0 || pri > 191 ? "" : names[pri / 8];
}

/* "<0>" to "<191>", without zeros in front. */
static void read_pri(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    size_t n = 1;
    int value = 0;

    if (ak_syslog_at(r, 0) != '<')
        return;
    while (n < 4 && ak_syslog_digit(ak_syslog_at(r, n)))
        value = value * 10 + (r->p[n++] - '0');
    if (n == 1 || ak_syslog_at(r, n) != '>' || value > 191 || (n > 2 && r->p[1] == '0'))
        return;
    s->pri = value;
    ak_syslog_skip(r, n + 1);
}

static bool is_tag_byte(char c)
{
    return ak_syslog_letter(c) || ak_syslog_digit(c) || (unsigned char)c >= 128 ||
           (c != '\0' && strchr("-_./()%#@+$*", c) != NULL);
}

/* "CEF:0|" and "LEEF:2.0|" begin a format of their own, which is the message. */
static bool is_event_format(const struct ak_syslog_rest *r)
{
    return (r->len > 5 && memcmp(r->p, "CEF:", 4) == 0 && ak_syslog_digit(r->p[4])) ||
           (r->len > 6 && memcmp(r->p, "LEEF:", 5) == 0 && ak_syslog_digit(r->p[5]));
}

/* A number or an address names no program; "0" alone does in rsyslog's world. */
static bool is_decimal(const char *p, size_t len)
{
    bool dot = false;

    for (size_t i = 0; i < len; i++) {
        dot = dot || p[i] == '.';
        if (!ak_syslog_digit(p[i]) && p[i] != '.')
            return false;
    }
    return dot;
}

/* "[PROCID]" at `at`: its length with brackets, or 0. */
static size_t procid_of(const struct ak_syslog_rest *r, size_t at)
{
    size_t n = 1;

    if (ak_syslog_at(r, at) != '[')
        return 0;
    while (at + n < r->len && n <= AK_SYSLOG_PID_BYTES_MAX && r->p[at + n] != ']' &&
           r->p[at + n] != ' ')
        n++;
    return ak_syslog_at(r, at + n) == ']' ? n + 1 : 0;
}

/* TAG of RFC 3164: "name: ", "name[procid]: ". With `header`, a name that ends in a blank is one,
 * too, as other readers have it; without, the colon must be there, and a blank behind it. */
static void read_tag(struct ak_syslog *s, struct ak_syslog_rest *r, bool header)
{
    size_t n = 0;
    size_t procid;
    bool ascii = true;
    char end;

    while (n <= AK_SYSLOG_TAG_BYTES_MAX && n < r->len && is_tag_byte(r->p[n])) {
        ascii = ascii && (unsigned char)r->p[n] < 128;
        n++;
    }
    if (n == 0 || n > AK_SYSLOG_TAG_BYTES_MAX || is_event_format(r) || is_decimal(r->p, n))
        return;
    procid = procid_of(r, n);
    end = ak_syslog_at(r, n + procid);
    if (end == ':') {
        char next = ak_syslog_at(r, n + procid + 1);
        if (!header && next != ' ' && n + procid + 1 < r->len)
            return;
    } else if (!header || (!ascii && procid == 0) ||
               (end != ' ' && end != '\t' && n + procid < r->len)) {
        return;
    }
    s->app = ak_syslog_take(r, n);
    if (procid > 2)
        s->procid = (struct ak_syslog_part){r->p + 1, procid - 2};
    ak_syslog_skip(r, procid);
    if (end == ':')
        ak_syslog_skip(r, 1);
    if (ak_syslog_at(r, 0) == ' ' || ak_syslog_at(r, 0) == '\t')
        ak_syslog_skip(r, 1);
    if (s->form == AK_SYSLOG_NONE)
        s->form = AK_SYSLOG_RFC3164;
}

/* F5: "info httpd[123]: ..."; the severity stands in the PRI. */
static void skip_severity(struct ak_syslog_rest *r)
{
    size_t n = ak_syslog_word(r);
    size_t tag = n + 1;

    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++) {
        if (n != strlen(severities[i]) || memcmp(r->p, severities[i], n) != 0)
            continue;
        while (tag < r->len && is_tag_byte(r->p[tag]))
            tag++;
        if (tag > n + 1 && procid_of(r, tag) > 0)
            ak_syslog_skip(r, n + 1);
        return;
    }
}

/* "2026-11-24 05:17:27", which syslog senders do not write. */
static bool is_own_stamp(const struct ak_syslog *s)
{
    return s->time.len > 10 && s->time.p[4] == '-' && s->time.p[10] == ' ';
}

/* A stamp at the start, and a host behind it. False if there is no stamp. */
static bool read_header(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_stamp stamp;
    size_t n = ak_syslog_stamp_3164(&stamp, r);
    bool bsd = n > 0;
    bool colon;
    char end;

    if (n == 0)
        n = ak_syslog_stamp_3339(&stamp, r, false);
    colon = n > 0 && ak_syslog_at(r, n) == ':';
    end = ak_syslog_at(r, n + (colon ? 1 : 0));
    if (n == 0 || (end != ' ' && end != '\t' && n + (colon ? 1 : 0) < r->len))
        return false;
    s->form = AK_SYSLOG_RFC3164;
    s->stamp = stamp;
    s->time = ak_syslog_take(r, n);
    if (colon)
        ak_syslog_skip(r, 1);
    if (ak_syslog_at(r, 0) == '\t')
        ak_syslog_skip(r, 1);
    ak_syslog_skip_blanks(r);
    if (!is_own_stamp(s))
        ak_syslog_host(s, r, bsd);
    return true;
}

static void read_3164(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest begin = *r;
    bool header;
    bool own; /* an application's own stamp, so that no host and no bare tag is expected */

    ak_syslog_skip_blanks(&begin);
    if (ak_syslog_cisco(s, &begin)) {
        s->form = AK_SYSLOG_RFC3164;
        *r = begin;
        read_tag(s, r, true);
        return;
    }
    if (ak_syslog_at(&begin, 0) == ':') /* ASA in EMBLEM form */
        ak_syslog_skip(&begin, 1);
    header = read_header(s, &begin);
    if (!header) {
        begin = *r;
        if (s->pri >= 0) /* "<14> name: ..."; without a PRI blanks belong to the message */
            ak_syslog_skip_blanks(&begin);
    }
    if (header && s->host.p != NULL && ak_syslog_5424_bare(s, &begin)) {
        *r = begin;
        return;
    }
    own = header && is_own_stamp(s);
    if (header && !ak_syslog_cisco(s, &begin))
        skip_severity(&begin);
    read_tag(s, &begin, header && !own);
    if (header || s->app.p != NULL)
        *r = begin;
}

/* Takes line ends and NULs off the end. A record with NULs elsewhere is left alone: in UTF-16 they
 * are halves of characters. */
static void trim(struct ak_syslog_rest *r)
{
    size_t n = r->len;

    while (n > 0 && (r->p[n - 1] == '\n' || r->p[n - 1] == '\r' || r->p[n - 1] == '\0'))
        n--;
    if (n == 0 || memchr(r->p, '\0', n) == NULL)
        r->len = n;
}

void ak_syslog_parse(struct ak_syslog *s, const void *record, size_t len)
{
    struct ak_syslog_rest r = {len == 0 ? "" : record, len};

    memset(s, 0, sizeof(*s));
    s->pri = -1;
    trim(&r);
    if (r.len >= 3 && memcmp(r.p, "\xef\xbb\xbf", 3) == 0)
        ak_syslog_skip(&r, 3);
    read_pri(s, &r);
    if (!ak_syslog_5424(s, &r))
        read_3164(s, &r);
    else if (!s->complete)
        read_tag(s, &r, true);
    s->message = (struct ak_syslog_part){r.p, r.len};
}
