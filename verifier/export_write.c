/* export_write.c - the files of a bundle, written in one pass over the plan.
 *
 * Happy path: piece by piece the entries, what opens them and their payloads go into the files, and
 * between pieces the hashes of what is not shown into the proof; leaves and hashes are folded on
 * the way, and at the end the root is the signed one. Then digests of all files are listed.
 *
 * Failure modes: an entry that cannot be read is passed up with its place; a root that does not
 * come out is AK_EINTEGRITY, and what was written so far is the caller's to remove. */
#include "export.h"

#include "bundle_about.h"
#include "bundle_derive.h"
#include "bundle_files.h"
#include "bundle_payloads.h"
#include "bundle_proof.h"
#include "export_time.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define FILE_MODE 0644

/* A good ratio at a speed that does not hold up whoever waits. */
#define ZSTD_LEVEL 6

#define PACKED_BYTES 131072u

struct writing {
    struct ak_export_write *write;
    FILE *file[AK_BUNDLE_NAMES];
    struct ak_range range; /* [0, index) */
    ZSTD_CCtx *encoder;
    uint8_t *packed;
    struct ak_source_table sources; /* declarations that were shown, for derived copies */
};

/* ---- Files ---- */

static enum ak_code open_file(struct writing *w, enum ak_bundle_name name, struct ak_error *err)
{
    int fd = openat(w->write->dir_fd, ak_bundle_file_name(name),
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return ak_fail_errno(err, errno, "write %s", ak_bundle_file_name(name));
    w->file[name] = fdopen(fd, "w");
    if (w->file[name] == NULL) {
        close(fd);
        return ak_fail(err, AK_ENOMEM, "no memory to write %s", ak_bundle_file_name(name));
    }
    return AK_OK;
}

/* Ends a file; it is on the medium then. */
static enum ak_code close_file(struct writing *w, enum ak_bundle_name name, struct ak_error *err)
{
    FILE *file = w->file[name];

    w->file[name] = NULL;
    if (fflush(file) == 0 && fsync(fileno(file)) != 0 && errno != EINVAL) {
        int cause = errno;
        (void)fclose(file);
        return ak_fail_errno(err, cause, "write %s", ak_bundle_file_name(name));
    }
    return ak_output_close(file, ak_bundle_file_name(name), err);
}

static enum ak_code write_file(struct writing *w, enum ak_bundle_name name, const void *data,
                               size_t len, struct ak_error *err)
{
    enum ak_code rc = open_file(w, name, err);

    if (rc != AK_OK)
        return rc;
    (void)fwrite(data, 1, len, w->file[name]);
    return close_file(w, name, err);
}

/* ---- Payloads ---- */

static enum ak_code compress(struct writing *w, const void *data, size_t len, bool last,
                             struct ak_error *err)
{
    ZSTD_inBuffer in = {.src = data, .size = len};
    size_t left;

    do {
        ZSTD_outBuffer out = {.dst = w->packed, .size = PACKED_BYTES};
        left = ZSTD_compressStream2(w->encoder, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return ak_fail(err, AK_ENOMEM, "records.zst: %s", ZSTD_getErrorName(left));
        (void)fwrite(w->packed, 1, out.pos, w->file[AK_BUNDLE_RECORDS]);
    } while (last ? left > 0 : in.pos < in.size);
    return AK_OK;
}

/* Rows of a received entry, as whoever gets the bundle makes them again. */
static void derive_rows(struct writing *w, const struct ak_bundle_entry *shown)
{
    if (w->write->jsonl)
        ak_bundle_derive_jsonl(w->file[AK_BUNDLE_JSONL], shown, &w->sources);
    if (w->write->csv)
        ak_bundle_derive_csv(w->file[AK_BUNDLE_CSV], shown, &w->sources);
}

static enum ak_code derive(struct writing *w, const struct ak_log_tree_entry *entry,
                           struct ak_error *err)
{
    struct ak_bundle_entry shown = {.index = entry->index,
                                    .entry = entry->entry,
                                    .state = entry->state,
                                    .payload_proven = true,
                                    .payload = entry->payload,
                                    .len = entry->len};
    struct ak_log_entry read = {.index = entry->index,
                                .entry = entry->entry,
                                .state = entry->state,
                                .payload = entry->payload,
                                .len = entry->len};

    if (entry->entry.kind == AK_KIND_SOURCE)
        return ak_source_table_entry(&w->sources, &read, err);
    if (ak_kind_received(entry->entry.kind))
        derive_rows(w, &shown);
    return AK_OK;
}

static enum ak_code put_payload(struct writing *w, const struct ak_log_tree_entry *entry,
                                struct ak_error *err)
{
    enum ak_code rc = derive(w, entry, err);

    if (rc != AK_OK)
        return rc;
    if (!ak_kind_received(entry->entry.kind)) {
        (void)fwrite(entry->payload, 1, entry->len, w->file[AK_BUNDLE_OWN]);
        fputc('\n', w->file[AK_BUNDLE_OWN]);
        return AK_OK;
    }
    w->write->records++;
    rc = compress(w, entry->payload, entry->len, false, err);
    return rc == AK_OK ? compress(w, "\n", 1, false, err) : rc;
}

static void put_redacted(struct writing *w, int redaction)
{
    FILE *file = w->file[AK_BUNDLE_OPENINGS];

    fputc(AK_STATE_REDACTED, file);
    fputc(redaction >> 8 & 0xff, file);
    fputc(redaction & 0xff, file);
}

/* An entry of which bytes are to be hidden; `*done` unless it turns out that none are. */
static enum ak_code put_in_parts(struct writing *w, const struct ak_log_tree_entry *entry,
                                 const struct ak_export_hide *hide, bool *done,
                                 struct ak_error *err)
{
    struct ak_export_parts parts;
    enum ak_code rc;

    *done = false;
    if (hide->count == 0)
        return AK_OK;
    if (entry->entry.form != AK_FORM_PARTS)
        return ak_fail(err, AK_EUSAGE,
                       "entry %" PRIu64 " commits to its record as a whole, so no part of it can "
                       "be hidden: black out the whole record (--redact index:%" PRIu64 "), or "
                       "nothing of it. Logs whose records can be hidden in part are written with "
                       "the option commitment: parts",
                       entry->index, entry->index);
    rc = ak_export_parts_make(&parts, entry, hide, err);
    if (rc != AK_OK)
        return rc;
    *done = parts.withheld > 0;
    if (parts.withheld > 0 && parts.withheld == parts.parts) {
        put_redacted(w, parts.redaction);
    } else if (parts.withheld > 0) {
        ak_bundle_recipe_add(&w->write->opens, AK_STATE_PARTS, entry->entry.form);
        fputc(AK_STATE_PARTS, w->file[AK_BUNDLE_OPENINGS]);
        (void)fwrite(parts.opening, 1, parts.opening_len, w->file[AK_BUNDLE_OPENINGS]);
        derive_rows(w, &(struct ak_bundle_entry){.index = entry->index,
                                                 .entry = entry->entry,
                                                 .state = AK_STATE_PARTS,
                                                 .payload_proven = true,
                                                 .payload = parts.text,
                                                 .len = parts.text_len,
                                                 .withheld = parts.withheld});
        rc = compress(w, parts.text, parts.text_len, false, err);
        if (rc == AK_OK)
            rc = compress(w, "\n", 1, false, err);
    }
    ak_export_parts_free(&parts);
    return rc;
}

static enum ak_code put_hidden(struct writing *w, const struct ak_log_tree_entry *entry, bool *done,
                               struct ak_error *err)
{
    struct ak_export_hide hide = {0};
    enum ak_code rc = w->write->hide(w->write->ctx, entry, &hide, err);

    *done = false;
    if (rc == AK_OK)
        rc = put_in_parts(w, entry, &hide, done, err);
    free(hide.range);
    return rc;
}

static enum ak_code put_opening(struct writing *w, const struct ak_log_tree_entry *entry,
                                enum ak_export_how how, struct ak_error *err)
{
    FILE *file = w->file[AK_BUNDLE_OPENINGS];
    bool asked = how == AK_EXPORT_ASKED && ak_kind_received(entry->entry.kind);
    int redaction = -1;
    enum ak_code rc = AK_OK;

    if (how == AK_EXPORT_BOUND) {
        fputc(AK_STATE_NOT_ASKED, file);
        return AK_OK;
    }
    if (entry->state != AK_STATE_PRESENT) {
        fputc(entry->state, file);
        return AK_OK;
    }
    if (asked && w->write->redact != NULL)
        rc = w->write->redact(w->write->ctx, entry, &redaction, err);
    if (rc != AK_OK)
        return rc;
    if (redaction >= 0) {
        put_redacted(w, redaction);
        return AK_OK;
    }
    if (asked && w->write->hide != NULL) {
        bool done;
        rc = put_hidden(w, entry, &done, err);
        if (rc != AK_OK || done)
            return rc;
    }
    fputc(AK_STATE_PRESENT, file);
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(entry->len >> shift & 0xff), file);
    ak_bundle_recipe_add(&w->write->opens, AK_STATE_PRESENT, entry->entry.form);
    if (entry->entry.form == AK_FORM_PARTS)
        (void)fwrite(entry->record_key, 1, AK_RECORD_KEY_BYTES, file);
    else
        (void)fwrite(entry->salt, 1, AK_SALT_BYTES, file);
    return put_payload(w, entry, err);
}

/* ---- Pieces ---- */

static enum ak_code put_entry(struct writing *w, uint64_t index, enum ak_export_how how,
                              struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    uint8_t bytes[AK_ENTRY_BYTES];
    struct ak_hash leaf;
    enum ak_code rc = ak_log_tree_entry(w->write->log->tree, index, &entry, err);

    ak_export_progress(w->write->log);
    if (rc != AK_OK)
        return rc;
    ak_entry_encode(bytes, &entry.entry);
    (void)fwrite(bytes, 1, sizeof(bytes), w->file[AK_BUNDLE_ENTRIES]);
    ak_hash_leaf(&leaf, bytes, sizeof(bytes));
    rc = put_opening(w, &entry, how, err);
    return rc == AK_OK ? ak_range_append(&w->range, &leaf) : rc;
}

static enum ak_code put_skip(struct writing *w, uint64_t end, struct ak_error *err)
{
    struct ak_range skipped;
    enum ak_code rc;

    if (w->range.end == end)
        return AK_OK;
    rc = ak_log_tree_range(w->write->log->tree, w->range.end, end, &skipped, err);
    if (rc != AK_OK)
        return rc;
    ak_bundle_proof_put_skip(w->file[AK_BUNDLE_PROOF], &skipped);
    return ak_range_merge(&w->range, &skipped, err);
}

/* Entries shown from piece `i` on without a hole. */
static uint64_t shown_from(const struct ak_export_plan *plan, size_t i)
{
    uint64_t first = plan->piece[i].first;
    uint64_t end = first;

    for (; i < plan->count && plan->piece[i].first == end; i++)
        end = plan->piece[i].last + 1;
    return end - first;
}

static enum ak_code put_pieces(struct writing *w, struct ak_error *err)
{
    const struct ak_export_plan *plan = w->write->plan;
    uint64_t size = w->write->log->checkpoint.size;
    struct ak_hash root;
    enum ak_code rc = AK_OK;

    ak_bundle_proof_put_head(w->file[AK_BUNDLE_PROOF], size);
    for (size_t i = 0; rc == AK_OK && i < plan->count; i++) {
        const struct ak_export_piece *piece = &plan->piece[i];
        if (i == 0 || piece->first != w->range.end) {
            rc = put_skip(w, piece->first, err);
            ak_bundle_proof_put_show(w->file[AK_BUNDLE_PROOF], shown_from(plan, i));
        }
        for (uint64_t at = piece->first; rc == AK_OK && at <= piece->last; at++)
            rc = put_entry(w, at, piece->how, err);
    }
    if (rc == AK_OK)
        rc = put_skip(w, size, err);
    if (rc == AK_OK)
        rc = compress(w, NULL, 0, true, err);
    if (rc == AK_OK)
        rc = ak_range_root(&w->range, &root, err);
    if (rc == AK_OK && !ak_hash_equal(&root, &w->write->log->checkpoint.root))
        rc =
            ak_fail(err, AK_EINTEGRITY,
                    "what the store holds does not lead to the signed root of size %" PRIu64, size);
    return rc;
}

/* ---- Whole ---- */

/* Length and digest of a file that was written; not there if it was not. */
static enum ak_code digest_file(struct writing *w, enum ak_bundle_name name,
                                struct ak_bundle_derive_file *out, struct ak_error *err)
{
    struct ak_bundle_files files = {.fd = w->write->dir_fd, .custody_fd = -1};
    struct ak_bundle_stream s = {0};
    off_t bytes;
    enum ak_code rc;
    int fd = openat(files.fd, ak_bundle_file_name(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    *out = (struct ak_bundle_derive_file){.there = false};
    if (fd < 0) /* what must be there is missed when the bundle is judged */
        return errno == ENOENT ? AK_OK : ak_fail_errno(err, errno, "read what was written");
    bytes = lseek(fd, 0, SEEK_END);
    out->there = true;
    out->bytes = bytes < 0 ? 0 : (uint64_t)bytes;
    files.part[name] = (struct ak_bundle_part){true, fd, 0, out->bytes};
    rc = ak_bundle_stream_open(&s, &files, name, err);
    if (rc == AK_OK)
        rc = ak_bundle_stream_digest(&s, &out->digest, err);
    ak_bundle_stream_close(&s);
    close(fd);
    return rc;
}

/* provenance.jsonld, if it is wanted, and SHA256SUMS. */
static enum ak_code put_digests(struct writing *w, struct ak_error *err)
{
    struct ak_bundle_derive_file files[AK_BUNDLE_NAMES];
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; rc == AK_OK && i < AK_BUNDLE_NAMES; i++)
        rc = digest_file(w, (enum ak_bundle_name)i, &files[i], err);
    if (rc == AK_OK && w->write->provenance) {
        rc = open_file(w, AK_BUNDLE_PROVENANCE, err);
        if (rc == AK_OK) {
            ak_bundle_derive_provenance(w->file[AK_BUNDLE_PROVENANCE], w->write->about, files);
            rc = close_file(w, AK_BUNDLE_PROVENANCE, err);
        }
        if (rc == AK_OK)
            rc = digest_file(w, AK_BUNDLE_PROVENANCE, &files[AK_BUNDLE_PROVENANCE], err);
    }
    if (rc == AK_OK)
        rc = open_file(w, AK_BUNDLE_SUMS, err);
    for (unsigned i = 0; rc == AK_OK && i < AK_BUNDLE_NAMES; i++) {
        if (i == AK_BUNDLE_SUMS || !files[i].there)
            continue;
        for (unsigned b = 0; b < AK_HASH_BYTES; b++)
            fprintf(w->file[AK_BUNDLE_SUMS], "%02x", files[i].digest.b[b]);
        fprintf(w->file[AK_BUNDLE_SUMS], "  %s\n", ak_bundle_file_name((enum ak_bundle_name)i));
    }
    return rc == AK_OK ? close_file(w, AK_BUNDLE_SUMS, err) : rc;
}

static enum ak_code put_texts(struct writing *w, struct ak_error *err)
{
    const struct ak_export_log *log = w->write->log;
    char *about = NULL;
    size_t len = 0;
    enum ak_code rc = ak_bundle_about_write(w->write->about, &about, &len, err);

    if (rc == AK_OK)
        rc = write_file(w, AK_BUNDLE_ABOUT, about, len, err);
    free(about);
    if (rc == AK_OK)
        rc = write_file(w, AK_BUNDLE_CHECKPOINT, log->note, log->note_len, err);
    if (rc == AK_OK && log->stamped.count > 0)
        rc = write_file(w, AK_BUNDLE_STAMPED, log->stamped.note, log->stamped.len, err);
    for (unsigned k = 0; rc == AK_OK && k < log->stamped.count; k++)
        rc = write_file(w, (enum ak_bundle_name)(AK_BUNDLE_STAMP + k), log->stamped.reply[k].data,
                        log->stamped.reply[k].len, err);
    if (rc == AK_OK && w->write->policy != NULL)
        rc = write_file(w, AK_BUNDLE_POLICY, w->write->policy, w->write->policy_len, err);
    if (rc == AK_OK && w->write->states->count > 0) {
        rc = open_file(w, AK_BUNDLE_POSITIONS, err);
        if (rc == AK_OK)
            rc = ak_export_positions(w->file[AK_BUNDLE_POSITIONS], w->write->log, w->write->states,
                                     err);
        if (rc == AK_OK)
            rc = close_file(w, AK_BUNDLE_POSITIONS, err);
    }
    if (rc == AK_OK)
        rc = open_file(w, AK_BUNDLE_README, err);
    if (rc != AK_OK)
        return rc;
    ak_bundle_readme_put(w->file[AK_BUNDLE_README], w->write->about, &log->checkpoint,
                         w->write->opens, log->stamped.count > 0);
    return close_file(w, AK_BUNDLE_README, err);
}

static enum ak_code allocate(struct writing *w, struct ak_error *err)
{
    w->encoder = ZSTD_createCCtx();
    w->packed = malloc(PACKED_BYTES);
    if (w->encoder == NULL || w->packed == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(w->encoder, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(w->encoder, ZSTD_c_checksumFlag, 1)))
        return ak_fail(err, AK_ENOMEM, "no memory to compress");
    return AK_OK;
}

/* Opens, or closes, the files that are written entry by entry. */
static enum ak_code each_stream(struct writing *w,
                                enum ak_code (*act)(struct writing *w, enum ak_bundle_name name,
                                                    struct ak_error *err),
                                struct ak_error *err)
{
    static const enum ak_bundle_name streams[] = {
        AK_BUNDLE_PROOF,   AK_BUNDLE_ENTRIES, AK_BUNDLE_OPENINGS, AK_BUNDLE_OWN,
        AK_BUNDLE_RECORDS, AK_BUNDLE_JSONL,   AK_BUNDLE_CSV};
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < sizeof(streams) / sizeof(streams[0]); i++) {
        if ((streams[i] != AK_BUNDLE_JSONL || w->write->jsonl) &&
            (streams[i] != AK_BUNDLE_CSV || w->write->csv))
            rc = act(w, streams[i], err);
    }
    return rc;
}

enum ak_code ak_export_write(struct ak_export_write *write, struct ak_error *err)
{
    struct writing w = {.write = write};
    enum ak_code rc = allocate(&w, err);

    ak_range_init(&w.range, 0);
    write->records = 0;
    write->opens = AK_BUNDLE_RECIPE_WHOLE;
    if (rc == AK_OK)
        rc = each_stream(&w, open_file, err);
    if (rc == AK_OK && write->csv)
        ak_bundle_derive_csv_head(w.file[AK_BUNDLE_CSV]);
    if (rc == AK_OK)
        rc = put_pieces(&w, err);
    if (rc == AK_OK)
        rc = each_stream(&w, close_file, err);
    if (rc == AK_OK)
        rc = put_texts(&w, err);
    if (rc == AK_OK)
        rc = put_digests(&w, err);
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (w.file[i] != NULL)
            (void)fclose(w.file[i]);
    }
    ak_source_table_free(&w.sources);
    ZSTD_freeCCtx(w.encoder);
    free(w.packed);
    return rc;
}
