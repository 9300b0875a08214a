/* check_files.c - when a whole log has been read: its files against what manifests say of them, and
 * headers against each other. */
#include "check_private.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    ak_check_report_file(state, &finding, file->name);
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
    ak_check_report_file(state, &finding, file->name);
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

/* SHA-512 of a whole file as it is now. False if it cannot be read, which is told elsewhere. */
static bool digest_file(const struct ak_check_state *state, const struct ak_check_file *file,
                        uint8_t out[AK_SHA512_BYTES])
{
    uint64_t bytes;
    bool read;
    int fd;

    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, NULL) != AK_OK)
        return false;
    read = ak_list_sha512(fd, bytes, out, NULL) == AK_OK;
    (void)close(fd);
    return read;
}

/* Whether a file is the one that a manifest names. `frames` says so without reading it once more,
 * where FOOTER and seek table are what follows from the frames. */
static bool is_named(const struct ak_check_state *state, const struct ak_check_file *file,
                     const struct ak_own *own, bool *known)
{
    uint8_t sha512[AK_SHA512_BYTES];

    *known = true;
    if (file->read_bytes != own->bytes)
        return false;
    if (file->frames_known && own->has_frames && ak_hash_equal(&file->frames, &own->frames))
        return true;
    *known = digest_file(state, file, sha512);
    return *known && memcmp(sha512, own->sha512, AK_SHA512_BYTES) == 0;
}

static void check_digest_of(struct ak_check_state *state, const struct ak_check_file *file)
{
    const struct ak_check_manifest *manifest =
        find_manifest(state, file->first, file->named ? &file->generation : NULL);
    struct ak_finding finding;
    bool known;

    if (manifest == NULL || !file->sealed || !file->read)
        return;
    if (is_named(state, file, &manifest->own, &known)) {
        if (!file->faulty)
            check_statement(state, file, manifest);
        return;
    }
    if (!known)
        return;
    finding = ak_finding_make(AK_FINDING_FILE_DIFFERS, "8",
                              "the file is not the one whose digest the manifest in entry %" PRIu64
                              " names; its entries are judged by themselves.",
                              manifest->index);
    ak_check_report_file(state, &finding, file->name);
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
                ak_check_report_file(state, &finding, file->name);
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
        ak_check_report_file(state, &finding, file->name);
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
        ak_check_report_file(state, &finding, manifest->own.file);
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
            ak_check_report_file(state, &finding, file->name);
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
            ak_check_report_file(state, &finding, good ? file->name : before->name);
        }
        before = file;
    }
}

void ak_check_files_close(struct ak_check_state *state)
{
    check_manifests(state);
    check_lost_files(state);
    check_chain(state);
}
