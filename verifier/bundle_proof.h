/* bundle_proof.h - the text of `proof`: which entries are shown, and the hashes of those that are
 * not (docs/format.md 14.4). */
#ifndef AK_BUNDLE_PROOF_H
#define AK_BUNDLE_PROOF_H

#include "bundle_files.h"

#include <akashi/tree.h>

#include <stdio.h>

/* First line of the file. */
#define AK_BUNDLE_PROOF_LINE "akashi/bundle/v1"

struct ak_bundle_proof {
    struct ak_bundle_stream stream;
    uint64_t size; /* of the checkpoint, as the proof says */
    uint64_t at;   /* index at which the next stretch begins */
    bool any;      /* a stretch was read */
    bool shown;    /* the last one was shown */
    bool some;     /* any was shown */
};

/* Opens the proof and reads its head. AK_EMALFORMED, AK_EIO, AK_ENOMEM; close in any case. */
enum ak_code ak_bundle_proof_open(struct ak_bundle_proof *proof,
                                  const struct ak_bundle_files *files, struct ak_error *err);
void ak_bundle_proof_close(struct ak_bundle_proof *proof);

/* Gives the next stretch: `*show` and its length; of a skipped one its compact range. `*n` is 0 at
 * the end, which has been checked then. */
enum ak_code ak_bundle_proof_next(struct ak_bundle_proof *proof, bool *show, uint64_t *n,
                                  struct ak_range *range, struct ak_error *err);

/* Writing, in the same order; whoever writes checks the stream's error flag at the end. */
void ak_bundle_proof_put_head(FILE *file, uint64_t size);
void ak_bundle_proof_put_show(FILE *file, uint64_t n);
void ak_bundle_proof_put_skip(FILE *file, const struct ak_range *range);

#endif
