/* export_log.c - the newest checkpoint of a log that the given key vouches for.
 *
 * Failure modes: a checkpoint that is not right is passed over for the one before it; if none is
 * left the claim says why. Whether the store leads to its root shows when it is used. */
#include "export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Checkpoints of a log that are looked at, from the newest back: one that is not right is rare, and
 * each costs two signatures. */
#define TRIED_MAX 64u

struct candidate {
    char *note;
    size_t len;
    uint64_t size;
    bool met; /* the policy takes it */
};

struct search {
    struct ak_export_log *log;
    const struct ak_policy *policy;        /* or NULL */
    struct ak_claim quorum;                /* why one that is signed well does not meet it */
    struct candidate candidate[TRIED_MAX]; /* rising by size */
    size_t count;
};

static bool meets(const struct ak_policy *policy, const void *note, size_t len)
{
    struct ak_claim claim = {0};
    struct ak_quorum quorum;

    ak_policy_claim(policy, note, len, &claim, &quorum);
    return !claim.told;
}

/* Keeps the greatest. */
static enum ak_code on_note(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct search *s = ctx;
    struct ak_note parsed;
    struct ak_checkpoint cp;
    struct candidate one = {.len = len};
    size_t at = 0;

    if (ak_note_parse(&parsed, note, len, NULL) != AK_OK ||
        ak_checkpoint_parse(&cp, parsed.text, parsed.text_len, false, NULL) != AK_OK ||
        strcmp(cp.origin, s->log->key.name) != 0 || cp.size == 0)
        return AK_OK;
    one.size = cp.size;
    one.met = s->policy == NULL || meets(s->policy, note, len);
    if (s->count == TRIED_MAX) { /* those go first that the policy does not take */
        while (at < s->count && s->candidate[at].met)
            at++;
        if (at == s->count)
            at = 0;
        if (one.met == s->candidate[at].met ? cp.size <= s->candidate[at].size : !one.met)
            return AK_OK;
        free(s->candidate[at].note);
        s->count--;
        memmove(&s->candidate[at], &s->candidate[at + 1],
                (s->count - at) * sizeof(s->candidate[0]));
    }
    one.note = malloc(len + 1);
    if (one.note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    memcpy(one.note, note, len);
    for (at = s->count; at > 0 && s->candidate[at - 1].size > one.size; at--)
        s->candidate[at] = s->candidate[at - 1];
    s->candidate[at] = one;
    s->count++;
    return AK_OK;
}

enum ak_code ak_export_log_verify(struct ak_export_log *log, const void *signed_note,
                                  size_t signed_len, uint64_t size, bool search,
                                  struct ak_error *err)
{
    struct ak_log_checkpoint cp;
    uint8_t *note = NULL;
    size_t len = 0;
    enum ak_code rc = ak_log_tree_epoch_note(log->tree, size - 1, search, &note, &len, err);

    if (rc == AK_OK)
        rc = ak_epoch_note_verify(&log->epoch, note, len, &log->key, NULL, err);
    free(note);
    if (rc == AK_OK)
        rc =
            ak_log_checkpoint_verify(&log->key, &log->epoch.key, signed_note, signed_len, &cp, err);
    if (rc == AK_OK)
        log->checkpoint = cp.checkpoint;
    return rc;
}

/* Whether the policy takes it; the newest that it does not take says why. */
static bool quorum_met(struct search *s, const struct candidate *c)
{
    struct ak_claim claim = {0};
    struct ak_quorum quorum;

    if (s->policy == NULL)
        return true;
    ak_policy_claim(s->policy, c->note, c->len, &claim, &quorum);
    if (claim.told && !s->quorum.told)
        s->quorum = claim;
    return !claim.told;
}

static bool take_best(struct search *s, struct ak_error *why)
{
    struct ak_export_log *log = s->log;

    for (size_t i = s->count; i > 0; i--) {
        struct candidate *c = &s->candidate[i - 1];
        if (ak_export_log_verify(log, c->note, c->len, c->size, false, why) != AK_OK &&
            ak_export_log_verify(log, c->note, c->len, c->size, true, why) != AK_OK)
            continue;
        if (!quorum_met(s, c))
            continue;
        log->note = c->note;
        log->note_len = c->len;
        c->note = NULL;
        return true;
    }
    return false;
}

static bool find_key(struct ak_export_log *log, const struct ak_vkey *keys, size_t count,
                     struct ak_claim *claim)
{
    const char *origin = ak_log_tree_origin(log->tree);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, origin) == 0) {
            log->key = keys[i];
            return true;
        }
    }
    ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "",
                  "no key of %s was given: what is handed over is compared with what that key has "
                  "signed before",
                  origin);
    return false;
}

enum ak_code ak_export_log_open(struct ak_export_log *log, struct ak_log_tree *tree,
                                const struct ak_vkey *keys, size_t key_count,
                                const struct ak_policy *policy, struct ak_claim *claim,
                                struct ak_error *err)
{
    struct search *s = calloc(1, sizeof(*s));
    struct ak_error why = {0};
    enum ak_code rc = AK_OK;

    memset(log, 0, sizeof(*log));
    memset(claim, 0, sizeof(*claim));
    if (s == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for checkpoints");
    log->tree = tree;
    s->log = log;
    s->policy = policy;
    if (find_key(log, keys, key_count, claim))
        rc = ak_log_tree_checkpoints(tree, ak_log_tree_last(tree), on_note, s, err);
    if (rc == AK_OK && !claim->told && !take_best(s, &why)) {
        if (s->quorum.told)
            *claim = s->quorum;
        else
            ak_claim_fail(
                claim, s->count == 0 ? AK_FINDING_TAIL_UNSIGNED : AK_FINDING_UNTRUSTED_KEY,
                s->count == 0 ? "" : "R32", "no checkpoint here is signed as it must be%s%s",
                why.text[0] == '\0' ? "" : ": ", why.text);
    }
    for (size_t i = 0; i < s->count; i++)
        free(s->candidate[i].note);
    free(s);
    return rc;
}

void ak_export_log_close(struct ak_export_log *log)
{
    free(log->note);
    ak_stamped_free(&log->stamped);
    memset(log, 0, sizeof(*log));
}

/* Entries between two words on how far it is. */
#define PROGRESS_ENTRIES 1024u

void ak_export_progress(struct ak_export_log *log)
{
    log->done.entries++;
    if (log->on_progress != NULL && log->done.entries % PROGRESS_ENTRIES == 0)
        log->on_progress(log->progress_ctx, &log->done);
}
