/* syslog.c - one message taken apart, from its PRI on.
 *
 * First RFC 5424 is tried, then the numbers that Cisco's devices put in front, then a stamp, a host
 * and a tag as RFC 3164 has them. Each step takes what is there and leaves the rest to the next
 * one; what is left in the end is the message. docs/fields.md lists the forms. */
#include "syslog_private.h"

/* Digits of a Cisco number: a counter of 64 bits has 20. */
#define SEQUENCE_DIGITS_MAX 20u

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

static struct ak_syslog_part take(struct ak_syslog_rest *r, size_t n)
{
    struct ak_syslog_part part = {r->p, n};

    ak_syslog_skip(r, n);
    return part;
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

/* A word of RFC 5424's header: no blanks or controls. Bytes of other encodings than ASCII are
 * taken, ISO-2022-JP's escapes too, because senders name hosts with them. Its length, or 0. */
static size_t header_word(const struct ak_syslog_rest *r, size_t max)
{
    size_t n = 0;

    while (
        n < r->len && n <= max &&
        ((r->p[n] > ' ' && r->p[n] != 127) || (unsigned char)r->p[n] >= 128 || r->p[n] == '\x1b'))
        n++;
    return n == 0 || n > max || (n < r->len && r->p[n] != ' ') ? 0 : n;
}

/* The next word and the blank behind it; "-" gives a part without bytes. */
static bool read_word(struct ak_syslog_part *part, struct ak_syslog_rest *r, size_t max)
{
    size_t n = header_word(r, max);

    if (n == 0 || n == r->len)
        return false;
    *part = take(r, n);
    ak_syslog_skip(r, 1);
    if (n == 1 && part->p[0] == '-')
        *part = (struct ak_syslog_part){NULL, 0};
    return true;
}

/* APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]. `s` is changed only if all of it is there. */
static bool read_names(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest left = *r;
    struct ak_syslog_part app;
    struct ak_syslog_part procid;
    struct ak_syslog_part msgid;
    size_t n;

    if (!read_word(&app, &left, AK_SYSLOG_APP_BYTES_MAX) ||
        !read_word(&procid, &left, AK_SYSLOG_PID_BYTES_MAX) ||
        !read_word(&msgid, &left, AK_SYSLOG_ID_BYTES_MAX))
        return false;
    n = ak_syslog_data_length(&left);
    if (n == 0 || (n < left.len && left.p[n] != ' '))
        return false;
    s->app = app;
    s->procid = procid;
    s->msgid = msgid;
    s->data = take(&left, n);
    if (n == 1)
        s->data = (struct ak_syslog_part){NULL, 0};
    if (left.len > 0)
        ak_syslog_skip(&left, 1);
    if (left.len >= 3 && memcmp(left.p, "\xef\xbb\xbf", 3) == 0) {
        s->bom = true;
        ak_syslog_skip(&left, 3);
    }
    s->complete = true;
    *r = left;
    return true;
}

/* "1 " to "999 ", or 0. */
static unsigned version_of(struct ak_syslog_rest *r)
{
    unsigned version = 0;
    size_t n = 0;

    while (n < 3 && ak_syslog_digit(ak_syslog_at(r, n)))
        version = version * 10 + (unsigned)(r->p[n++] - '0');
    if (n == 0 || r->p[0] == '0' || ak_syslog_at(r, n) != ' ')
        return 0;
    ak_syslog_skip(r, n + 1);
    return version;
}

/* Behind the PRI of RFC 5424. Takes the whole header, or, when a time is written, VERSION,
 * TIMESTAMP and HOSTNAME alone: some senders go on as RFC 3164 there. */
static bool read_5424(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest left = *r;
    struct ak_syslog_stamp stamp = {0};
    struct ak_syslog_part time = {NULL, 0};
    struct ak_syslog_part host = {NULL, 0};
    unsigned version = version_of(&left);
    bool nil = ak_syslog_at(&left, 0) == '-';
    size_t n = nil ? 1 : ak_syslog_stamp_3339(&stamp, &left, true);

    if (n == 0)
        n = ak_syslog_stamp_epoch(&stamp, &left);
    if (version == 0 || n == 0 || ak_syslog_at(&left, n) != ' ')
        return false;
    if (!nil)
        time = (struct ak_syslog_part){left.p, n};
    ak_syslog_skip(&left, n + 1);
    if (!read_word(&host, &left, AK_SYSLOG_HOST_BYTES_MAX) || (!read_names(s, &left) && nil))
        return false;
    s->form = AK_SYSLOG_RFC5424;
    s->version = version;
    s->time = time;
    s->stamp = stamp;
    s->host = host;
    *r = left;
    return true;
}

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

static bool is_host(const char *p, size_t len)
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

/* "%FACILITY-5-MNEMONIC" of Cisco's devices. */
static bool is_cisco_tag(const struct ak_syslog_rest *r)
{
    return ak_syslog_at(r, 0) == '%' && ak_syslog_upper(ak_syslog_at(r, 1));
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

/* The host behind a stamp: a word that does not look like a tag. An address, or what stands in
 * front of a tag of Cisco's, may end in a colon. `bsd`: the stamp is of RFC 3164. */
static void read_host(struct ak_syslog *s, struct ak_syslog_rest *r, bool bsd)
{
    size_t n = ak_syslog_word(r);
    size_t comma = before_comma(r, n);
    struct ak_syslog_rest behind = {r->p + n, r->len - n};
    bool colon = n > 0 && r->p[n - 1] == ':';

    if (comma > 0 && is_host(r->p, comma)) {
        s->host = take(r, comma);
        ak_syslog_skip(r, 1);
        return;
    }
    ak_syslog_skip_blanks(&behind);
    if (colon && !(is_address(r->p, n - 1) || (bsd && is_cisco_tag(&behind))))
        return;
    if (!is_host(r->p, colon ? n - 1 : n))
        return;
    s->host = take(r, colon ? n - 1 : n);
    *r = behind;
    if (ak_syslog_at(r, 0) == ':' && ak_syslog_at(r, 1) == ' ') { /* "host : %ASA-..." */
        ak_syslog_skip(r, 1);
        ak_syslog_skip_blanks(r);
    }
}

static bool is_number(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && ak_syslog_digit(p[n]))
        n++;
    return n == len;
}

/* "000123: ", a number with a colon; or nothing. */
static bool read_number(struct ak_syslog_part *part, struct ak_syslog_rest *r)
{
    size_t n = 0;

    while (n <= SEQUENCE_DIGITS_MAX && ak_syslog_digit(ak_syslog_at(r, n)))
        n++;
    if (n == 0 || n > SEQUENCE_DIGITS_MAX || ak_syslog_at(r, n) != ':' ||
        ak_syslog_at(r, n + 1) != ' ')
        return false;
    *part = take(r, n);
    ak_syslog_skip(r, 1);
    ak_syslog_skip_blanks(r);
    return true;
}

/* Length of a stamp, then a colon or a blank, then "%": the stamp of a Cisco device, with its mark
 * in front; or how long it has been running ("3d02h", "00:01:23"). 0 if there is none. */
static size_t cisco_stamp(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r)
{
    size_t mark = ak_syslog_at(r, 0) == '*' || ak_syslog_at(r, 0) == '.' ? 1 : 0;
    struct ak_syslog_rest behind = {r->p + mark, r->len - mark};
    size_t n = ak_syslog_stamp_3164(stamp, &behind);

    if (n == 0)
        n = ak_syslog_stamp_3339(stamp, &behind, false);
    if (n == 0)
        while (ak_syslog_digit(ak_syslog_at(&behind, n)) ||
               (n > 0 && strchr("ywdhms:", ak_syslog_at(&behind, n)) != NULL &&
                ak_syslog_at(&behind, n) != '\0' && ak_syslog_at(&behind, n + 1) != ' '))
            n++;
    if (n == 0)
        return 0;
    ak_syslog_skip(&behind, n);
    while (ak_syslog_at(&behind, 0) == ' ' || ak_syslog_at(&behind, 0) == ':')
        ak_syslog_skip(&behind, 1);
    return is_cisco_tag(&behind) ? mark + n : 0;
}

/* [NUMBER: ][HOST: ][NUMBER: ][*.]STAMP: %TAG, at least one of numbers and marks, as IOS, IOS-XE
 * and NX-OS write it; in front of the record, or behind the header of a relay, whose time and host
 * stay. `s` is changed only if all of it is there. */
static bool read_cisco(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest left = *r;
    struct ak_syslog_part number[2] = {{NULL, 0}, {NULL, 0}};
    struct ak_syslog_part host = {NULL, 0};
    struct ak_syslog_stamp stamp;
    unsigned count = 0;
    size_t n;

    if (ak_syslog_at(&left, 0) == ':') { /* "<189>: 2026 Nov 24 ..." */
        ak_syslog_skip(&left, 1);
        ak_syslog_skip_blanks(&left);
    }
    count += read_number(&number[count], &left);
    n = ak_syslog_word(&left);
    if (n > 1 && left.p[n - 1] == ':' && is_host(left.p, n - 1) && !is_number(left.p, n - 1)) {
        struct ak_syslog_rest behind = {left.p + n, left.len - n};
        struct ak_syslog_part no;
        ak_syslog_skip_blanks(&behind);
        if (cisco_stamp(&stamp, &behind) > 0 || (count < 2 && read_number(&no, &behind))) {
            host = take(&left, n - 1);
            ak_syslog_skip(&left, 1);
            ak_syslog_skip_blanks(&left);
        }
    }
    if (count < 2)
        count += read_number(&number[count], &left);
    n = cisco_stamp(&stamp, &left);
    if (n == 0 && !(count > 0 && is_cisco_tag(&left)))
        return false;
    if (s->time.p == NULL && n > 0) {
        size_t mark = left.p[0] == '*' || left.p[0] == '.' ? 1 : 0;
        s->clock = mark > 0 ? left.p[0] : '\0';
        s->time = (struct ak_syslog_part){left.p + mark, n - mark};
        s->stamp = stamp;
    }
    ak_syslog_skip(&left, n);
    while (ak_syslog_at(&left, 0) == ' ' || ak_syslog_at(&left, 0) == ':')
        ak_syslog_skip(&left, 1);
    if (s->host.p == NULL)
        s->host = host;
    s->sequence[0] = number[0];
    s->sequence[1] = number[1];
    *r = left;
    return true;
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
    s->app = take(r, n);
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

/* Whether what follows a time and a host is the rest of an RFC 5424 header whose sender wrote no
 * VERSION. A "-" alone is too little to tell, so a PROCID must be a number or "-" then. */
static bool read_names_bare(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest left = *r;
    struct ak_syslog t = *s;

    if (!read_names(&t, &left) || t.app.p == NULL || t.app.p[t.app.len - 1] == ':')
        return false;
    for (size_t i = 0; t.data.p == NULL && i < t.procid.len; i++) {
        if (!ak_syslog_digit(t.procid.p[i]))
            return false;
    }
    *s = t;
    s->form = AK_SYSLOG_RFC5424;
    *r = left;
    return true;
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
    s->time = take(r, n);
    if (colon)
        ak_syslog_skip(r, 1);
    if (ak_syslog_at(r, 0) == '\t')
        ak_syslog_skip(r, 1);
    ak_syslog_skip_blanks(r);
    if (!is_own_stamp(s))
        read_host(s, r, bsd);
    return true;
}

static void read_3164(struct ak_syslog *s, struct ak_syslog_rest *r)
{
    struct ak_syslog_rest begin = *r;
    bool header;
    bool own; /* an application's own stamp, so that no host and no bare tag is expected */

    ak_syslog_skip_blanks(&begin);
    if (read_cisco(s, &begin)) {
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
    if (header && s->host.p != NULL && read_names_bare(s, &begin)) {
        *r = begin;
        return;
    }
    own = header && is_own_stamp(s);
    if (header && !read_cisco(s, &begin))
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
    if (!read_5424(s, &r))
        read_3164(s, &r);
    else if (!s->complete)
        read_tag(s, &r, true);
    s->message = (struct ak_syslog_part){r.p, r.len};
}
