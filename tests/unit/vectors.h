/* vectors.h - published vectors, read from the folder AKASHI_SHARED where it is at hand. */
#ifndef AK_TEST_VECTORS_H
#define AK_TEST_VECTORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Path of something below data/vectors or data; false, with a word about it, if it is not there. */
static inline bool vectors_path(char *out, size_t cap, const char *name)
{
    const char *root = getenv("AKASHI_SHARED");

    (void)snprintf(out, cap, "%s/data/%s", root != NULL ? root : AKASHI_SHARED, name);
    if (access(out, R_OK) == 0)
        return true;
    (void)printf("skipped: no vectors in %s\n", out);
    return false;
}

/* The JSON file at `path`; the test program stops if it is none. All numbers come as doubles:
 * jansson has no integers above 2^63, which some vectors hold. */
static inline json_t *vectors_load(const char *path)
{
    json_error_t why;
    json_t *value = json_load_file(path, JSON_DECODE_INT_AS_REAL, &why);

    if (value == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, why.text);
        abort();
    }
    return value;
}

#endif
