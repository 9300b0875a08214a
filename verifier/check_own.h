/* check_own.h - payloads of the log's own entries, judged by docs/format.md section 10 (R18). */
#ifndef AK_CHECK_OWN_H
#define AK_CHECK_OWN_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest file name in a manifest or event that is kept. */
#define AK_OWN_FILE_BYTES 64u

/* What is kept of the reason of an event `signing-stopped`; a longer one is cut. */
#define AK_OWN_REASON_BYTES 120u

/* What other checks need of an own entry. */
struct ak_own {
    uint8_t kind;
    bool recovery;   /* a recovery event: file, good, cut, digest */
    bool succession; /* an event `succession` (10.7) */
    bool stopped;    /* an event `signing-stopped`: */
    char reason[AK_OWN_REASON_BYTES];
    bool ordered;                 /* manifest: `order` is there */
    uint64_t order;               /* manifest: index of the order that caused it */
    char file[AK_OWN_FILE_BYTES]; /* manifest, recovery */
    uint64_t first;               /* manifest */
    uint64_t end;
    uint64_t generation;
    uint64_t bytes;
    uint8_t sha512[AK_SHA512_BYTES];
    struct ak_hash header;
    bool has_frames; /* manifest: `frames` is there */
    struct ak_hash frames;
    struct ak_hash root;
    struct ak_hash positions; /* manifest, state */
    uint64_t good;            /* recovery */
    uint64_t cut;
    struct ak_hash digest; /* recovery: SHA-256 of the cut bytes */
};

/* Reads the payload of an entry of kind 1, 2, 3, 5, 6 or 8. AK_EMALFORMED or AK_ELIMIT with a text
 * that names the member. */
enum ak_code ak_own_read(struct ak_own *own, uint8_t kind, const void *payload, size_t len,
                         struct ak_error *err);

#endif
