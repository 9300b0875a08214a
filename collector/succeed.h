/* succeed.h - the one way on for a log that can be signed no more (docs/format.md 10.7).
 *
 * After a restore from a backup, a lost or stolen key, or new hardware without the key. The old
 * log's directory is never touched. */
#ifndef AK_SUCCEED_H
#define AK_SUCCEED_H

#include "store.h"

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>

#include <stddef.h>
#include <stdint.h>

struct ak_succeed_options {
    const char *store;
    const char *log;
    const char *reason;            /* NULL: none; needed where the log could be signed as it is */
    const char *const *checkpoint; /* files with checkpoints of the old log, from elsewhere */
    size_t checkpoint_count;
};

struct ak_succeeded {
    struct ak_vkey vkey; /* log key of the successor */
    char old_origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char closed[AK_LOG_NAME_BYTES_MAX + 1]; /* what the old log is called now */
    uint64_t size;                          /* entries of it that are here */
    uint64_t lost;                          /* entries behind them that are known to be lost */
};

/* Takes the store's lock (AK_EBUSY: a collector runs). AK_EUSAGE, and nothing is done, if the log
 * can be signed as it is and no reason is given, or a checkpoint that was given is not the old
 * log's. What of the old secret keys could not be erased is told in a warning. */
enum ak_code ak_succeed(const struct ak_succeed_options *options, struct ak_succeeded *out,
                        struct ak_error *err);

#endif
