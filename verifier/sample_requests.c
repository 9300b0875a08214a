/* sample_requests.c - reading and writing requests: lines of one form each. */
#include "sample_requests.h"

#include "sample_args.h"
#include "text.h"

#include <akashi/base64.h>
#include <akashi/epoch.h>

#include <inttypes.h>
#include <string.h>

#define HEADING "akashi/sample-requests/v1"

struct lines {
    struct ak_text rest;
    unsigned number;
    bool bad;
};

/* The next line; an empty text once something was wrong. */
static struct ak_text next(struct lines *l)
{
    struct ak_text line = {"", 0};

    if (l->bad)
        return line;
    l->number++;
    l->bad = !ak_text_line(&l->rest, &line);
    return line;
}

static uint64_t next_number(struct lines *l, uint64_t max)
{
    uint64_t value = 0;
    struct ak_text line = next(l);

    l->bad = l->bad || !ak_text_decimal(line, max, &value);
    return value;
}

static void next_bytes(struct lines *l, bool may_lack, uint8_t *out, size_t *len)
{
    struct ak_text line = next(l);

    *len = 0;
    if (may_lack && line.len == 1 && line.p[0] == '-')
        return;
    l->bad = l->bad || line.len % 2 != 0 || !ak_sample_nonce_read(line.p, line.len, out, len);
}

static void read_head(struct lines *l, struct ak_sample_requests *r)
{
    struct ak_text line = next(l);
    size_t n = 0;

    l->bad = l->bad || line.len != strlen(HEADING) || memcmp(line.p, HEADING, line.len) != 0;
    line = next(l);
    l->bad = l->bad || line.len > AK_ORIGIN_BYTES_MAX ||
             ak_origin_check(line.p, line.len, NULL) != AK_OK;
    if (l->bad)
        return;
    memcpy(r->origin, line.p, line.len);
    r->size = next_number(l, AK_TREE_SIZE_MAX);
    line = next(l);
    l->bad = l->bad ||
             ak_base64_decode(r->root.b, AK_HASH_BYTES, &n, line.p, line.len, NULL) != AK_OK ||
             n != AK_HASH_BYTES;
}

enum ak_code ak_sample_requests_parse(struct ak_sample_requests *r, const char *data, size_t len,
                                      struct ak_error *err)
{
    struct lines l = {.rest = {data, len}};
    struct ak_text line;

    memset(r, 0, sizeof(*r));
    if (len > AK_REQUESTS_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "requests of more than %u bytes", AK_REQUESTS_BYTES_MAX);
    read_head(&l, r);
    r->first = next_number(&l, AK_TREE_SIZE_MAX);
    r->end = next_number(&l, r->size);
    l.bad = l.bad || r->first >= r->end;
    next_bytes(&l, false, r->nonce, &r->nonce_len);
    next_bytes(&l, true, r->beacon, &r->beacon_len);
    r->records = next_number(&l, AK_SAMPLE_RECORDS_MAX);
    l.bad = l.bad || r->records == 0;
    line = next(&l);
    l.bad = l.bad || line.len != 0 || l.rest.len == 0;
    if (l.bad)
        return ak_fail(err, AK_EMALFORMED, "requests, line %u: it is not as format.md 16.4 has it",
                       l.number);
    r->note = l.rest.p;
    r->note_len = l.rest.len;
    return AK_OK;
}

void ak_sample_requests_write(FILE *file, const struct ak_sample_requests *r)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    char nonce[2 * AK_SAMPLE_NONCE_BYTES_MAX + 1];
    char beacon[2 * AK_SAMPLE_NONCE_BYTES_MAX + 1] = "-";

    (void)ak_base64_encode(root, sizeof(root), r->root.b, AK_HASH_BYTES);
    (void)ak_hex_encode(nonce, sizeof(nonce), r->nonce, r->nonce_len);
    if (r->beacon_len > 0)
        (void)ak_hex_encode(beacon, sizeof(beacon), r->beacon, r->beacon_len);
    fprintf(file,
            HEADING "\n%s\n%" PRIu64 "\n%s\n%" PRIu64 "\n%" PRIu64 "\n%s\n%s\n%" PRIu64 "\n\n",
            r->origin, r->size, root, r->first, r->end, nonce, beacon, r->records);
    fwrite(r->note, 1, r->note_len, file);
}

void ak_sample_requests_seed(const struct ak_sample_requests *r, struct ak_hash *seed)
{
    const struct ak_sample_text text = {.origin = r->origin,
                                        .size = r->size,
                                        .root = r->root,
                                        .first = r->first,
                                        .end = r->end,
                                        .nonce = r->nonce,
                                        .nonce_len = r->nonce_len,
                                        .beacon = r->beacon,
                                        .beacon_len = r->beacon_len};

    ak_sample_seed(&text, seed);
}
