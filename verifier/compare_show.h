/* compare_show.h - what a comparison found, for people and programs; for cmd_compare.c. */
#ifndef AK_COMPARE_SHOW_H
#define AK_COMPARE_SHOW_H

#include "compare.h"
#include "line_files.h"
#include "source_table.h"

#include <akashi/check.h>
#include <akashi/claim.h>
#include <akashi/log_tree.h>

#include <stdbool.h>
#include <stdint.h>

/* Lines and records that the report in words lists of each kind. */
#define AK_COMPARE_LISTED_MAX 20u

/* The same of --json; --jsonl lists all. */
#define AK_COMPARE_JSON_LISTED_MAX 1000u

/* Bytes of a line or record that the report in words shows. */
#define AK_COMPARE_SHOWN_BYTES 160u

struct ak_comparison {
    const char *path;
    const struct ak_check_log *log; /* as it was judged */
    struct ak_claim claim;
    struct ak_compare_counts counts;
    uint64_t not_proven; /* records that are not counted as held */
    uint64_t absent;     /* proven, but their payload is not there */
    uint64_t only_here;  /* of the range, without a line */
    uint64_t feeds_here; /* of the range, with line feeds inside */
    bool by_source;      /* --source was given */
    bool has_time;
    uint64_t from; /* received of the first and last record that the files hold */
    uint64_t to;
    struct ak_line_files *files;
    struct ak_compare *compare;
    const struct ak_source_table *sources;
    struct ak_log_tree *tree; /* or NULL: records are listed without their text */
    bool colour;
    bool quiet;
};

/* Each prints the whole; the lists are read out of `compare`. Errors are of reading files and
 * lists; the claim then holds no more. */
enum ak_code ak_compare_show_text(struct ak_comparison *c, struct ak_error *err);
enum ak_code ak_compare_show_json(struct ak_comparison *c, struct ak_error *err);
enum ak_code ak_compare_show_jsonl(struct ak_comparison *c, struct ak_error *err);

#endif
