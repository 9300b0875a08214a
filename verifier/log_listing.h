/* log_listing.h - the files of a log, chosen and put in order exactly as a check does it, for those
 * who read it without judging it. */
#ifndef AK_LOG_LISTING_H
#define AK_LOG_LISTING_H

#include "check_private.h"

/* A log that is only listed: findings go into a result that is thrown away. */
struct ak_listing {
    struct ak_check_options options;
    struct ak_check_log log;
    struct ak_check_progress progress;
    struct ak_check_state state;
    char path[1];
};

/* Opens what `path` names: a log's directory (`*segment` NULL), or the directory of one segment and
 * its name there, malloc'ed. Close `*dir_fd` unless it is -1, also on failure. */
enum ak_code ak_listing_open_path(const char *path, int *dir_fd, char **segment,
                                  struct ak_error *err);

/* For ak_check_prepare(&listing->state). `dir_fd` and `segment` are borrowed. NULL without memory.
 */
struct ak_listing *ak_listing_new(int dir_fd, const char *segment);
void ak_listing_free(struct ak_listing *listing);

#endif
