/* succession.c - the event of a succession from hostile bytes: what is read is, written again, the
 * same members, and its sizes are in their order. */
#include <akashi/succession.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ak_succession s;
    static struct ak_succession again;
    void *object;
    void *object2;
    char *payload;
    size_t len;

    if (ak_succession_read(&s, &object, data, size, NULL) != AK_OK) {
        check(object == NULL);
        return 0;
    }
    check(s.known >= s.size && s.known <= INT64_MAX && s.note_count <= AK_SUCCESSION_NOTES_MAX);
    check(ak_succession_make(&s, &payload, &len, NULL) == AK_OK);
    check(ak_succession_read(&again, &object2, payload, len, NULL) == AK_OK);
    check(again.known == s.known && again.size == s.size && again.note_count == s.note_count);
    check(ak_hash_equal(&again.root, &s.root));
    free(payload);
    ak_succession_done(object2);
    ak_succession_done(object);
    return 0;
}
