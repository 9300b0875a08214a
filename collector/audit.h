/* audit.h - an auditor's commitment to his nonce, and its opening, as entries of a log
 * (docs/format.md 10.3 and 16.3). */
#ifndef AK_AUDIT_H
#define AK_AUDIT_H

#include "runlog.h"

#include <akashi/error.h>

#include <jansson.h>
#include <stdint.h>

/* Where the entries of an order came to stand. */
struct ak_audited {
    uint64_t entry; /* index of the event */
    uint64_t head;  /* commitment: the size that ends in the state entry behind it. 0: an opening */
};

/* Carries out an order, on a log that is open: `commitment` (64 hexadecimal digits) with, if given,
 * `first` and `end` (decimal strings) and `population` (64 digits); or `nonce` (32 to 128 digits).
 * A commitment is followed by a state entry at once. AK_EUSAGE for what is not of this form,
 * AK_EBUSY if the log has no room for it now. The entries are taken, not yet durable: that they are
 * when the log's size on stable storage is past them. */
enum ak_code ak_audit_take(struct ak_runlog *log, const json_t *order, struct ak_audited *audited,
                           struct ak_error *err);

#endif
