/* frame_relp.h - frames of RELP as a server reads them (librelp's doc/relp.md, "RELP FRAME"):
 *
 *     TXNR SP COMMAND SP DATALEN [SP DATA] LF
 *
 * TXNR and DATALEN are 1 to 9 digits (leading zeros are legal), COMMAND 1 to 32 letters. Without
 * data there is no space behind DATALEN. DATA is opaque. What commands and numbers mean is not
 * known here: relp_window.h.
 *
 * Errors (reason): `tls`, `http` and `syslog` (at the beginning of a connection), `relp-header`,
 * `relp-trailer` (no LF behind the data: DATALEN is wrong), `too-long`. */
#ifndef AK_FRAME_RELP_H
#define AK_FRAME_RELP_H

#include "frame.h"

#define AK_RELP_TXNR_MAX 999999999u /* then comes 1 */

struct ak_frame_relp {
    struct ak_framer framer; /* first member */
    bool begun;              /* there was a frame */
};

/* As the functions of frame_syslog.h. Frames of all commands are RECORD (or CUT), with command and
 * txnr. An UNFINISHED frame is its data so far, or its raw bytes if there is none yet. */
void ak_frame_relp_init(struct ak_frame_relp *r, size_t limit, struct ak_frame_budget *budget);
void ak_frame_relp_limit(struct ak_frame_relp *r, size_t limit);
void ak_frame_relp_free(struct ak_frame_relp *r);
void ak_frame_relp_next(struct ak_frame_relp *r, const uint8_t *in, size_t len, size_t *used,
                        struct ak_frame *out);
void ak_frame_relp_end(struct ak_frame_relp *r, struct ak_frame *out);
bool ak_frame_relp_in_frame(const struct ak_frame_relp *r);

#endif
