/* store.c - lock, parts and list of logs of a store. */
#include "store.h"

#include "clock.h"
#include "disk.h"

#include <akashi/base64.h>
#include <akashi/checkpoint.h>
#include <akashi/note.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line is a name, a space, an id and a line end. */
#define NAMES_BYTES_MAX (AK_STORE_LOGS_MAX * (AK_STORE_NAME_BYTES_MAX + 1 + AK_LOG_ID_CHARS + 1))

/* What the lock says of its holder is cut to this. */
#define LOCK_BYTES_MAX 1024

/* Deepest path of a checkpoint or a vkey below the store. */
#define PATH_BYTES 64

void ak_store_close(struct ak_store *store)
{
    int *fd[] = {&store->tmp_fd, &store->keys_fd, &store->fd, &store->lock_fd};

    for (unsigned i = 0; i < sizeof(fd) / sizeof(*fd); i++) {
        if (*fd[i] >= 0)
            (void)close(*fd[i]); /* nothing is written through these */
        *fd[i] = -1;
    }
}

static enum ak_code open_dir(int dir_fd, const char *name, int *fd, struct ak_error *err)
{
    *fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return ak_fail_errno(err, errno, "could not open directory %s", name);
    return AK_OK;
}

/* Tells who holds the store, as far as he said so. The lock file is ours but its content is only
 * text, so all that is not printable is left out. */
static enum ak_code busy(const struct ak_store *store, struct ak_error *err)
{
    char text[LOCK_BYTES_MAX];
    ssize_t n = pread(store->lock_fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return ak_fail(err, AK_EBUSY, "store is in use by another process");
    text[n] = '\0';
    for (char *p = text; *p != '\0'; p++) {
        if (*p == '\n')
            *p = '\0';
        else if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            *p = '?';
        if (*p == '\0')
            break;
    }
    return ak_fail(err, AK_EBUSY, "store is in use by %s", text);
}

static enum ak_code lock(struct ak_store *store, const char *command, const char *control,
                         struct ak_error *err)
{
    char when[32];
    char text[LOCK_BYTES_MAX];
    int n;

    store->lock_fd = openat(store->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0)
        return ak_fail_errno(err, errno, "could not open the store's lock");
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return busy(store, err);
        return ak_fail_errno(err, errno, "could not lock the store");
    }
    ak_clock_text(ak_clock_wall(), when, sizeof(when));
    n = snprintf(text, sizeof(text), "pid %ld since %s (%s).%s%s\n", (long)getpid(), when, command,
                 control == NULL ? "" : " Commands for it: --control ",
                 control == NULL ? "" : control);
    if (n >= (int)sizeof(text))
        n = (int)sizeof(text) - 1;
    /* For the message of whoever comes second; the lock holds without it. */
    if (ftruncate(store->lock_fd, 0) == 0)
        (void)!pwrite(store->lock_fd, text, (size_t)n, 0);
    return AK_OK;
}

/* Removes what an earlier process left in tmp/: it may hold text of records. */
static enum ak_code empty_tmp(const struct ak_store *store, struct ak_error *err)
{
    int fd = openat(store->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    enum ak_code rc = AK_OK;
    struct dirent *entry;

    if (dir == NULL) {
        rc = ak_fail_errno(err, errno, "could not list tmp");
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = ak_disk_wipe(store->tmp_fd, entry->d_name, err);
        if (rc != AK_OK)
            ak_wrap(err, "tmp/%s, left by an earlier process", entry->d_name);
    }
    (void)closedir(dir);
    return rc;
}

static enum ak_code open_parts(struct ak_store *store, struct ak_error *err)
{
    enum ak_code rc = open_dir(store->fd, "tmp", &store->tmp_fd, err);

    if (rc == AK_OK)
        rc = open_dir(store->fd, "keys", &store->keys_fd, err);
    return rc == AK_OK ? empty_tmp(store, err) : rc;
}

enum ak_code ak_store_open(const char *path, const char *command, const char *control,
                           struct ak_store *store, struct ak_error *err)
{
    enum ak_code rc;

    *store = (struct ak_store){-1, -1, -1, -1};
    rc = open_dir(AT_FDCWD, path, &store->fd, err);
    if (rc == AK_ENOTFOUND)
        return ak_fail(
            err, rc,
            "store %s is not there: look for a wrong path or a disk that is not mounted, "
            "or make one with akashi-collector init",
            path);
    if (rc == AK_OK && faccessat(store->fd, "names", F_OK, 0) != 0)
        rc = ak_fail(err, AK_ENOTFOUND,
                     "%s is no store: it has no file `names`. Make one with akashi-collector init",
                     path);
    if (rc == AK_OK)
        rc = lock(store, command, control, err);
    if (rc == AK_OK)
        rc = open_parts(store, err);
    if (rc != AK_OK)
        ak_store_close(store);
    return rc;
}

static enum ak_code make_dir(int dir_fd, const char *name, struct ak_error *err)
{
    enum ak_code rc = ak_disk_mkdir(dir_fd, name, 0700, NULL, err);

    return rc == AK_EEXIST ? AK_OK : rc;
}

/* The parts of a store, each only if it is not there. */
static enum ak_code make_parts(struct ak_store *store, struct ak_error *err)
{
    static const char *const part[] = {"tmp", "cache", "keys"};
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; i < sizeof(part) / sizeof(*part) && rc == AK_OK; i++)
        rc = make_dir(store->fd, part[i], err);
    if (rc == AK_OK)
        rc = open_parts(store, err);
    if (rc == AK_OK && faccessat(store->fd, "names", F_OK, 0) != 0)
        rc = ak_disk_put(store->tmp_fd, "names", store->fd, "names", 0600, "", 0, err);
    return rc;
}

enum ak_code ak_store_make(const char *path, const char *command, struct ak_store *store,
                           struct ak_error *err)
{
    enum ak_code rc;

    *store = (struct ak_store){-1, -1, -1, -1};
    rc = make_dir(AT_FDCWD, path, err);
    if (rc == AK_OK)
        rc = open_dir(AT_FDCWD, path, &store->fd, err);
    if (rc == AK_OK)
        rc = lock(store, command, NULL, err);
    if (rc == AK_OK)
        rc = make_parts(store, err);
    if (rc != AK_OK)
        ak_store_close(store);
    return rc;
}

bool ak_log_name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len >= 1 && len <= AK_LOG_NAME_BYTES_MAX && name[len] == '\0';
}

/* A name as it stands in `names`: also that of a successor that waits. */
static bool line_name_valid(const char *name)
{
    char base[AK_LOG_NAME_BYTES_MAX + 1];
    size_t len = strlen(name);
    size_t ending = strlen(AK_STORE_NEXT);

    if (len <= ending || len > AK_STORE_NAME_BYTES_MAX ||
        strcmp(name + len - ending, AK_STORE_NEXT) != 0)
        return ak_log_name_valid(name);
    memcpy(base, name, len - ending);
    base[len - ending] = '\0';
    return ak_log_name_valid(base);
}

void ak_store_next_name(const char *name, char next[AK_STORE_NAME_BYTES_MAX + 1])
{
    (void)snprintf(next, AK_STORE_NAME_BYTES_MAX + 1, "%.*s%s", (int)AK_LOG_NAME_BYTES_MAX, name,
                   AK_STORE_NEXT);
}

static bool id_valid(const char *id)
{
    return strspn(id, "0123456789abcdef") == AK_LOG_ID_CHARS && id[AK_LOG_ID_CHARS] == '\0';
}

/* Splits "NAME SP ID", which ends in a NUL. */
static bool split(char *line, const char **name, const char **id)
{
    char *space = strchr(line, ' ');

    if (space == NULL)
        return false;
    *space = '\0';
    *name = line;
    *id = space + 1;
    return line_name_valid(*name) && id_valid(*id);
}

enum ak_code ak_store_each(int store_fd, ak_store_log_fn on_log, void *ctx, struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    unsigned number = 1;
    enum ak_code rc =
        ak_disk_read(store_fd, "names", NAMES_BYTES_MAX, &data, &len, NULL, NULL, err);

    if (rc != AK_OK)
        return rc;
    for (char *line = (char *)data; rc == AK_OK && line < (char *)data + len; number++) {
        char *end = memchr(line, '\n', (size_t)((char *)data + len - line));
        const char *name;
        const char *id;

        if (end != NULL)
            *end = '\0';
        if (end == NULL || !split(line, &name, &id)) {
            rc = ak_fail(err, AK_EMALFORMED,
                         "names, line %u: a line is a name, a space and the name of the log's "
                         "directory (32 digits)",
                         number);
            break;
        }
        rc = on_log(ctx, name, id, err);
        line = end + 1;
    }
    free(data);
    return rc;
}

struct find {
    const char *name;
    char *id;
    bool found;
};

static enum ak_code on_find(void *ctx, const char *name, const char *id, struct ak_error *err)
{
    struct find *find = ctx;

    (void)err;
    if (!find->found && strcmp(name, find->name) == 0) {
        memcpy(find->id, id, AK_LOG_ID_CHARS + 1);
        find->found = true;
    }
    return AK_OK;
}

enum ak_code ak_store_find(int store_fd, const char *name, char id[AK_LOG_ID_CHARS + 1],
                           struct ak_error *err)
{
    struct find find = {.name = name, .id = id};
    enum ak_code rc = ak_store_each(store_fd, on_find, &find, err);

    if (rc == AK_OK && !find.found)
        rc = ak_fail(err, AK_ENOTFOUND, "log %s is not in this store", name);
    return rc;
}

struct name_of {
    const char *id;
    char *name;
};

static enum ak_code on_name_of(void *ctx, const char *name, const char *id, struct ak_error *err)
{
    struct name_of *of = ctx;

    (void)err;
    if (strcmp(id, of->id) == 0)
        memcpy(of->name, name, strlen(name) + 1);
    return AK_OK;
}

enum ak_code ak_store_name_of(int store_fd, const char *id, char name[AK_STORE_NAME_BYTES_MAX + 1],
                              struct ak_error *err)
{
    struct name_of of = {.id = id, .name = name};
    enum ak_code rc;

    name[0] = '\0';
    rc = ak_store_each(store_fd, on_name_of, &of, err);
    if (rc == AK_ENOTFOUND) { /* no `names`, which says nothing of the id */
        if (err != NULL)
            err->code = AK_EIO;
        return AK_EIO;
    }
    if (rc != AK_OK)
        name[0] = '\0';
    else if (name[0] == '\0')
        rc = ak_fail(err, AK_ENOTFOUND, "log %s is in no line of `names`", id);
    return rc;
}

enum ak_code ak_store_add(const struct ak_store *store, const char *name, const char *id,
                          struct ak_error *err)
{
    char found[AK_LOG_ID_CHARS + 1];
    unsigned char *data;
    unsigned char *longer;
    size_t len;
    enum ak_code rc = ak_store_find(store->fd, name, found, err);

    assert(line_name_valid(name) && id_valid(id));
    if (rc == AK_OK)
        return ak_fail(err, AK_EEXIST, "log %s is in this store already", name);
    if (rc != AK_ENOTFOUND)
        return rc;
    rc = ak_disk_read(store->fd, "names", NAMES_BYTES_MAX, &data, &len, NULL, NULL, err);
    if (rc != AK_OK)
        return rc;
    longer = realloc(data, len + AK_STORE_NAME_BYTES_MAX + AK_LOG_ID_CHARS + 3);
    if (longer == NULL) {
        free(data);
        return ak_fail(err, AK_ENOMEM, "no memory for the list of logs");
    }
    len += (size_t)snprintf((char *)longer + len, AK_STORE_NAME_BYTES_MAX + AK_LOG_ID_CHARS + 3,
                            "%s %s\n", name, id);
    rc = ak_disk_put(store->tmp_fd, "names", store->fd, "names", 0600, longer, len, err);
    free(longer);
    return rc;
}

struct succeed {
    const char *name;
    const char *closed;
    char next[AK_STORE_NAME_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1]; /* of `next` */
    char *text;
    size_t len;
    size_t cap;
};

static enum ak_code on_line(void *ctx, const char *name, const char *id, struct ak_error *err)
{
    struct succeed *s = ctx;
    bool it = strcmp(name, s->name) == 0;
    int n;

    if (strcmp(name, s->closed) == 0)
        return ak_fail(err, AK_EEXIST, "log %s is in this store already", name);
    if (strcmp(name, s->next) == 0)
        return AK_OK; /* it has the place of the other one */
    n = snprintf(s->text + s->len, s->cap - s->len, "%s %s\n", it ? s->closed : name, id);
    if (n > 0 && it)
        n += snprintf(s->text + s->len + n, s->cap - s->len - (size_t)n, "%s %s\n", name, s->id);
    s->len += (size_t)n;
    return AK_OK;
}

enum ak_code ak_store_succeed(const struct ak_store *store, const char *name, const char *closed,
                              struct ak_error *err)
{
    struct succeed s = {.name = name, .closed = closed, .cap = (size_t)NAMES_BYTES_MAX + 256u};
    enum ak_code rc;

    assert(ak_log_name_valid(closed));
    ak_store_next_name(name, s.next);
    rc = ak_store_find(store->fd, s.next, s.id, err);
    if (rc != AK_OK)
        return rc;
    s.text = malloc(s.cap); /* all lines that there can be, and one more */
    if (s.text == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list of logs");
    rc = ak_store_each(store->fd, on_line, &s, err);
    if (rc == AK_OK)
        rc = ak_disk_put(store->tmp_fd, "names", store->fd, "names", 0600, s.text, s.len, err);
    free(s.text);
    return rc;
}

/* A log that was never signed has no checkpoint yet; its key is named as the origin. */
static enum ak_code origin_of_key(int store_fd, const char *id, char *origin)
{
    char path[PATH_BYTES];
    struct ak_vkey vkey;
    unsigned char *data;
    size_t len;
    enum ak_code rc;

    (void)snprintf(path, sizeof(path), "keys/%s/log.vkey", id);
    rc = ak_disk_read(store_fd, path, AK_VKEY_TEXT_BYTES_MAX, &data, &len, NULL, NULL, NULL);
    if (rc != AK_OK)
        return rc;
    rc = ak_vkey_parse(&vkey, (const char *)data, len, NULL);
    free(data);
    if (rc == AK_OK && strlen(vkey.name) > AK_LOG_ORIGIN_BYTES_MAX)
        rc = AK_ELIMIT;
    if (rc == AK_OK)
        memcpy(origin, vkey.name, strlen(vkey.name) + 1);
    return rc;
}

enum ak_code ak_store_origin(int store_fd, const char *id, char *origin, struct ak_error *err)
{
    char path[PATH_BYTES];
    struct ak_note note;
    struct ak_checkpoint checkpoint;
    unsigned char *data;
    size_t len;
    enum ak_code rc;

    (void)snprintf(path, sizeof(path), "%s/checkpoint", id);
    rc = ak_disk_read(store_fd, path, AK_NOTE_BYTES_MAX, &data, &len, NULL, NULL, err);
    if (rc == AK_ENOTFOUND && origin_of_key(store_fd, id, origin) == AK_OK)
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    rc = ak_note_parse(&note, data, len, err);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&checkpoint, note.text, note.text_len, false, err);
    free(data);
    if (rc == AK_OK && strlen(checkpoint.origin) > AK_LOG_ORIGIN_BYTES_MAX)
        rc = ak_fail(err, AK_ELIMIT, "its origin is too long");
    if (rc != AK_OK) {
        ak_wrap(err, "%s", path);
        return rc;
    }
    memcpy(origin, checkpoint.origin, strlen(checkpoint.origin) + 1);
    return AK_OK;
}
