/* bundle_custody.c - the custody record of a bundle under judgement (docs/format.md 14.11): its
 * files are read, and what is found of them is part of claim 5. */
#include "bundle_private.h"

#include <stdlib.h>
#include <string.h>

/* All files, in the order of their names; `*count` is how many were read. */
static enum ak_code read_files(struct ak_bundle_judgement *j, struct ak_custody_file *files,
                               size_t *count, struct ak_error *err)
{
    *count = 0;
    for (size_t i = 0; i < j->files.custody_count; i++) {
        char *data;
        size_t len;
        enum ak_code rc =
            ak_bundle_custody_read(&j->files, i, AK_CUSTODY_BYTES_MAX, &data, &len, err);
        if (rc != AK_OK)
            return rc;
        files[(*count)++] = (struct ak_custody_file){j->files.custody[i].name, data, len};
    }
    return AK_OK;
}

/* The worse one counts, the first of the worst. */
static void merge(struct ak_bundle_judgement *j)
{
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_CUSTODY);
    const struct ak_claim *records = &j->result->custody.claim;

    if (records->told && (!claim->told || records->verdict > claim->verdict))
        *claim = *records;
}

static enum ak_code check(struct ak_bundle_judgement *j, struct ak_custody_file *files,
                          size_t *count, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (j->files.custody_count <= AK_CUSTODY_RECORDS_MAX)
        rc = read_files(j, files, count, err);
    if (rc == AK_OK)
        rc = ak_custody_judge(&j->result->custody, files, j->files.custody_count,
                              &j->digest[AK_BUNDLE_SUMS], j->input->custody_keys,
                              j->input->custody_key_count, err);
    return rc;
}

enum ak_code ak_bundle_custody_check(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_custody_file *files = calloc(AK_CUSTODY_RECORDS_MAX, sizeof(*files));
    struct ak_error why = {0};
    size_t count = 0;
    enum ak_code rc;

    if (files == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a custody record");
    rc = check(j, files, &count, &why);
    if (rc == AK_OK)
        merge(j);
    else /* one that is too long is no record; one that cannot be read is told */
        rc = ak_bundle_fail(j, AK_BUNDLE_CUSTODY, rc == AK_ELIMIT ? AK_EMALFORMED : rc, &why);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)files[i].data);
    free(files);
    return rc == AK_OK ? AK_OK : ak_fail(err, rc, "%s", why.text);
}
