/* claims.c - what stands for itself, from hostile bytes: the proof of an entry is never VALID
 * without a key, the proof of a fork that reads is, written again, the same bytes, and a line's
 * message lies within the line. */
#include <akashi/entry_proof.h>
#include <akashi/history.h>

#include "syslog_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the corpus was made with, so that signatures are judged too. */
#define VKEY                                                                                       \
    "example.org/history/289cafbf1ca25b382b634d052d521bbf+e41438f8+"                               \
    "ATzJzSRbvHy8EXqKAmvjddogmOSo82ngigg7r5XnyaTm"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_proof(const uint8_t *data, size_t size, const struct ak_vkey *key)
{
    static struct ak_entry_proof_result result;
    struct ak_entry_proof_input input = {.text = data,
                                         .text_len = size,
                                         .has_payload = true,
                                         .payload = data,
                                         .payload_len = size < 64 ? size : 64};

    ak_entry_proof_judge(&input, &result);
    check(result.claim.verdict != AK_VALID && !result.key_given);
    input.keys = key;
    input.key_count = 1;
    ak_entry_proof_judge(&input, &result);
    check(result.claim.verdict != AK_VALID); /* no start note was given */
}

static void try_fork(const uint8_t *data, size_t size, const struct ak_vkey *key)
{
    static char again[AK_FORK_BYTES_MAX + 1];
    static struct ak_fork fork;
    struct ak_history_trust trust = {.keys = key, .key_count = 1};
    struct ak_claim claim = {0};
    struct ak_vkey found;
    bool given;
    size_t n;

    if (ak_fork_parse(&fork, data, size, NULL) != AK_OK)
        return;
    check(ak_fork_format(again, sizeof(again), &n, &fork, NULL) == AK_OK);
    check(n == size && memcmp(again, data, size) == 0);
    ak_fork_judge(&fork, &trust, &claim, &found, &given);
    check(claim.told);
}

static void try_line(const uint8_t *data, size_t size)
{
    const char *line = (const char *)data;
    struct ak_syslog_body body;

    ak_syslog_body(&body, line, size);
    check(body.content >= line && body.content + body.content_len <= line + size);
    check(body.app == NULL || (body.app >= line && body.app + body.app_len <= line + size));
    check(body.procid == NULL ||
          (body.procid >= line && body.procid + body.procid_len <= line + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ak_vkey key;

    if (key.name[0] == '\0')
        check(ak_vkey_parse(&key, VKEY, strlen(VKEY), NULL) == AK_OK);
    if (size > 0) {
        try_proof(data, size, &key);
        try_fork(data, size, &key);
        try_line(data, size);
    }
    return 0;
}
