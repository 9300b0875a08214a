/* entry_proof_judge.c - whether a proof shows what it claims (format.md 12).
 *
 * Happy path: file, key, signature lines, inclusion, commitment, each by its own strict rule.
 * Failure modes: the worst of what is found is the claim's verdict; a proof that is right as far as
 * it goes, but for the epoch's key that was not given, is INCOMPLETE. */
#include <akashi/entry_proof.h>

#include <akashi/epoch.h>
#include <akashi/parts.h>
#include <akashi/proof.h>
#include <akashi/tree.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judgement {
    const struct ak_entry_proof_input *input;
    struct ak_entry_proof_result *result;
    struct ak_proof proof;
    struct ak_note note;
    uint8_t entry[AK_ENTRY_BYTES]; /* as it is claimed */
    bool has_salt;
    uint8_t salt[AK_PROOF_ENTRY_BYTES_MAX - AK_ENTRY_BYTES]; /* form 1: salt; form 2: record key */
    struct ak_epoch_note epoch_note;
    const struct ak_vkey *epoch_key; /* if `result->epoch_proven` */
};

/* What messages call the note that was stamped. */
#define STAMPED "the stamped checkpoint"

static void fail_with(struct judgement *j, enum ak_finding_code code, const char *rule,
                      const struct ak_error *err)
{
    ak_claim_fail(&j->result->claim, code, rule, "%s", err->text);
}

/* File and checkpoint, as far as they can be read without a key. */
static bool read_proof(struct judgement *j)
{
    struct ak_error err = {0};
    struct ak_checkpoint *cp = &j->result->checkpoint;
    enum ak_code rc = ak_proof_parse(&j->proof, j->input->text, j->input->text_len, &err);

    if (rc == AK_OK)
        rc = ak_note_parse(&j->note, j->proof.checkpoint, j->proof.checkpoint_len, &err);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(cp, j->note.text, j->note.text_len, false, &err);
    if (rc == AK_OK)
        rc = ak_origin_check(cp->origin, strlen(cp->origin), &err);
    if (rc == AK_OK && cp->size == 0)
        rc = ak_fail(&err, AK_EMALFORMED, "a checkpoint of size 0 is never signed (R6)");
    if (rc != AK_OK) {
        fail_with(j, AK_FINDING_MALFORMED, "", &err);
        return false;
    }
    j->result->has_checkpoint = true;
    j->result->index = j->proof.index;
    return true;
}

static bool find_key(struct judgement *j)
{
    struct ak_entry_proof_result *r = j->result;

    for (size_t i = 0; i < j->input->key_count; i++) {
        if (strcmp(j->input->keys[i].name, r->checkpoint.origin) == 0) {
            r->key = j->input->keys[i];
            r->key_given = true;
            return true;
        }
    }
    ak_claim_fail(&r->claim, AK_FINDING_UNTRUSTED_KEY, "",
                  "no key of %s was given, the log that this proof speaks of",
                  r->checkpoint.origin);
    return false;
}

/* The log key's line: R6, R7, R32. */
static bool check_log_line(struct judgement *j)
{
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    enum ak_code rc = ak_log_checkpoint_verify(&j->result->key, NULL, j->proof.checkpoint,
                                               j->proof.checkpoint_len, &cp, &err);

    if (rc == AK_EKEY)
        ak_claim_fail(&j->result->claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the checkpoint carries no line of the key that was given");
    else if (rc == AK_ESIGNATURE)
        fail_with(j, AK_FINDING_ALTERED, "R7", &err);
    else if (rc != AK_OK)
        fail_with(j, AK_FINDING_MALFORMED, "R7", &err);
    j->result->unknown = cp.unknown;
    return rc == AK_OK;
}

/* The key of an epoch among those given, one whose line the checkpoint has. */
static const struct ak_vkey *given_epoch_key(const struct judgement *j, uint32_t *epoch)
{
    char prefix[AK_KEY_NAME_BYTES_MAX + 1];
    size_t len =
        (size_t)snprintf(prefix, sizeof(prefix), "%s/epoch/", j->result->checkpoint.origin);

    for (size_t i = 0; i < j->input->key_count; i++) {
        const struct ak_vkey *key = &j->input->keys[i];
        uint32_t number;
        char end;
        if (strncmp(key->name, prefix, len) != 0 ||
            sscanf(key->name + len, "%7" SCNu32 "%c", &number, &end) != 1)
            continue;
        for (unsigned s = 0; s < j->note.count; s++) {
            if (j->note.sig[s].name_len == strlen(key->name) &&
                memcmp(j->note.sig[s].name, key->name, j->note.sig[s].name_len) == 0) {
                *epoch = number;
                return key;
            }
        }
    }
    return NULL;
}

/* The start note, if one was given: it shows its key by the origin. NULL if it does not. */
static const struct ak_vkey *start_note_key(struct judgement *j)
{
    struct ak_entry_proof_result *r = j->result;
    struct ak_error err = {0};

    if (j->input->epoch_note == NULL)
        return NULL;
    if (ak_epoch_note_verify(&j->epoch_note, j->input->epoch_note, j->input->epoch_note_len,
                             &r->key, NULL, &err) != AK_OK) {
        fail_with(j, AK_FINDING_EPOCH, "R9", &err);
        return NULL;
    }
    if (j->epoch_note.index > r->index) {
        ak_claim_fail(&r->claim, AK_FINDING_EPOCH, "R11",
                      "epoch %" PRIu32 " begins at entry %" PRIu64 ", behind the entry",
                      j->epoch_note.epoch, j->epoch_note.index);
        return NULL;
    }
    r->epoch = j->epoch_note.epoch;
    return &j->epoch_note.key;
}

/* The epoch's line: R6, R11. */
static void check_epoch_line(struct judgement *j)
{
    struct ak_entry_proof_result *r = j->result;
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    const struct ak_vkey *key = start_note_key(j);
    enum ak_code rc;

    if (key == NULL && j->input->epoch_note == NULL)
        key = given_epoch_key(j, &r->epoch);
    if (key == NULL) {
        ak_claim_fail(&r->claim, AK_FINDING_MISSING, "R11",
                      "the line of the epoch's key could not be checked: the start note that shows "
                      "which key that is was not given. Whoever stole the log key alone could have "
                      "made this proof");
        return;
    }
    rc = ak_log_checkpoint_verify(&r->key, key, j->proof.checkpoint, j->proof.checkpoint_len, &cp,
                                  &err);
    if (rc == AK_OK) {
        r->epoch_proven = true;
        j->epoch_key = key;
        r->unknown = cp.unknown;
    } else if (rc == AK_EKEY &&
               ak_note_has_other_epoch(j->proof.checkpoint, j->proof.checkpoint_len,
                                       r->checkpoint.origin, r->epoch)) {
        ak_claim_fail(&r->claim, AK_FINDING_EPOCH, "R11",
                      "the start note is of epoch %" PRIu32
                      ", the checkpoint was signed in another "
                      "one: a later epoch proves nothing about an earlier entry",
                      r->epoch);
    } else if (rc == AK_EKEY || rc == AK_ESIGNATURE) {
        fail_with(j, AK_FINDING_ALTERED, rc == AK_EKEY ? "R6" : "R7", &err);
    } else {
        fail_with(j, AK_FINDING_MALFORMED, "R7", &err);
    }
}

/* Whether an entry with what stands behind it is as long as its form makes it (12.1). What stands
 * behind one of an unknown form cannot be known. */
static bool extra_fits(const uint8_t *entry, size_t len)
{
    if (entry[0] == AK_FORM_WHOLE)
        return len == AK_PROOF_ENTRY_BYTES;
    if (entry[0] == AK_FORM_PARTS)
        return len == AK_PROOF_PARTS_BYTES;
    return len == AK_PROOF_ENTRY_BYTES || len == AK_PROOF_PARTS_BYTES;
}

static void take_salt(struct judgement *j, const uint8_t *entry, size_t len)
{
    memcpy(j->salt, entry + AK_ENTRY_BYTES, len - AK_ENTRY_BYTES);
    j->has_salt = entry[0] == j->entry[0]; /* of an entry of another form it is no salt */
}

/* The entry that is claimed: the one given, else the proof's own extra data. False if there is none
 * that can be read. */
static bool take_entry(struct judgement *j)
{
    const struct ak_entry_proof_input *in = j->input;
    const struct ak_proof *proof = &j->proof;
    struct ak_claim *claim = &j->result->claim;
    struct ak_error err = {0};
    enum ak_code rc;

    if (proof->extra_len != 0 && !extra_fits(proof->extra, proof->extra_len)) {
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "",
                      "the proof's extra data has %zu bytes; entry and salt have %u, or in form 2 "
                      "entry and record key %u",
                      proof->extra_len, AK_PROOF_ENTRY_BYTES, AK_PROOF_PARTS_BYTES);
        return false;
    }
    if (in->entry != NULL && in->entry_len != AK_ENTRY_BYTES &&
        !extra_fits(in->entry, in->entry_len)) {
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "",
                      "%zu bytes do not stand behind an entry of form %u",
                      in->entry_len - AK_ENTRY_BYTES, in->entry[0]);
        return false;
    }
    if (proof->extra_len == 0 && in->entry == NULL) {
        ak_claim_fail(claim, AK_FINDING_MISSING, "",
                      "the proof does not carry its entry and salt, and none was given");
        return false;
    }
    if (proof->extra_len != 0 && in->entry != NULL &&
        (in->entry_len > proof->extra_len || memcmp(proof->extra, in->entry, in->entry_len) != 0))
        ak_claim_fail(claim, AK_FINDING_ALTERED, "",
                      "the entry given is not the one that the proof carries");
    memcpy(j->entry, in->entry != NULL ? in->entry : proof->extra, AK_ENTRY_BYTES);
    if (in->entry != NULL && in->entry_len > AK_ENTRY_BYTES)
        take_salt(j, in->entry, in->entry_len);
    else if (proof->extra_len != 0)
        take_salt(j, proof->extra, proof->extra_len);
    rc = ak_entry_decode(&j->result->entry, j->entry, AK_ENTRY_BYTES, &err);
    if (rc != AK_OK)
        fail_with(j, rc == AK_EUNSUPPORTED ? AK_FINDING_UNSUPPORTED : AK_FINDING_MALFORMED, "R4",
                  &err);
    j->result->has_entry = rc == AK_OK;
    return true;
}

static void check_inclusion(struct judgement *j)
{
    struct ak_entry_proof_result *r = j->result;
    struct ak_error err = {0};
    struct ak_hash leaf;

    ak_hash_leaf(&leaf, j->entry, AK_ENTRY_BYTES);
    if (ak_inclusion_verify(r->index, r->checkpoint.size, &leaf, j->proof.hash, j->proof.count,
                            &r->checkpoint.root, &err) == AK_OK)
        r->included = true;
    else
        fail_with(j, AK_FINDING_ALTERED, "", &err);
}

static bool commits_to(const struct judgement *j, const void *payload, size_t len)
{
    const uint8_t tag = AK_HASH_PAYLOAD;
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;

    if (j->result->entry.form == AK_FORM_PARTS) {
        ak_parts_commitment(&hash, j->salt, payload, len);
        return ak_hash_equal(&hash, &j->result->entry.commitment);
    }
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, &tag, 1);
    ak_sha256_update(&ctx, j->salt, AK_SALT_BYTES);
    ak_sha256_update(&ctx, payload, len);
    ak_sha256_final(&ctx, &hash);
    return ak_hash_equal(&hash, &j->result->entry.commitment);
}

/* The payload: 3.4. */
static void check_payload(struct judgement *j)
{
    const struct ak_entry_proof_input *in = j->input;
    struct ak_entry_proof_result *r = j->result;

    if (!in->has_payload || !r->has_entry)
        return;
    if (!j->has_salt) {
        ak_claim_fail(&r->claim, AK_FINDING_MISSING, "",
                      "the record cannot be compared: its salt was not given");
        return;
    }
    if (in->payload_len <= AK_PAYLOAD_BYTES_MAX && commits_to(j, in->payload, in->payload_len)) {
        r->payload_proven = true;
        return;
    }
    r->payload_line_end = in->payload_len > 0 && in->payload_len - 1 <= AK_PAYLOAD_BYTES_MAX &&
                          ((const uint8_t *)in->payload)[in->payload_len - 1] == '\n' &&
                          commits_to(j, in->payload, in->payload_len - 1);
    ak_claim_fail(&r->claim, AK_FINDING_ALTERED, "",
                  "the bytes given are not the payload of entry %" PRIu64 "%s", r->index,
                  r->payload_line_end ? "; without the line feed at their end they would be" : "");
}

/* The stamps over the checkpoint: R47, R48. They speak of the entry if that is under it. */
static void check_stamps(struct judgement *j, const struct ak_stamped *in)
{
    const struct ak_vkey *epoch = j->epoch_key;
    struct ak_entry_proof_result *r = j->result;
    struct ak_error err = {0};
    bool good;

    if (in->note == NULL) {
        for (unsigned k = 0; k < in->count; k++)
            r->stamps.there += in->reply[k].data != NULL;
        r->stamps.alone = r->stamps.there > 0;
        return;
    }
    good = ak_stamped_has_form(STAMPED, in->note, in->len, j->proof.checkpoint,
                               j->proof.checkpoint_len, &r->claim) &&
           r->epoch_proven &&
           ak_stamped_is_signed(STAMPED, in->note, in->len, &r->key, epoch, &r->claim) &&
           r->included;
    for (unsigned k = 0; k < in->count; k++) {
        char name[] = "stamp 0";
        bool counts;
        if (in->reply[k].data == NULL)
            continue;
        name[sizeof(name) - 2] = (char)('0' + k);
        if (ak_stamps_judge(&r->stamps, name, in->reply[k].data, in->reply[k].len, in->note,
                            in->len, good, j->input->tsa, &counts, &r->claim, &err) != AK_OK)
            ak_claim_open(&r->claim, "%s", err.text);
    }
}

void ak_entry_proof_judge(const struct ak_entry_proof_input *input,
                          struct ak_entry_proof_result *result)
{
    struct judgement j = {.input = input, .result = result};

    memset(result, 0, sizeof(*result));
    if (!read_proof(&j) || !find_key(&j) || !check_log_line(&j))
        return;
    check_epoch_line(&j);
    if (!take_entry(&j))
        return;
    check_inclusion(&j);
    check_payload(&j);
    if (input->stamped != NULL)
        check_stamps(&j, input->stamped);
}
