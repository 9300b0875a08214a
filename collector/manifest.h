/* manifest.h - the loop's side of sealing: which segment is handed to the sealer, the manifest that
 * speaks of it, and when its open file may go. Loop thread only. */
#ifndef AK_MANIFEST_H
#define AK_MANIFEST_H

#include "runlog.h"
#include "seal.h"

/* Adds the log to the sealer, which then finds what earlier processes left. Without memory nothing
 * of this log is sealed until the next start, and that is said. */
void ak_manifest_begin(struct ak_runlog *log, const struct ak_vkey *log_key);
void ak_manifest_end(struct ak_runlog *log);

/* Writes the manifest of a sealed segment. */
void ak_manifest_write(struct ak_runlog *log, const struct ak_sealed *sealed);

/* A commit went to a new segment that begins at `next`: the one before is not written any more. */
void ak_manifest_rolled(struct ak_runlog *log, uint64_t next);

/* After each commit or note: what waited to be signed is sealed, and open files whose manifest is
 * durable go. */
void ak_manifest_durable(struct ak_runlog *log);

/* Once a second: what could not be sealed for a passing reason is offered again. */
void ak_manifest_tick(struct ak_runlog *log);

/* An orderly stop: the last segment is sealed, without a manifest. */
void ak_manifest_last(struct ak_runlog *log);

#endif
