/* report.c - the report in words. */
#include "report.h"

#include "cosigners.h"
#include "report_words.h"
#include "self.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <string.h>

static void label(FILE *file, const char *text)
{
    fprintf(file, "  %-12s", text);
}

void ak_report_begin(const struct ak_report *report)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (report->quiet)
        return;
    fprintf(report->file, "akashi-verify %s, SHA-256 of the program %s\n", AKASHI_VERSION,
            ak_self_digest());
    if (report->now != 0)
        fprintf(report->file, "checked %s, as this machine's clock says\n",
                ak_when_format(time, report->now));
}

/* "entry 5", "entries 512-767". */
static void print_range(FILE *file, uint64_t begin, uint64_t end)
{
    if (end == UINT64_MAX)
        fprintf(file, "entries from %" PRIu64 " on", begin);
    else if (end == begin)
        fprintf(file, "before entry %" PRIu64, begin);
    else if (end - begin == 1)
        fprintf(file, "entry %" PRIu64, begin);
    else
        fprintf(file, "entries %" PRIu64 "-%" PRIu64, begin, end - 1);
}

static void print_ranges(FILE *file, const struct ak_check_log *log)
{
    size_t shown =
        log->range_count < AK_REPORT_RANGES_MAX ? log->range_count : AK_REPORT_RANGES_MAX;
    uint64_t more = log->range_count - shown + log->ranges_left_off;
    char number[AK_SHOW_NUMBER_BYTES];

    for (size_t i = 0; i < shown; i++)
        fprintf(file, "%s%" PRIu64 "-%" PRIu64 "%s",
                i == 0  ? ": "
                : i > 1 ? ", "
                        : " ",
                log->ranges[i].begin, log->ranges[i].end - 1,
                i > 0 || log->range_count == 1 ? ""
                : log->proven_prefix > 0       ? " (without a hole from the start), then"
                                               : ",");
    if (more > 0)
        fprintf(file, " and %s more ranges (--json lists them)", ak_show_count(number, more));
    fputc('\n', file);
}

static void print_age(FILE *file, uint64_t now, uint64_t last)
{
    char text[AK_WHEN_TEXT_BYTES];

    if (now == 0)
        fputs("its age is not known: this machine has no clock", file);
    else if (last > now)
        fprintf(file, "the newest lies %s ahead of this machine's clock",
                ak_when_format_stretch(text, last - now));
    else
        fprintf(file, "the newest is %s old", ak_when_format_stretch(text, now - last));
}

static void print_counts(FILE *file, const struct ak_check_log *log)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];

    label(file, "read");
    fprintf(file, "every byte of %s segment file%s, %s; %s entr%s\n", ak_show_count(a, log->files),
            ak_show_plural(log->files), ak_show_bytes(b, log->bytes_read),
            ak_show_count(c, log->entries), log->entries == 1 ? "y" : "ies");
    label(file, "proven");
    fprintf(file, "%s entr%s", ak_show_count(a, log->proven), log->proven == 1 ? "y" : "ies");
    if (log->proven > 0 || log->fragments > 0) {
        fputs(", of these ", file);
        ak_show_records(file, log->records - log->fragments, log->fragments);
    }
    print_ranges(file, log);
    if (log->tail_entries > 0 || log->tail_bytes > 0) {
        label(file, "tail");
        fprintf(file, "%s entr%s under no checkpoint, %s behind the last commit: not vouched for\n",
                ak_show_count(a, log->tail_entries), log->tail_entries == 1 ? "y" : "ies",
                ak_show_bytes(b, log->tail_bytes));
    }
}

static void print_time(const struct ak_report *report, const struct ak_check_log *log)
{
    char from[AK_WHEN_TEXT_BYTES];
    char to[AK_WHEN_TEXT_BYTES];

    label(report->file, "time");
    if (!log->has_time) {
        fputs("no proven entry, so none has an age\n", report->file);
        return;
    }
    fprintf(report->file, "%s to %s; ", ak_when_format(from, log->first_time),
            ak_when_format(to, log->last_time));
    print_age(report->file, report->now, log->last_time);
    fputc('\n', report->file);
}

static void print_identity(FILE *file, const struct ak_check_log *log)
{
    static const char *const kinds[] = {"log", "segment", "checkpoint"};
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    fprintf(file, "\n%s ", kinds[log->kind]);
    ak_show_text(file, log->path);
    fputc('\n', file);
    if (log->exercise) {
        label(file, "EXERCISE");
        fputs("EXERCISE / 訓練: what this log holds was made for training\n", file);
    }
    if (log->name[0] != '\0') {
        label(file, "name");
        ak_show_text(file, log->name);
        fputs(" (the operator's word, proves nothing)\n", file);
    }
    label(file, "origin");
    ak_show_text(file, log->origin[0] != '\0' ? log->origin : "not known");
    fputc('\n', file);
    label(file, "key");
    if (log->key_given)
        fprintf(file, "%s, as given\n", ak_trust_fingerprint(&log->key, fingerprint));
    else
        fputs("none was given for this origin\n", file);
}

static void print_checkpoint(FILE *file, const struct ak_check_log *log)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    label(file, "checkpoint");
    if (!log->has_checkpoint) {
        fputs("none\n", file);
        return;
    }
    (void)ak_base64_encode(root, sizeof(root), log->checkpoint_root.b, AK_HASH_BYTES);
    fprintf(file, "%s entr%s, root %s\n", ak_show_count(number, log->checkpoint_size),
            log->checkpoint_size == 1 ? "y" : "ies", root);
}

/* Names joined by line feeds, as a list. */
static void print_names(FILE *file, const char *names)
{
    for (const char *at = names; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        ak_show_data(file, at, len);
        at += len;
        if (*at == '\n') {
            fputs(", ", file);
            at++;
        }
    }
}

/* What the witnesses' lines show, where the policy demands some. */
static void print_quorum(FILE *file, const struct ak_check_log *log)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (log->quorum == NULL)
        return;
    label(file, "witnesses");
    if (log->witnessed_size == 0)
        fputs("no checkpoint here meets the quorum ", file);
    else
        fprintf(file, "%s entr%s existed by %s, by the clocks of the quorum ",
                ak_show_count(number, log->witnessed_size), log->witnessed_size == 1 ? "y" : "ies",
                ak_when_format_seconds(time, log->existed_by));
    ak_show_text(file, log->quorum);
    if (log->witnessed_size > 0 && log->witnessed_by != NULL) {
        fputs("; cosigned by ", file);
        print_names(file, log->witnessed_by);
    }
    fputc('\n', file);
}

/* What time stamps show. */
static void print_stamps(FILE *file, const struct ak_check_log *log)
{
    const struct ak_check_bound *last =
        log->bound_count == 0 ? NULL : &log->bounds[log->bound_count - 1];
    char number[AK_SHOW_NUMBER_BYTES];
    char all[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (log->stamps == 0)
        return;
    label(file, "stamps");
    fprintf(file, "%s of %s count", ak_show_count(number, log->stamps_counted),
            ak_show_count(all, log->stamps));
    if (last != NULL) {
        fprintf(file, ": %s entr%s existed by %s, by the clock of ",
                ak_show_count(number, last->size), last->size == 1 ? "y" : "ies",
                ak_when_format_seconds(time, last->existed_by));
        ak_show_text(file, log->stamped_by[0] == '\0' ? "an authority given" : log->stamped_by);
    }
    fputc('\n', file);
}

/* What renewals show. */
static void print_renewals(FILE *file, const struct ak_check_log *log)
{
    const struct ak_check_renewed *renewed = &log->renewed;
    char number[AK_SHOW_NUMBER_BYTES];
    char all[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (log->renewals == 0)
        return;
    label(file, "renewals");
    fprintf(file, "%s of %s count", ak_show_count(number, log->renewals_counted),
            ak_show_count(all, log->renewals));
    if (log->renewals_counted > 0) {
        fprintf(file, ": %s file%s renewed by %s, by the clock of ",
                ak_show_count(number, renewed->files), renewed->files == 1 ? "" : "s",
                ak_when_format_seconds(time, renewed->by));
        ak_show_text(file, log->renewed_by[0] == '\0' ? "an authority given" : log->renewed_by);
        fprintf(file, "; %s time stamp%s in time, %s too late",
                ak_show_count(number, renewed->in_time), renewed->in_time == 1 ? "" : "s",
                ak_show_count(all, renewed->late));
    }
    fputc('\n', file);
}

/* What anchors show. */
static void print_anchors(FILE *file, const struct ak_check_log *log)
{
    const struct ak_check_anchor *last =
        log->anchor_count == 0 ? NULL : &log->anchors[log->anchor_count - 1];
    char number[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (last == NULL)
        return;
    label(file, "anchors");
    fprintf(file, "entries behind %s were logged after %s, by the clocks of the quorum\n",
            ak_show_count(number, last->index), ak_when_format_seconds(time, last->after));
}

static void print_place(FILE *file, const struct ak_finding *finding,
                        const struct ak_source_table *sources)
{
    char from[AK_WHEN_TEXT_BYTES];
    char until[AK_WHEN_TEXT_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];
    char number[AK_SHOW_NUMBER_BYTES];
    const char *comma = ": ";

    if (finding->has_range) {
        fputs(comma, file);
        print_range(file, finding->begin, finding->end);
        comma = ", ";
    }
    if (finding->has_time) {
        fprintf(file, "%s%s to %s", comma, ak_when_format(from, finding->from),
                ak_when_format(until, finding->until));
        comma = ", ";
    }
    for (unsigned i = 0; i < finding->source_count; i++) {
        fprintf(file, "%s%s%s", i == 0 ? comma : ", ",
                i > 0                       ? ""
                : finding->source_count > 1 ? "sources "
                                            : "source ",
                ak_source_label(name, sources, finding->sources[i]));
        comma = ", ";
    }
    if (finding->more_sources)
        fputs(" and others", file);
    if (finding->file[0] != '\0') {
        fputs(comma, file);
        ak_show_text(file, finding->file);
        comma = ", ";
    }
    if (finding->has_offset)
        fprintf(file, "%sbyte %s", comma, ak_show_count(number, finding->offset));
}

static void print_finding(const struct ak_report *report, const struct ak_finding *finding,
                          const struct ak_source_table *sources, bool explain)
{
    const struct ak_finding_info *info = ak_finding_info(finding->code);
    FILE *file = report->file;

    if (info->remark)
        fputs("remark", file);
    else
        ak_show_verdict(file, info->verdict, report->colour);
    fprintf(file, " %s", info->name);
    if (finding->rule[0] != '\0')
        fprintf(file, " (%s)", finding->rule);
    print_place(file, finding, sources);
    fputc('\n', file);
    ak_show_wrapped_text(file, finding->text, 4);
    if (!explain || info->remark)
        return;
    fputs("    Means: ", file);
    ak_show_wrapped(file, info->meaning, 6, 11);
    fputs("    Next:  ", file);
    ak_show_wrapped(file, info->remedy, 6, 11);
}

/* First what decides the verdict, then remarks; what a code means is said once. */
static void print_findings(const struct ak_report *report, const struct ak_check_log *log,
                           const struct ak_source_table *sources)
{
    bool explained[AK_FINDING_CODES] = {false};
    uint64_t shown = 0;
    uint64_t all = log->findings_left_off + log->finding_count;
    char number[AK_SHOW_NUMBER_BYTES];

    for (int remarks = 0; remarks < 2; remarks++) {
        for (size_t i = 0; i < log->finding_count && shown < AK_REPORT_FINDINGS_MAX; i++) {
            const struct ak_finding *finding = &log->findings[i];
            if (ak_finding_info(finding->code)->remark != (remarks == 1))
                continue;
            print_finding(report, finding, sources, !explained[finding->code]);
            explained[finding->code] = true;
            shown++;
        }
    }
    if (all > shown)
        fprintf(report->file, "and %s more finding%s; --json lists up to %u of a log\n",
                ak_show_count(number, all - shown), ak_show_plural(all - shown),
                AK_CHECK_FINDINGS_MAX);
}

/* What a check of this log cannot have noticed, and what to type against it. */
static void print_advice(const struct ak_report *report, const struct ak_check_log *log)
{
    FILE *file = report->file;

    if (log->kind != AK_CHECK_LOG)
        return;
    if (!log->kept_used && log->key_given)
        ak_show_wrapped(file,
                        "No checkpoint from before was given: a cut of the newest records could "
                        "not be noticed. Keep one with --save-checkpoint FILE, away from the "
                        "evidence, and give it the next time with --checkpoint FILE.",
                        0, 0);
    if (report->saved != NULL) {
        fputs("The newest proven checkpoint was kept in ", file);
        ak_show_text(file, report->saved);
        fputs("; give it the next time with --checkpoint.\n", file);
    }
    if (report->not_saved != NULL) {
        fputs("No checkpoint was kept: ", file);
        ak_show_wrapped(file, report->not_saved, 0, 24);
    }
}

/* A word of the operator's is part of the evidence: only one that is made of harmless letters
 * stands in a result line, else the origin that the trusted key names. */
static const char *result_name(const struct ak_check_log *log)
{
    if (log->name[0] != '\0' &&
        log->name[strspn(log->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0')
        return log->name;
    if (log->key_given)
        return log->key.name;
    return log->id[0] != '\0' && log->id[strspn(log->id, "0123456789abcdef")] == '\0' ? log->id
                                                                                      : "not known";
}

void ak_report_result(FILE *file, const struct ak_check_log *log, bool colour)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char from[AK_WHEN_TEXT_BYTES];
    char to[AK_WHEN_TEXT_BYTES];
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    ak_show_verdict(file, log->verdict, colour);
    if (log->kind == AK_CHECK_CHECKPOINT) {
        fprintf(file, " checkpoint of %s entries", ak_show_count(number, log->checkpoint_size));
    } else if (log->proven == 0) {
        fputs(" nothing proven", file);
    } else {
        fputc(' ', file);
        ak_show_records(file, log->records - log->fragments, log->fragments);
        fputs(log->verdict == AK_VALID ? "" : " proven", file);
    }
    if (log->has_time)
        fprintf(file, ", %s to %s", ak_when_format(from, log->first_time),
                ak_when_format(to, log->last_time));
    fputs(", log ", file);
    ak_show_text(file, result_name(log));
    if (log->key_given)
        fprintf(file, ", key %s", ak_trust_fingerprint(&log->key, fingerprint));
    else
        fputs(", no key given", file);
    fputs(log->exercise ? ", EXERCISE / 訓練\n" : "\n", file);
}

static void print_words(FILE *file, struct ak_words words)
{
    fprintf(file, "%s\n%s\n", words.en, words.ja);
}

void ak_report_log(const struct ak_report *report, const struct ak_check_log *log,
                   const struct ak_source_table *sources)
{
    FILE *file = report->file;

    if (!report->quiet) {
        print_identity(file, log);
        if (log->kind != AK_CHECK_CHECKPOINT) {
            print_counts(file, log);
            print_time(report, log);
        }
        print_checkpoint(file, log);
        print_quorum(file, log);
        if (log->kind == AK_CHECK_CHECKPOINT && log->checkpoint_note != NULL)
            ak_cosigners_show(file, log->checkpoint_note, log->checkpoint_len, report->policy);
        print_stamps(file, log);
        print_renewals(file, log);
        print_anchors(file, log);
        print_findings(report, log, sources);
        print_words(file, ak_words_sentence(log));
        print_words(file, ak_words_not_shown);
        print_advice(report, log);
    }
    ak_report_result(file, log, report->colour);
}

void ak_report_end(const struct ak_report *report, const struct ak_check *check)
{
    size_t of[AK_INVALID + 1] = {0};
    bool comma = false;

    if (check->count == 1)
        return;
    for (size_t i = 0; i < check->count; i++)
        of[check->logs[i].verdict]++;
    if (!report->quiet)
        fputc('\n', report->file);
    ak_show_verdict(report->file, check->verdict, report->colour);
    fprintf(report->file, " %zu checked: ", check->count);
    for (int v = AK_INVALID; v >= AK_VALID; v--) {
        if (of[v] == 0)
            continue;
        fprintf(report->file, "%s%zu %s", comma ? ", " : "", of[v],
                ak_verdict_name((enum ak_verdict)v));
        comma = true;
    }
    fputs(comma ? "\n" : "nothing was there\n", report->file);
}
