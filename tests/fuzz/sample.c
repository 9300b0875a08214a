/* sample.c - what an auditor and an operator give each other, from hostile bytes: requests that
 * read are, written again, the same bytes; no answer is VALID under a root that nobody signed;
 * findings, earlier sheets and events end in a code. */
#include "sample_answers.h"
#include "sample_findings.h"
#include "sample_requests.h"
#include "sheet.h"

#include <akashi/format.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the corpus was made with, so that signatures are judged too. */
#define VKEY                                                                                       \
    "a.example/syslog/7cde11b42c65ba1efe58e859c973fe1c+b5655d77+"                                  \
    "ASJdXOfABX8KMp/SQqNpswaa1ugT4QbpyaWOS4WHD5Td"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_requests(const uint8_t *data, size_t size)
{
    static struct ak_sample_requests requests;
    struct ak_hash seed;
    char *again = NULL;
    size_t len = 0;
    FILE *file;

    if (ak_sample_requests_parse(&requests, (const char *)data, size, NULL) != AK_OK)
        return;
    ak_sample_requests_seed(&requests, &seed);
    file = open_memstream(&again, &len);
    check(file != NULL);
    ak_sample_requests_write(file, &requests);
    check(fclose(file) == 0 && len == size && memcmp(again, data, size) == 0);
    free(again);
}

/* Under a root of zeros nothing is included. */
static void try_item(struct ak_answers *answers, uint64_t index,
                     const struct ak_sample_anchor *anchor)
{
    static struct ak_sample_judged judged;
    struct ak_sample_item item;

    if (ak_answers_item(answers, index, &item, NULL) != AK_OK)
        return;
    check(item.index == index && item.payload_len <= AK_PAYLOAD_BYTES_MAX &&
          item.path_count <= AK_PROOF_HASHES_MAX);
    ak_sample_item_judge(&item, anchor, &judged);
    check(judged.claim.verdict != AK_VALID && !judged.proven);
    ak_sample_item_free(&item);
}

static void try_answers(FILE *file, const struct ak_vkey *key)
{
    static struct ak_sample_anchor anchor;
    struct ak_answers *answers;
    struct ak_hash request;

    if (ak_answers_open(&answers, file, NULL) != AK_OK)
        return;
    anchor.key = *key;
    anchor.checkpoint.size = AK_TREE_SIZE_MAX;
    (void)ak_answers_request(answers, &request);
    check(strlen(ak_answers_origin(answers)) <= AK_ORIGIN_BYTES_MAX);
    for (size_t i = 0; i < ak_answers_count(answers); i++) {
        check(i == 0 || ak_answers_index(answers, i - 1) < ak_answers_index(answers, i));
        try_item(answers, ak_answers_index(answers, i), &anchor);
    }
    try_item(answers, 7, &anchor);
    ak_answers_close(answers);
}

static enum ak_code on_line(void *ctx, uint64_t index, enum ak_sample_finding finding,
                            const char *note, struct ak_error *err)
{
    size_t *lines = ctx;

    (void)index;
    (void)err;
    check(finding <= AK_SAMPLE_DEVIATION && strlen(note) < AK_FINDINGS_LINE_BYTES_MAX);
    (*lines)++;
    return AK_OK;
}

static void try_findings(FILE *file)
{
    struct ak_error err = {0};
    struct ak_hash seed;
    size_t lines = 0;
    enum ak_code rc = ak_findings_read(file, &seed, on_line, &lines, &err);

    check(rc == AK_OK || (rc == AK_EUSAGE && err.text[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ak_sheet_previous previous;
    struct ak_sample_event event;
    struct ak_vkey key;
    FILE *file;

    check(ak_vkey_parse(&key, VKEY, strlen(VKEY), NULL) == AK_OK);
    try_requests(data, size);
    if (ak_sheet_previous_parse(&previous, (const char *)data, size, NULL) == AK_OK)
        check(previous.result.bound <= previous.result.population);
    (void)ak_sample_event_read(&event, data, size);
    if (size == 0)
        return 0;
    file = fmemopen((void *)(uintptr_t)data, size, "r");
    check(file != NULL);
    try_answers(file, &key);
    rewind(file);
    try_findings(file);
    fclose(file);
    return 0;
}
