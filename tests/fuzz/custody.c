/* custody.c - custody records from hostile bytes: what reads is, written again, the same bytes; a
 * chain of such records is judged, and never VALID for another bundle. Records are divided by a
 * line
 * "--". */
#include <akashi/custody.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS_MAX 8u

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_record(const uint8_t *data, size_t size)
{
    static struct ak_custody_record record;
    static struct ak_note note;
    static char again[AK_CUSTODY_BYTES_MAX];
    struct ak_error err = {0};
    bool is_signed;
    size_t n;
    enum ak_code rc = ak_custody_parse(&record, &is_signed, &note, data, size, &err);

    check(rc == AK_OK || (rc == AK_EMALFORMED && err.text[0] != '\0'));
    if (rc != AK_OK)
        return;
    check(ak_custody_format(again, sizeof(again), &n, &record, NULL) == AK_OK);
    check(n == (is_signed ? note.text_len : size) && memcmp(again, data, n) == 0);
}

static void try_chain(const struct ak_custody_file *files, size_t count)
{
    static const struct ak_hash evidence = {{1}};
    static const struct ak_hash other = {{2}};
    struct ak_custody custody;

    check(ak_custody_judge(&custody, files, count, &evidence, NULL, 0, NULL) == AK_OK);
    check(custody.count == count && custody.remarks <= count);
    if (custody.claim.verdict == AK_VALID && count > 0) {
        ak_custody_free(&custody);
        check(ak_custody_judge(&custody, files, count, &other, NULL, 0, NULL) == AK_OK);
        check(custody.claim.verdict == AK_INVALID);
    }
    ak_custody_free(&custody);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char names[RECORDS_MAX][5] = {"0001", "0002", "0003", "0004",
                                               "0005", "0006", "0007", "0008"};
    struct ak_custody_file file[RECORDS_MAX];
    size_t count = 0;

    while (count < RECORDS_MAX) {
        const uint8_t *cut = size > 0 ? memmem(data, size, "\n--\n", 4) : NULL;
        size_t len = cut == NULL ? size : (size_t)(cut - data) + 1;
        try_record(data, len);
        file[count] = (struct ak_custody_file){names[count], data, len};
        count++;
        if (cut == NULL)
            break;
        data += len + 3;
        size -= len + 3;
    }
    try_chain(file, count);
    return 0;
}
