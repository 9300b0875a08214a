/* report.h - the result of a check in words, and as JSON.
 *
 * A report says what was looked at and by which program, what is proven, each finding with its
 * place, what it means and what to do, and ends in one line a log. Bytes of the evidence are
 * escaped, and the last line holds none of them. */
#ifndef AK_REPORT_H
#define AK_REPORT_H

#include "source_table.h"

#include <akashi/check.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Findings of a log that the report in words lists one by one; --json has all that were kept. */
#define AK_REPORT_FINDINGS_MAX 40u

/* Proven ranges that the report in words lists. */
#define AK_REPORT_RANGES_MAX 16u

struct ak_report {
    FILE *file;
    bool colour;
    bool quiet;                     /* result lines only */
    uint64_t now;                   /* for the age of the newest entry; 0: no clock */
    const struct ak_policy *policy; /* names witnesses of a checkpoint alone; or NULL */
    const char *saved;              /* where the checkpoint was kept, or NULL */
    const char *not_saved;          /* why it was not although it was asked for, or NULL */
};

/* What is printed once, before the logs: program, version, digest. */
void ak_report_begin(const struct ak_report *report);

/* One log. `sources` may be NULL: ordinals are shown without names. */
void ak_report_log(const struct ak_report *report, const struct ak_check_log *log,
                   const struct ak_source_table *sources);

/* The result line of a log, the same everywhere. */
void ak_report_result(FILE *file, const struct ak_check_log *log, bool colour);

/* The result of all, when there was not exactly one. */
void ak_report_end(const struct ak_report *report, const struct ak_check *check);

/* The whole as one JSON object and a line end. `check` may be NULL when the check itself could not
 * be done: then `error` says why. */
void ak_report_json(const struct ak_report *report, const struct ak_check *check,
                    const struct ak_error *error);

#endif
