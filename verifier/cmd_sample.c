/* cmd_sample.c - a sample of a log for an auditor, and the page that it ends in. */
#include "commands.h"

#include "claim_show.h"
#include "output.h"
#include "sample_findings.h"
#include "sampling.h"
#include "show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum ak_code ak_sampling_population(struct ak_sampling *s, struct ak_error *err)
{
    struct ak_sheet *sheet = &s->sheet;
    const struct ak_sample_event *event = &s->commit.event;
    bool timed = s->args.from > 0 || s->args.to < UINT64_MAX;
    bool fixed;

    sheet->first = s->args.has_index ? s->args.first : 0;
    sheet->end = s->args.has_index ? s->args.end : sheet->head_size;
    if (sheet->commit != NULL && event->has_range && !s->args.has_index) {
        sheet->first = event->first; /* what it was committed for */
        sheet->end = event->end;
    }
    if (sheet->end > sheet->head_size)
        return ak_fail(err, AK_EUSAGE,
                       "the head of the draw has %" PRIu64
                       " entries: the range (--index, or what was committed) must lie below that",
                       sheet->head_size);
    if (timed && s->scan.first > sheet->first)
        sheet->first = s->scan.first;
    if (timed && s->scan.end < sheet->end)
        sheet->end = s->scan.end;
    if (sheet->first >= sheet->end)
        return ak_fail(err, AK_ENOTFOUND, "no entry of the log is in that range");
    if (sheet->commit == NULL)
        return AK_OK;
    fixed = event->has_range ? event->first == sheet->first && event->end == sheet->end
                             : sheet->first == 0 && sheet->end == sheet->head_size;
    if (sheet->independence == AK_INDEPENDENT &&
        (!fixed || timed || s->options->count[AK_OPTION_SOURCE] > 0))
        sheet->independence = AK_INDEPENDENCE_RANGE;
    return AK_OK;
}

void ak_sampling_policy(struct ak_sampling *s)
{
    if (s->trust.policy != NULL && s->sheet.claim.verdict == AK_VALID)
        ak_policy_claim(s->trust.policy, s->anchor.note, s->anchor.note_len, &s->sheet.claim,
                        &s->sheet.quorum);
}

void ak_sampling_seed_only(struct ak_sampling *s)
{
    struct ak_sheet *sheet = &s->sheet;
    const struct ak_sample_text text = {.origin = s->anchor.checkpoint.origin,
                                        .size = sheet->head_size,
                                        .root = sheet->head_root,
                                        .first = sheet->first,
                                        .end = sheet->end,
                                        .nonce = s->args.nonce,
                                        .nonce_len = s->args.nonce_len,
                                        .beacon = s->args.beacon,
                                        .beacon_len = s->args.beacon_len};

    ak_sample_seed(&text, &sheet->seed);
}

enum ak_code ak_sampling_seed(struct ak_sampling *s, struct ak_error *err)
{
    ak_sampling_seed_only(s);
    return ak_sample_plan(&s->args, s->sheet.end - s->sheet.first, &s->sheet.planned, err);
}

static enum ak_code on_row(void *ctx, const struct ak_sample_row *row,
                           const struct ak_sample_item *item, struct ak_error *err)
{
    const struct ak_sampling *s = ctx;

    (void)err;
    if (s->worksheet != NULL)
        ak_findings_record(s->worksheet, row, item, &s->sources);
    return AK_OK;
}

enum ak_code ak_sampling_draw(struct ak_sampling *s, ak_sample_item_fn get, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_WORKSHEET);
    const struct ak_sheet *sheet = &s->sheet;
    enum ak_code rc = AK_OK;

    if (path != NULL) {
        rc = ak_output_open(path, ak_options_has(s->options, AK_OPTION_FORCE), &s->worksheet, err);
        if (rc != AK_OK)
            return rc;
        ak_findings_begin(s->worksheet, s->anchor.checkpoint.origin, &sheet->seed);
    }
    rc = ak_sample_rows_draw(&s->rows, &sheet->seed, sheet->first, sheet->end, sheet->planned,
                             &s->filter, &s->anchor, get, on_row, s, err);
    if (path != NULL && ak_output_close(s->worksheet, path, rc == AK_OK ? err : NULL) != AK_OK &&
        rc == AK_OK)
        rc = AK_EIO;
    s->worksheet = NULL;
    return rc;
}

/* Why there is no sample: a claim as of other commands, and no sheet. */
static void show_claim(const struct ak_sampling *s, FILE *file)
{
    bool colour = file == stdout && isatty(STDOUT_FILENO) == 1;
    struct ak_json_out out;

    if (ak_options_has(s->options, AK_OPTION_JSON)) {
        ak_json_out_init(&out, file);
        ak_claim_json_begin(&out, &s->sheet.claim, NULL);
        ak_claim_json_end(&out);
        return;
    }
    if (!ak_options_has(s->options, AK_OPTION_QUIET)) {
        ak_claim_show_program(file);
        ak_claim_show_finding(file, &s->sheet.claim, colour);
    }
    ak_show_verdict(file, s->sheet.claim.verdict, colour);
    fputs(" nothing was sampled\n", file);
}

static void show(struct ak_sampling *s, FILE *file)
{
    if (s->sheet.planned == 0)
        show_claim(s, file);
    else if (ak_options_has(s->options, AK_OPTION_JSON))
        ak_sheet_json(file, &s->sheet);
    else if (ak_options_has(s->options, AK_OPTION_HTML))
        ak_sheet_html(file, &s->sheet);
    else
        ak_sheet_text(file, &s->sheet, ak_options_has(s->options, AK_OPTION_QUIET),
                      file == stdout && isatty(STDOUT_FILENO) == 1);
}

static enum ak_code write_sheet(struct ak_sampling *s, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_OUTPUT);
    FILE *file = stdout;
    enum ak_code rc = AK_OK;

    if (path != NULL)
        rc = ak_output_open(path, ak_options_has(s->options, AK_OPTION_FORCE), &file, err);
    if (rc != AK_OK)
        return rc;
    show(s, file);
    return path == NULL ? AK_OK : ak_output_close(file, path, err);
}

/* Whether the head of the sheet before is in the history that the checkpoint signs. */
static void check_previous(struct ak_sampling *s)
{
    struct ak_sheet_previous *p = &s->previous;
    const struct ak_checkpoint *cp = &s->anchor.checkpoint;
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    unsigned n;

    if (s->tree == NULL || p->head_size == 0 || p->head_size > cp->size ||
        ak_consistency_make(p->head_size, cp->size, ak_log_tree_node, s->tree, proof,
                            AK_PROOF_HASHES_MAX, &n, NULL) != AK_OK)
        return;
    p->checked = true;
    p->one_past = ak_consistency_verify(p->head_size, cp->size, proof, n, &p->head_root, &cp->root,
                                        NULL) == AK_OK;
}

static enum ak_code read_previous(struct ak_sampling *s, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_PREVIOUS);
    enum ak_code rc;

    if (path == NULL)
        return AK_OK;
    rc = ak_sheet_previous_read(&s->previous, path, err);
    if (rc == AK_OK && strcmp(s->previous.origin, s->anchor.checkpoint.origin) != 0)
        rc = ak_fail(err, AK_EUSAGE, "%s is a sheet of another log, %s", path, s->previous.origin);
    if (rc == AK_OK && s->previous.lines != (s->sheet.lines != NULL))
        rc = ak_fail(err, AK_EUSAGE,
                     "%s is of the other direction (records of the store, or lines of a file): "
                     "their rates cannot be compared",
                     path);
    if (rc != AK_OK)
        return rc;
    check_previous(s);
    s->sheet.previous = &s->previous;
    return AK_OK;
}

static enum ak_code conclude(struct ak_sampling *s, struct ak_error *err)
{
    const char *findings = ak_options_value(s->options, AK_OPTION_FINDINGS);
    enum ak_code rc = AK_OK;

    if (findings != NULL) {
        rc = ak_findings_apply(&s->rows, &s->sheet.seed, findings, &s->sheet.judged,
                               &s->sheet.deviations, err);
        s->sheet.has_findings = rc == AK_OK;
    }
    if (rc == AK_OK)
        rc = read_previous(s, err);
    if (rc == AK_OK)
        ak_sheet_conclude(&s->sheet);
    return rc;
}

/* What is wrong before anything is read. */
static enum ak_code check_options(const struct ak_options *o, struct ak_error *err)
{
    if (ak_options_has(o, AK_OPTION_JSON) && ak_options_has(o, AK_OPTION_HTML))
        return ak_fail(err, AK_EUSAGE, "--json and --html exclude each other");
    if (ak_options_has(o, AK_OPTION_ANSWERS) && !ak_options_has(o, AK_OPTION_REQUESTS))
        return ak_fail(err, AK_EUSAGE, "--answers needs --requests: what they answer");
    if (ak_options_has(o, AK_OPTION_HEAD) && !ak_options_has(o, AK_OPTION_REQUESTS))
        return ak_fail(err, AK_EUSAGE,
                       "--head belongs to --requests: a store shows the head itself");
    if (ak_options_has(o, AK_OPTION_REQUESTS) &&
        (ak_options_has(o, AK_OPTION_FROM) || ak_options_has(o, AK_OPTION_TO) ||
         ak_options_has(o, AK_OPTION_SOURCE) || ak_options_has(o, AK_OPTION_CHECKPOINT) ||
         ak_options_has(o, AK_OPTION_LOG)))
        return ak_fail(
            err, AK_EUSAGE,
            "with --requests the first word is the checkpoint, and the population a range "
            "of indices (--index)");
    if (ak_options_has(o, AK_OPTION_ANSWERS) &&
        (ak_options_has(o, AK_OPTION_SEED) || ak_options_has(o, AK_OPTION_INDEX) ||
         ak_options_has(o, AK_OPTION_BEACON)))
        return ak_fail(err, AK_EUSAGE,
                       "--seed, --index and --beacon stand in the requests: leave them out");
    if (ak_options_has(o, AK_OPTION_POPULATION) &&
        (ak_options_has(o, AK_OPTION_REQUESTS) || ak_options_has(o, AK_OPTION_FROM) ||
         ak_options_has(o, AK_OPTION_TO) || ak_options_has(o, AK_OPTION_INDEX) ||
         ak_options_has(o, AK_OPTION_FINDINGS) || ak_options_has(o, AK_OPTION_WORKSHEET)))
        return ak_fail(
            err, AK_EUSAGE,
            "with --population the lines of the file are what is drawn, all of them, and "
            "whether they are held is not a judgement: no --index, --from, --to, "
            "--requests, --worksheet or --findings");
    if (ak_options_has(o, AK_OPTION_REQUESTS) && ak_options_has(o, AK_OPTION_AUTHORITY))
        return ak_fail(err, AK_EUSAGE,
                       "--authority belongs to a store: answers to --requests hold no orders, and "
                       "what is absent from them is MISSING, whoever ordered it");
    if (ak_options_has(o, AK_OPTION_TMP) && !ak_options_has(o, AK_OPTION_POPULATION))
        return ak_fail(err, AK_EUSAGE, "--tmp belongs to --population");
    if (o->count[AK_OPTION_CHECKPOINT] > 1)
        return ak_fail(err, AK_EUSAGE, "--checkpoint was given twice; a sample is of one");
    if (ak_options_has(o, AK_OPTION_FINDINGS) && !ak_options_has(o, AK_OPTION_SEED) &&
        !ak_options_has(o, AK_OPTION_ANSWERS))
        return ak_fail(err, AK_EUSAGE,
                       "--findings needs --seed: the nonce of the sample that they are for, as its "
                       "sheet names it");
    return AK_OK;
}

/* Out of a store, or for somebody who has none. */
static enum ak_code sample(struct ak_sampling *s, struct ak_error *err)
{
    if (!ak_options_has(s->options, AK_OPTION_REQUESTS))
        return ak_sampling_store(s, err);
    return ak_options_has(s->options, AK_OPTION_ANSWERS) ? ak_sampling_judge(s, err)
                                                         : ak_sampling_request(s, err);
}

static void show_requested(const struct ak_sampling *s)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char *first = ak_sheet_sentence(&s->sheet, AK_SAYS_FIRST, AK_ENGLISH);

    if (!ak_options_has(s->options, AK_OPTION_QUIET) && first != NULL)
        ak_show_wrapped_text(stdout, first, 0);
    free(first);
    printf("%s records are asked for: ", ak_show_count(number, s->sheet.planned));
    ak_show_text(stdout, ak_options_value(s->options, AK_OPTION_REQUESTS));
    fputs("; give it to the operator, for akashi-verify answer\n", stdout);
}

static enum ak_code run(struct ak_sampling *s, struct ak_error *err)
{
    struct ak_sheet *sheet = &s->sheet;
    const struct ak_options *o = s->options;
    enum ak_code rc = check_options(o, err);

    if (rc == AK_OK)
        rc = ak_sample_args_read(&s->args, o, err);
    if (rc == AK_OK)
        rc = ak_cmd_prepare(o, &s->trust, &s->how, err);
    sheet->path = o->words[0];
    sheet->anchor = &s->anchor;
    sheet->authorities = s->how.authorities;
    sheet->authority_count = s->how.authority_count;
    sheet->rows = &s->rows;
    sheet->made = s->args.now;
    sheet->confidence = s->args.confidence;
    sheet->rate = s->args.rate;
    sheet->nonce = s->args.nonce_hex;
    sheet->beacon = ak_options_value(o, AK_OPTION_BEACON);
    sheet->from = ak_options_value(o, AK_OPTION_FROM);
    sheet->to = ak_options_value(o, AK_OPTION_TO);
    sheet->sources = o->value[AK_OPTION_SOURCE];
    sheet->source_count = o->count[AK_OPTION_SOURCE];
    if (rc == AK_OK)
        rc = sample(s, err);
    if (rc == AK_OK && s->requested) {
        show_requested(s);
        return AK_OK;
    }
    if (rc == AK_OK && sheet->planned > 0)
        rc = conclude(s, err);
    else
        sheet->verdict = sheet->claim.verdict;
    return rc == AK_OK ? write_sheet(s, err) : rc;
}

static void sampling_free(struct ak_sampling *s)
{
    ak_sample_rows_free(&s->rows);
    free(s->lines.line);
    ak_sample_scan_free(&s->scan);
    ak_sample_anchor_free(&s->anchor);
    ak_source_table_free(&s->sources);
    free(s->selected);
    ak_log_tree_close(s->tree);
    ak_log_tree_close(s->careful);
    ak_ordered_free(&s->ordered);
    ak_log_places_free(&s->places);
    ak_trust_free(&s->trust);
    free(s);
}

enum ak_code ak_cmd_sample(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_sampling *s = calloc(1, sizeof(*s));
    enum ak_code rc;

    if (s == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    s->options = options;
    rc = run(s, err);
    if (rc == AK_OK)
        *status = ak_verdict_exit(s->sheet.verdict);
    sampling_free(s);
    return rc;
}
