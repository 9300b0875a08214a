/* cosign_files.c - see cosign_files.h. A file goes only when a newer one is on stable storage that
 * is worth as much. */
#include "cosign_files.h"

#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_DIGITS  20u
#define KEEP_SECONDS  3600u
#define COSIGNED_MODE 0644 /* it is meant to be handed out */
#define SUFFIX        ".cosigned"

static void name_of(char out[AK_COSIGN_NAME_BYTES], uint64_t size)
{
    (void)snprintf(out, AK_COSIGN_NAME_BYTES, "%020" PRIu64 SUFFIX, size);
}

static bool read_name(const char *name, uint64_t *size)
{
    if (strlen(name) != INDEX_DIGITS + strlen(SUFFIX) ||
        strspn(name, "0123456789") != INDEX_DIGITS || strcmp(name + INDEX_DIGITS, SUFFIX) != 0)
        return false;
    *size = strtoull(name, NULL, 10);
    return true;
}

/* The newest one may go when a better one is there; the rest was decided when it was written. */
void ak_cosign_files_begin(struct ak_cosign_files *files, int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    struct ak_cosign_old newest = {0};
    struct stat st;
    uint64_t size;

    *files = (struct ak_cosign_files){0};
    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (!read_name(entry->d_name, &size) ||
            fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || size < newest.size)
            continue;
        if (newest.size > 0 && newest.seconds > files->kept_seconds)
            files->kept_seconds = newest.seconds;
        newest = (struct ak_cosign_old){
            .size = size, .seconds = (uint64_t)st.st_mtime, .quorum = true, .lines = 1};
    }
    (void)closedir(dir);
    if (newest.size > 0)
        files->old[files->count++] = newest;
}

/* Whether what is written now is worth what an older one was. */
static bool covers(const struct ak_cosign_old *now, const struct ak_cosign_old *old)
{
    return now->size > old->size && (now->quorum || (!old->quorum && now->lines >= old->lines));
}

void ak_cosign_files_keep(struct ak_cosign_files *files, uint64_t size)
{
    for (unsigned i = 0; i < files->count; i++) {
        if (files->old[i].size == size)
            files->old[i].keep = true;
    }
}

void ak_cosign_files_plan(struct ak_cosign_files *files, const struct ak_cosign_old *now,
                          struct ak_cosign_put *put)
{
    unsigned stay = 0;
    bool known = false;

    put->gone_count = 0;
    for (unsigned i = 0; i < files->count; i++) {
        struct ak_cosign_old *old = &files->old[i];
        bool hour = old->seconds >= files->kept_seconds + KEEP_SECONDS;

        if (old->size == now->size) {
            known = true;
            files->old[stay++] = *now;
        } else if (!covers(now, old)) {
            files->old[stay++] = *old;
        } else if (old->keep || (hour && old->quorum)) {
            if (hour)
                files->kept_seconds = old->seconds;
        } else {
            put->gone[put->gone_count++] = old->size;
        }
    }
    files->count = stay;
    if (!known && files->count < AK_COSIGN_OLD_MAX)
        files->old[files->count++] = *now;
}

void ak_cosign_files_put(struct ak_cosign_put *put)
{
    char name[AK_COSIGN_NAME_BYTES];
    uint64_t before;

    name_of(name, put->size);
    before = ak_disk_size(put->dir_fd, name);
    put->rc = ak_disk_put(put->tmp_fd, put->tmp_name, put->dir_fd, name, COSIGNED_MODE, put->data,
                          put->len, &put->err);
    if (put->rc != AK_OK)
        return;
    put->written = put->len;
    put->removed = before;
    for (unsigned i = 0; i < put->gone_count; i++) {
        name_of(name, put->gone[i]);
        before = ak_disk_size(put->dir_fd, name);
        if (ak_disk_unlink(put->dir_fd, name, NULL) == AK_OK) /* one that stays does no harm */
            put->removed += before;
    }
}
