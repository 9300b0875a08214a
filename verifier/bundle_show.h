/* bundle_show.h - the judgement of a bundle for people and for programs. */
#ifndef AK_BUNDLE_SHOW_H
#define AK_BUNDLE_SHOW_H

#include "viewer_page.h"

#include <akashi/bundle.h>
#include <akashi/error.h>

#include <stdbool.h>
#include <stdio.h>

struct ak_bundle_show {
    FILE *file;
    bool colour;
    bool quiet; /* the last line alone */
    const char *path;
    const bool *required;                 /* by claim; or NULL */
    const struct ak_viewer_parts *viewer; /* of a page that carried the bundle; or NULL */
    bool custody_keys;                    /* keys of custodians were given */
};

/* The whole report. */
void ak_bundle_show(const struct ak_bundle_show *show, const struct ak_bundle_result *result);

/* One object; `error` (or NULL): why nothing could be judged. */
void ak_bundle_show_json(const struct ak_bundle_show *show, const struct ak_bundle_result *result,
                         const struct ak_error *error);

#endif
