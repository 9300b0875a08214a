/* custody_judge.c - a bundle's custody records, one by one and as a chain (docs/format.md R44).
 *
 * What does not fit by digest or signature is wrong; what does not fit as people tell it (a time
 * that falls, a hand-over from somebody who did not have it) is told as a remark: clocks and names
 * are statements, and no program knows which one is right. */
#include <akashi/custody.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judging {
    struct ak_custody *custody;
    const struct ak_hash *evidence;
    const struct ak_vkey *keys;
    size_t key_count;
    bool *verified; /* of the keys, of one record */
};

/* The number that a file's name states; 0 if it is no such name. */
static unsigned number_of_name(const char *name)
{
    unsigned number = 0;

    for (size_t i = 0; i < AK_CUSTODY_NAME_CHARS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        number = number * 10 + (unsigned)(name[i] - '0');
    }
    return name[AK_CUSTODY_NAME_CHARS] == '\0' && number <= AK_CUSTODY_RECORDS_MAX ? number : 0;
}

/* Whether, and whose, signature counts. */
static void judge_lines(struct judging *j, const struct ak_note *note, struct ak_custody_item *item)
{
    struct ak_claim *claim = &j->custody->claim;
    struct ak_error err = {0};
    enum ak_code rc = AK_EKEY;

    item->lines = note == NULL ? 0 : note->count;
    if (j->key_count == 0)
        return;
    if (note != NULL)
        rc = ak_note_verify(note, j->keys, j->key_count, j->verified, &err);
    if (rc == AK_EKEY)
        ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "R44",
                      "custody record %u is not signed by any key that was given.",
                      item->record.number);
    else if (rc == AK_ESIGNATURE)
        ak_claim_fail(claim, AK_FINDING_ALTERED, "R44", "custody record %u: %s.",
                      item->record.number, err.text);
    else if (rc != AK_OK)
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "R44", "custody record %u: %s.",
                      item->record.number, err.text);
    for (size_t i = 0; rc == AK_OK && i < j->key_count && !item->is_signed; i++) {
        if (!j->verified[i])
            continue;
        item->is_signed = true;
        (void)snprintf(item->signer, sizeof(item->signer), "%s", j->keys[i].name);
    }
}

/* A record beside the one before it (NULL: that is not there). */
static void judge_chain(struct judging *j, const struct ak_custody_item *before,
                        struct ak_custody_item *item)
{
    struct ak_claim *claim = &j->custody->claim;
    const struct ak_custody_record *record = &item->record;

    if (!ak_hash_equal(&record->evidence, j->evidence))
        ak_claim_fail(
            claim, AK_FINDING_ALTERED, "R44",
            "custody record %u speaks of another bundle, or SHA256SUMS was changed since.",
            record->number);
    if (before == NULL)
        return;
    if (record->has_previous && !ak_hash_equal(&record->previous, &before->digest))
        ak_claim_fail(
            claim, AK_FINDING_ALTERED, "R44",
            "custody record %u does not follow the one here before it: one of the two was "
            "changed.",
            record->number);
    if (!before->readable)
        return;
    item->time_falls = record->at < before->record.at;
    item->not_from_him = strcmp(record->by, before->record.to[0] == '\0' ? before->record.by
                                                                         : before->record.to) != 0;
    if (item->time_falls || item->not_from_him)
        j->custody->remarks++;
}

static void judge_file(struct judging *j, const struct ak_custody_file *file, unsigned number,
                       const struct ak_custody_item *before, struct ak_custody_item *item)
{
    struct ak_error err = {0};
    bool is_signed;
    struct ak_note note;

    ak_sha256(&item->digest, file->data, file->len);
    if (ak_custody_parse(&item->record, &is_signed, &note, file->data, file->len, &err) != AK_OK) {
        ak_claim_fail(&j->custody->claim, AK_FINDING_MALFORMED, "R44", "custody/%s: %s.",
                      file->name, err.text);
        return;
    }
    item->readable = true;
    judge_chain(j, before, item);
    if (item->record.number != number)
        ak_claim_fail(&j->custody->claim, AK_FINDING_MALFORMED, "R44",
                      "custody/%s holds record %u: it was renamed.", file->name,
                      item->record.number);
    judge_lines(j, is_signed ? &note : NULL, item);
}

static void judge_files(struct judging *j, const struct ak_custody_file *files, size_t count)
{
    struct ak_custody *custody = j->custody;
    unsigned next = 1;

    for (size_t i = 0; i < count; i++) {
        const struct ak_custody_item *before = i > 0 ? &custody->item[i - 1] : NULL;
        unsigned number = number_of_name(files[i].name);
        if (number == 0) {
            ak_claim_fail(&custody->claim, AK_FINDING_MALFORMED, "R44",
                          "custody/%s is no name of a custody record.", files[i].name);
            number = next;
        }
        if (number < next) {
            ak_claim_fail(&custody->claim, AK_FINDING_MALFORMED, "R44",
                          "custody record %u is there twice.", number);
            before = NULL;
        } else if (number != next) {
            ak_claim_fail(&custody->claim, AK_FINDING_MISSING, "R44",
                          "custody record %u is not there, though record %u is.", next, number);
            before = NULL;
        }
        judge_file(j, &files[i], number, before, &custody->item[i]);
        next = number + 1;
    }
}

enum ak_code ak_custody_judge(struct ak_custody *custody, const struct ak_custody_file *files,
                              size_t count, const struct ak_hash *evidence,
                              const struct ak_vkey *keys, size_t key_count, struct ak_error *err)
{
    struct judging j = {custody, evidence, keys, key_count, NULL};

    memset(custody, 0, sizeof(*custody));
    if (count > AK_CUSTODY_RECORDS_MAX) {
        ak_claim_fail(&custody->claim, AK_FINDING_MALFORMED, "R44",
                      "more than %u files in the custody record.", AK_CUSTODY_RECORDS_MAX);
        return AK_OK;
    }
    custody->item = calloc(count + 1, sizeof(*custody->item));
    j.verified = calloc(key_count + 1, sizeof(bool));
    if (custody->item == NULL || j.verified == NULL) {
        free(j.verified);
        return ak_fail(err, AK_ENOMEM, "no memory for a custody record");
    }
    custody->count = count;
    judge_files(&j, files, count);
    free(j.verified);
    return AK_OK;
}

void ak_custody_free(struct ak_custody *custody)
{
    free(custody->item);
    memset(custody, 0, sizeof(*custody));
}
