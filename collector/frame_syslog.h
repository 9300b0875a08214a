/* frame_syslog.h - syslog over a stream (RFC 6587, RFC 5425): octet counting, or one record a line.
 *
 * The framing of a connection is decided once, on its first frame (AK_FRAMING_AUTO):
 *
 * - a number of 1 to 9 digits without leading zero, one space and '<': octet counting;
 * - such a number and a space, then anything else: octet counting if as many bytes follow without
 *   an LF (but for the last byte) and behind them comes a digit or an LF; lines, if not. With an LF
 *   before that: lines, if the next line begins with a number and a space as well, else counting.
 *   So a log whose lines begin with numbers is not taken for counts, and counted records without a
 *   priority are. Until the bytes for it are there the first record waits: see
 *   ak_frame_syslog_settle;
 * - everything else: lines. They end in LF; or in NUL, if the first record begins with '<' and has
 *   a NUL with '<' and a digit behind it before any LF.
 *
 * A record is exactly what was counted, or what stands before the LF or NUL: a CR before the LF, a
 * space after it, and empty lines are kept. With octet counting, "0 " is an empty record though RFC
 * 6587 does not provide for it, and one LF before a count is passed over: senders add it.
 *
 * Errors (reason): `tls` (a ClientHello), `http`, `relp` (all three only at the beginning of a
 * connection, for AK_FRAMING_AUTO and AK_FRAMING_LINES), `octet-count` (no count where one must
 * be), `too-long`. */
#ifndef AK_FRAME_SYSLOG_H
#define AK_FRAME_SYSLOG_H

#include "frame.h"

enum ak_framing {
    AK_FRAMING_AUTO,    /* decided on the first frame, plain and under TLS */
    AK_FRAMING_COUNTED, /* octet counting */
    AK_FRAMING_LINES    /* non-transparent framing */
};

struct ak_frame_syslog {
    struct ak_framer framer; /* first member */
    enum ak_framing framing; /* AUTO until decided */
    int trailer;             /* of lines: LF, NUL, or -1 until decided */
    bool begun;              /* the first frame was divided from the rest */
    bool settled;            /* the first record waits no longer for what is behind it */
    size_t scanned;          /* bytes of the frame at hand known to have no trailer */
};

/* `limit`: bytes of a record, 1 to AK_FRAME_RECEIVED_MAX. `budget` is borrowed, NULL: none. Takes
 * no memory. */
void ak_frame_syslog_init(struct ak_frame_syslog *s, enum ak_framing framing, size_t limit,
                          struct ak_frame_budget *budget);

/* Another limit, as for init; not while a frame is held (ak_frame_syslog_in_frame). */
void ak_frame_syslog_limit(struct ak_frame_syslog *s, size_t limit);

/* Frees what is held, also in the budget. */
void ak_frame_syslog_free(struct ak_frame_syslog *s);

/* The next frame of what is held and the `len` bytes at `in` (len may be 0); *used says how many of
 * these are done with. RECORD, CUT: call again with the rest, which may be empty. NONE: all was
 * used. ERROR: all was used; close. NO_ROOM: call again with the rest when there is room. */
void ak_frame_syslog_next(struct ak_frame_syslog *s, const uint8_t *in, size_t len, size_t *used,
                          struct ak_frame *out);

/* The connection ended, and all of its bytes were handed in. Call until it gives NONE: RECORDs that
 * were not decided before, then UNFINISHED, or ERROR. */
void ak_frame_syslog_end(struct ak_frame_syslog *s, struct ak_frame *out);

/* The sender has been quiet for a while: if what is held may be one whole record, it does not wait
 * any longer for what would show it (but the guess stays careful: half a count is no line). Call
 * ak_frame_syslog_next with len 0 behind this. Does nothing once the first frame is known. */
void ak_frame_syslog_settle(struct ak_frame_syslog *s);

/* True while bytes of a frame that is not complete are held (for the frame's deadline). */
bool ak_frame_syslog_in_frame(const struct ak_frame_syslog *s);

#endif
