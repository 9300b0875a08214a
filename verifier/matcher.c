/* matcher.c - one pass over many records, then a second look at the few that may match.
 *
 * In the first pass a record's neighbours stand beside it, so an expression may match across them;
 * the second look has the record alone. Every record that matches alone has a place in the first
 * pass: ^ and $ match at each line there, and what would tell the start of the text from that of a
 * line is refused. Where an expression can be seen to stay within a line (pattern_line.h), a place
 * in a record that is one line of plain ASCII is a match, and there is no second look. */
#include "matcher_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Places a line that are worth it: with more, as an expression like "." has, looking at each record
 * alone is faster, which ends with the first match. */
#define PLACES_A_LINE 8u

/* So many more for a start. */
#define PLACES_MORE 4096u

enum ak_code ak_matcher_scan_new(struct ak_matcher_scan **out, const struct ak_matcher *matcher,
                                 struct ak_error *err)
{
    struct ak_matcher_scan *scan = calloc(1, sizeof(*scan));
    hs_scratch_t *scratch = NULL;

    *out = NULL;
    if (scan == NULL ||
        (matcher->expressions != NULL &&
         hs_alloc_scratch(matcher->expressions, &scratch) != HS_SUCCESS) ||
        (matcher->fronts != NULL && hs_alloc_scratch(matcher->fronts, &scratch) != HS_SUCCESS) ||
        (matcher->beginnings != NULL &&
         hs_alloc_scratch(matcher->beginnings, &scratch) != HS_SUCCESS)) {
        (void)hs_free_scratch(scratch);
        free(scan);
        return ak_fail(err, AK_ENOMEM, "no memory to look for something");
    }
    scan->matcher = matcher;
    scan->scratch = scratch;
    *out = scan;
    return AK_OK;
}

void ak_matcher_scan_free(struct ak_matcher_scan *scan)
{
    if (scan == NULL)
        return;
    (void)hs_free_scratch(scan->scratch);
    free(scan->at);
    free(scan->folded);
    ak_charset_view_free(&scan->view);
    free(scan);
}

/* Keeps one place of each line, as far as they come in order. */
static bool add_place(struct ak_matcher_scan *scan, uint64_t at)
{
    const uint8_t *end;

    if (scan->count > 0 && at >= scan->line_begin && at <= scan->line_end) {
        scan->everywhere = ++scan->passed > PLACES_MORE + scan->count * PLACES_A_LINE;
        return !scan->everywhere;
    }
    if (scan->count == scan->room) {
        size_t room = scan->room == 0 ? 1024 : scan->room * 2;
        uint32_t *places = reallocarray(scan->at, room, sizeof(*places));
        if (places == NULL) {
            scan->failed = true;
            return false;
        }
        scan->at = places;
        scan->room = room;
    }
    if (scan->count > 0 && at < scan->line_begin)
        scan->sorted = false;
    scan->at[scan->count++] = (uint32_t)at;
    end = at < scan->len ? memchr(scan->text + at, '\n', scan->len - at) : NULL;
    scan->line_begin = at; /* places before it in this line may be kept once more */
    scan->line_end = end == NULL ? scan->len : (uint64_t)(end - scan->text);
    return true;
}

static int on_block_match(unsigned id, unsigned long long from, unsigned long long to,
                          unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)from;
    (void)flags;
    scan->sure = scan->sure && id == 0;
    return add_place(scan, to) ? 0 : 1;
}

static bool on_block_literal(void *ctx, uint32_t id, size_t begin, size_t end)
{
    (void)id;
    (void)begin;
    return add_place(ctx, end);
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The text with small letters, where the list wants it. */
static const uint8_t *fold(struct ak_matcher_scan *scan, const uint8_t *text, size_t len)
{
    if (!ak_literals_fold(scan->matcher->literals))
        return NULL;
    if (len + 1 > scan->folded_room) {
        uint8_t *bigger = realloc(scan->folded, len + 1);
        if (bigger == NULL) {
            scan->failed = true;
            return NULL;
        }
        scan->folded = bigger;
        scan->folded_room = len + 1;
    }
    ak_literals_folded(scan->folded, text, len);
    return scan->folded;
}

/* One pass with everything there is, until a callback ends it. */
static void pass(struct ak_matcher_scan *scan, const hs_database_t *expressions,
                 const uint8_t *text, size_t len, match_event_handler on_match,
                 ak_literals_fn on_literal)
{
    const struct ak_matcher *matcher = scan->matcher;
    const uint8_t *folded;

    assert(len < UINT32_MAX);
    if (expressions != NULL) {
        hs_error_t got = hs_scan(expressions, (const char *)text, (unsigned)len, 0, scan->scratch,
                                 on_match, scan);
        assert(got == HS_SUCCESS || got == HS_SCAN_TERMINATED);
        if (got != HS_SUCCESS)
            return;
    }
    if (matcher->literals == NULL)
        return;
    folded = fold(scan, text, len);
    if (!scan->failed)
        ak_literals_scan(matcher->literals, text, folded, len, on_literal, scan);
}

enum ak_code ak_matcher_block(struct ak_matcher_scan *scan, const uint8_t *text, size_t len,
                              struct ak_error *err)
{
    const struct ak_matcher *matcher = scan->matcher;

    scan->count = 0;
    scan->everywhere = false;
    scan->sure = matcher->in_line;
    scan->passed = 0;
    scan->sorted = true;
    scan->failed = false;
    scan->text = text;
    scan->len = len;
    pass(scan, matcher->fronts != NULL ? matcher->fronts : matcher->expressions, text, len,
         on_block_match, on_block_literal);
    scan->sure = scan->sure && !scan->everywhere;
    if (scan->failed)
        return ak_fail(err, AK_ENOMEM, "no memory for places in a block");
    if (!scan->sorted)
        qsort(scan->at, scan->count, sizeof(scan->at[0]), by_place);
    return AK_OK;
}

void ak_matcher_everywhere(struct ak_matcher_scan *scan)
{
    scan->count = 0;
    scan->everywhere = true;
    scan->sure = false;
}

bool ak_matcher_may(const struct ak_matcher_scan *scan, size_t *k, size_t begin, size_t end)
{
    bool place = scan->everywhere;

    for (; *k < scan->count && scan->at[*k] <= end; ++*k)
        place = place || scan->at[*k] >= begin;
    return place;
}

/* Whether a match stands in the record as characters do; `begin` is not known of an expression that
 * was not asked for beginnings. */
static bool stands(struct ak_matcher_scan *scan, const struct ak_matcher_variant *variant,
                   bool has_begin, size_t begin, size_t end)
{
    if (!scan->looked && !ak_charset_look(&scan->view, scan->record, scan->record_len)) {
        scan->failed = true;
        return false;
    }
    scan->looked = true;
    if (!has_begin && !scan->view.plain) {
        scan->again = scan->matcher->beginnings != NULL;
        return !scan->again;
    }
    return ak_charset_stands(&scan->view, variant->charset, variant->begins, scan->matcher->given,
                             begin, end);
}

static bool take_match(struct ak_matcher_scan *scan, uint32_t id, bool has_begin, size_t begin,
                       size_t end)
{
    const struct ak_matcher_variant *variant = &scan->matcher->variant[id];

    if (variant->len > 0) {
        begin = end - variant->len;
        has_begin = true;
    }
    if (!stands(scan, variant, has_begin, begin, end))
        return false;
    scan->match->found = true;
    scan->match->pattern = variant->pattern;
    scan->match->charset = variant->charset;
    return true;
}

static int on_record_match(unsigned id, unsigned long long from, unsigned long long to,
                           unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)from;
    (void)flags;
    return take_match(scan, id, false, 0, (size_t)to) || scan->failed || scan->again;
}

static int on_record_beginning(unsigned id, unsigned long long from, unsigned long long to,
                               unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)flags;
    return take_match(scan, id, true, (size_t)from, (size_t)to) || scan->failed;
}

static bool on_record_literal(void *ctx, uint32_t id, size_t begin, size_t end)
{
    struct ak_matcher_scan *scan = ctx;

    return !take_match(scan, id, true, begin, end) && !scan->failed;
}

enum ak_code ak_matcher_record(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                               struct ak_match *match, struct ak_error *err)
{
    static const uint8_t nothing[1] = {0};

    scan->match = match;
    memset(scan->match, 0, sizeof(*scan->match));
    scan->record = len > 0 ? record : nothing;
    scan->record_len = len;
    scan->looked = false;
    scan->again = false;
    scan->failed = false;
    pass(scan, scan->matcher->expressions, scan->record, len, on_record_match, on_record_literal);
    if (scan->again && !scan->failed) {
        hs_error_t got = hs_scan(scan->matcher->beginnings, (const char *)scan->record,
                                 (unsigned)len, 0, scan->scratch, on_record_beginning, scan);
        assert(got == HS_SUCCESS || got == HS_SCAN_TERMINATED);
        (void)got;
    }
    if (scan->failed)
        return ak_fail(err, AK_ENOMEM, "no memory to look at a record");
    return AK_OK;
}

enum ak_code ak_matcher_place(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                              struct ak_match *match, struct ak_error *err)
{
    const struct ak_matcher_variant *variant = scan->matcher->variant;

    /* Where a record does not begin a line of the text, its place may be one of what stands before.
     */
    if (!scan->sure || (record != scan->text && record[-1] != '\n') ||
        !ak_charset_is_plain_line(record, len))
        return ak_matcher_record(scan, record, len, match, err);
    *match = (struct ak_match){true, variant->pattern, variant->charset};
    return AK_OK;
}
