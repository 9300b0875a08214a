/* viewer_bundle.h - a bundle as the data of a page, and the data of a page as a bundle. */
#ifndef AK_VIEWER_BUNDLE_H
#define AK_VIEWER_BUNDLE_H

#include "viewer_page.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives a bundle, directory or archive, as the bytes of its one file (format.md 14.9), custody with
 * it; `made` (ns) is the time of its bundle.json. `*data` is malloc'ed. AK_ELIMIT over
 * AK_VIEWER_DATA_BYTES_MAX or AK_VIEWER_ENTRIES_MAX; AK_EMALFORMED, AK_EIO, AK_ENOMEM. */
enum ak_code ak_viewer_pack(const char *path, uint64_t made, uint8_t **data, size_t *len,
                            struct ak_error *err);

/* Whether the file at `path` is a page that may carry a bundle, by its first bytes. */
bool ak_viewer_names_page(const char *path);

/* A page that was taken apart, with its data as a file that has no name. */
struct ak_viewer_opened {
    struct ak_viewer_parts parts;
    int fd;        /* of the data, or -1 */
    char path[40]; /* by which it can be opened */
};

/* Takes the page at `path` apart. Codes as ak_viewer_take. ak_viewer_close frees in any case. */
enum ak_code ak_viewer_open(struct ak_viewer_opened *opened, const char *path,
                            struct ak_error *err);
void ak_viewer_close(struct ak_viewer_opened *opened);

#endif
