/* history_private.h - what history.c and history_fork.c share. */
#ifndef AK_HISTORY_PRIVATE_H
#define AK_HISTORY_PRIVATE_H

#include <akashi/history.h>

/* Reads the note of a side: a checkpoint of a log of ours (4.3), size not 0. AK_EMALFORMED. */
enum ak_code ak_history_read(struct ak_history_side *side, struct ak_error *err);

/* The log key of an origin among those given. */
bool ak_history_key(const struct ak_history_trust *trust, const char *origin, struct ak_vkey *key);

/* Judges the lines of the log key and of an epoch's key. `tree` (or NULL) is asked for the start
 * note if none that fits was given. */
void ak_history_judge_lines(struct ak_history_side *side, const struct ak_vkey *key,
                            const struct ak_history_trust *trust, struct ak_log_tree *tree);

/* Whether the log key's holder must stand by what the side says. */
static inline bool ak_history_binds(const struct ak_history_side *side)
{
    return side->log_line == AK_LINE_VALID || side->log_line == AK_LINE_NONSTRICT;
}

/* Whether the hashes of a fork lead to the larger root and to another one than the smaller's. */
bool ak_fork_contradicts(const struct ak_fork *fork);

/* FORKED, and which keys signed both sides. */
void ak_history_tell_fork(struct ak_claim *claim, const struct ak_fork *fork);

#endif
