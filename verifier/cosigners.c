/* cosigners.c - the lines of others under a checkpoint, by name.
 *
 * A line says neither its type nor whose it is but for name and key ID; only the length tells that
 * it may be of type 04, and the policy that it is. Whatever was not checked is called that. */
#include "cosigners.h"

#include "claim_show.h"
#include "show.h"
#include "when.h"

#include <akashi/cosignature.h>

#include <string.h>

#define EPOCH_PART "/epoch/"

/* Whether a line is the log's, or one of its epochs'. */
static bool is_own(const struct ak_note *note, const struct ak_note_signature *sig)
{
    const char *end = memchr(note->text, '\n', note->text_len);
    size_t origin = end == NULL ? note->text_len : (size_t)(end - note->text);
    size_t part = sizeof(EPOCH_PART) - 1;

    if (sig->name_len < origin || memcmp(sig->name, note->text, origin) != 0)
        return false;
    return sig->name_len == origin ||
           (sig->name_len > origin + part && memcmp(sig->name + origin, EPOCH_PART, part) == 0);
}

/* The time that a line of type 04 begins with. */
static uint64_t stated_time(const struct ak_note_signature *sig)
{
    uint64_t time = 0;

    if (sig->bytes != AK_COSIGNATURE_BYTES)
        return 0;
    for (unsigned i = 0; i < 8; i++)
        time = time << 8 | sig->signature[i];
    return time <= (uint64_t)AK_COSIGNATURE_TIME_MAX ? time : 0;
}

static const struct ak_policy_witness *find_witness(const struct ak_policy *policy,
                                                    const struct ak_note_signature *sig)
{
    size_t count;
    const struct ak_policy_witness *witness = ak_policy_witnesses(policy, &count);

    for (size_t i = 0; i < count; i++) {
        const struct ak_vkey *key = &witness[i].vkey;
        if (key->id == sig->id && strlen(key->name) == sig->name_len &&
            memcmp(key->name, sig->name, sig->name_len) == 0)
            return &witness[i];
    }
    return NULL;
}

static void judge(const struct ak_note *note, const struct ak_policy *policy,
                  struct ak_cosigner *one)
{
    const struct ak_policy_witness *witness;
    uint64_t time;

    one->state = AK_COSIGNER_NO_POLICY;
    if (policy == NULL)
        return;
    witness = find_witness(policy, one->sig);
    one->state = AK_COSIGNER_UNKNOWN;
    if (witness == NULL)
        return;
    one->witness = witness->name;
    one->state = AK_COSIGNER_OTHER_KEY;
    if (witness->checkable)
        one->state = ak_cosignature_verify(note, one->sig, &witness->vkey, &time, NULL) == AK_OK
                         ? AK_COSIGNER_VALID
                         : AK_COSIGNER_NOT_VALID;
}

size_t ak_cosigners_list(const struct ak_note *note, const struct ak_policy *policy,
                         struct ak_cosigner out[AK_NOTE_SIGNATURES_MAX])
{
    size_t count = 0;

    for (unsigned i = 0; i < note->count; i++) {
        struct ak_cosigner *one = &out[count];
        if (is_own(note, &note->sig[i]))
            continue;
        *one = (struct ak_cosigner){.sig = &note->sig[i], .time = stated_time(&note->sig[i])};
        judge(note, policy, one);
        count++;
    }
    return count;
}

static const char *state_words(enum ak_cosigner_state state)
{
    switch (state) {
    case AK_COSIGNER_VALID:
        return "valid";
    case AK_COSIGNER_NOT_VALID:
        return "NOT valid";
    case AK_COSIGNER_NO_POLICY:
        return "not checked, no policy was given";
    case AK_COSIGNER_UNKNOWN:
        return "not checked, no witness of the policy";
    default:
        return "not checked, a type of key that is not checked here";
    }
}

void ak_cosigners_show(FILE *file, const void *data, size_t len, const struct ak_policy *policy)
{
    struct ak_cosigner list[AK_NOTE_SIGNATURES_MAX];
    char time[AK_WHEN_TEXT_BYTES];
    struct ak_note note;
    size_t count;

    if (ak_note_parse(&note, data, len, NULL) != AK_OK)
        return;
    count = ak_cosigners_list(&note, policy, list);
    for (size_t i = 0; i < count; i++) {
        const struct ak_cosigner *one = &list[i];
        ak_claim_show_label(file, i == 0 ? "cosigned by" : "");
        if (one->witness != NULL) {
            ak_show_text(file, one->witness);
            fputs(", ", file);
        }
        ak_show_data(file, one->sig->name, one->sig->name_len);
        if (one->time > 0)
            fprintf(file, ", at %s", ak_when_format_seconds(time, one->time));
        fprintf(file, ": %s\n", state_words(one->state));
    }
}

void ak_cosigners_json(struct ak_json_out *out, const void *data, size_t len,
                       const struct ak_policy *policy)
{
    static const char *const states[] = {"valid", "not valid", "not checked", "not in the policy",
                                         "type of key not checked"};
    struct ak_cosigner list[AK_NOTE_SIGNATURES_MAX];
    char time[AK_WHEN_TEXT_BYTES];
    struct ak_note note;
    size_t count = 0;

    if (ak_note_parse(&note, data, len, NULL) == AK_OK)
        count = ak_cosigners_list(&note, policy, list);
    ak_json_out_open(out, "cosignatures", '[');
    for (size_t i = 0; i < count; i++) {
        const struct ak_cosigner *one = &list[i];
        ak_json_out_open(out, NULL, '{');
        (void)ak_json_out_text(out, "name", one->sig->name, one->sig->name_len);
        if (one->witness != NULL)
            (void)ak_json_out_text(out, "witness", one->witness, strlen(one->witness));
        if (one->time > 0) {
            ak_json_out_string(out, "time", ak_when_format_seconds(time, one->time));
            ak_json_out_uint(out, "time_s", one->time);
        }
        ak_json_out_string(out, "state", states[one->state]);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}
