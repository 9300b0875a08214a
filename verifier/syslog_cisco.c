/* syslog_cisco.c - what IOS, IOS-XE, NX-OS and ASA write in front of "%FACILITY-5-MNEMONIC: ". */
#include "syslog_private.h"

/* Digits of a Cisco number: a counter of 64 bits has 20. */
#define SEQUENCE_DIGITS_MAX 20u

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
    *part = ak_syslog_take(r, n);
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
    return ak_syslog_is_cisco_tag(&behind) ? mark + n : 0;
}

bool ak_syslog_cisco(struct ak_syslog *s, struct ak_syslog_rest *r)
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
    if (n > 1 && left.p[n - 1] == ':' && ak_syslog_is_host(left.p, n - 1) &&
        !is_number(left.p, n - 1)) {
        struct ak_syslog_rest behind = {left.p + n, left.len - n};
        struct ak_syslog_part no;
        ak_syslog_skip_blanks(&behind);
        if (cisco_stamp(&stamp, &behind) > 0 || (count < 2 && read_number(&no, &behind))) {
            host = ak_syslog_take(&left, n - 1);
            ak_syslog_skip(&left, 1);
            ak_syslog_skip_blanks(&left);
        }
    }
    if (count < 2)
        count += read_number(&number[count], &left);
    n = cisco_stamp(&stamp, &left);
    if (n == 0 && !(count > 0 && ak_syslog_is_cisco_tag(&left)))
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
