/* cmd_prove.c - the proof of one record, out of a store.
 *
 * Happy path: the log's tree is opened by names, the proof is made and judged, and proof, start
 * note and, if asked for, the record are written as new files. If the hashes that a quick reader
 * takes do not lead to the signed root, a careful one tries once more before anything is said. */
#include "commands.h"

#include "claim_show.h"
#include "output.h"
#include "proof_files.h"
#include "show.h"

#include "text.h"

#include <akashi/entry_proof.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct prove {
    const char *path;
    const char *log;
    uint64_t index;
    const char *out;
    const char *record; /* NULL: not wanted */
    char *epoch;
    bool force;
    struct ak_entry_proof proof;
    struct ak_claim claim;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
};

static enum ak_code parse(struct prove *p, const struct ak_options *options, struct ak_error *err)
{
    const char *index = ak_options_value(options, AK_OPTION_INDEX);
    const char *epoch = ak_options_value(options, AK_OPTION_EPOCH);

    p->path = options->words[0];
    p->out = ak_options_value(options, AK_OPTION_OUTPUT);
    p->record = ak_options_value(options, AK_OPTION_RECORD);
    p->force = ak_options_has(options, AK_OPTION_FORCE);
    if (options->count[AK_OPTION_LOG] > 1)
        return ak_fail(err, AK_EUSAGE, "prove speaks of one log: give --log once");
    p->log = ak_options_value(options, AK_OPTION_LOG);
    if (index == NULL || p->out == NULL)
        return ak_fail(err, AK_EUSAGE, "prove wants --index N and -o FILE; for example: %s",
                       options->command->example);
    if (!ak_text_decimal((struct ak_text){index, strlen(index)}, AK_TREE_SIZE_MAX - 1, &p->index))
        return ak_fail(err, AK_EUSAGE, "--index %s: write one index; a proof is of one entry",
                       index);
    p->epoch = NULL;
    if (epoch != NULL)
        p->epoch = strdup(epoch);
    else if (asprintf(&p->epoch, "%s" AK_PROOF_FILES_EPOCH, p->out) < 0)
        p->epoch = NULL;
    if (p->epoch == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    return AK_OK;
}

static enum ak_code make(struct prove *p, const struct ak_trust *trust,
                         enum ak_log_tree_manner manner, struct ak_error *err)
{
    struct ak_log_tree *tree;
    enum ak_code rc = ak_log_tree_open(&tree, p->path, p->log, manner, err);

    if (rc != AK_OK)
        return rc;
    memcpy(p->origin, ak_log_tree_origin(tree), sizeof(p->origin));
    rc = ak_entry_proof_make_timed(tree, p->index, trust->keys, trust->key_count, trust->policy,
                                   &p->proof, &p->claim, err);
    if (rc == AK_ENOTFOUND)
        ak_wrap(err, "the log here has no entry %" PRIu64, p->index);
    ak_log_tree_close(tree);
    return rc;
}

/* The careful manner helps where what is derived is wrong, or a file went away meanwhile because it
 * was sealed; not where a key is missing. */
static bool careful_may_help(enum ak_code rc, const struct ak_claim *claim)
{
    if (rc != AK_OK)
        return rc == AK_ENOTFOUND || rc == AK_EMALFORMED || rc == AK_EIO;
    return claim->told && (claim->verdict == AK_INVALID || claim->code == AK_FINDING_MISSING ||
                           claim->code == AK_FINDING_IO_ERROR);
}

static enum ak_code make_somehow(struct prove *p, const struct ak_trust *trust,
                                 struct ak_error *err)
{
    struct ak_error again = {0};
    enum ak_code rc = make(p, trust, AK_LOG_TREE_QUICK, err);
    struct ak_claim claim = p->claim;
    enum ak_code careful;

    if (!careful_may_help(rc, &claim))
        return rc;
    careful = make(p, trust, AK_LOG_TREE_CAREFUL, &again);
    if (careful == AK_OK && (rc != AK_OK || p->claim.verdict <= claim.verdict))
        return AK_OK;
    p->claim = claim; /* it was no better */
    return rc;
}

static enum ak_code write_new(const struct prove *p, const char *path, const void *data, size_t len,
                              struct ak_error *err)
{
    FILE *file;
    enum ak_code rc = ak_output_open(path, p->force, &file, err);

    if (rc != AK_OK)
        return rc;
    (void)fwrite(data, 1, len, file);
    return ak_output_close(file, path, err);
}

static enum ak_code write_all(const struct prove *p, struct ak_error *err)
{
    enum ak_code rc = ak_proof_files_clear(p->out, p->force, err);

    if (rc == AK_OK)
        rc = write_new(p, p->out, p->proof.text, p->proof.text_len, err);
    if (rc == AK_OK)
        rc = write_new(p, p->epoch, p->proof.epoch_note, p->proof.epoch_note_len, err);
    if (rc == AK_OK)
        rc = ak_proof_files_put_stamps(p->out, &p->proof.stamped, err);
    if (rc == AK_OK && p->record != NULL)
        rc = write_new(p, p->record, p->proof.payload, p->proof.payload_len, err);
    return rc;
}

static void print_file(const char *label, const char *path, const char *what)
{
    ak_claim_show_label(stdout, label);
    ak_show_text(stdout, path);
    printf(" (%s)\n", what);
}

static void print_stamps(const struct prove *p)
{
    unsigned count = p->proof.stamped.count;

    ak_claim_show_label(stdout, "time stamps");
    printf("%u, as ", count);
    ak_show_text(stdout, p->out);
    printf(count == 1 ? ".0.tsr, over " : ".0.tsr to .%u.tsr, over ", count - 1);
    ak_show_text(stdout, p->out);
    fputs(AK_PROOF_FILES_STAMPED ": hand them over too; they are judged with --tsa-ca FILE\n",
          stdout);
}

static void print_proof(const struct prove *p)
{
    const struct ak_entry_proof *proof = &p->proof;
    char number[AK_SHOW_NUMBER_BYTES];

    printf("log ");
    ak_show_text(stdout, proof->checkpoint.origin);
    fputc('\n', stdout);
    ak_claim_show_exercise(stdout, proof->checkpoint.origin);
    ak_claim_show_entry(stdout, proof->index, &proof->entry);
    ak_claim_show_label(stdout, "payload");
    printf("%s byte%s\n", ak_show_count(number, proof->payload_len),
           ak_show_plural(proof->payload_len));
    ak_claim_show_label(stdout, "checkpoint");
    printf("%s entries, signed in epoch %" PRIu32 "\n",
           ak_show_count(number, proof->checkpoint.size), proof->epoch);
    print_file("proof", p->out, "tlog-proof@v1: shows no other entry");
    print_file("start note", p->epoch,
               "shows that the origin pins the epoch's key: hand it over too");
    if (proof->stamped.count > 0)
        print_stamps(p);
    if (p->record != NULL)
        print_file("record", p->record, "the exact bytes");
    printf(
        "Whoever has the log's key from elsewhere judges it with: akashi-verify proof FILE --key "
        "VKEY --record RECORD\n");
    if (proof->has_declaration && ak_kind_received(proof->entry.kind))
        printf("Who the source is stands in its declaration, entry %" PRIu64 ": prove that too.\n",
               proof->declaration);
}

static void print_result(const struct prove *p, const struct ak_options *options)
{
    bool colour = isatty(STDOUT_FILENO) == 1;
    bool quiet = ak_options_has(options, AK_OPTION_QUIET);

    if (!quiet) {
        ak_claim_show_program(stdout);
        if (p->claim.verdict == AK_VALID)
            print_proof(p);
        ak_claim_show_finding(stdout, &p->claim, colour);
    }
    ak_show_verdict(stdout, p->claim.verdict, colour);
    printf(p->claim.verdict == AK_VALID ? " entry %" PRIu64 " is proven"
                                        : " entry %" PRIu64 " is not proven",
           p->index);
    fputs(", log ", stdout);
    ak_show_text(stdout, p->origin);
    fputs(ak_claim_is_exercise(p->origin) ? ", EXERCISE / 訓練\n" : "\n", stdout);
}

static void put_path(struct ak_json_out *out, const char *name, const char *path)
{
    if (path != NULL)
        (void)ak_json_out_text(out, name, path, strlen(path));
}

static void put_result(const struct prove *p, const struct ak_error *err)
{
    struct ak_json_out out;

    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, &p->claim, err);
    put_path(&out, "origin", p->origin);
    ak_json_out_bool(&out, "exercise", ak_claim_is_exercise(p->origin));
    if (err == NULL && p->claim.verdict == AK_VALID) {
        ak_claim_json_entry(&out, p->proof.index, &p->proof.entry);
        ak_json_out_uint(&out, "payload_bytes", p->proof.payload_len);
        ak_json_out_uint(&out, "checkpoint_size", p->proof.checkpoint.size);
        ak_json_out_uint(&out, "epoch", p->proof.epoch);
        put_path(&out, "proof", p->out);
        put_path(&out, "start_note", p->epoch);
        put_path(&out, "record", p->record);
        if (p->proof.stamped.count > 0)
            ak_json_out_uint(&out, "stamps", p->proof.stamped.count);
        if (p->proof.has_declaration && ak_kind_received(p->proof.entry.kind))
            ak_json_out_uint(&out, "declaration", p->proof.declaration);
    } else {
        ak_json_out_uint(&out, "index", p->index);
    }
    ak_claim_json_end(&out);
}

enum ak_code ak_cmd_prove(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_check_options unused;
    struct ak_trust trust = {0};
    struct prove p = {0};
    enum ak_code rc = parse(&p, options, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &trust, &unused, err);
    if (rc == AK_OK)
        rc = make_somehow(&p, &trust, err);
    if (rc == AK_OK && p.claim.verdict == AK_VALID)
        rc = write_all(&p, err);
    if (ak_options_has(options, AK_OPTION_JSON))
        put_result(&p, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print_result(&p, options);
    *status = ak_verdict_exit(p.claim.verdict);
    ak_entry_proof_free(&p.proof);
    free(p.epoch);
    ak_trust_free(&trust);
    return rc;
}
