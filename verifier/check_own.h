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

/* What other checks need of an own entry. */
struct ak_own {
    uint8_t kind;
    bool recovery;                /* a recovery event: file, good, cut, digest */
    bool removal;                 /* an order that erases or lets expire */
    bool expiry;                  /* and which of the two */
    char file[AK_OWN_FILE_BYTES]; /* manifest, recovery */
    uint64_t first;               /* manifest */
    uint64_t end;
    uint64_t generation;
    uint64_t bytes;
    uint8_t sha512[AK_SHA512_BYTES];
    struct ak_hash header;
    struct ak_hash root;
    struct ak_hash positions; /* manifest, state */
    uint64_t good;            /* recovery */
    uint64_t cut;
    struct ak_hash digest; /* recovery: SHA-256 of the cut bytes */
};

/* Gets the ranges of an order, both ends in. */
typedef void (*ak_own_range_fn)(void *ctx, uint64_t first, uint64_t last);

/* Gives all ranges of an order whose payload ak_own_read accepted. */
void ak_own_order_ranges(const void *payload, size_t len, ak_own_range_fn on_range, void *ctx);

/* Reads the payload of an entry of kind 1, 2, 3, 5, 6 or 8. AK_EMALFORMED or AK_ELIMIT with a text
 * that names the member. */
enum ak_code ak_own_read(struct ak_own *own, uint8_t kind, const void *payload, size_t len,
                         struct ak_error *err);

#endif
