/* leafhash.c - which messages are hashed side by side, and what a block needs of that.
 *
 * Lanes run as long as the longest of them, so a slice of messages is sorted by its number
 * of blocks first; neighbours then differ by little. What is long goes to libcrypto alone: there a
 * lane would wait, and one stream is fast enough. */
#include "leafhash.h"

#include "sha256_avx512.h"
#include "sha256_ni.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

/* Messages of more blocks than this are hashed alone. */
#define BLOCKS_MAX 64u

/* Fewer messages than this are faster one by one. */
#define LANES_MIN 4u

#define TAG_LEAF 0x00u /* format.md 1 */
#define TAG_NODE 0x01u

enum path { PATH_UNKNOWN, PATH_LIBCRYPTO, PATH_SHA_NI, PATH_AVX512 };

static _Atomic(int) chosen = PATH_UNKNOWN;

static const struct {
    const char *name;
    enum path path;
    bool (*available)(void);
} ways[] = {{"avx512", PATH_AVX512, ak_sha256_x16_available},
            {"sha-ni", PATH_SHA_NI, ak_sha256_x2_available},
            {"libcrypto", PATH_LIBCRYPTO, NULL}}; /* the best one first; the last is always there */

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static enum path path(void)
{
    enum path now = (enum path)atomic_load_explicit(&chosen, memory_order_relaxed);

    for (size_t i = 0; now == PATH_UNKNOWN; i++) { /* two threads that come here choose the same */
        if (ways[i].available == NULL || ways[i].available())
            now = ways[i].path;
        atomic_store_explicit(&chosen, (int)now, memory_order_relaxed);
    }
    return now;
}

const char *ak_hash_path(void)
{
    size_t i = 0;

    while (ways[i].path != path())
        i++;
    return ways[i].name;
}

bool ak_hash_path_force(const char *name)
{
    for (size_t i = 0; name != NULL && i < WAYS; i++) {
        if (strcmp(name, ways[i].name) != 0)
            continue;
        if (ways[i].available != NULL && !ways[i].available())
            return false;
        atomic_store_explicit(&chosen, (int)ways[i].path, memory_order_relaxed);
        return true;
    }
    if (name == NULL)
        atomic_store_explicit(&chosen, PATH_UNKNOWN, memory_order_relaxed);
    return name == NULL;
}

static void hash_one(const struct ak_message *m)
{
    struct ak_sha256_ctx ctx;
    uint8_t front[1 + AK_MESSAGE_HEAD_MAX];
    struct ak_hash digest;

    front[0] = m->tag;
    if (m->head_len > 0)
        memcpy(front + 1, m->head, m->head_len);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, front, 1 + (size_t)m->head_len);
    if (m->body_len > 0)
        ak_sha256_update(&ctx, m->body, m->body_len);
    ak_sha256_final(&ctx, &digest);
    memcpy(m->out, digest.b, AK_HASH_BYTES);
}

/* Blocks of a message with its padding, less one. */
static uint64_t size_class(const struct ak_message *m)
{
    return (1 + (uint64_t)m->head_len + m->body_len + 8) / 64;
}

/* Two at a time, in order: each pair is read before it is written. */
static void hash_pairs(const struct ak_message *const *message, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        ak_sha256_x2(message[i], message[i + 1]);
    if (n % 2 != 0)
        hash_one(message[n - 1]);
}

/* As many at a time as the processor can, or one by one where they are too few. */
static void hash_sorted(const struct ak_message *const *sorted, size_t n)
{
    if (path() == PATH_SHA_NI) {
        hash_pairs(sorted, n);
        return;
    }
    for (size_t i = 0; i < n; i += AK_SHA256_LANES) {
        size_t take = n - i < AK_SHA256_LANES ? n - i : AK_SHA256_LANES;
        for (size_t k = i + take; k < n && k < i + take + AK_SHA256_LANES; k++)
            __builtin_prefetch(sorted[k]->body);
        if (take >= LANES_MIN) {
            ak_sha256_x16(sorted + i, (unsigned)take);
            continue;
        }
        for (size_t k = i; k < i + take; k++)
            hash_one(sorted[k]);
    }
}

/* Counting sort by blocks; what has too many is hashed at once and left out. */
static void hash_slice(const struct ak_message *message, size_t n)
{
    const struct ak_message *sorted[AK_MESSAGES_SLICE];
    uint16_t start[BLOCKS_MAX + 1] = {0};
    size_t kept;

    assert(n <= AK_MESSAGES_SLICE);
    for (size_t i = 0; i < n; i++) {
        uint64_t class = size_class(&message[i]);
        if (class < BLOCKS_MAX)
            start[class + 1]++;
    }
    for (unsigned c = 0; c < BLOCKS_MAX; c++)
        start[c + 1] = (uint16_t)(start[c + 1] + start[c]);
    kept = start[BLOCKS_MAX];
    for (size_t i = 0; i < n; i++) {
        uint64_t class = size_class(&message[i]);
        if (class < BLOCKS_MAX)
            sorted[start[class]++] = &message[i];
        else
            hash_one(&message[i]);
    }
    hash_sorted(sorted, kept);
}

void ak_hash_messages(const struct ak_message *message, size_t n)
{
    if (path() == PATH_LIBCRYPTO || n < LANES_MIN) {
        for (size_t i = 0; i < n; i++)
            hash_one(&message[i]);
        return;
    }
    for (size_t i = 0; i < n; i += AK_MESSAGES_SLICE)
        hash_slice(message + i, n - i < AK_MESSAGES_SLICE ? n - i : AK_MESSAGES_SLICE);
}

void ak_salts(uint8_t (*out)[AK_SALT_BYTES], const uint8_t *key, unsigned begin, unsigned count)
{
    struct ak_message message[AK_GROUP_ENTRIES / 2];
    uint8_t number[AK_GROUP_ENTRIES / 2];
    struct ak_hash pair[AK_GROUP_ENTRIES / 2];
    unsigned first = begin / 2;
    unsigned n = 0;

    assert(begin + count <= AK_GROUP_ENTRIES);
    if (count == 0)
        return;
    for (unsigned i = first; i <= (begin + count - 1) / 2; i++, n++) {
        number[n] = (uint8_t)i;
        message[n] = (struct ak_message){.head = key,
                                         .body = &number[n],
                                         .out = pair[n].b,
                                         .body_len = 1,
                                         .head_len = AK_GROUP_KEY_BYTES,
                                         .tag = AK_HASH_SALT};
    }
    ak_hash_messages(message, n);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = begin + i;
        memcpy(out[i], pair[at / 2 - first].b + (size_t)(at % 2) * AK_SALT_BYTES, AK_SALT_BYTES);
    }
}

/* `n` messages of one length, their bodies and outputs each in a row. Slices go upwards, and each
 * sixteen are read before they are written: that is why nodes may be folded in place. */
static void hash_row(uint8_t tag, struct ak_hash *out, const uint8_t *body, uint32_t len, size_t n)
{
    struct ak_message message[AK_SHA256_LANES];
    const struct ak_message *lane[AK_SHA256_LANES];

    for (size_t i = 0; i < n; i += AK_SHA256_LANES) {
        unsigned take = n - i < AK_SHA256_LANES ? (unsigned)(n - i) : AK_SHA256_LANES;
        for (unsigned k = 0; k < take; k++) {
            message[k] = (struct ak_message){
                .body = body + (i + k) * len, .out = out[i + k].b, .body_len = len, .tag = tag};
            lane[k] = &message[k];
        }
        if (take >= LANES_MIN && path() == PATH_AVX512) {
            ak_sha256_x16(lane, take);
            continue;
        }
        if (path() == PATH_SHA_NI) {
            hash_pairs(lane, take);
            continue;
        }
        for (unsigned k = 0; k < take; k++)
            hash_one(&message[k]);
    }
}

void ak_leaves(struct ak_hash *out, const uint8_t (*entry)[AK_ENTRY_BYTES], size_t n)
{
    hash_row(TAG_LEAF, out, (const uint8_t *)entry, AK_ENTRY_BYTES, n);
}

void ak_nodes(struct ak_hash *out, const struct ak_hash *in, size_t n)
{
    hash_row(TAG_NODE, out, (const uint8_t *)in, 2 * AK_HASH_BYTES, n);
}

void ak_fold_groups(struct ak_hash *level8, const struct ak_hash *leaf, size_t n,
                    struct ak_hash *scratch)
{
    size_t nodes = n * AK_GROUP_ENTRIES / 2;

    ak_nodes(scratch, leaf, nodes);
    while (nodes > n) {
        nodes /= 2;
        ak_nodes(scratch, scratch, nodes);
    }
    if (n > 0)
        memcpy(level8, scratch, n * sizeof(*level8));
}
