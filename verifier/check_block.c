/* check_block.c - a decoded block joins the log: place, numbering, own payloads, tree.
 *
 * Everything that is found about entries is held until a signed root covers them: an altered entry
 * breaks many rules, and being altered is what is to be told of it. */
#include "check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries that one lost stretch within a file may hold; more is no damage but a made-up index. */
#define LOST_ENTRIES_MAX (64u * AK_BLOCK_ENTRIES_MAX)

void ak_check_skip(struct ak_check_state *state, uint64_t end, enum ak_tree_lost lost,
                   struct ak_tree_place place)
{
    struct ak_error err = {0};

    if (ak_tree_skip(state->tree, end, lost, place, &err) != AK_OK)
        ak_check_fatal(state, &err);
    if (!state->broken)
        ak_number_break(state->number);
    state->broken = true;
    state->lost_some = true;
    ak_check_reach(state);
}

static void hold_at(struct ak_check_state *state, const struct ak_check_item *item,
                    struct ak_finding *finding, uint64_t index)
{
    ak_finding_at(finding, item->open->file->name, item->frame.offset);
    ak_finding_range(finding, index, index + 1);
    ak_check_hold(state, finding, index, index + 1, AK_ABOUT_ENTRIES);
}

/* R3, also where headers carry a valid start note: this entry is what every reader begins with. */
static void check_entry_0(struct ak_check_state *state, const struct ak_check_item *item)
{
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_EPOCH, "R3", "entry 0 does not begin epoch 0: it is of kind %u.",
                        item->work->columns->run[0].kind);

    hold_at(state, item, &finding, 0);
}

static enum ak_code keep_manifest(struct ak_check_state *state, const struct ak_own *own,
                                  uint64_t index, struct ak_error *err)
{
    size_t n = state->manifest_count;

    if (n == AK_CHECK_MANIFESTS_MAX)
        return AK_OK; /* told when files are compared */
    if ((n & (n - 1)) == 0) {
        struct ak_check_manifest *more =
            reallocarray(state->manifest, n == 0 ? 1 : n * 2, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for manifests");
        state->manifest = more;
    }
    state->manifest[state->manifest_count++] = (struct ak_check_manifest){*own, index};
    return AK_OK;
}

static enum ak_code keep_recovery(struct ak_check_state *state, const struct ak_own *own,
                                  uint64_t index, struct ak_error *err)
{
    size_t n = state->recovery_count;

    if (n == AK_CHECK_RECOVERIES_MAX)
        return AK_OK; /* what it tells of is then reported as untold */
    if ((n & (n - 1)) == 0) {
        struct ak_check_recovery *more =
            reallocarray(state->recovery, n == 0 ? 1 : n * 2, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for recovery events");
        state->recovery = more;
    }
    state->recovery[state->recovery_count++] =
        (struct ak_check_recovery){index, own->good, own->cut, own->digest};
    return AK_OK;
}

static void check_positions(struct ak_check_state *state, const struct ak_check_item *item,
                            uint64_t index, const struct ak_own *own)
{
    struct ak_finding finding;
    struct ak_hash root;

    if (!ak_number_root(state->number, &root) || ak_hash_equal(&root, &own->positions))
        return;
    finding = ak_finding_make(AK_FINDING_NUMBERING, "R30",
                              "the state entry states a root of positions that is not that of the "
                              "entries before it.");
    ak_finding_at(&finding, item->open->file->name, item->frame.offset);
    ak_check_hold(state, &finding, index, index + 1, AK_ABOUT_NUMBERS);
}

static void check_json(struct ak_check_state *state, const struct ak_check_item *item,
                       uint64_t index, uint64_t seq, uint8_t kind, const struct ak_payload *payload)
{
    struct ak_finding finding;
    struct ak_error err = {0};
    struct ak_own own;
    enum ak_code rc = ak_own_read(&own, kind, payload->p, payload->len, &err);

    if (rc == AK_OK && kind == AK_KIND_MANIFEST && own.end > index)
        rc = ak_fail(&err, AK_EMALFORMED, "a manifest of entries that come after it");
    if (rc == AK_OK && own.ordered && own.order >= index)
        rc =
            ak_fail(&err, AK_EMALFORMED, "a manifest names an order that does not stand before it");
    if (rc == AK_OK && kind == AK_KIND_MANIFEST)
        rc = keep_manifest(state, &own, index, &err);
    if (rc == AK_OK && kind == AK_KIND_ANCHOR)
        rc = ak_check_anchor(state, index, payload, &err);
    if (rc == AK_OK && own.stopped) {
        state->stopped_at = index;
        memcpy(state->stopped_reason, own.reason, sizeof(state->stopped_reason));
    }
    if (rc == AK_OK && own.succession)
        rc = ak_check_keep_succession(state, index, payload, &err);
    if (rc == AK_OK && own.recovery)
        rc = keep_recovery(state, &own, index, &err);
    if (rc == AK_OK && kind == AK_KIND_STATE)
        check_positions(state, item, index, &own);
    if (kind == AK_KIND_ORDER && ak_check_order(state, index, seq, payload, NULL) != AK_OK)
        rc = ak_fail(&err, AK_ENOMEM, "no memory for orders");
    if (rc == AK_OK)
        return;
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
        return;
    }
    finding = ak_finding_make(AK_FINDING_MALFORMED, "R18",
                              "the payload of an own entry (kind %u): %s.", kind, err.text);
    hold_at(state, item, &finding, index);
}

static void check_kind(struct ak_check_state *state, const struct ak_check_item *item,
                       uint64_t index, uint8_t kind)
{
    struct ak_finding finding;

    if (kind >= AK_KIND_CRITICAL_FIRST) {
        finding = ak_finding_make(AK_FINDING_UNSUPPORTED, "3.1",
                                  "the entry is of critical kind %u, which this program does not "
                                  "know: it may change the meaning of others.",
                                  kind);
        hold_at(state, item, &finding, index);
    } else if (state->log->code_counts[AK_FINDING_UNKNOWN_KIND] == 0) {
        finding = ak_finding_make(AK_FINDING_UNKNOWN_KIND, "3.1",
                                  "entries of kind %u, this one the first.", kind);
        ak_finding_at(&finding, item->open->file->name, item->frame.offset);
        ak_finding_range(&finding, index, index + 1);
        ak_check_report(state, &finding);
    }
}

static void check_own(struct ak_check_state *state, const struct ak_check_item *item,
                      uint32_t position, const struct ak_columns_run *run)
{
    uint8_t kind = run->kind;
    const struct ak_block *block = item->work->block;
    const struct ak_payload *payload = &block->payload[position];
    uint64_t index = block->first + position;
    struct ak_finding finding;

    if (kind > AK_KIND_STATE) {
        check_kind(state, item, index, kind);
        return;
    }
    if (payload->state != AK_STATE_PRESENT) {
        if (kind == AK_KIND_MANIFEST || kind == AK_KIND_EPOCH || kind == AK_KIND_ORDER ||
            kind == AK_KIND_STATE) {
            finding = ak_finding_make(AK_FINDING_MALFORMED, "R18",
                                      "the payload of an entry of kind %u is not there; it may not "
                                      "be removed.",
                                      kind);
            hold_at(state, item, &finding, index);
        }
        return;
    }
    if (payload->p == NULL) { /* not decoded: its group tells */
        state->lost_some = true;
        return;
    }
    if (kind == AK_KIND_EPOCH)
        ak_check_start_note(state, item, index, payload);
    else
        check_json(state, item, index, run->seq, kind, payload);
}

static void tell_clock(struct ak_check_state *state, const struct ak_check_item *item,
                       uint64_t index, const struct ak_columns_run *run)
{
    struct ak_finding finding;

    if (ak_number_clock_rose(state->number)) {
        finding = ak_finding_make(AK_FINDING_CLOCK_STEP, "R5",
                                  "the collector's clock fell back: run %u of the clock begins.",
                                  run->clock_run);
        hold_at(state, item, &finding, index);
    }
    if (run->received > state->newest_received)
        state->newest_received = run->received;
    if (state->options->now > 0 && run->received > state->options->now && !state->future_told) {
        state->future_told = true;
        finding = ak_finding_make(AK_FINDING_FUTURE, "3.3",
                                  "entries carry times ahead of this machine's clock, this one the "
                                  "first.");
        hold_at(state, item, &finding, index);
    }
}

/* Runs one by one; entries of kind 8 each by itself, for each states what stands before it. */
static void check_runs(struct ak_check_state *state, const struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    struct ak_error err = {0};
    uint32_t position = 0;

    if (columns->first == 0 && columns->run[0].kind != AK_KIND_EPOCH)
        check_entry_0(state, item);
    for (uint32_t r = 0; r < columns->run_count && !state->fatal; r++) {
        struct ak_columns_run run = columns->run[r];
        uint32_t left = run.count;
        while (left > 0) {
            bool own = !ak_kind_received(run.kind);
            uint64_t index = columns->first + position;
            enum ak_code rc;
            run.count = own ? 1 : left;
            if (own)
                check_own(state, item, position, &run);
            rc = ak_number_run(state->number, index, &run, &err);
            if (rc == AK_ELIMIT) {
                struct ak_finding f = ak_finding_make(AK_FINDING_LIMIT, "11", "%s.", err.text);
                hold_at(state, item, &f, index);
            } else if (rc != AK_OK) {
                ak_check_fatal(state, &err);
                return;
            }
            tell_clock(state, item, index, &run);
            run.seq += run.count;
            position += run.count;
            left -= run.count;
        }
    }
    state->broken = false;
}

static void join_groups(struct ak_check_state *state, struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    const struct ak_block *block = item->work->block;
    struct ak_error err = {0};
    uint32_t level8 = 0;
    bool suspect = item->data_rc != AK_OK;
    uint64_t offset = suspect && item->has_data ? item->data.offset : item->frame.offset;

    for (uint32_t g = 0; g < block->group_count && !state->fatal; g++) {
        const struct ak_block_group *group = &block->group[g];
        const struct ak_hash *recorded = NULL;
        struct ak_tree_part part;
        if ((block->first + group->begin + group->count) % AK_GROUP_ENTRIES == 0 &&
            level8 < columns->level8_count) {
            recorded = &columns->level8[level8++];
            ak_segment_derived_group(&item->open->derived, recorded);
        }
        if (group->decoded) {
            state->log->entries += group->count;
            ak_check_twins_leaves(state, block->first + group->begin, &block->leaf[group->begin],
                                  group->count);
        }
        part = (struct ak_tree_part){
            .count = group->count,
            .leaf = group->decoded ? &block->leaf[group->begin] : NULL,
            .entry = &block->entry[group->begin],
            .whole = group->decoded && group->whole ? &group->node[0] : NULL,
            .recorded = recorded,
            .lost = item->data_rc == AK_EIO ? AK_TREE_NOT_CHECKED : AK_TREE_DAMAGED,
            .suspect = suspect,
            .place = {item->open->number, offset}};
        if (ak_tree_add(state->tree, &part, &err) != AK_OK)
            ak_check_fatal(state, &err);
    }
}

/* COLUMNS that do not decode: their entries are lost, and the next block tells how many. */
static void lost_columns(struct ak_check_state *state, struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    uint64_t size = ak_tree_size(state->tree);
    bool known = item->fixed && columns->first == size && columns->count > 0 &&
                 columns->count <= AK_BLOCK_ENTRIES_MAX;
    struct ak_finding finding =
        ak_finding_make(ak_finding_of_code(item->rc), "R12", "%s.", item->err.text);

    if (item->rc == AK_ENOMEM) {
        ak_check_fatal(state, &item->err);
        return;
    }
    if (known)
        ak_finding_range(&finding, size, size + columns->count);
    ak_check_report_at(state, item, &finding);
    ak_check_damage(state, item->open, item->frame.offset, item->rc);
    item->open->lost_end = known ? size + columns->count : 0;
}

/* The DATA frame is not there, or cannot be read. What its columns say of the entries, and the
 * hashes of groups that they record, serve all the same. */
static void lost_data(struct ak_check_state *state, struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    struct ak_finding finding =
        ak_finding_make(ak_finding_of_code(item->data_rc), "R14", "%s.", item->data_err.text);

    ak_finding_range(&finding, columns->first, columns->first + columns->count);
    ak_check_report_at(state, item, &finding);
    ak_check_damage(state, item->open, item->frame.offset, item->data_rc);
    state->lost_why = AK_TREE_HERE; /* how many they are is known */
}

/* R14, R15: told if its entries are proven all the same, else the entries are. */
static void check_data(struct ak_check_state *state, struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    struct ak_finding finding;

    if (item->data_rc == AK_OK)
        return;
    if (item->data_rc == AK_ENOMEM) {
        ak_check_fatal(state, &item->data_err);
        return;
    }
    finding =
        ak_finding_make(item->data_rc == AK_EIO ? AK_FINDING_IO_ERROR
                        : item->data_rc == AK_EUNSUPPORTED || item->data_rc == AK_ELIMIT
                            ? ak_finding_of_code(item->data_rc)
                        : item->data_rc == AK_EMALFORMED ? AK_FINDING_MALFORMED
                                                         : AK_FINDING_ALTERED,
                        item->data_rc == AK_EINTEGRITY ? "R14" : "R15", "%s.", item->data_err.text);
    ak_finding_at(&finding, item->open->file->name,
                  item->has_data ? item->data.offset : item->frame.offset);
    ak_check_hold(state, &finding, columns->first, columns->first + columns->count,
                  AK_ABOUT_CONTAINER);
}

/* R13: whether the block stands where the log goes on. Behind damage what was lost is passed over;
 * otherwise it is the block that is wrong, and it is damage itself (R35). */
static bool in_place(struct ak_check_state *state, struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;
    uint64_t size = ak_tree_size(state->tree);
    struct ak_finding finding;

    if (columns->first == size)
        return true;
    if (columns->first > size && columns->first - size <= LOST_ENTRIES_MAX && item->open->broken) {
        ak_check_skip(state, columns->first,
                      state->lost_why == AK_TREE_HERE ? AK_TREE_DAMAGED : state->lost_why,
                      ak_check_lost_place(state, item));
        state->lost_why = AK_TREE_HERE;
        return true;
    }
    if (item->open->overlap && columns->first < size)
        return false; /* told when the file began */
    finding = ak_finding_make(AK_FINDING_MALFORMED, "R13",
                              "the block begins with entry %" PRIu64 ", but %" PRIu64
                              " is due. It is not read any further.",
                              columns->first, size);
    ak_finding_at(&finding, item->open->file->name, item->frame.offset);
    ak_check_report(state, &finding);
    ak_check_damage(state, item->open, item->frame.offset, AK_EMALFORMED);
    return false;
}

void ak_check_block(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    const struct ak_columns *columns = item->work->columns;
    struct ak_footer_block listed;

    ak_segment_derived_frame(&open->derived, &item->frame, &item->digest, 0);
    ak_sha256_update(&open->mark, item->digest.b, AK_HASH_BYTES);
    if (item->has_data) {
        ak_segment_derived_frame(&open->derived, &item->data, &item->data_digest,
                                 item->rc == AK_OK ? columns->text_bytes : 0);
        ak_sha256_update(&open->mark, item->data_digest.b, AK_HASH_BYTES);
    }
    if (item->rc != AK_OK) {
        lost_columns(state, item);
        return;
    }
    ak_footer_block_derive(&listed, columns, item->frame.offset);
    ak_segment_derived_block(&open->derived, &listed);
    if (!in_place(state, item))
        return;
    open->block_first = columns->first;
    if (item->has_data)
        check_data(state, item);
    else
        lost_data(state, item);
    ak_check_absent(state, item);
    check_runs(state, item);
    join_groups(state, item);
    open->broken = false;
    open->end = ak_tree_size(state->tree);
    ak_check_reach(state);
}
