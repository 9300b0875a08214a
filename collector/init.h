/* init.h - `akashi-collector init`: makes store, log and keys, and the log's first segment.
 *
 * After it the log holds entry 0 (the start note of epoch 0), durable and signed, so that even a
 * log that never received anything verifies. */
#ifndef AK_INIT_H
#define AK_INIT_H

#include <akashi/error.h>
#include <akashi/note.h>

#include <stdint.h>

struct ak_init_options {
    const char *store;  /* made if it is not there, mode 0700 */
    const char *log;    /* [a-z0-9-]{1,63} */
    const char *origin; /* the name in the origin, without the digest */
    uint32_t epochs;    /* AK_EPOCHS_DEFAULT */
};

/* Refuses (AK_EEXIST) a log name or origin that is in the store already. Gives the vkey. */
enum ak_code ak_init_log(const struct ak_init_options *options, struct ak_vkey *vkey,
                         struct ak_error *err);

/* Finds log `name` in an existing store (file `names`): its id (32 hex digits and NUL). */
enum ak_code ak_store_find(int store_fd, const char *name, char id[33], struct ak_error *err);

#endif
