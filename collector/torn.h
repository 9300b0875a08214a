/* torn.h - bytes in a log's directory that are no committed part of it, and that an event must
 * tell of (docs/format.md R27, 10.3). */
#ifndef AK_TORN_H
#define AK_TORN_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stdint.h>

/* Longest "<20 digits>.<number>.torn" or "<20 digits>.open.zst", with its NUL. */
#define AK_FILE_NAME_BYTES 64

struct ak_torn {
    char file[AK_FILE_NAME_BYTES]; /* name in the log's directory */
    uint64_t good;                 /* bytes kept: end of the last good MARK or NOTE */
    uint64_t cut;                  /* bytes behind */
    uint64_t size;                 /* entries of the log that are good up to there */
    struct ak_hash sha256;         /* of the bytes behind */
    bool corruption;               /* signed data is bad: an event `corruption`, not `recovery` */
    char reason[160];              /* for `corruption`; else empty */
};

/* Fills `torn` for a file whose bytes from `good` on are to be told of, by what the disk holds: the
 * page cache of the file is dropped first, because after a failed sync it may hold what the disk
 * does not. `fd` needs no more than reading; the name is copied. */
enum ak_code ak_torn_measure(struct ak_torn *torn, int fd, const char *file, uint64_t good,
                             uint64_t size, struct ak_error *err);

/* Whether these bytes lie in a file of bytes cut at index `first` already. */
enum ak_code ak_torn_kept(int log_dir_fd, uint64_t first, const struct ak_torn *torn, bool *kept,
                          struct ak_error *err);

/* Moves a file into the log's directory under the first free name of bytes cut at index `first`
 * (docs/format.md 9.1), which is given in `torn`. Both directories are synced. */
enum ak_code ak_torn_move(int from_fd, const char *name, int log_dir_fd, uint64_t first,
                          char torn[AK_FILE_NAME_BYTES], struct ak_error *err);

#endif
