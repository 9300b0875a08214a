/* store_list.c - lists stores and log directories.
 *
 * A hostile directory may hold links, pipes, devices, sockets, a million files and names with any
 * bytes. Files are opened without following links and without blocking, and only regular ones are
 * read. A name is taken for a segment's only in its one form. */
#include "store_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_BYTES_MAX                                                                            \
    (AK_LIST_LOGS_MAX * (AK_LIST_NAME_BYTES_MAX + 1 + AK_LOG_ID_CHARS + 1)) /* of `names` */

/* Files are read in pieces for their digest. */
#define PIECE_BYTES 262144u

/* HEADER: magic, length, type 1 (6.1). */
#define SNIFF_BYTES (AK_FRAME_HEAD_BYTES + 1u)

ssize_t ak_list_pread(int fd, void *buffer, size_t n, uint64_t offset)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, (char *)buffer + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

enum ak_code ak_list_sha512(int fd, uint64_t bytes, uint8_t out[AK_SHA512_BYTES],
                            struct ak_error *err)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    struct ak_sha512_ctx ctx;
    uint64_t at = 0;

    if (piece == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    ak_sha512_init(&ctx);
    while (at < bytes) {
        size_t n = bytes - at < PIECE_BYTES ? (size_t)(bytes - at) : PIECE_BYTES;
        if (ak_list_pread(fd, piece, n, at) != (ssize_t)n) {
            free(piece);
            return ak_fail(err, AK_EIO, "it cannot be read at byte %" PRIu64, at);
        }
        ak_sha512_update(&ctx, piece, n);
        at += n;
    }
    ak_sha512_final(&ctx, out);
    free(piece);
    return AK_OK;
}

enum ak_code ak_list_open_file(int dir_fd, const char *name, int *fd, uint64_t *bytes,
                               struct ak_error *err)
{
    struct stat st;

    *fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0) {
        if (errno == ELOOP)
            return ak_fail(err, AK_EIO, "%s is a link: links are never followed", name);
        return ak_fail_errno(err, errno, "open %s", name);
    }
    if (fstat(*fd, &st) != 0) {
        (void)ak_fail_errno(err, errno, "look at %s", name);
        goto fail_close;
    }
    if (!S_ISREG(st.st_mode)) {
        (void)ak_fail(err, AK_EIO, "%s is no regular file", name);
        goto fail_close;
    }
    *bytes = (uint64_t)st.st_size;
    return AK_OK;

fail_close:
    close(*fd);
    *fd = -1;
    return AK_EIO;
}

enum ak_code ak_list_read_file(int dir_fd, const char *name, size_t max, char **data, size_t *len,
                               struct ak_error *err)
{
    uint64_t bytes;
    ssize_t got;
    int fd;
    enum ak_code rc = ak_list_open_file(dir_fd, name, &fd, &bytes, err);

    *data = NULL;
    if (rc != AK_OK)
        return rc;
    if (bytes > max) {
        close(fd);
        return ak_fail(err, AK_ELIMIT, "%s has %llu bytes, at most %zu are read", name,
                       (unsigned long long)bytes, max);
    }
    *data = malloc((size_t)bytes + 1);
    if (*data == NULL) {
        close(fd);
        return ak_fail(err, AK_ENOMEM, "no memory to read %s", name);
    }
    got = ak_list_pread(fd, *data, (size_t)bytes, 0);
    if (got < 0) {
        rc = ak_fail_errno(err, errno, "read %s", name);
        free(*data);
        *data = NULL;
    } else {
        *len = (size_t)got;
        (*data)[got] = '\0';
    }
    close(fd);
    return rc;
}

enum ak_code ak_list_open_dir(int fd, const char *name, int *out, struct ak_error *err)
{
    *out = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*out < 0)
        return ak_fail_errno(err, errno, "open directory %s", name);
    return AK_OK;
}

static bool is_log_id(const char *name, size_t len)
{
    return len == AK_LOG_ID_CHARS && strspn(name, "0123456789abcdef") == AK_LOG_ID_CHARS;
}

static bool begins_as_header(const uint8_t *p, size_t n)
{
    return n == SNIFF_BYTES && p[0] == 0x5a && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18 &&
           p[AK_FRAME_HEAD_BYTES] == AK_FRAME_HEADER;
}

/* Looks at a file: whether it can be read, its length, and whether it begins as a segment. */
static void look_at(int dir_fd, struct ak_list_file *file)
{
    uint8_t head[SNIFF_BYTES];
    struct ak_error err = {0};
    struct stat st;
    ssize_t got;
    int fd;

    file->type = AK_LIST_UNKNOWN;
    ak_list_read_name(file);
    if (ak_list_open_file(dir_fd, file->name, &fd, &file->bytes, &err) != AK_OK) {
        bool gone = err.code == AK_ENOTFOUND;
        file->type = gone ? AK_LIST_UNKNOWN : AK_LIST_UNREADABLE;
        file->reason = gone                 ? "it went away while the directory was listed"
                       : err.sys_errno != 0 ? strerrordesc_np(err.sys_errno)
                                            : "it is a link, or no regular file";
        file->bytes = gone ? UINT64_MAX : 0;
        return;
    }
    if (fstat(fd, &st) == 0) {
        file->dev = st.st_dev;
        file->ino = st.st_ino;
    }
    got = ak_list_pread(fd, head, sizeof(head), 0);
    if (file->type != AK_LIST_TORN && got >= 0 && begins_as_header(head, (size_t)got))
        file->type = AK_LIST_SEGMENT;
    close(fd);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct ak_list_file *)a)->name, ((const struct ak_list_file *)b)->name);
}

/* Makes room for one more element; the list doubles, so the work stays linear. */
static bool grow(void **array, size_t count, size_t size)
{
    void *more;

    if (count < 16 ? count != 0 : (count & (count - 1)) != 0)
        return true;
    more = reallocarray(*array, count < 16 ? 16 : count * 2, size);
    if (more == NULL)
        return false;
    *array = more;
    return true;
}

static enum ak_code add_file(int dir_fd, struct ak_list *list, const char *name,
                             struct ak_error *err)
{
    struct ak_list_file *file;

    if (!grow((void **)&list->file, list->count, sizeof(*list->file)))
        return ak_fail(err, AK_ENOMEM, "no memory for the list of files");
    file = &list->file[list->count];
    memset(file, 0, sizeof(*file));
    file->name = strdup(name);
    if (file->name == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list of files");
    look_at(dir_fd, file);
    if (file->bytes == UINT64_MAX) { /* gone */
        free(file->name);
        return AK_OK;
    }
    list->count++;
    return AK_OK;
}

enum ak_code ak_list_log_dir(int dir_fd, struct ak_list *list, struct ak_error *err)
{
    const struct dirent *entry;
    enum ak_code rc = AK_OK;
    DIR *dir;

    memset(list, 0, sizeof(*list));
    dir = ak_list_stream(dir_fd, err);
    if (dir == NULL)
        return AK_EIO;
    for (;;) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (list->count == AK_LIST_FILES_MAX) {
            list->full = true;
            break;
        }
        rc = add_file(dir_fd, list, entry->d_name, err);
        if (rc != AK_OK)
            break;
    }
    if (entry == NULL && errno != 0)
        rc = ak_fail_errno(err, errno, "list the directory");
    closedir(dir);
    if (rc != AK_OK)
        ak_list_free(list);
    else if (list->count > 0)
        qsort(list->file, list->count, sizeof(*list->file), compare_files);
    return rc;
}

void ak_list_free(struct ak_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->file[i].name);
    free(list->file);
    memset(list, 0, sizeof(*list));
}

static struct ak_list_log *find_log(struct ak_list_logs *logs, const char *id)
{
    for (size_t i = 0; i < logs->count; i++) {
        if (memcmp(logs->log[i].id, id, AK_LOG_ID_CHARS) == 0)
            return &logs->log[i];
    }
    return NULL;
}

static struct ak_list_log *add_log(struct ak_list_logs *logs, const char *id)
{
    struct ak_list_log *log;

    if (logs->count == AK_LIST_LOGS_MAX) {
        logs->full = true;
        return NULL;
    }
    if (!grow((void **)&logs->log, logs->count, sizeof(*logs->log)))
        return NULL;
    log = &logs->log[logs->count++];
    memset(log, 0, sizeof(*log));
    memcpy(log->id, id, AK_LOG_ID_CHARS);
    return log;
}

/* A name, or that of a successor that waits. */
static bool is_name(const char *line, size_t len)
{
    size_t base = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return base > 0 && (base == len || (len - base == strlen(AK_LIST_NEXT) &&
                                        strncmp(line + base, AK_LIST_NEXT, len - base) == 0));
}

/* `names` is a hint: lines that are not of its form are passed over. */
static void read_names(int store_fd, struct ak_list_logs *logs)
{
    size_t len;
    char *data;
    char *line;
    char *next;

    if (ak_list_read_file(store_fd, "names", NAMES_BYTES_MAX, &data, &len, NULL) != AK_OK)
        return;
    for (line = data; line < data + len; line = next) {
        char *end = memchr(line, '\n', len - (size_t)(line - data));
        size_t name = strcspn(line, " \n");
        struct ak_list_log *log;

        if (end == NULL)
            break;
        next = end + 1;
        if (name > AK_LIST_NAME_BYTES_MAX || line[name] != ' ' || !is_name(line, name) ||
            !is_log_id(line + name + 1, (size_t)(end - line) - name - 1))
            continue;
        log = find_log(logs, line + name + 1);
        if (log == NULL)
            log = add_log(logs, line + name + 1);
        if (log != NULL && log->name[0] == '\0')
            memcpy(log->name, line, name);
    }
    free(data);
}

static int compare_logs(const void *a, const void *b)
{
    const struct ak_list_log *x = a;
    const struct ak_list_log *y = b;
    int by_name = strcmp(x->name, y->name);

    return by_name != 0 ? by_name : memcmp(x->id, y->id, AK_LOG_ID_CHARS);
}

enum ak_code ak_list_store(int store_fd, struct ak_list_logs *logs, struct ak_error *err)
{
    const struct dirent *entry;
    DIR *dir;

    memset(logs, 0, sizeof(*logs));
    dir = ak_list_stream(store_fd, err);
    if (dir == NULL)
        return AK_EIO;
    while ((entry = readdir(dir)) != NULL) {
        struct ak_list_log *log;
        if (!is_log_id(entry->d_name, strlen(entry->d_name)))
            continue;
        log = add_log(logs, entry->d_name);
        if (log != NULL) {
            log->present = true;
        } else if (!logs->full) {
            closedir(dir);
            ak_list_logs_free(logs);
            return ak_fail(err, AK_ENOMEM, "no memory for the list of logs");
        }
    }
    closedir(dir);
    read_names(store_fd, logs);
    if (logs->count > 0)
        qsort(logs->log, logs->count, sizeof(*logs->log), compare_logs);
    return AK_OK;
}

void ak_list_logs_free(struct ak_list_logs *logs)
{
    free(logs->log);
    memset(logs, 0, sizeof(*logs));
}

/* A directory is a log's if it holds a segment, a store if it holds directories of logs. */
static enum ak_code kind_of_dir(const char *path, int fd, enum ak_path_kind *kind,
                                struct ak_error *err)
{
    const struct dirent *entry;
    bool store = false;
    bool log = false;
    DIR *dir = ak_list_stream(fd, err);

    if (dir == NULL)
        return AK_EIO;
    while (!log && (entry = readdir(dir)) != NULL) {
        struct ak_list_file file = {.name = (char *)entry->d_name};
        if (is_log_id(entry->d_name, strlen(entry->d_name)) || strcmp(entry->d_name, "names") == 0)
            store = true;
        else if (entry->d_name[0] != '.')
            look_at(fd, &file);
        else
            continue;
        log = !store && (file.type == AK_LIST_SEGMENT ? file.bytes > 0 || file.named
                                                      : file.type == AK_LIST_CHECKPOINT);
    }
    closedir(dir);
    if (!log && !store)
        return ak_fail(
            err, AK_EMALFORMED,
            "%s is neither a store nor a log: it holds no segment and no directory named "
            "by a log's 32 hexadecimal digits",
            path);
    *kind = store ? AK_PATH_STORE : AK_PATH_LOG;
    return AK_OK;
}

/* A file is a segment if it begins as one, and a checkpoint if it looks like a signed note. */
static enum ak_code kind_of_file(const char *path, int fd, enum ak_path_kind *kind,
                                 struct ak_error *err)
{
    char data[4096];
    ssize_t got = ak_list_pread(fd, data, sizeof(data), 0);

    if (got < 0)
        return ak_fail_errno(err, errno, "read %s", path);
    if (begins_as_header((const uint8_t *)data,
                         (size_t)got < SNIFF_BYTES ? (size_t)got : SNIFF_BYTES))
        *kind = AK_PATH_SEGMENT;
    else if (memmem(data, (size_t)got, "\n\n\xe2\x80\x94 ", 6) != NULL)
        *kind = AK_PATH_CHECKPOINT;
    else
        return ak_fail(err, AK_EMALFORMED,
                       "%s is no segment and no checkpoint: it begins as neither", path);
    return AK_OK;
}

enum ak_code ak_list_path(const char *path, enum ak_path_kind *kind, int *fd, struct ak_error *err)
{
    enum ak_code rc;
    struct stat st;

    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return ak_fail_errno(err, errno, "open %s", path);
    if (fstat(*fd, &st) != 0)
        rc = ak_fail_errno(err, errno, "look at %s", path);
    else if (S_ISDIR(st.st_mode))
        rc = kind_of_dir(path, *fd, kind, err);
    else if (S_ISREG(st.st_mode))
        rc = kind_of_file(path, *fd, kind, err);
    else
        rc = ak_fail(err, AK_EIO, "%s is neither a directory nor a regular file", path);
    if (rc != AK_OK) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}
