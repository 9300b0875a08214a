/* sender_number.h - the numbers that senders write into their records to count them.
 *
 * Known are: RFC 5424 `meta sequenceId`; the numbers that Cisco's devices put in front of a
 * message; the serial of Linux's audit; the EventRecordID of Windows' channels as XML and as JSON
 * of common shippers; Snare's own counter. Junos writes no number of its own in the forms that are
 * documented; where it writes `meta sequenceId`, that one is taken. docs/fields.md has the list. */
#ifndef AK_SENDER_NUMBER_H
#define AK_SENDER_NUMBER_H

#include <akashi/syslog.h>

#include <stddef.h>
#include <stdint.h>

/* Numbers that one record can hold; Cisco's two and one of each other kind never come together. */
#define AK_SENDER_NUMBERS_MAX 6u

/* RFC 5424 7.3.1: behind it comes 1. */
#define AK_SENDER_META_MAX UINT64_C(2147483647)

enum ak_sender_kind {
    AK_SENDER_META,           /* RFC 5424 meta sequenceId */
    AK_SENDER_CISCO,          /* the only or first number in front */
    AK_SENDER_CISCO_SEQUENCE, /* the second one: service sequence-numbers */
    AK_SENDER_AUDIT,          /* audit(SECONDS:SERIAL); the records of an event share it */
    AK_SENDER_WINDOWS,        /* EventRecordID of a channel */
    AK_SENDER_SNARE           /* MSWinEventLog's counter */
};
#define AK_SENDER_KINDS 6u

struct ak_sender_number {
    enum ak_sender_kind kind;
    struct ak_syslog_part host; /* whose counter it is, as far as the record says; borrowed */
    struct ak_syslog_part app;  /* application or channel */
    uint64_t value;
    uint64_t stamp; /* audit: the event's own time, ms; else 0 */
};

/* The numbers in a record; gives how many. */
size_t ak_sender_numbers(struct ak_sender_number out[AK_SENDER_NUMBERS_MAX], const void *record,
                         size_t len);

/* "RFC 5424 meta sequenceId", for people; "meta", for programs. */
const char *ak_sender_kind_text(enum ak_sender_kind kind);
const char *ak_sender_kind_name(enum ak_sender_kind kind);

#endif
