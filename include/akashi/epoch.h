/* epoch.h - which key may sign for a stretch of a log: start notes, and the strict judgement of a
 * log's checkpoint (format.md 4.3, 5).
 *
 * The origin pins the list of epoch keys: its last 32 characters are the first 16 bytes of the
 * list's root. A start note shows with an inclusion proof that its key is in the list. */
#ifndef AKASHI_EPOCH_H
#define AKASHI_EPOCH_H

#include <akashi/checkpoint.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the epoch root that the origin carries (5.1). */
#define AK_EPOCH_PIN_BYTES 16u

/* A start note as it was read; nothing borrows. */
struct ak_epoch_note {
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint32_t epoch;       /* the one that begins */
    uint64_t index;       /* of its entry, and size of the tree before it */
    struct ak_hash root;  /* of that size */
    struct ak_vkey log;   /* log key, as the note names it */
    struct ak_vkey key;   /* key of the epoch, named <origin>/epoch/<e> */
    uint32_t epochs;      /* N, keys in the list */
    unsigned proof_count; /* hashes of the inclusion proof */
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
};

/* Whether `len` bytes are an origin (2): NAME "/" and 32 lower-case hexadecimal digits, valid UTF-8
 * of at most AK_LOG_ORIGIN_BYTES_MAX bytes, without white space, control characters or '+'. */
enum ak_code ak_origin_check(const char *origin, size_t len, struct ak_error *err);

/* The log id: the last AK_LOG_ID_CHARS characters of an origin that ak_origin_check accepted. */
const char *ak_origin_id(const char *origin);

/* Reads a start note and checks all of it that needs no key: one encoding, origin, inclusion proof
 * against the pin (R9), names of the signature lines in the order of 5.2. AK_EMALFORMED
 * (also past AK_EPOCH_NOTE_BYTES_MAX); AK_EINTEGRITY for a proof that does not lead to the pin.
 * Whether index and root fit the log is the caller's question. */
enum ak_code ak_epoch_note_parse(struct ak_epoch_note *epoch, const void *data, size_t len,
                                 const char *origin, struct ak_error *err);

/* Parses as above and checks the signatures: the trusted log key, the epoch's key, and, for an
 * epoch behind the first, `previous`, the key of the epoch before (NULL: its line is not checked,
 * only its name). AK_EKEY if the note names another log key than the trusted one, AK_ESIGNATURE if
 * a line does not verify. */
enum ak_code ak_epoch_note_verify(struct ak_epoch_note *epoch, const void *data, size_t len,
                                  const struct ak_vkey *log_key, const struct ak_vkey *previous,
                                  struct ak_error *err);

/* What a checkpoint of a log says, and who else signed it. */
struct ak_log_checkpoint {
    struct ak_checkpoint checkpoint;
    unsigned unknown; /* signature lines of other keys, which were ignored (R7) */
};

/* Judges a checkpoint of the log whose key is `log_key` by R6 and R7: three lines, origin = the
 * key's name, size not 0, a valid line of the log key and one of `epoch_key` (NULL: the line of the
 * epoch is not checked, and the caller must say so). AK_EMALFORMED; AK_ESIGNATURE for a known
 * key's line that does not verify; AK_EKEY if one of the keys has not signed. `*out` is filled as
 * far as it could be read whenever the code is AK_OK, AK_ESIGNATURE or AK_EKEY. */
enum ak_code ak_log_checkpoint_verify(const struct ak_vkey *log_key,
                                      const struct ak_vkey *epoch_key, const void *note, size_t len,
                                      struct ak_log_checkpoint *out, struct ak_error *err);

/* Whether a note has a line of the name of another epoch's key of this log: a log whose epochs
 * went on has such checkpoints. */
bool ak_note_has_other_epoch(const void *note, size_t len, const char *origin, uint32_t epoch);

#endif
