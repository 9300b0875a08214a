/* timestamp.c - time-stamp replies from hostile bytes: what is refused says why, and none counts
 * where no certificate is trusted. */
#include <akashi/timestamp.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char over[] = "example.org/log\n7\n\n"; /* what the corpus is over */
    static struct ak_tsa *nobody;
    struct ak_timestamp stamp;
    struct ak_error err = {0};
    enum ak_code rc;

    if (nobody == NULL)
        check(ak_tsa_new(&nobody, NULL) == AK_OK);
    rc = ak_timestamp_judge(data, size, over, strlen(over), NULL, &stamp, &err);
    check(rc == AK_OK ? stamp.time > 0
                      : (rc == AK_EMALFORMED || rc == AK_EINTEGRITY) && err.text[0] != '\0');
    check(memchr(stamp.authority, 0, sizeof(stamp.authority)) != NULL);
    check(memchr(stamp.policy, 0, sizeof(stamp.policy)) != NULL);
    err = (struct ak_error){0};
    rc = ak_timestamp_judge(data, size, over, strlen(over), nobody, &stamp, &err);
    check(rc != AK_OK && err.text[0] != '\0');
    (void)ak_tsa_add(nobody, data, size, NULL);
    ak_tsa_free(nobody);
    nobody = NULL;
    return 0;
}
