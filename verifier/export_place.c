/* export_place.c - a private directory beside the place, then one rename. */
#include "export_place.h"

#include "bundle_files.h"
#include "export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_MODE 0755

static bool ends_in_tar(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && strcmp(path + n - 4, ".tar") == 0;
}

/* Removes the files of a directory, and it; not what lies deeper than `custody`. */
static void remove_directory(const char *path, int depth)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        char *inner = NULL;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        if (depth > 0 && asprintf(&inner, "%s/%s", path, entry->d_name) >= 0) {
            remove_directory(inner, depth - 1); /* one level: custody */
            free(inner);
        }
    }
    closedir(dir);
    (void)rmdir(path);
}

/* Custody records that lie beside an archive of this name speak of that archive. */
static enum ak_code check_beside(const char *out, struct ak_error *err)
{
    char *beside = NULL;
    struct stat st;
    enum ak_code rc = AK_OK;

    if (asprintf(&beside, "%s.custody", out) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    if (lstat(beside, &st) == 0)
        rc = ak_fail(err, AK_EEXIST,
                     "%s is there: the custody record of another bundle; move it away, or choose "
                     "another name",
                     beside);
    free(beside);
    return rc;
}

/* Whether what is at the place may be replaced: a bundle, and nothing else. */
static enum ak_code check_old(const struct ak_export_place *place, struct ak_error *err)
{
    struct ak_bundle_files files;
    struct stat st;
    enum ak_code rc;

    rc = place->tar ? check_beside(place->out, err) : AK_OK;
    if (rc != AK_OK)
        return rc;
    if (lstat(place->out, &st) != 0)
        return errno == ENOENT ? AK_OK : ak_fail_errno(err, errno, "look at %s", place->out);
    if (!place->force)
        return ak_fail(err, AK_EEXIST, "%s is there already; --force overwrites a bundle",
                       place->out);
    rc = ak_bundle_files_open(&files, place->out, NULL);
    ak_bundle_files_close(&files);
    if (rc != AK_OK || S_ISLNK(st.st_mode))
        return ak_fail(err, AK_EEXIST, "%s is no bundle: --force overwrites nothing else",
                       place->out);
    return AK_OK;
}

enum ak_code ak_export_place_begin(struct ak_export_place *place, const char *out, bool force,
                                   struct ak_error *err)
{
    size_t n = strlen(out);
    enum ak_code rc;

    *place =
        (struct ak_export_place){.out = out, .tar = ends_in_tar(out), .force = force, .dir_fd = -1};
    rc = check_old(place, err);
    if (rc != AK_OK)
        return rc;
    while (n > 1 && out[n - 1] == '/')
        n--;
    if (asprintf(&place->dir, "%.*s.part.XXXXXX", (int)n, out) < 0) {
        place->dir = NULL;
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    }
    if (mkdtemp(place->dir) == NULL) {
        rc = ak_fail_errno(err, errno, "make a directory beside %s", out);
        free(place->dir);
        place->dir = NULL;
        return rc;
    }
    place->dir_fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->dir_fd < 0 || fchmod(place->dir_fd, DIR_MODE) != 0)
        return ak_fail_errno(err, errno, "open %s", place->dir);
    return AK_OK;
}

/* The directory that holds the place, so that the new name is on the medium. */
static void sync_parent(const char *path)
{
    char *copy = strdup(path);
    char *slash;
    int fd;

    if (copy == NULL)
        return;
    while ((slash = strrchr(copy, '/')) != NULL && slash[1] == '\0' && slash != copy)
        *slash = '\0';
    if (slash == copy)
        slash[1] = '\0';
    else if (slash != NULL)
        *slash = '\0';
    fd = open(slash == NULL ? "." : copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* not every file system can; the files themselves are there */
        close(fd);
    }
    free(copy);
}

/* Puts `from` at the place; the old bundle there, if it may be replaced, goes aside before. */
static enum ak_code move_in(const struct ak_export_place *place, const char *from,
                            struct ak_error *err)
{
    char *aside = NULL;
    enum ak_code rc = AK_OK;

    if (renameat2(AT_FDCWD, from, AT_FDCWD, place->out, RENAME_NOREPLACE) == 0)
        return AK_OK;
    if (errno != EEXIST || !place->force)
        return ak_fail_errno(err, errno, "give %s its name", place->out);
    rc = check_old(place, err);
    if (rc != AK_OK)
        return rc;
    if (asprintf(&aside, "%s.old", place->dir) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    if (rename(place->out, aside) != 0 ||
        renameat2(AT_FDCWD, from, AT_FDCWD, place->out, RENAME_NOREPLACE) != 0)
        rc = ak_fail_errno(err, errno, "put %s in the place of the old one", place->out);
    else if (unlink(aside) != 0)
        remove_directory(aside, 1);
    free(aside);
    return rc;
}

enum ak_code ak_export_place_end(struct ak_export_place *place, uint64_t made, struct ak_error *err)
{
    char *file = NULL;
    enum ak_code rc;

    if (fsync(place->dir_fd) != 0 && errno != EINVAL)
        return ak_fail_errno(err, errno, "write %s", place->out);
    if (!place->tar) {
        rc = move_in(place, place->dir, err);
        if (rc == AK_OK) {
            free(place->dir);
            place->dir = NULL;
            sync_parent(place->out);
        }
        return rc;
    }
    if (asprintf(&file, "%s.tar", place->dir) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    rc = ak_export_pack(place->dir, made, file, err);
    if (rc == AK_OK)
        rc = move_in(place, file, err);
    if (rc == AK_OK)
        sync_parent(place->out);
    else
        (void)unlink(file);
    free(file);
    return rc;
}

void ak_export_place_free(struct ak_export_place *place)
{
    if (place->dir_fd >= 0)
        close(place->dir_fd);
    if (place->dir != NULL)
        remove_directory(place->dir, 1);
    free(place->dir);
    *place = (struct ak_export_place){.dir_fd = -1};
}
