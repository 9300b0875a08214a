/* tlog_peer.c - our half of the exchange with golang.org/x/mod/sumdb (tlog.sh).
 *
 * `make` prints a log's life: its vkey, a checkpoint for every size, every inclusion and every
 * consistency proof, one a line. `check VKEY` reads a note that the other half has signed and
 * judges it. */
#include <akashi/base64.h>
#include <akashi/checkpoint.h>
#include <akashi/note.h>
#include <akashi/tree.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES 37
#define ORIGIN "example.com/akashi-test"

static void must(enum ak_code rc, const struct ak_error *err)
{
    if (rc == AK_OK)
        return;
    (void)fprintf(stderr, "tlog_peer: %s\n", err->text);
    exit(1);
}

static struct ak_hash leaf(uint64_t i)
{
    char text[32];
    struct ak_hash hash;

    ak_hash_leaf(&hash, text, (size_t)snprintf(text, sizeof(text), "entry %" PRIu64, i));
    return hash;
}

/* Root of the leaves [begin, end). */
static enum ak_code on_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    struct ak_range range;

    (void)ctx;
    ak_range_init(&range, 0);
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        struct ak_hash hash = leaf(i);
        must(ak_range_append(&range, &hash), err);
    }
    return ak_range_root(&range, out, err);
}

static void print_base64(const void *data, size_t n)
{
    static char text[AK_BASE64_CHARS(4096) + 1];

    if (ak_base64_encode(text, sizeof(text), data, n) == 0)
        exit(1);
    (void)printf(" %s", text);
}

/* "checkpoint SIZE NOTE", the note in base64. */
static void print_checkpoint(uint64_t size, const struct ak_hash *root, const struct ak_vkey *vkey,
                             const uint8_t *sk)
{
    struct ak_checkpoint cp = {.origin = ORIGIN, .size = size, .root = *root};
    char note[AK_CHECKPOINT_BYTES_MAX + 1 + AK_NOTE_LINE_BYTES_MAX];
    size_t n = ak_checkpoint_format(note, sizeof(note), &cp);
    uint8_t sig[64];

    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)note, n, sk);
    note[n++] = '\n';
    n += ak_note_line(note + n, sizeof(note) - n, vkey, sig);
    (void)printf("checkpoint %" PRIu64, size);
    print_base64(note, n);
    (void)printf("\n");
}

/* "inclusion INDEX SIZE HASH..." and "consistency OLD NEW HASH..." for all that lead to `size`. */
static void print_proofs(uint64_t size)
{
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    struct ak_error err;
    unsigned n;

    for (uint64_t i = 0; i < 2 * size; i++) {
        bool inclusion = i < size;
        uint64_t of = inclusion ? i : i - size + 1;
        must(inclusion ? ak_inclusion_make(of, size, on_node, NULL, proof, 64, &n, &err)
                       : ak_consistency_make(of, size, on_node, NULL, proof, 64, &n, &err),
             &err);
        (void)printf("%s %" PRIu64 " %" PRIu64, inclusion ? "inclusion" : "consistency", of, size);
        for (unsigned k = 0; k < n; k++)
            print_base64(proof[k].b, AK_HASH_BYTES);
        (void)printf("\n");
    }
}

static int make(void)
{
    uint8_t seed[32] = {1, 2, 3};
    uint8_t pk[32];
    uint8_t sk[64];
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_vkey vkey;
    struct ak_range range;
    struct ak_error err;

    (void)crypto_sign_seed_keypair(pk, sk, seed);
    must(ak_vkey_make(&vkey, ORIGIN, pk, &err), &err);
    (void)ak_vkey_format(text, sizeof(text), &vkey);
    (void)printf("vkey %s\n", text);
    ak_range_init(&range, 0);
    while (range.end < LEAVES) {
        struct ak_hash hash = leaf(range.end);
        must(ak_range_append(&range, &hash), NULL);
        must(ak_range_root(&range, &hash, &err), &err);
        print_checkpoint(range.end, &hash, &vkey, sk);
        print_proofs(range.end);
    }
    return 0;
}

static int check(const char *key)
{
    static char data[AK_NOTE_BYTES_MAX + 1];
    static struct ak_note note;
    size_t n = fread(data, 1, sizeof(data), stdin);
    struct ak_error err;
    struct ak_vkey vkey;
    bool verified;

    must(ak_vkey_parse(&vkey, key, strlen(key), &err), &err);
    must(ak_note_parse(&note, data, n, &err), &err);
    must(ak_note_verify(&note, &vkey, 1, &verified, &err), &err);
    return 0;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return 2;
    if (argc == 2 && strcmp(argv[1], "make") == 0)
        return make();
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check(argv[2]);
    (void)fprintf(stderr, "usage: tlog_peer make | tlog_peer check VKEY <NOTE\n");
    return 2;
}
