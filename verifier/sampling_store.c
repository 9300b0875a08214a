/* sampling_store.c - a sample out of a store: one pass for commitments and times, then a block and
 * some hashes for each record that is drawn.
 *
 * Happy path: the newest checkpoint (or the one that was kept) is the anchor; if the nonce was
 * committed in the log, the head is the tree whose last entry is the first state behind that; each
 * drawn entry is proven up to the anchor.
 * Failure modes: no key, no checkpoint, a store behind the checkpoint: the claim says so. What of a
 * file is damaged is seen only where it is drawn; that is what a sample is. */
#include "sampling.h"

#include "pick.h"
#include "prover.h"
#include "trust.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Head and population ---- */

/* A checkpoint of another log than the one looked at, or of more than is here. */
static void check_anchor(struct ak_sampling *s)
{
    struct ak_checkpoint *cp = &s->anchor.checkpoint;
    struct ak_log_tree_entry entry;

    if (strcmp(cp->origin, ak_log_tree_origin(s->tree)) != 0)
        ak_claim_fail(&s->sheet.claim, AK_FINDING_MALFORMED, "",
                      "the checkpoint is of %s, the store of %s", cp->origin,
                      ak_log_tree_origin(s->tree));
    else if (cp->size == 0)
        ak_claim_fail(&s->sheet.claim, AK_FINDING_MALFORMED, "R6", "the checkpoint is of no entry");
    else if (ak_log_tree_entry(s->tree, cp->size - 1, &entry, NULL) == AK_ENOTFOUND)
        ak_claim_fail(&s->sheet.claim, AK_FINDING_ROLLED_BACK, "",
                      "the checkpoint has %" PRIu64
                      " entries, and its last one is not in this store",
                      cp->size);
}

static enum ak_code find_anchor(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc;

    if (s->trust.kept_count == 0)
        return ak_sample_anchor_newest(&s->anchor, s->tree, s->trust.keys, s->trust.key_count,
                                       &s->sheet.claim, err);
    rc = ak_sample_anchor_read(&s->anchor, s->trust.kept[0].note, s->trust.kept[0].len,
                               s->trust.keys, s->trust.key_count, &s->sheet.claim, err);
    if (rc == AK_OK && s->sheet.claim.verdict == AK_VALID)
        check_anchor(s);
    return rc;
}

/* Where the nonce was committed, the head follows from it; else it is the checkpoint. */
static enum ak_code find_head(struct ak_sampling *s, struct ak_error *err)
{
    const struct ak_sample_audit *audit;
    struct ak_sample_head head;
    struct ak_hash commitment;
    enum ak_code rc;

    s->sheet.head_size = s->anchor.checkpoint.size;
    s->sheet.head_root = s->anchor.checkpoint.root;
    s->sheet.independence = !s->args.nonce_given     ? AK_INDEPENDENCE_DRAWN_HERE
                            : s->args.beacon_len > 0 ? AK_INDEPENDENCE_BEACON
                                                     : AK_INDEPENDENCE_NONE;
    ak_sample_commitment(s->args.nonce, s->args.nonce_len, &commitment);
    audit = ak_sample_scan_find(&s->scan, &commitment);
    if (audit == NULL)
        return AK_OK;
    if (audit->state == UINT64_MAX)
        return ak_fail(err, AK_ENOTFOUND,
                       "the nonce was committed in entry %" PRIu64
                       ", and no state entry stands behind that yet, which makes the head: one "
                       "comes every minute while the collector runs",
                       audit->index);
    if (audit->state >= s->anchor.checkpoint.size)
        return ak_fail(err, AK_EUSAGE,
                       "the head of this draw has %" PRIu64 " entries, the checkpoint %" PRIu64
                       ": take a later one",
                       audit->state + 1, s->anchor.checkpoint.size);
    rc = ak_sample_head_make(s->tree, &s->anchor, audit, &head, err);
    if (rc != AK_OK)
        return rc;
    ak_sample_head_judge(&head, &s->anchor, &commitment, &s->commit);
    ak_sample_head_free(&head);
    if (s->commit.claim.verdict != AK_VALID) {
        s->sheet.claim = s->commit.claim;
        return AK_OK;
    }
    s->sheet.commit = &s->commit;
    s->sheet.head_size = s->commit.size;
    s->sheet.head_root = s->commit.root;
    s->sheet.independence = audit->opened_at < audit->state ? AK_INDEPENDENCE_OPENED
                            : s->args.beacon_len > 0        ? AK_INDEPENDENCE_BEACON
                                                            : AK_INDEPENDENT;
    return AK_OK;
}

/* ---- Entries ---- */

/* What is derived may be wrong, or a segment was sealed meanwhile: then slowly. */
static enum ak_code make_item(struct ak_sampling *s, uint64_t index, struct ak_sample_item *item,
                              struct ak_error *err)
{
    struct ak_sample_judged judged;
    enum ak_code rc = ak_sample_item_make(s->tree, index, &s->anchor, item, err);

    if (rc != AK_OK)
        return rc;
    ak_sample_item_judge(item, &s->anchor, &judged);
    if (judged.claim.verdict == AK_VALID)
        return AK_OK;
    if (s->careful == NULL && ak_log_tree_open(&s->careful, s->places.place[0].path, NULL,
                                               AK_LOG_TREE_CAREFUL, NULL) != AK_OK)
        return AK_OK;
    ak_sample_item_free(item);
    return ak_sample_item_make(s->careful, index, &s->anchor, item, err);
}

/* Orders behind the checkpoint of the sample count too, as to a check of the store. */
static enum ak_code read_orders(struct ak_sampling *s, struct ak_error *err)
{
    struct ak_prover *prover;
    enum ak_code rc =
        ak_prover_new(&prover, s->places.place[0].path, s->trust.keys, s->trust.key_count, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_prover_orders(prover, s->trust.authorities, s->trust.authority_count, &s->ordered, err);
    ak_prover_free(prover);
    s->ordered_known = true;
    return rc;
}

/* R33: whose order took its payload out. Where none is found that is left open. */
static enum ak_code explain_absent(struct ak_sampling *s, struct ak_sample_item *item,
                                   struct ak_error *err)
{
    char text[AK_FINDING_TEXT_BYTES];
    uint64_t order = 0;
    uint64_t to;
    enum ak_code rc = s->ordered_known ? AK_OK : read_orders(s, err);

    if (rc == AK_OK && s->ordered.full)
        ak_claim_fail(&item->why, AK_FINDING_LIMIT, "R33", AK_ORDERED_FULL_TEXT);
    if (rc != AK_OK || s->ordered.full)
        return rc;
    switch (ak_ordered_ask(&s->ordered, item->expired, item->index, item->index + 1, &to, &order)) {
    case AK_ORDERED_ACCEPTED:
        ak_ordered_text_erased(text, 1);
        ak_claim_fail(&item->why, AK_FINDING_ERASED, "R33", "%s", text);
        break;
    case AK_ORDERED_ASSERTED:
        ak_ordered_text_unauthorised(text, item->expired, order, s->trust.authority_count);
        ak_claim_fail(&item->why, AK_FINDING_ERASED_UNAUTHORISED, "R33", "%s", text);
        break;
    case AK_ORDERED_NOT:
        break;
    }
    return AK_OK;
}

static enum ak_code get_item(void *ctx, uint64_t index, struct ak_sample_item *item,
                             struct ak_error *err)
{
    struct ak_sampling *s = ctx;
    enum ak_code rc = make_item(s, index, item, err);

    return rc == AK_OK && item->state == AK_SAMPLE_ABSENT ? explain_absent(s, item, err) : rc;
}

static enum ak_code pick_sources(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc;

    s->filter.from = s->args.from;
    s->filter.to = s->args.to;
    rc = ak_source_table_read(&s->sources, s->places.place[0].path, err);
    if (rc == AK_OK)
        rc = ak_pick_sources(s->options, &s->sources, &s->selected, &s->filter.source_count, err);
    s->filter.sources = s->selected;
    return rc;
}

static enum ak_code prepare(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc = ak_pick_log(s->options, &s->places, err);

    if (rc != AK_OK && err != NULL && strstr(err->text, "is a checkpoint") != NULL)
        return ak_fail(
            err, AK_EUSAGE,
            "%s is a checkpoint: with --seed NONCE --requests FILE it can be sampled, and "
            "the operator answers",
            s->options->words[0]);
    if (rc == AK_OK)
        rc = ak_log_tree_open(&s->tree, s->places.place[0].path, NULL, AK_LOG_TREE_QUICK, err);
    if (rc == AK_OK)
        rc = find_anchor(s, err);
    if (rc == AK_OK)
        ak_sampling_policy(s);
    if (rc != AK_OK || s->sheet.claim.verdict != AK_VALID)
        return rc;
    s->scan.from = s->args.from;
    s->scan.to = s->args.to;
    rc = ak_sample_scan_log(&s->scan, s->places.place[0].path, err);
    if (rc == AK_OK)
        rc = pick_sources(s, err);
    if (rc == AK_OK)
        rc = find_head(s, err);
    s->sheet.scan = &s->scan;
    return rc;
}

enum ak_code ak_sampling_store(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc = prepare(s, err);

    if (rc != AK_OK || s->sheet.claim.verdict != AK_VALID)
        return rc;
    if (ak_options_has(s->options, AK_OPTION_POPULATION))
        return ak_sampling_lines(s, err);
    rc = ak_sampling_population(s, err);
    if (rc == AK_OK)
        rc = ak_sampling_seed(s, err);
    if (rc == AK_OK)
        rc = ak_sampling_draw(s, get_item, err);
    return rc;
}
