/* check_stamps.c - notes beside a log, and RFC 3161 stamps: they are checkpoints as any other, and
 * what a good stamp is over existed by its time (format.md R47, R48).
 *
 * The list of files rises by size, so the notes are compared while the tree grows, each before a
 * larger root proves what lies below. One note and one reply are in memory at a time; of the times
 * only those are kept that a larger stamp does not say as early.
 *
 * Failure modes: a note or reply that is wrong is told by itself; whose signer is not trusted is
 * told once for all of them. A file that went away meanwhile is passed over. */
#include "check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The files of one size. */
struct group {
    uint64_t size;
    size_t begin; /* numbers in the list: [begin, end) */
    size_t end;
    size_t note_at; /* number of the note; `end`: none is listed */
    char *note;     /* what stamps are over, or NULL */
    size_t len;
    bool judged_good;
    struct ak_check_judged judged;
    bool confirmed; /* its root came out */
};

static bool is_beside(const struct ak_list_file *file)
{
    return file->type == AK_LIST_STAMPED || file->type == AK_LIST_STAMP ||
           file->type == AK_LIST_COSIGNED;
}

static void tell(struct ak_check_state *state, size_t listed, struct ak_finding *finding)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", state->list.file[listed].name);
    ak_check_report(state, finding);
}

/* R47: exactly the lines of the log and of its epoch, and the size of the name. */
static bool has_form(struct ak_check_state *state, const struct group *g)
{
    struct ak_finding finding;
    struct ak_note note;

    if (ak_note_parse(&note, g->note, g->len, NULL) != AK_OK)
        return false;
    if (note.count != 2 || (g->judged.unknown > 0 && !g->judged.open))
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R47",
                                  "a note that was stamped has the lines of the log and of its "
                                  "epoch and no others.");
    else if (g->judged.checkpoint.size != g->size)
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R47",
                                  "the checkpoint in it is of size %" PRIu64
                                  ", its name says another one.",
                                  g->judged.checkpoint.size);
    else
        return true;
    tell(state, g->note_at, &finding);
    return false;
}

/* What its signatures are worth. */
static bool judge_note(struct ak_check_state *state, struct group *g)
{
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc =
        ak_check_epochs_judge(state->epochs, state->log_key, g->note, g->len, &g->judged, &err);

    state->key_asked = true;
    if (rc == AK_OK) {
        state->signed_notes++;
        state->key_signed = true;
        return has_form(state, g);
    }
    ak_check_look_for_key(state, g->note, g->len);
    finding = ak_finding_make(ak_finding_of_text(rc), "R47", "%s.", err.text);
    if (rc != AK_EKEY)
        tell(state, g->note_at, &finding);
    else if (state->unsigned_notes++ == 0)
        state->unsigned_finding = finding;
    return false;
}

/* Reads a small file; what is wrong is told, but that it is gone. */
static bool read_file(struct ak_check_state *state, size_t listed, size_t max, char **data,
                      size_t *len)
{
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc =
        ak_list_read_file(state->dir_fd, state->list.file[listed].name, max, data, len, &err);

    if (rc == AK_OK)
        return true;
    if (rc == AK_ENOMEM)
        ak_check_fatal(state, &err);
    else if (rc != AK_ENOTFOUND) {
        finding = ak_finding_make(rc == AK_ELIMIT ? AK_FINDING_MALFORMED : ak_finding_of_text(rc),
                                  "R47", "%s.", err.text);
        tell(state, listed, &finding);
    }
    return false;
}

/* The files of the next size, or none (begin == end). */
static struct group next_group(const struct ak_check_state *state)
{
    const struct ak_list *list = &state->list;
    struct group g = {.begin = state->beside_at};

    while (g.begin < list->count && !is_beside(&list->file[g.begin]))
        g.begin++;
    g.end = g.begin;
    if (g.begin == list->count)
        return g;
    g.size = list->file[g.begin].first;
    g.note_at = SIZE_MAX;
    for (size_t i = g.begin; i < list->count; i++) {
        const struct ak_list_file *file = &list->file[i];
        if (is_beside(file) && file->first != g.size)
            break;
        if (!is_beside(file))
            continue;
        if (file->type == AK_LIST_STAMPED)
            g.note_at = i;
        g.end = i + 1;
    }
    return g;
}

/* Times rise with sizes: one that a larger size says as early or earlier shows nothing more. */
static void add_bound(struct ak_check_state *state, uint64_t size, uint64_t time)
{
    struct ak_check_log *log = state->log;
    struct ak_error err = {0};
    struct ak_check_bound *grown;

    while (log->bound_count > 0 && log->bounds[log->bound_count - 1].existed_by >= time)
        log->bound_count--;
    if (log->bound_count > 0 && log->bounds[log->bound_count - 1].size == size)
        return; /* another reply over it said so earlier */
    if ((log->bound_count & (log->bound_count - 1)) == 0) {
        size_t cap = log->bound_count == 0 ? 1 : log->bound_count * 2;
        grown = reallocarray(log->bounds, cap, sizeof(*grown));
        if (grown == NULL) {
            (void)ak_fail(&err, AK_ENOMEM, "no memory for time stamps");
            ak_check_fatal(state, &err);
            return;
        }
        log->bounds = grown;
    }
    log->bounds[log->bound_count++] = (struct ak_check_bound){size, time};
}

static void count_stamp(struct ak_check_state *state, const struct group *g,
                        const struct ak_timestamp *stamp)
{
    struct ak_check_log *log = state->log;

    if (!g->confirmed) {
        state->stamps.unproven += g->judged_good; /* else it is told */
        return;
    }
    log->stamps_counted++;
    memcpy(log->stamped_by, stamp->authority, sizeof(log->stamped_by));
    add_bound(state, g->size, stamp->time);
}

static void distrust(struct ak_check_state *state, size_t listed, const struct ak_error *err)
{
    struct ak_check_stamps *stamps = &state->stamps;

    if (stamps->untrusted++ == 0) {
        stamps->first_untrusted = listed;
        (void)snprintf(stamps->why, sizeof(stamps->why), "%.*s", (int)sizeof(stamps->why) - 1,
                       err->text);
    }
}

static void judge_reply(struct ak_check_state *state, const struct group *g, size_t listed)
{
    struct ak_tsa *tsa = state->options->tsa;
    struct ak_timestamp stamp;
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc;
    size_t len;
    char *data;

    state->log->stamps++;
    if (g->note == NULL) {
        state->stamps.left_alone++;
        return;
    }
    if (!read_file(state, listed, AK_TIMESTAMP_BYTES_MAX, &data, &len))
        return;
    rc = ak_timestamp_judge(data, len, g->note, g->len, tsa, &stamp, &err);
    free(data);
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
    } else if (rc == AK_OK && tsa != NULL) {
        count_stamp(state, g, &stamp);
        if (g->confirmed)
            ak_check_renewals_stamp(state, listed, stamp.signer_until);
    } else if (rc == AK_OK) {
        state->stamps.left_alone++;
    } else if (rc == AK_EKEY) {
        distrust(state, listed, &err);
    } else {
        finding = ak_finding_make(ak_finding_of_text(rc), "R48", "%s.", err.text);
        tell(state, listed, &finding);
    }
}

static void judge_replies(struct ak_check_state *state, const struct group *g)
{
    for (size_t i = g->begin; i < g->end && !state->fatal; i++) {
        if (state->list.file[i].type == AK_LIST_STAMP)
            judge_reply(state, g, i);
    }
}

/* Cosigned notes of a group, each compared at once. */
static void compare_cosigned(struct ak_check_state *state, const struct group *g)
{
    struct ak_check_judged judged;
    char *note;
    size_t len;

    for (size_t i = g->begin; i < g->end && !state->fatal; i++) {
        if (state->list.file[i].type != AK_LIST_COSIGNED)
            continue;
        if (ak_check_cosigned(state, i, &note, &len, &judged))
            (void)ak_check_sign_beside(state, &judged, note, len, i);
        free(note);
    }
}

static void open_group(struct ak_check_state *state, struct group *g)
{
    if (g->note_at != SIZE_MAX &&
        read_file(state, g->note_at, AK_NOTE_BYTES_MAX, &g->note, &g->len))
        g->judged_good = judge_note(state, g);
}

void ak_check_stamps_reach(struct ak_check_state *state)
{
    while (state->log_key != NULL && state->beside_at < state->list.count && !state->fatal) {
        struct group g = next_group(state);
        if (g.begin == g.end || g.size > ak_tree_size(state->tree)) {
            state->beside_at = g.begin;
            return;
        }
        state->beside_at = g.end;
        open_group(state, &g);
        if (g.judged_good)
            g.confirmed = ak_check_sign_beside(state, &g.judged, g.note, g.len, g.note_at);
        compare_cosigned(state, &g);
        judge_replies(state, &g);
        free(g.note);
    }
}

/* The largest good cosigned note of a group that the log does not reach. */
static void cosigned_beyond(struct ak_check_state *state, const struct group *g,
                            struct ak_check_judged *judged, size_t *at)
{
    char *note;
    size_t len;

    for (size_t i = g->begin; i < g->end && !state->fatal; i++) {
        struct ak_check_judged one;
        if (state->list.file[i].type != AK_LIST_COSIGNED)
            continue;
        if (ak_check_cosigned(state, i, &note, &len, &one)) {
            *judged = one;
            *at = i;
        }
        free(note);
    }
}

/* Notes of sizes that the log does not reach: the largest good one tells that entries are missing.
 */
static void judge_beyond(struct ak_check_state *state)
{
    struct ak_check_judged largest;
    size_t at = SIZE_MAX;

    while (state->log_key != NULL && state->beside_at < state->list.count && !state->fatal) {
        struct group g = next_group(state);
        state->beside_at = g.end;
        if (g.begin == g.end) {
            state->beside_at = state->list.count;
            break;
        }
        open_group(state, &g);
        if (g.judged_good) {
            largest = g.judged;
            at = g.note_at;
        }
        cosigned_beyond(state, &g, &largest, &at);
        judge_replies(state, &g);
        free(g.note);
    }
    if (at != SIZE_MAX)
        ak_check_wait(state, &largest, AK_WHO_BESIDE, state->list.file[at].name,
                      (struct ak_tree_place){0, at});
}

static void tell_remarks(struct ak_check_state *state)
{
    const struct ak_check_stamps *stamps = &state->stamps;
    const struct ak_check_log *log = state->log;
    struct ak_finding finding;

    if (stamps->left_alone > 0) {
        finding = ak_finding_make(
            AK_FINDING_STAMP_NOT_CHECKED, "R48",
            state->options->tsa == NULL
                ? "%" PRIu64 " of %" PRIu64
                  " time stamps are not judged: no certificate of an authority was given."
                : "%" PRIu64 " of %" PRIu64
                  " time stamps are not judged: the notes that they are over are not here.",
            stamps->left_alone, log->stamps);
        ak_check_report(state, &finding);
    }
    if (stamps->unproven > 0) {
        finding = ak_finding_make(AK_FINDING_STAMP_NOT_CHECKED, "R48",
                                  "%" PRIu64 " of %" PRIu64
                                  " time stamps are over a root that did not come out here.",
                                  stamps->unproven, log->stamps);
        ak_check_report(state, &finding);
    }
    if (stamps->untrusted > 0) {
        finding = ak_finding_make(AK_FINDING_STAMP_NOT_TRUSTED, "R48",
                                  "%" PRIu64 " of %" PRIu64
                                  " time stamps do not count. Of the first: %.200s.",
                                  stamps->untrusted, log->stamps, stamps->why);
        tell(state, stamps->first_untrusted, &finding);
    }
}

void ak_check_stamps_close(struct ak_check_state *state)
{
    if (state->single)
        return;
    judge_beyond(state);
    tell_remarks(state);
}

uint64_t ak_check_existed_by(const struct ak_check_log *log, uint64_t index)
{
    uint64_t quorum = index < log->witnessed_size ? log->existed_by : 0;
    size_t low = 0;
    size_t high = log->bound_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->bounds[middle].size > index)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == log->bound_count)
        return quorum;
    return quorum != 0 && quorum < log->bounds[low].existed_by ? quorum
                                                               : log->bounds[low].existed_by;
}
