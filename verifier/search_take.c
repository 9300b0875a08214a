/* search_take.c - blocks that come back from the threads, in order: what their records rest on,
 * hits in them, and findings of what gives no answer. */
#include "leafhash.h"
#include "search_private.h"

#include <stdio.h>
#include <string.h>

/* ---- Findings ---- */

void ak_search_flush(struct ak_search_run *r)
{
    if (!r->is_pending)
        return;
    r->is_pending = false;
    r->result->findings++;
    ak_claim_fail(&r->result->claim, r->pending.code, r->pending.rule, "%s", r->pending.text);
    if (r->search->on_finding != NULL)
        r->search->on_finding(r->search->ctx, &r->pending);
}

static bool asked(const struct ak_search_run *r, uint64_t begin, uint64_t end)
{
    return begin < end && begin <= r->search->filter.last && end > r->search->filter.first;
}

/* Entries [begin, end) give no answer that counts. */
void ak_search_tell(struct ak_search_run *r, enum ak_finding_code code, uint64_t begin,
                    uint64_t end, const char *file, uint64_t offset, const char *text)
{
    if (!asked(r, begin, end))
        return;
    if (r->is_pending && r->pending.code == code && r->pending.end == begin &&
        strcmp(r->pending.text, text) == 0) {
        r->pending.end = end;
        return;
    }
    ak_search_flush(r);
    memset(&r->pending, 0, sizeof(r->pending));
    r->pending.code = code;
    r->pending.rule = "";
    (void)snprintf(r->pending.text, sizeof(r->pending.text), "%s", text);
    if (file != NULL) {
        (void)snprintf(r->pending.file, sizeof(r->pending.file), "%s", file);
        r->pending.has_offset = true;
        r->pending.offset = offset;
    }
    r->pending.has_range = true;
    r->pending.begin = begin;
    r->pending.end = end;
    r->is_pending = true;
}

void ak_search_passed_over(struct ak_search_run *r, const char *why)
{
    (void)snprintf(r->why, sizeof(r->why), "%s", why);
    r->have_why = true;
}

static enum ak_finding_code code_of(enum ak_code rc)
{
    switch (rc) {
    case AK_EIO:
    case AK_ENOTFOUND:
        return AK_FINDING_IO_ERROR;
    case AK_EUNSUPPORTED:
        return AK_FINDING_UNSUPPORTED;
    case AK_ELIMIT:
        return AK_FINDING_LIMIT;
    default:
        return AK_FINDING_ALTERED;
    }
}

/* Entries before `first` that no block gave. */
void ak_search_pass_to(struct ak_search_run *r, uint64_t first, uint64_t offset)
{
    if (r->started && first > r->next) {
        if (r->have_why)
            ak_search_tell(r, AK_FINDING_ALTERED, r->next, first, r->at.file->name, offset, r->why);
        else
            ak_search_tell(r, AK_FINDING_MISSING, r->next, first, NULL, 0,
                           "no file here holds them");
    }
    r->next = first;
    r->started = true;
}

/* ---- Blocks that come back ---- */

static bool is_record(const struct ak_search_run *r, const struct ak_block *block, uint32_t i)
{
    const struct ak_entry *entry = &block->entry[i];

    return ak_search_wants(&r->search->filter, block->first + i, entry->kind, entry->received,
                           entry->source);
}

/* Stretches of an opened block that are not proven: whatever they say that they are, since they may
 * have been wanted records; of what is not signed yet only those. */
static void tell_unproven(struct ak_search_run *r, const struct ak_search_block *b)
{
    const struct ak_block *block = b->block;
    uint64_t signed_to = ak_prover_signed(r->prover);
    bool lacks = ak_prover_lacks(r->prover);

    for (uint32_t i = 0; i < block->count; i++) {
        uint64_t index = block->first + i;
        if (r->proven[i] || (index >= signed_to && !is_record(r, block, i)))
            continue;
        if (index >= signed_to)
            ak_search_tell(r, AK_FINDING_TAIL_UNSIGNED, index, index + 1, r->at.file->name,
                           b->columns_frame.offset, "no checkpoint covers them yet");
        else if (b->data_rc == AK_OK && lacks)
            ak_search_tell(r, AK_FINDING_MISSING, index, index + 1, r->at.file->name,
                           b->columns_frame.offset,
                           "the hashes that would prove them are not here");
        else
            ak_search_tell(
                r, AK_FINDING_ALTERED, index, index + 1, r->at.file->name, b->columns_frame.offset,
                b->data_rc != AK_OK ? b->data_err.text
                                    : "they do not lead to what was signed, or cannot be read");
    }
}

/* The level-8 hash of a group: as computed; of one that need not be proven as recorded, which then
 * is one more hash beside the others and comes out with them or not at all. */
static bool level8_of(const struct ak_search_run *r, const struct ak_search_block *b, uint32_t g,
                      struct ak_hash *out)
{
    const struct ak_block_group *group = &b->block->group[g];
    uint64_t number = (b->block->first + group->begin) / AK_GROUP_ENTRIES;

    if (b->needed[g] && !group->hashed)
        return false;
    if (group->whole) {
        *out = group->hashed ? group->node[0] : b->columns->level8[g];
        return true;
    }
    if (r->before.there && r->before.group == number)
        *out = r->before.level8;
    else if (r->after.there && r->after.group == number)
        *out = r->after.level8;
    else
        return false;
    return true;
}

/* Proves the groups that are needed, all at once. False if that does not come out. */
static bool prove_needed(struct ak_search_run *r, const struct ak_search_block *b)
{
    struct ak_hash level8[AK_BLOCK_GROUPS_MAX];
    const struct ak_block *block = b->block;
    uint32_t end = block->group_count;
    uint32_t from = 0;

    while (from < end && !b->needed[from])
        from++;
    while (end > from && !b->needed[end - 1])
        end--;
    for (uint32_t g = from; g < end; g++) {
        if (!level8_of(r, b, g, &level8[g - from]))
            return false;
    }
    if (from < end &&
        !ak_prover_groups(r->prover, (block->first + block->group[from].begin) / AK_GROUP_ENTRIES,
                          level8, end - from))
        return false;
    memset(r->proven, 0, block->count * sizeof(*r->proven));
    for (uint32_t g = from; g < end; g++) {
        for (uint32_t k = 0; b->needed[g] && k < block->group[g].count; k++)
            r->proven[block->group[g].begin + k] = true;
    }
    return true;
}

/* Records of an opened block that are here, of its decoded groups, and those of them proven. */
static void count_opened(const struct ak_search_run *r, const struct ak_search_block *b,
                         uint32_t *searched, uint32_t *proven)
{
    const struct ak_block *block = b->block;

    *searched = 0;
    *proven = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        if (block->payload[i].p == NULL || !is_record(r, block, i))
            continue;
        *searched += 1;
        *proven += r->prover != NULL && r->proven[i];
    }
}

/* What the records of an opened block rest on. */
static enum ak_code judge_opened(struct ak_search_run *r, struct ak_search_block *b,
                                 struct ak_error *err)
{
    const struct ak_block *block = b->block;
    uint32_t searched;
    uint32_t proven;
    enum ak_code rc = AK_OK;

    if (r->prover != NULL && !prove_needed(r, b))
        rc = ak_prover_block(r->prover, block, r->proven, err);
    if (rc != AK_OK)
        return rc;
    count_opened(r, b, &searched, &proven);
    if (b->all)
        b->searched = searched;
    if (r->prover == NULL) {
        if (b->data_rc != AK_OK)
            ak_search_tell(r, code_of(b->data_rc), block->first, block->first + block->count,
                           r->at.file->name, b->columns_frame.offset, b->data_err.text);
        return AK_OK;
    }
    r->result->by_tree += proven;
    if (!r->at.known || b->data_rc != AK_OK) {
        tell_unproven(r, b);
        return AK_OK;
    }
    r->at.by_file += b->searched - proven; /* its digest tells */
    for (uint32_t k = 0; k < b->count; k++)
        r->at.doubtful = r->at.doubtful || !r->proven[b->place[k].position];
    return AK_OK;
}

static enum ak_code give_hits(struct ak_search_run *r, const struct ak_search_block *b,
                              struct ak_error *err)
{
    const struct ak_block *block = b->block;
    enum ak_code rc = AK_OK;

    for (uint32_t k = 0; k < b->count && rc == AK_OK; k++) {
        uint32_t i = b->place[k].position;
        bool proven = r->prover != NULL && r->proven[i];
        struct ak_search_hit hit = {.entry = {.index = block->first + i,
                                              .entry = block->entry[i],
                                              .state = block->payload[i].state,
                                              .payload = block->payload[i].p,
                                              .len = block->payload[i].len,
                                              .proof = r->prover == NULL ? AK_PROOF_UNKNOWN
                                                       : proven          ? AK_PROOF_PROVEN
                                                                         : AK_PROOF_NOT,
                                              .file = r->at.file->name,
                                              .offset = b->columns_frame.offset},
                                    .match = b->place[k].match};
        r->result->hits++;
        r->result->hits_unproven += r->prover != NULL && !proven;
        rc = r->search->on_hit(r->search->ctx, &hit, err);
    }
    return rc;
}

/* A block that gave nothing that could be looked through. */
static void lost_data(struct ak_search_run *r, const struct ak_search_block *b)
{
    ak_search_tell(r, code_of(b->data_rc), b->columns->first, b->columns->first + b->columns->count,
                   r->at.file->name, b->columns_frame.offset, b->data_err.text);
}

static void take_digests(struct ak_search_run *r, const struct ak_search_block *b)
{
    if (b->digested) {
        ak_search_frames_put(&r->frames, b->place_of_columns, &b->columns_digest);
        ak_search_frames_put(&r->frames, b->place_of_data, &b->data_digest);
    } else {
        ak_search_frames_break(&r->frames);
    }
}

static enum ak_code take_block(struct ak_search_run *r, struct ak_search_block *b,
                               struct ak_error *err)
{
    const struct ak_columns *columns = b->columns;
    enum ak_code rc = AK_OK;

    if (b->rc == AK_ENOMEM)
        return ak_fail(err, AK_ENOMEM, "%s", b->err.text);
    if (r->at.known)
        take_digests(r, b);
    if (b->rc != AK_OK) {
        if (!r->at.again)
            ak_search_passed_over(r, b->err.text);
        return AK_OK;
    }
    if (r->at.again && b->data_rc != AK_OK)
        return AK_OK; /* told the first time */
    if (!r->at.again) {
        if (r->started && columns->first < r->next)
            return AK_OK; /* these were given already */
        ak_search_pass_to(r, columns->first, b->columns_frame.offset);
        r->have_why = false;
        r->next = columns->first + columns->count;
        r->stop = columns->first > r->search->filter.last;
        r->result->absent += b->absent;
    }
    if (b->passed)
        return r->at.again ? AK_OK : ak_search_removed(r, b, err);
    if (b->data_rc != AK_OK && !b->opened) {
        lost_data(r, b);
        return AK_OK;
    }
    if (b->opened)
        rc = judge_opened(r, b, err);
    else if (r->at.known)
        r->at.by_file += b->searched;
    if (rc == AK_OK && !r->at.again) {
        r->result->searched += b->searched;
        rc = ak_search_removed(r, b, err);
    }
    if (rc == AK_OK && !r->at.again)
        rc = give_hits(r, b, err);
    return rc;
}

/* The group that ends in the block behind, if one of the two needs it: no block has to be opened
 * again for the leaves that its neighbour lacks. Where it lies in more than two blocks, or they are
 * of two files, the prover reads them. */
static void sew(struct ak_search_run *r, struct ak_search_block *b, struct ak_search_block *next)
{
    struct ak_hash leaf[AK_GROUP_ENTRIES];
    struct ak_hash scratch[AK_GROUP_ENTRIES / 2];
    const struct ak_columns *left = b->columns;
    const struct ak_columns *right = next->columns;
    uint32_t last;
    uint32_t count;

    if (r->prover == NULL || b->rc != AK_OK || next->rc != AK_OK ||
        right->first != left->first + left->count)
        return;
    last = left->group_count - 1;
    count = left->group[last].count;
    if (!(b->needed[last] || next->needed[0]) || count == AK_GROUP_ENTRIES ||
        (left->first + left->group[last].begin) % AK_GROUP_ENTRIES != 0 ||
        count + right->group[0].count != AK_GROUP_ENTRIES || !ak_search_block_group(b, last) ||
        !ak_search_block_group(next, 0))
        return;
    memcpy(leaf, b->block->leaf + left->group[last].begin, count * sizeof(leaf[0]));
    memcpy(leaf + count, next->block->leaf, (AK_GROUP_ENTRIES - count) * sizeof(leaf[0]));
    ak_fold_groups(&r->after.level8, leaf, 1, scratch);
    r->after.group = right->first / AK_GROUP_ENTRIES;
    r->after.there = true;
}

/* Takes the oldest block back, when the one behind it is done too. */
enum ak_code ak_search_take_oldest(struct ak_search_run *r, struct ak_error *err)
{
    struct ak_search_block *b = r->ring[r->done++ % r->ring_size];
    struct ak_search_block *next = r->done < r->put ? r->ring[r->done % r->ring_size] : NULL;

    ak_tasks_wait(r->search->tasks, &b->task);
    if (next != NULL)
        ak_tasks_wait(r->search->tasks, &next->task);
    r->before = r->after;
    r->after.there = false;
    if (next != NULL)
        sew(r, b, next);
    return take_block(r, b, err);
}

enum ak_code ak_search_take_all(struct ak_search_run *r, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (r->done < r->put) {
        enum ak_code one = ak_search_take_oldest(r, rc == AK_OK ? err : NULL);
        rc = rc == AK_OK ? one : rc;
    }
    return rc;
}
