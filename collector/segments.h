/* segments.h - a log's segment files as the collector itself finds them again: what recovery and
 * sealing stand on. Reads only. The decoding is libakashi's; nothing here judges evidence. */
#ifndef AK_SEGMENTS_H
#define AK_SEGMENTS_H

#include "positions.h"
#include "torn.h"

#include <akashi/error.h>
#include <akashi/segment.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One first index of the log's directory, with the file that counts (format.md 9.1). */
struct ak_segment_file {
    char name[AK_FILE_NAME_BYTES];
    uint64_t first;
    uint32_t generation; /* of a sealed one */
    bool sealed;         /* by its name and its FOOTER, see ak_segment_files_list */
    bool twin;           /* an open file of the same first index is there too */
    uint64_t end;        /* sealed: as its FOOTER says; open: first of the next file, or 0 */
    uint64_t footer_at;  /* sealed: where its FOOTER begins */
};

struct ak_segment_files {
    struct ak_segment_file *file; /* by first index */
    size_t count;
    char (*torn)[AK_FILE_NAME_BYTES]; /* files of bytes cut earlier, by name */
    size_t torn_count;
};

/* Lists the segments of a log's directory. A sealed name whose file has no FOOTER, or one of
 * another first index, does not count as sealed; if no open file of its index is there it is left
 * out. Of the newest sealed one, and where there are several of one first index, the digests of the
 * FOOTER must come out too; whoever uses another's checks it then (ak_footer_check). */
enum ak_code ak_segment_files_list(int log_dir_fd, struct ak_segment_files *files,
                                   struct ak_error *err);
void ak_segment_files_free(struct ak_segment_files *files);

/* Opens one to read; `*fd` is the caller's. */
enum ak_code ak_segment_file_open(int log_dir_fd, const char *name, int *fd, struct ak_error *err);

/* A HEADER with what it borrows from, in one piece of memory. */
struct ak_segment_head {
    struct ak_segment_header header;
    struct ak_hash digest; /* H(HEADER frame) */
    uint64_t bytes;        /* of the frame */
    uint8_t buffer[AK_FRAME_HEAD_BYTES + AK_HEADER_BYTES_MAX];
};

/* Reads the HEADER of an open file. */
enum ak_code ak_segment_head_read(int fd, const char *origin, struct ak_segment_head *head,
                                  struct ak_error *err);

/* Memory in which blocks are read, one after the other; about 6 MiB. */
struct ak_block_reader {
    struct ak_columns *columns;
    struct ak_block *block;
    uint8_t *columns_frame; /* AK_FRAME_BUFFER_BYTES */
    uint8_t *data_frame;    /* AK_DATA_BYTES_MAX */
    struct ak_hash columns_digest;
    struct ak_hash data_digest;
};

enum ak_code ak_block_reader_init(struct ak_block_reader *reader, struct ak_error *err);
void ak_block_reader_free(struct ak_block_reader *reader);

/* Reads and decodes the COLUMNS of a frame that a walk gave. */
enum ak_code ak_block_reader_columns(struct ak_block_reader *reader, int fd,
                                     const struct ak_frame *frame, struct ak_error *err);

/* Reads and opens the DATA at `offset`, behind the COLUMNS that were read last. */
enum ak_code ak_block_reader_data(struct ak_block_reader *reader, int fd, uint64_t offset,
                                  struct ak_error *err);

/* Finds the block that holds entry `index` of a sealed segment and opens it: the entry is at
 * position `index - reader->columns->first`. AK_ENOTFOUND if the FOOTER lists none. */
enum ak_code ak_block_reader_find(struct ak_block_reader *reader, int fd,
                                  const struct ak_segment_file *file, uint64_t index,
                                  struct ak_error *err);

/* The FOOTER frame of a sealed file, for ak_footer_check and ak_footer_blocks. */
enum ak_code ak_segment_footer_frame(int fd, uint64_t footer_at, struct ak_frame *frame,
                                     struct ak_error *err);

/* Takes over the positions that a FOOTER states, after its own digest was checked. */
enum ak_code ak_segment_positions(int fd, uint64_t footer_at, struct ak_positions *positions,
                                  struct ak_error *err);

#endif
