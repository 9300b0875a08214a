/* sample_audit.c - where auditors committed to their nonces (format.md 10.3 and 16.3).
 *
 * Happy path: one pass over the log lists every event `audit`, what opened it, and the first state
 * entry behind it; three proofs then show for one of them that the head was not known to the
 * auditor when he committed, nor the nonce to the collector when it wrote the head.
 * Failure modes: what cannot be read is counted by the numbers that are missing; a hidden audit
 * shows in a check of the whole log. */
#include "sample.h"

#include "json.h"

#include <akashi/base64.h>
#include <akashi/log_reader.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An opening names its nonce in hexadecimal; what it opens is the commitment to it. */
static bool read_nonce(const json_t *object, struct ak_hash *commitment)
{
    uint8_t nonce[AK_SAMPLE_NONCE_BYTES_MAX];
    const char *hex;
    size_t len;

    if (ak_json_string(object, "nonce", &hex, NULL) != AK_OK)
        return false;
    len = strlen(hex) / 2;
    if (len < AK_SAMPLE_NONCE_BYTES_MIN || len > AK_SAMPLE_NONCE_BYTES_MAX ||
        ak_hex_decode(nonce, len, hex, strlen(hex), NULL) != AK_OK)
        return false;
    ak_sample_commitment(nonce, len, commitment);
    return true;
}

static bool read_object(struct ak_sample_event *event, const json_t *object)
{
    const char *type;
    const char *name;

    if (ak_json_string(object, "type", &type, NULL) != AK_OK || strcmp(type, "event") != 0 ||
        ak_json_string(object, "event", &name, NULL) != AK_OK)
        return false;
    if (strcmp(name, "audit-opened") == 0) {
        event->opened = true;
        return read_nonce(object, &event->commitment);
    }
    if (strcmp(name, "audit") != 0 ||
        ak_json_bytes(object, "commitment", event->commitment.b, AK_HASH_BYTES, NULL) != AK_OK)
        return false;
    event->has_range = ak_json_dec(object, "first", &event->first, NULL) == AK_OK &&
                       ak_json_dec(object, "end", &event->end, NULL) == AK_OK;
    event->has_population =
        ak_json_bytes(object, "population", event->population.b, AK_HASH_BYTES, NULL) == AK_OK;
    return true;
}

bool ak_sample_event_read(struct ak_sample_event *event, const void *payload, size_t len)
{
    json_t *object;
    bool good;

    memset(event, 0, sizeof(*event));
    if (ak_json_parse(payload, len, &object, NULL) != AK_OK)
        return false;
    good = read_object(event, object);
    json_decref(object);
    return good;
}

/* ---- One pass over the log ---- */

static void open_audits(struct ak_sample_scan *scan, const struct ak_hash *commitment,
                        uint64_t index)
{
    for (size_t i = 0; i < scan->count; i++) {
        struct ak_sample_audit *audit = &scan->audit[i];
        if (audit->opened_at == UINT64_MAX && ak_hash_equal(&audit->event.commitment, commitment))
            audit->opened_at = index;
    }
}

static enum ak_code add_audit(struct ak_sample_scan *scan, const struct ak_sample_event *event,
                              const struct ak_log_entry *entry, struct ak_error *err)
{
    if (scan->count == AK_SAMPLE_AUDITS_MAX) {
        scan->left_off++;
        return AK_OK;
    }
    if (scan->count == scan->room) {
        size_t room = scan->room == 0 ? 16 : 2 * scan->room;
        struct ak_sample_audit *grown = reallocarray(scan->audit, room, sizeof(*grown));
        if (grown == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the audits of a log");
        scan->audit = grown;
        scan->room = room;
    }
    scan->audit[scan->count++] =
        (struct ak_sample_audit){.index = entry->index,
                                 .received = entry->entry.received,
                                 .event = *event,
                                 .opened_at = UINT64_MAX,
                                 .before = scan->has_state ? scan->last_state : UINT64_MAX,
                                 .state = UINT64_MAX};
    return AK_OK;
}

static enum ak_code take_event(struct ak_sample_scan *scan, const struct ak_log_entry *entry,
                               struct ak_error *err)
{
    struct ak_sample_event event;

    if (entry->entry.source_seq > scan->next_event)
        scan->hidden += entry->entry.source_seq - scan->next_event;
    if (entry->entry.source_seq >= scan->next_event)
        scan->next_event = entry->entry.source_seq + 1;
    if (entry->state != AK_STATE_PRESENT ||
        !ak_sample_event_read(&event, entry->payload, entry->len))
        return AK_OK;
    if (!event.opened)
        return add_audit(scan, &event, entry, err);
    open_audits(scan, &event.commitment, entry->index);
    return AK_OK;
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct ak_sample_scan *scan = ctx;

    scan->entries++;
    if (entry->entry.received >= scan->from && entry->entry.received < scan->to) {
        if (scan->first >= scan->end)
            scan->first = entry->index;
        scan->end = entry->index + 1;
    }
    if (entry->entry.kind == AK_KIND_STATE) {
        for (; scan->waiting < scan->count; scan->waiting++)
            scan->audit[scan->waiting].state = entry->index;
        scan->last_state = entry->index;
        scan->has_state = true;
    }
    return entry->entry.kind == AK_KIND_EVENT ? take_event(scan, entry, err) : AK_OK;
}

enum ak_code ak_sample_scan_log(struct ak_sample_scan *scan, const char *path, struct ak_error *err)
{
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct ak_log_visitor visitor = {.ctx = scan, .on_entry = on_entry};

    return ak_log_read(path, &filter, NULL, &visitor, err);
}

void ak_sample_scan_free(struct ak_sample_scan *scan)
{
    free(scan->audit);
    memset(scan, 0, sizeof(*scan));
}

const struct ak_sample_audit *ak_sample_scan_find(const struct ak_sample_scan *scan,
                                                  const struct ak_hash *commitment)
{
    for (size_t i = 0; i < scan->count; i++) {
        if (ak_hash_equal(&scan->audit[i].event.commitment, commitment))
            return &scan->audit[i];
    }
    return NULL;
}

/* ---- The head of a committed draw ---- */

void ak_sample_head_free(struct ak_sample_head *head)
{
    ak_sample_item_free(&head->audit);
    ak_sample_item_free(&head->state);
    ak_sample_item_free(&head->before);
    memset(head, 0, sizeof(*head));
}

enum ak_code ak_sample_head_make(struct ak_log_tree *tree, const struct ak_sample_anchor *anchor,
                                 const struct ak_sample_audit *audit, struct ak_sample_head *head,
                                 struct ak_error *err)
{
    enum ak_code rc;

    memset(head, 0, sizeof(*head));
    assert(audit->state < anchor->checkpoint.size);
    head->has_before = audit->before != UINT64_MAX;
    rc = ak_sample_item_make(tree, audit->index, anchor, &head->audit, err);
    if (rc == AK_OK)
        rc = ak_sample_item_make(tree, audit->state, anchor, &head->state, err);
    if (rc == AK_OK && head->has_before)
        rc = ak_sample_item_make(tree, audit->before, anchor, &head->before, err);
    if (rc != AK_OK)
        ak_sample_head_free(head);
    return rc;
}

static bool judge_one(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                      struct ak_sample_judged *judged, struct ak_sample_commit *commit)
{
    if (item->index >= anchor->checkpoint.size) {
        ak_claim_fail(&commit->claim, AK_FINDING_MALFORMED, "",
                      "entry %" PRIu64 " lies behind the checkpoint", item->index);
        return false;
    }
    ak_sample_item_judge(item, anchor, judged);
    if (judged->claim.verdict != AK_VALID)
        commit->claim = judged->claim;
    return judged->claim.verdict == AK_VALID;
}

static void judge_audit(const struct ak_sample_head *head, const struct ak_sample_judged *audit,
                        const struct ak_hash *commitment, struct ak_sample_commit *commit)
{
    commit->audit = head->audit.index;
    commit->received = audit->entry.received;
    if (audit->entry.kind != AK_KIND_EVENT ||
        !ak_sample_event_read(&commit->event, head->audit.payload, head->audit.payload_len) ||
        commit->event.opened || !ak_hash_equal(&commit->event.commitment, commitment))
        ak_claim_fail(&commit->claim, AK_FINDING_ALTERED, "",
                      "entry %" PRIu64 " is no commitment to this nonce", head->audit.index);
}

/* It is the first behind the audit if the one with the number before stands before it (R2). */
static void judge_state(const struct ak_sample_head *head, const struct ak_sample_judged *state,
                        const struct ak_sample_judged *before, struct ak_sample_commit *commit)
{
    uint64_t number = state->entry.source_seq;

    if (state->entry.kind != AK_KIND_STATE || head->state.index <= head->audit.index) {
        ak_claim_fail(&commit->claim, AK_FINDING_ALTERED, "",
                      "entry %" PRIu64 " is no state entry behind the commitment",
                      head->state.index);
        return;
    }
    if (number == 0 && !head->has_before)
        return;
    if (!head->has_before || before->entry.kind != AK_KIND_STATE ||
        before->entry.source_seq + 1 != number || head->before.index >= head->audit.index)
        ak_claim_fail(&commit->claim, AK_FINDING_ALTERED, "",
                      "it is not shown that entry %" PRIu64
                      " is the first state entry behind the commitment",
                      head->state.index);
}

void ak_sample_head_judge(const struct ak_sample_head *head, const struct ak_sample_anchor *anchor,
                          const struct ak_hash *commitment, struct ak_sample_commit *commit)
{
    struct ak_sample_judged audit;
    struct ak_sample_judged state;
    struct ak_sample_judged before = {0};

    memset(commit, 0, sizeof(*commit));
    if (!judge_one(&head->audit, anchor, &audit, commit) ||
        !judge_one(&head->state, anchor, &state, commit) ||
        (head->has_before && !judge_one(&head->before, anchor, &before, commit)))
        return;
    judge_audit(head, &audit, commitment, commit);
    judge_state(head, &state, &before, commit);
    commit->size = head->state.index + 1;
    ak_sample_root_at(head->state.index, anchor->checkpoint.size, &state.leaf, head->state.path,
                      head->state.path_count, &commit->root);
}
