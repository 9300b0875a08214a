/* parts.c - commitment by parts, from hostile bytes. As a record: its split is the one of the
 * format's words, and shown in part it comes to the same commitment as whole. As parts that
 * somebody shows: what is accepted without anything withheld is the split of its bytes, and no
 * other. */
#include "../unit/reference_parts.h"

#include <akashi/parts.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD_MAX 65536u
#define WITHHELD   255u

static size_t end[RECORD_MAX / AK_PART_BYTES_MIN + 1];

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_record(const uint8_t *data, size_t size)
{
    static struct ak_parts_room *room;
    const uint8_t key[AK_RECORD_KEY_BYTES] = {7};
    uint32_t m = reference_split(data, size, end, RECORD_MAX / AK_PART_BYTES_MIN + 1);
    struct ak_hash expected =
        reference_parts(key, data, size, end, RECORD_MAX / AK_PART_BYTES_MIN + 1);
    struct ak_parts_shown shown;
    struct ak_hash out;
    size_t at = 0;

    room = room == NULL ? ak_parts_room_new() : room;
    check(room != NULL && ak_parts_count(data, size) == m);
    ak_parts_take(room, key, data, size, out.b);
    ak_parts_finish(room);
    check(ak_hash_equal(&out, &expected));
    check(ak_parts_shown_begin(&shown, m, NULL) == AK_OK);
    for (uint32_t j = 0; j < m; j++) {
        uint32_t len = ak_part_length(data + at, size - at);
        uint8_t salt[AK_SALT_BYTES];
        check(at + len == end[j]);
        ak_part_salt(salt, key, j);
        if (size > 0 && data[j % size] % 2 == 0) {
            ak_part_commitment(&out, salt, data + at, len);
            check(ak_parts_shown_withheld(&shown, out.b, NULL) == AK_OK);
        } else {
            check(ak_parts_shown_part(&shown, salt, data + at, len, NULL) == AK_OK);
        }
        at += len;
    }
    check(ak_parts_shown_end(&shown, &out, NULL) == AK_OK && ak_hash_equal(&out, &expected));
}

/* m, then for each part a length and as many bytes, or WITHHELD. */
static void try_shown(const uint8_t *data, size_t size)
{
    static uint8_t text[RECORD_MAX];
    static size_t border[RECORD_MAX];
    const uint8_t zero[AK_HASH_BYTES] = {0};
    struct ak_parts_shown shown;
    struct ak_hash out;
    uint32_t m = size > 1 ? (uint32_t)data[0] << 8 | data[1] : 0;
    uint32_t parts = 0;
    bool all = true;
    size_t len = 0;
    enum ak_code rc = ak_parts_shown_begin(&shown, m, NULL);

    for (size_t at = 2; rc == AK_OK && at < size; parts++) {
        size_t n = data[at++];
        if (n == WITHHELD) {
            all = false;
            rc = ak_parts_shown_withheld(&shown, zero, NULL);
            continue;
        }
        n = n < size - at ? n : size - at;
        rc = ak_parts_shown_part(&shown, zero, data + at, n, NULL);
        if (n > 0)
            memcpy(text + len, data + at, n);
        len += n;
        at += n;
        border[parts] = len;
    }
    rc = rc == AK_OK ? ak_parts_shown_end(&shown, &out, NULL) : rc;
    check(rc == AK_OK || rc == AK_EMALFORMED);
    if (rc != AK_OK || !all)
        return;
    check(reference_split(text, len, end, RECORD_MAX / AK_PART_BYTES_MIN + 1) == m && parts == m);
    check(memcmp(border, end, m * sizeof(border[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > RECORD_MAX)
        return 0;
    try_record(data, size);
    try_shown(data, size);
    return 0;
}
