/* log_reader.h - the entries of a log with their payloads, in order: what cat, info and sources
 * show.
 *
 * A reader decodes and hands out; it does not judge. Whether an entry is proven is looked up in the
 * result of a check that was made before (ak_check_log), or not known. What cannot be decoded is
 * left out and told through on_gap, so nothing is ever silently missing. One thread, one block in
 * memory at a time. */
#ifndef AKASHI_LOG_READER_H
#define AKASHI_LOG_READER_H

#include <akashi/check.h>
#include <akashi/entry.h>
#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_log_filter {
    uint64_t first; /* indices, both ends in; all: 0 and UINT64_MAX */
    uint64_t last;
    uint64_t from; /* `received`, ns: from in, to out; all: 0 and UINT64_MAX */
    uint64_t to;
    const uint32_t *sources; /* ordinals; NULL: all */
    size_t source_count;
};

/* The filter that lets everything through. */
#define AK_LOG_FILTER_ALL ((struct ak_log_filter){0, UINT64_MAX, 0, UINT64_MAX, NULL, 0})

enum ak_proof_state { AK_PROOF_UNKNOWN, AK_PROOF_NOT, AK_PROOF_PROVEN };

/* One entry; everything borrows until the callback returns. */
struct ak_log_entry {
    uint64_t index;
    struct ak_entry entry;
    uint8_t state;       /* AK_STATE_...; the payload is there if AK_STATE_PRESENT */
    const void *payload; /* the exact bytes; any bytes */
    size_t len;
    enum ak_proof_state proof; /* by `judged`; AK_PROOF_UNKNOWN without it */
    const char *file;          /* name of its segment in the log's directory */
    uint64_t offset;           /* of its block's COLUMNS in that file */
};

/* Where entries are that could not be read. `end` may be UINT64_MAX: not known how many. */
struct ak_log_gap {
    uint64_t begin;
    uint64_t end;
    const char *file; /* "" for a segment that is not there */
    uint64_t offset;
    const char *text; /* why; may hold bytes of the evidence */
};

/* One segment file in passing, before its entries. */
struct ak_log_file {
    const char *file;
    uint64_t bytes;
    uint64_t first;
    uint64_t opened; /* as its header says, ns */
    uint64_t claim;
    bool sealed;
    unsigned generation;
};

struct ak_log_visitor {
    void *ctx;
    /* A callback that gives another code than AK_OK ends the reading with it; NULL: not wanted.
     * on_entry gets what the filter lets through, committed or tail, in the order of indices. */
    enum ak_code (*on_file)(void *ctx, const struct ak_log_file *file, struct ak_error *err);
    enum ak_code (*on_entry)(void *ctx, const struct ak_log_entry *entry, struct ak_error *err);
    enum ak_code (*on_gap)(void *ctx, const struct ak_log_gap *gap, struct ak_error *err);
};

/* One log that a path holds; strings are owned by the list. */
struct ak_log_place {
    char *path; /* of its directory, or of the one segment file */
    char *name; /* the operator's word for it, or "" */
    char id[AK_LOG_ID_CHARS + 1];
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* as its first readable header says; not proven */
};

struct ak_log_places {
    struct ak_log_place *place;
    size_t count;
};

/* Lists the logs of a store, log directory or segment file. `logs` as in ak_check_options. Codes as
 * ak_check_run. ak_log_places_free frees what is in the list. */
enum ak_code ak_log_places_list(const char *path, const char *const *logs, size_t log_count,
                                struct ak_log_places *places, struct ak_error *err);
void ak_log_places_free(struct ak_log_places *places);

/* Reads the log in `path` (a log directory or one segment file) and calls the visitor. `judged` may
 * be NULL; otherwise it must be the check's result for the same log. Filters on indices skip whole
 * segments without reading them. AK_EIO, AK_ENOMEM, or what a callback gave. */
enum ak_code ak_log_read(const char *path, const struct ak_log_filter *filter,
                         const struct ak_check_log *judged, const struct ak_log_visitor *visitor,
                         struct ak_error *err);

#endif
