/* line_files.h - the lines of several files, one after the other, twice: to be compared, and later
 * to be shown. Bounded memory, whatever a line's length. */
#ifndef AK_LINE_FILES_H
#define AK_LINE_FILES_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct ak_line_file {
    const char *path; /* borrowed */
    uint64_t first;   /* number of its first line among all */
    uint64_t lines;   /* once it was read to its end */
    uint64_t size;    /* as it was when it was read first */
    struct timespec changed;
};

struct ak_line {
    uint64_t number;  /* among all lines, from 0 */
    size_t file;      /* of files[] */
    uint64_t in_file; /* line number there, from 1 */
    uint64_t offset;  /* of its first byte there */
    const char *data; /* without its LF; NULL: longer than `max` */
    size_t len;
};

struct ak_line_files {
    struct ak_line_file *file;
    size_t count;
    size_t max; /* longest line that is given */
    bool again; /* a second reading: nothing may have changed */
    int fd;
    size_t at;      /* file that is read; `count`: the end */
    uint64_t lines; /* given so far */
    uint64_t offset;
    char *buffer;
    size_t cap;
    size_t len;
    size_t used;
    uint64_t read; /* bytes of the file in or before the buffer */
};

/* Takes the paths; nothing is opened yet. AK_ENOMEM. */
enum ak_code ak_line_files_begin(struct ak_line_files *files, const char *const *paths,
                                 size_t count, size_t max, struct ak_error *err);

/* Goes back to the first line. AK_EIO later if a file is not what it was. */
void ak_line_files_again(struct ak_line_files *files);
void ak_line_files_free(struct ak_line_files *files);

/* The next line; `*more` is false behind the last one. The last line of a file may lack its LF; an
 * empty file has none. AK_ENOTFOUND, AK_EIO (also for what is no regular file). */
enum ak_code ak_line_files_next(struct ak_line_files *files, struct ak_line *line, bool *more,
                                struct ak_error *err);

/* File and line of a number, when all files were read to their ends. */
const struct ak_line_file *ak_line_files_find(const struct ak_line_files *files, uint64_t number,
                                              uint64_t *in_file);

#endif
