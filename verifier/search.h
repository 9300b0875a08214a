/* search.h - looking for records in a log, block by block, and what the answer rests on.
 *
 * The happy path: the log's files are listed; of each sealed one its manifest, an entry of the log
 * that is proven, names the digest over its frames. Threads decompress blocks and look for places
 * in their text; where there are any, the block is opened, and proven by the tree before its
 * records are shown. A block without a place is not hashed entry by entry if the frames of its file
 * have the digest of the manifest; one that COLUMNS show to be of no interest is not read any
 * further. Blocks of other files are opened and proven, every one, so that nobody can hide a record
 * by altering its block.
 *
 * Failure modes: what cannot be read, is missing, or does not come out is a finding, and the answer
 * is then not VALID; records in it are shown as not proven. A record that is asked for and has no
 * payload may have been one that is looked for: it is a finding too, and no more than a remark if
 * an accepted order took the payload out. Memory is bounded: a few blocks a thread. */
#ifndef AK_SEARCH_H
#define AK_SEARCH_H

#include "matcher.h"
#include "prover.h"
#include "tasks.h"

#include <akashi/claim.h>
#include <akashi/error.h>
#include <akashi/finding.h>
#include <akashi/log_reader.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One record that was found; everything borrows until the callback returns. */
struct ak_search_hit {
    struct ak_log_entry entry;
    struct ak_match match; /* not of a record that is shown because it does not match */
};

struct ak_search {
    const struct ak_matcher *matcher;
    bool invert;                       /* records that do not match */
    bool full;                         /* every block is proven by the tree */
    struct ak_log_filter filter;       /* `sources` borrowed */
    const struct ak_vkey *authorities; /* whose orders are accepted (R41); borrowed */
    size_t authority_count;
    struct ak_tasks *tasks;
    void *ctx;
    /* Both run in the caller's thread, hits in the order of indices. */
    enum ak_code (*on_hit)(void *ctx, const struct ak_search_hit *hit, struct ak_error *err);
    void (*on_finding)(void *ctx, const struct ak_finding *finding);
    void (*on_total)(void *ctx, uint64_t bytes); /* of the log's segments, before the rest */
    void (*on_bytes)(void *ctx, uint64_t bytes); /* of segments, as they pass */
};

/* What one log gave. Records are entries of kinds 0 and 7 that the filter lets through. */
struct ak_search_result {
    struct ak_claim claim;  /* the worst finding */
    uint64_t hits;          /* records shown */
    uint64_t hits_unproven; /* of these */
    uint64_t searched;      /* records whose payload was looked at */
    uint64_t by_tree;       /* of these: proven by the tree, */
    uint64_t by_file;       /* or in a file whose frames have the digest of its manifest */
    uint64_t absent;        /* records without payload: erased or expired; not searched */
    uint64_t erased;        /* of these: proven, and taken out by an accepted order */
    uint64_t end;           /* index behind the last entry that was seen */
    uint64_t findings;
};

/* Searches the log in `path` (a log's directory or one segment file). `prover` is of the same log;
 * NULL: no key was given, and nothing is checked. AK_ENOMEM, AK_EIO for the path itself, or what a
 * callback gave. */
enum ak_code ak_search_log(const struct ak_search *search, const char *path,
                           struct ak_prover *prover, struct ak_search_result *result,
                           struct ak_error *err);

#endif
