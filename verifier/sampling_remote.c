/* sampling_remote.c - a sample for an auditor who holds a checkpoint and no store.
 *
 * Happy path: he writes requests, which name the draw; the operator answers them out of the store;
 * each answer is judged against the auditor's own checkpoint.
 * Failure modes: what was not answered, or not well, is a record that deviates; a commitment that
 * is not shown leaves the sample not independent. */
#include "sampling.h"

#include "output.h"
#include "sample_answers.h"
#include "sample_requests.h"

#include <akashi/base64.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The checkpoint, and what was committed ---- */

static enum ak_code read_anchor(struct ak_sampling *s, struct ak_error *err)
{
    char *note;
    size_t len;
    enum ak_code rc = ak_trust_read_file(s->options->words[0], AK_NOTE_BYTES_MAX, &note, &len, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_sample_anchor_read(&s->anchor, note, len, s->trust.keys, s->trust.key_count,
                               &s->sheet.claim, err);
    free(note);
    if (rc == AK_OK && s->sheet.claim.verdict == AK_VALID && s->anchor.checkpoint.size == 0)
        ak_claim_fail(&s->sheet.claim, AK_FINDING_MALFORMED, "R6", "the checkpoint is of no entry");
    if (rc == AK_OK)
        ak_sampling_policy(s);
    return rc;
}

/* The three entries of a head out of a file of answers: the commitment, and the state entries
 * around it, which are the other two. */
static enum ak_code take_head(struct ak_sampling *s, struct ak_answers *answers,
                              struct ak_sample_head *head, struct ak_error *err)
{
    size_t count = ak_answers_count(answers);
    size_t at = count == 3 ? 1 : 0;
    enum ak_code rc;

    memset(head, 0, sizeof(*head));
    if (ak_answers_malformed(answers) != NULL || count < 2 || count > 3)
        return ak_fail(err, AK_EUSAGE, "%s is no file of a head, as `answer --audit` writes it",
                       ak_options_value(s->options, AK_OPTION_HEAD));
    head->has_before = count == 3;
    rc = head->has_before
             ? ak_answers_item(answers, ak_answers_index(answers, 0), &head->before, err)
             : AK_OK;
    if (rc == AK_OK)
        rc = ak_answers_item(answers, ak_answers_index(answers, at), &head->audit, err);
    if (rc == AK_OK)
        rc = ak_answers_item(answers, ak_answers_index(answers, at + 1), &head->state, err);
    return rc;
}

static enum ak_code open_answers(const char *path, const struct ak_sampling *s, FILE **file,
                                 struct ak_answers **answers, struct ak_error *err)
{
    enum ak_code rc;

    *answers = NULL;
    *file = fopen(path, "re");
    if (*file == NULL)
        return ak_fail_errno(err, errno, "%s", path);
    rc = ak_answers_open(answers, *file, err);
    if (rc == AK_OK && strcmp(ak_answers_origin(*answers), s->anchor.checkpoint.origin) != 0)
        rc = ak_fail(err, AK_EUSAGE, "it is of another log, %s", ak_answers_origin(*answers));
    if (rc != AK_OK)
        ak_wrap(err, "%s", path);
    return rc;
}

/* The head of the draw: what is committed, or the checkpoint. */
static enum ak_code find_head(struct ak_sampling *s, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_HEAD);
    struct ak_answers *answers = NULL;
    struct ak_sample_head head = {0};
    struct ak_hash commitment;
    FILE *file = NULL;
    enum ak_code rc;

    s->sheet.head_size = s->anchor.checkpoint.size;
    s->sheet.head_root = s->anchor.checkpoint.root;
    s->sheet.independence = s->args.beacon_len > 0 ? AK_INDEPENDENCE_BEACON : AK_INDEPENDENCE_NONE;
    if (path == NULL)
        return AK_OK;
    rc = open_answers(path, s, &file, &answers, err);
    if (rc == AK_OK)
        rc = take_head(s, answers, &head, err);
    if (rc == AK_OK) {
        ak_sample_commitment(s->args.nonce, s->args.nonce_len, &commitment);
        ak_sample_head_judge(&head, &s->anchor, &commitment, &s->commit);
        s->sheet.claim = s->commit.claim;
    }
    if (rc == AK_OK && s->commit.claim.verdict == AK_VALID) {
        s->sheet.commit = &s->commit;
        s->sheet.head_size = s->commit.size;
        s->sheet.head_root = s->commit.root;
        s->sheet.independence = s->args.beacon_len > 0 ? AK_INDEPENDENCE_BEACON : AK_INDEPENDENT;
    }
    ak_sample_head_free(&head);
    ak_answers_close(answers);
    if (file != NULL)
        fclose(file);
    return rc;
}

/* ---- Writing requests ---- */

static enum ak_code write_requests(struct ak_sampling *s, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_REQUESTS);
    struct ak_sample_requests r = {.size = s->sheet.head_size,
                                   .root = s->sheet.head_root,
                                   .first = s->sheet.first,
                                   .end = s->sheet.end,
                                   .nonce_len = s->args.nonce_len,
                                   .beacon_len = s->args.beacon_len,
                                   .records = s->sheet.planned,
                                   .note = s->anchor.note,
                                   .note_len = s->anchor.note_len};
    FILE *file;
    enum ak_code rc = ak_output_open(path, ak_options_has(s->options, AK_OPTION_FORCE), &file, err);

    if (rc != AK_OK)
        return rc;
    memcpy(r.origin, s->anchor.checkpoint.origin, strlen(s->anchor.checkpoint.origin) + 1);
    memcpy(r.nonce, s->args.nonce, r.nonce_len);
    memcpy(r.beacon, s->args.beacon, r.beacon_len);
    ak_sample_requests_write(file, &r);
    s->requested = true;
    return ak_output_close(file, path, err);
}

enum ak_code ak_sampling_request(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc = read_anchor(s, err);

    if (rc == AK_OK && s->sheet.claim.verdict == AK_VALID)
        rc = find_head(s, err);
    if (rc != AK_OK || s->sheet.claim.verdict != AK_VALID)
        return rc;
    if (!s->args.nonce_given)
        return ak_fail(err, AK_EUSAGE,
                       "--requests needs --seed NONCE: the one that was committed, or one made by "
                       "openssl rand -hex 32");
    rc = ak_sampling_population(s, err);
    if (rc == AK_OK)
        rc = ak_sampling_seed(s, err);
    return rc == AK_OK ? write_requests(s, err) : rc;
}

/* ---- Judging answers ---- */

static enum ak_code get_answer(void *ctx, uint64_t index, struct ak_sample_item *item,
                               struct ak_error *err)
{
    struct ak_sampling *s = ctx;

    return ak_answers_item(s->answers, index, item, err);
}

/* Answers that are declarations of sources say who those are. */
static enum ak_code take_sources(struct ak_sampling *s, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < ak_answers_count(s->answers); i++) {
        struct ak_sample_judged judged;
        struct ak_sample_item item;
        uint64_t index = ak_answers_index(s->answers, i);

        if (index >= s->anchor.checkpoint.size)
            continue;
        rc = ak_answers_item(s->answers, index, &item, err);
        if (rc != AK_OK)
            break;
        ak_sample_item_judge(&item, &s->anchor, &judged);
        if (judged.claim.verdict == AK_VALID && judged.entry.kind == AK_KIND_SOURCE) {
            struct ak_log_entry entry = {.index = index,
                                         .entry = judged.entry,
                                         .state = AK_STATE_PRESENT,
                                         .payload = item.payload,
                                         .len = item.payload_len};
            rc = ak_source_table_entry(&s->sources, &entry, err);
        }
        ak_sample_item_free(&item);
    }
    return rc;
}

/* What the requests say is what the draw is. */
static enum ak_code take_requests(struct ak_sampling *s, const struct ak_sample_requests *r,
                                  struct ak_error *err)
{
    struct ak_claim claim = {0};
    struct ak_sample_anchor asked;
    uint64_t planned;
    enum ak_code rc = ak_sample_anchor_read(&asked, r->note, r->note_len, s->trust.keys,
                                            s->trust.key_count, &claim, err);

    if (rc == AK_OK && (strcmp(r->origin, s->anchor.checkpoint.origin) != 0 ||
                        asked.checkpoint.size != s->anchor.checkpoint.size ||
                        !ak_hash_equal(&asked.checkpoint.root, &s->anchor.checkpoint.root) ||
                        r->size > s->anchor.checkpoint.size))
        rc = ak_fail(err, AK_EUSAGE, "the requests were made with another checkpoint than %s",
                     s->options->words[0]);
    ak_sample_anchor_free(&asked);
    if (rc != AK_OK)
        return rc;
    memcpy(s->args.nonce, r->nonce, r->nonce_len);
    s->args.nonce_len = r->nonce_len;
    (void)ak_hex_encode(s->args.nonce_hex, sizeof(s->args.nonce_hex), r->nonce, r->nonce_len);
    memcpy(s->args.beacon, r->beacon, r->beacon_len);
    s->args.beacon_len = r->beacon_len;
    (void)ak_hex_encode(s->args.beacon_hex, sizeof(s->args.beacon_hex), r->beacon, r->beacon_len);
    s->sheet.beacon = r->beacon_len > 0 ? s->args.beacon_hex : NULL;
    s->args.has_index = true;
    s->args.first = r->first;
    s->args.end = r->end;
    s->args.from = 0;
    rc = ak_sample_plan(&s->args, r->end - r->first, &planned, err);
    if (rc == AK_OK && r->records < planned)
        rc =
            ak_fail(err, AK_EUSAGE,
                    "%" PRIu64 " records were asked for, --confidence and --tolerable need %" PRIu64
                    ": write requests with these, or judge with those that were used",
                    r->records, planned);
    return rc;
}

/* Head and seed as they were asked for; what --head shows must be the same. */
static enum ak_code take_draw(struct ak_sampling *s, const struct ak_sample_requests *r,
                              struct ak_error *err)
{
    enum ak_code rc = find_head(s, err);

    if (rc != AK_OK || s->sheet.claim.verdict != AK_VALID)
        return rc;
    if (s->sheet.head_size != r->size || !ak_hash_equal(&s->sheet.head_root, &r->root)) {
        if (s->sheet.commit != NULL)
            return ak_fail(err, AK_EUSAGE, "the requests were made with another head");
        s->sheet.head_size = r->size; /* of which nothing is shown */
        s->sheet.head_root = r->root;
        s->sheet.independence = AK_INDEPENDENCE_HEAD;
    }
    rc = ak_sampling_population(s, err);
    if (rc == AK_OK)
        rc = ak_sampling_seed(s, err);
    s->sheet.planned = r->records;
    return rc;
}

static enum ak_code judge_answers(struct ak_sampling *s, const char *data, size_t len,
                                  struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_ANSWERS);
    struct ak_hash request;
    struct ak_hash digest;
    FILE *file = NULL;
    enum ak_code rc = open_answers(path, s, &file, &s->answers, err);

    ak_sha256(&digest, data, len);
    if (rc == AK_OK &&
        (!ak_answers_request(s->answers, &request) || !ak_hash_equal(&request, &digest)))
        rc = ak_fail(err, AK_EUSAGE, "%s answers other requests", path);
    if (rc == AK_OK)
        rc = take_sources(s, err);
    if (rc == AK_OK)
        rc = ak_sampling_draw(s, get_answer, err);
    if (rc == AK_OK && ak_answers_malformed(s->answers) != NULL)
        ak_claim_fail(&s->sheet.claim, AK_FINDING_MALFORMED, "", "%s",
                      ak_answers_malformed(s->answers));
    ak_answers_close(s->answers);
    s->answers = NULL;
    if (file != NULL)
        fclose(file);
    return rc;
}

enum ak_code ak_sampling_judge(struct ak_sampling *s, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_REQUESTS);
    struct ak_sample_requests requests;
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc = read_anchor(s, err);

    if (rc != AK_OK || s->sheet.claim.verdict != AK_VALID)
        return rc;
    s->filter.to = UINT64_MAX;
    rc = ak_trust_read_file(path, AK_REQUESTS_BYTES_MAX, &data, &len, err);
    if (rc == AK_OK)
        rc = ak_sample_requests_parse(&requests, data, len, err);
    if (rc == AK_OK)
        rc = take_requests(s, &requests, err);
    if (rc == AK_OK)
        rc = take_draw(s, &requests, err);
    if (rc == AK_OK && s->sheet.claim.verdict == AK_VALID)
        rc = judge_answers(s, data, len, err);
    free(data);
    return rc;
}
