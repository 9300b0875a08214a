/* prover_private.h - a prover inside: what the log says of itself, and the roots that were signed;
 * for prover*.c alone. */
#ifndef AK_PROVER_PRIVATE_H
#define AK_PROVER_PRIVATE_H

#include "prover.h"

#include <akashi/epoch.h>

/* An epoch as its start note says. */
struct ak_prover_epoch {
    uint64_t index;
    uint8_t *note;
    size_t len;
    struct ak_epoch_note parsed;
    bool own;     /* it is an entry here; else a HEADER brought it */
    bool asked;   /* `good` holds */
    bool good;    /* signed by its key, by that of the epoch before it, and by the log key */
    uint64_t end; /* entries [index, end) are under `root`; 0: not known */
    struct ak_hash root;
    bool tried; /* the newest epoch's checkpoint was looked for, and covers `tried_for` or not */
    uint64_t tried_for;
};

struct ak_prover_listed {
    uint64_t index;
    uint64_t seq;
    uint64_t first;
    uint64_t generation;
    bool has_frames; /* it names the digest of the file's frames */
    struct ak_prover_manifest says;
};

struct ak_prover_node;
struct ak_prover_near;

struct ak_prover_named {
    uint64_t first;
    size_t number;
};

struct ak_prover {
    const char *path;
    const struct ak_vkey *key;
    struct ak_log_tree *tree;
    struct ak_log_tree *careful; /* NULL: not wanted so far */
    bool careful_failed;
    struct ak_prover_node *node; /* of `tree` */
    struct ak_prover_epoch *epoch;
    size_t epoch_count;
    struct ak_prover_listed *manifest;
    size_t manifest_count;
    struct ak_prover_named *named;
    size_t manifests_proven; /* those before are proven, and their numbers are 0, 1, 2, ... */
    bool manifests_end;      /* the next one is not */
    uint64_t signed_to;
    struct ak_prover_near *near; /* NEAR_MAX, of the segment that begins with `near_first` */
    size_t near_count;
    size_t near_step; /* one of so many is kept */
    size_t near_seen;
    uint64_t near_first;
    bool near_known;
    bool lacking; /* what did not lead to a root last lacks hashes that are not here */
};

/* Lists start notes and manifests, unless there is no key. Codes of the tree; AK_ENOMEM. */
enum ak_code ak_prover_read_own(struct ak_prover *prover, struct ak_error *err);

/* The epoch in force at an entry and its number, or NULL. */
struct ak_prover_epoch *ak_prover_epoch_at(struct ak_prover *prover, uint64_t index,
                                           size_t *number);

/* The signed root over the entries of epoch `i`, which should reach beyond `index`; false if there
 * is none. */
bool ak_prover_epoch_root(struct ak_prover *prover, size_t i, uint64_t index);

#endif
