/* cmd_compare.c - an agency's own files against a log.
 *
 * Happy path: the log is checked, its proven records and the lines of the files are given to the
 * comparison, and what it found is shown. What is not proven never counts as held; a log that
 * cannot be checked is not compared at all. */
#include "commands.h"

#include "claim_show.h"
#include "compare.h"
#include "compare_show.h"
#include "line_files.h"
#include "pick.h"
#include "report.h"
#include "source_table.h"

#include <akashi/format.h>
#include <akashi/log_reader.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where what does not fit into memory goes, unless --tmp says so. The environment is never asked.
 */
#define TEMPORARY "/tmp"

struct run {
    const struct ak_options *options;
    struct ak_log_places places;
    struct ak_check *check;
    struct ak_source_table sources;
    struct ak_log_filter filter;
    uint32_t *selected;
    struct ak_line_files files;
    struct ak_comparison c;
};

static enum ak_code judge(struct run *r, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options how;
    const char *path = r->places.place[0].path;
    enum ak_code rc = ak_cmd_prepare(r->options, &trust, &how, err);

    how.logs = NULL; /* the path is that log's own */
    how.log_count = 0;
    if (rc == AK_OK)
        rc = ak_cmd_judge(r->options, &path, 1, &how, &r->check, err);
    if (rc == AK_OK && r->check->count != 1)
        rc = ak_fail(err, AK_EUSAGE, "%s is no log", path);
    if (rc == AK_OK)
        r->c.log = &r->check->logs[0];
    ak_trust_free(&trust);
    return rc;
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct run *r = ctx;

    if (entry->entry.kind != AK_KIND_RECORD)
        return AK_OK;
    if (entry->proof != AK_PROOF_PROVEN) {
        r->c.not_proven++;
        return AK_OK;
    }
    if (entry->state != AK_STATE_PRESENT) {
        r->c.absent++;
        return AK_OK;
    }
    return ak_compare_add_record(r->c.compare, entry->index, entry->payload, entry->len, err);
}

static enum ak_code add_lines(struct run *r, struct ak_error *err)
{
    struct ak_line line;
    bool more = true;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK) {
        rc = ak_line_files_next(&r->files, &line, &more, err);
        if (rc != AK_OK || !more)
            break;
        rc = ak_compare_add_line(r->c.compare, line.data, line.len, err);
    }
    return rc;
}

/* The lines first: a path that is wrong shows before the log is read. */
static enum ak_code collect(struct run *r, struct ak_error *err)
{
    struct ak_log_visitor visitor = {.ctx = r, .on_entry = on_entry};
    const struct ak_options *o = r->options;
    const char *dir = ak_options_value(o, AK_OPTION_TMP);
    enum ak_code rc =
        ak_line_files_begin(&r->files, o->words + 1, o->word_count - 1, AK_PAYLOAD_BYTES_MAX, err);

    if (rc == AK_OK)
        rc = ak_compare_new(&r->c.compare, dir == NULL ? TEMPORARY : dir, AK_COMPARE_SORT_BYTES,
                            err);
    if (rc == AK_OK)
        rc = add_lines(r, err);
    if (rc == AK_OK)
        rc = judge(r, err);
    if (rc != AK_OK || r->c.log->verdict == AK_NOT_CHECKABLE)
        return rc;
    rc = ak_source_table_read(&r->sources, r->places.place[0].path, err);
    if (rc == AK_OK)
        rc = ak_pick_sources(o, &r->sources, &r->selected, &r->filter.source_count, err);
    r->filter.sources = r->selected;
    if (rc == AK_OK)
        rc = ak_log_read(r->places.place[0].path, &r->filter, r->c.log, &visitor, err);
    return rc;
}

/* The times of the range's ends; not known if these entries cannot be read any more. */
static void find_times(struct run *r)
{
    struct ak_log_tree_entry entry;

    if (ak_log_tree_open(&r->c.tree, r->places.place[0].path, NULL, AK_LOG_TREE_QUICK, NULL) !=
            AK_OK ||
        r->c.counts.first > r->c.counts.last ||
        ak_log_tree_entry(r->c.tree, r->c.counts.first, &entry, NULL) != AK_OK)
        return;
    r->c.from = entry.entry.received;
    if (ak_log_tree_entry(r->c.tree, r->c.counts.last, &entry, NULL) != AK_OK)
        return;
    r->c.to = entry.entry.received;
    r->c.has_time = true;
}

/* The worst of the log's verdict and of what is not held. */
static void decide(struct run *r)
{
    struct ak_claim *claim = &r->c.claim;

    if (r->c.counts.not_held > 0)
        ak_claim_fail(
            claim, AK_FINDING_MISSING, "",
            "%" PRIu64 " of %" PRIu64 " lines are not held by proven records of this log%s",
            r->c.counts.not_held, r->c.counts.lines, r->c.by_source ? " of the sources given" : "");
    if (r->c.log->verdict <= claim->verdict)
        return;
    for (size_t i = 0; i < r->c.log->finding_count; i++) {
        const struct ak_finding *finding = &r->c.log->findings[i];
        if (ak_finding_info(finding->code)->verdict == r->c.log->verdict) {
            ak_claim_fail(claim, finding->code, finding->rule, "the log itself: %s", finding->text);
            return;
        }
    }
    claim->verdict = r->c.log->verdict;
}

/* Without a check there is nothing that a line could be compared with. */
static void show_not_checkable(struct run *r)
{
    struct ak_json_out out;

    decide(r);
    if (ak_options_has(r->options, AK_OPTION_JSON) || ak_options_has(r->options, AK_OPTION_JSONL)) {
        ak_json_out_init(&out, stdout);
        ak_claim_json_begin(&out, &r->c.claim, NULL);
        ak_claim_json_end(&out);
        return;
    }
    if (!r->c.quiet) {
        ak_claim_show_program(stdout);
        ak_claim_show_finding(stdout, &r->c.claim, r->c.colour);
    }
    ak_report_result(stdout, r->c.log, r->c.colour);
}

static enum ak_code compare(struct run *r, struct ak_error *err)
{
    enum ak_code rc = collect(r, err);

    if (rc != AK_OK)
        return rc;
    if (r->c.log->verdict == AK_NOT_CHECKABLE) {
        show_not_checkable(r);
        return AK_OK;
    }
    rc = ak_compare_run(r->c.compare, &r->c.counts, err);
    if (rc != AK_OK)
        return rc;
    r->c.files = &r->files;
    r->c.sources = &r->sources;
    decide(r);
    find_times(r);
    if (ak_options_has(r->options, AK_OPTION_JSON))
        return ak_compare_show_json(&r->c, err);
    if (ak_options_has(r->options, AK_OPTION_JSONL))
        return ak_compare_show_jsonl(&r->c, err);
    return ak_compare_show_text(&r->c, err);
}

/* The log is the first word; the files are the others. */
static enum ak_code pick(struct run *r, struct ak_error *err)
{
    const struct ak_options *o = r->options;

    if (ak_options_has(o, AK_OPTION_JSON) && ak_options_has(o, AK_OPTION_JSONL))
        return ak_fail(err, AK_EUSAGE, "--json and --jsonl exclude each other");
    return ak_pick_log(o, &r->places, err);
}

enum ak_code ak_cmd_compare(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct run *r = calloc(1, sizeof(*r));
    enum ak_code rc;

    if (r == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to compare");
    r->options = options;
    r->filter = AK_LOG_FILTER_ALL;
    r->files.fd = -1;
    r->c.path = options->words[0];
    r->c.by_source = options->count[AK_OPTION_SOURCE] > 0;
    r->c.quiet = ak_options_has(options, AK_OPTION_QUIET);
    r->c.colour = isatty(STDOUT_FILENO) == 1;
    rc = pick(r, err);
    if (rc == AK_OK)
        rc = compare(r, err);
    if (rc == AK_OK)
        *status = ak_verdict_exit(r->c.claim.verdict);
    ak_log_tree_close(r->c.tree);
    ak_compare_free(r->c.compare);
    ak_line_files_free(&r->files);
    ak_source_table_free(&r->sources);
    free(r->selected);
    ak_check_free(r->check);
    ak_log_places_free(&r->places);
    free(r);
    return rc;
}
