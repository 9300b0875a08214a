/* bundle_derive.c - records as JSON lines and as a table; one entry a line whatever its text holds.
 */
#include "bundle_derive.h"

#include "jsonout.h"
#include "when.h"

#include <akashi/escape.h>

#include <inttypes.h>
#include <string.h>

/* ---- Into a hash ---- */

static ssize_t hash_write(void *cookie, const char *data, size_t n)
{
    ak_sha256_update(cookie, data, n);
    return (ssize_t)n;
}

FILE *ak_bundle_derive_hash(struct ak_sha256_ctx *ctx)
{
    ak_sha256_init(ctx);
    return fopencookie(ctx, "w", (cookie_io_functions_t){.write = hash_write});
}

/* ---- Records ---- */

static const char *kind_word(uint8_t kind)
{
    return kind == AK_KIND_FRAGMENT ? "fragment" : "record";
}

void ak_bundle_derive_jsonl(FILE *file, const struct ak_bundle_entry *entry,
                            const struct ak_source_table *table)
{
    const struct ak_entry *e = &entry->entry;
    char time[AK_WHEN_TEXT_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];
    struct ak_json_out out;

    ak_json_out_init(&out, file);
    ak_json_out_open(&out, NULL, '{');
    ak_json_out_string(&out, "datetime", ak_when_format(time, e->received));
    ak_json_out_string(&out, "timestamp_desc", "received by the collector");
    ak_json_out_uint(&out, "timestamp", e->received / 1000); /* microseconds, as Timesketch has */
    ak_json_out_uint(&out, "index", entry->index);
    ak_json_out_string(&out, "kind", kind_word(e->kind));
    ak_json_out_uint(&out, "source", e->source);
    ak_json_out_string(&out, "source_name", ak_source_name(name, table, e->source));
    ak_json_out_uint(&out, "source_seq", e->source_seq);
    if (entry->state == AK_STATE_PARTS)
        ak_json_out_uint(&out, "parts_withheld", entry->withheld);
    if (!ak_json_out_text(&out, "message", entry->payload, entry->len))
        ak_json_out_base64(&out, "message_base64", entry->payload, entry->len);
    ak_json_out_close(&out, '}');
    fputc('\n', file);
}

void ak_bundle_derive_csv_head(FILE *file)
{
    fputs("index,datetime,source,source_name,source_seq,kind,message\r\n", file);
}

/* Whether a spreadsheet could take a cell that begins so for a formula; Japanese ones take the wide
 * forms of = + - @ too (U+FF1D, U+FF0B, U+FF0D, U+FF20). */
static bool looks_active(const uint8_t *text, size_t len)
{
    static const uint8_t wide[] = {0x9d, 0x8b, 0x8d, 0xa0};

    if (len == 0 || text[0] == '\0')
        return false;
    if (strchr("=+-@\t\r\n|%", text[0]) != NULL)
        return true;
    return len >= 3 && text[0] == 0xef && text[1] == 0xbc &&
           memchr(wide, text[2], sizeof(wide)) != NULL;
}

/* A cell in quotation marks (RFC 4180). What a spreadsheet would take for a formula is led by an
 * apostrophe; controls are escaped, so that a cell is a line. */
static void put_cell(FILE *file, const uint8_t *text, size_t len)
{
    char out[1024];

    fputc('"', file);
    if (looks_active(text, len))
        fputc('\'', file);
    while (len > 0) {
        size_t some =
            len < sizeof(out) / AK_ESCAPE_GROWTH_MAX ? len : sizeof(out) / AK_ESCAPE_GROWTH_MAX;
        size_t n;
        some -= some == len ? 0 : 1;
        /* A character is not cut in two. */
        while (some < len && some > 1 && (text[some] & 0xc0) == 0x80)
            some--;
        n = ak_escape_terminal(out, sizeof(out), text, some);
        for (size_t i = 0; i < n; i++) {
            if (out[i] == '"')
                fputc('"', file);
            fputc(out[i], file);
        }
        text += some;
        len -= some;
    }
    fputc('"', file);
}

void ak_bundle_derive_csv(FILE *file, const struct ak_bundle_entry *entry,
                          const struct ak_source_table *table)
{
    const struct ak_entry *e = &entry->entry;
    char time[AK_WHEN_TEXT_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];

    (void)ak_source_name(name, table, e->source);
    fprintf(file, "%" PRIu64 ",%s,%" PRIu32 ",", entry->index, ak_when_format(time, e->received),
            e->source);
    put_cell(file, (const uint8_t *)name, strlen(name));
    fprintf(file, ",%" PRIu64 ",%s,", e->source_seq, kind_word(e->kind));
    put_cell(file, entry->payload, entry->len);
    fputs("\r\n", file);
}
