/* line_files.c - lines out of files, through one buffer that holds the longest line that is given.
 */
#include "line_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read at a time, beside the longest line. */
#define READ_BYTES 262144u

enum ak_code ak_line_files_begin(struct ak_line_files *files, const char *const *paths,
                                 size_t count, size_t max, struct ak_error *err)
{
    memset(files, 0, sizeof(*files));
    files->fd = -1;
    files->file = calloc(count + 1, sizeof(*files->file));
    files->cap = max + READ_BYTES;
    files->buffer = malloc(files->cap);
    if (files->file == NULL || files->buffer == NULL) {
        ak_line_files_free(files);
        return ak_fail(err, AK_ENOMEM, "no memory to read files");
    }
    files->count = count;
    files->max = max;
    for (size_t i = 0; i < count; i++)
        files->file[i].path = paths[i];
    return AK_OK;
}

static void close_file(struct ak_line_files *files)
{
    if (files->fd >= 0)
        close(files->fd);
    files->fd = -1;
}

void ak_line_files_again(struct ak_line_files *files)
{
    close_file(files);
    files->again = true;
    files->at = 0;
    files->lines = 0;
}

void ak_line_files_free(struct ak_line_files *files)
{
    close_file(files);
    free(files->file);
    free(files->buffer);
    memset(files, 0, sizeof(*files));
    files->fd = -1;
}

static enum ak_code changed(const struct ak_line_file *file, struct ak_error *err)
{
    return ak_fail(err, AK_EIO, "%s changed while it was compared: compare a copy that is still",
                   file->path);
}

static enum ak_code open_file(struct ak_line_files *files, struct ak_error *err)
{
    struct ak_line_file *file = &files->file[files->at];
    struct stat st;

    files->fd = open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (files->fd < 0)
        return ak_fail_errno(err, errno, "open %s", file->path);
    if (fstat(files->fd, &st) != 0)
        return ak_fail_errno(err, errno, "look at %s", file->path);
    if (!S_ISREG(st.st_mode))
        return ak_fail(err, AK_EIO, "%s is no regular file; files are read twice", file->path);
    if (files->again &&
        (file->size != (uint64_t)st.st_size || file->changed.tv_sec != st.st_mtim.tv_sec ||
         file->changed.tv_nsec != st.st_mtim.tv_nsec))
        return changed(file, err);
    file->size = (uint64_t)st.st_size;
    file->changed = st.st_mtim;
    file->first = files->lines;
    files->offset = 0;
    files->read = 0;
    files->len = 0;
    files->used = 0;
    (void)posix_fadvise(files->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return AK_OK;
}

/* Moves what is left to the front and reads behind it; false at the end of the file. */
static enum ak_code fill(struct ak_line_files *files, bool *any, struct ak_error *err)
{
    ssize_t got;

    memmove(files->buffer, files->buffer + files->used, files->len - files->used);
    files->len -= files->used;
    files->used = 0;
    do
        got = read(files->fd, files->buffer + files->len, files->cap - files->len);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return ak_fail_errno(err, errno, "read %s", files->file[files->at].path);
    files->len += (size_t)got;
    files->read += (uint64_t)got;
    *any = got > 0;
    return AK_OK;
}

static void give(struct ak_line_files *files, struct ak_line *line, const char *data, uint64_t len,
                 bool has_end)
{
    *line = (struct ak_line){.number = files->lines,
                             .file = files->at,
                             .in_file = files->lines - files->file[files->at].first + 1,
                             .offset = files->offset,
                             .data = data,
                             .len = data == NULL ? 0 : (size_t)len};
    files->lines++;
    files->offset += len + (has_end ? 1 : 0);
}

/* Passes over the rest of a line that is too long. */
static enum ak_code skip_long(struct ak_line_files *files, struct ak_line *line,
                              struct ak_error *err)
{
    uint64_t len = 0;
    bool any = true;
    bool ended = false;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && any && !ended) {
        const char *begin = files->buffer + files->used;
        const char *end = memchr(begin, '\n', files->len - files->used);
        size_t n = end == NULL ? files->len - files->used : (size_t)(end - begin);
        len += n;
        files->used += n + (end != NULL ? 1 : 0);
        ended = end != NULL;
        if (!ended)
            rc = fill(files, &any, err);
    }
    if (rc == AK_OK)
        give(files, line, NULL, len, ended);
    return rc;
}

/* A line of the file that is open; false at its end. */
static enum ak_code next_in_file(struct ak_line_files *files, struct ak_line *line, bool *more,
                                 struct ak_error *err)
{
    bool any = true;
    size_t looked = 0;
    enum ak_code rc = AK_OK;

    *more = true;
    for (;;) {
        const char *begin = files->buffer + files->used;
        size_t left = files->len - files->used;
        const char *end = memchr(begin + looked, '\n', left - looked);
        if (end != NULL && (size_t)(end - begin) <= files->max) {
            files->used += (size_t)(end - begin) + 1;
            give(files, line, begin, (uint64_t)(end - begin), true);
            return AK_OK;
        }
        if (end != NULL || left > files->max)
            return skip_long(files, line, err);
        if (!any)
            break;
        looked = left;
        rc = fill(files, &any, err);
        if (rc != AK_OK)
            return rc;
    }
    *more = files->len > files->used;
    if (*more) {
        const char *begin = files->buffer + files->used;
        uint64_t n = files->len - files->used;
        files->used = files->len;
        give(files, line, begin, n, false);
    }
    return AK_OK;
}

enum ak_code ak_line_files_next(struct ak_line_files *files, struct ak_line *line, bool *more,
                                struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    *more = false;
    while (rc == AK_OK && files->at < files->count) {
        struct ak_line_file *file = &files->file[files->at];
        if (files->fd < 0)
            rc = open_file(files, err);
        if (rc == AK_OK)
            rc = next_in_file(files, line, more, err);
        if (rc != AK_OK || *more)
            break;
        if (files->read != file->size ||
            (files->again && file->lines != files->lines - file->first))
            rc = changed(file, err);
        file->lines = files->lines - file->first;
        close_file(files);
        files->at++;
    }
    return rc;
}

const struct ak_line_file *ak_line_files_find(const struct ak_line_files *files, uint64_t number,
                                              uint64_t *in_file)
{
    size_t low = 0;
    size_t high = files->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (files->file[middle].first <= number)
            low = middle;
        else
            high = middle;
    }
    *in_file = number - files->file[low].first + 1;
    return &files->file[low];
}
