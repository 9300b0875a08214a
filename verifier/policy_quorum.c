/* policy_quorum.c - whether the cosignatures of a checkpoint meet a policy's quorum, and since
 * when.
 *
 * Each name is a member of one group at most, so every witness counts in one way only: the time at
 * which a group of k was met is the k-th smallest of its members' times, and that of the quorum is
 * the smallest maximum over all sets that meet it. */
#include "policy_private.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

static int compare_times(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t group_time(const struct ak_policy *policy, const struct ak_policy_node *group,
                           const uint64_t *met)
{
    uint64_t sorted[AK_POLICY_NODES_MAX];

    for (unsigned i = 0; i < group->members; i++)
        sorted[i] = met[policy->member[group->first + i]];
    qsort(sorted, group->members, sizeof(sorted[0]), compare_times);
    return sorted[group->needed - 1];
}

bool ak_policy_met(const struct ak_policy *policy, const uint64_t *times, uint64_t *existed_by)
{
    uint64_t met[AK_POLICY_NODES_MAX];

    *existed_by = 0;
    if (policy->quorum_none)
        return true;
    for (unsigned i = 0; i < policy->node_count; i++) {
        const struct ak_policy_node *node = &policy->node[i];
        if (node->is_group)
            met[i] = group_time(policy, node, met); /* its members stand before it */
        else
            met[i] = times[node->witness] == 0 ? NEVER : times[node->witness];
    }
    if (met[policy->quorum] == NEVER)
        return false;
    *existed_by = met[policy->quorum];
    return true;
}

static bool is_of(const struct ak_note_signature *sig, const struct ak_vkey *key)
{
    return sig->id == key->id && sig->name_len == strlen(key->name) &&
           memcmp(sig->name, key->name, sig->name_len) == 0;
}

/* One line: whose it is, and when he says that he saw the checkpoint. */
static enum ak_code judge_line(const struct ak_policy *policy, const struct ak_note *note,
                               const struct ak_note_signature *sig, uint64_t *times,
                               bool *unchecked, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; i < policy->witness_count; i++) {
        const struct ak_policy_witness *witness = &policy->witness[i];
        uint64_t time;
        if (!is_of(sig, &witness->vkey))
            continue;
        if (times[i] != 0 || unchecked[i])
            return ak_fail(err, AK_EMALFORMED, "two signature lines of %s", witness->vkey.name);
        unchecked[i] = !witness->checkable;
        if (!witness->checkable)
            continue;
        rc = ak_cosignature_verify(note, sig, &witness->vkey, &time, err);
        if (rc != AK_OK)
            return rc;
        times[i] = time;
    }
    return rc;
}

/* The largest minimum over all sets that meet the quorum: the smallest maximum, with time reversed.
 */
static uint64_t latest_start(const struct ak_policy *policy, const uint64_t *times)
{
    uint64_t reversed[AK_POLICY_WITNESSES_MAX] = {0};
    uint64_t found;

    for (unsigned i = 0; i < policy->witness_count; i++) {
        if (times[i] != 0)
            reversed[i] = (uint64_t)AK_COSIGNATURE_TIME_MAX + 1 - times[i];
    }
    if (policy->quorum_none || !ak_policy_met(policy, reversed, &found))
        return 0;
    return (uint64_t)AK_COSIGNATURE_TIME_MAX + 1 - found;
}

enum ak_code ak_policy_judge(const struct ak_policy *policy, const struct ak_note *note,
                             struct ak_quorum *quorum, struct ak_error *err)
{
    uint64_t times[AK_POLICY_WITNESSES_MAX] = {0};
    bool unchecked[AK_POLICY_WITNESSES_MAX] = {false};

    *quorum = (struct ak_quorum){.demanded = !policy->quorum_none};
    for (unsigned i = 0; i < note->count; i++) {
        enum ak_code rc = judge_line(policy, note, &note->sig[i], times, unchecked, err);
        if (rc != AK_OK)
            return rc;
    }
    for (unsigned i = 0; i < policy->witness_count; i++) {
        quorum->cosigned += times[i] != 0 ? 1 : 0;
        if (times[i] != 0)
            quorum->by[i / 64] |= UINT64_C(1) << i % 64;
        quorum->unchecked += unchecked[i] ? 1 : 0;
    }
    quorum->met = ak_policy_met(policy, times, &quorum->existed_by);
    quorum->signed_after = latest_start(policy, times);
    return AK_OK;
}

void ak_policy_claim(const struct ak_policy *policy, const void *data, size_t len,
                     struct ak_claim *claim, struct ak_quorum *quorum)
{
    struct ak_error err = {0};
    struct ak_note note;
    enum ak_code rc = ak_note_parse(&note, data, len, &err);

    *quorum = (struct ak_quorum){.demanded = !policy->quorum_none};
    if (rc == AK_OK)
        rc = ak_policy_judge(policy, &note, quorum, &err);
    if (rc == AK_ESIGNATURE)
        ak_claim_fail(claim, AK_FINDING_ALTERED, "R7", "%s.", err.text);
    else if (rc != AK_OK)
        ak_claim_fail(claim, rc == AK_ENOMEM ? AK_FINDING_LIMIT : AK_FINDING_MALFORMED, "R7", "%s.",
                      err.text);
    else if (!quorum->met)
        ak_claim_fail(claim, AK_FINDING_QUORUM, "R43",
                      "the checkpoint has not the quorum %s: %u of the %u witnesses in the policy "
                      "have cosigned it.",
                      ak_policy_quorum_name(policy), quorum->cosigned, policy->witness_count);
}
