/* sampling.h - one run of `sample`: what it was given, what it found, and the sheet that it ends
 * in; for cmd_sample.c and sampling_*.c. */
#ifndef AK_SAMPLING_H
#define AK_SAMPLING_H

#include "options.h"
#include "ordered.h"
#include "sample.h"
#include "sample_answers.h"
#include "sample_args.h"
#include "sheet.h"
#include "source_table.h"
#include "trust.h"

#include <akashi/check.h>
#include <akashi/log_reader.h>

#include <stdio.h>

struct ak_sampling {
    const struct ak_options *options;
    struct ak_sample_args args;
    struct ak_trust trust;
    struct ak_check_options how;
    struct ak_log_places places; /* with a store: the one log */
    struct ak_log_tree *tree;
    struct ak_log_tree *careful; /* opened when it is needed */
    struct ak_ordered ordered;   /* of the store; read when it is needed */
    bool ordered_known;
    struct ak_sample_anchor anchor;
    struct ak_sample_scan scan;
    struct ak_sample_commit commit;
    struct ak_sample_rows rows;
    struct ak_sample_filter filter;
    struct ak_source_table sources;
    uint32_t *selected;
    struct ak_answers *answers;  /* while they are judged */
    bool requested;              /* requests were written, and nothing else */
    FILE *worksheet;             /* where drawn records are written to be judged, or NULL */
    struct ak_sheet_lines lines; /* with --population */
    struct ak_sheet_previous previous;
    struct ak_sheet sheet;
};

/* From a store: draws records and proves each (sampling_store.c). A claim of the sheet that is NOT
 * CHECKABLE or INVALID with no row drawn says why there is no sample. */
enum ak_code ak_sampling_store(struct ak_sampling *s, struct ak_error *err);

/* For somebody with a checkpoint (sampling_remote.c): writes requests; judges answers to them. */
enum ak_code ak_sampling_request(struct ak_sampling *s, struct ak_error *err);
enum ak_code ak_sampling_judge(struct ak_sampling *s, struct ak_error *err);

/* What a policy demands of the checkpoint. */
void ak_sampling_policy(struct ak_sampling *s);

/* From a file of lines (sampling_lines.c): the head is known. */
enum ak_code ak_sampling_lines(struct ak_sampling *s, struct ak_error *err);

/* The range of indices, once the head is known; whether it was committed to is part of whether the
 * sample is independent. AK_EUSAGE, or AK_ENOTFOUND if it holds nothing. */
enum ak_code ak_sampling_population(struct ak_sampling *s, struct ak_error *err);

/* The seed, once head and population are known; and how many records are planned. */
enum ak_code ak_sampling_seed(struct ak_sampling *s, struct ak_error *err);

/* The seed alone. */
void ak_sampling_seed_only(struct ak_sampling *s);

/* Draws by that seed, and writes the file to fill in if one was asked for. `get` is given `s`. */
enum ak_code ak_sampling_draw(struct ak_sampling *s, ak_sample_item_fn get, struct ak_error *err);

#endif
