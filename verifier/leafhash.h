/* leafhash.h - many short SHA-256 at once: salts, commitments, leaves and nodes of a block.
 *
 * Sixteen messages run side by side where the processor has AVX-512, two where it has SHA
 * instructions, else one after the other through libcrypto. All give the same bytes; which one is
 * used is chosen once, at the first call. Nothing here can fail or allocates. */
#ifndef AK_LEAFHASH_H
#define AK_LEAFHASH_H

#include <akashi/format.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A good number of messages for one call: long enough that sorting them by length fills the lanes,
 * short enough for a stack. More are taken in slices of this. */
#define AK_MESSAGES_SLICE 1024u

/* Longest head of a message: with its tag it stays within the first 64 bytes. */
#define AK_MESSAGE_HEAD_MAX 63u

/* out[0..32) = H(tag || head || body). Everything borrowed. No `out` may overlap anything that is
 * read in the same call. */
struct ak_message {
    const uint8_t *head; /* may be NULL if head_len is 0 */
    const uint8_t *body; /* may be NULL if body_len is 0 */
    uint8_t *out;
    uint32_t body_len;
    uint8_t head_len; /* at most AK_MESSAGE_HEAD_MAX */
    uint8_t tag;      /* first byte of what is hashed (format.md 1) */
};

/* Hashes `n` messages, in whatever order is fastest. */
void ak_hash_messages(const struct ak_message *message, size_t n);

/* The message whose hash is the commitment of form 1 (format.md 3.4): `salt` of AK_SALT_BYTES. */
static inline struct ak_message ak_message_commitment(const uint8_t *salt, const uint8_t *payload,
                                                      uint32_t len, uint8_t *out)
{
    return (struct ak_message){.head = salt,
                               .body = payload,
                               .out = out,
                               .body_len = len,
                               .head_len = AK_SALT_BYTES,
                               .tag = AK_HASH_PAYLOAD};
}

/* Salts (format.md 3.4) of `count` entries of one group from the one with index mod 256 = `begin`
 * on: begin + count is at most 256. `key` is the group key of AK_GROUP_KEY_BYTES. */
void ak_salts(uint8_t (*out)[AK_SALT_BYTES], const uint8_t *key, unsigned begin, unsigned count);

/* Leaf hashes of `n` entries, given as their bytes. */
void ak_leaves(struct ak_hash *out, const uint8_t (*entry)[AK_ENTRY_BYTES], size_t n);

/* out[i] = node over in[2 i] and in[2 i + 1], for `n` of them. `out` may be `in`. */
void ak_nodes(struct ak_hash *out, const struct ak_hash *in, size_t n);

/* Level-8 hashes of `n` whole groups from their 256 n leaf hashes. `scratch` has room for 128 n. */
void ak_fold_groups(struct ak_hash *level8, const struct ak_hash *leaf, size_t n,
                    struct ak_hash *scratch);

/* Name of the way that is used: "avx512", "sha-ni" or "libcrypto". */
const char *ak_hash_path(void);

/* Chooses a way by its name, NULL for the best one; false, and nothing changed, if this processor
 * or build does not have it. For tests and measurements; not while others hash. */
bool ak_hash_path_force(const char *name);

#endif
