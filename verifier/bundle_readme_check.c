/* bundle_readme_check.c - README.txt of a bundle is written again and compared
 * (docs/format.md 14.1): its recipe is typed by people, and whoever meddles with a bundle can put
 * another one there.
 *
 * Happy path: the text is written into a hash, as export writes it, and the file has this digest.
 * So a README.txt of any size costs what reading it costs, and no byte of it is shown.
 *
 * Failure modes: without bundle.json and checkpoint there is nothing to write it from. What is not
 * equal is no fault of the evidence, and is told beside the claims. */
#include "bundle_private.h"

#include "bundle_derive.h"

static enum ak_code digest_text(const struct ak_bundle_judgement *j, enum ak_bundle_recipe opens,
                                struct ak_hash *digest, struct ak_error *err)
{
    struct ak_sha256_ctx sha;
    FILE *file = ak_bundle_derive_hash(&sha);

    if (file == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to compare README.txt");
    ak_bundle_readme_put(file, &j->result->about, &j->result->checkpoint, opens,
                         j->files.part[AK_BUNDLE_STAMPED].there);
    (void)fclose(file);
    ak_sha256_final(&sha, digest);
    return AK_OK;
}

enum ak_code ak_bundle_readme_check(struct ak_bundle_judgement *j, struct ak_error *err)
{
    struct ak_bundle_result *r = j->result;
    struct ak_hash digest;

    if (!r->has_about || !r->has_checkpoint)
        return AK_OK;
    r->readme = AK_BUNDLE_README_DIFFERS;
    for (unsigned i = 0; i < AK_BUNDLE_RECIPES; i++) {
        enum ak_code rc;
        /* Openings are not read without the log's key, nor behind what is broken in them: any of
         * the recipes may be the right one then, and each is one of ours. */
        if (!j->payloads_broken && i != (unsigned)j->opens)
            continue;
        rc = digest_text(j, (enum ak_bundle_recipe)i, &digest, err);
        if (rc != AK_OK)
            return rc;
        if (ak_hash_equal(&digest, &j->digest[AK_BUNDLE_README]))
            r->readme = AK_BUNDLE_README_EQUAL;
    }
    if (r->readme == AK_BUNDLE_README_EQUAL)
        r->ledger[AK_BUNDLE_README] = AK_BUNDLE_FILE_WRITTEN;
    return AK_OK;
}
