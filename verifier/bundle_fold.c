/* bundle_fold.c - the one pass over a bundle: entries and hashes of what is not shown become one
 * root, payloads are compared with what their entries commit to, and what the claims need is noted.
 *
 * Failure modes: a payload that is not right names its entry, and the pass goes on; where payloads
 * cannot be cut out any more, the entries are still folded, since they prove themselves. A root
 * that does not come out proves nothing: no place can be named, because one hash covers all. */
#include "bundle_private.h"

#include "bundle_identity.h"
#include "bundle_range.h"
#include "check_own.h"
#include "json.h"

#include <akashi/parts.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taken {
    uint64_t index;
    struct ak_entry entry;
    struct ak_bundle_opening opening;
    bool has_opening;
    bool payload_proven;
};

static bool has_payload(const struct taken *t)
{
    return t->has_opening && t->opening.state == AK_STATE_PRESENT;
}

static bool in_parts(const struct taken *t)
{
    return t->has_opening && t->opening.state == AK_STATE_PARTS;
}

/* ---- Payloads ---- */

static bool commits(const struct taken *t)
{
    const uint8_t tag = AK_HASH_PAYLOAD;
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;

    if (t->entry.form == AK_FORM_PARTS) {
        ak_parts_commitment(&hash, t->opening.key, t->opening.payload, t->opening.len);
        return ak_hash_equal(&hash, &t->entry.commitment);
    }
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, &tag, 1);
    ak_sha256_update(&ctx, t->opening.key, AK_SALT_BYTES);
    ak_sha256_update(&ctx, t->opening.payload, t->opening.len);
    ak_sha256_final(&ctx, &hash);
    return ak_hash_equal(&hash, &t->entry.commitment);
}

/* Parts that are shown, with the commitments of those that are not (3.4). */
static void check_parts(struct ak_bundle_judgement *j, struct taken *t)
{
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC);

    if (t->opening.split.code != AK_OK)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "3.4",
                      "what is shown of entry %" PRIu64 " is not split as records are: %s",
                      t->index, t->opening.split.text);
    else if (!ak_hash_equal(&t->opening.commitment, &t->entry.commitment))
        ak_claim_fail(claim, AK_FINDING_ALTERED, "",
                      "a part of entry %" PRIu64 ", its salt or the commitment of one that is "
                      "withheld is not what was signed",
                      t->index);
    else
        t->payload_proven = true;
}

static void check_payload(struct ak_bundle_judgement *j, struct taken *t)
{
    if (in_parts(t))
        check_parts(j, t);
    if (!has_payload(t))
        return;
    t->payload_proven = commits(t);
    if (!t->payload_proven)
        ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), AK_FINDING_ALTERED, "",
                      "the text or the salt of entry %" PRIu64 " is not what was signed", t->index);
}

/* ---- Own entries ---- */

static void take_event(struct ak_bundle_judgement *j, const struct taken *t)
{
    struct ak_bundle_result *r = j->result;
    struct ak_bundle_event *event;
    json_t *object;
    const char *text;

    r->events++;
    if (r->event_count == AK_BUNDLE_LISTED_MAX ||
        ak_json_parse(t->opening.payload, t->opening.len, &object, NULL) != AK_OK)
        return;
    event = &r->event[r->event_count++];
    event->index = t->index;
    event->received = t->entry.received;
    if (ak_json_string(object, "event", &text, NULL) == AK_OK)
        (void)snprintf(event->event, sizeof(event->event), "%s", text);
    if (ak_json_string(object, "side", &text, NULL) == AK_OK)
        (void)snprintf(event->side, sizeof(event->side), "%s", text);
    event->has_count = ak_json_dec(object, "count", &event->count, NULL) == AK_OK;
    json_decref(object);
}

static void take_state(struct ak_bundle_judgement *j, const struct taken *t)
{
    struct ak_bundle_result *r = j->result;
    const json_t *clock;
    json_t *object;

    if (ak_json_parse(t->opening.payload, t->opening.len, &object, NULL) != AK_OK)
        return;
    clock = json_object_get(object, "clock");
    if (clock != NULL && ak_json_dec(clock, "max_error_us", &r->max_error_us, NULL) == AK_OK) {
        r->has_clock = true;
        r->synchronized = json_is_true(json_object_get(clock, "synchronized"));
    }
    json_decref(object);
}

/* Whether the declaration is of the identity that is judged. */
static enum ak_code take_identity(struct ak_bundle_judgement *j, const struct taken *t,
                                  struct ak_error *err)
{
    const char *identity = j->result->judged.identity;
    size_t n = j->of_identity_count;
    uint32_t *more;

    if (identity == NULL || t->entry.source_seq >= AK_DECLARED_MAX ||
        !ak_bundle_is_identity(t->opening.payload, t->opening.len, identity))
        return AK_OK;
    if ((n & (n - 1)) == 0) { /* doubles; as many as a log can declare */
        more = reallocarray(j->of_identity, n == 0 ? 1 : n * 2, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a list of sources");
        j->of_identity = more;
    }
    j->of_identity[j->of_identity_count++] = AK_SOURCE_FIRST + (uint32_t)t->entry.source_seq;
    return AK_OK;
}

static enum ak_code take_declaration(struct ak_bundle_judgement *j, const struct taken *t,
                                     struct ak_error *err)
{
    struct ak_log_entry entry = {.index = t->index,
                                 .entry = t->entry,
                                 .state = AK_STATE_PRESENT,
                                 .payload = t->opening.payload,
                                 .len = t->opening.len};

    enum ak_code rc = ak_source_table_entry(&j->sources, &entry, err);

    return rc == AK_OK ? take_identity(j, t, err) : rc;
}

/* R18, and what each kind tells. */
static enum ak_code take_own(struct ak_bundle_judgement *j, const struct taken *t, bool in_range,
                             struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_own own;
    uint8_t kind = t->entry.kind;

    if (kind == AK_KIND_SOURCE && !has_payload(t) && !j->has_unread) {
        j->has_unread = true;
        j->unread = t->index;
        j->unread_open = j->counts.open;
    }
    if (!has_payload(t) || !t->payload_proven)
        return AK_OK;
    j->result->own++;
    if (kind == AK_KIND_EPOCH || kind > AK_KIND_STATE)
        return AK_OK;
    if (ak_own_read(&own, kind, t->opening.payload, t->opening.len, &why) != AK_OK) {
        ak_claim_fail(&j->later, AK_FINDING_MALFORMED, "R18", "entry %" PRIu64 ": %s", t->index,
                      why.text);
        return AK_OK;
    }
    if (kind == AK_KIND_SOURCE)
        return take_declaration(j, t, err);
    if (kind == AK_KIND_STATE)
        take_state(j, t);
    if (kind == AK_KIND_ORDER)
        return ak_bundle_removed_order(j, t->index, t->entry.source_seq, t->opening.payload,
                                       t->opening.len, err);
    if (kind == AK_KIND_EVENT && in_range)
        take_event(j, t);
    return AK_OK;
}

/* ---- Counting ---- */

static void note_span(struct ak_bundle_result *r, const struct taken *t)
{
    if (!r->has_time) {
        r->has_time = true;
        r->first_index = t->index;
        r->first_time = t->entry.received;
    }
    r->last_index = t->index;
    r->last_time = t->entry.received;
}

/* Parts of it are blacked out: one stretch for each reason. */
static void count_parts(struct ak_bundle_judgement *j, const struct taken *t)
{
    struct ak_bundle_result *r = j->result;

    if (t->payload_proven) {
        r->in_parts++;
        r->parts_withheld += t->opening.withheld;
    }
    r->redactions_left_off += t->opening.reasons_left_off;
    note_span(r, t);
    for (unsigned i = 0; i < t->opening.reason_count; i++) {
        if (!ak_bundle_stretch_add(&r->redaction, &r->redaction_count, t->index,
                                   t->opening.reason[i], true))
            r->redactions_left_off++;
    }
}

static void count_entry(struct ak_bundle_judgement *j, const struct taken *t)
{
    struct ak_bundle_result *r = j->result;
    bool received = ak_kind_received(t->entry.kind);

    r->entries++;
    if (!t->has_opening)
        return;
    switch (t->opening.state) {
    case AK_STATE_PRESENT:
        if (received && t->payload_proven) {
            r->records++;
            r->fragments += t->entry.kind == AK_KIND_FRAGMENT;
            note_span(r, t);
        }
        return;
    case AK_STATE_PARTS:
        count_parts(j, t);
        return;
    case AK_STATE_REDACTED:
        r->redacted++;
        note_span(r, t);
        if (!ak_bundle_stretch_add(&r->redaction, &r->redaction_count, t->index,
                                   t->opening.redaction, false))
            r->redactions_left_off++;
        return;
    case AK_STATE_NOT_ASKED:
        r->not_asked++;
        return;
    default:
        r->removed++;
        note_span(r, t);
        if (!ak_bundle_stretch_add(&j->removed, &j->removed_count, t->index, t->opening.state,
                                   false))
            j->removed_left_off++;
        return;
    }
}

static void check_reason(struct ak_bundle_judgement *j, uint64_t index, uint16_t number)
{
    if (j->result->has_about && number >= j->result->about.redaction_count)
        ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_REDACTED), AK_FINDING_MALFORMED, "",
                      "entry %" PRIu64 " is blacked out, and bundle.json gives no reason %u", index,
                      number);
}

static void check_redaction(struct ak_bundle_judgement *j, const struct taken *t)
{
    if (t->has_opening && t->opening.state == AK_STATE_REDACTED)
        check_reason(j, t->index, t->opening.redaction);
    for (unsigned i = 0; in_parts(t) && i < t->opening.reason_count; i++)
        check_reason(j, t->index, t->opening.reason[i]);
}

/* ---- One entry ---- */

static void tell_fault(struct ak_bundle_judgement *j, uint64_t index,
                       const struct ak_bundle_count_fault *fault)
{
    if (fault->rule != NULL)
        ak_claim_fail(&j->later, AK_FINDING_NUMBERING, fault->rule, "entry %" PRIu64 ": %s", index,
                      fault->text);
}

struct counting {
    struct ak_bundle_judgement *j;
    uint64_t index;
};

static enum ak_code on_count(void *ctx, uint32_t ordinal, uint64_t known, struct ak_error *err)
{
    const struct counting *c = ctx;
    struct ak_bundle_count_fault fault = {0};
    enum ak_code rc = ak_bundle_counts_point(&c->j->counts, ordinal, known, &fault, err);

    tell_fault(c->j, c->index, &fault);
    return rc;
}

/* What the positions say at a state entry. */
static enum ak_code take_positions(struct ak_bundle_judgement *j, const struct taken *t,
                                   struct ak_error *err)
{
    struct counting counting = {.j = j, .index = t->index};
    struct ak_error why = {0};
    enum ak_code rc;

    if (j->positions == NULL || t->entry.kind != AK_KIND_STATE || !t->payload_proven)
        return AK_OK;
    rc = ak_bundle_positions_at(j->positions, t->index, t->opening.payload, t->opening.len,
                                on_count, &counting, &why);
    if (rc == AK_OK)
        return AK_OK;
    ak_bundle_positions_free(j->positions);
    j->positions = NULL;
    rc = ak_bundle_fail(j, AK_BUNDLE_COMPLETE, rc, &why);
    return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
}

static enum ak_code give(struct ak_bundle_judgement *j, const struct taken *t, struct ak_error *err)
{
    struct ak_bundle_entry entry = {.index = t->index,
                                    .entry = t->entry,
                                    .state = t->opening.state,
                                    .redaction = t->opening.redaction,
                                    .payload_proven = t->payload_proven,
                                    .payload =
                                        has_payload(t) || in_parts(t) ? t->opening.payload : NULL,
                                    .len = t->opening.len,
                                    .withheld = t->opening.withheld};

    if (t->payload_proven)
        ak_bundle_copies_entry(j, &entry);
    if (j->input->on_entry == NULL || !t->has_opening)
        return AK_OK;
    return j->input->on_entry(j->input->ctx, &entry, err);
}

static enum ak_code read_opening(struct ak_bundle_judgement *j, struct taken *t,
                                 struct ak_error *err)
{
    struct ak_error why = {0};
    enum ak_code rc;

    if (j->payloads_broken)
        return AK_OK;
    rc = ak_bundle_payloads_next(&j->payloads, &t->entry, &t->opening, &why);
    t->has_opening = rc == AK_OK;
    if (rc == AK_OK) {
        ak_bundle_recipe_add(&j->opens, t->opening.state, t->entry.form);
        return AK_OK;
    }
    j->payloads_broken = true;
    ak_wrap(&why, "entry %" PRIu64, t->index);
    rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
    return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
}

/* With its payload, or with a reason why not. What is lost is read in the payload of an event. */
static bool shown_as_asked(const struct taken *t)
{
    return t->has_opening && t->opening.state != AK_STATE_NOT_ASKED &&
           (t->opening.state == AK_STATE_PRESENT || t->entry.kind != AK_KIND_EVENT);
}

/* Everything about one entry but its leaf. */
static enum ak_code take(struct ak_bundle_judgement *j, struct taken *t, struct ak_error *err)
{
    struct ak_bundle_count_fault fault = {0};
    bool in_range;
    enum ak_code rc = read_opening(j, t, err);

    if (rc != AK_OK)
        return rc;
    check_payload(j, t);
    check_redaction(j, t);
    j->result->clock_steps +=
        j->counts.has_last ? (uint64_t)(t->entry.clock_run - j->counts.last_run) & UINT16_MAX : 0;
    ak_bundle_counts_gap(&j->counts, t->index, &t->entry);
    rc = take_positions(j, t, err);
    if (rc == AK_OK)
        rc = ak_bundle_counts_entry(&j->counts, t->index, &t->entry, &fault, err);
    tell_fault(j, t->index, &fault);
    if (rc != AK_OK)
        return rc;
    in_range = ak_bundle_range_take(j, t->index, &t->entry, shown_as_asked(t));
    if (t->entry.kind == AK_KIND_EPOCH && has_payload(t) && t->payload_proven)
        ak_bundle_epochs_note(j, t->index, t->opening.payload, t->opening.len);
    else
        ak_bundle_epochs_entry(j, t->index);
    count_entry(j, t);
    if (!ak_kind_received(t->entry.kind))
        rc = take_own(j, t, in_range, err);
    return rc == AK_OK ? give(j, t, err) : rc;
}

static enum ak_code take_next(struct ak_bundle_judgement *j, uint64_t index, struct ak_error *err)
{
    struct taken t = {.index = index};
    struct ak_error why = {0};
    struct ak_hash leaf;
    const uint8_t *bytes;
    enum ak_code rc = ak_bundle_stream_take(&j->entries, AK_ENTRY_BYTES, &bytes, err);

    if (rc != AK_OK)
        return rc;
    ak_hash_leaf(&leaf, bytes, AK_ENTRY_BYTES);
    rc = ak_entry_decode(&t.entry, bytes, AK_ENTRY_BYTES, &why);
    if (rc != AK_OK)
        return ak_fail(err, rc, "entry %" PRIu64 ": %s", index, why.text);
    rc = take(j, &t, err);
    if (rc == AK_OK && ak_range_append(&j->range, &leaf) != AK_OK)
        rc = ak_fail(err, AK_EMALFORMED, "the proof goes past all sizes");
    return rc;
}

/* ---- The pass ---- */

/* Entries between two words on how far it is. */
#define PROGRESS_ENTRIES 1024u

static void tell_progress(struct ak_bundle_judgement *j)
{
    const struct ak_bundle_stream *const streams[] = {&j->proof.stream, &j->entries,
                                                      &j->payloads.openings, &j->payloads.own,
                                                      &j->payloads.packed};
    static const enum ak_bundle_name names[] = {
        AK_BUNDLE_PROOF, AK_BUNDLE_ENTRIES, AK_BUNDLE_OPENINGS, AK_BUNDLE_OWN, AK_BUNDLE_RECORDS};
    struct ak_check_progress at = {.entries = j->result->entries};

    if (j->input->on_progress == NULL || j->result->entries % PROGRESS_ENTRIES != 0)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        at.bytes_total += j->files.part[names[i]].bytes;
        at.bytes_done += j->files.part[names[i]].bytes - streams[i]->left;
    }
    j->input->on_progress(j->input->progress_ctx, &at);
}

static enum ak_code take_stretches(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_range skipped;
    uint64_t n = 0;
    bool show = false;
    enum ak_code rc;

    do {
        rc = ak_bundle_proof_next(&j->proof, &show, &n, &skipped, err);
        if (rc == AK_OK && n > 0 && !show)
            rc = ak_range_merge(&j->range, &skipped, err);
        if (rc == AK_OK && n > 0 && show)
            j->result->pieces++;
        for (uint64_t i = 0; rc == AK_OK && show && i < n; i++) {
            rc = take_next(j, j->range.end, err);
            tell_progress(j);
        }
    } while (rc == AK_OK && n > 0);
    return rc;
}

static enum ak_code open_all(struct ak_bundle_judgement *j, struct ak_error *err)
{
    enum ak_code rc = ak_bundle_proof_open(&j->proof, &j->files, err);

    if (rc == AK_OK)
        rc = ak_bundle_stream_open(&j->entries, &j->files, AK_BUNDLE_ENTRIES, err);
    if (rc == AK_OK)
        rc = ak_bundle_payloads_open(&j->payloads, &j->files, err);
    if (rc == AK_OK && j->files.part[AK_BUNDLE_POSITIONS].there)
        rc = ak_bundle_positions_open(&j->positions, &j->files, err);
    if (rc == AK_OK && j->proof.size != j->result->checkpoint.size)
        rc = ak_fail(err, AK_EMALFORMED,
                     "proof is for %" PRIu64 " entries, the checkpoint for %" PRIu64, j->proof.size,
                     j->result->checkpoint.size);
    return rc;
}

static enum ak_code end_streams(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_error why = {0};
    enum ak_code rc = AK_OK;

    if (!ak_bundle_stream_ended(&j->entries))
        rc = ak_fail(err, AK_EMALFORMED, "entries holds more than proof shows");
    if (rc == AK_OK && !j->payloads_broken) {
        rc = ak_bundle_payloads_end(&j->payloads, &why);
        if (rc != AK_OK) {
            j->payloads_broken = true;
            rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
        }
    }
    if (rc == AK_OK && j->positions != NULL) {
        rc = ak_bundle_positions_end(j->positions, &j->digest[AK_BUNDLE_POSITIONS], &why);
        j->digested[AK_BUNDLE_POSITIONS] = rc == AK_OK;
        if (rc != AK_OK)
            rc = ak_bundle_fail(j, AK_BUNDLE_COMPLETE, rc, &why);
    }
    return rc;
}

static enum ak_code digest_of(struct ak_bundle_judgement *j, enum ak_bundle_name name,
                              struct ak_bundle_stream *s, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (s->buffer != NULL)
        rc = ak_bundle_stream_digest(s, &j->digest[name], err);
    j->digested[name] = rc == AK_OK && s->buffer != NULL;
    return rc;
}

static enum ak_code digest_streams(struct ak_bundle_judgement *j, struct ak_error *err)
{
    enum ak_code rc = digest_of(j, AK_BUNDLE_PROOF, &j->proof.stream, err);

    if (rc == AK_OK)
        rc = digest_of(j, AK_BUNDLE_ENTRIES, &j->entries, err);
    if (rc == AK_OK)
        rc = digest_of(j, AK_BUNDLE_OPENINGS, &j->payloads.openings, err);
    if (rc == AK_OK)
        rc = digest_of(j, AK_BUNDLE_OWN, &j->payloads.own, err);
    if (rc == AK_OK)
        rc = digest_of(j, AK_BUNDLE_RECORDS, &j->payloads.packed, err);
    return rc;
}

static void compare_root(struct ak_bundle_judgement *j)
{
    struct ak_hash root;

    j->result->proven = ak_range_root(&j->range, &root, NULL) == AK_OK &&
                        ak_hash_equal(&root, &j->result->checkpoint.root);
    if (!j->result->proven)
        ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), AK_FINDING_ALTERED, "",
                      "the entries shown and the hashes of the others do not lead to the signed "
                      "root: at least one was changed, added, left out or moved, or the proof is "
                      "not theirs");
}

enum ak_code ak_bundle_fold(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_error why = {0};
    enum ak_code rc;

    ak_range_init(&j->range, 0);
    rc = open_all(j, &why);
    if (rc == AK_OK)
        rc = ak_bundle_copies_begin(j, &why);
    if (rc == AK_OK)
        rc = take_stretches(j, &why);
    if (rc == AK_OK)
        rc = end_streams(j, &why);
    if (rc == AK_OK) {
        ak_bundle_counts_end(&j->counts, j->proof.size);
        j->last_shown = j->counts.has_last && j->counts.last_index == j->proof.size - 1;
        j->last_time = j->counts.last_time;
        compare_root(j);
        if (j->result->proven && j->later.told)
            ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), j->later.code, j->later.rule,
                          "%s", j->later.text);
        if (j->result->proven)
            ak_bundle_epochs_end(j);
    } else {
        j->payloads_broken = true;
        rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
    }
    if (rc != AK_OK)
        return ak_fail(err, rc, "%s", why.text);
    return digest_streams(j, err);
}
