/* cosign_client.h - asks the witnesses of a log's policy to cosign what it published, and keeps
 * what they say (C2SP tlog-witness, add-checkpoint).
 *
 * Every `interval` the newest published checkpoint goes to each witness that has not cosigned it,
 * and the last one of an epoch at once. Nothing waits for an answer: no acknowledgement, no commit,
 * no other witness. What fails is tried again after a growing time. All of it belongs to the loop.
 *
 * A witness's own way:
 *     IDLE -> LEARNING (its size is not the one that ranges are at hand for: the log's files are
 *     read in the pool) -> ASKING (a POST) -> IDLE. */
#ifndef AK_COSIGN_CLIENT_H
#define AK_COSIGN_CLIENT_H

#include "config.h"

#include <akashi/tree.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ak_cosign_client;
struct ak_runlog;

/* Whether the policies of a configuration can be used, for check-config and before a reload. The
 * error names the file, the line and the remedy. */
enum ak_code ak_cosign_check(const struct ak_config *config, struct ak_error *err);

/* Begins, changes or ends the client of a log as its settings say; the server's `http` is there.
 * On failure all stays as it was. */
enum ak_code ak_cosign_configure(struct ak_runlog *log, const struct ak_config_log *config,
                                 struct ak_error *err);

/* A checkpoint was published (signer.h). */
void ak_cosign_published(struct ak_runlog *log, const char *note, size_t len,
                         const struct ak_range *more);

/* The epoch ends with the checkpoint of this size: if it was published, it is asked about at
 * once. */
void ak_cosign_epoch_ended(struct ak_runlog *log, uint64_t size);

/* True while the log must not take anything in: witnesses are required, and too few answered for
 * too long. */
bool ak_cosign_gate(const struct ak_runlog *log);

/* What `status` shows: an object, or NULL where no witness is asked. */
json_t *ak_cosign_json(const struct ak_runlog *log);

/* Ends the client; what is under way in the pool is waited for by the loop. */
void ak_cosign_end(struct ak_runlog *log);

#endif
