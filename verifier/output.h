/* output.h - files that akashi-verify writes: what --output and --save-checkpoint name. It never
 * writes anywhere else, and never into evidence by itself. */
#ifndef AK_OUTPUT_H
#define AK_OUTPUT_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Opens a new file to write; an existing one only with `force` (and then only a regular file, which
 * is emptied). AK_EEXIST says how to overwrite. */
enum ak_code ak_output_open(const char *path, bool force, FILE **file, struct ak_error *err);

/* Flushes and closes; an error of any write before shows here at the latest. `name` is for the
 * message. The file is closed in any case; standard output is flushed only. */
enum ak_code ak_output_close(FILE *file, const char *name, struct ak_error *err);

/* Replaces `path` by `data` so that either the old or the new content is there, whatever happens in
 * between, and waits until it is on the medium. */
enum ak_code ak_output_replace(const char *path, const void *data, size_t len,
                               struct ak_error *err);

#endif
