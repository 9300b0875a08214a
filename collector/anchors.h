/* anchors.h - enters what others have signed with a date, so that what follows in the log is shown
 * to have been logged after it (format.md 10.6, R49).
 *
 * All of it belongs to the loop; files are read in the pool. Nothing of a log waits for it. */
#ifndef AK_ANCHORS_H
#define AK_ANCHORS_H

#include "config.h"
#include "runlog.h"

/* What the configuration says of anchors, at start and after a reload. */
void ak_anchors_configure(struct ak_runlog *log, const struct ak_config_log *config);

/* Once a second: looks where it is time to look. */
void ak_anchors_tick(struct ak_runlog *log);

/* Nothing may be under way any more. */
void ak_anchors_free(struct ak_runlog *log);

#endif
