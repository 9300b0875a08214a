/* ended.h - what is known of a log that goes on no more: what is in the store of it, and what its
 * keys signed last. Only looks. */
#ifndef AK_ENDED_H
#define AK_ENDED_H

#include "store.h"

#include <akashi/epoch.h>
#include <akashi/error.h>
#include <akashi/succession.h>

#include <stdbool.h>

struct ak_log_tree;

/* The first four are the caller's; zero the rest. Given back with ak_ended_free. */
struct ak_ended {
    const struct ak_store *store;
    const char *path; /* of the store */
    const char *log;  /* its name there */
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_log_tree *tree;
    struct ak_epoch_note start; /* its first entry: names origin, keys and number of epochs */
    struct ak_succession said;  /* all members but `reason`; `known` too */
    char *note[AK_SUCCESSION_NOTES_MAX]; /* what `said.note` borrows from */
};

/* Reads start, size and root, checkpoints beside the log, state beside the keys. AK_EINTEGRITY if
 * the log is so damaged that no root can be computed. */
enum ak_code ak_ended_read(struct ak_ended *e, struct ak_error *err);

/* Adds a checkpoint of it from a file elsewhere; AK_EUSAGE if its key has not signed it. */
enum ak_code ak_ended_add(struct ak_ended *e, const char *file, struct ak_error *err);

/* Whether its log key lies in a token or a credential (keys_source.h). */
bool ak_ended_key_is_elsewhere(const struct ak_ended *e);

/* Whether it could be signed as it is: its keys are there, and nothing newer than it is known.
 * Loads the keys. */
bool ak_ended_can_be_signed(const struct ak_ended *e);

void ak_ended_free(struct ak_ended *e);

#endif
