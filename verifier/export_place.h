/* export_place.h - where a bundle is written: a directory beside its place, which gets its name
 * when everything in it is right. A crash leaves no half bundle under that name. */
#ifndef AK_EXPORT_PLACE_H
#define AK_EXPORT_PLACE_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stdint.h>

struct ak_export_place {
    const char *out; /* as given; borrowed */
    bool tar;        /* it ends in ".tar": one file */
    bool force;
    char *dir; /* where the files are written; NULL: not made yet */
    int dir_fd;
};

/* Makes the directory. AK_EEXIST if something is at `out` and `force` is not set, or if it is no
 * bundle: nothing else is ever replaced. */
enum ak_code ak_export_place_begin(struct ak_export_place *place, const char *out, bool force,
                                   struct ak_error *err);

/* Gives the bundle its name. `made` is the time of bundle.json, ns. */
enum ak_code ak_export_place_end(struct ak_export_place *place, uint64_t made,
                                 struct ak_error *err);

/* Removes what was written and did not get its name; frees. */
void ak_export_place_free(struct ak_export_place *place);

#endif
