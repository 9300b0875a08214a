/* log_listing.c - the state of a check that never runs: only its list of files is made. */
#include "log_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum ak_code ak_listing_open_path(const char *path, int *dir_fd, char **segment,
                                  struct ak_error *err)
{
    enum ak_path_kind kind;
    enum ak_code rc = ak_list_path(path, &kind, dir_fd, err);
    char *real;
    char *slash;

    *segment = NULL;
    if (rc != AK_OK || kind == AK_PATH_LOG)
        return rc;
    close(*dir_fd);
    *dir_fd = -1;
    if (kind != AK_PATH_SEGMENT)
        return ak_fail(err, AK_EUSAGE, "%s is no log and no segment", path);
    real = realpath(path, NULL);
    slash = real == NULL ? NULL : strrchr(real, '/');
    if (slash == NULL) {
        rc = ak_fail_errno(err, errno, "open %s", path);
    } else {
        *slash = '\0';
        *segment = strdup(slash + 1);
        *dir_fd = open(real[0] == '\0' ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*segment == NULL || *dir_fd < 0)
            rc = ak_fail_errno(err, errno, "open the directory of %s", path);
    }
    free(real);
    return rc;
}

struct ak_listing *ak_listing_new(int dir_fd, const char *segment)
{
    struct ak_listing *listing = calloc(1, sizeof(*listing));

    if (listing == NULL)
        return NULL;
    listing->log.path = listing->path;
    listing->state.options = &listing->options;
    listing->state.log = &listing->log;
    listing->state.progress = &listing->progress;
    listing->state.dir_fd = dir_fd;
    listing->state.single = segment != NULL;
    listing->state.single_name = segment;
    return listing;
}

void ak_listing_free(struct ak_listing *listing)
{
    if (listing == NULL)
        return;
    ak_check_state_free(&listing->state);
    free(listing->log.findings);
    free(listing);
}
