/* successor.h - a log that goes on from one that can be signed no more (docs/format.md 10.7).
 *
 *     made -> waits: takes records in, unsigned -> follows: has the name, is signed
 *
 * It is made without a word of the operator, so that receiving does not wait for him: beside the
 * log before it, of which nothing is changed. That it follows is his word (succeed.h). A crash at
 * any step leaves what ak_successor_mend clears away or goes on with. */
#ifndef AK_SUCCESSOR_H
#define AK_SUCCESSOR_H

#include "store.h"
#include "successor_mark.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>

struct ak_successor_options {
    const struct ak_store *store; /* open, its lock held */
    const char *path;             /* of it */
    const char *log;              /* that cannot be signed */
    const char *cause;            /* why; one line */
    const char *source;           /* of the log key (keys_source.h), or NULL: made */
    bool source_asked;  /* a source that is the old log's key is refused, not passed over */
    const char *reason; /* NULL: none */
    const char *const *checkpoint; /* files with checkpoints of the old log, from elsewhere */
    size_t checkpoint_count;
    bool needed; /* refuse (AK_EUSAGE) if the log could be signed as it is and no reason is given */
    bool again;  /* as well if a reason is given: this log was opened by that very command */
};

/* Makes the successor; it waits. Secrets are in this process for that time. */
enum ak_code ak_successor_make(const struct ak_successor_options *options, struct ak_error *err);

/* The successor of `log` that waits: its id and mark. AK_ENOTFOUND if none does. */
enum ak_code ak_successor_find(const struct ak_store *store, const char *log,
                               char id[AK_LOG_ID_CHARS + 1], struct ak_successor_mark *mark,
                               struct ak_error *err);

/* The mark of the log with this id; its keys' directory must be there. */
enum ak_code ak_successor_mark_of(const struct ak_store *store, const char *id,
                                  struct ak_successor_mark *mark, struct ak_error *err);

/* What crashes left: clears away what was being made and had not taken anything in; with `finish`
 * erases the secrets of logs whose successor follows. The command stays one that has not ended. By
 * who holds the store's lock. A failure is passed up when all was tried. */
enum ak_code ak_successor_mend(const struct ak_store *store, bool finish, struct ak_error *err);

/* The successor that waits follows, by a command with these words (successor_mark.h): it has the
 * name of the log before it, which is called `closed` (AK_LOG_NAME_BYTES_MAX + 1 bytes, filled)
 * from then on. */
enum ak_code ak_successor_follow(const struct ak_store *store, const char *log, const char *words,
                                 char *closed, struct ak_error *err);

/* Erases the secrets of the log before the one that follows under this id. */
enum ak_code ak_successor_erase_old(const struct ak_store *store, const char *id,
                                    struct ak_error *err);

/* The last step: the command that made it follow has ended. */
enum ak_code ak_successor_end(const struct ak_store *store, const char *id, struct ak_error *err);

#endif
