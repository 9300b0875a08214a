/* prover.h - whether blocks and entries of a log are those that were signed, asked one by one, for
 * readers that do not judge the whole log.
 *
 * The happy path: the log's start notes are listed, each signed by the key of the epoch before it;
 * the note that begins the next epoch, or the newest checkpoint, gives the signed root of an
 * epoch's entries. A block, opened, is proven by its leaves and the hashes beside it, which the
 * log's own lists give (log_tree.h) and nobody believes before they lead to that root.
 *
 * A sealed file as a whole is known by its digest: the log's manifest entry names it, and is proven
 * like any entry. Manifests are numbered, and only if all before it are here and proven is it the
 * first that speaks of its file: one that somebody added later, with a stolen key, says nothing.
 *
 * One thread at a time. */
#ifndef AK_PROVER_H
#define AK_PROVER_H

#include "ordered.h"

#include <akashi/check.h>
#include <akashi/error.h>
#include <akashi/log_tree.h>
#include <akashi/note.h>
#include <akashi/segment.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_prover;

/* For the log in `path` (a log's directory or one segment). If none of the keys is that of the
 * log's origin it only reads, and proves nothing. Codes of ak_log_tree_open. `keys` and `path` are
 * borrowed as long as it lives. */
enum ak_code ak_prover_new(struct ak_prover **prover, const char *path, const struct ak_vkey *keys,
                           size_t key_count, struct ak_error *err);
void ak_prover_free(struct ak_prover *prover);

/* The key that it goes by, or NULL. */
const struct ak_vkey *ak_prover_key(const struct ak_prover *prover);

/* Index behind the newest entry that a checkpoint covers, as far as it was asked for. */
uint64_t ak_prover_signed(const struct ak_prover *prover);

/* The same for the newest checkpoint of the newest epoch, looked for now; 0: there is none. */
uint64_t ak_prover_newest(struct ak_prover *prover);

/* Which entries of an opened block are proven, one flag for each. Of a group that is not hashed
 * none is. AK_ENOMEM. */
enum ak_code ak_prover_block(struct ak_prover *prover, const struct ak_block *block, bool *proven,
                             struct ak_error *err);

/* Whether neighbouring whole groups with these level-8 hashes, the first of them with number
 * `group`, are proven, all of them. Quick: false tells nothing, and ak_prover_block is to be asked,
 * as it is where an epoch begins among them, or some of them are not signed yet. */
bool ak_prover_groups(struct ak_prover *prover, uint64_t group, const struct ak_hash *level8,
                      size_t count);

/* Whether what was last found not to be proven lacks hashes that are not here, rather than leading
 * to another root than the one that was signed. */
bool ak_prover_lacks(const struct ak_prover *prover);

/* Reads one entry, and says whether it is proven. Codes of ak_log_tree_entry. */
enum ak_code ak_prover_entry(struct ak_prover *prover, uint64_t index,
                             struct ak_log_tree_entry *entry, bool *proven, struct ak_error *err);

/* Index behind the last entry that is listed here, as ak_log_tree_end. */
uint64_t ak_prover_end(struct ak_prover *prover);

/* Positions of all sources before entry `index`, as ak_log_tree_positions: a hint. */
enum ak_code ak_prover_positions(struct ak_prover *prover, uint64_t index,
                                 struct ak_positions *positions, struct ak_error *err);

/* What a proven manifest says of the sealed file that begins with `first`, of generation 0. */
struct ak_prover_manifest {
    uint64_t index; /* of the manifest's entry */
    uint64_t end;   /* index behind the file's last entry */
    uint64_t bytes;
    struct ak_hash frames; /* over the digests of its frames before the FOOTER (6.7) */
};

/* False if there is none, or it is not the first, or it is not proven, or it does not name
 * `frames`. */
bool ak_prover_manifest(struct ak_prover *prover, uint64_t first, struct ak_prover_manifest *out);

/* What the proven orders of the log take out, and whose they are, judged by the `accepted` keys
 * (docs/format.md R33, R41); nothing without a key. Where orders stand is a hint: that none is
 * asserted does not show that there is none. `*ordered` is filled and closed; free it with
 * ak_ordered_free, also on failure. AK_ENOMEM. */
enum ak_code ak_prover_orders(struct ak_prover *prover, const struct ak_vkey *accepted,
                              size_t count, struct ak_ordered *ordered, struct ak_error *err);

#endif
