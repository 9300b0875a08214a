/* syslog_private.h - what the parts of the syslog parser share. */
#ifndef AK_SYSLOG_PRIVATE_H
#define AK_SYSLOG_PRIVATE_H

#include <akashi/syslog.h>

#include <string.h>

/* What of a record is not taken apart yet. */
struct ak_syslog_rest {
    const char *p;
    size_t len;
};

static inline bool ak_syslog_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ak_syslog_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline char ak_syslog_lower(char c)
{
    return ak_syslog_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static inline bool ak_syslog_letter(char c)
{
    return ak_syslog_lower(c) >= 'a' && ak_syslog_lower(c) <= 'z';
}

/* The byte at `at`, or NUL behind the end. */
static inline char ak_syslog_at(const struct ak_syslog_rest *r, size_t at)
{
    return at < r->len ? r->p[at] : '\0';
}

static inline void ak_syslog_skip(struct ak_syslog_rest *r, size_t n)
{
    r->p += n;
    r->len -= n;
}

static inline void ak_syslog_skip_blanks(struct ak_syslog_rest *r)
{
    while (r->len > 0 && r->p[0] == ' ')
        ak_syslog_skip(r, 1);
}

/* Bytes up to the next blank or the end. */
static inline size_t ak_syslog_word(const struct ak_syslog_rest *r)
{
    const char *end = r->len == 0 ? NULL : memchr(r->p, ' ', r->len);

    return end == NULL ? r->len : (size_t)(end - r->p);
}

/* The next `n` bytes, taken off. */
static inline struct ak_syslog_part ak_syslog_take(struct ak_syslog_rest *r, size_t n)
{
    struct ak_syslog_part part = {r->p, n};

    ak_syslog_skip(r, n);
    return part;
}

/* "%FACILITY-5-MNEMONIC" of Cisco's devices. */
static inline bool ak_syslog_is_cisco_tag(const struct ak_syslog_rest *r)
{
    return ak_syslog_at(r, 0) == '%' && ak_syslog_upper(ak_syslog_at(r, 1));
}

/* Reads a stamp as RFC 3339 has it, at the start of `r`; its length, or 0. `strict`: T and Z in
 * upper case and a zone, as RFC 5424 6.2.3 wants it. */
size_t ak_syslog_stamp_3339(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r,
                            bool strict);

/* Reads "Mmm dd hh:mm:ss" with what is written around it: a year before, behind the day or behind
 * the time, a fraction, the name of a zone. */
size_t ak_syslog_stamp_3164(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r);

/* Reads "1380653443.857790533", seconds since 1970 with a fraction, as Meraki's devices write it.
 */
size_t ak_syslog_stamp_epoch(struct ak_syslog_stamp *stamp, const struct ak_syslog_rest *r);

/* Length of valid STRUCTURED-DATA at the start of `r` ("-" too), or 0. */
size_t ak_syslog_data_length(const struct ak_syslog_rest *r);

/* Takes what stands behind the PRI of RFC 5424: the whole header, or, when a time is written,
 * VERSION, TIMESTAMP and HOSTNAME alone. False, and nothing taken, if it is none. */
bool ak_syslog_5424(struct ak_syslog *s, struct ak_syslog_rest *r);

/* Takes the rest of an RFC 5424 header behind a time and a host whose sender wrote no VERSION. A
 * "-" for STRUCTURED-DATA is too little to tell, so PROCID must be a number or "-" then. */
bool ak_syslog_5424_bare(struct ak_syslog *s, struct ak_syslog_rest *r);

/* Whether a word may name a host: a name, an address, an address in brackets. */
bool ak_syslog_is_host(const char *p, size_t len);

/* Takes the host behind a stamp, if the next word does not look like a tag. An address, or what
 * stands in front of a tag of Cisco's, may end in a colon. `bsd`: the stamp is of RFC 3164. */
void ak_syslog_host(struct ak_syslog *s, struct ak_syslog_rest *r, bool bsd);

/* Takes [NUMBER: ][HOST: ][NUMBER: ][*.]STAMP: in front of %TAG, at least one of numbers and stamp,
 * at the start of a record or behind the header of a relay, whose time and host stay. False, and
 * nothing taken, if it is not so. */
bool ak_syslog_cisco(struct ak_syslog *s, struct ak_syslog_rest *r);

#endif
