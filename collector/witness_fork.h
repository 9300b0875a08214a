/* witness_fork.h - two histories of one log, kept as they were signed.
 *
 * Files in DIR/forks/, with STEM = KIND-<first 16 digits of the log's id>-M-N-<8 digits of the
 * second one's SHA-256>, KIND being `fork` or `suspect`:
 *   STEM.first    the checkpoint that this witness had cosigned, of size M
 *   STEM.second   the one that contradicts it, of size N, as it was sent
 *   STEM.request  the request as it was sent, with its proof; not for M = N
 *   STEM.proof    format.md 12.2, where it can be made: `akashi-verify history` judges it
 * One contradiction is kept once. A suspect is a signed checkpoint with a proof that leads nowhere:
 * it takes no key to send that, so it is kept for people to look at and counts as nothing more. */
#ifndef AK_WITNESS_FORK_H
#define AK_WITNESS_FORK_H

#include "witness_request.h"
#include "witness_state.h"

#include <stdbool.h>

/* Contradictions of each kind that are kept of one log: one proves all, and whoever has the log's
 * key can make any number of them. */
#define AK_WITNESS_FORKS_MAX 16u

/* Keeps one. `*kept` becomes true if it was not there before and there was room. Pool thread. */
enum ak_code ak_witness_fork_keep(const struct ak_witness *w, const struct ak_witness_log *log,
                                  const struct ak_witness_record *record,
                                  const struct ak_witness_request *request, const void *body,
                                  size_t body_len, bool proven, bool *kept, struct ak_error *err);

/* Counts what is kept already into the logs of `w`. */
enum ak_code ak_witness_forks_count(struct ak_witness *w, struct ak_error *err);

#endif
