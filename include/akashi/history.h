/* history.h - whether signed checkpoints of one log tell one history, or are a fork (format.md R8,
 * 12.2).
 *
 * Two checkpoints of one size agree or do not. Of two sizes only the entries tell, or the hashes
 * over them: they come from a store, are believed only as far as they lead to a signed root, and
 * stay, if there is a contradiction, beside both checkpoints as its proof. */
#ifndef AKASHI_HISTORY_H
#define AKASHI_HISTORY_H

#include <akashi/checkpoint.h>
#include <akashi/claim.h>
#include <akashi/error.h>
#include <akashi/log_tree.h>
#include <akashi/note.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a signature line of a known key is worth. */
enum ak_line {
    AK_LINE_NONE,      /* there is none */
    AK_LINE_UNCHECKED, /* the key is not known */
    AK_LINE_VALID,
    AK_LINE_NONSTRICT, /* only the common rule accepts it (4.2): it counts against the key's holder
                        */
    AK_LINE_INVALID
};

/* One signed checkpoint. */
struct ak_history_side {
    const void *note; /* borrowed */
    size_t len;
    struct ak_checkpoint checkpoint;
    enum ak_line log_line;
    enum ak_line epoch_line;
    uint32_t epoch; /* of that line */
};

/* A contradiction: `smaller` is no prefix of `larger`. */
struct ak_fork {
    struct ak_history_side smaller;
    struct ak_history_side larger; /* of the same size: the second one */
    struct ak_range before; /* [0, smaller's size), as `larger` has it; empty if sizes are equal */
    struct ak_range after;  /* [smaller's size, larger's size) */
};

/* The longest proof of a fork as a file. */
#define AK_FORK_BYTES_MAX (64 + 2 * AK_RANGE_HASHES_MAX * 45 + 1 + 2 * AK_NOTE_BYTES_MAX)

/* What the judgement rests on. */
struct ak_history_trust {
    const struct ak_vkey *keys; /* log keys, and keys of epochs, from a trusted place */
    size_t key_count;
    const void *epoch_note; /* a start note, or NULL */
    size_t epoch_note_len;
};

enum ak_history_side_number { AK_HISTORY_OLD, AK_HISTORY_NEW, AK_HISTORY_STORE };

struct ak_history {
    struct ak_claim claim; /* VALID: one history */
    struct ak_vkey key;    /* the log's, if key_given */
    bool key_given;
    struct ak_history_side side[3]; /* as given; of the store its newest checkpoint, if has_store */
    bool has_store;
    bool proven; /* the old one is a prefix of the new one: `consistency` shows it (RFC 9162) */
    unsigned consistency_count;
    struct ak_hash consistency[AK_PROOF_HASHES_MAX];
    bool forked;
    struct ak_fork fork; /* borrows from what was given and from the ak_history itself */
    enum ak_history_side_number smaller; /* which sides these are */
    enum ak_history_side_number larger;
    char *store_note; /* owned */
};

/* Compares two signed notes. `tree` may be NULL: then different sizes are NOT CHECKABLE. AK_OK: the
 * claim says what was found, also of notes that are none. AK_ENOMEM. Free with ak_history_free. */
enum ak_code ak_history_compare(struct ak_history *history, const void *old_note, size_t old_len,
                                const void *new_note, size_t new_len,
                                const struct ak_history_trust *trust, struct ak_log_tree *tree,
                                struct ak_error *err);
void ak_history_free(struct ak_history *history);

/* Writes a proof of a fork and a NUL; AK_FORK_BYTES_MAX + 1 are always enough. AK_ELIMIT. */
enum ak_code ak_fork_format(char *out, size_t cap, size_t *n, const struct ak_fork *fork,
                            struct ak_error *err);

/* Reads one in its one encoding; everything borrows from `data`. AK_EMALFORMED. */
enum ak_code ak_fork_parse(struct ak_fork *fork, const void *data, size_t len,
                           struct ak_error *err);

/* Whether it is a contradiction signed on both sides by a log key that was given: then the claim is
 * FORKED. Otherwise it says why it proves nothing. `*key` is that key if `*key_given`. */
void ak_fork_judge(struct ak_fork *fork, const struct ak_history_trust *trust,
                   struct ak_claim *claim, struct ak_vkey *key, bool *key_given);

#endif
