/* witness_request.h - the body of C2SP tlog-witness `add-checkpoint`, read strictly.
 *
 *     old SIZE
 *     BASE64            (a consistency proof, one hash a line, at most 63)
 *     <empty line>
 *     CHECKPOINT        (a signed note)
 *
 * Only the text is read here: nothing is judged. */
#ifndef AK_WITNESS_REQUEST_H
#define AK_WITNESS_REQUEST_H

#include <akashi/checkpoint.h>
#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stddef.h>
#include <stdint.h>

/* tlog-witness: a client must not send more. */
#define AK_WITNESS_PROOF_HASHES_MAX 63u

/* The longest body: its first line, the proof, the empty line and a note. */
#define AK_WITNESS_BODY_BYTES_MAX                                                                  \
    (4u + 20u + 1u + AK_WITNESS_PROOF_HASHES_MAX * 45u + 1u + AK_NOTE_BYTES_MAX)

struct ak_witness_request {
    uint64_t old_size;
    unsigned count; /* hashes */
    struct ak_hash proof[AK_WITNESS_PROOF_HASHES_MAX];
    struct ak_note note; /* borrows from the body */
    const char *note_text;
    size_t note_len; /* of the whole note */
    struct ak_checkpoint checkpoint;
};

/* Reads a body of exactly `len` bytes, which must stay as they are. AK_EMALFORMED or AK_ELIMIT for
 * anything that is not the one encoding of one. Checkpoints may have extension lines. */
enum ak_code ak_witness_request_parse(struct ak_witness_request *request, const void *data,
                                      size_t len, struct ak_error *err);

#endif
