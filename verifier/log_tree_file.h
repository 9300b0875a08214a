/* log_tree_file.h - one segment's file as log_tree.c needs it: where blocks stand, and level-8
 * hashes, without reading payloads. */
#ifndef AK_LOG_TREE_FILE_H
#define AK_LOG_TREE_FILE_H

#include <akashi/segment.h>

/* Blocks of a segment without FOOTER that are listed: 24 bytes each, so below 100 MiB whatever the
 * file holds. A commit a millisecond for an hour makes 3.6 million. */
#define AK_TREE_BLOCKS_MAX 4194304u

/* Where a block stands. */
struct ak_tree_block {
    uint64_t offset; /* of its COLUMNS frame */
    uint64_t first;
    uint32_t count;
    uint32_t columns_bytes; /* of that frame, with its frame header; 0 if only the FOOTER told */
};

struct ak_tree_file {
    int fd; /* -1: not open */
    uint64_t size;
    uint64_t header_bytes; /* of the HEADER frame */
    uint64_t first;        /* as the HEADER says */
    bool has_range;        /* of the HEADER */
    struct ak_range range; /* [0, first) */
    bool has_footer;       /* the lists below are those of a FOOTER */
    uint64_t end;          /* index behind the last entry */
    uint64_t blocks_at;    /* offsets in the file */
    uint64_t groups_at;
    uint64_t positions_at;
    uint32_t sources;
    struct ak_tree_block *block; /* without FOOTER: all blocks, rising */
    size_t block_count;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint8_t *epoch_note; /* of the HEADER, malloc'ed; NULL: none */
    size_t epoch_note_len;
    uint8_t *checkpoint; /* of the HEADER, malloc'ed; NULL: none */
    size_t checkpoint_len;
};

/* Reads the HEADER of a file of `size` bytes. The file takes over `fd`. AK_EMALFORMED and
 * AK_EUNSUPPORTED if there is none that can be read; the file is to be closed all the same. */
enum ak_code ak_tree_file_begin(struct ak_tree_file *file, int fd, uint64_t size,
                                struct ak_error *err);

/* Finds the lists: by the FOOTER, or, with `careful` or if there is none, by walking the frames.
 * A second call does nothing. */
enum ak_code ak_tree_file_list(struct ak_tree_file *file, bool careful, struct ak_error *err);

void ak_tree_file_close(struct ak_tree_file *file);

/* The block that holds `index`. AK_ENOTFOUND. */
enum ak_code ak_tree_file_block(struct ak_tree_file *file, uint64_t index,
                                struct ak_tree_block *block, struct ak_error *err);

/* Level-8 hashes of `n` groups from `group` on, all of which end in this segment. AK_ENOTFOUND. */
enum ak_code ak_tree_file_level8(struct ak_tree_file *file, uint64_t group, size_t n,
                                 struct ak_hash *out, struct ak_error *err);

/* The `i`th of the file's block_count blocks with its kinds as the FOOTER tells them (bit k: kind
 * k), or, without FOOTER, as its COLUMNS do; `columns` and `bytes` of AK_FRAME_BUFFER_BYTES are
 * scratch memory. Codes of reading and decoding. */
enum ak_code ak_tree_file_kinds(const struct ak_tree_file *file, size_t i,
                                struct ak_columns *columns, uint8_t *bytes,
                                struct ak_tree_block *block, unsigned *kinds, struct ak_error *err);

/* Index of the declaration of an ordinal, by the FOOTER's positions. AK_ENOTFOUND. */
enum ak_code ak_tree_file_declaration(const struct ak_tree_file *file, uint32_t ordinal,
                                      uint64_t *declaration, struct ak_error *err);

#endif
