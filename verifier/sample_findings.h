/* sample_findings.h - what an auditor found about each record of a sample (format.md 16.5): read
 * from his file, and the file that is given to him to fill in. */
#ifndef AK_SAMPLE_FINDINGS_H
#define AK_SAMPLE_FINDINGS_H

#include "sample.h"
#include "source_table.h"

#include <akashi/error.h>

#include <stdio.h>

/* A line of the file with its end; what the program writes is shorter. */
#define AK_FINDINGS_LINE_BYTES_MAX 1024u

/* Lines: more than what AK_SAMPLE_RECORDS_MAX records have, each with its text. */
#define AK_FINDINGS_LINES_MAX 16777216u

/* One finding; `note` borrows until the callback returns, "" if there is none. */
typedef enum ak_code (*ak_finding_line_fn)(void *ctx, uint64_t index,
                                           enum ak_sample_finding finding, const char *note,
                                           struct ak_error *err);

/* Reads a whole file: first the seed that it is for, then each finding. AK_EUSAGE names the line
 * and what is wanted; AK_EIO; or what a callback gave. */
enum ak_code ak_findings_read(FILE *file, struct ak_hash *seed, ak_finding_line_fn on_line,
                              void *ctx, struct ak_error *err);

/* Reads the file at `path` into the rows of the sample with this seed; counts what was judged and
 * what deviates among the records that are proven and shown. */
enum ak_code ak_findings_apply(struct ak_sample_rows *rows, const struct ak_hash *seed,
                               const char *path, uint64_t *judged, uint64_t *deviations,
                               struct ak_error *err);

/* The file to fill in: its head, and one record with its text. */
void ak_findings_begin(FILE *file, const char *origin, const struct ak_hash *seed);
void ak_findings_record(FILE *file, const struct ak_sample_row *row,
                        const struct ak_sample_item *item, const struct ak_source_table *sources);

#endif
