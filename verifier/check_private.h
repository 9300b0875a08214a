/* check_private.h - the parts of a check of one log, in the order in which evidence passes through
 * them:
 *
 *     check_log    files are listed and put in order; the key of the epoch is found
 *     check_feed   frames of one file after the other become items
 *     check_pool   worker threads decode items (columns, blocks, signatures)
 *     check_merge  the caller's thread joins what came out, strictly in order
 *     check_epochs, check_start   epochs and their keys; start notes where they stand
 *     check_signed checkpoints on the way: whose they are and what they cover
 *     check_tree, check_number, check_own   tree, numbering, own payloads
 *     check_twins, check_orders, check_removed   segments that are there twice; orders and what
 * they took out check_files  at the end: files against manifests, headers against each other
 *     check_close  what else is asked at the end: torn files, checkpoint, tail, time
 *     check_report findings, proven ranges, verdict
 */
#ifndef AK_CHECK_PRIVATE_H
#define AK_CHECK_PRIVATE_H

#include "check_epochs.h"
#include "check_number.h"
#include "check_own.h"
#include "check_tree.h"
#include "ordered.h"
#include "store_list.h"

#include <akashi/check.h>
#include <akashi/epoch.h>
#include <akashi/segment.h>

#include <pthread.h>

/* Items between feed and merge; most are small. */
#define AK_CHECK_ITEMS_MAX 256u

/* Findings about containers and numbers that wait until the entries are judged. */
#define AK_CHECK_HELD_MAX 256u

/* Altered ranges since the last decision that held findings are compared with. */
#define AK_CHECK_ALTERED_MAX 64u

/* Manifests and recovery events of one log that are kept: one each for each file that is listed. */
#define AK_CHECK_MANIFESTS_MAX  AK_LIST_FILES_MAX
#define AK_CHECK_RECOVERIES_MAX 65536u

/* Checkpoints from outside or from the log's file that wait until their size is reached. */
#define AK_CHECK_WAITING_MAX 256u

/* Place in a segment that is not a file of the list: `who` of a signed root. */
enum ak_check_who {
    AK_WHO_NOTE,
    AK_WHO_HEADER,
    AK_WHO_MARK,
    AK_WHO_FOOTER,
    AK_WHO_START,
    AK_WHO_FILE,
    AK_WHO_KEPT,
    AK_WHO_BESIDE /* a file beside the segments: its number in the list */
};

/* What the comparison with the file that counts gave. */
struct ak_check_twin {
    bool fuller; /* it has payloads that the file that counts has not: of [full_begin, full_end) */
    uint64_t full_begin;
    uint64_t full_end;
    bool differs;
    bool proven;        /* what differs is under a signed root there */
    uint64_t at;        /* first index of the group that differs */
    enum ak_code fault; /* something in it is not as the format says */
};

/* One segment file, kept for the whole check. */
struct ak_check_file {
    char *name;
    uint64_t bytes; /* as listed */
    uint64_t first; /* as its header says; of one whose header is unreadable as its name says */
    uint64_t named_first;
    uint64_t opened;
    uint64_t claim;
    uint64_t end; /* index behind its last entry, once read */
    struct ak_hash header;
    struct ak_hash previous;
    struct ak_hash origin;        /* H of the header's origin */
    struct ak_hash end_root;      /* computed root of size `end` */
    struct ak_hash end_positions; /* and root of positions there */
    struct ak_hash frames;        /* digest over those of its frames, as in its FOOTER */
    struct ak_hash tail;          /* SHA-256 of the bytes behind `tail_at` */
    uint64_t tail_at;
    uint64_t tail_bytes;
    uint64_t read_bytes; /* its length when it was read */
    uint32_t generation;
    bool named;
    bool named_open;
    bool header_ok;
    bool stranger; /* its HEADER has another origin, and is not used */
    bool sealed;
    bool counts; /* it is the one that holds this first index */
    bool twin;   /* others of this first index are here, which do not count */
    bool read;
    bool frames_known; /* and FOOTER and seek table are what follows from them: no other byte is */
    bool end_root_known;
    bool end_positions_known;
    struct ak_check_twin twin_is; /* of a file that does not count */
    bool faulty;                  /* something in it could not be read as the format says */
    bool altered;                 /* entries in it were told as altered */
};

/* A file while its items are on their way. */
struct ak_check_open {
    struct ak_check_file *file;
    uint32_t number; /* of `file` in the log's list */
    unsigned refs;   /* items, and the feed */
    int fd;
    uint64_t limit; /* what is judged: behind it is the tail */
    uint64_t size;
    bool sealed;
    bool cut;     /* sealed once, its FOOTER is gone */
    bool begun;   /* its HEADER was never written whole */
    bool unsure;  /* open or sealed, who knows: what says it is not supported */
    bool compare; /* another file of the same first index counts: entries are compared with it */

    /* The merge's own. */
    struct ak_segment_derived derived;
    struct ak_sha256_ctx mark; /* digests of frames since the last MARK */
    uint64_t mark_from;        /* index at that MARK */
    uint64_t last_note;        /* size of the last NOTE */
    uint64_t end;              /* index behind the last block */
    uint64_t lost_end;         /* where a block that could not be read seems to end, or 0 */
    bool fault;                /* something was passed over: derived lists do not hold */
    uint64_t block_first;      /* index of the last block */
    uint64_t progress;         /* bytes told as done */
    bool entered;              /* its place in the log is decided */
    bool overlap;              /* files before it hold its first entries already */
    bool header_seen;
    bool footer_seen;
    bool footer_ok; /* and it is what follows from the frames before it */
    bool seek_seen;
    bool skip;         /* something in it is not supported: what follows is not judged */
    bool unread;       /* a part of it could not be read at all */
    bool broken;       /* damage since the last good block or MARK: entries may be lost */
    bool fault_commit; /* damage since the last MARK: its digest says nothing new */
    bool behind_block; /* the last frame was DATA */
};

/* Memory in which a worker decodes one block. */
struct ak_check_work {
    struct ak_columns *columns;
    struct ak_block *block;
    uint8_t *columns_bytes; /* AK_FRAME_BUFFER_BYTES */
    uint8_t *data_bytes;    /* AK_DATA_BYTES_MAX */
    struct ak_check_work *next;
};

enum ak_check_item_type {
    AK_ITEM_BEGIN,  /* a file begins; content: its HEADER frame, or none */
    AK_ITEM_BLOCK,  /* work */
    AK_ITEM_MARK,   /* content */
    AK_ITEM_NOTE,   /* content; a worker checks the signatures */
    AK_ITEM_FOOTER, /* frame */
    AK_ITEM_SEEK,   /* frame */
    AK_ITEM_FAULT,  /* rc, err: what the walk said */
    AK_ITEM_END     /* of a file */
};

struct ak_check_item {
    enum ak_check_item_type type;
    struct ak_check_open *open;
    struct ak_frame frame;
    bool has_data;
    struct ak_frame data;
    uint8_t *content; /* whole frame, malloc'ed, or NULL */
    size_t content_len;
    struct ak_hash digest;      /* of the frame */
    struct ak_hash data_digest; /* of the DATA frame */
    struct ak_check_work *work;
    bool queued;     /* a worker has it, or will have it */
    bool done;       /* under the pool's lock */
    enum ak_code rc; /* columns, note, content, or the fault */
    struct ak_error err;
    bool fixed; /* the fixed fields of columns that do not decode */
    enum ak_code data_rc;
    struct ak_error data_err;
    struct ak_check_judged judged; /* NOTE */
    struct ak_check_item *next;    /* in the pool's queue */
};

struct ak_check_pool;
struct ak_check_twins;
struct ak_check_orders;
struct ak_check_removals;

/* What a finding is about that waits until entries are judged. */
enum ak_check_about {
    AK_ABOUT_ENTRIES,   /* a rule about entries: told only if they are proven */
    AK_ABOUT_START,     /* a start note: told also if nothing covers it */
    AK_ABOUT_NUMBERS,   /* the same as of entries, and not told behind damage */
    AK_ABOUT_CONTAINER, /* R31: the bytes that hold them. Told unless entries in it are altered */
    AK_ABOUT_FILE,      /* the same, of a file as a whole */
    AK_ABOUT_FRAMES     /* the same, of the digest over its frames: that it differs follows from
                           whatever in it is altered */
};

struct ak_check_held {
    struct ak_finding finding;
    enum ak_check_about about;
    uint64_t begin; /* entries that it is about */
    uint64_t end;
    uint32_t file; /* AK_ABOUT_FILE, AK_ABOUT_FRAMES */
};

struct ak_check_manifest {
    struct ak_own own;
    uint64_t index;
};

struct ak_check_recovery {
    uint64_t index;
    uint64_t good;
    uint64_t cut;
    struct ak_hash digest;
};

struct ak_check_waiting {
    uint64_t size;
    struct ak_hash root;
    int who;
    uint32_t file; /* number and offset of the frame that it stands in, if `note` is NULL */
    uint64_t offset;
    struct ak_check_judged judged;
    const char *name; /* of the file it came from; borrowed */
    const char *note; /* the whole of one that came by itself; borrowed */
    size_t len;
    bool done;     /* its size was reached */
    bool compared; /* and its root could be asked for */
};

/* A checkpoint that is kept whole. */
struct ak_check_note {
    struct ak_checkpoint checkpoint;
    uint8_t *note; /* NULL: none */
    size_t len;
};

/* Checkpoints that meet the quorum and are kept until their roots have come out. */
#define AK_CHECK_COSIGNED_MAX 64u

struct ak_check_cosigned {
    uint64_t size;
    struct ak_hash root;
    struct ak_quorum quorum;
};

/* The newest `.cosigned` file as it was when the log was listed. */
struct ak_check_cosigned_newest {
    char name[64];
    char *note; /* NULL: none */
    size_t len;
};

/* Time stamps beside a log: what is told of all of them at once. */
struct ak_check_stamps {
    uint64_t left_alone; /* no certificate given, or their note is not here */
    uint64_t untrusted;
    uint64_t unproven;      /* good ones over a root that did not come out */
    size_t first_untrusted; /* number in the list */
    char why[AK_FINDING_TEXT_BYTES];
};

/* The check of one log. */
struct ak_check_state {
    const struct ak_check_options *options;
    struct ak_check_log *log;
    struct ak_check_progress *progress;
    struct ak_check_pool *pool;
    int dir_fd;              /* AT_FDCWD for a single file */
    bool single;             /* one segment alone */
    const char *single_name; /* its name in dir_fd; borrowed */
    struct ak_list list;
    struct ak_check_cosigned_newest cosigned_newest;
    size_t beside_at;              /* number in `list` up to which notes and stamps were judged */
    struct ak_check_stamps stamps; /* what came of them */
    struct ak_check_renewed_file *renewed; /* for each of `list`, or NULL: none is needed */
    struct ak_check_file *file;            /* sorted by first index */
    size_t file_count;
    size_t file_cap;

    const struct ak_vkey *log_key; /* NULL: none given */
    bool origin_has_key;
    bool key_asked;  /* there are checkpoints or start notes: somebody signed something */
    bool key_signed; /* and the given key has signed one of them (R32) */
    struct ak_check_epochs *epochs;
    struct ak_hash note_seen; /* digest of the start note that was looked at last */
    uint32_t epoch_next;      /* the one that begins next, as far as entries were met */
    uint64_t start_signed;    /* start of the last epoch whose root was compared */
    uint64_t start_denied;    /* start of the last one whose root did not come out */
    bool lost_some;      /* entries are not here or could not be read: one may begin an epoch */
    uint64_t not_judged; /* size of the largest checkpoint of an epoch that is not known */

    struct ak_tree *tree;
    struct ak_number *number;
    bool broken;                     /* numbering starts anew already */
    enum ak_tree_lost lost_why;      /* why entries behind the last block may not be here */
    struct ak_tree_place lost_place; /* and where that is */
    uint64_t signed_top;             /* the largest size of a valid checkpoint that was seen */
    uint64_t signed_notes;           /* checkpoints that the log key signed */
    uint64_t unsigned_notes;         /* checkpoints without a line of it */
    struct ak_check_note later;      /* the largest whose root did not come out yet */
    struct ak_finding unsigned_finding;
    bool unknown_signatures;
    bool future_told;
    uint64_t newest_received;
    uint64_t claim;          /* of the file before */
    uint64_t entries_before; /* of other logs: for progress */
    bool fatal;              /* no memory: `fatal_err` */
    struct ak_error fatal_err;

    struct ak_check_held *held;
    unsigned held_count;
    struct ak_check_range altered[AK_CHECK_ALTERED_MAX];
    unsigned altered_count;
    bool altered_more;
    bool altered_pending;
    struct ak_finding altered_finding; /* neighbours are joined here */
    struct ak_check_manifest *manifest;
    size_t manifest_count;
    struct ak_check_recovery *recovery;
    size_t recovery_count;
    uint64_t cut_bytes; /* cut after the log's last entry: part of its tail (R27) */
    const char *cut_name;
    uint64_t cut_at;
    struct ak_check_waiting waiting[AK_CHECK_WAITING_MAX];
    unsigned waiting_count;
    bool *kept_matched; /* for each kept checkpoint: it is of a log that was looked at; borrowed */
    char *checkpoint_file; /* content of the log's `checkpoint`, or NULL */
    size_t checkpoint_len;
    struct ak_check_cosigned cosigned[AK_CHECK_COSIGNED_MAX];
    unsigned cosigned_count;
    unsigned cosigned_most;             /* witnesses of the policy that signed one checkpoint */
    struct ak_check_removals *removals; /* payloads that are not there (R33) */
    struct ak_check_orders *orders;     /* NULL: none was met */
    bool copied_over;                   /* an epoch has begun behind the copy */
    bool succession_confirmed;          /* by an accepted order (R54) */
    bool succession_unsigned;           /* it begins as one, and nobody has signed that */
    uint64_t stopped_at;                /* newest event `signing-stopped`; 0: none */
    char stopped_reason[AK_OWN_REASON_BYTES];

    struct ak_check_twins *twins;
};

/* ---- check_report.c ---- */

/* A finding with its text. */
struct ak_finding ak_finding_make(enum ak_finding_code code, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ak_finding_at(struct ak_finding *finding, const char *file, uint64_t offset);
void ak_finding_range(struct ak_finding *finding, uint64_t begin, uint64_t end);
enum ak_finding_code ak_finding_of_code(enum ak_code code);

/* The same for text that the format bounds: what exceeds a bound is malformed (11). */
enum ak_finding_code ak_finding_of_text(enum ak_code code);

void ak_check_report(struct ak_check_state *state, const struct ak_finding *finding);
/* The same, of a file; the finding is filled in. */
void ak_check_report_file(struct ak_check_state *state, struct ak_finding *finding,
                          const char *name);
/* The same at the frame of an item. */
void ak_check_report_at(struct ak_check_state *state, const struct ak_check_item *item,
                        struct ak_finding *finding);
/* Tells once that checkpoints carry lines of other keys; `finding` has the place. */
void ak_check_unknown_lines(struct ak_check_state *state, const struct ak_finding *place);
/* Keeps a finding until [begin, end) is judged. */
void ak_check_hold(struct ak_check_state *state, const struct ak_finding *finding, uint64_t begin,
                   uint64_t end, enum ak_check_about about);
/* The same for what a frame says of its file as a whole. */
void ak_check_hold_file(struct ak_check_state *state, const struct ak_check_item *item,
                        struct ak_finding *finding, enum ak_check_about about);
/* Tells what is still held. */
void ak_check_flush(struct ak_check_state *state);
/* Drops all findings but the given one (R32). */
void ak_check_forget(struct ak_check_state *state);
void ak_check_fatal(struct ak_check_state *state, const struct ak_error *err);
/* Callbacks of the tree and of numbering; ctx is the state. */
void ak_check_tree_events(struct ak_check_state *state, struct ak_tree_events *events);
void ak_check_on_number_fault(void *ctx, const struct ak_number_fault *fault);

/* ---- check_succession.c ---- */

struct ak_order;

/* An event `succession` of a good form; it is kept in the log's result. AK_EMALFORMED where it may
 * not stand (R51). */
enum ak_code ak_check_keep_succession(struct ak_check_state *state, uint64_t index,
                                      const struct ak_payload *payload, struct ak_error *err);
/* An accepted order: it may be the one that confirms the succession (R54). */
void ak_check_succession_order(struct ak_check_state *state, const struct ak_order *order);
/* Tells of a proven one, and drops one that is not. */
void ak_check_succession_close(struct ak_check_state *state);
/* All is read, and what is proven is known: which of the further ones count (R51). */
void ak_check_succession_settle(struct ak_check_state *state);
void ak_check_succession_free(struct ak_check_log *log);
/* Compares each succession of a run with the old log (R53). */
void ak_check_successions(struct ak_check *check, const struct ak_check_options *options);

/* ---- check_renewals.c ---- */

/* A stamp counts; its signer's certificate ends then. */
void ak_check_renewals_stamp(struct ak_check_state *state, size_t listed, uint64_t signer_until);
/* All stamps are judged: judges lists and what they name. */
void ak_check_renewals_close(struct ak_check_state *state);

/* ---- check_quorum.c ---- */

/* Whether a statement of others about a size counts, where a copy of the machine is supposed. */
bool ak_check_before_copy(const struct ak_check_options *options, uint64_t size,
                          uint64_t existed_by);

/* ---- check_pool.c ---- */

/* `jobs` threads, or none for 0 and 1; work for twice as many blocks. */
enum ak_code ak_check_pool_new(unsigned jobs, struct ak_check_pool **pool, struct ak_error *err);
void ak_check_pool_free(struct ak_check_pool *pool);
/* Memory for a block, or NULL if all is in use. */
struct ak_check_work *ak_check_pool_work(struct ak_check_pool *pool);
void ak_check_pool_give(struct ak_check_pool *pool, struct ak_check_work *work);
/* Gives an item to the workers. `state` is only read for the keys. */
void ak_check_pool_put(struct ak_check_pool *pool, const struct ak_check_state *state,
                       struct ak_check_item *item);
/* Waits until it is done; without threads does it now. */
void ak_check_pool_wait(struct ak_check_pool *pool, const struct ak_check_state *state,
                        struct ak_check_item *item);

/* ---- check_feed.c ---- */

/* A file that was listed is gone: the one that has taken its place (it was sealed meanwhile, or
 * written anew), by name and generation. AK_ENOTFOUND if there is none. */
enum ak_code ak_check_find_again(struct ak_check_state *state, struct ak_check_file *file,
                                 struct ak_error *err);

struct ak_check_feed {
    struct ak_check_state *state;
    size_t at; /* file that comes next */
    struct ak_check_open *open;
    struct ak_frame_walk *walk;
    bool stop;      /* nothing more of this file */
    uint64_t twice; /* frames before this offset were read again already */
};

/* Gives the next item (in `*item`, to be merged), or NULL at the end. Needs memory for a block in
 * `*work`; takes it (sets NULL) if it was a block. */
enum ak_code ak_check_feed_next(struct ak_check_feed *feed, struct ak_check_work **work,
                                struct ak_check_item **item, struct ak_error *err);
void ak_check_open_drop(struct ak_check_open *open);
void ak_check_item_free(struct ak_check_item *item);

/* ---- check_scan.c ---- */

/* What a first look at a file shows. */
struct ak_check_look {
    uint64_t limit; /* up to where it is judged: the end of a sealed one; of an open one the end of
                       its last good MARK or of the last NOTE of this log (format.md 9.3) */
    bool sealed;
    bool markless;    /* blocks, but neither MARK nor FOOTER */
    bool headless;    /* no whole HEADER at its beginning */
    bool nothing;     /* no frame at all */
    bool cut;         /* a sealed segment without its FOOTER (6.1) */
    bool begun;       /* an open segment whose HEADER was being written (9.3) */
    bool unsupported; /* from somewhere on; its FOOTER may stand there (R34) */
};

/* First index of the segment behind a file's; INT64_MAX if there is none. */
uint64_t ak_check_next_first(const struct ak_check_state *state, const struct ak_check_file *file);

/* Goes through the frames of a file without reading their content; `cut` and `begun` are left
 * false. `next` is where the segment behind it begins. */
enum ak_code ak_check_scan(const struct ak_check_state *state, int fd, uint64_t next,
                           struct ak_check_look *look, struct ak_error *err);
/* Decides what its name and its place in the log decide. `size` is the file's length. */
void ak_check_judge_look(const struct ak_check_state *state, const struct ak_check_file *file,
                         uint64_t size, struct ak_check_look *look);

/* ---- check_merge.c ---- */

void ak_check_merge(struct ak_check_state *state, struct ak_check_item *item);
/* Why entries from `index` on are not here, where the last file that was read ends there (R25). */
enum ak_tree_lost ak_check_hole(const struct ak_check_state *state, uint64_t index);
/* Something in a file is not as the format says, cannot be read or is not supported (by `rc`): what
 * this means for what follows (R34 to R36). The finding itself is the caller's. */
void ak_check_damage(struct ak_check_state *state, struct ak_check_open *open, uint64_t offset,
                     enum ak_code rc);
/* Where entries were lost that are not here in front of this item. */
struct ak_tree_place ak_check_lost_place(const struct ak_check_state *state,
                                         const struct ak_check_item *item);

/* ---- check_start.c ---- */

/* Reads and verifies a start note; `*ended` says whether the key of the epoch before is known and
 * has signed it. Codes as of ak_epoch_note_verify. */
enum ak_code ak_check_start_verify(struct ak_check_state *state, const void *data, size_t len,
                                   struct ak_epoch_note *note, bool *ended, struct ak_error *err);

/* The payload of an entry of kind 4. */
void ak_check_start_note(struct ak_check_state *state, const struct ak_check_item *item,
                         uint64_t index, const struct ak_payload *payload);
/* The start note in a HEADER. */
void ak_check_header_note(struct ak_check_state *state, const struct ak_check_item *item,
                          const struct ak_segment_header *header);
/* What start notes say of the entries before them is compared as soon as these are in the tree. */
void ak_check_starts_reached(struct ak_check_state *state);

/* ---- check_signed.c ---- */

/* Notes whether the given key has signed this note, whatever else is wrong with it (R32). */
void ak_check_look_for_key(struct ak_check_state *state, const void *data, size_t len);
/* A checkpoint that is part of the log: what its signatures are worth, by `rc` and `err` of
 * ak_check_epochs_judge. True if they are good; else it is told. */
bool ak_check_note(struct ak_check_state *state, const struct ak_check_item *item, enum ak_code rc,
                   const struct ak_error *err, const uint8_t *note, size_t len,
                   struct ak_check_judged *judged);
/* A signed root: compared now, or when its size is reached. */
void ak_check_sign(struct ak_check_state *state, const struct ak_check_item *item,
                   const struct ak_check_judged *judged, const uint8_t *note, size_t len, int who);
/* A signed root of a size that is not reached yet. */
void ak_check_wait(struct ak_check_state *state, const struct ak_check_judged *judged, int who,
                   const char *name, struct ak_tree_place place);
/* Entries from here on are proven by a root of this size; those before are of earlier epochs, or of
 * one whose start note is not known (R11). */
uint64_t ak_check_proven_from(struct ak_check_state *state, uint64_t size);
/* A root behind the start note of index `index` leads to other entries before it than it says. */
void ak_check_denied(struct ak_check_state *state, uint64_t index, struct ak_tree_place place);
/* Compares waiting checkpoints that have been reached. */
void ak_check_reach(struct ak_check_state *state);
/* All is read: a checkpoint whose root came out by what was recorded behind it is the newest. */
void ak_check_signed_close(struct ak_check_state *state);

/* The same of a checkpoint in a file beside the segments, number `listed` of the list, whose size
 * has been reached. True if its root came out. */
bool ak_check_sign_beside(struct ak_check_state *state, const struct ak_check_judged *judged,
                          const char *note, size_t len, size_t listed);

/* ---- check_cosigned.c ---- */

/* Reads and judges a `.cosigned` file of the list by R45; true if it is good but for its root.
 * `*note` is malloc'ed or NULL. */
bool ak_check_cosigned(struct ak_check_state *state, size_t listed, char **note, size_t *len,
                       struct ak_check_judged *judged);
/* Takes the newest one in before a newer one takes its place. */
void ak_check_cosigned_begin(struct ak_check_state *state);
/* check_log.c: a checkpoint in a file by itself, to be compared when its size is reached. All is
 * borrowed. */
void ak_check_wait_note(struct ak_check_state *state, const struct ak_check_judged *judged,
                        const char *name, const char *note, size_t len);

/* ---- check_anchors.c ---- */

/* An entry of kind 6 of right form: kept if it bounds what is behind it. AK_ENOMEM. */
enum ak_code ak_check_anchor(struct ak_check_state *state, uint64_t index,
                             const struct ak_payload *payload, struct ak_error *err);
/* Drops those that are not proven. */
void ak_check_anchors_close(struct ak_check_state *state);

/* ---- check_stamps.c ---- */

/* Judges stamped notes and their replies up to the size that was reached. */
void ak_check_stamps_reach(struct ak_check_state *state);
/* All is read: what lies beyond the log is told, and what the stamps show is known. */
void ak_check_stamps_close(struct ak_check_state *state);

/* ---- check_quorum.c ---- */

/* Judges the cosignatures of a checkpoint whose own lines are good, and takes those of the policy's
 * witnesses off `checkpoint->unknown`. Codes of ak_policy_judge (R7). */
enum ak_code ak_check_cosignatures(struct ak_check_state *state, const void *note, size_t len,
                                   struct ak_check_judged *judged, struct ak_error *err);
/* A root was signed and compared: if it came out, its quorum counts. */
void ak_check_witnessed(struct ak_check_state *state, uint64_t size, const struct ak_hash *root);
/* Tells what is proven and not under the quorum. */
void ak_check_quorum_close(struct ak_check_state *state);

/* ---- check_block.c ---- */

void ak_check_block(struct ak_check_state *state, struct ak_check_item *item);
/* Entries [size, end) are not here; numbering starts anew. */
void ak_check_skip(struct ak_check_state *state, uint64_t end, enum ak_tree_lost lost,
                   struct ak_tree_place place);

/* ---- check_twins.c ---- */

/* Files that do not count, because another one of their first index does: their entries are
 * compared with its entries. NULL without memory. */
struct ak_check_twins *ak_check_twins_new(struct ak_check_state *state);
void ak_check_twins_free(struct ak_check_twins *twins);
/* The file that counts begins, and its leaves follow. */
void ak_check_twins_model(struct ak_check_state *state, const struct ak_check_file *file);
void ak_check_twins_leaves(struct ak_check_state *state, uint64_t index, const struct ak_hash *leaf,
                           uint32_t count);
/* Tells what came out, when it is known what of the log is proven. */
void ak_check_twins_close(struct ak_check_state *state);
/* An item of a file that does not count. */
void ak_check_twins_item(struct ak_check_state *state, struct ak_check_item *item);

/* ---- check_files.c ---- */

/* Tells where files are not what manifests, or each other's headers, say. */
void ak_check_files_close(struct ak_check_state *state);

/* ---- check_close.c ---- */

void ak_check_close(struct ak_check_state *state);

/* ---- check_orders.c ---- */

/* Keeps an entry of kind 5, whatever it says; `seq` is its source_seq. AK_ENOMEM. */
enum ak_code ak_check_order(struct ak_check_state *state, uint64_t index, uint64_t seq,
                            const struct ak_payload *payload, struct ak_error *err);
/* Judges the orders that are proven, when all is read. False if that could not be done, which is
 * then told. */
bool ak_check_orders_close(struct ak_check_state *state);
/* What the proven orders of the log say was erased or has expired. */
const struct ak_ordered *ak_check_ordered(const struct ak_check_state *state);
/* Whether a valid order erases some entry of [begin, end). */
bool ak_check_erased_by_order(const struct ak_check_state *state, uint64_t begin, uint64_t end);
/* Whether entry `index` is an order that takes something of [begin, end) out; true also where that
 * is not known, because the entry is not proven (R42). */
bool ak_check_order_of(const struct ak_check_state *state, uint64_t index, uint64_t begin,
                       uint64_t end);
void ak_check_orders_free(struct ak_check_orders *orders);

/* ---- check_removed.c ---- */

/* Keeps which payloads of a block are not there. */
void ak_check_absent(struct ak_check_state *state, const struct ak_check_item *item);
/* Whether orders, whoever gave them, cover all of [begin, end). */
bool ak_check_removed(const struct ak_check_state *state, uint64_t begin, uint64_t end);
/* Whether some payload of [begin, end) is not there in the file that counts. */
bool ak_check_absent_here(const struct ak_check_state *state, uint64_t begin, uint64_t end);
/* R33, when all is read. */
void ak_check_removals(struct ak_check_state *state);
void ak_check_removals_free(struct ak_check_removals *removals);

/* ---- check_tail.c ---- */

/* What stands behind the last checkpoint, with a second look. */
void ak_check_tail(struct ak_check_state *state);

/* ---- check_epoch.c ---- */

/* Finds the log key among the keys given, and the start notes that HEADERs and entry 0 hold. */
void ak_check_find_keys(struct ak_check_state *state);
/* Where no header tells the origin, the log's `checkpoint` does. */
void ak_check_origin_of_checkpoint(struct ak_check_state *state);

/* ---- check_log.c ---- */

/* Lists the files, reads their headers, and decides which ones count and in which order. Needs
 * options, log, dir_fd, single. */
enum ak_code ak_check_prepare(struct ak_check_state *state, struct ak_error *err);
/* Checks one log's directory or one segment. */
enum ak_code ak_check_log_run(struct ak_check_state *state, struct ak_error *err);
void ak_check_state_free(struct ak_check_state *state);

#endif
