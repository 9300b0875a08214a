/* entry_proof.h - the proof of one entry (format.md 12): made from a store, and judged without one.
 *
 * A proof is a C2SP tlog-proof@v1 with entry and salt as its extra data, and the start note of the
 * entry's epoch, which shows by itself that the origin pins the key that signed. It shows no
 * neighbour. */
#ifndef AKASHI_ENTRY_PROOF_H
#define AKASHI_ENTRY_PROOF_H

#include <akashi/checkpoint.h>
#include <akashi/claim.h>
#include <akashi/entry.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/log_tree.h>
#include <akashi/note.h>
#include <akashi/policy.h>
#include <akashi/stamped.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The extra data: entry and salt of form 1, entry and record key of form 2. */
#define AK_PROOF_ENTRY_BYTES     (AK_ENTRY_BYTES + AK_SALT_BYTES)
#define AK_PROOF_PARTS_BYTES     (AK_ENTRY_BYTES + AK_RECORD_KEY_BYTES)
#define AK_PROOF_ENTRY_BYTES_MAX AK_PROOF_PARTS_BYTES

/* A proof with what it speaks of; everything is malloc'ed and owned. */
struct ak_entry_proof {
    char *text; /* the tlog-proof file */
    size_t text_len;
    uint8_t *epoch_note; /* the start note's text */
    size_t epoch_note_len;
    uint8_t *payload;
    size_t payload_len;
    uint64_t index;
    struct ak_entry entry;
    struct ak_checkpoint checkpoint;
    uint32_t epoch;
    bool has_declaration; /* `declaration` is the index of the source's, as far as it is known */
    uint64_t declaration;
    struct ak_stamped stamped; /* the checkpoint as it was stamped, if count is not 0 */
};

/* Makes the proof of entry `index` under the newest checkpoint of the entry's own epoch that leads
 * to it. Nothing is given that was not compared with the signed root under `keys` (log keys, from a
 * trusted place). AK_OK with claim->verdict AK_VALID: `*proof` is filled, free it with
 * ak_entry_proof_free; with another verdict the claim says why there is none. Other codes: what
 * kept this from being done at all (AK_ENOTFOUND: the log has no such entry; AK_EIO; AK_ENOMEM). */
enum ak_code ak_entry_proof_make(struct ak_log_tree *tree, uint64_t index,
                                 const struct ak_vkey *keys, size_t key_count,
                                 struct ak_entry_proof *proof, struct ak_claim *claim,
                                 struct ak_error *err);

/* The same with what is known of when. Under a policy (or NULL) only a checkpoint that meets its
 * quorum counts, and the claim is QUORUM where there is none (format.md R43). Of the checkpoints of
 * the entry's epoch that were stamped the smallest one is taken, since it says the earliest, and
 * its stamps are given too; if there is none, or what is there is not right, all is as above. */
enum ak_code ak_entry_proof_make_timed(struct ak_log_tree *tree, uint64_t index,
                                       const struct ak_vkey *keys, size_t key_count,
                                       const struct ak_policy *policy, struct ak_entry_proof *proof,
                                       struct ak_claim *claim, struct ak_error *err);
void ak_entry_proof_free(struct ak_entry_proof *proof);

/* What is to be judged; everything borrowed for the call. */
struct ak_entry_proof_input {
    const void *text; /* the tlog-proof file */
    size_t text_len;
    const struct ak_vkey *keys; /* log keys, and keys of epochs, from a trusted place */
    size_t key_count;
    const void *epoch_note; /* NULL: none; then a key of the epoch must be among `keys` */
    size_t epoch_note_len;
    bool has_payload; /* the record that is claimed to be that entry */
    const void *payload;
    size_t payload_len;
    const uint8_t *entry; /* NULL, or the entry that is claimed to stand there, alone or with salt
                             (form 1) or record key (form 2) */
    size_t entry_len;     /* AK_ENTRY_BYTES, AK_PROOF_ENTRY_BYTES or AK_PROOF_PARTS_BYTES */
    const struct ak_stamped *stamped; /* NULL: there are no time stamps */
    struct ak_tsa *tsa;               /* NULL: stamps are not judged, but their form is */
};

/* What was found; filled as far as the judgement came. */
struct ak_entry_proof_result {
    struct ak_claim claim;
    bool has_checkpoint;
    struct ak_checkpoint checkpoint;
    bool key_given; /* a log key of that origin was given, and is `key` */
    struct ak_vkey key;
    bool epoch_proven; /* the line of the entry's epoch was checked */
    uint32_t epoch;
    unsigned unknown; /* signature lines of other keys, which were ignored */
    uint64_t index;
    bool has_entry;
    struct ak_entry entry;
    bool included;         /* the entry stands there under the signed root */
    bool payload_proven;   /* the payload given is what the entry commits to */
    bool payload_line_end; /* it would be, without the line end at its end */
    struct ak_stamps_judged stamps;
};

/* Judges a proof. Nothing is a fault of the call: whatever is wrong is in the claim. */
void ak_entry_proof_judge(const struct ak_entry_proof_input *input,
                          struct ak_entry_proof_result *result);

#endif
