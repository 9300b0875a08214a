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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void malformed(struct ak_bundle_judgement *j, const char *text)
{
    ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_TIMED), AK_FINDING_MALFORMED, "R47", "%s", text);
}

/* Two lines, and the text of the checkpoint. */
static bool has_form(struct ak_bundle_judgement *j, const char *data, size_t len)
{
    struct ak_error err = {0};
    struct ak_note checkpoint;
    struct ak_note stamped;

    if (ak_note_parse(&stamped, data, len, &err) != AK_OK)
        malformed(j, err.text);
    else if (stamped.count != 2)
        malformed(j, "stamped has not exactly the lines of the log and of its epoch");
    else if (ak_note_parse(&checkpoint, j->checkpoint, j->checkpoint_len, NULL) != AK_OK ||
             checkpoint.text_len != stamped.text_len ||
             memcmp(checkpoint.text, stamped.text, stamped.text_len) != 0)
        malformed(j, "stamped is another checkpoint than that of the bundle");
    else
        return true;
    return false;
}

/* Both lines. Where the checkpoint itself is not signed as it must be, claim 1 says so. */
static bool is_signed(struct ak_bundle_judgement *j, const char *data, size_t len)
{
    const struct ak_vkey *epoch = &j->epochs.note.key;
    const struct ak_vkey *key = &j->result->key;
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    enum ak_code rc;

    if (!j->result->proven || !j->epochs.known ||
        ak_log_checkpoint_verify(key, epoch, j->checkpoint, j->checkpoint_len, &cp, NULL) != AK_OK)
        return false;
    rc = ak_log_checkpoint_verify(key, epoch, data, len, &cp, &err);
    if (rc == AK_ESIGNATURE)
        ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_TIMED), AK_FINDING_ALTERED, "R47", "stamped: %s",
                      err.text);
    else if (rc == AK_EKEY)
        malformed(j, "stamped has not exactly the lines of the log and of its epoch");
    else if (rc != AK_OK)
        malformed(j, err.text);
    return rc == AK_OK;
}

static void count(struct ak_bundle_judgement *j, unsigned k, const struct ak_timestamp *stamp)
{
    struct ak_bundle_result *r = j->result;

    if (!j->stamped_good)
        return;
    j->stamp_counts[k] = true;
    if (r->stamps_counted++ == 0 || stamp->time < r->existed.time)
        r->existed = *stamp;
    r->claim[AK_BUNDLE_TIMED].made = true;
}

/* R48 of one reply over these bytes. */
static enum ak_code judge_reply(struct ak_bundle_judgement *j, unsigned k, const char *data,
                                size_t len, struct ak_error *err)
{
    const unsigned name = (unsigned)AK_BUNDLE_STAMP + k;
    struct ak_bundle_result *r = j->result;
    struct ak_timestamp stamp;
    struct ak_error why = {0};
    char *reply = NULL;
    size_t reply_len;
    enum ak_code rc = ak_bundle_read(&j->files, (enum ak_bundle_name)name, AK_TIMESTAMP_BYTES_MAX,
                                     &reply, &reply_len, &j->digest[name], &why);

    r->stamps++;
    j->digested[name] = rc == AK_OK;
    if (rc == AK_OK)
        rc = ak_timestamp_judge(reply, reply_len, data, len, j->input->tsa, &stamp, &why);
    free(reply);
    if (rc == AK_OK && j->input->tsa != NULL) {
        count(j, k, &stamp);
    } else if (rc == AK_EKEY) {
        if (r->stamps_untrusted++ == 0)
            (void)snprintf(r->stamp_distrust, sizeof(r->stamp_distrust), "%.*s",
                           (int)sizeof(r->stamp_distrust) - 1, why.text);
    } else if (rc == AK_EINTEGRITY || rc == AK_EMALFORMED || rc == AK_ESIGNATURE) {
        ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_TIMED),
                      rc == AK_EMALFORMED ? AK_FINDING_MALFORMED : AK_FINDING_ALTERED, "R48",
                      "stamp.%u: %s", k, why.text);
    } else if (rc != AK_OK) {
        rc = ak_bundle_fail(j, AK_BUNDLE_TIMED, rc, &why);
        return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
    }
    return AK_OK;
}

enum ak_code ak_bundle_stamps_check(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_error why = {0};
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc;

    j->result->stamps_judged = j->input->tsa != NULL;
    if (!j->files.part[AK_BUNDLE_STAMPED].there || !j->result->has_checkpoint)
        return AK_OK;
    rc = ak_bundle_read(&j->files, AK_BUNDLE_STAMPED, AK_NOTE_BYTES_MAX, &data, &len,
                        &j->digest[AK_BUNDLE_STAMPED], &why);
    if (rc != AK_OK) {
        rc = ak_bundle_fail(j, AK_BUNDLE_TIMED, rc, &why);
        return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
    }
    j->digested[AK_BUNDLE_STAMPED] = true;
    j->stamped_good = has_form(j, data, len) && is_signed(j, data, len);
    for (unsigned k = 0; rc == AK_OK && k < AK_BUNDLE_STAMPS; k++) {
        if (j->files.part[AK_BUNDLE_STAMP + k].there)
            rc = judge_reply(j, k, data, len, err);
    }
    free(data);
    return rc;
}
