/* bundle_judge.c - the judgement of a bundle from its files to its claims (docs/format.md 14).
 *
 * Happy path: the files are found, the checkpoint carries the trusted key's line, bundle.json says
 * what was asked, the pass leads to the signed root, the claims follow, SHA256SUMS fits.
 *
 * Failure modes: files that are no bundle are MALFORMED, and nothing else is judged; without a
 * trusted key nothing is proven, but everything that could be is still looked at. */
#include "bundle_about.h"
#include "bundle_private.h"
#include "bundle_range.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[AK_BUNDLE_CLAIMS] = {"authentic", "complete", "redacted", "time",
                                                    "custody"};

const char *ak_bundle_claim_word(enum ak_bundle_claim_name name)
{
    return words[name];
}

enum ak_code ak_bundle_fail(struct ak_bundle_judgement *j, enum ak_bundle_claim_name name,
                            enum ak_code rc, const struct ak_error *err)
{
    struct ak_claim *claim = ak_bundle_claim(j, name);

    switch (rc) {
    case AK_EINTEGRITY:
        ak_claim_fail(claim, AK_FINDING_ALTERED, "", "%s", err->text);
        return AK_OK;
    case AK_EMALFORMED:
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "", "%s", err->text);
        return AK_OK;
    case AK_EUNSUPPORTED:
        ak_claim_fail(claim, AK_FINDING_UNSUPPORTED, "", "%s", err->text);
        return AK_OK;
    case AK_ELIMIT:
        ak_claim_fail(claim, AK_FINDING_LIMIT, "", "%s", err->text);
        return AK_OK;
    case AK_EIO:
        ak_claim_fail(claim, AK_FINDING_IO_ERROR, "", "%s", err->text);
        return AK_OK;
    default:
        return rc;
    }
}

/* ---- Checkpoint ---- */

static bool find_key(struct ak_bundle_judgement *j)
{
    struct ak_bundle_result *r = j->result;

    for (size_t i = 0; i < j->input->key_count; i++) {
        if (strcmp(j->input->keys[i].name, r->checkpoint.origin) == 0) {
            r->key = j->input->keys[i];
            r->key_given = true;
            return true;
        }
    }
    ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), AK_FINDING_UNTRUSTED_KEY, "",
                  "no key of %s was given, the log that this bundle speaks of: a key that lies in "
                  "the bundle vouches for nothing",
                  r->checkpoint.origin);
    return false;
}

/* Reads it as far as it can be without a key. */
static enum ak_code read_checkpoint(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_checkpoint *cp = &j->result->checkpoint;
    struct ak_note note;
    enum ak_code rc =
        ak_bundle_read(&j->files, AK_BUNDLE_CHECKPOINT, AK_NOTE_BYTES_MAX, &j->checkpoint,
                       &j->checkpoint_len, &j->digest[AK_BUNDLE_CHECKPOINT], err);

    j->digested[AK_BUNDLE_CHECKPOINT] = rc == AK_OK;
    if (rc == AK_OK)
        rc = ak_note_parse(&note, j->checkpoint, j->checkpoint_len, err);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(cp, note.text, note.text_len, false, err);
    if (rc == AK_OK)
        rc = ak_origin_check(cp->origin, strlen(cp->origin), err);
    if (rc == AK_OK && cp->size == 0)
        rc = ak_fail(err, AK_EMALFORMED, "a checkpoint of size 0 is never signed (R6)");
    j->result->has_checkpoint = rc == AK_OK;
    return rc;
}

/* The log key's line: R6, R7, R32. False: nothing can be proven. */
static bool check_log_line(struct ak_bundle_judgement *j)
{
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC);
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    enum ak_code rc = ak_log_checkpoint_verify(&j->result->key, NULL, j->checkpoint,
                                               j->checkpoint_len, &cp, &err);

    if (rc == AK_EKEY)
        ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the checkpoint carries no line of the key that was given");
    else if (rc != AK_OK)
        ak_claim_fail(claim, rc == AK_ESIGNATURE ? AK_FINDING_ALTERED : AK_FINDING_MALFORMED, "R7",
                      "%s", err.text);
    return rc == AK_OK;
}

/* Claims 1 and 4: what the policy's witnesses say of the checkpoint. */
static void check_witnesses(struct ak_bundle_judgement *j)
{
    struct ak_bundle_result *r = j->result;

    if (j->input->policy == NULL)
        return;
    ak_policy_claim(j->input->policy, j->checkpoint, j->checkpoint_len,
                    ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), &r->quorum);
    r->claim[AK_BUNDLE_TIMED].made = r->quorum.demanded;
    if (r->quorum.demanded && !r->quorum.met)
        ak_claim_fail(&r->claim[AK_BUNDLE_TIMED].claim, AK_FINDING_QUORUM, "R43",
                      "too few of the policy's witnesses have cosigned the checkpoint: nobody "
                      "outside says by when it existed");
}

/* ---- Statements ---- */

static enum ak_code read_about(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_bundle_result *r = j->result;
    struct ak_error why = {0};
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc = ak_bundle_read(&j->files, AK_BUNDLE_ABOUT, AK_OWN_PAYLOAD_BYTES_MAX, &data,
                                     &len, &j->digest[AK_BUNDLE_ABOUT], &why);

    j->digested[AK_BUNDLE_ABOUT] = rc == AK_OK;
    if (rc == AK_OK)
        rc = ak_bundle_about_read(&r->about, data, len, &why);
    free(data);
    r->has_about = rc == AK_OK;
    if (rc == AK_OK && r->has_checkpoint &&
        strcmp(r->about.text[AK_BUNDLE_TEXT_ORIGIN], r->checkpoint.origin) != 0)
        rc = ak_fail(&why, AK_EMALFORMED, "bundle.json speaks of another log than the checkpoint");
    if (rc == AK_OK && j->files.tar && r->about.made / 1000000000 != j->files.mtime)
        rc = ak_fail(&why, AK_EMALFORMED, "the archive has another time than bundle.json");
    if (rc == AK_OK)
        return AK_OK;
    rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
    return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
}

/* ---- Whole ---- */

static enum ak_code judge_files(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_error why = {0};
    bool signed_log = false;
    enum ak_code rc;

    j->result->readme = AK_BUNDLE_README_NOT_COMPARED;
    rc = read_checkpoint(j, &why);
    if (rc != AK_OK) {
        rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
        if (rc != AK_OK)
            return ak_fail(err, rc, "%s", why.text);
    } else if (find_key(j)) {
        signed_log = check_log_line(j);
        if (signed_log)
            check_witnesses(j);
    }
    rc = read_about(j, err);
    ak_bundle_range_begin(j);
    if (rc == AK_OK && signed_log)
        rc = ak_bundle_fold(j, err);
    else
        j->payloads_broken = true;
    if (rc == AK_OK)
        rc = ak_bundle_stamps_check(j, err);
    if (rc == AK_OK)
        rc = ak_bundle_claims(j, err);
    if (rc == AK_OK)
        rc = ak_bundle_sums_check(j, err);
    if (rc == AK_OK && j->digested[AK_BUNDLE_SUMS])
        rc = ak_bundle_custody_check(j, err);
    ak_bundle_claims_end(j);
    j->result->archive = j->files.tar;
    j->result->custody_files = j->files.custody_count;
    return rc;
}

static void judgement_free(struct ak_bundle_judgement *j)
{
    if (j->opened)
        ak_bundle_files_close(&j->files);
    ak_bundle_proof_close(&j->proof);
    ak_bundle_stream_close(&j->entries);
    ak_bundle_payloads_close(&j->payloads);
    ak_bundle_positions_free(j->positions);
    ak_bundle_counts_free(&j->counts);
    ak_bundle_copies_free(j);
    ak_authority_free(j->authority);
    ak_source_table_free(&j->sources);
    free(j->of_identity);
    free(j->checkpoint);
    free(j->removed);
    free(j);
}

static void worst(struct ak_bundle_result *r)
{
    r->verdict = AK_VALID;
    for (unsigned i = 0; i < AK_BUNDLE_CLAIMS; i++) {
        if (r->claim[i].made && r->claim[i].claim.verdict > r->verdict)
            r->verdict = r->claim[i].claim.verdict;
    }
}

enum ak_code ak_bundle_judge(const struct ak_bundle_input *input, struct ak_bundle_result *result,
                             struct ak_error *err)
{
    struct ak_bundle_judgement *j = calloc(1, sizeof(*j));
    struct ak_error why = {0};
    enum ak_code rc;

    memset(result, 0, sizeof(*result));
    if (j == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to judge a bundle");
    j->input = input;
    j->result = result;
    result->claim[AK_BUNDLE_AUTHENTIC].made = true;
    result->event = calloc(AK_BUNDLE_LISTED_MAX, sizeof(*result->event));
    rc = result->event == NULL ? ak_fail(&why, AK_ENOMEM, "no memory to judge a bundle")
                               : ak_bundle_files_open(&j->files, input->path, &why);
    j->opened = result->event != NULL;
    if (rc == AK_OK)
        rc = judge_files(j, err);
    else if (rc == AK_EMALFORMED)
        rc = ak_bundle_fail(j, AK_BUNDLE_AUTHENTIC, rc, &why);
    else
        rc = ak_fail(err, rc, "%s", why.text);
    worst(result);
    judgement_free(j);
    return rc;
}

void ak_bundle_result_free(struct ak_bundle_result *result)
{
    if (result->has_about || result->about.json != NULL)
        ak_bundle_about_free(&result->about);
    free(result->source);
    free(result->event);
    free(result->redaction);
    ak_custody_free(&result->custody);
    memset(result, 0, sizeof(*result));
}
