/* search_private.h - what going through a log's files, taking their blocks back and asking
 * for orders share. */
#ifndef AK_SEARCH_PRIVATE_H
#define AK_SEARCH_PRIVATE_H

#include "log_listing.h"
#include "search.h"
#include "search_block.h"
#include "search_frames.h"

/* The group that the border of two blocks divides. */
struct ak_search_seam {
    bool there;
    uint64_t group;
    struct ak_hash level8; /* computed from both */
};

/* The file that is gone through. */
struct ak_search_file {
    const struct ak_check_file *file;
    int fd;
    uint64_t bytes;
    uint64_t limit; /* what is committed */
    bool known;     /* `manifest` names the digest of its frames */
    bool again;     /* the second time: only proven, not looked through */
    struct ak_prover_manifest manifest;
    bool doubtful;    /* a hit in it is not proven: then its manifest's word does not do */
    uint64_t by_file; /* records in it that were not proven by the tree */
};

struct ak_search_run {
    const struct ak_search *search;
    struct ak_search_result *result;
    struct ak_prover *prover;
    struct ak_check_state *state;
    struct ak_frame_walk *walk;
    struct ak_search_block **ring;
    size_t ring_size;
    size_t put;  /* blocks given to threads */
    size_t done; /* and taken back */
    bool *proven;
    struct ak_search_frames frames; /* of the known file */
    struct ak_search_seam before;   /* at the left of the block that is taken, */
    struct ak_search_seam after;    /* and at its right */
    struct ak_search_file at;
    uint64_t next; /* index that is due */
    bool started;
    bool stop;
    bool have_why;
    char why[AK_ERROR_TEXT_BYTES]; /* what was last passed over */
    struct ak_finding pending;     /* neighbours are joined */
    bool is_pending;
    struct ak_ordered ordered; /* read when the first payload is not there */
    bool ordered_known;
};

/* ---- search_take.c ---- */

/* Entries [begin, end) give no answer that counts; `file` may be NULL. */
void ak_search_tell(struct ak_search_run *r, enum ak_finding_code code, uint64_t begin,
                    uint64_t end, const char *file, uint64_t offset, const char *text);

/* Gives the last finding out, which waits for its neighbour. */
void ak_search_flush(struct ak_search_run *r);

/* Why what was just passed over gave nothing. */
void ak_search_passed_over(struct ak_search_run *r, const char *why);

/* Entries before `first`, which begins at byte `offset`, that no block gave. */
void ak_search_pass_to(struct ak_search_run *r, uint64_t first, uint64_t offset);

/* Takes the oldest block back, when the one behind it is done too; or all of them. AK_ENOMEM, or
 * what the callback for hits gave. */
enum ak_code ak_search_take_oldest(struct ak_search_run *r, struct ak_error *err);
enum ak_code ak_search_take_all(struct ak_search_run *r, struct ak_error *err);

/* ---- search_removed.c ---- */

/* Tells of the records of a block, all of it judged, that are asked for, proven and without their
 * payload (R33). AK_ENOMEM. */
enum ak_code ak_search_removed(struct ak_search_run *r, const struct ak_search_block *b,
                               struct ak_error *err);

/* How many of these an accepted order took out, when all is searched. */
void ak_search_removed_close(struct ak_search_run *r);

#endif
