/* segment_writer.h - from prepared batches to durable, markable segments of one log.
 *
 * The life of a group commit: ak_prepare (pool, parallel, pure computing) turns each batch into
 * COLUMNS and DATA; ak_writer_commit (pool, one at a time per log, in order) merges ranges,
 * writes NOTE? (COLUMNS DATA)+ MARK with one writev, and fdatasyncs. When it returns AK_OK the
 * records are on stable storage and may be acknowledged.
 *
 * Failure modes: no room (AK_ENOSPC): the file is cut back to the last MARK or NOTE and the same
 * batches may be offered again later. Any other failure of a write or sync: the file is dead: it is
 * never written, synced or cut again. The caller offers the same batches again and they go to a new
 * segment, same roots. A dead file that acknowledged nothing (no durable MARK) is removed then: all
 * it holds is offered again, and its name is needed. One that did stays, and what lies behind its
 * last MARK or NOTE must be told of by a `recovery` event (R27), best in the commit that begins the
 * next segment: ak_writer_torn gives it, or else the next commit's result. */
#ifndef AK_SEGMENT_WRITER_H
#define AK_SEGMENT_WRITER_H

#include "batch.h"
#include "torn.h"

/* CPU half: salts, commitments, leaves, ranges, columns, compression. Any thread, any order.
 * Fills everything below "Made by ak_prepare" and batch->rc/err. `zstd` is a ZSTD_CCtx of this
 * thread (void * so that callers need no zstd header). */
struct ak_prepare_scratch; /* per thread: contexts and tables; reused, never shared */
struct ak_prepare_scratch *ak_prepare_scratch_new(void);
void ak_prepare_scratch_free(struct ak_prepare_scratch *scratch);
enum ak_code ak_prepare(struct ak_batch *batch, struct ak_prepare_scratch *scratch);

/* Puts the hash of a group that began before a prepared batch and ends in it where it belongs, in
 * the batch and in its COLUMNS frame. `range` is [0, batch->first). */
void ak_batch_patch_level8(struct ak_batch *batch, const struct ak_range *range);

/* What a writer must know of its log. All borrowed for the writer's life. */
struct ak_writer_options {
    int log_dir_fd; /* the log's directory */
    const char *origin;
    const unsigned char *epoch_note; /* payload of the newest kind-4 entry (6.2), or NULL */
    size_t epoch_note_len;
    uint64_t claim;
    struct ak_hash previous; /* digest of the newest HEADER of the log; zero if there is none */
};

struct ak_writer;

/* State of the tree to go on from: [0, end). No file is opened yet: the first commit does. */
enum ak_code ak_writer_new(const struct ak_writer_options *options, const struct ak_range *range,
                           struct ak_writer **out, struct ak_error *err);
/* A newer start note is durable: HEADERs carry it from now on. Borrowed; not while a commit runs.
 */
void ak_writer_epoch(struct ak_writer *writer, const unsigned char *note, size_t len);
void ak_writer_free(struct ak_writer *writer); /* closes the file; nothing is synced */

/* What a commit did, for the loop and the signer. */
struct ak_commit_result {
    uint64_t size;          /* entries now durable */
    struct ak_range range;  /* compact range [0, size) */
    uint64_t file_bytes;    /* length of the segment now */
    uint64_t segment_first; /* first index of the segment written to */
    bool rolled;            /* a new segment was begun in this commit */
    uint64_t written;       /* bytes since the commit before, with headers and lone notes */
    bool has_torn;          /* a dead segment was left behind since the last commit: write a */
    struct ak_torn torn;    /* `recovery` event with file, good, cut, sha256 and size of this */
};

/* Batches of one commit; bounds the vector of one writev. */
#define AK_WRITER_BATCHES_MAX 64u

/* Commits `count` prepared batches (in order, consecutive indices, the first one at the writer's
 * end; 1 to AK_WRITER_BATCHES_MAX). At most one of them has new_segment set and then it is the
 * first; an open segment that holds nothing yet serves as the new one. `note` (may be NULL) is
 * a checkpoint that waits to be written: in front, or dropped if its size is below the segment's
 * first index or that of a NOTE that is there already. `now_ns` is the HEADER's time if a segment
 * is begun. `checkpoint` (may be NULL) is the newest checkpoint known, for a new HEADER. AK_OK:
 * durable. AK_ENOSPC: nothing changed, offer again. Others: the file is dead; offer again (a new
 * segment is begun by itself). */
enum ak_code ak_writer_commit(struct ak_writer *writer, struct ak_batch *const *batches,
                              size_t count, const void *note, size_t note_len,
                              const void *checkpoint, size_t checkpoint_len, uint64_t now_ns,
                              struct ak_commit_result *result, struct ak_error *err);

/* Writes and syncs a waiting note alone (idle log). The same results as a commit; dropped, with
 * AK_OK, if no segment is open or its size does not fit into the open one. */
enum ak_code ak_writer_note(struct ak_writer *writer, const void *note, size_t note_len,
                            struct ak_error *err);

/* Whether a segment died since this was last asked, with bytes behind its end that must be told of.
 * To be asked after a failed commit or note; nothing is asked twice. */
bool ak_writer_torn(struct ak_writer *writer, struct ak_torn *torn);

/* Size of the newest NOTE that this writer made durable; 0: none yet. */
uint64_t ak_writer_noted(const struct ak_writer *writer);

/* First index of the open segment, or UINT64_MAX when none is open; its present length. */
uint64_t ak_writer_segment(const struct ak_writer *writer, uint64_t *file_bytes);

#endif
