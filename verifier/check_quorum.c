/* check_quorum.c - which entries are under a checkpoint that meets the policy's quorum (R43).
 *
 * The cosignatures of a checkpoint are judged where it is met; whether it counts is known when its
 * root came out. Without a policy, or where it demands no witness, nothing of this is asked. */
#include "check_private.h"

#include <akashi/policy.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool demands(const struct ak_check_state *state)
{
    return state->options->policy != NULL &&
           strcmp(ak_policy_quorum_name(state->options->policy), "none") != 0;
}

/* Keeps a checkpoint until its root has come out; the largest are kept. */
static void keep(struct ak_check_state *state, const struct ak_checkpoint *checkpoint,
                 const struct ak_quorum *quorum)
{
    struct ak_check_cosigned *at = &state->cosigned[0];

    if (state->cosigned_count < AK_CHECK_COSIGNED_MAX) {
        at = &state->cosigned[state->cosigned_count++];
    } else {
        for (unsigned i = 1; i < state->cosigned_count; i++) {
            if (state->cosigned[i].size < at->size)
                at = &state->cosigned[i];
        }
        if (at->size >= checkpoint->size)
            return;
    }
    *at = (struct ak_check_cosigned){checkpoint->size, checkpoint->root, *quorum};
}

/* Whether a statement about a size, dated in seconds, was made before the machine was copied. Of a
 * copy of which only the size is known the date is the reader's to judge. */
bool ak_check_before_copy(const struct ak_check_options *options, uint64_t size,
                          uint64_t existed_by)
{
    if (options->copied_at > 0 && existed_by > options->copied_at / 1000000000u)
        return false;
    return options->copied_size == 0 || size <= options->copied_size;
}

enum ak_code ak_check_cosignatures(struct ak_check_state *state, const void *data, size_t len,
                                   struct ak_check_judged *judged, struct ak_error *err)
{
    struct ak_quorum quorum;
    struct ak_note note;
    enum ak_code rc;

    if (state->options->policy == NULL || judged->unknown == 0)
        return AK_OK;
    rc = ak_note_parse(&note, data, len, err);
    if (rc == AK_OK)
        rc = ak_policy_judge(state->options->policy, &note, &quorum, err);
    if (rc != AK_OK)
        return rc;
    judged->unknown -= quorum.cosigned + quorum.unchecked;
    if (quorum.cosigned > state->cosigned_most)
        state->cosigned_most = quorum.cosigned;
    if (quorum.demanded && quorum.met &&
        ak_check_before_copy(state->options, judged->checkpoint.size, quorum.existed_by))
        keep(state, &judged->checkpoint, &quorum);
    return AK_OK;
}

/* The names of those who have cosigned, joined. Without memory they are left out. */
static void keep_names(struct ak_check_state *state, const struct ak_quorum *quorum)
{
    size_t count;
    const struct ak_policy_witness *witness = ak_policy_witnesses(state->options->policy, &count);
    size_t room = 1;
    char *names;
    char *at;

    for (size_t i = 0; i < count; i++)
        room += strlen(witness[i].name) + 1;
    names = malloc(room);
    free(state->log->witnessed_by);
    state->log->witnessed_by = names;
    if (names == NULL)
        return;
    at = names;
    for (size_t i = 0; i < count; i++) {
        if ((quorum->by[i / 64] >> i % 64 & 1) == 0)
            continue;
        if (at != names)
            *at++ = '\n';
        memcpy(at, witness[i].name, strlen(witness[i].name));
        at += strlen(witness[i].name);
    }
    *at = '\0';
}

void ak_check_witnessed(struct ak_check_state *state, uint64_t size, const struct ak_hash *root)
{
    struct ak_check_log *log = state->log;

    if (state->cosigned_count == 0 || !ak_tree_confirmed(state->tree, size, root))
        return;
    for (unsigned i = 0; i < state->cosigned_count; i++) {
        const struct ak_check_cosigned *at = &state->cosigned[i];
        bool better = at->size > log->witnessed_size ||
                      (at->size == log->witnessed_size && at->quorum.existed_by < log->existed_by);
        if (at->size == size && ak_hash_equal(&at->root, root) && better) {
            log->witnessed_size = size;
            log->existed_by = at->quorum.existed_by;
            keep_names(state, &at->quorum);
        }
    }
}

void ak_check_quorum_close(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;
    struct ak_finding finding;
    size_t witnesses;

    if (!demands(state) || log->proven == 0)
        return;
    if (log->has_checkpoint && log->witnessed_size >= log->checkpoint_size)
        return;
    (void)ak_policy_witnesses(state->options->policy, &witnesses);
    if (log->witnessed_size > log->first)
        finding =
            ak_finding_make(AK_FINDING_QUORUM, "R43",
                            "the newest checkpoint with the quorum %s is of size %" PRIu64
                            "; behind it entries rest on the log's own keys alone.",
                            ak_policy_quorum_name(state->options->policy), log->witnessed_size);
    else
        finding = ak_finding_make(
            AK_FINDING_QUORUM, "R43",
            "no checkpoint that proves entries here has the quorum %s: the most cosignatures that "
            "one has are %u, of %zu witnesses in the policy.",
            ak_policy_quorum_name(state->options->policy), state->cosigned_most, witnesses);
    ak_finding_range(&finding, log->witnessed_size > log->first ? log->witnessed_size : log->first,
                     log->has_checkpoint ? log->checkpoint_size : log->size);
    ak_check_report(state, &finding);
}
