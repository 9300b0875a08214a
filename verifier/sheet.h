/* sheet.h - the one page that an audit by sample ends in: numbers, sentences made from them in
 * English and Japanese, and the same as JSON and HTML. */
#ifndef AK_SHEET_H
#define AK_SHEET_H

#include "sample.h"

#include <akashi/claim.h>
#include <akashi/policy.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Rows of failures and deviations that one page lists; JSON has all. */
#define AK_SHEET_ROWS_MAX 5u

/* Authorities that it names: as many as sign an order, as a rule, and it stays one page. */
#define AK_SHEET_AUTHORITIES_MAX 4u

/* Why a sample is independent, or why not. */
enum ak_independence {
    AK_INDEPENDENT,
    AK_INDEPENDENCE_DRAWN_HERE, /* no nonce was given */
    AK_INDEPENDENCE_NONE,       /* a nonce was given that nobody committed to */
    AK_INDEPENDENCE_BEACON,     /* likewise, with a beacon */
    AK_INDEPENDENCE_RANGE,      /* committed, but the population was chosen later */
    AK_INDEPENDENCE_FILE,       /* committed, but the file of lines was not */
    AK_INDEPENDENCE_OPENED,     /* committed, but opened in the log before the head */
    AK_INDEPENDENCE_HEAD        /* the commitment was not shown, or not proven */
};

/* One statement about a rate. */
struct ak_sheet_result {
    uint64_t population; /* at most so many, of which */
    uint64_t examined;
    uint64_t deviations; /* among these */
    uint64_t bound;      /* at most so many in the population, with the confidence asked */
    bool supported;      /* bound / population is below the tolerable rate */
};

/* What an earlier sheet said (sheet_previous.c). */
struct ak_sheet_previous {
    char origin[AK_ORIGIN_BYTES_MAX + 1];
    uint64_t made;
    uint64_t head_size;
    struct ak_hash head_root;
    bool lines;
    bool independent;
    bool has_judged; /* `result` is the auditor's judgement, not of the proofs alone */
    struct ak_sheet_result result;
    bool checked;  /* the store shows whether that head is of this log's history */
    bool one_past; /* it is */
};

/* Reads an earlier sheet, as --json wrote it; AK_EUSAGE if it is none. */
enum ak_code ak_sheet_previous_parse(struct ak_sheet_previous *previous, const char *data,
                                     size_t len, struct ak_error *err);
enum ak_code ak_sheet_previous_read(struct ak_sheet_previous *previous, const char *path,
                                    struct ak_error *err);

/* Lines of a file, looked up (sample_lines.c). */
struct ak_sheet_lines {
    const char *path;
    struct ak_hash digest;
    uint64_t count; /* lines of the file */
    uint64_t drawn;
    uint64_t unchanged;
    uint64_t other_header;
    uint64_t not_held;
    struct ak_sheet_line {
        uint64_t line;  /* from 1 */
        uint8_t result; /* enum ak_compare_line */
        uint64_t index;
    } * line; /* in the order of the draw */
};

struct ak_sheet {
    const char *path;
    const struct ak_sample_anchor *anchor;
    const struct ak_vkey *authorities; /* whose orders were accepted; as given */
    size_t authority_count;
    uint64_t made; /* ns; 0: no clock */
    uint64_t head_size;
    struct ak_hash head_root;
    uint64_t first; /* the population is [first, end) */
    uint64_t end;
    const char *from; /* as asked, or NULL */
    const char *to;
    const char *const *sources;
    size_t source_count;
    const char *nonce;       /* hexadecimal */
    const char *beacon;      /* or NULL */
    struct ak_quorum quorum; /* of the checkpoint's witnesses, if a policy was given */
    struct ak_hash seed;
    uint32_t confidence;
    uint32_t rate;
    uint64_t planned;
    enum ak_independence independence;
    const struct ak_sample_commit *commit; /* NULL: there is none */
    const struct ak_sample_scan *scan;     /* NULL: no log was read */
    struct ak_sample_rows *rows;
    bool has_findings;
    uint64_t judged;
    uint64_t deviations; /* the auditor's */
    struct ak_sheet_result proven;
    struct ak_sheet_result held; /* with findings: proofs and judgement together; lines: held */
    const struct ak_sheet_lines *lines;
    const struct ak_sheet_previous *previous;
    struct ak_claim claim;   /* of the evidence */
    enum ak_verdict verdict; /* of the whole */
};

/* Computes results and verdict from rows and findings. */
void ak_sheet_conclude(struct ak_sheet *sheet);

/* ---- Sentences (sheet_words.c); all malloc'ed, NULL without memory ---- */

enum ak_language { AK_ENGLISH, AK_JAPANESE };

enum ak_sentence {
    AK_SAYS_FIRST,    /* independent or not */
    AK_SAYS_VERDICT,  /* the fixed sentence */
    AK_SAYS_RESULT,   /* numbers and bound */
    AK_SAYS_AUDITS,   /* commitments in the log; empty if no log was read */
    AK_SAYS_PREVIOUS, /* empty without --previous */
    AK_SAYS_ASSUMES,
    AK_SAYS_CANNOT, /* what sampling cannot show */
    AK_SAYS_SIGN,   /* the sentence to sign */
    AK_SAYS_NOT     /* what it does not say */
};

char *ak_sheet_sentence(const struct ak_sheet *sheet, enum ak_sentence sentence,
                        enum ak_language language);

/* Labelled facts, in order. `value` may hold bytes of the evidence. */
typedef void (*ak_sheet_fact_fn)(void *ctx, const char *english, const char *japanese,
                                 const char *value);
void ak_sheet_facts(const struct ak_sheet *sheet, ak_sheet_fact_fn on_fact, void *ctx);

/* Failures and deviations, at most AK_SHEET_ROWS_MAX; gives how many were left out. */
typedef void (*ak_sheet_row_fn)(void *ctx, uint64_t number, const char *code, const char *text);
uint64_t ak_sheet_bad_rows(const struct ak_sheet *sheet, ak_sheet_row_fn on_row, void *ctx);

/* Whether the sheet's claim says what none of those rows says. */
bool ak_sheet_claim_apart(const struct ak_sheet *sheet);

/* "0.9969" for numbers whose ratio is 0.9969 %, rounded up; into `out` of AK_SHEET_PERCENT_BYTES.
 */
#define AK_SHEET_PERCENT_BYTES 24u
const char *ak_sheet_percent(char *out, uint64_t part, uint64_t whole);

/* "1", "0.5" for rates and confidences of `unit` parts; likewise. */
const char *ak_sheet_parts(char *out, uint32_t parts, uint32_t unit);

/* ---- The page ---- */

void ak_sheet_text(FILE *file, const struct ak_sheet *sheet, bool quiet, bool colour);
void ak_sheet_json(FILE *file, const struct ak_sheet *sheet);
void ak_sheet_html(FILE *file, const struct ak_sheet *sheet);

#endif
