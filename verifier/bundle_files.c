/* bundle_files.c - where each file of a bundle lies.
 *
 * Happy path: a directory is listed, every name is one that has a place, every file is regular and
 * is opened once. An archive is walked from header to header; each must be exactly the one that
 * its name, length and time make, so that there is nothing to interpret.
 *
 * Failure modes: whatever else is there, is missing, or stands in another order is MALFORMED. */
#include "bundle_files.h"

#include "bundle_tar.h"
#include "store_list.h"

#include <akashi/bundle.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUSTODY_DIR "custody"

static const struct {
    const char *name;
    bool required;
} names[AK_BUNDLE_NAMES] = {
    [AK_BUNDLE_README] = {"README.txt", true},
    [AK_BUNDLE_SUMS] = {"SHA256SUMS", true},
    [AK_BUNDLE_ABOUT] = {"bundle.json", true},
    [AK_BUNDLE_CHECKPOINT] = {"checkpoint", true},
    [AK_BUNDLE_STAMPED] = {"stamped", false},
    [AK_BUNDLE_STAMP] = {"stamp.0", false},
    [AK_BUNDLE_STAMP + 1] = {"stamp.1", false},
    [AK_BUNDLE_STAMP + 2] = {"stamp.2", false},
    [AK_BUNDLE_STAMP + 3] = {"stamp.3", false},
    [AK_BUNDLE_STAMP + 4] = {"stamp.4", false},
    [AK_BUNDLE_STAMP + 5] = {"stamp.5", false},
    [AK_BUNDLE_STAMP + 6] = {"stamp.6", false},
    [AK_BUNDLE_STAMP_LAST] = {"stamp.7", false},
    [AK_BUNDLE_POLICY] = {"policy", false},
    [AK_BUNDLE_PROOF] = {"proof", true},
    [AK_BUNDLE_ENTRIES] = {"entries", true},
    [AK_BUNDLE_OPENINGS] = {"openings", true},
    [AK_BUNDLE_OWN] = {"own.txt", true},
    [AK_BUNDLE_RECORDS] = {"records.zst", true},
    [AK_BUNDLE_POSITIONS] = {"positions", false},
    [AK_BUNDLE_JSONL] = {"records.jsonl", false},
    [AK_BUNDLE_CSV] = {"records.csv", false},
    [AK_BUNDLE_PROVENANCE] = {"provenance.jsonld", false},
};

const char *ak_bundle_file_name(enum ak_bundle_name name)
{
    return names[name].name;
}

bool ak_bundle_file_required(enum ak_bundle_name name)
{
    return names[name].required;
}

/* The place of a name, or AK_BUNDLE_NAMES. */
static unsigned find_name(const char *name)
{
    unsigned i;

    for (i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (strcmp(names[i].name, name) == 0)
            break;
    }
    return i;
}

static bool custody_name_good(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= AK_BUNDLE_CUSTODY_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static enum ak_code add_custody(struct ak_bundle_files *files, const char *name,
                                const struct ak_bundle_part *part, struct ak_error *err)
{
    size_t n = files->custody_count;
    struct ak_bundle_custody *at;

    if (!custody_name_good(name))
        return ak_fail(err, AK_EMALFORMED, "custody holds what is no part of a record: %s", name);
    if (n == AK_BUNDLE_CUSTODY_MAX)
        return ak_fail(err, AK_EMALFORMED, "custody holds more than %u files",
                       AK_BUNDLE_CUSTODY_MAX);
    if ((n & (n - 1)) == 0) {
        at = reallocarray(files->custody, n == 0 ? 1 : n * 2, sizeof(*at));
        if (at == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a list of files");
        files->custody = at;
    }
    at = &files->custody[files->custody_count++];
    memset(at, 0, sizeof(*at));
    memcpy(at->name, name, strlen(name));
    at->part = *part;
    return AK_OK;
}

static enum ak_code check_required(const struct ak_bundle_files *files, struct ak_error *err)
{
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (names[i].required && !files->part[i].there)
            return ak_fail(err, AK_EMALFORMED, "the bundle has no file %s", names[i].name);
    }
    if (files->part[AK_BUNDLE_STAMPED].there && !files->part[AK_BUNDLE_STAMP].there)
        return ak_fail(err, AK_EMALFORMED, "stamped is there, and no stamp over it");
    for (unsigned i = AK_BUNDLE_STAMP; i <= AK_BUNDLE_STAMP_LAST; i++) {
        if (files->part[i].there && !files->part[i - 1].there)
            return ak_fail(err, AK_EMALFORMED, "%s is there without %s", names[i].name,
                           names[i - 1].name);
    }
    return AK_OK;
}

/* ---- Directory ---- */

static enum ak_code open_regular(int dir_fd, const char *name, struct ak_bundle_part *part,
                                 struct ak_error *err)
{
    enum ak_code rc = ak_list_open_file(dir_fd, name, &part->fd, &part->bytes, err);

    if (rc == AK_OK)
        part->there = true;
    else
        part->fd = -1;
    return rc;
}

static enum ak_code take_custody_file(struct ak_bundle_files *files, const char *name,
                                      struct ak_error *err)
{
    struct ak_bundle_part part = {.fd = -1};
    enum ak_code rc;

    if (!custody_name_good(name))
        return add_custody(files, name, &part, err);
    rc = open_regular(files->custody_fd, name, &part, err);
    if (part.fd >= 0)
        close(part.fd);
    part.fd = -1;
    return rc == AK_OK ? add_custody(files, name, &part, err) : rc;
}

static enum ak_code take_file(struct ak_bundle_files *files, const char *name, struct ak_error *err)
{
    unsigned i = find_name(name);

    if (i == AK_BUNDLE_NAMES && strcmp(name, CUSTODY_DIR) == 0)
        return ak_list_open_dir(files->fd, CUSTODY_DIR, &files->custody_fd, err);
    if (i == AK_BUNDLE_NAMES)
        return ak_fail(err, AK_EMALFORMED, "%s is no file of a bundle", name);
    return open_regular(files->fd, name, &files->part[i], err);
}

/* Every name in a directory, but . and .. */
static enum ak_code each_name(struct ak_bundle_files *files, int dir_fd,
                              enum ak_code (*take)(struct ak_bundle_files *files, const char *name,
                                                   struct ak_error *err),
                              struct ak_error *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    enum ak_code rc = AK_OK;

    if (dir == NULL) {
        rc = ak_fail_errno(err, errno, "list the bundle");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = take(files, entry->d_name, err);
    }
    closedir(dir);
    return rc;
}

static int compare_custody(const void *a, const void *b)
{
    const struct ak_bundle_custody *x = a;
    const struct ak_bundle_custody *y = b;

    return strcmp(x->name, y->name);
}

static enum ak_code open_directory(struct ak_bundle_files *files, struct ak_error *err)
{
    enum ak_code rc = each_name(files, files->fd, take_file, err);

    if (rc == AK_OK && files->custody_fd >= 0)
        rc = each_name(files, files->custody_fd, take_custody_file, err);
    if (files->custody_count > 1)
        qsort(files->custody, files->custody_count, sizeof(*files->custody), compare_custody);
    return rc;
}

/* ---- Archive ---- */

/* Whether a name may follow the one before: `*at` is the place of the next one that may come. */
static enum ak_code place_member(struct ak_bundle_files *files, const char *name,
                                 const struct ak_bundle_part *part, unsigned *at,
                                 struct ak_error *err)
{
    static const char dir[] = CUSTODY_DIR "/";
    unsigned i = find_name(name);
    const struct ak_bundle_custody *last =
        files->custody_count == 0 ? NULL : &files->custody[files->custody_count - 1];

    if (i < AK_BUNDLE_NAMES) {
        if (i < *at)
            return ak_fail(err, AK_EMALFORMED, "%s stands twice or out of its place", name);
        *at = i + 1;
        files->part[i] = *part;
        return AK_OK;
    }
    if (strncmp(name, dir, strlen(dir)) != 0)
        return ak_fail(err, AK_EMALFORMED, "%s is no file of a bundle", name);
    name += strlen(dir);
    if (last != NULL && strcmp(last->name, name) >= 0)
        return ak_fail(err, AK_EMALFORMED, "custody/%s stands twice or out of its place", name);
    *at = AK_BUNDLE_NAMES;
    return add_custody(files, name, part, err);
}

static enum ak_code open_archive(struct ak_bundle_files *files, uint64_t bytes,
                                 struct ak_error *err)
{
    struct ak_bundle_part part = {.there = true, .fd = files->fd};
    char name[AK_TAR_NAME_BYTES + 1];
    uint64_t mtime = 0;
    uint64_t at = 0;
    unsigned place = 0;
    bool ended = false;
    bool begun = false;
    enum ak_code rc = AK_OK;

    files->tar = true;
    while (rc == AK_OK && !ended) {
        rc = ak_tar_read(files->fd, at, bytes, name, &part.bytes, &mtime, &ended, err);
        if (rc != AK_OK || ended)
            break;
        if (begun && mtime != files->mtime)
            return ak_fail(err, AK_EMALFORMED, "%s has another time than the files before", name);
        files->mtime = mtime;
        begun = true;
        part.offset = at + AK_TAR_BLOCK_BYTES;
        rc = place_member(files, name, &part, &place, err);
        at = part.offset + ak_tar_padded(part.bytes);
    }
    return rc;
}

/* Custody records that were added since lie beside the archive, which is never written anew. */
static enum ak_code open_beside(struct ak_bundle_files *files, const char *path,
                                struct ak_error *err)
{
    char *beside = NULL;
    enum ak_code rc;

    if (asprintf(&beside, "%s." CUSTODY_DIR, path) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    rc = ak_list_open_dir(AT_FDCWD, beside, &files->custody_fd, err);
    free(beside);
    if (rc == AK_ENOTFOUND)
        return AK_OK;
    if (rc == AK_OK)
        rc = each_name(files, files->custody_fd, take_custody_file, err);
    if (files->custody_count > 1)
        qsort(files->custody, files->custody_count, sizeof(*files->custody), compare_custody);
    return rc;
}

/* ---- Opening ---- */

bool ak_bundle_is_one(const char *path)
{
    char head[sizeof("README.txt")];
    struct stat st;
    bool is = false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        is = fstatat(fd, "bundle.json", &st, AT_SYMLINK_NOFOLLOW) == 0;
    else if (S_ISREG(st.st_mode) && st.st_size >= (off_t)AK_TAR_BLOCK_BYTES)
        is = ak_list_pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
             memcmp(head, "README.txt", sizeof(head)) == 0;
    close(fd);
    return is;
}

enum ak_code ak_bundle_files_open(struct ak_bundle_files *files, const char *path,
                                  struct ak_error *err)
{
    struct stat st;
    enum ak_code rc;

    memset(files, 0, sizeof(*files));
    files->custody_fd = -1;
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++)
        files->part[i].fd = -1;
    files->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (files->fd < 0)
        return ak_fail_errno(err, errno, "open %s", path);
    if (fstat(files->fd, &st) != 0)
        return ak_fail_errno(err, errno, "look at %s", path);
    if (S_ISDIR(st.st_mode))
        rc = open_directory(files, err);
    else if (S_ISREG(st.st_mode))
        rc = open_archive(files, (uint64_t)st.st_size, err);
    else
        rc = ak_fail(err, AK_EIO, "%s is no directory and no regular file", path);
    if (rc == AK_OK && files->tar)
        rc = open_beside(files, path, err);
    if (rc == AK_OK)
        rc = check_required(files, err);
    return rc;
}

void ak_bundle_files_close(struct ak_bundle_files *files)
{
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (!files->tar && files->part[i].there)
            close(files->part[i].fd);
    }
    if (files->custody_fd >= 0)
        close(files->custody_fd);
    if (files->fd >= 0)
        close(files->fd);
    free(files->custody);
    memset(files, 0, sizeof(*files));
    files->fd = -1;
    files->custody_fd = -1;
}

static enum ak_code read_part(const struct ak_bundle_part *part, const char *name, size_t max,
                              char **data, size_t *len, struct ak_error *err)
{
    ssize_t n;

    *data = NULL;
    if (part->bytes > max)
        return ak_fail(err, AK_ELIMIT, "%s has %" PRIu64 " bytes, at most %zu are read", name,
                       part->bytes, max);
    *data = malloc((size_t)part->bytes + 1);
    if (*data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read %s", name);
    n = ak_list_pread(part->fd, *data, (size_t)part->bytes, part->offset);
    if (n != (ssize_t)part->bytes) {
        free(*data);
        *data = NULL;
        return n < 0 ? ak_fail_errno(err, errno, "read %s", name)
                     : ak_fail(err, AK_EIO, "%s has become shorter", name);
    }
    (*data)[n] = '\0';
    *len = (size_t)n;
    return AK_OK;
}

enum ak_code ak_bundle_custody_read(const struct ak_bundle_files *files, size_t i, size_t max,
                                    char **data, size_t *len, struct ak_error *err)
{
    struct ak_bundle_part part = files->custody[i].part;
    bool apart = part.fd < 0;
    enum ak_code rc = AK_OK;

    *data = NULL;
    if (apart)
        rc = open_regular(files->custody_fd, files->custody[i].name, &part, err);
    if (rc == AK_OK)
        rc = read_part(&part, files->custody[i].name, max, data, len, err);
    if (apart && part.fd >= 0)
        close(part.fd);
    return rc;
}

enum ak_code ak_bundle_read(const struct ak_bundle_files *files, enum ak_bundle_name name,
                            size_t max, char **data, size_t *len, struct ak_hash *digest,
                            struct ak_error *err)
{
    enum ak_code rc = read_part(&files->part[name], names[name].name, max, data, len, err);

    if (rc == AK_ELIMIT)
        rc = ak_fail(err, AK_EMALFORMED, "%s has %" PRIu64 " bytes, at most %zu are possible",
                     names[name].name, files->part[name].bytes, max);
    if (rc == AK_OK && digest != NULL)
        ak_sha256(digest, *data, *len);
    return rc;
}
