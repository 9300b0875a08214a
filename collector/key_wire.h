/* key_wire.h - what the collector and its signer process say to each other (docs/decisions.md).
 *
 * One request and one answer at a time over a SOCK_SEQPACKET pair, each one packet: a structure of
 * fixed size and behind it at most AK_KEY_BODY_BYTES_MAX bytes of notes, whose lengths the
 * structure names. Both ends are the same program file, so the structures are sent as they lie in
 * memory; they are zeroed before they are filled. Nothing secret is in any of them. */
#ifndef AK_KEY_WIRE_H
#define AK_KEY_WIRE_H

#include <akashi/ed25519.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/tree.h>

#include <stdint.h>

#define AK_KEY_BODY_BYTES_MAX (AK_NOTE_BYTES_MAX + AK_EPOCH_NOTE_BYTES_MAX)
#define AK_KEY_LOGS_MAX       1024u /* logs of one signer process */

/* Descriptors that the signer process finds open. */
enum { AK_KEY_SOCKET_FD = 3, AK_KEY_DIR_FD = 4 };

enum ak_key_op {
    AK_KEY_LOAD = 1, /* origin -> slot, keys, notes */
    AK_KEY_FORGET,   /* the log is closed: its keys go from memory, what was signed is saved */
    AK_KEY_RESUME,   /* range, note */
    AK_KEY_SIGN,     /* range -> note */
    AK_KEY_SAVE,
    AK_KEY_END,   /* -> note: the start note of the next epoch */
    AK_KEY_BEGIN, /* the next epoch */
    AK_KEY_MEND
};

struct ak_key_request {
    uint32_t op;
    uint32_t slot;                            /* not of a LOAD */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* NUL-terminated: of the log meant, always */
    uint8_t has_note;
    uint32_t note_len; /* bytes in the body */
    uint64_t begin;    /* of a range, with `end` and its nodes */
    uint64_t end;
    uint32_t count;
    struct ak_hash hash[AK_RANGE_HASHES_MAX];
};

struct ak_key_answer {
    uint32_t code; /* enum ak_code; the rest of the error follows */
    int32_t sys_errno;
    char text[AK_ERROR_TEXT_BYTES];
    uint32_t slot;
    uint32_t epoch; /* of the running key; from here on: how the keys stand after the request */
    uint64_t epoch_time;
    uint64_t state_size;
    struct ak_hash state_root;
    uint64_t state_time;
    uint64_t ending_index;
    uint8_t log_key[AK_ED25519_KEY_BYTES];
    uint32_t note_len;   /* in the body, first: what a SIGN gives */
    uint32_t start_len;  /* then: the running epoch's start note, of a LOAD */
    uint32_t ending_len; /* then: the start note that ends it, of a LOAD and an END */
};

#endif
