/* search.c - one log from its first file to its last: blocks go to threads, and come back in order.
 *
 * A sealed file whose manifest is proven is *known*: the digests of its frames are gathered on the
 * way, and when the digest over them is the one that the manifest names, all of its blocks are
 * those that the log speaks of. If it is not, the file is gone through once more, every block
 * proven by the tree. Other files are gone through like that in the first place. */
#include "search.h"

#include "leafhash.h"
#include "log_listing.h"
#include "search_block.h"
#include "search_frames.h"

#include <akashi/sha256.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks on their way for each thread: one that is worked on, and one that waits. And one more,
 * which is done and waits for its right neighbour. */
#define BLOCKS_EACH 2u
#define BLOCKS_MORE 1u

/* The group that the border of two blocks divides. */
struct seam {
    bool there;
    uint64_t group;
    struct ak_hash level8; /* computed from both */
};

/* The file that is gone through. */
struct file {
    const struct ak_check_file *file;
    int fd;
    uint64_t bytes;
    uint64_t limit; /* what is committed */
    bool known;     /* `manifest` names the digest of its frames */
    bool again;     /* the second time: only proven, not looked through */
    struct ak_prover_manifest manifest;
    bool doubtful;    /* a hit in it is not proven: then its manifest's word does not do */
    uint64_t by_file; /* records in it that were not proven by the tree */
};

struct run {
    const struct ak_search *search;
    struct ak_search_result *result;
    struct ak_prover *prover;
    struct ak_check_state *state;
    struct ak_frame_walk *walk;
    struct ak_search_block **ring;
    size_t ring_size;
    size_t put;  /* blocks given to threads */
    size_t done; /* and taken back */
    bool *proven;
    struct ak_search_frames frames; /* of the known file */
    struct seam before;             /* at the left of the block that is taken, */
    struct seam after;              /* and at its right */
    struct file at;
    uint64_t next; /* index that is due */
    bool started;
    bool stop;
    bool have_why;
    char why[AK_ERROR_TEXT_BYTES]; /* what was last passed over */
    struct ak_finding pending;     /* neighbours are joined */
    bool is_pending;
};

/* ---- Findings ---- */

static void flush(struct run *r)
{
    if (!r->is_pending)
        return;
    r->is_pending = false;
    r->result->findings++;
    ak_claim_fail(&r->result->claim, r->pending.code, r->pending.rule, "%s", r->pending.text);
    if (r->search->on_finding != NULL)
        r->search->on_finding(r->search->ctx, &r->pending);
}

static bool asked(const struct run *r, uint64_t begin, uint64_t end)
{
    return begin < end && begin <= r->search->filter.last && end > r->search->filter.first;
}

/* Entries [begin, end) give no answer that counts. */
static void tell(struct run *r, enum ak_finding_code code, uint64_t begin, uint64_t end,
                 const char *file, uint64_t offset, const char *text)
{
    if (!asked(r, begin, end))
        return;
    if (r->is_pending && r->pending.code == code && r->pending.end == begin &&
        strcmp(r->pending.text, text) == 0) {
        r->pending.end = end;
        return;
    }
    flush(r);
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

static void passed_over(struct run *r, const char *why)
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
static void pass_to(struct run *r, uint64_t first, uint64_t offset)
{
    if (r->started && first > r->next) {
        if (r->have_why)
            tell(r, AK_FINDING_ALTERED, r->next, first, r->at.file->name, offset, r->why);
        else
            tell(r, AK_FINDING_MISSING, r->next, first, NULL, 0, "no file here holds them");
    }
    r->next = first;
    r->started = true;
}

/* ---- Blocks that come back ---- */

static bool is_record(const struct run *r, const struct ak_block *block, uint32_t i)
{
    const struct ak_entry *entry = &block->entry[i];

    return ak_search_wants(&r->search->filter, block->first + i, entry->kind, entry->received,
                           entry->source);
}

/* Stretches of an opened block that are not proven: whatever they say that they are, since they may
 * have been wanted records; of what is not signed yet only those. */
static void tell_unproven(struct run *r, const struct ak_search_block *b)
{
    const struct ak_block *block = b->block;
    uint64_t signed_to = ak_prover_signed(r->prover);
    bool lacks = ak_prover_lacks(r->prover);

    for (uint32_t i = 0; i < block->count; i++) {
        uint64_t index = block->first + i;
        if (r->proven[i] || (index >= signed_to && !is_record(r, block, i)))
            continue;
        if (index >= signed_to)
            tell(r, AK_FINDING_TAIL_UNSIGNED, index, index + 1, r->at.file->name,
                 b->columns_frame.offset, "no checkpoint covers them yet");
        else if (b->data_rc == AK_OK && lacks)
            tell(r, AK_FINDING_MISSING, index, index + 1, r->at.file->name, b->columns_frame.offset,
                 "the hashes that would prove them are not here");
        else
            tell(r, AK_FINDING_ALTERED, index, index + 1, r->at.file->name, b->columns_frame.offset,
                 b->data_rc != AK_OK ? b->data_err.text
                                     : "they do not lead to what was signed, or cannot be read");
    }
}

/* The level-8 hash of a group: as computed; of one that need not be proven as recorded, which then
 * is one more hash beside the others and comes out with them or not at all. */
static bool level8_of(const struct run *r, const struct ak_search_block *b, uint32_t g,
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
static bool prove_needed(struct run *r, const struct ak_search_block *b)
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
static void count_opened(const struct run *r, const struct ak_search_block *b, uint32_t *searched,
                         uint32_t *proven)
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
static enum ak_code judge_opened(struct run *r, struct ak_search_block *b, struct ak_error *err)
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
            tell(r, code_of(b->data_rc), block->first, block->first + block->count,
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

static enum ak_code give_hits(struct run *r, const struct ak_search_block *b, struct ak_error *err)
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
static void lost_data(struct run *r, const struct ak_search_block *b)
{
    tell(r, code_of(b->data_rc), b->columns->first, b->columns->first + b->columns->count,
         r->at.file->name, b->columns_frame.offset, b->data_err.text);
}

static void take_digests(struct run *r, const struct ak_search_block *b)
{
    if (b->digested) {
        ak_search_frames_put(&r->frames, b->place_of_columns, &b->columns_digest);
        ak_search_frames_put(&r->frames, b->place_of_data, &b->data_digest);
    } else {
        ak_search_frames_break(&r->frames);
    }
}

static enum ak_code take_block(struct run *r, struct ak_search_block *b, struct ak_error *err)
{
    const struct ak_columns *columns = b->columns;
    enum ak_code rc = AK_OK;

    if (b->rc == AK_ENOMEM)
        return ak_fail(err, AK_ENOMEM, "%s", b->err.text);
    if (r->at.known)
        take_digests(r, b);
    if (b->rc != AK_OK) {
        if (!r->at.again)
            passed_over(r, b->err.text);
        return AK_OK;
    }
    if (r->at.again && b->data_rc != AK_OK)
        return AK_OK; /* told the first time */
    if (!r->at.again) {
        if (r->started && columns->first < r->next)
            return AK_OK; /* these were given already */
        pass_to(r, columns->first, b->columns_frame.offset);
        r->have_why = false;
        r->next = columns->first + columns->count;
        r->stop = columns->first > r->search->filter.last;
        r->result->absent += b->absent;
    }
    if (b->passed)
        return AK_OK;
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
        rc = give_hits(r, b, err);
    }
    return rc;
}

/* The group that ends in the block behind, if one of the two needs it: no block has to be opened
 * again for the leaves that its neighbour lacks. Where it lies in more than two blocks, or they are
 * of two files, the prover reads them. */
static void sew(struct run *r, struct ak_search_block *b, struct ak_search_block *next)
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
static enum ak_code take_oldest(struct run *r, struct ak_error *err)
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

static enum ak_code take_all(struct run *r, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (r->done < r->put) {
        enum ak_code one = take_oldest(r, rc == AK_OK ? err : NULL);
        rc = rc == AK_OK ? one : rc;
    }
    return rc;
}

/* ---- Frames ---- */

/* Whether what is behind the last index that is asked for is of no more use: of a known file the
 * digests of all frames are. */
static bool may_stop(const struct run *r)
{
    return r->stop && !r->at.known;
}

static enum ak_code put_block(struct run *r, const struct ak_frame *columns, struct ak_error *err)
{
    struct ak_search_block *b;
    enum ak_code rc = AK_OK;

    if (r->put - r->done == r->ring_size)
        rc = take_oldest(r, err);
    b = r->ring[r->put % r->ring_size];
    b->task.run = ak_search_block_run;
    b->filter = &r->search->filter;
    b->look = !r->at.again;
    b->invert = r->search->invert;
    b->trust = r->prover == NULL || r->at.known;
    b->prove = r->prover != NULL;
    b->digest = r->at.known;
    b->fd = r->at.fd;
    b->columns_frame = *columns;
    b->has_data = ak_frame_next(r->walk, &b->data_frame, NULL) == AK_OK &&
                  b->data_frame.type == AK_FRAME_DATA;
    if (rc != AK_OK || may_stop(r))
        return rc;
    if (b->digest) {
        b->place_of_columns = ak_search_frames_place(&r->frames);
        b->place_of_data = ak_search_frames_place(&r->frames);
    }
    r->put++;
    ak_tasks_put(r->search->tasks, &b->task);
    return AK_OK;
}

/* HEADER or NOTE of a known file. */
static void put_small(struct run *r, const struct ak_frame *frame)
{
    struct ak_hash digest;

    if (ak_frame_digest(r->at.fd, frame, &digest, NULL) == AK_OK)
        ak_search_frames_put(&r->frames, ak_search_frames_place(&r->frames), &digest);
    else
        ak_search_frames_break(&r->frames);
}

static enum ak_code put_frames(struct run *r, struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_frame frame;
    uint64_t skipped;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && !may_stop(r) && r->walk->at < r->at.limit) {
        uint64_t from = r->walk->at;
        enum ak_code walked = ak_frame_next(r->walk, &frame, &why);
        bool torn = walked == AK_OK && frame.type == AK_FRAME_TORN;
        if (walked == AK_OK && frame.type == AK_FRAME_END)
            break;
        if (!torn &&
            (walked == AK_OK || (walked == AK_EMALFORMED && frame.type != AK_FRAME_NONE))) {
            if (frame.type == AK_FRAME_COLUMNS)
                rc = put_block(r, &frame, err);
            else if (r->at.known && frame.type != AK_FRAME_FOOTER && frame.type != AK_FRAME_SEEK)
                put_small(r, &frame);
            if (!r->at.again)
                r->search->on_bytes(r->search->ctx, r->walk->at - from);
            continue;
        }
        rc = take_all(r, err);
        passed_over(r, torn ? "the file ends within a frame" : why.text);
        if ((walked != AK_EMALFORMED && !torn) || ak_frame_resync(r->walk, &skipped, &why) != AK_OK)
            break;
    }
    return rc != AK_OK ? rc : take_all(r, err);
}

/* ---- Files ---- */

/* Whether a proven manifest names this file: by what it holds, whatever its own name is. */
static bool is_known(struct run *r)
{
    return r->prover != NULL && !r->search->full && !r->at.file->named_open &&
           ak_prover_manifest(r->prover, r->at.file->first, &r->at.manifest) &&
           r->at.manifest.bytes == r->at.bytes;
}

static enum ak_code walk_file(struct run *r, struct ak_error *err)
{
    struct ak_error why = {0};

    r->after.there = false;
    if (ak_frame_walk_begin(r->walk, r->at.fd, &why) != AK_OK) {
        passed_over(r, why.text);
        return AK_OK;
    }
    return put_frames(r, err);
}

/* A known file is gone through, and the digest of its frames compared; without it, or where a hit
 * did not lead to what was signed, once more. */
static enum ak_code walk_known(struct run *r, struct ak_error *err)
{
    uint64_t by_tree = r->result->by_tree;
    enum ak_code rc;

    ak_search_frames_begin(&r->frames);
    rc = walk_file(r, err);
    if (rc != AK_OK)
        return rc;
    if (!r->at.doubtful && ak_search_frames_are(&r->frames, &r->at.manifest.frames)) {
        r->result->by_file += r->at.by_file;
        return AK_OK;
    }
    r->result->by_tree = by_tree; /* and all is counted anew */
    r->at.known = false;
    r->at.again = true;
    return walk_file(r, err);
}

static enum ak_code search_file(struct run *r, const struct ak_check_file *file,
                                struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_check_look look;
    enum ak_code rc = AK_OK;

    memset(&r->at, 0, sizeof(r->at));
    r->at.file = file;
    if (ak_list_open_file(r->state->dir_fd, file->name, &r->at.fd, &r->at.bytes, &why) != AK_OK) {
        passed_over(r, why.text);
        return AK_OK;
    }
    r->at.known = is_known(r);
    r->at.limit = r->at.bytes;
    if (!r->at.known) {
        rc = ak_check_scan(r->state, r->at.fd, ak_check_next_first(r->state, file), &look, &why);
        if (rc == AK_OK) {
            ak_check_judge_look(r->state, file, r->at.bytes, &look);
            r->at.limit = look.limit;
        } else {
            passed_over(r, why.text);
        }
    }
    if (rc == AK_OK)
        rc = r->at.known ? walk_known(r, err) : walk_file(r, err);
    else
        rc = AK_OK;
    close(r->at.fd);
    return rc;
}

static enum ak_code search_files(struct run *r, struct ak_error *err)
{
    const struct ak_check_state *state = r->state;
    const struct ak_log_filter *filter = &r->search->filter;
    enum ak_code rc = AK_OK;

    r->started = !state->single;
    for (size_t i = 0; i < state->file_count && rc == AK_OK && !r->stop; i++) {
        const struct ak_check_file *file = &state->file[i];
        size_t next = i + 1;
        if (!file->counts)
            continue;
        while (next < state->file_count && !state->file[next].counts)
            next++;
        if (next < state->file_count && state->file[next].first <= filter->first) {
            r->next = state->file[next].first; /* nothing of it is asked for */
            r->started = true;
            continue;
        }
        if (file->first > filter->last && file->first != UINT64_MAX)
            break;
        r->at.file = file;
        if (file->first != UINT64_MAX && r->started && file->first > r->next)
            pass_to(r, file->first, 0);
        rc = search_file(r, file, err);
    }
    return rc;
}

/* What stands behind the last block that was found. */
static void close_log(struct run *r)
{
    uint64_t newest = r->prover == NULL ? 0 : ak_prover_newest(r->prover);
    uint64_t end = newest;

    if (!r->stop && !r->state->single && newest > r->next && r->next <= r->search->filter.last) {
        if (end - 1 > r->search->filter.last)
            end = r->search->filter.last + 1;
        tell(r, r->have_why ? AK_FINDING_ALTERED : AK_FINDING_MISSING, r->next, end, NULL, 0,
             r->have_why ? r->why : "a checkpoint covers them, and no file here holds them");
    } else if (!r->stop && r->have_why) {
        tell(r, AK_FINDING_ALTERED, r->next, r->next + 1, NULL, 0, r->why);
    }
    flush(r);
    r->result->end = r->next;
}

static void tell_total(const struct run *r)
{
    uint64_t total = 0;

    for (size_t i = 0; i < r->state->file_count; i++)
        total += r->state->file[i].counts ? r->state->file[i].bytes : 0;
    r->search->on_total(r->search->ctx, total);
}

static enum ak_code allocate(struct run *r, struct ak_error *err)
{
    unsigned threads = ak_tasks_threads(r->search->tasks);
    enum ak_code rc = AK_OK;

    r->ring_size = (threads == 0 ? 1 : threads * (size_t)BLOCKS_EACH) + BLOCKS_MORE;
    r->ring = calloc(r->ring_size, sizeof(struct ak_search_block *));
    r->walk = malloc(sizeof(*r->walk));
    r->proven = calloc(AK_BLOCK_ENTRIES_MAX, sizeof(*r->proven));
    if (r->ring == NULL || r->walk == NULL || r->proven == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    for (size_t i = 0; i < r->ring_size && rc == AK_OK; i++)
        rc = ak_search_block_new(&r->ring[i], r->search->matcher, err);
    return rc;
}

static void release(struct run *r)
{
    for (size_t i = 0; r->ring != NULL && i < r->ring_size; i++)
        ak_search_block_free(r->ring[i]);
    free(r->ring);
    free(r->walk);
    free(r->proven);
}

enum ak_code ak_search_log(const struct ak_search *search, const char *path,
                           struct ak_prover *prover, struct ak_search_result *result,
                           struct ak_error *err)
{
    struct run *r = calloc(1, sizeof(*r));
    struct ak_listing *listing = NULL;
    char *segment = NULL;
    int dir_fd = -1;
    enum ak_code rc;

    memset(result, 0, sizeof(*result));
    if (r == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    r->search = search;
    r->result = result;
    r->prover = prover;
    rc = ak_listing_open_path(path, &dir_fd, &segment, err);
    if (rc == AK_OK) {
        listing = ak_listing_new(dir_fd, segment);
        rc = listing == NULL ? ak_fail(err, AK_ENOMEM, "no memory to search") : allocate(r, err);
    }
    if (rc == AK_OK) {
        r->state = &listing->state;
        rc = ak_check_prepare(r->state, err);
    }
    if (rc == AK_OK) {
        tell_total(r);
        rc = search_files(r, err);
    }
    if (rc == AK_OK)
        close_log(r);
    release(r);
    ak_listing_free(listing);
    free(segment);
    free(r);
    if (dir_fd >= 0)
        close(dir_fd);
    return rc;
}
