/* cosign_proof.h - consistency proofs out of two compact ranges, and those ranges out of the log's
 * files.
 *
 * [0, old) and [old, new) hold every node that the proof from old to new is made of; the second one
 * grows with what the signer signs. So a proof reads no file, but for the first one of a process.
 */
#ifndef AK_COSIGN_PROOF_H
#define AK_COSIGN_PROOF_H

#include <akashi/tree.h>

/* `proof` has room for AK_PROOF_HASHES_MAX. `left` is [0, old), old > 0, and `right` goes on from
 * there. AK_EINTEGRITY if they do not. */
enum ak_code ak_cosign_proof(const struct ak_range *left, const struct ak_range *right,
                             struct ak_hash *proof, unsigned *n, struct ak_error *err);

/* Reads both ranges from the log in directory `path`, which may be written to meanwhile. Waits for
 * the disk: not for the loop's thread. Codes of ak_log_tree_range. */
enum ak_code ak_cosign_learn(const char *path, uint64_t old, uint64_t size, struct ak_range *left,
                             struct ak_range *right, struct ak_error *err);

#endif
