/* bundle_private.h - a judgement of a bundle under way; for bundle_*.c alone. */
#ifndef AK_BUNDLE_PRIVATE_H
#define AK_BUNDLE_PRIVATE_H

#include "bundle_counts.h"
#include "bundle_files.h"
#include "bundle_payloads.h"
#include "bundle_proof.h"
#include "bundle_readme.h"
#include "source_table.h"

#include <akashi/bundle.h>
#include <akashi/epoch.h>
#include <akashi/order.h>
#include <akashi/tree.h>

#include <stdio.h>

/* The start notes met so far (14.10, "Start notes"). */
struct ak_bundle_epochs {
    bool known; /* one was met, and `note` is the last one */
    struct ak_epoch_note note;
    bool waiting; /* entries are shown that only a later note or the checkpoint can prove */
    uint64_t waiting_from;
    bool missing; /* entries are shown whose note is not, the first of them: */
    uint64_t missing_from;
};

struct ak_bundle_judgement {
    const struct ak_bundle_input *input;
    struct ak_bundle_result *result;
    struct ak_bundle_files files;
    bool opened;
    struct ak_hash digest[AK_BUNDLE_NAMES]; /* of what was read */
    bool digested[AK_BUNDLE_NAMES];
    bool stamped_good;                   /* `stamped` is the checkpoint, proven */
    bool stamp_counts[AK_BUNDLE_STAMPS]; /* stamp.0 and so on */
    char *checkpoint;                    /* the signed note */
    size_t checkpoint_len;

    struct ak_bundle_proof proof;
    struct ak_bundle_stream entries;
    struct ak_bundle_payloads payloads;
    bool payloads_broken;                  /* no more payload can be cut out */
    enum ak_bundle_recipe opens;           /* what the recipe must open of what was read */
    struct ak_bundle_positions *positions; /* NULL: there are none */
    struct ak_range range;                 /* [0, index) as folded */
    struct ak_claim later; /* what is wrong with entries, told if they are proven: ones that were
                              changed break many rules, and that they were is what is to be told */
    struct ak_bundle_epochs epochs;
    struct ak_bundle_counts counts;
    FILE *jsonl; /* copies are made again into these hashes; NULL: none */
    FILE *csv;
    struct ak_sha256_ctx jsonl_sha;
    struct ak_sha256_ctx csv_sha;
    struct ak_source_table sources; /* declarations that are shown */
    uint32_t *of_identity;          /* sources that are declared as the judged identity */
    size_t of_identity_count;
    bool has_unread;      /* a declaration is shown without its payload */
    uint64_t unread;      /* index of the first one */
    uint32_t unread_open; /* counts.open then */
    uint64_t in_range;    /* AK_BUNDLE_INDEX: entries of it that are shown as they must be */
    bool has_hole;        /* the first one that is not */
    uint64_t hole;
    bool critical; /* an entry of a critical kind in the range */
    uint64_t critical_index;
    bool last_shown;                /* entry n - 1 */
    uint64_t last_time;             /* its `received` */
    struct ak_authority *authority; /* what the orders shown so far are worth; NULL: none yet */
    uint64_t removed_left_off;
    struct ak_bundle_stretch *removed; /* entries that are not in the log any more */
    size_t removed_count;
};

static inline struct ak_claim *ak_bundle_claim(struct ak_bundle_judgement *j,
                                               enum ak_bundle_claim_name name)
{
    j->result->claim[name].made = true;
    return &j->result->claim[name].claim;
}

/* Fails a claim by what could not be read. Codes that say that nothing can be judged at all are
 * given back, others become AK_OK. */
enum ak_code ak_bundle_fail(struct ak_bundle_judgement *j, enum ak_bundle_claim_name name,
                            enum ak_code rc, const struct ak_error *err);

/* Claim 4: the note that was stamped, and the stamps; after the pass, when `result->proven` and the
 * epochs are known. AK_ENOMEM. */
enum ak_code ak_bundle_stamps_check(struct ak_bundle_judgement *j, struct ak_error *err);

/* The one pass over proof, entries, payloads and positions. `result->proven` tells whether the
 * entries are. */
enum ak_code ak_bundle_fold(struct ak_bundle_judgement *j, struct ak_error *err);

/* Takes a start note that is shown. */
void ak_bundle_epochs_note(struct ak_bundle_judgement *j, uint64_t index, const void *payload,
                           size_t len);

/* Takes any other entry that is shown. */
void ak_bundle_epochs_entry(struct ak_bundle_judgement *j, uint64_t index);

/* After the fold led to the signed root: the checkpoint's line of its epoch. */
void ak_bundle_epochs_end(struct ak_bundle_judgement *j);

/* Begins, and ends, making the derived copies again that are there. At the end those that differ
 * fail claim 1; it is called when all files have their digests. AK_ENOMEM. */
enum ak_code ak_bundle_copies_begin(struct ak_bundle_judgement *j, struct ak_error *err);
void ak_bundle_copies_entry(struct ak_bundle_judgement *j, const struct ak_bundle_entry *entry);
enum ak_code ak_bundle_copies_end(struct ak_bundle_judgement *j, struct ak_error *err);
void ak_bundle_copies_free(struct ak_bundle_judgement *j);

/* Claims 2, 3 and 4, after the pass. */
enum ak_code ak_bundle_claims(struct ak_bundle_judgement *j, struct ak_error *err);

/* When all was found that claim 1 can lack: where it is INVALID or NOT CHECKABLE, claims 2 and 3
 * are NOT CHECKABLE if they are made. */
void ak_bundle_claims_end(struct ak_bundle_judgement *j);

/* Adds an entry, or parts of it, to a list of stretches, joined where they touch; false if it is
 * full. */
bool ak_bundle_stretch_add(struct ak_bundle_stretch **list, size_t *count, uint64_t index,
                           uint32_t number, bool parts);

/* Takes an order that is shown, which covers what is gone. AK_ENOMEM. */
enum ak_code ak_bundle_removed_order(struct ak_bundle_judgement *j, uint64_t index, uint64_t seq,
                                     const void *payload, size_t len, struct ak_error *err);

/* What is not covered, or not by an order that is accepted, fails the claim. */
void ak_bundle_removed_claim(struct ak_bundle_judgement *j, struct ak_claim *claim);

/* ---- SHA256SUMS ---- */

/* Compares it with the digests of what was read, and reads what was not. Claim 5. */
enum ak_code ak_bundle_sums_check(struct ak_bundle_judgement *j, struct ak_error *err);

/* Compares README.txt, whose digest is known, with the text that export writes for this bundle. No
 * claim: nothing of the evidence rests on it. AK_ENOMEM. */
enum ak_code ak_bundle_readme_check(struct ak_bundle_judgement *j, struct ak_error *err);

/* The custody record, when SHA256SUMS was read. Claim 5. */
enum ak_code ak_bundle_custody_check(struct ak_bundle_judgement *j, struct ak_error *err);

/* ---- positions ---- */

struct ak_bundle_positions;

/* AK_ENOMEM, AK_EIO, AK_EMALFORMED. Free in any case; NULL is allowed there. */
enum ak_code ak_bundle_positions_open(struct ak_bundle_positions **out,
                                      const struct ak_bundle_files *files, struct ak_error *err);
void ak_bundle_positions_free(struct ak_bundle_positions *positions);

/* Gets each count that a state entry gives. */
typedef enum ak_code (*ak_bundle_position_fn)(void *ctx, uint32_t ordinal, uint64_t known,
                                              struct ak_error *err);

/* Gives the counts of the state entry at `index` with this payload, if it has any. AK_EMALFORMED;
 * AK_EINTEGRITY for a proof that does not lead to the state's root; AK_EIO. */
enum ak_code ak_bundle_positions_at(struct ak_bundle_positions *positions, uint64_t index,
                                    const void *payload, size_t len, ak_bundle_position_fn on_count,
                                    void *ctx, struct ak_error *err);

/* Whether all was taken: AK_EMALFORMED if counts are left of states that are not shown. `*digest`
 * becomes that of the file. */
enum ak_code ak_bundle_positions_end(struct ak_bundle_positions *positions, struct ak_hash *digest,
                                     struct ak_error *err);

#endif
