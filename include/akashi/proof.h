/* proof.h - C2SP tlog-proof@v1: one entry's proof as a file (format.md 12).
 *
 * Only the text is read and written here. What the extra data means, whether the checkpoint is
 * trusted and whether the hashes lead from the leaf to its root is for the caller: note.h,
 * checkpoint.h, ak_inclusion_verify. */
#ifndef AKASHI_PROOF_H
#define AKASHI_PROOF_H

#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/tree.h>

#include <stddef.h>
#include <stdint.h>

/* Extra data, decoded. Ours is an entry with its salt or record key (70 or 86 bytes); proofs of
 * others may hold a little more. */
#define AK_PROOF_EXTRA_BYTES_MAX 1024

/* A whole file: fixed lines, extra data in base64, a line for each hash, the checkpoint's note. */
#define AK_PROOF_BYTES_MAX (64 + 1372 + AK_PROOF_HASHES_MAX * 45 + 1 + AK_NOTE_BYTES_MAX)

struct ak_proof {
    uint8_t extra[AK_PROOF_EXTRA_BYTES_MAX];
    size_t extra_len; /* 0: the line is not there. Authenticated by nothing */
    uint64_t index;
    unsigned count; /* hashes */
    struct ak_hash hash[AK_PROOF_HASHES_MAX];
    const char *checkpoint; /* signed note, verbatim; borrowed from the input */
    size_t checkpoint_len;
};

/* Reads a proof of exactly `len` bytes, which must stay as they are. AK_EMALFORMED for anything
 * that is not the one encoding of one: index with leading zeros, base64 that is not canonical, an
 * empty extra line, hashes of another length, no empty line, no checkpoint. AK_ELIMIT past the
 * bounds above or an index past AK_TREE_SIZE_MAX. The checkpoint is not looked into. */
enum ak_code ak_proof_parse(struct ak_proof *proof, const void *data, size_t len,
                            struct ak_error *err);

/* Writes a proof and a NUL; `*n` is the length without it. AK_ELIMIT if it does not fit into `cap`;
 * AK_PROOF_BYTES_MAX + 1 are always enough. AK_EUSAGE if `proof` is past the bounds above. */
enum ak_code ak_proof_format(char *out, size_t cap, size_t *n, const struct ak_proof *proof,
                             struct ak_error *err);

#endif
