/* pipeline.h - a log's batches from closed to durable: prepare, commit, release, sign. */
#ifndef AK_PIPELINE_H
#define AK_PIPELINE_H

#include "runlog.h"

/* Closes the filling batch (it must hold something): gives it its indices and group keys, and
 * starts its preparation, or keeps it for the commit itself when nothing else is under way. */
void ak_pipeline_close(struct ak_runlog *log);

/* Starts a commit if one is due and none runs. */
void ak_pipeline_go(struct ak_runlog *log);

/* Starts the job for what is in commit_batches (commit_count may be 0: the waiting note alone). */
void ak_pipeline_start(struct ak_runlog *log);

#endif
