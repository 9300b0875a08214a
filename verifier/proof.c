/* proof.c - the lines of a C2SP tlog-proof@v1.
 *
 * The specification leaves a reader of lax numbers and base64 possible; here a proof has one
 * encoding, so that two different files never say the same. */
#include <akashi/proof.h>

#include <akashi/base64.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEADING "c2sp.org/tlog-proof@v1"

static enum ak_code parse_extra(struct ak_proof *proof, struct ak_text line, struct ak_error *err)
{
    enum ak_code rc = ak_base64_decode(proof->extra, sizeof(proof->extra), &proof->extra_len,
                                       line.p, line.len, err);

    if (rc != AK_OK) {
        ak_wrap(err, "extra line of a proof");
        return rc;
    }
    if (proof->extra_len == 0)
        return ak_fail(err, AK_EMALFORMED, "the extra line of a proof is empty");
    return AK_OK;
}

static enum ak_code parse_index(struct ak_proof *proof, struct ak_text line, struct ak_error *err)
{
    if (!ak_text_skip(&line, "index ") || !ak_text_decimal(line, UINT64_MAX, &proof->index))
        return ak_fail(err, AK_EMALFORMED, "a proof's index line is not `index NUMBER`");
    if (proof->index > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_ELIMIT, "a proof's index is past 2^63 - 1");
    return AK_OK;
}

/* The hashes and the empty line behind them. */
static enum ak_code parse_hashes(struct ak_proof *proof, struct ak_text *rest, struct ak_error *err)
{
    struct ak_text line;
    size_t n;

    proof->count = 0;
    while (ak_text_line(rest, &line)) {
        if (line.len == 0)
            return AK_OK;
        if (proof->count == AK_PROOF_HASHES_MAX)
            return ak_fail(err, AK_ELIMIT, "a proof has more than %d hashes", AK_PROOF_HASHES_MAX);
        if (ak_base64_decode(proof->hash[proof->count].b, AK_HASH_BYTES, &n, line.p, line.len,
                             NULL) != AK_OK ||
            n != AK_HASH_BYTES)
            return ak_fail(err, AK_EMALFORMED, "hash %u of a proof is not base64 of 32 bytes",
                           proof->count);
        proof->count++;
    }
    return ak_fail(err, AK_EMALFORMED, "a proof has no empty line before its checkpoint");
}

enum ak_code ak_proof_parse(struct ak_proof *proof, const void *data, size_t len,
                            struct ak_error *err)
{
    struct ak_text rest = {data, len};
    struct ak_text line;
    enum ak_code rc;

    if (len > AK_PROOF_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a proof of %zu bytes is over %d", len, AK_PROOF_BYTES_MAX);
    if (!ak_text_skip(&rest, HEADING "\n"))
        return ak_fail(err, AK_EMALFORMED, "a proof begins with the line `" HEADING "`");
    proof->extra_len = 0;
    if (!ak_text_line(&rest, &line))
        return ak_fail(err, AK_EMALFORMED, "a proof has no index line");
    if (ak_text_skip(&line, "extra ")) {
        rc = parse_extra(proof, line, err);
        if (rc != AK_OK)
            return rc;
        if (!ak_text_line(&rest, &line))
            return ak_fail(err, AK_EMALFORMED, "a proof has no index line");
    }
    rc = parse_index(proof, line, err);
    if (rc == AK_OK)
        rc = parse_hashes(proof, &rest, err);
    if (rc != AK_OK)
        return rc;
    if (rest.len == 0)
        return ak_fail(err, AK_EMALFORMED, "a proof has no checkpoint");
    if (rest.len > AK_NOTE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a proof's checkpoint is over %d bytes", AK_NOTE_BYTES_MAX);
    proof->checkpoint = rest.p;
    proof->checkpoint_len = rest.len;
    return AK_OK;
}

/* Text that grows in a buffer of the caller's; `full` once something did not fit. */
struct sink {
    char *out;
    size_t cap; /* with room for the NUL */
    size_t used;
    bool full;
};

static void put(struct sink *sink, const char *text, size_t n)
{
    if (sink->full || n >= sink->cap - sink->used) {
        sink->full = true;
        return;
    }
    memcpy(sink->out + sink->used, text, n);
    sink->used += n;
    sink->out[sink->used] = '\0';
}

static void put_base64(struct sink *sink, const uint8_t *data, size_t n)
{
    char text[AK_BASE64_CHARS(AK_PROOF_EXTRA_BYTES_MAX) + 1];

    put(sink, text, ak_base64_encode(text, sizeof(text), data, n));
    put(sink, "\n", 1);
}

enum ak_code ak_proof_format(char *out, size_t cap, size_t *n, const struct ak_proof *proof,
                             struct ak_error *err)
{
    struct sink sink = {.out = out, .cap = cap};
    char index[40];

    *n = 0;
    if (proof->count > AK_PROOF_HASHES_MAX || proof->extra_len > AK_PROOF_EXTRA_BYTES_MAX ||
        proof->index > AK_TREE_SIZE_MAX || proof->checkpoint_len == 0 ||
        proof->checkpoint_len > AK_NOTE_BYTES_MAX)
        return ak_fail(err, AK_EUSAGE, "this proof cannot be written as a tlog-proof");
    put(&sink, HEADING "\n", sizeof(HEADING));
    if (proof->extra_len > 0) {
        put(&sink, "extra ", 6);
        put_base64(&sink, proof->extra, proof->extra_len);
    }
    put(&sink, index, (size_t)snprintf(index, sizeof(index), "index %" PRIu64 "\n", proof->index));
    for (unsigned i = 0; i < proof->count; i++)
        put_base64(&sink, proof->hash[i].b, AK_HASH_BYTES);
    put(&sink, "\n", 1);
    put(&sink, proof->checkpoint, proof->checkpoint_len);
    if (sink.full)
        return ak_fail(err, AK_ELIMIT, "no room to write the proof");
    *n = sink.used;
    return AK_OK;
}
