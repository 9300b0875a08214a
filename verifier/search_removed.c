/* search_removed.c - records that are asked for and whose payload is not there, held against the
 * orders of the log (docs/format.md R33).
 *
 * Nobody can say whether such a record would have been found. An accepted order makes that a
 * remark; else the answer is not VALID, as the log is not to a check. What is not proven has been
 * told of as such. */
#include "search_private.h"

#include <stdio.h>
#include <string.h>

struct removing {
    struct ak_search_run *r;
    const struct ak_search_block *b;
};

static void tell(const struct removing *m, enum ak_finding_code code, uint64_t begin, uint64_t end,
                 const char *text)
{
    ak_search_tell(m->r, code, begin, end, m->r->at.file->name, m->b->columns_frame.offset, text);
}

/* That no order is found does not show that there is none: that is for a check to say. */
static void tell_not_ordered(const struct removing *m, uint64_t begin, uint64_t end, bool expired)
{
    char text[AK_FINDING_TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "these payloads were taken out as %s, and no order that says so was found; "
                   "akashi-verify check says whether there is none.",
                   expired ? "expired" : "erased");
    tell(m, AK_FINDING_MISSING, begin, end, text);
}

/* Proven entries [begin, end). */
static void judge(const struct removing *m, uint64_t begin, uint64_t end, bool expired)
{
    struct ak_search_run *r = m->r;
    char text[AK_FINDING_TEXT_BYTES];
    uint64_t order = 0;
    uint64_t to;

    if (r->ordered.full) {
        tell(m, AK_FINDING_LIMIT, begin, end, AK_ORDERED_FULL_TEXT);
        return;
    }
    for (uint64_t at = begin; at < end; at = to) {
        switch (ak_ordered_ask(&r->ordered, expired, at, end, &to, &order)) {
        case AK_ORDERED_ACCEPTED:
            r->result->erased += to - at;
            break;
        case AK_ORDERED_ASSERTED:
            ak_ordered_text_unauthorised(text, expired, order, r->search->authority_count);
            tell(m, AK_FINDING_ERASED_UNAUTHORISED, at, to, text);
            break;
        case AK_ORDERED_NOT:
            tell_not_ordered(m, at, to, expired);
            break;
        }
    }
}

static void on_absent(void *ctx, uint32_t from, uint32_t to, uint8_t state)
{
    const struct removing *m = ctx;
    const struct ak_search_run *r = m->r;
    uint64_t first = m->b->columns->first;

    if (r->at.known) { /* its digest tells */
        judge(m, first + from, first + to, state == AK_STATE_EXPIRED);
        return;
    }
    for (uint32_t at = from; at < to; at++) {
        uint32_t end = at;
        while (end < to && r->proven[end])
            end++;
        if (end > at)
            judge(m, first + at, first + end, state == AK_STATE_EXPIRED);
        at = end;
    }
}

enum ak_code ak_search_removed(struct ak_search_run *r, const struct ak_search_block *b,
                               struct ak_error *err)
{
    struct removing removing = {r, b};
    enum ak_code rc = AK_OK;

    if (b->absent == 0 || r->prover == NULL || (!r->at.known && !b->opened))
        return AK_OK;
    if (!r->ordered_known)
        rc = ak_prover_orders(r->prover, r->search->authorities, r->search->authority_count,
                              &r->ordered, err);
    r->ordered_known = true;
    if (rc == AK_OK)
        ak_search_block_absent(b, on_absent, &removing);
    return rc;
}

void ak_search_removed_close(struct ak_search_run *r)
{
    if (r->result->erased == 0)
        return;
    memset(&r->pending, 0, sizeof(r->pending));
    r->pending.code = AK_FINDING_ERASED;
    r->pending.rule = "R33";
    ak_ordered_text_erased(r->pending.text, r->result->erased);
    r->is_pending = true;
    ak_search_flush(r);
}
