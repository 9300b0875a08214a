/* custody_add.h - adds a file to the custody record of a bundle, whole or not at all. */
#ifndef AK_CUSTODY_ADD_H
#define AK_CUSTODY_ADD_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Writes custody/NNNN of the bundle `path`, or PATH.custody/NNNN beside an archive (`tar`), makes
 * the directory if it is not there, and waits until all is on the medium. What is there is never
 * changed: AK_EEXIST if somebody else has added this number meanwhile. AK_EIO, AK_ENOSPC: nothing
 * was added. */
enum ak_code ak_custody_add(const char *path, bool tar, unsigned number, const void *data,
                            size_t len, struct ak_error *err);

#endif
