/* witness_request.c - reading what a log asks a witness. */
#include "witness_request.h"

#include "text.h"

#include <akashi/base64.h>
#include <akashi/tree.h>

#include <string.h>

static enum ak_code read_old(struct ak_text *rest, uint64_t *size, struct ak_error *err)
{
    struct ak_text line;

    if (!ak_text_line(rest, &line) || !ak_text_skip(&line, "old ") ||
        !ak_text_decimal(line, AK_TREE_SIZE_MAX, size))
        return ak_fail(err, AK_EMALFORMED,
                       "the first line is not \"old \" and a decimal size below 2^63");
    return AK_OK;
}

/* The hashes, to the empty line behind them. */
static enum ak_code read_proof(struct ak_text *rest, struct ak_witness_request *request,
                               struct ak_error *err)
{
    struct ak_text line;
    size_t n;

    while (ak_text_line(rest, &line)) {
        if (line.len == 0)
            return AK_OK;
        if (request->count == AK_WITNESS_PROOF_HASHES_MAX)
            return ak_fail(err, AK_ELIMIT, "the proof has more than %u hashes",
                           AK_WITNESS_PROOF_HASHES_MAX);
        if (ak_base64_decode(request->proof[request->count].b, AK_HASH_BYTES, &n, line.p, line.len,
                             NULL) != AK_OK ||
            n != AK_HASH_BYTES)
            return ak_fail(err, AK_EMALFORMED, "line %u of the proof is not base64 of 32 bytes",
                           request->count + 1);
        request->count++;
    }
    return ak_fail(err, AK_EMALFORMED, "there is no empty line before the checkpoint");
}

enum ak_code ak_witness_request_parse(struct ak_witness_request *request, const void *data,
                                      size_t len, struct ak_error *err)
{
    struct ak_text rest = {data, len};
    enum ak_code rc;

    memset(request, 0, sizeof(*request));
    if (len == 0 || len > AK_WITNESS_BODY_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a request has 1 to %u bytes", AK_WITNESS_BODY_BYTES_MAX);
    rc = read_old(&rest, &request->old_size, err);
    if (rc == AK_OK)
        rc = read_proof(&rest, request, err);
    if (rc != AK_OK)
        return rc;
    request->note_text = rest.p;
    request->note_len = rest.len;
    rc = ak_note_parse(&request->note, rest.p, rest.len, err);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&request->checkpoint, request->note.text, request->note.text_len,
                                 true, err);
    return rc;
}
