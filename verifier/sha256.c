/* sha256.c - the only file that calls a hash function.
 *
 * libcrypto's low-level calls are used although they are marked as deprecated: they pick the CPU's
 * SHA instructions by themselves and spare the 100 ns that each EVP call adds, which is more than a
 * whole leaf costs. They cannot fail, so their results are only asserted. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <akashi/sha256.h>

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

static_assert(sizeof(struct ak_sha256_ctx) >= sizeof(SHA256_CTX), "room for libcrypto's state");
static_assert(sizeof(struct ak_sha512_ctx) >= sizeof(SHA512_CTX), "room for libcrypto's state");

/* Domain bytes of RFC 6962 2.1. */
#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

void ak_sha256_init(struct ak_sha256_ctx *ctx)
{
    int ok = SHA256_Init((SHA256_CTX *)ctx->state);

    assert(ok == 1);
    (void)ok;
}

void ak_sha256_update(struct ak_sha256_ctx *ctx, const void *data, size_t n)
{
    int ok = SHA256_Update((SHA256_CTX *)ctx->state, data, n);

    assert(ok == 1);
    (void)ok;
}

void ak_sha256_final(struct ak_sha256_ctx *ctx, struct ak_hash *out)
{
    int ok = SHA256_Final(out->b, (SHA256_CTX *)ctx->state);

    assert(ok == 1);
    (void)ok;
}

void ak_sha256(struct ak_hash *out, const void *data, size_t n)
{
    struct ak_sha256_ctx ctx;

    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, data, n);
    ak_sha256_final(&ctx, out);
}

void ak_hash_leaf(struct ak_hash *out, const void *data, size_t n)
{
    static const uint8_t prefix = LEAF_PREFIX;
    struct ak_sha256_ctx ctx;

    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, &prefix, 1);
    ak_sha256_update(&ctx, data, n);
    ak_sha256_final(&ctx, out);
}

void ak_hash_node(struct ak_hash *out, const struct ak_hash *left, const struct ak_hash *right)
{
    uint8_t text[1 + 2 * AK_HASH_BYTES];

    text[0] = NODE_PREFIX;
    memcpy(text + 1, left->b, AK_HASH_BYTES);
    memcpy(text + 1 + AK_HASH_BYTES, right->b, AK_HASH_BYTES);
    ak_sha256(out, text, sizeof(text));
}

void ak_hash_empty(struct ak_hash *out)
{
    ak_sha256(out, NULL, 0);
}

bool ak_hash_equal(const struct ak_hash *a, const struct ak_hash *b)
{
    return memcmp(a->b, b->b, AK_HASH_BYTES) == 0;
}

void ak_sha512_init(struct ak_sha512_ctx *ctx)
{
    int ok = SHA512_Init((SHA512_CTX *)ctx->state);

    assert(ok == 1);
    (void)ok;
}

void ak_sha512_update(struct ak_sha512_ctx *ctx, const void *data, size_t n)
{
    int ok = SHA512_Update((SHA512_CTX *)ctx->state, data, n);

    assert(ok == 1);
    (void)ok;
}

void ak_sha512_final(struct ak_sha512_ctx *ctx, uint8_t out[AK_SHA512_BYTES])
{
    int ok = SHA512_Final(out, (SHA512_CTX *)ctx->state);

    assert(ok == 1);
    (void)ok;
}
