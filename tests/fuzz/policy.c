/* policy.c - policies and cosigned checkpoints from hostile bytes: what is refused says why, what
 * reads is judged within its bounds, more cosignatures never make it worse, and a note meets no
 * quorum whose witnesses have not signed it. The note stands behind a line "--". */
#include <akashi/policy.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Witnesses sign one after another, each later than the one before. */
static void try_times(const struct ak_policy *policy)
{
    uint64_t times[AK_POLICY_WITNESSES_MAX] = {0};
    uint64_t by;
    uint64_t before;
    size_t n;
    bool met;

    (void)ak_policy_witnesses(policy, &n);
    met = ak_policy_met(policy, times, &before);
    check(before == 0 && met == (strcmp(ak_policy_quorum_name(policy), "none") == 0));
    for (size_t i = 0; i < n; i++) {
        times[i] = i + 1;
        bool now = ak_policy_met(policy, times, &by);
        check(now || !met);
        check(!met || by == before); /* met earlier: a later line changes nothing */
        check(!now || met || by == i + 1);
        met = now;
        before = by;
    }
    check(met); /* all have signed */
}

static void try_note(const struct ak_policy *policy, const uint8_t *data, size_t size)
{
    struct ak_error err = {0};
    struct ak_quorum quorum;
    struct ak_note note;
    enum ak_code rc;

    if (ak_note_parse(&note, data, size, NULL) != AK_OK)
        return;
    rc = ak_policy_judge(policy, &note, &quorum, &err);
    check(rc == AK_OK || ((rc == AK_ESIGNATURE || rc == AK_EMALFORMED) && err.text[0] != '\0'));
    check(rc == AK_OK || !quorum.met);
    check(quorum.cosigned + quorum.unchecked <= note.count);
    check(!quorum.met || !quorum.demanded ||
          (quorum.cosigned > 0 && quorum.existed_by > 0 &&
           quorum.existed_by <= AK_COSIGNATURE_TIME_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char divider[] = "\n--\n";
    const uint8_t *cut = size > 0 ? memmem(data, size, divider, strlen(divider)) : NULL;
    size_t len = cut == NULL ? size : (size_t)(cut - data) + 1;
    struct ak_error err = {0};
    struct ak_policy *policy;
    enum ak_code rc = ak_policy_parse(&policy, data, len, &err);

    check(rc == AK_OK || (policy == NULL && err.text[0] != '\0'));
    if (rc != AK_OK)
        return 0;
    try_times(policy);
    if (cut != NULL)
        try_note(policy, cut + strlen(divider), size - len - strlen(divider) + 1);
    ak_policy_free(policy);
    return 0;
}
