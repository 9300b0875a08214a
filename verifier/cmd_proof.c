/* cmd_proof.c - judges the proof of one entry, without the store it came from.
 *
 * Happy path: proof, start note, time stamps and what is claimed to be the entry are read whole,
 * judged by the library, and what is proven is said, and what is not. */
#include "commands.h"

#include "claim_show.h"
#include "cosigners.h"
#include "proof_files.h"
#include "show.h"
#include "when.h"

#include <akashi/entry_proof.h>
#include <akashi/proof.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_signers(const struct ak_entry_proof_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_label(stdout, "signed by");
    fputs("the log's key", stdout);
    if (r->epoch_proven)
        printf(" and the key of epoch %" PRIu32, r->epoch);
    if (r->unknown > 0 && r->epoch_proven)
        printf("; %s line%s of other keys, not judged", ak_show_count(number, r->unknown),
               ak_show_plural(r->unknown));
    fputc('\n', stdout);
}

static void print_judged(const char *path, const struct ak_entry_proof_result *r)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char number[AK_SHOW_NUMBER_BYTES];

    fputs("proof ", stdout);
    ak_show_text(stdout, path);
    fputc('\n', stdout);
    if (!r->has_checkpoint)
        return;
    ak_claim_show_exercise(stdout, r->checkpoint.origin);
    ak_claim_show_label(stdout, "log");
    ak_show_text(stdout, r->checkpoint.origin);
    fputc('\n', stdout);
    if (!r->key_given)
        return;
    ak_claim_show_label(stdout, "key");
    printf("%s, as given\n", ak_trust_fingerprint(&r->key, fingerprint));
    if (r->claim.code == AK_FINDING_UNTRUSTED_KEY && r->claim.told)
        return;
    ak_claim_show_label(stdout, "checkpoint");
    printf("%s entries\n", ak_show_count(number, r->checkpoint.size));
    if (r->epoch_proven)
        print_signers(r);
    if (r->has_entry && r->included)
        ak_claim_show_entry(stdout, r->index, &r->entry);
}

/* What a proof that holds shows, and what it does not. */
static void print_meaning(const struct ak_entry_proof_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char text[AK_FINDING_TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "Proven: entry %" PRIu64 " of this log as it was signed, among %s entries%s.",
                   r->index, ak_show_count(number, r->checkpoint.size),
                   r->payload_proven ? "; the bytes of --record are, to the last one, its payload"
                                     : "; its payload was not shown");
    ak_show_wrapped(stdout, text, 2, 0);
    if (r->has_entry && r->entry.kind == AK_KIND_FRAGMENT)
        ak_show_wrapped(stdout,
                        "It is a fragment: the sender's record was cut or its end never came. The "
                        "entry behind it says why.",
                        2, 0);
    ak_show_wrapped(stdout,
                    "Not proven: what stands before and behind it; that nothing else came, or came "
                    "from this source; who the source is, without a proof of its declaration; that "
                    "what the record says is true.",
                    2, 0);
}

/* The proof's checkpoint, whose lines are shown by name. */
struct signed_note {
    const char *text;
    size_t len;
    const struct ak_policy *policy;
};

static struct signed_note checkpoint_of(const struct ak_trust *trust,
                                        const struct ak_proof_files *files)
{
    struct ak_proof proof;

    if (ak_proof_parse(&proof, files->proof, files->proof_len, NULL) != AK_OK)
        return (struct signed_note){0};
    return (struct signed_note){proof.checkpoint, proof.checkpoint_len, trust->policy};
}

/* What the policy demands of the checkpoint that a proof which holds leads to. */
static void judge_quorum(const struct ak_trust *trust, const struct ak_proof_files *files,
                         struct ak_entry_proof_result *r, struct ak_quorum *quorum)
{
    struct ak_proof proof;

    if (trust->policy == NULL || r->claim.verdict != AK_VALID ||
        ak_proof_parse(&proof, files->proof, files->proof_len, NULL) != AK_OK)
        return;
    ak_policy_claim(trust->policy, proof.checkpoint, proof.checkpoint_len, &r->claim, quorum);
    r->unknown -= quorum->cosigned + quorum->unchecked;
}

static void print_result(const struct ak_options *options, const struct ak_entry_proof_result *r,
                         const struct ak_quorum *quorum, const struct signed_note *note)
{
    bool colour = isatty(STDOUT_FILENO) == 1;
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char time[AK_WHEN_TEXT_BYTES];

    if (!ak_options_has(options, AK_OPTION_QUIET)) {
        ak_claim_show_program(stdout);
        print_judged(options->words[0], r);
        ak_claim_show_quorum(stdout, quorum);
        if (r->epoch_proven)
            ak_cosigners_show(stdout, note->text, note->len, note->policy);
        ak_claim_show_finding(stdout, &r->claim, colour);
        if (r->claim.code == AK_FINDING_MISSING && r->claim.told && !r->epoch_proven)
            fputs("    Give the start note, which `prove` writes beside the proof, with --epoch "
                  "FILE.\n",
                  stdout);
        if (r->claim.verdict == AK_VALID)
            print_meaning(r);
        ak_claim_show_stamps(stdout, &r->stamps, "the entry", "beside it");
    }
    ak_show_verdict(stdout, r->claim.verdict, colour);
    if (r->has_checkpoint)
        printf(" entry %" PRIu64, r->index);
    else
        fputs(" no proof", stdout);
    if (r->claim.verdict == AK_VALID)
        printf(", received %s, source %" PRIu32 ", log %s, key %s",
               ak_when_format(time, r->entry.received), r->entry.source, r->key.name,
               ak_trust_fingerprint(&r->key, fingerprint));
    else
        fputs(" is not proven", stdout);
    fputs(r->has_checkpoint && ak_claim_is_exercise(r->checkpoint.origin) ? ", EXERCISE / 訓練\n"
                                                                          : "\n",
          stdout);
}

static void put_result(const struct ak_entry_proof_result *r, const struct ak_quorum *quorum,
                       const struct signed_note *note, const struct ak_error *err)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    struct ak_json_out out;

    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, &r->claim, err);
    if (r->has_checkpoint) {
        (void)ak_json_out_text(&out, "origin", r->checkpoint.origin, strlen(r->checkpoint.origin));
        ak_json_out_bool(&out, "exercise", ak_claim_is_exercise(r->checkpoint.origin));
        ak_json_out_uint(&out, "checkpoint_size", r->checkpoint.size);
    }
    if (r->key_given)
        ak_json_out_string(&out, "key_fingerprint", ak_trust_fingerprint(&r->key, fingerprint));
    ak_claim_json_quorum(&out, quorum);
    if (r->epoch_proven)
        ak_cosigners_json(&out, note->text, note->len, note->policy);
    ak_claim_json_stamps(&out, &r->stamps);
    ak_json_out_bool(&out, "epoch_proven", r->epoch_proven);
    ak_json_out_bool(&out, "included", r->included);
    ak_json_out_bool(&out, "payload_proven", r->payload_proven);
    if (r->epoch_proven) {
        ak_json_out_uint(&out, "epoch", r->epoch);
        ak_json_out_uint(&out, "unknown_signatures", r->unknown);
    }
    if (r->has_entry && r->included)
        ak_claim_json_entry(&out, r->index, &r->entry);
    else if (r->has_checkpoint)
        ak_json_out_uint(&out, "index", r->index);
    ak_claim_json_end(&out);
}

enum ak_code ak_cmd_proof(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_entry_proof_result *result = calloc(1, sizeof(*result));
    struct ak_check_options unused;
    struct ak_trust trust = {0};
    struct ak_proof_files files = {0};
    struct ak_quorum quorum = {0};
    struct signed_note note = {0};
    enum ak_code rc;

    if (result == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a proof");
    rc = ak_cmd_prepare(options, &trust, &unused, err);
    if (rc == AK_OK)
        rc = ak_proof_files_read(&files, options, err);
    if (rc == AK_OK) {
        struct ak_entry_proof_input input = {.text = files.proof,
                                             .text_len = files.proof_len,
                                             .keys = trust.keys,
                                             .key_count = trust.key_count,
                                             .epoch_note = files.epoch_note,
                                             .epoch_note_len = files.epoch_note_len,
                                             .has_payload = files.record != NULL,
                                             .payload = files.record,
                                             .payload_len = files.record_len,
                                             .entry = files.entry_len > 0 ? files.entry : NULL,
                                             .entry_len = files.entry_len,
                                             .stamped = &files.stamped,
                                             .tsa = trust.tsa};
        ak_entry_proof_judge(&input, result);
        judge_quorum(&trust, &files, result, &quorum);
        note = checkpoint_of(&trust, &files);
        *status = ak_verdict_exit(result->claim.verdict);
    }
    if (ak_options_has(options, AK_OPTION_JSON))
        put_result(result, &quorum, &note, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print_result(options, result, &quorum, &note);
    ak_proof_files_free(&files);
    ak_trust_free(&trust);
    free(result);
    return rc;
}
