/* syslog.c - any bytes as a syslog record: parts lie within the record and in order, structured
 * data can be walked to its end, a time is in range, and showing it ends. */
#include "fields.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *begin;
static const char *end;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "syslog: %s\n", what);
    abort();
}

static void within(struct ak_syslog_part part, const char *what)
{
    must(part.p == NULL || (part.p >= begin && part.p + part.len <= end), what);
}

static void walk(const struct ak_syslog *s)
{
    struct ak_syslog_data data;
    struct ak_syslog_part name;
    struct ak_syslog_part value;
    size_t elements = 0;

    ak_syslog_data_begin(&data, s);
    while (ak_syslog_data_element(&data, &name)) {
        elements++;
        within(name, "an SD-ID lies outside");
        must(name.len > 0 && name.len <= AK_SYSLOG_ID_BYTES_MAX, "an SD-ID has no length");
        while (ak_syslog_data_param(&data, &name, &value)) {
            within(name, "a name lies outside");
            within(value, "a value lies outside");
        }
    }
    must((elements > 0) == (s->data.p != NULL), "structured data has no element");
    must(data.len == 0, "the walk stops before the end");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static FILE *nowhere;
    struct ak_json_out out;
    struct ak_syslog s;
    unsigned assumed;
    uint64_t ns;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    must(nowhere != NULL, "/dev/null cannot be opened");
    begin = (const char *)bytes;
    end = begin + size;
    ak_syslog_parse(&s, bytes, size);
    must(s.pri >= -1 && s.pri <= 191, "PRI is out of range");
    must(s.message.p != NULL, "there is no message");
    if (size > 0)
        within(s.message, "the message lies outside");
    within(s.time, "the time lies outside");
    within(s.host, "the host lies outside");
    within(s.app, "the app lies outside");
    within(s.procid, "the procid lies outside");
    within(s.msgid, "the msgid lies outside");
    within(s.data, "the data lie outside");
    within(s.sequence[0], "a number lies outside");
    within(s.sequence[1], "a number lies outside");
    must(s.stamp.month == 0 || s.time.p != NULL, "a stamp without a time");
    must(s.host.len <= AK_SYSLOG_HOST_BYTES_MAX && s.app.len <= AK_SYSLOG_TAG_BYTES_MAX &&
             s.procid.len <= AK_SYSLOG_PID_BYTES_MAX && s.msgid.len <= AK_SYSLOG_ID_BYTES_MAX,
         "a part is too long");
    walk(&s);
    for (unsigned i = 0; i < 64; i += 7)
        (void)ak_syslog_time(&s, UINT64_MAX >> i, &ns, &assumed);
    ak_json_out_init(&out, nowhere);
    ak_json_out_open(&out, NULL, '{');
    ak_fields_json(&out, bytes, size, ns);
    ak_json_out_close(&out, '}');
    ak_fields_text(nowhere, bytes, size, ns);
    return 0;
}
