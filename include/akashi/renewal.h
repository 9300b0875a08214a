/* renewal.h - lists of a log's files by SHA-512, which an authority stamps anew before digests,
 * keys or certificates of older stamps age (RFC 4998 5.2, 5.3; format.md 9.5). */
#ifndef AKASHI_RENEWAL_H
#define AKASHI_RENEWAL_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name of a file that a list may hold, with its NUL: SIZE.renewal.K.tsr. */
#define AK_RENEWAL_NAME_BYTES 48u

/* Files in one list: as many as one directory may have. */
#define AK_RENEWAL_FILES_MAX 262144u

/* Longest line: 19 digits, 88 characters of base64, a name, two spaces and LF. */
#define AK_RENEWAL_LINE_BYTES_MAX 156u

/* A whole list: 40 MiB. */
#define AK_RENEWAL_BYTES_MAX (1024u + AK_RENEWAL_FILES_MAX * AK_RENEWAL_LINE_BYTES_MAX)

#define AK_RENEWAL_ORIGIN_BYTES 256u

struct ak_renewal {
    char origin[AK_RENEWAL_ORIGIN_BYTES];
    uint64_t size;     /* entries that the log had proven when the list was made */
    size_t count;      /* files, at least 1 */
    const char *lines; /* borrowed from the text */
    size_t lines_len;
};

struct ak_renewal_file {
    char name[AK_RENEWAL_NAME_BYTES];
    uint64_t bytes;
    uint8_t digest[AK_SHA512_BYTES];
};

/* Reads a whole list in its one encoding; borrows from `text`. AK_EMALFORMED, AK_ELIMIT. */
enum ak_code ak_renewal_parse(struct ak_renewal *out, const char *text, size_t len,
                              struct ak_error *err);

/* The file at `*at`, a place in the lines that begins with 0 and is moved to the next one; false
 * behind the last one. */
bool ak_renewal_next(const struct ak_renewal *renewal, size_t *at, struct ak_renewal_file *file);

/* Writes head or line; each is to be given `cap` of 1024 or AK_RENEWAL_LINE_BYTES_MAX + 1 and gives
 * the number of characters, without the NUL. */
size_t ak_renewal_write_head(char *out, size_t cap, const char *origin, uint64_t size);
size_t ak_renewal_write_line(char *out, size_t cap, const struct ak_renewal_file *file);

/* Length and SHA-512 of a file in a directory; never through a link. AK_ENOTFOUND, AK_EIO,
 * AK_ENOMEM. */
enum ak_code ak_renewal_digest(int dir_fd, struct ak_renewal_file *file, struct ak_error *err);

/* The whole list of a log's directory, malloc'ed, and how many files it names. AK_ENOTFOUND (there
 * is nothing to renew), AK_EIO, AK_ELIMIT, AK_ENOMEM. */
enum ak_code ak_renewal_make(int dir_fd, const char *origin, uint64_t size, char **text,
                             size_t *len, uint64_t *count, struct ak_error *err);

/* Whether lists hold files of that name: sealed segments, stamped notes, time-stamp replies, and
 * older lists with their replies. */
bool ak_renewal_holds(const char *name);

#endif
