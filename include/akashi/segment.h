/* segment.h - reading segments: frames, what is in them, and blocks (format.md 6 and 7).
 *
 * The happy path of a reader that judges one segment:
 *
 *     ak_frame_walk_begin(walk, fd)                 the file's length is taken once
 *     ak_frame_next(walk, &frame)                   HEADER; then frame after frame to AK_FRAME_END
 *     ak_frame_read(fd, &frame, buffer, cap, &d)    its bytes and its digest, from any thread
 *     ak_segment_header_decode, ak_columns_decode, ak_segment_mark_decode, ak_segment_note_decode
 *     ak_block_open(block, columns, data, n, &d)    payloads, entries, leaves, hashes of groups
 *     ak_footer_check, ak_seek_check                against what was derived on the way
 *
 * Nothing is believed: every length is bounded before it is used, and what decodes is what an
 * encoder would have written, byte by byte ("one encoding", format.md 1), but for the inside of
 * DATA frames. What needs the whole log (numbering R16, roots R17, R18 to R22 as far as they ask
 * for keys or roots) is the caller's; everything it needs for that is given here.
 *
 * Errors of all functions: AK_EMALFORMED for a broken rule of encoding, grammar or place,
 * AK_EINTEGRITY for a digest or checksum that does not come out, AK_EUNSUPPORTED and AK_ELIMIT as
 * format.md 1, 3 and 11 say, AK_EIO if the file cannot be read. The text names rule and place.
 *
 * There is no shared state: an object belongs to one thread at a time. */
#ifndef AKASHI_SEGMENT_H
#define AKASHI_SEGMENT_H

#include <akashi/checkpoint.h>
#include <akashi/entry.h>
#include <akashi/epoch.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Frames (6.1) ---- */

/* Types beside AK_FRAME_HEADER to AK_FRAME_FOOTER; none of them is a byte of a file. */
#define AK_FRAME_NONE 0x00u  /* no frame begins there */
#define AK_FRAME_DATA 0x101u /* Zstandard frame behind a COLUMNS frame */
#define AK_FRAME_SEEK 0x102u /* seek table */
#define AK_FRAME_END  0x103u /* the file ends exactly here */
#define AK_FRAME_TORN 0x104u /* the file ends within what would be a frame */

/* Longest frame that has to be held in memory as a whole: a COLUMNS frame with its frame header.
 * FOOTER and seek table are longer and are read as streams. */
#define AK_FRAME_BUFFER_BYTES (AK_FRAME_HEAD_BYTES + AK_COLUMNS_BYTES_MAX)

struct ak_frame {
    unsigned type;          /* AK_FRAME_... */
    uint64_t offset;        /* of its first byte in the file */
    uint64_t bytes;         /* with its frame header; for TORN what is left of the file */
    uint64_t content_bytes; /* behind the frame header of ours; of DATA all of it */
};

/* Bytes in front of the content in what ak_frame_read gives: 8, for DATA 0. */
static inline size_t ak_frame_head(const struct ak_frame *frame)
{
    return (size_t)(frame->bytes - frame->content_bytes);
}

/* What the frames so far say about the file: only the FOOTER makes a segment sealed, but a MARK,
 * and a NOTE in front of a block, cannot be in a sealed one (6.1). */
enum ak_segment_state { AK_SEGMENT_UNDECIDED, AK_SEGMENT_OPEN, AK_SEGMENT_SEALED };

/* Bytes read ahead, so that a segment of small frames does not need a system call for each. */
#define AK_WALK_WINDOW_BYTES 16384u

/* Position in a file, which is read with pread: the descriptor's own position is not used. Members
 * are to be read, not written, by callers; about 16 KiB. */
struct ak_frame_walk {
    int fd;                      /* borrowed */
    uint64_t size;               /* length of the file as it was measured */
    uint64_t at;                 /* where the next frame begins */
    enum ak_segment_state state; /* open or sealed, as far as it is decided */
    unsigned last;               /* type of the frame before; AK_FRAME_NONE at the start */
    bool resumed;                /* behind ak_frame_resync: what stood before is not known */
    uint32_t data_bytes;         /* length of the DATA frame behind the last COLUMNS */
    uint64_t window_at;          /* offset of window[0] */
    size_t window_len;
    uint8_t window[AK_WALK_WINDOW_BYTES];
};

/* Begins at the start of a file. AK_EIO if it is no regular file or cannot be looked at, AK_ELIMIT
 * past AK_SEGMENT_BYTES_MAX. */
enum ak_code ak_frame_walk_begin(struct ak_frame_walk *walk, int fd, struct ak_error *err);

/* Takes the length anew, for a file that may have grown; the position stays, so a walk that met
 * AK_FRAME_END or AK_FRAME_TORN can go on. AK_EINTEGRITY if the file now ends before the
 * position. Other errors as above. */
enum ak_code ak_frame_walk_measure(struct ak_frame_walk *walk, struct ak_error *err);

/* Gives the next frame and moves behind it. `frame->offset` is always filled.
 *
 * AK_OK: a frame that the grammar allows here; or AK_FRAME_END; or AK_FRAME_TORN, where the bytes
 * from `offset` to the end of the file are the beginning of what could be a frame. The walk stays
 * there in the last two cases. Whether the file may end there is asked by ak_frame_may_end.
 * AK_EMALFORMED (R19): with frame->type AK_FRAME_NONE no frame begins there (unknown magic or type,
 * length out of bounds) and the walk stays: see ak_frame_resync. With another type it is a whole
 * frame that the grammar does not allow here; the walk is behind it, and may go on.
 * AK_EUNSUPPORTED: a frame of ours of another version; the walk stays. AK_EIO.
 *
 * Behind a COLUMNS frame the next `data_bytes` bytes are given as its DATA frame whatever they are:
 * ak_block_open judges them. */
enum ak_code ak_frame_next(struct ak_frame_walk *walk, struct ak_frame *frame,
                           struct ak_error *err);

/* Whether a segment may end behind the last frame: an open one behind HEADER, MARK or NOTE, a
 * sealed one behind its seek table only. */
bool ak_frame_may_end(const struct ak_frame_walk *walk);

/* Looks for the next COLUMNS, MARK, NOTE or FOOTER frame behind the walk's position, where nothing
 * could be read as a frame, and moves there. What looks like one may be part of a payload's bytes:
 * only its decoding, and hashes under a signed root, tell. AK_OK: the walk stands at such a place,
 * and `*skipped` bytes were passed over. AK_ENOTFOUND: there is none up to the end of the file; the
 * walk stays. AK_EIO. */
enum ak_code ak_frame_resync(struct ak_frame_walk *walk, uint64_t *skipped, struct ak_error *err);

/* Moves to any place of the file where a frame is thought to begin; what stands before it is then
 * not known, and the grammar takes up what it finds. AK_EUSAGE behind the end of the file. */
enum ak_code ak_frame_walk_seek(struct ak_frame_walk *walk, uint64_t offset, struct ak_error *err);

/* Reads a whole frame, with its frame header, into `buffer` of `cap` bytes (AK_FRAME_BUFFER_BYTES
 * hold all but FOOTER and seek table); its content begins at ak_frame_head. `*digest` (or NULL) is
 * H(frame). AK_ELIMIT if it does not fit, AK_EIO if it cannot be read or the file has become
 * shorter. Any thread: uses pread only. */
enum ak_code ak_frame_read(int fd, const struct ak_frame *frame, uint8_t *buffer, size_t cap,
                           struct ak_hash *digest, struct ak_error *err);

/* Digest of a frame of any length, in constant memory. */
enum ak_code ak_frame_digest(int fd, const struct ak_frame *frame, struct ak_hash *digest,
                             struct ak_error *err);

/* ---- HEADER (6.2), MARK (6.5), NOTE (6.6) ---- */

struct ak_segment_header {
    uint32_t compatible;     /* flags; any that is set is not known: remark UNKNOWN_FLAG */
    uint64_t first;          /* index of the first entry that the segment holds or would hold */
    uint64_t opened;         /* ns, as the clock said */
    uint64_t claim;          /* number of the writer, at least 1 */
    struct ak_hash previous; /* digest of the HEADER frame before; zero: none was */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_range range;     /* [0, first) */
    const uint8_t *epoch_note; /* borrowed from the content; length 0 if and only if first = 0 */
    size_t epoch_note_len;
    const uint8_t *checkpoint; /* borrowed from the content; length 0: none */
    size_t checkpoint_len;
};

/* Reads the content of a HEADER frame. AK_EMALFORMED, AK_EUNSUPPORTED for a version, an
 * incompatible flag, an encoding or a reserved byte that is not known. */
enum ak_code ak_segment_header_decode(struct ak_segment_header *header, const uint8_t *content,
                                      size_t len, struct ak_error *err);

/* What R20 asks without keys: the epoch note, if there, is a start note of this log with an index
 * below `first`; the checkpoint, if there, is one of this log (origin, three lines) of size 1 to
 * `first`, and the range folds to its root if its size is `first` (AK_EINTEGRITY if not). Outputs
 * may be NULL; `checkpoint->size` is 0, and `epoch->epochs` 0, when there is none. Signatures:
 * ak_epoch_note_verify, ak_log_checkpoint_verify. */
enum ak_code ak_segment_header_check(const struct ak_segment_header *header,
                                     struct ak_epoch_note *epoch, struct ak_checkpoint *checkpoint,
                                     struct ak_error *err);

struct ak_segment_mark {
    struct ak_range range; /* [0, size); its `end` is the size */
    struct ak_hash digest; /* H over the digests of the frames since the MARK before */
};

enum ak_code ak_segment_mark_decode(struct ak_segment_mark *mark, const uint8_t *content,
                                    size_t len, struct ak_error *err);

/* Gives where the checkpoint lies in the content of a NOTE frame (borrowed). That it is a note is
 * for ak_note_parse or ak_log_checkpoint_verify to say. */
enum ak_code ak_segment_note_decode(const uint8_t **note, size_t *note_len, const uint8_t *content,
                                    size_t len, struct ak_error *err);

/* ---- COLUMNS (6.3) ---- */

/* A longest stretch of neighbouring entries of one source, kind and time (6.3.1). */
struct ak_columns_run {
    uint64_t received; /* ns */
    uint64_t seq;      /* source_seq of its first entry; at most AK_SEQ_MAX for its last one too */
    uint32_t source;
    uint32_t count; /* entries, at least 1 */
    uint16_t clock_run;
    uint8_t kind;
};

/* A present payload that holds line feeds itself (6.3.2). */
struct ak_columns_lf {
    uint32_t position; /* of the entry in the block */
    uint32_t count;    /* at least 1 */
};

/* Neighbouring entries whose payload is not there (6.3.4). */
struct ak_columns_absent {
    uint32_t position; /* of the first entry in the block */
    uint32_t count;
    uint32_t commitment; /* number of the first one's commitment among all of the block */
    uint8_t state;       /* AK_STATE_ERASED or AK_STATE_EXPIRED */
};

/* One group that the block touches: 256 entries or, at the block's ends, a part of them. */
struct ak_columns_group {
    uint32_t begin;   /* position of its first entry in the block */
    uint32_t count;   /* entries of it in the block */
    uint32_t present; /* those whose payload is there */
    uint32_t text_at; /* where its text begins in the block's text */
    uint32_t text_bytes;
    const uint8_t *key;   /* group key of AK_GROUP_KEY_BYTES, or NULL: then `salts` (6.3.5) */
    const uint8_t *salts; /* for each present entry its salt, of AK_SALT_BYTES, or in a block of
                             form 2 its record key, of AK_RECORD_KEY_BYTES */
};

/* Decoded columns; about 0.7 MiB, allocated once a thread and reused. `key`, `salts` and
 * `commitment` borrow from the content, which must stay as it is. */
struct ak_columns {
    uint32_t data_bytes;
    uint32_t text_bytes;
    struct ak_hash data_digest;
    uint64_t first; /* index of the block's first entry */
    uint32_t count;
    uint8_t form;
    uint32_t present; /* entries whose payload is there */
    uint32_t run_count;
    struct ak_columns_run run[AK_BLOCK_ENTRIES_MAX];
    uint32_t lf_count;
    struct ak_columns_lf lf[AK_BLOCK_ENTRIES_MAX];
    uint32_t group_count;
    struct ak_columns_group group[AK_BLOCK_GROUPS_MAX];
    uint32_t absent_count;
    struct ak_columns_absent absent[AK_BLOCK_ENTRIES_MAX];
    const uint8_t *commitment; /* AK_HASH_BYTES for each absent entry, in order */
    uint32_t commitment_count;
    uint32_t level8_count; /* groups whose last entry is in the block */
    struct ak_hash level8[AK_BLOCK_GROUPS_MAX];
    struct ak_columns_table *table; /* sources seen in this block; the decoder's own */
};

/* Memory for one thread, or NULL. */
struct ak_columns *ak_columns_new(void);
void ak_columns_free(struct ak_columns *columns);

/* The fixed fields at the front only (6.3): lengths, digest, first, count, form; for a reader that
 * needs no more than where a block stands. `content` holds at least AK_COLUMNS_FIXED_BYTES. */
#define AK_COLUMNS_FIXED_BYTES (2u + 4u + 4u + AK_HASH_BYTES + 8u + 4u + 1u)
enum ak_code ak_columns_decode_fixed(struct ak_columns *columns, const uint8_t *content, size_t len,
                                     struct ak_error *err);

/* Reads the content of a COLUMNS frame in its one encoding (R12). AK_EUNSUPPORTED for forms that
 * are not known. `first + count` is at most AK_TREE_SIZE_MAX. That a record or fragment
 * has a source of 256 or more (R1) is a matter of numbering and not asked here: source 0 and
 * source 7 decode as kinds 0 and 7. */
enum ak_code ak_columns_decode(struct ak_columns *columns, const uint8_t *content, size_t len,
                               struct ak_error *err);

/* ---- Blocks (6.3, 6.4, 7) ---- */

/* Nodes of a compact range within one group: at most 7 that rise and 7 that fall. */
#define AK_GROUP_NODES_MAX 14u

/* What came out of one group, or of the part of it that is in the block. */
struct ak_block_group {
    uint32_t begin; /* position of its first entry in the block */
    uint32_t count;
    bool decoded; /* its text came out of the decoder and divides into payloads, which are there.
                     Else they are not */
    bool hashed;  /* commitments, leaves and nodes of its entries are there; with ak_block_open
                     every group that is decoded is */
    bool whole;   /* all 256 entries are in this block: node[0] is the level-8 hash */
    uint32_t node_count;
    struct ak_hash node[AK_GROUP_NODES_MAX]; /* compact range of its entries, computed */
};

/* A payload as it lies in the block's text. */
struct ak_payload {
    const uint8_t *p; /* NULL if it is not there */
    uint32_t len;     /* without its LF */
    uint8_t state;    /* AK_STATE_... */
};

/* One block, opened. About 3.5 MiB with its decoder, allocated once a thread and reused; a hostile
 * frame makes the decoder take 8 MiB more (6.4). */
struct ak_block {
    uint64_t first;
    uint32_t count;
    struct ak_entry entry[AK_BLOCK_ENTRIES_MAX];
    struct ak_payload payload[AK_BLOCK_ENTRIES_MAX];
    /* What the commitment is made with: of a block of form 1 the salts, of one of form 2 the record
     * keys. The one that fits is zero where the payload is not there; the other holds nothing. */
    uint8_t salt[AK_BLOCK_ENTRIES_MAX][AK_SALT_BYTES];
    uint8_t record_key[AK_BLOCK_ENTRIES_MAX][AK_RECORD_KEY_BYTES];
    struct ak_hash leaf[AK_BLOCK_ENTRIES_MAX];
    uint32_t group_count;
    struct ak_block_group group[AK_BLOCK_GROUPS_MAX];
    uint8_t text[AK_BLOCK_TEXT_MAX];
    struct ak_hash node[AK_BLOCK_ENTRIES_MAX / 2]; /* the reader's own */
    struct ak_block_decoder *decoder;              /* the reader's own */
};

/* Memory for one thread, or NULL. */
struct ak_block *ak_block_new(void);
void ak_block_free(struct ak_block *block);

/* Checks R14 and R15, divides the text, and computes commitments, leaves and hashes of groups.
 * `data` are the `len` bytes behind the COLUMNS frame; `digest` their H, or NULL to compute it.
 *
 * AK_OK: the DATA frame is what the columns say; all groups are decoded. R17, whether a
 * group's hash is the recorded one, is the caller's to ask: parts of a group may lie elsewhere.
 * Otherwise the first fault: AK_EINTEGRITY if the digest (R14) or the frame's checksum (R15) does
 * not come out; AK_EMALFORMED if they do, and header (6.4), decompression or division do not fit.
 * Then, as format.md 7 says, each group stands for itself: all that the decoder gives with digest
 * and checksum ignored is cut by group texts, and `group[].decoded` tells which could be divided;
 * what they are worth is told by their hashes.
 * AK_ENOMEM. The entries' other members are there in any case. */
enum ak_code ak_block_open(struct ak_block *block, const struct ak_columns *columns,
                           const uint8_t *data, size_t len, const struct ak_hash *digest,
                           struct ak_error *err);

/* The first half of ak_block_open: the text alone, without asking for its digest. For a reader who
 * looks for something in it, and wants entries only where it is. AK_OK: header, length, checksum
 * and size are as they should be. AK_EMALFORMED, AK_EINTEGRITY, AK_ENOMEM: use ak_block_open. */
enum ak_code ak_block_text(struct ak_block *block, const struct ak_columns *columns,
                           const uint8_t *data, size_t len, struct ak_error *err);

/* The second half, behind ak_block_text that gave AK_OK, in three steps, for a reader who wants a
 * few groups of a block. First the entries' members but for commitments of payloads that are here;
 * no group is decoded. */
void ak_block_begin(struct ak_block *block, const struct ak_columns *columns);

/* Then the payloads of the groups that are wanted (NULL: all of them) and not decoded yet; `wanted`
 * has a flag for each group. AK_EMALFORMED if the text of one does not divide: the others are
 * decoded all the same. */
enum ak_code ak_block_divide(struct ak_block *block, const struct ak_columns *columns,
                             const bool *wanted, struct ak_error *err);

/* Then commitments, leaves and nodes of those that are wanted, decoded, and not hashed yet. */
void ak_block_hash(struct ak_block *block, const struct ak_columns *columns, const bool *wanted);

/* The computed nodes of a decoded group as a range, to be merged behind what stands before it. */
void ak_block_group_range(const struct ak_block *block, uint32_t group, struct ak_range *range);

/* ---- FOOTER and seek table (6.7, 6.8) ---- */

/* One block as the footer lists it. */
struct ak_footer_block {
    uint64_t offset; /* of its COLUMNS frame in the file */
    uint64_t first;
    uint32_t count;
    uint16_t clock_run_first;
    uint64_t received_first;
    uint16_t clock_run_last;
    uint64_t received_last;
    uint16_t kinds;
};

/* The entry of the list that these columns, found at `offset`, must have. */
void ak_footer_block_derive(struct ak_footer_block *out, const struct ak_columns *columns,
                            uint64_t offset);

/* Position of one ordinal as the footer states it. */
struct ak_footer_position {
    uint32_t ordinal;
    uint64_t next_seq;
    uint64_t last_index;
    uint64_t last_received;
    uint64_t declared; /* index of its declaration; 0 below 256 */
};

/* What a reader derived from the frames before FOOTER and seek table. Lists are kept as digests,
 * so this stays small whatever the segment's length. */
struct ak_segment_derived {
    uint64_t first;
    uint64_t frame_count;        /* frames so far */
    struct ak_sha256_ctx frames; /* over their digests */
    uint32_t block_count;
    struct ak_sha256_ctx blocks; /* over the entries of the list of blocks */
    uint32_t group_count;
    struct ak_sha256_ctx groups; /* over the level-8 hashes */
    struct ak_sha256_ctx seeks;  /* over the entries of the seek table */
};

/* `first` is the HEADER's. */
void ak_segment_derived_begin(struct ak_segment_derived *derived, uint64_t first);

/* Every frame before the seek table, in order, the FOOTER too (as the last one, after
 * ak_footer_check); `text_bytes` is 0 but for DATA. `digest` is H(frame). */
void ak_segment_derived_frame(struct ak_segment_derived *derived, const struct ak_frame *frame,
                              const struct ak_hash *digest, uint32_t text_bytes);

/* Every block, in order. */
void ak_segment_derived_block(struct ak_segment_derived *derived,
                              const struct ak_footer_block *block);

/* Every level-8 hash of a group completed in the segment, in order, as it was computed (or, for a
 * group that is not decoded, as the columns say). */
void ak_segment_derived_group(struct ak_segment_derived *derived, const struct ak_hash *level8);

/* Asked for each position in the order of ordinals. A code other than AK_OK ends the check. */
typedef enum ak_code (*ak_footer_position_fn)(void *ctx, const struct ak_footer_position *position,
                                              struct ak_error *err);

/* What a footer says of itself. */
struct ak_footer {
    struct ak_hash frames; /* digest over the digests of the frames before it */
    uint64_t first;
    uint64_t end;
    uint32_t blocks;
    uint32_t groups;
    uint32_t sources;      /* declared ones */
    struct ak_range range; /* [0, end) */
    struct ak_hash digest; /* H(the FOOTER frame), for the caller's list of frames */
    bool other_frames;     /* `self` comes out, and `frames` does not */
};

/* Reads a FOOTER frame as a stream and compares it with what was derived (R23): `derived` (NULL:
 * only that it decodes and that `self` comes out) and `range`, [0, end) as computed (NULL: only
 * that it has the right number of hashes). `on_position` may be NULL. AK_EINTEGRITY if `frames` or
 * `self` do not come out; AK_EMALFORMED for anything else that differs. `*footer` (never NULL) is
 * filled as far as the frame could be understood, its digest whenever the file could be read. */
enum ak_code ak_footer_check(struct ak_footer *footer, int fd, const struct ak_frame *frame,
                             const struct ak_segment_derived *derived, const struct ak_range *range,
                             ak_footer_position_fn on_position, void *ctx, struct ak_error *err);

/* Lists the blocks of a FOOTER, whether or not anything else of it is right: a way to find blocks
 * that is never evidence. Stops at the first code that is not AK_OK. */
typedef enum ak_code (*ak_footer_block_fn)(void *ctx, const struct ak_footer_block *block,
                                           struct ak_error *err);
enum ak_code ak_footer_blocks(int fd, const struct ak_frame *frame, ak_footer_block_fn on_block,
                              void *ctx, struct ak_error *err);

/* Gives the level-8 hashes of a FOOTER, in order from the group of its first index on, whether or
 * not anything else of it is right: where COLUMNS are lost they say what the group was, and a
 * signed root says whether that is true. */
typedef void (*ak_footer_group_fn)(void *ctx, uint64_t group, const struct ak_hash *level8);
enum ak_code ak_footer_groups(int fd, const struct ak_frame *frame, ak_footer_group_fn on_group,
                              void *ctx, struct ak_error *err);

/* Reads the seek table as a stream and compares it with the frames before it (R23). */
enum ak_code ak_seek_check(int fd, const struct ak_frame *frame,
                           const struct ak_segment_derived *derived, struct ak_error *err);

#endif
