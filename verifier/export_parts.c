/* export_parts.c - a record of which some bytes must not be shown: which parts that are, and what
 * stands in the bundle for each (docs/format.md 3.4, 14.5).
 *
 * A part is withheld as a whole, however little of it is to be hidden: what stands around a hidden
 * word within one part would go with it. So more is hidden than was asked for, never less. */
#include "export.h"

#include "bundle_parts.h"

#include <akashi/parts.h>

#include <stdlib.h>
#include <string.h>

/* Bytes of an opening for one part, at most: length, reason, commitment. */
#define OPENING_BYTES_MAX (1u + 2u + AK_HASH_BYTES)
#define COUNT_BYTES       4u

enum ak_code ak_export_hide_add(struct ak_export_hide *hide, size_t begin, size_t end,
                                uint16_t redaction, struct ak_error *err)
{
    if (begin >= end)
        return AK_OK;
    if (hide->count == hide->room) {
        size_t room = hide->room == 0 ? 16 : hide->room * 2;
        struct ak_export_hidden *more = reallocarray(hide->range, room, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for what is to be hidden");
        hide->range = more;
        hide->room = room;
    }
    hide->range[hide->count++] = (struct ak_export_hidden){begin, end, redaction};
    return AK_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct ak_export_hidden *x = a;
    const struct ak_export_hidden *y = b;

    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1)
           : x->end != y->end   ? (x->end > y->end ? -1 : 1)
                                : 0;
}

/* The ranges in the order of their beginnings, as far as they reach: `at` is the first that may
 * touch what comes next, and no earlier one reaches further than `covered`. */
struct walking {
    const struct ak_export_hide *hide;
    size_t at;
    size_t covered;
    uint16_t covered_by;
};

/* Whether bytes [begin, end) are touched; parts are asked in their order. */
static const uint16_t *touched(struct walking *w, size_t begin, size_t end)
{
    while (w->at < w->hide->count && w->hide->range[w->at].begin < end) {
        const struct ak_export_hidden *range = &w->hide->range[w->at++];
        if (range->end > w->covered) {
            w->covered = range->end;
            w->covered_by = range->redaction;
        }
    }
    return w->covered > begin ? &w->covered_by : NULL;
}

static void put_u16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

/* One part into both outputs. */
static void put_part(struct ak_export_parts *out, const struct ak_log_tree_entry *entry, uint32_t j,
                     const uint8_t *part, uint32_t len, const uint16_t *redaction)
{
    uint8_t *opening = out->opening + out->opening_len;
    uint8_t salt[AK_SALT_BYTES];
    struct ak_hash c;

    ak_part_salt(salt, entry->record_key, j);
    if (redaction == NULL) {
        opening[0] = (uint8_t)len;
        memcpy(opening + 1, salt, sizeof(salt));
        out->opening_len += 1 + sizeof(salt);
        if (len > 0)
            memcpy(out->text + out->text_len, part, len);
        out->text_len += len;
        return;
    }
    ak_part_commitment(&c, salt, part, len);
    opening[0] = AK_BUNDLE_WITHHELD;
    put_u16(opening + 1, *redaction);
    memcpy(opening + 3, c.b, sizeof(c.b));
    out->opening_len += OPENING_BYTES_MAX;
    memcpy(out->text + out->text_len, AK_BUNDLE_MARK, AK_BUNDLE_MARK_BYTES);
    out->text_len += AK_BUNDLE_MARK_BYTES;
    if (out->withheld++ == 0)
        out->redaction = *redaction;
}

enum ak_code ak_export_parts_make(struct ak_export_parts *out,
                                  const struct ak_log_tree_entry *entry,
                                  const struct ak_export_hide *hide, struct ak_error *err)
{
    struct walking w = {.hide = hide};
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    out->parts = ak_parts_count(entry->payload, entry->len);
    if (hide->count == 0)
        return AK_OK;
    qsort(hide->range, hide->count, sizeof(*hide->range), by_begin);
    out->opening = malloc(COUNT_BYTES + (size_t)out->parts * OPENING_BYTES_MAX);
    out->text = malloc(AK_BUNDLE_TEXT_BYTES_MAX);
    if (out->opening == NULL || out->text == NULL) {
        ak_export_parts_free(out);
        return ak_fail(err, AK_ENOMEM, "no memory for a record in parts");
    }
    put_u16(out->opening, (uint16_t)(out->parts >> 16));
    put_u16(out->opening + 2, (uint16_t)out->parts);
    out->opening_len = COUNT_BYTES;
    for (uint32_t j = 0; j < out->parts; j++) {
        uint32_t len = ak_part_length(entry->payload + at, entry->len - at);
        put_part(out, entry, j, entry->payload + at, len, touched(&w, at, at + len));
        at += len;
    }
    if (out->withheld == 0 || out->withheld == out->parts) {
        free(out->opening);
        free(out->text);
        out->opening = NULL;
        out->text = NULL;
    }
    return AK_OK;
}

void ak_export_parts_free(struct ak_export_parts *parts)
{
    free(parts->opening);
    free(parts->text);
    memset(parts, 0, sizeof(*parts));
}
