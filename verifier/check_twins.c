/* check_twins.c - segments that are there more than once (docs/format.md 9.1, R25).
 *
 * The file that counts leaves a digest of its leaves for each group. Another file of the same first
 * index is compared with that, group by group, and has a tree of its own: if what differs is under
 * a signed root there too, the holder of the key has signed two histories. */
#include "check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Groups of one file that are compared: 64 MiB of digests; a file that holds more is compared as
 * far as that. */
#define TWIN_GROUPS_MAX 2097152u

/* Leaves of one group in one file, hashed one after the other. */
struct part {
    struct ak_hash digest;
    uint32_t count;
};

struct ak_check_twins {
    uint64_t first; /* of the file that counts */
    uint64_t end;   /* behind its last leaf so far */
    bool model;     /* one counts, and others will be compared with it */
    struct part *part;
    size_t count;
    size_t cap;
    struct ak_sha256_ctx ctx; /* of the group that is not finished */
    uint32_t in_group;

    /* The file that is compared. */
    struct ak_tree *tree;
    uint64_t next; /* index that is due */
    size_t at;     /* part that is due */
    struct ak_sha256_ctx other;
    uint32_t other_in_group;
    bool differs;
    uint64_t differs_at;
    bool proven; /* what differs is under a signed root there */
    bool fuller; /* payloads are there that the file that counts has not */
    uint64_t full_begin;
    uint64_t full_end;
    enum ak_code fault; /* the first thing that is not as the format says */
};

struct ak_check_twins *ak_check_twins_new(struct ak_check_state *state)
{
    (void)state;
    return calloc(1, sizeof(struct ak_check_twins));
}

void ak_check_twins_free(struct ak_check_twins *twins)
{
    if (twins == NULL)
        return;
    ak_tree_free(twins->tree);
    free(twins->part);
    free(twins);
}

void ak_check_twins_model(struct ak_check_state *state, const struct ak_check_file *file)
{
    struct ak_check_twins *twins = state->twins;

    twins->model = file->twin;
    twins->first = file->first;
    twins->end = file->first;
    twins->count = 0;
    twins->in_group = 0;
    ak_sha256_init(&twins->ctx);
}

static void push_part(struct ak_check_state *state)
{
    struct ak_check_twins *twins = state->twins;

    if (twins->count == TWIN_GROUPS_MAX)
        return;
    if (twins->count == twins->cap) {
        size_t cap = twins->cap == 0 ? 1024 : twins->cap * 2;
        struct part *more = reallocarray(twins->part, cap, sizeof(*more));
        if (more == NULL) {
            struct ak_error err = {0};
            (void)ak_fail(&err, AK_ENOMEM, "no memory to compare segments");
            ak_check_fatal(state, &err);
            return;
        }
        twins->part = more;
        twins->cap = cap;
    }
    ak_sha256_final(&twins->ctx, &twins->part[twins->count].digest);
    twins->part[twins->count++].count = twins->in_group;
    ak_sha256_init(&twins->ctx);
    twins->in_group = 0;
}

void ak_check_twins_leaves(struct ak_check_state *state, uint64_t index, const struct ak_hash *leaf,
                           uint32_t count)
{
    struct ak_check_twins *twins = state->twins;

    if (!twins->model)
        return;
    if (index != twins->end) {
        twins->model = false; /* parts of the file that counts are lost */
        return;
    }
    ak_sha256_update(&twins->ctx, leaf, count * sizeof(*leaf));
    twins->in_group += count;
    twins->end += count;
    if (twins->end % AK_GROUP_ENTRIES == 0)
        push_part(state);
}

static void on_proven(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_counts *counts)
{
    struct ak_check_twins *twins = ctx;

    (void)counts;
    if (twins->differs && twins->differs_at < end && begin < twins->differs_at + AK_GROUP_ENTRIES)
        twins->proven = true;
}

static void on_altered(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_group *info)
{
    (void)ctx;
    (void)begin;
    (void)end;
    (void)info;
}

static void on_decided(void *ctx, uint64_t end)
{
    (void)ctx;
    (void)end;
}

static void on_forked(void *ctx, uint64_t size, struct ak_tree_place place, int who)
{
    (void)ctx;
    (void)size;
    (void)place;
    (void)who;
}

static void on_level8(void *ctx, uint64_t group, const struct ak_tree_group *info)
{
    (void)ctx;
    (void)group;
    (void)info;
}

static void twin_fault(struct ak_check_twins *twins, enum ak_code rc)
{
    if (twins->fault == AK_OK)
        twins->fault = rc == AK_OK ? AK_EMALFORMED : rc;
}

static void twin_header(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_twins *twins = state->twins;
    struct ak_tree_events events = {.ctx = twins,
                                    .on_proven = on_proven,
                                    .on_altered = on_altered,
                                    .on_decided = on_decided,
                                    .on_forked = on_forked,
                                    .on_level8 = on_level8,
                                    .on_range = on_forked};
    size_t head = ak_frame_head(&item->frame);
    struct ak_segment_header *header = malloc(sizeof(*header));

    if (header == NULL || item->rc != AK_OK ||
        ak_segment_header_decode(header, item->content + head, item->content_len - head,
                                 &item->err) != AK_OK) {
        twin_fault(twins, item->rc != AK_OK ? item->rc : item->err.code);
        free(header);
        return;
    }
    ak_tree_free(twins->tree);
    twins->tree = ak_tree_new(header->first, &events);
    if (twins->tree == NULL) {
        struct ak_error err = {0};
        (void)ak_fail(&err, AK_ENOMEM, "no memory to compare segments");
        ak_check_fatal(state, &err);
    } else {
        ak_tree_offer(twins->tree, &header->range, (struct ak_tree_place){0, 0}, AK_WHO_HEADER,
                      true);
    }
    free(header);
}

/* Ends a group of the file that is compared. */
static void compare_part(struct ak_check_twins *twins)
{
    struct ak_hash digest;
    uint64_t begin = twins->next - twins->other_in_group;

    ak_sha256_final(&twins->other, &digest);
    ak_sha256_init(&twins->other);
    if (twins->at < twins->count && !twins->differs &&
        twins->part[twins->at].count == twins->other_in_group &&
        !ak_hash_equal(&digest, &twins->part[twins->at].digest)) {
        twins->differs = true;
        twins->differs_at = begin;
    }
    twins->at++;
    twins->other_in_group = 0;
}

/* Entries [begin, end) have their payloads here: does the file that counts have them too? */
static void twin_present(struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    struct ak_check_twins *twins = state->twins;

    if (begin >= end || !ak_check_absent_here(state, begin, end))
        return;
    if (!twins->fuller)
        twins->full_begin = begin;
    twins->fuller = true;
    twins->full_end = end;
}

static void twin_payloads(struct ak_check_state *state, const struct ak_columns *columns)
{
    uint64_t at = columns->first;

    for (uint32_t a = 0; a < columns->absent_count; a++) {
        const struct ak_columns_absent *absent = &columns->absent[a];
        twin_present(state, at, columns->first + absent->position);
        at = columns->first + absent->position + absent->count;
    }
    twin_present(state, at, columns->first + columns->count);
}

static void twin_block(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_twins *twins = state->twins;
    const struct ak_block *block = item->work->block;
    struct ak_error err = {0};

    if (item->rc != AK_OK || item->data_rc != AK_OK || twins->tree == NULL ||
        block->first != twins->next) {
        twin_fault(twins, item->rc != AK_OK ? item->rc : item->data_rc);
        return;
    }
    twin_payloads(state, item->work->columns);
    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        ak_sha256_update(&twins->other, &block->leaf[group->begin],
                         group->count * sizeof(block->leaf[0]));
        twins->other_in_group += group->count;
        twins->next += group->count;
        if (twins->next % AK_GROUP_ENTRIES == 0)
            compare_part(twins);
        struct ak_tree_part part = {.count = group->count,
                                    .leaf = &block->leaf[group->begin],
                                    .entry = &block->entry[group->begin],
                                    .whole = group->whole ? &group->node[0] : NULL,
                                    .place = {item->open->number, item->frame.offset}};
        if (ak_tree_add(twins->tree, &part, &err) != AK_OK)
            ak_check_fatal(state, &err);
    }
}

static void twin_note(struct ak_check_state *state, const struct ak_check_item *item)
{
    struct ak_check_twins *twins = state->twins;
    const struct ak_checkpoint *checkpoint = &item->judged.checkpoint;
    uint32_t in_force;
    uint64_t start;

    if (item->rc != AK_OK) {
        if (item->rc != AK_EKEY || state->signed_notes > 0)
            twin_fault(twins, item->rc == AK_ELIMIT ? AK_EMALFORMED : item->rc);
        return;
    }
    if (twins->tree != NULL &&
        (ak_check_epochs_empty(state->epochs) ||
         (ak_check_epochs_at(state->epochs, checkpoint->size, &in_force, &start) &&
          ak_check_judged_by(&item->judged, in_force))))
        (void)ak_tree_sign(twins->tree, checkpoint->size, &checkpoint->root,
                           (struct ak_tree_place){0, 0}, AK_WHO_NOTE);
}

static void twin_end(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_twins *twins = state->twins;

    /* The last group is comparable if both files end in it alike. */
    if (twins->other_in_group > 0 && twins->fault == AK_OK)
        compare_part(twins);
    state->log->bytes_read += item->open->size;
    item->open->file->twin_is = (struct ak_check_twin){.fuller = twins->fuller,
                                                       .full_begin = twins->full_begin,
                                                       .full_end = twins->full_end,
                                                       .differs = twins->differs,
                                                       .proven = twins->proven,
                                                       .at = twins->differs_at,
                                                       .fault = twins->fault};
    ak_tree_free(twins->tree);
    twins->tree = NULL;
    item->open->file->read = true;
}

static struct ak_finding judge_twin(const struct ak_check_state *state,
                                    const struct ak_check_twin *twin)
{
    bool proven = twin->differs && ak_check_proven(state->log, twin->at);

    if (twin->differs && twin->proven && proven)
        return ak_finding_make(AK_FINDING_FORKED, "R25",
                               "this file and another one hold different entries of these "
                               "indices, both under a signed root.");
    if (twin->differs && !twin->proven)
        return ak_finding_make(AK_FINDING_ALTERED, "R25",
                               "this file holds other entries of these indices than the one that "
                               "counts.");
    if (twin->fault != AK_OK)
        return ak_finding_make(ak_finding_of_code(twin->fault), "9.1",
                               "this second file of a segment cannot be read as a whole. The one "
                               "that counts is judged by itself.");
    if (twin->differs)
        return ak_finding_make(AK_FINDING_DUPLICATE_FILE, "9.1",
                               "here these entries are as they were signed; the file that counts "
                               "in its place is altered.");
    return ak_finding_make(AK_FINDING_DUPLICATE_FILE, "9.1",
                           "another file holds the same entries and counts.");
}

/* What an order erases lies in a file that does not count. */
static void tell_not_erased(struct ak_check_state *state, const struct ak_check_file *file)
{
    const struct ak_check_twin *twin = &file->twin_is;
    struct ak_finding finding;

    if (!twin->fuller || !ak_check_erased_by_order(state, twin->full_begin, twin->full_end))
        return;
    finding = ak_finding_make(AK_FINDING_NOT_ERASED, "10.5",
                              "payloads are in this file that valid orders erase, and that the "
                              "file that counts in its place has not any more.");
    ak_finding_range(&finding, twin->full_begin, twin->full_end);
    (void)snprintf(finding.file, sizeof(finding.file), "%s", file->name);
    ak_check_report(state, &finding);
}

void ak_check_twins_close(struct ak_check_state *state)
{
    for (size_t i = 0; i < state->file_count; i++) {
        const struct ak_check_file *file = &state->file[i];
        struct ak_finding finding;
        if (file->counts || !file->read)
            continue;
        finding = judge_twin(state, &file->twin_is);
        if (file->twin_is.differs)
            ak_finding_range(&finding, file->twin_is.at,
                             (file->twin_is.at / AK_GROUP_ENTRIES + 1) * AK_GROUP_ENTRIES);
        (void)snprintf(finding.file, sizeof(finding.file), "%s", file->name);
        ak_check_report(state, &finding);
        tell_not_erased(state, file);
    }
}

void ak_check_twins_item(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_twins *twins = state->twins;

    switch (item->type) {
    case AK_ITEM_BEGIN:
        if (item->content != NULL) {
            twin_header(state, item);
            break;
        }
        state->log->files++;
        if (twins->in_group > 0)
            push_part(state);
        twins->next = item->open->file->first;
        twins->at = 0;
        twins->other_in_group = 0;
        twins->differs = false;
        twins->proven = false;
        twins->fuller = false;
        twins->fault = item->rc;
        ak_sha256_init(&twins->other);
        break;
    case AK_ITEM_BLOCK:
        twin_block(state, item);
        break;
    case AK_ITEM_NOTE:
        twin_note(state, item);
        break;
    case AK_ITEM_FAULT:
        twin_fault(twins, item->rc);
        break;
    case AK_ITEM_END:
        twin_end(state, item);
        break;
    default:
        break;
    }
}
