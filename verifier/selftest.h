/* selftest.h - what akashi-verify can check about itself, wherever it runs. */
#ifndef AK_SELFTEST_H
#define AK_SELFTEST_H

#include <akashi/error.h>
#include <akashi/finding.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called for each check: what was checked, whether it came out, and if not (or "") what came. */
typedef void (*ak_selftest_fn)(void *ctx, const char *what, bool good, const char *detail);

/* Known answers of public standards and of docs/format.md. */
void ak_selftest_known(ak_selftest_fn tell, void *ctx);

/* The good store and its forgeries. A code: the temporary directory could not be made or used. */
enum ak_code ak_selftest_stores(ak_selftest_fn tell, void *ctx, struct ak_error *err);

/* One change of one file of the good store. */
struct ak_selftest_edit {
    uint8_t file;    /* number in ak_selftest_files */
    uint32_t offset; /* in the good file; edits of a file rise and do not overlap */
    uint32_t remove; /* bytes taken out there */
    uint32_t insert; /* bytes put in instead, */
    uint32_t at;     /* from here on in ak_selftest_inserted, decoded */
};

struct ak_selftest_file {
    const char *name; /* in the log's directory */
    const char *data; /* base64 */
    uint32_t len;     /* of the bytes */
};

struct ak_selftest_case {
    const char *what;          /* what was done to it */
    enum ak_finding_code code; /* one that must be found */
    enum ak_verdict verdict;
    uint32_t edit;  /* the first of its edits in ak_selftest_edits */
    uint32_t edits; /* how many */
    int8_t removed; /* number of a file that is not there, or -1 */
};

/* selftest_data.c, made by tests/tools/selftest_data.py. */
extern const char ak_selftest_vkey[];
extern const char ak_selftest_log_id[];
extern const uint64_t ak_selftest_entries;
extern const struct ak_selftest_file ak_selftest_files[];
extern const size_t ak_selftest_file_count;
extern const char *const ak_selftest_inserted; /* base64 */
extern const size_t ak_selftest_inserted_len;  /* of the bytes */
extern const struct ak_selftest_edit ak_selftest_edits[];
extern const struct ak_selftest_case ak_selftest_cases[];
extern const size_t ak_selftest_case_count;

#endif
