/* bundle_copies.c - derived copies of a bundle are made again from what is proven, and compared by
 * their digests (docs/format.md 14.8). */
#include "bundle_private.h"

#include "bundle_derive.h"

#include <string.h>

enum ak_code ak_bundle_copies_begin(struct ak_bundle_judgement *j, struct ak_error *err)
{
    bool jsonl = j->files.part[AK_BUNDLE_JSONL].there;
    bool csv = j->files.part[AK_BUNDLE_CSV].there;

    if (jsonl)
        j->jsonl = ak_bundle_derive_hash(&j->jsonl_sha);
    if (csv)
        j->csv = ak_bundle_derive_hash(&j->csv_sha);
    if ((jsonl && j->jsonl == NULL) || (csv && j->csv == NULL))
        return ak_fail(err, AK_ENOMEM, "no memory to compare the copies in a bundle");
    if (csv)
        ak_bundle_derive_csv_head(j->csv);
    return AK_OK;
}

void ak_bundle_copies_entry(struct ak_bundle_judgement *j, const struct ak_bundle_entry *entry)
{
    if (entry->payload == NULL || !ak_kind_received(entry->entry.kind))
        return;
    if (j->jsonl != NULL)
        ak_bundle_derive_jsonl(j->jsonl, entry, &j->sources);
    if (j->csv != NULL)
        ak_bundle_derive_csv(j->csv, entry, &j->sources);
}

static void compare(struct ak_bundle_judgement *j, enum ak_bundle_name name,
                    const struct ak_hash *made)
{
    if (ak_hash_equal(made, &j->digest[name])) {
        j->result->ledger[name] = AK_BUNDLE_FILE_DERIVED;
        return;
    }
    j->result->ledger[name] = AK_BUNDLE_FILE_UNCHECKED;
    ak_claim_fail(ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC), AK_FINDING_ALTERED, "",
                  "%s is not the copy of what is proven here: do not use it",
                  ak_bundle_file_name(name));
}

static void end_stream(struct ak_bundle_judgement *j, FILE **file, struct ak_sha256_ctx *sha,
                       enum ak_bundle_name name)
{
    struct ak_hash made;

    if (*file == NULL)
        return;
    (void)fclose(*file);
    *file = NULL;
    ak_sha256_final(sha, &made);
    compare(j, name, &made);
}

static enum ak_code end_provenance(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_bundle_derive_file files[AK_BUNDLE_NAMES];
    struct ak_sha256_ctx sha;
    struct ak_hash made;
    FILE *file;

    if (!j->files.part[AK_BUNDLE_PROVENANCE].there || !j->result->has_about)
        return AK_OK;
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++)
        files[i] = (struct ak_bundle_derive_file){.there = j->files.part[i].there,
                                                  .bytes = j->files.part[i].bytes,
                                                  .digest = j->digest[i]};
    file = ak_bundle_derive_hash(&sha);
    if (file == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to compare the copies in a bundle");
    ak_bundle_derive_provenance(file, &j->result->about, files);
    (void)fclose(file);
    ak_sha256_final(&sha, &made);
    compare(j, AK_BUNDLE_PROVENANCE, &made);
    return AK_OK;
}

enum ak_code ak_bundle_copies_end(struct ak_bundle_judgement *j, struct ak_error *err)
{
    /* A copy of what could not be read to its end would differ by that alone. */
    if (!j->result->proven || j->payloads_broken) {
        for (unsigned i = AK_BUNDLE_JSONL; i <= AK_BUNDLE_PROVENANCE; i++)
            j->result->ledger[i] = AK_BUNDLE_FILE_UNCHECKED;
        return AK_OK;
    }
    end_stream(j, &j->jsonl, &j->jsonl_sha, AK_BUNDLE_JSONL);
    end_stream(j, &j->csv, &j->csv_sha, AK_BUNDLE_CSV);
    return end_provenance(j, err);
}

void ak_bundle_copies_free(struct ak_bundle_judgement *j)
{
    if (j->jsonl != NULL)
        (void)fclose(j->jsonl);
    if (j->csv != NULL)
        (void)fclose(j->csv);
}
