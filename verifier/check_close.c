/* check_close.c - what can only be asked when a whole log has been read: torn files against their
 * events, names against the store's list, checkpoints against the size, times against what was
 * asked for. */
#include "check_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether an event tells of these bytes: one that is proven, or one in the log's tail, which is
 * told of by itself. */
static bool is_told(const struct ak_check_state *state, uint64_t bytes,
                    const struct ak_hash *digest)
{
    for (size_t i = 0; i < state->recovery_count; i++) {
        const struct ak_check_recovery *recovery = &state->recovery[i];
        if (recovery->cut == bytes && ak_hash_equal(&recovery->digest, digest) &&
            (recovery->index >= ak_tree_decided(state->tree) ||
             ak_check_proven(state->log, recovery->index)))
            return true;
    }
    return false;
}

/* Bytes cut behind the log's last entry, with none written since: nobody could tell of them yet. */
static bool is_tail(struct ak_check_state *state, uint64_t next, const char *name, uint64_t at,
                    uint64_t bytes)
{
    if (next < ak_tree_size(state->tree))
        return false;
    state->cut_bytes += bytes;
    state->cut_name = name;
    state->cut_at = at;
    return true;
}

static void check_torn_file(struct ak_check_state *state, const struct ak_list_file *file)
{
    struct ak_sha256_ctx ctx;
    struct ak_error err = {0};
    struct ak_finding finding;
    struct ak_hash digest;
    uint8_t piece[16384];
    uint64_t bytes;
    uint64_t at = 0;
    ssize_t got = 0;
    int fd;

    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, &err) != AK_OK) {
        finding = ak_finding_make(AK_FINDING_IO_ERROR, "R27", "%s.", err.text);
        ak_check_report_file(state, &finding, file->name);
        return;
    }
    ak_sha256_init(&ctx);
    while (at < bytes && (got = ak_list_pread(fd, piece, sizeof(piece), at)) > 0) {
        ak_sha256_update(&ctx, piece, (size_t)got);
        at += (uint64_t)got;
    }
    close(fd);
    ak_sha256_final(&ctx, &digest);
    if (got < 0)
        finding = ak_finding_make(AK_FINDING_IO_ERROR, "R27", "it cannot be read.");
    else if (!is_told(state, at, &digest) && !is_tail(state, file->first, file->name, 0, at))
        finding = ak_finding_make(AK_FINDING_ALTERED, "R27",
                                  "no recovery event tells of a torn file with these bytes.");
    else
        return;
    ak_check_report_file(state, &finding, file->name);
}

/* R27: torn files, and what stands behind the last commit of files that others follow. */
static void check_torn(struct ak_check_state *state)
{
    struct ak_finding finding;

    for (size_t i = 0; i < state->list.count; i++) {
        if (state->list.file[i].type == AK_LIST_TORN)
            check_torn_file(state, &state->list.file[i]);
    }
    for (size_t i = 0; i + 1 < state->file_count; i++) {
        const struct ak_check_file *file = &state->file[i];
        if (file->tail_bytes == 0 || !file->counts || is_told(state, file->tail_bytes, &file->tail))
            continue;
        if (state->file[state->file_count - 1].first == file->first)
            continue; /* its twins follow, no later segment */
        if (is_tail(state, ak_check_next_first(state, file), file->name, file->tail_at,
                    file->tail_bytes))
            continue;
        finding =
            ak_finding_make(AK_FINDING_ALTERED, "R27",
                            "%" PRIu64 " bytes stand behind the last good commit of a segment that "
                            "others follow, and no recovery event tells of them.",
                            file->tail_bytes);
        ak_finding_at(&finding, file->name, file->tail_at);
        ak_check_report(state, &finding);
    }
}

static void check_names(struct ak_check_state *state)
{
    struct ak_finding finding;

    for (size_t i = 0; i < state->file_count && !state->single; i++) {
        const struct ak_check_file *file = &state->file[i];
        if (!file->header_ok || (file->named && file->named_first == file->first))
            continue;
        finding = ak_finding_make(AK_FINDING_NAME_DIFFERS, "9.1",
                                  "by its header this is segment %020" PRIu64 ".", file->first);
        ak_check_report_file(state, &finding, file->name);
    }
}

/* Entries that a checkpoint of the log covers and that are not here (R28): they are missing, or
 * were in what of the last file is damaged, or could not be read. */
static void tell_short(struct ak_check_state *state, uint64_t size, const char *name)
{
    uint64_t here = ak_tree_size(state->tree);
    struct ak_finding finding;

    if (ak_check_hole(state, here) == AK_TREE_NOT_CHECKED)
        return; /* told where it is */
    if (state->lost_why == AK_TREE_DAMAGED)
        finding = ak_finding_make(AK_FINDING_ALTERED, "R35",
                                  "%" PRIu64 " entries at the end were signed and cannot be read "
                                  "any more: the last file is damaged.",
                                  size - here);
    else
        finding = ak_finding_make(AK_FINDING_MISSING, "R28",
                                  "a checkpoint is of size %" PRIu64 ", but only %" PRIu64
                                  " entries are here.",
                                  size, here);
    ak_finding_range(&finding, here, size);
    ak_check_report_file(state, &finding, name);
}

static void tell_rolled_back(struct ak_check_state *state, const struct ak_check_waiting *waiting)
{
    uint64_t here = ak_tree_size(state->tree);
    struct ak_finding finding = ak_finding_make(AK_FINDING_ROLLED_BACK, "R8",
                                                "the checkpoint that you kept is of size %" PRIu64
                                                ", but only %" PRIu64 " entries are here.",
                                                waiting->size, here);

    state->log->kept_used = true;
    ak_finding_range(&finding, here, waiting->size);
    ak_check_report_file(state, &finding, waiting->name);
}

/* Checkpoints that are larger than the log: of its own the largest is told. */
static void check_sizes(struct ak_check_state *state)
{
    const struct ak_check_waiting *largest = NULL;

    for (unsigned i = 0; i < state->waiting_count; i++) {
        const struct ak_check_waiting *waiting = &state->waiting[i];
        if (waiting->compared && waiting->who == AK_WHO_KEPT)
            state->log->kept_used = true;
        if (waiting->done)
            continue;
        if (waiting->who != AK_WHO_KEPT) {
            if (largest == NULL || waiting->size > largest->size)
                largest = waiting;
        } else if (state->lost_why != AK_TREE_NOT_CHECKED) {
            tell_rolled_back(state, waiting);
        }
    }
    if (largest != NULL)
        tell_short(state, largest->size, largest->name);
}

static void check_times(struct ak_check_state *state)
{
    const struct ak_check_options *options = state->options;
    const struct ak_check_log *log = state->log;
    struct ak_finding finding;

    if (!log->has_time)
        return;
    if (options->max_age > 0 && options->now > options->max_age &&
        log->last_time < options->now - options->max_age) {
        finding = ak_finding_make(
            AK_FINDING_STALE, "9.3",
            "the newest proven entry is %" PRIu64 " s old; at most %" PRIu64 " s were asked for.",
            (options->now - log->last_time) / 1000000000u, options->max_age / 1000000000u);
        ak_check_report(state, &finding);
    }
    if (options->until > 0 && log->last_time < options->until) {
        finding = ak_finding_make(AK_FINDING_STALE, "9.3",
                                  "the newest proven entry lies %" PRIu64
                                  " s before the time up to which the log was asked for.",
                                  (options->until - log->last_time) / 1000000000u);
        ak_check_report(state, &finding);
    }
}

/* R32: without a checkpoint by the given key nothing is proven, and nothing else is said. */
static bool untrusted(struct ak_check_state *state)
{
    struct ak_finding finding;

    if (state->log_key != NULL && (state->key_signed || !state->key_asked))
        return false;
    if (state->log->origin[0] == '\0' && state->log->verdict > AK_INCOMPLETE)
        return false; /* whose log this is could not even be read */
    ak_check_forget(state);
    ak_check_succession_free(state->log);
    if (state->log_key == NULL)
        finding = ak_finding_make(AK_FINDING_UNTRUSTED_KEY, "R32",
                                  "no key was given whose name is this log's origin.");
    else
        finding = ak_finding_make(AK_FINDING_UNTRUSTED_KEY, "R32",
                                  "none of its checkpoints is signed by the key that you gave for "
                                  "it.");
    ak_check_report(state, &finding);
    return true;
}

static void tell_exercise(struct ak_check_state *state)
{
    struct ak_finding finding;

    if (!state->log->exercise)
        return;
    finding = ak_finding_make(AK_FINDING_EXERCISE, "2", "the origin begins with exercise.");
    ak_check_report(state, &finding);
}

static void tell_epoch(struct ak_check_state *state)
{
    struct ak_finding finding;

    const uint64_t *counts = state->log->code_counts;

    if (!ak_check_epochs_empty(state->epochs) || state->signed_notes == 0 ||
        counts[AK_FINDING_UNSUPPORTED] > 0 || counts[AK_FINDING_LIMIT] > 0 ||
        counts[AK_FINDING_IO_ERROR] > 0)
        return; /* entry 0 may be good: it was not judged */
    finding = ak_finding_make(AK_FINDING_EPOCH, "R11",
                              "no valid start note of epoch 0 is here, so no entry is proven.");
    ak_check_report(state, &finding);
}

void ak_check_close(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;
    struct ak_finding finding;
    uint64_t declared;

    ak_tree_end(state->tree);
    ak_check_signed_close(state);
    log->size = ak_tree_size(state->tree);
    (void)ak_number_declared(state->number, &declared);
    log->sources = declared;
    if (!untrusted(state)) {
        if (state->unsigned_notes > 0) {
            state->unsigned_finding.rule = "R6";
            ak_check_report(state, &state->unsigned_finding);
        }
        tell_epoch(state);
        ak_check_flush(state);
        ak_check_succession_settle(state);
        ak_check_removals(state);
        ak_check_succession_close(state);
        ak_check_twins_close(state);
        ak_check_files_close(state);
        check_torn(state);
        check_names(state);
        ak_check_stamps_close(state);
        ak_check_renewals_close(state);
        ak_check_anchors_close(state);
        check_sizes(state);
        ak_check_quorum_close(state);
        ak_check_tail(state);
        if (log->proven == 0) {
            finding = ak_finding_make(AK_FINDING_EMPTY, "9.3", "no entry of this log is proven.");
            ak_check_report(state, &finding);
        }
        check_times(state);
    }
    tell_exercise(state);
}
