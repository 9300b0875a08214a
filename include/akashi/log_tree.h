/* log_tree.h - the tree over one log's entries, read from its segments with few reads: what a proof
 * of one entry, or of the consistency of two sizes, is made of.
 *
 * However large the log is, a node costs a bounded number of reads: ranges in HEADERs give what
 * stands left of a segment, level-8 hashes in FOOTERs (in COLUMNS of a segment that is not sealed)
 * what is in one, and only the leaves of one group need the block they stand in. Which segments
 * there are is taken from the names of files; only those that are needed are opened. Nothing is
 * written, nothing is kept beside the evidence.
 *
 * None of this is believed by anybody: FOOTERs and names are no evidence. Whoever uses a node must
 * compare what follows from it with a signed root. Where that does not come out, a tree opened as
 * AK_LOG_TREE_CAREFUL reads HEADERs instead of names and COLUMNS instead of FOOTERs, and so still
 * leads past damage to what is derived.
 *
 * One thread at a time. */
#ifndef AKASHI_LOG_TREE_H
#define AKASHI_LOG_TREE_H

#include <akashi/entry.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_log_tree;

enum ak_log_tree_manner { AK_LOG_TREE_QUICK, AK_LOG_TREE_CAREFUL };

/* Opens the log of a store, a log's directory, or one segment file. `log` is the name or id of the
 * log in a store, or NULL if there is only one. AK_ENOTFOUND, AK_EIO, AK_EMALFORMED for a path that
 * is none of these; AK_EUSAGE if a store holds several logs and none is named, with their names;
 * AK_ENOMEM. Free with ak_log_tree_close; NULL is allowed there. */
enum ak_code ak_log_tree_open(struct ak_log_tree **tree, const char *path, const char *log,
                              enum ak_log_tree_manner manner, struct ak_error *err);
void ak_log_tree_close(struct ak_log_tree *tree);

/* The origin that the HEADERs name; not proven. */
const char *ak_log_tree_origin(const struct ak_log_tree *tree);

/* Index at which the first segment here begins; 0 of a whole log. */
uint64_t ak_log_tree_first(const struct ak_log_tree *tree);

/* Index at which the segment begins that should hold an entry; 0 if there is none. */
uint64_t ak_log_tree_begin(const struct ak_log_tree *tree, uint64_t index);

/* Index at which the last segment begins: what is newest is found from there on. */
uint64_t ak_log_tree_last(const struct ak_log_tree *tree);

/* Index behind the last entry of the last segment, as its lists say; 0 if they cannot be read. */
uint64_t ak_log_tree_end(struct ak_log_tree *tree);

/* One entry with what its commitment is made of; borrows until the next call for the same tree. */
struct ak_log_tree_entry {
    uint64_t index;
    struct ak_entry entry;
    uint8_t state; /* AK_STATE_...; payload, and salt or key, are there if AK_STATE_PRESENT */
    uint8_t salt[AK_SALT_BYTES];             /* if the entry is of form 1 */
    uint8_t record_key[AK_RECORD_KEY_BYTES]; /* if it is of form 2 */
    const uint8_t *payload;
    size_t len;
    const char *file; /* name of its segment */
    uint64_t offset;  /* of its block's COLUMNS there */
};

/* Reads one entry. AK_ENOTFOUND if no segment here holds it; AK_EINTEGRITY, AK_EMALFORMED or
 * AK_EUNSUPPORTED if its block does not decode there; AK_EIO, AK_ENOMEM. */
enum ak_code ak_log_tree_entry(struct ak_log_tree *tree, uint64_t index,
                               struct ak_log_tree_entry *out, struct ak_error *err);

/* Gives the hash of a complete node (format.md 2); an ak_node_fn whose `ctx` is the tree. Codes as
 * above: AK_ENOTFOUND if entries below it are not here. */
enum ak_code ak_log_tree_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                              struct ak_error *err);

/* The compact range [begin, end) of the tree. */
enum ak_code ak_log_tree_range(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                               struct ak_range *range, struct ak_error *err);

/* Gives a start note that may be that of the epoch in force at `index`, as it stands there; `*note`
 * is malloc'ed. Without `search` it is the one that the HEADER of the entry's segment carries (of
 * the first segment, entry 0): the newest from before that segment. With `search` the blocks from
 * the entry back are looked through for a newer one, which only a log needs whose epoch changed in
 * that segment. AK_ENOTFOUND if there is none. */
enum ak_code ak_log_tree_epoch_note(struct ak_log_tree *tree, uint64_t index, bool search,
                                    uint8_t **note, size_t *len, struct ak_error *err);

/* A signed note that stands where a checkpoint may stand. A code other than AK_OK ends the search
 * with it. */
typedef enum ak_code (*ak_log_tree_note_fn)(void *ctx, const void *note, size_t len,
                                            struct ak_error *err);

/* Offers the checkpoints that may cover entry `index`: first the published one; then, as long as
 * the callback gives AK_OK, those in `.cosigned` files of a greater size (format.md R45; the 64
 * smallest, and the newest), those in the entry's own segment, in the next one that has any, and in
 * the HEADERs from there on. Only by their place: whose they are and what they say is the caller's
 * question. */
enum ak_code ak_log_tree_checkpoints(struct ak_log_tree *tree, uint64_t index,
                                     ak_log_tree_note_fn on_note, void *ctx, struct ak_error *err);

/* Sizes of `.stamped` files beside the log (format.md 9.4): the smallest ones of at least `least`,
 * rising, at most `room`. Gives how many; 0 also where nothing can be listed. */
size_t ak_log_tree_stamped_sizes(const struct ak_log_tree *tree, uint64_t least, uint64_t *sizes,
                                 size_t room);

/* Numbers K of the `SIZE.K.tsr` files of one size, the smallest ones, rising, at most `room`. */
size_t ak_log_tree_stamps(const struct ak_log_tree *tree, uint64_t size, uint64_t *numbers,
                          size_t room);

/* Reads a file beside the segments of at most `max` bytes; `*data` is malloc'ed, with a NUL behind
 * it. AK_ENOTFOUND, AK_ELIMIT, AK_EIO, AK_ENOMEM. */
enum ak_code ak_log_tree_beside(const struct ak_log_tree *tree, const char *name, size_t max,
                                char **data, size_t *len, struct ak_error *err);

/* Gets one entry; it borrows for the call. A code other than AK_OK ends the listing with it. */
typedef enum ak_code (*ak_log_tree_entry_fn)(void *ctx, const struct ak_log_tree_entry *entry,
                                             struct ak_error *err);

/* Gives all entries of some kinds (bit k: kind k below 15) in the order of indices, from the blocks
 * that FOOTERs list for them, or COLUMNS where there is no FOOTER. A hint: what is not listed or
 * cannot be read is passed over. */
enum ak_code ak_log_tree_each(struct ak_log_tree *tree, unsigned kinds,
                              ak_log_tree_entry_fn on_entry, void *ctx, struct ak_error *err);

/* Gives the index of the declaration of a source as the FOOTERs list it: a hint. AK_ENOTFOUND if
 * none says it. */
enum ak_code ak_log_tree_declaration(struct ak_log_tree *tree, uint64_t index, uint32_t source,
                                     uint64_t *declaration, struct ak_error *err);

/* ---- Without payloads ---- */

struct ak_columns_run;

/* Gets the runs of entries (6.3.1) in order, cut to what was asked for. A code other than AK_OK
 * ends it. */
typedef enum ak_code (*ak_log_tree_run_fn)(void *ctx, uint64_t index,
                                           const struct ak_columns_run *run, struct ak_error *err);

/* Gives the runs of entries [begin, end) out of COLUMNS alone. Codes as ak_log_tree_entry. The
 * callback must not use the same tree. */
enum ak_code ak_log_tree_runs(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                              ak_log_tree_run_fn on_run, void *ctx, struct ak_error *err);

/* Whether a payload of entries [begin, end) is not there any more, out of COLUMNS alone. */
enum ak_code ak_log_tree_any_removed(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                                     bool *any, struct ak_error *err);

/* Where a source stands (10.4), as FOOTERs and COLUMNS say. */
struct ak_position {
    uint64_t next_seq; /* number of its entries */
    uint64_t last_index;
    uint64_t last_received;
    uint64_t declared; /* index of its declaration; of ordinals below 256 nothing */
};

struct ak_positions {
    struct ak_position *row; /* by ordinal */
    size_t count;
    size_t room;
};

/* The positions of all ordinals before entry `index`. Free with ak_positions_free. */
enum ak_code ak_log_tree_positions(struct ak_log_tree *tree, uint64_t index,
                                   struct ak_positions *positions, struct ak_error *err);
void ak_positions_free(struct ak_positions *positions);

/* A node of the tree over positions; an ak_node_fn whose `ctx` is a struct ak_positions. */
enum ak_code ak_positions_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                               struct ak_error *err);

#endif
