/* history_fork.c - a fork as a file that proves itself (format.md 12.2). */
#include <akashi/history.h>

#include <akashi/base64.h>

#include "history_private.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEADING "akashi/fork/v1"

/* A length in decimal and its line end, with a NUL. */
#define LENGTH_BYTES 24u

struct sink {
    char *out;
    size_t cap;
    size_t used;
    bool full;
};

static void put(struct sink *sink, const void *data, size_t n)
{
    if (sink->full || n >= sink->cap - sink->used) {
        sink->full = true;
        return;
    }
    memcpy(sink->out + sink->used, data, n);
    sink->used += n;
    sink->out[sink->used] = '\0';
}

static void put_hashes(struct sink *sink, const struct ak_range *range)
{
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    for (unsigned i = 0; i < range->count; i++) {
        put(sink, text, ak_base64_encode(text, sizeof(text), range->hash[i].b, AK_HASH_BYTES));
        put(sink, "\n", 1);
    }
}

enum ak_code ak_fork_format(char *out, size_t cap, size_t *n, const struct ak_fork *fork,
                            struct ak_error *err)
{
    struct sink sink = {.out = out, .cap = cap};
    char length[LENGTH_BYTES];

    *n = 0;
    put(&sink, HEADING "\n", sizeof(HEADING));
    put(&sink, length, (size_t)snprintf(length, sizeof(length), "%zu\n", fork->smaller.len));
    put_hashes(&sink, &fork->before);
    put_hashes(&sink, &fork->after);
    put(&sink, "\n", 1);
    put(&sink, fork->smaller.note, fork->smaller.len);
    put(&sink, fork->larger.note, fork->larger.len);
    if (sink.full)
        return ak_fail(err, AK_ELIMIT, "no room to write the proof of a fork");
    *n = sink.used;
    return AK_OK;
}

/* The hashes, to the empty line behind them. */
static enum ak_code read_hashes(struct ak_text *rest, struct ak_hash *hash, unsigned *count,
                                struct ak_error *err)
{
    struct ak_text line;
    size_t n;

    *count = 0;
    while (ak_text_line(rest, &line)) {
        if (line.len == 0)
            return AK_OK;
        if (*count == 2 * AK_RANGE_HASHES_MAX)
            return ak_fail(err, AK_EMALFORMED, "a proof of a fork has too many hashes");
        if (ak_base64_decode(hash[*count].b, AK_HASH_BYTES, &n, line.p, line.len, NULL) != AK_OK ||
            n != AK_HASH_BYTES)
            return ak_fail(err, AK_EMALFORMED,
                           "hash %u of a proof of a fork is not base64 of 32 "
                           "bytes",
                           *count);
        (*count)++;
    }
    return ak_fail(err, AK_EMALFORMED,
                   "a proof of a fork has no empty line before its checkpoints");
}

/* Divides them into the two ranges that the sizes ask for. */
static enum ak_code load_ranges(struct ak_fork *fork, const struct ak_hash *hash, unsigned count,
                                struct ak_error *err)
{
    uint64_t m = fork->smaller.checkpoint.size;
    uint64_t n = fork->larger.checkpoint.size;
    unsigned first = m == n ? 0 : ak_range_nodes(0, m, NULL);
    enum ak_code rc;

    if (m > n)
        return ak_fail(err, AK_EMALFORMED,
                       "the first checkpoint of a proof of a fork is the larger");
    if (m == n || count < first) {
        ak_range_init(&fork->before, 0);
        ak_range_init(&fork->after, 0);
        return count == 0 && m == n
                   ? AK_OK
                   : ak_fail(err, AK_EMALFORMED, "a proof of a fork has %u hashes", count);
    }
    rc = ak_range_load(&fork->before, 0, m, hash, first, err);
    if (rc == AK_OK)
        rc = ak_range_load(&fork->after, m, n, hash + first, count - first, err);
    return rc == AK_OK ? rc : AK_EMALFORMED;
}

enum ak_code ak_fork_parse(struct ak_fork *fork, const void *data, size_t len, struct ak_error *err)
{
    struct ak_hash hash[2 * AK_RANGE_HASHES_MAX];
    struct ak_text rest = {data, len};
    struct ak_text line;
    uint64_t length;
    unsigned count;
    enum ak_code rc;

    memset(fork, 0, sizeof(*fork));
    if (len > AK_FORK_BYTES_MAX || !ak_text_skip(&rest, HEADING "\n"))
        return ak_fail(err, AK_EMALFORMED, "a proof of a fork begins with the line " HEADING);
    if (!ak_text_line(&rest, &line) || !ak_text_decimal(line, AK_NOTE_BYTES_MAX, &length))
        return ak_fail(err, AK_EMALFORMED,
                       "a proof of a fork has no length of its first checkpoint");
    rc = read_hashes(&rest, hash, &count, err);
    if (rc != AK_OK)
        return rc;
    if (length == 0 || rest.len <= length || rest.len - length > AK_NOTE_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "a proof of a fork does not hold two checkpoints");
    fork->smaller.note = rest.p;
    fork->smaller.len = (size_t)length;
    fork->larger.note = rest.p + length;
    fork->larger.len = rest.len - (size_t)length;
    rc = ak_history_read(&fork->smaller, err);
    if (rc == AK_OK)
        rc = ak_history_read(&fork->larger, err);
    if (rc == AK_OK && strcmp(fork->smaller.checkpoint.origin, fork->larger.checkpoint.origin) != 0)
        rc = ak_fail(err, AK_EMALFORMED, "the checkpoints of a proof of a fork are of two logs");
    return rc == AK_OK ? load_ranges(fork, hash, count, err) : rc;
}

bool ak_fork_contradicts(const struct ak_fork *fork)
{
    struct ak_range whole = fork->before;
    struct ak_hash root;

    if (fork->smaller.checkpoint.size == fork->larger.checkpoint.size)
        return !ak_hash_equal(&fork->smaller.checkpoint.root, &fork->larger.checkpoint.root);
    if (ak_range_root(&fork->before, &root, NULL) != AK_OK ||
        ak_hash_equal(&root, &fork->smaller.checkpoint.root))
        return false;
    return ak_range_merge(&whole, &fork->after, NULL) == AK_OK &&
           ak_range_root(&whole, &root, NULL) == AK_OK &&
           ak_hash_equal(&root, &fork->larger.checkpoint.root);
}

void ak_fork_judge(struct ak_fork *fork, const struct ak_history_trust *trust,
                   struct ak_claim *claim, struct ak_vkey *key, bool *key_given)
{
    *key_given = ak_history_key(trust, fork->smaller.checkpoint.origin, key);
    if (!*key_given) {
        ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "", "no key of %s was given",
                      fork->smaller.checkpoint.origin);
        return;
    }
    ak_history_judge_lines(&fork->smaller, key, trust, NULL);
    ak_history_judge_lines(&fork->larger, key, trust, NULL);
    if (!ak_history_binds(&fork->smaller) || !ak_history_binds(&fork->larger))
        ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the key that was given has not signed both checkpoints, so they prove "
                      "nothing against its holder");
    else if (!ak_fork_contradicts(fork))
        ak_claim_fail(claim, AK_FINDING_ALTERED, "",
                      "this is no proof of a fork: its hashes do not show that the checkpoints "
                      "contradict each other");
    else
        ak_history_tell_fork(claim, fork);
}
