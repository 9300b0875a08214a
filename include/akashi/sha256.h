/* sha256.h - hashes: SHA-256 for everything in the format, SHA-512 for file digests.
 *
 * Hashing cannot fail: nothing here returns a code. Contexts hold no memory of their own, so an
 * abandoned one needs no clean-up. */
#ifndef AKASHI_SHA256_H
#define AKASHI_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_HASH_BYTES   32
#define AK_SHA512_BYTES 64

/* A SHA-256 digest, in the order of its bytes. */
struct ak_hash {
    uint8_t b[AK_HASH_BYTES];
};

/* Running SHA-256; the content is libcrypto's. */
struct ak_sha256_ctx {
    uint64_t state[14];
};

/* Running SHA-512; the content is libcrypto's. */
struct ak_sha512_ctx {
    uint64_t state[27];
};

/* SHA-256 of `n` bytes; `data` may be NULL if `n` is 0. `out` may lie inside `data`. */
void ak_sha256(struct ak_hash *out, const void *data, size_t n);

/* The same in pieces: init, any number of updates, final. After final the context must be
 * initialised again before it is used. */
void ak_sha256_init(struct ak_sha256_ctx *ctx);
void ak_sha256_update(struct ak_sha256_ctx *ctx, const void *data, size_t n);
void ak_sha256_final(struct ak_sha256_ctx *ctx, struct ak_hash *out);

void ak_sha512_init(struct ak_sha512_ctx *ctx);
void ak_sha512_update(struct ak_sha512_ctx *ctx, const void *data, size_t n);
void ak_sha512_final(struct ak_sha512_ctx *ctx, uint8_t out[AK_SHA512_BYTES]);

/* Leaf of the tree: H(00 || data). RFC 6962 2.1, format.md 2. */
void ak_hash_leaf(struct ak_hash *out, const void *data, size_t n);

/* Inner node of the tree: H(01 || left || right). `out` may be `left` or `right`. */
void ak_hash_node(struct ak_hash *out, const struct ak_hash *left, const struct ak_hash *right);

/* Root of the tree without leaves: H(""). */
void ak_hash_empty(struct ak_hash *out);

/* Digests are public, so the time this takes tells nothing. */
bool ak_hash_equal(const struct ak_hash *a, const struct ak_hash *b);

#endif
