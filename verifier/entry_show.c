/* entry_show.c - fields of a line are divided by single blanks, so that programs can cut it. */
#include "entry_show.h"

#include "pick.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

const char *ak_entry_show_state(uint8_t state)
{
    switch (state) {
    case AK_STATE_PRESENT:
        return "present";
    case AK_STATE_ERASED:
        return "erased";
    case AK_STATE_ENCRYPTED:
        return "encrypted";
    case AK_STATE_EXPIRED:
        return "expired";
    default:
        return "absent";
    }
}

/* A source's name must not hold any blanks. */
static void show_name(FILE *file, const struct ak_source_table *table, uint32_t ordinal)
{
    char name[AK_SOURCE_LABEL_BYTES];

    for (const char *p = ak_source_name(name, table, ordinal); *p != '\0'; p++) {
        if (*p == ' ')
            fputs("\\x20", file);
        else
            fputc(*p, file);
    }
}

void ak_entry_show_head(FILE *file, const struct ak_source_table *table,
                        const struct ak_log_entry *entry, const char *mark)
{
    char time[AK_WHEN_TEXT_BYTES];

    fprintf(file, "%" PRIu64 " %s ", entry->index, ak_when_format(time, entry->entry.received));
    show_name(file, table, entry->entry.source);
    fprintf(file, " %s%s", ak_pick_kind(entry->entry.kind), mark);
    if (entry->state != AK_STATE_PRESENT)
        fprintf(file, ":%s", ak_entry_show_state(entry->state));
    if (entry->proof != AK_PROOF_UNKNOWN)
        fputs(entry->proof == AK_PROOF_PROVEN ? " proven" : " NOT-PROVEN", file);
    fputc(' ', file);
}

void ak_entry_show_json(struct ak_json_out *out, const struct ak_source_table *table,
                        const struct ak_log_entry *entry)
{
    const struct ak_entry *e = &entry->entry;
    char text[AK_WHEN_TEXT_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];

    ak_json_out_uint(out, "index", entry->index);
    ak_json_out_string(out, "datetime", ak_when_format(text, e->received));
    ak_json_out_string(out, "timestamp_desc", "received by the collector");
    ak_json_out_uint(out, "timestamp_ns", e->received);
    ak_json_out_uint(out, "clock_run", e->clock_run);
    ak_json_out_string(out, "kind", ak_pick_kind(e->kind));
    ak_json_out_uint(out, "kind_number", e->kind);
    ak_json_out_uint(out, "source", e->source);
    ak_json_out_string(out, "source_name", ak_source_name(name, table, e->source));
    ak_json_out_uint(out, "source_seq", e->source_seq);
    ak_json_out_string(out, "payload", ak_entry_show_state(entry->state));
    if (entry->proof == AK_PROOF_UNKNOWN)
        ak_json_out_null(out, "proven");
    else
        ak_json_out_bool(out, "proven", entry->proof == AK_PROOF_PROVEN);
    (void)ak_json_out_text(out, "segment", entry->file, strlen(entry->file));
    ak_json_out_uint(out, "offset", entry->offset);
    if (!ak_json_out_text(out, "message", entry->payload, entry->len))
        ak_json_out_base64(out, "message_base64", entry->payload, entry->len);
}
