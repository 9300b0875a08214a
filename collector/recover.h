/* recover.h - what a log's directory says when a process starts (storage-notes R1 to R6).
 *
 * Bounded by what is not sealed yet, never by the length of the log: the newest FOOTER gives the
 * positions of all sources, open segments behind it carry them on, and only what no checkpoint
 * covers is hashed again. Never changes a byte of evidence: it finds the last good MARK, says what
 * lies behind it, and the caller goes on in a new segment. */
#ifndef AK_RECOVER_H
#define AK_RECOVER_H

#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include "positions.h"
#include "torn.h"

#include <stdbool.h>
#include <stdint.h>

#define AK_TORN_MAX 64 /* more unclean files than this at one start: refused, look at the disk */

struct ak_recovered {
    struct ak_range range;   /* [0, size): go on from here */
    struct ak_range more;    /* [m, size), m = size of ak_keys_signed: what to sign now */
    struct ak_hash previous; /* digest of the newest HEADER */
    uint64_t claim;          /* highest claim seen; the new writer takes one more */
    char *note;              /* newest valid checkpoint, or NULL; freed by ak_recovered_free */
    size_t note_len;
    unsigned char *epoch_note; /* payload of the newest kind-4 entry; freed likewise */
    size_t epoch_note_len;
    struct ak_positions positions; /* of all entries that go on; freed likewise */
    struct ak_torn torn[AK_TORN_MAX];
    unsigned torn_count;
};

/* Called for each declared source in order, with the payload of its declaration; NULL if that is
 * lost to damage: then nobody knows any more who it was, but its number stays taken. */
typedef enum ak_code (*ak_recover_source_fn)(void *ctx, uint32_t ordinal, const void *payload,
                                             size_t len, struct ak_error *err);

/* `log_dir_fd` the log's directory; `keys` gives the trusted keys and what was signed last, and is
 * moved on by ak_keys_resume. `on_source` may be NULL.
 *
 * AK_EINTEGRITY if the keys have signed more than, or something else than, the directory holds, or
 * a segment is missing between others: nothing must be written then, and the text says what to do.
 * `out` needs no freeing after a failure. */
struct ak_keys;
enum ak_code ak_recover(int log_dir_fd, const char *origin, struct ak_keys *keys,
                        ak_recover_source_fn on_source, void *ctx, struct ak_recovered *out,
                        struct ak_error *err);
void ak_recovered_free(struct ak_recovered *recovered);

#endif
