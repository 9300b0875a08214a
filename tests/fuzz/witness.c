/* witness.c - what a witness reads of strangers: an HTTP request, however it is cut, and the body
 * of add-checkpoint.
 *
 * The first byte of an input says how many bytes are fed at a time (0: all). However a request is
 * cut it is the same request; what is taken as a body of add-checkpoint is within its bounds. */
#include "witness_http.h"
#include "witness_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    enum ak_witness_step step;
    size_t used;
    struct ak_witness_http http;
    char *path;
    uint8_t *body;
};

static void check(int good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "witness: %s\n", what);
    abort();
}

static void run(const uint8_t *data, size_t size, size_t at_once, struct result *out)
{
    struct ak_witness_parser *p;

    memset(out, 0, sizeof(*out));
    if (ak_witness_parser_new(&p, NULL) != AK_OK)
        abort();
    out->step = AK_WITNESS_MORE;
    while (out->used < size && out->step == AK_WITNESS_MORE) {
        size_t n = size - out->used < at_once ? size - out->used : at_once;
        size_t used = 0;
        out->step = ak_witness_parser_feed(p, data + out->used, n, &used);
        check(used <= n && (used == n || out->step != AK_WITNESS_MORE), "bytes are not accounted");
        out->used += used;
    }
    out->http = *ak_witness_parser_request(p);
    check((out->step == AK_WITNESS_REFUSED) == (out->http.status != 0), "a refusal has a status");
    if (out->step == AK_WITNESS_COMPLETE) {
        check(out->http.path_len > 0 && out->http.path[0] == '/', "a path begins with a slash");
        check(out->http.body_len <= AK_WITNESS_BODY_BYTES_MAX, "a body is bounded");
        out->path = malloc(out->http.path_len);
        out->body = malloc(out->http.body_len + 1);
        if (out->path == NULL || out->body == NULL)
            abort();
        memcpy(out->path, out->http.path, out->http.path_len);
        if (out->http.body_len > 0)
            memcpy(out->body, out->http.body, out->http.body_len);
    }
    ak_witness_parser_free(p);
}

static void parse_body(const uint8_t *data, size_t size)
{
    struct ak_witness_request *request = malloc(sizeof(*request));

    if (request == NULL)
        abort();
    if (ak_witness_request_parse(request, data, size, NULL) == AK_OK) {
        check(request->count <= AK_WITNESS_PROOF_HASHES_MAX, "too many hashes");
        check(request->checkpoint.origin[0] != '\0', "a checkpoint has an origin");
        check(request->note_text + request->note_len == (const char *)data + size,
              "the note ends with the body");
    }
    free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole;
    struct result cut;

    if (size == 0)
        return 0;
    run(data + 1, size - 1, size, &whole);
    run(data + 1, size - 1, data[0] == 0 ? size : data[0], &cut);
    check(whole.step == cut.step && whole.http.status == cut.http.status, "cuts change the answer");
    if (whole.step == AK_WITNESS_COMPLETE) {
        check(whole.used == cut.used && whole.http.method == cut.http.method &&
                  whole.http.keep_alive == cut.http.keep_alive &&
                  whole.http.path_len == cut.http.path_len &&
                  memcmp(whole.path, cut.path, whole.http.path_len) == 0 &&
                  whole.http.body_len == cut.http.body_len &&
                  memcmp(whole.body, cut.body, whole.http.body_len) == 0,
              "cuts change the request");
        parse_body(whole.body, whole.http.body_len);
    }
    free(whole.path);
    free(whole.body);
    free(cut.path);
    free(cut.body);
    parse_body(data + 1, size - 1);
    return 0;
}
