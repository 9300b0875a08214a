/* sign.c - how long one signer process takes for a signature when it has the keys of many logs.
 *
 * usage: akashi_sign LOGS SIGNATURES FOLDER
 *
 * Makes keys of LOGS logs in FOLDER, which must be empty, starts the signer process, loads them
 * all, has trees of one leaf more signed in a random order of logs, and prints one JSON object:
 * times in microseconds, the process's resident memory in KiB. */
#include "key_channel.h"
#include "signer_process.h"

#include <akashi/tree.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EPOCHS   16u
#define US_PER_S 1000000u

static _Noreturn void die(const struct ak_error *err)
{
    (void)fprintf(stderr, "akashi_sign: %s\n", err->text);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Of the only child, as /proc says. */
static unsigned long child_memory(void)
{
    char path[64], line[256] = "";
    unsigned long pid = 0, kib = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "r");
    if (file != NULL && fgets(line, sizeof(line), file) != NULL)
        pid = strtoul(line, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    (void)snprintf(path, sizeof(path), "/proc/%lu/status", pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    }
    if (file != NULL)
        (void)fclose(file);
    return kib;
}

static void make(struct ak_key_channel *channel, int folder, struct ak_keys **keys, unsigned logs,
                 uint64_t *load_us)
{
    char(*origin)[AK_LOG_ORIGIN_BYTES_MAX + 1] = calloc(logs, sizeof(*origin));
    struct ak_error err = {0};
    char name[64];

    for (unsigned i = 0; i < logs && origin != NULL; i++) {
        (void)snprintf(name, sizeof(name), "bench.example/%u", i);
        if (ak_keys_make(folder, name, EPOCHS, NULL, origin[i], &keys[i], &err) != AK_OK)
            die(&err);
        ak_keys_free(keys[i]);
    }
    *load_us = now_us();
    for (unsigned i = 0; i < logs && origin != NULL; i++) {
        if (ak_key_channel_load(channel, folder, origin[i], &keys[i], &err) != AK_OK)
            die(&err);
    }
    *load_us = now_us() - *load_us;
    free(origin);
}

static void sign(struct ak_keys *keys)
{
    char note[AK_NOTE_BYTES_MAX];
    struct ak_error err = {0};
    struct ak_range more;
    struct ak_hash leaf;
    size_t len;

    ak_range_init(&more, ak_keys_signed(keys)->end);
    ak_hash_leaf(&leaf, "record", 6);
    (void)ak_range_append(&more, &leaf);
    if (ak_keys_sign(keys, &more, note, sizeof(note), &len, &err) != AK_OK)
        die(&err);
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (value == 0 || *end != '\0') {
        (void)fprintf(stderr, "akashi_sign: %s is no number\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct ak_key_channel *channel;
    struct ak_error err = {0};
    struct ak_keys **keys;
    uint64_t *took, load_us;
    unsigned logs;
    unsigned long signatures;
    int folder;

    if (argc == 2 && strcmp(argv[1], AK_KEY_PROCESS_WORD) == 0)
        return ak_signer_process_run(NULL) == AK_OK ? 0 : 1;
    if (argc != 4 || (folder = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        (void)fprintf(stderr, "usage: %s LOGS SIGNATURES FOLDER\n", argv[0]);
        return 2;
    }
    logs = (unsigned)number(argv[1]);
    signatures = number(argv[2]);
    keys = calloc(logs, sizeof(struct ak_keys *));
    took = calloc(signatures, sizeof(*took));
    if (keys == NULL || took == NULL)
        exit(1);
    if (ak_key_channel_start(folder, &channel, &err) != AK_OK)
        die(&err);
    make(channel, folder, keys, logs, &load_us);
    for (unsigned long i = 0; i < signatures; i++) {
        uint64_t begin = now_us();
        sign(keys[(i * 2654435761u) % logs]);
        took[i] = now_us() - begin;
    }
    qsort(took, signatures, sizeof(*took), compare);
    (void)printf("{\"logs\": %u, \"load_us_each\": %" PRIu64 ", \"p50_us\": %" PRIu64
                 ", \"p99_us\": %" PRIu64 ", \"memory_kib\": %lu}\n",
                 logs, load_us / logs, took[signatures / 2], took[signatures * 99 / 100],
                 child_memory());
    for (unsigned i = 0; i < logs; i++)
        ak_keys_free(keys[i]);
    ak_key_channel_stop(channel);
    free(keys);
    free(took);
    return 0;
}
