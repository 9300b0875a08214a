/* cmd_sample.c - a sample of a log for an auditor, and the page that it ends in. */
#include "commands.h"

#include "claim_show.h"
#include "output.h"
#include "sampling.h"
#include "show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum ak_code ak_sampling_seed(struct ak_sampling *s, struct ak_error *err)
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
    return ak_sample_plan(&s->args, sheet->end - sheet->first, &sheet->planned, err);
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

static enum ak_code run(struct ak_sampling *s, struct ak_error *err)
{
    struct ak_sheet *sheet = &s->sheet;
    const struct ak_options *o = s->options;
    enum ak_code rc = ak_sample_args_read(&s->args, o, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(o, &s->trust, &s->how, err);
    sheet->path = o->words[0];
    sheet->anchor = &s->anchor;
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
        rc = ak_sampling_store(s, err);
    if (rc == AK_OK && sheet->planned > 0)
        ak_sheet_conclude(sheet);
    else
        sheet->verdict = sheet->claim.verdict;
    return rc == AK_OK ? write_sheet(s, err) : rc;
}

static void sampling_free(struct ak_sampling *s)
{
    ak_sample_rows_free(&s->rows);
    ak_sample_scan_free(&s->scan);
    ak_sample_anchor_free(&s->anchor);
    ak_source_table_free(&s->sources);
    free(s->selected);
    ak_log_tree_close(s->tree);
    ak_log_tree_close(s->careful);
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
