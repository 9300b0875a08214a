/* init.h - `akashi-collector init`: makes store, log and keys, and the log's first segment.
 *
 * After it the log holds entry 0 (the start note of epoch 0), durable and signed, so that even a
 * log that never received anything verifies. The line in `names` is written last: what has none is
 * an init that did not end, and the next one says so. */
#ifndef AK_INIT_H
#define AK_INIT_H

#include "store.h"

#include <akashi/error.h>
#include <akashi/note.h>

#include <stdint.h>

struct ak_init_options {
    const char *store;  /* made if it is not there, mode 0700 */
    const char *log;    /* [a-z0-9-]{1,63} */
    const char *origin; /* the name in the origin, without the digest */
    uint32_t epochs;    /* AK_EPOCHS_DEFAULT */
    const char *source; /* of the log key (keys_source.h), or NULL: made */
    /* NULL: random. Else 96 bytes that all that is random is made of (seeds of log and epoch 0, key
     * of group 0): a log whose bytes are known before, for tests. Never for real logs. */
    const unsigned char *seed;
};
#define AK_INIT_SEED_BYTES 96u

/* A log that goes on from another one (docs/format.md 10.7). */
struct ak_init_successor {
    const void *event; /* payload of its entry 1 */
    size_t event_len;
    const char *old;        /* id of the log before it */
    const uint8_t *old_key; /* public half of its log key: AK_EKEY if the successor's is the same */
    const char *cause;      /* why that could not be signed; one line */
};

/* Refuses (AK_EEXIST) a log name or origin that is in the store already, or a store with the rest
 * of an init that did not end. Gives the vkey. */
enum ak_code ak_init_log(const struct ak_init_options *options, struct ak_vkey *vkey,
                         struct ak_error *err);

/* Makes the successor of `options->log` in a store that is open: it waits (successor_mark.h), its
 * line in `names` is that of ak_store_next_name, and nothing of it is signed. Nothing of the log
 * before it is changed. Gives its id. */
enum ak_code ak_init_successor(const struct ak_store *store, const struct ak_init_options *options,
                               const struct ak_init_successor *successor,
                               char id[AK_LOG_ID_CHARS + 1], struct ak_error *err);

#endif
