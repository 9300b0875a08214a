/* check_epochs.h - the epochs of one log: whose key may sign at which size (docs/format.md 5.3).
 *
 * Start notes are learned from HEADERs and from entries of kind 4. The merge adds them; workers ask
 * for keys meanwhile. */
#ifndef AK_CHECK_EPOCHS_H
#define AK_CHECK_EPOCHS_H

#include "check_tree.h"

#include <akashi/checkpoint.h>
#include <akashi/epoch.h>
#include <akashi/error.h>
#include <akashi/note.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines of epochs' keys that one checkpoint is expected to carry; one is the rule. */
#define AK_CHECK_LINES_MAX 4u

struct ak_check_epochs;

/* NULL without memory. */
struct ak_check_epochs *ak_check_epochs_new(void);
void ak_check_epochs_free(struct ak_check_epochs *epochs);

/* A valid start note. `ended`: the key of the epoch before has signed it, so that its root is that
 * of the entries before it (R9); where it stands is given back. AK_EMALFORMED if another one of
 * this epoch, or one that begins where this one cannot, is known; AK_ENOMEM. The same note again is
 * AK_OK. */
enum ak_code ak_check_epochs_add(struct ak_check_epochs *epochs, const struct ak_epoch_note *note,
                                 bool ended, struct ak_tree_place place, struct ak_error *err);

/* The first epoch that begins behind `after` with a root of the entries before it. */
bool ak_check_epochs_next(struct ak_check_epochs *epochs, uint64_t after, uint64_t *start,
                          struct ak_hash *root, struct ak_tree_place *place);

/* Whether no start note is known. */
bool ak_check_epochs_empty(struct ak_check_epochs *epochs);

/* The key of an epoch whose start note is known. */
bool ak_check_epochs_key(struct ak_check_epochs *epochs, const char *origin, uint32_t number,
                         struct ak_vkey *key);

/* Gives the raw public key of each known epoch, until the callback gives false; false then. */
bool ak_check_epochs_each(struct ak_check_epochs *epochs,
                          bool (*on_key)(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES]),
                          void *ctx);

/* The epoch in force at a size, as far as is known: the last one with start < size (R6). */
bool ak_check_epochs_at(struct ak_check_epochs *epochs, uint64_t size, uint32_t *number,
                        uint64_t *start);

/* What the signatures of a checkpoint are worth. */
struct ak_check_judged {
    struct ak_checkpoint checkpoint;
    unsigned unknown; /* lines of other keys, which are ignored (R7) */
    unsigned count;   /* epochs whose key has signed */
    uint32_t epoch[AK_CHECK_LINES_MAX];
    bool open;           /* none, but a line names an epoch whose start note is not known */
    uint32_t open_epoch; /* that one */
};

/* Judges a checkpoint of the log whose key is given by R6 and R7, but for the question which epoch
 * is in force at its size. Codes as of ak_log_checkpoint_verify; AK_OK also if it is `open`. */
enum ak_code ak_check_epochs_judge(struct ak_check_epochs *epochs, const struct ak_vkey *log_key,
                                   const void *note, size_t len, struct ak_check_judged *out,
                                   struct ak_error *err);

/* Whether the key of this epoch is among those that have signed. */
bool ak_check_judged_by(const struct ak_check_judged *judged, uint32_t epoch);

#endif
