/* viewer_page.h - the page that carries a bundle and checks it in the browser: the viewer, whose
 * bytes are the same for all pages of a release, and one data block, the bundle in one file
 * (format.md 14.9) as base64.
 *
 * A file cannot vouch for itself: whoever forges evidence forges the script too. So the data can be
 * taken out again and judged by this program, and every other byte is compared with the viewer. */
#ifndef AK_VIEWER_PAGE_H
#define AK_VIEWER_PAGE_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A bundle that a page carries: what a browser takes apart within seconds, some ten thousand
 * records. */
#define AK_VIEWER_DATA_BYTES_MAX 50331648u

/* Entries in it. */
#define AK_VIEWER_ENTRIES_MAX 65536u

/* A page with it: base64 in lines, and the viewer. */
#define AK_VIEWER_PAGE_BYTES_MAX 73400320u

/* Writes the viewer with `len` bytes of data; with 0 the page asks for a file instead. */
void ak_viewer_write(FILE *file, const void *data, size_t len);

/* SHA-256 of the viewer without data, 64 digits and a NUL; what a release is known by. */
void ak_viewer_digest(char out[2 * AK_HASH_BYTES + 1]);

/* What a page consists of. */
struct ak_viewer_parts {
    uint8_t *data; /* malloc'ed */
    size_t data_len;
    bool ours;      /* every byte but the data is this release's viewer, and the data are written as
                       it writes them */
    size_t differs; /* where the first byte is that is not, if not `ours` */
    char digest[2 * AK_HASH_BYTES + 1]; /* of all bytes but the data: compare it with that of the
                                           release that made the page */
};

/* Whether these bytes are the beginning of a page of this kind, as far as can be told. */
bool ak_viewer_is_page(const void *data, size_t len);

/* Takes a page apart. AK_EMALFORMED if it has no data block that can be read, AK_ELIMIT, AK_ENOMEM.
 * On AK_OK ak_viewer_parts_free frees. */
enum ak_code ak_viewer_take(const void *page, size_t len, struct ak_viewer_parts *parts,
                            struct ak_error *err);
void ak_viewer_parts_free(struct ak_viewer_parts *parts);

#endif
