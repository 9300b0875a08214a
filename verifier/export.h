/* export.h - a part of a store becomes a bundle (docs/format.md 14).
 *
 * Happy path: the tree is opened, a checkpoint is chosen, the plan says which entries are shown and
 * how, they are written beside their hashes into a new directory, and the whole is judged by itself
 * before it gets its name. Nothing is given that was not compared with the signed root. */
#ifndef AK_EXPORT_H
#define AK_EXPORT_H

#include "bundle_readme.h"

#include <akashi/bundle.h>
#include <akashi/claim.h>
#include <akashi/epoch.h>
#include <akashi/log_tree.h>
#include <akashi/signing_key.h>
#include <akashi/stamped.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ak_export_states;

/* How an entry is shown. The greater one outweighs. */
enum ak_export_how {
    AK_EXPORT_BOUND, /* without its payload: it bounds others */
    AK_EXPORT_SHOWN, /* with it, to explain others: a declaration, a start note, a state */
    AK_EXPORT_ASKED  /* what was asked for */
};

struct ak_export_piece {
    uint64_t first; /* both ends in */
    uint64_t last;
    enum ak_export_how how;
};

/* Pieces of a plan: 24 bytes each, 1.5 GiB in all. A pattern that fits more is no selection. */
#define AK_EXPORT_PIECES_MAX 67108864u

struct ak_export_plan {
    struct ak_export_piece *piece;
    size_t count;
};

/* Adds entries `first` to `last`. AK_ELIMIT, AK_ENOMEM. */
enum ak_code ak_export_plan_add(struct ak_export_plan *plan, uint64_t first, uint64_t last,
                                enum ak_export_how how, struct ak_error *err);

/* Sorts them; each entry then is in one piece, the one that outweighs. AK_ENOMEM. */
enum ak_code ak_export_plan_settle(struct ak_export_plan *plan, struct ak_error *err);
void ak_export_plan_free(struct ak_export_plan *plan);

/* A log, and the checkpoint that a bundle is made against. */
struct ak_export_log {
    struct ak_log_tree *tree;
    struct ak_vkey key;
    char *note; /* the checkpoint */
    size_t note_len;
    struct ak_checkpoint checkpoint;
    struct ak_epoch_note epoch; /* the start note of its epoch */
    struct ak_stamped stamped;  /* the same checkpoint with its stamps, if count is not 0 */
    struct ak_check_progress done;
    void *progress_ctx;
    void (*on_progress)(void *ctx, const struct ak_check_progress *at); /* or NULL */
};

/* Says how far it is: entries looked at or written. */
void ak_export_progress(struct ak_export_log *log);

/* Finds the newest checkpoint that `keys` vouch for and, unless `policy` is NULL, that meets its
 * quorum (QUORUM if none of those does). With a claim that is not VALID there is none,
 * and it says why. Codes as ak_log_tree_open. The tree is the caller's. */
enum ak_code ak_export_log_open(struct ak_export_log *log, struct ak_log_tree *tree,
                                const struct ak_vkey *keys, size_t key_count,
                                const struct ak_policy *policy, struct ak_claim *claim,
                                struct ak_error *err);
void ak_export_log_close(struct ak_export_log *log);

/* Whether key and epoch have signed a note that claims to be of `size`; `epoch` and `checkpoint` of
 * the log become those. `search`: the start note is looked for in the segment, not in its HEADER.
 * Codes as ak_log_checkpoint_verify, and of the tree. */
enum ak_code ak_export_log_verify(struct ak_export_log *log, const void *signed_note,
                                  size_t signed_len, uint64_t size, bool search,
                                  struct ak_error *err);

/* Takes a stamped checkpoint instead of the newest: the smallest of at least `least` entries that
 * is signed well, has a stamp over it, and that `policy` (or NULL) takes. With `states` a state
 * entry below it is not before `to`. False: there is none, and nothing was changed. */
bool ak_export_stamps_choose(struct ak_export_log *log, uint64_t least, bool states, uint64_t to,
                             const struct ak_policy *policy);

/* Adds the stamps of the checkpoint that was taken, if there are any. */
void ak_export_stamps_add(struct ak_export_log *log);

/* Adds the start notes that what is in the plan needs. */
enum ak_code ak_export_plan_epochs(struct ak_export_plan *plan, struct ak_export_log *log,
                                   struct ak_error *err);

/* Adds the declarations of all sources of what is in the plan. */
enum ak_code ak_export_plan_sources(struct ak_export_plan *plan, struct ak_export_log *log,
                                    struct ak_error *err);

/* Adds all orders of the log, if a payload that was asked for is gone: they say why. */
enum ak_code ak_export_plan_orders(struct ak_export_plan *plan, struct ak_export_log *log,
                                   struct ak_error *err);

/* Says of a received entry that was asked for by which of the redactions it is blacked out; -1: it
 * is not. A callback so that patterns are no matter of whoever writes. */
typedef enum ak_code (*ak_export_redact_fn)(void *ctx, const struct ak_log_tree_entry *entry,
                                            int *redaction, struct ak_error *err);

/* Bytes of a payload that must not be shown: `end` is behind them. */
struct ak_export_hidden {
    size_t begin;
    size_t end;
    uint16_t redaction; /* which of the redactions */
};

/* Ranges of one payload, in any order; they may overlap. The list grows: start with all zero, free
 * `range` with free. */
struct ak_export_hide {
    struct ak_export_hidden *range;
    size_t count;
    size_t room;
};

/* AK_ENOMEM. An empty range hides nothing. */
enum ak_code ak_export_hide_add(struct ak_export_hide *hide, size_t begin, size_t end,
                                uint16_t redaction, struct ak_error *err);

/* Adds what of a received entry that was asked for must not be shown. */
typedef enum ak_code (*ak_export_hide_fn)(void *ctx, const struct ak_log_tree_entry *entry,
                                          struct ak_export_hide *hide, struct ak_error *err);

/* An entry of form 2 as it is shown with these ranges hidden: every part that one of them touches
 * is withheld, for the reason of the first that does. Both outputs are malloc'ed: the rest of
 * state 17 (docs/format.md 14.5) and the text. `*withheld` of `*parts` parts are; if that is none
 * or all, there is no such state, and neither output. AK_ENOMEM. */
struct ak_export_parts {
    uint32_t parts;
    uint32_t withheld;
    uint16_t redaction; /* of the first part that is withheld */
    uint8_t *opening;
    size_t opening_len;
    uint8_t *text;
    size_t text_len;
};
enum ak_code ak_export_parts_make(struct ak_export_parts *out,
                                  const struct ak_log_tree_entry *entry,
                                  const struct ak_export_hide *hide, struct ak_error *err);
void ak_export_parts_free(struct ak_export_parts *parts);

struct ak_export_write {
    struct ak_export_log *log;
    const struct ak_export_plan *plan;     /* settled */
    const struct ak_export_states *states; /* whose positions are given */
    const struct ak_bundle_about *about;
    const char *policy; /* the file `policy`, a statement; or NULL */
    size_t policy_len;
    void *ctx;
    ak_export_redact_fn redact;  /* or NULL */
    ak_export_hide_fn hide;      /* or NULL; asked for what `redact` leaves. AK_EUSAGE if it names
                                    bytes of an entry of form 1 */
    int dir_fd;                  /* an empty directory */
    uint64_t records;            /* received entries whose payload was written */
    enum ak_bundle_recipe opens; /* what the recipe must open of what was written */
    bool jsonl;                  /* derived copies that are wanted */
    bool csv;
    bool provenance;
};

/* Writes all files of a bundle but custody. AK_EINTEGRITY if what the store holds does not lead to
 * the signed root; codes of the tree; AK_EIO, AK_ENOSPC. */
enum ak_code ak_export_write(struct ak_export_write *write, struct ak_error *err);

/* Adds the first custody record to the bundle in the directory `dir`, signed if `key` is not NULL.
 * AK_EUSAGE if the statements do not fit into it; AK_EIO, AK_ENOSPC. */
enum ak_code ak_export_custody(const char *dir, int dir_fd, const struct ak_bundle_about *about,
                               const struct ak_signing_key *key, struct ak_error *err);

/* Writes the bundle in the directory `dir` as one file of the form of 14.9, which must not be there
 * and is synced. */
enum ak_code ak_export_pack(const char *dir, uint64_t made, const char *path, struct ak_error *err);

#endif
