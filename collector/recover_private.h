/* recover_private.h - what the steps of recovery share. */
#ifndef AK_RECOVER_PRIVATE_H
#define AK_RECOVER_PRIVATE_H

#include "keys.h"
#include "recover.h"
#include "segments.h"

#include <akashi/checkpoint.h>

/* A head that somebody with our keys signed, or that the keys remember. */
struct ak_recovery_head {
    uint64_t size; /* 0: none */
    struct ak_hash root;
    char *note; /* NULL: the keys' state */
    size_t note_len;
};

#define AK_RECOVERY_HEADS 2u /* the published checkpoint, the keys' state */

struct ak_recovery {
    int dir_fd;
    const char *origin;
    struct ak_keys *keys;
    ak_recover_source_fn on_source;
    void *ctx;
    struct ak_recovered *out;

    struct ak_segment_files files;
    struct ak_segment_file *base; /* newest sealed segment, or NULL */
    struct ak_segment_file *open; /* open segments behind it */
    size_t open_count;

    struct ak_block_reader reader;
    struct ak_segment_head head; /* of the segment that is looked at */

    /* Where the log can be trusted to have ended, and where it was found to end. */
    struct ak_range trusted;
    size_t trusted_file; /* among `open` */
    uint64_t trusted_at; /* byte behind its MARK or HEADER */
    bool trusted_header; /* it is the HEADER's range: the next MARK covers the HEADER too */
    size_t good_file;    /* among `open`; the last one always, once it is found */
    uint64_t good_bytes; /* of that file */
    bool moved;          /* that file held nothing and is out of the way: `open` ends before it */
    char *note;          /* that covers `trusted`; NULL: only the keys' own state does */
    size_t note_len;
    uint64_t claimed; /* greatest size that a valid signature speaks of */
    struct ak_recovery_head heads[AK_RECOVERY_HEADS];
    bool unread; /* something could not be read: no judgement can be made */
};

/* Goes through a file whose bytes may be damaged: from one frame that decodes to the next. What
 * does not decode, or leads nowhere, hides nothing behind it: a changed length would swallow MARKs
 * and NOTEs otherwise. */
struct ak_recovery_walk {
    struct ak_recovery *r;
    int fd;
    struct ak_frame_walk walk;
    uint64_t data_at; /* DATA frame behind the last COLUMNS; 0: none is due to be doubted */
    bool gap;         /* something was passed over since this was last set to false */
    /* What the last frame said: */
    struct ak_segment_mark mark;     /* MARK */
    struct ak_checkpoint checkpoint; /* NOTE; its signatures are not looked at */
    const uint8_t *note;             /* NOTE: its text, in r->head.buffer */
    size_t note_len;
};

enum ak_code ak_recovery_walk_begin(struct ak_recovery_walk *w, struct ak_recovery *r, int fd,
                                    uint64_t at, struct ak_error *err);

/* HEADER, COLUMNS (decoded in r->reader.columns; its DATA begins behind it), MARK, NOTE, FOOTER,
 * seek table, or END. AK_EIO if the disk does not give it. */
enum ak_code ak_recovery_walk_next(struct ak_recovery_walk *w, struct ak_frame *frame,
                                   struct ak_error *err);

/* recover_tail.c: finds the newest head that is signed, and from there the last good MARK. */
enum ak_code ak_recover_tail(struct ak_recovery *r, struct ak_error *err);

/* recover_torn.c: tells of bytes that are no committed part of the log; moves a last segment out of
 * the way that holds nothing. */
enum ak_code ak_recover_torn(struct ak_recovery *r, struct ak_error *err);

/* Tells of the tail of an open segment before the last one, of which no event speaks: its process
 * went on after a failed write and ended before the event was durable. */
enum ak_code ak_recover_left_behind(struct ak_recovery *r, const char *name, uint64_t good,
                                    uint64_t size, struct ak_error *err);

/* recover_sources.c: positions, declarations and the running epoch's note, as of the end. */
enum ak_code ak_recover_sources(struct ak_recovery *r, struct ak_error *err);

#endif
