/* log_tree_private.h - a log's tree inside: its segments, the few files that are open, and the
 * block that was opened last; for log_tree*.c alone. */
#ifndef AK_LOG_TREE_PRIVATE_H
#define AK_LOG_TREE_PRIVATE_H

#include <akashi/log_tree.h>

#include "log_tree_file.h"

/* Segments that are open at a time. */
#define AK_TREE_FILES_OPEN 8u

struct ak_tree_segment {
    char *name;
    uint64_t first;
    uint32_t rank; /* of files with one first index the greatest counts: open 0, sealed g + 1 */
};

struct ak_tree_slot {
    struct ak_tree_file file;
    size_t segment;
    bool used;
    uint64_t at; /* when it was used last */
};

struct ak_log_tree {
    bool careful;
    bool single;
    int dir_fd;
    struct ak_tree_segment *segment; /* rising by first, those that count */
    size_t segment_count;
    struct ak_tree_slot slot[AK_TREE_FILES_OPEN];
    uint64_t clock;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];

    struct ak_columns *columns; /* the newest block that was opened */
    struct ak_block *block;
    uint8_t *columns_bytes;
    uint8_t *data_bytes;
    const char *block_file; /* its place; NULL: none */
    uint64_t block_offset;
    struct ak_error block_why; /* what ak_block_open said of it */

    uint64_t group; /* whose leaves are kept; UINT64_MAX: none */
    bool have[AK_GROUP_ENTRIES];
    struct ak_hash leaf[AK_GROUP_ENTRIES];
};

/* Opens segment `i`, or gives it if it is open; it stays at least until another one is asked for.
 * Without a HEADER a careful reader goes on by the segment's place. */
enum ak_code ak_tree_file_of(struct ak_log_tree *tree, size_t i, struct ak_tree_file **out,
                             struct ak_error *err);

/* The same with its lists. */
enum ak_code ak_tree_listed_file(struct ak_log_tree *tree, size_t i, struct ak_tree_file **file,
                                 struct ak_error *err);

/* Whether a segment is open already, so that looking into it costs little. */
bool ak_tree_is_open(const struct ak_log_tree *tree, size_t i);

/* The first segment whose first index is not below `index`; segment_count if there is none. */
size_t ak_tree_first_from(const struct ak_log_tree *tree, uint64_t index);

/* The segment that should hold an entry. AK_ENOTFOUND. */
enum ak_code ak_tree_segment_of(const struct ak_log_tree *tree, uint64_t index, size_t *i,
                                struct ak_error *err);

/* Opens the block that holds an entry, unless it is the one that is open. What does not fit in its
 * DATA is kept for whoever wants an entry of it: each group stands for itself. */
enum ak_code ak_tree_open_block(struct ak_log_tree *tree, uint64_t index, struct ak_error *err);

#endif
