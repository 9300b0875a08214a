/* bundle_stamps.c - time stamps over a bundle's checkpoint: what it covers existed by their time
 * (docs/format.md 9.4 and 14.10, claim 4).
 *
 * Happy path: `stamped` is the text of the checkpoint with the lines of the log and of its epoch
 * and no others, each stamp is a reply over its bytes, and one of an authority that was given from
 * outside makes the claim.
 *
 * Failure modes: what is of another form or over other bytes fails the claim; a signer whom nobody
 * given vouches for is no more than told, and so are stamps where no certificates were given. */
#include "bundle_private.h"

#include <stdlib.h>

/* The claim, which is made where something is said of it. */
static struct ak_claim *timed(struct ak_bundle_judgement *j)
{
    return &j->result->claim[AK_BUNDLE_TIMED].claim;
}

/* Both lines. Where the checkpoint itself is not signed as it must be, claim 1 says so. */
static bool is_signed(struct ak_bundle_judgement *j, const char *data, size_t len)
{
    const struct ak_vkey *epoch = &j->epochs.note.key;
    const struct ak_vkey *key = &j->result->key;
    struct ak_log_checkpoint cp;

    return j->result->proven && j->epochs.known &&
           ak_log_checkpoint_verify(key, epoch, j->checkpoint, j->checkpoint_len, &cp, NULL) ==
               AK_OK &&
           ak_stamped_is_signed("stamped", data, len, key, epoch, timed(j));
}

/* R48 of one reply over these bytes. */
static enum ak_code judge_reply(struct ak_bundle_judgement *j, unsigned k, const char *data,
                                size_t len, struct ak_error *err)
{
    const unsigned name = (unsigned)AK_BUNDLE_STAMP + k;
    struct ak_error why = {0};
    char *reply = NULL;
    size_t reply_len;
    enum ak_code rc = ak_bundle_read(&j->files, (enum ak_bundle_name)name, AK_TIMESTAMP_BYTES_MAX,
                                     &reply, &reply_len, &j->digest[name], &why);

    j->digested[name] = rc == AK_OK;
    if (rc != AK_OK) {
        j->result->stamps.there++;
        rc = ak_bundle_fail(j, AK_BUNDLE_TIMED, rc, &why);
        return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
    }
    rc = ak_stamps_judge(&j->result->stamps, ak_bundle_file_name((enum ak_bundle_name)name), reply,
                         reply_len, data, len, j->stamped_good, j->input->tsa, &j->stamp_counts[k],
                         timed(j), err);
    free(reply);
    return rc;
}

enum ak_code ak_bundle_stamps_check(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_error why = {0};
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc;

    j->result->stamps.judged = j->input->tsa != NULL;
    if (!j->files.part[AK_BUNDLE_STAMPED].there || !j->result->has_checkpoint)
        return AK_OK;
    rc = ak_bundle_read(&j->files, AK_BUNDLE_STAMPED, AK_NOTE_BYTES_MAX, &data, &len,
                        &j->digest[AK_BUNDLE_STAMPED], &why);
    if (rc != AK_OK) {
        rc = ak_bundle_fail(j, AK_BUNDLE_TIMED, rc, &why);
        return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
    }
    j->digested[AK_BUNDLE_STAMPED] = true;
    j->stamped_good =
        ak_stamped_has_form("stamped", data, len, j->checkpoint, j->checkpoint_len, timed(j)) &&
        is_signed(j, data, len);
    for (unsigned k = 0; rc == AK_OK && k < AK_BUNDLE_STAMPS; k++) {
        if (j->files.part[AK_BUNDLE_STAMP + k].there)
            rc = judge_reply(j, k, data, len, err);
    }
    free(data);
    if (timed(j)->told || j->result->stamps.counted > 0)
        j->result->claim[AK_BUNDLE_TIMED].made = true;
    return rc;
}
