/* sampling_lines.c - the other direction: lines of an agency's own file, drawn, and looked up in
 * the log (format.md 16.6).
 *
 * Happy path: the file is counted and hashed, lines are drawn by the seed of the whole log's draw
 * and the file's digest, the log is checked, and each drawn line is held against its proven records
 * as `compare` does it. Failure modes: a file that changes meanwhile; a log that cannot be checked.
 */
#include "sampling.h"

#include "commands.h"
#include "compare.h"
#include "line_files.h"
#include "pick.h"

#include <akashi/format.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where what does not fit into memory goes, unless --tmp says so. */
#define TEMPORARY "/tmp"

#define READ_BYTES 65536u

struct lookup {
    struct ak_sampling *s;
    const char *path; /* of the file */
    struct ak_line_files files;
    uint64_t *drawn;  /* line numbers from 0, in the order of the draw */
    uint64_t *sorted; /* the same, rising */
    struct ak_compare *compare;
    struct ak_compare_counts counts;
    struct ak_check *check;
    struct ak_log_filter filter;
};

/* ---- The file ---- */

static enum ak_code hash_file(struct lookup *l, struct ak_error *err)
{
    FILE *file = fopen(l->path, "re");
    uint8_t *buffer = malloc(READ_BYTES);
    struct ak_sha256_ctx ctx;
    size_t n;
    enum ak_code rc = AK_OK;

    if (file == NULL || buffer == NULL) {
        rc = file == NULL ? ak_fail_errno(err, errno, "%s", l->path)
                          : ak_fail(err, AK_ENOMEM, "no memory to read a file");
    } else {
        ak_sha256_init(&ctx);
        while ((n = fread(buffer, 1, READ_BYTES, file)) > 0)
            ak_sha256_update(&ctx, buffer, n);
        ak_sha256_final(&ctx, &l->s->lines.digest);
        if (ferror(file))
            rc = ak_fail_errno(err, errno, "%s", l->path);
    }
    if (file != NULL)
        fclose(file);
    free(buffer);
    return rc;
}

static enum ak_code count_lines(struct lookup *l, struct ak_error *err)
{
    struct ak_line line;
    bool more = true;
    enum ak_code rc = ak_line_files_begin(&l->files, &l->path, 1, AK_PAYLOAD_BYTES_MAX, err);

    while (rc == AK_OK && more)
        rc = ak_line_files_next(&l->files, &line, &more, err);
    if (rc == AK_OK)
        rc = hash_file(l, err);
    l->s->lines.count = l->files.lines;
    if (rc == AK_OK && l->files.lines == 0)
        rc = ak_fail(err, AK_EUSAGE, "%s has no lines", l->path);
    return rc;
}

/* ---- The draw ---- */

static int rising(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static enum ak_code draw(struct lookup *l, struct ak_error *err)
{
    struct ak_sheet *sheet = &l->s->sheet;
    struct ak_sheet_lines *lines = &l->s->lines;
    struct ak_sample_draw *d;
    struct ak_hash log_seed = sheet->seed;
    bool more = true;
    enum ak_code rc = ak_sample_plan(&l->s->args, lines->count, &sheet->planned, err);

    if (rc != AK_OK)
        return rc;
    ak_sample_line_seed(&log_seed, lines->count, &lines->digest, &sheet->seed);
    l->drawn = calloc(sheet->planned, sizeof(*l->drawn));
    l->sorted = calloc(sheet->planned, sizeof(*l->sorted));
    lines->line = calloc(sheet->planned, sizeof(*lines->line));
    if (l->drawn == NULL || l->sorted == NULL || lines->line == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    rc = ak_sample_draw_new(&d, &sheet->seed, 0, lines->count, err);
    while (rc == AK_OK && more && lines->drawn < sheet->planned) {
        rc = ak_sample_draw_next(d, &l->drawn[lines->drawn], &more, err);
        lines->drawn += rc == AK_OK && more;
    }
    ak_sample_draw_free(d);
    memcpy(l->sorted, l->drawn, lines->drawn * sizeof(*l->sorted));
    qsort(l->sorted, lines->drawn, sizeof(*l->sorted), rising);
    return rc;
}

/* The drawn lines into the comparison, which numbers them as they come. */
static enum ak_code add_lines(struct lookup *l, struct ak_error *err)
{
    const char *tmp = ak_options_value(l->s->options, AK_OPTION_TMP);
    struct ak_line line;
    uint64_t next = 0;
    bool more = true;
    enum ak_code rc =
        ak_compare_new(&l->compare, tmp == NULL ? TEMPORARY : tmp, AK_COMPARE_SORT_BYTES, err);

    if (rc == AK_OK)
        rc = ak_compare_narrow(l->compare, l->s->lines.drawn, err);
    ak_line_files_again(&l->files);
    while (rc == AK_OK && next < l->s->lines.drawn) {
        rc = ak_line_files_next(&l->files, &line, &more, err);
        if (rc != AK_OK || !more)
            break;
        if (line.number != l->sorted[next])
            continue;
        next++;
        rc = ak_compare_add_line(l->compare, line.data, line.len, err);
    }
    if (rc == AK_OK && next < l->s->lines.drawn)
        rc = ak_fail(err, AK_EIO, "%s changed while it was read", l->path);
    return rc;
}

/* ---- The log ---- */

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct lookup *l = ctx;

    if (entry->entry.kind != AK_KIND_RECORD || entry->proof != AK_PROOF_PROVEN ||
        entry->state != AK_STATE_PRESENT)
        return AK_OK;
    return ak_compare_add_record(l->compare, entry->index, entry->payload, entry->len, err);
}

static enum ak_code judge(struct lookup *l, struct ak_error *err)
{
    struct ak_check_options how = l->s->how;
    const char *path = l->s->places.place[0].path;
    enum ak_code rc;

    how.logs = NULL; /* the path is that log's own */
    how.log_count = 0;
    rc = ak_cmd_judge(l->s->options, &path, 1, &how, &l->check, err);
    if (rc == AK_OK && l->check->count != 1)
        rc = ak_fail(err, AK_EUSAGE, "%s is no log", path);
    return rc;
}

/* What is wrong with the log is wrong with what it holds. */
static void take_verdict(struct lookup *l)
{
    const struct ak_check_log *log = &l->check->logs[0];
    struct ak_claim *claim = &l->s->sheet.claim;

    for (size_t i = 0; i < log->finding_count && log->verdict > claim->verdict; i++) {
        const struct ak_finding *finding = &log->findings[i];
        if (ak_finding_info(finding->code)->verdict == log->verdict)
            ak_claim_fail(claim, finding->code, finding->rule, "the log itself: %s", finding->text);
    }
    if (log->verdict > claim->verdict)
        claim->verdict = log->verdict;
}

static enum ak_code read_log(struct lookup *l, struct ak_error *err)
{
    struct ak_log_visitor visitor = {.ctx = l, .on_entry = on_entry};
    enum ak_code rc = judge(l, err);

    if (rc != AK_OK)
        return rc;
    take_verdict(l);
    l->filter = AK_LOG_FILTER_ALL;
    l->filter.sources = l->s->filter.sources;
    l->filter.source_count = l->s->filter.source_count;
    rc = ak_log_read(l->s->places.place[0].path, &l->filter, &l->check->logs[0], &visitor, err);
    if (rc == AK_OK)
        rc = ak_compare_run(l->compare, &l->counts, err);
    return rc;
}

/* ---- The result ---- */

static enum ak_code take_results(struct lookup *l, struct ak_error *err)
{
    struct ak_sheet_lines *lines = &l->s->lines;
    struct ak_compare_line_result *result = calloc(lines->drawn, sizeof(*result));
    bool more = true;
    enum ak_code rc = result == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a sample") : AK_OK;

    for (uint64_t i = 0; rc == AK_OK && i < lines->drawn && more; i++)
        rc = ak_compare_next_line(l->compare, &result[i], &more, err);
    for (uint64_t i = 0; rc == AK_OK && i < lines->drawn; i++) {
        const uint64_t *at = bsearch(&l->drawn[i], l->sorted, lines->drawn, sizeof(*at), rising);
        const struct ak_compare_line_result *r = &result[at - l->sorted];
        lines->line[i].line = l->drawn[i] + 1;
        lines->line[i].result = (uint8_t)r->result;
        lines->line[i].index = r->index;
    }
    lines->unchanged = l->counts.unchanged;
    lines->other_header = l->counts.other_header;
    lines->not_held = l->counts.not_held;
    free(result);
    return rc;
}

/* Whether the file was fixed before the nonce was known. */
static void look_at_commitment(struct ak_sampling *s)
{
    const struct ak_sample_event *event = &s->commit.event;

    if (s->sheet.independence != AK_INDEPENDENT)
        return;
    if (!event->has_population || !ak_hash_equal(&event->population, &s->lines.digest))
        s->sheet.independence = AK_INDEPENDENCE_FILE;
    else if (s->options->count[AK_OPTION_SOURCE] > 0)
        s->sheet.independence = AK_INDEPENDENCE_RANGE;
}

enum ak_code ak_sampling_lines(struct ak_sampling *s, struct ak_error *err)
{
    struct lookup *l = calloc(1, sizeof(*l));
    enum ak_code rc;

    if (l == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    l->s = s;
    l->path = s->lines.path = ak_options_value(s->options, AK_OPTION_POPULATION);
    l->files.fd = -1;
    s->sheet.first = 0;
    s->sheet.end = s->sheet.head_size;
    rc = count_lines(l, err);
    if (rc == AK_OK) {
        ak_sampling_seed_only(s);
        rc = draw(l, err);
    }
    if (rc == AK_OK)
        rc = add_lines(l, err);
    if (rc == AK_OK)
        rc = read_log(l, err);
    if (rc == AK_OK)
        rc = take_results(l, err);
    if (rc == AK_OK) {
        s->sheet.lines = &s->lines;
        look_at_commitment(s);
    }
    ak_line_files_free(&l->files);
    ak_compare_free(l->compare);
    ak_check_free(l->check);
    free(l->drawn);
    free(l->sorted);
    free(l);
    return rc;
}
