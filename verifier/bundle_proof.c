/* bundle_proof.c - stretches of indices, in the one encoding of 14.4. */
#include "bundle_proof.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <string.h>

/* "skip " and a number are the longest lines but for hashes. */
#define LINE_BYTES_MAX 64u

static enum ak_code bad(struct ak_error *err, const char *what)
{
    return ak_fail(err, AK_EMALFORMED, "proof: %s", what);
}

enum ak_code ak_bundle_proof_open(struct ak_bundle_proof *proof,
                                  const struct ak_bundle_files *files, struct ak_error *err)
{
    struct ak_text line;
    enum ak_code rc;

    memset(proof, 0, sizeof(*proof));
    rc = ak_bundle_stream_open(&proof->stream, files, AK_BUNDLE_PROOF, err);
    if (rc == AK_OK)
        rc = ak_bundle_stream_line(&proof->stream, LINE_BYTES_MAX, &line, err);
    if (rc == AK_OK && (!ak_text_skip(&line, AK_BUNDLE_PROOF_LINE) || line.len > 0))
        rc = bad(err, "it does not begin with " AK_BUNDLE_PROOF_LINE);
    if (rc == AK_OK)
        rc = ak_bundle_stream_line(&proof->stream, LINE_BYTES_MAX, &line, err);
    if (rc == AK_OK && !ak_text_decimal(line, AK_TREE_SIZE_MAX, &proof->size))
        rc = bad(err, "its size is no number");
    return rc;
}

void ak_bundle_proof_close(struct ak_bundle_proof *proof)
{
    ak_bundle_stream_close(&proof->stream);
}

static enum ak_code read_range(struct ak_bundle_proof *proof, uint64_t n, struct ak_range *range,
                               struct ak_error *err)
{
    unsigned count = ak_range_nodes(proof->at, proof->at + n, NULL);
    struct ak_text line;

    range->begin = proof->at;
    range->end = proof->at + n;
    range->count = count;
    for (unsigned i = 0; i < count; i++) {
        size_t got;
        enum ak_code rc = ak_bundle_stream_line(&proof->stream, LINE_BYTES_MAX, &line, err);
        if (rc != AK_OK)
            return rc;
        if (ak_base64_decode(range->hash[i].b, AK_HASH_BYTES, &got, line.p, line.len, NULL) !=
                AK_OK ||
            got != AK_HASH_BYTES)
            return ak_fail(err, AK_EMALFORMED,
                           "proof: entries %" PRIu64 " to %" PRIu64
                           " need %u hashes, and there stands another line",
                           proof->at, proof->at + n - 1, count);
    }
    return AK_OK;
}

enum ak_code ak_bundle_proof_next(struct ak_bundle_proof *proof, bool *show, uint64_t *n,
                                  struct ak_range *range, struct ak_error *err)
{
    struct ak_text line;
    enum ak_code rc;

    *n = 0;
    if (proof->at == proof->size) {
        if (!ak_bundle_stream_ended(&proof->stream))
            return bad(err, "something stands behind its last stretch");
        return proof->some ? AK_OK : bad(err, "it shows no entry");
    }
    rc = ak_bundle_stream_line(&proof->stream, LINE_BYTES_MAX, &line, err);
    if (rc != AK_OK)
        return rc;
    *show = ak_text_skip(&line, "show ");
    if (!*show && !ak_text_skip(&line, "skip "))
        return bad(err, "a stretch is neither shown nor skipped");
    if (!ak_text_decimal(line, proof->size - proof->at, n) || *n == 0)
        return bad(err, "a stretch has no possible length");
    if (proof->any && *show == proof->shown)
        return bad(err, "two stretches that are one");
    if (!*show)
        rc = read_range(proof, *n, range, err);
    proof->any = true;
    proof->shown = *show;
    proof->some = proof->some || *show;
    proof->at += *n;
    return rc;
}

void ak_bundle_proof_put_head(FILE *file, uint64_t size)
{
    fprintf(file, AK_BUNDLE_PROOF_LINE "\n%" PRIu64 "\n", size);
}

void ak_bundle_proof_put_show(FILE *file, uint64_t n)
{
    fprintf(file, "show %" PRIu64 "\n", n);
}

void ak_bundle_proof_put_skip(FILE *file, const struct ak_range *range)
{
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    fprintf(file, "skip %" PRIu64 "\n", range->end - range->begin);
    for (unsigned i = 0; i < range->count; i++) {
        (void)ak_base64_encode(text, sizeof(text), range->hash[i].b, AK_HASH_BYTES);
        fprintf(file, "%s\n", text);
    }
}
