/* frame.h - records out of a byte stream: what syslog framing and RELP have in common.
 *
 * A framer knows nothing of sockets, TLS or the loop. The caller reads into one buffer that all
 * connections share, and asks for one frame after the other:
 *
 *     size_t at = 0, used;
 *     while ((ak_frame_syslog_next(&conn->frames, in + at, len - at, &used, &frame), at += used,
 *             frame.kind == AK_FRAME_RECORD || frame.kind == AK_FRAME_CUT)) {
 *         take(frame.data, frame.len, frame.received);
 *         if (no_room_for_more)
 *             break;      keep in + at .. in + len and hand it in again later
 *     }
 *
 * Happy path: the whole frame lies in the caller's buffer and is handed out from there, without a
 * copy. Only the bytes of a frame that is not complete yet are kept by the framer, in memory that
 * grows with what has arrived (never with what a length field claims), up to the record limit.
 *
 * Longer records: the first `limit` bytes are kept, the rest is counted and thrown away, and the
 * frame is AK_FRAME_CUT. From AK_FRAME_RECEIVED_MAX on, it is an error: nothing can be that long,
 * so the framing is lost.
 *
 * Failure modes: bytes that cannot be divided into frames are AK_FRAME_ERROR with a reason and the
 * bytes at hand; the connection is over then, the framer takes whatever comes and gives nothing.
 * No memory, or the common budget used up, is AK_FRAME_NO_ROOM: nothing is lost, the caller stops
 * reading from that connection and tries again later (`released` says when). Whatever the budget
 * says, each connection may hold AK_FRAME_HELD_KEEP_MAX bytes, and one of them a whole record.
 *
 * The result depends on the bytes alone, not on how reads divide them (but for how many bytes an
 * error shows). */
#ifndef AK_FRAME_H
#define AK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_FRAME_LIMIT_BYTES   262144u   /* default limit of a record */
#define AK_FRAME_RECEIVED_MAX  16777216u /* bytes of one record that are counted at most */
#define AK_FRAME_HEADER_MAX    64u   /* a header, and what is looked at behind a frame to know it */
#define AK_FRAME_HELD_KEEP_MAX 4096u /* memory a connection without an unfinished frame keeps */

enum ak_frame_kind {
    AK_FRAME_NONE,       /* nothing (more) in what was handed in; all of it was used */
    AK_FRAME_RECORD,     /* one whole frame */
    AK_FRAME_CUT,        /* one whole frame, longer than the limit: its first bytes */
    AK_FRAME_UNFINISHED, /* at the end of a connection: the beginning of a frame */
    AK_FRAME_ERROR,      /* the bytes cannot be divided into frames: close the connection */
    AK_FRAME_NO_ROOM     /* memory: hand in the unused bytes again later */
};

enum ak_frame_command {
    AK_FRAME_SYSLOG, /* a record; the only one without RELP */
    AK_FRAME_OPEN,   /* RELP: offers */
    AK_FRAME_CLOSE,  /* RELP */
    AK_FRAME_FOREIGN /* RELP: a command that we did not offer */
};

struct ak_frame {
    enum ak_frame_kind kind;
    const uint8_t *data; /* payload without framing; for errors, and unfinished frames without any
                            payload yet, the raw bytes from the start of the frame. Valid until the
                            next call for this framer, or until the caller's buffer changes */
    size_t len;          /* of data; at most the limit */
    uint64_t received;   /* payload bytes that have arrived; greater than len if it was cut */
    enum ak_frame_command command;
    uint32_t txnr;      /* RELP: 0 for a hint, else 1 to 999,999,999 */
    const char *reason; /* errors: one stable word, static */
    const char *text;   /* errors: what it means and the remedy, static, one line */
};

/* Memory for unfinished frames of all connections together; counted by the framers. */
struct ak_frame_budget {
    uint64_t used; /* bytes */
    uint64_t max;
    const struct ak_frame_hold *beyond; /* the one frame that may grow past `max`, or NULL: so that
                                           frames that wait for each other's memory all end */
    bool wanted;                        /* a frame found no room */
    bool released; /* ... and some was given back since: the caller tries again, and clears both */
};

/* What follows is for the framers of the protocols; callers use it through them. */

/* Bytes that have arrived but are not handed out. */
struct ak_frame_hold {
    uint8_t *data;
    size_t at;  /* first byte that is not handed out */
    size_t len; /* end of the bytes */
    size_t cap;
    struct ak_frame_budget *budget; /* may be NULL */
};

/* What a step over the bytes at hand came to. */
enum ak_step_kind {
    AK_STEP_FRAME, /* `frame` is complete, `take` bytes are done with */
    AK_STEP_MORE,  /* undecided */
    AK_STEP_LONG,  /* a frame over the limit; all of what is at hand belongs to it */
    AK_STEP_ERROR  /* reason and text are in `frame` */
};

struct ak_step {
    enum ak_step_kind kind;
    struct ak_frame frame; /* FRAME. MORE: what it is if nothing more comes. LONG: reason and text
                              for when its end is not as it must be */
    size_t take;           /* FRAME: bytes of header, payload and trailer */
    size_t want;           /* MORE: more than these, from the frame's start, are of no use yet */
    int until;             /* MORE: bytes behind the first of these are of no use; -1: none.
                              LONG: byte that must end the frame; -1: none */
    size_t header;         /* LONG: bytes before the payload */
    uint64_t total; /* LONG: bytes of the payload, or AK_FRAME_TOTAL_UNKNOWN: up to `until` */
};

#define AK_FRAME_TOTAL_UNKNOWN UINT64_MAX

struct ak_framer;

/* Looks at `n` > 0 bytes that begin with a frame. `last`: nothing more will come soon, so a guess
 * is due where there is a choice; MORE is allowed still. */
typedef void ak_frame_step_fn(struct ak_framer *framer, const uint8_t *data, size_t n, bool last,
                              struct ak_step *step);

struct ak_framer {
    ak_frame_step_fn *step;
    size_t limit;
    struct ak_frame_hold hold;
    bool failed;
    bool skipping;       /* in a frame over the limit; the hold has its first `limit` bytes */
    struct ak_step skip; /* of that frame */
    uint64_t skip_received;
};

void ak_framer_init(struct ak_framer *framer, ak_frame_step_fn *step, size_t limit,
                    struct ak_frame_budget *budget);
void ak_framer_limit(struct ak_framer *framer, size_t limit);
void ak_framer_free(struct ak_framer *framer);
void ak_framer_next(struct ak_framer *framer, const uint8_t *in, size_t len, size_t *used,
                    struct ak_frame *out);
void ak_framer_end(struct ak_framer *framer, struct ak_frame *out);
bool ak_framer_in_frame(const struct ak_framer *framer);

/* What a step function says: each sets all that its kind needs. */
void ak_step_fail(struct ak_step *step, const char *reason, const char *text);
void ak_step_frame(struct ak_step *step, const uint8_t *payload, size_t len, size_t limit,
                   size_t take);
void ak_step_more(struct ak_step *step, const uint8_t *data, size_t n, size_t want, int until);

/* Decimal digits at the beginning of `n` bytes: how many, at most 9, or 10 if there are more than
 * 9; *value is their number. */
size_t ak_frame_number(const uint8_t *data, size_t n, uint32_t *value);

#endif
