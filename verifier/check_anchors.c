/* check_anchors.c - what was logged behind an anchor was logged after what it holds was signed
 * (format.md R49): a checkpoint of another log, cosigned by the policy's witnesses at a time that
 * nobody could have foretold the signatures of.
 *
 * Each anchor is judged where it is met; whether it counts is known when its entry is proven. A
 * beacon cannot be checked here and bounds nothing. */
#include "check_private.h"

#include "json.h"

#include <akashi/policy.h>

#include <stdlib.h>
#include <string.h>

/* The latest time after which the checkpoint must have been cosigned, or 0. */
static uint64_t signed_after(const struct ak_policy *policy, const char *text)
{
    struct ak_checkpoint checkpoint;
    struct ak_quorum quorum;
    struct ak_note note;

    if (ak_note_parse(&note, text, strlen(text), NULL) != AK_OK ||
        ak_checkpoint_parse(&checkpoint, note.text, note.text_len, true, NULL) != AK_OK ||
        ak_policy_judge(policy, &note, &quorum, NULL) != AK_OK || !quorum.demanded || !quorum.met)
        return 0;
    return quorum.signed_after;
}

static enum ak_code keep(struct ak_check_state *state, uint64_t index, uint64_t after,
                         struct ak_error *err)
{
    struct ak_check_log *log = state->log;
    struct ak_check_anchor *grown;

    if (log->anchor_count > 0 && log->anchors[log->anchor_count - 1].after >= after)
        return AK_OK; /* an earlier entry says as much of what is behind it */
    if (log->anchor_count == AK_CHECK_ANCHORS_MAX)
        return AK_OK;
    if ((log->anchor_count & (log->anchor_count - 1)) == 0) {
        size_t cap = log->anchor_count == 0 ? 1 : log->anchor_count * 2;
        grown = reallocarray(log->anchors, cap, sizeof(*grown));
        if (grown == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for anchors");
        log->anchors = grown;
    }
    log->anchors[log->anchor_count++] = (struct ak_check_anchor){index, after};
    return AK_OK;
}

enum ak_code ak_check_anchor(struct ak_check_state *state, uint64_t index,
                             const struct ak_payload *payload, struct ak_error *err)
{
    const char *text;
    json_t *object;
    uint64_t after = 0;
    enum ak_code rc;

    if (state->options->policy == NULL)
        return AK_OK;
    rc = ak_json_parse(payload->p, payload->len, &object, err);
    if (rc != AK_OK)
        return rc;
    if (json_object_get(object, "checkpoint") != NULL &&
        ak_json_string(object, "checkpoint", &text, NULL) == AK_OK)
        after = signed_after(state->options->policy, text);
    json_decref(object);
    return after == 0 ? AK_OK : keep(state, index, after, err);
}

void ak_check_anchors_close(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;
    size_t kept = 0;

    for (size_t i = 0; i < log->anchor_count; i++) {
        if (ak_check_proven(log, log->anchors[i].index))
            log->anchors[kept++] = log->anchors[i];
    }
    log->anchor_count = kept;
}

uint64_t ak_check_logged_after(const struct ak_check_log *log, uint64_t index)
{
    size_t low = 0;
    size_t high = log->anchor_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->anchors[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : log->anchors[low - 1].after;
}
