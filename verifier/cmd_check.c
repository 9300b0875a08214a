/* cmd_check.c - check, and its exact forms store, segment and checkpoint.
 *
 * Happy path: keys and kept checkpoints are read, everything is judged, the newest proven
 * checkpoint is kept if asked for, the report is printed. What cannot be judged at all (a path that
 * is not there) is NOT CHECKABLE, exit status 2, also with --json. */
#include "commands.h"

#include "output.h"
#include "report.h"
#include "store_list.h"
#include "viewer_bundle.h"

#include <akashi/bundle.h>

#include <string.h>
#include <unistd.h>

/* "store", "segment" and "checkpoint" say what the paths must be. */
static enum ak_code check_form(const struct ak_options *options, struct ak_error *err)
{
    static const char *const kinds[] = {"a store", "a log's directory", "a segment",
                                        "a checkpoint"};
    static const char *const forms[] = {"store", "store", "segment", "checkpoint"};
    const char *form = options->command->name;

    if (strcmp(form, "check") == 0)
        return AK_OK;
    for (size_t i = 0; i < options->word_count; i++) {
        enum ak_path_kind kind;
        int fd;
        enum ak_code rc = ak_list_path(options->words[i], &kind, &fd, err);
        if (rc != AK_OK)
            return rc;
        close(fd);
        if (strcmp(form, forms[kind]) != 0)
            return ak_fail(err, AK_EUSAGE, "%s is %s: akashi-verify %s %s", options->words[i],
                           kinds[kind], forms[kind], options->words[i]);
    }
    return AK_OK;
}

/* Keeps the newest proven checkpoint. `*why` tells why not, `*saved` that it was done. */
static enum ak_code save_checkpoint(const char *path, const struct ak_check *check,
                                    const char **why, bool *saved, struct ak_error *err)
{
    const struct ak_check_log *log = check->count == 1 ? &check->logs[0] : NULL;
    enum ak_code rc;

    *why = NULL;
    *saved = false;
    if (path == NULL)
        return AK_OK;
    if (log == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--save-checkpoint keeps the checkpoint of one log, and %zu were looked at: "
                       "pick one with --log",
                       check->count);
    if (log->verdict == AK_INVALID)
        *why = "the log is INVALID, and what is kept must be good.";
    else if (!log->has_checkpoint || log->checkpoint_note == NULL)
        *why = "the log has none that is proven.";
    if (*why != NULL)
        return AK_OK;
    rc = ak_output_replace(path, log->checkpoint_note, log->checkpoint_len, err);
    *saved = rc == AK_OK;
    return rc;
}

static bool names_sources(const struct ak_check_log *log)
{
    for (size_t i = 0; i < log->finding_count; i++) {
        for (unsigned s = 0; s < log->findings[i].source_count; s++) {
            if (log->findings[i].sources[s] >= AK_SOURCE_FIRST)
                return true;
        }
    }
    return false;
}

/* Names of sources are looked up only where a finding speaks of one; what cannot be read for them
 * has been told by the check already. */
static void report_log(const struct ak_report *report, const struct ak_check_log *log)
{
    struct ak_source_table sources = {0};
    bool named = !report->quiet && log->kind == AK_CHECK_LOG && names_sources(log) &&
                 ak_source_table_read(&sources, log->path, NULL) == AK_OK;

    ak_report_log(report, log, named ? &sources : NULL);
    ak_source_table_free(&sources);
}

static void print_report(const struct ak_report *report, const struct ak_check *check)
{
    ak_report_begin(report);
    for (size_t i = 0; i < check->count; i++)
        report_log(report, &check->logs[i]);
    ak_report_end(report, check);
}

/* Everything but the report. */
static enum ak_code judge(const struct ak_options *options, struct ak_trust *trust,
                          struct ak_report *report, struct ak_check **check, struct ak_error *err)
{
    const char *keep = ak_options_value(options, AK_OPTION_SAVE_CHECKPOINT);
    struct ak_check_options how = {0};
    bool missing = false;
    bool saved = false;
    enum ak_code rc = AK_OK;

    if (keep != NULL)
        rc = ak_trust_add_kept(trust, keep, &missing, err);
    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, trust, &how, err);
    report->now = how.now;
    if (rc == AK_OK)
        rc = check_form(options, err);
    if (rc == AK_OK)
        rc = ak_cmd_judge(options, options->words, options->word_count, &how, check, err);
    if (rc == AK_OK)
        rc = save_checkpoint(keep, *check, &report->not_saved, &saved, err);
    report->saved = saved ? keep : NULL;
    report->policy = trust->policy;
    return rc;
}

static enum ak_code check(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_report report = {.file = stdout, .quiet = ak_options_has(options, AK_OPTION_QUIET)};
    bool json = ak_options_has(options, AK_OPTION_JSON);
    struct ak_check *check = NULL;
    struct ak_trust trust = {0};
    enum ak_code rc = judge(options, &trust, &report, &check, err);

    report.colour = !json && isatty(STDOUT_FILENO) == 1;
    if (json)
        ak_report_json(&report, check, rc == AK_OK ? NULL : err);
    else if (check != NULL)
        print_report(&report, check);
    if (check != NULL)
        *status = ak_verdict_exit(check->verdict);
    ak_check_free(check);
    ak_trust_free(&trust);
    return rc;
}

/* Whether what is to be judged is a bundle, or a page with one; then it is the only thing. */
static enum ak_code find_bundle(const struct ak_options *options, bool *is, struct ak_error *err)
{
    *is = false;
    for (size_t i = 0; i < options->word_count; i++) {
        if (!ak_bundle_is_one(options->words[i]) && !ak_viewer_names_page(options->words[i]))
            continue;
        *is = options->word_count == 1 && strcmp(options->command->name, "check") == 0;
        if (!*is)
            return ak_fail(err, AK_EUSAGE, "%s is a bundle: akashi-verify bundle %s",
                           options->words[i], options->words[i]);
    }
    return AK_OK;
}

enum ak_code ak_cmd_check(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool bundle;

    if (find_bundle(options, &bundle, err) != AK_OK)
        return err->code;
    return bundle ? ak_cmd_bundle(options, status, err) : check(options, status, err);
}
