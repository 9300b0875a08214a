/* fields.c - the parts of a syslog record, shown.
 *
 * The time is given twice: as the sender wrote it, and as RFC 3339 in UTC with what had to be
 * assumed for that. Parts that the sender did not write are left out. */
#include "fields.h"

#include "show.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

/* A value of this many bytes is unescaped on the stack; a longer one on the heap, as long as it
 * is (at most a record); without memory it is given as written. */
#define VALUE_BYTES 512u

const char *ak_fields_assumed(unsigned assumed)
{
    static const char *const words[] = {
        [0] = "",
        [AK_SYSLOG_ASSUMED_YEAR] = "year",
        [AK_SYSLOG_ASSUMED_ZONE] = "zone",
        [AK_SYSLOG_ASSUMED_YEAR | AK_SYSLOG_ASSUMED_ZONE] = "year, zone",
    };

    return words[assumed & (AK_SYSLOG_ASSUMED_YEAR | AK_SYSLOG_ASSUMED_ZONE)];
}

static const char *form_name(enum ak_syslog_form form)
{
    return form == AK_SYSLOG_RFC5424 ? "rfc5424" : form == AK_SYSLOG_RFC3164 ? "rfc3164" : "none";
}

static const char *clock_name(char clock)
{
    return clock == '*' ? "never set" : "not in step";
}

/* Gives false, too, if the part is no UTF-8, so that it was escaped. */
static bool put_part(struct ak_json_out *out, const char *name, struct ak_syslog_part part)
{
    return part.p == NULL || ak_json_out_text(out, name, part.p, part.len);
}

static bool put_value(struct ak_json_out *out, struct ak_syslog_part value)
{
    char local[VALUE_BYTES];
    char *heap = value.len > sizeof(local) ? malloc(value.len) : NULL;
    char *text = value.len > sizeof(local) ? heap : local;
    bool utf8;

    if (text == NULL)
        return ak_json_out_text(out, "value", value.p, value.len);
    utf8 = ak_json_out_text(out, "value", text, ak_syslog_data_value(text, value));
    free(heap);
    return utf8;
}

static bool put_data(struct ak_json_out *out, const struct ak_syslog *s)
{
    struct ak_syslog_data walk;
    struct ak_syslog_part name;
    struct ak_syslog_part value;
    bool utf8 = true;

    if (s->data.p == NULL)
        return true;
    ak_json_out_open(out, "structured_data", '[');
    ak_syslog_data_begin(&walk, s);
    while (ak_syslog_data_element(&walk, &name)) {
        ak_json_out_open(out, NULL, '{');
        utf8 = put_part(out, "id", name) && utf8;
        ak_json_out_open(out, "params", '[');
        while (ak_syslog_data_param(&walk, &name, &value)) {
            ak_json_out_open(out, NULL, '{');
            utf8 = put_part(out, "name", name) && utf8;
            utf8 = put_value(out, value) && utf8;
            ak_json_out_close(out, '}');
        }
        ak_json_out_close(out, ']');
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
    return utf8;
}

static void put_time(struct ak_json_out *out, const struct ak_syslog *s, uint64_t received)
{
    char text[AK_WHEN_TEXT_BYTES];
    unsigned assumed;
    uint64_t ns;

    if (s->time.p == NULL)
        return;
    (void)put_part(out, "time", s->time); /* ASCII */
    if (s->clock != '\0')
        ak_json_out_string(out, "clock", clock_name(s->clock));
    if (!ak_syslog_time(s, received, &ns, &assumed))
        return;
    ak_json_out_string(out, "time_rfc3339", ak_when_format(text, ns));
    ak_json_out_open(out, "time_assumed", '[');
    if ((assumed & AK_SYSLOG_ASSUMED_YEAR) != 0)
        ak_json_out_string(out, NULL, "year");
    if ((assumed & AK_SYSLOG_ASSUMED_ZONE) != 0)
        ak_json_out_string(out, NULL, "zone");
    ak_json_out_close(out, ']');
}

void ak_fields_json(struct ak_json_out *out, const void *record, size_t len, uint64_t received)
{
    struct ak_syslog s;
    bool utf8 = true;

    ak_syslog_parse(&s, record, len);
    ak_json_out_open(out, "fields", '{');
    ak_json_out_string(out, "form", form_name(s.form));
    if (s.pri >= 0) {
        ak_json_out_uint(out, "pri", (uint64_t)s.pri);
        ak_json_out_string(out, "facility", ak_syslog_facility(s.pri));
        ak_json_out_string(out, "severity", ak_syslog_severity(s.pri));
    }
    if (s.version > 0)
        ak_json_out_uint(out, "version", s.version);
    if (s.form == AK_SYSLOG_RFC5424)
        ak_json_out_bool(out, "complete", s.complete);
    put_time(out, &s, received);
    utf8 = put_part(out, "host", s.host) && utf8;
    utf8 = put_part(out, "app", s.app) && utf8;
    utf8 = put_part(out, "procid", s.procid) && utf8;
    utf8 = put_part(out, "msgid", s.msgid) && utf8;
    utf8 = put_data(out, &s) && utf8;
    if (s.sequence[0].p != NULL) {
        ak_json_out_open(out, "sequence", '[');
        for (size_t i = 0; i < 2; i++)
            (void)put_part(out, NULL, s.sequence[i]); /* digits */
        ak_json_out_close(out, ']');
    }
    if (s.bom)
        ak_json_out_bool(out, "bom", true);
    utf8 = put_part(out, "message", s.message) && utf8;
    if (!utf8)
        ak_json_out_bool(out, "escaped", true);
    ak_json_out_close(out, '}');
}

static void show_part(FILE *file, const char *name, struct ak_syslog_part part)
{
    if (part.p == NULL)
        return;
    fprintf(file, "%s=", name);
    ak_show_data(file, part.p, part.len);
    fputc(' ', file);
}

static void show_time(FILE *file, const struct ak_syslog *s, uint64_t received)
{
    char text[AK_WHEN_TEXT_BYTES];
    unsigned assumed;
    uint64_t ns;

    if (s->time.p == NULL)
        return;
    if (ak_syslog_time(s, received, &ns, &assumed)) {
        fprintf(file, "time=%s ", ak_when_format(text, ns));
        if (assumed != 0)
            fprintf(file, "(%s assumed) ", ak_fields_assumed(assumed));
    }
    fputs("written=\"", file);
    ak_show_data(file, s->time.p, s->time.len);
    fputs("\" ", file);
    if (s->clock != '\0')
        fprintf(file, "(clock %s) ", clock_name(s->clock));
}

void ak_fields_text(FILE *file, const void *record, size_t len, uint64_t received)
{
    struct ak_syslog s;

    ak_syslog_parse(&s, record, len);
    fprintf(file, "form=%s ", form_name(s.form));
    if (s.pri >= 0)
        fprintf(file, "pri=%s.%s ", ak_syslog_facility(s.pri), ak_syslog_severity(s.pri));
    show_time(file, &s, received);
    show_part(file, "host", s.host);
    show_part(file, "app", s.app);
    show_part(file, "procid", s.procid);
    show_part(file, "msgid", s.msgid);
    show_part(file, "data", s.data);
    show_part(file, "sequence", s.sequence[0]);
    show_part(file, "sequence", s.sequence[1]);
    fputs("message=", file);
    ak_show_data(file, s.message.p, s.message.len);
}
