/* relp_window.h - a RELP session as the server sees it: what was taken, what is answered, when.
 *
 *     FRESH -> OPEN -> CLOSING -> CLOSED        any state -> FAILED
 *
 * Happy path: `open` is answered at once with our offers. Every `syslog` frame is a record and
 * waits; when the log says that n of them are durable, ak_relp_window_durable makes n answers
 * "TXNR rsp 6 200 OK", in the order received. `close` is answered behind the last of them, with
 * the hint `serverclose`; then the connection is closed. Transactions must come without a gap, so
 * two numbers hold the whole window.
 *
 * Failure modes: what breaks the protocol closes the connection, without an answer: librelp's
 * client keeps what was not answered and sends it again, but throws away what is answered with an
 * error. So a passing problem (a full disk) is never answered at all: it is held back. The only
 * error answer is to an `open` without a version, which carries no record.
 *
 * Errors (reason): `relp-txnr` (not the next number), `relp-state` (a record before open, a second
 * open, anything behind close), `relp-command` (one we did not offer), `relp-version`. */
#ifndef AK_RELP_WINDOW_H
#define AK_RELP_WINDOW_H

#include "frame_relp.h"

/* Records without answer; omrelp has 128, advice is 1,000. All their answers, of 25 bytes each, fit
 * what a connection holds for a peer that does not read (OUT_BYTES_MAX of conn_send.c). */
#define AK_RELP_WINDOW_MAX 32768u
#define AK_RELP_ANSWER_MAX 128u  /* bytes of one answer; the greatest is the one to `open` */
#define AK_RELP_OFFERS_MAX 4096u /* bytes of offers; librelp sends under 100 */
#define AK_RELP_VERSION    1u    /* of doc/relp.md; librelp says 0, and is answered so */

enum ak_relp_state {
    AK_RELP_FRESH,
    AK_RELP_OPEN,
    AK_RELP_CLOSING, /* the sender said close; records wait to be durable */
    AK_RELP_CLOSED,  /* close is answered: write the output, then close the connection */
    AK_RELP_FAILED   /* write the output, if there is any, then close */
};

/* What the caller does with a frame that the window has seen. */
enum ak_relp_verdict {
    AK_RELP_RECORD,  /* hand it to the log; it is one transaction of the window now */
    AK_RELP_NOTHING, /* it was for the window only; there may be output */
    AK_RELP_ERROR    /* it broke the protocol: reason and text were put into the frame */
};

struct ak_relp_window {
    enum ak_relp_state state;
    uint32_t next;       /* transaction number that must come next */
    uint32_t oldest;     /* number of the oldest record without an answer written */
    uint32_t waiting;    /* records without an answer that are not durable */
    uint32_t durable;    /* records behind `oldest` whose answers are due */
    uint32_t open_txnr;  /* an answer to open is due; 0: none */
    uint32_t close_txnr; /* close waits for its answer; 0: none */
    uint32_t version;    /* agreed on */
    bool refuse_open;    /* the answer to open is an error */
    bool hint_due;       /* serverclose is to be written */
};

/* Takes no memory. */
void ak_relp_window_init(struct ak_relp_window *w);

/* Judges a frame of kind RECORD or CUT. Not called while the window is full. */
enum ak_relp_verdict ak_relp_window_take(struct ak_relp_window *w, struct ak_frame *frame);

/* True if no more frames are to be taken until some are durable. The reader waits; no error. */
bool ak_relp_window_full(const struct ak_relp_window *w);

/* The `count` oldest records that waited are durable; `count` is at most `waiting`. */
void ak_relp_window_durable(struct ak_relp_window *w, uint32_t count);

/* Records that are not durable: they will come again if the connection ends now. */
uint32_t ak_relp_window_waiting(const struct ak_relp_window *w);

/* We close the connection (drained, idle, reload): the hint `serverclose` follows the answers that
 * are due. Nothing is taken any more. */
void ak_relp_window_shut(struct ak_relp_window *w);

/* Writes answers that are due into `out`, as many as fit whole; gives their bytes. `cap` is at
 * least AK_RELP_ANSWER_MAX. Call until it gives 0. */
size_t ak_relp_window_output(struct ak_relp_window *w, uint8_t *out, size_t cap);

/* True if no answer is due and the connection is to be closed. */
bool ak_relp_window_finished(const struct ak_relp_window *w);

#endif
