/* recover.h - what a log's directory says when a process starts (storage-notes R1 to R6).
 *
 * Reads the newest open segment only, never the whole log. Never changes a byte of evidence: it
 * finds the last good MARK, says what lies behind it, and the caller goes on in a new segment. */
#ifndef AK_RECOVER_H
#define AK_RECOVER_H

#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include "torn.h"

#include <stdbool.h>
#include <stdint.h>

/* Position of one ordinal (format.md 6.7). */
struct ak_position {
    uint64_t next_seq;
    uint64_t last_index;
    uint64_t last_received;
    uint64_t declared; /* index of its declaration */
};

#define AK_TORN_MAX 64 /* more unclean files than this at one start: refused, look at the disk */

struct ak_recovered {
    struct ak_range range;   /* [0, size): go on from here */
    struct ak_range more;    /* [m, size), m = size of ak_keys_signed: what to sign now */
    struct ak_hash previous; /* digest of the newest HEADER */
    uint64_t claim;          /* highest claim seen; the new writer takes one more */
    uint16_t clock_run;      /* of the last entry */
    uint64_t received;       /* of the last entry */
    char *note;              /* newest valid checkpoint, or NULL; freed by ak_recovered_free */
    size_t note_len;
    unsigned char *epoch_note; /* payload of the newest kind-4 entry; freed likewise */
    size_t epoch_note_len;
    struct ak_position *positions; /* 256 + sources of them; freed likewise */
    uint32_t sources;
    struct ak_torn torn[AK_TORN_MAX];
    unsigned torn_count;
    bool clean; /* the last process stopped in order */
};

/* Called for each declared source in order, with the payload of its declaration. */
typedef enum ak_code (*ak_recover_source_fn)(void *ctx, uint32_t ordinal, const void *payload,
                                             size_t len, struct ak_error *err);

/* `log_dir_fd` the log's directory; `keys` gives the trusted keys and what was signed last, and is
 * moved on by ak_keys_resume. `on_source` may be NULL. */
struct ak_keys;
enum ak_code ak_recover(int log_dir_fd, const char *origin, struct ak_keys *keys,
                        ak_recover_source_fn on_source, void *ctx, struct ak_recovered *out,
                        struct ak_error *err);
void ak_recovered_free(struct ak_recovered *recovered);

#endif
