/* syslog.h - the parts of one syslog message: RFC 5424, RFC 3164, and what senders write instead.
 *
 * Parsing never fails. What does not look like a header is message; a record that is no syslog at
 * all is message from its first byte. Everything points into the record: nothing is allocated,
 * copied or changed, and the time spent grows with the record's length only. The parts are computed
 * when a record is read and never stored; evidence are the bytes.
 *
 * docs/fields.md says which forms are known and where the result differs from other programs'. */
#ifndef AKASHI_SYSLOG_H
#define AKASHI_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest words that are taken for a part (RFC 5424 6); a tag of RFC 3164 may be 32 there, but
 * paths of programs are longer. */
#define AK_SYSLOG_HOST_BYTES_MAX 255u
#define AK_SYSLOG_APP_BYTES_MAX  48u
#define AK_SYSLOG_PID_BYTES_MAX  128u
#define AK_SYSLOG_ID_BYTES_MAX   32u /* MSGID, SD-ID and PARAM-NAME */
#define AK_SYSLOG_TAG_BYTES_MAX  128u

/* A part; borrowed from the record. `p` is NULL where the sender wrote none. */
struct ak_syslog_part {
    const char *p;
    size_t len;
};

enum ak_syslog_form {
    AK_SYSLOG_NONE,    /* no time and no tag was found: message only, perhaps behind a PRI */
    AK_SYSLOG_RFC3164, /* a time, or a tag that ends in a colon */
    AK_SYSLOG_RFC5424
};

/* What a stamp says, as written. Numbers are in their calendar's ranges. */
struct ak_syslog_stamp {
    uint16_t year;        /* 0: not written */
    uint8_t month;        /* 1 to 12; 0: there is no stamp that could be read */
    uint8_t day;          /* 1 to 31 */
    uint8_t hour;         /* 0 to 23 */
    uint8_t minute;       /* 0 to 59 */
    uint8_t second;       /* 0 to 60 */
    bool zone_known;      /* `offset` was written, as digits or a name with one meaning */
    int16_t offset;       /* minutes east of UTC */
    uint32_t nanoseconds; /* 0 to 999,999,999 */
};

struct ak_syslog {
    enum ak_syslog_form form;
    int pri;          /* 0 to 191; -1: none was written */
    unsigned version; /* RFC 5424; 0: none was written */

    /* RFC 5424: all parts up to STRUCTURED-DATA were there. False: time and host were, and what
     * follows is taken as RFC 3164 does. */
    bool complete;
    bool bom;                     /* the message began with a BOM, which is left out */
    struct ak_syslog_part time;   /* as the sender wrote it, with its zone */
    struct ak_syslog_stamp stamp; /* of `time` */
    char clock;                   /* Cisco: '*' clock never set, '.' not in step any more, or 0 */
    struct ak_syslog_part host;
    struct ak_syslog_part app; /* APP-NAME, or the tag without procid and colon */
    struct ak_syslog_part procid;
    struct ak_syslog_part msgid;
    struct ak_syslog_part data; /* STRUCTURED-DATA with its brackets; NULL for "-" */

    /* Cisco: numbers in front of the time. The first one counts what the device sent to this
     * receiver or what it logged; with two, the second one is that of `service sequence-numbers`.
     * docs/fields.md tells them apart. */
    struct ak_syslog_part sequence[2];
    struct ak_syslog_part message; /* without CR, LF and NUL at its end; `p` is never NULL */
};

/* Takes `len` bytes apart. `record` may hold anything, also NUL; NULL only with `len` 0. */
void ak_syslog_parse(struct ak_syslog *syslog, const void *record, size_t len);

/* "local0" of a PRI of 0 to 191, or "". RFC 5424 table 1, with the names of syslog.conf. */
const char *ak_syslog_facility(int pri);

/* "notice" of a PRI of 0 to 191, or "". RFC 5424 table 2. */
const char *ak_syslog_severity(int pri);

/* What ak_syslog_time had to assume; bits. */
#define AK_SYSLOG_ASSUMED_YEAR 1u
#define AK_SYSLOG_ASSUMED_ZONE 2u /* UTC was taken */

/* The sender's time as ns since 1970-01-01T00:00:00Z. A year that is not written is the latest that
 * puts the time no more than 7 days after `received` (ns), a zone that is not written is UTC;
 * `*assumed` says so, and 0 that nothing was assumed. False if there is no time, or none between
 * 1970 and 2261. With `clock` '*' the time is what the sender wrote, though its clock was never
 * set. */
bool ak_syslog_time(const struct ak_syslog *syslog, uint64_t received, uint64_t *ns,
                    unsigned *assumed);

/* One walk over STRUCTURED-DATA, element by element, parameter by parameter. */
struct ak_syslog_data {
    const char *p; /* what is left */
    size_t len;
};

/* Begins a walk over `syslog->data`. */
void ak_syslog_data_begin(struct ak_syslog_data *walk, const struct ak_syslog *syslog);

/* The next element's SD-ID; what is left of the element before is skipped. False at the end. */
bool ak_syslog_data_element(struct ak_syslog_data *walk, struct ak_syslog_part *id);

/* The next parameter of the element that was given last; `value` is as written, with its escapes.
 * False at the element's end. */
bool ak_syslog_data_param(struct ak_syslog_data *walk, struct ak_syslog_part *name,
                          struct ak_syslog_part *value);

/* Writes a value without its escapes (RFC 5424 6.3.3: a backslash before another byte than '"', '\'
 * and ']' stands for itself) into `out`, which has room for `value.len` bytes. Gives the length. */
size_t ak_syslog_data_value(char *out, struct ak_syslog_part value);

/* The first parameter `name` of an element `id`; false if there is none. */
bool ak_syslog_data_find(const struct ak_syslog *syslog, const char *id, const char *name,
                         struct ak_syslog_part *value);

#endif
