/* hash.c - what hashing one block costs, by part and by way: salts, commitments, leaves, nodes.
 *
 * usage: bench_hash [BYTES-OF-A-PAYLOAD]; without it payloads have 20 to 392 bytes, 206 on average.
 * Prints ns for each record. */
#include "leafhash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRIES AK_BLOCK_ENTRIES_MAX
#define GROUPS  (ENTRIES / AK_GROUP_ENTRIES)
#define ROUNDS  200
#define LONGEST 4096u

static uint8_t text[(size_t)ENTRIES * LONGEST];
static uint8_t salt[ENTRIES][AK_SALT_BYTES];
static uint8_t entry[ENTRIES][AK_ENTRY_BYTES];
static struct ak_message message[ENTRIES];
static struct ak_hash leaf[ENTRIES];
static struct ak_hash scratch[ENTRIES / 2];
static struct ak_hash level8[GROUPS];

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void run_salts(void)
{
    for (unsigned g = 0; g < GROUPS; g++)
        ak_salts(salt + (size_t)g * AK_GROUP_ENTRIES, text + g, 0, AK_GROUP_ENTRIES);
}

static void run_commitments(void)
{
    ak_hash_messages(message, ENTRIES);
}

static void run_leaves(void)
{
    ak_leaves(leaf, (const uint8_t(*)[AK_ENTRY_BYTES])entry, ENTRIES);
}

static void run_nodes(void)
{
    ak_fold_groups(level8, leaf, GROUPS, scratch);
}

static double measure(void (*run)(void))
{
    double best = 1e18;

    for (unsigned i = 0; i < ROUNDS; i++) {
        double begin = now();
        double took;
        run();
        took = (now() - begin) / ENTRIES;
        best = took < best ? took : best;
    }
    return best;
}

static void measure_path(const char *path)
{
    double s;
    double c;
    double l;
    double n;

    if (!ak_hash_path_force(path)) {
        (void)printf("%-10s not on this processor\n", path);
        return;
    }
    s = measure(run_salts);
    c = measure(run_commitments);
    l = measure(run_leaves);
    n = measure(run_nodes);
    (void)printf("%-10s salts %6.1f  commitments %6.1f  leaves %6.1f  nodes %6.1f  sum %6.1f\n",
                 path, s, c, l, n, s + c + l + n);
}

int main(int argc, char **argv)
{
    unsigned fixed = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    unsigned seed = 1;
    size_t at = 0;

    if (fixed > LONGEST) {
        (void)fprintf(stderr, "usage: %s [BYTES, at most %u]\n", argv[0], LONGEST);
        return 2;
    }
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 2654435761u >> 24);
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint32_t len;
        seed = seed * 1103515245u + 12345u;
        len = fixed > 0 ? fixed : 20 + (seed >> 16) % 373;
        message[i] = ak_message_commitment(salt[i], text + at, len,
                                           entry[i] + AK_ENTRY_BYTES - AK_HASH_BYTES);
        at += len + 1;
    }
    (void)printf("ns a record, %u records, %zu bytes on average\n", ENTRIES, at / ENTRIES - 1);
    measure_path("libcrypto");
    measure_path("sha-ni");
    measure_path("avx512");
    return 0;
}
