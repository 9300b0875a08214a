/* witness_judge.c - from a request to a cosignature that can stand.
 *
 * Happy path: a key of the log has signed, the old size is that of the record, the proof leads from
 * the record's root to the new one; the checkpoint is cosigned, the cosigned note stored, and the
 * line given out. Everything else is an answer of its own (tlog-witness, add-checkpoint). Where two
 * signed checkpoints contradict each other both are kept, whatever the answer is.
 *
 * Failure modes: the medium. Then no line leaves, and the record is read again before the next
 * judgement, because the medium may have the old or the new one. */
#include "witness_judge.h"

#include "witness_fork.h"

#include <akashi/tree.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ak_witness_say(struct ak_witness_answer *answer, unsigned status, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(answer->text, sizeof(answer->text) - 1, fmt, args);
    va_end(args);
    answer->status = status;
    answer->len = n < 0 ? 0 : strlen(answer->text);
    answer->text[answer->len++] = '\n';
}

static void say_size(struct ak_witness_answer *answer, uint64_t size)
{
    answer->status = 409;
    answer->is_size = true;
    answer->len = (size_t)snprintf(answer->text, sizeof(answer->text), "%" PRIu64 "\n", size);
}

static void fail(struct ak_witness_answer *answer, const char *what)
{
    ak_witness_say(answer, 500, "%s", what);
    if (answer->err.code == AK_OK)
        (void)ak_fail(&answer->err, AK_ENOMEM, "%s", what);
}

/* ---- the note that is kept */

static bool is_of(const struct ak_note_signature *sig, const struct ak_vkey *key)
{
    return sig->id == key->id && sig->name_len == strlen(key->name) &&
           memcmp(sig->name, key->name, sig->name_len) == 0;
}

static bool is_of_log(const struct ak_note_signature *sig, const struct ak_witness_log *log)
{
    for (unsigned i = 0; i < log->key_count; i++) {
        if (is_of(sig, &log->key[i]))
            return true;
    }
    return false;
}

struct kept {
    char *text;
    size_t len;
    size_t cap;
    unsigned lines;
};

static bool put(struct kept *kept, const char *data, size_t len)
{
    if (len > kept->cap - kept->len)
        return false;
    memcpy(kept->text + kept->len, data, len);
    kept->len += len;
    return true;
}

/* Copies signature lines: first the log's, then others while there is room for the own line. */
static bool put_lines(struct kept *kept, const struct ak_witness *w,
                      const struct ak_witness_log *log, const struct ak_note *note, bool of_log)
{
    static const char dash[] = "\u2014 ";

    for (unsigned i = 0; i < note->count; i++) {
        const struct ak_note_signature *sig = &note->sig[i];
        size_t len = sizeof(dash) - 1 + sig->name_len + 1 + sig->base64_len + 1;

        if (is_of_log(sig, log) != of_log || is_of(sig, ak_witness_key_vkey(w->key)))
            continue;
        if (len > kept->cap - kept->len || kept->lines + 1 >= AK_NOTE_SIGNATURES_MAX) {
            if (of_log)
                return false;
            continue;
        }
        (void)(put(kept, dash, sizeof(dash) - 1) && put(kept, sig->name, sig->name_len) &&
               put(kept, " ", 1) && put(kept, sig->base64, sig->base64_len) && put(kept, "\n", 1));
        kept->lines++;
    }
    return true;
}

/* The cosigned note of a request; false if it cannot be kept or there is no memory. */
static bool make_note(const struct ak_witness *w, const struct ak_witness_log *log,
                      const struct ak_note *note, const char *line, size_t line_len,
                      struct ak_witness_record *record)
{
    struct kept kept = {.cap = AK_WITNESS_NOTE_BYTES_MAX - line_len};

    kept.text = malloc(AK_WITNESS_NOTE_BYTES_MAX + 1);
    if (kept.text == NULL)
        return false;
    if (!put(&kept, note->text, note->text_len) || !put(&kept, "\n", 1) ||
        !put_lines(&kept, w, log, note, true) || !put_lines(&kept, w, log, note, false)) {
        free(kept.text);
        return false;
    }
    kept.cap += line_len;
    (void)put(&kept, line, line_len);
    kept.text[kept.len] = '\0';
    record->note = kept.text;
    record->note_len = kept.len;
    return true;
}

/* ---- cosigning */

/* Stores what is cosigned; the line is in the answer only if that came out. */
static void cosign(const struct ak_witness *w, const struct ak_witness_log *log,
                   const struct ak_witness_request *request, uint64_t now,
                   struct ak_witness_answer *answer)
{
    struct ak_witness_record record = {.size = request->checkpoint.size,
                                       .root = request->checkpoint.root};
    const struct ak_note *note = &request->note;
    char line[AK_WITNESS_LINE_BYTES_MAX];
    size_t len;

    /* "As of this time": a clock that was set back must not make a larger tree the older one. */
    record.time = now > answer->base.time ? now : answer->base.time;
    if (ak_witness_key_cosign(w->key, note->text, note->text_len, record.time, line, &len,
                              &answer->err) != AK_OK) {
        fail(answer, "this witness cannot cosign now");
        return;
    }
    if (!make_note(w, log, note, line, len, &record)) {
        ak_witness_say(answer, 400,
                       "the checkpoint is longer than what is kept of one, %u bytes with the log's "
                       "lines",
                       AK_WITNESS_NOTE_BYTES_MAX);
        return;
    }
    if (ak_witness_store(w, log, &answer->base, &record, &answer->err) != AK_OK) {
        ak_wrap(&answer->err, "log %s: size %" PRIu64 " was not cosigned", log->origin,
                record.size);
        ak_witness_record_free(&record);
        answer->stale = true;
        fail(answer, "this witness cannot store what it would cosign");
        return;
    }
    ak_witness_record_free(&answer->base);
    answer->base = record;
    answer->changed = true;
    answer->status = 200;
    memcpy(answer->text, line, len);
    answer->len = len;
}

/* ---- contradictions */

/* What a signed checkpoint says against the record, as far as the request shows it. */
static enum ak_witness_contradiction contradiction_of(const struct ak_witness_record *record,
                                                      const struct ak_witness_request *request)
{
    const struct ak_checkpoint *cp = &request->checkpoint;
    struct ak_hash old_root;
    struct ak_hash new_root;

    if (record->time == 0)
        return AK_WITNESS_NO_CONTRADICTION;
    if (cp->size == record->size)
        return ak_hash_equal(&cp->root, &record->root) ? AK_WITNESS_NO_CONTRADICTION
                                                       : AK_WITNESS_FORK;
    if (record->size == 0 || cp->size < record->size || request->old_size != record->size)
        return AK_WITNESS_NO_CONTRADICTION;
    if (ak_consistency_roots(record->size, cp->size, request->proof, request->count, &record->root,
                             &old_root, &new_root, NULL) != AK_OK)
        return AK_WITNESS_NO_CONTRADICTION; /* not even of the right length: says nothing */
    if (ak_hash_equal(&new_root, &cp->root))
        return ak_hash_equal(&old_root, &record->root) ? AK_WITNESS_NO_CONTRADICTION
                                                       : AK_WITNESS_FORK;
    return AK_WITNESS_SUSPECT;
}

static void keep_contradiction(const struct ak_witness *w, const struct ak_witness_log *log,
                               const struct ak_witness_request *request, const void *body,
                               size_t body_len, struct ak_witness_answer *answer)
{
    enum ak_code rc;

    answer->contradiction = contradiction_of(&answer->base, request);
    if (answer->contradiction == AK_WITNESS_NO_CONTRADICTION)
        return;
    rc =
        ak_witness_fork_keep(w, log, &answer->base, request, body, body_len,
                             answer->contradiction == AK_WITNESS_FORK, &answer->kept, &answer->err);
    if (rc != AK_OK)
        ak_wrap(&answer->err, "log %s: what contradicts could not be kept", log->origin);
}

/* ---- the rules */

static bool judge_signature(const struct ak_witness_log *log,
                            const struct ak_witness_request *request,
                            struct ak_witness_answer *answer)
{
    struct ak_error err = {0};

    if (ak_witness_check_log(log, &request->note, NULL, &err) == AK_OK)
        return true;
    ak_witness_say(answer, 403, "%s",
                   err.code == AK_EKEY ? "no key that is trusted for this log has signed"
                                       : "a signature of a key that is trusted for this log is not "
                                         "valid");
    return false;
}

static bool judge_proof(const struct ak_witness_request *request, struct ak_witness_answer *answer)
{
    const struct ak_checkpoint *cp = &request->checkpoint;
    struct ak_error err = {0};

    if (ak_consistency_verify_witness(request->old_size, cp->size, request->proof, request->count,
                                      &answer->base.root, &cp->root, &err) == AK_OK)
        return true;
    ak_witness_say(answer, 422, "%s", err.text);
    return false;
}

void ak_witness_judge(const struct ak_witness *w, const struct ak_witness_log *log,
                      const struct ak_witness_request *request, const void *body, size_t body_len,
                      uint64_t now, struct ak_witness_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    if (!judge_signature(log, request, answer))
        return;
    if (log->stale) {
        if (ak_witness_load(w, log, &answer->base, &answer->err) != AK_OK) {
            answer->stale = true;
            fail(answer, "this witness cannot read its state");
            return;
        }
        answer->changed = true;
    } else {
        answer->base = log->record;
        answer->base.note = NULL; /* borrowed below */
    }
    if (!answer->changed && log->record.note != NULL) {
        answer->base.note = malloc(log->record.note_len + 1);
        if (answer->base.note == NULL) {
            fail(answer, "no memory");
            return;
        }
        memcpy(answer->base.note, log->record.note, log->record.note_len + 1);
    }
    keep_contradiction(w, log, request, body, body_len, answer);
    if (request->old_size > request->checkpoint.size)
        ak_witness_say(answer, 400, "the old size is above that of the checkpoint");
    else if (request->old_size != answer->base.size)
        say_size(answer, answer->base.size);
    else if (judge_proof(request, answer))
        cosign(w, log, request, now, answer);
}
