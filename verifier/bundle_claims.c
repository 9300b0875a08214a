/* bundle_claims.c - claims 2 (complete), 3 (redacted) and 4 (time) after the pass, each with what
 * it lacks if it does not hold (docs/format.md 14.10). */
#include "bundle_private.h"

#include "text.h"
#include "when.h"

#include <akashi/entry.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_COMPLETE                                                                               \
    "What is not proven (claim 1) is not complete either: nothing can be said about it."
#define NOT_TOLD "What is not proven (claim 1) cannot be told from what was changed."

/* ---- Complete ---- */

static void missing(struct ak_claim *claim, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void missing(struct ak_claim *claim, const char *fmt, ...)
{
    char text[AK_FINDING_TEXT_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ak_claim_fail(claim, AK_FINDING_MISSING, "", "%s", text);
}

static void claim_index(struct ak_bundle_judgement *j, struct ak_claim *claim)
{
    const struct ak_bundle_range *range = &j->result->judged;
    uint64_t size = j->result->checkpoint.size;
    uint64_t hole = j->has_hole ? j->hole : range->first + j->in_range;

    if (range->last >= size)
        missing(claim,
                "the log as of this checkpoint has %" PRIu64 " entries; what lies behind is "
                "not shown",
                size);
    else if (j->in_range != range->last - range->first + 1)
        missing(claim,
                "entry %" PRIu64 " of the range is not shown, or without its text and "
                "without a reason",
                hole);
}

/* What every claim about a stretch of time needs. */
static void claim_end(struct ak_bundle_judgement *j, struct ak_claim *claim)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (!j->last_shown)
        missing(claim, "the last entry before the checkpoint is not shown: nobody can say how far "
                       "in time the log reaches");
    else if (j->last_time < j->result->judged.to)
        missing(claim,
                "open at the right: the log as of this checkpoint ends at %s, and what was "
                "received later is not in it",
                ak_when_format(time, j->last_time));
}

static void claim_all(struct ak_bundle_judgement *j, struct ak_claim *claim)
{
    if (j->counts.has_gap)
        missing(claim,
                "entries %" PRIu64 " to %" PRIu64 " are not shown, and nothing shows that "
                "they lie outside of the time",
                j->counts.gap_first, j->counts.gap_last);
    if (j->has_hole)
        missing(claim,
                "entry %" PRIu64 " lies in the time and is shown without its text and "
                "without a reason",
                j->hole);
}

static const struct ak_source_row *declared(const struct ak_bundle_judgement *j, uint32_t ordinal)
{
    const struct ak_source_row *row = ak_source_table_row(&j->sources, ordinal);

    return row != NULL && row->declared ? row : NULL;
}

static enum ak_code claim_source(struct ak_bundle_judgement *j, struct ak_claim *claim,
                                 uint32_t ordinal, struct ak_error *err)
{
    struct ak_bundle_result *r = j->result;
    const struct ak_source_row *row = declared(j, ordinal);
    const struct ak_bundle_count *count =
        ordinal < j->counts.room ? &j->counts.count[ordinal] : NULL;
    struct ak_bundle_source *source;

    if (ordinal >= AK_SOURCE_FIRST && row == NULL)
        missing(claim,
                "the declaration of source %" PRIu32 " is not shown: who it is stands "
                "nowhere",
                ordinal);
    if (!ak_bundle_counts_complete(&j->counts, ordinal))
        missing(claim,
                "entries of source %" PRIu32 " in the time may be hidden: its numbers are "
                "not shown without a hole there",
                ordinal);
    if (count != NULL && count->not_asked)
        missing(claim,
                "an entry of source %" PRIu32 " in the time is shown without its text and "
                "without a reason",
                ordinal);
    if (r->source_count == AK_BUNDLE_LISTED_MAX)
        return AK_OK;
    if (r->source == NULL)
        r->source = calloc(AK_BUNDLE_LISTED_MAX, sizeof(*r->source));
    if (r->source == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of sources");
    source = &r->source[r->source_count++];
    source->ordinal = ordinal;
    source->complete = ak_bundle_counts_complete(&j->counts, ordinal) &&
                       (count == NULL || !count->not_asked) &&
                       (ordinal < AK_SOURCE_FIRST || row != NULL);
    source->shown = count == NULL ? 0 : count->shown;
    source->relay = row != NULL && row->relay;
    if (row != NULL) {
        char label[AK_SOURCE_LABEL_BYTES];
        (void)snprintf(source->label, sizeof(source->label), "%.*s", (int)sizeof(source->label) - 1,
                       ak_source_name(label, &j->sources, ordinal));
    }
    return AK_OK;
}

/* All declared sources that a text means; `*any` if there is one. */
static enum ak_code claim_text(struct ak_bundle_judgement *j, struct ak_claim *claim,
                               const char *text, bool *any, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    uint64_t number;

    if (ak_text_decimal((struct ak_text){text, strlen(text)}, UINT32_MAX, &number)) {
        *any = true;
        return claim_source(j, claim, (uint32_t)number, err);
    }
    for (size_t i = 0; rc == AK_OK && i < j->sources.count; i++) {
        if (!j->sources.row[i].declared || !ak_source_row_matches(&j->sources.row[i], text))
            continue;
        *any = true;
        rc = claim_source(j, claim, (uint32_t)(AK_SOURCE_FIRST + i), err);
    }
    return rc;
}

static enum ak_code claim_sources(struct ak_bundle_judgement *j, struct ak_claim *claim,
                                  struct ak_error *err)
{
    const struct ak_bundle_range *range = &j->result->judged;
    enum ak_code rc = AK_OK;
    bool any = false;

    /* What the bundle says was asked are numbers; what the reader asks are words. */
    for (size_t i = 0; rc == AK_OK && i < range->source_count; i++)
        rc = claim_source(j, claim, range->sources[i], err);
    for (size_t i = 0; rc == AK_OK && range->source_count == 0 && i < range->source_text_count;
         i++) {
        any = false;
        rc = claim_text(j, claim, range->source_texts[i], &any, err);
        if (rc == AK_OK && !any)
            missing(claim, "no declaration that is shown fits %s", range->source_texts[i]);
    }
    return rc;
}

/* Whose a text is that is not here cannot be said where the declaration is not here either. */
static void claim_nameless(struct ak_bundle_judgement *j, struct ak_claim *claim)
{
    for (uint32_t i = AK_SOURCE_FIRST; i < j->counts.room; i++) {
        if (!j->counts.count[i].not_asked || declared(j, i) != NULL)
            continue;
        missing(claim,
                "an entry of source %" PRIu32 " in the time is shown without its text and without "
                "a reason, and the declaration of that source is not shown: it may be of %s",
                i, j->result->judged.identity);
        return;
    }
}

/* Is there a source of it at all? Whether all are known, declarations without a hole say. */
static enum ak_code claim_identity(struct ak_bundle_judgement *j, struct ak_claim *claim,
                                   struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < j->of_identity_count; i++)
        rc = claim_source(j, claim, j->of_identity[i], err);
    if (rc == AK_OK && !ak_bundle_counts_whole(&j->counts, AK_KIND_SOURCE))
        missing(claim, "not all declarations are shown: one that is not may be of %s too",
                j->result->judged.identity);
    if (j->has_unread && j->counts.open > j->unread_open)
        missing(claim,
                "the declaration in entry %" PRIu64
                " is shown without its text, and entries behind "
                "it may be hidden: they may be of %s",
                j->unread, j->result->judged.identity);
    claim_nameless(j, claim);
    return rc;
}

static enum ak_code claim_time(struct ak_bundle_judgement *j, struct ak_claim *claim,
                               struct ak_error *err)
{
    const struct ak_bundle_range *range = &j->result->judged;
    enum ak_code rc = AK_OK;

    if (range->source_count > 0 || range->source_text_count > 0)
        rc = claim_sources(j, claim, err);
    else if (range->identity != NULL)
        rc = claim_identity(j, claim, err);
    else
        claim_all(j, claim);
    if (rc == AK_OK && range->events)
        rc = claim_source(j, claim, AK_KIND_EVENT, err);
    claim_end(j, claim);
    return rc;
}

static enum ak_code claim_complete(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_bundle_result *r = j->result;
    struct ak_claim *claim = &r->claim[AK_BUNDLE_COMPLETE].claim;
    enum ak_code rc = AK_OK;

    if (!r->expected && (!r->has_about || r->judged.what == AK_BUNDLE_MATCH))
        return AK_OK;
    r->claim[AK_BUNDLE_COMPLETE].made = true;
    if (!r->proven || j->payloads_broken) {
        ak_claim_open(claim, "%s", NOT_COMPLETE);
        return AK_OK;
    }
    if (r->judged.what == AK_BUNDLE_INDEX)
        claim_index(j, claim);
    else
        rc = claim_time(j, claim, err);
    if (j->critical)
        ak_claim_fail(claim, AK_FINDING_UNSUPPORTED, "",
                      "entry %" PRIu64 " in the range is of a kind that may change what others "
                      "mean, and this program does not know it",
                      j->critical_index);
    return rc;
}

/* ---- Redacted ---- */

static void claim_redacted(struct ak_bundle_judgement *j)
{
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_REDACTED);

    if (!j->result->proven || j->payloads_broken) {
        ak_claim_open(claim, "%s", NOT_TOLD);
        return;
    }
    ak_bundle_removed_claim(j, claim);
}

static void note_relays(struct ak_bundle_judgement *j)
{
    for (size_t i = 0; i < j->sources.count; i++)
        j->result->relay =
            j->result->relay || (j->sources.row[i].declared && j->sources.row[i].relay);
}

enum ak_code ak_bundle_claims(struct ak_bundle_judgement *j, struct ak_error *err)
{
    note_relays(j);
    claim_redacted(j);
    return claim_complete(j, err);
}

/* ---- What rests on claim 1 ---- */

static void unprove(struct ak_bundle_claim *claim, const char *text)
{
    if (!claim->made)
        return;
    memset(&claim->claim, 0, sizeof(claim->claim));
    ak_claim_open(&claim->claim, "%s", text);
}

void ak_bundle_claims_end(struct ak_bundle_judgement *j)
{
    struct ak_bundle_result *r = j->result;
    const struct ak_claim *first = &r->claim[AK_BUNDLE_AUTHENTIC].claim;

    if (first->verdict != AK_INVALID && first->verdict != AK_NOT_CHECKABLE)
        return;
    unprove(&r->claim[AK_BUNDLE_COMPLETE], NOT_COMPLETE);
    unprove(&r->claim[AK_BUNDLE_REDACTED], NOT_TOLD);
    r->source_count = 0; /* nothing is without a hole of what is not proven */
}
