/* syslog_5424.c - the header of RFC 5424.
 *
 * VERSION, TIMESTAMP and HOSTNAME may stand alone: some senders go on as RFC 3164 has it there, or
 * with a format of their own. APP-NAME to STRUCTURED-DATA are taken together or not at all. */
#include "syslog_private.h"

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
    *part = ak_syslog_take(r, n);
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
    s->data = ak_syslog_take(&left, n);
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

bool ak_syslog_5424(struct ak_syslog *s, struct ak_syslog_rest *r)
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

bool ak_syslog_5424_bare(struct ak_syslog *s, struct ak_syslog_rest *r)
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
