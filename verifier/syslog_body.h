/* syslog_body.h - what is left of a syslog message when relays have put headers on or taken them
 * off: to tell that two lines are one message, never to show one.
 *
 * RFC 3164 and RFC 5424, and what rsyslog and syslog-ng write into files: a time, a host, the
 * message. What does not look like a header is part of the message. */
#ifndef AK_SYSLOG_BODY_H
#define AK_SYSLOG_BODY_H

#include <stddef.h>

/* Longest APP-NAME and PROCID that are taken apart (RFC 5424 6), and a tag's. */
#define AK_SYSLOG_NAME_BYTES_MAX   48u
#define AK_SYSLOG_PROCID_BYTES_MAX 128u

/* Parts of a line; all borrow from it. The message as RFC 3164 has it, MSG = TAG CONTENT, is
 * `app`, "[" `procid` "]" if that is not empty, ": ", `content`; without `app` it is `content`. */
struct ak_syslog_body {
    const char *app; /* NULL: none was found */
    size_t app_len;
    const char *procid;
    size_t procid_len;
    const char *content; /* behind the tag, without blanks in front and CR and NUL behind */
    size_t content_len;
};

void ak_syslog_body(struct ak_syslog_body *body, const char *line, size_t len);

#endif
