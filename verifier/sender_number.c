/* sender_number.c - where senders write the numbers they count with.
 *
 * What is searched for is short and fixed, and what follows it must have the one form, so that text
 * which only speaks of a number is seldom taken for one; where it is, it is one stray number. */
#include "sender_number.h"

#include "syslog_private.h"

#include <stdbool.h>
#include <string.h>

/* Digits of UINT64_MAX less one, so that no number overflows. */
#define DIGITS_MAX 19u

/* Longest name of a host or channel that is taken from a Windows event. */
#define NAME_BYTES_MAX 255u

struct numbers {
    struct ak_sender_number *out;
    size_t count;
    struct ak_syslog syslog;
};

const char *ak_sender_kind_text(enum ak_sender_kind kind)
{
    static const char *const texts[AK_SENDER_KINDS] = {
        "RFC 5424 meta sequenceId", "Cisco number",          "Cisco sequence number",
        "Linux audit serial",       "Windows EventRecordID", "Snare counter"};

    return texts[kind];
}

const char *ak_sender_kind_name(enum ak_sender_kind kind)
{
    static const char *const names[AK_SENDER_KINDS] = {"meta",  "cisco",   "cisco-sequence",
                                                       "audit", "windows", "snare"};

    return names[kind];
}

/* 1 to DIGITS_MAX digits at the start of `r`, taken off. */
static bool read_digits(struct ak_syslog_rest *r, uint64_t *value)
{
    size_t n = 0;

    *value = 0;
    while (n <= DIGITS_MAX && ak_syslog_digit(ak_syslog_at(r, n)))
        *value = *value * 10 + (uint64_t)(r->p[n++] - '0');
    if (n == 0 || n > DIGITS_MAX)
        return false;
    ak_syslog_skip(r, n);
    return true;
}

static bool take_text(struct ak_syslog_rest *r, const char *text)
{
    size_t n = strlen(text);

    if (r->len < n || memcmp(r->p, text, n) != 0)
        return false;
    ak_syslog_skip(r, n);
    return true;
}

/* What stands behind the next `text`; false if it does not occur. */
static bool find_text(struct ak_syslog_rest *r, const char *text)
{
    size_t n = strlen(text);
    const char *at = r->len < n ? NULL : memmem(r->p, r->len, text, n);

    if (at == NULL)
        return false;
    ak_syslog_skip(r, (size_t)(at - r->p) + n);
    return true;
}

static void put(struct numbers *n, enum ak_sender_kind kind, struct ak_syslog_part host,
                struct ak_syslog_part app, uint64_t value)
{
    if (n->count < AK_SENDER_NUMBERS_MAX)
        n->out[n->count++] = (struct ak_sender_number){kind, host, app, value, 0};
}

static void find_meta(struct numbers *n)
{
    struct ak_syslog_part part;
    struct ak_syslog_rest r;
    uint64_t value;

    if (!ak_syslog_data_find(&n->syslog, "meta", "sequenceId", &part))
        return;
    r = (struct ak_syslog_rest){part.p, part.len};
    if (read_digits(&r, &value) && r.len == 0 && value >= 1 && value <= AK_SENDER_META_MAX)
        put(n, AK_SENDER_META, n->syslog.host, n->syslog.app, value);
}

static void find_cisco(struct numbers *n)
{
    static const enum ak_sender_kind kinds[] = {AK_SENDER_CISCO, AK_SENDER_CISCO_SEQUENCE};
    struct ak_syslog_part none = {NULL, 0};
    uint64_t value;

    for (size_t i = 0; i < 2 && n->syslog.sequence[i].p != NULL; i++) {
        struct ak_syslog_rest r = {n->syslog.sequence[i].p, n->syslog.sequence[i].len};
        if (read_digits(&r, &value) && r.len == 0)
            put(n, kinds[i], n->syslog.host, none, value);
    }
}

/* "audit(1364481363.243:24287)"; "node=NAME " stands in front where logs of several machines are
 * gathered. */
static void find_audit(struct numbers *n, struct ak_syslog_rest r)
{
    struct ak_syslog_rest node = {n->syslog.message.p, n->syslog.message.len};
    struct ak_syslog_part host = n->syslog.host;
    struct ak_syslog_part none = {NULL, 0};
    uint64_t seconds;
    uint64_t milli;
    uint64_t serial;

    if (!find_text(&r, "audit(") || !read_digits(&r, &seconds) || !take_text(&r, ".") ||
        !read_digits(&r, &milli) || !take_text(&r, ":") || !read_digits(&r, &serial) ||
        !take_text(&r, ")") || seconds > UINT32_MAX || milli > 999)
        return;
    if (take_text(&node, "node="))
        host = (struct ak_syslog_part){node.p, ak_syslog_word(&node)};
    if (host.len > NAME_BYTES_MAX)
        host.len = NAME_BYTES_MAX;
    put(n, AK_SENDER_AUDIT, host, none, serial);
    n->out[n->count - 1].stamp = seconds * 1000 + milli;
}

/* Behind the next NAME that is an element of XML (`<NAME>`, also as JSON's \u003cNAME\u003e) or a
 * member of JSON (`"NAME":`): the place of its value. */
static bool find_member(struct ak_syslog_rest *r, const char *name)
{
    struct ak_syslog_rest whole = *r;

    while (find_text(r, name)) {
        size_t at = whole.len - r->len - strlen(name);
        char before = at == 0 ? '\0' : whole.p[at - 1];
        bool escaped = at >= 6 && memcmp(whole.p + at - 6, "\\u003c", 6) == 0;
        if (before == '<' && take_text(r, ">"))
            return true;
        if (escaped && take_text(r, "\\u003e"))
            return true;
        if (before != '"' || (at >= 2 && whole.p[at - 2] == '\\') || !take_text(r, "\""))
            continue;
        ak_syslog_skip_blanks(r);
        if (!take_text(r, ":"))
            continue;
        ak_syslog_skip_blanks(r);
        (void)take_text(r, "\"");
        return true;
    }
    return false;
}

/* The value of the first of some names; a part without bytes if there is none. */
static struct ak_syslog_part text_of(struct ak_syslog_rest whole, const char *const *names)
{
    for (; *names != NULL; names++) {
        struct ak_syslog_rest r = whole;
        size_t n = 0;
        if (!find_member(&r, *names))
            continue;
        while (n < r.len && n < NAME_BYTES_MAX && strchr("<\"\\", r.p[n]) == NULL)
            n++;
        if (n > 0)
            return (struct ak_syslog_part){r.p, n};
    }
    return (struct ak_syslog_part){NULL, 0};
}

static void find_windows(struct numbers *n, struct ak_syslog_rest whole)
{
    static const char *const numbers[] = {"EventRecordID", "RecordNumber", "record_id"};
    static const char *const channels[] = {"Channel", "channel", NULL};
    static const char *const hosts[] = {"Computer", "computer_name", "Hostname", NULL};
    struct ak_syslog_part host;
    uint64_t value;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct ak_syslog_rest r = whole;
        if (!find_member(&r, numbers[i]) || !read_digits(&r, &value))
            continue;
        host = text_of(whole, hosts);
        put(n, AK_SENDER_WINDOWS, host.p == NULL ? n->syslog.host : host, text_of(whole, channels),
            value);
        return;
    }
}

/* A tab, or what rsyslog writes for it. */
static bool take_tab(struct ak_syslog_rest *r)
{
    return take_text(r, "\t") || take_text(r, "#011");
}

/* "MSWinEventLog", criticality, channel, counter, divided by tabs. */
static void find_snare(struct numbers *n, struct ak_syslog_rest r)
{
    struct ak_syslog_part channel;
    size_t len = 0;
    uint64_t value;

    if (!find_text(&r, "MSWinEventLog") || !take_tab(&r) || !read_digits(&r, &value) ||
        !take_tab(&r))
        return;
    while (len < r.len && len < NAME_BYTES_MAX && r.p[len] != '\t' && r.p[len] != '#')
        len++;
    channel = (struct ak_syslog_part){r.p, len};
    ak_syslog_skip(&r, len);
    if (take_tab(&r) && read_digits(&r, &value) && take_tab(&r))
        put(n, AK_SENDER_SNARE, n->syslog.host, channel, value);
}

size_t ak_sender_numbers(struct ak_sender_number out[AK_SENDER_NUMBERS_MAX], const void *record,
                         size_t len)
{
    struct ak_syslog_rest whole = {len == 0 ? "" : record, len};
    struct numbers n = {.out = out};

    ak_syslog_parse(&n.syslog, record, len);
    find_meta(&n);
    find_cisco(&n);
    find_audit(&n, whole);
    find_windows(&n, whole);
    find_snare(&n, whole);
    return n.count;
}
