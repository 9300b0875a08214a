/* bundle_files.h - the files of a bundle, in a directory or in one ustar file, found without
 * trusting any of it, and read as streams (docs/format.md 14.1, 14.9).
 *
 * Nothing is unpacked: a file in an archive is a stretch of it. Each file is read once; what was
 * read is what its digest is computed from, so nothing can be changed between two looks. */
#ifndef AK_BUNDLE_FILES_H
#define AK_BUNDLE_FILES_H

#include "text.h"

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of 14.1. */
enum ak_bundle_name {
    AK_BUNDLE_README,
    AK_BUNDLE_SUMS,
    AK_BUNDLE_ABOUT,
    AK_BUNDLE_CHECKPOINT,
    AK_BUNDLE_STAMPED,
    AK_BUNDLE_STAMP, /* stamp.0; stamp.1 and so on follow */
    AK_BUNDLE_STAMP_LAST = AK_BUNDLE_STAMP + 7,
    AK_BUNDLE_POLICY,
    AK_BUNDLE_PROOF,
    AK_BUNDLE_ENTRIES,
    AK_BUNDLE_OPENINGS,
    AK_BUNDLE_OWN,
    AK_BUNDLE_RECORDS,
    AK_BUNDLE_POSITIONS,
    AK_BUNDLE_JSONL,
    AK_BUNDLE_CSV,
    AK_BUNDLE_PROVENANCE
};

#define AK_BUNDLE_NAMES 23u

/* Files of a custody record that are listed: one hand-over a day for ten years. */
#define AK_BUNDLE_CUSTODY_MAX 4096u

/* With "custody/" in front it fits the name of a ustar header. */
#define AK_BUNDLE_CUSTODY_NAME_MAX 64u

/* Where the bytes of one file lie. */
struct ak_bundle_part {
    bool there;
    int fd; /* of the file, or of the archive */
    uint64_t offset;
    uint64_t bytes;
};

struct ak_bundle_custody {
    char name[AK_BUNDLE_CUSTODY_NAME_MAX + 1]; /* without "custody/" */
    struct ak_bundle_part part;                /* `fd` is -1 in a directory: opened when read */
};

struct ak_bundle_files {
    int fd; /* of the directory or the archive */
    bool tar;
    uint64_t mtime; /* of an archive: what all headers say */
    struct ak_bundle_part part[AK_BUNDLE_NAMES];
    int custody_fd; /* of the directory `custody`, of an archive that of PATH.custody; or -1 */
    struct ak_bundle_custody *custody; /* rising by name */
    size_t custody_count;
};

/* "README.txt" and so on. */
const char *ak_bundle_file_name(enum ak_bundle_name name);
bool ak_bundle_file_required(enum ak_bundle_name name);

/* Opens all files. AK_EMALFORMED if anything is not as 14.1 and 14.9 say; AK_ENOTFOUND, AK_EIO,
 * AK_ENOMEM. ak_bundle_files_close frees in any case. */
enum ak_code ak_bundle_files_open(struct ak_bundle_files *files, const char *path,
                                  struct ak_error *err);
void ak_bundle_files_close(struct ak_bundle_files *files);

/* Reads one file of the custody record, at most `max` bytes; `*data` is malloc'ed, with a NUL
 * behind it. AK_ELIMIT, AK_EIO, AK_ENOMEM. */
enum ak_code ak_bundle_custody_read(const struct ak_bundle_files *files, size_t i, size_t max,
                                    char **data, size_t *len, struct ak_error *err);

/* ---- Streams ---- */

#define AK_BUNDLE_BUFFER_BYTES 131072u

/* One file, read from its beginning to its end. */
struct ak_bundle_stream {
    const char *name;
    int fd;
    uint64_t offset; /* of the next byte to be read into the buffer */
    uint64_t left;   /* bytes from there on */
    size_t at;       /* of the next byte in the buffer */
    size_t have;     /* bytes in the buffer */
    struct ak_sha256_ctx sha;
    uint8_t *buffer;
};

/* AK_ENOMEM. ak_bundle_stream_close frees in any case. */
enum ak_code ak_bundle_stream_open(struct ak_bundle_stream *s, const struct ak_bundle_files *files,
                                   enum ak_bundle_name name, struct ak_error *err);
void ak_bundle_stream_close(struct ak_bundle_stream *s);

/* Gives `n` bytes, at most AK_BUNDLE_BUFFER_BYTES; borrowed until the next call. AK_EMALFORMED if
 * the file ends before; AK_EIO. */
enum ak_code ak_bundle_stream_take(struct ak_bundle_stream *s, size_t n, const uint8_t **out,
                                   struct ak_error *err);

/* Copies `n` bytes, however many. */
enum ak_code ak_bundle_stream_copy(struct ak_bundle_stream *s, void *out, size_t n,
                                   struct ak_error *err);

/* Gives the next line without its LF, at most `max` bytes; borrowed as above. */
enum ak_code ak_bundle_stream_line(struct ak_bundle_stream *s, size_t max, struct ak_text *line,
                                   struct ak_error *err);

/* Bytes that can be given without reading; reads if there are none. 0 at the end. */
enum ak_code ak_bundle_stream_some(struct ak_bundle_stream *s, const uint8_t **out, size_t *n,
                                   struct ak_error *err);
void ak_bundle_stream_skip(struct ak_bundle_stream *s, size_t n);

bool ak_bundle_stream_ended(const struct ak_bundle_stream *s);

/* Reads what is left and gives the digest of all. AK_EIO. */
enum ak_code ak_bundle_stream_digest(struct ak_bundle_stream *s, struct ak_hash *digest,
                                     struct ak_error *err);

/* A whole file of at most `max` bytes and its digest; `*data` is malloc'ed, with a NUL behind it.
 * AK_EMALFORMED if it is longer. */
enum ak_code ak_bundle_read(const struct ak_bundle_files *files, enum ak_bundle_name name,
                            size_t max, char **data, size_t *len, struct ak_hash *digest,
                            struct ak_error *err);

#endif
