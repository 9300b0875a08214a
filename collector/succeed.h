/* succeed.h - the operator's word that a successor follows (docs/format.md 10.7), step by step.
 *
 * After a restore from a backup, a lost or stolen key, or new hardware without the key. The old
 * log's directory is never touched. Between the steps the store's lock is free: the successor is
 * opened as any log is (cmd_succeed.c). Given again after a crash, the steps go on where they were,
 * and the same words never open a second successor of a log that can be signed.
 */
#ifndef AK_SUCCEED_H
#define AK_SUCCEED_H

#include "store.h"

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_succeed_options {
    const char *store;
    const char *log;
    const char
        *reason; /* NULL: none; needed where the log could be signed and no successor waits */
    const char *const *checkpoint; /* files with checkpoints of the old log, from elsewhere */
    size_t checkpoint_count;
    const char *source; /* of the successor's log key (keys_source.h), or NULL: made */
};

struct ak_succeeded {
    struct ak_vkey vkey; /* log key of the successor */
    char id[AK_LOG_ID_CHARS + 1];
    char old_origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char closed[AK_LOG_NAME_BYTES_MAX + 1]; /* what the old log is called now */
    uint64_t size;                          /* entries of it that are here */
    uint64_t known;   /* the greatest size of it that is known of, with what the options add */
    uint64_t entries; /* of the successor: what it took in while it waited, and its first ones */
    bool follows;     /* the command was given before, and did not end: it has the name */
    bool ended;       /* the command was given before, word for word, and ended */
    char words[2 * AK_HASH_BYTES + 1]; /* of the command (successor_mark.h) */
    char *more; /* payload of one more event, for what the options add; NULL: none */
    size_t more_len;
};

/* From here on a successor waits: the one that does, or a new one. Takes the store's lock
 * (AK_EBUSY: a collector runs). AK_EUSAGE, and nothing is done, if the log can be signed as it is
 * and no reason is given, or none but that of the command which opened it; if a command with other
 * words opened it and did not end; or if a checkpoint that was given is not the old log's.
 * `out->more` is freed by the caller. */
enum ak_code ak_succeed_prepare(const struct ak_succeed_options *options, struct ak_succeeded *out,
                                struct ak_error *err);

/* It follows: has the name, and the old log's secrets are erased. */
enum ak_code ak_succeed_follow(const struct ak_succeed_options *options, struct ak_succeeded *out,
                               struct ak_error *err);

/* All is done, and the answer given. */
enum ak_code ak_succeed_end(const struct ak_succeed_options *options,
                            const struct ak_succeeded *done, struct ak_error *err);

#endif
