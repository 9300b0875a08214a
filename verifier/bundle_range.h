/* bundle_range.h - the range that a bundle is to be complete for, entry by entry. */
#ifndef AK_BUNDLE_RANGE_H
#define AK_BUNDLE_RANGE_H

#include "bundle_private.h"

/* Decides which range is judged, before the pass. */
void ak_bundle_range_begin(struct ak_bundle_judgement *j);

/* Takes an entry that is shown; `asked`: with its payload, or with a reason why not. Gives whether
 * it lies in the range. */
bool ak_bundle_range_take(struct ak_bundle_judgement *j, uint64_t index,
                          const struct ak_entry *entry, bool asked);

#endif
