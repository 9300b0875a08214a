/* hash.c - what hashing one block costs, by part and by way: salts, commitments, leaves, nodes; and
 * the same with commitments by parts (form 2) beside it.
 *
 * usage: bench_hash [BYTES-OF-A-PAYLOAD | FILE]; FILE: its first 8,192 lines; without either,
 * payloads have 20 to 392 bytes, 206 on average, of any value, which do not split as text does.
 * bench_hash --once 1|2 FILE: all of it once, in that form, for counting instructions.
 * Prints ns for each record, both forms in turns. */
#include "leafhash.h"

#include <akashi/parts.h>

#include <stdbool.h>
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
static uint8_t record_key[ENTRIES][AK_RECORD_KEY_BYTES];
static struct ak_parts_room *room;
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

static void run_keys(void)
{
    for (unsigned g = 0; g < GROUPS; g++)
        ak_record_keys(record_key + (size_t)g * AK_GROUP_ENTRIES, text + g, 0, AK_GROUP_ENTRIES);
}

static void run_parts(void)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        ak_parts_take(room, record_key[i], message[i].body, message[i].body_len, message[i].out);
    ak_parts_finish(room);
}

static void run_split(void)
{
    volatile uint32_t sum = 0;

    for (unsigned i = 0; i < ENTRIES; i++)
        sum += ak_parts_count(message[i].body, message[i].body_len);
}

static void run_leaves(void)
{
    ak_leaves(leaf, (const uint8_t(*)[AK_ENTRY_BYTES])entry, ENTRIES);
}

static void run_nodes(void)
{
    ak_fold_groups(level8, leaf, GROUPS, scratch);
}

/* The steps, one after the other in each round: what slows the machine hits all of them. */
static const struct {
    const char *name;
    void (*run)(void);
} step[] = {{"salts", run_salts}, {"commitments", run_commitments},
            {"keys", run_keys},   {"parts", run_parts},
            {"split", run_split}, {"leaves", run_leaves},
            {"nodes", run_nodes}};

enum { SALTS, COMMITMENTS, KEYS, PARTS, SPLIT, LEAVES, NODES, STEPS };

static void measure(double best[STEPS])
{
    for (unsigned s = 0; s < STEPS; s++)
        best[s] = 1e18;
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned s = 0; s < STEPS; s++) {
            double begin = now();
            double took;
            step[s].run();
            took = (now() - begin) / ENTRIES;
            best[s] = took < best[s] ? took : best[s];
        }
    }
}

static void measure_path(const char *path)
{
    double best[STEPS];
    double whole;
    double parts;

    if (!ak_hash_path_force(path)) {
        (void)printf("%-10s not on this processor\n", path);
        return;
    }
    measure(best);
    whole = best[SALTS] + best[COMMITMENTS] + best[LEAVES] + best[NODES];
    parts = best[KEYS] + best[PARTS] + best[LEAVES] + best[NODES];
    (void)printf("%-10s", path);
    for (unsigned s = 0; s < STEPS; s++)
        (void)printf(" %s %.1f", step[s].name, best[s]);
    (void)printf("\n           form 1: %.1f; form 2: %.1f (%.2f times; %.1f more)\n", whole, parts,
                 parts / whole, parts - whole);
}

/* The first lines of a file; the text goes round when there are fewer. */
static bool take_lines(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = 0;
    size_t at = 0;

    if (file == NULL)
        return false;
    len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    for (unsigned i = 0; i < ENTRIES && len > 0; i++) {
        const uint8_t *end;
        if (at >= len)
            at = 0;
        end = memchr(text + at, '\n', len - at);
        end = end != NULL ? end : text + len;
        message[i] =
            ak_message_commitment(salt[i], text + at, (uint32_t)((size_t)(end - text) - at),
                                  entry[i] + AK_ENTRY_BYTES - AK_HASH_BYTES);
        at = (size_t)(end - text) + 1;
    }
    return len > 0;
}

/* Payloads of any bytes. */
static void make_payloads(unsigned fixed)
{
    unsigned seed = 1;
    size_t at = 0;

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
}

static void once(bool parts)
{
    (parts ? run_keys : run_salts)();
    (parts ? run_parts : run_commitments)();
    run_leaves();
    run_nodes();
}

static void print_head(void)
{
    size_t bytes = 0;
    size_t parts = 0;

    for (unsigned i = 0; i < ENTRIES; i++) {
        bytes += message[i].body_len;
        parts += ak_parts_count(message[i].body, message[i].body_len);
    }
    (void)printf("ns a record, %u records, %.1f bytes and %.1f parts on average\n", ENTRIES,
                 (double)bytes / ENTRIES, (double)parts / ENTRIES);
}

int main(int argc, char **argv)
{
    bool count = argc == 4 && strcmp(argv[1], "--once") == 0;
    const char *word = argc > 1 ? argv[argc - 1] : "";
    unsigned fixed = (unsigned)atoi(word);

    room = ak_parts_room_new();
    if (room == NULL || (!count && argc > 2) || fixed > LONGEST) {
        (void)fprintf(stderr, "usage: %s [BYTES, at most %u | [--once 1|2] FILE]\n", argv[0],
                      LONGEST);
        return 2;
    }
    if (fixed > 0 || argc == 1) {
        make_payloads(fixed);
    } else if (!take_lines(word)) {
        (void)fprintf(stderr, "%s: nothing to read there\n", word);
        return 2;
    }
    if (count) {
        once(argv[2][0] == '2');
        return 0;
    }
    print_head();
    measure_path("libcrypto");
    measure_path("sha-ni");
    measure_path("avx512");
    ak_parts_room_free(room);
    return 0;
}
