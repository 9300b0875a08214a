/* bundle_parts.c - reads a record of which parts are withheld: each part is its bytes and their
 * salt, or its commitment, and together they come to what the entry commits to.
 *
 * Failure modes: numbers and marks that are not of the form end the reading of payloads, since
 * nothing can be cut out any more; parts that would be split in another way, or come to another
 * commitment, are the entry's fault alone, and what follows is read on. */
#include "bundle_parts.h"

#include <akashi/parts.h>

#include <string.h>

struct reading {
    struct ak_bundle_payloads *p;
    struct ak_bundle_opening *opening;
    struct ak_parts_shown shown;
    uint32_t parts_shown;
};

static enum ak_code read_number(struct reading *r, unsigned bytes, uint32_t *out,
                                struct ak_error *err)
{
    uint8_t number[4];
    enum ak_code rc = ak_bundle_stream_copy(&r->p->openings, number, bytes, err);

    *out = 0;
    for (unsigned i = 0; rc == AK_OK && i < bytes; i++)
        *out = *out << 8 | number[i];
    return rc;
}

/* The next bytes of the text, behind those that are there. */
static enum ak_code read_text(struct reading *r, size_t n, uint8_t **at, struct ak_error *err)
{
    struct ak_bundle_opening *opening = r->opening;

    if (n > AK_BUNDLE_TEXT_BYTES_MAX - opening->len)
        return ak_fail(err, AK_EMALFORMED, "openings: a text that is longer than any record");
    *at = r->p->payload + opening->len;
    opening->len += n;
    return ak_bundle_payloads_plain(r->p, *at, n, err);
}

/* Each reason once, as far as there is room. */
static void note_reason(struct ak_bundle_opening *opening, uint16_t number)
{
    for (unsigned i = 0; i < opening->reason_count; i++) {
        if (opening->reason[i] == number)
            return;
    }
    if (opening->reason_count < AK_BUNDLE_REASONS_MAX)
        opening->reason[opening->reason_count++] = number;
    else
        opening->reasons_left_off = true;
}

static enum ak_code read_withheld(struct reading *r, struct ak_error *err)
{
    uint8_t commitment[AK_HASH_BYTES];
    uint32_t number;
    uint8_t *mark = NULL;
    enum ak_code rc = read_number(r, 2, &number, err);

    if (rc == AK_OK)
        rc = ak_bundle_stream_copy(&r->p->openings, commitment, sizeof(commitment), err);
    if (rc == AK_OK)
        rc = read_text(r, AK_BUNDLE_MARK_BYTES, &mark, err);
    if (rc != AK_OK)
        return rc;
    if (memcmp(mark, AK_BUNDLE_MARK, AK_BUNDLE_MARK_BYTES) != 0)
        return ak_fail(err, AK_EMALFORMED, "records.zst has no mark where a part is withheld");
    note_reason(r->opening, (uint16_t)number);
    r->opening->withheld++;
    (void)ak_parts_shown_withheld(&r->shown, commitment, &r->opening->split);
    return AK_OK;
}

static enum ak_code read_part(struct reading *r, struct ak_error *err)
{
    uint8_t salt[AK_SALT_BYTES];
    uint32_t len;
    uint8_t *part = NULL;
    enum ak_code rc = read_number(r, 1, &len, err);

    if (rc != AK_OK)
        return rc;
    if (len == AK_BUNDLE_WITHHELD)
        return read_withheld(r, err);
    if (len > AK_PART_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "openings: a part of %u bytes", len);
    rc = ak_bundle_stream_copy(&r->p->openings, salt, sizeof(salt), err);
    if (rc == AK_OK)
        rc = read_text(r, len, &part, err);
    if (rc == AK_OK)
        (void)ak_parts_shown_part(&r->shown, salt, part, len, &r->opening->split);
    r->parts_shown++;
    return rc;
}

enum ak_code ak_bundle_parts_read(struct ak_bundle_payloads *p, const struct ak_entry *entry,
                                  struct ak_bundle_opening *opening, struct ak_error *err)
{
    struct reading r = {.p = p, .opening = opening};
    uint8_t *end;
    enum ak_code rc;

    if (entry->form != AK_FORM_PARTS || !ak_kind_received(entry->kind))
        return ak_fail(err, AK_EMALFORMED,
                       "openings: parts are withheld of an entry that has none, or may not hide "
                       "any");
    rc = read_number(&r, 4, &opening->parts, err);
    if (rc == AK_OK)
        rc = ak_parts_shown_begin(&r.shown, opening->parts, err);
    for (uint32_t j = 0; rc == AK_OK && j < opening->parts; j++)
        rc = read_part(&r, err);
    if (rc == AK_OK && (opening->withheld == 0 || r.parts_shown == 0))
        rc = ak_fail(err, AK_EMALFORMED,
                     "openings: %s parts of an entry are withheld, which is another state",
                     opening->withheld == 0 ? "no" : "all");
    if (rc != AK_OK)
        return rc;
    (void)ak_parts_shown_end(&r.shown, &opening->commitment, &opening->split);
    opening->payload = p->payload;
    end = p->payload + opening->len;
    rc = ak_bundle_payloads_plain(p, end, 1, err);
    if (rc == AK_OK && *end != '\n')
        rc = ak_fail(err, AK_EMALFORMED, "records.zst has no line feed where a payload ends");
    return rc;
}
