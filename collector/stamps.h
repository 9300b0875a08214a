/* stamps.h - has the checkpoints of a log time-stamped by outside authorities (RFC 3161).
 *
 * All of it belongs to the loop; judging an answer and writing files runs in the pool. Nothing of
 * a log waits for it. */
#ifndef AK_STAMPS_H
#define AK_STAMPS_H

#include "config.h"
#include "runlog.h"

#include <jansson.h>

/* What the configuration says of stamps, at start and after a reload. What is under way is ended
 * with its old settings. A certificate file that cannot be used is told, and nothing is asked. */
void ak_stamps_configure(struct ak_runlog *log, const struct ak_config_log *config);

/* A checkpoint was published (signer.h, on_published). `note` is borrowed for the call. */
void ak_stamps_published(struct ak_runlog *log, const char *note, size_t len, uint64_t size);

/* The epoch of the checkpoint that was published last has ended: it is stamped now. */
void ak_stamps_epoch_ended(struct ak_runlog *log);

/* Once a second: asks whom it is time to ask. */
void ak_stamps_tick(struct ak_runlog *log);

/* For the status: an array with one object for each authority; empty without any. NULL without
 * memory. */
json_t *ak_stamps_json(const struct ak_runlog *log);

/* Nothing may be under way any more. */
void ak_stamps_free(struct ak_runlog *log);

#endif
