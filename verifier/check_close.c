/* check_close.c - what can only be asked when a whole log has been read: files against manifests,
 * headers against each other, torn files against their events, checkpoints against the size, times
 * against what was asked for. */
#include "check_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void report_file(struct ak_check_state *state, struct ak_finding *finding, const char *name)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", name);
    ak_check_report(state, finding);
}

static int compare_manifests(const void *a, const void *b)
{
    const struct ak_check_manifest *x = a;
    const struct ak_check_manifest *y = b;

    if (x->own.first != y->own.first)
        return x->own.first < y->own.first ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The last manifest of a first index, or, with `generation`, the last one of that generation. */
static const struct ak_check_manifest *find_manifest(const struct ak_check_state *state,
                                                     uint64_t first, const uint32_t *generation)
{
    size_t low = 0;
    size_t high = state->manifest_count;

    while (low < high) { /* behind the last one of `first` */
        size_t middle = low + (high - low) / 2;
        if (state->manifest[middle].own.first <= first)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > 0 && state->manifest[low - 1].own.first == first) {
        const struct ak_check_manifest *manifest = &state->manifest[low - 1];
        if (generation == NULL || manifest->own.generation == *generation)
            return manifest;
        low--;
    }
    return NULL;
}

/* Statements of entries that are not proven say nothing. */
static void sort_manifests(struct ak_check_state *state)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->manifest_count; i++) {
        if (ak_check_proven(state->log, state->manifest[i].index))
            state->manifest[kept++] = state->manifest[i];
    }
    state->manifest_count = kept;
    if (kept > 0)
        qsort(state->manifest, kept, sizeof(*state->manifest), compare_manifests);
}

/* Whether the sealed file of this first index and generation is there by now. */
static bool is_there(const struct ak_check_state *state, uint64_t first, uint64_t generation)
{
    char name[64];
    struct stat st;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".%" PRIu64 ".zst", first, generation);
    return fstatat(state->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static void check_header_of(struct ak_check_state *state, const struct ak_check_file *file,
                            const struct ak_check_manifest *manifest)
{
    struct ak_finding finding;

    if (!file->header_ok || ak_hash_equal(&file->header, &manifest->own.header))
        return;
    finding = ak_finding_make(AK_FINDING_ALTERED, "R24",
                              "the HEADER is not the one that its manifest names. No entry is "
                              "touched by it.");
    finding.has_offset = true;
    report_file(state, &finding, file->name);
}

/* What a manifest says of the log at the end of a file (10.2). */
static void check_statement(struct ak_check_state *state, const struct ak_check_file *file,
                            const struct ak_check_manifest *manifest)
{
    struct ak_finding finding;

    if (manifest->own.end != file->end ||
        (file->end_root_known && !ak_hash_equal(&manifest->own.root, &file->end_root)))
        finding = ak_finding_make(AK_FINDING_MALFORMED, "10.2",
                                  "the manifest in entry %" PRIu64
                                  " states another end or root than this file has.",
                                  manifest->index);
    else if (manifest->own.has_frames && file->frames_known &&
             !ak_hash_equal(&manifest->own.frames, &file->frames))
        finding = ak_finding_make(AK_FINDING_MALFORMED, "10.2",
                                  "the manifest in entry %" PRIu64
                                  " states another digest of frames than this file's FOOTER.",
                                  manifest->index);
    else if (file->end_positions_known &&
             !ak_hash_equal(&manifest->own.positions, &file->end_positions))
        finding = ak_finding_make(AK_FINDING_NUMBERING, "10.2",
                                  "the manifest in entry %" PRIu64
                                  " states a root of positions that is not that of the entries.",
                                  manifest->index);
    else
        return;
    report_file(state, &finding, file->name);
}

/* R42: what a manifest says caused the file. */
static void check_order_of(struct ak_check_state *state, const struct ak_check_manifest *manifest)
{
    struct ak_finding finding;

    if (!manifest->own.ordered ||
        ak_check_order_of(state, manifest->own.order, manifest->own.first, manifest->own.end))
        return;
    finding = ak_finding_make(AK_FINDING_MALFORMED, "R42",
                              "the manifest in entry %" PRIu64 " names entry %" PRIu64
                              " as the order behind this generation, which is none to erase or let "
                              "expire something of it.",
                              manifest->index, manifest->own.order);
    ak_finding_range(&finding, manifest->index, manifest->index + 1);
    ak_check_report(state, &finding);
}

static void check_digest_of(struct ak_check_state *state, const struct ak_check_file *file)
{
    const struct ak_check_manifest *manifest =
        find_manifest(state, file->first, file->named ? &file->generation : NULL);
    struct ak_finding finding;

    if (manifest == NULL || !file->sha512_known)
        return;
    if (file->read_bytes == manifest->own.bytes &&
        memcmp(file->sha512, manifest->own.sha512, AK_SHA512_BYTES) == 0) {
        if (!file->faulty)
            check_statement(state, file, manifest);
        return;
    }
    finding = ak_finding_make(AK_FINDING_FILE_DIFFERS, "8",
                              "the file is not the one whose digest the manifest in entry %" PRIu64
                              " names; its entries are judged by themselves.",
                              manifest->index);
    report_file(state, &finding, file->name);
}

/* R29 and 9.1, for the files that count. */
static void check_manifests(struct ak_check_state *state)
{
    struct ak_finding finding;

    sort_manifests(state);
    for (size_t i = 0; i < state->manifest_count; i++)
        check_order_of(state, &state->manifest[i]);
    for (size_t i = 0; i < state->file_count; i++) {
        const struct ak_check_file *file = &state->file[i];
        const struct ak_check_manifest *last = find_manifest(state, file->first, NULL);
        if (!file->counts)
            continue;
        if (last == NULL) {
            if (file->sealed && i + 1 < state->file_count && !state->single) {
                finding = ak_finding_make(AK_FINDING_NO_MANIFEST, "9.2",
                                          "no entry names the digest of this sealed file.");
                report_file(state, &finding, file->name);
            }
            continue;
        }
        check_header_of(state, file, last);
        check_digest_of(state, file);
        if (state->single || (file->sealed && file->generation >= last->own.generation) ||
            is_there(state, file->first, last->own.generation))
            continue;
        finding = ak_finding_make(AK_FINDING_MISSING, "R29",
                                  "generation %" PRIu64
                                  " of this segment is not there, which the manifest in entry "
                                  "%" PRIu64 " names.",
                                  last->own.generation, last->index);
        report_file(state, &finding, file->name);
    }
}

static bool has_file(const struct ak_check_state *state, uint64_t first)
{
    size_t low = 0;
    size_t high = state->file_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (state->file[middle].first == first)
            return true;
        if (state->file[middle].first < first)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Manifests of segments of which no file at all is here. */
static void check_lost_files(struct ak_check_state *state)
{
    struct ak_finding finding;

    for (size_t i = 0; i < state->manifest_count && !state->single; i++) {
        const struct ak_check_manifest *manifest = &state->manifest[i];
        bool last = i + 1 == state->manifest_count ||
                    state->manifest[i + 1].own.first != manifest->own.first;
        if (ak_check_removed(state, manifest->own.first, manifest->own.end))
            continue;
        if (!last || has_file(state, manifest->own.first) ||
            is_there(state, manifest->own.first, manifest->own.generation))
            continue;
        finding = ak_finding_make(AK_FINDING_MISSING, "R29",
                                  "the file of this name is not there, which the manifest in entry "
                                  "%" PRIu64 " names.",
                                  manifest->index);
        ak_finding_range(&finding, manifest->own.first, manifest->own.end);
        report_file(state, &finding, manifest->own.file);
    }
}

/* The digest in each header of the header before (R24). It is the header that differs which is
 * told, where a manifest can say which. */
static void check_chain(struct ak_check_state *state)
{
    static const struct ak_hash none;
    const struct ak_check_file *before = NULL;
    struct ak_finding finding;

    for (size_t i = 0; i < state->file_count; i++) {
        const struct ak_check_file *file = &state->file[i];
        const struct ak_check_manifest *manifest;
        if (!file->counts)
            continue;
        if (before == NULL && file->header_ok && file->first == 0 &&
            !ak_hash_equal(&file->previous, &none)) {
            finding = ak_finding_make(AK_FINDING_MALFORMED, "R24",
                                      "the first HEADER names a segment before it.");
            report_file(state, &finding, file->name);
        }
        if (before != NULL && before->header_ok && file->header_ok && before->read &&
            before->end == file->first && !ak_hash_equal(&file->previous, &before->header)) {
            manifest = find_manifest(state, before->first, NULL);
            bool good = manifest != NULL && ak_hash_equal(&manifest->own.header, &before->header);
            finding = ak_finding_make(AK_FINDING_ALTERED, "R24",
                                      good ? "the HEADER does not name the HEADER of the segment "
                                             "before it, which its manifest confirms. No entry is "
                                             "touched by it."
                                           : "the HEADER is not the one that the next segment's "
                                             "HEADER names. No entry is touched by it.");
            finding.has_offset = true;
            report_file(state, &finding, good ? file->name : before->name);
        }
        before = file;
    }
}

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
        report_file(state, &finding, file->name);
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
    report_file(state, &finding, file->name);
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
        report_file(state, &finding, file->name);
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
    report_file(state, &finding, name);
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
    report_file(state, &finding, waiting->name);
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
    free(state->log->succession);
    state->log->succession = NULL;
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
        ak_check_removals(state);
        ak_check_succession_close(state);
        ak_check_twins_close(state);
        check_manifests(state);
        check_lost_files(state);
        check_chain(state);
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
