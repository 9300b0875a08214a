/* bundle.c - a bundle as one file, from hostile bytes: without a key it is never VALID, what is not
 * proven is never complete, and every byte that is given can be read. */
#include <akashi/bundle.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the corpus was made with, so that signatures are judged too. */
#define VKEY                                                                                       \
    "example.org/tiny/5727538875600203ea362b6361f940bd+6d10c6f1+"                                  \
    "AUPRADz5H3F5AV0/kYJkWUJCjHDJkzLftlIOvewlCqkc"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static enum ak_code on_entry(void *ctx, const struct ak_bundle_entry *entry, struct ak_error *err)
{
    uint64_t *sum = ctx;

    (void)err;
    check(entry->payload == NULL || entry->len <= AK_PAYLOAD_BYTES_MAX + 2);
    check(!entry->payload_proven || entry->payload != NULL);
    for (size_t i = 0; entry->payload != NULL && i < entry->len; i++)
        *sum += entry->payload[i]; /* every byte can be read */
    return AK_OK;
}

static void judge(const char *path, const struct ak_vkey *key, const struct ak_bundle_range *expect)
{
    uint64_t sum = 0;
    struct ak_bundle_input input = {.path = path,
                                    .keys = key,
                                    .key_count = key == NULL ? 0 : 1,
                                    .expect = expect,
                                    .ctx = &sum,
                                    .on_entry = on_entry};
    struct ak_bundle_result result;
    struct ak_error err = {0};
    enum ak_code rc = ak_bundle_judge(&input, &result, &err);

    check(rc == AK_OK || rc == AK_ENOMEM || rc == AK_EIO);
    if (rc == AK_OK) {
        check(key != NULL || result.verdict != AK_VALID);
        check(result.claim[AK_BUNDLE_AUTHENTIC].made);
        check(result.claim[AK_BUNDLE_AUTHENTIC].claim.verdict != AK_VALID || result.proven);
        check(result.proven || !result.claim[AK_BUNDLE_COMPLETE].made ||
              result.claim[AK_BUNDLE_COMPLETE].claim.verdict != AK_VALID);
        check(result.entries >= result.records + result.own + result.redacted);
    }
    ak_bundle_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ak_bundle_range time = {
        .what = AK_BUNDLE_TIME, .from = 1, .to = UINT64_C(1700000000001000000), .events = true};
    struct ak_vkey key;
    char path[40];
    int fd = memfd_create("bundle", MFD_CLOEXEC);

    check(ak_vkey_parse(&key, VKEY, strlen(VKEY), NULL) == AK_OK);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    judge(path, NULL, NULL);
    judge(path, &key, NULL);
    judge(path, &key, &time);
    close(fd);
    return 0;
}
