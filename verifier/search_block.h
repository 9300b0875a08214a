/* search_block.h - one block on its way through a search: read, decompressed, looked through. */
#ifndef AK_SEARCH_BLOCK_H
#define AK_SEARCH_BLOCK_H

#include "matcher.h"
#include "tasks.h"

#include <akashi/log_reader.h>
#include <akashi/segment.h>

#include <stdbool.h>
#include <stdint.h>

/* A record that matches, or with `invert` one that does not. */
struct ak_search_place {
    uint32_t position; /* of the entry in the block */
    struct ak_match match;
};

struct ak_search_block {
    struct ak_task task; /* first: the task is the block */

    /* What is to be done; set by whoever puts it. */
    const struct ak_log_filter *filter;
    bool look;   /* for records; else the block is only opened */
    bool invert; /* those that do not match */
    bool trust;  /* COLUMNS tell what may be passed over; else every block is opened */
    bool prove;  /* what is opened is hashed */
    bool digest; /* the digests of both frames are wanted */
    int fd;
    struct ak_frame columns_frame;
    struct ak_frame data_frame;
    bool has_data;
    uint64_t place_of_columns; /* the owner's: where their digests go */
    uint64_t place_of_data;

    /* What came out. */
    enum ak_code rc; /* of COLUMNS: without them nothing else holds; AK_ENOMEM for anything */
    struct ak_error err;
    bool passed;    /* nothing in it is asked for */
    bool begun;     /* `block` has entries */
    bool data_read; /* `data_bytes` holds the whole frame */
    bool opened;    /* and hashes, of the groups that are needed and are decoded */
    bool all;       /* all groups are needed */
    bool needed[AK_BLOCK_GROUPS_MAX]; /* groups that are to be proven */
    enum ak_code data_rc;             /* of the data */
    struct ak_error data_err;
    bool digested; /* the digests are here: */
    struct ak_hash columns_digest;
    struct ak_hash data_digest;    /* as COLUMNS state it, where nothing of DATA rests on it */
    uint32_t searched;             /* records that were looked at */
    uint32_t absent;               /* records without payload */
    uint32_t count;                /* of `place` */
    struct ak_search_place *place; /* AK_BLOCK_ENTRIES_MAX */

    struct ak_columns *columns;
    struct ak_block *block;
    uint8_t *columns_bytes;
    uint8_t *data_bytes;
    struct ak_matcher_scan *scan;
};

/* Memory for one block. AK_ENOMEM. */
enum ak_code ak_search_block_new(struct ak_search_block **out, const struct ak_matcher *matcher,
                                 struct ak_error *err);
void ak_search_block_free(struct ak_search_block *b);

/* Whether an entry is a record that the filter lets through. */
bool ak_search_wants(const struct ak_log_filter *filter, uint64_t index, uint8_t kind,
                     uint64_t received, uint32_t source);

/* Gives the records of a block that the filter lets through and that have no payload, by its
 * COLUMNS, as stretches [from, to) of positions with their state; in their order. */
typedef void (*ak_search_absent_fn)(void *ctx, uint32_t from, uint32_t to, uint8_t state);
void ak_search_block_absent(const struct ak_search_block *b, ak_search_absent_fn on_absent,
                            void *ctx);

/* Decodes and hashes one group of a block that was looked through, whose task is done. False if
 * that cannot be had: the block was passed over, or its data or the group do not decode. */
bool ak_search_block_group(struct ak_search_block *b, uint32_t g);

/* The task's function. */
void ak_search_block_run(struct ak_task *task);

#endif
