/* stamped.c - what a stamped checkpoint that was handed over, and each reply over it, is worth
 * (docs/format.md R47 and R48).
 *
 * Happy path: the note has the text of the checkpoint and the two lines, each reply is over its
 * bytes, and one of an authority that was given says by when it existed.
 *
 * Failure modes: another form, or other bytes, fail the claim; a signer whom nobody given vouches
 * for is counted, and so is a reply where no certificates were given. */
#include <akashi/stamped.h>

#include <akashi/epoch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ak_stamped_free(struct ak_stamped *stamped)
{
    free(stamped->note);
    for (unsigned k = 0; k < AK_STAMPED_REPLIES; k++)
        free(stamped->reply[k].data);
    memset(stamped, 0, sizeof(*stamped));
}

bool ak_stamped_has_form(const char *name, const void *note, size_t len, const void *checkpoint,
                         size_t checkpoint_len, struct ak_claim *claim)
{
    struct ak_error err = {0};
    struct ak_note of;
    struct ak_note stamped;

    if (ak_note_parse(&stamped, note, len, &err) != AK_OK)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R47", "%s: %s", name, err.text);
    else if (stamped.count != 2)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R47",
                      "%s has not exactly the lines of the log and of its epoch", name);
    else if (ak_note_parse(&of, checkpoint, checkpoint_len, NULL) != AK_OK ||
             of.text_len != stamped.text_len ||
             memcmp(of.text, stamped.text, stamped.text_len) != 0)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R47",
                      "%s is another checkpoint than the one that it is handed over with", name);
    else
        return true;
    return false;
}

bool ak_stamped_is_signed(const char *name, const void *note, size_t len, const struct ak_vkey *key,
                          const struct ak_vkey *epoch, struct ak_claim *claim)
{
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    enum ak_code rc = ak_log_checkpoint_verify(key, epoch, note, len, &cp, &err);

    if (rc == AK_ESIGNATURE)
        ak_claim_fail(claim, AK_FINDING_ALTERED, "R47", "%s: %s", name, err.text);
    else if (rc == AK_EKEY)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R47",
                      "%s has not exactly the lines of the log and of its epoch", name);
    else if (rc != AK_OK)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R47", "%s: %s", name, err.text);
    return rc == AK_OK;
}

static void count(struct ak_stamps_judged *all, const struct ak_timestamp *stamp)
{
    if (all->counted++ == 0 || stamp->time < all->existed.time)
        all->existed = *stamp;
}

enum ak_code ak_stamps_judge(struct ak_stamps_judged *all, const char *name, const void *reply,
                             size_t reply_len, const void *note, size_t len, bool proven,
                             struct ak_tsa *tsa, bool *counts, struct ak_claim *claim,
                             struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_timestamp stamp;
    enum ak_code rc = ak_timestamp_judge(reply, reply_len, note, len, tsa, &stamp, &why);

    all->there++;
    all->judged = tsa != NULL;
    *counts = rc == AK_OK && proven && tsa != NULL;
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", why.text);
    if (*counts) {
        count(all, &stamp);
    } else if (rc == AK_EKEY) {
        if (all->untrusted++ == 0)
            (void)snprintf(all->distrust, sizeof(all->distrust), "%.*s",
                           (int)sizeof(all->distrust) - 1, why.text);
    } else if (rc != AK_OK) {
        ak_claim_fail(claim, rc == AK_EMALFORMED ? AK_FINDING_MALFORMED : AK_FINDING_ALTERED, "R48",
                      "%s: %s", name, why.text);
    }
    return AK_OK;
}
