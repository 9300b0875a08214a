/* bundle_sums.c - SHA256SUMS against the files (docs/format.md 14.2), and how each file is vouched
 * for. */
#include "bundle_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_CHARS (2u * AK_HASH_BYTES)

/* One line for each file. */
#define SUMS_BYTES_MAX (AK_BUNDLE_NAMES * 128u)

static void hex(char out[HEX_CHARS + 1], const struct ak_hash *hash)
{
    for (unsigned i = 0; i < AK_HASH_BYTES; i++)
        (void)snprintf(out + (size_t)i * 2, 3, "%02x", hash->b[i]);
}

/* Digests of files that nobody has read yet. */
static enum ak_code digest_rest(struct ak_bundle_judgement *j, struct ak_error *err)
{
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        struct ak_bundle_stream s;
        enum ak_code rc;
        if (!j->files.part[i].there || j->digested[i])
            continue;
        rc = ak_bundle_stream_open(&s, &j->files, (enum ak_bundle_name)i, err);
        if (rc == AK_OK)
            rc = ak_bundle_stream_digest(&s, &j->digest[i], err);
        ak_bundle_stream_close(&s);
        if (rc != AK_OK)
            return rc;
        j->digested[i] = true;
    }
    return AK_OK;
}

/* The lines that these files make. */
static size_t make_sums(const struct ak_bundle_judgement *j, char *out)
{
    size_t n = 0;

    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        char digits[HEX_CHARS + 1];
        if (i == AK_BUNDLE_SUMS || !j->files.part[i].there)
            continue;
        hex(digits, &j->digest[i]);
        n += (size_t)snprintf(out + n, SUMS_BYTES_MAX - n, "%s  %s\n", digits,
                              ak_bundle_file_name((enum ak_bundle_name)i));
    }
    return n;
}

/* The first file whose line is not there, or differs. */
static void tell_difference(struct ak_bundle_judgement *j, struct ak_text sums, const char *made,
                            size_t made_len)
{
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_CUSTODY);
    struct ak_text rest = {made, made_len};
    struct ak_text line;
    struct ak_text given;

    while (ak_text_line(&rest, &line)) {
        const char *name = line.p + HEX_CHARS + 2;
        int len = (int)(line.len - HEX_CHARS - 2);
        if (!ak_text_line(&sums, &given) || given.len != line.len ||
            memcmp(given.p + HEX_CHARS, line.p + HEX_CHARS, line.len - HEX_CHARS) != 0) {
            ak_claim_fail(claim, AK_FINDING_MALFORMED, "",
                          "SHA256SUMS has no line for %.*s where it must stand", len, name);
            return;
        }
        if (memcmp(given.p, line.p, HEX_CHARS) != 0)
            ak_claim_fail(claim, AK_FINDING_ALTERED, "",
                          "%.*s is not the file that SHA256SUMS lists: it was changed after the "
                          "bundle was made",
                          len, name);
    }
    if (sums.len > 0)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "",
                      "SHA256SUMS lists more files than there are");
}

static void fill_ledger(struct ak_bundle_judgement *j)
{
    struct ak_bundle_result *r = j->result;
    bool authentic = r->claim[AK_BUNDLE_AUTHENTIC].claim.verdict == AK_VALID && r->proven;

    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        bool proven = i == AK_BUNDLE_PROOF || i == AK_BUNDLE_ENTRIES || i == AK_BUNDLE_OPENINGS ||
                      i == AK_BUNDLE_OWN || i == AK_BUNDLE_RECORDS || i == AK_BUNDLE_POSITIONS;
        if (!j->files.part[i].there)
            r->ledger[i] = AK_BUNDLE_FILE_ABSENT;
        else if (proven && authentic)
            r->ledger[i] = AK_BUNDLE_FILE_PROVEN;
        else if (i >= AK_BUNDLE_STAMP && i <= AK_BUNDLE_STAMP_LAST)
            r->ledger[i] = j->stamp_counts[i - AK_BUNDLE_STAMP] ? AK_BUNDLE_FILE_STAMP
                                                                : AK_BUNDLE_FILE_UNCHECKED;
        else if (i == AK_BUNDLE_STAMPED)
            r->ledger[i] = j->stamped_good ? AK_BUNDLE_FILE_SIGNED : AK_BUNDLE_FILE_UNCHECKED;
        else if (i == AK_BUNDLE_CHECKPOINT && authentic)
            r->ledger[i] = AK_BUNDLE_FILE_SIGNED;
        else if (proven || i == AK_BUNDLE_CHECKPOINT)
            r->ledger[i] = AK_BUNDLE_FILE_UNCHECKED;
        else if (i < AK_BUNDLE_JSONL || i > AK_BUNDLE_PROVENANCE)
            r->ledger[i] = AK_BUNDLE_FILE_STATEMENT;
    }
}

enum ak_code ak_bundle_sums_check(struct ak_bundle_judgement *j, struct ak_error *err)
{
    char made[SUMS_BYTES_MAX];
    struct ak_error why = {0};
    char *sums = NULL;
    size_t len = 0;
    size_t made_len;
    enum ak_code rc;

    (void)ak_bundle_claim(j, AK_BUNDLE_CUSTODY);
    rc = digest_rest(j, err);
    if (rc == AK_OK)
        rc = ak_bundle_copies_end(j, err);
    if (rc != AK_OK)
        return rc;
    fill_ledger(j);
    rc = ak_bundle_readme_check(j, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_bundle_read(&j->files, AK_BUNDLE_SUMS, SUMS_BYTES_MAX, &sums, &len,
                        &j->digest[AK_BUNDLE_SUMS], &why);
    if (rc != AK_OK)
        return ak_bundle_fail(j, AK_BUNDLE_CUSTODY, rc, &why);
    hex(j->result->sums_digest, &j->digest[AK_BUNDLE_SUMS]);
    made_len = make_sums(j, made);
    tell_difference(j, (struct ak_text){sums, len}, made, made_len);
    free(sums);
    return AK_OK;
}
