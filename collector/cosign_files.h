/* cosign_files.h - the `.cosigned` files of a log (format.md 9.1): what witnesses said, kept beside
 * the evidence.
 *
 * A file is the checkpoint with its own lines and the cosignatures there are. Kept are the newest
 * one, the last one of each epoch, and of the others at most one an hour. One job of the pool at a
 * time writes; everything here but ak_cosign_files_put belongs to the loop. */
#ifndef AK_COSIGN_FILES_H
#define AK_COSIGN_FILES_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Files that may go when a better one is there; more are unusual and stay. */
#define AK_COSIGN_OLD_MAX 16u

#define AK_COSIGN_NAME_BYTES 32u /* 20 digits, ".cosigned", NUL */

struct ak_cosign_old {
    uint64_t size;
    uint64_t seconds; /* wall clock when it was written */
    bool quorum;
    bool keep; /* the last one of an epoch */
    unsigned lines;
};

struct ak_cosign_files {
    struct ak_cosign_old old[AK_COSIGN_OLD_MAX];
    unsigned count;
    uint64_t kept_seconds; /* of the newest one that is kept for good */
};

/* One file to be written, and those that go then. */
struct ak_cosign_put {
    int dir_fd; /* the log's; borrowed */
    int tmp_fd; /* the store's tmp/; borrowed */
    char tmp_name[64];
    uint64_t size;
    char *data; /* owned */
    size_t len;
    uint64_t gone[AK_COSIGN_OLD_MAX];
    unsigned gone_count;
    uint64_t written; /* bytes, once it is done */
    uint64_t removed; /* likewise, with what stood in its place */
    enum ak_code rc;
    struct ak_error err;
};

/* Takes in what earlier processes left. */
void ak_cosign_files_begin(struct ak_cosign_files *files, int dir_fd);

/* The checkpoint of this size is the last one of its epoch: its file stays. */
void ak_cosign_files_keep(struct ak_cosign_files *files, uint64_t size);

/* A file is about to be written: fills in which others go once it is there. */
void ak_cosign_files_plan(struct ak_cosign_files *files, const struct ak_cosign_old *now,
                          struct ak_cosign_put *put);

/* Writes it and removes the others. Any thread. */
void ak_cosign_files_put(struct ak_cosign_put *put);

#endif
