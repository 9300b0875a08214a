/* custody_show.c - custody records in words and as JSON. */
#include "custody_show.h"

#include "claim_show.h"
#include "show.h"
#include "when.h"

#include <akashi/base64.h>

#include <string.h>

static void line(FILE *file, const char *label, const char *text)
{
    if (text[0] == '\0')
        return;
    ak_claim_show_label(file, label);
    ak_show_text(file, text);
    fputc('\n', file);
}

static void digest(char out[2 * AK_HASH_BYTES + 1], const struct ak_hash *hash)
{
    (void)ak_hex_encode(out, 2 * AK_HASH_BYTES + 1, hash->b, AK_HASH_BYTES);
}

/* What the signature lines are worth to this reader. */
static void show_signature(FILE *file, const struct ak_custody_item *item, bool keys_given)
{
    char number[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_label(file, "signed");
    if (item->is_signed) {
        fputs("by ", file);
        ak_show_text(file, item->signer);
        fputs(", whose key was given\n", file);
    } else if (item->lines == 0) {
        fputs("no: by whom it was written is only stated\n", file);
    } else if (keys_given) {
        fputs("by none of the keys that were given\n", file);
    } else {
        fprintf(file,
                "%s line%s, not checked: by whom is only stated. Give the key with --custody-key\n",
                ak_show_count(number, item->lines), ak_show_plural(item->lines));
    }
}

static void show_remarks(FILE *file, const struct ak_custody_item *item)
{
    if (item->time_falls)
        fputs("  remark: its time lies before that of the record before; clocks differ, or one of "
              "them is wrong\n",
              file);
    if (item->not_from_him)
        fputs("  remark: by the record before, somebody else had it\n", file);
}

static void show_item(FILE *file, const struct ak_custody_item *item, bool keys_given)
{
    const struct ak_custody_record *record = &item->record;
    char time[AK_WHEN_TEXT_BYTES];

    if (!item->readable) {
        fputs("custody record that cannot be read\n", file);
        return;
    }
    fprintf(file, "custody record %u\n", record->number);
    line(file, "at", ak_when_format_seconds(time, record->at));
    line(file, "exhibit", record->exhibit);
    line(file, "by", record->by);
    line(file, "to", record->to);
    line(file, "place", record->place);
    line(file, "purpose", record->purpose);
    line(file, "changes", record->changes);
    line(file, "answerable", record->answerable);
    show_signature(file, item, keys_given);
    show_remarks(file, item);
}

void ak_custody_show(FILE *file, const struct ak_custody *custody, bool keys_given)
{
    char hex[2 * AK_HASH_BYTES + 1];

    for (size_t i = 0; i < custody->count; i++)
        show_item(file, &custody->item[i], keys_given);
    if (custody->count == 0) {
        fputs("no custody record\n", file);
        ak_show_wrapped(file,
                        "That there never was one cannot be seen: all of them may have been taken "
                        "away.",
                        2, 0);
        return;
    }
    digest(hex, &custody->item[custody->count - 1].digest);
    ak_show_wrapped(file,
                    "That a newer record was taken off the end cannot be seen here: only who has "
                    "its digest, or a newer record, would notice. The newest one here has SHA-256",
                    2, 0);
    fprintf(file, "  %s\n", hex);
}

static void put(struct ak_json_out *out, const char *name, const char *text)
{
    if (text[0] != '\0')
        (void)ak_json_out_text(out, name, text, strlen(text));
}

static void put_item(struct ak_json_out *out, const struct ak_custody_item *item)
{
    const struct ak_custody_record *record = &item->record;
    char hex[2 * AK_HASH_BYTES + 1];
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, NULL, '{');
    digest(hex, &item->digest);
    ak_json_out_string(out, "sha256", hex);
    ak_json_out_bool(out, "readable", item->readable);
    if (item->readable) {
        ak_json_out_uint(out, "number", record->number);
        digest(hex, &record->evidence);
        ak_json_out_string(out, "evidence", hex);
        ak_json_out_string(out, "at", ak_when_format_seconds(time, record->at));
        put(out, "exhibit", record->exhibit);
        put(out, "by", record->by);
        put(out, "to", record->to);
        put(out, "place", record->place);
        put(out, "purpose", record->purpose);
        put(out, "changes", record->changes);
        put(out, "answerable", record->answerable);
        ak_json_out_uint(out, "signature_lines", item->lines);
        put(out, "signer", item->signer);
        ak_json_out_bool(out, "time_falls", item->time_falls);
        ak_json_out_bool(out, "not_from_holder", item->not_from_him);
    }
    ak_json_out_close(out, '}');
}

void ak_custody_json(struct ak_json_out *out, const struct ak_custody *custody)
{
    ak_json_out_open(out, "custody", '[');
    for (size_t i = 0; i < custody->count; i++)
        put_item(out, &custody->item[i]);
    ak_json_out_close(out, ']');
}
