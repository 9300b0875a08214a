/* stamped.h - a checkpoint with its time stamps, away from its log: in a bundle, or beside the
 * proof of one entry (format.md 9.4, 12.1 and 14.10).
 *
 * The note that was stamped has the text of a checkpoint and the lines of the log and of its epoch
 * and no others; each reply is over its bytes. What is of another form or over other bytes is a
 * fault of the evidence; a signer whom nobody given vouches for is no more than told. */
#ifndef AKASHI_STAMPED_H
#define AKASHI_STAMPED_H

#include <akashi/claim.h>
#include <akashi/error.h>
#include <akashi/log_tree.h>
#include <akashi/note.h>
#include <akashi/timestamp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Time stamps over one checkpoint that are handed over: as many authorities as anybody asks, and to
 * spare. */
#define AK_STAMPED_REPLIES 8u

struct ak_stamped_reply {
    char *data; /* DER; NULL: there is none of this number */
    size_t len;
};

/* The note with its replies; everything is malloc'ed and owned. */
struct ak_stamped {
    char *note; /* NULL: it is not here */
    size_t len;
    struct ak_stamped_reply reply[AK_STAMPED_REPLIES];
    unsigned count; /* numbers that are in use, from 0 on */
};

void ak_stamped_free(struct ak_stamped *stamped);

/* Reads what was stamped at one size of a log: the note, if it has two lines, and replies that are
 * right in form and over it, in the order of their numbers. Whose lines and whose replies they are
 * is not judged. False if there are no such; then nothing is held. */
bool ak_stamped_read(const struct ak_log_tree *tree, uint64_t size, struct ak_stamped *out);

/* The checkpoint of that size with cosignatures, if one is beside the log that has the same text;
 * malloc'ed. NULL if there is none. Its lines are not judged. */
char *ak_stamped_cosigned(const struct ak_log_tree *tree, uint64_t size,
                          const struct ak_stamped *stamped, size_t *len);

/* Whether a note has the form of R47 and the text of `checkpoint`; if not, the claim is MALFORMED.
 * `name` is what the messages call it. */
bool ak_stamped_has_form(const char *name, const void *note, size_t len, const void *checkpoint,
                         size_t checkpoint_len, struct ak_claim *claim);

/* Whether its lines are those of both keys, and valid; if not, the claim is ALTERED or MALFORMED.
 */
bool ak_stamped_is_signed(const char *name, const void *note, size_t len, const struct ak_vkey *key,
                          const struct ak_vkey *epoch, struct ak_claim *claim);

/* What the replies over one note amount to; begins with all zero. */
struct ak_stamps_judged {
    unsigned there;              /* replies */
    unsigned counted;            /* of these: over a proven note, by a trusted authority */
    unsigned untrusted;          /* right in form, and nobody given vouches for their signer */
    char distrust[200];          /* why, of the first of those */
    bool judged;                 /* certificates of authorities were given */
    bool alone;                  /* the note that they are over is not here */
    struct ak_timestamp existed; /* where one counts: the earliest */
};

/* Judges one reply over `note` by R48. `proven`: the note is the checkpoint of a claim that holds;
 * else nothing counts. What is ALTERED or MALFORMED is added to the claim under `name`. `*counts`
 * says whether it counts. AK_ENOMEM. */
enum ak_code ak_stamps_judge(struct ak_stamps_judged *all, const char *name, const void *reply,
                             size_t reply_len, const void *note, size_t len, bool proven,
                             struct ak_tsa *tsa, bool *counts, struct ak_claim *claim,
                             struct ak_error *err);

#endif
